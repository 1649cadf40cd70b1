/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does an honest day stay quiet? Nothing from suspicious up; at most low notes. */
#include "../detect/script_and_machine.h"

#include <criterion/criterion.h>

static void package(const char *path, const char *name)
{
    act_identity(s, path, name, "1", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
}

static void quiet(uint16_t highest)
{
    act_tick(s);
    wait_ms(s, 10000);
    act_stop(s);
    machine_run(m, s, 0, s->n);
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 0);
    for (size_t i = 0; i < m->n_findings; i++)
        cr_expect_leq(m->findings[i].score, highest, "%u: %.*s", m->findings[i].score,
                      TRN_STR_ARG(m->findings[i].summary));
}

/* In a terminal below sshd, or as a build machine does: what started the first shell is out of sight. */
static uint32_t shell(bool terminal)
{
    if (!terminal) {
        act_start(s, 4000, 102, "/usr/bin/dash", "sh -c build");
        return 102;
    }
    return 101;
}

TestSuite(benign, .init = setup, .fini = teardown);

static void clone_configure_make_run(uint32_t sh)
{
    act_start(s, sh, 200, "/usr/bin/git", "git clone git://127.0.0.10/prog");
    package("/usr/bin/git", "git");
    act_connect(s, 200, "127.0.0.10", 9418);
    act_start(s, 200, 201, "/usr/lib/git-core/git", "git index-pack");
    package("/usr/lib/git-core/git", "git");
    act_write(s, 201, "/home/alice/prog/.git/pack");
    act_write(s, 200, "/home/alice/prog/configure");
    act_write(s, 200, "/home/alice/prog/gen.c");
    act_exit(s, 200);
    wait_ms(s, 500);
    act_fork(s, sh, 210);
    act_script(s, 210, "/usr/bin/dash", "/home/alice/prog/configure", "sh ./configure");
    act_start(s, 210, 211, "/usr/bin/x86_64-linux-gnu-gcc-12", "cc -o conftest");
    package("/usr/bin/x86_64-linux-gnu-gcc-12", "gcc-12");
    act_start(s, 211, 212, "/usr/bin/x86_64-linux-gnu-ld.bfd", "ld -o conftest");
    package("/usr/bin/x86_64-linux-gnu-ld.bfd", "binutils-x86-64-linux-gnu");
    act_write(s, 212, "/home/alice/prog/conftest");
    act_start(s, 210, 213, "/home/alice/prog/conftest", "conftest");
    act_write(s, 210, "/home/alice/prog/config.status");
    act_fork(s, 210, 214);
    act_script(s, 214, "/usr/bin/dash", "/home/alice/prog/config.status", "sh ./config.status");
    act_write(s, 214, "/home/alice/prog/Makefile");
    act_exit(s, 210);
    act_start(s, sh, 220, "/usr/bin/make", "make");
    package("/usr/bin/make", "make");
    act_start(s, 220, 221, "/usr/bin/x86_64-linux-gnu-ld.bfd", "ld -o gen");
    act_write(s, 221, "/home/alice/prog/gen");
    act_start(s, 220, 222, "/home/alice/prog/gen", "gen");
    act_write(s, 222, "/home/alice/prog/prog.h");
    act_start(s, 220, 223, "/usr/bin/x86_64-linux-gnu-ld.bfd", "ld -o prog");
    act_write(s, 223, "/home/alice/prog/prog");
    act_start(s, sh, 230, "/home/alice/prog/prog", "prog");
    act_connect(s, 230, "127.0.0.1", 80);
}

Test(benign, clone_configure_make_run_in_a_terminal)
{
    clone_configure_make_run(shell(true));
    quiet(20);
}

Test(benign, clone_configure_make_run_on_a_build_machine)
{
    clone_configure_make_run(shell(false));
    quiet(20);
}

static void pip_install(uint32_t sh)
{
    act_fork(s, sh, 300);
    act_script(s, 300, "/usr/bin/python3.11", "/usr/bin/pip3", "python3 /usr/bin/pip3 install honest-tool");
    package("/usr/bin/python3.11", "python3.11-minimal");
    package("/usr/bin/pip3", "python3-pip");
    act_connect(s, 300, "127.0.0.8", 80);
    act_write(s, 300, "/tmp/pip-build/setup.py");
    act_write(s, 300, "/tmp/pip-build/helper.py");
    act_write(s, 300, "/tmp/pip-build/probe.sh");
    act_start(s, 300, 301, "/usr/bin/python3.11", "python3 setup.py bdist_wheel");
    act_start(s, 301, 302, "/usr/bin/python3.11", "python3 /tmp/pip-build/helper.py");
    act_start(s, 301, 303, "/usr/bin/dash", "sh /tmp/pip-build/probe.sh");
    act_write(s, 301, "/home/alice/.local/bin/honest-tool");
    act_exit(s, 301);
    act_exit(s, 300);
    act_fork(s, sh, 310);
    act_script(s, 310, "/usr/bin/python3.11", "/home/alice/.local/bin/honest-tool", "python3 honest-tool");
    act_identity(s, "/home/alice/.local/bin/honest-tool", "honest-tool", "1.0", TRN_ORIGIN_PYTHON, 0);
}

