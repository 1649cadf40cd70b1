/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the score of RITA v5, written from its published formulas (equal weights of time stamps, data sizes, histogram
 * and duration). Its own words: skew after Bowley, spread by the median absolute deviation.
 * Must not: improve on it.
 */
#include "beacon.h"

#include <math.h>
#include <stdlib.h>

#define HOURS 24
#define LEAST_HOURS 6
#define IDEAL_HOURS 12
#define BIMODAL_HOURS 11
#define SENSITIVITY 0.05

static double round3(double x)
{
    return round(x * 1000) / 1000;
}

static double ceil3(double x)
{
    return fmin(ceil(x * 1000) / 1000, 1);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *v, size_t n)
{
    if (n == 0)
        return 0;
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static double skew_score(const double *v, size_t n)
{
    double q1 = median(v, n / 2), q2 = median(v, n), q3 = median(v + (n + 1) / 2, n / 2);
    if (q3 - q1 < 10 || q2 == q1 || q2 == q3)
        return 1;
    return 1 - fabs((q3 + q1 - 2 * q2) / (q3 - q1));
}

static double mad_score(const double *v, size_t n, double otherwise)
{
    double m = median(v, n);
    if (m < 1)
        return otherwise;
    double *off = calloc(n, sizeof(*off));
    if (!off)
        return 0;
    for (size_t i = 0; i < n; i++)
        off[i] = fabs(v[i] - m);
    qsort(off, n, sizeof(*off), ascending);
    double mad = median(off, n);
    free(off);
    return fmax((m - mad) / m, 0);
}

static double statistic(double *v, size_t n, double otherwise)
{
    qsort(v, n, sizeof(*v), ascending);
    return round3((skew_score(v, n) + mad_score(v, n, otherwise)) / 2);
}

struct bars {
    double height[HOURS];
    int filled, longest;
};

static struct bars draw(const uint32_t *at, size_t n, uint32_t from, uint32_t to)
{
    struct bars b = {0};
    for (size_t i = 0; i < n; i++) {
        int hour = (int)((double)(at[i] - from) * HOURS / (to - from));
        b.height[hour < HOURS ? hour : HOURS - 1]++;
    }
    int run = 0;
    for (int i = 0; i < 2 * HOURS; i++) { /* twice around: a run goes on past midnight */
        run = b.height[i % HOURS] > 0 ? run + 1 : 0;
        b.longest = run > b.longest ? run : b.longest;
    }
    for (int i = 0; i < HOURS; i++)
        b.filled += b.height[i] > 0;
    b.longest = b.longest > HOURS ? HOURS : b.longest;
    return b;
}

static double variation_score(const struct bars *b)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < HOURS; i++)
        sum += b->height[i];
    double mean = sum / HOURS;
    for (int i = 0; i < HOURS; i++)
        squares += (b->height[i] - mean) * (b->height[i] - mean);
    double cv = mean > 0 ? sqrt(squares / HOURS) / mean : 2;
    return cv > 1 ? 0 : round3(1 - cv);
}

static double bimodal_score(const struct bars *b)
{
    if (b->filled < BIMODAL_HOURS)
        return 0;
    double highest = 0;
    for (int i = 0; i < HOURS; i++)
        highest = fmax(highest, b->height[i]);
    double step = fmax(ceil(SENSITIVITY * highest), 1), floors[HOURS];
    int count[HOURS] = {0}, kinds = 0;
    for (int i = 0; i < HOURS; i++) {
        double f = floor(b->height[i] / step) * step;
        int k = 0;
        if (b->height[i] <= 0)
            continue;
        while (k < kinds && floors[k] != f)
            k++;
        if (k == kinds)
            floors[kinds++] = f;
        count[k]++;
    }
    int first = 0, second = 0;
    for (int k = 0; k < kinds; k++) {
        if (count[k] > first) {
            second = first;
            first = count[k];
        } else if (count[k] > second) {
            second = count[k];
        }
    }
    return fmin(round3((double)(first + second) / fmax(b->filled - 1, 1)), 1);
}

/* v: room for n values */
static double score(const uint32_t *at, const uint32_t *bytes, size_t n, uint32_t from, uint32_t to, double *v,
                    double parts[4])
{
    size_t gaps = 0, stamps = 1;
    for (size_t i = 1; i < n; i++) {
        if (at[i] == at[i - 1])
            continue;
        v[gaps++] = at[i] - at[i - 1];
        stamps++;
    }
    if (stamps < 4 || gaps < 3)
        return 0;
    parts[0] = statistic(v, gaps, 1);
    for (size_t i = 0; i < n; i++)
        v[i] = bytes[i];
    parts[1] = statistic(v, n, 0);
    struct bars b = draw(at, n, from, to);
    parts[2] = fmax(variation_score(&b), bimodal_score(&b));
    if (b.filled >= LEAST_HOURS)
        parts[3] = fmax(ceil3((double)(at[n - 1] - at[0]) / (to - from)), ceil3((double)b.longest / IDEAL_HOURS));
    return round3(0.25 * parts[0] + 0.25 * parts[1] + 0.25 * parts[2] + 0.25 * parts[3]);
}

double rita_score(const uint32_t *at, const uint32_t *bytes, size_t n, uint32_t from, uint32_t to, double parts[4])
{
    double own[4] = {0}, *p = parts ? parts : own;
    double *v = n >= 4 ? calloc(n, sizeof(*v)) : NULL;
    for (int i = 0; i < 4; i++)
        p[i] = 0;
    double s = v ? score(at, bytes, n, from, to, v, p) : 0;
    free(v);
    return s;
}
