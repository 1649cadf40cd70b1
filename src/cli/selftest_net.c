/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the self-test's acts about the network: one TCP connection, DNS questions over UDP and TCP,
 * and the first words of a TLS client, all on loopback, between processes of the test alone.
 */
#include "cli/selftest.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define DNS_ADDRESS 0x7f000099u /* 127.0.0.153 */
#define BYTES 2000u

static struct sockaddr_in loopback(uint32_t address, uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(address);
    return a;
}

static int tcp_exchange(struct trn_scratch *s)
{
    struct sockaddr_in a = loopback(INADDR_LOOPBACK, 0);
    socklen_t n = sizeof(a);
    static const char zeroes[BYTES];
    TRN_AUTO(trn_fd_closep) int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    TRN_AUTO(trn_fd_closep) int out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || out < 0 || bind(listener, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(listener, 1) < 0 ||
        getsockname(listener, (struct sockaddr *)&a, &n) < 0)
        return errno;
    s->port = ntohs(a.sin_port);
    if (connect(out, (struct sockaddr *)&a, sizeof(a)) < 0)
        return errno;
    TRN_AUTO(trn_fd_closep) int in = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (in < 0 || trn_write_full(out, zeroes, sizeof(zeroes)) < 0)
        return EIO;
    trn_fd_closep(&out); /* the one who connected closes first, with its bytes */
    (void)poll(NULL, 0, 50);
    return 0;
}

static int act_tcp(struct trn_scratch *s)
{
    int code = trn_scratch_child(s, tcp_exchange);
    return code <= 0 ? code : -code;
}

/* A question for MARKER.test, type A. */
static void put_question(const struct trn_scratch *s, struct trn_buf *q)
{
    static const char head[] = "\x54\x43\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00",
                      tail[] = "\x04test\x00\x00\x01\x00\x01";
    trn_put(q, head, sizeof(head) - 1);
    trn_put_u8(q, (uint8_t)strlen(s->marker));
    trn_put_c(q, s->marker);
    trn_put(q, tail, sizeof(tail) - 1);
}

/* Without the right to bind port 53 nobody answers; the question
 * is sent all the same. */
static int dns_question(struct trn_scratch *s)
{
    struct sockaddr_in server = loopback(DNS_ADDRESS, 53);
    char answer[300];
    TRN_AUTO(trn_buf_done) struct trn_buf q;
    TRN_AUTO(trn_fd_closep) int responder = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    TRN_AUTO(trn_fd_closep) int asker = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    trn_buf_init(&q, 256);
    put_question(s, &q);
    if (responder < 0 || asker < 0 || q.bad)
        return EIO;
    bool answers = bind(responder, (struct sockaddr *)&server, sizeof(server)) == 0;
    if (connect(asker, (struct sockaddr *)&server, sizeof(server)) < 0 || send(asker, q.p, q.n, 0) < 0)
        return errno;
    if (!answers)
        return 0;
    struct pollfd p = {.fd = responder, .events = POLLIN};
    struct sockaddr_in from;
    socklen_t from_n = sizeof(from);
    if (poll(&p, 1, 500) <= 0)
        return ETIMEDOUT;
    ssize_t n = recvfrom(responder, answer, sizeof(answer), 0, (struct sockaddr *)&from, &from_n);
    if (n < 12)
        return EIO;
    answer[2] = (char)0x81; /* an answer that there is no such name */
    answer[3] = (char)0x83;
    (void)sendto(responder, answer, (size_t)n, 0, (struct sockaddr *)&from, from_n);
    p.fd = asker;
    return poll(&p, 1, 500) > 0 && recv(asker, answer, sizeof(answer), 0) > 0 ? 0 : EIO;
}

static int act_dns(struct trn_scratch *s)
{
    int code = trn_scratch_child(s, dns_question);
    return code <= 0 ? code : -code;
}

/* Sends the bytes over a connection of its own to that address. */
static int say(uint32_t address, uint16_t port, const struct trn_buf *bytes)
{
    struct sockaddr_in a = loopback(address, port);
    socklen_t n = sizeof(a);
    TRN_AUTO(trn_fd_closep) int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    TRN_AUTO(trn_fd_closep) int out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || out < 0 || bytes->bad || bind(listener, (struct sockaddr *)&a, sizeof(a)) < 0 ||
        listen(listener, 1) < 0 || getsockname(listener, (struct sockaddr *)&a, &n) < 0 ||
        connect(out, (struct sockaddr *)&a, sizeof(a)) < 0)
        return bytes->bad ? EIO : errno;
    return trn_write_full(out, bytes->p, bytes->n) < 0 ? EIO : 0;
}

