/* SPDX-License-Identifier: Apache-2.0 */
/* Are the forms of a diff what their readers ask for, and is foreign text harmless in each? */
#include "made_up_diff.h"

#include <criterion/criterion.h>
#include <jansson.h>

enum form { TEXT, ALL, JSON, SARIF, SBOM, HTML, FORMS };

static char *printed(enum form form)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct made m = made_diff();
    const struct trn_diff_report r = {.diff = m.diff, .all = form == ALL};
    int e = 0;
    setenv("COLUMNS", "100", 1);
    if (form <= ALL)
        trn_diff_report_text(&r, out, false);
    else if (form == JSON)
        trn_diff_report_json(&r, out);
    else
        e = form == SARIF  ? trn_diff_report_sarif(&r, out)
            : form == SBOM ? trn_diff_report_sbom(&r, out)
                           : trn_diff_report_html(&r, out);
    cr_assert_eq(e, 0);
    made_done(&m);
    fclose(out);
    return text;
}

static json_t *parsed(enum form form)
{
    TRN_AUTO(trn_freep) char *text = printed(form);
    json_error_t e;
    json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, &e);
    cr_assert(o, "line %d, column %d: %s\n%s", e.line, e.column, e.text, text);
    return o;
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
        n++;
    return n;
}

Test(diff_forms, no_form_lets_a_control_byte_or_bad_utf8_out)
{
    for (enum form f = 0; f < FORMS; f++) {
        TRN_AUTO(trn_freep) char *text = printed(f);
        cr_assert_eq(strchr(text, '\x1b'), NULL, "form %d", f);
        cr_assert(trn_utf8_valid(trn_str_of(text)), "form %d", f);
    }
}

Test(diff_forms, the_page_begins_with_the_verdict_and_has_ten_reasons)
{
    TRN_AUTO(trn_freep) char *text = printed(TEXT);
    cr_assert_eq(strncmp(text, "MALICIOUS 96  acme-softphone 1.0 -> 1.1\n", 40), 0, "%s", text);
    cr_assert_eq(count(text, "at 0x4edcd8"), TRN_DIFF_REASONS, "%s", text);
    cr_assert(strstr(text, "3 more reasons: diff.script-capability 2, diff.exports-changed 1\n"), "%s", text);
    cr_assert(strstr(text, "3 findings of the scan that the old one had too"), "%s", text);
    cr_assert(strstr(text, "old: 1 damaged; new: 1 encrypted (--all lists them)\n"), "%s", text);
    cr_assert(strstr(text, "turncoat explain 'diff.same-authentihash'"), "%s", text);
}

Test(diff_forms, no_line_is_wider_than_the_terminal)
{
    TRN_AUTO(trn_freep) char *text = printed(TEXT);
    struct trn_str rest = trn_str_of(text), line;
    while (trn_str_split(&rest, '\n', &line))
        cr_assert_leq(trn_page_columns(line.p, line.n), 100, "%.*s", TRN_STR_ARG(line));
}

Test(diff_forms, the_tree_shows_how_each_was_paired)
{
    TRN_AUTO(trn_freep) char *text = printed(ALL);
    cr_assert(strstr(text, "> lib/moved.so  renamed, elf, 70,000 bytes, paired by similar 93.4 %, was app/moved.so\n"),
              "%s", text);
    cr_assert(strstr(text, "- app/old.dat  removed"), "%s", text);
    cr_assert(strstr(text, "paired by version-in-path, was app/core-1.0.js"), "%s", text);
    cr_assert(strstr(text, "= 1 the same"), "%s", text);
}

Test(diff_forms, json_is_complete_and_sorted)
{
    json_t *o = parsed(JSON);
    const json_t *reasons = json_object_get(o, "reasons"), *changes = json_object_get(o, "changes"), *r;
    json_int_t last = 100;
    size_t i;
    cr_assert_eq(json_array_size(reasons), 13); /* all that weigh something: the accepted one is none */
    json_array_foreach(reasons, i, r)
    {
        json_int_t score = json_integer_value(json_object_get(r, "score"));
        cr_assert_leq(score, last, "reason %zu", i);
        last = score;
    }
    cr_assert_eq(json_array_size(changes), 7);
    r = json_array_get(changes, 5);
    cr_assert_str_eq(json_string_value(json_object_get(r, "old_path")), "app/moved.so");
    cr_assert_float_eq(json_real_value(json_object_get(r, "similarity")), 0.934, 0.0001);
    r = json_array_get(changes, 2);
    cr_assert_eq(json_integer_value(json_object_get(json_object_get(r, "new_signature"), "uncovered_total")), 277256);
    cr_assert(json_object_get(r, "old_signature"));
    cr_assert_eq(json_array_size(json_object_get(o, "limits")), 2);
    cr_assert_eq(json_integer_value(json_object_get(json_object_get(o, "counts"), "accepted")), 1);
    json_decref(o);
}

