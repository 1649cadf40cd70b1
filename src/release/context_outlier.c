/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the one file of a release that was built by other tools, or at another time, than the files that were built with it before.
 * Must not: say anything of a file that always stood apart, of tools that change with every build, or of times that are made up.
 */
#include "release/context.h"

#include <stdlib.h>
#include <time.h>

#define SIBLINGS_MIN 4u /* that agree */
#define DAY 86400ull
#define TOGETHER (7u * DAY)
#define APART (30u * DAY)
#define TIME_FIRST 852076800ull /* 1997: before that nobody's clock was right */
#define TIME_LAST 4102444800ull /* 2100 */

struct built { /* one changed program, of one key */
    struct trn_change *change;
    struct trn_str key;
    enum trn_format format;
    uint64_t before, after; /* hash of the values, or the time */
    struct trn_str was, is;
};

struct outliers {
    struct built *all;
    size_t n, cap;
};

static void outliers_done(struct outliers *o)
{
    free(o->all);
}

static int add(struct outliers *o, const struct built *b)
{
    if (o->n == o->cap) {
        size_t more = o->cap ? o->cap * 2 : 64;
        struct built *a = reallocarray(o->all, more, sizeof(*a));
        if (!a)
            return -ENOMEM;
        o->all = a;
        o->cap = more;
    }
    o->all[o->n++] = *b;
    return 0;
}

static bool rebuilt(const struct trn_change *x)
{
    return x->old_member && x->new_member && trn_member_is_program(x->new_member) &&
           memcmp(x->old_member->sha256, x->new_member->sha256, TRN_SHA256_SIZE) != 0;
}

/* Features of one key stand together: the hash of their values, and the first of them for people. */
static uint64_t values_of(const struct trn_release_member *m, struct trn_str key, struct trn_str *ret_first)
{
    size_t n;
    uint64_t h = 0;
    const struct trn_feature *f = trn_member_features(m, TRN_FEATURE_TOOLCHAIN, &n);
    *ret_first = TRN_STR_NONE;
    for (size_t i = 0; i < n; i++) {
        if (!trn_str_eq(f[i].key, key))
            continue;
        *ret_first = trn_str_is_none(*ret_first) ? f[i].value : *ret_first;
        h = trn_hash64_mix(h, trn_hash64_str(f[i].value)) | 1u;
    }
    return h;
}

static bool differs_by_build(struct trn_str key)
{
    return trn_str_contains(key, TRN_STR("build_id")) || trn_str_contains(key, TRN_STR("build-id")) ||
           trn_str_eq_c(key, "pdb") || trn_str_eq_c(key, "uuid");
}

static int gather_tools(struct outliers *o, struct trn_change *x)
{
    size_t n;
    int e = 0;
    const struct trn_feature *f = trn_member_features(x->new_member, TRN_FEATURE_TOOLCHAIN, &n);
    for (size_t i = 0; e == 0 && i < n; i++) {
        if ((i && trn_str_eq(f[i].key, f[i - 1].key)) || differs_by_build(f[i].key))
            continue;
        struct built b = {.change = x, .key = f[i].key, .format = x->new_member->format};
        b.before = values_of(x->old_member, b.key, &b.was);
        b.after = values_of(x->new_member, b.key, &b.is);
        e = b.before ? add(o, &b) : 0;
    }
    return e;
}

static bool is_time(uint64_t t)
{
    return t >= TIME_FIRST && t <= TIME_LAST;
}

static int gather_times(struct outliers *o, struct trn_change *x)
{
    size_t n;
    int e = 0;
    const struct trn_feature *f = trn_member_features(x->new_member, TRN_FEATURE_TIME, &n);
    for (size_t i = 0; e == 0 && i < n; i++) {
        const struct trn_feature *was = trn_member_feature(x->old_member, TRN_FEATURE_TIME, f[i].key, TRN_STR_NONE);
        struct built b = {.change = x, .key = f[i].key, .format = x->new_member->format, .after = f[i].number};
        b.before = was ? was->number : 0;
        e = is_time(b.before) && is_time(b.after) ? add(o, &b) : 0;
    }
    return e;
}

/* By format and key, so that what can be compared stands together; then by what the new one has. */
static int in_groups(const void *a, const void *b)
{
    const struct built *x = a, *y = b;
    int d = trn_str_cmp(x->key, y->key);
    if (x->format != y->format)
        return x->format < y->format ? -1 : 1;
    if (d)
        return d;
    if (x->after != y->after)
        return x->after < y->after ? -1 : 1;
    return x->change < y->change ? -1 : x->change > y->change;
}

static size_t group_end(const struct outliers *o, size_t from)
{
    size_t end = from + 1;
    while (end < o->n && o->all[end].format == o->all[from].format && trn_str_eq(o->all[end].key, o->all[from].key))
        end++;
    return end;
}

