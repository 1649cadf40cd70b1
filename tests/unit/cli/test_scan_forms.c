/* SPDX-License-Identifier: Apache-2.0 */
/* Are JSON, SARIF and the inventory what their schemas ask for, and is the page for people safe to look at? */
#include "made_up.h"

#include <criterion/criterion.h>

enum form { TREE, JSON, SARIF, SBOM };

static char *printed(enum form form, void (*const *made)(struct trn_result *), size_t n)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct trn_scan_tree tree;
    struct trn_scan_json json;
    struct trn_scan_sarif sarif;
    struct trn_scan_sbom sbom;
    struct trn_scan_sum sum = {0};
    trn_scan_tree_init(&tree, out, false, false);
    trn_scan_json_init(&json, form == JSON ? out : stderr);
    trn_scan_sarif_init(&sarif, form == SARIF ? out : stderr);
    trn_scan_sbom_init(&sbom, form == SBOM ? out : stderr);
    for (size_t i = 0; i < n; i++) {
        struct trn_result r;
        struct trn_scanned t = {.path = TRN_STR("dist/na\xff me:1.iso")};
        trn_result_init(&r);
        trn_results_init(&t.index);
        made[i](&r);
        cr_assert_eq(trn_scanned_judge(&t, &r), 0);
        trn_scan_sum_add(&sum, &t);
        cr_assert_eq(form == TREE    ? trn_scan_tree_file(&tree, &t)
                     : form == JSON  ? trn_scan_json_file(&json, &t)
                     : form == SARIF ? trn_scan_sarif_file(&sarif, &t)
                                     : trn_scan_sbom_file(&sbom, &t),
                     0);
        trn_results_done(&t.index);
        trn_result_done(&r);
    }
    if (form == TREE)
        trn_scan_tree_end(&tree, &sum);
    else
        trn_buf_done(&tree.b);
    if (form == JSON)
        trn_scan_json_end(&json, &sum);
    else
        trn_out_done(&json.out);
    if (form == SARIF)
        trn_scan_sarif_end(&sarif, &sum);
    else
        trn_out_done(&sarif.out);
    if (form == SBOM)
        trn_scan_sbom_end(&sbom, &sum);
    else {
        trn_out_done(&sbom.out);
        trn_digest_free(sbom.digest);
    }
    fclose(out);
    return text;
}

static void (*const ALL[])(struct trn_result *) = {made_up_installer, made_up_clean, made_up_cut};

static json_t *parsed(enum form form)
{
    TRN_AUTO(trn_freep) char *text = printed(form, ALL, TRN_ARRAY_SIZE(ALL));
    json_error_t e;
    json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, &e);
    cr_assert(o, "line %d, column %d: %s\n%s", e.line, e.column, e.text, text);
    return o;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    cr_assert(s && s[0], "'%s' is missing or empty", key);
    return s;
}

Test(scan_forms, json_has_what_tests_rely_on)
{
    json_t *o = parsed(JSON), *a;
    size_t i;
    cr_assert_str_eq(text_of(o, "schema"), "turncoat.scan/1");
    cr_assert_str_eq(text_of(o, "verdict"), "malicious");
    cr_assert_gt(json_integer_value(json_object_get(o, "score")), 84);
    cr_assert_eq(json_array_size(json_object_get(o, "artifacts")), 9);
    json_array_foreach(json_object_get(o, "artifacts"), i, a)
    {
        text_of(a, "path");
        text_of(a, "format");
        cr_assert_eq(strlen(text_of(a, "sha256")), 64);
        cr_assert(json_object_get(a, "member") && json_object_get(a, "signature"));
        cr_assert(json_is_integer(json_object_get(a, "size")));
        cr_assert(json_is_object(json_object_get(a, "properties")));
        cr_assert(json_is_array(json_object_get(a, "findings")));
        cr_assert_str_eq(text_of(a, "path_hex"), "646973742f6e61ff206d653a312e69736f");
    }
    const json_t *dll = json_array_get(json_object_get(o, "artifacts"), 3);
    cr_assert_str_eq(text_of(dll, "member"), "pool/agent.deb!/data.tar!/usr/lib/agent/render\x1b[31m.dll");
    const json_t *s = json_object_get(dll, "signature");
    cr_assert_str_eq(text_of(s, "state"), "unverified");
    cr_assert_str_eq(text_of(s, "digest"), "ok");
    cr_assert_str_eq(text_of(s, "chain"), "unknown");
    cr_assert_eq(json_array_size(json_object_get(s, "uncovered")), 2);
    const json_t *f = json_array_get(json_object_get(dll, "findings"), 0);
    cr_assert_str_eq(text_of(f, "check"), "pe.certificate-slack");
    cr_assert_str_eq(text_of(json_object_get(f, "evidence"), "offset"), "0x4a9e58");
    const json_t *deb = json_object_get(json_array_get(json_object_get(o, "artifacts"), 1), "properties");
    cr_assert_str_eq(text_of(deb, "version"), "1.1");
    cr_assert_eq(json_array_size(json_object_get(deb, "dependency")), 2, "several values are a list");
    const json_t *limits = json_object_get(o, "limits");
    cr_assert_eq(json_array_size(limits), 3);
    cr_assert_str_eq(text_of(json_array_get(limits, 0), "kind"), "encrypted");
    cr_assert_str_eq(text_of(json_array_get(limits, 1), "member"), "big\nname");
    cr_assert_eq(json_integer_value(json_object_get(json_array_get(limits, 1), "limit")), 200);
    json_decref(o);
}

