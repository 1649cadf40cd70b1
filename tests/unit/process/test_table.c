/* SPDX-License-Identifier: Apache-2.0 */
/* Is the right entity found, and does the table stay bounded and the same every time? */
#include "story.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct trn_event file_event(const struct machine *m, uint32_t pid, uint64_t boot_ns)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_FILE);
    ev.pid = pid;
    ev.boot_ns = boot_ns;
    return ev;
}

static uint64_t who(const struct machine *m, uint32_t pid, uint64_t boot_ns)
{
    struct trn_event ev = file_event(m, pid, boot_ns);
    const struct trn_entity *e = trn_process_of(m->t, &ev);
    return e ? e->id : 0;
}

Test(table, pid_means_who_had_it_then)
{
    struct machine m = machine_new(0);
    act_fork_pid(&m, 0, 100, 7);
    uint64_t first = m.now;
    act_exit(&m, 100);
    uint64_t gone = m.now;
    m.now += 5 * TRN_NS_PER_SEC;
    act_fork_pid(&m, 0, 200, 7); /* the pid again */
    uint64_t second = m.now;
    cr_assert_eq(who(&m, 7, first - 1), 0);
    cr_assert_eq(who(&m, 7, first), 100);
    cr_assert_eq(who(&m, 7, gone), 100);
    cr_assert_eq(who(&m, 7, gone + TRN_NS_PER_SEC), 100, "late file events of one that just exited");
    cr_assert_eq(who(&m, 7, second), 200);
    cr_assert_eq(who(&m, 7, second + 60 * TRN_NS_PER_SEC), 200);
    cr_assert_eq(who(&m, 8, second), 0);
    cr_assert_eq(who(&m, TRN_NO_U32, second), 0);
    machine_done(&m);
}

Test(table, one_that_had_ended_is_not_who_has_the_pid_now)
{
    struct machine m = machine_new(0);
    act_fork_pid(&m, 0, 100, 7);
    act_exit(&m, 100);
    act_fork_pid(&m, 0, 200, 7); /* at once */
    struct trn_event ev = file_event(&m, 7, m.now);
    cr_assert_eq(trn_process_of(m.t, &ev)->id, 200);
    ev.flags = TRN_EVF_GONE;
    cr_assert_eq(trn_process_of(m.t, &ev)->id, 100);
    act_fork_pid(&m, 0, 300, 8);
    ev = file_event(&m, 8, m.now);
    ev.flags = TRN_EVF_GONE;
    cr_assert_eq(trn_process_of(m.t, &ev)->id, 300, "its end is not told yet");
    machine_done(&m);
}

Test(table, exited_pid_is_forgotten_after_ten_seconds)
{
    struct machine m = machine_new(0);
    act_fork(&m, 0, 100);
    act_exit(&m, 100);
    cr_assert_eq(who(&m, 100, m.now + 10 * TRN_NS_PER_SEC), 100);
    cr_assert_eq(who(&m, 100, m.now + 10 * TRN_NS_PER_SEC + 1), 0);
    cr_assert_eq(at(&m, 100)->exit_boot_ns, m.now);
    machine_done(&m);
}

Test(table, lost_exit_is_noticed_when_the_pid_lives_again)
{
    struct machine m = machine_new(0);
    act_fork_pid(&m, 0, 100, 7);
    uint64_t first = m.now;
    act_fork_pid(&m, 0, 200, 7);
    cr_assert_eq(at(&m, 100)->exit_boot_ns, m.now);
    cr_assert_eq(at(&m, 200)->exit_boot_ns, 0);
    cr_assert_eq(who(&m, 7, first), 100);
    cr_assert_eq(who(&m, 7, m.now + 1), 200);
    machine_done(&m);
}

Test(table, exec_by_a_thread_changes_the_one_entity)
{
    struct machine m = machine_new(0);
    act_run(&m, 0, 100, "/opt/a", "a");
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_EXEC);
    ev.entity = 100;
    ev.pid = 100;
    ev.tid = 107; /* the thread that called exec */
    ev.exec.path = TRN_STR("/opt/b");
    apply(&m, &ev);
    cr_assert_eq(trn_process_count(m.t), 1);
    cr_assert(trn_str_eq_c(at(&m, 100)->image.path, "/opt/b"));
    cr_assert_eq(at(&m, 100)->image.exec_count, 2);
    machine_done(&m);
}

