/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: operations on borrowed views of bytes.
 * Must not: allocate, or assume that a view is text or NUL-terminated.
 * Ownership: every returned view borrows from its argument.
 */
#include "base/str.h"

bool trn_str_eq(struct trn_str a, struct trn_str b)
{
    if (!a.p || !b.p)
        return !a.p && !b.p;
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool trn_str_eq_c(struct trn_str a, const char *b)
{
    return trn_str_eq(a, trn_str_of(b));
}

int trn_str_cmp(struct trn_str a, struct trn_str b)
{
    if (!a.p || !b.p)
        return (a.p != NULL) - (b.p != NULL);
    size_t n = TRN_MIN(a.n, b.n);
    int c = n ? memcmp(a.p, b.p, n) : 0;
    if (c != 0)
        return c < 0 ? -1 : 1;
    return (a.n > b.n) - (a.n < b.n);
}

const char *trn_str_in_table(struct trn_str s, const char *const *table, size_t n)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = trn_str_cmp(s, trn_str_of(table[mid]));
        if (c == 0)
            return table[mid];
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

bool trn_str_starts(struct trn_str s, struct trn_str prefix)
{
    if (!s.p || prefix.n > s.n)
        return false;
    return prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0;
}

bool trn_str_ends(struct trn_str s, struct trn_str suffix)
{
    if (!s.p || suffix.n > s.n)
        return false;
    return suffix.n == 0 || memcmp(s.p + (s.n - suffix.n), suffix.p, suffix.n) == 0;
}

bool trn_str_contains(struct trn_str s, struct trn_str needle)
{
    if (!s.p)
        return false;
    return needle.n == 0 || (s.n > 0 && memmem(s.p, s.n, needle.p, needle.n) != NULL);
}

ptrdiff_t trn_str_find(struct trn_str s, char c)
{
    const char *at = s.n ? memchr(s.p, c, s.n) : NULL;
    return at ? at - s.p : -1;
}

ptrdiff_t trn_str_rfind(struct trn_str s, char c)
{
    const char *at = s.n ? memrchr(s.p, c, s.n) : NULL;
    return at ? at - s.p : -1;
}

struct trn_str trn_str_slice(struct trn_str s, size_t from, size_t n)
{
    if (!s.p)
        return TRN_STR_NONE;
    from = TRN_MIN(from, s.n);
    return (struct trn_str){s.p + from, TRN_MIN(n, s.n - from)};
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct trn_str trn_str_trim(struct trn_str s)
{
    while (s.n > 0 && is_space(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

/* "/usr/bin//" and "/usr/bin" name the same place; the root alone keeps its slash. */
static struct trn_str without_end_slashes(struct trn_str path)
{
    while (path.n > 1 && path.p[path.n - 1] == '/')
        path.n--;
    return path;
}

struct trn_str trn_path_base(struct trn_str path)
{
    path = without_end_slashes(path);
    if (path.n <= 1)
        return path;
    size_t from = (size_t)(trn_str_rfind(path, '/') + 1);
    return trn_str_slice(path, from, path.n);
}

struct trn_str trn_path_dir(struct trn_str path)
{
    path = without_end_slashes(path);
    ptrdiff_t slash = trn_str_rfind(path, '/');
    if (slash < 0)
        return trn_str_slice(path, 0, 0);
    return without_end_slashes(trn_str_slice(path, 0, slash == 0 ? 1 : (size_t)slash));
}

bool trn_str_split(struct trn_str *rest, char c, struct trn_str *ret_piece)
{
    if (!rest->p)
        return false;
    ptrdiff_t at = trn_str_find(*rest, c);
    if (at < 0) {
        *ret_piece = *rest;
        *rest = TRN_STR_NONE;
        return true;
    }
    *ret_piece = trn_str_slice(*rest, 0, (size_t)at);
    *rest = trn_str_slice(*rest, (size_t)at + 1, rest->n);
    return true;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 99;
}

bool trn_str_one_of(struct trn_str s, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s.n && s.p[0] == words[i][0] && trn_str_eq_c(s, words[i]))
            return true;
    return false;
}

size_t trn_utf8_of(uint32_t c, char dst[4])
{
    if (c < 0x80) {
        dst[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        dst[0] = (char)(0xc0 | c >> 6);
        dst[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        dst[0] = (char)(0xe0 | c >> 12);
        dst[1] = (char)(0x80 | (c >> 6 & 0x3f));
        dst[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    dst[0] = (char)(0xf0 | (c >> 18 & 7));
    dst[1] = (char)(0x80 | (c >> 12 & 0x3f));
    dst[2] = (char)(0x80 | (c >> 6 & 0x3f));
    dst[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

int trn_str_u64(struct trn_str s, uint64_t *ret)
{
    int base = 10;
    uint64_t value = 0;
    if (s.n > 2 && s.p[0] == '0' && (s.p[1] == 'x' || s.p[1] == 'X')) {
        base = 16;
        s = trn_str_slice(s, 2, s.n);
    }
    if (s.n == 0)
        return -EINVAL;
    for (size_t i = 0; i < s.n; i++) {
        if (digit_of(s.p[i]) >= base)
            return -EINVAL;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit_of(s.p[i]), &value))
            return -ERANGE;
    }
    *ret = value;
    return 0;
}

static char folded(char c, bool fold)
{
    return fold && c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Matches one pattern element that is not a star against one byte; *ret_next is the element's end.
 * A backslash at the very end of the pattern stands for itself. */
static bool glob_one(struct trn_str pattern, size_t at, char c, bool fold, size_t *ret_next)
{
    char want = pattern.p[at];
    if (want == '?') {
        *ret_next = at + 1;
        return true;
    }
    if (want == '\\' && at + 1 < pattern.n)
        want = pattern.p[++at];
    *ret_next = at + 1;
    return folded(want, fold) == folded(c, fold);
}

bool trn_glob(struct trn_str pattern, struct trn_str s, bool fold)
{
    size_t pat = 0, at = 0, star = SIZE_MAX, star_at = 0;
    if (!pattern.p || !s.p)
        return false;
    while (at < s.n) {
        size_t next;
        if (pat < pattern.n && pattern.p[pat] == '*') {
            star = ++pat;
            star_at = at;
        } else if (pat < pattern.n && glob_one(pattern, pat, s.p[at], fold, &next)) {
            pat = next;
            at++;
        } else if (star != SIZE_MAX) {
            /* Only the last star ever needs to grow: an earlier one cannot match more usefully. */
            pat = star;
            at = ++star_at;
        } else {
            return false;
        }
    }
    while (pat < pattern.n && pattern.p[pat] == '*')
        pat++;
    return pat == pattern.n;
}
