/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: labelled traffic: beacons of every period, jitter, timer and host, and what people and programs do without a
 * timer. The same plan and seed give the same trace. Must not: know how any of it is judged.
 */
#include "beacon.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct maker {
    const struct plan *plan;
    struct trace *t;
    uint64_t state;
    double end, usual_bytes;
};

/* splitmix64 */
static uint64_t draw(struct maker *m)
{
    uint64_t z = (m->state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

static double uniform(struct maker *m)
{
    return (double)(draw(m) >> 11) / 9007199254740992.0;
}

static double exponential(struct maker *m, double mean)
{
    return -mean * log(1 - uniform(m));
}

static void *grown(void *p, size_t n, size_t size)
{
    void *q = realloc(p, n * size);
    if (!q) {
        fputs("beacon-tool: out of memory\n", stderr);
        exit(3);
    }
    return q;
}

static void add(struct maker *m, double at, uint32_t bytes)
{
    struct trace *t = m->t;
    if (at >= m->end)
        return;
    if (t->n == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 1024;
        t->at = grown(t->at, t->cap, sizeof(*t->at));
        t->bytes = grown(t->bytes, t->cap, sizeof(*t->bytes));
    }
    t->at[t->n] = at;
    t->bytes[t->n++] = bytes;
}

/* Office: from about 8 for about 10 hours, each end moved by up to half an hour, every day. */
static void make_host(struct maker *m)
{
    struct trace *t = m->t;
    unsigned days = m->plan->days;
    t->n_on = m->plan->host == HOST_ALWAYS ? 1 : days;
    t->on = grown(NULL, t->n_on, sizeof(*t->on));
    t->on[0][0] = 0;
    t->on[0][1] = m->end;
    for (unsigned d = 0; d < days && m->plan->host == HOST_OFFICE; d++) {
        t->on[d][0] = d * DAY + 8 * 3600 + (uniform(m) - 0.5) * 3600;
        t->on[d][1] = t->on[d][0] + 10 * 3600 + (uniform(m) - 0.5) * 3600;
    }
}

static bool is_on(const struct trace *t, double at, size_t *ret_next)
{
    size_t i = 0;
    while (i < t->n_on && t->on[i][1] <= at)
        i++;
    *ret_next = i;
    return i < t->n_on && at >= t->on[i][0];
}

/* A time that counts only hours awake, as one of the wall clock; past the end when there are no more. */
static double wall_of(const struct trace *t, double awake)
{
    for (size_t i = 0; i < t->n_on; i++) {
        double length = t->on[i][1] - t->on[i][0];
        if (awake < length)
            return t->on[i][0] + awake;
        awake -= length;
    }
    return HUGE_VAL;
}

static void call(struct maker *m, double at)
{
    if (uniform(m) < m->plan->missed)
        return;
    unsigned n = 1 + (unsigned)(draw(m) % m->plan->burst);
    for (unsigned i = 0; i < n; i++) {
        add(m, at, (uint32_t)(m->usual_bytes * (1 + 0.04 * (uniform(m) - 0.5))));
        at += 0.05 + 0.55 * uniform(m);
    }
}

static double step(struct maker *m)
{
    return m->plan->period * (1 + m->plan->jitter * (2 * uniform(m) - 1));
}

static void make_sleep(struct maker *m)
{
    for (double awake = uniform(m) * m->plan->period, at; (at = wall_of(m->t, awake)) < m->end; awake += step(m))
        call(m, at);
}

static void make_overdue(struct maker *m)
{
    size_t next;
    for (double at = uniform(m) * m->plan->period; at < m->end; at += step(m)) {
        if (!is_on(m->t, at, &next)) {
            if (next == m->t->n_on)
                return;
            at = m->t->on[next][0] + 20 + 100 * uniform(m); /* started with the host, or when it wakes */
        }
        call(m, at);
    }
}

static void make_lost(struct maker *m)
{
    size_t next;
    for (double at = uniform(m) * m->plan->period; at < m->end; at += step(m))
        if (is_on(m->t, at, &next))
            call(m, at);
}

static void make_fixed(struct maker *m)
{
    double phase = uniform(m);
    size_t next;
    for (double k = -1; k * m->plan->period < m->end; k++) {
        double at = (k + phase + m->plan->jitter * uniform(m)) * m->plan->period;
        if (is_on(m->t, at, &next))
            call(m, at);
    }
}

static void make_poisson(struct maker *m)
{
    for (double awake = exponential(m, m->plan->period), at; (at = wall_of(m->t, awake)) < m->end;
         awake += exponential(m, m->plan->period)) {
        unsigned n = 1 + (unsigned)(draw(m) % m->plan->burst);
        for (unsigned i = 0; i < n; i++, at += 0.6 * uniform(m))
            add(m, at, (uint32_t)(200 * exp(2 * uniform(m))));
    }
}

/* Visits, a few a day: pages half a minute to three minutes apart, each with some connections in a few seconds. */
static void make_browsing(struct maker *m)
{
    double awake = exponential(m, m->plan->period), at;
    while ((at = wall_of(m->t, awake)) < m->end) {
        double left = 120 + exponential(m, 1200), pause = 30 + 150 * uniform(m);
        while (left > 0 && (at = wall_of(m->t, awake)) < m->end) {
            unsigned n = 1 + (unsigned)(draw(m) % 6);
            for (unsigned i = 0; i < n; i++, at += exponential(m, 0.4))
                add(m, at, (uint32_t)(300 * exp(3 * uniform(m))));
            double read = 3 + exponential(m, pause);
            awake += read;
            left -= read;
        }
        awake += exponential(m, m->plan->period);
    }
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void trace_make(const struct plan *plan, uint64_t seed, struct trace *ret)
{
    struct maker m = {.plan = plan, .t = ret, .state = seed * 0x2545f4914f6cdd1dull + 1, .end = plan->days * DAY};
    *ret = (struct trace){0};
    m.usual_bytes = 300 + 1500 * uniform(&m);
    make_host(&m);
    if (plan->kind == KIND_POISSON)
        make_poisson(&m);
    else if (plan->kind == KIND_BROWSING)
        make_browsing(&m);
    else if (plan->timer == TIMER_SLEEP)
        make_sleep(&m);
    else if (plan->timer == TIMER_OVERDUE)
        make_overdue(&m);
    else if (plan->timer == TIMER_LOST)
        make_lost(&m);
    else
        make_fixed(&m);
    qsort(ret->at, ret->n, sizeof(*ret->at), ascending); /* bursts may overlap; sizes need no order */
}

void trace_done(struct trace *t)
{
    free(t->at);
    free(t->bytes);
    free(t->on);
    *t = (struct trace){0};
}
