/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: members that are new to the pairing and yet take the place of an old one: a name that is there twice ("x.dll" and "./x.dll",
 * "X.DLL", "a/../x.dll"), or a library that offers exactly what an old one offered whose own place holds another now. Each is
 * compared with that old one as well.
 * Must not: pair anything; ask what was paired.
 */
#include "release/context.h"

#include <ctype.h>
#include <stdlib.h>

#define PATH_SHOWN 200u
#define EXPORTS_MIN 4u

struct places {
    struct trn_map *path, *offer;        /* of the old release: hash -> index */
    const struct trn_change **change_of; /* of an old member, by index */
};

static void places_done(struct places *p)
{
    trn_map_free(p->path);
    trn_map_free(p->offer);
    free(p->change_of);
}

/* Takes back the last piece of a path, but none of the container it is in. */
static size_t one_up(const char *out, size_t n)
{
    if (n && out[n - 1] == '/')
        n--;
    while (n && out[n - 1] != '/' && out[n - 1] != '!')
        n--;
    return n;
}

/* Where it lands when it is unpacked on a system that does not tell upper from lower case. */
static size_t landing(struct trn_str path, char *out, size_t size)
{
    size_t n = 0, from = 0;
    for (size_t i = 0; i <= path.n && n + 2 < size; i++) {
        char c = i < path.n ? path.p[i] : '/';
        if (c != '/' && c != '\\' && c != '!')
            continue;
        struct trn_str piece = trn_str_slice(path, from, i - from);
        from = i + 1;
        if (trn_str_eq_c(piece, ".."))
            n = one_up(out, n);
        else if (piece.n && !trn_str_eq_c(piece, ".")) {
            for (size_t k = 0; k < piece.n && n + 2 < size; k++)
                out[n++] = (char)tolower((unsigned char)piece.p[k]);
            out[n++] = '/';
        }
        if (c == '!')
            out[n++] = '!';
    }
    return n;
}

static uint64_t path_key(const struct trn_release_member *m)
{
    char text[4096], key[4096];
    size_t n = landing(m->path, text, sizeof(text));
    return n ? trn_hash64(key, trn_versionless((struct trn_str){text, n}, false, key, sizeof(key))) : 0;
}

/* What a library offers, in one number; 0: too little to be known by. */
static uint64_t offer_key(const struct trn_release_member *m)
{
    size_t n = 0;
    const struct trn_feature *f = trn_member_is_program(m) ? trn_member_features(m, TRN_FEATURE_EXPORT, &n) : NULL;
    uint64_t h = trn_hash64_mix((uint64_t)m->format + 1, trn_hash64_str(trn_member_property(m, "arch")));
    for (size_t i = 0; i < n; i++)
        h = trn_hash64_mix(h, trn_hash64_str(f[i].value));
    return n >= EXPORTS_MIN ? h | 1u : 0;
}

static int note(struct trn_map *map, uint64_t key, size_t index)
{
    uint64_t unused;
    return key == 0 || trn_map_get(map, key, &unused) ? 0 : trn_map_put(map, key, index);
}

static int gather(const struct trn_compare *c, struct places *p)
{
    const struct trn_release *r = c->diff->old_release;
    p->path = trn_map_new(r->n_members + 1);
    p->offer = trn_map_new(r->n_members + 1);
    p->change_of = calloc(r->n_members + 1, sizeof(*p->change_of));
    if (!p->path || !p->offer || !p->change_of)
        return -ENOMEM;
    int e = 0;
    for (size_t i = 0; e == 0 && i < r->n_members; i++) {
        e = note(p->path, path_key(&r->members[i]), i);
        if (e == 0)
            e = note(p->offer, offer_key(&r->members[i]), i);
    }
    for (size_t i = 0; i < c->diff->n_changes; i++)
        if (c->diff->changes[i].old_member)
            p->change_of[c->diff->changes[i].old_member - r->members] = &c->diff->changes[i];
    return e;
}

/* The old one whose place it takes; NULL: it is simply new. */
static const struct trn_release_member *predecessor(const struct trn_compare *c, const struct places *p,
                                                    const struct trn_release_member *m)
{
    const struct trn_release_member *old = c->diff->old_release->members;
    uint64_t at = 0, key = path_key(m);
    if (key && trn_map_get(p->path, key, &at))
        return &old[at];
    key = offer_key(m);
    if (key == 0 || !trn_map_get(p->offer, key, &at))
        return NULL;
    const struct trn_change *x = p->change_of[at];
    return x && (!x->new_member || offer_key(x->new_member) != key) ? &old[at] : NULL;
}

static int compare_again(struct trn_compare *c, struct trn_change *x, const struct trn_release_member *was)
{
    struct trn_told *again = NULL;
    char path[PATH_SHOWN];
    int e = trn_compare_other(c, was, x->new_member, &again);
    struct trn_str with = trn_arena_str(c->arena, trn_str_of(trn_escape_into(path, sizeof(path), was->path)));
    for (struct trn_told *t = again; e == 0 && t; t = t->next) {
        if (strncmp(t->finding->check->id, "diff.", 5) != 0)
            continue; /* what the scan says of it was told already */
        trn_finding_add(t->finding, "in_place_of", with);
        e = trn_compare_found(c, x, t->finding);
    }
    return e;
}

int trn_context_place(struct trn_compare *c)
{
    TRN_AUTO(places_done) struct places p = {0};
    int e = c->diff->counts[TRN_CHANGE_ADDED] ? gather(c, &p) : 0;
    for (size_t i = 0; e == 0 && p.path && i < c->diff->n_changes; i++) {
        struct trn_change *x = &c->diff->changes[i];
        const struct trn_release_member *was = x->kind == TRN_CHANGE_ADDED ? predecessor(c, &p, x->new_member) : NULL;
        if (was && memcmp(was->sha256, x->new_member->sha256, TRN_SHA256_SIZE) != 0)
            e = compare_again(c, x, was);
    }
    return e;
}
