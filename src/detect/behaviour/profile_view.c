/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a profile as JSON, for 'turncoat software NAME'. Must not: decide how it is laid out for people (cli).
 */
#include "detect/behaviour/drift.h"
#include "detect/behaviour/profile_internal.h"

static void put_text(struct trn_buf *out, const char *key, const char *p, size_t n)
{
    trn_put_fmt(out, "\"%s\":", key);
    if (n)
        trn_json_str(out, (struct trn_str){p, n});
    else
        trn_put_c(out, "null");
}

static void put_time(struct trn_buf *out, const char *key, uint64_t wall_ns)
{
    trn_put_fmt(out, ",\"%s\":\"", key);
    trn_put_time_iso(out, wall_ns);
    trn_put_c(out, "\"");
}

/* The latest version that ran: what it did against what was before. */
static const struct trn_profile_version *current(const struct trn_lineage *l)
{
    const struct trn_profile_version *found = NULL;
    for (size_t i = 0; i < l->n_versions; i++)
        if (l->versions[i].runs || !found)
            found = &l->versions[i];
    return found;
}

static void put_versions(const struct trn_lineage *l, const struct trn_profile_version *now, struct trn_buf *out)
{
    trn_put_c(out, ",\"versions\":[");
    for (size_t i = 0; i < l->n_versions; i++) {
        const struct trn_profile_version *v = &l->versions[i];
        trn_put_c(out, i ? ",{" : "{");
        put_text(out, "version", v->text, v->n);
        put_time(out, "since", v->since_ns);
        trn_put_fmt(out,
                    ",\"installed\":%s,\"current\":%s,\"runs\":%u,\"days\":%u,\"drift\":%.1f,\"usual_drift\":%.1f}",
                    v->installed ? "true" : "false", v == now ? "true" : "false", v->runs, v->days, (double)v->drift,
                    trn_drift_usual(l, v));
    }
    trn_put_c(out, "]");
}

static const char *state_of(const struct trn_lineage *l, const struct trn_profile_feature *f)
{
    if (trn_feature_state(l, f, (uint32_t)(l->last_ns / TRN_NS_PER_SEC)) == TRN_FEATURE_ORDINARY)
        return "ordinary";
    return f->flags & TRN_FEATURE_TAINTED ? "never learned" : "waiting";
}

static void put_feature(const struct trn_lineage *l, const struct trn_profile_version *now,
                        const struct trn_profile_feature *f, struct trn_buf *out)
{
    TRN_AUTO(trn_buf_done) struct trn_buf words;
    trn_buf_init(&words, 1024);
    trn_feature_words(f, &words);
    trn_put_fmt(out, "{\"class\":\"%s\",", trn_feature_class_name((enum trn_feature_class)f->class));
    put_text(out, "text", f->text, f->n);
    trn_put_c(out, ",");
    put_text(out, "words", words.p, words.n);
    for (size_t i = 0; i < l->n_versions; i++)
        if (l->versions[i].seq == f->first_version) {
            trn_put_c(out, ",");
            put_text(out, "version", l->versions[i].text, l->versions[i].n);
        }
    put_time(out, "first", f->first_s * TRN_NS_PER_SEC);
    put_time(out, "last", f->last_s * TRN_NS_PER_SEC);
    trn_put_fmt(out, ",\"runs\":%u,\"surprise\":%.1f,\"state\":\"%s\",\"new\":%s}", f->runs, (double)f->bits,
                state_of(l, f), now && now->seq > 1 && f->first_version >= now->seq ? "true" : "false");
}

static void put_features(const struct trn_lineage *l, const struct trn_profile_version *now, struct trn_buf *out)
{
    bool any = false;
    trn_put_c(out, ",\"features\":[");
    for (unsigned class = 0; class < TRN_FEATURE_CLASS_MAX; class ++)
        for (size_t i = 0; i < l->n; i++)
            if (l->of[i].class == class) {
                trn_put_c(out, any ? "," : "");
                put_feature(l, now, &l->of[i], out);
                any = true;
            }
    trn_put_c(out, "]");
}

static void put_lineage(const struct trn_lineage *l, struct trn_buf *out)
{
    const struct trn_profile_version *now = current(l);
    trn_put_c(out, "{\"type\":\"profile\",\"profile\":{");
    put_text(out, "name", l->name, l->n_name);
    trn_put_fmt(out,
                ",\"origin\":\"%s\",\"runs\":%u,\"days\":%u,\"maturity\":%.2f,\"mature\":%s,\"n_versions\":%u,"
                "\"forgotten\":%u",
                trn_origin_name((enum trn_origin)l->origin), l->runs, l->days, l->maturity,
                l->maturity >= TRN_MATURE ? "true" : "false", l->version_seq, l->forgotten);
    put_time(out, "first", l->first_ns);
    put_time(out, "last", l->last_ns);
    put_versions(l, now, out);
    put_features(l, now, out);
    trn_put_c(out, "}}\n");
}

void trn_profiles_json(const struct trn_profiles *p, struct trn_str name, struct trn_buf *out)
{
    uint64_t key, value;
    for (size_t it = 0; trn_map_next(p->lineages, &it, &key, &value);) {
        const struct trn_lineage *l = (const void *)(uintptr_t)value;
        const struct trn_software s = {.name = name, .origin = (enum trn_origin)l->origin};
        if (l->key == trn_lineage_key(&s))
            put_lineage(l, out);
    }
}
