/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a directory of its own, a small recorded history, and counting sinks. */
#ifndef TRN_TEST_STORE_FIXTURE_H
#define TRN_TEST_STORE_FIXTURE_H

#include "store/store.h"

#define NOW (1700000000ull * TRN_NS_PER_SEC)
#define SECOND TRN_NS_PER_SEC

extern char store_dir[];  /* made by store_set_up */
extern char store_path[]; /* store.db in it */
void store_set_up(void);
void store_tear_down(void);                                      /* removes the directory */
struct trn_store *store_open(const struct trn_store_options *o); /* asserts */

/* Event i of the history: exec, connect, dns, file, identity in turn, one a second, ending at NOW. */
void history_event(struct trn_event *ev, unsigned i, unsigned n);
void store_history(struct trn_store *s, unsigned n);

struct lines { /* gathers what a query says */
    unsigned n;
    char first[4096], last[4096];
};
int gather_line(void *ctx, struct trn_str json);

#endif
