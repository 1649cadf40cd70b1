/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a Mac program may do that it might not, whose it is, and universal programs of which one half alone changed.
 * Must not: judge the signature (compare_signature.c).
 */
#include "release/compare_code.h"

#include <ctype.h>
#include <stdio.h>

/* ---- entitlements ---- */

static uint16_t score_of(struct trn_str key, const char **ret_means)
{
    static const struct {
        const char *key;
        uint16_t score;
        const char *means;
    } rows[] = {
        {"com.apple.security.cs.disable-library-validation", 45, "it may load libraries that others signed"},
        {"com.apple.security.cs.allow-dyld-environment-variables", 55, "the environment may put libraries into it"},
        {"com.apple.security.cs.disable-executable-page-protection", 55, "it may change its own code"},
        {"com.apple.security.cs.allow-unsigned-executable-memory", 25,
         "it may run code from memory that nobody signed"},
        {"com.apple.security.cs.allow-jit", 15, "it may make code while it runs"},
        {"com.apple.security.cs.debugger", 55, "it may take over other programs"},
        {"com.apple.security.get-task-allow", 45, "debuggers may take it over"},
        {"com.apple.private.tcc.allow", 55, "it asks nobody before it reads protected data"},
        {"com.apple.system-task-ports", 55, "it may take over any program"},
        {"task_for_pid-allow", 55, "it may take over any program"},
        {"com.apple.rootless.install", 55, "it may change protected parts of the system"},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(rows); i++)
        if (trn_str_eq_c(key, rows[i].key)) {
            *ret_means = rows[i].means;
            return rows[i].score;
        }
    *ret_means = "a right that it did not have";
    return 8;
}

static int entitlements(struct trn_compare *c)
{
    const struct trn_feature *const *fresh;
    const struct trn_feature *worst = NULL;
    const char *means = "", *one;
    struct trn_finding f;
    char key[160];
    uint16_t score = 0;
    size_t n;
    int e = trn_compare_new(c, TRN_FEATURE_ENTITLEMENT, false, &fresh, &n);
    for (size_t i = 0; e == 0 && i < n; i++) {
        uint16_t s = trn_str_eq_c(fresh[i]->value, "false") ? 2 : score_of(fresh[i]->key, &one);
        if (s > score) {
            score = s;
            worst = fresh[i];
            means = s > 2 ? one : "a right that is refused";
        }
    }
    if (e < 0 || !worst)
        return e;
    e = trn_compare_begin(c, "diff.entitlement", &f);
    if (e < 0)
        return e;
    /* signed for the first time: all of it is new, and none of it a change */
    f.score = c->old_member->signature ? score : TRN_MIN(score, (uint16_t)10);
    const struct trn_feature *was =
        trn_member_feature(c->old_member, TRN_FEATURE_ENTITLEMENT, worst->key, TRN_STR_NONE);
    trn_compare_say(c, &f, "its signature grants '%s' now: %s", trn_escape_into(key, sizeof(key), worst->key), means);
    trn_compare_values(c, &f, was ? was->value : TRN_STR("not granted"), worst->value, worst->at);
    trn_finding_add(&f, "entitlements", trn_compare_list(c, fresh, n, true));
    return trn_compare_found(c, c->change, &f);
}

static int tell_owner(struct trn_compare *c, const char *what, uint16_t score, struct trn_str before,
                      struct trn_str after)
{
    struct trn_finding f;
    char a[120], b[120];
    int e = trn_compare_begin(c, "diff.entitlement", &f);
    if (e < 0)
        return e;
    f.score = score;
    trn_compare_say(c, &f, "its %s was '%s' and is '%s' now", what, trn_escape_into(a, sizeof(a), before),
                    trn_escape_into(b, sizeof(b), after));
    trn_compare_values(c, &f, before, after, TRN_FEATURE_NOWHERE);
    return trn_compare_found(c, c->change, &f);
}

/* Without the number that tools make up for each build: "cli-d80e8f652303a6eb". */
static struct trn_str lasting(struct trn_str id)
{
    ptrdiff_t dash = trn_str_rfind(id, '-');
    struct trn_str end = dash > 0 ? trn_str_slice(id, (size_t)dash + 1, id.n) : TRN_STR_NONE;
    bool made_up = end.n >= 16;
    for (size_t i = 0; i < end.n; i++)
        made_up = made_up && isxdigit((unsigned char)end.p[i]);
    return made_up ? trn_str_slice(id, 0, (size_t)dash) : id;
}

