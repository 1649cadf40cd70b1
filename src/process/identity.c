/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what is known of files by (device, inode, ctime), bounded, oldest first out. Must not own:
 * which images use an identity; they hold references, and an entry that leaves the cache lives on
 * (detached) until the last of them is gone.
 */
#include "process/internal.h"

#define SECOND_CHANCES 8

int trn_known_init(struct trn_known_cache *c, size_t max)
{
    size_t n = 64;
    while (n < max)
        n *= 2;
    struct trn_known **b = calloc(n, sizeof(struct trn_known *));
    if (!b)
        return -ENOMEM;
    *c = (struct trn_known_cache){.buckets = b, .n_buckets = n, .max = max};
    return 0;
}

static struct trn_known **bucket_of(const struct trn_known_cache *c, const struct trn_file_key *k)
{
    return &c->buckets[trn_file_inode_hash(k) & (c->n_buckets - 1)];
}

static void drop_words(struct trn_word_set *w, struct trn_known *k)
{
    trn_words_drop(w, k->name);
    trn_words_drop(w, k->version);
    trn_words_drop(w, k->signer);
    trn_words_drop(w, k->build_id);
    trn_words_drop(w, k->kind);
    k->name = k->version = k->signer = k->build_id = k->kind = NULL;
}

static void order_remove(struct trn_known_cache *c, struct trn_known *k)
{
    *(k->older ? &k->older->newer : &c->oldest) = k->newer;
    *(k->newer ? &k->newer->older : &c->newest) = k->older;
    k->older = k->newer = NULL;
}

static void order_append(struct trn_known_cache *c, struct trn_known *k)
{
    k->older = c->newest;
    k->newer = NULL;
    *(c->newest ? &c->newest->newer : &c->oldest) = k;
    c->newest = k;
}

static void uncache(struct trn_known_cache *c, struct trn_word_set *w, struct trn_known *k)
{
    struct trn_known **at = bucket_of(c, &k->key);
    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    order_remove(c, k);
    k->cached = false;
    c->count--;
    if (k->refs) {
        c->detached++;
        return;
    }
    drop_words(w, k);
    free(k);
}

void trn_known_done(struct trn_known_cache *c, struct trn_word_set *w)
{
    while (c->oldest)
        uncache(c, w, c->oldest);
    free(c->buckets);
    *c = (struct trn_known_cache){0};
}

void trn_known_drop(struct trn_known_cache *c, struct trn_word_set *w, struct trn_known *k)
{
    if (!k || --k->refs || k->cached)
        return;
    c->detached--;
    drop_words(w, k);
    free(k);
}

struct trn_known *trn_known_find(const struct trn_known_cache *c, const struct trn_file_key *k)
{
    if (trn_file_key_is_none(k))
        return NULL;
    for (struct trn_known *e = *bucket_of(c, k); e; e = e->next)
        if (e->key.dev == k->dev && e->key.ino == k->ino &&
            (e->key.ctime_ns == k->ctime_ns || !e->key.ctime_ns || !k->ctime_ns))
            return e;
    return NULL;
}

/* An entry in use goes behind the others a few times, so that what runs now stays known. */
static void make_room(struct trn_known_cache *c, struct trn_word_set *w)
{
    if (c->count < c->max)
        return;
    for (int i = 0; i < SECOND_CHANCES && c->oldest->refs; i++) {
        struct trn_known *k = c->oldest;
        order_remove(c, k);
        order_append(c, k);
    }
    uncache(c, w, c->oldest);
}

struct words_of {
    struct trn_word *name, *version, *signer, *build_id, *kind;
};

static int take_words(struct trn_word_set *w, const struct trn_identity *i, struct words_of *ret)
{
    const struct trn_str s[5] = {i->software.name, i->software.version, i->software.signer, i->build_id, i->kind};
    struct trn_word *got[5] = {0};
    for (size_t n = 0; n < TRN_ARRAY_SIZE(s); n++) {
        int r = trn_words_take(w, s[n], TRN_WORD_KEPT, &got[n]);
        if (r < 0) {
            while (n)
                trn_words_drop(w, got[--n]);
            return r;
        }
    }
    *ret = (struct words_of){got[0], got[1], got[2], got[3], got[4]};
    return 0;
}

static void fill(struct trn_known *k, const struct trn_identity *i, const struct words_of *words)
{
    k->name = words->name;
    k->version = words->version;
    k->signer = words->signer;
    k->build_id = words->build_id;
    k->kind = words->kind;
    k->id = *i;
    k->id.software.name = trn_word_str(k->name);
    k->id.software.version = trn_word_str(k->version);
    k->id.software.signer = trn_word_str(k->signer);
    k->id.build_id = trn_word_str(k->build_id);
    k->id.kind = trn_word_str(k->kind);
}

int trn_known_put(struct trn_known_cache *c, struct trn_word_set *w, const struct trn_ev_identity *i,
                  struct trn_known **ret, bool *ret_changed)
{
    struct words_of words;
    int r = take_words(w, &i->id, &words);
    if (r < 0)
        return r;
    struct trn_known *k = trn_known_find(c, &i->file);
    if (k && k->key.ctime_ns == i->file.ctime_ns) {
        *ret_changed = k->refs && (k->name != words.name || k->id.software.flags != i->id.software.flags ||
                                   k->id.software.origin != i->id.software.origin);
        drop_words(w, k);
        fill(k, &i->id, &words);
        *ret = k;
        return 0;
    }
    k = calloc(1, sizeof(*k));
    if (!k) {
        trn_words_drop(w, words.name);
        trn_words_drop(w, words.version);
        trn_words_drop(w, words.signer);
        trn_words_drop(w, words.build_id);
        trn_words_drop(w, words.kind);
        return -ENOMEM;
    }
    make_room(c, w);
    k->key = i->file;
    k->cached = true;
    fill(k, &i->id, &words);
    struct trn_known **b = bucket_of(c, &k->key);
    k->next = *b;
    *b = k;
    order_append(c, k);
    c->count++;
    *ret = k;
    *ret_changed = false;
    return 0;
}
