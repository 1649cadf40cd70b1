/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: one copy of each string the table keeps, counted by references (a thousand `sh -c id` share
 * theirs). Must not own: any meaning of the strings. Bytes are counted as requested, not as malloc
 * rounds them, so that the budget evicts the same entity on every machine.
 */
#include "process/internal.h"

#define FIRST_BUCKETS 1024u

int trn_words_init(struct trn_word_set *w)
{
    struct trn_word **b = calloc(FIRST_BUCKETS, sizeof(struct trn_word *));
    if (!b)
        return -ENOMEM;
    *w = (struct trn_word_set){.buckets = b, .n_buckets = FIRST_BUCKETS};
    return 0;
}

void trn_words_done(struct trn_word_set *w)
{
    for (size_t i = 0; i < w->n_buckets; i++)
        for (struct trn_word *e = w->buckets[i], *next; e; e = next) {
            next = e->next;
            free(e);
        }
    free(w->buckets);
    *w = (struct trn_word_set){0};
}

/* Failure is harmless: the chains only get longer. */
static void grow(struct trn_word_set *w)
{
    size_t n = w->n_buckets * 2;
    struct trn_word **b = calloc(n, sizeof(struct trn_word *));
    if (!b)
        return;
    for (size_t i = 0; i < w->n_buckets; i++)
        for (struct trn_word *e = w->buckets[i], *next; e; e = next) {
            next = e->next;
            e->next = b[e->hash & (n - 1)];
            b[e->hash & (n - 1)] = e;
        }
    free(w->buckets);
    w->buckets = b;
    w->n_buckets = n;
}

int trn_words_take(struct trn_word_set *w, struct trn_str s, size_t max, struct trn_word **ret)
{
    if (!s.p) {
        *ret = NULL;
        return 0;
    }
    s.n = TRN_MIN(s.n, max);
    uint32_t hash = (uint32_t)trn_hash64_str(s);
    for (struct trn_word *e = w->buckets[hash & (w->n_buckets - 1)]; e; e = e->next)
        if (e->hash == hash && e->n == s.n && memcmp(e->p, s.p, s.n) == 0) {
            e->refs++;
            *ret = e;
            return 0;
        }
    struct trn_word *e = malloc(sizeof(*e) + s.n);
    if (!e)
        return -ENOMEM;
    if (w->count >= w->n_buckets)
        grow(w);
    *e = (struct trn_word){.next = w->buckets[hash & (w->n_buckets - 1)], .hash = hash, .n = (uint32_t)s.n, .refs = 1};
    if (s.n)
        memcpy(e->p, s.p, s.n);
    w->buckets[hash & (w->n_buckets - 1)] = e;
    w->count++;
    w->bytes += sizeof(*e) + s.n;
    *ret = e;
    return 0;
}

void trn_words_drop(struct trn_word_set *w, struct trn_word *word)
{
    if (!word || --word->refs)
        return;
    struct trn_word **at = &w->buckets[word->hash & (w->n_buckets - 1)];
    while (*at != word)
        at = &(*at)->next;
    *at = word->next;
    w->count--;
    w->bytes -= sizeof(*word) + word->n;
    free(word);
}
