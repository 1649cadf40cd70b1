/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which member of the old release became which of the new one: first by path, then by path without version numbers, then
 * by content.
 * Must not: pair one member twice; pair by a name alone what stands in different containers and is of different kinds.
 */
#include "release/compare.h"

#include <ctype.h>
#include <stdlib.h>

#define KEY_MAX 4096u

struct pairing {
    struct trn_diff *d;
    const struct trn_release *before, *after;
    uint32_t *to_new, *to_old; /* index of the partner; TRN_NO_MEMBER */
    enum trn_pair_reason *why; /* of a new member */
};

static void pairing_done(struct pairing *p)
{
    free(p->to_new);
    free(p->to_old);
    free(p->why);
}

static void join(struct pairing *p, uint32_t old_index, uint32_t new_index, enum trn_pair_reason why)
{
    p->to_new[old_index] = new_index;
    p->to_old[new_index] = old_index;
    p->why[new_index] = why;
}

/* ---- keys: what two members must have in common ---- */

typedef uint64_t key_fn(const struct trn_release_member *m);

static uint64_t path_key(const struct trn_release_member *m)
{
    return trn_hash64_str(m->path);
}

/* Runs of digits, with dots between them, become one "#". */
static uint64_t versionless_key(const struct trn_release_member *m)
{
    char text[KEY_MAX];
    size_t n = 0;
    for (size_t i = 0; i < m->path.n && n < sizeof(text); i++) {
        unsigned char c = (unsigned char)m->path.p[i];
        if (!isdigit(c)) {
            text[n++] = (char)c;
            continue;
        }
        text[n++] = '#';
        while (i + 1 < m->path.n &&
               (isdigit((unsigned char)m->path.p[i + 1]) ||
                (m->path.p[i + 1] == '.' && i + 2 < m->path.n && isdigit((unsigned char)m->path.p[i + 2]))))
            i++;
    }
    return trn_hash64(text, n);
}

static uint64_t content_key(const struct trn_release_member *m)
{
    return m->size ? trn_hash64(m->sha256, TRN_SHA256_SIZE) : 0; /* empty files are like each other for no reason */
}

/* Unpaired members with the same key, in order, become pairs. Several of one key: only as many as both have. */
static int by_key(struct pairing *p, key_fn *key, enum trn_pair_reason why,
                  bool (*fits)(const struct trn_release_member *, const struct trn_release_member *))
{
    size_t n_old = trn_release_count(p->before), n_new = trn_release_count(p->after);
    TRN_AUTO(trn_map_freep) struct trn_map *first = trn_map_new(n_old + 1);
    TRN_AUTO(trn_freep)
    uint32_t *next = calloc(n_old + 1, sizeof(*next)); /* the next of the same key, from 1; 0: none */
    if (!first || !next)
        return -ENOMEM;
    for (size_t i = n_old; i-- > 0;) {
        uint64_t k = key(trn_release_at(p->before, i)), at = 0;
        if (p->to_new[i] != TRN_NO_MEMBER || k == 0)
            continue;
        if (trn_map_get(first, k, &at))
            next[i] = (uint32_t)at + 1;
        int e = trn_map_put(first, k, i);
        if (e < 0)
            return e;
    }
    for (size_t i = 0; i < n_new; i++) {
        const struct trn_release_member *m = trn_release_at(p->after, i);
        uint64_t at = 0;
        if (p->to_old[i] != TRN_NO_MEMBER || !trn_map_get(first, key(m), &at))
            continue;
        for (uint32_t o = (uint32_t)at + 1; o; o = next[o - 1]) {
            if (p->to_new[o - 1] != TRN_NO_MEMBER || !fits(trn_release_at(p->before, o - 1), m))
                continue;
            join(p, o - 1, (uint32_t)i, why);
            break;
        }
    }
    return 0;
}

