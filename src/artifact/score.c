/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the score of an artifact. Each check counts once, with its strongest finding. Doubts of one category add up as
 * independent doubts to the category's cap; categories add up likewise (noisy-OR, not the maximum).
 *   score = 100 x (1 - product over categories (1 - min(cap, 1 - product over its checks (1 - weight))))
 * suspicious (40) needs one check of weight: many small things are many notes, not a suspicion. malicious (85) needs a
 * structural proof that counts, or two categories of weight; text alone stays below it.
 * Must not: know any check by name; let a valid signature lower anything.
 */
#include "artifact/artifact.h"

#define SUSPICIOUS 40
#define MALICIOUS 85
#define HIGHEST 99
#define COUNTS 30 /* what a category must reach to be one of the two, and some check to be more than a note */

/* The most a category alone can say. */
static const double caps[TRN_CATEGORY_MAX] = {
    [TRN_CATEGORY_NONE] = 0.5,      [TRN_CATEGORY_SIGNATURE] = 0.97, [TRN_CATEGORY_EMBEDDED] = 0.95,
    [TRN_CATEGORY_CONTAINER] = 0.9, [TRN_CATEGORY_CODE] = 0.8,       [TRN_CATEGORY_SCRIPT] = 0.8,
    [TRN_CATEGORY_METADATA] = 0.25, [TRN_CATEGORY_TEXT] = 0.75,      [TRN_CATEGORY_INDICATOR] = 0.95,
};

void trn_score_add(struct trn_score *s, const struct trn_finding *f)
{
    uint32_t i = 0;
    while (i < s->n && s->strongest[i].check != f->check)
        i++;
    if (i == TRN_ARRAY_SIZE(s->strongest))
        return; /* more checks than the registry has */
    if (i == s->n)
        s->strongest[s->n++].check = f->check;
    s->strongest[i].score = TRN_MAX(s->strongest[i].score, TRN_MIN(f->score, (uint16_t)100));
}

static enum trn_verdict verdict_of(uint32_t score)
{
    return score >= MALICIOUS    ? TRN_VERDICT_MALICIOUS
           : score >= SUSPICIOUS ? TRN_VERDICT_SUSPICIOUS
           : score               ? TRN_VERDICT_NOTE
                                 : TRN_VERDICT_CLEAN;
}

uint16_t trn_score_of(const struct trn_score *s, enum trn_verdict *ret_verdict)
{
    double doubt[TRN_CATEGORY_MAX], left = 1.0;
    uint32_t counting = 0;
    bool structural = false, weight_of_one = false;
    for (size_t i = 0; i < TRN_CATEGORY_MAX; i++)
        doubt[i] = 1.0;
    for (uint32_t i = 0; i < s->n; i++) {
        const struct trn_check *c = s->strongest[i].check;
        doubt[c->category] *= 1.0 - s->strongest[i].score / 100.0;
        weight_of_one = weight_of_one || s->strongest[i].score >= COUNTS;
        structural = structural || (c->structural && s->strongest[i].score >= SUSPICIOUS);
    }
    for (size_t i = 0; i < TRN_CATEGORY_MAX; i++) {
        double weight = TRN_MIN(1.0 - doubt[i], caps[i]);
        left *= 1.0 - weight;
        counting += weight * 100.0 >= COUNTS;
    }
    uint32_t score = (uint32_t)(100.0 * (1.0 - left) + 0.5);
    if (!structural && counting < 2)
        score = TRN_MIN(score, (uint32_t)MALICIOUS - 1);
    if (!weight_of_one)
        score = TRN_MIN(score, (uint32_t)SUSPICIOUS - 1);
    score = TRN_MIN(score, (uint32_t)HIGHEST);
    if (ret_verdict)
        *ret_verdict = verdict_of(score);
    return (uint16_t)score;
}

uint16_t trn_score_alone(const struct trn_finding *f, enum trn_verdict *ret_verdict)
{
    struct trn_score one = {0};
    trn_score_add(&one, f);
    return trn_score_of(&one, ret_verdict);
}