Test(table, exec_without_fork_makes_an_entity)
{
    struct machine m = machine_new(0);
    act_exec(&m, 100, "/opt/a", "a");
    cr_assert(trn_str_eq_c(at(&m, 100)->image.path, "/opt/a"));
    cr_assert_eq(who(&m, 100, 1), 100, "it started before we saw it");
    act_exit(&m, 555); /* of nobody */
    cr_assert_eq(trn_process_count(m.t), 1);
    machine_done(&m);
}

Test(table, fork_after_exec_only_adds_the_parent)
{
    struct machine m = machine_new(0);
    act_run(&m, 0, 50, "/opt/app", "app");
    act_exec(&m, 100, "/usr/bin/dash", "sh");
    act_fork(&m, 50, 100);
    cr_assert(trn_str_eq_c(at(&m, 100)->image.path, "/usr/bin/dash"));
    cr_assert_eq(at(&m, 100)->parent, 50);
    cr_assert_str_eq(acting(&m, 100), "app");
    machine_done(&m);
}

Test(table, fork_without_exec_runs_the_parents_image)
{
    struct machine m = machine_new(0);
    act_run(&m, 0, 50, "/opt/app", "app");
    act_fork(&m, 50, 51);
    cr_assert(trn_str_eq_c(at(&m, 51)->image.path, "/opt/app"));
    cr_assert_eq(at(&m, 51)->image.exec_count, 0);
    act_exit(&m, 50);
    cr_assert(trn_str_eq_c(at(&m, 51)->image.path, "/opt/app"));
    machine_done(&m);
}

Test(table, header_facts_follow_exec)
{
    struct machine m = machine_new(0);
    act_run(&m, 0, 50, "/opt/app", "app");
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_EXEC);
    ev.entity = ev.pid = 50;
    ev.uid = 1000;
    ev.euid = 0;
    ev.mntns = 4026531841u;
    ev.cgroup = 99;
    ev.exec.path = TRN_STR("/opt/suid");
    ev.exec.tty = TRN_STR("pts/1");
    ev.exec.session = 49;
    apply(&m, &ev);
    const struct trn_entity *e = at(&m, 50);
    cr_assert_eq(e->uid, 1000);
    cr_assert_eq(e->euid, 0);
    cr_assert_eq(e->mntns, 4026531841u);
    cr_assert_eq(e->cgroup, 99);
    cr_assert(trn_str_eq_c(e->tty, "pts/1"));
    act_fork(&m, 50, 51);
    cr_assert_eq(at(&m, 51)->mntns, 4026531841u, "a child is in its parent's namespace");
    cr_assert_eq(at(&m, 51)->session, 49);
    machine_done(&m);
}

Test(table, identity_of_the_same_path_in_another_container_does_not_bind)
{
    struct machine m = machine_new(0);
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_EXEC);
    ev.entity = ev.pid = 50;
    ev.mntns = 2;
    ev.exec.path = TRN_STR("/usr/bin/python3.11");
    ev.exec.script = TRN_STR("/usr/bin/tool");
    apply(&m, &ev);
    trn_event_init(&ev, TRN_EV_IDENTITY);
    ev.identity.file = key_of("tool");
    ev.identity.path = TRN_STR("/usr/bin/tool");
    ev.identity.id.software.name = TRN_STR("host-tool");
    ev.identity.id.software.origin = TRN_ORIGIN_DPKG;
    ev.identity.id.mntns = 1;
    apply(&m, &ev);
    cr_assert_null(at(&m, 50)->image.script_identity);
    ev.identity.id.mntns = 2;
    apply(&m, &ev);
    cr_assert_not_null(at(&m, 50)->image.script_identity);
    machine_done(&m);
}

Test(table, identity_of_another_content_does_not_bind)
{
    struct machine m = machine_new(0);
    act_run(&m, 0, 50, "/opt/app", "app");
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_IDENTITY);
    ev.identity.file = key_of("/opt/app");
    ev.identity.file.ctime_ns++; /* the file was replaced since */
    ev.identity.id.software.name = TRN_STR("new");
    apply(&m, &ev);
    cr_assert_null(at(&m, 50)->image.identity);
    cr_assert_not_null(trn_process_identity(m.t, &ev.identity.file));
    ev.identity.file.ctime_ns--;
    cr_assert_null(trn_process_identity(m.t, &ev.identity.file));
    machine_done(&m);
}

