/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: one program of dpkg or apt from its start to its end: by its words alone, in a session of its own, with a clean
 * environment, nothing to read, its output in a file (so that it outlives turncoatd without breaking), a bounded time.
 * Must not own: which program (package_argv.c), what its answer means (package_look.c, package.c).
 */
#include "response/execute/package.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_ON_DISK (4u * 1024u * 1024u)
#define LOOK_MS 50
#define GRACE_SEC 5u
#define ASK_SEC 15u
#define CANNOT_START 127

/* Only what may be called between fork and exec of a process with threads. */
TRN_NORETURN static void become(const struct trn_package_argv *a, int out_fd, bool errors_too)
{
    sigset_t none;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    (void)setsid();
    (void)umask(022);
    for (int s = 1; s < NSIG; s++)
        (void)signal(s, SIG_DFL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (null < 0 || chdir("/") < 0 || dup2(null, 0) < 0 || dup2(out_fd, 1) < 0 ||
        dup2(errors_too ? out_fd : null, 2) < 0)
        _exit(CANNOT_START);
    (void)syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */);
    (void)execve(a->v[0], (char *const *)(uintptr_t)a->v, (char *const *)(uintptr_t)trn_package_env);
    _exit(CANNOT_START);
}

/* Our child, not waited for yet: its number, and that of its session, are still its own. */
static void end_it(pid_t pid, int pidfd)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    (void)kill(-pid, SIGTERM);
    (void)poll(&p, 1, (int)(GRACE_SEC * 1000));
    (void)kill(-pid, SIGKILL);
}

/* A tool that says too much loses the beginning of it; it is not ended for that in the middle of its work. */
static void bound(int out_fd)
{
    struct stat st;
    if (fstat(out_fd, &st) == 0 && st.st_size > OUTPUT_ON_DISK && ftruncate(out_fd, 0) < 0)
        return;
}

static bool wait_for(pid_t pid, int pidfd, int out_fd, unsigned sec)
{
    uint64_t until = trn_mono_ns() + sec * TRN_NS_PER_SEC;
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    for (;;) {
        if (poll(&p, 1, LOOK_MS) == 1)
            return true;
        bound(out_fd);
        if (trn_mono_ns() > until) {
            end_it(pid, pidfd);
            return false;
        }
    }
}

int trn_package_run(const struct trn_package_argv *a, int out_fd, bool errors_too, unsigned sec, int *ret_code,
                    struct trn_err *err)
{
    int status = 0;
    if (a->bad)
        return trn_fail(err, -E2BIG, "too many words for '%s'", a->v[0]);
    pid_t pid = fork();
    if (pid < 0)
        return trn_fail(err, -errno, "cannot start '%s': %s", a->v[0], trn_errno_name(-errno));
    if (pid == 0)
        become(a, out_fd, errors_too);
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    bool ended = pidfd >= 0 && wait_for(pid, pidfd, out_fd, sec);
    if (pidfd < 0)
        (void)kill(pid, SIGKILL);
    trn_fd_close(pidfd);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!ended)
        return trn_fail(err, -ETIMEDOUT, "'%s' did not end within %u s and was ended", a->v[0], sec);
    if (!WIFEXITED(status))
        return trn_fail(err, -ECHILD, "'%s' was killed by signal %d", a->v[0], WTERMSIG(status));
    if (WEXITSTATUS(status) == CANNOT_START)
        return trn_fail(err, -ENOEXEC, "cannot start '%s'", a->v[0]);
    *ret_code = WEXITSTATUS(status);
    return 0;
}

void trn_package_tail(int fd, struct trn_buf *said)
{
    char part[4096];
    struct stat st;
    trn_buf_init(said, TRN_PACKAGE_OUTPUT);
    if (fstat(fd, &st) < 0 || st.st_size <= 0)
        return;
    off_t at = st.st_size > (off_t)TRN_PACKAGE_OUTPUT ? st.st_size - (off_t)TRN_PACKAGE_OUTPUT : 0;
    while (said->n < TRN_PACKAGE_OUTPUT) {
        size_t room = TRN_MIN(sizeof part, TRN_PACKAGE_OUTPUT - said->n);
        ssize_t n = pread(fd, part, room, at + (off_t)said->n);
        if (n <= 0)
            return;
        trn_put(said, part, (size_t)n);
    }
}

int trn_package_ask(const struct trn_package_argv *a, bool errors_too, struct trn_buf *said, int *ret_code,
                    struct trn_err *err)
{
    TRN_AUTO(trn_fd_closep) int fd = memfd_create("turncoat-package", MFD_CLOEXEC);
    if (fd < 0)
        return trn_fail(err, -errno, "no memory for the answer of '%s': %s", a->v[0], trn_errno_name(-errno));
    (void)fcntl(fd, F_SETFL, O_APPEND);
    int r = trn_package_run(a, fd, errors_too, ASK_SEC, ret_code, err);
    if (r == 0)
        trn_package_tail(fd, said);
    return r;
}
