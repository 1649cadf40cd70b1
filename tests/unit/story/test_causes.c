/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Question: is what has one cause one story, and does nothing else glue two together? Two packaged programs each read a
 * browser's data; what stands between them differs.
 */
#include "../detect/script_and_machine.h"

#include <criterion/criterion.h>

#define HISTORY "/x/places.sqlite"

TestSuite(causes, .init = setup, .fini = teardown);

/* A program of the package `name`, started by `parent`. */
static void app(uint32_t parent, uint32_t pid, const char *name)
{
    const char *path = trn_arena_printf(s->arena, "/opt/%s/%s", name, name).p;
    act_start(s, parent, pid, path, name);
    act_identity(s, path, name, "3", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
}

static void reads(uint32_t pid)
{
    act_open(s, pid, HISTORY, "browser-history", "firefox");
    wait_ms(s, 50);
}

static void reaches(uint32_t from, uint32_t into, enum trn_action action)
{
    act_tick(s);
    struct trn_event *ev = &s->ev[s->n - 1];
    uint64_t seq = ev->seq, boot = ev->boot_ns, wall = ev->wall_ns;
    trn_event_init(ev, TRN_EV_ACCESS);
    ev->seq = seq;
    ev->boot_ns = boot;
    ev->wall_ns = wall;
    ev->action = (uint16_t)action;
    ev->pid = from;
    ev->entity = entity_of(from);
    ev->access.target = entity_of(into);
    ev->access.target_pid = into;
    ev->access.way = TRN_STR("ptrace");
}

static size_t stories(void)
{
    act_tick(s);
    act_stop(s);
    machine_run(m, s, 0, s->n);
    return machine_stories(m, TRN_VERDICT_NOTE);
}

/* ---- borders ---- */

static const char *const borders[] = {"/usr/lib/systemd/systemd", "/usr/sbin/sshd", "/usr/sbin/cron",
                                      "/usr/bin/containerd-shim-runc-v2", "/usr/bin/login"};

Test(causes, below_one_border_two_programs_are_two_stories)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(borders); i++) {
        act_start(s, 1, 300, borders[i], "border");
        app(300, 301, "one");
        app(300, 302, "two");
        reads(301);
        reads(302);
        cr_expect_eq(stories(), 2, "%s", borders[i]);
        teardown();
        setup();
    }
}

Test(causes, what_a_program_starts_behind_a_border_is_not_its_own)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(borders); i++) {
        softphone(s, "1.1");
        act_start(s, 812, 300, borders[i], "border");
        app(300, 301, "other");
        reads(812);
        reads(301);
        cr_expect_eq(stories(), 2, "%s", borders[i]);
        teardown();
        setup();
    }
}

Test(causes, a_shell_of_one_login_glues_nothing)
{
    act_start(s, 101, 200, "/usr/bin/bash", "bash");
    app(200, 301, "one");
    app(101, 302, "two");
    reads(301);
    reads(302);
    cr_assert_eq(stories(), 2);
}

