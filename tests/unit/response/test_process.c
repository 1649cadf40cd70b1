/* SPDX-License-Identifier: Apache-2.0 */
/* Is a process known for what it is, whatever it calls itself, and is a whole tree stopped without one getting away? */
#include "response/execute/process.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define REST " S 1 812 700 0 -1 4194560 150 0 0 0 1 2 0 0 20 0 3 0 123456 4096 10 18446744073709551615\n"

static const struct trn_act_tools tools = {.response_fd = -1, .scope_fd = -1};

static int parse(const char *text, struct trn_stat *s)
{
    return trn_stat_parse(trn_str_of(text), s);
}

Test(process, a_name_may_hold_anything)
{
    static const char *const names[] = {"(phone)", "(a) S 1 1 1)", "(()",     "( )",
                                        "()",      "(\n)",         "(a b c)", "(\xff\x1b[)"};

    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++) {
        struct trn_stat s = {0};
        char text[256];

        (void)snprintf(text, sizeof(text), "812 %s" REST, names[i]);
        cr_assert_eq(parse(text, &s), 0, "name %zu", i);
        cr_expect_eq(s.pid, 812);
        cr_expect_eq(s.state, 'S');
        cr_expect_eq(s.parent, 1);
        cr_expect_eq(s.session, 700);
        cr_expect_eq(s.threads, 3);
        cr_expect_eq(s.start_ticks, 123456);
    }
}

Test(process, what_is_cut_short_or_no_number_is_refused)
{
    static const char whole[] = "812 (a) S 1 812 700 0 -1 4194560 150 0 0 0 1 2 0 0 20 0 3 0 123456 ";
    static const char *const bad[] = {"",           "812",         "812 (a",      "812 (a)",   "812 (a) ",
                                      "x (a)" REST, "812 a)" REST, "-1 (a)" REST, "812 (a)S 1"};
    struct trn_stat s = {.pid = 7};

    for (size_t i = 0; i < TRN_ARRAY_SIZE(bad); i++)
        cr_expect_eq(parse(bad[i], &s), -EPROTO, "text %zu", i);
    for (size_t n = 0; n < sizeof(whole) - 8; n++)
        cr_expect_eq(trn_stat_parse((struct trn_str){whole, n}, &s), -EPROTO, "%zu bytes", n);
    cr_expect_eq(s.pid, 7, "untouched");
}

/* A child that waits until it is killed. */
static struct trn_act_process child(void)
{
    struct trn_stat s;
    pid_t pid = fork();

    if (pid == 0) {
        for (;;)
            (void)pause();
    }
    cr_assert_gt(pid, 0);
    cr_assert_eq(trn_stat_read((uint32_t)pid, &s), 0);
    cr_assert_eq(s.parent, (uint32_t)getpid());
    return (struct trn_act_process){.pid = (uint32_t)pid, .start_boot_ns = trn_stat_start_ns(&s)};
}

static void end(uint32_t pid)
{
    cr_assert_eq(kill((pid_t)pid, SIGKILL), 0);
    cr_assert_eq(waitpid((pid_t)pid, NULL, 0), (pid_t)pid);
}

Test(process, only_the_one_that_started_then_is_opened)
{
    struct trn_act_process p = child(), other = p;
    TRN_AUTO(trn_fd_closep) int fd = trn_process_open(&tools, &p, NULL);
    struct trn_err err;
    uint64_t now = trn_boot_ns();

    cr_assert_geq(fd, 0);
    cr_expect(p.start_boot_ns <= now && now - p.start_boot_ns < 5 * TRN_NS_PER_SEC, "start is boot time");
    other.start_boot_ns -= 50 * TRN_NS_PER_MS;
    cr_expect_eq(trn_process_open(&tools, &other, &err), -ESRCH);
    other.start_boot_ns = now; /* when it was seen first: it moved into the scope after its start */
    TRN_AUTO(trn_fd_closep) int later = trn_process_open(&tools, &other, NULL);
    cr_expect_geq(later, 0);
    other.start_boot_ns = now + 3600 * TRN_NS_PER_SEC;
    cr_expect_eq(trn_process_open(&tools, &other, &err), -ESRCH, "nobody was seen in an hour from now");
    end(p.pid);
    cr_expect_eq(trn_process_open(&tools, &p, &err), -ESRCH);
}

Test(process, one_that_nobody_waited_for_has_ended)
{
    struct trn_act_process p = child();
    struct trn_stat s;
    struct trn_err err;

    cr_assert_eq(kill((pid_t)p.pid, SIGKILL), 0);
    while (trn_stat_read(p.pid, &s) == 0 && s.state != 'Z')
        (void)usleep(1000);
    cr_expect_eq(trn_process_open(&tools, &p, &err), -ESRCH);
    (void)waitpid((pid_t)p.pid, NULL, 0);
}

Test(process, what_is_vital_is_refused)
{
    struct trn_act_tools own = tools;
    struct trn_act_process p = child(), first = {.pid = 1};
    struct trn_stat s;
    struct trn_err err;

    cr_assert_eq(trn_stat_read(1, &s), 0);
    first.start_boot_ns = trn_stat_start_ns(&s);
    cr_expect_eq(trn_process_open(&tools, &first, &err), -EPERM);
    own.own[1] = p.pid;
    cr_expect_eq(trn_process_open(&own, &p, &err), -EPERM);
    end(p.pid);
}

