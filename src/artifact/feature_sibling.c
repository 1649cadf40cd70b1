/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: names of libraries and programs that stand as whole texts in an ELF or Mach-O file, of code that can read files.
 * (Of Windows images check_pe_reads.c knows more: it follows the code.)
 * Must not own: whether such a file is in the release, and what follows from it (src/release/).
 * Hand-offs: texts live in the look's arena.
 */
#include "artifact/feature_code.h"

#include <ctype.h>
#include <strings.h>

#define OVERLAP 512u
#define NAMES_MAX 64u
#define NAME_SIZE 96u

struct names {
    struct trn_look *l;
    const struct trn_sibling_names *how;
    struct trn_str told[NAMES_MAX];
    size_t n;
};

static bool same(struct trn_str a, struct trn_str b)
{
    return a.n == b.n && a.n && strncasecmp(a.p, b.p, a.n) == 0;
}

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("._-+@", c));
}

/* A whole ending behind the dot at i: where the text is over, 0: none. */
static size_t end_of(struct trn_str b, size_t i)
{
    static const char *const endings[] = {".dll", ".exe", ".dylib", ".node", ".so"};
    for (size_t k = 0; k < TRN_ARRAY_SIZE(endings); k++) {
        size_t end = i + strlen(endings[k]);
        if (end >= b.n || strncasecmp(b.p + i, endings[k], end - i) != 0)
            continue;
        while (k == 4 && end < b.n && (b.p[end] == '.' || isdigit((unsigned char)b.p[end])))
            end++; /* libx.so.1.2 */
        return end < b.n && b.p[end] == '\0' ? end : 0;
    }
    return 0;
}

static int tell(struct names *x, struct trn_str name, uint64_t at)
{
    if (name.n < 5 || name.n > NAME_SIZE || x->n == NAMES_MAX || same(name, x->l->name))
        return 0;
    for (size_t i = 0; i < x->how->n_skip; i++)
        if (same(trn_path_base(x->how->skip[i]), name))
            return 0;
    for (size_t i = 0; i < x->n; i++)
        if (same(x->told[i], name))
            return 0;
    x->told[x->n++] = name = trn_feature_lower(x->l, name);
    return trn_look_fact(x->l, TRN_FEATURE_SIBLING, "", name, x->how->weight, at);
}

/* first: nothing stands before it */
static int in_window(void *ctx, struct trn_str b, uint64_t at, bool first)
{
    struct names *x = ctx;
    for (const char *p = b.p; (p = memchr(p, '.', b.n - (size_t)(p - b.p))); p++) {
        size_t i = (size_t)(p - b.p), from = i, end = end_of(b, i);
        if (!end)
            continue;
        while (from > 0 && is_name_char(b.p[from - 1]) && i - from < NAME_SIZE)
            from--;
        if (from == 0 ? !first : b.p[from - 1] != '\0' && b.p[from - 1] != '/')
            continue; /* a part of a longer text */
        int e = tell(x, trn_str_slice(b, from, end - from), at + from);
        if (e < 0)
            return e;
    }
    return 0;
}

int trn_feature_siblings(struct trn_look *l, const struct trn_code_region *r, size_t n,
                         const struct trn_sibling_names *how)
{
    struct names x = {.l = l, .how = how};
    return trn_feature_windows(l, r, n, OVERLAP, in_window, &x);
}
