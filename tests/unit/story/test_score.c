/* SPDX-License-Identifier: Apache-2.0 */
/* Question: do the fixed borders hold? One stage a note, two suspicious, malicious only with two kinds of telemetry or one
 * act that is impossible; what fades, and what does not? */
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

/* Findings of one program (7), each with what it says of itself. */
static void says(struct trn_finding *f, const char *key, const char *value)
{
    f->n_evidence = 0;
    f->acting = f->entity = 7;
    trn_finding_add(f, key, trn_str_of(value));
}

Test(score, one_act_that_is_impossible_is_enough)
{
    uint16_t score;
    struct trn_finding f[] = {finding(STAGE, 30, 1, 1)};
    says(&f[0], "impossible", "a font file does not run");
    cr_assert_eq(verdict(f, 1, &score), TRN_VERDICT_MALICIOUS, "%u", score);
    f[0].score = 20;
    cr_assert_eq(verdict(f, 1, &score), TRN_VERDICT_NOTE, "not when a person did it: %u", score);
}

#define EXFILTRATION "behaviour.exfiltration"
#define MINUTE (60 * TRN_NS_PER_SEC)

Test(score, logins_read_and_sent_to_a_new_place)
{
    uint16_t score;
    struct trn_finding f[] = {finding(BROWSER, 45, MINUTE, 2), finding(EXFILTRATION, 25, 2 * MINUTE, 2)};
    says(&f[0], "class", "browser-logins");
    says(&f[1], "bytes", "612");
    cr_assert_eq(verdict(f, 2, &score), TRN_VERDICT_MALICIOUS, "%u", score);
    f[1].acting = 8;
    cr_assert_lt(verdict(f, 2, &score), TRN_VERDICT_MALICIOUS, "another program sent: %u", score);
    f[1].acting = 7;
    f[1].wall_ns = 20 * MINUTE;
    cr_assert_lt(verdict(f, 2, &score), TRN_VERDICT_MALICIOUS, "not right after: %u", score);
    f[1].wall_ns = 2 * MINUTE;
    says(&f[0], "class", "browser-history");
    cr_assert_lt(verdict(f, 2, &score), TRN_VERDICT_MALICIOUS, "history lets nobody in: %u", score);
}

Test(score, a_second_stage_that_reads_keys)
{
    uint16_t score;
    struct trn_finding f[] = {finding(STAGE, 25, 1, 2), finding("behaviour.collection", 25, 2, 2)};
    says(&f[0], "path", "/tmp/helper");
    says(&f[1], "class", "ssh-key");
    f[0].entity = f[1].entity = 9; /* the helper, which 7 started */
    cr_assert_eq(verdict(f, 2, &score), TRN_VERDICT_MALICIOUS, "%u", score);
    f[1].wall_ns = 0;
    cr_assert_lt(verdict(f, 2, &score), TRN_VERDICT_MALICIOUS, "before it ran: %u", score);
    f[1].wall_ns = 2;
    f[1].entity = 7;
    cr_assert_lt(verdict(f, 2, &score), TRN_VERDICT_MALICIOUS, "not the file, its starter: %u", score);
    trn_finding_add(&f[1], "program", TRN_STR("/tmp/helper"));
    cr_assert_eq(verdict(f, 2, &score), TRN_VERDICT_MALICIOUS, "another run of the file: %u", score);
}

Test(score, notes_fade_stages_do_not)
{
    uint16_t together, apart, weeks;
    struct trn_finding notes[] = {finding(STAGE, 20, MINUTE, 1), finding(BROWSER, 20, MINUTE, 2)};
    verdict(notes, 2, &together);
    notes[1].wall_ns += 60 * MINUTE;
    verdict(notes, 2, &apart);
    cr_assert_eq(together, 36);
    cr_assert_eq(apart, 28, "half of the older one: %u", apart);
    notes[1].wall_ns += 24 * 60 * MINUTE;
    verdict(notes, 2, &apart);
    cr_assert_eq(apart, 20, "%u", apart);
    struct trn_finding stages[] = {finding(STAGE, 45, MINUTE, 1), finding(BROWSER, 45, 2 * MINUTE, 2)};
    verdict(stages, 2, &together);
    stages[1].wall_ns += 28ull * 24 * 60 * MINUTE;
    verdict(stages, 2, &weeks);
    cr_assert_eq(together, weeks, "what counts does not fade");
}

Test(score, what_an_update_brought_does_not_fade_before_35_days)
{
    uint16_t fresh, weeks, months;
    struct trn_finding f[] = {finding("behaviour.drift", 20, MINUTE, 1), finding(BROWSER, 45, 2 * MINUTE, 2)};
    f[1].score = 20;
    verdict(f, 2, &fresh);
    f[1].wall_ns = 34ull * 24 * 60 * MINUTE;
    verdict(f, 2, &weeks);
    f[1].wall_ns = 37ull * 24 * 60 * MINUTE;
    verdict(f, 2, &months);
    cr_assert_eq(fresh, weeks);
    cr_assert_lt(months, weeks);
}
