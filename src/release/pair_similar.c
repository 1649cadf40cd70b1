/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which of the members that are left became which, by what they are made of: the features they share, their size, their name.
 * Must not: compare each with each. Partners are proposed by a sample of each one's features (those with the smallest hashes: two
 * that share most features share most of the sample) and by the name; a budget ends it whatever the features are.
 */
#include "release/pair.h"

#include <stdlib.h>

#define SAMPLE 16u      /* hashes kept of one member */
#define SAME_MAX 8u     /* old members looked at for one hash */
#define CANDIDATES 24u  /* of one new member */
#define COMPARED 4u     /* of those */
#define FEATURES_MIN 8u /* fewer say nothing */
#define OFFERS_MIN 4u
#define LIKE_MIN 600u /* thousandths */
#define BUDGET 30000000u

struct hint { /* an old member has this hash, of a feature or of its name */
    uint64_t hash;
    uint32_t member;
};

struct proposal {
    uint32_t old_index, new_index, likeness;
};

struct similar {
    struct trn_pairing *p;
    struct hint *hints;
    struct proposal *proposals;
    size_t n_hints, cap_hints, n_proposals, cap_proposals;
    uint64_t steps;
};

static void similar_done(struct similar *s)
{
    free(s->hints);
    free(s->proposals);
}

/* What a thing is, not how it was built: no times, no toolchain, no layout. */
static bool identifies(const struct trn_feature *f)
{
    static const uint32_t kinds = 1u << TRN_FEATURE_IMPORT | 1u << TRN_FEATURE_EXPORT | 1u << TRN_FEATURE_LIBRARY |
                                  1u << TRN_FEATURE_IFUNC | 1u << TRN_FEATURE_ENTITLEMENT | 1u << TRN_FEATURE_TEXT |
                                  1u << TRN_FEATURE_SCRIPT | 1u << TRN_FEATURE_DEPENDENCY | 1u << TRN_FEATURE_SERVICE |
                                  1u << TRN_FEATURE_CALL;
    return (kinds >> f->kind & 1u) != 0;
}

/* The name without version numbers, and the last folder for who has no features. */
static uint64_t name_hash(const struct trn_release_member *m)
{
    char text[512];
    return trn_hash64_mix(trn_hash64(text, trn_versionless(m->name, true, text, sizeof(text))), (uint64_t)m->format) |
           1u;
}

/* Keeps the SAMPLE smallest, in order. */
static size_t sample(const struct trn_release_member *m, uint64_t out[SAMPLE])
{
    size_t n = 0, seen = 0;
    for (size_t i = 0; i < m->n_features; i++) {
        const struct trn_feature *f = &m->features[i];
        if (!identifies(f))
            continue;
        uint64_t h = trn_hash64_mix(trn_hash64_str(f->key), trn_hash64_mix(trn_hash64_str(f->value), f->kind));
        h = trn_hash64_mix(h, (uint64_t)m->format);
        seen++;
        if (n == SAMPLE && h >= out[n - 1])
            continue;
        size_t at = n < SAMPLE ? n++ : n - 1;
        for (; at && out[at - 1] > h; at--)
            out[at] = out[at - 1];
        out[at] = h;
    }
    return seen >= FEATURES_MIN ? n : 0;
}

static int room(void **array, size_t n, size_t *cap, size_t each)
{
    if (n < *cap)
        return 0;
    size_t more = *cap ? *cap * 2 : 256;
    void *a = reallocarray(*array, more, each);
    if (!a)
        return -ENOMEM;
    *array = a;
    *cap = more;
    return 0;
}

static int add_hint(struct similar *s, uint64_t hash, uint32_t member)
{
    int e = room((void **)&s->hints, s->n_hints, &s->cap_hints, sizeof(*s->hints));
    if (e == 0)
        s->hints[s->n_hints++] = (struct hint){hash, member};
    return e;
}

static int by_hash(const void *a, const void *b)
{
    const struct hint *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->member < y->member ? -1 : x->member > y->member;
}

static int index_old(struct similar *s)
{
    uint64_t hashes[SAMPLE];
    int e = 0;
    for (uint32_t i = 0; e == 0 && i < s->p->before->n_members; i++) {
        const struct trn_release_member *m = &s->p->before->members[i];
        if (s->p->to_new[i] != TRN_NO_MEMBER || m->size == 0)
            continue;
        size_t n = sample(m, hashes);
        for (size_t k = 0; e == 0 && k < n; k++)
            e = add_hint(s, hashes[k], i);
        if (e == 0)
            e = add_hint(s, name_hash(m), i);
    }
    if (s->n_hints)
        qsort(s->hints, s->n_hints, sizeof(*s->hints), by_hash);
    return e;
}

/* ---- likeness ---- */

static uint32_t ratio(uint64_t a, uint64_t b)
{
    uint64_t less = TRN_MIN(a, b), more = TRN_MAX(a, b);
    return more == 0 ? 1000 : (uint32_t)((double)less * 1000.0 / (double)more);
}

static struct trn_str folder_name(const struct trn_release_member *m)
{
    struct trn_str dir = m->path.n > m->name.n ? trn_str_slice(m->path, 0, m->path.n - m->name.n - 1) : TRN_STR("");
    return trn_path_base(dir);
}

static uint32_t name_likeness(const struct trn_release_member *a, const struct trn_release_member *b)
{
    return trn_str_eq(a->name, b->name) ? 1000 : name_hash(a) == name_hash(b) ? 800 : 0;
}

