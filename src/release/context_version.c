/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the version's own word for how much changed, held against how much did.
 * Must not: believe it: a larger version lowers only what new functions bring, never a proof or a doubt about a signature.
 */
#include "release/context.h"

#define PARTS 4u
#define ABILITIES_MIN 4u /* different ones, in a version that says it is a fix */
#define WEIGHS 20u
#define ADDED_MIN 20u
#define GROWN 15u
#define ALONE 40u

struct version {
    uint64_t part[PARTS];
    size_t n;
};

static struct version version_of(struct trn_str s)
{
    struct version v = {.n = 0};
    ptrdiff_t epoch = trn_str_find(s, ':');
    if (epoch >= 0)
        s = trn_str_slice(s, (size_t)epoch + 1, s.n);
    size_t i = s.n && (s.p[0] == 'v' || s.p[0] == 'V') ? 1 : 0;
    while (i < s.n && v.n < PARTS && s.p[i] >= '0' && s.p[i] <= '9') {
        uint64_t part = 0;
        for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
            part = part < 1000000000000ull ? part * 10 + (uint64_t)(s.p[i] - '0') : part;
        v.part[v.n++] = part;
        if (i + 1 >= s.n || s.p[i] != '.')
            break;
        i++;
    }
    return v;
}

enum trn_bump trn_version_bump(struct trn_str before, struct trn_str after)
{
    if (before.n == 0 || after.n == 0)
        return TRN_BUMP_UNKNOWN;
    if (trn_str_eq(before, after))
        return TRN_BUMP_NONE;
    const struct version a = version_of(before), b = version_of(after);
    if (a.n == 0 || b.n == 0)
        return TRN_BUMP_UNKNOWN;
    size_t at = 0;
    while (at < PARTS && (at < a.n ? a.part[at] : 0) == (at < b.n ? b.part[at] : 0))
        at++;
    size_t zero = a.n > 1 && a.part[0] == 0 && b.part[0] == 0; /* 0.3 and 0.4 are what 3 and 4 would be */
    return at == 0 || (zero && at == 1)   ? TRN_BUMP_MAJOR
           : at == 1 || (zero && at == 2) ? TRN_BUMP_MINOR
                                          : TRN_BUMP_PATCH;
}

/* ---- a larger version: new functions were announced ---- */

/* Started from where everybody may write, fetched as it starts: no version announces that. */
static bool is_without_excuse(const struct trn_told *t)
{
    return trn_finding_evidence(t->finding, "suspect").n != 0;
}

static bool announced(const struct trn_told *t)
{
    struct trn_str check = trn_str_of(t->finding->check->id);
    if (t->finding->score <= GROWN && TRN_ONE_OF(check, "diff.early-code", "diff.hidden-growth", "diff.sibling-read"))
        return true; /* more of what there was */
    return TRN_ONE_OF(check, "diff.new-capability", "diff.script-capability", "diff.exports-changed",
                      "diff.new-library", "diff.new-program", "diff.new-dependency", "diff.new-contact",
                      "diff.crypto-table", "diff.autostart") &&
           trn_finding_evidence(t->finding, "family").n == 0; /* a codec opens no sockets in any version */
}

/* What a fix does not bring, and a version with new functions, or of which nothing is known, may. */
static bool is_new_function(const struct trn_told *t)
{
    return TRN_ONE_OF(trn_str_of(t->finding->check->id), "diff.autostart", "diff.new-program") ||
           (t->finding->score <= ALONE && trn_str_eq_c(trn_str_of(t->finding->check->id), "diff.new-capability") &&
            trn_finding_evidence(t->finding, "family").n == 0);
}

static void lower_announced(struct trn_compare *c)
{
    for (struct trn_told *t = c->told; t; t = t->next)
        if (announced(t) && !is_without_excuse(t))
            trn_compare_lower(c, t, t->finding->score / 2,
                              TRN_STR("the first number of the version changed: new functions were to be expected"));
}

