/* SPDX-License-Identifier: Apache-2.0 */
/* Question: are the texts of "remove" and "rollback" read and written exactly, and can no word become an option? */
#include "response/execute/package.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>

Test(package, a_target_is_a_name_a_version_and_what_may_go_with_it)
{
    struct trn_package_target t;
    cr_assert_eq(trn_package_target_parse(TRN_STR("acme-softphone=1:1.1~rc1+b2,acme-plugin,lib:i386"), &t, NULL), 0);
    cr_assert_str_eq(t.name, "acme-softphone");
    cr_assert_str_eq(t.version, "1:1.1~rc1+b2");
    cr_assert_eq(t.n_others, 2);
    cr_assert_str_eq(t.others[1], "lib:i386");
    cr_assert_eq(trn_package_target_parse(TRN_STR("libstdc++6"), &t, NULL), 0);
    cr_assert_str_eq(t.version, "");
    struct trn_str bare = trn_package_bare("libc6:amd64");
    cr_assert(trn_str_eq_c(bare, "libc6"));
}

Test(package, what_is_no_name_is_refused_and_leaves_the_result_alone)
{
    static const char *const bad[] = {"",        "a",       "-y",      "--purge",    "Acme",    "a b",
                                      "acme/1",  "../acme", "acme=",   "acme=-y",    "acme=a1", "acme=1 2",
                                      "acme,",   "acme,-o", "acme*",   "acme:",      "+acme",   "acme:-am",
                                      "acme;id", "acme\n",  "acme=1;", "acme=$(id)", ",acme"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(bad); i++) {
        struct trn_package_target t = {.name = "untouched"};
        struct trn_err err = {0};
        cr_assert_eq(trn_package_target_parse(trn_str_of(bad[i]), &t, &err), -EINVAL, "'%s'", bad[i]);
        cr_assert_str_eq(t.name, "untouched");
        cr_assert(err.message[0] && err.hint[0]);
    }
    char name[200], many[100] = "ab,ab,ab,ab,ab,ab,ab,ab,ab";
    struct trn_package_target t;
    for (size_t i = 0; i < sizeof name; i++)
        name[i] = 'a';
    cr_assert(!trn_package_name_ok((struct trn_str){name, TRN_PACKAGE_NAME}));
    cr_assert(trn_package_name_ok((struct trn_str){name, TRN_PACKAGE_NAME - 1}));
    cr_assert(!trn_package_name_ok((struct trn_str){"ac\0me", 5}));
    cr_assert_eq(trn_package_target_parse(trn_str_of(many), &t, NULL), 0);
    cr_assert_eq(trn_package_target_parse(TRN_STR("ab,ab,ab,ab,ab,ab,ab,ab,ab,ab"), &t, NULL), -E2BIG);
}

static enum trn_package_state state_of(const char *line)
{
    struct trn_package_facts f;
    cr_assert_eq(trn_package_facts_parse(trn_str_of(line), &f), 0, "%s", line);
    return f.state;
}

Test(package, dpkg_querys_line_is_read_whole_or_not_at_all)
{
    struct trn_package_facts f;
    cr_assert_eq(trn_package_facts_parse(TRN_STR("installed|ok|1.1|amd64|optional|no|no|\n"), &f), 0);
    cr_assert_eq(f.state, TRN_PACKAGE_WHOLE);
    cr_assert_str_eq(f.version, "1.1");
    cr_assert_str_eq(f.arch, "amd64");
    cr_assert(!f.needed);
    cr_assert_eq(trn_package_facts_parse(TRN_STR("installed|ok|1|all||no|yes|\n"), &f), 0);
    cr_assert(f.needed);
    cr_assert_eq(trn_package_facts_parse(TRN_STR("installed|ok|1|all|required|no|no|\n"), &f), 0);
    cr_assert(f.needed);
    cr_assert_eq(state_of("config-files|ok|1.1|all||no|no|\n"), TRN_PACKAGE_ABSENT);
    cr_assert_eq(state_of("not-installed|ok||||||\n"), TRN_PACKAGE_ABSENT);
    cr_assert_eq(state_of("triggers-pending|ok|1.1|all||no|no|\n"), TRN_PACKAGE_WHOLE);
    cr_assert_eq(state_of("half-configured|ok|1.1|all||no|no|\n"), TRN_PACKAGE_UNPACKED);
    cr_assert_eq(state_of("half-installed|ok|1.1|all||no|no|\n"), TRN_PACKAGE_HALF);
    cr_assert_eq(state_of("installed|reinstreq|1.1|all||no|no|\n"), TRN_PACKAGE_HALF);
    cr_assert_eq(trn_package_facts_parse(TRN_STR("installed|ok|1|a64|x|no|no|\ninstalled|ok|1|i386|x|no|no|\n"), &f),
                 -EMLINK);
    static const char *const bad[] = {"",
                                      "\n",
                                      "installed",
                                      "installed|ok|1.1|all||no|no|",
                                      "installed|ok|1.1|all||no\n",
                                      "installed|ok|1.1|all||no|no|x\n",
                                      "installed|ok|-1|all||no|no|\n",
                                      "installed|ok|1.1|../x||no|no|\n"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(bad); i++)
        cr_assert_eq(trn_package_facts_parse(trn_str_of(bad[i]), &f), -EBADMSG, "'%s'", bad[i]);
}

