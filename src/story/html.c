/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the page of one story as one HTML file: no script, nothing from outside, readable in light and dark and on paper.
 * Must not: let a foreign byte become markup. Every text goes through trn_html_text() (already safe for a terminal) or
 * foreign(); nothing else writes what it did not make itself.
 */
#include "story/print.h"

#define DEPTH_MAX 16

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1b1f24;--dim:#5b6470;--line:#d5dae0;--back:#fff;--soft:#f4f6f8;--bad:#b3261e;"
    "--warn:#8a5a00}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e3e7ec;--dim:#98a2ae;--line:#363d46;--back:#14181d;--soft:#1d232a;"
    "--bad:#ff8a80;--warn:#f0b95a}}"
    "@media print{:root{--ink:#000;--dim:#444;--line:#bbb;--back:#fff;--soft:#fff;--bad:#900;--warn:#630}"
    "body{max-width:none;font-size:10pt}section,tr{break-inside:avoid}}"
    "body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);max-width:60rem;margin:2rem auto;"
    "padding:0 1rem}h1{font-size:1.4rem;line-height:1.35}h2{font-size:1.05rem;margin:2rem 0 .5rem}"
    "p{margin:.4rem 0}.dim,dt{color:var(--dim)}.malicious{color:var(--bad)}.suspicious{color:var(--warn)}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;"
    "border-bottom:1px solid var(--line)}th{color:var(--dim);font-weight:600}code,td.code{font:.85em/1.45 "
    "ui-monospace,monospace;overflow-wrap:anywhere}td.time{white-space:nowrap}ul{padding-left:1.2rem;margin:.3rem 0}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:.4rem 0}dd{margin:0;"
    "overflow-wrap:anywhere}.box{background:var(--soft);border:1px solid var(--line);border-radius:6px;"
    "padding:.6rem 1rem;margin:.6rem 0}";

static void foreign(struct trn_buf *b, struct trn_str s)
{
    TRN_AUTO(trn_buf_done) struct trn_buf safe;
    trn_buf_init(&safe, 1u << 20);
    trn_escape(&safe, s);
    b->bad = b->bad || safe.bad;
    trn_html_text(b, trn_buf_str(&safe));
}

static void heading(struct trn_buf *b, const char *title)
{
    trn_put_fmt(b, "<section><h2>%s</h2>\n", title);
}

static void end_section(struct trn_buf *b)
{
    trn_put_c(b, "</section>\n");
}

static void cell(struct trn_buf *b, struct trn_str s, bool code)
{
    trn_put_c(b, code ? "<td class=\"code\">" : "<td>");
    foreign(b, s);
    trn_put_c(b, "</td>");
}

/* "2026-11-23 07:01:02 UTC" */
static void moment(struct trn_buf *b, uint64_t wall_ns)
{
    TRN_AUTO(trn_buf_done) struct trn_buf iso;
    trn_buf_init(&iso, 64);
    trn_put_time_iso(&iso, wall_ns);
    struct trn_str s = trn_buf_str(&iso);
    trn_html_text(b, trn_str_slice(s, 0, 10));
    trn_put_c(b, " ");
    trn_html_text(b, trn_str_slice(s, 11, 8));
    trn_put_c(b, " UTC");
}

static void term(struct trn_buf *b, const char *name, struct trn_str value)
{
    if (trn_str_is_empty(value))
        return;
    trn_put_fmt(b, "<dt>%s</dt><dd>", name);
    foreign(b, value);
    trn_put_c(b, "</dd>\n");
}

/* The stage in words: dashes are for machines, except where the word has them. */
static void stage(struct trn_buf *b, enum trn_stage s)
{
    for (const char *c = trn_stage_name(s); *c; c++)
        trn_put_u8(b, (uint8_t)(*c == '-' && s != TRN_STAGE_HANDS_ON_KEYBOARD ? ' ' : *c));
}

