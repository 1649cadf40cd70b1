/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a program that says it came out of the same run of the linker as the old one (build-id, GUID of its symbols, UUID) and is
 * another one all the same: it was changed after it was built.
 * Must not: tell what packaging does to a built file: symbols stripped, signatures, resources, paths of libraries.
 */
#include "release/compare_code.h"

#define PACKAGING 10u /* tools of packagers change these alone */

static struct trn_str build_id(const struct trn_release_member *m)
{
    const struct trn_feature *f = trn_member_feature(m, TRN_FEATURE_TOOLCHAIN, TRN_STR("build_id"), TRN_STR_NONE);
    for (size_t i = 0; f && i < f->value.n; i++)
        if (f->value.p[i] != '0')
            return f->value;
    return TRN_STR_NONE; /* all zeroes: a build that has none */
}

/* What a linker decides. Not texts and blocks that look random: those stand in resources as well. */
static const struct {
    enum trn_feature_kind kind;
    const char *what;
    bool by_packager;
} kinds[] = {
    {TRN_FEATURE_IMPORT, "imports", false},   {TRN_FEATURE_EXPORT, "exports", false},
    {TRN_FEATURE_EARLY, "runs early", false}, {TRN_FEATURE_IFUNC, "resolvers", false},
    {TRN_FEATURE_TABLE, "ciphers", false},    {TRN_FEATURE_SIBLING, "opens as data", false},
    {TRN_FEATURE_ABILITY, "can", false},      {TRN_FEATURE_LIBRARY, "loads", true},
    {TRN_FEATURE_RPATH, "looks in", true},
};

/* The code itself: an executable section that has another size, or is not there. */
static const struct trn_feature *other_section(const struct trn_release_member *a, const struct trn_release_member *b)
{
    size_t n = 0;
    const struct trn_feature *f = trn_member_features(b, TRN_FEATURE_SECTION, &n);
    for (size_t i = 0; i < n; i++) {
        const struct trn_feature *was = trn_member_feature(a, TRN_FEATURE_SECTION, f[i].key, TRN_STR_NONE);
        if (f[i].value.n == 3 && f[i].value.p[2] == 'x' && (!was || was->number != f[i].number))
            return &f[i];
    }
    return NULL;
}

int trn_compare_code_build(struct trn_compare *c)
{
    struct trn_finding f;
    struct trn_str id = trn_code_pair(c) ? build_id(c->new_member) : TRN_STR_NONE, what = TRN_STR_NONE;
    bool packager = true;
    if (id.n == 0 || !trn_str_eq(id, build_id(c->old_member)) || c->old_member->format != c->new_member->format ||
        memcmp(c->old_member->sha256, c->new_member->sha256, TRN_SHA256_SIZE) == 0)
        return 0;
    const struct trn_feature *section = other_section(c->old_member, c->new_member);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(kinds) && trn_str_is_none(what); i++) {
        const struct trn_feature *const *fresh;
        size_t n;
        int e = trn_compare_new(c, kinds[i].kind, false, &fresh, &n);
        if (e < 0)
            return e;
        if (n == 0)
            continue;
        packager = kinds[i].by_packager;
        what = trn_arena_printf(c->arena, "%s %.*s", kinds[i].what,
                                TRN_STR_ARG(trn_compare_list(c, fresh, n, kinds[i].kind == TRN_FEATURE_EARLY)));
    }
    if (section && packager) {
        char name[80];
        packager = false;
        what = trn_arena_printf(c->arena, "has %llu bytes of code in '%s'", (unsigned long long)section->number,
                                trn_escape_into(name, sizeof(name), section->key));
    }
    if (trn_str_is_none(what))
        return 0;
    int e = trn_compare_begin(c, "diff.same-build-id", &f);
    if (e < 0)
        return e;
    f.score = packager ? PACKAGING : f.check->score;
    trn_compare_say(c, &f, "it was built in the same run as the old one (%.*s) and is not the same: it now %.*s",
                    TRN_STR_ARG(trn_str_slice(id, 0, 40)), TRN_STR_ARG(what));
    trn_compare_values(c, &f,
                       trn_arena_printf(c->arena, "%llu bytes, without it", (unsigned long long)c->old_member->size),
                       trn_arena_printf(c->arena, "%llu bytes, %.*s", (unsigned long long)c->new_member->size,
                                        TRN_STR_ARG(what)),
                       section ? section->at : TRN_FEATURE_NOWHERE);
    return trn_compare_found(c, c->change, &f);
}
