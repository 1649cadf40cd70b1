/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is a file in a place that starts things told by who wrote it and its history, and an ordinary installation not? */
#include "detect/behaviour/persistence.h"
#include "play.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/stat.h>

#define CHECK "behaviour.persistence"
#define PHONE "/opt/acme-softphone/bin/acme-softphone"
#define ENTRY "/home/alice/.config/autostart/acme-softphone-helper.desktop"
#define OWN "/home/alice/.config/autostart/acme-softphone.desktop"
#define HELPER "/home/alice/.cache/acme/helper"
#define KEYS "/home/alice/.ssh/authorized_keys"
#define UNIT "/etc/systemd/system/acme.service"
#define DAY_MS (24ull * 3600 * 1000)

static uint32_t start_below(uint32_t parent, const char *path, const char *name, uint32_t flags)
{
    act_start(s, parent, ++pid, path, name);
    act_identity(s, path, name, "1", TRN_ORIGIN_DPKG, flags | TRN_SW_MODIFIED_KNOWN);
    return pid;
}

static uint32_t start(const char *version)
{
    act_start(s, 1, ++pid, PHONE, "acme-softphone");
    act_identity(s, PHONE, "acme-softphone", version, TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    return pid;
}

static uint32_t grow(const char *version, unsigned days, const char *writes)
{
    for (unsigned i = 0; i < days; i++) {
        uint32_t run = start(version);
        if (writes)
            act_write(s, run, writes);
        wait_ms(s, 1000);
        act_exit(s, run);
        wait_ms(s, DAY_MS - 1000);
    }
    return pid;
}

static struct trn_str evidence(const struct trn_finding *f, const char *key)
{
    for (uint32_t i = 0; i < f->n_evidence; i++)
        if (trn_str_eq_c(f->evidence[i].key, key))
            return f->evidence[i].value;
    return TRN_STR_NONE;
}

static const struct trn_finding *only(void)
{
    cr_assert_eq(told_of(CHECK), 1, "%zu", told_of(CHECK));
    return machine_finding(m, CHECK, 0);
}

static void none(const char *why)
{
    wait_ms(s, 6000); /* what waited for an identity is judged by then */
    act_tick(s);
    cr_assert_eq(told_of(CHECK), 0, "%s: %.*s", why, TRN_STR_ARG(machine_finding(m, CHECK, 0)->summary));
}

TestSuite(persistence, .init = play_setup, .fini = play_teardown);

Test(persistence, places)
{
    static const struct {
        const char *path, *kind;
    } table[] = {
        {UNIT, "systemd units"},
        {"/etc/systemd/system/multi-user.target.wants/acme.service", "systemd units"},
        {"/etc/systemd/system/ssh.service.d/more.conf", "systemd units"},
        {"/usr/lib/systemd/system/acme.timer", "systemd timers"},
        {"/etc/systemd/system-generators/acme", "systemd generators"},
        {"/home/alice/.config/systemd/user/acme.service", "systemd units of users"},
        {"/var/spool/cron/crontabs/alice", "cron"},
        {"/etc/cron.d/acme", "cron"},
        {"/etc/crontab", "cron"},
        {"/var/spool/cron/atjobs/a0001", "at"},
        {ENTRY, "autostart"},
        {"/etc/xdg/autostart/acme.desktop", "autostart"},
        {"/root/.bashrc", "start files of shells"},
        {"/etc/profile.d/acme.sh", "start files of shells"},
        {"/home/alice/.config/fish/config.fish", "start files of shells"},
        {"/etc/ld.so.preload", "ld.so.preload"},
        {"/etc/ld.so.conf.d/acme.conf", "ld.so.conf"},
        {KEYS, "authorized keys"},
        {"/var/lib/backup/.ssh/authorized_keys2", "authorized keys"},
        {"/etc/pam.d/sshd", "PAM"},
        {"/lib/x86_64-linux-gnu/security/pam_acme.so", "PAM"},
        {"/etc/udev/rules.d/99-acme.rules", "udev rules"},
        {"/etc/rc.local", "init scripts"},
        {"/etc/rc2.d/S01acme", "init scripts"},
        {"/etc/update-motd.d/10-acme", "message of the day"},
        {"/etc/NetworkManager/dispatcher.d/acme", "hooks of the network"},
        {"/etc/apt/apt.conf.d/99acme", "hooks of the package manager"},
        {"/var/lib/dpkg/info/bash.postinst", "hooks of the package manager"},
        {"/home/alice/src/x/.git/hooks/pre-commit", "git hooks"},
        {"/etc/modules-load.d/acme.conf", "kernel modules"},
        {"/home/alice/.local/share/dbus-1/services/acme.service", "D-Bus services"},
        {"/home/alice/.local/share/applications/firefox.desktop", "menu entries of users"},
        {"/home/alice/.local/lib/python3.11/site-packages/usercustomize.py", "start files of Python"},
        {"/usr/lib/python3/dist-packages/acme.pth", "path files of Python"},
        {"/Users/alice/Library/LaunchAgents/test.acme.plist", "launch agents"},
        {"/Library/LaunchDaemons/test.acme.plist", "launch daemons"},
        {"/private/etc/pam.d/sudo", "PAM"},
        {"/Users/alice/.zshrc", "start files of shells"},
        {"C:/Users/alice/AppData/Roaming/Microsoft/Windows/Start Menu/Programs/Startup/Acme.lnk", "Startup folder"},
        {"C:/Windows/System32/Tasks/Acme", "scheduled tasks"},
        {"HKU/S-1-5-21-1-2-3-1001/Software/Microsoft/Windows/CurrentVersion/Run/Acme", "Run keys"},
        {"HKLM/SOFTWARE/WOW6432Node/Microsoft/Windows/CurrentVersion/RunOnce/Acme", "Run keys"},
        {"HKLM/System/CurrentControlSet/Services/Acme/ImagePath", "services"},
        {"HKLM/SOFTWARE/Microsoft/Windows NT/CurrentVersion/Windows/AppInit_DLLs", "AppInit_DLLs"},
        {"HKLM/SOFTWARE/Microsoft/Windows NT/CurrentVersion/Winlogon/Shell", "Winlogon"},
        {"C:/Users/alice/Documents/PowerShell/Microsoft.PowerShell_profile.ps1", "PowerShell profiles"},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(table); i++) {
        const struct trn_start_kind *k = trn_start_kind_of(trn_str_of(table[i].path));
        cr_expect(k && strcmp(k->name, table[i].kind) == 0, "%s: %s", table[i].path, k ? k->name : "none");
        cr_expect(!k || (strlen(k->name) < 48 && k->words && k->technique && k->score >= 20 && k->score <= 40));
    }
}

Test(persistence, what_is_no_such_place)
{
    static const char *const paths[] = {
        "",
        "/",
        "/etc",
        "/etc/hosts",
        "/etc/systemd/system.conf",
        "/etc/systemd/system/acme.service.dpkg-new",
        "/etc/cron.d/.acme.swp",
        "/var/spool/cron/crontabs/tmp.abc123",
        "/home/alice/.bashrc~",
        "/home/alice/.cache/autostart/x.desktop",
        "/home/alice/.config/autostart/readme.txt",
        "/home/alice/autostart/x.desktop",
        "/home/alice/.ssh/known_hosts",
        "/home/alice/src/x/.git/hooks/pre-commit.sample",
        "/home/alice/src/etc/cron.d/x",
        "/run/systemd/transient/x.service",
        "/run/systemd/generator/x.service",
        "/tmp/etc/ld.so.preload",
        "/usr/lib/python3/dist-packages/acme.py",
        "C:/Users/alice/AppData/Roaming/Microsoft/Windows/Start Menu/Programs/Startup/desktop.ini",
        "C:/Users/alice/Desktop/Acme.lnk",
        "C:/",
        "HKU/S-1-5-21-1-2-3-1001/Software/Microsoft/Windows/CurrentVersion/Explorer/RecentDocs/1",
        "HKLM/System/CurrentControlSet/Services/Tcpip/Parameters/Hostname",
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(paths); i++)
        cr_expect_null(trn_start_kind_of(trn_str_of(paths[i])), "%s", paths[i]);
    cr_expect_null(trn_start_kind_of(TRN_STR_NONE));
}

Test(persistence, a_place_where_it_never_wrote)
{
    grow("1.0", 25, NULL);
    uint32_t run = start("1.1");
    for (int i = 0; i < 10; i++)
        act_write(s, run, ENTRY);
    act_write(s, start("1.1"), ENTRY);
    const struct trn_finding *f = only(); /* once a version */
    cr_assert_eq(f->score, 30);
    cr_assert_eq(f->acting, entity_of(run));
    cr_assert_geq(f->n_events, 1);
    cr_assert(trn_str_eq_c(f->summary, "wrote ~/.config/autostart/acme-softphone-helper.desktop: starts at login"),
              "%.*s", TRN_STR_ARG(f->summary));
    cr_assert(trn_str_eq_c(evidence(f, "place"), "autostart"));
    cr_assert(trn_str_eq_c(evidence(f, "technique"), "T1547.013"));
    cr_assert(trn_str_starts(evidence(f, "novelty"), TRN_STR("first in 26 runs")), "%.*s",
              TRN_STR_ARG(evidence(f, "novelty")));
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 0, "one stage alone is a note");
}