/* Runs dpkg as that user, up to its first instruction. */
static struct trn_act_process dpkg_of(uid_t uid)
{
    struct trn_stat s;
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        if (setresuid(uid, uid, uid) == 0 && ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
            (void)execl("/usr/bin/dpkg", "dpkg", "--version", NULL);
        _exit(1);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFSTOPPED(status));
    cr_assert_eq(trn_stat_read((uint32_t)pid, &s), 0);
    return (struct trn_act_process){.pid = (uint32_t)pid, .start_boot_ns = trn_stat_start_ns(&s)};
}

Test(process, nobody_hides_behind_a_vital_program_of_their_own)
{
    struct trn_err err;

    if (geteuid() != 0 || access("/usr/bin/dpkg", X_OK) != 0)
        cr_skip_test("needs root and dpkg");
    struct trn_act_process roots = dpkg_of(0), services = dpkg_of(101), users = dpkg_of(1000), mapped = dpkg_of(100005);
    cr_expect_eq(trn_process_open(&tools, &roots, &err), -EPERM);
    cr_expect_eq(trn_process_open(&tools, &services, &err), -EPERM);
    int fd = trn_process_open(&tools, &users, &err);
    cr_expect(fd >= 0, "%s", err.message);
    trn_fd_close(fd);
    fd = trn_process_open(&tools, &mapped, &err);
    cr_expect(fd >= 0, "%s", err.message);
    trn_fd_close(fd);
    const uint32_t all[] = {roots.pid, services.pid, users.pid, mapped.pid};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(all); i++)
        end(all[i]);
}

Test(process, children_are_named_with_their_start)
{
    struct trn_act_process a = child(), b = child(), found[4];
    uint32_t n = 0;

    cr_assert_eq(trn_process_children((uint32_t)getpid(), found, 4, &n), 0);
    cr_assert_eq(n, 2);
    cr_expect(found[0].pid == a.pid ? found[1].pid == b.pid : found[0].pid == b.pid && found[1].pid == a.pid);
    cr_expect_eq(found[0].pid == a.pid ? found[0].start_boot_ns : found[1].start_boot_ns, a.start_boot_ns);
    cr_expect_eq(trn_process_children((uint32_t)getpid(), found, 1, &n), -ENOSPC);
    end(a.pid);
    end(b.pid);
}

/* A chain: each has one child. The last one says that all are there. */
static struct trn_act_process chain(unsigned depth)
{
    int ready[2];
    struct trn_stat s;
    char c;

    cr_assert_eq(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)setsid();
        for (unsigned i = 1; i < depth; i++) {
            if (fork() != 0)
                break;
            if (i + 1 == depth)
                (void)!write(ready[1], "r", 1);
        }
        for (;;)
            (void)pause();
    }
    cr_assert_eq(read(ready[0], &c, 1), 1);
    (void)close(ready[0]);
    (void)close(ready[1]);
    cr_assert_eq(trn_stat_read((uint32_t)pid, &s), 0);
    return (struct trn_act_process){.pid = (uint32_t)pid, .start_boot_ns = trn_stat_start_ns(&s)};
}

Test(process, a_tree_is_stopped_continued_and_ended, .timeout = 30)
{
    struct trn_act_process top = chain(7);
    struct trn_tree tree;
    struct trn_err err = {0};

    trn_tree_init(&tree);
    cr_assert_eq(trn_tree_roots(&tools, &top, 1, &tree, &err), 0, "%s", err.message);
    cr_assert_eq(trn_tree_look(&tools, &tree, &err), 0, "%s", err.message);
    cr_expect_eq(tree.n, 7);
    cr_assert_eq(trn_tree_stop(&tools, &tree, NULL, trn_mono_ns() + 5 * TRN_NS_PER_SEC, &err), 0, "%s", err.message);
    for (uint32_t i = 0; i < tree.n; i++)
        cr_expect_eq(trn_tree_state(&tree.v[i]), 'T', "number %u", i);
    cr_expect_eq(trn_tree_continue(&tree), 7);
    for (uint32_t i = 0; i < tree.n; i++)
        cr_expect_eq(trn_tree_state(&tree.v[i]), 'R', "number %u", i);
    cr_expect_eq(trn_tree_signal(&tree, SIGKILL), 7);
    (void)waitpid((pid_t)top.pid, NULL, 0);
    while (trn_tree_alive(&tree) > 0)
        (void)usleep(1000);
    trn_tree_done(&tree);
}

Test(process, who_lost_its_parent_is_found_by_its_session, .timeout = 30)
{
    struct trn_act_process top = chain(3), middle[2];
    struct trn_tree tree;
    struct trn_err err = {0};
    uint32_t n = 0;

    cr_assert_eq(trn_process_children(top.pid, middle, 2, &n), 0);
    cr_assert_eq(n, 1);
    cr_assert_eq(kill((pid_t)middle[0].pid, SIGKILL), 0);
    while (trn_process_open(&tools, &middle[0], NULL) != -ESRCH)
        (void)usleep(1000);
    trn_tree_init(&tree);
    cr_assert_eq(trn_tree_roots(&tools, &top, 1, &tree, &err), 0, "%s", err.message);
    cr_assert_eq(trn_tree_look(&tools, &tree, &err), 0, "%s", err.message);
    cr_expect_eq(tree.n, 2);
    (void)trn_tree_signal(&tree, SIGKILL);
    (void)waitpid((pid_t)top.pid, NULL, 0);
    trn_tree_done(&tree);
}
