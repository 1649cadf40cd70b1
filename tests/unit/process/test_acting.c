/* SPDX-License-Identifier: Apache-2.0 */
/* Who acts? Each test is one small story. */
#include "story.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { INIT = 1, PHONE = 812, A = 900, B, C, D, E };

#define PHONE_PATH "/opt/acme-softphone/softphone"

static struct machine m;

static void setup(void)
{
    m = machine_new(0);
    act_existing(&m, 0, INIT, "/usr/lib/systemd/systemd");
    act_run(&m, INIT, PHONE, PHONE_PATH, "softphone");
    act_identity(&m, PHONE_PATH, "acme-softphone", "1.1", TRN_ORIGIN_DPKG, 0);
}

static void teardown(void)
{
    machine_done(&m);
}

TestSuite(acting, .init = setup, .fini = teardown);

Test(acting, application_acts_for_itself)
{
    cr_assert_str_eq(acting(&m, PHONE), "acme-softphone 1.1");
    cr_assert_eq(at(&m, PHONE)->acting, PHONE);
}

Test(acting, shell_of_an_application_is_the_application)
{
    act_run(&m, PHONE, A, "/usr/bin/dash", "sh -c id");
    act_run(&m, A, B, "/usr/bin/id", "id");
    cr_assert_str_eq(acting(&m, A), "acme-softphone 1.1");
    cr_assert_str_eq(acting(&m, B), "acme-softphone 1.1");
    cr_assert_eq(at(&m, B)->acting, PHONE);
    cr_assert_not(at(&m, B)->session_only);
}

Test(acting, unnamed_base_tool_is_found_out_by_its_package)
{
    act_run(&m, PHONE, A, "/usr/bin/lsattr", "lsattr");
    cr_assert_str_eq(acting(&m, A), "lsattr"); /* nothing known yet */
    act_identity(&m, "/usr/bin/lsattr", "e2fsprogs", "1.47", TRN_ORIGIN_DPKG, TRN_SW_BASE);
    cr_assert_str_eq(acting(&m, A), "acme-softphone 1.1");
}

Test(acting, late_identity_of_the_application_reaches_its_children)
{
    act_run(&m, INIT, A, "/opt/x/tool", "tool");
    act_run(&m, A, B, "/usr/bin/dash", "sh");
    cr_assert_str_eq(acting(&m, B), "tool");
    act_identity(&m, "/opt/x/tool", "x-tool", "3", TRN_ORIGIN_DPKG, 0);
    cr_assert_str_eq(acting(&m, B), "x-tool 3");
}

Test(acting, identity_known_before_is_picked_up_at_exec)
{
    act_run(&m, INIT, A, PHONE_PATH, "softphone");
    cr_assert_str_eq(acting(&m, A), "acme-softphone 1.1");
}

Test(acting, login_session_is_a_border)
{
    act_run(&m, INIT, A, "/usr/sbin/sshd", "sshd");
    act_fork(&m, A, B); /* the session's sshd */
    act_run_tty(&m, B, C, "/usr/bin/bash");
    act_run(&m, C, D, "/usr/bin/curl", "curl http://127.0.0.1/");
    cr_assert_str_eq(acting(&m, C), "session");
    cr_assert_str_eq(acting(&m, D), "session");
    cr_assert_eq(at(&m, D)->acting, 0);
    cr_assert(at(&m, D)->session_only);
}

Test(acting, terminal_and_tmux_and_sudo_are_sessions)
{
    act_run(&m, INIT, A, "/usr/libexec/gnome-terminal-server", "gnome-terminal-server");
    act_run_tty(&m, A, B, "/usr/bin/bash");
    act_run(&m, B, C, "/usr/bin/tmux", "tmux");
    act_run_tty(&m, C, D, "/usr/bin/zsh");
    act_run(&m, D, E, "/usr/bin/sudo", "sudo id");
    act_run(&m, E, 950, "/usr/bin/id", "id");
    cr_assert_str_eq(acting(&m, B), "session");
    cr_assert_str_eq(acting(&m, D), "session");
    cr_assert_str_eq(acting(&m, 950), "session");
}

Test(acting, terminal_started_by_an_application_hides_nothing)
{
    act_run(&m, PHONE, A, "/usr/bin/dash", "sh");
    act_run(&m, A, B, "/usr/bin/tmux", "tmux new -d id");
    act_run_tty(&m, B, C, "/usr/bin/dash");
    act_run(&m, C, D, "/usr/bin/id", "id");
    cr_assert_str_eq(acting(&m, D), "acme-softphone 1.1");
}

