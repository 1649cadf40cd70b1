/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words of response: what can be done, to what, and how far it is. turncoatd, engine and command line share them.
 * An action has a number of its own, given by turncoatd, never used again in the same state folder.
 */
#ifndef TRN_EVENT_ACT_H
#define TRN_EVENT_ACT_H

#include "base/base.h"

enum trn_respond {
    TRN_RESPOND_BLOCK = 1,  /* a content, path or software from starting and from being loaded */
    TRN_RESPOND_HOLD,       /* processes: stopped, to look before deciding; its undo is "continue" */
    TRN_RESPOND_KILL,       /* a tree of processes; cannot be undone */
    TRN_RESPOND_ISOLATE,    /* one software from the network */
    TRN_RESPOND_SHIELD,     /* browser stores, keys and other sensitive files from one software */
    TRN_RESPOND_QUARANTINE, /* a file, into the vault; its undo is "restore" */
    TRN_RESPOND_ISOLATE_HOST,
    TRN_RESPOND_REMOVE,    /* a package, and hold it */
    TRN_RESPOND_ROLLBACK,  /* a package, to an earlier version */
    TRN_RESPOND_KINDS,     /* above: actions; below: orders about one */
    TRN_RESPOND_UNDO = 32, /* by number, or by act and target */
    TRN_RESPOND_CONFIRM,   /* isolate host stays; by number */
    TRN_RESPOND_MAX,
};

enum trn_target {
    TRN_TARGET_NONE = 0, /* isolate host */
    TRN_TARGET_SHA256,   /* hex */
    TRN_TARGET_BUILD_ID, /* hex */
    TRN_TARGET_PATH,
    TRN_TARGET_SOFTWARE, /* NAME or NAME=VERSION */
    TRN_TARGET_ENTITY,   /* hex; never a bare pid */
    TRN_TARGET_MAX,
};

enum trn_action_state {
    TRN_ACTION_REQUESTED = 1,
    TRN_ACTION_DONE,      /* carried out, its effect not yet seen */
    TRN_ACTION_SEEN,      /* seen to hold */
    TRN_ACTION_NOT_SEEN,  /* carried out, and did not take: said loudly */
    TRN_ACTION_FAILED,    /* not carried out; nothing is half done */
    TRN_ACTION_UNDONE,    /* by an order */
    TRN_ACTION_EXPIRED,   /* its time was over, and it was taken back */
    TRN_ACTION_WITHDRAWN, /* turncoatd stopped, and it is not one that survives */
    TRN_ACTION_MAX,
};

const char *trn_respond_name(enum trn_respond r); /* "block", "isolate-host"; never NULL */
const char *trn_target_name(enum trn_target t);
const char *trn_action_state_name(enum trn_action_state s); /* "requested", "seen" */
bool trn_action_state_is_over(enum trn_action_state s);     /* FAILED, UNDONE, EXPIRED, WITHDRAWN */
int trn_respond_parse(struct trn_str s, enum trn_respond *ret) TRN_MUST_CHECK;
int trn_target_parse(struct trn_str s, enum trn_target *ret) TRN_MUST_CHECK;
bool trn_respond_takes(enum trn_respond r, enum trn_target t); /* that act can be about such a target */

/* Seconds that an action holds when nobody says how long; 0: it has no end (kill, remove, rollback, quarantine). */
uint64_t trn_respond_default_sec(enum trn_respond r);
#define TRN_RESPOND_MAX_SEC (366u * 86400u)
#define TRN_RESPOND_WHY_MAX 200u

#endif