Test(persistence, places_that_no_such_software_writes)
{
    static const char *const paths[] = {"/etc/ld.so.preload", KEYS, "/etc/pam.d/common-auth"};
    static const char *const words[] = {"loaded into every program", "lets somebody log in",
                                        "runs whenever somebody logs in"};
    grow("1.0", 25, NULL);
    uint32_t run = start("1.1");
    for (size_t i = 0; i < TRN_ARRAY_SIZE(paths); i++)
        act_write(s, run, paths[i]);
    cr_assert_eq(told_of(CHECK), 3);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(machine_finding(m, CHECK, i)->score, 40);
        cr_assert(trn_str_eq_c(evidence(machine_finding(m, CHECK, i), "starts"), words[i]));
    }
}

Test(persistence, without_history)
{
    softphone(s, "1.1");
    act_write(s, 812, ENTRY);
    cr_assert_eq(only()->score, 25);
    act_write(s, 812, "/home/alice/src/x/.git/hooks/pre-commit");
    cr_assert_eq(told_of(CHECK), 2);
    cr_assert_eq(machine_finding(m, CHECK, 1)->score, 20, "a weak place is a note");
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 0);
}

Test(persistence, by_a_tool_below_it)
{
    softphone(s, "1.1");
    act_start(s, 812, 820, "/usr/bin/dash", "sh -c x");
    act_start(s, 820, 821, "/usr/bin/cat", "cat");
    act_write(s, 821, ENTRY);
    const struct trn_finding *f = only();
    cr_assert_eq(f->acting, entity_of(812));
    cr_assert(trn_str_eq_c(f->software.name, "acme-softphone"));
}

