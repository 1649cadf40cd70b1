/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does each connection change a beacon's state as it should, and is the regularity what one computes by hand? */
#include "detect/behaviour/beacon_table.h"

#include <criterion/criterion.h>
#include <math.h>

#define S TRN_BEACON_HZ /* a second in ticks */
#define HOUR (3600u * S)
#define DAY (24u * HOUR)

static struct trn_beacon b;

static void setup(void)
{
    trn_beacon_init(&b, 7);
}

TestSuite(beacon_state, .init = setup);

Test(beacon_state, logarithm)
{
    for (uint32_t v = 1; v < 100000000u; v += v / 3 + 1) {
        double exact = log2(v) * 2048;
        cr_assert(fabs(trn_beacon_log2(v) - exact) <= 1, "%u", v);
    }
    cr_assert_eq(trn_beacon_log2(1u << 20), 20 * 2048);
    cr_assert_eq(trn_beacon_log2(0), 0);
    cr_assert_eq(trn_beacon_log2(UINT32_MAX), 65535);
}

Test(beacon_state, connections_within_two_seconds_are_one_checkin)
{
    cr_assert(trn_beacon_connection(&b, 1000));
    cr_assert_not(trn_beacon_connection(&b, 1000 + S));
    cr_assert_not(trn_beacon_connection(&b, 1000 + 2 * S + S / 2), "within two seconds of the last connection");
    cr_assert(trn_beacon_connection(&b, 1000 + 60 * S));
    cr_assert_eq(b.n_checkins, 2);
    cr_assert_eq(b.n_connections, 4);
    cr_assert_eq(b.ring[0], trn_beacon_log2(60 * S), "from the first connection to the first");
}

Test(beacon_state, near_to_the_last_checkin_by_its_own_measure)
{
    uint32_t t = 0;
    for (int i = 0; i < 8; i++, t += HOUR)
        trn_beacon_connection(&b, t);
    t -= HOUR;
    cr_assert_not(trn_beacon_connection(&b, t + 60 * S), "a minute is less than a fiftieth of an hour");
    cr_assert(trn_beacon_connection(&b, t + 100 * S));
}

Test(beacon_state, a_clock_that_was_set_back)
{
    for (uint32_t i = 0; i < 6; i++)
        trn_beacon_connection(&b, DAY + i * HOUR);
    struct trn_beacon before = b;
    cr_assert_not(trn_beacon_connection(&b, DAY));
    cr_assert_eq(b.n_checkins, 6);
    cr_assert_eq(b.ring_n, before.ring_n, "the gap says nothing");
    cr_assert(trn_beacon_connection(&b, DAY + HOUR), "it goes on from there");
    cr_assert_not(trn_beacon_connection(&b, DAY + HOUR - S), "late by a little");
    cr_assert_eq(b.last, DAY + HOUR);
}

Test(beacon_state, a_full_bin_halves_all)
{
    uint32_t t = 0;
    for (int i = 0; i < 100; i++)
        trn_beacon_connection(&b, t += 600 * S);
    for (int i = 0; i < 400; i++)
        trn_beacon_connection(&b, t += 60 * S);
    uint32_t sum = 0, bin60 = 4 * 5 + 3, bin600 = 4 * 9;
    for (size_t i = 0; i < TRN_BEACON_BINS; i++)
        sum += b.histogram[i];
    cr_assert_lt(sum, 400);
    cr_assert_eq(b.modal, bin60);
    cr_assert_gt(b.histogram[bin60], 127);
    cr_assert_lt(b.histogram[bin600], 99 / 2 + 1, "what is long ago counts less");
    cr_assert_eq(b.n_checkins, 500);
}

Test(beacon_state, gaps_beyond_the_histogram)
{
    trn_beacon_connection(&b, 0);
    trn_beacon_connection(&b, 100 * DAY);
    cr_assert_eq(b.histogram[TRN_BEACON_BINS - 1], 1);
}

/* One bin of n gaps: quartiles a half of it apart, 1/8 octave. */
Test(beacon_state, regularity_of_equal_gaps)
{
    uint8_t h[TRN_BEACON_BINS] = {0};
    h[40] = 16;
    cr_assert_float_eq(trn_beacon_regularity(h), 1 - (0.125 + 1.44 / 4) / 2.27, 1e-9);
    h[40] = 5;
    cr_assert_float_eq(trn_beacon_regularity(h), 1 - (0.125 + 1.44 / sqrt(5)) / 2.27, 1e-9);
}

