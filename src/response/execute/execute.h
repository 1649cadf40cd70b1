/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hands: linked into turncoatd only. An act comes in as a typed request (channel/act.h), is checked again here (who
 * asks, vital processes, rates, that each process and file is still what the engine meant), is written into the journal,
 * carried out, tried, and taken back when its time is over.
 *
 *   requested --plan--> done --act--> seen / not-seen --check--> undone / expired / withdrawn --undo-->
 *
 * Each act is one file with one struct trn_act_ops. All ops run in the executor's own thread (slow ones in a second
 * thread): never in the main thread of turncoatd, never in one that answers the kernel.
 */
#ifndef TRN_RESPONSE_EXECUTE_EXECUTE_H
#define TRN_RESPONSE_EXECUTE_EXECUTE_H

#include "channel/channel.h"
#include "sensor/sensor.h"

#include <sys/types.h>

struct trn_executor;
struct trn_cut;
struct trn_gate;
struct trn_held;
struct trn_blocker; /* block.c: rules, questions and verdicts of "block" */

#define TRN_ACT_KEEP_MAX 4096u /* bytes that an act keeps in the journal, to be undone by after a restart */
#define TRN_ACT_TEXT_MAX 1000u
#define TRN_VITAL_PATH 256u /* bytes, with the NUL */
#define TRN_VITAL_MAX 64u

/* What the acts work with; everything borrowed, set once before the first request. NULL: not there on this machine. */
struct trn_act_tools {
    struct trn_sensor *sensor;
    struct trn_gate *gate;
    struct trn_held *held;
    struct trn_cut *cut;
    struct trn_blocker *blocker;
    const char *state_dir;     /* absolute */
    int response_fd;           /* STATE/response: root's own folder, 0750, for journal and vault */
    const char *scope_cgroup;  /* NULL: the whole machine */
    int scope_fd;              /* that folder, -1 */
    uint32_t own[4];           /* turncoatd and its siblings: vital */
    struct trn_vital *vital;   /* what the policy adds; NULL: nothing */
    struct trn_shield *shield; /* sensitive files; its heartbeat: trn_shield_is_open, trn_shield_stuck */
};

/* One action, alive from its request to its end. Owned by the executor. */
struct trn_act {
    uint64_t id;
    struct trn_act_request q; /* deep copy in the arena */
    struct trn_arena *arena;
    struct trn_str keep; /* in the arena: what undo needs after a restart; at most TRN_ACT_KEEP_MAX bytes */
    void *live;          /* of the act's file: what lives only as long as turncoatd does; freed by ops->done */
    enum trn_action_state state;
    uint64_t until_wall_ns; /* 0: no end */
    bool resumed;           /* from the journal, after a restart */
};

struct trn_act_ops {
    enum trn_respond kind;
    bool slow;     /* may take seconds: runs in the second thread */
    bool survives; /* is resumed after a restart of turncoatd; otherwise it is withdrawn when turncoatd stops */
    /* Looks, changes nothing: lines of what would be done, for people; refuses what cannot or must not be. */
    int (*plan)(const struct trn_act_tools *t, const struct trn_act_request *q, struct trn_buf *ret_plan,
                struct trn_err *err);
    /* Carries it out, wholly or not at all. Sets a->keep and a->live. seen: one sentence of what was done. */
    int (*act)(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *ret_did, struct trn_err *err);
    /* Tries the thing, or looks for its effect. 0: holds (one sentence); -EAGAIN: ask again in 100 ms (for at most
     * 5 s); another error: it did not take, err says how that shows. */
    int (*check)(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *ret_seen, struct trn_err *err);
    /* Takes it back; NULL: cannot be. May be called again after it failed. */
    int (*undo)(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *ret_did, struct trn_err *err);
    /* CONFIRM; NULL: there is nothing to confirm. May change a->until_wall_ns. */
    int (*confirm)(const struct trn_act_tools *t, struct trn_act *a, struct trn_err *err);
    /* After a restart, survives only: makes it hold again from q and keep. NULL: as act. */
    int (*resume)(const struct trn_act_tools *t, struct trn_act *a, struct trn_err *err);
    void (*done)(struct trn_act *a); /* frees a->live; changes nothing on the machine. NULL: nothing to free */
};

