/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the framing of messages between our processes, and descriptors in flight.
 * Must not: interpret a body, trust a length, or leak a descriptor a hostile peer sent.
 * Header (little endian): u32 magic, u16 type, u16 descriptors, u32 body length; then the body.
 */
#include "base/ipc.h"

#include "base/fd.h"

#include <sys/socket.h>
#include <sys/uio.h>

#define HEADER_SIZE 12

union control {
    struct cmsghdr align;
    char raw[CMSG_SPACE(sizeof(int) * TRN_IPC_FDS)];
};

int trn_ipc_pair(int ret_fds[2], int sndbuf)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
        return -errno;
    /* Best effort: the kernel caps an unprivileged wish, and the default holds a whole message. */
    for (int i = 0; sndbuf > 0 && i < 2; i++)
        (void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf));
    ret_fds[0] = fds[0];
    ret_fds[1] = fds[1];
    return 0;
}

static void put_le(uint8_t *p, uint32_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

int trn_ipc_send(int sock, uint16_t type, struct trn_str body, const int *fds, unsigned n_fds)
{
    uint8_t header[HEADER_SIZE];
    union control control = {0};
    if (body.n > TRN_IPC_MAX - HEADER_SIZE || n_fds > TRN_IPC_FDS)
        return -EMSGSIZE;
    put_le(header, TRN_IPC_MAGIC, 4);
    put_le(header + 4, type, 2);
    put_le(header + 6, n_fds, 2);
    put_le(header + 8, (uint32_t)body.n, 4);
    struct iovec iov[2] = {{header, sizeof(header)}, {(void *)(uintptr_t)body.p, body.n}};
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = body.n ? 2 : 1};
    if (n_fds > 0) {
        msg.msg_control = control.raw;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
    }
    ssize_t sent;
    do
        sent = sendmsg(sock, &msg, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return -errno;
    return (size_t)sent == HEADER_SIZE + body.n ? 0 : -EPROTO;
}

/* Collects every descriptor the kernel installed for us, so that all can be closed. */
static void collect_fds(struct msghdr *msg, struct trn_msg *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            if (m->n_fds < TRN_IPC_FDS)
                m->fds[m->n_fds++] = fd;
            else
                trn_fd_close(fd);
        }
    }
}

int trn_ipc_recv(int sock, void *buf, size_t size, struct trn_msg *ret)
{
    union control control;
    struct trn_msg m = {.n_fds = 0};
    for (size_t i = 0; i < TRN_IPC_FDS; i++)
        m.fds[i] = -1;
    if (size < TRN_IPC_MAX)
        return -EINVAL;
    struct iovec iov = {buf, size};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    msg.msg_control = control.raw;
    msg.msg_controllen = sizeof(control.raw);
    ssize_t got;
    do
        got = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EWOULDBLOCK ? -EAGAIN : -errno;
    collect_fds(&msg, &m);

    struct trn_cursor c = trn_cur(buf, (size_t)got);
    uint32_t magic = trn_cur_u32le(&c);
    m.type = trn_cur_u16le(&c);
    uint16_t n_fds = trn_cur_u16le(&c);
    uint32_t length = trn_cur_u32le(&c);
    if (c.bad || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || magic != TRN_IPC_MAGIC || n_fds != m.n_fds ||
        length != trn_cur_left(&c)) {
        trn_msg_done(&m);
        return got == 0 ? -ECONNRESET : -EPROTO;
    }
    m.body = trn_cur_sub(&c, c.at, length);
    *ret = m;
    return 0;
}

void trn_msg_done(struct trn_msg *m)
{
    for (unsigned i = 0; i < m->n_fds && i < TRN_IPC_FDS; i++)
        m->fds[i] = trn_fd_close(m->fds[i]);
    m->n_fds = 0;
}

int trn_msg_take_fd(struct trn_msg *m, unsigned i)
{
    return i < m->n_fds && i < TRN_IPC_FDS ? trn_fd_steal(&m->fds[i]) : -1;
}
