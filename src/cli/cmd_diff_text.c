/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a diff for people: the verdict first, at most ten reasons in order, all else as counts, what to do last.
 * Must not: write foreign bytes to a terminal as they are; judge.
 */
#include "cli/diff.h"

#include <ctype.h>

#define PAGE_MAX ((size_t)64 << 20)
#define LINE_MAX_BYTES ((size_t)16 << 10)
#define INDENT 6u
#define LABEL 11u
#define UNSEEN_MAX 1000u

struct page {
    const struct trn_diff_report *r;
    const struct trn_diff *d;
    struct trn_diff_counts counts;
    struct trn_buf b;
    size_t width;
    bool colour;
};

static void put_coloured(struct page *p, enum trn_colour colour, struct trn_str text)
{
    trn_put_c(&p->b, trn_colour_on(p->colour, colour));
    trn_put_str(&p->b, text);
    trn_put_c(&p->b, trn_colour_off(p->colour, colour));
}

/* ---- the head ---- */

static void put_title(const struct trn_diff *d, struct trn_buf *b)
{
    struct trn_diff_title t = trn_diff_title_of(d);
    if (!trn_str_is_none(t.was)) {
        trn_escape(b, t.was);
        trn_put_c(b, " ");
    } else if (t.product.n) {
        trn_escape(b, t.product);
        trn_put_c(b, " ");
    }
    trn_escape(b, t.before);
    trn_put_c(b, " -> ");
    if (!trn_str_is_none(t.was)) {
        trn_escape(b, t.product);
        trn_put_c(b, " ");
    }
    trn_escape(b, t.after);
}

static void put_head(struct page *p)
{
    const struct trn_diff *d = p->d;
    const char *name = trn_verdict_name(d->verdict);
    char word[40];
    size_t n = 0;
    for (; name[n] && n + 1 < sizeof(word); n++)
        word[n] = (char)toupper((unsigned char)name[n]);
    put_coloured(p, d->verdict >= TRN_VERDICT_SUSPICIOUS ? trn_verdict_colour(trn_str_of(name)) : TRN_BOLD,
                 (struct trn_str){word, n});
    if (d->verdict > TRN_VERDICT_CLEAN)
        trn_put_fmt(&p->b, " %u", d->score);
    trn_put_c(&p->b, "  ");
    put_title(d, &p->b);
    if (d->undecided && d->verdict < TRN_VERDICT_SUSPICIOUS)
        trn_put_c(&p->b, ", as far as it could be looked at");
    trn_put_c(&p->b, "\n");
}

/* ---- reasons ---- */

static void put_line(struct page *p, enum trn_colour colour, const struct trn_buf *line)
{
    if (line->n == 0)
        return;
    trn_put_fmt(&p->b, "%*s%s", (int)INDENT, "", trn_colour_on(p->colour, colour));
    trn_page_wrapped(&p->b, p->width, TRN_STR(""), INDENT, INDENT, trn_buf_str(line));
    trn_put_c(&p->b, trn_colour_off(p->colour, colour));
}

/* "3 imports -> 5 imports, at 0x4edcd8" */
static void put_values(struct page *p, const struct trn_reason *r)
{
    TRN_AUTO(trn_buf_done) struct trn_buf line;
    struct trn_diff_values v = trn_diff_values_of(r);
    trn_buf_init(&line, LINE_MAX_BYTES);
    if (v.after.n) {
        trn_page_sentence(&line, v.before);
        trn_put_c(&line, " -> ");
        trn_page_sentence(&line, v.after);
    }
    if (v.offset.n) {
        trn_put_c(&line, line.n ? ", at " : "at ");
        trn_escape(&line, v.offset);
    }
    put_line(p, TRN_PLAIN, &line);
}

/* The check, its weight's reason, and all other evidence. */
static void put_evidence(struct page *p, const struct trn_finding *f)
{
    TRN_AUTO(trn_buf_done) struct trn_buf line;
    char name[160];
    trn_buf_init(&line, LINE_MAX_BYTES);
    trn_put_c(&line, trn_finding_name(f, name, sizeof(name)));
    for (uint32_t i = 0; i < f->n_evidence; i++) {
        const struct trn_pair *e = &f->evidence[i];
        if (TRN_ONE_OF(e->key, "old", "new", "offset", "rule") || e->value.n == 0)
            continue;
        trn_put_c(&line, "; ");
        trn_escape(&line, e->key);
        trn_put_c(&line, " ");
        trn_diff_put_evidence(e->key, trn_str_slice(e->value, 0, 240), &line);
        trn_put_c(&line, e->value.n > 240 ? "..." : "");
    }
    put_line(p, TRN_DIM, &line);
}

