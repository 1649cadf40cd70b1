/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the self-test's acts about processes: fork, exec, exit, execution of a memory file.
 * Must not: run any program but this one ('--version').
 */
#include "cli/selftest.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_CODE 42 /* of the child whose end is looked for */

void trn_scratch_pid(struct trn_scratch *s, pid_t pid)
{
    uint32_t n = s->n_pids;
    if (n < TRN_ACT_PIDS) {
        s->pids[n] = pid;
        s->n_pids = n + 1;
    }
}

int trn_scratch_child(struct trn_scratch *s, int (*fn)(struct trn_scratch *s))
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(fn(s));
    if (pid < 0)
        return -errno;
    trn_scratch_pid(s, pid);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -ECHILD;
}

/* Opens this program's own file for copying. */
static int scratch_self(void)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int trn_scratch_copy_self(int to)
{
    TRN_AUTO(trn_fd_closep) int from = scratch_self();
    char part[16384];
    if (from < 0)
        return from;
    for (;;) {
        ssize_t n = read(from, part, sizeof(part));
        if (n <= 0)
            return n < 0 ? -errno : 0;
        int e = trn_write_full(to, part, (size_t)n);
        if (e < 0)
            return e;
    }
}

static int quiet(void)
{
    int fd = open("/dev/null", O_RDWR);
    return fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0 ? -errno : 0;
}

static int child_exits(struct trn_scratch *s)
{
    return EXIT_CODE;
}

static int child_execs(struct trn_scratch *s)
{
    char *argv[] = {(char *)"turncoat", (char *)"--version", s->marker, NULL};
    /* A variable of the sensor's table that means nothing to this program. */
    if (quiet() == 0 && setenv("PERL5LIB", s->marker, 1) == 0)
        (void)execve("/proc/self/exe", argv, environ);
    return 127;
}

static int child_execs_memory(struct trn_scratch *s)
{
    char *argv[] = {(char *)"turncoat", (char *)"--version", NULL};
    int fd = memfd_create("turncoat-self-test", 0);
    if (fd >= 0 && trn_scratch_copy_self(fd) == 0 && quiet() == 0)
        (void)fexecve(fd, argv, environ);
    return 127;
}

static int act_fork(struct trn_scratch *s)
{
    int code = trn_scratch_child(s, child_exits);
    return code == EXIT_CODE ? 0 : code < 0 ? code : -ECHILD;
}

static int act_exec(struct trn_scratch *s)
{
    int code = trn_scratch_child(s, child_execs);
    return code == 0 ? 0 : code < 0 ? code : -ENOEXEC;
}

static int act_memory_exec(struct trn_scratch *s)
{
    int code = trn_scratch_child(s, child_execs_memory);
    return code == 0 ? 0 : code < 0 ? code : -EOPNOTSUPP;
}

static bool saw_fork(const struct trn_scratch *s, const struct trn_event *ev)
{
    return ev->type == TRN_EV_FORK;
}

static bool saw_exec(const struct trn_scratch *s, const struct trn_event *ev)
{
    return ev->type == TRN_EV_EXEC && trn_str_contains(ev->exec.argv, trn_str_of(s->marker));
}

static bool saw_variable(const struct trn_scratch *s, const struct trn_event *ev)
{
    return ev->type == TRN_EV_EXEC && trn_str_contains(ev->exec.env, trn_str_of(s->marker));
}

static bool saw_exit(const struct trn_scratch *s, const struct trn_event *ev)
{
    return ev->type == TRN_EV_EXIT && ev->exit.code == EXIT_CODE;
}

static bool saw_memory_exec(const struct trn_scratch *s, const struct trn_event *ev)
{
    return ev->type == TRN_EV_EXEC && (ev->flags & TRN_EVF_MEMFD);
}

const struct trn_selftest_act trn_acts_process[] = {
    {"fork", "process", act_fork, saw_fork},
    {"exit with its code", "process", act_fork, saw_exit},
    {"exec with its arguments", "process", act_exec, saw_exec},
    {"exec with the variables that choose code", "process", act_exec, saw_variable},
    {"exec of a memory file", "process", act_memory_exec, saw_memory_exec},
};
const size_t trn_n_acts_process = TRN_ARRAY_SIZE(trn_acts_process);
