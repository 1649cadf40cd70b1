/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Question: does turncoatd get the policy that stands in the file, the worker's own words about one that is wrong, and nothing
 * at all from a worker that the file took over? Here trn_spawn is ours: the worker is a child that does what the test says.
 */
#include "folder.h"

#include "daemon/daemon.h"
#include "inspect/inspect.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum worker { HONEST, SILENT, GONE, NO_POLICY, GARBAGE, TWICE, OTHER_JOB, WITH_DESCRIPTOR, BAD_AND_GOOD };
static enum worker worker = HONEST;
static char file[4200];
static struct trn_policy *policy;

static void say(int sock, uint16_t type, uint64_t job, const char *more, size_t n, int fd)
{
    struct trn_buf b;
    trn_buf_init(&b, 4096);
    trn_put_u64(&b, job);
    trn_put(&b, more, n);
    (void)!trn_ipc_send(sock, type, trn_buf_str(&b), &fd, fd >= 0);
    trn_buf_done(&b);
}

static void send_policy(int sock)
{
    static struct trn_policy p;
    struct trn_buf b;
    trn_policy_default(&p);
    p.protect = true;
    trn_buf_init(&b, 4096);
    trn_policy_encode(&p, &b);
    say(sock, TRN_CH_INSPECT_POLICY, 1, b.p, b.n, -1);
    trn_buf_done(&b);
}

static TRN_NORETURN void be_worker(int jobs, int results)
{
    static const char end[] = "\0\0\0\0\xff\xff\xff\xff", bad[] = "\x02\0\0\0\0\0\0\0\x05\0\0\0wrong";
    switch (worker) {
    case HONEST:
        _exit(
            trn_inspect_serve(jobs, results, &(struct trn_inspect_options){.uid = (uid_t)-1, .gid = (gid_t)-1}, NULL));
    case SILENT:
        pause();
        break;
    case GONE:
        break;
    case NO_POLICY:
        say(results, TRN_CH_INSPECT_END, 1, end, 8, -1);
        break;
    case GARBAGE:
        say(results, TRN_CH_INSPECT_POLICY, 1, "protect everything", 18, -1);
        break;
    case TWICE:
        send_policy(results);
        send_policy(results);
        break;
    case OTHER_JOB:
        send_policy(results);
        say(results, TRN_CH_INSPECT_END, 2, end, 8, -1);
        break;
    case WITH_DESCRIPTOR:
        send_policy(results);
        say(results, TRN_CH_INSPECT_END, 1, end, 8, 0);
        break;
    case BAD_AND_GOOD:
        send_policy(results);
        say(results, TRN_CH_INSPECT_BAD_LINE, 1, bad, sizeof bad - 1, -1);
        say(results, TRN_CH_INSPECT_END, 1, end, 8, -1);
        break;
    }
    _exit(0);
}

int trn_spawn(const char *name, const char *const *argv, const int *fds, unsigned n_fds, int cwd_fd, pid_t *ret_pid,
              int *ret_pidfd, struct trn_err *err)
{
    cr_assert_str_eq(name, "turncoat-inspect");
    cr_assert_eq(n_fds, 2);
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        int jobs = dup2(fds[0], 100), results = dup2(fds[1], 101);
        close_range(3, 99, 0);
        close_range(102, ~0u, 0);
        be_worker(jobs, results);
    }
    *ret_pid = pid;
    *ret_pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    return 0;
}

static void set_up(void)
{
    if (geteuid() != 0)
        cr_skip("a policy must be root's file");
    policy = malloc(sizeof *policy);
    cr_assert(policy);
    snprintf(file, sizeof file, "/tmp/turncoat-policy-test.%d", getpid());
}

static void tear_down(void)
{
    unlink(file);
    free(policy);
}

TestSuite(policy_load, .init = set_up, .fini = tear_down);

static int load(const char *text, struct trn_err *err)
{
    const struct trn_place place = {.inspect_uid = 65521, .inspect_gid = 65521};
    *err = (struct trn_err){0};
    if (text) {
        FILE *f = fopen(file, "w");
        cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
        cr_assert_eq(chmod(file, 0644), 0);
    }
    memset(policy, 0x5a, sizeof *policy);
    return trn_daemon_policy_load(file, true, &place, policy, err);
}

Test(policy_load, what_stands_in_the_file)
{
    struct trn_err err;
    cr_assert_eq(load("mode: protect\nvital: /usr/bin/acme\n", &err), 0, "%s", err.message);
    cr_expect(policy->protect && policy->n_vital == 1);
    cr_expect_str_eq(policy->vital[0], "/usr/bin/acme");
}

Test(policy_load, the_workers_own_words)
{
    struct trn_err err;
    cr_assert_eq(load("mode: protect\nrates: {kils-per-minute: 1}\n", &err), -EINVAL);
    cr_expect(strstr(err.message, "line 2, column 9: 'kils-per-minute' is no key of rates"), "%s", err.message);
    cr_expect(strstr(err.hint, "known: acts-per-minute, kills-per-minute"), "%s", err.hint);
    cr_expect_eq(((unsigned char *)policy)[0], 0x5a, "what failed changes nothing");
}

Test(policy_load, a_file_that_is_not_there)
{
    const struct trn_place place = {0};
    struct trn_err err = {0};
    cr_expect_eq(load(NULL, &err), -ENOENT);
    cr_expect(strstr(err.message, "cannot be opened"), "%s", err.message);
    cr_assert_eq(trn_daemon_policy_load(file, false, &place, policy, &err), 0, "the default file may be missing");
    cr_expect_not(policy->protect);
}

Test(policy_load, a_file_that_others_can_write)
{
    struct trn_err err;
    cr_assert_eq(load("mode: detect\n", &err), 0);
    cr_assert_eq(chmod(file, 0666), 0);
    cr_expect_eq(load(NULL, &err), -EPERM);
    cr_expect(strstr(err.hint, "chmod 644"), "%s", err.hint);
    cr_assert(chmod(file, 0644) == 0 && chown(file, 65521, 0) == 0);
    cr_expect_eq(load(NULL, &err), -EPERM);
}

Test(policy_load, no_plain_file)
{
    struct trn_err err;
    cr_assert_eq(mkfifo(file, 0600), 0);
    cr_expect_eq(load(NULL, &err), -EINVAL, "and it was not waited for");
}

Test(policy_load, a_worker_that_was_taken_over)
{
    static const struct {
        enum worker worker;
        const char *what;
    } cases[] = {
        {GONE, "ended at once"},
        {NO_POLICY, "an end without a policy"},
        {GARBAGE, "no policy"},
        {TWICE, "two policies"},
        {OTHER_JOB, "the end of another job"},
        {WITH_DESCRIPTOR, "with a descriptor"},
        {BAD_AND_GOOD, "both a mistake and a policy"},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        struct trn_err err;
        worker = cases[i].worker;
        cr_expect_lt(load("mode: protect\n", &err), 0, "%s", cases[i].what);
        cr_expect(err.message[0] && ((unsigned char *)policy)[0] == 0x5a, "%s", cases[i].what);
    }
}

Test(policy_load, read_again_without_waiting)
{
    const struct trn_place place = {.inspect_uid = 65521, .inspect_gid = 65521};
    struct trn_policy_reading *r = NULL;
    struct trn_err err;
    cr_assert_eq(load("mode: detect\n", &err), 0);
    worker = SILENT;
    cr_assert_eq(trn_policy_read_start(file, &place, &r, &err), 0);
    cr_expect_eq(trn_policy_read_step(r, policy, &err), 1, "more is to come, and nobody waits for it");
    trn_policy_read_end(r);
}
