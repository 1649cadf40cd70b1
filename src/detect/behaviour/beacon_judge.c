/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: how regular calls are, from a beacon's state and the record of when the host was awake. Four questions, the
 * best answer counts: are the gaps alike by the wall clock, are they alike by the time the host was awake, do the calls
 * keep a distance that calls at random would not keep, and do they come at the same times of the day (beacon_phase.c)?
 * The third sees much jitter and hosts that are on for some hours a day, whose gaps are not alike by either clock.
 * Must not: decide what is a finding; who calls whom decides that.
 */
#include "detect/behaviour/beacon_state.h"

#include <math.h>

#define EXPONENTIAL_IQR 2.27 /* octaves between the quartiles of random gaps: log2(ln 4 / ln(4/3)) */
#define MISSED_ABOVE 1.9     /* times the usual gap: a beat was missed ... */
#define MISSED_SHARE 0.35    /* ... unless that is more than this share */
#define HALF_APART 1.6       /* zeroes of the probability that give "apart" 0.5 */

static double uncertainty(double n)
{
    return 0.9 * 1.6 / sqrt(n);
}

static double regularity(double iqr, double n)
{
    double r = 1 - (iqr + uncertainty(n)) / EXPONENTIAL_IQR;
    return r > 0 ? r : 0;
}

/* ---- the histogram ---- */

static double quantile(const uint8_t *h, uint32_t bins, double rank)
{
    double below = 0;
    for (uint32_t i = 0; i < bins; i++) {
        if (h[i] && below + h[i] >= rank)
            return (i + (rank - below) / h[i]) / 4; /* octaves */
        below += h[i];
    }
    return bins / 4.0;
}

static uint32_t modal_bin(const uint8_t *h)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < TRN_BEACON_BINS; i++)
        if (h[i] > h[best])
            best = i;
    return best;
}

/* How many bins remain when missed beats are left out, and what is in them. */
static uint32_t without_missed(const uint8_t *h, double *ret_n)
{
    uint32_t all = 0, above = 0, from = modal_bin(h) + 4; /* log2(1.9) is 0.93 octaves: 3.7 bins above the middle */
    for (uint32_t i = 0; i < TRN_BEACON_BINS; i++) {
        all += h[i];
        if (i >= from)
            above += h[i];
    }
    bool drop = above <= MISSED_SHARE * all;
    *ret_n = drop ? all - above : all;
    return drop ? TRN_MIN(from, TRN_BEACON_BINS) : TRN_BEACON_BINS;
}

double trn_beacon_regularity(const uint8_t h[TRN_BEACON_BINS])
{
    double n;
    uint32_t bins = without_missed(h, &n);
    return n > 0 ? regularity(quantile(h, bins, 0.75 * n) - quantile(h, bins, 0.25 * n), n) : 0;
}

/* ---- lists of gaps in octaves, ascending ---- */

static void sort(double *v, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        double x = v[i];
        uint32_t k = i;
        for (; k > 0 && v[k - 1] > x; k--)
            v[k] = v[k - 1];
        v[k] = x;
    }
}

static double between(const double *v, uint32_t n, double share)
{
    double at = share * (n - 1);
    uint32_t i = (uint32_t)at;
    return i + 1 < n ? v[i] + (at - i) * (v[i + 1] - v[i]) : v[n - 1];
}

struct gaps {
    double median, iqr;
    uint32_t n;
};

static struct gaps describe(double *v, uint32_t n)
{
    struct gaps g = {0};
    if (n < TRN_BEACON_LEAST - 1)
        return g;
    sort(v, n);
    double limit = between(v, n, 0.5) + log2(MISSED_ABOVE);
    uint32_t keep = n;
    while (keep > 0 && v[keep - 1] > limit)
        keep--;
    g.n = n - keep <= MISSED_SHARE * n ? keep : n;
    g.median = between(v, g.n, 0.5);
    g.iqr = between(v, g.n, 0.75) - between(v, g.n, 0.25);
    return g;
}

static double gap_log(const struct trn_beacon *b, uint32_t i) /* i counts from the oldest */
{
    return b->ring[(b->ring_at + TRN_BEACON_RING - b->ring_n + i) % TRN_BEACON_RING] / (double)TRN_BEACON_SCALE;
}