static void put_reason(struct page *p, const struct trn_reason *r)
{
    TRN_AUTO(trn_buf_done) struct trn_buf line;
    const struct trn_change *c = r->change;
    enum trn_verdict v;
    uint16_t weight = trn_score_alone(r->finding, &v);
    char number[16];
    trn_buf_init(&line, LINE_MAX_BYTES);
    trn_put_c(&p->b, "\n  ");
    (void)snprintf(number, sizeof(number), "%2u", weight);
    put_coloured(p, trn_verdict_colour(trn_str_of(trn_verdict_name(v))), trn_str_of(number));
    trn_put_c(&p->b, "  ");
    trn_put_c(&p->b, trn_colour_on(p->colour, TRN_BOLD));
    trn_escape(&p->b, trn_diff_path(trn_diff_side(p->d, c), trn_diff_shown(c)));
    trn_put_c(&p->b, trn_colour_off(p->colour, TRN_BOLD));
    trn_put_fmt(&p->b, "  (%s", trn_change_kind_name(c->kind));
    if (c->kind == TRN_CHANGE_RENAMED) {
        trn_put_c(&p->b, ", was ");
        trn_escape(&p->b, trn_diff_path(p->d->old_release, c->old_member));
    }
    trn_put_c(&p->b, ")\n");
    trn_page_sentence(&line, r->finding->summary);
    put_line(p, TRN_PLAIN, &line);
    put_values(p, r);
    put_evidence(p, r->finding);
}

/* ---- what is folded ---- */

static void put_fold(struct page *p, const char *label, const struct trn_buf *line)
{
    if (line->n == 0)
        return;
    trn_put_c(&p->b, " ");
    put_coloured(p, TRN_BOLD, trn_str_of(label));
    trn_put_fmt(&p->b, "%*s", (int)(LABEL - strlen(label)), "");
    trn_page_wrapped(&p->b, p->width, TRN_STR(""), LABEL + 1, LABEL + 1, trn_buf_str(line));
}

static void fold_reasons(struct page *p, struct trn_buf *line)
{
    size_t more = p->counts.reasons - p->counts.n_shown;
    if (more == 0)
        return;
    trn_put_count(line, more);
    trn_put_c(line, more == 1 ? " more reason: " : " more reasons: ");
    trn_diff_checks(p->d, &p->counts, line);
}

static void fold_changes(struct page *p, struct trn_buf *line)
{
    trn_diff_put_counts(p->d, line);
}

static void fold_paired(struct page *p, struct trn_buf *line)
{
    trn_diff_put_paired(&p->counts, line);
}

static void fold_before(struct page *p, struct trn_buf *line)
{
    if (p->counts.before == 0 && p->counts.nothing == 0)
        return;
    if (p->counts.before) {
        trn_put_count(line, p->counts.before);
        trn_put_c(line, p->counts.before == 1 ? " finding" : " findings");
        trn_put_c(line, " of the scan that the old one had too, so nothing new (turncoat scan shows them)");
    }
    if (p->counts.nothing) {
        trn_put_c(line, line->n ? "; " : "");
        trn_put_count(line, p->counts.nothing);
        trn_put_c(line, " that weigh nothing here");
    }
}

static void fold_gaps(struct page *p, struct trn_buf *line)
{
    static const char *const sides[] = {"old: ", "new: "};
    for (int i = 0; i < 2; i++) {
        if (p->counts.all_gaps[i] == 0)
            continue;
        trn_put_c(line, line->n ? "; " : "");
        trn_put_c(line, sides[i]);
        trn_diff_put_gaps(&p->counts, i, line);
    }
    if (line->n)
        trn_put_c(line, p->r->all ? " (listed above)" : " (--all lists them)");
}

static void fold_policy(struct page *p, struct trn_buf *line)
{
    const struct trn_accepts *a = p->r->policy;
    if (!a)
        return;
    trn_put_count(line, p->counts.accepted);
    trn_put_c(line, p->counts.accepted == 1 ? " finding accepted by '" : " findings accepted by '");
    trn_escape(line, trn_str_of(a->path));
    trn_put_c(line, "'");
    for (uint32_t i = 0; i < a->list->n; i++) {
        const struct trn_accept *e = &a->list->entries[i];
        const char *state = trn_accepts_state(a, i);
        if (!state)
            continue;
        trn_put_fmt(line, "; line %u (%s) ", e->line, e->check);
        if (strcmp(state, "expired") == 0) {
            trn_put_c(line, "expired on ");
            trn_put_day(line, e->expires);
        } else {
            trn_put_c(line, strcmp(state, "unmatched") == 0 ? "fits nothing in this release"
                                                            : "was written for another content or version");
        }
    }
}

