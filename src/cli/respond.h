/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of 'turncoat respond' share: the word that was said, and what it means. */
#ifndef TRN_CLI_RESPOND_H
#define TRN_CLI_RESPOND_H

#include "cli/client.h"
#include "cli/render.h"

#define TRN_RESPOND_HOSTS 64u /* addresses that stay reachable */

struct trn_respond_word { /* "unblock": UNDO of a BLOCK */
    const char *word;
    enum trn_respond act, undo_of; /* undo_of 0: not an order to undo by target */
    bool by_id;                    /* takes a number */
    bool by_target;
};

struct trn_respond_order { /* one call, understood */
    const struct trn_respond_word *word;
    enum trn_respond act, undo_of;
    enum trn_target target;
    uint64_t id, seconds, story, wait_sec;
    struct trn_buf text; /* the target as it is sent, and as the journal says it */
};

/* cmd_respond_target.c: what stands behind the word */
int trn_respond_target(const struct trn_respond_word *w, const char *operand, struct trn_respond_order *o,
                       struct trn_err *err) TRN_MUST_CHECK;
/* "pbx.acme.test:5060", "10.0.0.0/8", "[2001:db8::1]:443": appends objects of address, prefix, port. */
int trn_respond_except(const char *text, json_t *list, struct trn_err *err) TRN_MUST_CHECK;

/* cmd_respond_ask.c: asks, waits until it is seen, says so */
int trn_respond_ask(struct trn_cli *cli, const struct trn_respond_order *o, json_t *except);
/* cmd_respond_list.c: reads the journal; needs no daemon */
int trn_respond_list(struct trn_cli *cli);

#endif