Test(acting, own_program_at_a_prompt_acts_for_itself)
{
    act_run(&m, INIT, A, "/usr/sbin/sshd", "sshd");
    act_run_tty(&m, A, B, "/usr/bin/bash");
    act_run(&m, B, C, "/home/u/src/prog", "./prog");
    act_identity(&m, "/home/u/src/prog", "prog", NULL, TRN_ORIGIN_MANUAL, 0);
    cr_assert_str_eq(acting(&m, C), "prog");
    cr_assert_str_eq(starter(&m, C), "session");
    struct trn_software sw;
    trn_process_software(at(&m, C), &sw);
    cr_assert_eq(sw.origin, TRN_ORIGIN_MANUAL);
}

Test(acting, dropped_helper_acts_but_its_starter_is_told)
{
    act_run(&m, PHONE, A, "/usr/bin/dash", "sh -c helper");
    act_exec(&m, A, "/home/u/.cache/acme/helper", "helper");
    cr_assert_str_eq(acting(&m, A), "helper");
    cr_assert_str_eq(starter(&m, A), "acme-softphone 1.1");
    act_run(&m, A, B, "/usr/bin/dash", "sh");
    cr_assert_str_eq(acting(&m, B), "helper");
}

Test(acting, service_acts_even_when_it_is_a_base_program)
{
    act_run(&m, INIT, A, "/usr/sbin/rsyslogd", "rsyslogd -n");
    act_identity(&m, "/usr/sbin/rsyslogd", "rsyslog", "8", TRN_ORIGIN_DPKG, TRN_SW_BASE);
    cr_assert_str_eq(acting(&m, A), "rsyslog 8");
    act_run(&m, A, B, "/usr/bin/dash", "sh -c id");
    cr_assert_str_eq(acting(&m, B), "rsyslog 8");
    cr_assert_str_eq(starter(&m, A), "nobody");
}

Test(acting, shell_as_a_service_acts_itself)
{
    act_run(&m, INIT, A, "/usr/bin/dash", "sh -c x"); /* a unit of an intruder */
    act_identity(&m, "/usr/bin/dash", "dash", "0.5", TRN_ORIGIN_DPKG, TRN_SW_BASE);
    act_run(&m, A, B, "/usr/bin/dash", "sh -c y");
    act_run(&m, B, C, "/usr/bin/curl", "curl");
    cr_assert_str_eq(acting(&m, C), "dash 0.5");
    cr_assert_eq(at(&m, C)->acting, A);
}

Test(acting, console_of_the_service_manager_is_a_session)
{
    act_run_tty(&m, INIT, A, "/usr/bin/bash"); /* emergency shell */
    act_run(&m, A, B, "/usr/bin/id", "id");
    cr_assert_str_eq(acting(&m, B), "session");
}

Test(acting, cron_job_is_a_session)
{
    act_run(&m, INIT, A, "/usr/sbin/cron", "cron -f");
    act_run(&m, A, B, "/usr/bin/dash", "sh -c job");
    cr_assert_str_eq(acting(&m, B), "session");
    cr_assert_str_eq(acting(&m, A), "cron"); /* cron itself acts for itself */
}

Test(acting, container_main_program_acts)
{
    act_run(&m, INIT, A, "/usr/bin/containerd-shim-runc-v2", "shim");
    act_run(&m, A, B, "/usr/sbin/runc", "runc init");
    act_exec(&m, B, "/usr/bin/dash", "sh entrypoint"); /* runc becomes the container's first program */
    act_run(&m, B, C, "/usr/bin/wget", "wget");
    cr_assert_eq(at(&m, C)->acting, B);
}

Test(acting, application_that_becomes_a_shell_still_acts)
{
    act_fork(&m, PHONE, A);
    act_exec(&m, PHONE, "/usr/bin/dash", "sh -i"); /* in place */
    act_run(&m, PHONE, B, "/usr/bin/id", "id");
    cr_assert_str_eq(acting(&m, PHONE), "acme-softphone 1.1");
    cr_assert_str_eq(acting(&m, B), "acme-softphone 1.1");
    cr_assert_str_eq(acting(&m, A), "acme-softphone 1.1");
    const struct trn_entity *then = trn_process_acting(m.t, at(&m, B));
    cr_assert_eq(then->id, PHONE);
    cr_assert(trn_str_eq_c(then->image.path, PHONE_PATH), "shown as it was when it acted");
    cr_assert(trn_str_eq_c(at(&m, PHONE)->image.path, "/usr/bin/dash"));
}

