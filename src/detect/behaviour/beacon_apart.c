/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: how probable it is that calls at random keep the distance that these keep, by counting ways on a line of cells:
 * the time awake between the first call and the last. Must not: know periods or gaps; those are beacon_judge.c's.
 */
#include "detect/behaviour/beacon_state.h"

#include <math.h>

#define ENOUGH (-8.0) /* a logarithm that needs no more looking */
#define CELLS 1024u

struct line {
    double awake[CELLS]; /* share of the cell in which a call could have come */
    double length;       /* ticks */
    uint32_t distance;   /* cells */
    double total;        /* awake cells */
};

/* Time asleep longer than the distance separates no more than the distance does: it is cut to that. */
static uint32_t cut_asleep(const struct trn_awake *a, uint32_t i, uint32_t distance)
{
    uint32_t asleep = a->s[i + 1].from - a->s[i].to;
    return asleep > distance ? asleep - distance : 0;
}

static void add_awake(struct line *l, double from, double to)
{
    double scale = CELLS / l->length;
    from = fmax(from * scale, 0);
    to = fmin(to * scale, CELLS);
    for (uint32_t i = (uint32_t)from; i < CELLS && i < to; i++) {
        double part = fmin(to, i + 1.0) - fmax(from, i);
        l->awake[i] += part;
        l->total += part;
    }
}

static void draw(struct line *l, const uint32_t *times, uint32_t n, uint32_t distance, const struct trn_awake *a)
{
    uint32_t whole = times[n - 1] - times[0];
    int64_t cut = 0;
    *l = (struct line){.length = whole};
    uint32_t known = a ? a->n : 0, first = 0;
    while (first < known && (int32_t)(a->s[first].to - times[0]) < 0)
        first++;
    for (uint32_t i = first; i + 1 < known && (int32_t)(a->s[i + 1].from - times[n - 1]) <= 0; i++)
        cut += cut_asleep(a, i, distance);
    l->length = (double)(whole - cut);
    l->distance = (uint32_t)(distance * (CELLS / l->length));
    if (known == 0) {
        add_awake(l, 0, l->length);
        return;
    }
    int32_t before = (int32_t)(a->s[0].from - times[0]);
    if (before > 0) /* older than the record: taken as awake */
        add_awake(l, 0, before);
    cut = 0;
    for (uint32_t i = first; i < known && (int32_t)(a->s[i].from - times[n - 1]) < 0; i++) {
        add_awake(l, (double)((int32_t)(a->s[i].from - times[0]) - cut),
                  (double)((int32_t)(a->s[i].to - times[0]) - cut));
        if (i + 1 < known)
            cut += cut_asleep(a, i, distance);
    }
}

/* The first and last call stand; those between fall anywhere awake. way[t]: probability that the calls so far keep
 * their distance and the latest falls into cell t. */
static double log_keeps_distance(const uint32_t *times, uint32_t n, const struct trn_awake *a)
{
    uint32_t distance = UINT32_MAX;
    for (uint32_t i = 1; i < n; i++)
        distance = TRN_MIN(distance, times[i] - times[i - 1]);
    struct line l;
    if (n < 4 || distance == 0)
        return 0;
    draw(&l, times, n, distance, a);
    if (l.distance == 0 || l.total < 1)
        return 0;
    double way[CELLS];
    for (uint32_t t = 0; t < CELLS; t++)
        way[t] = t >= l.distance ? l.awake[t] / l.total : 0;
    for (uint32_t k = 2; k <= n - 2; k++) {
        double sum = 0, next[CELLS];
        for (uint32_t t = 0; t < CELLS; t++) {
            next[t] = t >= l.distance ? (sum += way[t - l.distance]) * l.awake[t] * k / l.total : 0;
        }
        for (uint32_t t = 0; t < CELLS; t++)
            way[t] = next[t];
    }
    double p = 0;
    for (uint32_t t = 0; t + l.distance < CELLS; t++)
        p += way[t];
    return p >= 1 ? 0 : log10(fmax(p, 1e-30));
}

/* Leaves out the call that stands nearest to another one: of the two, the one with the nearer other neighbour. */
static uint32_t leave_one_out(uint32_t *times, uint32_t n)
{
    uint32_t at = 1;
    for (uint32_t i = 2; i < n; i++)
        if (times[i] - times[i - 1] < times[at] - times[at - 1])
            at = i;
    uint32_t left = at >= 2 ? times[at - 1] - times[at - 2] : UINT32_MAX;
    uint32_t right = at + 1 < n ? times[at + 1] - times[at] : UINT32_MAX;
    uint32_t out = left < right ? at - 1 : at;
    for (uint32_t i = out; i + 1 < n; i++)
        times[i] = times[i + 1];
    return n - 1;
}

double trn_beacon_log_apart(const uint32_t *times, uint32_t n, const struct trn_awake *awake)
{
    uint32_t left[TRN_BEACON_RING + 1];
    double best = 0, price = 0;
    n = TRN_MIN(n, TRN_BEACON_RING + 1);
    for (uint32_t i = 0; i < n; i++)
        left[i] = times[i];
    for (uint32_t out = 0; out < 3 && n >= 5 && best > ENOUGH; out++) {
        best = fmin(best, log_keeps_distance(left, n, awake) + price);
        price += log10((double)n / (out + 1)); /* in how many ways could it have been chosen */
        n = leave_one_out(left, n);
    }
    return best;
}
