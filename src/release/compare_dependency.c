/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a package newly depends on.
 * Must not: ask a registry who is behind a name.
 */
#include "release/compare_text.h"

#include <stdio.h>

#define USUAL 12u
#define SAME_PUBLISHER 4u
#define OF_DISTRIBUTION 4u /* one archive, one signature: the new package comes from the same hands */
#define NOT_REGISTERED 28u
#define WITH_SCRIPT 25u

/* Fetched from a place of its own, so nobody but its owner says what comes. */
static bool is_place(struct trn_str version)
{
    return trn_str_contains(version, TRN_STR("://")) || trn_str_starts(version, TRN_STR("git")) ||
           (trn_str_find(version, '/') > 0 && !trn_str_starts(version, TRN_STR("npm:")));
}

/* "@scope/name": the same scope as the package's own. */
static bool same_scope(struct trn_str own, struct trn_str other)
{
    ptrdiff_t slash = trn_str_find(own, '/');
    return own.n && own.p[0] == '@' && slash > 0 && trn_str_starts(other, trn_str_slice(own, 0, (size_t)slash + 1));
}

/* Something else of this release runs on installation that did not, or cannot be read any more. */
static bool in_bad_company(const struct trn_compare *c)
{
    for (const struct trn_told *t = c->told; t; t = t->next)
        if (t->finding->score >= 35 && TRN_ONE_OF(trn_str_of(t->finding->check->id), "diff.lifecycle-script",
                                                  "diff.obfuscation", "script.obfuscated"))
            return true;
    return false;
}

static bool same_publisher(struct trn_str own, struct trn_str other)
{
    struct trn_str scope = trn_str_slice(other, 1, own.n); /* "@acme/linux" of "acme" */
    return same_scope(own, other) ||
           (own.n && other.n > own.n + 1 && other.p[0] == '@' && other.p[own.n + 1] == '/' && trn_str_eq(scope, own));
}

struct asked { /* of one member */
    const struct trn_feature *list[64], *worst, *was;
    size_t n;
    uint16_t score;
};

static uint16_t weight_of(const struct trn_release_member *m, const struct trn_feature *d, bool company)
{
    if (trn_str_eq_c(m->name, "control") || m->format == TRN_FORMAT_RPM)
        return OF_DISTRIBUTION;
    if (is_place(d->value))
        return NOT_REGISTERED;
    if (same_publisher(trn_member_property(m, "product"), d->key))
        return SAME_PUBLISHER;
    return company ? WITH_SCRIPT : USUAL;
}

static int tell(struct trn_compare *c, struct trn_change *change, const struct asked *a)
{
    struct trn_finding f;
    char name[120], version[80], more[40] = "";
    const struct trn_feature *d = a->worst;
    int e = trn_compare_begin(c, "diff.new-dependency", &f);
    if (e < 0)
        return e;
    f.score = a->score;
    if (a->n > 1)
        (void)snprintf(more, sizeof(more), ", and %zu more", a->n - 1);
    trn_compare_say(c, &f,
                    a->was       ? "it now takes '%s' from a place of its own: %s%s"
                    : d->value.n ? "it depends on '%s' (%s), which it did not before%s"
                                 : "it depends on '%s'%s, which it did not before%s",
                    trn_escape_into(name, sizeof(name), d->key), trn_escape_into(version, sizeof(version), d->value),
                    more);
    trn_compare_values(c, &f, a->was ? a->was->value : TRN_STR("not asked for"),
                       trn_arena_printf(c->arena, "%.*s%s%.*s", TRN_STR_ARG(d->key), d->value.n ? " " : "",
                                        TRN_STR_ARG(d->value)),
                       d->at);
    if (a->n > 1)
        trn_finding_add(&f, "all", trn_compare_list(c, a->list, a->n, true));
    return trn_compare_found(c, change, &f);
}

/* What the new one asks for and nothing of the old release did. */
static void gather(const struct trn_change *change, const struct trn_map *known, bool company, struct asked *a)
{
    size_t n = 0;
    const struct trn_feature *d = trn_member_features(change->new_member, TRN_FEATURE_DEPENDENCY, &n);
    for (size_t k = 0; k < n; k++) {
        const struct trn_feature *was =
            trn_member_feature(change->old_member, TRN_FEATURE_DEPENDENCY, d[k].key, TRN_STR_NONE);
        bool moved = was && is_place(d[k].value) && !is_place(was->value);
        if (!moved && trn_is_known(known, trn_known_by_key(&d[k])))
            continue;
        uint16_t score = weight_of(change->new_member, &d[k], company);
        if (a->n < TRN_ARRAY_SIZE(a->list))
            a->list[a->n] = &d[k];
        a->n++;
        if (score > a->score) {
            a->score = score;
            a->worst = &d[k];
            a->was = moved ? was : NULL;
        }
    }
    a->n = TRN_MIN(a->n, TRN_ARRAY_SIZE(a->list));
}

int trn_context_dependencies(struct trn_compare *c)
{
    const struct trn_map *known = c->known[TRN_KNOWN_DEPENDENCY];
    int e = 0;
    bool company = in_bad_company(c);
    for (size_t i = 0; e == 0 && i < c->diff->n_changes; i++) {
        struct trn_change *change = &c->diff->changes[i];
        struct asked a = {0};
        if (change->kind == TRN_CHANGE_SAME || !change->new_member || !change->old_member)
            continue;
        gather(change, known, company, &a);
        if (a.n)
            e = tell(c, change, &a);
    }
    return e;
}