Test(diff_forms, sarif_suppresses_what_is_accepted)
{
    json_t *o = parsed(SARIF);
    const json_t *run = json_array_get(json_object_get(o, "runs"), 0), *results = json_object_get(run, "results"), *r;
    size_t i, suppressed = 0;
    cr_assert_eq(json_array_size(results), 14);
    json_array_foreach(results, i, r) suppressed += json_array_size(json_object_get(r, "suppressions"));
    cr_assert_eq(suppressed, 1);
    r = json_object_get(json_object_get(json_array_get(json_object_get(json_array_get(results, 0), "locations"), 0),
                                        "physicalLocation"),
                        "artifactLocation");
    cr_assert_str_eq(json_string_value(json_object_get(r, "uri")), "dist/acme-1.1.msi!/app/d3dcompiler_47.dll");
    json_decref(o);
}

static const char *property(const json_t *component, const char *name)
{
    size_t i;
    const json_t *p;
    json_array_foreach(json_object_get(component, "properties"), i,
                       p) if (strcmp(json_string_value(json_object_get(p, "name")), name) ==
                              0) return json_string_value(json_object_get(p, "value"));
    return "";
}

Test(diff_forms, the_inventory_has_both_sides_and_names_counterparts)
{
    json_t *o = parsed(SBOM);
    const json_t *sides = json_object_get(o, "components"), *top, *members;
    cr_assert_eq(json_array_size(sides), 2);
    top = json_array_get(json_object_get(json_array_get(sides, 1), "components"), 0);
    members = json_object_get(top, "components");
    cr_assert_eq(json_array_size(members), 6);
    cr_assert_str_eq(property(json_array_get(members, 5), "turncoat:change"), "renamed");
    cr_assert_str_eq(property(json_array_get(members, 5), "turncoat:counterpart"), "old.7");
    cr_assert_str_eq(property(json_array_get(members, 4), "turncoat:change"), "added");
    json_decref(o);
}

Test(diff_forms, the_page_of_html_has_no_script_and_nothing_from_outside)
{
    static const char *const none[] = {"<script", "<img", "<link",  "<iframe",    "src=",   "href=", "http:",
                                       "https:",  "url(", "onload", "javascript", "style=", "<b>",   "x<y>"};
    TRN_AUTO(trn_freep) char *text = printed(HTML);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(none); i++) {
        const char *at = strstr(text, none[i]);
        bool shown = at && strcmp(none[i], "src=") == 0 && strncmp(at - 8, "&lt;img ", 8) == 0; /* a value, as text */
        cr_assert(!at || shown, "'%s' in %.80s", none[i], at);
    }
    cr_assert(strstr(text, "content=\"default-src 'none'; style-src 'sha256-"), "%.600s", text);
    cr_assert(strstr(text, "icon &lt;img src=x&gt;"));
}

static void shown_as(const char *key, const char *value, const char *want)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 4096);
    trn_diff_put_evidence(trn_str_of(key), trn_str_of(value), &b);
    cr_assert(trn_str_eq_c(trn_buf_str(&b), want), "%s: %.*s", value, TRN_STR_ARG(trn_buf_str(&b)));
}

Test(diff_forms, bytes_that_are_text_are_shown_as_text)
{
    shown_as("excerpt", "616263203132", "'abc 12'");
    shown_as("excerpt", "6162631b", "6162631b");
    shown_as("excerpt", "616", "616");
    shown_as("excerpt", "zz", "zz");
    shown_as("size", "616263", "616263");
}

Test(diff_forms, what_the_scan_found_in_the_new_one_alone_was_not_there_before)
{
    struct trn_check slack = {.id = "pe.certificate-slack"}, compared = {.id = "diff.rpath"};
    struct trn_finding f = {.check = &slack}, g = {.check = &compared};
    const struct trn_finding *const had[] = {&f};
    struct trn_release_member plain = {0}, weaker = {.findings = had, .n_findings = 1};
    struct trn_change changed = {.old_member = &plain}, added = {0}, grown = {.old_member = &weaker};
    cr_assert(trn_str_eq_c(trn_diff_values_of(&(struct trn_reason){&changed, &f}).before, "none of this"));
    cr_assert(trn_str_eq_c(trn_diff_values_of(&(struct trn_reason){&added, &f}).before, "no such file"));
    cr_assert_eq(trn_diff_values_of(&(struct trn_reason){&grown, &f}).before.n, 0, "there was some of it");
    cr_assert_eq(trn_diff_values_of(&(struct trn_reason){&changed, &g}).before.n, 0, "a comparer says it itself");
}
