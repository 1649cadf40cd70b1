/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the score of a set of findings. Each stage counts once, with its strongest finding; stages add up as
 * independent doubts (noisy-OR), and more when they come in the order of an attack. Fixed borders: one stage is a
 * note, two are suspicious, malicious needs two stages and two kinds of telemetry; an exact hash of a known bad file
 * alone is suspicious. Must not: look at signatures or packages; neither lowers anything.
 */
#include "story/story.h"

#define SUSPICIOUS 40
#define MALICIOUS 70
#define HIGHEST 99
#define COUNTS_FROM 25 /* what a person did at a prompt, or a package manager, is no stage of an attack */

struct stage {
    uint16_t score;
    uint64_t first_wall_ns;
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

static void collect(const struct trn_finding *f, uint32_t n, struct stage stages[TRN_STAGE_MAX],
                    uint32_t *ret_telemetry, bool *ret_hash)
{
    for (uint32_t i = 0; i < n; i++) {
        struct stage *s = &stages[f[i].check->stage];
        if (s->score < f[i].score)
            s->score = TRN_MIN(f[i].score, (uint16_t)100);
        if (f[i].score < COUNTS_FROM)
            continue;
        if (!s->first_wall_ns || f[i].wall_ns < s->first_wall_ns)
            s->first_wall_ns = f[i].wall_ns;
        *ret_telemetry |= f[i].telemetry;
        *ret_hash = *ret_hash || trn_str_eq_c(trn_str_of(f[i].check->id), "indicator.sha256");
    }
}

uint16_t trn_story_score(const struct trn_finding *f, uint32_t n, enum trn_verdict *ret_verdict)
{
    struct stage stages[TRN_STAGE_MAX] = {0};
    uint32_t telemetry = 0, count = 0, pairs = 0;
    bool hash = false;
    double doubt = 1.0;
    const struct stage *before = NULL;
    collect(f, n, stages, &telemetry, &hash);
    for (int i = 0; i < TRN_STAGE_MAX; i++) {
        const struct stage *s = &stages[i];
        doubt *= 1.0 - s->score / 100.0;
        if (s->score < COUNTS_FROM)
            continue;
        count++;
        /* indicators, rules and fleet spikes have no place in the order of an attack */
        if (i >= TRN_STAGE_INDICATOR)
            continue;
        pairs += before && before->first_wall_ns <= s->first_wall_ns;
        before = s;
    }
    for (uint32_t i = 0; i < pairs; i++)
        doubt *= 0.75;
    uint32_t score = (uint32_t)(100.0 * (1.0 - doubt) + 0.5);
    if (count >= 2)
        score = TRN_MAX(score, (uint32_t)SUSPICIOUS);
    if (count < 2 || kinds_of(telemetry) < 2)
        score = TRN_MIN(score, (uint32_t)MALICIOUS - 1);
    if (count < 2 && !hash)
        score = TRN_MIN(score, (uint32_t)SUSPICIOUS - 1);
    score = TRN_MIN(score, (uint32_t)HIGHEST);
    if (ret_verdict)
        *ret_verdict = verdict_of(score);
    return (uint16_t)score;
}
