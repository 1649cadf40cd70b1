/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: starting a sibling with exactly the descriptors it is meant to have. Must not own: what
 * becomes of it (the caller waits on the pidfd). The sibling starts as root and drops its rights
 * itself, first thing, into its sandbox.
 */
#include "daemon/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_FDS 8
#define FIRST_FD 3

static int sibling_path(const char *name, char *ret, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", ret, size - 1);
    if (n <= 0)
        return n < 0 ? -errno : -ENOENT;
    ret[n] = 0;
    char *slash = strrchr(ret, '/');
    size_t room = size - (size_t)(slash + 1 - ret);
    return snprintf(slash + 1, room, "%s", name) < (int)room ? 0 : -ENAMETOOLONG;
}

static int file_actions(posix_spawn_file_actions_t *fa, const int *fds, unsigned n_fds, int cwd_fd, int *moved)
{
    /* The folder first: its descriptor may have a number that a target takes. */
    int r = cwd_fd >= 0 ? posix_spawn_file_actions_addfchdir_np(fa, cwd_fd) : 0;
    for (unsigned i = 0; i < n_fds && r == 0; i++) {
        /* Out of the way first: a source may sit where another target goes. */
        moved[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 64);
        r = moved[i] < 0 ? errno : posix_spawn_file_actions_adddup2(fa, moved[i], FIRST_FD + (int)i);
    }
    return -r;
}

int trn_spawn(const char *name, const char *const *argv, const int *fds, unsigned n_fds, int cwd_fd, pid_t *ret_pid,
              int *ret_pidfd, struct trn_err *err)
{
    char path[4096];
    char *const no_env[] = {NULL};
    int moved[MAX_FDS] = {-1, -1, -1, -1, -1, -1, -1, -1};
    sigset_t none, all;
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t at;
    if (n_fds > MAX_FDS)
        return -E2BIG;
    int r = sibling_path(name, path, sizeof path);
    if (r < 0)
        return trn_fail(err, r, "cannot find '%s': %s", name, trn_errno_name(r));
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&fa);
    posix_spawnattr_init(&at);
    posix_spawnattr_setsigmask(&at, &none);
    posix_spawnattr_setsigdefault(&at, &all);
    posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    pid_t pid = -1;
    r = file_actions(&fa, fds, n_fds, cwd_fd, moved);
    if (r == 0)
        r = -posix_spawn(&pid, path, &fa, &at, (char *const *)(uintptr_t)argv, no_env);
    posix_spawn_file_actions_destroy(&fa);
    posix_spawnattr_destroy(&at);
    for (unsigned i = 0; i < n_fds; i++)
        trn_fd_close(moved[i]);
    if (r < 0) {
        trn_fail(err, r, "cannot start '%s': %s", path, trn_errno_name(r));
        trn_hint(err, "the programs of turncoat belong into one folder");
        return r;
    }
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0) {
        r = -errno;
        kill(pid, SIGKILL); /* our child, not waited for yet: the number is still its */
        waitpid(pid, NULL, 0);
        return trn_fail(err, r, "cannot watch '%s': %s", name, trn_errno_name(r));
    }
    *ret_pid = pid;
    *ret_pidfd = pidfd;
    return 0;
}
