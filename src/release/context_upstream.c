/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: bundled libraries held against reference builds (--upstream): one that calls itself the same, of the same version, and can do
 * what the reference cannot.
 * Must not: compare versions that differ; say much where only the layout does.
 */
#include "release/context.h"

#include <stdio.h>
#include <stdlib.h>

#define VERSION_UNKNOWN 30u /* at most, when neither says which version it is */
#define LAYOUT 10u
#define REFERENCES_MAX 8u /* of one name */

static struct trn_str version_of(const struct trn_release *r, const struct trn_release_member *m)
{
    struct trn_str v = trn_member_property(m, "version");
    if (v.n == 0)
        v = trn_version_in(m->name);
    return v.n || !r ? v : trn_release_version(r);
}

static uint64_t name_of(const struct trn_release_member *m)
{
    char text[512];
    return trn_hash64(text, trn_versionless(m->name, false, text, sizeof(text)));
}

/* "1.2.3" and "1.2.3.0" are one; who says none may be any. */
static bool same_version(struct trn_str a, struct trn_str b)
{
    struct trn_str less = a.n < b.n ? a : b, more = a.n < b.n ? b : a;
    return less.n == 0 || (trn_str_starts(more, less) && (more.n == less.n || more.p[less.n] == '.'));
}

/* ---- reference builds by name ---- */

struct reference {
    uint64_t name;
    const struct trn_release *release;
    const struct trn_release_member *member;
};

struct references {
    struct reference *all;
    size_t n;
};

static void references_done(struct references *r)
{
    free(r->all);
}

static int by_name(const void *a, const void *b)
{
    const struct reference *x = a, *y = b;
    return x->name < y->name ? -1 : x->name > y->name;
}

static int gather(const struct trn_diff_options *o, struct references *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < o->n_upstream; i++)
        n += o->upstream[i]->n_members;
    ret->all = calloc(n + 1, sizeof(*ret->all));
    if (!ret->all)
        return -ENOMEM;
    for (size_t i = 0; i < o->n_upstream; i++)
        for (size_t k = 0; k < o->upstream[i]->n_members; k++) {
            const struct trn_release_member *m = &o->upstream[i]->members[k];
            if (trn_member_is_program(m))
                ret->all[ret->n++] = (struct reference){name_of(m), o->upstream[i], m};
        }
    if (ret->n)
        qsort(ret->all, ret->n, sizeof(*ret->all), by_name);
    return 0;
}

/* The reference that it should be: of its name, sort and version; the same content at once. NULL: none. */
static const struct reference *reference_of(const struct references *r, const struct trn_release_member *m,
                                            struct trn_str version)
{
    struct trn_str arch = trn_member_property(m, "arch");
    const struct reference *best = NULL;
    uint64_t name = name_of(m);
    size_t lo = 0, hi = r->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (r->all[mid].name < name)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (size_t i = lo; i < r->n && r->all[i].name == name && i - lo < REFERENCES_MAX; i++) {
        const struct reference *x = &r->all[i];
        struct trn_str theirs = trn_member_property(x->member, "arch");
        if (x->member->format != m->format || (arch.n && theirs.n && !trn_str_eq(arch, theirs)) ||
            !same_version(version, version_of(x->release, x->member)))
            continue;
        if (memcmp(x->member->sha256, m->sha256, TRN_SHA256_SIZE) == 0)
            return x;
        best = best ? best : x;
    }
    return best;
}

/* ---- what differs ---- */

struct difference {
    char text[600];
    size_t n, kinds;
};

/* What a library can do; a vendor's own build may lay out the same otherwise. */
static const struct {
    enum trn_feature_kind kind;
    const char *what;
    bool by_key;
} abilities[] = {
    {TRN_FEATURE_IMPORT, "imports", false},  {TRN_FEATURE_LIBRARY, "loads", false},
    {TRN_FEATURE_IFUNC, "resolvers", false}, {TRN_FEATURE_SIBLING, "opens as data", false},
    {TRN_FEATURE_ABILITY, "can", false},     {TRN_FEATURE_EARLY, "runs early", true},
    {TRN_FEATURE_TABLE, "ciphers", false},   {TRN_FEATURE_ENTITLEMENT, "entitlements", true},
    {TRN_FEATURE_EXPORT, "offers", false},
};

