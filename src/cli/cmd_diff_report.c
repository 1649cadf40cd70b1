/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what all outputs of a diff share: counts, names, where a member lies.
 * Must not: print.
 */
#include "cli/diff.h"

#define CHECKS_MAX 96u
#define EXCERPT_MAX 256u

const struct trn_release_member *trn_diff_shown(const struct trn_change *c)
{
    return c->new_member ? c->new_member : c->old_member;
}

const struct trn_release *trn_diff_side(const struct trn_diff *d, const struct trn_change *c)
{
    return c->new_member ? d->new_release : d->old_release;
}

uint32_t trn_member_index(const struct trn_release *r, const struct trn_release_member *m)
{
    const struct trn_release_member *first = trn_release_at(r, 0);
    return m && first && m >= first ? (uint32_t)(m - first) : TRN_NO_MEMBER;
}

struct trn_str trn_finding_value(const struct trn_finding *f, const char *key)
{
    for (uint32_t i = 0; i < f->n_evidence; i++)
        if (trn_str_eq_c(f->evidence[i].key, key))
            return f->evidence[i].value;
    return TRN_STR_NONE;
}

static bool had_some(const struct trn_release_member *m, const struct trn_finding *f)
{
    for (size_t i = 0; m && i < m->n_findings; i++)
        if (m->findings[i]->check == f->check)
            return true;
    return false;
}

struct trn_diff_values trn_diff_values_of(const struct trn_reason *r)
{
    const struct trn_finding *f = r->finding;
    struct trn_diff_values v = {trn_finding_value(f, "old"), trn_finding_value(f, "new"),
                                trn_finding_value(f, "offset")};
    bool compared = trn_str_starts(trn_str_of(f->check->id), TRN_STR("diff."));
    if (v.before.n || v.after.n) {
        v.before = v.before.n ? v.before : TRN_STR("none");
        v.after = v.after.n ? v.after : TRN_STR("none");
    } else if (!compared && !had_some(r->change->old_member, f)) {
        v.before = r->change->old_member ? TRN_STR("none of this") : TRN_STR("no such file");
        v.after = TRN_STR("found");
    }
    return v;
}

void trn_diff_put_evidence(struct trn_str key, struct trn_str value, struct trn_buf *out)
{
    char raw[EXCERPT_MAX];
    size_t n = value.n / 2;
    bool text = trn_str_eq_c(key, "excerpt") && n > 0 && n <= sizeof(raw) && trn_unhex(value, raw, n) == 0;
    for (size_t i = 0; text && i < n; i++)
        text = raw[i] >= 0x20 && raw[i] < 0x7f;
    trn_put_c(out, text ? "'" : "");
    trn_page_sentence(out, text ? (struct trn_str){raw, n} : value);
    trn_put_c(out, text ? "'" : "");
}

/* ---- counts ---- */

static void count_gaps(const struct trn_release *r, size_t *kinds, size_t *all)
{
    const struct trn_release_gap *g;
    for (size_t i = 0; (g = trn_release_gap_at(r, i)) != NULL; i++) {
        kinds[g->gap.kind < TRN_GAP_KIND_MAX ? g->gap.kind : TRN_GAP_CRASHED]++;
        (*all)++;
    }
}

/* The weightiest, but of one check only a few: twenty libraries that gained the same must not hide what one alone gained. */
static void choose(const struct trn_diff *d, struct trn_diff_counts *c)
{
    for (size_t i = 0; i < c->reasons && c->n_shown < TRN_DIFF_REASONS; i++) {
        size_t alike = 0;
        for (size_t k = 0; k < c->n_shown; k++)
            alike += d->reasons[c->shown[k]].finding->check == d->reasons[i].finding->check;
        if (alike < TRN_DIFF_ALIKE)
            c->shown[c->n_shown++] = i;
    }
}

struct trn_diff_counts trn_diff_count(const struct trn_diff *d)
{
    struct trn_diff_counts c = {0};
    for (size_t i = 0; i < d->n_reasons; i++) {
        const struct trn_finding *f = d->reasons[i].finding;
        if (f->score)
            c.reasons++;
        else if (trn_str_is_none(trn_finding_value(f, "accepted")))
            c.nothing++;
        else
            c.accepted++;
    }
    choose(d, &c);
    for (size_t i = 0; i < d->n_changes; i++) {
        const struct trn_change *change = &d->changes[i];
        /* what did not change at all was not compared: all that was found in it was there before */
        c.before += change->kind == TRN_CHANGE_SAME ? trn_diff_shown(change)->n_findings : change->scanned_before;
        if (change->old_member && change->new_member && change->by <= TRN_PAIR_SIMILAR)
            c.paired[change->by]++;
    }
    count_gaps(d->old_release, c.gaps[0], &c.all_gaps[0]);
    count_gaps(d->new_release, c.gaps[1], &c.all_gaps[1]);
    return c;
}

static void put_part(struct trn_buf *b, size_t from, uint64_t n, const char *what, bool after)
{
    if (n == 0)
        return;
    trn_put_c(b, b->n > from ? ", " : "");
    if (after)
        trn_put_fmt(b, "%s ", what);
    trn_put_count(b, n);
    if (!after)
        trn_put_fmt(b, " %s", what);
}

void trn_diff_put_counts(const struct trn_diff *d, struct trn_buf *out)
{
    size_t from = out->n;
    put_part(out, from, d->counts[TRN_CHANGE_CHANGED], "changed", false);
    put_part(out, from, d->counts[TRN_CHANGE_ADDED], "added", false);
    put_part(out, from, d->counts[TRN_CHANGE_REMOVED], "removed", false);
    put_part(out, from, d->counts[TRN_CHANGE_RENAMED], "renamed", false);
    put_part(out, from, d->counts[TRN_CHANGE_UNSEEN], "unseen", false);
    put_part(out, from, d->counts[TRN_CHANGE_SAME], "the same", false);
}

