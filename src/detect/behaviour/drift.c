/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: behaviour.drift, a note: since its update a software does more that is new than its updates bring as a rule.
 * Drift is the sum of the five greatest surprises that the version brought over the logarithm of the number of
 * features (updates add some), plus the divergence of the class histograms. A class in which the versions before
 * kept bringing something new (a browser's destinations) counts the less. Must not: tell a version twice.
 */
#include "detect/behaviour/drift.h"
#include "detect/behaviour/profile_internal.h"

#include <math.h>

#define TOP 5
#define DIVERGENCE_WEIGHT 10.0
#define LEAST 25.0     /* drift that no version is told for, whatever its updates bring */
#define OVER_USUAL 2.0 /* "well above" */
#define HABIT_S (28u * TRN_DAY_SEC)
#define SCORE_LITTLE 15
#define SCORE_MUCH 20
#define LISTED 8

/* p = before, q = with what is new, both as counts; 0..1 bits. */
double trn_divergence(const uint32_t *before, const uint32_t *after, size_t n)
{
    double a = 0, b = 0, d = 0;
    for (size_t i = 0; i < n; i++) {
        a += before[i];
        b += after[i];
    }
    for (size_t i = 0; a > 0 && b > 0 && i < n; i++) {
        double x = before[i] / a, y = after[i] / b, m = (x + y) / 2;
        d += (x > 0 ? x * log2(x / m) / 2 : 0) + (y > 0 ? y * log2(y / m) / 2 : 0);
    }
    return d;
}

/* How many things of this class came new, after the lineage was grown up, in the weeks before the version. */
static uint32_t habit(const struct trn_lineage *l, const struct trn_profile_version *v, uint8_t class)
{
    uint32_t since = (uint32_t)(v->since_ns / TRN_NS_PER_SEC), n = 0;
    for (size_t i = 0; i < l->n; i++) {
        const struct trn_profile_feature *f = &l->of[i];
        n += f->class == class && f->first_version < v->seq && !(f->flags & TRN_FEATURE_YOUNG) &&
             f->first_s + HABIT_S >= since;
    }
    return n;
}

static void keep_top(double top[TOP], double bits)
{
    for (size_t i = 0; i < TOP; i++)
        if (bits > top[i]) {
            double less = top[i];
            top[i] = bits;
            bits = less;
        }
}

static double drift_of(const struct trn_lineage *l, const struct trn_profile_version *v)
{
    uint32_t before[TRN_FEATURE_CLASS_MAX] = {0}, after[TRN_FEATURE_CLASS_MAX] = {0}, old = 0;
    double top[TOP] = {0}, sum = 0;
    for (size_t i = 0; i < l->n; i++) {
        const struct trn_profile_feature *f = &l->of[i];
        if (f->first_version > v->seq)
            continue;
        after[f->class]++;
        if (f->first_version < v->seq) {
            before[f->class]++;
            old++;
        } else {
            keep_top(top, (double)f->bits / (1 + habit(l, v, f->class)));
        }
    }
    for (size_t i = 0; i < TOP; i++)
        sum += top[i];
    sum = sum / log2(2.0 + old) + DIVERGENCE_WEIGHT * trn_divergence(before, after, TRN_FEATURE_CLASS_MAX);
    return floor(sum * 16 + 0.5) / 16; /* the last bits of a logarithm differ between machines */
}

double trn_drift_usual(const struct trn_lineage *l, const struct trn_profile_version *v)
{
    double sum = 0, n = 0;
    for (size_t i = 0; i < l->n_versions; i++) {
        const struct trn_profile_version *o = &l->versions[i];
        if (o->seq > 1 && o->seq < v->seq && o->runs) {
            sum += (double)o->drift;
            n++;
        }
    }
    return n > 0 ? sum / n : 0;
}

static uint32_t put_new(const struct trn_lineage *l, const struct trn_profile_version *v, struct trn_buf *b)
{
    uint32_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (l->of[i].first_version != v->seq)
            continue;
        if (n < LISTED) {
            trn_put_c(b, n ? ", " : "");
            trn_feature_words(&l->of[i], b);
        }
        n++;
    }
    if (n > LISTED)
        trn_put_fmt(b, " and %u more", n - LISTED);
    return n;
}