/* The latest check-ins, oldest first; the last is exact, the others to 1/3000 of the gaps between. */
static uint32_t times_of(const struct trn_beacon *b, uint32_t times[TRN_BEACON_RING + 1])
{
    uint32_t n = b->ring_n + 1u, at = b->last;
    times[n - 1] = at;
    for (uint32_t i = b->ring_n; i-- > 0;) {
        at -= (uint32_t)llround(exp2(gap_log(b, i) + 0.5 / TRN_BEACON_SCALE));
        times[i] = at;
    }
    return n;
}

/* Calls that come nearer than this are one check-in: calls at random keep that distance too, so it proves nothing. */
static uint32_t own_distance(const struct trn_beacon *b)
{
    uint32_t usual = (uint32_t)exp2(4 + b->modal / 4.0);
    return TRN_MAX(2u * TRN_BEACON_HZ, usual / 50);
}

static double log_apart(const struct trn_beacon *b, const uint32_t *times, uint32_t n, const struct trn_awake *awake)
{
    uint32_t own = own_distance(b), nearer[TRN_BEACON_RING + 1];
    nearer[0] = times[0];
    for (uint32_t i = 1; i < n; i++) {
        uint32_t gap = times[i] - times[i - 1];
        nearer[i] = nearer[i - 1] + (gap > own ? gap - own : 0);
    }
    /* A host where little else happens looks asleep between the calls themselves: then nothing is known, and all the
     * time counts, which asks for more proof, not less. */
    uint32_t whole = times[n - 1] - times[0];
    bool known = trn_awake_between(awake, times[0], times[n - 1]) >= whole / 10;
    return trn_beacon_log_apart(nearer, n, known ? awake : NULL);
}

/* ---- all together ---- */

/* Gaps in time awake; false where the host never slept between, or where too little is known of it. */
static bool awake_gaps(const struct trn_awake *a, const uint32_t *times, uint32_t n, double *octaves)
{
    if (!a || !a->n)
        return false;
    uint32_t whole = times[n - 1] - times[0], awake = trn_awake_between(a, times[0], times[n - 1]);
    if (awake > whole - whole / 50 || awake < whole / 10)
        return false;
    for (uint32_t i = 1; i < n; i++)
        octaves[i - 1] = trn_beacon_log2(trn_awake_between(a, times[i - 1], times[i])) / (double)TRN_BEACON_SCALE;
    return true;
}

/* Zeroes of a probability onto the scale of regularity: 2 are 0.56, 4 are 0.71, 8 are 0.83. */
static double of_zeroes(double zeroes)
{
    return zeroes / (zeroes + HALF_APART);
}

bool trn_beacon_judge(const struct trn_beacon *b, const struct trn_awake *awake, struct trn_beacon_verdict *ret)
{
    if (b->n_checkins < TRN_BEACON_LEAST || b->ring_n < TRN_BEACON_LEAST - 1)
        return false;
    struct trn_beacon_verdict v = {.checkins = b->n_checkins};
    uint32_t times[TRN_BEACON_RING + 1], n = times_of(b, times);
    double octaves[TRN_BEACON_RING];
    for (uint32_t i = 0; i < b->ring_n; i++)
        octaves[i] = gap_log(b, i);
    struct gaps wall = describe(octaves, b->ring_n), other = {0};
    v.wall = trn_beacon_regularity(b->histogram);
    if (awake_gaps(awake, times, n, octaves)) {
        other = describe(octaves, n - 1);
        v.awake = regularity(other.iqr, other.n);
    }
    v.apart = of_zeroes(-log_apart(b, times, n, awake));
    v.phase = of_zeroes(-trn_beacon_log_phase(times, n, awake));
    v.score = fmax(fmax(v.wall, v.awake), fmax(v.apart, v.phase));
    v.by_awake = v.awake > v.wall;
    const struct gaps *g = v.by_awake ? &other : &wall;
    v.period = exp2(g->median) / TRN_BEACON_HZ;
    v.spread = exp2(g->iqr / 2) - exp2(-g->iqr / 2);
    *ret = v;
    return true;
}
