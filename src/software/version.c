/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the order of versions, as dpkg has it (deb-version(7)): epoch, upstream version, revision; '~'
 * before everything, even the end; letters before other signs; runs of digits as numbers of any
 * length. Must not own: whether a version is well formed. Absent or empty is the lowest.
 */
#include "software/software.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Weight of a byte outside numbers; a number or the end weighs 0. */
static int weight(struct trn_str s, size_t at)
{
    if (at >= s.n || is_digit(s.p[at]))
        return 0;
    unsigned char c = (unsigned char)s.p[at];
    if (c == '~')
        return -1;
    return is_letter((char)c) ? c : c + 256;
}

static size_t skip_zeros(struct trn_str s, size_t at)
{
    while (at < s.n && s.p[at] == '0')
        at++;
    return at;
}

static int compare_part(struct trn_str a, struct trn_str b)
{
    size_t i = 0, j = 0;
    while (i < a.n || j < b.n) {
        while ((i < a.n && !is_digit(a.p[i])) || (j < b.n && !is_digit(b.p[j]))) {
            int x = weight(a, i), y = weight(b, j);
            if (x != y)
                return x < y ? -1 : 1;
            i++; /* equal weights other than 0: both had a byte here */
            j++;
        }
        i = skip_zeros(a, i);
        j = skip_zeros(b, j);
        int first = 0;
        while (i < a.n && j < b.n && is_digit(a.p[i]) && is_digit(b.p[j])) {
            if (!first && a.p[i] != b.p[j])
                first = a.p[i] < b.p[j] ? -1 : 1;
            i++;
            j++;
        }
        bool more_a = i < a.n && is_digit(a.p[i]), more_b = j < b.n && is_digit(b.p[j]);
        if (more_a != more_b)
            return more_a ? 1 : -1;
        if (first)
            return first;
    }
    return 0;
}

/* Splits "epoch:upstream-revision"; no epoch is 0, no revision is empty. */
static void split(struct trn_str v, struct trn_str part[3])
{
    ptrdiff_t colon = trn_str_find(v, ':');
    part[0] = colon < 0 ? TRN_STR("") : trn_str_slice(v, 0, (size_t)colon);
    if (colon >= 0)
        v = trn_str_slice(v, (size_t)colon + 1, v.n);
    ptrdiff_t dash = trn_str_rfind(v, '-');
    part[2] = dash < 0 ? TRN_STR("") : trn_str_slice(v, (size_t)dash + 1, v.n);
    part[1] = dash < 0 ? v : trn_str_slice(v, 0, (size_t)dash);
}

int trn_version_compare(struct trn_str a, struct trn_str b)
{
    struct trn_str x[3], y[3];
    split(a, x);
    split(b, y);
    for (int i = 0; i < 3; i++) {
        int c = compare_part(x[i], y[i]);
        if (c)
            return c;
    }
    return 0;
}