static bool same_path(const struct trn_release_member *a, const struct trn_release_member *b)
{
    return trn_str_eq(a->path, b->path);
}

static bool same_kind(const struct trn_release_member *a, const struct trn_release_member *b)
{
    return a->format == b->format;
}

static bool same_content(const struct trn_release_member *a, const struct trn_release_member *b)
{
    return a->size == b->size && memcmp(a->sha256, b->sha256, TRN_SHA256_SIZE) == 0;
}

/* ---- changes ---- */

static struct trn_change change_of(const struct pairing *p, uint32_t old_index, uint32_t new_index)
{
    struct trn_change c = {.old_member = trn_release_at(p->before, old_index),
                           .new_member = trn_release_at(p->after, new_index)};
    if (!c.old_member || !c.new_member) {
        c.kind = c.new_member ? TRN_CHANGE_ADDED : TRN_CHANGE_REMOVED;
        return c;
    }
    c.by = p->why[new_index];
    bool same = same_content(c.old_member, c.new_member), here = same_path(c.old_member, c.new_member);
    c.kind = !here || c.by >= TRN_PAIR_CONTENT                  ? TRN_CHANGE_RENAMED
             : same && c.old_member->mode == c.new_member->mode ? TRN_CHANGE_SAME
                                                                : TRN_CHANGE_CHANGED;
    if (here && !same)
        c.kind = TRN_CHANGE_CHANGED;
    return c;
}

static int fill(struct pairing *p)
{
    size_t n_old = trn_release_count(p->before), n_new = trn_release_count(p->after);
    struct trn_diff *d = p->d;
    d->changes = trn_arena_array(d->arena, n_old + n_new + 1, sizeof(*d->changes));
    if (!d->changes)
        return -ENOMEM;
    for (size_t i = 0; i < n_new; i++)
        d->changes[d->n_changes++] = change_of(p, p->to_old[i], (uint32_t)i);
    for (size_t i = 0; i < n_old; i++)
        if (p->to_new[i] == TRN_NO_MEMBER)
            d->changes[d->n_changes++] = change_of(p, (uint32_t)i, TRN_NO_MEMBER);
    for (size_t i = 0; i < d->n_changes; i++)
        d->counts[d->changes[i].kind]++;
    return 0;
}

int trn_pair_members(struct trn_diff *d)
{
    size_t n_old = trn_release_count(d->old_release), n_new = trn_release_count(d->new_release);
    TRN_AUTO(pairing_done)
    struct pairing p = {.d = d,
                        .before = d->old_release,
                        .after = d->new_release,
                        .to_new = malloc((n_old + 1) * sizeof(uint32_t)),
                        .to_old = malloc((n_new + 1) * sizeof(uint32_t)),
                        .why = calloc(n_new + 1, sizeof(enum trn_pair_reason))};
    if (!p.to_new || !p.to_old || !p.why)
        return -ENOMEM;
    memset(p.to_new, 0xff, (n_old + 1) * sizeof(uint32_t)); /* TRN_NO_MEMBER */
    memset(p.to_old, 0xff, (n_new + 1) * sizeof(uint32_t));
    int e = by_key(&p, path_key, TRN_PAIR_PATH, same_path);
    if (e == 0)
        e = by_key(&p, versionless_key, TRN_PAIR_VERSION_IN_PATH, same_kind);
    if (e == 0)
        e = by_key(&p, content_key, TRN_PAIR_CONTENT, same_content);
    return e < 0 ? e : fill(&p);
}

const char *trn_change_kind_name(enum trn_change_kind k)
{
    static const char *const names[] = {"same", "added", "removed", "changed", "renamed"};
    return k < TRN_CHANGE_KIND_MAX ? names[k] : "";
}

const char *trn_pair_reason_name(enum trn_pair_reason r)
{
    static const char *const names[] = {"", "path", "version-in-path", "content", "similar"};
    return r < TRN_ARRAY_SIZE(names) ? names[r] : "";
}
