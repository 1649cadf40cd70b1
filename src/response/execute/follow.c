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

#define IDS_OFFSET 52u
#define FORK 1u
#define RECEIVE_BYTES (1 << 20)
/* Fewer than the smallest range of numbers: none was given away twice meanwhile. */
#define FORKS_MAX 16000u

static int open_filtered(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, TRN_CN_PROC_WHAT),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(FORK), 1, 0),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
    };
    const struct sock_fprog prog = {TRN_ARRAY_SIZE(code), code};

    return trn_cn_proc_socket(&prog, RECEIVE_BYTES);
}

static int open_here(void)
{
    TRN_AUTO(trn_fd_closep) int fd = open_filtered();

    if (fd < 0)
        return fd;
    int r = trn_cn_proc_ask(fd, TRN_CN_PROC_LISTEN, 0);
    if (r == 0)
        r = trn_cn_proc_ask(fd, TRN_CN_PROC_LISTEN, FORK); /* narrows it, where that is understood */
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
        (void)!trn_cn_proc_ask(fd, TRN_CN_PROC_IGNORE,
                               0); /* before 6.6 a socket that is closed goes on being counted */
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
