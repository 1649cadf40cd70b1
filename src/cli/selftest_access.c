/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the self-test's acts about other processes and users. The only process that is reached into, or becomes
 * somebody else, is a child that was made for it and that does nothing.
 */
#include "cli/selftest.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534u
#define PLACE 8

/* Starts a child that waits, does the act on it and ends it. */
static int with_child(struct trn_scratch *s, int (*act)(pid_t child, uintptr_t place))
{
    char place[PLACE] = ""; /* at the same address in the child, which is a copy */
    pid_t child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            (void)pause();
    }
    if (child < 0)
        return -errno;
    trn_scratch_pid(s, child);
    int r = act(child, (uintptr_t)place);
    (void)kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0)
        if (errno != EINTR)
            break;
    return r;
}

static int write_memory(pid_t child, uintptr_t place)
{
    char mine[PLACE] = "changed";
    struct iovec from = {mine, sizeof(mine)}, to = {(void *)place, PLACE};
    return process_vm_writev(child, &from, 1, &to, 1, 0) < 0 ? -errno : 0;
}

static int read_memory(pid_t child, uintptr_t place)
{
    char path[64], mine[PLACE];
    (void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)child);
    TRN_AUTO(trn_fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 || pread(fd, mine, sizeof(mine), (off_t)place) < 0 ? -errno : 0;
}

static int attach(pid_t child, uintptr_t place)
{
    return ptrace(PTRACE_SEIZE, child, NULL, NULL) < 0 ? -errno : 0;
}

static int act_write(struct trn_scratch *s)
{
    return with_child(s, write_memory);
}

static int act_read(struct trn_scratch *s)
{
    return with_child(s, read_memory);
}

static int act_attach(struct trn_scratch *s)
{
    return with_child(s, attach);
}

static int child_becomes_nobody(struct trn_scratch *s)
{
    return setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0;
}

static int act_user(struct trn_scratch *s)
{
    if (geteuid() != 0)
        return -EOPNOTSUPP;
    int code = trn_scratch_child(s, child_becomes_nobody);
    return code == 0 ? 0 : code < 0 ? code : -EOPNOTSUPP;
}

static bool saw_write(const struct trn_scratch *s, const struct trn_event *ev)
{
    return ev->type == TRN_EV_ACCESS && ev->action == TRN_ACT_WRITE;
}

static bool saw_read(const struct trn_scratch *s, const struct trn_event *ev)
{
    return ev->type == TRN_EV_ACCESS && ev->action == TRN_ACT_READ;
}

static bool saw_attach(const struct trn_scratch *s, const struct trn_event *ev)
{
    return ev->type == TRN_EV_ACCESS && ev->action == TRN_ACT_PTRACE;
}

static bool saw_user(const struct trn_scratch *s, const struct trn_event *ev)
{
    return ev->type == TRN_EV_CRED && ev->uid == NOBODY && ev->euid == NOBODY;
}

const struct trn_selftest_act trn_acts_access[] = {
    {"memory of another process written", "access", act_write, saw_write},
    {"/proc/PID/mem read", "access", act_read, saw_read},
    {"debugger attached", "process.events", act_attach, saw_attach},
    {"another user", "process.events", act_user, saw_user},
};
const size_t trn_n_acts_access = TRN_ARRAY_SIZE(trn_acts_access);
