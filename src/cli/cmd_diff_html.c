/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a diff as one page to keep, send and print: no scripts, nothing from outside, and a policy in it that forbids both; its
 * one style is allowed by its hash.
 * Must not: write foreign text unescaped: control and direction marks as on a terminal, then what HTML reads.
 */
#include "cli/diff.h"

#include <openssl/evp.h>

#define FLUSH ((size_t)64 << 10)
#define ROWS_MAX 5000u
#define ROWS_OPEN 60u
#define GAPS_MAX 1000u

static const char STYLE[] =
    ":root{color-scheme:light "
    "dark;--ink:#1b1f24;--paper:#fff;--faint:#59636e;--line:#d1d9e0;--bad:#b3261e;--doubt:#8a5a00;"
    "--good:#1a6b34}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e9ed;--paper:#15181c;--faint:#9aa4ae;--line:#363c43;--bad:#"
    "ff8a80;"
    "--doubt:#f0c060;--good:#7ed092}}"
    "body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:68rem;margin:2rem auto;"
    "padding:0 1rem}"
    "h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}"
    "code,.mono{font-family:ui-monospace,monospace;font-size:.9em;overflow-wrap:anywhere}"
    ".malicious{color:var(--bad)}.suspicious{color:var(--doubt)}.clean{color:var(--good)}.faint{color:var(--faint)}"
    "ol{list-style:none;padding:0}li{border:1px solid var(--line);border-left-width:.35rem;border-radius:.3rem;"
    "padding:.6rem .9rem;margin:.7rem 0;break-inside:avoid}"
    "li.malicious{border-left-color:var(--bad)}li.suspicious{border-left-color:var(--doubt)}li>*{color:var(--ink)}"
    "li h3{font-size:1rem;margin:0}li p{margin:.3rem 0}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:.3rem "
    "0}dt{color:var(--faint)}dd{margin:0;"
    "overflow-wrap:anywhere}"
    "table{border-collapse:collapse;width:100%;font-size:.9em}th,td{text-align:left;vertical-align:top;padding:.25rem "
    ".6rem "
    ".25rem 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}th{color:var(--faint);font-weight:normal}"
    "th,td.number,td.word{white-space:nowrap;overflow-wrap:normal}td.number{text-align:right}td.path{width:50%}"
    "@media(max-width:44rem){table,tbody,tr,td{display:block}td.path{width:auto}thead{display:none}tr{border-bottom:"
    "1px "
    "solid var(--line);padding:.3rem 0}td{border:0;padding:0}td[data-is]{display:inline;text-align:left}"
    "td[data-is]:not(:empty):before{content:attr(data-is) \" \";color:var(--faint)}"
    "td[data-is]:not(:empty):after{content:\"  \"}}"
    "summary{cursor:pointer}"
    "@media "
    "print{:root{color-scheme:light;--ink:#000;--paper:#fff;--faint:#444;--line:#bbb;--bad:#a01010;--doubt:#6b4500;"
    "--good:#1a6b34}body{margin:0;max-width:none;font-size:10pt}tr{break-inside:avoid}}";

struct page {
    const struct trn_diff_report *r;
    const struct trn_diff *d;
    struct trn_diff_counts counts;
    struct trn_out out;
};

/* ---- text ---- */

/* sentence: words of a worker or a comparer, whose backslashes are escapes already. */
static void put_foreign(struct trn_buf *b, struct trn_str raw, bool sentence)
{
    TRN_AUTO(trn_buf_done) struct trn_buf safe;
    trn_buf_init(&safe, 8 * raw.n + 64);
    if (sentence)
        trn_page_sentence(&safe, raw);
    else
        trn_escape(&safe, raw);
    trn_html_text(b, trn_buf_str(&safe));
}

static void put_pair(struct trn_buf *b, const char *name, struct trn_str value, bool sentence)
{
    if (value.n == 0)
        return;
    trn_put_fmt(b, "<dt>%s</dt><dd>", name);
    put_foreign(b, value, sentence);
    trn_put_c(b, "</dd>");
}

static void put_evidence(struct trn_buf *b, const char *name, const struct trn_pair *e)
{
    TRN_AUTO(trn_buf_done) struct trn_buf safe = {0};
    if (e->value.n == 0)
        return;
    trn_buf_init(&safe, 8 * e->value.n + 64);
    trn_diff_put_evidence(e->key, e->value, &safe);
    trn_put_fmt(b, "<dt>%s</dt><dd>", name);
    trn_html_text(b, trn_buf_str(&safe));
    trn_put_c(b, "</dd>");
}

