/* SPDX-License-Identifier: Apache-2.0 */
/* Question: do the fixed borders hold? One stage a note, two suspicious, malicious only with two kinds of telemetry. */
#include "story/story.h"

#include <criterion/criterion.h>

static struct trn_finding finding(const char *check, uint16_t score, uint64_t wall, uint32_t telemetry)
{
    struct trn_finding f;
    const struct trn_check *c = trn_check_find(trn_str_of(check));
    cr_assert(c != NULL);
    trn_finding_init(&f, c);
    f.score = score;
    f.wall_ns = wall;
    f.telemetry = telemetry;
    return f;
}

static enum trn_verdict verdict(const struct trn_finding *f, uint32_t n, uint16_t *ret_score)
{
    enum trn_verdict v;
    *ret_score = trn_story_score(f, n, &v);
    return v;
}

#define STAGE "behaviour.second-stage"
#define BROWSER "behaviour.browser-data"

Test(score, borders)
{
    uint16_t score;
    struct trn_finding one[] = {finding(STAGE, 45, 1, 7)};
    cr_assert_eq(verdict(one, 1, &score), TRN_VERDICT_NOTE);
    struct trn_finding strong[] = {finding(STAGE, 100, 1, 7)};
    cr_assert_eq(verdict(strong, 1, &score), TRN_VERDICT_NOTE, "%u", score);
    struct trn_finding many[] = {finding(STAGE, 45, 1, 7), finding(STAGE, 45, 2, 7), finding(STAGE, 45, 3, 7)};
    cr_assert_eq(verdict(many, 3, &score), TRN_VERDICT_NOTE, "one stage, however often");
    struct trn_finding hash[] = {finding("indicator.sha256", 90, 1, TRN_TEL_PROCESS | TRN_TEL_ARTIFACT)};
    cr_assert_eq(verdict(hash, 1, &score), TRN_VERDICT_SUSPICIOUS, "%u", score);
    struct trn_finding domain[] = {finding("indicator.domain", 60, 1, TRN_TEL_NETWORK)};
    cr_assert_eq(verdict(domain, 1, &score), TRN_VERDICT_NOTE);
    struct trn_finding weak[] = {finding(STAGE, 25, 1, 1), finding(BROWSER, 25, 2, 2)};
    cr_assert_eq(verdict(weak, 2, &score), TRN_VERDICT_SUSPICIOUS, "two stages: %u", score);
    struct trn_finding one_kind[] = {finding(STAGE, 95, 1, 2), finding(BROWSER, 95, 2, 2)};
    cr_assert_eq(verdict(one_kind, 2, &score), TRN_VERDICT_SUSPICIOUS, "one kind of telemetry: %u", score);
    struct trn_finding chain[] = {finding(STAGE, 45, 1, 7), finding(BROWSER, 45, 2, 2)};
    cr_assert_eq(verdict(chain, 2, &score), TRN_VERDICT_MALICIOUS, "%u", score);
    struct trn_finding notes[] = {finding(STAGE, 20, 1, 7), finding(BROWSER, 20, 2, 2)};
    cr_assert_eq(verdict(notes, 2, &score), TRN_VERDICT_NOTE, "what a person does at a prompt is no stage: %u", score);
    cr_assert_eq(verdict(NULL, 0, &score), TRN_VERDICT_CLEAN);
}

Test(score, the_order_of_an_attack_counts_more)
{
    uint16_t in_order, other;
    struct trn_finding a[] = {finding(STAGE, 45, 1, 7), finding(BROWSER, 45, 2, 2)};
    struct trn_finding b[] = {finding(STAGE, 45, 2, 7), finding(BROWSER, 45, 1, 2)};
    verdict(a, 2, &in_order);
    verdict(b, 2, &other);
    cr_assert_gt(in_order, other);
}

Test(score, a_package_lowers_nothing)
{
    uint16_t plain, packaged;
    struct trn_finding a[] = {finding(STAGE, 45, 1, 7), finding(BROWSER, 45, 2, 2)};
    verdict(a, 2, &plain);
    for (int i = 0; i < 2; i++) {
        a[i].software.origin = TRN_ORIGIN_DPKG;
        a[i].software.signer = TRN_STR("Vendor");
    }
    verdict(a, 2, &packaged);
    cr_assert_eq(plain, packaged);
}
