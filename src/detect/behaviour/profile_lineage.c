/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the lineages and their versions: which there are, how long, how often they ran; which one goes when there are
 * too many. Must not: know what a feature means (profile_feature.c).
 */
#include "detect/behaviour/profile_internal.h"

#define NO_QUARTER 255

uint64_t trn_lineage_key(const struct trn_software *s)
{
    return trn_hash64_mix(trn_hash64_str(s->name), (uint64_t)s->origin + 1);
}

struct trn_lineage *trn_lineage_find(const struct trn_profiles *p, const struct trn_software *s)
{
    return trn_str_is_empty(s->name) ? NULL : trn_map_get_ptr(p->lineages, trn_lineage_key(s));
}

struct trn_lineage *trn_lineage_free(struct trn_lineage *l)
{
    if (l) {
        free(l->keys);
        free(l->of);
        free(l);
    }
    return NULL;
}

static int count_vendor(struct trn_profiles *p, uint64_t signer, int change)
{
    uint64_t n = 0;
    if (!signer)
        return 0;
    trn_map_get(p->vendors, signer, &n);
    n += (uint64_t)(int64_t)change;
    if (n)
        return trn_map_put(p->vendors, signer, n);
    trn_map_remove(p->vendors, signer, NULL);
    return 0;
}

static void forget(struct trn_profiles *p, struct trn_lineage *l)
{
    while (l->n)
        trn_feature_drop(p, l, l->n - 1u);
    trn_map_remove(p->lineages, l->key, NULL);
    p->of_category[l->category]--;
    (void)count_vendor(p, l->signer, -1); /* the row is there: no memory is needed */
    trn_lineage_free(l);
}

/* Little history goes first: a flood of new names displaces itself and never what is well known. */
static bool is_less(const struct trn_lineage *a, const struct trn_lineage *b)
{
    if (a->days != b->days)
        return a->days < b->days;
    return a->runs != b->runs ? a->runs < b->runs : a->last_ns < b->last_ns;
}

struct trn_lineage *trn_lineage_least(const struct trn_profiles *p, bool with_features)
{
    struct trn_lineage *found = NULL;
    uint64_t key, value;
    for (size_t it = 0; trn_map_next(p->lineages, &it, &key, &value);) {
        struct trn_lineage *l = (void *)(uintptr_t)value;
        if ((l->n || !with_features) && (!found || is_less(l, found)))
            found = l;
    }
    return found;
}

static int make_room(struct trn_profiles *p, const struct trn_detect_ctx *ctx, uint64_t wall_ns)
{
    int r = 0;
    while (!r && (trn_map_count(p->lineages) >= TRN_LINEAGES || p->features >= TRN_PROFILE_FEATURES)) {
        struct trn_lineage *l = trn_lineage_least(p, false);
        struct trn_event ev;
        if (!l)
            break;
        trn_event_init(&ev, TRN_EV_STATE);
        ev.wall_ns = wall_ns;
        if (l->written_boot_ns)
            r = trn_profile_unwrite(ctx, &ev, l->key);
        p->forgotten_lineages++;
        forget(p, l);
    }
    return r;
}

static uint8_t category_of(const struct trn_software *s)
{
    if (trn_is_browser(s))
        return TRN_PROFILE_BROWSER;
    if (trn_is_installer(s))
        return TRN_PROFILE_INSTALLER;
    if (s->origin == TRN_ORIGIN_MANUAL || s->origin == TRN_ORIGIN_UNKNOWN)
        return TRN_PROFILE_LOOSE;
    return s->flags & TRN_SW_BASE ? TRN_PROFILE_BASE : TRN_PROFILE_APPLICATION;
}

