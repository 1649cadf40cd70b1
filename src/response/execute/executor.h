/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the room only: what executor.c (requests, threads), steps.c (one action's life) and record.c (journal) share. */
#ifndef TRN_RESPONSE_EXECUTE_EXECUTOR_H
#define TRN_RESPONSE_EXECUTE_EXECUTOR_H

#include "response/execute/acts.h"

#include <pthread.h>

#define TRN_ACTIONS_MAX 1024u /* that are not over */

enum trn_order { TRN_ORDER_NONE, TRN_ORDER_ACT, TRN_ORDER_CHECK, TRN_ORDER_UNDO, TRN_ORDER_CONFIRM };

/* An action in the list. Its act is touched by the thread that works on it only; the rest under the lock. */
struct trn_row {
    struct trn_act a;
    const struct trn_act_ops *ops;
    uint32_t uid, pid; /* who asked; TRN_NO_U32: the policy */
    uint64_t asked_boot_ns;
    uint64_t until_boot_ns;        /* 0: no end */
    enum trn_order next;           /* what its thread is to do; NONE: nothing before until_boot_ns */
    uint64_t due_boot_ns;          /* not before */
    uint64_t check_until_boot_ns;  /* after that an effect that is not seen is none */
    enum trn_action_state undo_as; /* UNDONE, EXPIRED or WITHDRAWN */
    uint32_t undo_uid, undo_pid;   /* who ordered that */
    unsigned undo_tries;           /* that failed when its time was over */
    bool busy;                     /* its thread works on it now */
    bool over;                     /* to be taken off the list */
};

struct trn_rate {
    uint64_t minute_ns;
    uint32_t n;
};

struct trn_executor {
    struct trn_executor_options o;
    struct trn_peer_rule peers;
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t work;  /* CLOCK_MONOTONIC */
    pthread_t threads[2]; /* quick acts, slow acts */
    unsigned n_threads;
    bool stop;
    struct trn_row *rows[TRN_ACTIONS_MAX];
    uint32_t n;
    uint64_t last_id;
    struct trn_rate people, orders, policy, harsh;
    int journal_fd;
    uint64_t records;
    uint8_t head[TRN_SHA256_SIZE];
    bool unsynced;
    char journal_why[200]; /* why it cannot be written; "": it can */
};

struct trn_row *trn_row_new(const struct trn_act_request *q, const struct trn_act_ops *ops) TRN_MUST_CHECK;
struct trn_row *trn_row_free(struct trn_row *row); /* takes NULL */

/* steps.c: the next step of one action, without the lock; takes it to write down how it went. */
void trn_step(struct trn_executor *x, struct trn_row *row);

/* record.c; with the lock */
int trn_journal_open(struct trn_executor *x, struct trn_err *err) TRN_MUST_CHECK;
/* Puts what is not over on the list: to be resumed, or to be written down as ended. */
int trn_journal_recall(struct trn_executor *x, struct trn_err *err) TRN_MUST_CHECK;
/* One step into the journal and to the engine. uid, pid: who is behind this step. -EIO: not written, and that is said. */
int trn_journal_step(struct trn_executor *x, struct trn_row *row, enum trn_action_state state, struct trn_str text,
                     uint32_t uid, uint32_t pid) TRN_MUST_CHECK;
void trn_journal_tell(struct trn_executor *x, const struct trn_row *row); /* its present state, to a new engine */
void trn_journal_sync(struct trn_executor *x);

#endif
