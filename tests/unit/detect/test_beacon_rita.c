/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is the score that the benchmark gives as RITA's the one of its published formulas? Values by hand. */
#include "../../../bench/beacon.h"

#include <criterion/criterion.h>

#define DAY_SECONDS 86400u

static uint32_t at[4096], bytes[4096];
static double parts[4]; /* time stamps, data sizes, histogram, duration */

static double score(size_t n)
{
    return rita_score(at, bytes, n, 0, DAY_SECONDS, parts);
}

Test(beacon_rita, perfect)
{
    for (uint32_t i = 0; i < 1440; i++) {
        at[i] = i * 60;
        bytes[i] = 500;
    }
    cr_assert_float_eq(score(1440), 1.0, 1e-9);
}

/* Gaps 98, 99, 99, 100, 100, 100, 101, 101, 102: no skew, MAD 1 of 100; all in one hour. */
Test(beacon_rita, time_stamps)
{
    static const uint32_t gaps[] = {98, 99, 99, 100, 100, 100, 101, 101, 102};
    at[0] = 1000;
    for (size_t i = 0; i < 9; i++)
        at[i + 1] = at[i] + gaps[i];
    for (uint32_t i = 0; i < 10; i++)
        bytes[i] = i + 1; /* IQR below 10: no skew; MAD 2.5 of 5.5 */
    double s = score(10);
    cr_assert_float_eq(parts[0], 0.995, 1e-9);
    cr_assert_float_eq(parts[1], 0.773, 1e-9);
    cr_assert_float_eq(parts[2], 0, 1e-9, "one bar of 24: the deviation is above the mean");
    cr_assert_float_eq(parts[3], 0, 1e-9, "fewer than six hours");
    cr_assert_float_eq(s, 0.442, 1e-9);
}

/* Gaps 1, 299, 25, 4975, 90, 2, 42, 500, 1500: Q1 13.5, Q2 90, Q3 1000; skew 833.5/986.5; MAD 89 of 90. */
Test(beacon_rita, skew)
{
    static const uint32_t gaps[] = {1, 299, 25, 4975, 90, 2, 42, 500, 1500};
    at[0] = 0;
    for (size_t i = 0; i < 9; i++)
        at[i + 1] = at[i] + gaps[i];
    score(10);
    cr_assert_float_eq(parts[0], 0.083, 1e-9);
}

/* Ten hours with 10 calls each and two with 20: 12 bars. Mean 140/24, deviation above it: 0. Two kinds of bars: 12 of
 * 11. The run of 12 hours is ideal. */
Test(beacon_rita, histogram_and_duration)
{
    size_t n = 0;
    for (uint32_t hour = 6; hour < 18; hour++) {
        uint32_t calls = hour < 16 ? 10 : 20;
        for (uint32_t i = 0; i < calls; i++, n++) {
            at[n] = hour * 3600 + i * (3600 / calls);
            bytes[n] = 100;
        }
    }
    score(n);
    cr_assert_float_eq(parts[2], 1, 1e-9);
    cr_assert_float_eq(parts[3], 1, 1e-9);
}

/* Ten hours a day: too few bars for two modes, and the deviation is above the mean; ten of twelve ideal hours. */
Test(beacon_rita, office_hours)
{
    size_t n = 0;
    for (uint32_t hour = 8; hour < 18; hour++)
        for (uint32_t i = 0; i < 60; i++, n++) {
            at[n] = hour * 3600 + i * 60;
            bytes[n] = 100;
        }
    cr_assert_float_eq(score(n), 0.7085, 0.0006); /* (1 + 1 + 0 + 0.834) / 4, rounded */
    cr_assert_float_eq(parts[2], 0, 1e-9);
    cr_assert_float_eq(parts[3], 0.834, 1e-9);
}

/* A run goes on past midnight: 22, 23, 0, 1, 2, 3 are six hours. */
Test(beacon_rita, a_run_around_midnight)
{
    static const uint32_t hours[] = {0, 1, 2, 3, 22, 23};
    size_t n = 0;
    for (size_t h = 0; h < 6; h++)
        for (uint32_t i = 0; i < 2; i++, n++) {
            at[n] = hours[h] * 3600 + i * 1800;
            bytes[n] = 100;
        }
    score(n);
    cr_assert_float_eq(parts[3], 0.980, 1e-9, "coverage: from 00:00 to 23:30");
}

Test(beacon_rita, six_hours_between_are_never_enough)
{
    for (uint32_t i = 0; i < 4; i++) {
        at[i] = i * 21600;
        bytes[i] = 100;
    }
    score(4);
    cr_assert_float_eq(parts[2], 0, 1e-9);
    cr_assert_float_eq(parts[3], 0, 1e-9);
    cr_assert_eq(score(3), 0, "three calls are none");
}