Test(table, identity_told_again_replaces_and_changes_roles)
{
    struct machine m = machine_new(0);
    act_run(&m, 0, 40, "/opt/app", "app");
    act_run(&m, 40, 50, "/usr/bin/odd", "odd");
    act_identity(&m, "/usr/bin/odd", "odd", "1", TRN_ORIGIN_DPKG, 0);
    cr_assert_str_eq(acting(&m, 50), "odd 1");
    act_identity(&m, "/usr/bin/odd", "odd", "1", TRN_ORIGIN_DPKG, TRN_SW_BASE);
    cr_assert_str_eq(acting(&m, 50), "app");
    machine_done(&m);
}

Test(table, oldest_exited_go_first)
{
    struct machine m = machine_new(64);
    for (uint64_t i = 1; i <= 64; i++)
        act_fork(&m, 0, i);
    act_exit(&m, 30);
    act_exit(&m, 10);
    act_fork(&m, 0, 100);
    cr_assert_null(trn_process_get(m.t, 30));
    act_fork(&m, 0, 101);
    cr_assert_null(trn_process_get(m.t, 10));
    act_fork(&m, 0, 102); /* all alive: the one known longest */
    cr_assert_null(trn_process_get(m.t, 1));
    cr_assert_eq(trn_process_count(m.t), 64);
    cr_assert_eq(trn_process_evicted(m.t), 3);
    machine_done(&m);
}

Test(table, parents_of_what_lives_are_kept_longer)
{
    struct machine m = machine_new(64);
    act_run(&m, 0, 1, "/opt/app", "app");
    act_run(&m, 1, 2, "/usr/bin/dash", "sh");
    act_exit(&m, 1);
    for (uint64_t i = 10; i < 300; i++) {
        act_fork(&m, 2, i);
        act_exit(&m, i);
    }
    cr_assert_not_null(trn_process_get(m.t, 1));
    cr_assert_str_eq(acting(&m, 2), "app");
    machine_done(&m);
}

Test(table, who_acted_survives_the_eviction_of_the_actor)
{
    struct machine m = machine_new(64);
    act_run(&m, 0, 1, "/opt/app", "app");
    act_identity(&m, "/opt/app", "app", "2", TRN_ORIGIN_DPKG, 0);
    act_run(&m, 1, 2, "/usr/bin/dash", "sh");
    for (uint64_t i = 1000; trn_process_get(m.t, 1); i++) /* all alive */
        act_fork(&m, 0, i);
    if (trn_process_get(m.t, 2)) {
        cr_assert_str_eq(acting(&m, 2), "app 2");
        cr_assert_eq(at(&m, 2)->acting, 1);
    }
    machine_done(&m);
}

static uint64_t digest(const struct machine *m)
{
    uint64_t h = 0;
    const struct trn_entity *e;
    for (size_t it = 0; trn_process_next(m->t, &it, &e);) {
        h = trn_hash64_mix(h, e->id);
        h = trn_hash64_mix(h, e->parent);
        h = trn_hash64_mix(h, e->acting + e->session_only);
        h = trn_hash64_mix(h, e->exit_boot_ns);
        h = trn_hash64_mix(h, trn_hash64_str(e->image.path));
        h = trn_hash64_mix(h, e->image.identity != NULL);
    }
    return h;
}

static uint64_t chance(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void run_random(struct machine *m, uint64_t seed, int acts)
{
    static const char *const paths[] = {"/usr/bin/dash",
                                        "/opt/app",
                                        "/usr/sbin/sshd",
                                        "/usr/bin/id",
                                        "/home/u/prog",
                                        "/usr/bin/python3.11",
                                        "/usr/lib/systemd/systemd",
                                        "/usr/bin/tmux"};
    for (int i = 0; i < acts; i++) {
        uint64_t a = chance(&seed) % 200 + 1, b = chance(&seed) % 200 + 1;
        const char *path = paths[chance(&seed) % TRN_ARRAY_SIZE(paths)];
        switch (chance(&seed) % 6) {
        case 0:
            act_fork_pid(m, a, b + 200 * (chance(&seed) % 4), (uint32_t)b);
            break;
        case 1:
            act_exec(m, a, path, "x -c y");
            break;
        case 2:
            act_exit(m, a);
            break;
        case 3:
            act_identity(m, path, "p", "1", chance(&seed) % TRN_ORIGIN_MAX, (uint32_t)(chance(&seed) % 8));
            break;
        case 4:
            act_existing(m, a, b, path);
            break;
        default:
            act_script(m, a, "/usr/bin/python3.11", path);
        }
        struct trn_event ev = file_event(m, (uint32_t)b, m->now);
        const struct trn_entity *e = trn_process_of(m->t, &ev);
        bool session;
        if (e && trn_process_acting(m->t, e))
            (void)trn_process_starter(m->t, e, &session);
        (void)trn_process_is_above(m->t, a, b);
    }
}

Test(table, same_events_give_the_same_state)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct machine a = machine_new(64), b = machine_new(64);
        run_random(&a, seed, 3000);
        run_random(&b, seed, 3000);
        cr_assert_eq(digest(&a), digest(&b), "seed %llu", (unsigned long long)seed);
        cr_assert_eq(trn_process_bytes(a.t), trn_process_bytes(b.t));
        cr_assert_leq(trn_process_count(a.t), 64);
        machine_done(&a);
        machine_done(&b);
    }
}