Test(acting, parent_that_turns_into_a_tool_does_not_disown_its_children)
{
    act_run(&m, PHONE, A, "/usr/bin/dash", "sh");
    act_exec(&m, PHONE, "/usr/bin/sleep", "sleep 100");
    act_run(&m, A, B, "/usr/bin/id", "id");
    cr_assert_str_eq(acting(&m, B), "acme-softphone 1.1");
}

Test(acting, application_that_exited_still_acts_for_its_children)
{
    act_run(&m, PHONE, A, "/usr/bin/dash", "sh");
    act_exit(&m, PHONE);
    act_run(&m, A, B, "/usr/bin/id", "id");
    cr_assert_str_eq(acting(&m, B), "acme-softphone 1.1");
}

Test(acting, forked_worker_acts_for_itself)
{
    act_fork(&m, PHONE, A);
    cr_assert_eq(at(&m, A)->acting, A);
    cr_assert_str_eq(acting(&m, A), "acme-softphone 1.1");
    act_run(&m, A, B, "/usr/bin/dash", "sh");
    cr_assert_eq(at(&m, B)->acting, A);
}

Test(acting, maintainer_script_acts_as_dpkg)
{
    act_run(&m, INIT, A, "/usr/sbin/sshd", "sshd");
    act_run_tty(&m, A, B, "/usr/bin/bash");
    act_run(&m, B, C, "/usr/bin/apt-get", "apt-get install x");
    act_identity(&m, "/usr/bin/apt-get", "apt", "2.6", TRN_ORIGIN_DPKG, TRN_SW_BASE);
    act_run(&m, C, D, "/usr/bin/dpkg", "dpkg --unpack");
    act_identity(&m, "/usr/bin/dpkg", "dpkg", "1.21", TRN_ORIGIN_DPKG, TRN_SW_BASE);
    act_fork(&m, D, E);
    act_script(&m, E, "/usr/bin/dash", "/var/lib/dpkg/info/x.postinst");
    act_identity(&m, "/var/lib/dpkg/info/x.postinst", "x.postinst", NULL, TRN_ORIGIN_MANUAL, 0);
    act_run(&m, E, 950, "/usr/bin/chmod", "chmod 755 /x");
    cr_assert_str_eq(acting(&m, C), "apt 2.6");
    cr_assert_str_eq(acting(&m, E), "dpkg 1.21");
    cr_assert_str_eq(acting(&m, 950), "dpkg 1.21");
}

Test(acting, script_of_a_package_is_its_owner_not_the_interpreter)
{
    act_run(&m, INIT, A, "/usr/sbin/sshd", "sshd");
    act_run_tty(&m, A, B, "/usr/bin/bash");
    act_fork(&m, B, C);
    act_script(&m, C, "/usr/bin/python3.11", "/usr/bin/pip3");
    cr_assert_str_eq(acting(&m, C), "session"); /* owner not known yet */
    act_identity(&m, "/usr/bin/python3.11", "python3.11-minimal", "3.11", TRN_ORIGIN_DPKG, 0);
    act_identity(&m, "/usr/bin/pip3", "python3-pip", "23", TRN_ORIGIN_DPKG, 0);
    cr_assert_str_eq(software(&m, C), "python3-pip 23");
    cr_assert_str_eq(acting(&m, C), "python3-pip 23");
}

Test(acting, script_whose_owner_was_told_before_it_began)
{
    act_run(&m, INIT, A, "/usr/sbin/sshd", "sshd");
    act_run_tty(&m, A, B, "/usr/bin/bash");
    act_fork(&m, B, C);
    act_identity(&m, "/usr/bin/pip3", "python3-pip", "22", TRN_ORIGIN_DPKG, 0);
    act_identity(&m, "/usr/bin/pip3", "python3-pip", "23", TRN_ORIGIN_DPKG, 0);
    act_script(&m, C, "/usr/bin/python3.11", "/usr/bin/pip3");
    cr_assert_str_eq(software(&m, C), "python3-pip 23");
    cr_assert_str_eq(acting(&m, C), "python3-pip 23");
    for (int i = 0; i < 300; i++) { /* more than are kept for scripts to come */
        char path[40];
        snprintf(path, sizeof(path), "/opt/%d", i);
        act_identity(&m, path, "x", NULL, TRN_ORIGIN_MANUAL, 0);
    }
    act_fork(&m, B, D);
    act_script(&m, D, "/usr/bin/python3.11", "/usr/bin/pip3");
    cr_assert_str_eq(software(&m, D), "pip3"); /* its own identity is to come */
    cr_assert_str_eq(software(&m, C), "python3-pip 23");
}