void trn_diff_put_gaps(const struct trn_diff_counts *c, int side, struct trn_buf *out)
{
    static const char *const words[TRN_GAP_KIND_MAX] = {"cut short by a limit",  "damaged",  "encrypted",
                                                        "of an unopened format", "repeated", "unreadable or crashed"};
    size_t from = out->n;
    for (size_t k = 0; k < TRN_GAP_KIND_MAX; k++)
        put_part(out, from, (side != 1 ? c->gaps[0][k] : 0) + (side != 0 ? c->gaps[1][k] : 0), words[k], false);
}

void trn_diff_put_unseen(const struct trn_diff *d, size_t most, struct trn_buf *out)
{
    const struct trn_release *sides[] = {d->old_release, d->new_release};
    size_t rows = 0, left = 0;
    for (size_t s = 0; s < 2; s++) {
        const struct trn_release_gap *g;
        for (size_t i = 0; (g = trn_release_gap_at(sides[s], i)) != NULL; i++) {
            const struct trn_release_member *m = trn_release_at(sides[s], g->member);
            if (rows++ >= most) {
                left++;
                continue;
            }
            trn_put_c(out, s ? "new: " : "old: ");
            trn_escape(out, m ? trn_diff_path(sides[s], m) : g->gap.member);
            trn_put_c(out, ": ");
            if (g->gap.kind != TRN_GAP_CRASHED) /* what says it all: it may not be opened, or a worker ended */
                trn_put_fmt(out, "%s: ", trn_gap_kind_name(g->gap.kind));
            trn_page_sentence(out, g->gap.what);
            trn_put_c(out, "\n");
        }
    }
    if (left)
        trn_put_fmt(out, "and %zu more, which --json has\n", left);
}

void trn_diff_put_paired(const struct trn_diff_counts *c, struct trn_buf *out)
{
    static const char *const words[] = {"", "by path", "by path but for the version in it", "by content",
                                        "by likeness"};
    size_t from = out->n;
    for (size_t i = 1; i < TRN_ARRAY_SIZE(words); i++)
        put_part(out, from, c->paired[i], words[i], false);
}

void trn_diff_checks(const struct trn_diff *d, const struct trn_diff_counts *c, struct trn_buf *out)
{
    struct {
        const struct trn_check *check;
        size_t n;
    } found[CHECKS_MAX];
    size_t n = 0, start = out->n, rest = 0, next = 0;
    for (size_t i = 0; i < c->reasons; i++) {
        size_t k = 0;
        if (next < c->n_shown && c->shown[next] == i) {
            next++;
            continue;
        }
        while (k < n && found[k].check != d->reasons[i].finding->check)
            k++;
        if (k == CHECKS_MAX) {
            rest++;
            continue;
        }
        if (k == n) {
            found[n].check = d->reasons[i].finding->check;
            found[n++].n = 0;
        }
        found[k].n++;
    }
    while (n) { /* most first, then as they came */
        size_t best = 0;
        for (size_t k = 1; k < n; k++)
            if (found[k].n > found[best].n)
                best = k;
        put_part(out, start, found[best].n, found[best].check->id, true);
        n--;
        memmove(&found[best], &found[best + 1], (n - best) * sizeof(found[0]));
    }
    put_part(out, start, rest, "others", true);
}

/* ---- names ---- */

struct trn_str trn_diff_path(const struct trn_release *r, const struct trn_release_member *m)
{
    return m->path.n ? m->path : trn_path_base(trn_release_label(r));
}

/* The label's base name; a folder may have been given with a slash at its end. */
static struct trn_str label_of(const struct trn_release *r)
{
    struct trn_str s = trn_release_label(r);
    while (s.n > 1 && s.p[s.n - 1] == '/')
        s.n--;
    struct trn_str base = trn_path_base(s);
    return base.n ? base : s;
}

struct trn_diff_title trn_diff_title_of(const struct trn_diff *d)
{
    struct trn_str p = trn_release_product(d->old_release), q = trn_release_product(d->new_release);
    struct trn_str v = trn_release_version(d->old_release), w = trn_release_version(d->new_release);
    bool named = q.n && p.n, versions = v.n && w.n;
    struct trn_diff_title t = {.product = q.n ? q : p, .was = TRN_STR_NONE, .before = v, .after = w};
    if (named && !trn_str_eq(p, q))
        t.was = p;
    if (!versions) {
        t.before = v.n ? v : label_of(d->old_release);
        t.after = w.n ? w : label_of(d->new_release);
    }
    return t;
}

void trn_diff_place(const struct trn_release *r, const struct trn_release_member *m, struct trn_buf *file,
                    struct trn_buf *member)
{
    const struct trn_release_member *way[TRN_DIFF_DEPTH];
    size_t n = 0;
    for (const struct trn_release_member *at = m; at && n < TRN_ARRAY_SIZE(way);
         at = at->parent == TRN_NO_MEMBER ? NULL : trn_release_at(r, at->parent))
        way[n++] = at;
    struct trn_str label = trn_release_label(r);
    trn_put_str(file, label);
    if (n && way[n - 1]->path.n) {
        trn_put_c(file, label.n && label.p[label.n - 1] == '/' ? "" : "/");
        trn_put_str(file, way[n - 1]->path);
    }
    for (size_t i = n > 1 ? n - 1 : 0; i-- > 0;) {
        const struct trn_release_member *up = way[i + 1];
        trn_put_c(member, member->n ? "!/" : "");
        trn_put_str(member, trn_str_slice(way[i]->path, up->path.n ? up->path.n + 1 : 0, way[i]->path.n));
    }
}