/* ---- the acts, one file each ---- */
extern const struct trn_act_ops trn_act_block;      /* block.c */
extern const struct trn_act_ops trn_act_hold;       /* hold.c */
extern const struct trn_act_ops trn_act_kill;       /* kill.c */
extern const struct trn_act_ops trn_act_isolate;    /* isolate.c */
extern const struct trn_act_ops trn_act_shield;     /* shield.c */
extern const struct trn_act_ops trn_act_quarantine; /* quarantine.c */
extern const struct trn_act_ops trn_act_host;       /* host.c: isolate host */
extern const struct trn_act_ops trn_act_remove;     /* package.c */
extern const struct trn_act_ops trn_act_rollback;   /* package.c */

/* ---- vital.c: what is never held, killed, blocked, quarantined or isolated, whoever asks ---- */
/* By what it is (pid 1, our own, the program's device and inode, kernel threads), never by how it is named. 0 or -EPERM. */
struct trn_vital; /* what the policy adds to the list that is built in; may change while it is read */
struct trn_vital *trn_vital_new(void) TRN_MUST_CHECK;
struct trn_vital *trn_vital_free(struct trn_vital *v); /* takes NULL */
void trn_vital_set(struct trn_vital *v, const char (*paths)[TRN_VITAL_PATH], uint32_t n);

int trn_vital_process(const struct trn_act_tools *t, uint32_t pid, struct trn_err *err) TRN_MUST_CHECK;
int trn_vital_file(const struct trn_act_tools *t, int fd, const char *path, struct trn_err *err) TRN_MUST_CHECK;

/* ---- process.c: a process that is still the one that was meant ---- */
/* pidfd, checked: start time as /proc tells it (ticks) fits start_boot_ns, in scope, not vital. -ESRCH: gone. */
int trn_process_open(const struct trn_act_tools *t, const struct trn_act_process *p, struct trn_err *err)
    TRN_MUST_CHECK;
/* The children of a process now, as (pid, start); at most max. */
int trn_process_children(uint32_t pid, struct trn_act_process *ret, uint32_t max, uint32_t *ret_n) TRN_MUST_CHECK;

/* ---- executor.c ---- */
struct trn_executor_options {
    size_t sz;
    struct trn_act_tools tools;
    gid_t respond_gid;     /* (gid_t)-1: only root may act */
    int listen_fd;         /* the local socket, of which those who ask are clients */
    gid_t look_gid;        /* may read the journal; (gid_t)-1: only root */
    bool survive;          /* what can survive a stop of turncoatd does; otherwise all is withdrawn at its stop */
    uint32_t acts_minute;  /* at most so many a minute, by whomever; 0: 60 */
    uint32_t kills_minute; /* of these, by policy: hold, kill, quarantine, remove, rollback; 0: 20 */
    /* Whether the policy wants this (a request without a client); from any thread. NULL: it wants nothing. */
    int (*allowed)(void *ctx, const struct trn_act_request *q, struct trn_err *err);
    /* Told once about every step, encoded RESPONSE event; under the executor's lock: must not wait, nor call back. */
    void (*tell)(void *ctx, struct trn_str event);
    void *ctx;
};
/* Reads the journal, resumes what survives, starts the threads. */
int trn_executor_new(const struct trn_executor_options *o, struct trn_executor **ret, struct trn_err *err)
    TRN_MUST_CHECK;
/* Takes no more requests, ends what is being carried out, withdraws what does not survive. May take as long as an act. */
void trn_executor_stop(struct trn_executor *x);
/* Stops it, if that is not done. Takes NULL. */
struct trn_executor *trn_executor_free(struct trn_executor *x);
/* One request of a client (its socket, borrowed) or, -1, by policy. Answers at once: refused, or the number under which
 * it is being carried out. From any thread. plan: lines. */
int trn_executor_submit(struct trn_executor *x, const struct trn_act_request *q, int client, uint64_t *ret_id,
                        struct trn_buf *ret_plan, struct trn_err *err) TRN_MUST_CHECK;
/* turncoatd and its siblings as they are now: vital. */
void trn_executor_own(struct trn_executor *x, const uint32_t own[4]);
/* As in the options, when the policy changed. */
void trn_executor_limits(struct trn_executor *x, uint32_t acts_minute, uint32_t kills_minute, bool survive);
/* All actions that are not over, to a new engine. */
void trn_executor_tell_all(struct trn_executor *x);

/* ---- blocker.c: it needs what stands above ---- */
#include "response/execute/blocker.h"

#endif