static void put_before(const struct trn_lineage *l, const struct trn_profile_version *v, struct trn_buf *b)
{
    uint32_t runs = l->runs - v->runs, others = v->seq - 1u;
    trn_put_fmt(b, "in %u run%s of the ", runs, runs == 1 ? "" : "s");
    if (others > 1)
        trn_put_fmt(b, "%u versions before", others);
    else
        trn_put_c(b, "version before");
}

static int tell(const struct trn_detect_ctx *ctx, const struct trn_lineage *l, const struct trn_profile_version *v,
                double usual, const struct trn_drift_due *due, const struct trn_event *ev)
{
    const struct trn_check *check = trn_check_find(TRN_STR("behaviour.drift"));
    const struct trn_entity *e = trn_process_get(ctx->processes, due->entity);
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(65536);
    TRN_AUTO(trn_buf_done) struct trn_buf text, news;
    trn_buf_init(&text, 8192);
    trn_buf_init(&news, 4096);
    if (!check || !a)
        return check ? -ENOMEM : -ENOENT;
    struct trn_finding f;
    trn_finding_init(&f, check);
    f.boot_ns = ev->boot_ns;
    f.wall_ns = ev->wall_ns;
    f.telemetry = TRN_TEL_PROCESS;
    if (!e || trn_subject(ctx->processes, e, &f))
        f.acting = 0;
    f.software = (struct trn_software){.name = {l->name, l->n_name},
                                       .version = {v->text, v->n},
                                       .origin = (enum trn_origin)l->origin};
    f.score = (double)v->drift >= OVER_USUAL * TRN_MAX(LEAST, OVER_USUAL * usual) ? SCORE_MUCH : SCORE_LITTLE;
    uint32_t n = put_new(l, v, &news);
    trn_put_fmt(&text, "does %u thing%s that it never did ", n, n == 1 ? "" : "s");
    put_before(l, v, &text);
    trn_put_c(&text, ": ");
    trn_put_str(&text, trn_buf_str(&news));
    f.summary = trn_keep(a, &text);
    trn_finding_event(&f, due->seq);
    trn_finding_add(&f, "new", trn_keep(a, &news));
    trn_finding_add(&f, "drift", trn_arena_printf(a, "%.1f", (double)v->drift));
    trn_finding_add(&f, "usual",
                    usual > 0 ? trn_arena_printf(a, "%.1f as a rule of its updates", usual)
                              : TRN_STR("nothing is known of its updates"));
    trn_finding_add(&f, "versions", trn_arena_printf(a, "%u", v->seq));
    return trn_report(ctx, &f, trn_hash64_mix(l->key, v->hash));
}

int trn_drift_push(struct trn_profiles *p, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    int r = 0;
    size_t n = p->n_due;
    p->n_due = 0;
    for (size_t i = 0; !r && i < n; i++) {
        struct trn_lineage *l = trn_map_get_ptr(p->lineages, p->due[i].lineage);
        struct trn_profile_version *v = NULL;
        for (size_t k = 0; l && k < l->n_versions; k++)
            if (l->versions[k].seq == p->due[i].version)
                v = &l->versions[k];
        if (!v)
            continue;
        double usual = trn_drift_usual(l, v);
        v->drift = (float)drift_of(l, v);
        if (v->told || !p->due[i].entity || (double)v->drift < TRN_MAX(LEAST, OVER_USUAL * usual))
            continue;
        v->told = true;
        l->dirty = true;
        r = tell(ctx, l, v, usual, &p->due[i], ev);
    }
    return r;
}
