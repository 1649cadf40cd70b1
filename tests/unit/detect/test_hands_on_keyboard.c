/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is somebody who types through a program told from a script, an administrator and a habit? */
#include "detect/behaviour/hands.h"
#include "play.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define CHECK "behaviour.hands-on-keyboard"
#define PHONE "/opt/acme-softphone/bin/acme-softphone"
#define DAY_MS (24ull * 3600 * 1000)
#define PIPE "pipe\0null\0null"
#define TERMINAL "terminal\0terminal\0terminal"
#define CONNECTION "network-socket\0network-socket\0network-socket"
#define LOCAL "unix-socket\0unix-socket\0unix-socket"

static const struct trn_finding *latest(void)
{
    cr_assert_gt(told_of(CHECK), 0);
    return machine_finding(m, CHECK, told_of(CHECK) - 1);
}

static struct trn_str evidence(const struct trn_finding *f, const char *key)
{
    for (uint32_t i = 0; i < f->n_evidence; i++)
        if (trn_str_eq_c(f->evidence[i].key, key))
            return f->evidence[i].value;
    return TRN_STR_NONE;
}

static uint32_t start(const char *path, const char *name, const char *version)
{
    act_start(s, 1, ++pid, path, name);
    act_identity(s, path, name, version, TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    return pid;
}

static uint32_t phone(const char *version)
{
    return start(PHONE, "acme-softphone", version);
}

static uint32_t run(uint32_t parent, const char *path, const char *argv, struct trn_str stdio)
{
    act_start(s, parent, ++pid, path, argv);
    s->ev[s->n - 1].exec.stdio = stdio;
    if (strstr(path, "/dash"))
        s->ev[s->n - 1].exec.invoked = TRN_STR("/bin/sh");
    return pid;
}
#define SHELL(parent, stdio) run(parent, "/usr/bin/dash", "sh", (struct trn_str){stdio, sizeof(stdio)})

/* One command after a while, to its end. */
static void type(uint32_t shell, const char *path, const char *argv, uint64_t after_ms)
{
    wait_ms(s, after_ms);
    act_start(s, shell, ++pid, path, argv);
    wait_ms(s, 4);
    act_exit(s, pid);
}

static void look_around(uint32_t shell, unsigned slow)
{
    type(shell, "/usr/bin/id", "id", 700 * slow);
    type(shell, "/usr/bin/hostname", "hostname", 1100 * slow);
    type(shell, "/usr/bin/ss", "ss -t", 900 * slow);
}

/* One run a day; with a shell when asked to. */
static void grow(unsigned days, bool with_shell)
{
    for (unsigned i = 0; i < days; i++) {
        uint32_t app = phone("1.0");
        if (with_shell) {
            act_exit(s, SHELL(app, PIPE));
            act_exit(s, SHELL(app, TERMINAL));
        }
        wait_ms(s, 1000);
        act_exit(s, app);
        wait_ms(s, DAY_MS - 1000);
    }
    cr_assert_eq(told_of(CHECK), 0);
}

TestSuite(hands, .init = play_setup, .fini = play_teardown);

Test(hands, somebody_types_through_a_grown_up_program)
{
    grow(25, false);
    uint32_t app = phone("1.1"), shell = SHELL(app, PIPE);
    look_around(shell, 1);
    cr_assert_eq(told_of(CHECK), 1);
    const struct trn_finding *f = latest();
    cr_assert_eq(f->score, 45);
    cr_assert(trn_str_eq_c(f->summary, "sh under acme-softphone; id, hostname, ss in 2.0 s, typed"), "%.*s",
              TRN_STR_ARG(f->summary));
    cr_assert(trn_str_eq_c(evidence(f, "descriptors"), "pipe, null, null"));
    cr_assert(trn_str_eq_c(evidence(f, "commands"), "id, hostname, ss"));
    cr_assert(trn_str_starts(evidence(f, "pace"), TRN_STR("typed: ")));
    cr_assert(trn_str_starts(evidence(f, "novelty"), TRN_STR("first in 26 runs")), "%.*s",
              TRN_STR_ARG(evidence(f, "novelty")));
    cr_assert_eq(f->acting, entity_of(app));
    cr_assert_eq(f->entity, entity_of(shell));
    cr_assert_eq(f->n_events, 4, "the shell and three commands");
}

Test(hands, more_commands_are_told_with_the_same_finding)
{
    static const char *const more[] = {"uname", "ps", "who", "last", "netstat", "ip", "arp", "w"};
    grow(25, false);
    uint32_t shell = SHELL(phone("1.1"), PIPE);
    look_around(shell, 1);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(more); i++) {
        char path[32];
        snprintf(path, sizeof(path), "/usr/bin/%s", more[i]);
        type(shell, path, more[i], 800 + 300 * i);
    }
    size_t n = told_of(CHECK);
    cr_assert(n > 1 && n < 6, "%zu tellings", n);
    for (size_t i = 1; i < n; i++)
        cr_assert_eq(machine_finding(m, CHECK, i)->id, machine_finding(m, CHECK, 0)->id);
}

