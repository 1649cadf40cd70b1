/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the score of a set of findings. Each stage counts once, with its strongest finding; stages add up as
 * independent doubts (noisy-OR), and more when they come in the order of an attack. Fixed borders: one stage is a
 * note, two are suspicious, malicious needs two stages and two kinds of telemetry, or one act that is impossible for
 * this software (impossible.c); an exact hash of a known bad file alone is suspicious. Notes fade: half of their
 * weight is gone an hour before the newest finding; what an update brought, not before 35 days; stages never.
 * Must not: look at signatures or packages; neither lowers anything.
 */
#include "story/internal.h"

#define SUSPICIOUS 40
#define MALICIOUS 70
#define HIGHEST 99
#define HALF_LIFE_NS (3600 * TRN_NS_PER_SEC)
#define FADED_AFTER 10 /* half-lives */
#define UPDATE_KEEPS_NS (35ull * 86400 * TRN_NS_PER_SEC)

struct stage {
    double weight;          /* of its strongest finding */
    bool counts;            /* as a stage of an attack: some finding has TRN_COUNTS_FROM */
    uint64_t first_wall_ns; /* of those */
};

static uint32_t kinds_of(uint32_t telemetry)
{
    return (uint32_t)__builtin_popcount(telemetry);
}

static enum trn_verdict verdict_of(uint32_t score)
{
    return score >= MALICIOUS    ? TRN_VERDICT_MALICIOUS
           : score >= SUSPICIOUS ? TRN_VERDICT_SUSPICIOUS
           : score               ? TRN_VERDICT_NOTE
                                 : TRN_VERDICT_CLEAN;
}

static uint64_t newest(const struct trn_finding *f, uint32_t n)
{
    uint64_t wall = 0;
    for (uint32_t i = 0; i < n; i++)
        wall = TRN_MAX(wall, f[i].wall_ns);
    return wall;
}

/* What is left of a finding's score. Halved in steps, straight between them: no library's exp2, so the same everywhere. */
static double weight_of(const struct trn_finding *f, uint64_t now_wall_ns)
{
    double w = TRN_MIN(f->score, (uint16_t)100);
    uint64_t age = now_wall_ns - f->wall_ns;
    if (f->check->stage == TRN_STAGE_RELEASE_CHANGE)
        age -= TRN_MIN(age, UPDATE_KEEPS_NS);
    if (f->score >= TRN_COUNTS_FROM)
        return w;
    if (age / HALF_LIFE_NS >= FADED_AFTER)
        return 0;
    for (; age >= HALF_LIFE_NS; age -= HALF_LIFE_NS)
        w /= 2;
    return w * (1.0 - (double)age / HALF_LIFE_NS / 2);
}

static void collect(const struct trn_finding *f, uint32_t n, struct stage stages[TRN_STAGE_MAX],
                    uint32_t *ret_telemetry, bool *ret_hash)
{
    uint64_t now = newest(f, n);
    for (uint32_t i = 0; i < n; i++) {
        struct stage *s = &stages[f[i].check->stage];
        s->weight = TRN_MAX(s->weight, weight_of(&f[i], now));
        if (f[i].score < TRN_COUNTS_FROM)
            continue;
        s->counts = true;
        if (!s->first_wall_ns || f[i].wall_ns < s->first_wall_ns)
            s->first_wall_ns = f[i].wall_ns;
        *ret_telemetry |= f[i].telemetry;
        *ret_hash = *ret_hash || trn_str_eq_c(trn_str_of(f[i].check->id), "indicator.sha256");
    }
}

/* 100 x (1 - what doubt is left), and how many stages of an attack there are. */
static uint32_t add_up(const struct stage stages[TRN_STAGE_MAX], uint32_t *ret_count)
{
    const struct stage *before = NULL;
    double doubt = 1.0;
    for (int i = 0; i < TRN_STAGE_MAX; i++) {
        const struct stage *s = &stages[i];
        doubt *= 1.0 - s->weight / 100.0;
        if (!s->counts)
            continue;
        ++*ret_count;
        /* indicators, rules and fleet spikes have no place in the order of an attack */
        if (i >= TRN_STAGE_INDICATOR)
            continue;
        if (before && before->first_wall_ns <= s->first_wall_ns)
            doubt *= 0.75;
        before = s;
    }
    return (uint32_t)(100.0 * (1.0 - doubt) + 0.5);
}

uint16_t trn_story_score(const struct trn_finding *f, uint32_t n, enum trn_verdict *ret_verdict)
{
    struct stage stages[TRN_STAGE_MAX] = {0};
    uint32_t telemetry = 0, count = 0;
    bool hash = false;
    collect(f, n, stages, &telemetry, &hash);
    uint32_t score = add_up(stages, &count);
    if (count >= 2)
        score = TRN_MAX(score, (uint32_t)SUSPICIOUS);
    if (!trn_str_is_empty(trn_impossible(f, n))) {
        score = TRN_MAX(score, (uint32_t)MALICIOUS);
    } else {
        if (count < 2 || kinds_of(telemetry) < 2)
            score = TRN_MIN(score, (uint32_t)MALICIOUS - 1);
        if (count < 2 && !hash)
            score = TRN_MIN(score, (uint32_t)SUSPICIOUS - 1);
    }
    score = TRN_MIN(score, (uint32_t)HIGHEST);
    if (ret_verdict)
        *ret_verdict = verdict_of(score);
    return (uint16_t)score;
}
