/* SPDX-License-Identifier: Apache-2.0 */
/* Does 'turncoat scan' answer, with the same words each time, and refuse what makes no sense? */
#include "scan_place.h"

#include "cli/scan.h"

TestSuite(scan, .init = place_make, .fini = place_done, .timeout = 60);

Test(scan, a_clean_folder_is_one_line)
{
    place_put("t/a", "one\n");
    place_put("t/b", "two\n");
    TRN_AUTO(said_done) struct said s = CALL("scan", "t");
    cr_assert_eq(s.code, TRN_EXIT_OK, "%s", s.err);
    cr_assert_str_eq(s.out, "verdict: clean   2 files, 8 B: nothing to tell\n");
    cr_assert_str_eq(s.err, "");
}

Test(scan, output_does_not_depend_on_workers_or_on_the_cache)
{
    for (int i = 0; i < 300; i++) {
        char path[40], text[40];
        snprintf(path, sizeof(path), "t/file-%d", i * 7919 % 300);
        snprintf(text, sizeof(text), "content %d\n", i);
        place_put(path, text);
    }
    usleep(60000); /* older than what is too fresh to be remembered */
    TRN_AUTO(said_done) struct said one = CALL("scan", "t", "--json", "--jobs", "1", "--no-cache");
    TRN_AUTO(said_done) struct said four = CALL("scan", "t", "--json", "--jobs", "4");
    TRN_AUTO(said_done) struct said again = CALL("scan", "t", "--json");
    cr_assert_eq(one.code, TRN_EXIT_OK, "%s", one.err);
    cr_assert_str_eq(one.out, four.out);
    cr_assert_str_eq(one.out, again.out);
    cr_assert_eq(access("cache/turncoat/scan.db", F_OK), 0);
}

Test(scan, a_file_that_changed_is_read_again)
{
    place_put("t/a", "one\n");
    usleep(60000);
    TRN_AUTO(said_done) struct said before = CALL("scan", "t", "--json");
    place_put("t/a", "two\n"); /* same size, same number */
    TRN_AUTO(said_done) struct said after = CALL("scan", "t", "--json");
    cr_assert_str_neq(before.out, after.out);
    cr_assert(strstr(before.out, "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806"), "%s", before.out);
    cr_assert(strstr(after.out, "27dd8ed44a83ff94d557f9fd0412ed5a8cbca69ea04922d88c01184a07300a5a"), "%s", after.out);
}

Test(scan, without_a_cache_none_is_made)
{
    place_put("t/a", "one\n");
    TRN_AUTO(said_done) struct said s = CALL("scan", "t", "--no-cache");
    cr_assert_eq(s.code, TRN_EXIT_OK, "%s", s.err);
    cr_assert_neq(access("cache", F_OK), 0);
    TRN_AUTO(said_done) struct said state = CALL("scan", "t", "--state", "st");
    cr_assert_eq(state.code, TRN_EXIT_OK, "%s", state.err);
    cr_assert_eq(access("st/scan-cache/scan.db", F_OK), 0, "with --state it is there");
    cr_assert_neq(access("cache", F_OK), 0);
}

Test(scan, files_of_output_are_whole_or_not_there)
{
    place_put("t/a", "one\n");
    TRN_AUTO(said_done) struct said s = CALL("scan", "t", "--sarif", "o.sarif", "--sbom", "o.json");
    cr_assert_eq(s.code, TRN_EXIT_OK, "%s", s.err);
    cr_assert(strstr(s.out, "verdict: clean"), "the page is still shown");
    json_t *a = json_load_file("o.sarif", JSON_REJECT_DUPLICATES, NULL), *b = json_load_file("o.json", 0, NULL);
    cr_assert(a && b);
    json_decref(a);
    json_decref(b);
    TRN_AUTO(said_done) struct said bad = CALL("scan", "t", "--sarif", "none/o.sarif");
    cr_assert_eq(bad.code, TRN_EXIT_USAGE);
    cr_assert(strstr(bad.err, "cannot write 'none/o.sarif'"), "%s", bad.err);
}

Test(scan, wrong_words_are_usage)
{
    static const char *const cases[][4] = {
        {"--jobs", "0", "t", "'--jobs' is not a number from 1 to 16"},
        {"--jobs=many", "t", NULL, "'--jobs' is not a number"},
        {"--limit", "bytes", "t", "'bytes' is no limit"},
        {"--limit", "bytes=0", "t", "'bytes=0' is no limit"},
        {"--limit", "width=3", "t", "'width=3' is no limit"},
        {"--limit", "depth=5G", "t", "'depth=5G' is no limit"},
        {"--limit", "bytes=99999999999G", "t", "is no limit"},
        {"--fail-on", "evil", "t", "unknown verdict 'evil'"},
        {"--rules", "none", "t", "cannot read the rules 'none': there is no such file"},
        {"--rules", "t", "t", "no rules there"},
        {"--indicators", "none", "t", "cannot read the indicators 'none'"},
        {"--json", "--sarif=-", "t", "only one of --json, '--sarif -' and '--sbom -'"},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        const char *words[] = {"turncoat", "scan", cases[i][0], cases[i][1], cases[i][2]};
        TRN_AUTO(said_done) struct said s = call(cases[i][2] ? 5 : 4, words);
        cr_assert_eq(s.code, TRN_EXIT_USAGE, "%s %s: %d %s", cases[i][0], cases[i][1], s.code, s.err);
        cr_assert(strstr(s.err, cases[i][3]), "%s", s.err);
        cr_assert_eq(s.out_n, 0);
    }
}

Test(scan, limits_are_read)
{
    struct trn_limits l = trn_limits_default();
    struct trn_err err = {0};
    cr_assert_eq(trn_scan_limits_parse("bytes=2G,ratio=7,member_bytes=3k,depth=4,seconds=9", &l, &err), 0, "%s",
                 err.message);
    cr_assert(l.bytes == 2ull << 30 && l.ratio == 7 && l.member_bytes == 3072 && l.depth == 4 && l.seconds == 9);
    cr_assert_eq(l.members, trn_limits_default().members);
}