Test(hands, a_script_is_not_a_person)
{
    grow(25, false);
    uint32_t shell = SHELL(phone("1.1"), PIPE);
    look_around(shell, 0);
    cr_assert_eq(latest()->score, 20);
    cr_assert(trn_str_ends(latest()->summary, TRN_STR("by a script")));
}

Test(hands, a_clock_is_a_script)
{
    grow(25, false);
    uint32_t shell = SHELL(phone("1.1"), PIPE);
    type(shell, "/usr/bin/id", "id", 1000);
    type(shell, "/usr/bin/hostname", "hostname", 1000);
    type(shell, "/usr/bin/ss", "ss", 1000);
    type(shell, "/usr/bin/ps", "ps", 1000);
    cr_assert_eq(latest()->score, 20);
}

Test(hands, a_slow_script_among_many_programs)
{
    grow(25, false);
    uint32_t shell = SHELL(phone("1.1"), PIPE);
    type(shell, "/usr/bin/id", "id", 700);
    for (int i = 0; i < 20; i++)
        type(shell, "/usr/bin/sed", "sed", 10);
    type(shell, "/usr/bin/uname", "uname", 1100);
    type(shell, "/usr/bin/hostname", "hostname", 1500);
    cr_assert_eq(latest()->score, 20);
}

Test(hands, a_long_command_is_no_pause)
{
    static const char *const names[] = {"id", "uname", "hostname", "ps"};
    grow(25, false);
    uint32_t shell = SHELL(phone("1.1"), PIPE);
    for (uint64_t i = 0; i < TRN_ARRAY_SIZE(names); i++) {
        char path[32];
        snprintf(path, sizeof(path), "/usr/bin/%s", names[i]);
        act_start(s, shell, ++pid, path, names[i]);
        wait_ms(s, 700 + 400 * i); /* it runs that long, and the next follows at once */
        act_exit(s, pid);
    }
    cr_assert_eq(latest()->score, 20);
}

Test(hands, a_shell_on_a_connection_is_enough)
{
    grow(25, false);
    uint32_t app = phone("1.1"), shell = SHELL(app, CONNECTION);
    cr_assert_eq(told_of(CHECK), 1);
    cr_assert_eq(latest()->score, 45);
    cr_assert(trn_str_eq_c(latest()->summary, "sh under acme-softphone on a connection"));
    cr_assert_eq(latest()->telemetry, TRN_TEL_PROCESS | TRN_TEL_NETWORK);
    look_around(shell, 0);
    cr_assert_eq(told_of(CHECK), 2, "the same once more, with what was run");
    cr_assert_eq(latest()->id, machine_finding(m, CHECK, 0)->id);
    cr_assert_eq(latest()->score, 45, "also by a script");
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 0, "one stage is a note");
}

