/* SPDX-License-Identifier: Apache-2.0 */
/* Does 'turncoat stories ID --bundle FILE' leave the whole file or none, whatever the engine answers? */
#include "call.h"
#include "pretend.h"

#include <dirent.h>
#include <sys/stat.h>

#define DATA "{\"type\":\"bundle\",\"bundle\":{\"data\":\"aGVsbG8=\"}}\n" /* "hello" */
#define SUM                                                   \
    "{\"type\":\"bundle\",\"bundle\":{\"size\":5,\"sha256\":" \
    "\"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\"}}\n"
#define END "{\"type\":\"end\"}\n"

static char dir[64], file[96];

static void set_up(void)
{
    snprintf(dir, sizeof(dir), "/tmp/trn-bundle-XXXXXX");
    cr_assert(mkdtemp(dir));
    snprintf(file, sizeof(file), "%s/x.tcb", dir);
}

static void tear_down(void)
{
    unlink(file);
    rmdir(dir);
}

TestSuite(bundle, .init = set_up, .fini = tear_down, .timeout = 30);

static unsigned entries(void)
{
    unsigned n = 0;
    DIR *d = opendir(dir);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

Test(bundle, a_whole_answer_is_a_file_for_its_owner_alone)
{
    ENGINE(e, DATA SUM, END);
    struct stat st;
    struct said s = CALL("stories", "7", "--bundle", file, "--redact", "--state", e.dir);
    cr_assert_eq(s.code, TRN_EXIT_OK, "%s", s.err);
    cr_assert(stat(file, &st) == 0 && st.st_size == 5 && (st.st_mode & 0777) == 0600);
    cr_assert_eq(entries(), 1);
    said_done(&s);
}

Test(bundle, what_is_not_whole_leaves_nothing)
{
    static const char *const answers[][3] = {
        {DATA, END},                                                                             /* no sum */
        {SUM, END},                                                                              /* no data */
        {DATA DATA SUM, END},                                                                    /* too much */
        {DATA SUM DATA, END},                                                                    /* behind the sum */
        {"{\"type\":\"bundle\",\"bundle\":{\"data\":\"aGVsbG8\"}}\n" SUM, END},                  /* cut */
        {"{\"type\":\"bundle\",\"bundle\":{\"data\":\"????\"}}\n" SUM, END},                     /* no base64 */
        {DATA, "{\"type\":\"error\",\"message\":\"full\",\"hint\":\"\",\"code\":\"ENOSPC\"}\n"}, /* fails late */
        {DATA},                                                                                  /* breaks off */
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(answers); i++) {
        ENGINE(e, answers[i][0], answers[i][1]);
        struct said s = CALL("stories", "7", "--bundle", file, "--state", e.dir);
        cr_assert_eq(s.code, TRN_EXIT_UNDECIDED, "answer %zu: %d", i, s.code);
        cr_assert_eq(entries(), 0, "answer %zu left something", i);
        said_done(&s);
    }
}

Test(bundle, a_file_that_is_there_stays_unless_forced)
{
    cr_assert_eq(trn_write_file_atomic(file, TRN_STR("mine"), 0600, NULL), 0);
    struct said s = CALL("stories", "7", "--bundle", file, "--state", "/nonexistent");
    cr_assert_eq(s.code, TRN_EXIT_USAGE, "%s", s.err);
    cr_assert(strstr(s.err, "--force"), "%s", s.err);
    said_done(&s);
    ENGINE(e, DATA SUM, END);
    s = CALL("stories", "7", "--bundle", file, "--force", "--state", e.dir);
    cr_assert_eq(s.code, TRN_EXIT_OK, "%s", s.err);
    struct trn_buf b;
    cr_assert_eq(trn_read_file(file, 100, &b, NULL), 0);
    cr_assert(trn_str_eq_c(trn_buf_str(&b), "hello"));
    trn_buf_done(&b);
    said_done(&s);
}

Test(bundle, no_link_is_followed_and_none_replaced)
{
    cr_assert_eq(symlink("/nonexistent/target", file), 0);
    struct said s = CALL("stories", "7", "--bundle", file, "--force", "--state", "/nonexistent");
    cr_assert_eq(s.code, TRN_EXIT_USAGE, "%s", s.err);
    cr_assert(strstr(s.err, "no plain file") && !strstr(s.err, "--force"), "%s", s.err);
    said_done(&s);
}

Test(bundle, it_stands_alone)
{
    static const char *const others[] = {"--close", "--assign"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(others); i++) {
        struct said s = CALL("stories", "7", "--bundle", file, others[i], "ana", "--state", "/nonexistent");
        cr_assert_eq(s.code, TRN_EXIT_USAGE, "%s: %s", others[i], s.err);
        cr_assert(strstr(s.err, "'--bundle' needs"), "%s", s.err);
        said_done(&s);
    }
}
