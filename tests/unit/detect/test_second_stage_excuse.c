/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is an honest reason to fetch and run a program known as one, and what only looks like it not? */
#include "script_and_machine.h"

#include <criterion/criterion.h>

#define CHECK "behaviour.second-stage"
#define TOOL "/opt/acme-ide/ide"
#define SERVER "/home/alice/.acme-ide/servers/lang"
#define HOME_TOOL "/home/alice/.local/share/acme/acme-cli"
#define DAY_MS (24ull * 3600 * 1000)

TestSuite(second_stage_excuse, .init = setup, .fini = teardown);

/* The score of the last finding; 0: none. */
static unsigned score(void)
{
    act_stop(s);
    machine_run(m, s, 0, s->n);
    size_t n = machine_count(m, CHECK);
    return n ? machine_finding(m, CHECK, n - 1)->score : 0;
}

static void fetch_and_run(uint32_t pid, const char *path)
{
    act_connect(s, pid, "10.9.0.5", 443);
    act_write(s, pid, path);
    act_start(s, pid, pid + 1, path, "fetched");
    act_exit(s, pid + 1);
}

/* With days of nothing but its own life, or of fetching and running what is no package's. */
static void days(unsigned n, const char *path)
{
    for (unsigned i = 0; i < n; i++) {
        uint32_t pid = 1000 + 10 * i;
        act_start(s, 1, pid, TOOL, "ide");
        act_identity(s, TOOL, "acme-ide", "1.0", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
        if (path)
            fetch_and_run(pid, path);
        act_exit(s, pid);
        wait_ms(s, DAY_MS);
    }
}

Test(second_stage_excuse, none_for_a_program_that_never_did_it)
{
    days(25, NULL);
    act_start(s, 1, 500, TOOL, "ide");
    fetch_and_run(500, SERVER);
    cr_assert_eq(score(), 45);
}

Test(second_stage_excuse, a_place_where_it_always_put_programs)
{
    /* written by itself and run by itself, but a compiler's, so that its first days are only notes */
    act_identity(s, "/usr/bin/ld", "binutils", "2.40", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    for (unsigned i = 0; i < 25; i++) {
        uint32_t pid = 1000 + 10 * i;
        act_start(s, 1, pid, TOOL, "ide");
        act_identity(s, TOOL, "acme-ide", "1.0", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
        act_connect(s, pid, "10.9.0.5", 443);
        act_start(s, pid, pid + 1, "/usr/bin/ld", "ld");
        act_write(s, pid + 1, SERVER);
        act_start(s, pid, pid + 2, SERVER, "lang");
        act_exit(s, pid);
        wait_ms(s, DAY_MS);
    }
    act_start(s, 1, 500, TOOL, "ide");
    fetch_and_run(500, "/home/alice/.acme-ide/servers/other");
    cr_assert_eq(score(), 15);
}

Test(second_stage_excuse, another_place_than_where_it_always_put_programs)
{
    days(25, SERVER);
    act_start(s, 1, 500, TOOL, "ide");
    fetch_and_run(500, "/home/alice/.cache/x/helper");
    cr_assert_eq(score(), 45);
}

Test(second_stage_excuse, an_installer_started_it)
{
    act_identity(s, "/usr/bin/npm", "npm", "9", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    act_identity(s, "/srv/web/node_modules/esbuild/install", "esbuild", "1", TRN_ORIGIN_NPM, 0);
    act_start(s, 101, 500, "/usr/bin/npm", "npm ci");
    act_start(s, 500, 501, "/usr/bin/dash", "sh -c install");
    act_start(s, 501, 502, "/srv/web/node_modules/esbuild/install", "install");
    fetch_and_run(502, "/srv/web/node_modules/esbuild/bin");
    cr_assert_eq(score(), 15);
}

Test(second_stage_excuse, a_program_that_calls_itself_an_installer_is_none)
{
    act_start(s, 1, 500, "/home/alice/bin/npm", "npm ci");
    act_start(s, 500, 502, "/home/alice/bin/install", "install");
    fetch_and_run(502, "/home/alice/bin/x");
    cr_assert_eq(score(), 45);
}

Test(second_stage_excuse, an_appimage_replaces_itself)
{
    act_start(s, 1, 500, HOME_TOOL, "acme-cli");
    act_identity(s, HOME_TOOL, "acme-cli", "1", TRN_ORIGIN_APPIMAGE, 0);
    act_connect(s, 500, "10.9.0.5", 443);
    act_write(s, 500, HOME_TOOL ".part");
    act_rename(s, 500, HOME_TOOL ".part", HOME_TOOL);
    act_start(s, 500, 501, HOME_TOOL, "acme-cli");
    act_identity(s, HOME_TOOL, "acme-cli", "2", TRN_ORIGIN_APPIMAGE, 0);
    cr_assert_eq(score(), 20);
}

Test(second_stage_excuse, a_file_beside_an_appimage_is_another)
{
    act_start(s, 1, 500, HOME_TOOL, "acme-cli");
    act_identity(s, HOME_TOOL, "acme-cli", "1", TRN_ORIGIN_APPIMAGE, 0);
    fetch_and_run(500, "/home/alice/.local/share/acme/helper");
    cr_assert_eq(score(), 45);
}

Test(second_stage_excuse, an_installer_that_a_person_started)
{
    act_start(s, 101, 500, "/home/alice/rustup-init", "rustup-init");
    fetch_and_run(500, "/home/alice/.cargo/bin/rustc");
    cr_assert_eq(score(), 20);
}

Test(second_stage_excuse, a_step_of_a_build_in_a_container)
{
    act_start(s, 1, 400, "/usr/bin/containerd-shim-runc-v2", "containerd-shim-runc-v2");
    act_fork(s, 400, 500);
    act_exec(s, 500, "/usr/bin/dash", "sh -c build");
    s->ev[s->n - 1].mntns = 77;
    fetch_and_run(500, "/usr/local/bin/tini");
    cr_assert_eq(score(), 20);
}

Test(second_stage_excuse, a_service_of_the_host_that_is_a_shell_is_no_build)
{
    act_start(s, 1, 500, "/usr/bin/dash", "sh -c fetch");
    fetch_and_run(500, "/usr/local/bin/tini");
    cr_assert_eq(score(), 45);
}