static void fetches_and_runs(uint32_t who, uint32_t child)
{
    act_connect(s, who, "10.9.0.5", 8443);
    act_write(s, who, HELPER);
    wait_ms(s, 400);
    act_start(s, who, child, HELPER, "helper");
    act_identity_hash(s, HELPER, 0x5e);
}

Test(persistence, after_it_ran_what_it_fetched)
{
    softphone(s, "1.1");
    act_write(s, 812, OWN);
    cr_assert_eq(only()->score, 20, "its own switch");
    fetches_and_runs(812, 845);
    act_write(s, 812, OWN);
    cr_assert_eq(told_of(CHECK), 2, "it weighs more by then, also under its own name");
    const struct trn_finding *f = machine_finding(m, CHECK, 1);
    cr_assert_eq(f->score, 35);
    cr_assert_eq(f->id, machine_finding(m, CHECK, 0)->id, "the same finding, with news");
    cr_assert(trn_str_eq_c(evidence(f, "fetched"), "it had run what it fetched from the network"));
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 1, "two stages");
}

Test(persistence, by_the_program_that_was_fetched)
{
    softphone(s, "1.1");
    fetches_and_runs(812, 845);
    act_write(s, 845, ENTRY);
    const struct trn_finding *f = only();
    cr_assert_eq(f->score, 35);
    cr_assert(trn_str_eq_c(evidence(f, "fetched"), "the program that wrote it came from the network"));
}