Test(acting, script_named_in_the_arguments_counts_too)
{
    act_run(&m, INIT, A, "/usr/sbin/sshd", "sshd");
    act_run_tty(&m, A, B, "/usr/bin/bash");
    act_run(&m, B, C, "/usr/bin/python3.11", "python3 -u ./run.py --fast");
    cr_assert(trn_str_eq_c(at(&m, C)->image.script, "/home/u/run.py"));
    cr_assert_str_eq(software(&m, C), "run.py");
    cr_assert_str_eq(acting(&m, C), "session"); /* nobody's script: the person acts */
    act_run(&m, B, D, "/usr/bin/node", "node /usr/lib/node_modules/tool/cli.js");
    act_identity(&m, "/usr/lib/node_modules/tool/cli.js", "tool", "4.0.1", TRN_ORIGIN_NPM, 0);
    cr_assert_str_eq(acting(&m, D), "tool 4.0.1");
}

Test(acting, script_of_nobody_under_an_application_is_the_application)
{
    act_fork(&m, PHONE, A);
    act_script(&m, A, "/usr/bin/python3.11", "/tmp/x.py");
    act_identity(&m, "/tmp/x.py", "x.py", NULL, TRN_ORIGIN_MANUAL, 0);
    cr_assert_str_eq(acting(&m, A), "acme-softphone 1.1");
}

Test(acting, unknown_parent_ends_the_climb)
{
    act_run(&m, 4000, A, "/usr/bin/dash", "sh"); /* 4000 was never seen */
    act_run(&m, A, B, "/usr/bin/id", "id");
    cr_assert_str_eq(acting(&m, B), "session");
    act_fork(&m, 4001, C); /* never seen to run anything */
    cr_assert_str_eq(acting(&m, C), "nobody");
}

Test(acting, existing_processes_come_in_any_order)
{
    act_existing(&m, 3001, 3002, "/usr/bin/id");
    act_existing(&m, 3000, 3001, "/usr/bin/dash");
    cr_assert_str_eq(acting(&m, 3002), "session");
    act_existing(&m, INIT, 3000, PHONE_PATH);
    cr_assert_str_eq(acting(&m, 3002), "acme-softphone 1.1");
    cr_assert(trn_process_is_above(m.t, 3000, 3002));
}

Test(acting, programs_named_like_borders_elsewhere_are_none)
{
    act_run(&m, PHONE, A, "/tmp/sshd", "sshd");
    act_run(&m, A, B, "/usr/bin/dash", "sh");
    cr_assert_str_eq(acting(&m, B), "sshd");
    act_run(&m, PHONE, C, "/usr/sbin/sshd", "sshd"); /* changed on the disk */
    act_identity(&m, "/usr/sbin/sshd", "openssh-server", "9", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED);
    act_run(&m, C, D, "/usr/bin/dash", "sh");
    cr_assert_str_eq(acting(&m, D), "openssh-server 9");
}

Test(acting, loop_of_execs_stays_bounded)
{
    act_run(&m, PHONE, A, "/usr/bin/dash", "sh");
    size_t before = trn_process_bytes(m.t);
    for (int i = 0; i < 20000; i++)
        act_exec(&m, A, i % 2 ? "/usr/bin/dash" : "/usr/bin/env", "x");
    cr_assert_str_eq(acting(&m, A), "acme-softphone 1.1");
    cr_assert_lt(trn_process_bytes(m.t), before + 64 * 1024);
    cr_assert_eq(at(&m, A)->image.exec_count, 20001);
}

Test(acting, loop_of_applications_stays_bounded)
{
    char path[64];
    size_t before = trn_process_bytes(m.t);
    act_fork(&m, PHONE, A);
    for (int i = 0; i < 5000; i++) {
        snprintf(path, sizeof(path), "/opt/a%d", i);
        act_exec(&m, A, path, "x");
    }
    cr_assert_str_eq(acting(&m, A), "a4999");
    cr_assert_lt(trn_process_bytes(m.t), before + 64 * 1024);
}

