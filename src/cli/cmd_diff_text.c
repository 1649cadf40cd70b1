/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a diff for people: the verdict first, at most ten reasons, the rest as counts.
 * Must not: write foreign bytes to a terminal as they are.
 */
#include "cli/diff.h"

#define REASONS_MAX 10u

void trn_diff_print_text(const struct trn_diff *d, FILE *out, bool colour, bool all)
{
    char path[400];
    if (d->equal) {
        fprintf(out, "equal: %zu members, nothing changed\n", d->n_changes);
        return;
    }
    fprintf(out, "%s %u: %zu changed, %zu added, %zu removed, %zu renamed, %zu the same\n",
            trn_verdict_name(d->verdict), d->score, d->counts[TRN_CHANGE_CHANGED], d->counts[TRN_CHANGE_ADDED],
            d->counts[TRN_CHANGE_REMOVED], d->counts[TRN_CHANGE_RENAMED], d->counts[TRN_CHANGE_SAME]);
    for (size_t i = 0; i < d->n_reasons && i < REASONS_MAX; i++) {
        const struct trn_reason *r = &d->reasons[i];
        const struct trn_release_member *m = r->change->new_member ? r->change->new_member : r->change->old_member;
        fprintf(out, "  %2u %-28s %s\n     %.*s\n", r->finding->score, r->finding->check->id,
                trn_escape_into(path, sizeof(path), m->path), TRN_STR_ARG(r->finding->summary));
    }
}