static void check_result(const json_t *result, const json_t *rules)
{
    static const char *const levels = "none note warning error";
    size_t at = (size_t)json_integer_value(json_object_get(result, "ruleIndex"));
    const char *rule = text_of(json_array_get(rules, at), "id"), *id = text_of(result, "ruleId");
    cr_assert_eq(strncmp(id, rule, strlen(rule)), 0, "'%s' is no part of rule '%s'", id, rule);
    cr_assert(id[strlen(rule)] == '\0' || id[strlen(rule)] == '/');
    cr_assert(strstr(levels, text_of(result, "level")));
    text_of(json_object_get(result, "message"), "text");
    const json_t *where = json_array_get(json_object_get(result, "locations"), 0);
    const json_t *physical = json_object_get(where, "physicalLocation");
    const char *uri = text_of(json_object_get(physical, "artifactLocation"), "uri");
    for (const char *p = uri; *p; p++)
        cr_assert((unsigned char)*p > 0x20 && (unsigned char)*p < 0x7f && *p != ':', "no URI: %s", uri);
    const json_t *region = json_object_get(physical, "region");
    cr_assert_eq(json_integer_value(json_object_get(region, "byteOffset")), 0x4a9e58);
    cr_assert_eq(json_integer_value(json_object_get(region, "byteLength")), 277256);
}

Test(scan_forms, sarif_has_what_its_schema_asks_for)
{
    json_t *o = parsed(SARIF), *v;
    size_t i, k;
    cr_assert_str_eq(text_of(o, "version"), "2.1.0");
    cr_assert_eq(json_array_size(json_object_get(o, "runs")), 1);
    const json_t *run = json_array_get(json_object_get(o, "runs"), 0);
    const json_t *driver = json_object_get(json_object_get(run, "tool"), "driver");
    const json_t *rules = json_object_get(driver, "rules");
    cr_assert_str_eq(text_of(driver, "name"), "turncoat");
    json_array_foreach(rules, i, v)
    {
        text_of(json_object_get(v, "fullDescription"), "text");
        for (k = 0; k < i; k++)
            cr_assert_str_neq(text_of(v, "id"), text_of(json_array_get(rules, k), "id"), "rule ids are unique");
    }
    const json_t *results = json_object_get(run, "results");
    cr_assert_eq(json_array_size(results), 3);
    json_array_foreach(results, i, v) check_result(v, rules);
    cr_assert_str_eq(text_of(json_array_get(results, 0), "level"), "note");
    cr_assert_str_eq(text_of(json_array_get(results, 1), "level"), "error");
    cr_assert_str_eq(text_of(json_array_get(results, 2), "ruleId"), "yara.*/Made_Up");
    const json_t *invocation = json_array_get(json_object_get(run, "invocations"), 0);
    cr_assert(json_is_false(json_object_get(invocation, "executionSuccessful")), "something was cut short");
    cr_assert_eq(json_array_size(json_object_get(invocation, "toolExecutionNotifications")), 3);
    json_decref(o);
}

static unsigned check_components(const json_t *list, json_t *refs)
{
    static const char *const types = "application framework library container platform operating-system device "
                                     "device-driver firmware file machine-learning-model data";
    unsigned n = 0;
    size_t i, k;
    json_t *c, *hash;
    json_array_foreach(list, i, c)
    {
        n++;
        text_of(c, "name");
        cr_assert(strstr(types, text_of(c, "type")));
        cr_assert_null(json_object_get(refs, text_of(c, "bom-ref")), "a bom-ref comes twice");
        json_object_set_new(refs, text_of(c, "bom-ref"), json_true());
        json_array_foreach(json_object_get(c, "hashes"), k, hash)
        {
            cr_assert_str_eq(text_of(hash, "alg"), "SHA-256");
            cr_assert_eq(strspn(text_of(hash, "content"), "0123456789abcdef"), 64);
        }
        n += check_components(json_object_get(c, "components"), refs);
    }
    return n;
}