static void fold_basis(struct page *p, struct trn_buf *line)
{
    if (p->r->basis)
        trn_escape(line, trn_str_of(p->r->basis));
}

static void fold_now(struct page *p, struct trn_buf *line)
{
    char name[160];
    bool limited = p->counts.gaps[0][TRN_GAP_LIMIT] + p->counts.gaps[1][TRN_GAP_LIMIT] > 0;
    if (p->counts.reasons == 0 && p->d->undecided) {
        trn_put_c(line, "it is not decided: look at what was not seen");
        trn_put_c(line, limited ? ", or raise the limit (--limit NAME=N)" : "");
        return;
    }
    if (p->counts.reasons == 0 && !p->r->all) {
        trn_put_c(line, "nothing; --all shows every change");
        return;
    }
    if (p->counts.reasons) {
        const struct trn_finding *f = p->d->reasons[0].finding;
        const char *id = trn_str_ends(trn_str_of(f->check->id), TRN_STR(".*"))
                             ? f->check->id
                             : trn_finding_name(f, name, sizeof(name));
        trn_put_fmt(line, "turncoat explain '%s'", id);
    }
    if (!p->r->all)
        trn_put_c(line, ", --all for every change");
    if (p->counts.reasons)
        trn_put_c(line, ", --policy FILE to accept what is meant");
}

static void put_folded(struct page *p)
{
    static const struct {
        const char *label;
        void (*fill)(struct page *p, struct trn_buf *line);
    } folds[] = {
        {"also", fold_reasons},  {"changes", fold_changes}, {"paired", fold_paired},  {"as before", fold_before},
        {"not seen", fold_gaps}, {"policy", fold_policy},   {"compared", fold_basis}, {"what now", fold_now},
    };
    TRN_AUTO(trn_buf_done) struct trn_buf line;
    trn_buf_init(&line, LINE_MAX_BYTES);
    trn_put_c(&p->b, "\n");
    for (size_t i = 0; i < TRN_ARRAY_SIZE(folds); i++) {
        trn_buf_clear(&line);
        folds[i].fill(p, &line);
        put_fold(p, folds[i].label, &line);
    }
}

/* Each thing that was not looked at, below the tree. */
static void put_unseen(struct page *p)
{
    TRN_AUTO(trn_buf_done) struct trn_buf lines;
    trn_buf_init(&lines, PAGE_MAX);
    trn_diff_put_unseen(p->d, UNSEEN_MAX, &lines);
    struct trn_str rest = trn_buf_str(&lines), line;
    if (rest.n == 0)
        return;
    trn_put_c(&p->b, "\nnot looked at\n");
    while (trn_str_split(&rest, '\n', &line))
        if (line.n)
            trn_put_fmt(&p->b, "   %.*s\n", TRN_STR_ARG(line));
}

/* ---- the page ---- */

static void put_equal(struct page *p)
{
    struct trn_diff_title t = trn_diff_title_of(p->d);
    trn_put_c(&p->b, "equal: ");
    if (t.product.n) {
        trn_escape(&p->b, t.product);
        trn_put_c(&p->b, " ");
    }
    trn_escape(&p->b, t.after);
    trn_put_c(&p->b, ", ");
    trn_put_count(&p->b, p->d->n_changes);
    trn_put_c(&p->b, p->d->n_changes == 1 ? " file, nothing changed" : " members, nothing changed");
    if (p->r->same_file)
        trn_put_c(&p->b, " (the same was given twice)");
    trn_put_c(&p->b, "\n");
}

void trn_diff_report_text(const struct trn_diff_report *r, FILE *out, bool colour)
{
    struct page p = {.r = r, .d = r->diff, .counts = trn_diff_count(r->diff), .colour = colour};
    p.width = trn_page_width(out);
    trn_buf_init(&p.b, PAGE_MAX);
    if (p.d->equal && p.counts.reasons == 0) {
        put_equal(&p);
    } else {
        put_head(&p);
        for (size_t i = 0; i < p.counts.n_shown; i++)
            put_reason(&p, &p.d->reasons[p.counts.shown[i]]);
        if (r->all) {
            trn_put_c(&p.b, "\n");
            trn_diff_put_tree(p.d, &p.b, out);
            put_unseen(&p);
        }
        put_folded(&p);
    }
    trn_print(out, &p.b);
    trn_buf_done(&p.b);
}

void trn_diff_print_text(const struct trn_diff *d, FILE *out, bool colour, bool all)
{
    const struct trn_diff_report r = {.diff = d, .all = all};
    trn_diff_report_text(&r, out, colour);
}
