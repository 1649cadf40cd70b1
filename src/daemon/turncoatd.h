/* SPDX-License-Identifier: Apache-2.0 */
/* Between turncoatd.c (start, loop, end) and siblings.c (the other processes). */
#ifndef TRN_DAEMON_TURNCOATD_H
#define TRN_DAEMON_TURNCOATD_H

#include "daemon/daemon.h"

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
    char files_why[200];               /* why there are none, where there should be */
    struct trn_permission *permission; /* asks for nothing until something is watched; nothing is yet */
    uint32_t own[3];                   /* siblings that it knows */
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
    uint32_t restarts;
    unsigned dropped;
    uint64_t files_ns, beat_ns; /* when files were read, when the guard heard of us */
    uint64_t health_ns, last_health_hash;
    bool stopping;
};

void trn_daemon_say(const char *what, const struct trn_err *err);
void trn_daemon_send_health(struct trn_daemon *d); /* to the engine, when it changed */

int trn_engine_start(struct trn_daemon *d, struct trn_err *err) TRN_MUST_CHECK;
int trn_inspect_start(struct trn_daemon *d, struct trn_err *err) TRN_MUST_CHECK;
int trn_guard_start(struct trn_daemon *d, struct trn_err *err) TRN_MUST_CHECK;
void trn_siblings_tell(struct trn_daemon *d); /* who our own are, to the permission group */
void trn_sibling_end(struct sibling *s);      /* kills it, and waits for it */

/* Each round: one that ended, or could not be started, is started after a pause. */
void trn_engine_watch(struct trn_daemon *d, bool ended);
void trn_inspect_watch(struct trn_daemon *d, bool ended);
void trn_guard_watch(struct trn_daemon *d, bool ended);

#endif
