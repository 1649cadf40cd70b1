/* SPDX-License-Identifier: Apache-2.0 */
/* The matcher over libyara: compiling, the cache, variables, blocks, time. */
#include "yara_helper.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

Test(yara, a_file_that_does_not_compile_is_told_and_costs_only_itself)
{
    struct yara_world w = {0};
    const struct yara_source files[] = {
        {"a.yar", "rule first { condition: true }"},
        {"b/bad.yar", "rule second {\n  condition:\n    no_such_thing == 1\n}"},
        {"c.yar", "rule third { condition: true }"},
        {"d.yar", "rule fourth { strings: $a = \"x\" condition: true }"},
    };
    cr_assert_eq(yara_compile(&w, files, 4, -1, -1), 0, "%s", w.err.message);
    cr_expect_eq(trn_yara_rules_count(w.rules), 2);
    cr_expect_str_eq(w.bad, "b/bad.yar:3: undefined identifier \"no_such_thing\"\n"
                            "d.yar:1: unreferenced string \"$a\"\n");
    cr_expect_eq(yara_match(&w, "hello", 5, "x"), 0);
    cr_expect_str_eq(w.found, "first third ");
    yara_done(&w);
}

Test(yara, rule_names_may_repeat_in_other_files_but_not_in_one)
{
    struct yara_world w = {0};
    const struct yara_source files[] = {
        {"a.yar", "rule same { condition: true }"},
        {"b.yar", "rule same { condition: true }"},
        {"c.yar", "rule same { condition: true } rule same { condition: true }"},
    };
    cr_assert_eq(yara_compile(&w, files, 3, -1, -1), 0);
    cr_expect_eq(trn_yara_rules_count(w.rules), 2);
    cr_expect(strstr(w.bad, "c.yar:1: duplicated identifier") == w.bad, "%s", w.bad);
    yara_done(&w);
}

Test(yara, includes_and_bytes_that_are_no_text_are_refused)
{
    struct yara_world w = {0};
    const struct yara_source files[] = {
        {"a.yar", "include \"/etc/passwd\"\nrule x { condition: true }"},
        {"b.yar", "rule x { condition: true }"},
        {"c.yar", "rule x { condition: true }\0", 27},
    };
    cr_assert_eq(yara_compile(&w, files, 3, -1, -1), 0);
    cr_expect_eq(trn_yara_rules_count(w.rules), 1);
    cr_expect(strstr(w.bad, "a.yar:1: ") != NULL, "%s", w.bad);
    cr_expect(strstr(w.bad, "c.yar:0: it has a NUL byte") != NULL, "%s", w.bad);
    cr_expect_null(strstr(w.bad, "root:"));
    yara_done(&w);
}

Test(yara, nothing_that_compiles_is_an_error)
{
    struct yara_world w = {0};
    const struct yara_source files[] = {{"a.yar", "rule {"}};
    cr_expect_eq(yara_compile(&w, files, 1, -1, -1), -EINVAL);
    cr_expect_str_eq(w.err.message, "none of the 1 YARA files can be used");
    yara_done(&w);
}

Test(yara, private_and_global_rules_do_what_they_do_in_yara)
{
    struct yara_world w = {0};
    const struct yara_source files[] = {
        {"a.yar", "private rule hidden { condition: true } rule seen { condition: hidden }"},
        {"b.yar", "global rule never { condition: false } rule silenced { condition: true }"},
        {"c.yar", "rule other_file { condition: true }"},
    };
    cr_assert_eq(yara_compile(&w, files, 3, -1, -1), 0);
    cr_expect_eq(yara_match(&w, "x", 1, "x"), 0);
    cr_expect_str_eq(w.found, "seen other_file ");
    yara_done(&w);
}

