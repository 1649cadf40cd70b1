/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the system calls of each profile: allow-lists, everything else kills the process.
 * Must not: allow a call "to be safe"; each group says who needs it.
 * Filters stack: the inspect server's must let through what its workers need to go further in.
 */
#include "base/sandbox_internal.h"
#include "base/str.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAMESPACES \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

/* libc itself, everywhere; memory without PROT_EXEC is added by rule below. */
static const char every[] =
    "brk clock_getres clock_gettime clock_nanosleep close exit exit_group fstat futex getpid getrandom gettid "
    "gettimeofday lseek madvise mremap munmap nanosleep read restart_syscall rt_sigaction rt_sigprocmask "
    "rt_sigreturn sched_getaffinity sched_yield set_robust_list sigaltstack sysinfo time ";

static const char guard[] =
    "epoll_create1 epoll_ctl epoll_pwait epoll_wait geteuid getuid pidfd_open pidfd_send_signal poll ppoll recvmsg "
    "sendmsg timerfd_create timerfd_settime write ";

static const char engine[] =
    /* SQLite and the log, below the one folder landlock leaves */
    "access faccessat faccessat2 fallocate fchmod fchown fdatasync flock fstatfs fsync ftruncate getcwd getdents64 "
    "lstat mkdir mkdirat newfstatat open openat pread64 preadv pwrite64 pwritev readlink readlinkat readv rename "
    "renameat renameat2 rmdir stat statfs statx umask unlink unlinkat utimensat write writev "
    /* threads, and what libc asks about the process */
    "get_mempolicy getcpu getegid geteuid getgid getppid getrusage getuid rseq sched_getparam sched_getscheduler "
    "set_tid_address setpriority times uname "
    /* the event loop, and sockets that were given */
    "accept accept4 dup dup2 dup3 epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd2 getpeername "
    "getsockname getsockopt pipe2 poll ppoll pselect6 recvfrom recvmsg rt_sigtimedwait select sendmsg sendto "
    "shutdown signalfd4 timerfd_create timerfd_gettime timerfd_settime ";

/* What a worker does with the file it was given. */
static const char worker[] = "pread64 sendmsg sendto ";

/* A scan worker lives for several files and unpacks large members into its scratch file. */
static const char scan_worker[] = "ftruncate pwrite64 recvmsg ";

static const char server[] =
    /* its own work */
    "dup2 dup3 epoll_create1 epoll_ctl epoll_pwait epoll_wait getegid geteuid getgid getppid getuid kill pidfd_open "
    "pidfd_send_signal poll ppoll recvmsg rseq rt_sigtimedwait set_tid_address signalfd4 socketpair tgkill "
    "timerfd_create timerfd_settime uname wait4 waitid write "
    /* what each worker calls between fork and its own, stricter filter */
    "capget capset close_range landlock_add_rule landlock_create_ruleset landlock_restrict_self prctl prlimit64 "
    "seccomp setgroups setresgid setresuid setrlimit ";

/* Only in sanitizer builds, see sandbox_internal.h. */
static const char sanitizer[] =
    "access arch_prctl clone fcntl getcwd getdents64 getppid getrlimit lstat mmap mprotect newfstatat open openat "
    "pipe2 prctl prlimit64 ptrace readlink readlinkat stat uname wait4 write ";

/* A rule may be there already: a profile's list and a conditional rule may name the same call. */
static int added(int r)
{
    return r == -EEXIST ? 0 : r;
}

static int allow_all(scmp_filter_ctx ctx, const char *names)
{
    struct trn_str rest = trn_str_of(names), name;
    while (trn_str_split(&rest, ' ', &name)) {
        char text[32];
        if (name.n == 0 || name.n >= sizeof(text))
            continue;
        memcpy(text, name.p, name.n);
        text[name.n] = '\0';
        int nr = seccomp_syscall_resolve_name(text);
        /* A call this libseccomp does not know cannot be allowed and is not made by its libc. */
        int r = nr == __NR_SCMP_ERROR ? 0 : added(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 0));
        if (r < 0)
            return r;
    }
    return 0;
}

#define ALLOW_IF(ctx, name, count, ...) \
    added(seccomp_rule_add((ctx), SCMP_ACT_ALLOW, SCMP_SYS(name), (count), __VA_ARGS__))
#define REFUSE(ctx, name, code) added(seccomp_rule_add((ctx), SCMP_ACT_ERRNO(code), SCMP_SYS(name), 0))