Test(hands, a_terminal_made_below_a_shell_on_a_connection)
{
    grow(25, false);
    uint32_t outer = SHELL(phone("1.1"), CONNECTION);
    uint32_t python = run(outer, "/usr/bin/python3", "python3 -c x", TRN_STR_NONE);
    uint32_t inner = SHELL(python, TERMINAL);
    look_around(inner, 1);
    cr_assert_eq(told_of(CHECK), 2);
    cr_assert_eq(latest()->id, machine_finding(m, CHECK, 0)->id);
}

Test(hands, an_interpreter_on_a_connection)
{
    grow(25, false);
    run(phone("1.1"), "/usr/bin/python3", "python3 -i", (struct trn_str){CONNECTION, sizeof(CONNECTION)});
    cr_assert_eq(latest()->score, 45);
}

Test(hands, orders_through_shells)
{
    static const char *const names[] = {"id", "hostname", "ps"};
    grow(25, false);
    uint32_t app = phone("1.1");
    for (uint64_t i = 0; i < TRN_ARRAY_SIZE(names); i++) {
        char path[32];
        wait_ms(s, 900 + 700 * i);
        snprintf(path, sizeof(path), "/usr/bin/%s", names[i]);
        act_start(s, app, ++pid, "/usr/bin/dash", "sh -c look");
        act_exec(s, pid, path, names[i]);
        wait_ms(s, 4);
        act_exit(s, pid);
    }
    cr_assert_eq(told_of(CHECK), 1);
    cr_assert_eq(latest()->score, 45);
}

Test(hands, without_a_shell)
{
    grow(25, false);
    look_around(phone("1.1"), 1);
    cr_assert_eq(latest()->score, 30);
    cr_assert(trn_str_starts(latest()->summary, TRN_STR("id, hostname, ss under acme-softphone in ")), "%.*s",
              TRN_STR_ARG(latest()->summary));
}

Test(hands, a_habit_is_none)
{
    grow(25, true);
    uint32_t app = phone("1.0");
    look_around(SHELL(app, PIPE), 1);
    look_around(SHELL(app, TERMINAL), 1);
    cr_assert_eq(told_of(CHECK), 0);
    SHELL(app, CONNECTION);
    cr_assert_eq(latest()->score, 45, "this one is no habit");
}

Test(hands, without_history)
{
    static const struct {
        struct trn_str stdio;
        unsigned slow;
        uint16_t score;
    } cases[] = {
        {{PIPE, sizeof(PIPE)}, 1, 30},
        {{LOCAL, sizeof(LOCAL)}, 1, 30},
        {{PIPE, sizeof(PIPE)}, 0, 0},
        {{TERMINAL, sizeof(TERMINAL)}, 1, 20},
        {{NULL, 0}, 1, 20},
        {{TERMINAL, sizeof(TERMINAL)}, 0, 0},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        size_t before = told_of(CHECK);
        uint32_t app = phone("1.0");
        look_around(run(app, "/usr/bin/dash", "sh", cases[i].stdio), cases[i].slow);
        cr_assert_eq(told_of(CHECK) - before, cases[i].score ? 1 : 0, "case %zu", i);
        if (cases[i].score)
            cr_assert_eq(latest()->score, cases[i].score, "case %zu", i);
        act_exit(s, app);
        wait_ms(s, 200000);
    }
    SHELL(phone("1.0"), CONNECTION);
    cr_assert_eq(latest()->score, 45);
}

Test(hands, a_program_that_another_one_put_there)
{
    uint32_t app = phone("1.0");
    act_write(s, app, "/home/alice/.cache/acme/helper");
    act_start(s, app, ++pid, "/home/alice/.cache/acme/helper", "helper");
    act_identity(s, "/home/alice/.cache/acme/helper", "helper", NULL, TRN_ORIGIN_MANUAL, 0);
    uint32_t helper = pid;
    look_around(run(helper, "/usr/bin/dash", "sh -c look", TRN_STR_NONE), 1);
    cr_assert_eq(latest()->score, 30);
    cr_assert_eq(latest()->acting, entity_of(helper));
    act_start(s, app, ++pid, "/home/alice/.cache/acme/helper", "helper");
    look_around(SHELL(pid, TERMINAL), 1);
    cr_assert_eq(latest()->score, 20, "an editor's server that came by itself opens terminals");
}