/* What a linker signs by itself has a made-up identifier; only a developer's are compared. */
static int owner(struct trn_compare *c)
{
    const struct trn_signature *a = c->old_member->signature, *b = c->new_member->signature;
    if (!a || !b || a->kind != TRN_SIGNATURE_APPLE || b->kind != TRN_SIGNATURE_APPLE)
        return 0;
    struct trn_str was = trn_member_property(c->old_member, "identifier");
    struct trn_str is = trn_member_property(c->new_member, "identifier");
    int e = 0;
    if (a->team.n && b->team.n && !trn_str_eq(a->team, b->team))
        e = tell_owner(c, "developer team", 55, a->team, b->team);
    if (e == 0 && was.n && is.n && !trn_str_eq(lasting(was), lasting(is)))
        e = tell_owner(c, "identifier", trn_str_eq(c->old_member->name, c->new_member->name) ? 25 : 10, was, is);
    return e;
}

/* ---- universal programs ---- */

struct slice {
    const struct trn_release_member *before, *after;
    uint32_t gained, has;
};
#define SLICES_MAX 44u /* as many as a universal program has (formats/macho.h) */

static uint32_t index_of(const struct trn_release *r, const struct trn_release_member *m)
{
    const struct trn_release_member *first = trn_release_at(r, 0);
    return first && m >= first && m < first + trn_release_count(r) ? (uint32_t)(m - first) : TRN_NO_MEMBER;
}

static const struct trn_release_member *child_named(const struct trn_release *r, uint32_t parent, struct trn_str name)
{
    size_t n = trn_release_count(r);
    uint32_t depth = trn_release_at(r, parent)->depth;
    for (size_t i = parent + 1u; i < n && trn_release_at(r, i)->depth > depth; i++) {
        const struct trn_release_member *m = trn_release_at(r, i);
        if (m->parent == parent && trn_str_eq(m->name, name))
            return m;
    }
    return NULL;
}

/* Slices that both have. */
static size_t slices_of(struct trn_compare *c, struct slice *s)
{
    const struct trn_release *a = c->diff->old_release, *b = c->diff->new_release;
    uint32_t was = index_of(a, c->old_member), is = index_of(b, c->new_member);
    size_t n = 0, all = trn_release_count(b);
    for (size_t i = is + 1u; was != TRN_NO_MEMBER && is != TRN_NO_MEMBER && i < all && n < SLICES_MAX; i++) {
        const struct trn_release_member *m = trn_release_at(b, i);
        if (m->depth <= c->new_member->depth)
            break;
        const struct trn_release_member *o =
            m->parent == is && m->format == TRN_FORMAT_MACHO ? child_named(a, was, m->name) : NULL;
        if (!o || !o->n_features || !m->n_features)
            continue;
        s[n++] = (struct slice){o, m, trn_code_gained(o, m), trn_abilities_of(m).mask};
    }
    return n;
}

static int one_slice(struct trn_compare *c)
{
    struct slice s[SLICES_MAX];
    struct trn_finding f;
    char what[120], name[40];
    size_t n = slices_of(c, s), at = 0;
    uint32_t alone = 0;
    for (size_t i = 0; n > 1 && i < n; i++) {
        uint32_t others = 0;
        for (size_t k = 0; k < n; k++)
            others |= k == i ? 0 : s[k].has;
        if (s[i].gained & ~others) {
            alone = s[i].gained & ~others;
            at = i;
        }
    }
    if (!alone)
        return 0;
    int e = trn_compare_begin(c, "diff.one-slice", &f);
    if (e < 0)
        return e;
    struct trn_abilities all = trn_abilities_of(s[at].after);
    bool telling = false;
    for (uint32_t i = 0; i < TRN_CAN_MAX; i++)
        telling = telling || (alone & 1u << i && all.weight[i] >= 2);
    f.score = telling ? f.check->score : 20;
    trn_escape_into(name, sizeof(name), s[at].after->name);
    trn_compare_say(c, &f, "of %zu slices the one for %s alone gained functions for: %s", n, name,
                    trn_abilities_say(alone, what, sizeof(what)));
    char before[120];
    trn_abilities_say(trn_abilities_of(s[at].before).mask, before, sizeof(before));
    bool none = strcmp(before, "none") == 0;
    trn_compare_values(c, &f, none ? TRN_STR("none of these abilities") : trn_arena_str(c->arena, trn_str_of(before)),
                       none ? trn_arena_printf(c->arena, "%s in %s", what, name)
                            : trn_arena_printf(c->arena, "%s, and now %s in %s", before, what, name),
                       TRN_FEATURE_NOWHERE);
    return trn_compare_found(c, c->change, &f);
}

int trn_compare_code_macho(struct trn_compare *c)
{
    if (!c->old_member || !c->new_member || c->old_member->format != c->new_member->format)
        return 0;
    if (c->new_member->format == TRN_FORMAT_MACHO_FAT)
        return one_slice(c);
    if (c->new_member->format != TRN_FORMAT_MACHO || !trn_code_pair(c))
        return 0;
    int e = entitlements(c);
    return e < 0 ? e : owner(c);
}