/* Memory may never become executable, and only private mappings are made where shared_ok is false. */
static int add_memory(scmp_filter_ctx ctx, bool shared_ok)
{
    int r = ALLOW_IF(ctx, mprotect, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (r == 0 && shared_ok)
        r = ALLOW_IF(ctx, mmap, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (r == 0 && !shared_ok)
        r = ALLOW_IF(ctx, mmap, 2, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                     SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_TYPE, MAP_PRIVATE));
    return r;
}

/* fcntl without the commands that make the kernel send signals or change leases. */
static int add_fcntl(scmp_filter_ctx ctx)
{
    static const unsigned commands[] = {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD,  F_SETFD,     F_GETFL,     F_SETFL,
                                        F_GETLK, F_SETLK,         F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW};
    int r = 0;
    for (size_t i = 0; r == 0 && i < TRN_ARRAY_SIZE(commands); i++)
        r = ALLOW_IF(ctx, fcntl, 1, SCMP_A1(SCMP_CMP_EQ, commands[i]));
    return r;
}

/* abort() and raise() signal the caller itself. */
static int add_self_signals(scmp_filter_ctx ctx)
{
    return ALLOW_IF(ctx, tgkill, 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
}

static int add_guard(scmp_filter_ctx ctx)
{
    int r = allow_all(ctx, guard);
    if (r == 0)
        r = add_self_signals(ctx);
    return r < 0 ? r : add_fcntl(ctx);
}

static int add_engine(scmp_filter_ctx ctx)
{
    int r = allow_all(ctx, engine);
    if (r == 0)
        r = add_self_signals(ctx);
    if (r == 0)
        r = add_fcntl(ctx);
    /* Threads of itself, never a process. */
    if (r == 0)
        r = ALLOW_IF(ctx, clone, 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | NAMESPACES, CLONE_THREAD));
    if (r == 0)
        r = ALLOW_IF(ctx, prctl, 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
    if (r == 0)
        r = ALLOW_IF(ctx, setsockopt, 1, SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET));
    /* Asking for a limit, not setting one. */
    if (r == 0)
        r = ALLOW_IF(ctx, prlimit64, 2, SCMP_A0(SCMP_CMP_EQ, 0), SCMP_A2(SCMP_CMP_EQ, 0));
    return r;
}

static int add_worker(scmp_filter_ctx ctx)
{
    int r = allow_all(ctx, worker);
    if (r == 0)
        r = add_self_signals(ctx);
    if (r == 0 && !TRN_SANDBOX_RELAXED)
        r = ALLOW_IF(ctx, write, 1, SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO));
    if (r == 0)
        r = ALLOW_IF(ctx, writev, 1, SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO));
    return r;
}

static int add_server(scmp_filter_ctx ctx)
{
    int r = allow_all(ctx, server);
    if (r == 0)
        r = allow_all(ctx, worker);
    if (r == 0)
        r = allow_all(ctx, scan_worker);
    if (r == 0)
        r = add_fcntl(ctx);
    if (r == 0)
        r = ALLOW_IF(ctx, writev, 1, SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO));
    if (r == 0 && !TRN_SANDBOX_RELAXED)
        r = ALLOW_IF(ctx, clone, 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_VM | NAMESPACES, 0));
    return r;
}

static int fill(scmp_filter_ctx ctx, enum trn_sandbox_profile profile)
{
    int r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (r == 0)
        r = allow_all(ctx, every);
    /* glibc tries these and goes on without: clone3 for threads, ioctl for "is it a terminal". */
    if (r == 0)
        r = REFUSE(ctx, clone3, ENOSYS);
    if (r == 0)
        r = REFUSE(ctx, ioctl, ENOTTY);
    if (r == 0 && TRN_SANDBOX_RELAXED)
        r = allow_all(ctx, sanitizer);
    if (r == 0 && !TRN_SANDBOX_RELAXED)
        r = add_memory(ctx, profile != TRN_SANDBOX_INSPECT_WORKER && profile != TRN_SANDBOX_SCAN_WORKER);
    if (r < 0)
        return r;
    switch (profile) {
    case TRN_SANDBOX_GUARD:
        return add_guard(ctx);
    case TRN_SANDBOX_ENGINE:
        return add_engine(ctx);
    case TRN_SANDBOX_INSPECT_SERVER:
        return add_server(ctx);
    case TRN_SANDBOX_INSPECT_WORKER:
        return add_worker(ctx);
    case TRN_SANDBOX_SCAN_WORKER:
        r = add_worker(ctx);
        return r == 0 ? allow_all(ctx, scan_worker) : r;
    case TRN_SANDBOX_PROFILE_MAX:
        break;
    }
    return -EINVAL;
}

static void release(scmp_filter_ctx *ctx)
{
    if (*ctx)
        seccomp_release(*ctx);
}

int trn_seccomp_enter(enum trn_sandbox_profile profile, struct trn_err *err)
{
    TRN_AUTO(release) scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!ctx)
        return trn_fail(err, -ENOMEM, "cannot make a system call filter: out of memory");
    int r = fill(ctx, profile);
    if (r < 0)
        return trn_fail(err, r, "cannot fill the system call filter: %s", trn_errno_name(r));
    /* A binary tree instead of a list: the engine's hot calls must not walk a hundred compares. */
    (void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0 && errno == EINVAL)
        return trn_fail(err, -ENOSYS, "cannot filter system calls: the kernel has no seccomp");
    r = seccomp_load(ctx);
    if (r < 0)
        return trn_fail(err, r == -ENOSYS ? -EPERM : r, "cannot load the system call filter: %s", trn_errno_name(r));
    return 0;
}
