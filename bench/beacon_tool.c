/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what `./dev bench behaviour` asks of C: the scores of made-up traffic (ours and RITA's, one line a trace), and
 * how fast the table of beacons is. Must not: decide what is good enough (behaviour.py).
 */
#include "beacon.h"
#include "detect/behaviour/beacon_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define START 1795000000.0 /* some midnight; the trace's second 0 */
#define TELL_AT 60.0       /* s: some event comes at least so often while the host is on */

static uint32_t ticks(double at)
{
    return trn_beacon_time((uint64_t)((START + at) * 1e9));
}

static void host_events(const struct trace *t, struct trn_awake *a)
{
    for (size_t i = 0; i < t->n_on; i++) {
        for (double at = t->on[i][0]; at < t->on[i][1]; at += TELL_AT)
            trn_awake_seen(a, ticks(at));
        trn_awake_seen(a, ticks(t->on[i][1]));
    }
}

/* Asked once at the end, as is usual, and the highest of what it said on its way (every check-in at first, then
 * at each eighth more), as a detector that runs all the time is asked. */
struct ours {
    double end, highest;
    struct trn_beacon_verdict v;
    uint32_t checkins, first_over; /* check-ins when the limit was first passed; 0 never */
};

static struct ours judge(const struct trace *t, double limit)
{
    struct trn_beacon b;
    struct trn_awake a = {0};
    struct ours o = {0};
    uint32_t next = TRN_BEACON_LEAST;
    host_events(t, &a);
    trn_beacon_init(&b, 1);
    for (size_t i = 0; i < t->n; i++) {
        if (!trn_beacon_connection(&b, ticks(t->at[i])) || b.n_checkins < next)
            continue;
        next = b.n_checkins + TRN_MAX(1u, b.n_checkins / 8);
        struct trn_beacon_verdict v;
        if (trn_beacon_judge(&b, &a, &v)) {
            o.highest = fmax(o.highest, v.score);
            if (v.score >= limit && !o.first_over)
                o.first_over = b.n_checkins;
        }
    }
    if (trn_beacon_judge(&b, &a, &o.v))
        o.end = o.v.score;
    o.checkins = b.n_checkins;
    return o;
}

/* The best of its days, each by itself. */
static double rita(const struct trace *t, unsigned days, double *ret_first)
{
    uint32_t *at = calloc(t->n + 1, sizeof(*at)), *bytes = calloc(t->n + 1, sizeof(*bytes));
    double best = 0;
    size_t i = 0;
    for (unsigned d = 0; at && bytes && d < days; d++) {
        size_t n = 0;
        for (; i < t->n && t->at[i] < (d + 1) * DAY; i++) {
            at[n] = (uint32_t)t->at[i];
            bytes[n++] = t->bytes[i];
        }
        double s = rita_score(at, bytes, n, (uint32_t)(d * DAY), (uint32_t)((d + 1) * DAY), NULL);
        if (d == 0)
            *ret_first = s;
        best = fmax(best, s);
    }
    free(at);
    free(bytes);
    return best;
}

/* kind host timer period jitter missed burst days first-seed count limit, a plan a line; a line each trace */
static int scores(FILE *in)
{
    unsigned kind, host, timer, burst, days, count;
    double period, jitter, missed, limit;
    unsigned long long seed;
    while (fscanf(in, "%u %u %u %lf %lf %lf %u %u %llu %u %lf", &kind, &host, &timer, &period, &jitter, &missed, &burst,
                  &days, &seed, &count, &limit) == 11) {
        if (kind > KIND_BROWSING || host > HOST_OFFICE || timer >= TIMER_MAX || burst < 1 || days < 1 || period <= 0)
            return 2;
        struct plan p = {(enum kind)kind, (enum host)host, (enum timer)timer, period, jitter, missed, burst, days};
        for (unsigned i = 0; i < count; i++) {
            struct trace t;
            double first = 0;
            trace_make(&p, seed + i, &t);
            struct ours o = judge(&t, limit);
            double best = rita(&t, days, &first);
            printf("%u %.4f %.4f %u %.4f %.4f %.4f %.3f %.3f\n", o.checkins, o.end, o.highest, o.first_over, o.v.wall,
                   o.v.awake, o.v.apart, first, best);
            trace_done(&t);
        }
        puts("end");
    }
    return ferror(stdout) ? 1 : 0;
}

#define KEYS 100000u

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static uint64_t mixed(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

/* n updates of keys in random order, all of them known (fresh: every other one of a key never seen before). */
static double updates(struct trn_beacon_table *t, uint64_t n, bool fresh)
{
    struct trn_beacon gone;
    double from = now();
    for (uint64_t i = 0; i < n; i++) {
        uint64_t key = fresh && i % 2 ? (1ull << 40) + i : mixed(i) % KEYS;
        struct trn_beacon *b = trn_beacon_table_get(t, mixed(key + 1), &gone);
        if (trn_beacon_connection(b, (uint32_t)(i / 256)) && b->n_checkins > 1)
            trn_beacon_table_keep(b, 3);
    }
    return (double)n / (now() - from);
}

static double judgements(struct trn_beacon_table *t)
{
    struct trn_awake a = {0};
    const struct trn_beacon *b;
    struct trn_beacon_verdict v;
    uint32_t it = 0, n = 0;
    double from = now(), sum = 0;
    while (n < 2000 && trn_beacon_table_next(t, &it, &b)) {
        if (trn_beacon_judge(b, &a, &v)) {
            sum += v.score;
            n++;
        }
    }
    return sum >= 0 && n ? (now() - from) / n : 0;
}

static int speed(uint64_t n)
{
    struct trn_beacon_table *t = trn_beacon_table_new(KEYS);
    if (!t)
        return 3;
    updates(t, 40ull * KEYS, false); /* every page touched, every key past its first check-ins */
    double known = updates(t, n, false), judge = judgements(t), flood = updates(t, n, true);
    printf("{\"updates_per_second\": %.0f, \"flood_updates_per_second\": %.0f, \"judge_us\": %.2f, \"keys\": %u, "
           "\"row_bytes\": %zu, \"bytes\": %zu, \"evicted\": %llu}\n",
           known, flood, judge * 1e6, trn_beacon_table_count(t), trn_beacon_table_bytes(t) / KEYS,
           trn_beacon_table_bytes(t), (unsigned long long)trn_beacon_table_evicted(t));
    trn_beacon_table_free(t);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "scores") == 0)
        return scores(stdin);
    if (argc == 3 && strcmp(argv[1], "speed") == 0)
        return speed(strtoull(argv[2], NULL, 10));
    fputs("usage: beacon-tool scores < PLANS | beacon-tool speed UPDATES\n", stderr);
    return 2;
}