static void put_sha256(struct trn_buf *b, const char *name, const struct trn_release_member *m)
{
    if (!m)
        return;
    trn_put_fmt(b, "<dt>%s</dt><dd class=mono>", name);
    trn_put_hex(b, m->sha256, TRN_SHA256_SIZE);
    trn_put_c(b, "</dd>");
}

/* ---- the head ---- */

static void put_title(struct page *p, struct trn_buf *b)
{
    struct trn_diff_title t = trn_diff_title_of(p->d);
    put_foreign(b, trn_str_is_none(t.was) ? t.product : t.was, false);
    trn_put_c(b, t.product.n ? " " : "");
    put_foreign(b, t.before, false);
    trn_put_c(b, " \xe2\x86\x92 ");
    if (!trn_str_is_none(t.was)) {
        put_foreign(b, t.product, false);
        trn_put_c(b, " ");
    }
    put_foreign(b, t.after, false);
}

static void put_side(struct trn_buf *b, const char *name, const struct trn_release *r)
{
    const struct trn_release_member *top = trn_release_at(r, 0);
    put_pair(b, name, trn_release_label(r), false);
    if (top && top->path.n == 0)
        put_sha256(b, "sha256", top);
}

static void put_head(struct page *p)
{
    struct trn_buf *b = &p->out.b;
    const struct trn_diff *d = p->d;
    const char *verdict = trn_verdict_name(d->verdict);
    uint8_t hash[TRN_SHA256_SIZE] = {0};
    char text[TRN_SHA256_SIZE / 3 * 4 + 5];
    (void)!trn_sha256(STYLE, sizeof(STYLE) - 1, hash);
    trn_put_c(b, "<!doctype html>\n<html lang=en><head><meta charset=utf-8>\n"
                 "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'sha256-");
    trn_put(b, text, (size_t)EVP_EncodeBlock((uint8_t *)text, hash, sizeof(hash)));
    trn_put_c(b,
              "'; base-uri 'none'; form-action 'none'\">\n"
              "<meta name=viewport content=\"width=device-width\"><meta name=referrer content=no-referrer>\n<title>");
    trn_put_fmt(b, "%s: ", verdict);
    put_title(p, b);
    trn_put_fmt(b, "</title>\n<style>%s</style></head><body>\n<h1><span class=%s>%s", STYLE, verdict, verdict);
    if (d->verdict > TRN_VERDICT_CLEAN)
        trn_put_fmt(b, " %u", d->score);
    trn_put_c(b, "</span> ");
    put_title(p, b);
    trn_put_c(b, "</h1>\n<p class=faint>");
    trn_diff_put_counts(d, b);
    if (d->undecided)
        trn_put_c(b, "; <strong>not all of it could be looked at</strong>");
    trn_put_c(b, "</p>\n<dl>");
    put_side(b, "old", d->old_release);
    put_side(b, "new", d->new_release);
    put_pair(b, "compared", trn_str_of(p->r->basis), false);
    trn_put_c(b, "</dl>\n");
}

/* ---- reasons ---- */

/* Has no reason before it the same check? Then what it means is not said yet. */
static bool is_first(const struct trn_diff *d, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (d->reasons[k].finding->check == d->reasons[i].finding->check)
            return false;
    return true;
}

