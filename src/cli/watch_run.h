/* SPDX-License-Identifier: Apache-2.0 */
/* 'turncoat watch -- COMMAND', and the private daemon and cgroup it needs. */
#ifndef TRN_CLI_WATCH_RUN_H
#define TRN_CLI_WATCH_RUN_H

#include "cli/cli.h"

#include <sys/types.h>

int trn_watch_run(struct trn_cli *cli); /* returns the exit code */

/* ---- scope.c: a cgroup v2 folder of our own ---- */
struct trn_watch_scope {
    char path[512];   /* the folder; empty: none */
    char parent[512]; /* where what is still alive goes at the end */
};
int trn_scope_make(struct trn_watch_scope *s, struct trn_err *err) TRN_MUST_CHECK;
/* Below an existing cgroup instead of our own one. */
int trn_scope_make_in(struct trn_watch_scope *s, const char *parent, struct trn_err *err) TRN_MUST_CHECK;
/* The calling process moves itself; for the child before it executes the command. 0 or -errno. */
int trn_scope_enter(const struct trn_watch_scope *s) TRN_MUST_CHECK;
/* Hands processes that are left back to the parent and removes the folder. Returns how many were left. */
unsigned trn_scope_remove(struct trn_watch_scope *s);

/* ---- private_daemon.c: a turncoatd that lives as long as the observation ---- */
struct trn_private_daemon {
    pid_t pid;      /* 0: none */
    bool temporary; /* state is ours to remove */
    char base[128]; /* temporary folder around the state */
    char state[512];
    char log[560];
};
/* state: NULL for a temporary one. Waits until the daemon is ready. */
int trn_private_daemon_start(struct trn_cli *cli, const char *scope, const char *state, struct trn_private_daemon *d,
                             struct trn_err *err) TRN_MUST_CHECK;
void trn_private_daemon_stop(struct trn_private_daemon *d);

#endif
