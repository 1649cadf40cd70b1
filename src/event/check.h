/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry of checks: one table. Docs and `turncoat explain` are made from it. A check that is
 * not in it cannot fire (trn_finding_init takes the entry). indicator.* share entries by kind.
 */
#ifndef TRN_EVENT_CHECK_H
#define TRN_EVENT_CHECK_H

#include "event/types.h"

#define TRN_CHECK_MANY_EXCEPTIONS "exceptions.many"
/* The version of ATT&CK that the ids of this table, and so of findings and stories, are of. */
#define TRN_ATTACK_VERSION "17"

struct trn_check {
    const char *id;    /* "behaviour.second-stage" */
    const char *title; /* a few words */
    uint16_t score;    /* 0-100: weight of one finding where nothing else is known */
    enum trn_stage stage;
    const char *attack[4];    /* ATT&CK technique ids, NULL ends */
    const char *means;        /* what it says, two or three sentences */
    const char *false_alarms; /* when it fires on harmless software */
};

const struct trn_check *trn_checks(size_t *ret_count);
const struct trn_check *trn_check_find(struct trn_str id); /* NULL when unknown */
/* ATT&CK renames: what an id of TRN_ATTACK_VERSION or before is called in a later version that content may already use
 * (v19 split Defense Evasion); NULL when it kept its name. For who compares our ids with another's. */
const char *trn_attack_renamed(struct trn_str id);

#endif
