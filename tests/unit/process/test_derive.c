/* SPDX-License-Identifier: Apache-2.0 */
/* Question: are logins, sudo, su, and changes of user that nobody told found, and nothing else? */
#include "story.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>

#define ROOT 0u
#define ALICE 1000u
#define BOB 1001u

static struct machine m;
static struct trn_deriver *d;
static struct trn_event got[32];
static char method[32][64];
static size_t n_got;

static int keep(void *ctx, const struct trn_event *ev)
{
    cr_assert_lt(n_got, TRN_ARRAY_SIZE(got));
    got[n_got] = *ev;
    if (ev->type == TRN_EV_LOGIN)
        (void)snprintf(method[n_got], sizeof(method[0]), "%.*s", TRN_STR_ARG(ev->login.method));
    n_got++;
    return 0;
}

static void begin(void)
{
    m = machine_new(0);
    cr_assert_eq(trn_deriver_new(m.t, (struct trn_event_sink){keep, NULL}, &d), 0);
    trn_deriver_set(d, true, true);
    n_got = 0;
}

static void end(void)
{
    trn_deriver_free(d);
    machine_done(&m);
}

TestSuite(derive, .init = begin, .fini = end);

/* As the pipeline does it; the copy that comes back is the completed event. */
static struct trn_event pass(struct trn_event ev)
{
    ev.boot_ns = m.now + TRN_NS_PER_MS;
    trn_deriver_before(d, &ev);
    apply(&m, &ev);
    cr_assert_eq(trn_deriver_after(d), 0);
    return ev;
}

static struct trn_event event(enum trn_event_type type, uint64_t entity)
{
    struct trn_event ev;
    trn_event_init(&ev, type);
    ev.entity = entity;
    ev.pid = (uint32_t)entity;
    return ev;
}

static void fork_of(uint64_t parent, uint64_t child)
{
    struct trn_event ev = event(TRN_EV_FORK, child);
    ev.fork.parent = parent;
    pass(ev);
}

static struct trn_event exec_event(uint64_t entity, const char *path, uint32_t uid, uint32_t euid)
{
    struct trn_event ev = event(TRN_EV_EXEC, entity);
    ev.exec.path = ev.exec.invoked = trn_str_of(path);
    ev.exec.file = key_of(path);
    ev.uid = uid;
    ev.euid = euid;
    ev.gid = uid;
    return ev;
}

static void exec(uint64_t entity, const char *path, uint32_t uid, uint32_t euid)
{
    pass(exec_event(entity, path, uid, euid));
}

static struct trn_event become(uint64_t pid, uint32_t tid, uint32_t uid, uint32_t euid)
{
    struct trn_event ev = event(TRN_EV_CRED, 0);
    ev.action = TRN_ACT_USER;
    ev.pid = (uint32_t)pid;
    ev.tid = tid;
    ev.uid = uid;
    ev.euid = euid;
    return pass(ev);
}

static void wait_seconds(unsigned n)
{
    m.now += n * TRN_NS_PER_SEC;
    trn_deriver_time(d, m.now);
    cr_assert_eq(trn_deriver_after(d), 0);
}

Test(derive, a_told_change_gets_its_entity_and_the_ids_before)
{
    exec(10, "/usr/sbin/nginx", ROOT, ROOT);
    struct trn_event ev = become(10, 10, ALICE, ALICE);
    cr_expect_eq(ev.entity, 10);
    cr_expect(ev.cred.old_uid == ROOT && ev.cred.old_euid == ROOT && ev.cred.old_gid == ROOT);
    cr_expect_eq(ev.gid, ROOT, "not told, so still the old one");
    exec(10, "/usr/bin/id", ALICE, ALICE);
    wait_seconds(5);
    cr_expect_eq(n_got, 0);
}

Test(derive, a_change_that_nobody_told)
{
    exec(10, "/usr/bin/app", ALICE, ALICE);
    exec(10, "/bin/sh", ROOT, ROOT);
    cr_expect_eq(n_got, 0, "the kernel's word may be late");
    wait_seconds(3);
    cr_assert_eq(n_got, 1);
    cr_expect(got[0].type == TRN_EV_CRED && got[0].action == TRN_ACT_USER && (got[0].flags & TRN_EVF_UNTOLD));
    cr_expect(got[0].entity == 10 && got[0].uid == ROOT && got[0].euid == ROOT);
    cr_expect(got[0].cred.old_uid == ALICE && got[0].cred.old_euid == ALICE);
}

Test(derive, a_late_word_of_the_kernel_is_no_alarm)
{
    exec(10, "/usr/bin/app", ALICE, ALICE);
    exec(10, "/usr/bin/passwd", ALICE, ROOT);
    struct trn_event ev = become(10, 10, ALICE, ROOT);
    cr_expect_eq(ev.cred.old_euid, ALICE, "not what the exec has already shown");
    wait_seconds(5);
    cr_expect_eq(n_got, 0);
}

