/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which rules of a policy fit a finding, and whether a request that nobody asked for is covered by one. Must not own:
 * who is acted on (src/engine/plan.c), what is vital, how often (src/response/execute). Pure functions; turncoatd links this.
 */
#include "policy/internal.h"

static bool check_fits(const struct trn_policy_rule *r, struct trn_str check)
{
    struct trn_str want = trn_str_of(r->check);
    if (want.n == 0)
        return true;
    if (trn_str_ends(want, TRN_STR("*")))
        return trn_str_starts(check, trn_str_slice(want, 0, want.n - 1));
    return trn_str_eq(want, check);
}

static bool software_fits(const struct trn_policy_rule *r, struct trn_str name, struct trn_str version)
{
    return (!r->name[0] || trn_str_eq_c(name, r->name)) && (!r->version[0] || trn_str_eq_c(version, r->version));
}

static bool rule_fits(const struct trn_policy_rule *r, const struct trn_policy_case *c)
{
    return check_fits(r, c->check) && software_fits(r, c->name, c->version) && c->score >= r->score &&
           (unsigned)__builtin_popcount(c->stages) >= r->stages &&
           (r->stage == 0 || (c->stages & (1u << (r->stage - 1u)))) && (unsigned)c->verdict >= r->verdict;
}

void trn_policy_match(const struct trn_policy *p, const struct trn_policy_case *c, struct trn_policy_wish *ret)
{
    *ret = (struct trn_policy_wish){0};
    if (!p->protect || trn_str_is_empty(c->check))
        return;
    for (uint32_t i = 0; i < p->n_rules; i++) {
        const struct trn_policy_rule *r = &p->rules[i];
        if (!rule_fits(r, c))
            continue;
        for (unsigned act = 0; act < TRN_RESPOND_KINDS; act++)
            if ((r->acts & (1u << act)) && !ret->rules[act]) {
                ret->rules[act] = r;
                ret->any = true;
            }
    }
}

/* "NAME" or "NAME=VERSION" as the target of a request. */
static bool target_fits(const struct trn_policy_rule *r, const struct trn_policy_claim *c)
{
    if (c->target != TRN_TARGET_SOFTWARE || !r->name[0])
        return true;
    ptrdiff_t at = trn_str_find(c->text, '=');
    struct trn_str name = at < 0 ? c->text : trn_str_slice(c->text, 0, (size_t)at);
    struct trn_str version = at < 0 ? TRN_STR_NONE : trn_str_slice(c->text, (size_t)at + 1, c->text.n);
    return software_fits(r, name, version);
}

/* 0 seconds: the act's own default. What cannot be taken back has no time. */
static bool time_fits(const struct trn_policy_rule *r, const struct trn_policy_claim *c)
{
    uint64_t own = trn_respond_default_sec(c->act), most = r->seconds ? r->seconds : own;
    uint64_t asked = c->seconds ? c->seconds : own;
    return c->act == TRN_RESPOND_KILL || most == 0 || (asked && asked <= most);
}

int trn_policy_allows(const struct trn_policy *p, const struct trn_policy_claim *c, struct trn_err *err)
{
    const char *name = trn_respond_name(c->act);
    bool longer = false;
    if (!p->protect)
        return trn_fail(err, -EPERM, "the policy is to detect: nothing is done without a person");
    if ((unsigned)c->act >= TRN_RESPOND_KINDS || !(TRN_POLICY_ACTS & (1u << c->act)))
        return trn_fail(err, -EPERM, "'%s' is never done by policy", name);
    if (trn_str_is_empty(c->check) || c->score > 100)
        return trn_fail(err, -EPERM, "no finding is named for '%s'", name);
    for (uint32_t i = 0; i < p->n_rules; i++) {
        const struct trn_policy_rule *r = &p->rules[i];
        if (!(r->acts & (1u << c->act)) || !check_fits(r, c->check) || c->score < r->score || !target_fits(r, c))
            continue;
        if (time_fits(r, c))
            return 0;
        longer = true;
    }
    if (longer)
        return trn_fail(err, -EPERM, "no rule of the policy lets '%s' hold so long", name);
    char text[96];
    return trn_fail(err, -EPERM, "no rule of the policy wants '%s' for '%s' with a score of %u", name,
                    trn_escape_into(text, sizeof text, c->check), c->score);
}

bool trn_policy_may_refuse(const struct trn_policy *p)
{
    bool wanted = false;
    for (uint32_t i = 0; i < p->n_rules; i++)
        wanted = wanted || (p->rules[i].acts & (1u << TRN_RESPOND_BLOCK | 1u << TRN_RESPOND_KILL));
    return p->protect && p->hold_new && wanted;
}
