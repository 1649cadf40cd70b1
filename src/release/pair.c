/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which member of the old release became which of the new one. In this order: by path; by path without version numbers, those
 * of one content first; by content; by what they are made of (pair_similar.c). What stands in a container that was paired is
 * looked for at the same place in its partner.
 * Must not: pair one member twice; take longer than n log n, whatever names and contents say.
 */
#include "release/pair.h"

#include <stdlib.h>

#define KEY_MAX 4096u
#define TRIES_MAX 32u /* of one key that fit in nothing else */

static void pairing_done(struct trn_pairing *p)
{
    free(p->to_new);
    free(p->to_old);
    free(p->why);
    free(p->similarity);
}

/* ---- keys: what two members must have in common ---- */

enum key_kind {
    KEY_PATH,
    KEY_VERSIONLESS,
    KEY_LOOSE,
    KEY_VERSIONLESS_CONTENT,
    KEY_LOOSE_CONTENT,
    KEY_NAME_CONTENT,
    KEY_CONTENT,
    KEY_PLACE,            /* in the partner of its container */
    KEY_PLACE_VERSIONLESS /* the same, without version numbers */
};

static bool of_content(enum key_kind k)
{
    return k >= KEY_VERSIONLESS_CONTENT && k <= KEY_CONTENT;
}

static struct trn_str text_of(const struct trn_release *r, const struct trn_release_member *m, enum key_kind k,
                              char store[KEY_MAX])
{
    struct trn_str s = k >= KEY_PLACE ? trn_member_inner_path(r, m) : k == KEY_NAME_CONTENT ? m->name : m->path;
    if (k == KEY_PATH || k == KEY_PLACE || k == KEY_NAME_CONTENT)
        return s;
    if (k == KEY_CONTENT)
        return TRN_STR("");
    return (struct trn_str){store, trn_versionless(s, k == KEY_LOOSE || k == KEY_LOOSE_CONTENT, store, KEY_MAX)};
}

/* 0: it has no such key. up: of its container, counted in the old release. */
static uint64_t key_of(const struct trn_release *r, const struct trn_release_member *m, enum key_kind k, uint32_t up)
{
    char store[KEY_MAX];
    if (of_content(k) && m->size == 0)
        return 0; /* empty files are like each other for no reason */
    if (k >= KEY_PLACE && up == TRN_NO_MEMBER)
        return 0;
    uint64_t h = trn_hash64_str(text_of(r, m, k, store));
    if (of_content(k))
        h = trn_hash64_mix(h, trn_hash64(m->sha256, TRN_SHA256_SIZE));
    return k >= KEY_PLACE ? trn_hash64_mix(h, up) : h;
}

static bool same_content(const struct trn_release_member *a, const struct trn_release_member *b)
{
    return a->size == b->size && memcmp(a->sha256, b->sha256, TRN_SHA256_SIZE) == 0;
}

/* The hashes are equal; are the two? Names may be made so that hashes collide. */
static bool fits(const struct trn_pairing *p, const struct trn_release_member *a, const struct trn_release_member *b,
                 enum key_kind k)
{
    char x[KEY_MAX], y[KEY_MAX];
    if (of_content(k) ? !same_content(a, b) : k != KEY_PATH && k != KEY_PLACE && !trn_pair_same_kind(a, b))
        return false;
    return trn_str_eq(text_of(p->before, a, k, x), text_of(p->after, b, k, y));
}

/* ---- one pass ---- */

struct chain { /* old members by key, those of one key in order */
    struct trn_map *first;
    uint32_t *next; /* from 1; 0: none */
};

static void chain_done(struct chain *c)
{
    trn_map_free(c->first);
    free(c->next);
}

static int chain_make(const struct trn_pairing *p, enum key_kind k, struct chain *c)
{
    size_t n = p->before->n_members;
    c->first = trn_map_new(n + 1);
    c->next = calloc(n + 1, sizeof(*c->next));
    if (!c->first || !c->next)
        return -ENOMEM;
    for (size_t i = n; i-- > 0;) {
        const struct trn_release_member *m = &p->before->members[i];
        uint64_t at, key = p->to_new[i] == TRN_NO_MEMBER ? key_of(p->before, m, k, m->parent) : 0;
        if (key == 0)
            continue;
        if (trn_map_get(c->first, key, &at))
            c->next[i] = (uint32_t)at + 1;
        int e = trn_map_put(c->first, key, i);
        if (e < 0)
            return e;
    }
    return 0;
}