Test(persistence, a_fetched_file_is_moved_there)
{
    softphone(s, "1.1");
    act_connect(s, 812, "10.9.0.5", 8443);
    act_write(s, 812, "/home/alice/.cache/acme/x");
    act_rename(s, 812, "/home/alice/.cache/acme/x", "/home/alice/.config/systemd/user/x.service");
    const struct trn_finding *f = only();
    cr_assert_eq(f->score, 35);
    cr_assert_eq(f->n_events, 2, "the writing and the move");
    cr_assert(trn_str_eq_c(f->summary, "put a file to ~/.config/systemd/user/x.service: starts at login"), "%.*s",
              TRN_STR_ARG(f->summary));
    cr_assert(trn_str_eq_c(evidence(f, "fetched"), "the file came from the network"));
}

Test(persistence, a_temporary_name_is_only_how_files_are_written)
{
    softphone(s, "1.1");
    act_connect(s, 812, "10.9.0.5", 8443);
    act_write(s, 812, "/home/alice/.config/autostart/.x.tmp");
    act_rename(s, 812, "/home/alice/.config/autostart/.x.tmp", ENTRY);
    cr_assert_eq(only()->score, 25);
}

Test(persistence, a_link_counts)
{
    grow("1.0", 25, NULL);
    act_write(s, start("1.1"), "/etc/systemd/system/multi-user.target.wants/acme.service");
    s->n--; /* a link is created, never written */
    s->ev[s->n - 1].file.mode = S_IFLNK | 0777;
    const struct trn_finding *f = only();
    cr_assert_eq(f->score, 30);
    cr_assert(trn_str_starts(f->summary, TRN_STR("made a link at ")), "%.*s", TRN_STR_ARG(f->summary));
}

Test(persistence, who_has_always_done_it)
{
    grow("1.0", 25, OWN);
    for (size_t i = 0; i < told_of(CHECK); i++)
        cr_assert_leq(machine_finding(m, CHECK, i)->score, 20, "in its first days a note");
    size_t before = told_of(CHECK);
    grow("1.1", 3, OWN);
    act_write(s, start("1.1"), ENTRY);
    cr_assert_eq(told_of(CHECK), before, "a habit, also in a new version and for another entry");
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 0);
}

Test(persistence, a_switch_start_at_login_that_is_used_later)
{
    grow("1.0", 25, NULL);
    act_write(s, start("1.0"), OWN);
    const struct trn_finding *f = only();
    cr_assert_eq(f->score, 20);
    cr_assert(trn_str_starts(evidence(f, "weight"), TRN_STR("an entry with its own name")));
    act_write(s, pid, ENTRY);
    cr_assert_eq(told_of(CHECK), 2, "another name is another matter");
    cr_assert_eq(machine_finding(m, CHECK, 1)->score, 30);
}

static void apt_installs(uint32_t apt)
{
    uint32_t dpkg = start_below(apt, "/usr/bin/dpkg", "dpkg", TRN_SW_BASE);
    act_write(s, dpkg, "/usr/lib/systemd/system/acme.service.dpkg-new");
    act_rename(s, dpkg, "/usr/lib/systemd/system/acme.service.dpkg-new", "/usr/lib/systemd/system/acme.service");
    act_write(s, dpkg, "/etc/cron.daily/acme");
    act_write(s, dpkg, "/etc/pam.d/acme");
    act_write(s, dpkg, "/var/lib/dpkg/info/acme.postinst");
    act_fork(s, dpkg, ++pid);
    act_script(s, pid, "/usr/bin/dash", "/var/lib/dpkg/info/acme.postinst", "acme.postinst configure");
    uint32_t script = pid;
    act_write(s, script, "/etc/systemd/system/multi-user.target.wants/acme.service");
    act_write(s, script, "/etc/pam.d/common-auth");
    act_start(s, script, ++pid, "/opt/acme/bin/play_setup", "play_setup");
    act_identity(s, "/opt/acme/bin/play_setup", "acme", "1", TRN_ORIGIN_DPKG, TRN_SW_UNPACKED);
    act_write(s, pid, "/etc/systemd/system/acme-more.service");
}