Test(package, a_simulation_that_brings_the_version_back_is_seen)
{
    const struct trn_str name = TRN_STR("acme"), version = TRN_STR("1.1");
    cr_assert(trn_package_would_install(TRN_STR("x\nInst acme (1.1 localhost [all])\n"), name, version));
    cr_assert(trn_package_would_install(TRN_STR("Inst acme [1.0] (1.1 localhost [all])"), name, version));
    cr_assert(trn_package_would_install(TRN_STR("Inst acme:i386 [1.0] (1.1 a [i386]) []\n"), name, version));
    cr_assert(!trn_package_would_install(TRN_STR("Inst acme [1.1] (1.2 localhost [all])\n"), name, version));
    cr_assert(!trn_package_would_install(TRN_STR("Inst acme-x (1.1 localhost [all])\n"), name, version));
    cr_assert(!trn_package_would_install(TRN_STR("Inst acme (1.11 localhost [all])\n"), name, version));
    cr_assert(!trn_package_would_install(TRN_STR("Conf acme (1.1 localhost [all])\nInst acme"), name, version));
}

Test(package, what_a_tool_says_is_shown_escaped_and_bounded)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 4096);
    trn_package_put_steps(&b, TRN_STR("Reading\nRemv a [1]\nInst b\033[2J (2 x)\nConf c\nConf d\n"), 3);
    cr_assert_str_eq(b.p, "  Remv a [1]\n  Inst b\\x1b[2J (2 x)\n  Conf c\n  and 1 steps more\n");
    trn_buf_clear(&b);
    trn_package_put_complaint(&b, TRN_STR("Reading\nE: no\033 such\ndpkg: error processing a:\nnoise\n"), 200);
    cr_assert_str_eq(b.p, "E: no\\x1b such; dpkg: error processing a:");
    trn_buf_clear(&b);
    trn_package_put_complaint(&b, TRN_STR("first line of many\nlast\n"), 6);
    cr_assert_str_eq(b.p, "last");
    trn_buf_clear(&b);
    trn_package_put_complaint(&b, TRN_STR(""), 200);
    cr_assert_str_eq(b.p, "it said nothing");
}

static void joined(const struct trn_package_argv *a, char *ret, size_t size)
{
    size_t n = 0;
    ret[0] = 0;
    cr_assert(!a->bad && !a->v[a->n]);
    for (size_t i = 0; i < a->n; i++)
        n += (size_t)snprintf(ret + n, size - n, "%s%s", i ? " " : "", a->v[i]);
}

Test(package, each_step_is_one_program_with_its_words)
{
    struct trn_package_argv a;
    struct trn_package_target t;
    char all[4096];
    cr_assert_eq(trn_package_target_parse(TRN_STR("acme=1.1,acme-plugin"), &t, NULL), 0);
    trn_package_argv_remove(&a, &t, true);
    joined(&a, all, sizeof all);
    cr_assert_str_eq(all, "/usr/bin/dpkg --no-act --remove acme acme-plugin");
    trn_package_argv_remove(&a, &t, false);
    trn_package_argv_in_unit(&a, 7, "-x", 900);
    joined(&a, all, sizeof all);
    cr_assert_eq(strncmp(all, "/usr/bin/systemd-run --unit=turncoat-package-7-x --wait --collect --pipe --quiet ", 80),
                 0);
    cr_assert(strstr(all, " --property=RuntimeMaxSec=900 ") &&
              strstr(all, " --setenv=DEBIAN_FRONTEND=noninteractive "));
    cr_assert(strstr(all, " -- /usr/bin/dpkg --remove acme acme-plugin"));
    trn_package_argv_install(&a, "acme=1.0", TRN_PACKAGE_SIMULATE);
    joined(&a, all, sizeof all);
    cr_assert_eq(strncmp(all, "/usr/bin/apt-get -s -q -y ", 26), 0);
    cr_assert(strstr(all, " --no-remove ") && strstr(all, " install acme=1.0"));
    trn_package_argv_install(&a, "acme=1.0", TRN_PACKAGE_INSTALL);
    joined(&a, all, sizeof all);
    cr_assert(!strstr(all, " -s ") && !strstr(all, "--download-only"));
}