/* The first unpaired old member of this key that fits. What was paired meanwhile is taken out at the head. */
static int chain_take(struct trn_pairing *p, struct chain *c, uint64_t key, enum key_kind k, uint32_t new_index,
                      uint32_t *ret)
{
    uint64_t head = 0;
    *ret = TRN_NO_MEMBER;
    if (!trn_map_get(c->first, key, &head))
        return 0;
    uint32_t at = (uint32_t)head + 1;
    while (at && p->to_new[at - 1] != TRN_NO_MEMBER)
        at = c->next[at - 1];
    if (at == 0) {
        (void)trn_map_remove(c->first, key, NULL);
        return 0;
    }
    if (at != head + 1) {
        int e = trn_map_put(c->first, key, at - 1);
        if (e < 0)
            return e;
    }
    const struct trn_release_member *m = &p->after->members[new_index];
    for (unsigned tries = 0; at && tries < TRIES_MAX; at = c->next[at - 1], tries++)
        if (p->to_new[at - 1] == TRN_NO_MEMBER && fits(p, &p->before->members[at - 1], m, k)) {
            *ret = at - 1;
            return 0;
        }
    return 0;
}

/* Unpaired members with the same key, in order, become pairs. Several of one key: only as many as both have. Containers come
 * before what is in them, so a container that is paired here lends its partner to its members in the same pass. */
static int pass(struct trn_pairing *p, enum key_kind k, enum trn_pair_reason why)
{
    TRN_AUTO(chain_done) struct chain c = {0};
    int e = chain_make(p, k, &c);
    for (uint32_t i = 0; e == 0 && i < p->after->n_members; i++) {
        const struct trn_release_member *m = &p->after->members[i];
        uint32_t found, up = m->parent == TRN_NO_MEMBER ? TRN_NO_MEMBER : p->to_old[m->parent];
        uint64_t key = p->to_old[i] == TRN_NO_MEMBER ? key_of(p->after, m, k, up) : 0;
        if (key == 0 || (e = chain_take(p, &c, key, k, i, &found)) < 0 || found == TRN_NO_MEMBER)
            continue;
        bool version = k >= KEY_PLACE && p->why[m->parent] == TRN_PAIR_VERSION_IN_PATH;
        trn_pair_join(p, found, i, version ? TRN_PAIR_VERSION_IN_PATH : why);
    }
    return e;
}

/* ---- changes ---- */

/* The mode, and what else a container gives a file beside its content. */
static bool same_rights(const struct trn_release_member *a, const struct trn_release_member *b)
{
    size_t n = 0, m = 0;
    const struct trn_feature *x = trn_member_features(a, TRN_FEATURE_PRIVILEGE, &n);
    const struct trn_feature *y = trn_member_features(b, TRN_FEATURE_PRIVILEGE, &m);
    bool same = a->mode == b->mode && n == m;
    for (size_t i = 0; same && i < n; i++)
        same = trn_feature_compare(&x[i], &y[i]) == 0;
    return same;
}

static struct trn_change change_of(const struct trn_pairing *p, uint32_t old_index, uint32_t new_index)
{
    struct trn_change c = {.old_member = trn_release_at(p->before, old_index),
                           .new_member = trn_release_at(p->after, new_index)};
    if (!c.old_member || !c.new_member) {
        c.kind = c.new_member ? TRN_CHANGE_ADDED : TRN_CHANGE_REMOVED;
        return c;
    }
    c.by = p->why[new_index];
    c.similarity = p->similarity[new_index];
    bool same = same_content(c.old_member, c.new_member) && same_rights(c.old_member, c.new_member);
    c.kind = c.by >= TRN_PAIR_CONTENT ? TRN_CHANGE_RENAMED : same ? TRN_CHANGE_SAME : TRN_CHANGE_CHANGED;
    return c;
}

