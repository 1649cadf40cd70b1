/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: do calls come at the same times of the day? Folded at periods of which a clock knows, they lie in a short arc;
 * calls at random lie wherever the host was awake, so the arc is weighed by that. This sees fixed times of which most
 * calls are lost because the host is off: their gaps are one, two, three ... days.
 * Must not: look for periods that no clock shows; the gaps themselves tell those.
 */
#include "detect/behaviour/beacon_state.h"

#include <math.h>

#define CELLS 288u /* 5 minutes of a day */
#define HOUR (3600u * TRN_BEACON_HZ)

/* Time awake between two times, folded: share of each cell. */
struct fold {
    uint32_t period, origin;
    double awake[CELLS], total;
};

static void add_stretch(struct fold *f, uint32_t from, uint32_t length)
{
    double cell = (double)f->period / CELLS, whole = floor((double)length / f->period);
    double at = (double)((from - f->origin) % f->period), left = length - whole * f->period;
    f->total += length;
    for (uint32_t i = 0; whole > 0 && i < CELLS; i++)
        f->awake[i] += whole * cell;
    while (left > 0) {
        uint32_t i = TRN_MIN((uint32_t)(at / cell), CELLS - 1);
        double part = fmin(left, fmax((i + 1) * cell - at, 1e-6));
        f->awake[i] += part;
        left -= part;
        at = i == CELLS - 1 ? 0 : at + part;
    }
}

static void fold(struct fold *f, uint32_t from, uint32_t to, const struct trn_awake *a)
{
    uint32_t known = a ? a->n : 0;
    int32_t length = (int32_t)(to - from);
    int32_t before = known ? (int32_t)(a->s[0].from - from) : length; /* older than the record: taken as awake */
    if (before > 0)
        add_stretch(f, from, (uint32_t)TRN_MIN(before, length));
    for (uint32_t i = 0; i < known; i++) {
        int32_t lo = (int32_t)(a->s[i].from - from), hi = (int32_t)(a->s[i].to - from);
        lo = TRN_MAX(lo, 0);
        hi = TRN_MIN(hi, length);
        if (hi > lo)
            add_stretch(f, from + (uint32_t)lo, (uint32_t)(hi - lo));
    }
}

/* The most of the time awake that any arc of so many cells holds. */
static double fullest_arc(const struct fold *f, uint32_t cells)
{
    double sum = 0, most = 0;
    for (uint32_t i = 0; i < CELLS + cells; i++) {
        sum += f->awake[i % CELLS];
        if (i >= cells)
            sum -= f->awake[(i - cells) % CELLS];
        most = fmax(most, sum);
    }
    return most / f->total;
}

static void sort(uint32_t *v, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        uint32_t x = v[i], k = i;
        for (; k > 0 && v[k - 1] > x; k--)
            v[k] = v[k - 1];
        v[k] = x;
    }
}

/* The shortest arc with all of them: the circle without its longest gap. *ret_from: where it begins. */
static uint32_t shortest_arc(uint32_t *phases, uint32_t n, uint32_t period, uint32_t *ret_from)
{
    sort(phases, n);
    uint32_t longest = period - phases[n - 1] + phases[0];
    *ret_from = phases[0];
    for (uint32_t i = 1; i < n; i++) {
        if (phases[i] - phases[i - 1] <= longest)
            continue;
        longest = phases[i] - phases[i - 1];
        *ret_from = phases[i];
    }
    return period - longest;
}

/* In how many periods there was a call: several within one (a visit, a download) are no more proof than one. */
static uint32_t periods_with_calls(const uint32_t *times, uint32_t n, uint32_t period, uint32_t from)
{
    uint32_t count = 0, last = UINT32_MAX;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = (times[i] - times[0] + period - from) / period;
        count += at != last;
        last = at;
    }
    return count;
}

static double log_fold(const uint32_t *times, uint32_t n, uint32_t period, const struct trn_awake *a)
{
    uint32_t phases[TRN_BEACON_RING + 1] = {0}, from;
    struct fold f = {.period = period, .origin = times[0]};
    for (uint32_t i = 0; i < n; i++)
        phases[i] = (times[i] - times[0]) % period;
    uint32_t arc = shortest_arc(phases, n, period, &from), count = periods_with_calls(times, n, period, from);
    if (arc > period / 2 || count < TRN_BEACON_LEAST)
        return 0;
    fold(&f, times[0], times[n - 1], a);
    uint32_t cells = (uint32_t)ceil((double)arc * CELLS / period) + 1;
    if (f.total < period || cells >= CELLS)
        return 0;
    double inside = fullest_arc(&f, cells);
    return fmin(log10(count) + (count - 1) * log10(fmax(inside, 1e-4)), 0);
}

double trn_beacon_log_phase(const uint32_t *times, uint32_t n, const struct trn_awake *awake)
{
    static const uint8_t hours[] = {24, 12, 8, 6, 4, 3, 2, 1};
    const size_t n_hours = TRN_ARRAY_SIZE(hours);
    double best = 0;
    n = TRN_MIN(n, TRN_BEACON_RING + 1);
    if (n < TRN_BEACON_LEAST)
        return 0;
    for (size_t i = 0; i < n_hours; i++)
        if ((times[n - 1] - times[0]) / HOUR >= 3u * hours[i])
            best = fmin(best, log_fold(times, n, hours[i] * HOUR, awake));
    return fmax(fmin(best + log10((double)n_hours), 0), -30);
}