Test(hands, a_program_that_updates_itself)
{
    act_start(s, 1, ++pid, "/home/alice/.tool/1/tool", "tool");
    act_identity(s, "/home/alice/.tool/1/tool", "tool", NULL, TRN_ORIGIN_MANUAL, 0);
    act_write(s, pid, "/home/alice/.tool/2/tool");
    act_start(s, 1, ++pid, "/home/alice/.tool/2/tool", "tool");
    act_identity(s, "/home/alice/.tool/2/tool", "tool", NULL, TRN_ORIGIN_MANUAL, 0);
    look_around(run(pid, "/usr/bin/dash", "sh -c look", TRN_STR_NONE), 1);
    cr_assert_eq(latest()->score, 20);
}

Test(hands, who_opens_shells_by_trade)
{
    look_around(SHELL(start("/usr/share/code/code", "code", "1.90"), TERMINAL), 1);
    cr_assert_eq(latest()->score, 15);
    look_around(SHELL(start("/usr/bin/emacs-gtk", "emacs-gtk", "28"), PIPE), 1);
    cr_assert_eq(latest()->score, 15);
    size_t before = told_of(CHECK);
    look_around(run(start("/usr/bin/gitlab-runner", "gitlab-runner", "16"), "/usr/bin/bash", "bash",
                    TRN_STR("pipe\0pipe\0pipe\0")),
                0);
    cr_assert_eq(told_of(CHECK), before);
    act_start(s, 1, ++pid, "/home/alice/bin/code", "code");
    SHELL(pid, CONNECTION);
    cr_assert_eq(latest()->score, 45, "a name alone is no package");
}

Test(hands, a_container_and_a_service_of_their_own)
{
    act_start(s, 1, ++pid, "/usr/bin/containerd-shim-runc-v2", "shim");
    uint32_t shim = pid;
    look_around(SHELL(shim, PIPE), 1);
    look_around(SHELL(shim, TERMINAL), 1);
    act_start(s, 1, ++pid, "/usr/bin/bash", "bash -c look");
    look_around(pid, 1);
    cr_assert_eq(told_of(CHECK), 0);
}

Test(hands, a_session)
{
    look_around(101, 1);
    look_around(SHELL(101, PIPE), 1);
    look_around(SHELL(101, TERMINAL), 0);
    cr_assert_eq(told_of(CHECK), 0);
    SHELL(101, CONNECTION);
    cr_assert_eq(latest()->score, 20);
    cr_assert_eq(latest()->acting, 0);
}

/* The same twenty commands, over ssh and below the softphone. */
static void twenty_commands(uint32_t shell)
{
    static const struct {
        const char *path, *argv, *klass;
    } list[] = {
        {"/usr/bin/id", "id", NULL},
        {"/usr/bin/hostname", "hostname -f", NULL},
        {"/usr/bin/uname", "uname -a", NULL},
        {"/usr/bin/cat", "cat /etc/os-release", NULL},
        {"/usr/bin/whoami", "whoami", NULL},
        {"/usr/bin/w", "w", NULL},
        {"/usr/bin/last", "last", NULL},
        {"/usr/bin/ps", "ps aux", NULL},
        {"/usr/bin/ss", "ss -tlnp", NULL},
        {"/usr/bin/ip", "ip addr", NULL},
        {"/usr/bin/ip", "ip route", NULL},
        {"/usr/bin/df", "df", NULL},
        {"/usr/bin/env", "env", NULL},
        {"/usr/bin/cat", "cat /etc/passwd", NULL},
        {"/usr/bin/ls", "ls -la /home", NULL},
        {"/usr/bin/ls", "ls -la /home/alice/.ssh", NULL},
        {"/usr/bin/cat", "cat /home/alice/.ssh/id_ed25519", "ssh-key"},
        {"/usr/bin/find", "find / -name *.kdbx", NULL},
        {"/usr/bin/cat", "cat /home/alice/.aws/credentials", "cloud-credentials"},
        {"/usr/bin/cat", "cat /home/alice/.bash_history", "shell-history"},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(list); i++) {
        wait_ms(s, 900 + 137 * (i * 7 % 11));
        act_start(s, shell, ++pid, list[i].path, list[i].argv);
        if (list[i].klass)
            act_open(s, pid, strrchr(list[i].argv, ' ') + 1, list[i].klass, NULL);
        wait_ms(s, 5);
        act_exit(s, pid);
    }
}

