/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the bytes of a list of accepted changes, and what a day is. Must not own: the file (accept.c). What is decoded was made
 * by a worker that may be under the control of the file it read.
 */
#include "policy/accept.h"

#define VERSION 1u

void trn_accept_encode(const struct trn_accept_list *a, struct trn_buf *out)
{
    trn_put_u8(out, VERSION);
    trn_put_u32(out, a->n);
    for (uint32_t i = 0; i < a->n; i++) {
        const struct trn_accept *e = &a->entries[i];
        trn_put_lstr(out, trn_str_of(e->check));
        trn_put_lstr(out, trn_str_of(e->path));
        trn_put(out, e->sha256, sizeof(e->sha256));
        trn_put_lstr(out, trn_str_of(e->version));
        trn_put_lstr(out, trn_str_of(e->reason));
        trn_put_u32(out, e->expires);
        trn_put_u32(out, e->line);
    }
}

static void take_text(struct trn_cursor *c, char *dst, size_t size, bool needed)
{
    struct trn_str s = trn_cur_lstr(c);
    if (trn_str_is_none(s) || s.n >= size || (needed && s.n == 0) || (s.n && memchr(s.p, 0, s.n)))
        c->bad = true;
    if (c->bad)
        return;
    memcpy(dst, s.p, s.n);
    dst[s.n] = '\0';
}

int trn_accept_decode(struct trn_cursor *in, struct trn_accept_list *ret)
{
    uint8_t version = trn_cur_u8(in);
    uint32_t n = trn_cur_u32le(in);
    if (version != VERSION || n > TRN_ACCEPT_MAX)
        in->bad = true;
    *ret = (struct trn_accept_list){.n = 0};
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        struct trn_accept *e = &ret->entries[i];
        take_text(in, e->check, sizeof(e->check), true);
        take_text(in, e->path, sizeof(e->path), true);
        (void)trn_cur_copy(in, e->sha256, sizeof(e->sha256));
        take_text(in, e->version, sizeof(e->version), false);
        take_text(in, e->reason, sizeof(e->reason), true);
        e->expires = trn_cur_u32le(in);
        e->line = trn_cur_u32le(in);
        if (e->expires > TRN_ACCEPT_DAYS_MAX)
            in->bad = true;
        ret->n++;
    }
    return trn_cur_end(in) ? 0 : -EBADMSG;
}

/* ---- days ---- */

static bool digits(struct trn_str s, size_t from, size_t n, uint32_t *ret)
{
    uint32_t v = 0;
    for (size_t i = from; i < from + n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        v = v * 10 + (uint32_t)(s.p[i] - '0');
    }
    *ret = v;
    return true;
}

int trn_accept_day(struct trn_str s, uint32_t *ret_days)
{
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint32_t y, m, d, days = 0;
    if (s.n != 10 || s.p[4] != '-' || s.p[7] != '-' || !digits(s, 0, 4, &y) || !digits(s, 5, 2, &m) ||
        !digits(s, 8, 2, &d) || y < 1970 || m < 1 || m > 12 || d < 1)
        return -EINVAL;
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    if (d > lengths[m - 1] + (uint32_t)(leap && m == 2))
        return -EINVAL;
    for (uint32_t i = 1; i < m; i++)
        days += lengths[i - 1] + (uint32_t)(leap && i == 2);
    uint32_t past = y - 1; /* whole years before this one */
    *ret_days = past * 365 + past / 4 - past / 100 + past / 400 - 719162u + days + d - 1;
    return 0;
}