static void head(const struct trn_story *s, struct trn_buf *b)
{
    trn_put_c(
        b, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
           "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
           "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
           "<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
    foreign(b, s->software.name);
    trn_put_c(b, " ");
    foreign(b, s->software.version);
    trn_put_fmt(b, ": story %llu</title>\n<style>%s</style></head><body>\n", (unsigned long long)s->id, style);
    trn_put_fmt(b, "<h1><span class=\"%s\">%s %u</span> ", trn_verdict_name(s->verdict), trn_verdict_name(s->verdict),
                s->score);
    trn_html_text(b, s->sentence);
    trn_put_c(b, "</h1>\n<p class=\"dim\">");
    if (s->change_wall_ns && !trn_str_is_empty(s->change_to)) {
        trn_put_c(b, trn_str_is_empty(s->change_from) ? "installed " : "updated ");
        foreign(b, s->change_from);
        trn_put_c(b, trn_str_is_empty(s->change_from) ? "" : " → ");
        foreign(b, s->change_to);
        if (!trn_str_is_empty(s->change_by)) {
            trn_put_c(b, " by ");
            foreign(b, s->change_by);
        }
        trn_put_c(b, ", ");
        moment(b, s->change_wall_ns);
        trn_put_c(b, " · ");
    }
    trn_put_c(b, s->closed ? "closed" : "open since ");
    if (!s->closed)
        moment(b, s->opened_wall_ns);
    if (s->closed && !trn_str_is_empty(s->close_why)) {
        trn_put_c(b, ": ");
        foreign(b, s->close_why);
    }
    if (s->reopened_wall_ns) {
        trn_put_c(b, ", reopened ");
        moment(b, s->reopened_wall_ns);
        trn_put_c(b, " by new evidence: ");
        foreign(b, s->reopen_why);
    }
    trn_put_c(b, "</p>\n");
}

static void attack(struct trn_buf *b, const struct trn_check *c)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(c->attack) && c->attack[i]; i++)
        trn_put_fmt(b, "%s%s", i ? ", " : "", c->attack[i]);
}

static void happened(const struct trn_story *s, struct trn_buf *b)
{
    heading(b, "What happened");
    trn_put_c(b, "<table><tr><th>when</th><th>stage</th><th>what</th><th>ATT&amp;CK v" TRN_ATTACK_VERSION
                 "</th><th>events</th></tr>\n");
    for (uint32_t i = 0; i < s->n_findings; i++) {
        const struct trn_finding *f = &s->findings[i];
        trn_put_c(b, "<tr><td class=\"time\">");
        moment(b, f->wall_ns);
        trn_put_c(b, "</td><td>");
        stage(b, f->check->stage);
        trn_put_c(b, "</td><td>");
        trn_html_text(b, f->summary);
        trn_put_c(b, "</td><td>");
        attack(b, f->check);
        trn_put_c(b, "</td><td class=\"code\">");
        for (uint32_t k = 0; k < f->n_events; k++)
            trn_put_fmt(b, "%s%llu", k ? ", " : "", (unsigned long long)f->events[k]);
        trn_put_c(b, "</td></tr>\n");
    }
    trn_put_c(b, "</table>\n");
    if (s->n_findings_dropped)
        trn_put_fmt(b, "<p class=\"dim\">and %u weaker findings that found no room</p>\n", s->n_findings_dropped);
    end_section(b);
}

static void lines(const char *title, const struct trn_str *line, uint32_t n, struct trn_buf *b)
{
    if (!n)
        return;
    heading(b, title);
    trn_put_c(b, "<ul>");
    for (uint32_t i = 0; i < n; i++) {
        trn_put_c(b, "<li>");
        trn_html_text(b, line[i]);
        trn_put_c(b, "</li>\n");
    }
    trn_put_c(b, "</ul>");
    end_section(b);
}