Test(derive, where_the_kernel_tells_no_changes_a_noticed_one_is_not_strange)
{
    trn_deriver_set(d, false, true);
    exec(10, "/usr/bin/app", ALICE, ALICE);
    exec(10, "/usr/bin/passwd", ALICE, ROOT);
    cr_assert_eq(n_got, 1);
    cr_expect(got[0].type == TRN_EV_CRED && !(got[0].flags & TRN_EVF_UNTOLD));
}

Test(derive, a_lost_word_excuses)
{
    exec(10, "/usr/bin/app", ALICE, ALICE);
    exec(10, "/usr/bin/passwd", ALICE, ROOT);
    struct trn_event loss = event(TRN_EV_LOSS, 0);
    loss.meta.klass = TRN_CLASS_ACCESS;
    pass(loss);
    wait_seconds(3);
    cr_assert_eq(n_got, 1);
    cr_expect(!(got[0].flags & TRN_EVF_UNTOLD));
}

Test(derive, every_event_that_carries_ids_is_compared)
{
    static const enum trn_event_type types[] = {TRN_EV_EXIT, TRN_EV_ACCESS, TRN_EV_CONNECT};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(types); i++) {
        uint64_t entity = 20 + i;
        exec(entity, "/usr/bin/app", ALICE, ALICE);
        struct trn_event ev = event(types[i], entity);
        ev.uid = ROOT;
        if (types[i] == TRN_EV_CONNECT) {
            ev.action = TRN_ACT_ATTEMPTED;
            ev.net.proto = IPPROTO_TCP;
        }
        pass(ev);
        wait_seconds(3);
        cr_expect_eq(n_got, i + 1);
    }
}

Test(derive, a_sum_of_connections_may_be_older_than_a_change)
{
    exec(10, "/usr/bin/app", ALICE, ALICE);
    struct trn_event ev = event(TRN_EV_CONNECT, 10);
    ev.uid = ROOT;
    ev.action = TRN_ACT_ATTEMPTED;
    ev.net.proto = IPPROTO_TCP;
    ev.net.count = 300;
    pass(ev);
    wait_seconds(3);
    cr_expect_eq(n_got, 0);
}

Test(derive, threads_with_ids_of_their_own_are_not_compared)
{
    exec(10, "/usr/sbin/smbd", ROOT, ROOT);
    become(10, 11, ROOT, ALICE); /* one thread serves alice */
    struct trn_event ev = event(TRN_EV_EXIT, 10);
    ev.uid = ROOT;
    ev.euid = ALICE;
    pass(ev);
    wait_seconds(3);
    cr_expect_eq(n_got, 0);
}

Test(derive, the_c_library_changes_all_threads)
{
    exec(10, "/usr/bin/app", ROOT, ROOT);
    become(10, 11, ALICE, ALICE);
    become(10, 10, ALICE, ALICE);
    become(10, 12, ALICE, ALICE);
    struct trn_event ev = event(TRN_EV_EXIT, 10);
    ev.uid = ROOT; /* and then something else is wrong */
    pass(ev);
    wait_seconds(3);
    cr_expect_eq(n_got, 1);
}

Test(derive, capabilities_that_an_exec_gave)
{
    struct trn_event ev = exec_event(10, "/bin/sh", ALICE, ALICE);
    ev.exec.capabilities = 0;
    pass(ev);
    ev = exec_event(10, "/usr/bin/ping", ALICE, ALICE);
    ev.exec.capabilities = 1u << 13;
    pass(ev);
    cr_assert_eq(n_got, 1);
    cr_expect(got[0].type == TRN_EV_CRED && got[0].action == TRN_ACT_CAPABILITIES);
    cr_expect(got[0].cred.old_capabilities == 0 && got[0].cred.capabilities == 1u << 13);
    become(10, 10, ROOT, ROOT); /* explains others */
    ev = exec_event(10, "/bin/sh", ROOT, ROOT);
    ev.exec.capabilities = ~0ull >> 23;
    pass(ev);
    ev.exec.capabilities = 7; /* another user namespace: other capabilities, in it */
    ev.exec.userns = 99;
    pass(ev);
    cr_expect_eq(n_got, 1);
}

static void session_exec(uint64_t entity, const char *path, uint32_t session)
{
    struct trn_event ev = exec_event(entity, path, ALICE, ALICE);
    ev.exec.login = session;
    ev.exec.auid = ALICE;
    ev.exec.tty = TRN_STR("pts/1");
    pass(ev);
}

