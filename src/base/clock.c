/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: reading clocks, and time as text (always UTC, so that no time zone file is opened).
 * Must not: be called by the pure engine for the current time; only recorder and edges do that.
 */
#include "base/clock.h"

#include "base/checked.h"

#include <time.h>

#define SEC_PER_DAY 86400ull

static uint64_t now(clockid_t id)
{
    struct timespec t;
    if (clock_gettime(id, &t) < 0)
        return 0;
    return (uint64_t)t.tv_sec * TRN_NS_PER_SEC + (uint64_t)t.tv_nsec;
}

uint64_t trn_boot_ns(void)
{
    return now(CLOCK_BOOTTIME);
}

uint64_t trn_wall_ns(void)
{
    return now(CLOCK_REALTIME);
}

uint64_t trn_mono_ns(void)
{
    return now(CLOCK_MONOTONIC);
}

/* Days since 1970-01-01 to a date of the Gregorian calendar and back (400-year eras that begin in
 * March, so that the leap day is the last day of its year). */
static void civil_of(uint64_t days, unsigned *ret_year, unsigned *ret_month, unsigned *ret_day)
{
    uint64_t z = days + 719468;
    uint64_t era = z / 146097, doe = z % 146097;
    uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    uint64_t mp = (5 * doy + 2) / 153;
    *ret_day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
    *ret_month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
    *ret_year = (unsigned)(yoe + era * 400 + (*ret_month <= 2));
}

