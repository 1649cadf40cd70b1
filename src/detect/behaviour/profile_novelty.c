/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: how new something is, as a number and in words: maturity, back-off, weights.
 * Must not: record anything.
 */
#include "detect/behaviour/profile_internal.h"

#include <math.h>

#define RUNS_SCALE 20.0
#define DAYS_FULL 7.0
#define CONCENTRATION 2.0
#define STEPS 16.0
#define BASE_RATE (1.0 / 1024)

static const struct {
    const char *name;
    double weight;
} classes[TRN_FEATURE_CLASS_MAX] = {
    [TRN_FEATURE_CHILD] = {"child", 3},
    [TRN_FEATURE_ARGUMENTS] = {"arguments", 1},
    [TRN_FEATURE_DESTINATION] = {"destination", 3},
    [TRN_FEATURE_HOST_KIND] = {"host-kind", 3},
    [TRN_FEATURE_SENSITIVE] = {"sensitive", 8},
    [TRN_FEATURE_WRITE_EXEC] = {"write-exec", 3},
    [TRN_FEATURE_MODULE] = {"module", 6},
    [TRN_FEATURE_MEMORY] = {"memory", 8},
    [TRN_FEATURE_REACH] = {"reach", 8},
    [TRN_FEATURE_PRIVILEGE] = {"privilege", 1},
    [TRN_FEATURE_LISTEN] = {"listen", 1},
    [TRN_FEATURE_PERSISTENCE] = {"persistence", 6},
    [TRN_FEATURE_INTERPRETER] = {"interpreter", 3},
    [TRN_FEATURE_HOURS] = {"hours", 1},
};

const char *trn_feature_class_name(enum trn_feature_class c)
{
    return (unsigned)c < TRN_FEATURE_CLASS_MAX ? classes[c].name : "unknown";
}

static double feature_weight(enum trn_feature_class c)
{
    return (unsigned)c < TRN_FEATURE_CLASS_MAX ? classes[c].weight : 1;
}

/* A service that is never restarted acts on many days in one run: a day counts as a run when there are fewer runs. */
double trn_maturity(uint32_t runs, uint32_t days)
{
    double starts = TRN_MAX(runs, days);
    return (1 - exp(-starts / RUNS_SCALE)) * TRN_MIN(1.0, (double)days / DAYS_FULL);
}

static double back_off(double c, double n, double parent)
{
    return (c + CONCENTRATION * parent) / (n + CONCENTRATION);
}

double trn_dirichlet(double c, double n, double parent)
{
    return -log2(back_off(c, n, parent));
}

struct tally {
    double with[3], n[3]; /* vendor, category, all; without the lineage itself */
};

static void count(const struct trn_profiles *p, const struct trn_lineage *l, uint64_t key, struct tally *t)
{
    uint64_t k, value, n = 0;
    trn_map_get(p->vendors, l->signer, &n);
    t->n[0] = l->signer && n ? (double)(n - 1) : 0;
    t->n[1] = (double)p->of_category[l->category] - 1;
    t->n[2] = (double)trn_map_count(p->lineages) - 1;
    if (!trn_map_get(p->with, key, &n)) /* the rule: nobody has it, nothing to look for */
        return;
    for (size_t it = 0; trn_map_next(p->lineages, &it, &k, &value);) {
        const struct trn_lineage *o = (const void *)(uintptr_t)value;
        if (o == l || !trn_feature_find(o, key))
            continue;
        t->with[0] += l->signer && o->signer == l->signer;
        t->with[1] += o->category == l->category;
        t->with[2]++;
    }
}

double trn_surprise(const struct trn_profiles *p, const struct trn_lineage *l, enum trn_feature_class class,
                    uint64_t key)
{
    struct tally t = {0};
    count(p, l, key, &t);
    double rate = back_off(t.with[2], t.n[2], BASE_RATE);
    rate = back_off(t.with[1], t.n[1], rate);
    rate = back_off(t.with[0], t.n[0], rate);
    /* The last bits of a logarithm differ between machines; a replay must not. */
    return floor(feature_weight(class) * trn_dirichlet(0, l->runs, rate) * STEPS + 0.5) / STEPS;
}

void trn_novelty_fill(const struct trn_profiles *p, const struct trn_lineage *l, const struct trn_profile_version *v,
                      uint64_t key, struct trn_novelty *ret)
{
    uint64_t with = 0;
    trn_map_get(p->with, key, &with);
    if (with && trn_feature_find(l, key))
        with--;
    *ret = (struct trn_novelty){.maturity = l->maturity,
                                .runs = l->runs,
                                .days = l->days,
                                .versions = l->version_seq,
                                .lineages_with = (uint32_t)with,
                                .version_wall_ns = v ? v->since_ns : 0,
                                .version_starts = v ? TRN_MAX(v->runs, v->days) : 0};
}

bool trn_novelty_mature(const struct trn_novelty *n)
{
    return n->maturity >= TRN_MATURE;
}

static void put_count(struct trn_buf *b, uint32_t n, const char *what)
{
    trn_put_fmt(b, "%u %s%s", n, what, n == 1 ? "" : "s");
}

void trn_novelty_words(const struct trn_novelty *n, struct trn_buf *b)
{
    if (n->state == TRN_FEATURE_ORDINARY) {
        trn_put_c(b, "it has always done this");
        return;
    }
    trn_put_c(b, n->state == TRN_FEATURE_NEW ? "first in "
                 : n->first_in_version       ? "first in this version, and not a habit after "
                                             : "seen before, but not a habit after ");
    if (n->runs || !n->days) { /* who signed it may be told after its start: then no start is its own */
        put_count(b, n->runs, "run");
        trn_put_c(b, n->versions > 1 ? ", " : " and ");
    }
    put_count(b, n->days, "day");
    if (n->versions > 1) {
        trn_put_c(b, " and ");
        put_count(b, n->versions, "version");
    }
    if (!trn_novelty_mature(n))
        trn_put_c(b, " (too little history to say what is usual)");
    else if (n->lineages_with)
        trn_put_fmt(b, "; %u other program%s here do%s it", n->lineages_with, n->lineages_with == 1 ? "" : "s",
                    n->lineages_with == 1 ? "es" : "");
    else
        trn_put_c(b, "; no other software here does it");
}
