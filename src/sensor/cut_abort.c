/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: ends connections of other processes: takes a copy of the descriptor (pidfd_getfd), makes sure by the
 * socket's cookie that it is the one that was found, and disconnects it. The peer gets a reset, who waits on it
 * ECONNRESET. So it works in every network namespace without entering one, which a service may not do.
 * Must not choose what is ended: the kernel's programs do.
 */
#include "sensor/cut_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BATCH 1024u

/* A kernel that refuses this while somebody waits on the socket (6.5) gets him woken first. */
static int disconnect(int fd)
{
    const struct sockaddr none = {.sa_family = AF_UNSPEC};

    if (connect(fd, &none, sizeof(none)) == 0)
        return 0;
    if (errno != EBUSY)
        return -errno;
    (void)shutdown(fd, SHUT_RDWR);
    return connect(fd, &none, sizeof(none)) == 0 ? 0 : -errno;
}

int trn_cut_end_connection(uint32_t tgid, uint32_t fd, uint64_t cookie)
{
    TRN_AUTO(trn_fd_closep) int process = (int)syscall(SYS_pidfd_open, (pid_t)tgid, 0);
    uint64_t have = 0;
    socklen_t n = sizeof(have);

    if (process < 0)
        return -errno;
    TRN_AUTO(trn_fd_closep) int own = (int)syscall(SYS_pidfd_getfd, process, (int)fd, 0);
    if (own < 0)
        return errno == EBADF ? -ESRCH : -errno;
    if (getsockopt(own, SOL_SOCKET, SO_COOKIE, &have, &n) != 0 || have != cookie)
        return -ESRCH;
    return disconnect(own);
}

int trn_cut_end_all(int iter_fd, uint32_t *ret_found, uint32_t *ret_ended)
{
    TRN_AUTO(trn_freep) struct trn_cut_found *found = calloc(BATCH, sizeof(*found));
    uint32_t n_found = 0, ended = 0;
    size_t have = 0;
    int r = 0;

    if (!found)
        return -ENOMEM;
    while (have < BATCH * sizeof(*found)) {
        ssize_t n = read(iter_fd, (char *)found + have, BATCH * sizeof(*found) - have);

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        have += (size_t)n;
    }
    for (size_t i = 0; i < have / sizeof(*found); i++) {
        int one = trn_cut_end_connection(found[i].tgid, found[i].fd, found[i].cookie);

        n_found++;
        ended += one == 0;
        if (one != 0 && one != -ESRCH)
            r = one;
    }
    *ret_found = n_found;
    *ret_ended = ended;
    return r;
}

/* Field 22 of the kernel's own line; the name before it ends with the last ')'. */
int trn_cut_start_ticks(uint32_t tgid, uint64_t *ret)
{
    char path[40], line[1024];
    TRN_AUTO(trn_fd_closep) int fd = -1;
    ssize_t n;

    (void)snprintf(path, sizeof(path), "/proc/%u/stat", tgid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? -ESRCH : -errno;
    n = read(fd, line, sizeof(line));
    if (n <= 0)
        return -ESRCH;
    struct trn_str all = {line, (size_t)n}, field = TRN_STR_NONE;
    ptrdiff_t end = trn_str_rfind(all, ')');
    if (end < 0 || (size_t)end + 2 > all.n)
        return -EBADMSG;
    all = trn_str_slice(all, (size_t)end + 2, all.n);
    for (int i = 3; i <= 22; i++) {
        if (!trn_str_split(&all, ' ', &field))
            return -EBADMSG;
    }
    return trn_str_u64(field, ret);
}
