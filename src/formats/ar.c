/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: headers of ar archives, with the two ways of long names (System V "/12", BSD "#1/20").
 * Must not: look into members, decide what a doubtful archive means.
 */
#include "formats/ar.h"

#define LONG_NAMES_MAX (1u << 20)
#define NAME_MAX_BSD 4096u

static struct trn_str field(struct trn_str header, size_t at, size_t n)
{
    return trn_str_trim(trn_str_slice(header, at, n));
}

static bool octal(struct trn_str s, uint32_t *ret)
{
    uint32_t v = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '7')
            return false;
        v = v * 8 + (uint32_t)(s.p[i] - '0');
    }
    *ret = v;
    return true;
}

static struct trn_str long_name(const struct trn_ar *ar, uint64_t at)
{
    if (at >= ar->long_names.n)
        return TRN_STR_NONE;
    struct trn_str rest = trn_str_slice(ar->long_names, (size_t)at, ar->long_names.n);
    ptrdiff_t end = trn_str_find(rest, '\n');
    rest = trn_str_slice(rest, 0, end < 0 ? rest.n : (size_t)end);
    return rest.n && rest.p[rest.n - 1] == '/' ? trn_str_slice(rest, 0, rest.n - 1) : rest;
}

/* The names that stand elsewhere, and the tables. */
static int resolve(const struct trn_source *s, struct trn_ar *ar, struct trn_arena *arena, struct trn_ar_member *m)
{
    uint64_t n;
    if (trn_str_eq_c(m->name, "/") || trn_str_eq_c(m->name, "/SYM64/") ||
        trn_str_starts(m->name, TRN_STR("__.SYMDEF"))) {
        m->table = true;
        return 0;
    }
    if (trn_str_eq_c(m->name, "//")) {
        m->table = true;
        return m->size <= LONG_NAMES_MAX && m->at <= s->size && m->size <= s->size - m->at
                   ? trn_source_take(s, m->at, (size_t)m->size, arena, &ar->long_names)
                   : -EBADMSG;
    }
    if (trn_str_starts(m->name, TRN_STR("#1/")) && trn_str_u64(trn_str_slice(m->name, 3, m->name.n), &n) == 0) {
        if (n > m->size || n > NAME_MAX_BSD)
            return -EBADMSG;
        int e = trn_source_take(s, m->at, (size_t)n, arena, &m->name);
        while (e == 0 && m->name.n && m->name.p[m->name.n - 1] == '\0')
            m->name.n--;
        m->at += n;
        m->size -= n;
        return e;
    }
    if (m->name.n > 1 && m->name.p[0] == '/' && trn_str_u64(trn_str_slice(m->name, 1, m->name.n), &n) == 0)
        m->name = long_name(ar, n);
    else if (m->name.n > 1 && m->name.p[m->name.n - 1] == '/')
        m->name.n--;
    return trn_str_is_none(m->name) ? -EBADMSG : 0;
}

int trn_ar_next(const struct trn_source *s, uint64_t *at, struct trn_ar *ar, struct trn_arena *arena,
                struct trn_ar_member *ret)
{
    struct trn_str h;
    char c;
    while (*at < s->size && trn_source_read(s, *at, &c, 1) == 1 && c == '\n' && s->size - *at < TRN_AR_HEADER)
        ++*at;
    if (*at >= s->size)
        return 0;
    int e = trn_source_take(s, *at, TRN_AR_HEADER, arena, &h);
    if (e < 0)
        return e;
    struct trn_ar_member m = {.header_at = *at, .at = *at + TRN_AR_HEADER, .name = field(h, 0, 16)};
    if (h.p[58] != '`' || h.p[59] != '\n' || trn_str_u64(field(h, 48, 10), &m.size) < 0)
        return -EBADMSG;
    (void)octal(field(h, 40, 8), &m.mode);
    uint64_t next = m.at + m.size + (m.size & 1); /* at most ten digits: no wrap */
    e = resolve(s, ar, arena, &m);
    if (e < 0)
        return e;
    *at = next;
    *ret = m;
    return 1;
}
