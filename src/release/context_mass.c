/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what most files of a kind changed alike: a new toolchain or a new policy of packaging touches all of them, so each says little.
 * Must not: lower a proof by structure, a doubt about a signature, or what a scan found by itself.
 */
#include "release/context.h"

#include <string.h>

#define ALIKE_MIN 4u /* files */
#define LEAST 3u

struct trn_str trn_finding_evidence(const struct trn_finding *f, const char *key)
{
    for (uint32_t i = 0; i < f->n_evidence; i++)
        if (trn_str_eq_c(f->evidence[i].key, key))
            return f->evidence[i].value;
    return TRN_STR_NONE;
}

bool trn_told_may_be_lowered(const struct trn_told *t)
{
    const struct trn_check *k = t->finding->check;
    return strncmp(k->id, "diff.", 5) == 0 && !k->structural && k->category != TRN_CATEGORY_SIGNATURE &&
           k->category != TRN_CATEGORY_INDICATOR;
}

uint64_t trn_told_alike(const struct trn_told *t)
{
    const struct trn_finding *f = t->finding;
    uint64_t h = trn_hash64_str(trn_str_of(f->check->id));
    struct trn_str symbols = trn_finding_evidence(f, "symbols"); /* a new runtime brings the same ones to all */
    bool by_value = TRN_ONE_OF(trn_str_of(f->check->id), "diff.new-contact", "diff.new-library", "diff.rpath",
                               "diff.lifecycle-script", "diff.autostart", "diff.entitlement", "diff.new-dependency");
    h = trn_hash64_mix(h, trn_hash64_str(symbols));
    return by_value ? trn_hash64_mix(h, trn_hash64_str(trn_finding_evidence(f, "new"))) : h;
}

static uint64_t key_of(const struct trn_told *t)
{
    return trn_hash64_mix(trn_told_alike(t), (uint64_t)trn_told_member(t)->format);
}

/* Of each format: how many files changed. */
static void count_changed(const struct trn_diff *d, size_t ret[TRN_FORMAT_MAX])
{
    for (size_t i = 0; i < d->n_changes; i++) {
        const struct trn_change *x = &d->changes[i];
        if (x->old_member && x->new_member && x->new_member->format < TRN_FORMAT_MAX &&
            memcmp(x->old_member->sha256, x->new_member->sha256, TRN_SHA256_SIZE) != 0)
            ret[x->new_member->format]++;
    }
}

static bool both_sides(const struct trn_told *t)
{
    return t->change->old_member && t->change->new_member && trn_told_may_be_lowered(t);
}

/* Alike -> how many files; findings of one file stand together only by chance, so the last file is remembered beside it. */
static int count_alike(const struct trn_compare *c, struct trn_map *files, struct trn_map *last)
{
    int e = 0;
    for (const struct trn_told *t = c->told; e == 0 && t; t = t->next) {
        uint64_t n = 0, before = 0, here = (uint64_t)(t->change - c->diff->changes) + 1;
        if (!both_sides(t))
            continue;
        (void)trn_map_get(last, key_of(t), &before);
        (void)trn_map_get(files, key_of(t), &n);
        if (before == here)
            continue;
        e = trn_map_put(last, key_of(t), here);
        if (e == 0)
            e = trn_map_put(files, key_of(t), n + 1);
    }
    return e;
}

int trn_context_mass(struct trn_compare *c)
{
    size_t changed[TRN_FORMAT_MAX] = {0};
    TRN_AUTO(trn_map_freep) struct trn_map *files = trn_map_new(c->n_told + 1);
    TRN_AUTO(trn_map_freep) struct trn_map *last = trn_map_new(c->n_told + 1);
    int e = files && last ? count_alike(c, files, last) : -ENOMEM;
    if (e < 0)
        return e;
    count_changed(c->diff, changed);
    for (struct trn_told *t = c->told; t; t = t->next) {
        uint64_t n = 0;
        enum trn_format format = trn_told_member(t)->format;
        if (!both_sides(t) || format >= TRN_FORMAT_MAX)
            continue;
        (void)trn_map_get(files, key_of(t), &n);
        if (n >= ALIKE_MIN && n * 2 >= changed[format])
            trn_compare_lower(c, t, (uint16_t)TRN_MAX(LEAST, t->finding->score * 3 / 10),
                              trn_arena_printf(c->arena, "%llu of the %zu changed files of this kind changed like this",
                                               (unsigned long long)n, TRN_MAX(changed[format], (size_t)n)));
    }
    return 0;
}