Test(scan_forms, the_inventory_has_what_its_schema_asks_for)
{
    json_t *o = parsed(SBOM), *refs = json_object();
    cr_assert_str_eq(text_of(o, "bomFormat"), "CycloneDX");
    cr_assert_str_eq(text_of(o, "specVersion"), "1.5");
    cr_assert_eq(json_integer_value(json_object_get(o, "version")), 1);
    const char *serial = text_of(o, "serialNumber");
    cr_assert_eq(strlen(serial), strlen("urn:uuid:00000000-0000-0000-0000-000000000000"), "%s", serial);
    cr_assert(strncmp(serial, "urn:uuid:", 9) == 0 && serial[9 + 14] == '8' && strchr("89ab", serial[9 + 19]), "%s",
              serial);
    cr_assert_eq(check_components(json_object_get(o, "components"), refs), 9, "every artifact once");
    const json_t *iso = json_array_get(json_object_get(o, "components"), 0);
    const json_t *deb = json_array_get(json_object_get(iso, "components"), 0);
    cr_assert_str_eq(text_of(deb, "name"), "acme-agent");
    cr_assert_str_eq(text_of(deb, "version"), "1.1");
    cr_assert_str_eq(text_of(json_object_get(deb, "supplier"), "name"), "Acme Ltd");
    cr_assert_null(json_object_get(json_object_get(o, "metadata"), "timestamp"), "there is no time of its own");
    json_decref(refs);
    json_decref(o);
}

Test(scan_forms, the_same_content_gives_the_same_inventory)
{
    static void (*const other[])(struct trn_result *) = {made_up_installer, made_up_clean};
    TRN_AUTO(trn_freep) char *a = printed(SBOM, ALL, 3), *b = printed(SBOM, ALL, 3), *c = printed(SBOM, other, 2);
    cr_assert_str_eq(a, b);
    cr_assert_str_neq(strstr(a, "serialNumber"), strstr(c, "serialNumber"));
    cr_assert_eq(setenv("SOURCE_DATE_EPOCH", "1669680000", 1), 0);
    json_t *o = parsed(SBOM);
    cr_assert_eq(strncmp(text_of(json_object_get(o, "metadata"), "timestamp"), "2022-11-29T00:00:00", 19), 0);
    json_decref(o);
}

Test(scan_forms, the_page_shows_findings_in_place_and_folds_the_rest)
{
    TRN_AUTO(trn_freep) char *text = printed(TREE, ALL, 3);
    cr_assert(!strchr(text, 0x1b), "raw escape");
    cr_assert(strstr(text, "render\\x1b[31m.dll  pe, 5.2 MB, signed by Acme Ltd (digest ok, chain unknown)"), "%s",
              text);
    cr_assert(strstr(text, "malicious 90") && strstr(text, "pe.certificate-slack: "), "%s", text);
    cr_assert(strstr(text, "offset 0x4a9e58, size 277256, entropy 7.99"), "%s", text);
    cr_assert(strstr(text, "yara.Made_Up: "), "%s", text);
    cr_assert(strstr(text, "1 more file, nothing to tell"), "%s", text);
    cr_assert(strstr(text, "encrypted: it needs a password"), "%s", text);
    cr_assert(strstr(text, "'big\\nname': the limit of ratio was reached: 2,100 where 200 are allowed"), "%s", text);
    cr_assert(!strstr(text, "notes.txt") && !strstr(text, "copyright"), "clean members are folded: %s", text);
    cr_assert(strstr(text, "verdict: malicious "), "%s", text);
}

Test(scan_forms, nothing_to_tell_is_one_line)
{
    static void (*const clean[])(struct trn_result *) = {made_up_clean, made_up_clean};
    TRN_AUTO(trn_freep) char *text = printed(TREE, clean, 2);
    cr_assert_str_eq(text, "verdict: clean   2 files, 24 B: nothing to tell\n");
}

Test(scan_forms, no_line_is_wider_than_the_terminal_where_words_allow)
{
    cr_assert_eq(setenv("COLUMNS", "80", 1), 0);
    TRN_AUTO(trn_freep) char *text = printed(TREE, ALL, 1);
    struct trn_str rest = trn_str_of(text), line;
    while (trn_str_split(&rest, '\n', &line)) {
        size_t columns = 0;
        for (size_t i = 0; i < line.n; i++)
            columns += ((unsigned char)line.p[i] & 0xc0) != 0x80;
        if (trn_str_starts(line, TRN_STR("=> ")) || trn_str_starts(line, TRN_STR("verdict: ")))
            continue; /* one line each, for whoever looks for them */
        cr_assert_leq(columns, 80, "%.*s", (int)line.n, line.p);
    }
}
