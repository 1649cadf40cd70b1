/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does a rule want what it says, and nothing more, and is a claim that no rule covers refused? */
#include "policy/policy.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define BIT(a) (1u << TRN_RESPOND_##a)
#define STAGE(s) (1u << TRN_STAGE_##s)

static struct trn_policy *p;

static void set_up(void)
{
    p = malloc(sizeof *p);
    cr_assert(p);
    trn_policy_default(p);
    p->protect = true;
}

static void tear_down(void)
{
    free(p);
}

TestSuite(policy_match, .init = set_up, .fini = tear_down);

static struct trn_policy_rule *rule(const char *check, uint32_t acts)
{
    struct trn_policy_rule *r = &p->rules[p->n_rules++];
    snprintf(r->check, sizeof r->check, "%s", check);
    r->acts = acts;
    return r;
}

static struct trn_policy_case a_case(void)
{
    return (struct trn_policy_case){.check = TRN_STR("behaviour.second-stage"),
                                    .name = TRN_STR("acme-softphone"),
                                    .version = TRN_STR("1.1"),
                                    .score = 60,
                                    .stages = STAGE(FIRST_CONTACT) | STAGE(SECOND_STAGE),
                                    .verdict = TRN_VERDICT_SUSPICIOUS};
}

static uint32_t wanted(const struct trn_policy_case *c)
{
    struct trn_policy_wish w;
    uint32_t acts = 0;
    trn_policy_match(p, c, &w);
    for (unsigned i = 0; i < TRN_RESPOND_KINDS; i++)
        acts |= w.rules[i] ? 1u << i : 0;
    cr_expect_eq(w.any, acts != 0);
    return acts;
}

Test(policy_match, each_condition_alone)
{
    static const struct {
        const char *what, *check, *name, *version;
        uint16_t score;
        uint8_t stages, stage, verdict;
        bool fits;
    } cases[] = {
        {"no condition", "", "", "", 0, 0, 0, 0, true},
        {"its check", "behaviour.second-stage", "", "", 0, 0, 0, 0, true},
        {"the beginning of its check", "behaviour.*", "", "", 0, 0, 0, 0, true},
        {"every check", "*", "", "", 0, 0, 0, 0, true},
        {"another check", "behaviour.beacon", "", "", 0, 0, 0, 0, false},
        {"no star, so no beginning", "behaviour", "", "", 0, 0, 0, 0, false},
        {"its software", "", "acme-softphone", "", 0, 0, 0, 0, true},
        {"its version", "", "acme-softphone", "1.1", 0, 0, 0, 0, true},
        {"another version", "", "acme-softphone", "1.0", 0, 0, 0, 0, false},
        {"another software", "", "acme", "", 0, 0, 0, 0, false},
        {"just the score", "", "", "", 60, 0, 0, 0, true},
        {"more than the score", "", "", "", 61, 0, 0, 0, false},
        {"as many stages", "", "", "", 0, 2, 0, 0, true},
        {"more stages", "", "", "", 0, 3, 0, 0, false},
        {"a stage of the story", "", "", "", 0, 0, TRN_STAGE_FIRST_CONTACT + 1, 0, true},
        {"a stage that it has not", "", "", "", 0, 0, TRN_STAGE_BEACON + 1, 0, false},
        {"its verdict", "", "", "", 0, 0, 0, TRN_VERDICT_SUSPICIOUS, true},
        {"a worse verdict", "", "", "", 0, 0, 0, TRN_VERDICT_MALICIOUS, false},
    };
    const struct trn_policy_case c = a_case();
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        p->n_rules = 0;
        struct trn_policy_rule *r = rule(cases[i].check, BIT(BLOCK));
        snprintf(r->name, sizeof r->name, "%s", cases[i].name);
        snprintf(r->version, sizeof r->version, "%s", cases[i].version);
        r->score = cases[i].score;
        r->stages = cases[i].stages;
        r->stage = cases[i].stage;
        r->verdict = cases[i].verdict;
        cr_expect_eq(wanted(&c), cases[i].fits ? BIT(BLOCK) : 0, "%s", cases[i].what);
    }
}

Test(policy_match, the_first_rule_that_names_an_act_says_how)
{
    struct trn_policy_case c = a_case();
    struct trn_policy_wish w;
    rule("behaviour.beacon", BIT(KILL));
    rule("behaviour.second-stage", BIT(BLOCK) | BIT(ISOLATE));
    rule("behaviour.*", BIT(ISOLATE) | BIT(SHIELD));
    trn_policy_match(p, &c, &w);
    cr_expect_eq(w.rules[TRN_RESPOND_ISOLATE], &p->rules[1]);
    cr_expect_eq(w.rules[TRN_RESPOND_SHIELD], &p->rules[2]);
    cr_expect_null(w.rules[TRN_RESPOND_KILL]);
}

