/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the way from two releases to a verdict: pairs, comparers, contexts, what is accepted, the score.
 * Must not: know any check by name.
 */
#include "release/compare.h"
#include "release/release_internal.h"

#include <stdlib.h>

#define MEMORY (512u << 20)
#define SLIGHT 3u

static int compare_pairs(struct trn_compare *c)
{
    struct trn_diff *d = c->diff;
    int e = 0;
    for (size_t i = 0; e == 0 && i < d->n_changes; i++) {
        struct trn_change *change = &d->changes[i];
        if (change->kind == TRN_CHANGE_SAME)
            continue;
        change->scanned_before = 0;
        c->change = change;
        c->old_member = change->old_member;
        c->new_member = change->new_member;
        for (size_t k = 0; e == 0 && trn_comparers[k]; k++)
            e = trn_comparers[k](c);
    }
    c->change = NULL;
    c->old_member = c->new_member = NULL;
    if (e == 0)
        e = trn_history_ask(c);
    for (size_t k = 0; e == 0 && trn_contexts[k]; k++)
        e = trn_contexts[k](c);
    return e;
}

static bool may_be_old_news(const struct trn_compare *c)
{
    if (c->o->n_history == 0 && !c->o->older)
        return false;
    for (const struct trn_told *t = c->told; t; t = t->next)
        if (t->finding->score > SLIGHT)
            return true;
    return false;
}

/* Releases before the old one are read only when something was told that they could know. */
static int compare_all(struct trn_compare *c)
{
    int e = compare_pairs(c);
    if (e < 0 || !may_be_old_news(c))
        return e;
    trn_known_forget(c);
    c->told = NULL;
    c->told_end = &c->told;
    c->n_told = 0;
    c->ask_history = true;
    return compare_pairs(c);
}

static void accept(struct trn_compare *c)
{
    const struct trn_diff_options *o = c->o;
    for (struct trn_told *t = c->told; o->accepted && t; t = t->next) {
        struct trn_str why = TRN_STR_NONE;
        if (!o->accepted(o->accepted_ctx, t->change, t->finding, &why))
            continue;
        t->finding->score = 0;
        trn_finding_add(t->finding, "accepted", trn_arena_str(c->arena, why.n ? why : TRN_STR("by policy")));
    }
}

static int by_weight(const void *a, const void *b)
{
    const struct trn_reason *x = a, *y = b;
    uint16_t p = trn_score_alone(x->finding, NULL), q = trn_score_alone(y->finding, NULL);
    if (p != q)
        return p > q ? -1 : 1;
    if (x->finding->score != y->finding->score)
        return x->finding->score > y->finding->score ? -1 : 1;
    return x->change < y->change     ? -1
           : x->change > y->change   ? 1
           : x->finding < y->finding ? -1
                                     : x->finding > y->finding;
}

/* Is there something that was not looked at in what changed? What is the same byte for byte leaves no doubt, seen or not. */
static int find_doubt(struct trn_diff *d, const struct trn_release *r, bool is_new)
{
    size_t n = trn_release_count(r);
    const struct trn_release_member *first = trn_release_at(r, 0);
    const struct trn_release_gap *g;
    if (!trn_release_undecided(r))
        return 0;
    TRN_AUTO(trn_freep) bool *same = calloc(n + 1, sizeof(*same));
    if (!same)
        return -ENOMEM;
    for (size_t i = 0; i < d->n_changes; i++) {
        const struct trn_release_member *a = d->changes[i].old_member, *b = d->changes[i].new_member;
        if (a && b && a->size == b->size && memcmp(a->sha256, b->sha256, TRN_SHA256_SIZE) == 0)
            same[(is_new ? b : a) - first] = true;
    }
    for (size_t i = 0; (g = trn_release_gap_at(r, i)) != NULL; i++)
        if (g->gap.kind != TRN_GAP_UNSUPPORTED && (g->member >= n || !same[g->member]))
            d->undecided = true;
    return 0;
}

static int settle(struct trn_compare *c)
{
    struct trn_diff *d = c->diff;
    struct trn_score score = {0};
    d->reasons = trn_arena_array(c->arena, c->n_told + 1, sizeof(*d->reasons));
    if (!d->reasons)
        return -ENOMEM;
    for (struct trn_told *t = c->told; t; t = t->next) {
        d->reasons[d->n_reasons++] = (struct trn_reason){t->change, t->finding};
        t->change->n_findings++;
        if (t->finding->score)
            trn_score_add(&score, t->finding);
    }
    if (d->n_reasons)
        qsort(d->reasons, d->n_reasons, sizeof(*d->reasons), by_weight);
    for (size_t i = 0; i < d->n_changes; i++) {
        struct trn_change *change = &d->changes[i];
        change->findings = trn_arena_array(c->arena, change->n_findings + 1, sizeof(*change->findings));
        if (!change->findings)
            return -ENOMEM;
        change->n_findings = 0;
    }
    for (size_t i = 0; i < d->n_reasons; i++) {
        struct trn_change *change = (struct trn_change *)(uintptr_t)d->reasons[i].change;
        change->findings[change->n_findings++] = *d->reasons[i].finding;
    }
    d->score = trn_score_of(&score, &d->verdict);
    d->equal = d->counts[TRN_CHANGE_SAME] == d->n_changes;
    for (size_t i = 0; d->equal && i < d->n_changes; i++) /* another version in a name alone is a difference too */
        d->equal = d->changes[i].by != TRN_PAIR_VERSION_IN_PATH;
    int e = find_doubt(d, d->old_release, false);
    return e < 0 ? e : find_doubt(d, d->new_release, true);
}