static uint64_t days_of(unsigned year, unsigned month, unsigned day)
{
    uint64_t y = month <= 2 ? year - 1 : year;
    uint64_t era = y / 400, yoe = y % 400;
    uint64_t doy = (153 * (month > 2 ? month - 3u : month + 9u) + 2) / 5 + day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void trn_put_time_iso(struct trn_buf *b, uint64_t wall_ns)
{
    uint64_t sec = wall_ns / TRN_NS_PER_SEC, in_day = sec % SEC_PER_DAY;
    unsigned year, month, day;
    civil_of(sec / SEC_PER_DAY, &year, &month, &day);
    trn_put_fmt(b, "%04u-%02u-%02uT%02u:%02u:%02u.%09uZ", year, month, day, (unsigned)(in_day / 3600),
                (unsigned)(in_day / 60 % 60), (unsigned)(in_day % 60), (unsigned)(wall_ns % TRN_NS_PER_SEC));
}

void trn_put_span(struct trn_buf *b, uint64_t ns)
{
    uint64_t ms = ns / TRN_NS_PER_MS, sec = ns / TRN_NS_PER_SEC;
    if (ms < 100)
        trn_put_fmt(b, "%u ms", (unsigned)ms);
    else if (sec < 10)
        trn_put_fmt(b, "%u.%u s", (unsigned)sec, (unsigned)(ms / 100 % 10));
    else if (sec < 60)
        trn_put_fmt(b, "%u s", (unsigned)sec);
    else if (sec < 3600)
        trn_put_fmt(b, "%um %02us", (unsigned)(sec / 60), (unsigned)(sec % 60));
    else if (sec < 2 * SEC_PER_DAY)
        trn_put_fmt(b, "%uh %02um", (unsigned)(sec / 3600), (unsigned)(sec / 60 % 60));
    else
        trn_put_fmt(b, "%llu days", (unsigned long long)(sec / SEC_PER_DAY));
}

/* Consumes exactly n digits from the front of *s. */
static bool digits(struct trn_str *s, size_t n, unsigned *ret)
{
    unsigned v = 0;
    if (s->n < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        v = v * 10 + (unsigned)(s->p[i] - '0');
    }
    *s = trn_str_slice(*s, n, s->n);
    *ret = v;
    return true;
}

static bool one_of(struct trn_str *s, const char *set, char *ret)
{
    if (s->n == 0 || s->p[0] == '\0' || !strchr(set, s->p[0]))
        return false;
    *ret = s->p[0];
    *s = trn_str_slice(*s, 1, s->n);
    return true;
}

static int parse_relative(struct trn_str s, uint64_t now_wall_ns, uint64_t *ret_wall_ns)
{
    static const struct {
        char unit;
        uint64_t sec;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', SEC_PER_DAY}, {'w', 7 * SEC_PER_DAY}};
    uint64_t count, ns;
    if (s.n < 2 || trn_str_u64(trn_str_slice(s, 0, s.n - 1), &count) < 0)
        return -EINVAL;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(units); i++) {
        if (s.p[s.n - 1] != units[i].unit)
            continue;
        if (!trn_mul_ok(count, units[i].sec * TRN_NS_PER_SEC, &ns) || ns > now_wall_ns)
            return -ERANGE;
        *ret_wall_ns = now_wall_ns - ns;
        return 0;
    }
    return -EINVAL;
}

static bool parse_date(struct trn_str *s, uint64_t *ret_days)
{
    static const unsigned days_in[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year, month, day;
    char c;
    if (!digits(s, 4, &year) || !one_of(s, "-", &c) || !digits(s, 2, &month) || !one_of(s, "-", &c) ||
        !digits(s, 2, &day))
        return false;
    if (year < 1970 || year > 2500 || month < 1 || month > 12 || day < 1 || day > days_in[month - 1])
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (month == 2 && day == 29 && !leap)
        return false;
    *ret_days = days_of(year, month, day);
    return true;
}

/* ".123456789": digits beyond nanoseconds are read and dropped. */
static bool parse_fraction(struct trn_str *s, uint64_t *ret_ns)
{
    uint64_t ns = 0, unit = TRN_NS_PER_SEC;
    unsigned d;
    if (!digits(s, 1, &d))
        return false;
    do {
        unit /= 10;
        ns += d * unit;
    } while (digits(s, 1, &d));
    *ret_ns = ns;
    return true;
}

static bool parse_zone(struct trn_str *s, int64_t *ret_offset_sec)
{
    unsigned hour, minute;
    char sign, c;
    *ret_offset_sec = 0;
    if (s->n == 0 || one_of(s, "Zz", &c))
        return true;
    if (!one_of(s, "+-", &sign) || !digits(s, 2, &hour))
        return false;
    one_of(s, ":", &c);
    if (!digits(s, 2, &minute) || hour > 23 || minute > 59)
        return false;
    *ret_offset_sec = (int64_t)(hour * 3600 + minute * 60) * (sign == '-' ? -1 : 1);
    return true;
}

int trn_time_parse(struct trn_str s, uint64_t now_wall_ns, uint64_t *ret_wall_ns)
{
    uint64_t days, ns = 0;
    unsigned hour = 0, minute = 0, second = 0;
    int64_t offset = 0;
    char c;
    if (trn_str_find(s, '-') < 0)
        return parse_relative(s, now_wall_ns, ret_wall_ns);
    if (!parse_date(&s, &days))
        return -EINVAL;
    if (one_of(&s, "Tt ", &c)) {
        if (!digits(&s, 2, &hour) || !one_of(&s, ":", &c) || !digits(&s, 2, &minute))
            return -EINVAL;
        if (one_of(&s, ":", &c) && !digits(&s, 2, &second))
            return -EINVAL;
        if (one_of(&s, ".,", &c) && !parse_fraction(&s, &ns))
            return -EINVAL;
        if (!parse_zone(&s, &offset))
            return -EINVAL;
    }
    if (s.n > 0 || hour > 23 || minute > 59 || second > 60)
        return -EINVAL;
    int64_t sec = (int64_t)(days * SEC_PER_DAY + hour * 3600 + minute * 60 + second) - offset;
    if (sec < 0)
        return -ERANGE;
    *ret_wall_ns = (uint64_t)sec * TRN_NS_PER_SEC + ns;
    return 0;
}
