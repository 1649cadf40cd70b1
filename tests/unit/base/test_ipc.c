/* SPDX-License-Identifier: Apache-2.0 */
/* Does a message arrive whole with its descriptors, and does a hostile peer get nowhere? */
#include "base/base.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static char buffer[TRN_IPC_MAX];

static int count_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

struct pair {
    int fd[2];
};

static void pair_done(struct pair *p)
{
    trn_fd_close(p->fd[0]);
    trn_fd_close(p->fd[1]);
}

#define PAIR(p)                                     \
    TRN_AUTO(pair_done) struct pair p = {{-1, -1}}; \
    cr_assert_eq(trn_ipc_pair(p.fd, 0), 0)

Test(ipc, a_message_arrives_whole)
{
    PAIR(p);
    struct trn_msg m;
    cr_assert_eq(trn_ipc_send(p.fd[0], 7, TRN_STR("hello"), NULL, 0), 0);
    cr_assert_eq(trn_ipc_send(p.fd[0], 8, TRN_STR_NONE, NULL, 0), 0);
    cr_assert_eq(trn_ipc_recv(p.fd[1], buffer, sizeof(buffer), &m), 0);
    cr_assert(m.type == 7 && trn_str_eq_c(trn_cur_bytes(&m.body, 5), "hello") && trn_cur_end(&m.body) && m.n_fds == 0);
    cr_assert_eq(trn_ipc_recv(p.fd[1], buffer, sizeof(buffer), &m), 0);
    cr_assert(m.type == 8 && trn_cur_end(&m.body));
    trn_msg_done(&m);
}

Test(ipc, descriptors_are_owned_by_the_receiver)
{
    PAIR(p);
    struct trn_msg m;
    int before = count_fds();
    int fds[2] = {open("/dev/null", O_RDWR | O_CLOEXEC), open("/dev/zero", O_RDONLY | O_CLOEXEC)};
    cr_assert_eq(trn_ipc_send(p.fd[0], 1, TRN_STR("x"), fds, 2), 0);
    trn_fd_close(fds[0]);
    trn_fd_close(fds[1]);
    cr_assert_eq(trn_ipc_recv(p.fd[1], buffer, sizeof(buffer), &m), 0);
    cr_assert_eq(m.n_fds, 2);
    int zero = trn_msg_take_fd(&m, 1);
    cr_assert_eq(trn_msg_take_fd(&m, 1), -1, "taken once");
    cr_assert_eq(trn_msg_take_fd(&m, 9), -1);
    trn_msg_done(&m);
    char c = 1;
    cr_assert(trn_read_full(zero, &c, 1) == 0 && c == 0);
    cr_assert(fcntl(zero, F_GETFD) & FD_CLOEXEC);
    trn_fd_close(zero);
    cr_assert_eq(count_fds(), before, "the other was closed");
}

Test(ipc, too_much_is_refused_before_it_is_sent)
{
    PAIR(p);
    static char big[TRN_IPC_MAX];
    struct trn_msg m;
    int fds[TRN_IPC_FDS + 1] = {0};
    cr_assert_eq(trn_ipc_send(p.fd[0], 1, (struct trn_str){big, sizeof(big)}, NULL, 0), -EMSGSIZE);
    cr_assert_eq(trn_ipc_send(p.fd[0], 1, TRN_STR(""), fds, TRN_IPC_FDS + 1), -EMSGSIZE);
    cr_assert_eq(trn_ipc_send(p.fd[0], 1, (struct trn_str){big, TRN_IPC_MAX - 12}, NULL, 0), 0, "the largest");
    cr_assert_eq(trn_ipc_recv(p.fd[1], buffer, sizeof(buffer), &m), 0);
    cr_assert_eq(trn_cur_left(&m.body), TRN_IPC_MAX - 12);
    cr_assert_eq(trn_ipc_recv(p.fd[1], buffer, 100, &m), -EINVAL, "the buffer must hold any message");
}

Test(ipc, malformed_headers_end_it)
{
    static const struct {
        const char *bytes;
        size_t n;
    } cases[] = {
        {"x", 1},
        {"1NRT\1\0\0\0\0\0\0", 11},
        {"2NRT\1\0\0\0\0\0\0\0", 12},          /* other version */
        {"1NRT\1\0\0\0\1\0\0\0", 12},          /* body promised, none there */
        {"1NRT\1\0\0\0\0\0\0\0x", 13},         /* a byte left over */
        {"1NRT\1\0\0\0\xff\xff\xff\xffx", 13}, /* length that lies */
        {"1NRT\1\0\1\0\0\0\0\0", 12},          /* descriptor promised, none there */
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        PAIR(p);
        struct trn_msg m;
        cr_assert_eq(send(p.fd[0], cases[i].bytes, cases[i].n, 0), (ssize_t)cases[i].n);
        cr_assert_eq(trn_ipc_recv(p.fd[1], buffer, sizeof(buffer), &m), -EPROTO, "case %zu", i);
    }
}

static void send_raw_with_fds(int sock, const char *bytes, size_t n, int fd, size_t count)
{
    union {
        struct cmsghdr align;
        char raw[CMSG_SPACE(sizeof(int) * 64)];
    } control = {0};
    struct iovec iov = {(void *)(uintptr_t)bytes, n};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.raw,
                         .msg_controllen = CMSG_SPACE(sizeof(int) * count)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * count);
    for (size_t i = 0; i < count; i++)
        memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(int));
    cr_assert_eq(sendmsg(sock, &msg, 0), (ssize_t)n);
}

Test(ipc, descriptors_nobody_asked_for_are_closed)
{
    static const size_t counts[] = {1, 16, 17, 60};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(counts); i++) {
        PAIR(p);
        struct trn_msg m;
        int before = count_fds();
        send_raw_with_fds(p.fd[0], "1NRT\1\0\0\0\0\0\0\0", 12, 0, counts[i]);
        cr_assert_eq(trn_ipc_recv(p.fd[1], buffer, sizeof(buffer), &m), -EPROTO, "%zu", counts[i]);
        cr_assert_eq(count_fds(), before, "%zu descriptors leaked something", counts[i]);
    }
}

Test(ipc, end_of_stream_and_would_block_differ)
{
    PAIR(p);
    struct trn_msg m;
    cr_assert_eq(trn_set_nonblock(p.fd[1], true), 0);
    cr_assert_eq(trn_ipc_recv(p.fd[1], buffer, sizeof(buffer), &m), -EAGAIN);
    cr_assert_eq(trn_set_nonblock(p.fd[0], true), 0);
    int r = 0;
    for (int i = 0; i < 100000 && r == 0; i++)
        r = trn_ipc_send(p.fd[0], 1, TRN_STR("fill"), NULL, 0);
    cr_assert_eq(r, -EAGAIN);
    p.fd[0] = trn_fd_close(p.fd[0]);
    do
        r = trn_ipc_recv(p.fd[1], buffer, sizeof(buffer), &m);
    while (r == 0);
    cr_assert_eq(r, -ECONNRESET);
    cr_assert_eq(trn_ipc_send(p.fd[1], 1, TRN_STR("x"), NULL, 0), -EPIPE, "an errno, not a signal");
}
