/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what happens when a content takes too long. libyara limits a whole scan only and does not say which rule it was at, so
 * the rules are run again in halves: a half that ends in time tells its matches, one that does not is halved again. Files go
 * together (a rule may ask for another of its file), then the rules of the one file, by how many from its start can be run.
 * Must not: leave a rule disabled behind; take longer than SHARE runs or the artifact's own deadline.
 *
 * A rule found slow is tried to be left out first when the next content takes too long, so it is searched for once a worker.
 */
#include "artifact/yara_scanner.h"

#include <stdio.h>

#define SHARE 8u /* times the limit that the whole search may take */

struct search {
    struct trn_yara_scanner *s;
    struct trn_yara_told *told;
    YR_RULES *rules;
    uint64_t limit_ns;
};

static bool is_slow(const struct search *q, const YR_RULE *rule)
{
    for (uint32_t i = 0; i < q->s->n_slow[q->s->content.set]; i++)
        if (q->s->slow[q->s->content.set][i] == rule)
            return true;
    return false;
}

static void name_slow(struct search *q, const YR_RULE *rule)
{
    (void)snprintf(q->s->slow_name, sizeof(q->s->slow_name), "%s:%s", rule->ns->name, rule->identifier);
}

/* Only files [from, to), of the last of them only `rules` rules, and none that is known to be slow. */
static void enable(struct search *q, uint32_t from, uint32_t to, uint32_t rules)
{
    YR_RULE *rule;
    uint32_t seen = 0;
    yr_rules_foreach(q->rules, rule)
    {
        bool in = rule->ns->idx >= from && rule->ns->idx < to && !is_slow(q, rule);
        if (in && rule->ns->idx == to - 1)
            in = seen++ < rules;
        if (in)
            yr_rule_enable(rule);
        else
            yr_rule_disable(rule);
    }
}

static void remember(struct search *q, YR_RULE *rule)
{
    uint32_t *n = &q->s->n_slow[q->s->content.set];
    YR_RULE **slow = q->s->slow[q->s->content.set];
    if (*n == TRN_YARA_SLOW_MAX) { /* the oldest goes */
        memmove(slow, slow + 1, (TRN_YARA_SLOW_MAX - 1) * sizeof(*slow));
        (*n)--;
    }
    slow[(*n)++] = rule;
}

static YR_RULE *rule_at(const struct search *q, uint32_t file, uint32_t number)
{
    YR_RULE *rule;
    yr_rules_foreach(q->rules, rule) if (rule->ns->idx == file && !is_slow(q, rule) && number-- == 0) return rule;
    return NULL;
}

/* One file alone takes too long: which rule, and then the others. */
static int one_file(struct search *q, uint32_t file)
{
    uint32_t good = 0, bad = 0;
    int e = -ETIME;
    while (rule_at(q, file, bad))
        bad++;
    while (bad - good > 1) {
        uint32_t middle = good + (bad - good) / 2;
        enable(q, file, file + 1, middle);
        e = trn_yara_run(q->s, q->limit_ns, NULL);
        if (e < 0 && e != -ETIME)
            return e;
        good = e == 0 ? middle : good;
        bad = e == 0 ? bad : middle;
    }
    YR_RULE *rule = bad ? rule_at(q, file, bad - 1) : NULL;
    if (!rule || trn_mono_ns() >= q->s->content.deadline_ns)
        return 0;
    name_slow(q, rule);
    remember(q, rule);
    enable(q, file, file + 1, UINT32_MAX);
    e = trn_yara_run(q->s, q->limit_ns, q->told);
    return e == -ETIME ? 0 : e;
}

/* tried: these together were run, and took too long. */
static int halves(struct search *q, uint32_t from, uint32_t to, bool tried)
{
    if (to == from)
        return 0;
    enable(q, from, to, UINT32_MAX);
    int e = tried ? -ETIME : trn_yara_run(q->s, q->limit_ns, q->told);
    if (e != -ETIME)
        return e;
    if (trn_mono_ns() >= q->s->content.deadline_ns) {
        return 0; /* what these would find is lost */
    }
    if (to - from == 1)
        return one_file(q, from);
    uint32_t middle = from + (to - from) / 2;
    e = halves(q, from, middle, false); /* as deep as the number of files has bits */
    return e < 0 ? e : halves(q, middle, to, false);
}

/* All but the rules that were slow before. */
static int without_known(struct search *q)
{
    uint32_t n = q->s->n_slow[q->s->content.set];
    if (n == 0)
        return -ETIME;
    enable(q, 0, UINT32_MAX, UINT32_MAX);
    int e = trn_yara_run(q->s, q->limit_ns, q->told);
    if (e == 0)
        name_slow(q, q->s->slow[q->s->content.set][n - 1]);
    return e;
}

int trn_yara_find_slow(struct trn_yara_scanner *s, uint64_t limit_ns, struct trn_yara_told *told)
{
    struct search q = {.s = s, .told = told, .rules = s->rules->set[s->content.set], .limit_ns = limit_ns};
    YR_RULE *rule;
    s->content.deadline_ns = TRN_MIN(s->content.deadline_ns, trn_mono_ns() + SHARE * limit_ns);
    int e = without_known(&q);
    if (e == -ETIME)
        e = halves(&q, 0, q.rules->num_namespaces, true);
    yr_rules_foreach(q.rules, rule) yr_rule_enable(rule);
    return e < 0 ? e : -ETIME;
}