static int differences(struct trn_compare *c, const struct trn_release_member *theirs,
                       const struct trn_release_member *ours, struct difference *d)
{
    const struct trn_release_member *keep_old = c->old_member, *keep_new = c->new_member;
    int e = 0;
    c->old_member = theirs;
    c->new_member = ours;
    for (size_t i = 0; e == 0 && i < TRN_ARRAY_SIZE(abilities); i++) {
        const struct trn_feature *const *f;
        size_t n;
        e = trn_compare_new(c, abilities[i].kind, abilities[i].by_key, &f, &n);
        if (e < 0 || n == 0)
            continue;
        struct trn_str names = trn_compare_list(c, f, n, abilities[i].by_key);
        int put = snprintf(d->text + d->n, sizeof(d->text) - d->n, "%s%s %.*s", d->kinds ? "; " : "", abilities[i].what,
                           TRN_STR_ARG(trn_str_slice(names, 0, 200)));
        d->n = TRN_MIN(d->n + (size_t)TRN_MAX(put, 0), sizeof(d->text) - 1);
        d->kinds++;
    }
    c->old_member = keep_old;
    c->new_member = keep_new;
    return e;
}

static int tell(struct trn_compare *c, struct trn_change *x, const struct reference *r, struct trn_str version)
{
    struct difference d = {.n = 0};
    struct trn_finding f;
    char label[160], shown[80];
    struct trn_str theirs = version_of(r->release, r->member);
    int e = trn_compare_begin(c, "diff.upstream-differs", &f);
    if (e < 0)
        return e;
    e = differences(c, r->member, x->new_member, &d);
    if (e < 0)
        return e;
    bool known = version.n && theirs.n;
    trn_escape_into(label, sizeof(label), trn_release_label(r->release));
    trn_escape_into(shown, sizeof(shown), theirs);
    f.score = !d.kinds ? LAYOUT : known ? f.score : (uint16_t)TRN_MIN(f.score, VERSION_UNKNOWN);
    if (d.kinds)
        trn_compare_say(c, &f, "the reference build%s%s in '%s' cannot do what this one can: %s",
                        known ? " of version " : "", known ? shown : "", label, d.text);
    else
        trn_compare_say(c, &f, "it is not the file of the reference build%s%s in '%s', but can do no more than that",
                        known ? " of version " : "", known ? shown : "", label);
    char was[70], is[70];
    trn_hex(r->member->sha256, TRN_SHA256_SIZE, was);
    trn_hex(x->new_member->sha256, TRN_SHA256_SIZE, is);
    trn_compare_values(c, &f, trn_arena_printf(c->arena, "the reference's SHA-256 %.16s...", was),
                       trn_arena_printf(c->arena, "this one's %.16s...", is), TRN_FEATURE_NOWHERE);
    trn_finding_add(&f, "reference_sha256", trn_arena_str(c->arena, trn_str_of(was)));
    char path[300];
    trn_finding_add(&f, "reference",
                    trn_arena_str(c->arena, trn_str_of(trn_escape_into(path, sizeof(path), r->member->path))));
    return trn_compare_found(c, x, &f);
}

int trn_context_upstream(struct trn_compare *c)
{
    TRN_AUTO(references_done) struct references r = {0};
    int e = c->o->n_upstream ? gather(c->o, &r) : 0;
    for (size_t i = 0; e == 0 && r.n && i < c->diff->n_changes; i++) {
        struct trn_change *x = &c->diff->changes[i];
        if (!x->new_member || !trn_member_is_program(x->new_member))
            continue;
        struct trn_str version = version_of(NULL, x->new_member);
        const struct reference *should = reference_of(&r, x->new_member, version);
        if (should && memcmp(should->member->sha256, x->new_member->sha256, TRN_SHA256_SIZE) != 0)
            e = tell(c, x, should, version);
    }
    return e;
}
