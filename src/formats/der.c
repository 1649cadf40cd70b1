/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: heads, lengths and ends of DER elements, times and OIDs as text. Must not own: what any structure means.
 * Hand-offs: views of the bytes that were given; only octets in parts are copied into the arena.
 */
#include "formats/der.h"

#include <ctype.h>
#include <stdio.h>

#define INDEFINITE SIZE_MAX

/* Identifier and length; the cursor stands behind them. */
static int head(struct trn_cursor *c, uint8_t *ret_ident, size_t *ret_n)
{
    uint8_t ident = trn_cur_u8(c);
    if ((ident & 0x1f) == 0x1f) { /* a number of several bytes */
        size_t n = 0;
        while (trn_cur_u8(c) & 0x80 && ++n < 5)
            ;
        c->bad |= n >= 5;
    }
    uint8_t first = trn_cur_u8(c);
    uint64_t n = first & 0x7f;
    if (first == 0x80) {
        *ret_n = INDEFINITE;
        c->bad |= !(ident & 0x20);
    } else if (first & 0x80) {
        unsigned bytes = first & 0x7f;
        c->bad |= bytes > 8;
        n = 0;
        for (unsigned i = 0; i < bytes && !c->bad; i++)
            n = n << 8 | trn_cur_u8(c);
        c->bad |= n >= INT64_MAX;
    }
    if (first != 0x80)
        *ret_n = (size_t)n;
    *ret_ident = ident;
    return c->bad ? -EBADMSG : 0;
}

/* Goes to behind the end mark that belongs to an indefinite length; the length of what stood before it. */
static size_t to_end_mark(struct trn_cursor *c)
{
    size_t from = c->at, n = 0;
    uint8_t ident = 0;
    for (unsigned depth = 1; depth;) {
        size_t at = c->at;
        if (head(c, &ident, &n) < 0)
            return 0;
        if (n == INDEFINITE) {
            if (++depth > TRN_DER_DEPTH)
                c->bad = true;
        } else if (ident == 0 && n == 0) {
            if (--depth == 0)
                return at - from;
        } else {
            trn_cur_skip(c, n);
        }
        if (c->bad)
            return 0;
    }
    return 0;
}

int trn_der_next(struct trn_cursor *c, struct trn_der *ret)
{
    struct trn_der d = {0};
    size_t from = c->at, n = 0;
    if (!c->bad && c->at == c->n)
        return -ENOENT;
    if (head(c, &d.ident, &n) < 0)
        return -EBADMSG;
    const char *body = (const char *)c->p + c->at;
    d.indefinite = n == INDEFINITE;
    if (d.indefinite)
        d.body = (struct trn_str){body, to_end_mark(c)};
    else
        d.body = trn_cur_bytes(c, n);
    if (c->bad)
        return -EBADMSG;
    d.whole = (struct trn_str){(const char *)c->p + from, c->at - from};
    *ret = d;
    return 0;
}

int trn_der_expect(struct trn_cursor *c, uint8_t ident, struct trn_der *ret)
{
    struct trn_der d;
    int e = trn_der_next(c, &d);
    if (e == 0 && d.ident != ident)
        e = -EBADMSG;
    if (e < 0) {
        c->bad = true;
        return -EBADMSG;
    }
    *ret = d;
    return 0;
}

bool trn_der_accept(struct trn_cursor *c, uint8_t ident, struct trn_der *ret)
{
    return !c->bad && c->at < c->n && c->p[c->at] == ident && trn_der_next(c, ret) == 0;
}

int trn_der_size(struct trn_str bytes, uint64_t *ret)
{
    struct trn_cursor c = trn_cur_of(bytes);
    uint8_t ident;
    size_t n = 0;
    uint64_t all;
    if (head(&c, &ident, &n) < 0)
        return -EBADMSG;
    if (n == INDEFINITE)
        return -ENODATA;
    if (!trn_add_ok((uint64_t)n, (uint64_t)c.at, &all))
        return -EBADMSG;
    *ret = all;
    return 0;
}

int trn_der_octets(const struct trn_der *d, struct trn_arena *a, struct trn_str *ret)
{
    struct trn_cursor c = trn_cur_of(d->body);
    struct trn_der part;
    size_t n = 0;
    int e;
    if (!(d->ident & 0x20)) {
        *ret = d->body;
        return 0;
    }
    char *all = trn_arena_alloc(a, d->body.n + 1);
    if (!all)
        return -ENOMEM;
    while ((e = trn_der_next(&c, &part)) == 0) {
        if (part.ident != TRN_DER_OCTETS)
            return -EBADMSG;
        memcpy(all + n, part.body.p, part.body.n);
        n += part.body.n;
    }
    if (e != -ENOENT)
        return e;
    *ret = (struct trn_str){all, n};
    return 0;
}

static const char *no_oid(char dst[TRN_DER_OID_TEXT])
{
    dst[0] = '?';
    dst[1] = '\0';
    return dst;
}

const char *trn_der_oid_text(struct trn_str oid, char dst[TRN_DER_OID_TEXT])
{
    struct trn_cursor c = trn_cur_of(oid);
    size_t at = 0;
    for (bool first = true; trn_cur_left(&c); first = false) {
        uint64_t v = 0;
        uint8_t b;
        do {
            b = trn_cur_u8(&c);
            if (c.bad || v >> 56)
                return no_oid(dst);
            v = v << 7 | (b & 0x7f);
        } while (b & 0x80);
        uint64_t top = TRN_MIN(v / 40, 2u);
        int n = first ? snprintf(dst + at, TRN_DER_OID_TEXT - at, "%llu.%llu", (unsigned long long)top,
                                 (unsigned long long)(v - 40 * top))
                      : snprintf(dst + at, TRN_DER_OID_TEXT - at, ".%llu", (unsigned long long)v);
        at += (size_t)n;
        if (at >= TRN_DER_OID_TEXT)
            return no_oid(dst);
    }
    return at ? dst : no_oid(dst);
}

static int digits(struct trn_cursor *c, unsigned n)
{
    int v = 0;
    for (unsigned i = 0; i < n; i++) {
        uint8_t b = trn_cur_u8(c);
        c->bad |= !isdigit(b);
        v = 10 * v + (b - '0');
    }
    return c->bad ? 0 : v;
}

/* Days since 1970-01-01 of the proleptic Gregorian calendar. */
static int64_t days_from_civil(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400, doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

int trn_der_time(const struct trn_der *d, int64_t *ret)
{
    struct trn_cursor c = trn_cur_of(d->body);
    if (d->ident != TRN_DER_UTC_TIME && d->ident != TRN_DER_TIME)
        return -EBADMSG;
    int year = digits(&c, d->ident == TRN_DER_TIME ? 4 : 2);
    if (d->ident == TRN_DER_UTC_TIME)
        year += year < 50 ? 2000 : 1900;
    int month = digits(&c, 2), day = digits(&c, 2), hour = digits(&c, 2), minute = digits(&c, 2), second = 0;
    if (trn_cur_left(&c) && isdigit(c.p[c.at]))
        second = digits(&c, 2);
    if (trn_cur_left(&c) && c.p[c.at] == '.') /* a fraction: not needed */
        for (trn_cur_skip(&c, 1); trn_cur_left(&c) && isdigit(c.p[c.at]);)
            trn_cur_skip(&c, 1);
    if (trn_cur_u8(&c) != 'Z' || !trn_cur_end(&c) || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 ||
        minute > 59 || second > 60)
        return -EBADMSG;
    *ret = days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return 0;
}