/* Four bins of 25: quartiles two bins apart, half an octave. */
Test(beacon_state, regularity_of_jitter)
{
    uint8_t h[TRN_BEACON_BINS] = {0};
    h[40] = h[41] = h[42] = h[43] = 25;
    cr_assert_float_eq(trn_beacon_regularity(h), 1 - (0.5 + 0.144) / 2.27, 1e-9);
}

Test(beacon_state, missed_beats_are_left_out_unless_they_are_many)
{
    uint8_t h[TRN_BEACON_BINS] = {0}, clean[TRN_BEACON_BINS] = {0};
    h[40] = clean[40] = 70;
    h[44] = 30;
    cr_assert_float_eq(trn_beacon_regularity(h), trn_beacon_regularity(clean), 1e-9);
    h[44] = 40; /* 36 % */
    cr_assert_lt(trn_beacon_regularity(h), 0.6);
}

Test(beacon_state, nothing_is_said_before_six_checkins)
{
    struct trn_beacon_verdict v;
    for (uint32_t i = 0; i < 5; i++)
        trn_beacon_connection(&b, i * 60 * S);
    cr_assert_not(trn_beacon_judge(&b, NULL, &v));
    trn_beacon_connection(&b, 300 * S);
    cr_assert(trn_beacon_judge(&b, NULL, &v));
    cr_assert_eq(v.checkins, 6);
    cr_assert_float_eq(v.period, 60, 0.1);
    cr_assert_lt(v.spread, 0.01);
}

/* n calls, the inner ones anywhere on a line of length L: all gaps at least d with probability (1 - (n-1) d/L)^(n-2). */
Test(beacon_state, apart_is_the_probability_that_one_computes)
{
    uint32_t times[] = {0, 100, 230, 330, 480, 590, 700, 800, 930, 1040}, n = TRN_ARRAY_SIZE(times);
    for (uint32_t i = 0; i < n; i++)
        times[i] *= 1000;
    double exact = 8 * log10(1 - 9 * 100 / 1040.0);
    cr_assert_float_eq(trn_beacon_log_apart(times, n, NULL), exact, -0.1 * exact, "%g, exactly %g",
                       trn_beacon_log_apart(times, n, NULL), exact);
    times[5] = times[4] + 1; /* one that stands near another may be left out, and is paid for */
    double without = trn_beacon_log_apart(times, n, NULL);
    cr_assert(without < -2 && without > exact, "%g", without);
    uint32_t clumps[] = {0, 1000, 2000, 3000, 900000, 901000, 902000, 903000, 1800000, 1801000, 1802000, 1803000};
    cr_assert_gt(trn_beacon_log_apart(clumps, TRN_ARRAY_SIZE(clumps), NULL), -0.5);
}

static void office(struct trn_awake *a, uint32_t days)
{
    *a = (struct trn_awake){0};
    for (uint32_t d = 0; d < days; d++)
        for (uint32_t m = 0; m <= 600; m++)
            trn_awake_seen(a, d * DAY + 8 * HOUR + m * 60 * S);
}

Test(beacon_state, awake_time)
{
    struct trn_awake a;
    office(&a, 3);
    cr_assert_eq(a.n, 3);
    cr_assert_eq(trn_awake_between(&a, 9 * HOUR, 11 * HOUR), 2 * HOUR);
    cr_assert_eq(trn_awake_between(&a, 17 * HOUR, DAY + 9 * HOUR), 2 * HOUR);
    cr_assert_eq(trn_awake_between(&a, 20 * HOUR, DAY), 0);
    cr_assert_eq(trn_awake_between(&a, 0, 9 * HOUR), 9 * HOUR, "older than the record: taken as awake");
    cr_assert_not(trn_awake_seen(&a, DAY), "a clock that was set back teaches nothing");
    cr_assert_eq(a.n, 3);
    for (uint32_t d = 3; d < 1000; d++)
        trn_awake_seen(&a, d * DAY);
    cr_assert_eq(a.n, TRN_AWAKE_STRETCHES);
    cr_assert_eq(a.s[a.n - 1].from, 999 * DAY, "the oldest went");
}

/* A timer of 6 hours that stands still while the host is off: gaps of 6 and 20 hours by the wall clock. */
Test(beacon_state, a_timer_that_counts_time_awake)
{
    struct trn_awake a;
    struct trn_beacon_verdict v;
    office(&a, 12);
    for (uint32_t awake = HOUR; awake < 120 * HOUR; awake += 6 * HOUR)
        trn_beacon_connection(&b, awake / (10 * HOUR) * DAY + 8 * HOUR + awake % (10 * HOUR));
    cr_assert(trn_beacon_judge(&b, &a, &v));
    cr_assert_gt(v.awake, 0.8);
    cr_assert_lt(v.wall, 0.5);
    cr_assert(v.by_awake);
    cr_assert_float_eq(v.period, 6 * 3600, 120);
}

