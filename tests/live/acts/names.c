/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: acts that say a name over a socket: DNS questions, the ClientHello of TLS. Must not own: the
 * answers (acts_peers.py). The names end in .test and are nobody's.
 */
#include "sock.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#define NAME "www.acme.test"
#define SERVER "updates.acme.test"

/* A question for the address of www.acme.test, behind the two bytes of its length for TCP. */
static const uint8_t question[] = {0,   31, 0x12, 0x34, 1,   0,   0, 1,   0,   0,   0,   0, 0, 0, 3, 'w', 'w',
                                   'w', 4,  'a',  'c',  'm', 'e', 4, 't', 'e', 's', 't', 0, 0, 1, 0, 1};
#define QUESTION (question + 2)
#define QUESTION_LEN (sizeof(question) - 2)

static void told_question(enum to to, int fd, unsigned port)
{
    char answer[512];

    must(recv(fd, answer, sizeof(answer), 0), "recv");
    tell_text("name", NAME);
    tell_peer(to, port);
    tell_own_port(fd);
    close(fd);
}

static int patient(int fd)
{
    struct timeval t = {.tv_sec = 5};

    must(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)), "SO_RCVTIMEO");
    return fd;
}

static void ask_sendto(const struct row *row)
{
    enum to to = (enum to)row->number;
    struct end e = loopback(to, PEER_DNS);
    int fd = patient(new_socket(to, SOCK_DGRAM));

    must(sendto(fd, QUESTION, QUESTION_LEN, 0, &e.any, e.n), "sendto");
    told_question(to, fd, PEER_DNS);
}

static void ask_elsewhere(const struct row *row)
{
    struct end e = loopback(TO_V4, PEER_DNS_ELSEWHERE);
    int fd = patient(new_socket(TO_V4, SOCK_DGRAM));

    must(sendto(fd, QUESTION, QUESTION_LEN, 0, &e.any, e.n), "sendto");
    told_question(TO_V4, fd, PEER_DNS_ELSEWHERE);
}

static void ask_send(const struct row *row)
{
    int fd = patient(connected(TO_V4, SOCK_DGRAM, PEER_DNS));

    must(send(fd, QUESTION, QUESTION_LEN, 0), "send");
    told_question(TO_V4, fd, PEER_DNS);
}

static void in_pieces(struct mmsghdr *m, struct iovec v[2], size_t first)
{
    v[0] = (struct iovec){.iov_base = (void *)(uintptr_t)QUESTION, .iov_len = first};
    v[1] = (struct iovec){.iov_base = (void *)(uintptr_t)(QUESTION + first), .iov_len = QUESTION_LEN - first};
    *m = (struct mmsghdr){.msg_hdr = {.msg_iov = v, .msg_iovlen = 2}};
}

static void ask_sendmmsg(const struct row *row)
{
    int fd = patient(connected(TO_V4, SOCK_DGRAM, PEER_DNS));
    struct mmsghdr m;
    struct iovec v[2];

    in_pieces(&m, v, 20);
    must(sendmmsg(fd, &m, 1, 0), "sendmmsg");
    told_question(TO_V4, fd, PEER_DNS);
}

static void ask_by_ring(const struct row *row)
{
    struct ring *r = ring_new((enum ring_mode)row->number, IORING_OP_SENDMSG);
    int fd = patient(connected(TO_V4, SOCK_DGRAM, PEER_DNS));
    struct mmsghdr m;
    struct iovec v[2];

    in_pieces(&m, v, 20);
    io_uring_prep_sendmsg(ring_sqe(r), fd, &m.msg_hdr, 0);
    must(ring_do(r), "sendmsg");
    told_question(TO_V4, fd, PEER_DNS);
}

static void ask_library(const struct row *row)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found = NULL;
    int e = getaddrinfo(NAME, "80", &hints, &found);

    if (e != 0)
        fail("getaddrinfo: %s", gai_strerror(e));
    freeaddrinfo(found);
    tell_text("name", NAME);
    tell_peer(TO_V4, PEER_DNS);
}

/* number: after how many bytes the second write begins. */
static void ask_stream(const struct row *row)
{
    int fd = patient(connected(TO_V4, SOCK_STREAM, PEER_DNS)), one = 1;
    size_t first = row->number ? (size_t)row->number : sizeof(question);

    must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), "TCP_NODELAY");
    must(write(fd, question, first), "write");
    if (first < sizeof(question))
        must(write(fd, question + first, sizeof(question) - first), "write");
    told_question(TO_V4, fd, PEER_DNS);
}

