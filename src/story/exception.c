/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: giving the findings of open stories their weight back when the exception that lowered them is over or taken back:
 * most detectors tell a thing once, so nobody else would. Must not: decide what an exception covers (src/detect).
 */
#include "story/internal.h"

static void weigh_again(struct trn_finding *f, struct trn_arena *a)
{
    f->score = f->full_score;
    f->full_score = 0;
    f->exception = 0;
    for (uint32_t i = 0; i < f->n_evidence; i++) {
        if (!trn_str_eq_c(f->evidence[i].key, "exception"))
            continue;
        struct trn_str over = trn_arena_printf(a, "over, it was %.*s", TRN_STR_ARG(f->evidence[i].value));
        if (over.p)
            f->evidence[i].value = over;
    }
}

int trn_exception_ended(struct trn_stories *s, const struct trn_event *ev)
{
    if (ev->action == TRN_ACT_SET || !ev->exception.id)
        return 0;
    for (uint32_t i = 0; i < s->n_cases; i++) {
        bool changed = false;
        int r = trn_case_open(s, s->cases[i]);
        for (uint32_t k = 0; r == 0 && k < s->scratch->n_findings; k++) {
            struct trn_finding *f = &s->scratch->findings[k];
            if (f->exception != ev->exception.id)
                continue;
            weigh_again(f, s->arena);
            trn_case_reopen(s->scratch, f);
            changed = true;
        }
        if (r == 0 && changed)
            r = trn_case_close(s, s->cases[i], ev);
        if (r < 0)
            return r;
    }
    return 0;
}