Test(benign, pip_install_in_a_terminal)
{
    pip_install(shell(true));
    quiet(20);
}

Test(benign, pip_install_on_a_build_machine)
{
    pip_install(shell(false));
    quiet(20);
}

static void npm_ci(uint32_t sh)
{
    act_fork(s, sh, 400);
    act_script(s, 400, "/usr/bin/node", "/usr/share/nodejs/npm/bin/npm-cli.js", "node npm ci");
    package("/usr/bin/node", "nodejs");
    package("/usr/share/nodejs/npm/bin/npm-cli.js", "npm");
    act_connect(s, 400, "127.0.0.8", 80);
    act_write(s, 400, "/home/alice/site/node_modules/honest-dep/install.js");
    act_write(s, 400, "/home/alice/site/node_modules/honest-dep/tool");
    act_identity(s, "/home/alice/site/node_modules/honest-dep/tool", "honest-dep", "1.0.0", TRN_ORIGIN_NPM, 0);
    act_start(s, 400, 401, "/usr/bin/dash", "sh -c node");
    act_start(s, 401, 402, "/usr/bin/node", "node /home/alice/site/node_modules/honest-dep/install.js");
    act_identity(s, "/home/alice/site/node_modules/honest-dep/install.js", "honest-dep", "1.0.0", TRN_ORIGIN_NPM, 0);
    act_start(s, 402, 403, "/home/alice/site/node_modules/honest-dep/tool", "tool");
    act_write(s, 402, "/home/alice/site/node_modules/honest-dep/installed");
    act_exit(s, 400);
    act_start(s, sh, 410, "/home/alice/site/node_modules/honest-dep/tool", "tool");
}

Test(benign, npm_ci_in_a_terminal)
{
    npm_ci(shell(true));
    quiet(20);
}

Test(benign, npm_ci_on_a_build_machine)
{
    npm_ci(shell(false));
    quiet(20);
}

Test(benign, apt_upgrade)
{
    act_start(s, 101, 500, "/usr/bin/apt-get", "apt-get upgrade");
    package("/usr/bin/apt-get", "apt");
    act_start(s, 500, 501, "/usr/lib/apt/methods/http", "http");
    package("/usr/lib/apt/methods/http", "apt");
    act_connect(s, 501, "10.0.0.80", 80);
    act_write(s, 501, "/var/cache/apt/archives/hello.deb");
    act_start(s, 500, 502, "/usr/bin/dpkg", "dpkg --unpack");
    package("/usr/bin/dpkg", "dpkg");
    act_write(s, 502, "/usr/bin/hello.dpkg-new");
    act_rename(s, 502, "/usr/bin/hello.dpkg-new", "/usr/bin/hello");
    act_write(s, 502, "/var/lib/dpkg/info/hello.postinst");
    act_fork(s, 502, 503);
    act_script(s, 503, "/usr/bin/dash", "/var/lib/dpkg/info/hello.postinst", "sh hello.postinst configure");
    act_start(s, 503, 504, "/usr/bin/hello", "hello");
    act_identity(s, "/usr/bin/hello", "hello", "2.10", TRN_ORIGIN_DPKG, TRN_SW_UNPACKED);
    act_exit(s, 500);
    act_start(s, 101, 510, "/usr/bin/hello", "hello");
    quiet(0);
}

Test(benign, curl_and_an_installer_script_at_the_prompt)
{
    act_start(s, 101, 600, "/usr/bin/curl", "curl -o install.sh");
    act_connect(s, 600, "10.0.0.1", 443);
    act_write(s, 600, "/home/alice/install.sh");
    act_exit(s, 600);
    act_start(s, 101, 601, "/usr/bin/bash", "bash install.sh");
    act_start(s, 601, 602, "/usr/bin/curl", "curl -o tool");
    act_connect(s, 602, "10.0.0.1", 443);
    act_write(s, 602, "/home/alice/bin/tool");
    act_start(s, 601, 603, "/home/alice/bin/tool", "tool --setup");
    act_start(s, 101, 604, "/usr/bin/cat", "cat places.sqlite");
    act_open(s, 604, "/home/alice/.mozilla/x/places.sqlite", "browser-history", "firefox");
    quiet(20);
}

Test(benign, an_editor_that_updates_itself_is_a_note)
{
    act_start(s, 1, 700, "/opt/editor/editor", "editor");
    act_identity(s, "/opt/editor/editor", "editor", "1", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    act_connect(s, 700, "10.0.0.1", 443);
    for (uint32_t i = 0; i < 8; i++) {
        char path[64] = "/home/alice/.editor/server-0";
        path[strlen(path) - 1] = (char)('0' + i);
        act_write(s, 700, path);
        act_start(s, 700, 701 + i, path, "server");
    }
    quiet(45);
    cr_assert_eq(machine_stories(m, TRN_VERDICT_NOTE), 1);
}