static void put_reason(struct page *p, size_t i)
{
    const struct trn_reason *r = &p->d->reasons[i];
    struct trn_buf *b = &p->out.b;
    const struct trn_finding *f = r->finding;
    const struct trn_change *c = r->change;
    enum trn_verdict v;
    char name[160];
    uint16_t weight = trn_score_alone(f, &v);
    trn_put_fmt(b, "<li class=%s><h3><span class=%s>%u</span> <code>", trn_verdict_name(v), trn_verdict_name(v),
                weight);
    put_foreign(b, trn_diff_path(trn_diff_side(p->d, c), trn_diff_shown(c)), false);
    trn_put_fmt(b, "</code> <span class=faint>%s</span></h3>\n<p>", trn_change_kind_name(c->kind));
    put_foreign(b, f->summary, true);
    trn_put_c(b, "</p>\n<dl>");
    struct trn_diff_values values = trn_diff_values_of(r);
    put_pair(b, "old", values.before, true);
    put_pair(b, "new", values.after, true);
    put_pair(b, "offset", values.offset, false);
    for (uint32_t k = 0; k < f->n_evidence; k++) {
        char key[80];
        if (TRN_ONE_OF(f->evidence[k].key, "old", "new", "offset", "rule"))
            continue;
        trn_escape_into(key, sizeof(key), f->evidence[k].key);
        if (strpbrk(key, "<>&") == NULL)
            put_evidence(b, key, &f->evidence[k]);
    }
    put_pair(b, "check", trn_str_of(trn_finding_name(f, name, sizeof(name))), false);
    if (is_first(p->d, i)) {
        put_pair(b, "it means", trn_str_of(f->check->means), true);
        put_pair(b, "false alarms", trn_str_of(f->check->false_alarms), true);
    }
    put_sha256(b, "sha256", trn_diff_shown(c));
    trn_put_c(b, "</dl></li>\n");
}

static void put_reasons(struct page *p)
{
    struct trn_buf *b = &p->out.b;
    trn_put_c(b, "<h2>Reasons</h2>\n");
    if (p->counts.reasons == 0) {
        trn_put_c(b, p->d->equal ? "<p>None: nothing changed.</p>\n"
                                 : "<p>None: nothing changed that a vendor would not change.</p>\n");
        return;
    }
    trn_put_c(b, "<ol>\n");
    for (size_t i = 0; i < p->counts.n_shown; i++)
        put_reason(p, p->counts.shown[i]);
    trn_put_c(b, "</ol>\n");
    if (p->counts.reasons > p->counts.n_shown) {
        trn_put_fmt(b, "<p>And %zu more: ", p->counts.reasons - p->counts.n_shown);
        trn_diff_checks(p->d, &p->counts, b);
        trn_put_c(b, ".</p>\n");
    }
}

/* ---- tables ---- */

static void put_change(struct page *p, const struct trn_change *c)
{
    struct trn_buf *b = &p->out.b;
    trn_put_fmt(b, "<tr><td class=word>%s</td><td class=path><code>", trn_change_kind_name(c->kind));
    put_foreign(b, trn_diff_path(trn_diff_side(p->d, c), trn_diff_shown(c)), false);
    trn_put_c(b, "</code>");
    if (c->old_member && c->new_member && !trn_str_eq(c->old_member->path, c->new_member->path)) {
        trn_put_c(b, "<br><span class=faint>was <code>");
        put_foreign(b, trn_diff_path(p->d->old_release, c->old_member), false);
        trn_put_c(b, "</code></span>");
    }
    trn_put_fmt(b, "</td><td class=word data-is=\"paired by\">%s", trn_pair_reason_name(c->by));
    if (c->by == TRN_PAIR_SIMILAR)
        trn_put_fmt(b, " %u.%u %%", c->similarity / 10, c->similarity % 10);
    trn_put_c(b, "</td><td class=number data-is=\"old bytes\">");
    if (c->old_member)
        trn_put_count(b, c->old_member->size);
    trn_put_c(b, "</td><td class=number data-is=\"new bytes\">");
    if (c->new_member)
        trn_put_count(b, c->new_member->size);
    trn_put_c(b, "</td><td>");
    for (size_t i = 0; i < c->n_findings; i++) {
        char name[160];
        const struct trn_finding *f = &c->findings[i];
        trn_put_c(b, i ? ", " : "");
        trn_html_text(b, trn_str_of(trn_finding_name(f, name, sizeof(name))));
        trn_put_fmt(b, " %u", f->score ? trn_score_alone(f, NULL) : 0);
    }
    trn_put_c(b, "</td></tr>\n");
}

/* Few are shown at once, and printed; many are folded. */
static size_t changed(const struct page *p)
{
    return p->d->n_changes - (p->r->all ? 0 : p->d->counts[TRN_CHANGE_SAME]);
}