Test(persistence, apt_installs_a_service)
{
    apt_installs(start_below(101, "/usr/bin/apt-get", "apt", TRN_SW_BASE));
    none("at a prompt");
    apt_installs(start_below(1, "/usr/bin/unattended-upgrade", "unattended-upgrades", 0));
    none("by a timer");
}

Test(persistence, a_write_of_an_installation_is_told_after_its_end)
{
    uint32_t dpkg = start_below(101, "/usr/bin/dpkg", "dpkg", TRN_SW_BASE);
    act_start(s, dpkg, ++pid, "/usr/bin/cat", "ln -s x y");
    act_exit(s, pid);
    act_exit(s, dpkg);
    wait_ms(s, 300);
    act_write(s, pid, UNIT);
    none("the event is stamped when it is read");
}

Test(persistence, a_script_of_a_package_that_lets_somebody_in)
{
    uint32_t dpkg = start_below(101, "/usr/bin/dpkg", "dpkg", TRN_SW_BASE);
    act_start(s, dpkg, ++pid, "/usr/bin/dash", "sh -c x");
    act_write(s, pid, "/root/.ssh/authorized_keys");
    const struct trn_finding *f = only();
    cr_assert_eq(f->score, 20);
    cr_assert(trn_str_starts(evidence(f, "weight"), TRN_STR("a script of a package")));
}

Test(persistence, a_name_is_no_excuse)
{
    act_start(s, 1, 700, "/home/alice/bin/dpkg", "dpkg");
    act_write(s, 700, UNIT);
    cr_assert_eq(only()->score, 25);
}

Test(persistence, what_the_installer_left_behind_running)
{
    uint32_t dpkg = start_below(101, "/usr/bin/dpkg", "dpkg", TRN_SW_BASE);
    act_start(s, dpkg, ++pid, PHONE, "acme-softphone");
    act_identity(s, PHONE, "acme-softphone", "1.1", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    act_exit(s, dpkg);
    wait_ms(s, 5000);
    act_write(s, pid, ENTRY);
    cr_assert_eq(only()->score, 25, "the installation is over");
}

Test(persistence, what_was_identified_in_the_midst_of_its_installation)
{
    act_start(s, 1, 812, PHONE, "acme-softphone");
    act_identity(s, PHONE, "acme-softphone", "1.1", TRN_ORIGIN_DPKG, TRN_SW_UNPACKED);
    act_write(s, 812, ENTRY);
    cr_assert_eq(only()->score, 25);
}

Test(persistence, a_person_at_a_prompt)
{
    act_start(s, 101, 700, "/usr/bin/crontab", "crontab -e");
    act_identity(s, "/usr/bin/crontab", "cron", "3", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN | TRN_SW_BASE);
    act_write(s, 700, "/var/spool/cron/crontabs/tmp.x1");
    act_rename(s, 700, "/var/spool/cron/crontabs/tmp.x1", "/var/spool/cron/crontabs/alice");
    act_start(s, 101, 701, "/usr/bin/cat", "cat");
    act_write(s, 701, "/home/alice/.bashrc");
    act_write(s, 701, UNIT);
    none("one's own timer, shell and service");
    for (int i = 0; i < 5; i++)
        act_write(s, 701, KEYS);
    const struct trn_finding *f = only();
    cr_assert_eq(f->score, 15);
    cr_assert_eq(f->acting, 0);
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 0);
}

Test(persistence, others_decide_what_these_write)
{
    static const char *const names[] = {"gedit", "gnome-tweaks", "puppet-agent", "cloud-init", "cron"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++) {
        char path[64];
        snprintf(path, sizeof(path), "/usr/bin/%s-program", names[i]);
        uint32_t run = start_below(1, path, names[i], 0);
        act_write(s, run, "/etc/cron.d/job");
        act_write(s, run, KEYS);
    }
    cr_assert_eq(told_of(CHECK), 2 * TRN_ARRAY_SIZE(names));
    for (size_t i = 0; i < told_of(CHECK); i++)
        cr_assert_leq(machine_finding(m, CHECK, i)->score, 20);
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 0);
}

