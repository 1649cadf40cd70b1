/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a diff as SARIF 2.1.0: the pieces of scan's, a result for each reason, accepted ones suppressed, gaps as notifications.
 * Must not: write anything that changes from run to run.
 */
#include "cli/diff.h"

#define FLUSH ((size_t)64 << 10)
#define PLACE_MAX ((size_t)1 << 20)

/* The result of scan's form, and what it was before. */
static void put_result(struct trn_buf *b, const struct trn_diff *d, const struct trn_reason *r)
{
    TRN_AUTO(trn_buf_done) struct trn_buf file, member;
    struct trn_str why = trn_finding_value(r->finding, "accepted");
    trn_buf_init(&file, PLACE_MAX);
    trn_buf_init(&member, PLACE_MAX);
    trn_diff_place(trn_diff_side(d, r->change), trn_diff_shown(r->change), &file, &member);
    trn_sarif_result(b, trn_buf_str(&file), trn_buf_str(&member), r->finding);
    if (b->bad || b->n == 0)
        return;
    b->n--; /* opens its object again */
    trn_out_c(b, "baselineState", r->change->kind == TRN_CHANGE_ADDED ? "new" : "updated");
    if (!trn_str_is_none(why)) {
        trn_out_key(b, "suppressions");
        trn_put_c(b, "[{");
        trn_out_c(b, "kind", "external");
        trn_out_c(b, "status", "accepted");
        trn_out_str(b, "justification", why);
        trn_put_c(b, "}]");
    }
    trn_put_c(b, "}");
}

static void put_notes(struct trn_scan_sarif *s, const struct trn_release *r)
{
    const struct trn_release_gap *g;
    for (size_t i = 0; (g = trn_release_gap_at(r, i)) != NULL; i++) {
        TRN_AUTO(trn_buf_done) struct trn_buf file, member;
        const struct trn_release_member *m = trn_release_at(r, g->member);
        bool soft =
            g->gap.kind == TRN_GAP_ENCRYPTED || g->gap.kind == TRN_GAP_UNSUPPORTED || g->gap.kind == TRN_GAP_REPEATED;
        trn_buf_init(&file, PLACE_MAX);
        trn_buf_init(&member, PLACE_MAX);
        if (m) {
            trn_diff_place(r, m, &file, &member);
        } else {
            trn_put_str(&file, trn_release_label(r));
            trn_put_c(&file, g->gap.member.n ? "/" : "");
            trn_put_str(&file, g->gap.member);
        }
        if (m && g->gap.member.n) {
            trn_put_c(&member, member.n ? "!/" : "");
            trn_put_str(&member, g->gap.member);
        }
        trn_sarif_note(s, trn_buf_str(&file), trn_buf_str(&member), m ? trn_gap_kind_name(g->gap.kind) : "unreadable",
                       m ? (soft ? "note" : "warning") : "error", g->gap.what);
    }
}

int trn_diff_report_sarif(const struct trn_diff_report *r, FILE *out)
{
    const struct trn_diff *d = r->diff;
    const struct trn_scan_sum sum = {.verdict = d->verdict, .score = d->score, .undecided = d->undecided};
    struct trn_scan_sarif s;
    trn_scan_sarif_init(&s, out);
    for (size_t i = 0; i < d->n_reasons; i++) {
        put_result(&s.out.b, d, &d->reasons[i]);
        trn_out_flush(&s.out, FLUSH);
    }
    put_notes(&s, d->old_release);
    put_notes(&s, d->new_release);
    int e = s.out.b.bad ? -ENOMEM : 0;
    trn_scan_sarif_end(&s, &sum);
    return e;
}
