/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what is not new because a release before the old one had it: each file with findings is compared once more, with what stood
 * in its place there; what is not found then was there before.
 * Must not: lower a proof by structure or a doubt about a signature; compare what has no finding.
 */
#include "release/context.h"

#include <stdlib.h>

#define LEAST 3u

/* Members of a release by path, and by path without version numbers. */
static int index_of(const struct trn_release *r, struct trn_map **ret)
{
    char text[1024];
    TRN_AUTO(trn_map_freep) struct trn_map *m = trn_map_new(r->n_members * 2 + 1);
    int e = m ? 0 : -ENOMEM;
    for (size_t i = r->n_members; e == 0 && i-- > 0;) {
        struct trn_str path = r->members[i].path;
        e = trn_map_put(m, trn_hash64(text, trn_versionless(path, true, text, sizeof(text))), i);
        if (e == 0)
            e = trn_map_put(m, trn_hash64_str(path), i);
    }
    if (e == 0)
        *ret = TRN_STEAL(m);
    return e;
}

static const struct trn_release_member *in_its_place(const struct trn_release *r, const struct trn_map *index,
                                                     const struct trn_release_member *m)
{
    char text[1024];
    uint64_t at;
    if (!trn_map_get(index, trn_hash64_str(m->path), &at) &&
        !trn_map_get(index, trn_hash64(text, trn_versionless(m->path, true, text, sizeof(text))), &at))
        return NULL;
    const struct trn_release_member *found = trn_release_at(r, (size_t)at);
    return found && found->format == m->format ? found : NULL;
}

int trn_compare_other(struct trn_compare *c, const struct trn_release_member *before,
                      const struct trn_release_member *after, struct trn_told **ret)
{
    struct trn_change *x = trn_arena_alloc(c->arena, sizeof(*x));
    if (!x)
        return -ENOMEM;
    *x =
        (struct trn_change){.kind = TRN_CHANGE_CHANGED, .by = TRN_PAIR_PATH, .old_member = before, .new_member = after};
    struct trn_compare once = {
        .diff = c->diff, .o = c->o, .arena = c->arena, .change = x, .old_member = before, .new_member = after};
    once.told_end = &once.told;
    int e = 0;
    for (size_t k = 0; e == 0 && trn_comparers[k]; k++)
        e = trn_comparers[k](&once);
    *ret = once.told;
    return e;
}

/* By check alone: what is told of another difference weighs otherwise, and is as new. */
static bool told_again(const struct trn_told *again, const struct trn_told *t)
{
    for (; again; again = again->next)
        if (again->finding->check == t->finding->check)
            return true;
    return false;
}

static int by_feature(const void *a, const void *b)
{
    return trn_feature_compare(a, b);
}

static bool has(const struct trn_release_member *m, const struct trn_feature *f)
{
    return m && m->n_features && bsearch(f, m->features, m->n_features, sizeof(*f), by_feature);
}

/* Most facts that the old one had not, the one before it had. Else it is another program by now, and says nothing: where
 * much changed, comparers are milder. */
static bool had_most(const struct trn_change *x, const struct trn_release_member *was)
{
    static const uint32_t measures = 1u << TRN_FEATURE_TIME | 1u << TRN_FEATURE_TOOLCHAIN | 1u << TRN_FEATURE_RANDOM |
                                     1u << TRN_FEATURE_MEASURE | 1u << TRN_FEATURE_SECTION | 1u << TRN_FEATURE_SEGMENT;
    const struct trn_release_member *m = x->new_member;
    size_t fresh = 0, never = 0;
    for (size_t i = 0; i < m->n_features; i++) {
        if (measures >> m->features[i].kind & 1u || has(x->old_member, &m->features[i]))
            continue;
        fresh++;
        never += !has(was, &m->features[i]);
    }
    return never * 2 <= fresh;
}

static int weigh_change(struct trn_compare *c, struct trn_told *first, const struct trn_release *older,
                        const struct trn_map *index)
{
    const struct trn_release_member *was = in_its_place(older, index, first->change->new_member);
    struct trn_told *again = NULL;
    char version[80];
    if (!was || !had_most(first->change, was))
        return 0;
    int e = trn_compare_other(c, was, first->change->new_member, &again);
    if (e < 0)
        return e;
    struct trn_str v = trn_release_version(older);
    trn_escape_into(version, sizeof(version), v.n ? v : trn_release_label(older));
    struct trn_str why = trn_arena_printf(c->arena, "release %s had it as well", version);
    for (struct trn_told *t = first; t && t->change == first->change; t = t->next)
        if (trn_told_may_be_lowered(t) && !told_again(again, t))
            trn_compare_lower(c, t, (uint16_t)TRN_MAX(LEAST, t->finding->score / 5), why);
    return 0;
}

static int weigh_all(struct trn_compare *c, const struct trn_release *older)
{
    TRN_AUTO(trn_map_freep) struct trn_map *index = NULL;
    const struct trn_change *last = NULL;
    int e = c->told ? index_of(older, &index) : 0;
    for (struct trn_told *t = c->told; e == 0 && t; t = t->next) {
        if (!t->change->new_member || t->change == last) /* those of one change were told one after another */
            continue;
        last = t->change;
        e = weigh_change(c, t, older, index);
    }
    return e;
}

/* The next one before the old release: of a list, or read when it is asked for. NULL: no more. */
static int older_at(const struct trn_diff_options *o, size_t i, const struct trn_release **ret)
{
    *ret = i < o->n_history ? o->history[i] : NULL;
    return *ret || !o->older ? 0 : o->older(o->older_ctx, i - o->n_history, ret);
}

int trn_history_ask(struct trn_compare *c)
{
    const struct trn_release *older = c->diff->old_release;
    int e = trn_known_add(c, older);
    for (size_t i = 0; e == 0 && c->ask_history && i < TRN_HISTORY_MAX; i++) {
        e = older_at(c->o, i, &older);
        if (e < 0 || !older)
            break;
        e = trn_known_add(c, older);
        if (e == 0)
            e = weigh_all(c, older);
    }
    return e;
}
