/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 'turncoat status --self-test': each act in a scratch place, each with the event it must give.
 * Acts run in a process of their own (the tester) that writes what it did into shared memory; the
 * caller reads the subscription and compares.
 */
#ifndef TRN_CLI_SELFTEST_H
#define TRN_CLI_SELFTEST_H

#include "cli/cli.h"

#include <jansson.h>
#include <sys/types.h>

int trn_selftest(struct trn_cli *cli, const json_t *status); /* returns the exit code */

#define TRN_ACT_PIDS 64

struct trn_scratch { /* shared by tester and caller */
    char dir[128];   /* temporary folder */
    char home[128];  /* scratch home with a fake browser profile; empty: none could be made */
    char marker[48]; /* a text no other program uses: in file names and in the DNS question */
    uint32_t port;   /* of the loopback listener, 0 before */
    volatile uint32_t n_pids;
    volatile pid_t pids[TRN_ACT_PIDS]; /* the tester and what it started */
    struct {
        volatile uint64_t at_ns; /* monotonic, when it began; 0: not yet */
        volatile int code;       /* 0, or why it could not be done */
        volatile bool seen;      /* the caller has its event */
    } done[32];
};

struct trn_selftest_act {
    const char *name;
    const char *hook;                  /* what its hooks' names begin with, to explain an absence */
    int (*act)(struct trn_scratch *s); /* in the tester: 0; negative errno; -EOPNOTSUPP: cannot be tried here */
    bool (*seen)(const struct trn_scratch *s, const struct trn_event *ev);
    unsigned wait_ms; /* at most, until it is seen: the next act takes away what the daemon looks at */
};

/* One table per file of acts. */
extern const struct trn_selftest_act trn_acts_process[], trn_acts_memory[], trn_acts_file[], trn_acts_net[],
    trn_acts_access[];
extern const size_t trn_n_acts_process, trn_n_acts_memory, trn_n_acts_file, trn_n_acts_net, trn_n_acts_access;

/* Adds a process that the tester started. */
void trn_scratch_pid(struct trn_scratch *s, pid_t pid);
/* Forks, registers the child, runs fn(arg) in it and waits; the child's exit code or negative errno. */
int trn_scratch_child(struct trn_scratch *s, int (*fn)(struct trn_scratch *s));
/* Copies this program's own file to an open descriptor. */
int trn_scratch_copy_self(int to);

#endif