Test(yara, a_finding_says_which_rule_where_and_weighs_what_its_author_says)
{
    struct yara_world w = {0};
    const struct yara_source files[] = {
        {"set/a.yar", "rule first { meta: description = \"what \\x1b it is\" author = \"A. Uthor\" score = 30\n"
                      "strings: $one = \"needle\" $two = { 68 61 79 } condition: #one > 1 and $two }"},
    };
    cr_assert_eq(yara_compile(&w, files, 1, -1, -1), 0);
    cr_expect_eq(yara_match(&w, "hay needle needle", 17, "x"), 0);
    cr_assert_eq(w.n, 1);
    cr_expect_str_eq(w.evidence,
                     "rule=first file=set/a.yar description=what \x1b it is author=A. Uthor score=30 string=$one "
                     "offset=0x4 size=6 excerpt=6e6565646c65 count=2 strings=$two at 0x0 ");
    cr_expect_eq(w.score, 20, "%u: 50 x 30 / 75", w.score);
    cr_expect_null(strchr(w.summary, 0x1b));
    cr_expect(strstr(w.summary, "the YARA rule 'first' matched: what ") == w.summary);
    yara_done(&w);
}

Test(yara, variables_hold_what_is_known_of_the_content)
{
    struct yara_world w = {0};
    const struct yara_source files[] = {
        {"a.yar", "rule member { condition: filename == \"Setup.EXE\" and filepath == \"app/bin\" and extension == "
                  "\".exe\" and\n"
                  "filetype == \"TEXT\" and unpack_parent == \"CAB\" and unpack_source == \"ZIP>CAB\" and filemode == "
                  "\"755\" and\n"
                  "md5 == \"0102030405060708090a0b0c0d0e0f10\" }\n"
                  "rule top { condition: filename == \"x.zip\" and filepath == \"\" and unpack_source == \"\" and md5 "
                  "== \"\" and\n"
                  "id == \"\" and owner == \"\" and group == \"\" and unpack_parent == \"\" and filetype == \"ZIP\" }"},
    };
    cr_assert_eq(yara_compile(&w, files, 1, -1, -1), 0, "%s", w.bad);
    w.artifact = (struct trn_artifact){.id = 1, .name = TRN_STR("x.zip"), .format = TRN_FORMAT_ZIP};
    cr_expect_eq(yara_match(&w, "abc", 3, "x.zip"), 0);
    cr_expect_str_eq(w.found, "top ");
    w.artifact = (struct trn_artifact){.id = 2, .parent = 1, .depth = 1, .format = TRN_FORMAT_CAB};
    cr_expect_eq(yara_match(&w, "abc", 3, "inner.cab"), 0);
    w.artifact = (struct trn_artifact){.id = 3,
                                       .parent = 2,
                                       .depth = 2,
                                       .name = TRN_STR("app/bin/Setup.EXE"),
                                       .format = TRN_FORMAT_TEXT,
                                       .mode = 0100755};
    for (uint8_t i = 0; i < TRN_MD5_SIZE; i++)
        w.artifact.md5[i] = i + 1;
    w.found[0] = '\0';
    cr_expect_eq(yara_match(&w, "abc", 3, "Setup.EXE"), 0);
    cr_expect_str_eq(w.found, "member ");
    yara_done(&w);
}

/* ---- the cache ---- */

static const struct yara_source cached[] = {
    {"a.yar", "rule one { strings: $a = \"needle\" condition: $a }"},
    {"b.yar", "rule bad { condition: nothing }"},
};

static int cache_file(mode_t mode)
{
    char path[] = "/tmp/trn-yara-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    unlink(path);
    cr_assert_eq(fchmod(fd, mode), 0);
    return fd;
}

/* Compiles the two files with this cache: was it used, and is the result right either way? */
static bool served(int fd, const struct yara_source *files)
{
    struct yara_world w = {0};
    cr_assert_eq(yara_compile(&w, files, 2, fd, -1), 0, "%s", w.err.message);
    bool yes = trn_yara_rules_cached(w.rules);
    cr_expect_eq(yara_match(&w, "a needle", 8, "x"), 0);
    cr_expect_str_eq(w.found, "one ");
    cr_expect_str_eq(w.bad, "b.yar:1: undefined identifier \"nothing\"\n");
    yara_done(&w);
    return yes;
}

static int cache_of(const struct yara_source *files)
{
    struct yara_world w = {0};
    int fd = cache_file(0600);
    cr_assert_eq(yara_compile(&w, files, 2, -1, fd), 0);
    yara_done(&w);
    return fd;
}

Test(yara, a_cache_serves_the_same_sources_bad_files_told_again)
{
    int fd = cache_of(cached);
    cr_expect(served(fd, cached));
    const struct yara_source changed[] = {{"a.yar", "rule one { strings: $a = \"needle\" condition: $a} "}, cached[1]};
    cr_expect_not(served(fd, changed), "one byte of a source is another");
    const struct yara_source renamed[] = {{"A.yar", cached[0].text}, cached[1]};
    cr_expect_not(served(fd, renamed), "the name of a source is another");
    close(fd);
}