/* Once a day at ten, but on every third day only: gaps of three and six days, at the same time. */
Test(beacon_state, the_same_time_of_the_day)
{
    struct trn_awake a;
    struct trn_beacon_verdict v;
    static const uint32_t days[] = {0, 1, 4, 5, 9, 10, 16, 17, 19, 30};
    office(&a, 31);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(days); i++)
        trn_beacon_connection(&b, days[i] * DAY + 10 * HOUR + (uint32_t)i * 30 * S);
    cr_assert(trn_beacon_judge(&b, &a, &v));
    cr_assert_gt(v.phase, 0.8, "%g", v.phase);
    cr_assert_lt(v.wall, 0.5);
}

Test(beacon_state, a_person_is_there_in_office_hours_only_too)
{
    struct trn_awake a;
    struct trn_beacon_verdict v;
    uint64_t x = 1;
    office(&a, 14);
    for (uint32_t d = 0; d < 14; d++) {
        uint32_t at = d * DAY + 8 * HOUR;
        for (int i = 0; i < 3; i++) {
            x = x * 6364136223846793005ull + 1442695040888963407ull;
            at += (uint32_t)(x >> 40) % (3 * HOUR);
            trn_beacon_connection(&b, at);
        }
    }
    cr_assert(trn_beacon_judge(&b, &a, &v));
    cr_assert_lt(v.score, 0.6, "%g %g %g %g", v.wall, v.awake, v.apart, v.phase);
}

Test(beacon_state, a_row_comes_back_as_it_was)
{
    struct trn_beacon back;
    struct trn_buf row;
    uint32_t t = 5;
    for (uint32_t i = 0; i < 50; i++)
        trn_beacon_connection(&b, t += (50 + i % 7) * S);
    trn_beacon_bytes_out(&b, 612);
    b.score = 80;
    trn_buf_init(&row, 4096);
    trn_beacon_encode(&b, &row);
    cr_assert_leq(row.n, 200, "%zu", row.n);
    cr_assert(trn_beacon_decode(trn_buf_str(&row), &back));
    struct trn_beacon_verdict v, w;
    cr_assert(trn_beacon_judge(&b, NULL, &v) && trn_beacon_judge(&back, NULL, &w));
    cr_assert_float_eq(v.score, w.score, 1e-12);
    cr_assert_eq(back.n_checkins, b.n_checkins);
    cr_assert_eq(back.modal, b.modal);
    for (size_t n = 0; n < row.n; n++) /* cut at any place it is no row, or one with less in its histogram */
        if (trn_beacon_decode((struct trn_str){row.p, n}, &back))
            cr_assert_geq(n, 34u + 2 * TRN_BEACON_RING);
    trn_buf_done(&row);
}

Test(beacon_state, the_record_of_being_awake_comes_back)
{
    struct trn_awake a, back;
    struct trn_buf row;
    office(&a, 5);
    trn_buf_init(&row, 4096);
    trn_awake_encode(&a, &row);
    cr_assert(trn_awake_decode(trn_buf_str(&row), &back));
    cr_assert_eq(back.n, 5);
    cr_assert_eq(back.s[4].to, a.s[4].to);
    cr_assert_not(trn_awake_decode((struct trn_str){row.p, row.n - 1}, &back));
    trn_buf_done(&row);
}

/* ---- the table ---- */

Test(beacon_state, a_flood_drives_out_itself)
{
    struct trn_beacon_table *t = trn_beacon_table_new(1000);
    struct trn_beacon gone;
    for (uint64_t k = 1; k <= 50; k++) {
        struct trn_beacon *row = trn_beacon_table_get(t, k, &gone);
        row->n_checkins = (uint32_t)k;
        trn_beacon_table_keep(row, 200);
    }
    size_t bytes = trn_beacon_table_bytes(t);
    for (uint64_t k = 1000; k < 1001000; k++)
        trn_beacon_table_get(t, k, &gone);
    cr_assert_eq(trn_beacon_table_count(t), 1000);
    cr_assert_eq(trn_beacon_table_evicted(t), 1000050 - 1000);
    cr_assert_eq(trn_beacon_table_bytes(t), bytes);
    for (uint64_t k = 1; k <= 50; k++) {
        struct trn_beacon *row = trn_beacon_table_find(t, k);
        cr_assert(row && row->n_checkins == k, "%u", (unsigned)k);
    }
    cr_assert_not(trn_beacon_table_find(t, 1000));
    cr_assert(trn_beacon_table_find(t, 1000999));
    trn_beacon_table_free(t);
}

