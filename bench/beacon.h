/* SPDX-License-Identifier: Apache-2.0 */
/* Made-up traffic of one software to one place, and RITA's score of it. */
#ifndef TRN_BENCH_BEACON_H
#define TRN_BENCH_BEACON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DAY 86400.0

enum host { HOST_ALWAYS, HOST_OFFICE };
enum timer {
    TIMER_SLEEP,   /* counts time awake: stands still while the host sleeps */
    TIMER_OVERDUE, /* next call by the wall clock; one that fell due meanwhile is made when the host comes up */
    TIMER_LOST,    /* next call by the wall clock, which goes on while the host is off; calls due meanwhile are lost */
    TIMER_FIXED, /* fixed times by the wall clock (cron), each with a delay of its own; calls due meanwhile are lost */
    TIMER_MAX,
};
enum kind { KIND_BEACON, KIND_POISSON, KIND_BROWSING };

struct plan {
    enum kind kind;
    enum host host;
    enum timer timer;
    double period;  /* s; of POISSON the mean */
    double jitter;  /* gaps lie within period * (1 +- jitter), uniform but for TIMER_FIXED */
    double missed;  /* share of calls that are not made */
    unsigned burst; /* 1..burst connections a call */
    unsigned days;
};

struct trace {
    double *at; /* s from midnight of the first day, ascending; owned */
    uint32_t *bytes;
    size_t n, cap;
    double (*on)[2]; /* when the host was on; owned */
    size_t n_on;
};

void trace_make(const struct plan *plan, uint64_t seed, struct trace *ret);
void trace_done(struct trace *t);

/* RITA v5 for one day [from, to) of whole seconds; 0 when it asks for more calls. parts: TS, DS, HIST, DUR; may be NULL */
double rita_score(const uint32_t *at, const uint32_t *bytes, size_t n, uint32_t from, uint32_t to, double parts[4]);

#endif
