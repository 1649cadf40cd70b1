/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in the place of turncoat-engine and passes on whatever anybody asks for, without a look at who it is: each client
 * sends a process id and a start, and gets turncoatd's answer to a request to kill that process, "CODE MESSAGE". Behind
 * "own ", the request goes with a socket of ours instead of the client's.
 */
#include "channel/channel.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONTROL_FD 3
#define PATIENCE_MS 20000

static char buf[TRN_IPC_MAX];

static int ask(int acts, int client, const struct trn_act_process *p, struct trn_act_answer *ret)
{
    static uint64_t jobs;
    const struct trn_act_request q = {.job = ++jobs,
                                      .act = TRN_RESPOND_KILL,
                                      .target = TRN_TARGET_ENTITY,
                                      .text = TRN_STR("00000000000000aa"),
                                      .processes = p,
                                      .n_processes = 1};
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct pollfd ready = {.fd = acts, .events = POLLIN};
    struct trn_msg m;
    trn_buf_init(&b, TRN_IPC_MAX - 64);
    trn_act_encode(&q, &b);
    int r = trn_ipc_send(acts, TRN_CH_ACT, trn_buf_str(&b), &client, 1);
    if (r < 0 || poll(&ready, 1, PATIENCE_MS) <= 0 || trn_ipc_recv(acts, buf, sizeof buf, &m) < 0)
        return -1;
    r = m.type == TRN_CH_ACTED ? trn_acted_decode(&m.body, ret) : -1;
    trn_msg_done(&m);
    return r;
}

/* "812 123456789" or "own 812 123456789" */
static int serve(int acts, int client)
{
    char line[200];
    struct trn_act_process p = {.entity = 0xaa};
    struct trn_act_answer a = {0};
    uint64_t pid;
    int pair[2];
    ssize_t n = read(client, line, sizeof line);
    struct trn_str rest = trn_str_trim((struct trn_str){line, n > 0 ? (size_t)n : 0}), word;
    bool own = trn_str_starts(rest, TRN_STR("own "));
    rest = own ? trn_str_slice(rest, 4, rest.n) : rest;
    if (!trn_str_split(&rest, ' ', &word) || trn_str_u64(word, &pid) < 0 || trn_str_u64(rest, &p.start_boot_ns) < 0)
        return -1;
    p.pid = (uint32_t)pid;
    if (own && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -1;
    if (ask(acts, own ? pair[0] : client, &p, &a) < 0)
        return -1;
    int k = snprintf(line, sizeof line, "%s %.*s\n", a.code ? trn_errno_name(a.code) : "OK", TRN_STR_ARG(a.message));
    return write(client, line, (size_t)k) == k ? 0 : -1;
}

int main(void)
{
    int listening = -1, acts = -1, socks[TRN_CH_SOCK_COUNT];
    while (acts < 0) {
        struct trn_msg m;
        if (trn_ipc_recv(CONTROL_FD, buf, sizeof buf, &m) < 0)
            return 1;
        if (m.type == TRN_CH_SOCKETS && m.n_fds == TRN_CH_SOCK_COUNT) {
            for (unsigned i = 0; i < TRN_CH_SOCK_COUNT; i++) /* all are kept: an engine that closes one has ended */
                socks[i] = trn_msg_take_fd(&m, i);
            listening = socks[TRN_CH_SOCK_LISTEN];
            acts = socks[TRN_CH_SOCK_ACTS];
        }
        trn_msg_done(&m);
    }
    for (;;) {
        struct pollfd p[] = {{.fd = listening, .events = POLLIN}, {.fd = CONTROL_FD, .events = POLLIN}};
        struct trn_msg m;
        if (poll(p, 2, PATIENCE_MS) <= 0)
            return 1;
        if (p[1].revents) { /* its rings and its health are nothing to us */
            if (trn_ipc_recv(CONTROL_FD, buf, sizeof buf, &m) < 0)
                return 0;
            trn_msg_done(&m);
        }
        if (!p[0].revents)
            continue;
        int client = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
        if (client >= 0 && serve(acts, client) < 0)
            return 1;
        trn_fd_close(client);
    }
}
