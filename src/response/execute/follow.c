/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the kernel's own word of every fork (CN_PROC), while a tree is being stopped: who forks and ends at once leaves a
 * child that names another parent, and would be lost.
 * Must not own: what is done with it (tree.c). Not there on every machine, and in no other process namespace than the first:
 * then trees are found by parents and sessions alone.
 *
 * The socket is opened in the first network namespace, the only one where the kernel tells it, by a thread that ends at
 * once. A message is a few numbers at fixed places; only those from the kernel are read.
 */
#include "response/execute/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>

#define WHAT_OFFSET 36u
#define IDS_OFFSET 52u
#define FORK 1u
#define LISTEN 1u
#define IGNORE 2u
#define RECEIVE_BYTES (1 << 20)
/* Fewer than the smallest range of numbers: none was given away twice meanwhile. */
#define FORKS_MAX 16000u

_Static_assert(WHAT_OFFSET == NLMSG_HDRLEN + sizeof(struct cn_msg), "where the event begins");

static int only_forks(int fd)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, WHAT_OFFSET),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(FORK), 1, 0),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
    };
    const struct sock_fprog prog = {TRN_ARRAY_SIZE(code), code};

    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) == 0 ? 0 : -errno;
}

/* with_mask: as 6.6 and later understand it; older kernels do not listen to the longer message. */
static int ask(int fd, uint32_t op, bool with_mask)
{
    const uint32_t n = WHAT_OFFSET + (with_mask ? 8 : 4);
    const uint32_t words[] = {n, NLMSG_DONE, 0, 0, CN_IDX_PROC, CN_VAL_PROC, 0, 0, n - WHAT_OFFSET, op, FORK};

    return send(fd, words, n, 0) == (ssize_t)n ? 0 : -errno;
}

static int open_here(void)
{
    TRN_AUTO(trn_fd_closep) int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
    const struct sockaddr_nl group = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
    int size = RECEIVE_BYTES, r;

    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    r = only_forks(fd); /* before the first event */
    if (r == 0 && bind(fd, (const struct sockaddr *)&group, sizeof(group)) != 0)
        r = -errno;
    if (r == 0)
        r = ask(fd, LISTEN, false);
    if (r == 0)
        r = ask(fd, LISTEN, true); /* narrows it, where that is understood */
    return r < 0 ? r : trn_fd_steal(&fd);
}

/* The kernel's own threads never leave the first network namespace; pid 2 is their parent. */
static void *open_there(void *arg)
{
    int *ret = arg;
    TRN_AUTO(trn_fd_closep) int ns = open("/proc/2/ns/net", O_RDONLY | O_CLOEXEC);

    if (ns >= 0)
        (void)!setns(ns, CLONE_NEWNET); /* refused: perhaps it is there already */
    *ret = open_here();
    return NULL;
}

int trn_follow_open(void)
{
    pthread_t thread;
    int fd = -1;

    if (pthread_create(&thread, NULL, open_there, &fd) != 0)
        return -1;
    pthread_join(thread, NULL);
    return fd >= 0 ? fd : -1;
}

int trn_follow_close(int fd)
{
    if (fd >= 0)
        (void)!ask(fd, IGNORE, false); /* before 6.6 a socket that is closed goes on being counted */
    return trn_fd_close(fd);
}

/* 1: one; 0: no more now; negative: it cannot be relied on any more. */
int trn_follow_next(int fd, uint32_t *forks, uint32_t *ret_parent, uint32_t *ret_child)
{
    uint8_t message[256];
    struct sockaddr_nl from = {0};
    socklen_t size = sizeof(from);

    while (*forks < FORKS_MAX) {
        ssize_t n = recvfrom(fd, message, sizeof(message), MSG_DONTWAIT, (struct sockaddr *)&from, &size);
        struct trn_cursor c = trn_cur(message, n > 0 ? (size_t)n : 0);
        uint32_t parent, child, child_leader;

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : -errno;
        if (from.nl_pid != 0)
            continue;
        trn_cur_seek(&c, IDS_OFFSET);
        (void)trn_cur_u32le(&c); /* the thread that forked */
        parent = trn_cur_u32le(&c);
        child = trn_cur_u32le(&c);
        child_leader = trn_cur_u32le(&c);
        if (c.bad)
            continue;
        (*forks)++; /* threads take numbers, too */
        if (child != child_leader)
            continue;
        *ret_parent = parent;
        *ret_child = child;
        return 1;
    }
    return -ENOBUFS;
}