Test(table, iteration_goes_by_life_and_start)
{
    struct machine m = machine_new(0);
    for (uint64_t i = 1; i <= 5; i++)
        act_fork(&m, 0, 10 - i); /* ids fall, start times rise */
    act_exit(&m, 8);
    act_exit(&m, 9);
    const uint64_t want[] = {7, 6, 5, 9, 8};
    const struct trn_entity *e;
    size_t n = 0;
    for (size_t it = 0; trn_process_next(m.t, &it, &e); n++)
        cr_assert_eq(e->id, want[n]);
    cr_assert_eq(n, 5);
    machine_done(&m);
}

Test(table, full_table_of_ordinary_processes_fits_8_mb)
{
    struct machine m = machine_new(0);
    char path[128], argv[256];
    act_existing(&m, 0, 1, "/usr/lib/systemd/systemd");
    for (uint64_t i = 2; i < 40000; i++) {
        snprintf(path, sizeof(path), "/usr/lib/x86_64-linux-gnu/some-software/libexec/program-%llu",
                 (unsigned long long)(i % 800));
        snprintf(argv, sizeof(argv),
                 "program --in=/home/user/projects/thing/input-%llu.txt --out=/tmp/out-%llu -O2 -g -Wall",
                 (unsigned long long)i, (unsigned long long)i);
        act_run(&m, i % 7 ? i - 1 : 1, i, path, argv);
        if (i % 800 == 5)
            act_identity(&m, path, "some-software", "1.0", TRN_ORIGIN_DPKG, 0);
        if (i > 200)
            act_exit(&m, i - 199);
    }
    cr_log_info("%zu entities in %zu bytes", trn_process_count(m.t), trn_process_bytes(m.t));
    cr_assert_gt(trn_process_count(m.t), 15000);
    cr_assert_lt(trn_process_bytes(m.t), 9u << 20);
    machine_done(&m);
}

Test(table, long_strings_are_cut_and_evict_early)
{
    struct machine m = machine_new(1024);
    static char big[100000];
    memset(big, 'a', sizeof(big));
    for (uint64_t i = 1; i <= 5000; i++) {
        struct trn_event ev;
        trn_event_init(&ev, TRN_EV_EXEC);
        ev.entity = ev.pid = (uint32_t)i;
        snprintf(big, 20, "/%llu", (unsigned long long)i);
        ev.exec.path = ev.exec.invoked = ev.exec.script = ev.exec.cwd = ev.exec.tty = ev.exec.argv =
            (struct trn_str){big, sizeof(big)};
        apply(&m, &ev);
        cr_assert_eq(at(&m, i)->image.argv.n, 512);
    }
    cr_assert_lt(trn_process_bytes(m.t), 1u << 20);
    cr_assert_geq(trn_process_count(m.t), 64);
    machine_done(&m);
}

Test(table, identities_are_bounded)
{
    struct trn_process_options o = {.sz = sizeof(o), .max_entities = 64, .max_identities = 100};
    struct machine m = {.now = TRN_NS_PER_SEC};
    char path[32];
    cr_assert_eq(trn_process_table_new(&o, &m.t), 0);
    act_run(&m, 0, 1, "/opt/app", "app");
    act_identity(&m, "/opt/app", "app", "1", TRN_ORIGIN_DPKG, 0);
    size_t full = 0;
    for (int i = 0; i < 5000; i++) {
        snprintf(path, sizeof(path), "/f%d", i);
        act_identity(&m, path, "f", "1", TRN_ORIGIN_DPKG, 0);
        if (i == 200)
            full = trn_process_bytes(m.t);
    }
    cr_assert_leq(trn_process_bytes(m.t), full + 512);
    cr_assert_str_eq(software(&m, 1), "app 1", "what runs keeps its identity");
    struct trn_file_key k = key_of("/f1");
    cr_assert_null(trn_process_identity(m.t, &k));
    machine_done(&m);
}
