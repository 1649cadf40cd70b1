/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of program is it, and which script does it run? */
#include "process/internal.h"

#include <criterion/criterion.h>

static enum trn_role role(const char *path)
{
    return trn_role_of(trn_str_of(path), NULL, false);
}

static enum trn_role owned(const char *path, const char *name, enum trn_origin origin, uint32_t flags, bool script)
{
    struct trn_software sw = {.name = trn_str_of(name), .origin = origin, .flags = flags};
    return trn_role_of(trn_str_of(path), &sw, script);
}

Test(role, tables_are_sorted)
{
    cr_assert(trn_role_tables_sorted());
}

Test(role, names_in_system_directories)
{
    cr_assert_eq(role("/usr/bin/dash"), TRN_ROLE_SHELL);
    cr_assert_eq(role("/bin/bash"), TRN_ROLE_SHELL);
    cr_assert_eq(role("/usr/bin/id"), TRN_ROLE_TOOL);
    cr_assert_eq(role("/usr/bin/x86_64-linux-gnu-gcc-12"), TRN_ROLE_TOOL);
    cr_assert_eq(role("/usr/lib/gcc/x86_64-linux-gnu/12/cc1"), TRN_ROLE_TOOL);
    cr_assert_eq(role("/usr/lib/llvm-14/bin/clang"), TRN_ROLE_TOOL);
    cr_assert_eq(role("/usr/bin/python3.11"), TRN_ROLE_INTERPRETER);
    cr_assert_eq(role("/usr/bin/perl"), TRN_ROLE_INTERPRETER);
    cr_assert_eq(role("/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"), TRN_ROLE_INTERPRETER);
    cr_assert_eq(role("/usr/lib/jvm/java-17-openjdk-amd64/bin/java"), TRN_ROLE_INTERPRETER);
    cr_assert_eq(role("/usr/sbin/sshd"), TRN_ROLE_BORDER);
    cr_assert_eq(role("/usr/lib/systemd/systemd"), TRN_ROLE_BORDER);
    cr_assert_eq(role("/usr/bin/git"), TRN_ROLE_APPLICATION);
    cr_assert_eq(role("/usr/bin/something"), TRN_ROLE_APPLICATION);
    cr_assert_eq(role(""), TRN_ROLE_APPLICATION);
    cr_assert_eq(trn_role_of(TRN_STR_NONE, NULL, false), TRN_ROLE_APPLICATION);
}

Test(role, names_elsewhere_are_worth_little)
{
    cr_assert_eq(role("/tmp/sshd"), TRN_ROLE_APPLICATION);
    cr_assert_eq(role("/tmp/bash"), TRN_ROLE_APPLICATION);
    cr_assert_eq(role("/home/u/curl"), TRN_ROLE_APPLICATION);
    cr_assert_eq(role("/opt/acme/bin/sh"), TRN_ROLE_APPLICATION);
    cr_assert_eq(role("/home/u/.cache/python3"), TRN_ROLE_APPLICATION);
    cr_assert_eq(role("/home/u/.pyenv/versions/3.12/bin/python3.12"), TRN_ROLE_INTERPRETER);
    cr_assert_eq(role("/usr/local/bin/curl"), TRN_ROLE_TOOL);
    cr_assert_eq(role("/usr/local/sbin/sshd"), TRN_ROLE_APPLICATION);
    cr_assert_eq(owned("/usr/sbin/sshd", "sshd", TRN_ORIGIN_MANUAL, 0, false), TRN_ROLE_APPLICATION);
    cr_assert_eq(owned("/usr/sbin/sshd", "openssh-server", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED, false),
                 TRN_ROLE_APPLICATION);
    cr_assert_eq(owned("/usr/sbin/sshd", "openssh-server", TRN_ORIGIN_DPKG, 0, false), TRN_ROLE_BORDER);
}

Test(role, package_is_better_evidence_than_the_name)
{
    cr_assert_eq(owned("/usr/bin/lsattr", "e2fsprogs", TRN_ORIGIN_DPKG, TRN_SW_BASE, false), TRN_ROLE_TOOL);
    cr_assert_eq(owned("/usr/bin/softphone", "acme", TRN_ORIGIN_DPKG, 0, false), TRN_ROLE_APPLICATION);
    cr_assert_eq(owned("/usr/bin/dpkg", "dpkg", TRN_ORIGIN_DPKG, TRN_SW_BASE, false), TRN_ROLE_APPLICATION);
    cr_assert_eq(owned("/usr/bin/dpkg-query", "dpkg", TRN_ORIGIN_DPKG, TRN_SW_BASE, false), TRN_ROLE_TOOL);
    cr_assert_eq(owned("/usr/bin/apt-get", "apt", TRN_ORIGIN_DPKG, TRN_SW_BASE, false), TRN_ROLE_APPLICATION);
}

