/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a scan finds in the new release alone: a finding that the old member had as well is no change.
 * Must not: weigh it otherwise than the scan did.
 */
#include "release/compare.h"

static struct trn_str rule_of(const struct trn_finding *f)
{
    for (uint32_t i = 0; i < f->n_evidence; i++)
        if (trn_str_eq_c(f->evidence[i].key, "rule"))
            return f->evidence[i].value;
    return TRN_STR_NONE;
}

/* The old one had it as strongly. */
static bool had(const struct trn_release_member *m, const struct trn_finding *f)
{
    for (size_t i = 0; m && i < m->n_findings; i++)
        if (m->findings[i]->check == f->check && trn_str_eq(rule_of(m->findings[i]), rule_of(f)) &&
            m->findings[i]->score >= f->score)
            return true;
    return false;
}

int trn_compare_scan(struct trn_compare *c)
{
    int e = 0;
    for (size_t i = 0; c->new_member && e == 0 && i < c->new_member->n_findings; i++) {
        const struct trn_finding *f = c->new_member->findings[i];
        if (had(c->old_member, f))
            c->change->scanned_before++;
        else
            e = trn_compare_found(c, c->change, f);
    }
    return e;
}