Test(hands, the_same_twenty_commands)
{
    twenty_commands(101);
    wait_ms(s, 300000);
    cr_assert_eq(told_of(CHECK), 0);
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 0, "over ssh");
    grow(25, false);
    twenty_commands(SHELL(phone("1.1"), PIPE));
    cr_assert_gt(told_of(CHECK), 0);
    cr_assert_eq(latest()->score, 45);
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 1, "below the softphone");
}

Test(hands, too_few_or_too_slow)
{
    grow(25, false);
    uint32_t shell = SHELL(phone("1.1"), PIPE);
    for (int i = 0; i < 10; i++) {
        type(shell, "/usr/bin/id", "id", 800 + 90 * (uint64_t)i);
        type(shell, "/usr/bin/hostname", "hostname", 700);
    }
    cr_assert_eq(told_of(CHECK), 0, "two different ones");
    type(shell, "/usr/bin/ps", "ps", 121000);
    type(shell, "/usr/bin/ss", "ss", 121000);
    type(shell, "/usr/bin/ip", "ip", 121000);
    cr_assert_eq(told_of(CHECK), 0, "not within two minutes");
}

Test(hands, the_recordings_of_windows)
{
    grow(25, false);
    act_start(s, 1, ++pid, "C:/Program Files/Acme/app.exe", "app.exe");
    uint32_t app = pid;
    act_start(s, app, ++pid, "C:/Windows/System32/cmd.exe", "cmd.exe");
    uint32_t shell = pid;
    type(shell, "C:/Windows/System32/whoami.exe", "whoami /all", 1900);
    type(shell, "C:/Windows/System32/ipconfig.exe", "ipconfig", 2600);
    type(shell, "C:/Windows/System32/tasklist.exe", "tasklist", 1200);
    cr_assert_eq(latest()->score, 20);
    cr_assert(trn_str_starts(latest()->summary, TRN_STR("cmd.exe under app.exe; whoami, ipconfig, tasklist in ")),
              "%.*s", TRN_STR_ARG(latest()->summary));
}

Test(hands, a_flood_is_bounded)
{
    uint32_t app = phone("1.0");
    told_of(CHECK);
    size_t from = s->n, bytes = trn_detect_bytes(m->detect);
    SHELL(app, TERMINAL);
    type(pid, "/usr/bin/id", "id", 1);
    for (unsigned i = 0; i < 1500; i++) {
        for (size_t k = from; k < s->n; k++) {
            struct trn_event ev = s->ev[k];
            bool shell = k < from + 2;
            uint32_t of = shell ? 5000 + 2 * i : 5001 + 2 * i;
            ev.seq = s->seq + i * 8 + k;
            ev.boot_ns += i * TRN_NS_PER_MS;
            ev.pid = of;
            ev.entity = entity_of(of);
            if (ev.type == TRN_EV_FORK)
                ev.fork.parent = shell ? entity_of(app) : entity_of(5000 + 2 * i);
            machine_push(m, &ev);
        }
    }
    cr_assert_leq(trn_detect_bytes(m->detect), bytes + 2 * 1024 * 1024, "%zu", trn_detect_bytes(m->detect) - bytes);
}