Test(persistence, a_service_manager_links_what_it_is_asked_to)
{
    act_write(s, 1, "/etc/systemd/system/multi-user.target.wants/acme.service");
    none("systemd itself");
}

Test(persistence, a_program_of_no_package_started_by_hand)
{
    act_start(s, 101, 700, "/home/alice/install-acme", "install-acme");
    act_write(s, 700, "/home/alice/.bashrc");
    cr_assert_eq(only()->score, 20);
}

Test(persistence, its_identity_comes_later)
{
    act_start(s, 1, 700, "/usr/bin/late", "late");
    act_write(s, 700, UNIT);
    cr_assert_eq(told_of(CHECK), 0, "not judged before it is known whose it is");
    act_identity(s, "/usr/bin/late", "snapd", "2", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    none("a package manager");
    act_start(s, 1, 701, "/usr/bin/never-identified", "x");
    act_write(s, 701, UNIT);
    wait_ms(s, 6000);
    act_tick(s);
    cr_assert_eq(only()->score, 25, "nobody waits for ever");
}

Test(persistence, a_flood_is_bounded_and_the_real_one_is_told)
{
    grow("1.0", 25, NULL);
    uint32_t run = start("1.1");
    act_write(s, run, UNIT);
    told_of(CHECK);
    struct trn_event ev = s->ev[s->n - 1];
    size_t bytes = trn_detect_bytes(m->detect);
    for (unsigned i = 0; i < 20000; i++) {
        char path[64];
        snprintf(path, sizeof(path), "/etc/cron.d/job-%u", i);
        ev.file.path = trn_str_of(path);
        ev.file.file.ino = 1000000 + i;
        ev.seq++;
        machine_push(m, &ev);
    }
    cr_assert_eq(machine_count(m, CHECK), 2, "one a kind of place");
    cr_assert_leq(trn_detect_bytes(m->detect), bytes + 16 * 1024 * 1024, "%zu", trn_detect_bytes(m->detect) - bytes);
    ev.file.path = TRN_STR("/etc/ld.so.preload");
    machine_push(m, &ev);
    cr_assert_eq(machine_count(m, CHECK), 3);
}

static int count_finding(void *ctx, const struct trn_finding *f)
{
    size_t *n = ctx;
    *n += strcmp(f->check->id, CHECK) == 0;
    return 0;
}

static int count_forgotten(void *ctx, const struct trn_event *ev)
{
    size_t *n = ctx;
    *n += trn_str_eq_c(ev->state.kind, "persistence") && ev->state.value.n == 0;
    return 0;
}

Test(persistence, a_crowd_of_programs_is_bounded)
{
    size_t findings = 0, forgotten = 0, half = 0;
    struct trn_process_table *t;
    struct trn_detect *d;
    cr_assert_eq(trn_process_table_new(&(struct trn_process_options){.sz = sizeof(struct trn_process_options)}, &t), 0);
    struct trn_detect_options o = {.sz = sizeof(o),
                                   .processes = t,
                                   .findings = {count_finding, &findings},
                                   .state = {count_forgotten, &forgotten}};
    cr_assert_eq(trn_detect_new(&o, &d), 0);
    for (unsigned i = 0; i < 10000; i++) {
        char path[64];
        snprintf(path, sizeof(path), "/home/alice/x%u", i);
        s->n = 0;
        act_start(s, 1, 10000 + i, "/home/alice/x", "x");
        s->ev[s->n - 1].exec.path = s->ev[s->n - 1].exec.invoked = trn_str_of(path);
        act_write(s, 10000 + i, UNIT);
        for (size_t k = 0; k < s->n; k++) {
            cr_assert_eq(trn_process_apply(t, &s->ev[k]), 0);
            cr_assert_eq(trn_detect_push(d, &s->ev[k]), 0);
        }
        if (i == 5000)
            half = trn_detect_bytes(d);
    }
    cr_assert_eq(findings, 10000, "each is somebody else's: %zu", findings);
    cr_assert_eq(forgotten, 10000 - 4096, "%zu", forgotten);
    cr_assert_leq(trn_detect_bytes(d), half + 1024 * 1024, "%zu, %zu", trn_detect_bytes(d), half);
    trn_detect_free(d);
    trn_process_table_free(t);
}

Test(persistence, a_restart_tells_it_not_again_and_forgets_nothing)
{
    softphone(s, "1.1");
    fetches_and_runs(812, 845);
    act_write(s, 812, ENTRY);
    wait_ms(s, 120000);
    act_tick(s);
    act_stop(s);
    cr_assert_eq(told_of(CHECK), 1);
    struct machine *next = machine_new(NULL);
    size_t from = s->n;
    machine_restore(next, m, s, from);
    act_write(s, 812, ENTRY);
    act_write(s, 812, "/home/alice/.bashrc");
    machine_run(next, s, from, s->n);
    cr_assert_eq(machine_count(next, CHECK), 1, "only the place that is new");
    cr_assert_eq(machine_finding(next, CHECK, 0)->score, 35, "what it fetched and ran is known");
    machine_free(next);
}

Test(persistence, a_damaged_row_is_a_forgotten_one)
{
    static const char *const values[] = {"", "\x01", "\x02\x19\0", "\x01\xff\xff", "\x01\x19\0\0"};
    static const size_t sizes[] = {0, 1, 3, 3, 4};
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_STATE);
    ev.state.kind = TRN_STR("persistence");
    for (size_t i = 0; i < TRN_ARRAY_SIZE(values); i++) {
        ev.state.key = i + 1;
        ev.state.value = (struct trn_str){values[i], sizes[i]};
        machine_push(m, &ev);
    }
    softphone(s, "1.1");
    act_write(s, 812, ENTRY);
    cr_assert_eq(only()->score, 25);
}

