/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the set of what the old release and its predecessors had anywhere, and where a member stands.
 * Must not: know any check.
 */
#include "release/compare_text.h"

#define KNOWN_MAX (4u << 20)

uint64_t trn_known_by_value(const struct trn_feature *f)
{
    return trn_hash64_mix(trn_hash64_str(f->key), trn_hash64_str(f->value)) | 1;
}

uint64_t trn_known_by_key(const struct trn_feature *f)
{
    return trn_hash64_str(f->key) | 1;
}

static int add_release(const struct trn_release *r, enum trn_feature_kind kind, trn_known_key_fn *key,
                       struct trn_map *known)
{
    for (size_t i = 0; i < trn_release_count(r); i++) {
        size_t n;
        const struct trn_feature *f = trn_member_features(trn_release_at(r, i), kind, &n);
        for (size_t k = 0; k < n; k++) {
            uint64_t hash = key(&f[k]);
            int e = hash && trn_map_count(known) < KNOWN_MAX ? trn_map_put(known, hash, 1) : 0;
            if (e < 0)
                return e;
        }
    }
    return 0;
}

int trn_known_features(const struct trn_compare *c, enum trn_feature_kind kind, trn_known_key_fn *key,
                       struct trn_map **ret)
{
    TRN_AUTO(trn_map_freep) struct trn_map *known = trn_map_new(KNOWN_MAX);
    int e = known ? add_release(c->diff->old_release, kind, key, known) : -ENOMEM;
    for (size_t i = 0; e == 0 && c->o && i < c->o->n_history; i++)
        e = add_release(c->o->history[i], kind, key, known);
    if (e == 0)
        *ret = TRN_STEAL(known);
    return e;
}

bool trn_is_known(const struct trn_map *known, uint64_t key)
{
    uint64_t unused;
    return trn_map_get(known, key, &unused);
}

struct trn_str trn_member_place(const struct trn_release_member *m)
{
    ptrdiff_t mark = trn_str_rfind(m->path, '!');
    return mark < 0 ? m->path : trn_str_slice(m->path, (size_t)mark + 1, m->path.n);
}

bool trn_member_is_aside(const struct trn_release_member *m)
{
    static const char *const parts[] = {"/test/", "/tests/", "/__tests__/", "/spec/",      "/examples/",  "/example/",
                                        "/docs/", "/doc/",   "/demo/",      "/benchmark/", "/benchmarks/"};
    static const char *const ends[] = {".md", ".markdown", ".rst", ".html", ".htm", ".txt", ".map", ".d.ts", ".svg"};
    struct trn_str path = trn_member_place(m);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(parts); i++)
        if (trn_str_contains(path, trn_str_of(parts[i])))
            return true;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(ends); i++)
        if (trn_str_ends(path, trn_str_of(ends[i])))
            return true;
    return TRN_ONE_OF(m->name, "README", "LICENSE", "CHANGELOG", "copyright", "AUTHORS", "NEWS", "THANKS");
}

const char *trn_member_shown(struct trn_compare *c, const struct trn_release_member *m)
{
    char text[220];
    struct trn_str place = trn_member_place(m);
    struct trn_str s =
        trn_arena_str(c->arena, trn_str_of(trn_escape_into(text, sizeof(text), place.n ? place : m->name)));
    return s.p ? s.p : "";
}