static void put_changes(struct page *p)
{
    struct trn_buf *b = &p->out.b;
    const struct trn_diff *d = p->d;
    size_t rows = 0, left = 0;
    trn_put_c(b, "<h2>Changes</h2>\n<p class=faint>Paired: ");
    trn_diff_put_paired(&p->counts, b);
    trn_put_fmt(b,
                ".</p>\n<details%s><summary>Every change</summary>\n<table><thead><tr><th>kind<th>path<th>paired by"
                "<th>old bytes<th>new bytes<th>findings</tr></thead><tbody>\n",
                changed(p) <= ROWS_OPEN ? " open" : "");
    for (size_t i = 0; i < d->n_changes; i++) {
        const struct trn_change *c = &d->changes[i];
        if (c->kind == TRN_CHANGE_SAME && c->n_findings == 0 && !p->r->all)
            continue;
        if (rows == ROWS_MAX) {
            left++;
            continue;
        }
        put_change(p, c);
        rows++;
        trn_out_flush(&p->out, FLUSH);
    }
    trn_put_c(b, "</tbody></table>\n");
    if (left)
        trn_put_fmt(b, "<p>And %zu more, which <code>--json</code> has.</p>\n", left);
    trn_put_c(b, "</details>\n");
    if (p->counts.before)
        trn_put_fmt(b, "<p>%zu findings of the scan were there in the old release too and are not told again.</p>\n",
                    p->counts.before);
}

static void put_gaps(struct page *p)
{
    struct trn_buf *b = &p->out.b;
    const struct trn_release *sides[] = {p->d->old_release, p->d->new_release};
    size_t rows = 0;
    if (p->counts.all_gaps[0] + p->counts.all_gaps[1] == 0)
        return;
    trn_put_c(b, "<h2>Not looked at</h2>\n<p>");
    trn_diff_put_gaps(&p->counts, 2, b);
    trn_put_c(b, "</p>\n<table><thead><tr><th>release<th>path<th>what</tr></thead><tbody>\n");
    for (size_t s = 0; s < 2; s++) {
        const struct trn_release_gap *g;
        for (size_t i = 0; rows < GAPS_MAX && (g = trn_release_gap_at(sides[s], i)) != NULL; i++, rows++) {
            const struct trn_release_member *m = trn_release_at(sides[s], g->member);
            trn_put_fmt(b, "<tr><td>%s</td><td><code>", s ? "new" : "old");
            put_foreign(b, m ? trn_diff_path(sides[s], m) : g->gap.member, false);
            trn_put_fmt(b, "</code></td><td>%s: ", trn_gap_kind_name(g->gap.kind));
            put_foreign(b, g->gap.what, true);
            trn_put_c(b, "</td></tr>\n");
        }
    }
    trn_put_c(b, "</tbody></table>\n");
}

static void put_policy(struct page *p)
{
    struct trn_buf *b = &p->out.b;
    const struct trn_accepts *a = p->r->policy;
    if (!a)
        return;
    trn_put_fmt(b,
                "<h2>Accepted by policy</h2>\n<p>%zu findings.</p>\n<table><thead><tr><th>line<th>check<th>path"
                "<th>reason<th>until<th>state</tr></thead><tbody>\n",
                p->counts.accepted);
    for (uint32_t i = 0; i < a->list->n; i++) {
        const struct trn_accept *e = &a->list->entries[i];
        const char *state = trn_accepts_state(a, i);
        trn_put_fmt(b, "<tr><td>%u</td><td>", e->line);
        put_foreign(b, trn_str_of(e->check), false);
        trn_put_c(b, "</td><td><code>");
        put_foreign(b, trn_str_of(e->path), false);
        trn_put_c(b, "</code></td><td>");
        put_foreign(b, trn_str_of(e->reason), false);
        trn_put_c(b, "</td><td>");
        trn_put_day(b, e->expires);
        trn_put_fmt(b, "</td><td>%s</td></tr>\n", state ? state : "used");
    }
    trn_put_c(b, "</tbody></table>\n");
}

int trn_diff_report_html(const struct trn_diff_report *r, FILE *out)
{
    struct page p = {.r = r, .d = r->diff, .counts = trn_diff_count(r->diff)};
    trn_out_init(&p.out, out);
    put_head(&p);
    put_reasons(&p);
    put_changes(&p);
    put_gaps(&p);
    put_policy(&p);
    trn_put_c(&p.out.b,
              "<p class=faint>turncoat " TRN_VERSION ". What a check means: <code>turncoat explain CHECK</code>; a "
              "change that is meant: <code>turncoat diff --policy FILE</code>.</p>\n</body></html>\n");
    int e = p.out.b.bad ? -ENOMEM : 0;
    trn_out_flush(&p.out, 0);
    trn_out_done(&p.out);
    return e;
}