Test(role, script_is_judged_by_its_owner)
{
    cr_assert_eq(owned("/usr/bin/python3.11", "python3-pip", TRN_ORIGIN_DPKG, 0, true), TRN_ROLE_APPLICATION);
    cr_assert_eq(owned("/usr/bin/dash", "firefox-esr", TRN_ORIGIN_DPKG, 0, true), TRN_ROLE_APPLICATION);
    cr_assert_eq(owned("/usr/bin/dash", "apt", TRN_ORIGIN_DPKG, TRN_SW_BASE, true), TRN_ROLE_APPLICATION);
    cr_assert_eq(owned("/usr/bin/perl", "debconf", TRN_ORIGIN_DPKG, TRN_SW_BASE, true), TRN_ROLE_TOOL);
    cr_assert_eq(owned("/usr/bin/dash", "xdg-utils", TRN_ORIGIN_DPKG, 0, true), TRN_ROLE_TOOL);
    cr_assert_eq(owned("/usr/bin/dash", "configure", TRN_ORIGIN_MANUAL, 0, true), TRN_ROLE_SHELL);
    cr_assert_eq(owned("/usr/bin/node", "esbuild", TRN_ORIGIN_NPM, 0, true), TRN_ROLE_APPLICATION);
    cr_assert_eq(trn_role_of(TRN_STR("/usr/bin/python3.11"), NULL, true), TRN_ROLE_INTERPRETER);
    cr_assert_eq(trn_role_of(TRN_STR("/usr/bin/unheard-of"), NULL, true), TRN_ROLE_INTERPRETER);
    cr_assert_eq(trn_role_of(TRN_STR("/home/u/evil"), NULL, true), TRN_ROLE_APPLICATION);
}

static void expect_script(const char *program, const char *words, const char *want)
{
    char argv[512];
    size_t n = strlen(words);
    memcpy(argv, words, n + 1);
    for (size_t i = 0; i < n; i++)
        if (argv[i] == ' ')
            argv[i] = '\0';
    struct trn_str got = trn_script_of_args(trn_str_of(program), (struct trn_str){argv, n + 1});
    cr_assert(trn_str_eq(got, trn_str_of(want)), "%s: got '%.*s'", words, TRN_STR_ARG(got));
}

Test(role, script_among_the_arguments)
{
    expect_script("python3.11", "python3 x.py", "x.py");
    expect_script("python3.11", "python3 -u -W ignore -Xdev x.py -c y", "x.py");
    expect_script("python3.11", "python3 -c import", NULL);
    expect_script("python3.11", "python3 -m pip install x", NULL);
    expect_script("python3.11", "python3 -Im pip", NULL);
    expect_script("python3.11", "python3", NULL);
    expect_script("python3.11", "python3 -", NULL);
    expect_script("dash", "sh -e /opt/run.sh", "/opt/run.sh");
    expect_script("dash", "sh -ec id", NULL);
    expect_script("bash", "bash -lc id", NULL);
    expect_script("bash", "bash --rcfile x -o pipefail +x y.sh", "y.sh");
    expect_script("bash", "bash -- -x", "-x");
    expect_script("node", "node -r mod --inspect app.js", "app.js");
    expect_script("node", "node -e 1 x", NULL);
    expect_script("perl", "perl -I lib -w x.pl", "x.pl");
    expect_script("perl", "perl -ne print x", NULL);
    expect_script("java", "java -Xmx1g -cp a.jar -jar /opt/app.jar x", "/opt/app.jar");
    expect_script("java", "java Main", NULL);
    expect_script("ld-linux-x86-64.so.2", "ld.so --library-path /x /tmp/prog", "/tmp/prog");
    expect_script("ld-linux-x86-64.so.2", "ld.so --preload /x.so --argv0 sshd --inhibit-cache -- /tmp/prog a",
                  "/tmp/prog");
    expect_script("ld-linux-x86-64.so.2", "ld.so --glibc-hwcaps-prepend v3 ./prog", "./prog");
    expect_script("ld-linux-x86-64.so.2", "ld.so --list /bin/ls", NULL);
    expect_script("ld-linux-x86-64.so.2", "ld.so --verify /bin/ls", NULL);
    expect_script("ld-linux-x86-64.so.2", "ld.so prog", NULL);
    expect_script("ld-2.31.so", "ld.so /tmp/prog", "/tmp/prog");
    expect_script("ld-musl-x86_64.so.1", "ld.so --preload /x.so /tmp/prog", "/tmp/prog");
    expect_script("curl", "curl x.py", NULL);
    expect_script("python3.11", "python3 -W", NULL);
}

Test(role, cut_argument_is_not_taken_for_a_path)
{
    struct trn_str argv = {"python3\0/opt/long-na", 20};
    cr_assert(trn_str_is_none(trn_script_of_args(TRN_STR("python3"), argv)));
    cr_assert(trn_str_is_none(trn_script_of_args(TRN_STR("python3"), TRN_STR_NONE)));
    cr_assert(trn_str_is_none(trn_script_of_args(TRN_STR("python3"), TRN_STR(""))));
}