Test(acting, is_above_stops_at_borders)
{
    act_run(&m, PHONE, A, "/usr/bin/dash", "sh");
    act_run(&m, A, B, "/usr/bin/id", "id");
    cr_assert(trn_process_is_above(m.t, PHONE, B));
    cr_assert(trn_process_is_above(m.t, A, B));
    cr_assert(trn_process_is_above(m.t, B, B));
    cr_assert_not(trn_process_is_above(m.t, B, A));
    cr_assert_not(trn_process_is_above(m.t, INIT, B));
    cr_assert_not(trn_process_is_above(m.t, 0, 0));
    act_run(&m, A, C, "/usr/sbin/sshd", "sshd");
    act_run(&m, C, D, "/usr/bin/dash", "sh");
    cr_assert_not(trn_process_is_above(m.t, PHONE, D));
}

Test(acting, processes_that_name_each_other_as_parent_end)
{
    act_existing(&m, B, A, "/usr/bin/dash");
    act_existing(&m, A, B, "/usr/bin/dash");
    act_existing(&m, C, C, "/usr/bin/dash");
    cr_assert_str_eq(acting(&m, A), "session");
    cr_assert_str_eq(acting(&m, B), "session");
    cr_assert_not(trn_process_is_above(m.t, PHONE, A));
    cr_assert_not(trn_process_is_above(m.t, PHONE, C));
}

Test(acting, upgrade_under_a_running_process_does_not_rename_it)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_IDENTITY); /* the same path, another file: what dpkg renamed into its place */
    ev.identity.file = (struct trn_file_key){.dev = 1, .ino = 4242, .ctime_ns = 99};
    ev.identity.path = TRN_STR(PHONE_PATH);
    ev.identity.id.software =
        (struct trn_software){.name = TRN_STR("acme-softphone"), .version = TRN_STR("1.2"), .origin = TRN_ORIGIN_DPKG};
    apply(&m, &ev);
    act_run(&m, PHONE, A, "/usr/bin/dash", "sh");
    cr_assert_str_eq(acting(&m, A), "acme-softphone 1.1");
    act_fork(&m, INIT, B);
    trn_event_init(&ev, TRN_EV_EXEC);
    ev.entity = ev.pid = B;
    ev.exec.path = TRN_STR(PHONE_PATH);
    ev.exec.file = (struct trn_file_key){.dev = 1, .ino = 4242, .ctime_ns = 99};
    apply(&m, &ev);
    cr_assert_str_eq(acting(&m, B), "acme-softphone 1.2");
}

#define LOADER "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"

static void act_load(uint32_t pid, const char *path)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_LIB_LOAD);
    ev.boot_ns = m.now += TRN_NS_PER_SEC / 1000;
    ev.pid = pid;
    ev.map.path = trn_str_of(path);
    ev.map.file = key_of(path);
    ev.map.file.ctime_ns = 0; /* perf does not tell it */
    apply(&m, &ev);
}

Test(acting, what_a_loader_maps_first_is_what_it_runs)
{
    act_run(&m, INIT, A, LOADER, "ld.so helper"); /* without a slash: looked for among the libraries */
    cr_assert(trn_str_is_none(at(&m, A)->image.script));
    act_load(A, "/opt/acme/helper");
    act_load(A, "/opt/acme/libx.so");
    cr_assert(trn_str_eq_c(at(&m, A)->image.script, "/opt/acme/helper"));
    act_identity(&m, "/opt/acme/helper", "acme", "1.0", TRN_ORIGIN_DPKG, 0);
    cr_assert_str_eq(software(&m, A), "acme 1.0");
    cr_assert_str_eq(acting(&m, A), "acme 1.0");

    act_run(&m, INIT, B, LOADER, "ld.so helper"); /* known by now */
    act_load(B, "/opt/acme/helper");
    cr_assert_str_eq(software(&m, B), "acme 1.0");
    cr_assert_eq(at(&m, B)->image.script_file.ino, key_of("/opt/acme/helper").ino);

    act_run(&m, INIT, C, LOADER, "ld.so --library-path /x /opt/acme/other"); /* the words name it */
    act_load(C, "/opt/acme/helper");
    cr_assert(trn_str_eq_c(at(&m, C)->image.script, "/opt/acme/other"));

    act_run(&m, INIT, D, "/opt/acme/plain", "plain"); /* no loader */
    act_load(D, "/opt/acme/libx.so");
    cr_assert(trn_str_is_none(at(&m, D)->image.script));

    act_run(&m, INIT, E, LOADER, "ld.so helper");
    act_fork(&m, E, E + 1); /* a child that loads something has not been started as the loader */
    act_load(E + 1, "/opt/acme/libx.so");
    cr_assert(trn_str_is_none(at(&m, E)->image.script));
}
