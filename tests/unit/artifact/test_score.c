/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/artifact.h"

#include <criterion/criterion.h>

static enum trn_verdict judge(const char *const *ids, size_t n, uint16_t *ret_score)
{
    struct trn_score s = {0};
    enum trn_verdict v;
    for (size_t i = 0; i < n; i++) {
        struct trn_finding f;
        trn_finding_init(&f, trn_check_find(trn_str_of(ids[i])));
        trn_score_add(&s, &f);
    }
    *ret_score = trn_score_of(&s, &v);
    return v;
}
#define JUDGE(ret, ...) \
    judge((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), ret)

Test(score, nothing_is_clean)
{
    struct trn_score s = {0};
    enum trn_verdict v;
    cr_expect_eq(trn_score_of(&s, &v), 0);
    cr_expect_eq(v, TRN_VERDICT_CLEAN);
}

Test(score, a_structural_proof_alone_is_malicious)
{
    uint16_t score;
    cr_expect_eq(JUDGE(&score, "pe.certificate-slack"), TRN_VERDICT_MALICIOUS);
    cr_expect_eq(score, 90);
}

Test(score, text_alone_is_never_more_than_suspicious)
{
    uint16_t score;
    cr_expect_eq(JUDGE(&score, "yara.anything", "strings.hidden", "strings.browser-data"), TRN_VERDICT_SUSPICIOUS);
    cr_expect_lt(score, 85);
}

Test(score, two_categories_make_it_malicious_one_does_not)
{
    uint16_t score;
    cr_expect_eq(JUDGE(&score, "signature.digest-mismatch", "image.trailing-data", "pe.sibling-read"),
                 TRN_VERDICT_MALICIOUS);
    cr_expect_eq(JUDGE(&score, "signature.digest-mismatch"), TRN_VERDICT_SUSPICIOUS);
    cr_expect_eq(JUDGE(&score, "indicator.sha256"), TRN_VERDICT_SUSPICIOUS);
}

Test(score, one_finding_weighs_what_it_would_say_alone)
{
    static const struct {
        const char *check;
        uint16_t score, weight;
    } cases[] = {{"indicator.sha256", 90, 84},
                 {"yara.anything", 90, 75},
                 {"pe.certificate-slack", 90, 90},
                 {"pe.unsigned-among-signed", 8, 8},
                 {"pe.unsigned-among-signed", 0, 0}};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        struct trn_finding f;
        trn_finding_init(&f, trn_check_find(trn_str_of(cases[i].check)));
        f.score = cases[i].score;
        cr_expect_eq(trn_score_alone(&f, NULL), cases[i].weight, "%s: %u", cases[i].check, trn_score_alone(&f, NULL));
    }
}

Test(score, the_same_check_a_thousand_times_counts_once_and_small_things_stay_notes)
{
    struct trn_score s = {0};
    struct trn_finding f;
    enum trn_verdict v;
    trn_finding_init(&f, trn_check_find(TRN_STR("pe.unsigned-among-signed")));
    for (int i = 0; i < 1000; i++)
        trn_score_add(&s, &f);
    cr_expect_eq(trn_score_of(&s, &v), 8);
    trn_finding_init(&f, trn_check_find(TRN_STR("script.lifecycle")));
    trn_score_add(&s, &f);
    cr_expect_eq(trn_score_of(&s, &v), 15);
    cr_expect_eq(v, TRN_VERDICT_NOTE);
    for (size_t i = 0; trn_check_at(i); i++) { /* every kind of small thing at once */
        trn_finding_init(&f, trn_check_at(i));
        f.score = 15;
        if (f.check->category != TRN_CATEGORY_NONE)
            trn_score_add(&s, &f);
    }
    cr_expect_eq(trn_score_of(&s, &v), 39);
    cr_expect_eq(v, TRN_VERDICT_NOTE);
}
