/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: owns the attempt that shows whether a block holds: a child of its own opens the file for reading. turncoatd's
 * own opens are allowed, a child's are not. It does not start the file: if the block did not hold, that would run it.
 * Between fork and exit the child makes system calls only: the parent has threads.
 */
#include "response/execute/block_files.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 3000

static TRN_NORETURN void child(int scope, const char *path)
{
    if (scope >= 0) {
        int procs = openat(scope, "cgroup.procs", O_WRONLY | O_CLOEXEC);
        if (procs < 0 || write(procs, "0", 1) != 1)
            _exit(255);
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    _exit(fd >= 0 ? 0 : errno < 255 ? errno : 254);
}

int block_try(const struct trn_act_tools *t, const char *path)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0)
        child(t->scope_fd, path);
    if (pid < 0)
        return -errno;
    TRN_AUTO(trn_fd_closep) int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    const bool ended = pidfd >= 0 && poll(&end, 1, PATIENCE_MS) > 0;
    if (!ended)
        (void)kill(pid, SIGKILL); /* our child, not waited for yet: the number is still its */
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!ended)
        return -ETIME;
    if (!WIFEXITED(status))
        return -EPERM; /* killed by the gate */
    return -WEXITSTATUS(status);
}
