/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the features of a lineage: recording, learning, and which one goes when there are too many.
 * Must not: make templates or decide what is bad.
 */
#include "detect/behaviour/profile_internal.h"

#define FIRST_CAP 8u
#define CLASS_SHARE 64u /* a class that has more of them displaces its own first */

uint64_t trn_feature_key(enum trn_feature_class class, struct trn_str text)
{
    return trn_hash64_mix(trn_hash64_str(text), (uint64_t) class + 1);
}

struct trn_profile_feature *trn_feature_find(const struct trn_lineage *l, uint64_t key)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->keys[i] == key)
            return &l->of[i];
    return NULL;
}

enum trn_feature_state trn_feature_state(const struct trn_lineage *l, const struct trn_profile_feature *f,
                                         uint32_t now_s)
{
    if (f->flags & TRN_FEATURE_LEARNED)
        return TRN_FEATURE_ORDINARY;
    if (f->flags & TRN_FEATURE_TAINTED)
        return TRN_FEATURE_WAITING;
    if ((f->flags & TRN_FEATURE_YOUNG) && l->maturity >= TRN_MATURE)
        return TRN_FEATURE_ORDINARY;
    return now_s > f->first_s && now_s - f->first_s >= TRN_LEARN_SEC ? TRN_FEATURE_ORDINARY : TRN_FEATURE_WAITING;
}

void trn_feature_drop(struct trn_profiles *p, struct trn_lineage *l, size_t i)
{
    uint64_t n = 0;
    if (i >= l->n || !l->keys || !l->of)
        return;
    if (trn_map_get(p->with, l->keys[i], &n)) {
        if (n <= 1)
            trn_map_remove(p->with, l->keys[i], NULL);
        else if (trn_map_put(p->with, l->keys[i], n - 1) < 0)
            return; /* cannot be: the key is there */
    }
    l->n--;
    p->features--;
    l->keys[i] = l->keys[l->n];
    l->of[i] = l->of[l->n];
}

static bool is_less(const struct trn_profile_feature *a, const struct trn_profile_feature *b)
{
    bool la = (a->flags & TRN_FEATURE_LEARNED) != 0, lb = (b->flags & TRN_FEATURE_LEARNED) != 0;
    if (la != lb)
        return lb;
    if (a->runs != b->runs)
        return a->runs < b->runs;
    return a->last_s != b->last_s ? a->last_s < b->last_s : a->first_s < b->first_s;
}

/* What was seen least and longest ago; of the new one's own class when that has more than its share. */
static void forget_one(struct trn_profiles *p, struct trn_lineage *l, enum trn_feature_class class)
{
    size_t found = 0, of_class = 0;
    bool any = false;
    if (!l || !l->of || l->n == 0)
        return;
    for (size_t i = 0; i < l->n; i++)
        of_class += l->of[i].class == class;
    for (size_t i = 0; i < l->n; i++) {
        if (of_class >= CLASS_SHARE && l->of[i].class != class)
            continue;
        if (!any || is_less(&l->of[i], &l->of[found]))
            found = i;
        any = true;
    }
    trn_feature_drop(p, l, found);
    l->forgotten++;
    l->dirty = true;
    p->forgotten_features++;
}

static int reserve(struct trn_lineage *l)
{
    if (l->keys && l->of && l->n < l->cap)
        return 0;
    uint16_t cap = (uint16_t)(l->cap ? TRN_MIN(2u * l->cap, (unsigned)TRN_LINEAGE_FEATURES) : FIRST_CAP);
    uint64_t *keys = reallocarray(l->keys, cap, sizeof(*keys));
    if (!keys)
        return -ENOMEM;
    l->keys = keys;
    struct trn_profile_feature *of = reallocarray(l->of, cap, sizeof(*of));
    if (!of)
        return -ENOMEM;
    l->of = of;
    l->cap = cap;
    return 0;
}