/* How many of those that identify each has, and both. */
static void count_shared(const struct trn_release_member *a, const struct trn_release_member *b, size_t ret[3])
{
    size_t i = 0, k = 0;
    ret[0] = ret[1] = ret[2] = 0;
    while (i < a->n_features || k < b->n_features) {
        int d = i == a->n_features   ? 1
                : k == b->n_features ? -1
                                     : trn_feature_compare(&a->features[i], &b->features[k]);
        const struct trn_feature *f = d <= 0 ? &a->features[i] : &b->features[k];
        if (identifies(f)) {
            ret[0] += d <= 0;
            ret[1] += d >= 0;
            ret[2] += d == 0;
        }
        i += d <= 0;
        k += d >= 0;
    }
}

/* Thousandths of what both offer to others: that is what a library is to those who use it, whatever it is called and however
 * much it can besides. */
static uint32_t shared_offer(const struct trn_release_member *a, const struct trn_release_member *b)
{
    size_t n_a, n_b, i = 0, k = 0, both = 0;
    const struct trn_feature *x = trn_member_features(a, TRN_FEATURE_EXPORT, &n_a);
    const struct trn_feature *y = trn_member_features(b, TRN_FEATURE_EXPORT, &n_b);
    if (n_a < OFFERS_MIN || n_b < OFFERS_MIN)
        return 0;
    while (i < n_a && k < n_b) {
        int d = trn_feature_compare(&x[i], &y[k]);
        both += d == 0;
        i += d <= 0;
        k += d >= 0;
    }
    return (uint32_t)(both * 1000 / (n_a + n_b - both));
}

uint32_t trn_pair_likeness(const struct trn_release_member *a, const struct trn_release_member *b)
{
    size_t n[3];
    if (!trn_pair_same_kind(a, b))
        return 0;
    uint32_t size = ratio(a->size, b->size), name = name_likeness(a, b);
    count_shared(a, b, n);
    if (n[0] >= FEATURES_MIN && n[1] >= FEATURES_MIN) {
        uint32_t shared = (uint32_t)(n[2] * 1000 / (n[0] + n[1] - n[2]));
        return (TRN_MAX(shared, shared_offer(a, b)) * 7u + size + name * 2u) / 10;
    }
    /* Nothing but names to go by: the folder must be of that name as well, and a change small. */
    bool folder = trn_str_eq(folder_name(a), folder_name(b));
    return name && folder && size >= 500 ? (name * 6 + size * 4) / 10 : 0;
}

/* ---- proposals ---- */

struct candidates {
    uint32_t member[CANDIDATES], votes[CANDIDATES];
    size_t n;
};

static void vote(const struct similar *s, struct candidates *c, uint64_t hash)
{
    size_t lo = 0, hi = s->n_hints;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->hints[mid].hash < hash)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (size_t i = lo; i < s->n_hints && s->hints[i].hash == hash && i - lo < SAME_MAX; i++) {
        size_t k = 0;
        while (k < c->n && c->member[k] != s->hints[i].member)
            k++;
        if (k == CANDIDATES)
            return;
        if (k == c->n) {
            c->member[k] = s->hints[i].member;
            c->votes[c->n++] = 0;
        }
        c->votes[k]++;
    }
}

static int propose(struct similar *s, uint32_t new_index)
{
    const struct trn_release_member *m = &s->p->after->members[new_index];
    struct candidates c = {.n = 0};
    uint64_t hashes[SAMPLE];
    vote(s, &c, name_hash(m)); /* first, so that there is room for it */
    size_t n = sample(m, hashes);
    for (size_t k = 0; k < n; k++)
        vote(s, &c, hashes[k]);
    for (unsigned round = 0; round < COMPARED && s->steps < BUDGET; round++) {
        size_t best = 0;
        for (size_t k = 1; k < c.n; k++)
            best = c.votes[k] > c.votes[best] ? k : best;
        if (c.n == 0 || c.votes[best] == 0)
            break;
        c.votes[best] = 0;
        const struct trn_release_member *o = &s->p->before->members[c.member[best]];
        s->steps += o->n_features + m->n_features + 1;
        uint32_t likeness = trn_pair_likeness(o, m);
        int e = likeness >= LIKE_MIN
                    ? room((void **)&s->proposals, s->n_proposals, &s->cap_proposals, sizeof(*s->proposals))
                    : 0;
        if (e < 0)
            return e;
        if (likeness >= LIKE_MIN)
            s->proposals[s->n_proposals++] = (struct proposal){c.member[best], new_index, likeness};
    }
    return 0;
}

static int most_alike(const void *a, const void *b)
{
    const struct proposal *x = a, *y = b;
    if (x->likeness != y->likeness)
        return x->likeness > y->likeness ? -1 : 1;
    if (x->new_index != y->new_index)
        return x->new_index < y->new_index ? -1 : 1;
    return x->old_index < y->old_index ? -1 : x->old_index > y->old_index;
}

int trn_pair_similar(struct trn_pairing *p)
{
    TRN_AUTO(similar_done) struct similar s = {.p = p};
    int e = index_old(&s);
    for (uint32_t i = 0; e == 0 && s.n_hints && i < p->after->n_members; i++)
        if (p->to_old[i] == TRN_NO_MEMBER && p->after->members[i].size)
            e = propose(&s, i);
    if (e == 0 && s.n_proposals)
        qsort(s.proposals, s.n_proposals, sizeof(*s.proposals), most_alike);
    for (size_t i = 0; e == 0 && i < s.n_proposals; i++) {
        const struct proposal *x = &s.proposals[i];
        if (p->to_new[x->old_index] != TRN_NO_MEMBER || p->to_old[x->new_index] != TRN_NO_MEMBER)
            continue;
        trn_pair_join(p, x->old_index, x->new_index, TRN_PAIR_SIMILAR);
        p->similarity[x->new_index] = x->likeness;
    }
    return e;
}
