/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the table of profiles and the questions of the detectors. Which lineages there are is in profile_lineage.c, what
 * they did in profile_feature.c, how new that is in profile_novelty.c, what nobody asks in profile_acts.c, rows that
 * outlive a restart in profile_row.c. Must not: judge.
 */
#include "detect/behaviour/profile_internal.h"

#define INSTALLED 4096
#define STAGE_SCORE 25        /* a finding from here on ends learning */
#define BEFORE_FINDING_S 3600 /* what came so shortly before a finding belongs to it */

struct trn_profiles *trn_profiles_new(void)
{
    struct trn_profiles *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->lineages = trn_map_new(TRN_LINEAGES);
    p->with = trn_map_new(TRN_PROFILE_FEATURES + TRN_LINEAGES);
    p->installed = trn_map_new(INSTALLED);
    p->vendors = trn_map_new(TRN_LINEAGES);
    return p->lineages && p->with && p->installed && p->vendors ? p : trn_profiles_free(p);
}

struct trn_profiles *trn_profiles_free(struct trn_profiles *p)
{
    if (p) {
        uint64_t key, value;
        for (size_t it = 0; p->lineages && trn_map_next(p->lineages, &it, &key, &value);)
            trn_lineage_free((void *)(uintptr_t)value);
        trn_map_free(p->lineages);
        trn_map_free(p->with);
        trn_map_free(p->installed);
        trn_map_free(p->vendors);
        free(p);
    }
    return NULL;
}

/* Whose profile an act of e belongs to; false: nobody's. */
static bool profile_subject(struct trn_profiles *p, const struct trn_detect_ctx *ctx, const struct trn_entity *e,
                            struct trn_software *ret)
{
    const struct trn_entity *acting = e->acting == e->id ? e : trn_process_acting(ctx->processes, e);
    p->actor = acting ? acting->id : 0;
    trn_process_software(acting ? acting : e, ret);
    return !trn_str_is_empty(ret->name);
}

/* A version that was installed is there from then on, also before it runs. */
static int installed(struct trn_profiles *p, const struct trn_event *ev)
{
    const struct trn_software *s = &ev->software.software;
    struct trn_lineage *l = trn_lineage_find(p, s);
    if (ev->action == TRN_ACT_REMOVED || trn_str_is_empty(s->name))
        return 0;
    uint64_t hash = trn_str_is_empty(s->version) ? 0 : trn_hash64_str(s->version);
    uint64_t id = trn_hash64_mix(trn_lineage_key(s), hash), key, value;
    size_t it = 0;
    if (l && trn_lineage_version_find(l, s->version))
        return 0;
    if (trn_map_count(p->installed) >= INSTALLED && trn_map_next(p->installed, &it, &key, &value))
        trn_map_remove(p->installed, key, NULL);
    int r = trn_map_put(p->installed, id, ev->wall_ns);
    if (!r && l)
        (void)trn_lineage_version(p, l, s->version, ev->wall_ns);
    return r;
}

int trn_profiles_push(struct trn_profiles *p, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    int r = 0;
    if (ev->type == TRN_EV_STATE)
        return trn_str_eq_c(ev->state.kind, "profile") ? trn_profile_restore(p, ev) : 0;
    if (ev->type == TRN_EV_SOFTWARE)
        r = installed(p, ev);
    if (!r)
        r = trn_profile_acts(p, ctx, ev);
    return r ? r : trn_profile_write(p, ctx, ev);
}

int trn_profiles_ask(struct trn_profiles *p, const struct trn_detect_ctx *ctx, const struct trn_entity *e,
                     const struct trn_event *ev, enum trn_feature_class class, struct trn_str text,
                     struct trn_novelty *ret)
{
    struct trn_software s;
    if (!e || trn_str_is_empty(text) || !profile_subject(p, ctx, e, &s))
        return -ENODATA;
    struct trn_lineage *l = trn_lineage_for(p, ctx, &s, ev->wall_ns);
    struct trn_profile_version *v = l ? trn_lineage_version(p, l, s.version, ev->wall_ns) : NULL;
    if (!v)
        return -ENOMEM;
    int r = trn_feature_record(p, l, v, ev, class, text, ret);
    trn_lineage_touch(l, v, ev->wall_ns);
    return r;
}

bool trn_profiles_look(const struct trn_profiles *p, const struct trn_software *s, enum trn_feature_class class,
                       struct trn_str text, struct trn_novelty *ret)
{
    const struct trn_lineage *l = trn_lineage_find(p, s);
    if (!l)
        return false;
    uint64_t key = trn_feature_key(class, text);
    const struct trn_profile_feature *f = trn_feature_find(l, key);
    const struct trn_profile_version *v = trn_lineage_version_find(l, s->version);
    uint32_t now = (uint32_t)(l->last_ns / TRN_NS_PER_SEC);
    uint16_t seq = v ? v->seq : (uint16_t)(l->version_seq + 1);
    trn_novelty_fill(p, l, v, key, ret);
    ret->state = f ? trn_feature_state(l, f, now) : TRN_FEATURE_NEW;
    ret->first_in_version = !f || f->last_version < seq;
    ret->before_version = f && f->first_version < seq;
    if (ret->state != TRN_FEATURE_ORDINARY)
        ret->surprise = f ? (double)f->bits : trn_surprise(p, l, class, key);
    return true;
}

bool trn_profiles_next(const struct trn_profiles *p, const struct trn_software *s, enum trn_feature_class class,
                       size_t *it, struct trn_str *ret_text)
{
    const struct trn_lineage *l = trn_lineage_find(p, s);
    for (; l && *it < l->n; (*it)++) {
        const struct trn_profile_feature *f = &l->of[*it];
        if (f->class != (uint8_t) class)
            continue;
        *ret_text = (struct trn_str){f->text, f->n};
        (*it)++;
        return true;
    }
    return false;
}

static bool is_behind(const struct trn_finding *f, uint32_t seq)
{
    for (uint32_t i = 0; seq && i < f->n_events; i++)
        if ((uint32_t)f->events[i] == seq)
            return true;
    return false;
}

void trn_profiles_finding(struct trn_profiles *p, const struct trn_finding *f)
{
    struct trn_lineage *l = f->score >= STAGE_SCORE ? trn_lineage_find(p, &f->software) : NULL;
    if (!l)
        return;
    const struct trn_profile_version *v = trn_lineage_version_find(l, f->software.version);
    uint32_t now = (uint32_t)(f->wall_ns / TRN_NS_PER_SEC);
    l->tainted = v ? v->seq : l->version_seq;
    l->dirty = true;
    /* What the finding is about came before it. */
    for (size_t i = 0; i < l->n; i++) {
        struct trn_profile_feature *a = &l->of[i];
        if (trn_feature_state(l, a, now) != TRN_FEATURE_ORDINARY &&
            (is_behind(f, a->first_seq) || (a->first_version >= l->tainted && a->first_s + BEFORE_FINDING_S >= now)))
            a->flags |= TRN_FEATURE_TAINTED;
    }
}

size_t trn_profiles_bytes(const struct trn_profiles *p)
{
    size_t n = sizeof(*p) + trn_map_bytes(p->lineages) + trn_map_bytes(p->with) + trn_map_bytes(p->installed) +
               trn_map_bytes(p->vendors);
    uint64_t key, value;
    for (size_t it = 0; trn_map_next(p->lineages, &it, &key, &value);) {
        const struct trn_lineage *l = (const void *)(uintptr_t)value;
        n += sizeof(*l) + l->cap * (sizeof(*l->keys) + sizeof(*l->of));
    }
    return n;
}