static int add(struct trn_profiles *p, struct trn_lineage *l, const struct trn_profile_version *v,
               const struct trn_event *ev, enum trn_feature_class class, struct trn_str text, uint64_t key, double bits)
{
    uint64_t n = 0;
    /* All together too many: the least known software loses one, so that a crowd of new ones starves nobody else. */
    if (l->n >= TRN_LINEAGE_FEATURES)
        forget_one(p, l, class);
    else if (p->features >= TRN_PROFILE_FEATURES)
        forget_one(p, trn_lineage_least(p, true), class);
    int r = reserve(l);
    trn_map_get(p->with, key, &n);
    if (!r)
        r = trn_map_put(p->with, key, n + 1);
    if (r || !l->of)
        return r == -ENOSPC ? 0 : r;
    struct trn_profile_feature *f = &l->of[l->n];
    *f = (struct trn_profile_feature){.first_s = (uint32_t)(ev->wall_ns / TRN_NS_PER_SEC),
                                      .first_seq = (uint32_t)ev->seq,
                                      .runs = 1,
                                      .last_run = l->runs,
                                      .bits = (float)bits,
                                      .first_version = v->seq,
                                      .last_version = v->seq,
                                      .class = (uint8_t) class};
    f->last_s = f->first_s;
    if (l->tainted == v->seq)
        f->flags |= TRN_FEATURE_TAINTED;
    if (l->maturity < TRN_MATURE)
        f->flags |= TRN_FEATURE_YOUNG;
    f->n = (uint8_t)TRN_MIN(text.n, (size_t)TRN_FEATURE_TEXT);
    for (size_t i = 0; i < f->n; i++)
        f->text[i] = text.p[i];
    l->keys[l->n++] = key;
    p->features++;
    l->dirty = true;
    return 0;
}

/* Only what is grown up can drift, and only from an earlier version. */
static void note_drift(struct trn_profiles *p, const struct trn_lineage *l, const struct trn_profile_version *v,
                       const struct trn_event *ev)
{
    if (v->seq < 2 || l->maturity < TRN_MATURE || p->n_due == TRN_DRIFT_DUE)
        return;
    for (size_t i = 0; i < p->n_due; i++)
        if (p->due[i].lineage == l->key && p->due[i].version == v->seq)
            return;
    p->due[p->n_due++] =
        (struct trn_drift_due){.lineage = l->key, .entity = p->actor, .seq = ev->seq, .version = v->seq};
}

int trn_feature_record(struct trn_profiles *p, struct trn_lineage *l, struct trn_profile_version *v,
                       const struct trn_event *ev, enum trn_feature_class class, struct trn_str text,
                       struct trn_novelty *ret)
{
    uint64_t key = trn_feature_key(class, text);
    uint32_t now = (uint32_t)(ev->wall_ns / TRN_NS_PER_SEC);
    struct trn_profile_feature *f = trn_feature_find(l, key);
    struct trn_novelty n;
    trn_novelty_fill(p, l, v, key, &n);
    if (!f) {
        n.state = TRN_FEATURE_NEW;
        n.first_in_version = true;
        n.surprise = trn_surprise(p, l, class, key);
        int r = add(p, l, v, ev, class, text, key, n.surprise);
        if (r)
            return r;
        note_drift(p, l, v, ev);
    } else {
        n.state = trn_feature_state(l, f, now);
        if (n.state == TRN_FEATURE_ORDINARY && !(f->flags & TRN_FEATURE_LEARNED)) {
            f->flags |= TRN_FEATURE_LEARNED;
            l->dirty = true;
        }
        /* Several detectors may ask about one act: it is as new for the last as for the first. */
        if (n.state == TRN_FEATURE_WAITING && ev->seq && f->first_seq == (uint32_t)ev->seq)
            n.state = TRN_FEATURE_NEW;
        n.first_in_version = f->last_version < v->seq || n.state == TRN_FEATURE_NEW;
        n.before_version = f->first_version < v->seq;
        n.surprise = n.state == TRN_FEATURE_ORDINARY ? 0 : (double)f->bits;
        if (f->last_run != l->runs) {
            f->last_run = l->runs;
            f->runs++;
            l->dirty = true;
        }
        f->last_s = now;
        f->last_version = TRN_MAX(f->last_version, v->seq);
    }
    if (ret)
        *ret = n;
    return 0;
}