Test(policy_match, detect_wants_nothing)
{
    struct trn_policy_case c = a_case();
    rule("*", BIT(KILL));
    cr_expect_eq(wanted(&c), BIT(KILL));
    p->protect = false;
    cr_expect_eq(wanted(&c), 0);
}

/* ---- what turncoatd asks ---- */

static int allowed(struct trn_policy_claim c)
{
    struct trn_err err = {0};
    int r = trn_policy_allows(p, &c, &err);
    cr_expect_eq(r, err.code);
    return r;
}

static struct trn_policy_claim claim(enum trn_respond act)
{
    return (struct trn_policy_claim){.act = act, .check = TRN_STR("behaviour.second-stage"), .score = 60};
}

Test(policy_match, a_claim_needs_a_rule)
{
    struct trn_policy_claim c = claim(TRN_RESPOND_BLOCK);
    cr_expect_eq(allowed(c), -EPERM, "no rule");
    struct trn_policy_rule *r = rule("behaviour.second-stage", BIT(BLOCK));
    cr_expect_eq(allowed(c), 0);
    cr_expect_eq(allowed(claim(TRN_RESPOND_KILL)), -EPERM, "another act");
    r->score = 61;
    cr_expect_eq(allowed(c), -EPERM, "a lower score than the rule asks for");
    r->score = 60;
    c.check = TRN_STR("behaviour.beacon");
    cr_expect_eq(allowed(c), -EPERM, "another check");
    c.check = TRN_STR_NONE;
    cr_expect_eq(allowed(c), -EPERM, "no check");
    c = claim(TRN_RESPOND_BLOCK);
    c.score = 101;
    cr_expect_eq(allowed(c), -EPERM, "no finding has such a score");
    p->protect = false;
    cr_expect_eq(allowed(claim(TRN_RESPOND_BLOCK)), -EPERM, "detect");
}

Test(policy_match, what_no_policy_may_name_is_never_allowed)
{
    rule("*", ~0u); /* not from a file: the codec refuses it */
    for (unsigned act = 0; act < 64; act++) {
        bool may = act < TRN_RESPOND_KINDS && (TRN_POLICY_ACTS & (1u << act));
        cr_expect_eq(allowed(claim((enum trn_respond)act)), may ? 0 : -EPERM, "%u", act);
    }
}

Test(policy_match, a_rule_about_one_software_covers_no_other)
{
    struct trn_policy_claim c = claim(TRN_RESPOND_ISOLATE);
    struct trn_policy_rule *r = rule("", BIT(ISOLATE));
    snprintf(r->name, sizeof r->name, "acme-softphone");
    c.target = TRN_TARGET_SOFTWARE;
    c.text = TRN_STR("acme-softphone=1.1");
    cr_expect_eq(allowed(c), 0);
    c.text = TRN_STR("acme-softphone");
    cr_expect_eq(allowed(c), 0);
    c.text = TRN_STR("firefox=1.1");
    cr_expect_eq(allowed(c), -EPERM);
    snprintf(r->version, sizeof r->version, "1.1");
    c.text = TRN_STR("acme-softphone=1.0");
    cr_expect_eq(allowed(c), -EPERM);
    c.text = TRN_STR("acme-softphone");
    cr_expect_eq(allowed(c), -EPERM, "all versions is more than one");
}

Test(policy_match, no_longer_than_the_rule_says)
{
    struct trn_policy_claim c = claim(TRN_RESPOND_ISOLATE);
    struct trn_policy_rule *r = rule("*", BIT(ISOLATE) | BIT(KILL));
    c.seconds = 7 * 86400;
    cr_expect_eq(allowed(c), 0, "the default of the act");
    c.seconds++;
    cr_expect_eq(allowed(c), -EPERM);
    r->seconds = 3600;
    c.seconds = 3600;
    cr_expect_eq(allowed(c), 0);
    c.seconds = 0;
    cr_expect_eq(allowed(c), -EPERM, "the default is longer than the rule");
    c = claim(TRN_RESPOND_KILL);
    cr_expect_eq(allowed(c), 0, "what cannot be taken back has no time");
}

Test(policy_match, new_programs_are_refused_only_where_a_rule_wants_it)
{
    cr_expect_not(trn_policy_may_refuse(p));
    p->hold_new = true;
    cr_expect_not(trn_policy_may_refuse(p));
    rule("*", BIT(ISOLATE));
    cr_expect_not(trn_policy_may_refuse(p));
    rule("*", BIT(BLOCK));
    cr_expect(trn_policy_may_refuse(p));
    p->protect = false;
    cr_expect_not(trn_policy_may_refuse(p));
}
