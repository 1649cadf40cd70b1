/* SPDX-License-Identifier: Apache-2.0 */
/* Does 'turncoat scan' answer, with the same words each time, and refuse what makes no sense? */
#include "scan_place.h"

#include "cli/scan.h"

#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>

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

/* Where files live in memory only, a write through a mapping changes no time after the first. */
Test(scan, a_file_that_is_mapped_to_be_written_is_not_remembered)
{
    char path[64];
    struct statfs fs;
    snprintf(path, sizeof(path), "/dev/shm/trn-scan-%d", (int)getpid());
    if (statfs("/dev/shm", &fs) < 0 || fs.f_type != TMPFS_MAGIC)
        cr_skip_test("no tmpfs at /dev/shm");
    place_put(path, "one\n");
    int fd = open(path, O_RDWR | O_CLOEXEC);
    char *p = mmap(NULL, 4, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    cr_assert_neq(p, MAP_FAILED);
    memcpy(p, "one\n", 4);
    usleep(60000);
    TRN_AUTO(said_done) struct said before = CALL("scan", path, "--json");
    memcpy(p, "two\n", 4);
    TRN_AUTO(said_done) struct said after = CALL("scan", path, "--json");
    munmap(p, 4);
    unlink(path);
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

Test(scan, rules_find_members_too_and_bad_ones_are_told)
{
    mkdir("r", 0755);
    mkdir("r/sub", 0755);
    place_put("r/sub/a.yar", "rule Made_Up { strings: $a = \"a made up marker\" condition: $a }\n");
    place_put("r/bad.yara", "rule broken { condition: nothing }\n");
    place_put("r/readme.txt", "no rule at all {\n");
    place_put("t/a", "this is a made up marker\n");
    for (int i = 0; i < 2; i++) { /* compiled, then as they were compiled */
        TRN_AUTO(said_done) struct said s = CALL("scan", "t", "--rules", "r");
        cr_assert_eq(s.code, TRN_EXIT_FINDINGS, "%s%s", s.out, s.err);
        cr_assert(strstr(s.out, "suspicious 50   yara.Made_Up: "), "%s", s.out);
        cr_assert(strstr(s.err, "cannot use rule file 'r/bad.yara', line 1: "), "%s", s.err);
        cr_assert(!strstr(s.err, "readme"), "%s", s.err);
    }
    TRN_AUTO(said_done) struct said j = CALL("scan", "t", "--json", "--rules=r/sub/a.yar", "--fail-on=malicious");
    cr_assert_eq(j.code, TRN_EXIT_OK, "%s", j.err);
    cr_assert(strstr(j.out, "\"check\":\"yara.Made_Up\""), "%s", j.out);
    TRN_AUTO(said_done) struct said without = CALL("scan", "t");
    cr_assert_eq(without.code, TRN_EXIT_OK, "another question has another answer: %s", without.out);
}

Test(scan, good_rules_are_read_when_a_file_needs_them)
{
    place_put("a.yar", "rule Made_Up { strings: $a = \"a made up marker\" condition: $a }\n");
    place_put("t/a", "this is a made up marker\n");
    usleep(60000); /* or it is too fresh to be remembered */
    TRN_AUTO(said_done) struct said first = CALL("scan", "t", "--rules", "a.yar");
    cr_assert_eq(first.code, TRN_EXIT_FINDINGS, "%s", first.err);
    cr_assert_eq(system("ls cache/turncoat/rules-*.good && mv cache/turncoat/rules-*.bin kept"), 0);
    TRN_AUTO(said_done) struct said known = CALL("scan", "t", "--rules", "a.yar");
    cr_assert_eq(known.code, TRN_EXIT_FINDINGS, "%s", known.err);
    cr_expect_neq(system("ls cache/turncoat/rules-*.bin"), 0, "nothing was to be compiled");
    place_put("t/b", "this is a made up marker too\n");
    TRN_AUTO(said_done) struct said more = CALL("scan", "t", "--json", "--rules", "a.yar");
    cr_assert_eq(more.code, TRN_EXIT_FINDINGS, "%s", more.err);
    cr_assert(strstr(more.out, "t/b"), "%s", more.out);
    const char *second = strstr(more.out, "yara.Made_Up");
    cr_assert(second && strstr(second + 1, "yara.Made_Up"), "%s", more.out);
}

Test(scan, compiled_rules_that_were_changed_are_not_fatal)
{
    place_put("a.yar", "rule Made_Up { strings: $a = \"a made up marker\" condition: $a }\n");
    place_put("t/a", "this is a made up marker\n");
    TRN_AUTO(said_done) struct said first = CALL("scan", "t", "--rules", "a.yar");
    cr_assert_eq(first.code, TRN_EXIT_FINDINGS, "%s", first.err);
    cr_assert_eq(system("for f in cache/turncoat/rules-*.bin; do printf nonsense > $f; done"), 0);
    TRN_AUTO(said_done) struct said again = CALL("scan", "t", "--rules", "a.yar");
    cr_assert_eq(again.code, TRN_EXIT_FINDINGS, "%s%s", again.out, again.err);
}

Test(scan, indicators_name_known_content)
{
    place_put("t/a", "one\n");
    place_put("i.csv", "sha256,2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806,made up\nnonsense\n");
    TRN_AUTO(said_done) struct said s = CALL("scan", "t", "--indicators", "i.csv");
    cr_assert_eq(s.code, TRN_EXIT_FINDINGS, "%s%s", s.out, s.err);
    cr_assert(strstr(s.out, "suspicious 84   indicator.sha256: "), "%s", s.out);
    cr_assert(strstr(s.out, "=> suspicious 84  "), "what it weighs is what the verdict says: %s", s.out);
    cr_assert(strstr(s.err, "turncoat: cannot use line 2 of the indicators: "), "%s", s.err);
}

Test(scan, explain_says_what_a_check_of_a_file_is)
{
    TRN_AUTO(said_done)
    struct said s = CALL("explain", "pe.certificate-slack"), j = CALL("explain", "yara.Any", "--json");
    cr_assert(strstr(s.out, "category signature; a proof by the structure of the file"), "%s", s.out);
    cr_assert(strstr(j.out, "\"category\":\"text\"") && strstr(j.out, "\"structural\":false"), "%s", j.out);
}