Test(derive, a_session_begins_once)
{
    exec(10, "/usr/sbin/sshd", ROOT, ROOT);
    fork_of(10, 11);
    fork_of(11, 12);
    become(12, 12, ALICE, ALICE);
    session_exec(12, "/bin/bash", 5);
    cr_assert_eq(n_got, 1);
    cr_expect(got[0].type == TRN_EV_LOGIN && got[0].action == TRN_ACT_LOGIN);
    cr_expect_str_eq(method[0], "sshd");
    cr_expect(got[0].login.auid == ALICE && got[0].login.login == 5 && got[0].login.from_uid == TRN_NO_U32);
    cr_expect(got[0].entity == 12 && got[0].uid == ALICE);
    fork_of(12, 13);
    session_exec(13, "/usr/bin/id", 5);
    cr_expect_eq(n_got, 1);
}

Test(derive, sessions_out_of_order_and_long_ago)
{
    exec(10, "/usr/sbin/cron", ROOT, ROOT);
    become(10, 10, ALICE, ALICE);
    session_exec(10, "/bin/sh", 6);
    session_exec(10, "/bin/sh", 5);
    session_exec(10, "/bin/sh", 5);
    cr_expect_eq(n_got, 2);
    session_exec(10, "/bin/sh", 5000);
    session_exec(10, "/bin/sh", 4999);
    session_exec(10, "/bin/sh", 5);
    session_exec(10, "/bin/sh", 6);
    cr_expect_eq(n_got, 4, "what is far behind is old");
}

Test(derive, sessions_that_were_there_are_not_new)
{
    trn_deriver_set(d, true, false);
    struct trn_event ev = exec_event(10, "/bin/bash", ALICE, ALICE);
    ev.flags = TRN_EVF_EXISTING;
    ev.exec.login = 3;
    pass(ev);
    session_exec(10, "/usr/bin/id", 4); /* its leader may still be on its way in the list */
    trn_deriver_set(d, true, true);
    session_exec(10, "/usr/bin/id", 3);
    session_exec(10, "/usr/bin/id", 4);
    cr_expect_eq(n_got, 0);
}

/* alice runs sudo or su, which becomes root and runs something in a child */
static void run_as(uint64_t shell, const char *program, uint32_t uid, bool helper)
{
    exec(shell, "/bin/bash", ALICE, ALICE);
    fork_of(shell, shell + 1);
    become(shell + 1, (uint32_t)shell + 1, ALICE, ROOT);
    exec(shell + 1, program, ALICE, ROOT);
    if (helper) {
        fork_of(shell + 1, shell + 3);
        exec(shell + 3, "/usr/sbin/unix_chkpwd", ALICE, ROOT);
    }
    become(shell + 1, (uint32_t)shell + 1, ROOT, ROOT);
    fork_of(shell + 1, shell + 2);
    become(shell + 2, (uint32_t)shell + 2, uid, uid);
    exec(shell + 2, "/usr/bin/id", uid, uid);
}

Test(derive, sudo_and_su)
{
    run_as(30, "/usr/bin/sudo", ROOT, true);
    cr_assert_eq(n_got, 1);
    cr_expect(got[0].type == TRN_EV_LOGIN && got[0].action == TRN_ACT_SUDO);
    cr_expect_str_eq(method[0], "sudo");
    cr_expect(got[0].login.from_uid == ALICE && got[0].uid == ROOT && got[0].entity == 32);
    run_as(40, "/usr/bin/su", BOB, false);
    cr_assert_eq(n_got, 2);
    cr_expect(got[1].action == TRN_ACT_SU && got[1].login.from_uid == ALICE && got[1].uid == BOB);
    cr_expect_str_eq(method[1], "su");
}

Test(derive, a_name_alone_is_not_su)
{
    run_as(50, "/tmp/x/su", BOB, false);
    run_as(60, "/usr/bin/setpriv", BOB, false);
    cr_expect_eq(n_got, 0);
}

Test(derive, su_to_oneself_is_nothing)
{
    exec(31, "/usr/bin/su", ALICE, ALICE);
    fork_of(31, 32);
    exec(32, "/bin/sh", ALICE, ALICE);
    cr_expect_eq(n_got, 0);
}

Test(derive, a_target_known_by_its_pid)
{
    exec(10, "/usr/bin/gdb", ALICE, ALICE);
    exec(11, "/usr/bin/app", ALICE, ALICE);
    struct trn_event ev = event(TRN_EV_ACCESS, 0);
    ev.pid = 10;
    ev.access.target_pid = 11;
    ev = pass(ev);
    cr_expect(ev.entity == 10 && ev.access.target == 11);
}

Test(derive, a_flood_of_mismatches_is_bounded)
{
    for (uint64_t e = 100; e < 180; e++) {
        exec(e, "/usr/bin/app", ALICE, ALICE);
        exec(e, "/bin/sh", ROOT, ROOT);
        n_got = 0;
    }
    for (int i = 0; i < 40; i++) {
        wait_seconds(3);
        n_got = 0;
    }
    exec(10, "/usr/bin/app", ALICE, ALICE);
    exec(10, "/bin/sh", ROOT, ROOT);
    wait_seconds(3);
    cr_expect_eq(n_got, 1);
}