static void lower_new_functions(struct trn_compare *c, enum trn_bump bump)
{
    struct trn_str why = bump == TRN_BUMP_MINOR
                             ? TRN_STR("the second number of the version changed: new functions may be expected")
                             : TRN_STR("how much the version says that changed is not known");
    for (struct trn_told *t = c->told; t; t = t->next)
        if (t->finding->score > GROWN && is_new_function(t) && !is_without_excuse(t))
            trn_compare_lower(c, t, (uint16_t)TRN_MAX(GROWN, t->finding->score * 7u / 10u), why);
}

/* ---- a small one ---- */

static bool is_ability(const struct trn_told *t)
{
    const struct trn_check *k = t->finding->check;
    return trn_told_may_be_lowered(t) && t->finding->score >= WEIGHS &&
           (k->category == TRN_CATEGORY_CODE || k->category == TRN_CATEGORY_SCRIPT);
}

static int count_abilities(const struct trn_compare *c, size_t *ret, const struct trn_told **ret_first)
{
    TRN_AUTO(trn_map_freep) struct trn_map *seen = trn_map_new(c->n_told + 1);
    int e = seen ? 0 : -ENOMEM;
    *ret_first = NULL;
    for (const struct trn_told *t = c->told; e == 0 && t; t = t->next) {
        if (!is_ability(t))
            continue;
        if (!*ret_first || t->finding->score > (*ret_first)->finding->score)
            *ret_first = t;
        e = trn_map_put(seen, trn_told_alike(t), 1);
    }
    *ret = seen ? trn_map_count(seen) : 0;
    return e;
}

/* The release as a whole stands for it when no member does. */
static struct trn_change *whole(struct trn_compare *c)
{
    for (size_t i = 0; i < c->diff->n_changes; i++)
        if (c->diff->changes[i].kind != TRN_CHANGE_SAME)
            return &c->diff->changes[i];
    return NULL;
}

static int tell_small(struct trn_compare *c, enum trn_bump bump, struct trn_str before, struct trn_str after)
{
    const struct trn_told *first;
    size_t abilities, added = c->diff->counts[TRN_CHANGE_ADDED], old = c->diff->old_release->n_members;
    struct trn_finding f;
    char was[80], is[80];
    int e = count_abilities(c, &abilities, &first);
    struct trn_change *at = first ? first->change : whole(c);
    bool grew = added >= ADDED_MIN && added > old;
    if (e < 0 || !at || (abilities < ABILITIES_MIN && !grew))
        return e;
    e = trn_compare_begin(c, "diff.small-version-large-change", &f);
    if (e < 0)
        return e;
    trn_escape_into(was, sizeof(was), before);
    trn_escape_into(is, sizeof(is), after);
    if (abilities >= ABILITIES_MIN)
        trn_compare_say(
            c, &f, "the version went from %s to %s, which says that %s, but %zu kinds of new abilities came with it",
            was, is, bump == TRN_BUMP_NONE ? "nothing changed" : "something was mended", abilities);
    else
        trn_compare_say(c, &f,
                        "the version went from %s to %s, which says that %s, but %zu files came to the %zu there were",
                        was, is, bump == TRN_BUMP_NONE ? "nothing changed" : "something was mended", added, old);
    f.score = abilities >= ABILITIES_MIN ? f.score : f.score / 2;
    trn_compare_values(c, &f, before, after, TRN_FEATURE_NOWHERE);
    return trn_compare_found(c, at, &f);
}

enum trn_bump trn_diff_bump(const struct trn_diff *d)
{
    struct trn_str was = trn_release_product(d->old_release), is = trn_release_product(d->new_release);
    return was.n && is.n && !trn_str_eq(was, is)
               ? TRN_BUMP_UNKNOWN
               : trn_version_bump(trn_release_version(d->old_release), trn_release_version(d->new_release));
}

int trn_context_version(struct trn_compare *c)
{
    struct trn_str before = trn_release_version(c->diff->old_release),
                   after = trn_release_version(c->diff->new_release);
    enum trn_bump bump = trn_diff_bump(c->diff);
    if (bump == TRN_BUMP_MAJOR)
        lower_announced(c);
    if (bump == TRN_BUMP_MINOR || bump == TRN_BUMP_UNKNOWN)
        lower_new_functions(c, bump);
    return bump == TRN_BUMP_PATCH || bump == TRN_BUMP_NONE ? tell_small(c, bump, before, after) : 0;
}