Test(beacon_state, all_worth_keeping_still_makes_room)
{
    struct trn_beacon_table *t = trn_beacon_table_new(100);
    struct trn_beacon gone;
    for (uint64_t k = 1; k <= 5000; k++)
        trn_beacon_table_keep(trn_beacon_table_get(t, k, &gone), 255);
    cr_assert_eq(trn_beacon_table_count(t), 100);
    cr_assert_neq(gone.key, 0);
    cr_assert(trn_beacon_table_find(t, 5000));
    trn_beacon_table_free(t);
}

/* Calls a minute apart, n of them; what the table makes of a key must be what the functions make of it alone. */
static void call(struct trn_beacon *row, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        trn_beacon_connection(row, (1000 + i * 60 + i % 7) * TRN_BEACON_HZ);
}

static bool same(const struct trn_beacon *a, const struct trn_beacon *row)
{
    struct trn_buf x, y;
    trn_buf_init(&x, 4096);
    trn_buf_init(&y, 4096);
    trn_beacon_encode(a, &x);
    trn_beacon_encode(row, &y);
    bool ok = !x.bad && trn_str_eq(trn_buf_str(&x), trn_buf_str(&y)) && a->modal == row->modal &&
              a->lives == row->lives && memcmp(a->events, row->events, sizeof(a->events)) == 0;
    trn_buf_done(&x);
    trn_buf_done(&y);
    return ok;
}

Test(beacon_state, the_table_forgets_nothing_of_a_place_between_looks)
{
    struct trn_beacon_table *t = trn_beacon_table_new(1000);
    struct trn_beacon gone, alone;
    for (uint32_t n = 1; n <= 60; n++) {
        trn_beacon_init(&alone, n);
        for (uint32_t i = 0; i < n; i++) {
            struct trn_beacon *row = trn_beacon_table_get(t, n, &gone);
            call(row, i, i + 1);
            call(&alone, i, i + 1);
            row->events[i ? 1 + i % 3 : 0] = alone.events[i ? 1 + i % 3 : 0] = 5000 + i;
            trn_beacon_table_find(t, n + 1); /* something else is looked at */
        }
        const struct trn_beacon *row = trn_beacon_table_find(t, n);
        cr_assert(row && same(row, &alone), "%u", n);
    }
    trn_beacon_table_free(t);
}

Test(beacon_state, who_finds_no_room_at_length_is_remembered_shortly)
{
    struct trn_beacon_table *t = trn_beacon_table_new(1000); /* 250 at length */
    struct trn_beacon gone;
    for (uint64_t k = 1; k <= 600; k++) {
        struct trn_beacon *row = trn_beacon_table_get(t, k, &gone);
        call(row, 0, 20);
        trn_beacon_table_keep(row, 200);
    }
    uint32_t at_length = 0;
    for (uint64_t k = 1; k <= 600; k++) {
        const struct trn_beacon *row = trn_beacon_table_find(t, k);
        cr_assert(row && row->n_checkins == 20 && row->ring_n >= 5, "%u", (unsigned)k);
        at_length += row->ring_n == 19;
    }
    cr_assert_eq(at_length, 250);
    cr_assert_eq(trn_beacon_table_evicted(t), 0);
    trn_beacon_table_free(t);
}

Test(beacon_state, a_long_memory_that_nobody_looks_at_goes_to_who_calls)
{
    struct trn_beacon_table *t = trn_beacon_table_new(1000);
    struct trn_beacon gone;
    for (uint64_t k = 1; k <= 300; k++)
        call(trn_beacon_table_get(t, k, &gone), 0, 20); /* no lives: nothing worth keeping */
    const struct trn_beacon *last = trn_beacon_table_find(t, 300), *first = trn_beacon_table_find(t, 1);
    cr_assert(last && first);
    last = trn_beacon_table_find(t, 300);
    cr_assert_eq(last->ring_n, 19);
    first = trn_beacon_table_find(t, 1);
    cr_assert_eq(first->ring_n, 5);
    trn_beacon_table_free(t);
}

Test(beacon_state, a_hundred_thousand_fit_the_budget)
{
    struct trn_beacon_table *t = trn_beacon_table_new(100000);
    cr_assert_leq(trn_beacon_table_bytes(t), 13000000u);
    trn_beacon_table_free(t);
}
