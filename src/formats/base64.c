/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what counts as base64 and what it decodes to. Must not own: deciding what the decoded bytes mean.
 * Hand-offs: none.
 */
#include "formats/base64.h"

#define LEAST_DISTINCT 20 /* 48 random bytes show about 40 different characters */
#define DOLLAR_DISTINCT 12

/* 0-63, 64 for '=', 65 white space, 255 none. Both alphabets. */
static uint8_t value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint8_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint8_t)(c - 'a' + 26);
    if (c >= '0' && c <= '9')
        return (uint8_t)(c - '0' + 52);
    if (c == '+' || c == '-')
        return 62;
    if (c == '/' || c == '_')
        return 63;
    if (c == '=')
        return 64;
    return c == '\n' || c == '\r' ? 65 : 255;
}

void trn_base64_begin(struct trn_base64_finder *f, uint64_t at)
{
    *f = (struct trn_base64_finder){.at = at};
}

static bool plausible(const struct trn_base64_finder *f)
{
    int distinct = 0, upper = 0, lower = 0, other = 0;
    for (int c = 0; c < 256; c++) {
        if (!(f->seen[c / 8] & 1u << c % 8))
            continue;
        distinct++;
        upper += c >= 'A' && c <= 'Z';
        lower += c >= 'a' && c <= 'z';
        other += c < 'A';
    }
    return distinct >= (f->now.dollar ? DOLLAR_DISTINCT : LEAST_DISTINCT) && upper && lower && other;
}

static void close_run(struct trn_base64_finder *f)
{
    if (f->now.size > f->best.size && plausible(f))
        f->best = f->now;
    f->now.size = 0;
    f->padded = false;
    memset(f->seen, 0, sizeof(f->seen));
}

void trn_base64_feed(struct trn_base64_finder *f, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++, f->at++) {
        uint8_t v = value(p[i]);
        bool goes_on = v < 64 && !f->padded;
        if (v == 65 && f->now.size && f->breaks < 2) {
            f->breaks++;
        } else if (v == 64 && f->now.size) {
            f->padded = true;
            f->now.size++;
        } else if (goes_on) {
            if (!f->now.size)
                f->now = (struct trn_base64_run){.at = f->at, .dollar = f->before == '$'};
            f->now.size++;
            f->breaks = 0;
            f->seen[p[i] / 8] |= (uint8_t)(1u << p[i] % 8);
        } else {
            close_run(f);
            if (v < 64) { /* text right behind a padded run: a new one */
                f->now = (struct trn_base64_run){.at = f->at, .size = 1};
                f->seen[p[i] / 8] |= (uint8_t)(1u << p[i] % 8);
            }
        }
        f->before = p[i];
    }
}

struct trn_base64_run trn_base64_end(struct trn_base64_finder *f, uint64_t least)
{
    close_run(f);
    return f->best.size >= least ? f->best : (struct trn_base64_run){0};
}

int64_t trn_base64_decode(struct trn_str s, uint8_t *dst, size_t size)
{
    uint32_t bits = 0, have = 0;
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t v = value((uint8_t)s.p[i]);
        if (v == 64 || v == 65 || s.p[i] == ' ' || s.p[i] == '\t')
            continue;
        if (v > 63)
            return -EBADMSG;
        bits = bits << 6 | v;
        have += 6;
        if (have < 8)
            continue;
        if (n == size)
            return -ENOSPC;
        have -= 8;
        dst[n++] = (uint8_t)(bits >> have);
        bits &= (1u << have) - 1;
    }
    return (int64_t)n;
}