Test(persistence, a_replay_tells_the_same_byte_for_byte)
{
    grow("1.0", 25, OWN);
    uint32_t run = start("1.1");
    fetches_and_runs(run, ++pid);
    act_write(s, run, KEYS);
    act_write(s, run, UNIT);
    told_of(CHECK);
    struct machine *again = machine_new(NULL);
    machine_run(again, s, 0, s->n);
    cr_assert_eq(again->n_findings, m->n_findings);
    for (size_t i = 0; i < m->n_findings; i++) {
        struct trn_buf a, b;
        trn_buf_init(&a, 65536);
        trn_buf_init(&b, 65536);
        trn_finding_encode(&m->findings[i], &a);
        trn_finding_encode(&again->findings[i], &b);
        cr_assert(trn_str_eq(trn_buf_str(&a), trn_buf_str(&b)));
        trn_buf_done(&a);
        trn_buf_done(&b);
    }
    machine_free(again);
}

Test(persistence, the_page_says_it_in_words)
{
    act_update(s, "acme-softphone", "1.0", "1.1");
    softphone(s, "1.1");
    fetches_and_runs(812, 845);
    wait_ms(s, 100);
    act_write(s, 812, ENTRY);
    cr_assert_eq(told_of(CHECK), 1);
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 1);
    const struct trn_story *st = m->told[1];
    bool why = false, benign = false;
    for (uint32_t i = 0; i < st->n_why; i++)
        why |=
            trn_str_starts(st->why[i], TRN_STR("~/.config/autostart/acme-softphone-helper.desktop: starts at login; it "
                                               "had run what it fetched from the network; writing to such a place: "));
    for (uint32_t i = 0; i < st->n_benign_if; i++)
        benign |= trn_str_eq_c(st->benign_if[i], "somebody asked acme-softphone 1.1 to set up "
                                                 "~/.config/autostart/acme-softphone-helper.desktop");
    cr_assert(why && benign, "%s", machine_page(m, 1));
    cr_assert(trn_str_ends(st->sentence, TRN_STR(" and wrote to autostart (starts at login)")), "%.*s",
              TRN_STR_ARG(st->sentence));
    cr_assert(strstr(machine_page(m, 1), "persistence"), "%s", machine_page(m, 1));
}