Test(hands, a_restart_in_the_middle_and_a_replay)
{
    grow(25, false);
    uint32_t shell = SHELL(phone("1.1"), PIPE);
    type(shell, "/usr/bin/id", "id", 700);
    type(shell, "/usr/bin/hostname", "hostname", 1100);
    wait_ms(s, 300);
    act_tick(s);
    act_stop(s);
    cr_assert_eq(told_of(CHECK), 0);
    struct machine *next = machine_new(NULL), *again = machine_new(NULL);
    machine_restore(next, m, s, s->n);
    size_t from = s->n;
    type(shell, "/usr/bin/ss", "ss", 900);
    machine_run(next, s, from, s->n);
    cr_assert_eq(machine_count(next, CHECK), 1);
    cr_assert_eq(machine_finding(next, CHECK, 0)->score, 45);
    cr_assert_eq(told_of(CHECK), 1);
    machine_run(again, s, 0, s->n);
    cr_assert(trn_str_eq(machine_finding(again, CHECK, 0)->summary, latest()->summary));
    cr_assert_eq(machine_finding(again, CHECK, 0)->id, latest()->id);
    cr_assert_eq(machine_finding(next, CHECK, 0)->id, latest()->id, "the same finding, whoever was there");
    machine_free(next);
    machine_free(again);
}

Test(hands, a_shell_that_was_there_before)
{
    uint32_t app = phone("1.0");
    told_of(CHECK);
    SHELL(app, CONNECTION);
    struct machine *next = machine_new(NULL), *later = machine_new(NULL);
    machine_restore(next, m, s, s->n);
    cr_assert_eq(machine_count(next, CHECK), 1, "nobody had told it");
    machine_restore(later, next, s, s->n);
    cr_assert_eq(machine_count(later, CHECK), 0, "not once more");
    machine_free(next);
    machine_free(later);
}

/* Where a shell has its commands from. */
Test(hands, arguments_of_shells)
{
    static const struct {
        const char *path, *argv;
        size_t n;
        enum trn_shell_how how; /* ORDERS, or UNTOLD: it waits */
    } cases[] = {
#define CASE(path, argv, how) {path, argv, sizeof(argv), how}
        CASE("/usr/bin/bash", "-bash", TRN_SHELL_UNTOLD),
        CASE("/usr/bin/bash", "bash\0-i", TRN_SHELL_UNTOLD),
        CASE("/usr/bin/bash", "bash\0--noprofile\0--rcfile\0/tmp/rc\0-i", TRN_SHELL_UNTOLD),
        CASE("/usr/bin/bash", "bash\0-o\0vi", TRN_SHELL_UNTOLD),
        CASE("/usr/bin/dash", "sh\0-s\0-", TRN_SHELL_UNTOLD),
        CASE("/usr/bin/dash", "sh\0-c\0id", TRN_SHELL_ORDERS),
        CASE("/usr/bin/bash", "bash\0-lc\0id", TRN_SHELL_ORDERS),
        CASE("/usr/bin/bash", "bash\0-eo\0pipefail\0run.sh", TRN_SHELL_ORDERS),
        CASE("/usr/bin/fish", "fish\0run.fish", TRN_SHELL_ORDERS),
        CASE("C:/Windows/System32/cmd.exe", "cmd.exe", TRN_SHELL_UNTOLD),
        CASE("C:/Windows/System32/cmd.exe", "cmd.exe\0/k\0prompt", TRN_SHELL_UNTOLD),
        CASE("C:/Windows/System32/cmd.exe", "cmd.exe\0/d\0/C\0dir", TRN_SHELL_ORDERS),
        CASE("C:/Windows/System32/powershell.exe", "powershell\0-NoLogo\0-ExecutionPolicy\0Bypass", TRN_SHELL_UNTOLD),
        CASE("C:/Windows/System32/powershell.exe", "powershell\0-enc\0AAAA", TRN_SHELL_ORDERS),
        CASE("C:/Windows/System32/powershell.exe", "powershell\0-File\0x.ps1", TRN_SHELL_ORDERS),
#undef CASE
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        struct trn_event ev;
        bool network;
        trn_event_init(&ev, TRN_EV_EXEC);
        ev.exec.path = trn_str_of(cases[i].path);
        ev.exec.argv = (struct trn_str){cases[i].argv, cases[i].n};
        cr_expect_eq(trn_shell_how_of(&ev, &network), cases[i].how, "case %zu", i);
    }
}