/* Of which sort a release is: what is in it is compared with what is in another of the sort. */
static int sort_of(const struct trn_release *r)
{
    const struct trn_release_member *top = trn_release_at(r, 0);
    if (!top || top->path.n)
        return 0; /* a folder: may be compared with whatever was unpacked, or is still packed */
    return trn_member_is_program(top)                                    ? 1
           : top->children                                               ? 0
           : trn_member_is_script(top) || top->format == TRN_FORMAT_TEXT ? 2
                                                                         : 3;
}

/* Files of a release that could not be read to their end (a worker crashed, or was ended), by their paths. NULL: out of memory. */
static struct trn_map *broken_files(const struct trn_release *r)
{
    const struct trn_release_gap *g;
    struct trn_map *m = trn_map_new(r->n_files + 1);
    for (size_t at = 0; m && (g = trn_release_gap_at(r, at)) != NULL; at++)
        if (g->gap.kind == TRN_GAP_CRASHED && g->member == TRN_NO_MEMBER &&
            trn_map_put(m, trn_hash64_str(g->gap.member), at) < 0)
            return trn_map_free(m);
    return m;
}

bool trn_diff_is_broken(const struct trn_map *broken, const struct trn_release *r, const struct trn_release_member *m)
{
    uint64_t unused;
    if (!broken || trn_map_count(broken) == 0) /* a comparison within this one has none */
        return false;
    while (m && m->parent != TRN_NO_MEMBER)
        m = trn_release_at(r, m->parent);
    return m && trn_map_get(broken, trn_hash64_str(m->path), &unused);
}

/* What is known of the old one in part only would make all the rest of the new one look as if it had just come. */
static int find_broken(struct trn_compare *c, struct trn_err *err)
{
    const struct trn_release *r = c->diff->old_release;
    const struct trn_release_gap *g;
    char why[200];
    uint64_t at;
    c->broken = broken_files(r);
    if (!c->broken)
        return trn_fail(err, -ENOMEM, "cannot compare: out of memory");
    size_t it = 0;
    uint64_t key;
    if (r->n_files > 1 || !trn_map_next(c->broken, &it, &key, &at) || !(g = trn_release_gap_at(r, (size_t)at)))
        return 0;
    return trn_fail(err, -EIO, "the old release could not be read to its end, so nothing is compared: %s",
                    trn_escape_into(why, sizeof(why), g->gap.what));
}

/* What has no counterpart where the other side was not read to its end neither came nor went: that is not known. */
static int find_unseen(struct trn_compare *c)
{
    struct trn_diff *d = c->diff;
    TRN_AUTO(trn_map_freep) struct trn_map *of_new = broken_files(d->new_release);
    for (size_t i = 0; of_new && i < d->n_changes; i++) {
        struct trn_change *x = &d->changes[i];
        if ((x->old_member && x->new_member) ||
            !(x->new_member ? trn_diff_is_broken(c->broken, d->new_release, x->new_member)
                            : trn_diff_is_broken(of_new, d->old_release, x->old_member)))
            continue;
        d->counts[x->kind]--;
        x->kind = TRN_CHANGE_UNSEEN;
        d->counts[x->kind]++;
    }
    return of_new ? 0 : -ENOMEM;
}

static const char *format_of(const struct trn_release *r)
{
    const struct trn_release_member *top = trn_release_at(r, 0);
    return top ? trn_format_name(top->format) : "nothing that could be read";
}

static int compare_members(struct trn_compare *c)
{
    int e = trn_pair_members(c->diff);
    if (e == 0)
        e = find_unseen(c);
    return e < 0 ? e : compare_all(c);
}

static void compare_done(struct trn_compare *c)
{
    c->broken = trn_map_free(c->broken);
}

int trn_diff_new(const struct trn_release *before, const struct trn_release *after, const struct trn_diff_options *o,
                 struct trn_diff **ret, struct trn_err *err)
{
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = calloc(1, sizeof(*d));
    if (!d || !(d->arena = trn_arena_new(MEMORY)))
        return trn_fail(err, -ENOMEM, "cannot compare: out of memory");
    d->old_release = before;
    d->new_release = after;
    TRN_AUTO(compare_done) struct trn_compare c = {.diff = d, .o = o, .arena = d->arena};
    c.told_end = &c.told;
    int e = find_broken(&c, err);
    if (e < 0)
        return e;
    if (sort_of(before) != sort_of(after))
        return trn_fail(err, -EINVAL, "the two are of different kinds (%s and %s), so there is nothing to compare",
                        format_of(before), format_of(after));
    e = compare_members(&c);
    trn_known_forget(&c);
    if (e == 0)
        accept(&c);
    if (e == 0)
        e = settle(&c);
    if (e < 0)
        return trn_fail(err, e, "cannot compare: %s", e == -ENOMEM ? "out of memory" : trn_errno_name(e));
    *ret = TRN_STEAL(d);
    return 0;
}

struct trn_diff *trn_diff_free(struct trn_diff *d)
{
    if (d)
        trn_arena_free(d->arena);
    free(d);
    return NULL;
}