Test(yara, a_cache_that_others_can_write_is_not_used)
{
    int fd = cache_of(cached);
    fchmod(fd, 0620);
    cr_expect_not(served(fd, cached));
    fchmod(fd, 0602);
    cr_expect_not(served(fd, cached));
    fchmod(fd, 0600);
    cr_expect(served(fd, cached));
    close(fd);
}

Test(yara, a_cache_with_any_byte_changed_or_cut_off_is_not_used)
{
    int fd = cache_of(cached);
    off_t size = lseek(fd, 0, SEEK_END);
    for (off_t at = 0; at < size; at += at < 90 ? 5 : size / 12) {
        char c;
        cr_assert_eq(pread(fd, &c, 1, at), 1);
        char other = (char)(c ^ 1);
        cr_assert_eq(pwrite(fd, &other, 1, at), 1);
        cr_expect_not(served(fd, cached), "byte %jd", (intmax_t)at);
        cr_assert_eq(pwrite(fd, &c, 1, at), 1);
    }
    cr_expect(served(fd, cached));
    cr_assert_eq(ftruncate(fd, size - 1), 0);
    cr_expect_not(served(fd, cached));
    cr_assert_eq(ftruncate(fd, 0), 0);
    cr_expect_not(served(fd, cached));
    close(fd);
}

Test(yara, a_hash_that_fits_does_not_help_a_body_that_does_not_add_up)
{
    /* a head that is right for a body of four sets' worth of nothing */
    uint8_t key[TRN_SHA256_SIZE] = {7};
    struct trn_yara_body b;
    struct trn_buf file, body;
    trn_buf_init(&file, 4096);
    trn_buf_init(&body, 4096);
    trn_put_u32(&body, 1);
    trn_put_u32(&body, 0xffffffffu); /* bad files */
    uint8_t hash[TRN_SHA256_SIZE];
    cr_assert_eq(trn_sha256(body.p, body.n, hash), 0);
    trn_put(&file, "TRNYARC1", 8);
    trn_put(&file, key, sizeof(key));
    trn_put_u64(&file, body.n);
    trn_put(&file, hash, sizeof(hash));
    trn_put(&file, body.p, body.n);
    cr_expect_eq(trn_yara_cache_parse(trn_buf_str(&file), key, &b), -EBADMSG);
    key[0] = 8;
    cr_expect_eq(trn_yara_cache_parse(trn_buf_str(&file), key, &b), -ESTALE);
    trn_buf_done(&file);
    trn_buf_done(&body);
}

/* ---- large contents ---- */

#define MIB (1ull << 20)
#define BIG (41 * MIB + 7)

static int64_t read_big(void *ctx, uint64_t at, void *dst, size_t n)
{
    static const struct {
        uint64_t at;
        const char *text;
    } marks[] = {{0, "start"}, {4 * MIB - 3, "across"}, {8 * MIB + 10, "overlap"}, {41 * MIB, "atend!"}};
    uint64_t fail_at = *(uint64_t *)ctx;
    if (at + n > fail_at)
        return -EIO;
    if (at >= BIG)
        return 0;
    n = (size_t)TRN_MIN((uint64_t)n, BIG - at);
    memset(dst, 0, n);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(marks); i++)
        for (uint64_t k = 0; marks[i].text[k]; k++)
            if (marks[i].at + k >= at && marks[i].at + k < at + n)
                ((char *)dst)[marks[i].at + k - at] = marks[i].text[k];
    return (int64_t)n;
}