static void actions(const struct trn_story *s, struct trn_buf *b)
{
    TRN_AUTO(trn_buf_done) struct trn_buf line = {0};
    if (!s->n_actions)
        return;
    trn_buf_init(&line, 16384);
    heading(b, "What was done");
    trn_put_c(b, "<ul>");
    for (uint32_t i = 0; i < s->n_actions; i++) {
        trn_buf_clear(&line);
        trn_print_action(s, &s->actions[i], &line);
        trn_put_c(b, "<li>");
        moment(b, s->actions[i].wall_ns);
        trn_put_c(b, ": ");
        trn_html_text(b, trn_buf_str(&line));
        trn_put_c(b, "</li>\n");
    }
    trn_put_c(b, "</ul>");
    end_section(b);
}

static void process(const struct trn_story *s, uint32_t i, int depth, struct trn_buf *b)
{
    const struct trn_story_process *p = &s->processes[i];
    bool any = false;
    trn_put_c(b, "<li><code>");
    foreign(b, trn_str_is_empty(p->path) ? TRN_STR("?") : p->path);
    trn_put_c(b, "</code>");
    if (p->pid != TRN_NO_U32)
        trn_put_fmt(b, " <span class=\"dim\">(%u)</span>", p->pid);
    if (!trn_str_is_empty(p->args)) {
        trn_put_c(b, "<br><code class=\"dim\">");
        foreign(b, p->args);
        trn_put_c(b, "</code>");
    }
    for (uint32_t k = i + 1; depth < DEPTH_MAX && k < s->n_processes; k++) { /* parents stand before children */
        if (s->processes[k].parent != p->entity)
            continue;
        trn_put_c(b, any ? "" : "<ul>");
        any = true;
        process(s, k, depth + 1, b);
    }
    trn_put_c(b, any ? "</ul></li>\n" : "</li>\n");
}

static void processes(const struct trn_story *s, struct trn_buf *b)
{
    if (!s->n_processes)
        return;
    heading(b, "Processes");
    trn_put_c(b, "<ul>");
    for (uint32_t i = 0; i < s->n_processes; i++)
        if (!s->processes[i].parent)
            process(s, i, 0, b);
    trn_put_c(b, "</ul>");
    end_section(b);
}

static void files(const struct trn_story *s, struct trn_buf *b)
{
    if (!s->n_files)
        return;
    heading(b, "Files");
    trn_put_c(b, "<table><tr><th>file</th><th>role</th><th>SHA-256</th></tr>\n");
    for (uint32_t i = 0; i < s->n_files; i++) {
        trn_put_c(b, "<tr>");
        cell(b, s->files[i].path, true);
        cell(b, s->files[i].role, false);
        cell(b, trn_str_is_empty(s->files[i].sha256) ? TRN_STR("not known") : s->files[i].sha256, true);
        trn_put_c(b, "</tr>\n");
    }
    trn_put_c(b, "</table>");
    end_section(b);
}

static void network(const struct trn_story *s, struct trn_buf *b)
{
    if (!s->n_hosts)
        return;
    heading(b, "Network");
    trn_put_c(b,
              "<table><tr><th>address</th><th>name</th><th>connections</th><th>bytes out</th><th>bytes in</th></tr>\n");
    for (uint32_t i = 0; i < s->n_hosts; i++) {
        const struct trn_story_host *h = &s->hosts[i];
        trn_put_c(b, "<tr>");
        cell(b, h->address, true);
        cell(b, h->name, true);
        trn_put_fmt(b, "<td>%u</td><td>%llu</td><td>%llu</td></tr>\n", h->count, (unsigned long long)h->bytes_out,
                    (unsigned long long)h->bytes_in);
    }
    trn_put_c(b, "</table>");
    end_section(b);
}