Test(package, words_that_do_not_fit_are_never_cut)
{
    struct trn_package_argv a;
    char path[3000];
    for (size_t i = 0; i < sizeof path; i++)
        path[i] = 'a';
    path[sizeof path - 1] = 0;
    trn_package_argv_deb(&a, path);
    cr_assert(a.bad);
    int code;
    cr_assert_eq(trn_package_run(&a, -1, false, 1, &code, NULL), -E2BIG);
}

Test(package, a_pin_has_a_name_that_apt_reads)
{
    char path[300];
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_package_pin_path(path, sizeof path, "libstdc++6:i386", 12);
    cr_assert_str_eq(path, "/etc/apt/preferences.d/turncoat-libstdc__6-12.pref");
    trn_buf_init(&b, 1024);
    trn_package_pin_text(&b, "libstdc++6:i386", "1:2.3", 12);
    cr_assert(strstr(b.p, "\nPackage: libstdc++6:any\nPin: version 1:2.3\nPin-Priority: -1\n"));
}

Test(package, a_record_comes_back_and_a_damaged_one_does_not)
{
    struct trn_package_record r = {.name = "acme", .arch = "all", .from = "1.1", .to = "", .n_samples = 1}, back;
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    snprintf(r.samples[0], sizeof r.samples[0], "/opt/acme/bin/acme");
    trn_buf_init(&b, TRN_ACT_KEEP_MAX);
    trn_package_record_encode(&r, &b);
    cr_assert_eq(trn_package_record_decode(trn_buf_str(&b), &back), 0);
    cr_assert_str_eq(back.from, "1.1");
    cr_assert_str_eq(back.samples[0], "/opt/acme/bin/acme");
    for (size_t n = 0; n < b.n; n++) {
        struct trn_str cut = {b.p, n};
        cr_assert_eq(trn_package_record_decode(cut, &back), -EBADMSG);
    }
    trn_put_u8(&b, 0);
    cr_assert_eq(trn_package_record_decode(trn_buf_str(&b), &back), -EBADMSG);
    snprintf(r.name, sizeof r.name, "--x");
    trn_buf_clear(&b);
    trn_package_record_encode(&r, &b);
    cr_assert_eq(trn_package_record_decode(trn_buf_str(&b), &back), -EBADMSG);
}

static int run_words(const char *const *words, unsigned sec, int *ret_code, struct trn_err *err)
{
    struct trn_package_argv a = {0};
    for (; words[a.n]; a.n++)
        a.v[a.n] = words[a.n];
    TRN_AUTO(trn_fd_closep) int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    return trn_package_run(&a, null, true, sec, ret_code, err);
}

Test(package, a_tool_that_hangs_is_ended_and_one_that_is_missing_is_said)
{
    struct trn_err err;
    int code = -1;
    cr_assert_eq(run_words((const char *const[]){"/usr/bin/sleep", "60", NULL}, 0, &code, &err), -ETIMEDOUT);
    cr_assert_eq(run_words((const char *const[]){"/usr/bin/no-such-tool", NULL}, 5, &code, &err), -ENOEXEC);
    cr_assert_eq(run_words((const char *const[]){"/usr/bin/false", NULL}, 5, &code, &err), 0);
    cr_assert_eq(code, 1);
}

Test(package, a_tool_gets_a_clean_environment_and_a_session_of_its_own)
{
    struct trn_package_argv a = {.v = {"/usr/bin/env", NULL}, .n = 1};
    TRN_AUTO(trn_buf_done) struct trn_buf said = {0};
    int code = -1;
    setenv("TRN_SECRET", "x", 1);
    cr_assert_eq(trn_package_ask(&a, true, &said, &code, NULL), 0);
    cr_assert(!strstr(said.p, "TRN_SECRET") && strstr(said.p, "DEBIAN_FRONTEND=noninteractive\n"));
    struct trn_package_argv ps = {.v = {"/usr/bin/cut", "-d ", "-f1,6", "/proc/self/stat", NULL}, .n = 4};
    trn_buf_done(&said);
    cr_assert_eq(trn_package_ask(&ps, true, &said, &code, NULL), 0);
    struct trn_str rest = trn_str_trim(trn_buf_str(&said)), pid;
    cr_assert(trn_str_split(&rest, ' ', &pid) && trn_str_eq(pid, rest), "%s", said.p);
}