static void ask_stream6(const struct row *row)
{
    int fd = patient(connected(TO_V6, SOCK_STREAM, PEER_DNS));

    must(write(fd, question, sizeof(question)), "write");
    told_question(TO_V6, fd, PEER_DNS);
}

static void ask_stream_by_ring(const struct row *row)
{
    struct ring *r = ring_new((enum ring_mode)row->number, IORING_OP_SEND);
    int fd = patient(connected(TO_V4, SOCK_STREAM, PEER_DNS));

    io_uring_prep_send(ring_sqe(r), fd, question, sizeof(question), 0);
    must(ring_do(r), "send");
    told_question(TO_V4, fd, PEER_DNS);
}

/* ---- TLS: the first message of a client, made by hand ---- */

static const uint8_t extensions[] = {
    0,   0,   0,   22,  0, 20, 0, 0,  17, 'u', 'p', 'd', 'a', 't', 'e', 's', '.', 'a', 'c', 'm', 'e', '.',
    't', 'e', 's', 't', 0, 16, 0, 14, 0,  12,  2,   'h', '2', 8,   'h', 't', 't', 'p', '/', '1', '.', '1', /* ALPN */
    0,   43,  0,   5,   4, 3,  4, 3,  3,     /* versions 1.3, 1.2 */
    0,   13,  0,   6,   0, 4,  4, 3,  8,  4, /* signatures */
    0,   10,  0,   4,   0, 2,  0, 29,        /* groups */
};

struct hello {
    uint8_t bytes[1024];
    size_t n;
};

static void add(struct hello *h, const void *bytes, size_t n)
{
    memcpy(h->bytes + h->n, bytes, n);
    h->n += n;
}

static void add_length(struct hello *h, unsigned bytes, size_t n)
{
    for (unsigned i = bytes; i-- > 0;)
        h->bytes[h->n++] = (uint8_t)(n >> (8 * i));
}

static struct hello hello_with(size_t padding)
{
    static const uint8_t head[] = {3, 3}, middle[] = {0, 0, 4, 0x13, 1, 0x13, 2, 1, 0};
    size_t tail = sizeof(extensions) + (padding ? padding + 4 : 0);
    size_t body = 2 + 32 + sizeof(middle) + 2 + tail;
    struct hello h = {.n = 0};

    add(&h, "\x16\x03\x01", 3);
    add_length(&h, 2, body + 4);
    add(&h, "\x01", 1);
    add_length(&h, 3, body);
    add(&h, head, sizeof(head));
    memset(h.bytes + h.n, 0x5a, 32);
    h.n += 32;
    add(&h, middle, sizeof(middle));
    add_length(&h, 2, tail);
    if (padding) {
        add_length(&h, 2, 21);
        add_length(&h, 2, padding);
        h.n += padding;
    }
    add(&h, extensions, sizeof(extensions));
    return h;
}

static void told_hello(enum to to, int fd, unsigned port)
{
    tell_text("name", SERVER);
    tell_peer(to, port);
    tell_own_port(fd);
    close(fd);
}

static void greet(const struct row *row)
{
    enum to to = (enum to)row->number;
    struct hello h = hello_with(0);
    int fd = connected(to, SOCK_STREAM, PEER_TLS);

    must(write(fd, h.bytes, h.n), "write");
    told_hello(to, fd, PEER_TLS);
}

static void greet_elsewhere(const struct row *row)
{
    struct hello h = hello_with(0);
    int fd = connected(TO_V4, SOCK_STREAM, PEER_TLS_ELSEWHERE);

    must(write(fd, h.bytes, h.n), "write");
    told_hello(TO_V4, fd, PEER_TLS_ELSEWHERE);
}

/* number: after how many bytes the second write begins. */
static void greet_in_two(const struct row *row)
{
    size_t first = (size_t)row->number;
    struct hello h = hello_with(300);
    int fd = connected(TO_V4, SOCK_STREAM, PEER_TLS), one = 1;

    must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), "TCP_NODELAY");
    must(write(fd, h.bytes, first), "write");
    must(write(fd, h.bytes + first, h.n - first), "write");
    told_hello(TO_V4, fd, PEER_TLS);
}

