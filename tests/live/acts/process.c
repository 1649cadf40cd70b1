/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: acts that begin and end processes without a program of their own. Must not own: exec (exec.c).
 */
#include "acts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void told_child(pid_t child)
{
    int status;

    tell_number("child", (uint64_t)child);
    must(waitpid(child, &status, __WALL), "waitpid");
}

static void fork_call(const struct row *row)
{
    pid_t child = (pid_t)must(syscall(row->number), row->way);

    if (child == 0)
        _exit(7);
    told_child(child);
}

static void fork_vfork(const struct row *row)
{
    pid_t child = vfork();

    if (child == 0)
        _exit(7);
    told_child((pid_t)must(child, "vfork"));
}

static void fork_clone(const struct row *row)
{
    pid_t child = (pid_t)must(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL), "clone");

    if (child == 0)
        _exit(7);
    told_child(child);
}

/* number: more flags. */
static void fork_clone3(const struct row *row)
{
    struct clone_args args = {.flags = (uint64_t)row->number, .exit_signal = SIGCHLD};
    pid_t child = (pid_t)must(syscall(SYS_clone3, &args, sizeof(args)), "clone3");

    if (child == 0)
        _exit(7);
    told_child(child);
}

/* The child is born in another cgroup, below the one that is watched. */
static void fork_into_cgroup(const struct row *row)
{
    const char *scope = getenv("ACTS_CGROUP"), *folder;
    struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD};
    pid_t child;

    if (!scope)
        skip("ACTS_CGROUP is not set");
    folder = join(scope, "acts-born");
    if (mkdir(folder, 0755) != 0 && errno != EEXIST)
        fail("mkdir '%s': %s", folder, strerror(errno));
    args.cgroup = (uint64_t)must(open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open");
    child = (pid_t)must(syscall(SYS_clone3, &args, sizeof(args)), "clone3");
    if (child == 0)
        _exit(7);
    told_child(child);
}

static void fork_compat(const struct row *row)
{
    pid_t child = (pid_t)must(compat_call(2, 0, 0, 0, 0, 0), "fork");

    if (child == 0)
        _exit(7);
    told_child(child);
}

/* A child that shares memory and files, but is a process to the kernel. */
static int nothing(void *arg)
{
    return 7;
}

static void fork_sharing(const struct row *row)
{
    static char stack[65536] __attribute__((aligned(16)));
    pid_t child = (pid_t)must(clone(nothing, stack + sizeof(stack), CLONE_VM | CLONE_FILES | SIGCHLD, NULL), "clone");

    told_child(child);
}

static void *thread(void *tid)
{
    *(pid_t *)tid = (pid_t)syscall(SYS_gettid);
    return NULL;
}

static void make_thread(const struct row *row)
{
    pthread_t t;
    pid_t tid = 0;

    must(-pthread_create(&t, NULL, thread, &tid), "pthread_create");
    must(-pthread_join(t, NULL), "pthread_join");
    tell_number("child", (uint64_t)tid);
}

/* ---- ends ---- */

static void child_exit_group(const void *arg)
{
    (void)syscall(SYS_exit_group, 7);
}

static void child_exit(const void *arg)
{
    (void)syscall(SYS_exit, 7);
}

static void *thread_ends_all(void *arg)
{
    (void)syscall(SYS_exit_group, 7);
    return arg;
}

static void child_thread_exits(const void *arg)
{
    pthread_t t;

    must(-pthread_create(&t, NULL, thread_ends_all, NULL), "pthread_create");
    for (;;)
        pause();
}

/* The first thread goes, another one lives on and ends the process. */
static void *thread_lives_on(void *arg)
{
    (void)usleep(20000);
    (void)syscall(SYS_exit, 7);
    return arg;
}

static void child_leader_exits(const void *arg)
{
    pthread_t t;

    must(-pthread_create(&t, NULL, thread_lives_on, NULL), "pthread_create");
    (void)syscall(SYS_exit, 7);
}

static void child_compat_exit(const void *arg)
{
    (void)compat_call(1, 7, 0, 0, 0, 0);
}

static void child_abort(const void *arg)
{
    static const struct rlimit none = {0, 0};

    must(setrlimit(RLIMIT_CORE, &none), "setrlimit");
    (void)signal(SIGSEGV, SIG_DFL);
    (void)raise(SIGSEGV);
}

static const child_run ends[] = {child_exit_group,  child_exit, child_thread_exits, child_leader_exits, child_abort,
                                 child_compat_exit, NULL};

static void end_child(const struct row *row)
{
    if (ends[row->number] == child_compat_exit)
        (void)compat_call(20, 0, 0, 0, 0, 0);
    in_child(ends[row->number], NULL);
}

static void end_by_kill(const struct row *row)
{
    pid_t child = hold_child();

    tell_number("child", (uint64_t)child);
    let_go(child);
}

static const struct row rows[] = {
#ifdef SYS_fork
    {"fork", "fork", fork_call, {0}, SYS_fork},
#endif
    {"fork", "vfork", fork_vfork},
    {"fork", "clone", fork_clone},
    {"fork", "clone3", fork_clone3},
    {"fork", "clone3, new process namespace", fork_clone3, {0}, CLONE_NEWPID},
    {"fork", "clone3, into another cgroup", fork_into_cgroup},
    {"fork", "clone, sharing memory", fork_sharing},
    {"fork", "32-bit fork", fork_compat},
    {"thread", "pthread_create", make_thread},
    {"exit", "exit_group", end_child, {0}, 0},
    {"exit", "exit of the only thread", end_child, {0}, 1},
    {"exit", "exit_group in another thread", end_child, {0}, 2},
    {"exit", "the first thread goes before", end_child, {0}, 3},
    {"exit", "32-bit exit", end_child, {0}, 5},
    {"exit by a signal", "SIGKILL", end_by_kill},
    {"exit by a signal", "SIGSEGV", end_child, {0}, 4},
    {NULL},
};

const struct family process_family = {"processes", rows};