Test(yara, a_large_content_is_seen_in_blocks_whose_borders_lose_nothing, .timeout = 60)
{
    struct yara_world w = {0};
    const struct yara_source files[] = {
        {"a.yar", "rule size { condition: filesize == 42991623 }\n"
                  "rule across { strings: $a = \"across\" condition: #a == 1 and @a[1] == 0x3ffffd }\n"
                  "rule overlap_counts_once { strings: $a = \"overlap\" condition: #a == 1 and $a at 0x80000a }\n"
                  "rule end { strings: $a = \"atend!\" condition: $a in (filesize - 8 .. filesize) }\n"
                  "rule chained { strings: $a = { 61 63 72 6f [0-600] 73 73 } condition: $a }\n"
                  "rule integers { condition: uint32be(0) == 0x73746172 and uint16be(0x3ffffd) == 0x6163 and "
                  "uint8(0x2900000) == 0x61 }\n"
                  "rule no_such { strings: $a = \"nowhere\" condition: $a }\n"}};
    uint64_t fail_at = UINT64_MAX;
    struct trn_source s = {.size = BIG, .read = read_big, .ctx = &fail_at};
    cr_assert_eq(yara_compile(&w, files, 1, -1, -1), 0, "%s", w.bad);
    cr_expect_eq(yara_match_source(&w, &s, "x"), 0);
    cr_expect_str_eq(w.found, "size across overlap_counts_once end chained integers ");
    yara_done(&w);
}

Test(yara, a_large_content_that_cannot_be_read_is_no_clean_one)
{
    struct yara_world w = {0};
    const struct yara_source files[] = {{"a.yar", "rule each { condition: true }"}};
    uint64_t fail_at = 20 * MIB;
    struct trn_source s = {.size = BIG, .read = read_big, .ctx = &fail_at};
    cr_assert_eq(yara_compile(&w, files, 1, -1, -1), 0);
    cr_expect_eq(yara_match_source(&w, &s, "x"), -EIO);
    s.size = 21 * MIB; /* one that is taken whole */
    cr_expect_eq(yara_match_source(&w, &s, "x"), -EIO);
    yara_done(&w);
}

/* ---- time ---- */

Test(yara, a_slow_rule_is_named_and_lost_alone, .timeout = 60)
{
    struct yara_world w = {.milliseconds = 150};
    const struct yara_source files[] = {
        {"a.yar", "rule quick_a { condition: true }"},
        {"b.yar", "rule quick_b { condition: true }\n"
                  "rule slow { condition: for all i in (0..0x7fffffffff) : ( i >= 0 ) }\n"
                  "rule quick_c { condition: true }"},
        {"c.yar", "rule quick_d { condition: true }"},
    };
    cr_assert_eq(yara_compile(&w, files, 3, -1, -1), 0);
    cr_expect_eq(yara_match(&w, "x", 1, "x"), -ETIME);
    cr_expect_str_eq(w.scanner->slow_name, "b.yar:slow");
    cr_expect(strstr(w.found, "quick_a ") && strstr(w.found, "quick_b ") && strstr(w.found, "quick_c ") &&
                  strstr(w.found, "quick_d "),
              "%s", w.found);
    uint64_t t0 = trn_mono_ns();
    w.found[0] = '\0';
    cr_expect_eq(yara_match(&w, "y", 1, "x"), -ETIME);
    cr_expect_str_eq(w.found, "quick_a quick_b quick_c quick_d ");
    cr_expect_str_eq(w.scanner->slow_name, "b.yar:slow");
    cr_expect_lt(trn_mono_ns() - t0, 3 * TRN_NS_PER_SEC, "it is known by now");
    yara_done(&w);
}

Test(yara, the_deadline_of_the_artifact_ends_it)
{
    struct yara_world w = {0};
    const struct yara_source files[] = {
        {"a.yar", "rule slow { condition: for all i in (0..0x7fffffffff) : ( i >= 0 ) }"}};
    cr_assert_eq(yara_compile(&w, files, 1, -1, -1), 0);
    uint64_t t0 = trn_mono_ns();
    w.deadline_ns = t0 + 200 * TRN_NS_PER_MS;
    cr_expect_eq(yara_match(&w, "x", 1, "x"), -ETIME);
    cr_expect_lt(trn_mono_ns() - t0, 5 * TRN_NS_PER_SEC);
    yara_done(&w);
}

Test(yara, what_the_sink_says_ends_it)
{
    struct yara_world w = {.refuse = -EPIPE};
    const struct yara_source files[] = {{"a.yar", "rule x { condition: true } rule y { condition: true }"}};
    cr_assert_eq(yara_compile(&w, files, 1, -1, -1), 0);
    cr_expect_eq(yara_match(&w, "x", 1, "x"), -EPIPE);
    cr_expect_eq(w.n, 1);
    yara_done(&w);
}