/* ---- tools ---- */

static int tell_tool(struct trn_compare *c, const struct built *b, size_t siblings)
{
    struct trn_finding f;
    char key[80];
    for (const struct trn_told *t = c->told; t; t = t->next)
        if (t->change == b->change && strcmp(t->finding->check->id, "diff.toolchain-outlier") == 0)
            return 0; /* the same tools say it in several places */
    int e = trn_compare_begin(c, "diff.toolchain-outlier", &f);
    if (e < 0)
        return e;
    trn_escape_into(key, sizeof(key), b->key);
    trn_compare_say(
        c, &f,
        "of %zu files that were built anew this one alone was built by other tools (%s); in the old release all "
        "were built by the same",
        siblings + 1, key);
    trn_compare_values(c, &f, trn_arena_printf(c->arena, "%s %.*s", key, TRN_STR_ARG(b->was)),
                       trn_arena_printf(c->arena, "%s %.*s", key, TRN_STR_ARG(b->is)), TRN_FEATURE_NOWHERE);
    return trn_compare_found(c, b->change, &f);
}

/* All of a group had the same tools before; all but one have the same now. */
static int tools_of_group(struct trn_compare *c, const struct built *g, size_t n)
{
    size_t best = 0, best_n = 0;
    for (size_t i = 0, k; i < n; i = k) { /* runs of equal ones */
        for (k = i + 1; k < n && g[k].after == g[i].after; k++)
            ;
        if (k - i > best_n) {
            best_n = k - i;
            best = i;
        }
    }
    if (best_n < SIBLINGS_MIN || n - best_n != 1)
        return 0;
    const struct built *alone = &g[best == 0 ? n - 1 : 0];
    for (size_t i = 0; i < n; i++)
        if (g[i].before != alone->before)
            return 0;
    return tell_tool(c, alone, best_n);
}

/* ---- times ---- */

static struct trn_str day_of(struct trn_compare *c, uint64_t t)
{
    struct trn_buf TRN_AUTO(trn_buf_done) b;
    trn_buf_init(&b, 64);
    trn_put_time_iso(&b, t * TRN_NS_PER_SEC);
    return trn_arena_str(c->arena, trn_str_slice(trn_buf_str(&b), 0, 10));
}

static int tell_time(struct trn_compare *c, const struct built *b, uint64_t others, size_t siblings)
{
    struct trn_finding f;
    int e = trn_compare_begin(c, "diff.time-outlier", &f);
    if (e < 0)
        return e;
    uint64_t days = (b->after > others ? b->after - others : others - b->after) / DAY;
    trn_compare_say(
        c, &f, "it was built %llu days %s the %zu others of this release, within a week of which it was built before",
        (unsigned long long)days, b->after > others ? "after" : "before", siblings);
    trn_compare_values(c, &f, day_of(c, b->before), day_of(c, b->after), TRN_FEATURE_NOWHERE);
    return trn_compare_found(c, b->change, &f);
}

/* All were built within a week before; all but one were now. g is sorted by the new time. */
static int times_of_group(struct trn_compare *c, const struct built *g, size_t n)
{
    uint64_t least = UINT64_MAX, most = 0;
    for (size_t i = 0; i < n; i++) {
        least = TRN_MIN(least, g[i].before);
        most = TRN_MAX(most, g[i].before);
    }
    if (n < SIBLINGS_MIN + 1 || most - least > TOGETHER)
        return 0;
    bool last = g[n - 2].after - g[0].after <= TOGETHER && g[n - 1].after - g[n - 2].after >= APART;
    bool first = g[n - 1].after - g[1].after <= TOGETHER && g[1].after - g[0].after >= APART;
    return last ? tell_time(c, &g[n - 1], g[n - 2].after, n - 1) : first ? tell_time(c, &g[0], g[1].after, n - 1) : 0;
}

static int run(struct trn_compare *c, int (*gather)(struct outliers *, struct trn_change *),
               int (*judge)(struct trn_compare *, const struct built *, size_t))
{
    TRN_AUTO(outliers_done) struct outliers o = {0};
    int e = 0;
    for (size_t i = 0; e == 0 && i < c->diff->n_changes; i++)
        if (rebuilt(&c->diff->changes[i]))
            e = gather(&o, &c->diff->changes[i]);
    if (o.n)
        qsort(o.all, o.n, sizeof(*o.all), in_groups);
    for (size_t i = 0, end; e == 0 && i < o.n; i = end) {
        end = group_end(&o, i);
        e = judge(c, &o.all[i], end - i);
    }
    return e;
}

int trn_context_outlier(struct trn_compare *c)
{
    int e = run(c, gather_tools, tools_of_group);
    return e < 0 ? e : run(c, gather_times, times_of_group);
}