static void evidence(const struct trn_story *s, struct trn_buf *b)
{
    heading(b, "The findings and their evidence");
    for (uint32_t i = 0; i < s->n_findings; i++) {
        const struct trn_finding *f = &s->findings[i];
        trn_put_fmt(b, "<div class=\"box\"><p><b>%s</b> <span class=\"dim\">weight %u</span><br>", f->check->id,
                    f->score);
        trn_html_text(b, f->summary);
        trn_put_c(b, "</p><dl>");
        for (uint32_t k = 0; k < f->n_evidence; k++) {
            trn_put_c(b, "<dt>");
            foreign(b, f->evidence[k].key);
            trn_put_c(b, "</dt><dd><code>");
            foreign(b, f->evidence[k].value);
            trn_put_c(b, "</code></dd>\n");
        }
        trn_put_c(b, "</dl></div>\n");
    }
    end_section(b);
}

/* Each check that fired, once: a reader who does not know turncoat can judge it. */
static void checks(const struct trn_story *s, struct trn_buf *b)
{
    heading(b, "What these checks mean");
    for (uint32_t i = 0; i < s->n_findings; i++) {
        const struct trn_check *c = s->findings[i].check;
        bool told = false;
        for (uint32_t k = 0; k < i; k++)
            told = told || s->findings[k].check == c;
        if (told)
            continue;
        trn_put_fmt(b, "<div class=\"box\"><p><b>%s</b> ", c->id);
        attack(b, c);
        trn_put_c(b, "</p><p>");
        trn_html_text(b, trn_str_of(c->means));
        trn_put_c(b, "</p><p class=\"dim\">False alarms: ");
        trn_html_text(b, trn_str_of(c->false_alarms));
        trn_put_c(b, "</p></div>\n");
    }
    end_section(b);
}

static void not_seen(const struct trn_story *s, const struct trn_story_about *a, struct trn_buf *b)
{
    heading(b, "What was not seen");
    trn_put_c(b, s->loss_overlap ? "<p>Events were lost or left out at that time; more may have happened.</p>\n"
                                 : "<p>No loss is known of that this story could have touched.</p>\n");
    trn_put_fmt(b,
                "<p class=\"dim\">%llu events lie beside this page, %llu were left out, %llu that a finding names "
                "are not stored any more; %llu records of losses, gaps and filters.</p>\n",
                (unsigned long long)a->events, (unsigned long long)a->events_left_out,
                (unsigned long long)a->events_missing, (unsigned long long)a->losses);
    end_section(b);
}

static void about_file(const struct trn_story *s, const struct trn_story_about *a, struct trn_buf *b)
{
    heading(b, "About this file");
    trn_put_c(b, "<dl>");
    trn_put_c(b, "<dt>made</dt><dd>");
    moment(b, a->made_wall_ns);
    trn_put_c(b, "</dd>\n");
    term(b, "host", a->host_name);
    term(b, "host id", a->host_id);
    term(b, "system", a->system);
    term(b, "turncoat", a->version);
    term(b, "key", a->key);
    term(b, "removed", a->removed);
    trn_put_c(
        b, "</dl>\n<p>This page is part of a signed bundle. <code>turncoat stories --verify FILE</code> proves, on any "
           "machine, that the holder of this key made exactly these bytes. Whose key it is only a comparison can tell: "
           "<code>turncoat status</code> on the host shows it. A page that was taken out of its bundle proves "
           "nothing.</p>\n");
    trn_put_fmt(b, "<p class=\"dim\">Story %llu, revision %u.</p>", (unsigned long long)s->id, s->revision);
    end_section(b);
}

void trn_story_html(const struct trn_story *s, const struct trn_story_about *about, struct trn_buf *out)
{
    head(s, out);
    happened(s, out);
    lines("Why this is no false alarm", s->why, s->n_why, out);
    lines("What would make it one", s->benign_if, s->n_benign_if, out);
    actions(s, out);
    processes(s, out);
    files(s, out);
    network(s, out);
    evidence(s, out);
    checks(s, out);
    not_seen(s, about, out);
    about_file(s, about, out);
    trn_put_c(out, "</body></html>\n");
}