int trn_lineage_add(struct trn_profiles *p, struct trn_lineage *l)
{
    int r = count_vendor(p, l->signer, 1);
    if (!r)
        r = trn_map_put_ptr(p->lineages, l->key, l);
    if (!r)
        p->of_category[l->category]++;
    for (size_t i = 0; !r && i < l->n; i++) {
        uint64_t n = 0;
        trn_map_get(p->with, l->keys[i], &n);
        r = trn_map_put(p->with, l->keys[i], n + 1);
        p->features += !r;
    }
    if (r)
        trn_map_remove(p->lineages, l->key, NULL); /* out of memory: the engine ends, but without a dangling row */
    return r;
}

struct trn_lineage *trn_lineage_for(struct trn_profiles *p, const struct trn_detect_ctx *ctx,
                                    const struct trn_software *s, uint64_t wall_ns)
{
    struct trn_lineage *l = trn_lineage_find(p, s);
    if (l)
        return l;
    if (make_room(p, ctx, wall_ns) < 0)
        return NULL;
    l = calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    l->key = trn_lineage_key(s);
    l->signer = trn_str_is_empty(s->signer) ? 0 : trn_hash64_str(s->signer);
    l->origin = (uint8_t)s->origin;
    l->category = category_of(s);
    l->quarter = NO_QUARTER;
    l->first_ns = wall_ns;
    l->n_name = (uint8_t)TRN_MIN(s->name.n, (size_t)TRN_LINEAGE_NAME);
    for (size_t i = 0; i < l->n_name; i++)
        l->name[i] = s->name.p[i];
    if (trn_lineage_add(p, l) < 0)
        return trn_lineage_free(l);
    return l;
}

static uint64_t version_hash(struct trn_str version)
{
    return trn_str_is_empty(version) ? 0 : trn_hash64_str(version);
}

const struct trn_profile_version *trn_lineage_version_find(const struct trn_lineage *l, struct trn_str version)
{
    uint64_t hash = version_hash(version);
    for (size_t i = l->n_versions; i-- > 0;)
        if (l->versions[i].hash == hash)
            return &l->versions[i];
    return NULL;
}

struct trn_profile_version *trn_lineage_version(struct trn_profiles *p, struct trn_lineage *l, struct trn_str version,
                                                uint64_t wall_ns)
{
    uint64_t since = 0;
    struct trn_profile_version *v = (struct trn_profile_version *)trn_lineage_version_find(l, version);
    if (v)
        return v;
    if (l->n_versions == TRN_LINEAGE_VERSIONS) {
        for (size_t i = 1; i < TRN_LINEAGE_VERSIONS; i++)
            l->versions[i - 1] = l->versions[i];
        l->n_versions--;
    }
    v = &l->versions[l->n_versions++];
    *v = (struct trn_profile_version){.hash = version_hash(version), .since_ns = wall_ns};
    if (l->version_seq < UINT16_MAX)
        l->version_seq++;
    v->seq = l->version_seq;
    v->n = (uint8_t)TRN_MIN(version.n, (size_t)TRN_VERSION_TEXT);
    for (size_t i = 0; i < v->n; i++)
        v->text[i] = version.p[i];
    if (trn_map_remove(p->installed, trn_hash64_mix(l->key, v->hash), &since)) {
        v->since_ns = since;
        v->installed = true;
    }
    l->dirty = true;
    return v;
}

void trn_lineage_matures(struct trn_lineage *l)
{
    l->maturity = trn_maturity(l->runs, l->days);
}

/* The wall clock may be set back; a day before the last is one more only when it is well before. */
static bool is_another_day(uint32_t day, uint32_t last)
{
    return day > last || day + 1 < last;
}

void trn_lineage_touch(struct trn_lineage *l, struct trn_profile_version *v, uint64_t wall_ns)
{
    uint32_t day = (uint32_t)(wall_ns / TRN_NS_PER_SEC / TRN_DAY_SEC);
    l->last_ns = wall_ns;
    if (is_another_day(day, v->last_day)) {
        v->last_day = day;
        v->days++;
        l->dirty = true;
    }
    if (is_another_day(day, l->last_day)) {
        l->last_day = day;
        l->days++;
        l->dirty = true;
        trn_lineage_matures(l);
    }
}