static void greet_sendmsg(const struct row *row)
{
    struct hello h = hello_with(0);
    int fd = connected(TO_V4, SOCK_STREAM, PEER_TLS);
    struct iovec v[2] = {{h.bytes, 40}, {h.bytes + 40, h.n - 40}};
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};

    must(sendmsg(fd, &m, 0), "sendmsg");
    told_hello(TO_V4, fd, PEER_TLS);
}

/* The bytes lie in pages of a file, not in the packet itself. */
static void greet_sendfile(const struct row *row)
{
    struct hello h = hello_with(0);
    int fd = connected(TO_V4, SOCK_STREAM, PEER_TLS);
    int file = (int)must(open(fresh("hello"), O_CREAT | O_RDWR | O_CLOEXEC, 0600), "open");

    must(write(file, h.bytes, h.n), "write");
    must(lseek(file, 0, SEEK_SET), "lseek");
    must(sendfile(fd, file, NULL, h.n), "sendfile");
    told_hello(TO_V4, fd, PEER_TLS);
}

static void greet_fast_open(const struct row *row)
{
    struct hello h = hello_with(0);
    struct end e = loopback(TO_V4, PEER_TLS);
    int fd = new_socket(TO_V4, SOCK_STREAM);

    must(sendto(fd, h.bytes, h.n, MSG_FASTOPEN, &e.any, e.n), "sendto");
    told_hello(TO_V4, fd, PEER_TLS);
}

/* What mail does: some lines in the clear first. */
static void greet_late(const struct row *row)
{
    struct hello h = hello_with(0);
    int fd = connected(TO_V4, SOCK_STREAM, PEER_TLS_ELSEWHERE), one = 1;

    must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), "TCP_NODELAY");
    must(write(fd, "STARTTLS\r\n", 10), "write");
    must(write(fd, h.bytes, h.n), "write");
    told_hello(TO_V4, fd, PEER_TLS_ELSEWHERE);
}

static void greet_by_ring(const struct row *row)
{
    struct hello h = hello_with(0);
    struct ring *r = ring_new((enum ring_mode)row->number, IORING_OP_SEND);
    int fd = connected(TO_V4, SOCK_STREAM, PEER_TLS);

    io_uring_prep_send(ring_sqe(r), fd, h.bytes, h.n, 0);
    must(ring_do(r), "send");
    told_hello(TO_V4, fd, PEER_TLS);
}

static const struct row rows[] = {
    {"DNS question, UDP", "sendto, IPv4", ask_sendto, {0}, TO_V4},
    {"DNS question, UDP", "sendto, IPv6", ask_sendto, {0}, TO_V6},
    {"DNS question, UDP", "connect and send", ask_send},
    {"DNS question, UDP", "sendmmsg, in two pieces", ask_sendmmsg},
    {"DNS question, UDP", "getaddrinfo", ask_library},
    RING_ROWS("DNS question, UDP", "sendmsg", ask_by_ring, one, NULL),
    {"DNS question, UDP", "another port", ask_elsewhere},
    {"DNS question, TCP", "write, IPv4", ask_stream},
    {"DNS question, TCP", "write, IPv6", ask_stream6},
    {"DNS question, TCP", "length and question apart", ask_stream, {0}, 2},
    {"DNS question, TCP", "cut in the name", ask_stream, {0}, 20},
    RING_ROWS("DNS question, TCP", "send", ask_stream_by_ring, one, NULL),
    {"TLS ClientHello", "write, IPv4", greet, {0}, TO_V4},
    {"TLS ClientHello", "write, IPv6", greet, {0}, TO_V6},
    {"TLS ClientHello", "another port", greet_elsewhere},
    {"TLS ClientHello", "sendmsg, in two pieces", greet_sendmsg},
    {"TLS ClientHello", "sendfile", greet_sendfile},
    {"TLS ClientHello", "cut after 200 bytes", greet_in_two, {0}, 200},
    {"TLS ClientHello", "cut after 3 bytes", greet_in_two, {0}, 3},
    {"TLS ClientHello", "with MSG_FASTOPEN", greet_fast_open},
    {"TLS ClientHello", "behind a line in the clear", greet_late},
    RING_ROWS("TLS ClientHello", "send", greet_by_ring, one, NULL),
    {NULL},
};

const struct family names_family = {"names in the traffic", rows};
