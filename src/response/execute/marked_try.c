/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: trying: a child of ours that gets the mark of a rule does what the rule refuses, and tells how it went. Between
 * fork and exit it makes system calls only, since we have threads; it keeps no descriptor of ours, so that it cannot
 * stand for us before the kernel when we are gone.
 */
#include "response/execute/marked.h"
#include "response/execute/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 2000
#define FIRST_FREE 10 /* descriptors of the child stand below */

struct pipes {
    int go[2], told[2];
};

static void close_pipes(struct pipes *p)
{
    for (int i = 0; i < 2; i++) {
        p->go[i] = trn_fd_close(p->go[i]);
        p->told[i] = trn_fd_close(p->told[i]);
    }
}

static int open_pipes(struct pipes *p)
{
    *p = (struct pipes){{-1, -1}, {-1, -1}};
    if (pipe2(p->go, O_CLOEXEC) == 0 && pipe2(p->told, O_CLOEXEC) == 0)
        return 0;
    int r = -errno;
    close_pipes(p);
    return r;
}

static TRN_NORETURN void child(int scope, const struct pipes *p, trn_try_fn does, const void *arg)
{
    int32_t results[TRN_TRY_MAX] = {0};
    int go = fcntl(p->go[0], F_DUPFD, FIRST_FREE), told = fcntl(p->told[1], F_DUPFD, FIRST_FREE);
    char byte;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (scope >= 0) {
        int procs = openat(scope, "cgroup.procs", O_WRONLY | O_CLOEXEC);

        if (procs < 0 || write(procs, "0", 1) != 1)
            _exit(1);
    }
    if (dup2(go, 0) < 0 || dup2(told, 1) < 0 || syscall(SYS_close_range, 2u, ~0u, 0) != 0)
        _exit(1);
    if (read(0, &byte, 1) != 1)
        _exit(1);
    does(arg, results);
    _exit(write(1, results, sizeof(results)) == (ssize_t)sizeof(results) ? 0 : 1);
}

static int mark_and_go(const struct trn_act_tools *t, uint32_t rule, pid_t pid, const struct pipes *p)
{
    struct trn_stat s;
    int r = 0;

    if (rule != 0)
        r = trn_stat_read((uint32_t)pid, &s);
    if (r == 0 && rule != 0)
        r = trn_cut_process(t->cut, rule, (uint32_t)pid, trn_stat_start_ns(&s));
    return r < 0 ? r : write(p->go[1], "g", 1) == 1 ? 0 : -errno;
}

static int answers(const struct pipes *p, int32_t *ret)
{
    struct pollfd in = {.fd = p->told[0], .events = POLLIN};
    int32_t results[TRN_TRY_MAX];

    if (poll(&in, 1, PATIENCE_MS) <= 0)
        return -ETIME;
    if (read(p->told[0], results, sizeof(results)) != (ssize_t)sizeof(results))
        return -EPIPE;
    memcpy(ret, results, sizeof(results));
    return 0;
}

int trn_marked_try(const struct trn_act_tools *t, uint32_t rule, trn_try_fn does, const void *arg,
                   int32_t ret_results[TRN_TRY_MAX], struct trn_err *err)
{
    struct pipes p;
    pid_t pid;
    int r = open_pipes(&p);

    if (r < 0)
        return trn_fail(err, r, "cannot try it: %s", trn_errno_name(r));
    pid = fork();
    if (pid == 0)
        child(t->scope_fd, &p, does, arg);
    r = pid < 0 ? -errno : 0;
    p.go[0] = trn_fd_close(p.go[0]);
    p.told[1] = trn_fd_close(p.told[1]);
    if (r == 0)
        r = mark_and_go(t, rule, pid, &p);
    if (r == 0)
        r = answers(&p, ret_results);
    close_pipes(&p); /* a child that still waits for the word ends */
    if (pid > 0) {
        if (r != 0)
            (void)kill(pid, SIGKILL); /* our child, not waited for yet: the number is still its */
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    return r == 0 ? 0 : trn_fail(err, r, "cannot try it: the child that was to: %s", trn_errno_name(r));
}
