/* SPDX-License-Identifier: Apache-2.0 */
/* Is NEW alone compared with what was seen before, and is only that remembered which may be? */
#include "scan_place.h"

#include "cli/diff.h"

static void make(void)
{
    char data[100];
    place_make();
    snprintf(data, sizeof(data), "%.60s/data", place);
    cr_assert_eq(setenv("XDG_DATA_HOME", data, 1), 0);
    place_put("acme-1.0.txt", "what somebody wrote\n");
    place_put("acme-1.1.txt", "what somebody wrote later\n");
}

TestSuite(diff_seen, .init = make, .fini = place_done, .timeout = 60);

Test(diff_seen, the_first_is_remembered_and_undecided)
{
    struct stat st;
    TRN_AUTO(said_done) struct said s = CALL("diff", "acme-1.0.txt");
    cr_assert_eq(s.code, TRN_EXIT_UNDECIDED, "%s", s.err);
    cr_assert(strstr(s.out, "first: acme") == s.out && strstr(s.out, "it is remembered now"), "%s", s.out);
    cr_assert_eq(stat("data/turncoat/releases.db", &st), 0);
    cr_assert_eq(st.st_mode & 077, 0);
}

Test(diff_seen, of_a_first_one_no_report_is_left_behind)
{
    struct stat st;
    TRN_AUTO(said_done) struct said s = CALL("diff", "--html", "report.html", "acme-1.0.txt");
    cr_assert_eq(s.code, TRN_EXIT_UNDECIDED, "%s", s.err);
    cr_assert(strstr(s.err, "--html is not written: nothing was compared\n"), "%s", s.err);
    cr_assert_lt(stat("report.html", &st), 0, "an empty report would look like one");
    TRN_AUTO(said_done) struct said again = CALL("diff", "acme-1.0.txt");
    cr_assert(strstr(again.out, "no other release of it was seen"), "%s", again.out);
}

Test(diff_seen, the_next_is_compared_with_it)
{
    TRN_AUTO(said_done) struct said first = CALL("diff", "acme-1.0.txt");
    TRN_AUTO(said_done) struct said s = CALL("diff", "acme-1.1.txt");
    cr_assert_eq(first.code, TRN_EXIT_UNDECIDED, "%s", first.err);
    cr_assert_eq(s.code, TRN_EXIT_OK, "%s", s.err);
    cr_assert(strstr(s.out, "CLEAN ") == s.out && strstr(s.out, "1 changed"), "%s", s.out);
    cr_assert(strstr(s.out, "compared   with the last one seen, "), "%s", s.out);
}

Test(diff_seen, nothing_is_remembered_that_should_not_be)
{
    TRN_AUTO(said_done) struct said not = CALL("diff", "--no-remember", "acme-1.0.txt");
    cr_assert_eq(not .code, TRN_EXIT_UNDECIDED, "%s", not .err);
    cr_assert(strstr(not .out, "it is not remembered"), "%s", not .out);
    TRN_AUTO(said_done) struct said pair = CALL("diff", "acme-1.0.txt", "acme-1.1.txt");
    cr_assert_eq(pair.code, TRN_EXIT_OK, "%s", pair.err);
    TRN_AUTO(said_done) struct said again = CALL("diff", "--json", "acme-1.1.txt");
    cr_assert_eq(again.code, TRN_EXIT_UNDECIDED);
    cr_assert(strstr(again.out, "\"first\":true") && strstr(again.out, "\"undecided\":true"), "%s", again.out);
}

Test(diff_seen, what_is_suspicious_is_not_remembered_by_itself)
{
    static const char pixels[] =
        "GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0;";
    char tail[600];
    int fd = open("icon-1.0.gif", O_WRONLY | O_CREAT, 0644);
    cr_assert_eq(write(fd, pixels, sizeof(pixels) - 1), (ssize_t)sizeof(pixels) - 1);
    close(fd);
    fd = open("icon-1.1.gif", O_WRONLY | O_CREAT, 0644);
    cr_assert_eq(write(fd, pixels, sizeof(pixels) - 1), (ssize_t)sizeof(pixels) - 1);
    memset(tail, 0, sizeof(tail));
    for (size_t i = 0; i < 512; i++)
        tail[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[(i * 37 + i / 7) % 64];
    cr_assert_eq(write(fd, "$", 1), 1);
    cr_assert_eq(write(fd, tail, 512), 512);
    close(fd);
    TRN_AUTO(said_done) struct said first = CALL("diff", "icon-1.0.gif");
    TRN_AUTO(said_done) struct said turned = CALL("diff", "icon-1.1.gif");
    TRN_AUTO(said_done) struct said again = CALL("diff", "icon-1.1.gif");
    cr_assert_eq(first.code, TRN_EXIT_UNDECIDED, "%s", first.err);
    cr_assert_eq(turned.code, TRN_EXIT_FINDINGS, "%s", turned.out);
    cr_assert(strstr(turned.err, "it is suspicious or worse, so it is not remembered; --remember"), "%s", turned.err);
    cr_assert_eq(again.code, TRN_EXIT_FINDINGS, "it was compared with itself: %s", again.out);
}

Test(diff_seen, where_no_store_can_be_another_place_is_named)
{
    cr_assert_eq(setenv("XDG_DATA_HOME", "/proc/none", 1), 0);
    TRN_AUTO(said_done) struct said s = CALL("diff", "acme-1.0.txt");
    cr_assert_neq(s.code, TRN_EXIT_OK);
    cr_assert(strstr(s.err, "cannot use the folder of the store '/proc/none/turncoat': it is not there"), "%s", s.err);
    cr_assert(strstr(s.err, "hint: --store FILE names another place\n"), "%s", s.err);
    cr_assert_str_empty(s.out);
}

Test(diff_seen, a_store_of_ones_own_and_words_that_contradict)
{
    struct stat st;
    TRN_AUTO(said_done) struct said s = CALL("diff", "--store", "own.db", "--remember", "acme-1.0.txt", "acme-1.1.txt");
    cr_assert_eq(s.code, TRN_EXIT_OK, "%s", s.err);
    cr_assert_eq(stat("own.db", &st), 0);
    cr_assert_neq(stat("data/turncoat/releases.db", &st), 0);
    TRN_AUTO(said_done) struct said both = CALL("diff", "--remember", "--no-remember", "acme-1.0.txt");
    cr_assert_eq(both.code, TRN_EXIT_USAGE);
    place_put("bad.db", "this is no database, however long it is, and nothing of it is believed at all\n");
    TRN_AUTO(said_done) struct said bad = CALL("diff", "--store", "bad.db", "acme-1.0.txt");
    cr_assert_eq(bad.code, TRN_EXIT_UNDECIDED, "%s", bad.err);
    cr_assert(strstr(bad.err, "bad.db"), "%s", bad.err);
    cr_assert_str_empty(bad.out);
}