static int by_path(const void *a, const void *b)
{
    const struct trn_change *x = a, *y = b;
    const struct trn_release_member *m = x->new_member ? x->new_member : x->old_member;
    const struct trn_release_member *n = y->new_member ? y->new_member : y->old_member;
    int d = trn_str_cmp(m->path, n->path);
    if (d)
        return d;
    if (!x->new_member != !y->new_member)
        return x->new_member ? -1 : 1;
    return m < n ? -1 : m > n; /* members of one release stand in one array */
}

static int fill(struct trn_pairing *p)
{
    uint32_t n_old = (uint32_t)p->before->n_members, n_new = (uint32_t)p->after->n_members;
    struct trn_diff *d = p->d;
    d->changes = trn_arena_array(d->arena, (size_t)n_old + n_new + 1, sizeof(*d->changes));
    if (!d->changes)
        return -ENOMEM;
    for (uint32_t i = 0; i < n_new; i++)
        d->changes[d->n_changes++] = change_of(p, p->to_old[i], i);
    for (uint32_t i = 0; i < n_old; i++)
        if (p->to_new[i] == TRN_NO_MEMBER)
            d->changes[d->n_changes++] = change_of(p, i, TRN_NO_MEMBER);
    if (d->n_changes)
        qsort(d->changes, d->n_changes, sizeof(*d->changes), by_path);
    for (size_t i = 0; i < d->n_changes; i++)
        d->counts[d->changes[i].kind]++;
    return 0;
}

static int run(struct trn_pairing *p)
{
    static const struct {
        enum key_kind key;
        enum trn_pair_reason why;
    } passes[] = {
        {KEY_PATH, TRN_PAIR_PATH},
        {KEY_VERSIONLESS_CONTENT, TRN_PAIR_VERSION_IN_PATH},
        {KEY_LOOSE_CONTENT, TRN_PAIR_VERSION_IN_PATH},
        {KEY_VERSIONLESS, TRN_PAIR_VERSION_IN_PATH},
        {KEY_NAME_CONTENT, TRN_PAIR_CONTENT},
        {KEY_CONTENT, TRN_PAIR_CONTENT},
        {KEY_PLACE, TRN_PAIR_PATH},
        {KEY_LOOSE, TRN_PAIR_VERSION_IN_PATH},
    };
    int e = 0;
    for (size_t i = 0; e == 0 && i < TRN_ARRAY_SIZE(passes); i++)
        e = pass(p, passes[i].key, passes[i].why);
    if (e == 0)
        e = trn_pair_similar(p);
    if (e == 0)
        e = pass(p, KEY_PLACE, TRN_PAIR_PATH);
    return e < 0 ? e : pass(p, KEY_PLACE_VERSIONLESS, TRN_PAIR_VERSION_IN_PATH);
}

int trn_pair_members(struct trn_diff *d)
{
    size_t n_old = d->old_release->n_members, n_new = d->new_release->n_members;
    TRN_AUTO(pairing_done)
    struct trn_pairing p = {.d = d,
                            .before = d->old_release,
                            .after = d->new_release,
                            .to_new = malloc((n_old + 1) * sizeof(uint32_t)),
                            .to_old = malloc((n_new + 1) * sizeof(uint32_t)),
                            .why = calloc(n_new + 1, sizeof(enum trn_pair_reason)),
                            .similarity = calloc(n_new + 1, sizeof(uint32_t))};
    if (!p.to_new || !p.to_old || !p.why || !p.similarity)
        return -ENOMEM;
    memset(p.to_new, 0xff, (n_old + 1) * sizeof(uint32_t)); /* TRN_NO_MEMBER */
    memset(p.to_old, 0xff, (n_new + 1) * sizeof(uint32_t));
    int e = run(&p);
    return e < 0 ? e : fill(&p);
}

const char *trn_change_kind_name(enum trn_change_kind k)
{
    static const char *const names[] = {"same", "added", "removed", "changed", "renamed", "unseen"};
    return k < TRN_CHANGE_KIND_MAX ? names[k] : "";
}

const char *trn_pair_reason_name(enum trn_pair_reason r)
{
    static const char *const names[] = {"", "path", "version-in-path", "content", "similar"};
    return r < TRN_ARRAY_SIZE(names) ? names[r] : "";
}
