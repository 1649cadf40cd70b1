/* SPDX-License-Identifier: Apache-2.0 */
/* Between turncoatd.c (start, loop, end) and siblings.c (the other processes). */
#ifndef TRN_DAEMON_TURNCOATD_H
#define TRN_DAEMON_TURNCOATD_H

#include "daemon/orders.h"

#include <pthread.h>

#define MAX_INDICATOR_FILES 64

struct sibling {
    pid_t pid; /* 0: none */
    int pidfd;
    uint64_t started_ns, ended_ns;
    uint32_t failures; /* times in a row that it ended soon: each doubles the pause before the next */
};

struct trn_daemon {
    struct trn_place place;
    const char *scope, *indicator_dir;
    bool no_files;
    uint32_t share;      /* records a second that one process may make */
    uint32_t one_by_one; /* connections a second to the same place that are told one by one */
    struct trn_sensor *sensor;
    struct trn_fanotify *files;
    char files_why[200];   /* why there are none, where there should be */
    struct trn_held *held; /* processes that are stopped on our account; shared with the guard */
    uint32_t own[4];       /* itself and its siblings, as those who must know were told */
    struct trn_filters *filters;
    struct trn_proc_events *proc_events;
    char *indicators[MAX_INDICATOR_FILES];
    uint32_t n_indicators;
    struct sibling guard, engine, inspect;
    int beat_fd, jobs_fds[2], results_fds[2], listen_fd, signal_fd, mounts_fd;
    int control_fd;
    int views_fds[2]; /* a pipe: pids, from the opener's thread to the main one */
    struct trn_record_pipe *records;
    struct trn_opener *opener;
    struct trn_orders *orders; /* of this engine; respond_lock: while it is exchanged or used by others */
    pthread_mutex_t respond_lock;
    struct trn_gate *gate; /* NULL: refused here; so the next two */
    struct trn_blocker *blocker;
    struct trn_sensor_hook protect_hook; /* whether the policy's protect-mounts are; without a name: it has none */
    struct trn_cut *cut;
    struct trn_shield *shield;
    uint32_t judge_pid, judge_new_pid; /* the blocker's turncoat-inspect; new: started by a thread of it */
    struct trn_executor *executor;     /* NULL: executor_why */
    char executor_why[400];
    const char *policy_path;
    bool policy_named;         /* on the command line: then it must be there */
    struct trn_policy *policy; /* of now; policy_lock, for it is asked from other threads */
    pthread_mutex_t policy_lock;
    struct trn_vital *vital;                   /* what the policy adds to the vital list */
    struct trn_policy_reading *policy_reading; /* after SIGHUP; NULL: none */
    bool executor_stopped;                     /* atomic */
    bool hands_left;           /* a thread of theirs still runs at the end: what it may use is not freed */
    int response_fd, scope_fd; /* STATE/response; the scope's folder, -1: none */
    uint32_t restarts;
    unsigned dropped;
    uint64_t files_ns, beat_ns; /* when files were read, when the guard heard of us */
    uint64_t health_ns, last_health_hash;
    bool stopping;
    int exit_code;
};

void trn_daemon_say(const char *what, const struct trn_err *err);
bool trn_daemon_beat(struct trn_daemon *d); /* for the guard, often enough and not oftener. False: its end is closed */
void trn_daemon_send_health(struct trn_daemon *d); /* to the engine, when it changed */

int trn_engine_start(struct trn_daemon *d, struct trn_err *err) TRN_MUST_CHECK;
int trn_inspect_start(struct trn_daemon *d, struct trn_err *err) TRN_MUST_CHECK;
int trn_guard_start(struct trn_daemon *d, struct trn_err *err) TRN_MUST_CHECK;
void trn_sibling_end(struct sibling *s); /* kills it, and waits for it */

/* hands.c: what turncoatd can do about a threat */
void trn_hands_start(struct trn_daemon *d); /* what cannot be done is said; never fails */
void trn_hands_rules(struct trn_daemon *d); /* the policy changed */
void trn_hands_quiet(struct trn_daemon *d); /* no more acts; what must not outlive us is taken back */
void trn_hands_stop(struct trn_daemon *d);
bool trn_hands_may_hold(const struct trn_daemon *d); /* somebody may wait for us: the guard must be impatient */
bool trn_hands_stuck(const struct trn_daemon *d);    /* somebody waits in vain: no heartbeat */
void trn_hands_own(struct trn_daemon *d);            /* who our siblings are now */
void trn_hands_answers(const struct trn_daemon *d, struct trn_health_answers *ret);
/* tools.c: what acts work with */
void trn_tools_open(struct trn_daemon *d);
void trn_tools_rules(struct trn_daemon *d); /* as the policy of now says */
void trn_tools_tick(struct trn_daemon *d);
void trn_tools_close(struct trn_daemon *d);
void trn_tools_judged(void *ctx, const struct trn_judged *j);

/* rules.c: the policy of now */
int trn_rules_start(struct trn_daemon *d, struct trn_err *err) TRN_MUST_CHECK;
void trn_rules_stop(struct trn_daemon *d);
void trn_rules_again(struct trn_daemon *d); /* SIGHUP: begins to read the file again */
void trn_rules_step(struct trn_daemon *d);  /* its reading goes on; a bad one is kept out, and that is said */
void trn_rules_tell(struct trn_daemon *d);  /* to the engine */
int trn_rules_allow(void *ctx, const struct trn_act_request *q, struct trn_err *err) TRN_MUST_CHECK;
bool trn_rules_may_refuse(struct trn_daemon *d); /* may the engine refuse a new program? */

/* Takes over acts[0] and respond[0] (then -1). */
int trn_daemon_orders(struct trn_daemon *d, int acts[2], int respond[2], struct trn_err *err) TRN_MUST_CHECK;
void trn_daemon_orders_stop(struct trn_daemon *d);

/* Each round: one that ended, or could not be started, is started after a pause. */
void trn_engine_watch(struct trn_daemon *d, bool ended);
void trn_inspect_watch(struct trn_daemon *d, bool ended);
void trn_guard_watch(struct trn_daemon *d, bool ended);

#endif