Test(causes, what_a_person_does_with_a_program_is_not_what_its_service_does)
{
    act_start(s, 101, 200, "/usr/bin/curl", "curl file:" HISTORY);
    act_identity(s, "/usr/bin/curl", "curl", "7", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    reads(200);
    act_start(s, 1, 210, "/usr/bin/curl", "curl file:" HISTORY);
    reads(210);
    cr_assert_eq(stories(), 2);
}

/* ---- files that are no cause ---- */

static void both_touch(const char *path)
{
    app(1, 301, "one");
    app(1, 302, "two");
    act_connect(s, 301, "10.9.0.5", 8443);
    act_write(s, 301, path);
    act_write(s, 302, path);
    act_open(s, 302, path, NULL, NULL);
    reads(301);
    reads(302);
}

Test(causes, a_shared_file_that_nobody_runs_joins_nothing)
{
    static const char *const paths[] = {"/var/log/shared.log", "/var/lib/dpkg/status", "/tmp/scratch",
                                        "/home/alice/Downloads/setup.tar"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(paths); i++) {
        both_touch(paths[i]);
        cr_expect_eq(stories(), 2, "%s", paths[i]);
        teardown();
        setup();
    }
}

/* ---- one cause ---- */

Test(causes, a_child_is_its_starters)
{
    softphone(s, "1.1");
    act_fork(s, 812, 813);
    reads(812);
    act_fork(s, 813, 814);
    act_open(s, 814, "/x/Cookies", "browser-cookies", "chromium");
    cr_assert_eq(stories(), 1);
    cr_assert_eq(m->told[1]->n_findings, 2);
}

/* The content, not the place: a copy that cron starts. */
Test(causes, the_same_new_content_elsewhere)
{
    softphone(s, "1.1");
    act_connect(s, 812, "10.9.0.5", 8443);
    act_write(s, 812, "/home/alice/.cache/acme/helper");
    act_start(s, 812, 845, "/home/alice/.cache/acme/helper", "helper");
    act_identity_hash(s, "/home/alice/.cache/acme/helper", 0x5e);
    act_start(s, 1, 300, "/usr/sbin/cron", "cron");
    act_start(s, 300, 301, "/home/alice/.local/bin/sync", "sync");
    act_identity_hash(s, "/home/alice/.local/bin/sync", 0x5e);
    reads(301);
    act_start(s, 300, 302, "/home/alice/.local/bin/other", "other");
    act_identity_hash(s, "/home/alice/.local/bin/other", 0x77);
    reads(302);
    cr_assert_eq(stories(), 2, "other content is another matter");
    cr_assert(trn_str_eq_c(m->told[1]->software.name, "acme-softphone"));
    cr_assert_eq(m->told[1]->n_findings, 2);
}

Test(causes, several_processes_of_one_file_of_no_package)
{
    act_start(s, 1, 300, "/usr/sbin/cron", "cron");
    for (uint32_t pid = 301; pid < 304; pid++) {
        act_start(s, 300, pid, "/srv/job", "job");
        act_identity_hash(s, "/srv/job", 0x11);
        reads(pid);
        act_exit(s, pid);
        wait_ms(s, 60000);
    }
    cr_assert_eq(stories(), 1);
    cr_assert_eq(m->told[1]->n_findings, 3);
}

static void one_writes_another_runs(bool writer_first)
{
    app(1, 301, "one");
    app(1, 302, "two");
    act_connect(s, 301, "10.9.0.5", 8443);
    if (writer_first)
        reads(301);
    act_write(s, 301, "/srv/plugin");
    act_start(s, 302, 303, "/srv/plugin", "plugin");
    act_identity_hash(s, "/srv/plugin", 0x22);
    wait_ms(s, 50);
    if (!writer_first)
        reads(301);
}

Test(causes, written_by_one_software_run_by_another)
{
    for (int writer_first = 0; writer_first < 2; writer_first++) {
        one_writes_another_runs(writer_first);
        cr_expect_eq(stories(), 1, "%d", writer_first);
        cr_expect_eq(m->told[1]->n_findings, 2, "%d", writer_first);
        cr_expect(trn_str_eq_c(m->told[1]->software.name, "one"), "the story is about who wrote it (%d)", writer_first);
        teardown();
        setup();
    }
}

/* ---- reaching into another ---- */

static void one_reaches_into_two(enum trn_action how, bool before)
{
    app(1, 301, "one");
    app(1, 302, "two");
    if (!before)
        reads(301);
    reaches(301, 302, how);
    reads(302);
    if (before)
        reads(301);
}

Test(causes, who_was_reached_into_acts_for_the_other)
{
    static const enum trn_action how[] = {TRN_ACT_PTRACE, TRN_ACT_WRITE};
    for (size_t i = 0; i < 4; i++) {
        one_reaches_into_two(how[i % 2], i / 2);
        cr_expect_eq(stories(), 1);
        cr_expect(trn_str_eq_c(m->told[1]->software.name, "one"));
        cr_expect_eq(m->told[1]->n_processes, 2);
        cr_expect(strstr(machine_page(m, 1), "one had reached into two"), "%s", m->page);
        teardown();
        setup();
    }
}

Test(causes, memory_that_was_read_joins_nothing)
{
    one_reaches_into_two(TRN_ACT_READ, false);
    cr_assert_eq(stories(), 2);
}

Test(causes, a_debugger_at_a_prompt_joins_nothing)
{
    app(1, 301, "one");
    app(1, 302, "two");
    act_start(s, 101, 200, "/usr/bin/gdb", "gdb -p 301");
    reaches(200, 301, TRN_ACT_PTRACE);
    reaches(200, 302, TRN_ACT_PTRACE);
    reads(301);
    reads(302);
    cr_assert_eq(stories(), 2);
}

Test(causes, who_reaches_into_everybody_joins_nobody)
{
    app(1, 300, "agent");
    for (uint32_t pid = 301; pid < 307; pid++) {
        app(1, pid, trn_arena_printf(s->arena, "app%u", pid).p);
        reaches(300, pid, TRN_ACT_PTRACE);
    }
    for (uint32_t pid = 301; pid < 307; pid++)
        reads(pid);
    cr_assert_eq(stories(), 6);
}

Test(causes, a_restart_remembers_who_reached_into_whom)
{
    app(1, 301, "one");
    app(1, 302, "two");
    reads(301);
    reaches(301, 302, TRN_ACT_WRITE);
    size_t cut = s->n;
    reads(302);
    act_stop(s);
    struct machine *second = machine_new(NULL);
    machine_run(m, s, 0, cut);
    machine_restore(second, m, s, cut);
    machine_run(second, s, cut, s->n);
    cr_assert_eq(machine_stories(second, TRN_VERDICT_NOTE), 1);
    cr_assert_geq(second->told[1]->n_findings, 2);
    machine_free(second);
}