static int dns_over_tcp(struct trn_scratch *s)
{
    TRN_AUTO(trn_buf_done) struct trn_buf q;
    TRN_AUTO(trn_buf_done) struct trn_buf framed;
    trn_buf_init(&q, 256);
    trn_buf_init(&framed, 256);
    put_question(s, &q);
    trn_put_u8(&framed, 0);
    trn_put_u8(&framed, (uint8_t)q.n);
    trn_put_str(&framed, trn_buf_str(&q));
    return say(DNS_ADDRESS, 53, &framed);
}

static int act_dns_tcp(struct trn_scratch *s)
{
    int code = trn_scratch_child(s, dns_over_tcp);
    return code <= 0 ? code : -code;
}

static void put_be16(struct trn_buf *b, size_t v)
{
    trn_put_u8(b, (uint8_t)(v >> 8));
    trn_put_u8(b, (uint8_t)v);
}

/* The smallest hello that names a server: MARKER.test. */
static int tls_hello(struct trn_scratch *s)
{
    static const char fixed[] = "\x03\x03turncoat's self-test says hello!\x00\x00\x02\x13\x01\x01\x00";
    const size_t name = strlen(s->marker) + 5, body = sizeof(fixed) - 1 + 2 + 9 + name;
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 512);
    trn_put(&b, "\x16\x03\x01", 3);
    put_be16(&b, body + 4);
    trn_put(&b, "\x01\x00", 2);
    put_be16(&b, body);
    trn_put(&b, fixed, sizeof(fixed) - 1);
    put_be16(&b, name + 9);
    put_be16(&b, 0); /* server_name */
    put_be16(&b, name + 5);
    put_be16(&b, name + 3);
    trn_put_u8(&b, 0);
    put_be16(&b, name);
    trn_put_c(&b, s->marker);
    trn_put_c(&b, ".test");
    return say(INADDR_LOOPBACK, 0, &b);
}

static int act_tls(struct trn_scratch *s)
{
    int code = trn_scratch_child(s, tls_hello);
    return code <= 0 ? code : -code;
}

static int act_none(struct trn_scratch *s)
{
    return 0;
}

static bool saw_connect(const struct trn_scratch *s, const struct trn_event *ev)
{
    return ev->type == TRN_EV_CONNECT && ev->net.dst_port == s->port;
}

static bool saw_accept(const struct trn_scratch *s, const struct trn_event *ev)
{
    return ev->type == TRN_EV_ACCEPT && (ev->net.dst_port == s->port || ev->net.src_port == s->port);
}

static bool saw_close(const struct trn_scratch *s, const struct trn_event *ev)
{
    return ev->type == TRN_EV_NET_CLOSE && ev->net.dst_port == s->port && ev->net.bytes_out >= BYTES &&
           ev->net.bytes_out != TRN_NO_U64;
}

static bool saw_listen(const struct trn_scratch *s, const struct trn_event *ev)
{
    return ev->type == TRN_EV_LISTEN && ev->net.src_port == s->port && ev->net.proto == IPPROTO_TCP;
}

static bool saw_dns(const struct trn_scratch *s, const struct trn_event *ev)
{
    return ev->type == TRN_EV_DNS && ev->net.proto == IPPROTO_UDP &&
           trn_str_contains(ev->dns.name, trn_str_of(s->marker));
}

static bool saw_dns_tcp(const struct trn_scratch *s, const struct trn_event *ev)
{
    return ev->type == TRN_EV_DNS && ev->net.proto == IPPROTO_TCP &&
           trn_str_contains(ev->dns.name, trn_str_of(s->marker));
}

static bool saw_tls(const struct trn_scratch *s, const struct trn_event *ev)
{
    return ev->type == TRN_EV_TLS && trn_str_contains(ev->tls.sni, trn_str_of(s->marker)) && ev->tls.ja4.n > 0;
}

const struct trn_selftest_act trn_acts_net[] = {
    {"connect on loopback", "network", act_tcp, saw_connect},
    {"accept on loopback", "network", act_none, saw_accept},
    {"bytes at close", "network", act_none, saw_close},
    {"listen on loopback", "network.state", act_none, saw_listen},
    {"DNS question", "dns", act_dns, saw_dns},
    {"DNS question over TCP", "dns", act_dns_tcp, saw_dns_tcp},
    {"TLS ClientHello", "dns.questions", act_tls, saw_tls},
};
const size_t trn_n_acts_net = TRN_ARRAY_SIZE(trn_acts_net);
