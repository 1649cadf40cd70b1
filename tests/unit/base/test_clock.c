/* SPDX-License-Identifier: Apache-2.0 */
/* Are times written and read exactly, over leap years, and is nonsense refused? */
#include "base/base.h"

#include <criterion/criterion.h>

static uint64_t parsed(const char *text)
{
    uint64_t v = 0;
    int r = trn_time_parse(trn_str_of(text), 10 * 86400 * TRN_NS_PER_SEC, &v);
    cr_assert_eq(r, 0, "'%s': %s", text, trn_errno_name(r));
    return v;
}

Test(clock, iso_text_of_known_times)
{
    static const struct {
        uint64_t sec;
        const char *text;
    } cases[] = {{0, "1970-01-01T00:00:00.000000005Z"},          {951782400, "2000-02-29T00:00:00.000000005Z"},
                 {1709164800, "2024-02-29T00:00:00.000000005Z"}, {1700000000, "2023-11-14T22:13:20.000000005Z"},
                 {4107542399, "2100-02-28T23:59:59.000000005Z"}, {4107542400, "2100-03-01T00:00:00.000000005Z"}};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        TRN_AUTO(trn_buf_done) struct trn_buf b;
        trn_buf_init(&b, 64);
        trn_put_time_iso(&b, cases[i].sec * TRN_NS_PER_SEC + 5);
        cr_assert_str_eq(b.p, cases[i].text);
        cr_assert_eq(parsed(cases[i].text), cases[i].sec * TRN_NS_PER_SEC + 5);
    }
}

Test(clock, every_day_survives_a_round_trip)
{
    for (uint64_t day = 0; day < 366 * 200; day++) {
        TRN_AUTO(trn_buf_done) struct trn_buf b;
        trn_buf_init(&b, 64);
        trn_put_time_iso(&b, day * 86400 * TRN_NS_PER_SEC);
        cr_assert_eq(parsed(b.p), day * 86400 * TRN_NS_PER_SEC, "day %llu", (unsigned long long)day);
    }
}

Test(clock, other_forms_are_understood)
{
    uint64_t noon = parsed("2023-11-14T12:00:00Z");
    cr_assert_eq(parsed("2023-11-14 12:00"), noon);
    cr_assert_eq(parsed("2023-11-14T13:30:00+01:30"), noon);
    cr_assert_eq(parsed("2023-11-14T07:00:00-0500"), noon);
    cr_assert_eq(parsed("2023-11-14t12:00:00.5z"), noon + TRN_NS_PER_SEC / 2);
    cr_assert_eq(parsed("2023-11-14T12:00:00.1234567899"), noon + 123456789);
    cr_assert_eq(parsed("2023-11-14"), noon - 43200 * TRN_NS_PER_SEC);
    cr_assert_eq(parsed("2h"), (10 * 86400 - 7200) * TRN_NS_PER_SEC);
    cr_assert_eq(parsed("7d"), 3 * 86400 * TRN_NS_PER_SEC);
}

Test(clock, nonsense_is_refused)
{
    static const char *const bad[] = {"",
                                      "x",
                                      "5",
                                      "m",
                                      "5y",
                                      "-5m",
                                      "11d",
                                      "99999999999d",
                                      "2023-02-29",
                                      "2023-13-01",
                                      "2023-00-10",
                                      "2023-11-31",
                                      "2023-11-14T",
                                      "2023-11-14T24:00",
                                      "2023-11-14T12:60",
                                      "2023-11-14T12:00:61",
                                      "2023-11-14T12:00:00.",
                                      "2023-11-14T12:00:00Zx",
                                      "2023-11-14T12:00:00+1",
                                      "2023-11-14T12:00:00+24:00",
                                      "1969-12-31",
                                      "1970-01-01T00:00:00+01:00",
                                      "9999-01-01",
                                      "2023-11-14\n"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(bad); i++) {
        uint64_t v = 77;
        cr_assert_lt(trn_time_parse(trn_str_of(bad[i]), 10 * 86400 * TRN_NS_PER_SEC, &v), 0, "'%s'", bad[i]);
        cr_assert_eq(v, 77, "untouched on failure");
    }
}

Test(clock, spans_for_people)
{
    static const struct {
        uint64_t ms;
        const char *text;
    } cases[] = {{0, "0 ms"},     {99, "99 ms"},      {400, "0.4 s"},       {9999, "9.9 s"},
                 {19000, "19 s"}, {482000, "8m 02s"}, {11100000, "3h 05m"}, {12 * 86400000ull, "12 days"}};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        TRN_AUTO(trn_buf_done) struct trn_buf b;
        trn_buf_init(&b, 64);
        trn_put_span(&b, cases[i].ms * TRN_NS_PER_MS);
        cr_assert_str_eq(b.p, cases[i].text);
    }
}

Test(clock, clocks_go_forward)
{
    uint64_t boot = trn_boot_ns(), mono = trn_mono_ns();
    cr_assert(boot > 0 && mono > 0 && trn_boot_ns() >= boot && trn_mono_ns() >= mono);
    cr_assert_gt(trn_wall_ns(), 1700000000 * TRN_NS_PER_SEC);
}
