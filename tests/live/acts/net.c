/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: acts on sockets: connect, accept, listen, bind, the first datagram. Must not own: what is said
 * over them (names.c). All of it on loopback, against acts_peers.py or a child.
 */
#include "sock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define OP_BIND 56
#define OP_LISTEN 57

static int bound(enum to to, int type)
{
    struct end e = loopback(to, 0);
    int fd = new_socket(to, type);

    must(bind(fd, &e.any, e.n), "bind");
    return fd;
}

/* ---- TCP connect ---- */

static void told_connection(enum to to, int fd)
{
    tell_peer(to, PEER_TCP);
    tell_own_port(fd);
    close(fd);
}

static void connect_plain(const struct row *row)
{
    told_connection((enum to)row->number, connected((enum to)row->number, SOCK_STREAM, PEER_TCP));
}

static void wait_writable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t n = sizeof(error);

    must(poll(&p, 1, 5000), "poll");
    must(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n), "getsockopt");
    must(-error, "connect");
}

static void connect_nonblocking(const struct row *row)
{
    struct end e = loopback(TO_V4, PEER_TCP);
    int fd = new_socket(TO_V4, SOCK_STREAM | SOCK_NONBLOCK);

    if (connect(fd, &e.any, e.n) != 0 && errno != EINPROGRESS)
        fail("connect: %s", strerror(errno));
    wait_writable(fd);
    told_connection(TO_V4, fd);
}

static void connect_fast_open(const struct row *row)
{
    struct end e = loopback(TO_V4, PEER_TCP);
    int fd = new_socket(TO_V4, SOCK_STREAM);

    must(sendto(fd, "x", 1, MSG_FASTOPEN, &e.any, e.n), "sendto");
    told_connection(TO_V4, fd);
}

static void connect_fast_open_option(const struct row *row)
{
    struct end e = loopback(TO_V4, PEER_TCP);
    int fd = new_socket(TO_V4, SOCK_STREAM), one = 1;

    must(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one)), "TCP_FASTOPEN_CONNECT");
    must(connect(fd, &e.any, e.n), "connect");
    must(write(fd, "x", 1), "write");
    told_connection(TO_V4, fd);
}

static void connect_multipath(const struct row *row)
{
    struct end e = loopback(TO_V4, PEER_TCP);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 262 /* IPPROTO_MPTCP */);

    if (fd < 0)
        skip("this kernel has no multipath TCP: %s", strerror(errno));
    must(connect(fd, &e.any, e.n), "connect");
    told_connection(TO_V4, fd);
}

static void connect_inherited_child(const void *arg)
{
    const int *fd = arg;
    struct end e = loopback(TO_V4, PEER_TCP);

    must(connect(*fd, &e.any, e.n), "connect");
}

/* The socket was made by the parent: who connects is the child. */
static void connect_inherited(const struct row *row)
{
    int fd = new_socket(TO_V4, SOCK_STREAM);

    in_child(connect_inherited_child, &fd);
    told_connection(TO_V4, fd);
}

static void connect_compat(const struct row *row)
{
    struct end e = loopback(TO_V4, PEER_TCP);
    int fd = new_socket(TO_V4, SOCK_STREAM);

    must(compat_call(362, (uintptr_t)fd, (uintptr_t)low(&e.any, e.n), e.n, 0, 0), "connect");
    told_connection(TO_V4, fd);
}

static void connect_compat_socketcall(const struct row *row)
{
    struct end e = loopback(TO_V4, PEER_TCP);
    int fd = new_socket(TO_V4, SOCK_STREAM);
    uint32_t args[3] = {(uint32_t)fd, (uint32_t)(uintptr_t)low(&e.any, e.n), e.n};

    must(compat_call(102, 3, (uintptr_t)low(args, sizeof(args)), 0, 0, 0), "socketcall");
    told_connection(TO_V4, fd);
}

static void connect_by_ring(const struct row *row)
{
    struct end e = loopback(TO_V4, PEER_TCP);
    struct ring *r = ring_new((enum ring_mode)row->number, IORING_OP_CONNECT);
    int fd = new_socket(TO_V4, SOCK_STREAM);

    io_uring_prep_connect(ring_sqe(r), fd, &e.any, e.n);
    must(ring_do(r), "connect");
    told_connection(TO_V4, fd);
}

/* The socket too is made by the ring, and never has a descriptor. */
static void connect_by_ring_only(const struct row *row)
{
    struct end e = loopback(TO_V4, PEER_TCP);
    struct ring *r = ring_new(RING_PLAIN, IORING_OP_SOCKET);
    struct io_uring_sqe *sqe;

    ring_sparse_files(r);
    io_uring_prep_socket_direct(ring_sqe(r), AF_INET, SOCK_STREAM, 0, 0, 0);
    must(ring_do(r), "socket");
    sqe = ring_sqe(r);
    io_uring_prep_connect(sqe, 0, &e.any, e.n);
    sqe->flags |= IOSQE_FIXED_FILE;
    must(ring_do(r), "connect");
    tell_peer(TO_V4, PEER_TCP);
}

/* The hooks hang on the cgroup, not on the network. */
static void connect_elsewhere(const struct row *row)
{
    struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING};
    struct end own, e;
    int server, fd;

    must(unshare(CLONE_NEWNET), "unshare");
    must(ioctl(new_socket(TO_V4, SOCK_DGRAM), SIOCSIFFLAGS, &up), "SIOCSIFFLAGS");
    server = bound(TO_V4, SOCK_STREAM);
    must(listen(server, 4), "listen");
    own = name_of(server);
    e = loopback(TO_V4, port_of(&own));
    fd = new_socket(TO_V4, SOCK_STREAM);
    must(connect(fd, &e.any, e.n), "connect");
    tell_peer(TO_V4, port_of(&own));
    tell_own_port(fd);
    close(fd);
}

static void other_family(const struct row *row)
{
    static const struct {
        int family, type, protocol;
    } kinds[] = {{AF_VSOCK, SOCK_STREAM, 0}, {AF_INET, SOCK_STREAM, IPPROTO_SCTP}};

    if (socket(kinds[row->number].family, kinds[row->number].type, kinds[row->number].protocol) < 0)
        skip("this kernel has no such sockets: %s", strerror(errno));
}

static void connect_refused(const struct row *row)
{
    struct end e = loopback(TO_V4, PEER_NOBODY);
    int fd = new_socket(TO_V4, SOCK_STREAM);

    if (connect(fd, &e.any, e.n) == 0 || errno != ECONNREFUSED)
        fail("somebody listens on port %d", PEER_NOBODY);
    tell_peer(TO_V4, PEER_NOBODY);
}

static void connect_unix(const struct row *row)
{
    const char *path = fresh("socket");
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int server = (int)must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

    strncat(a.sun_path, path, sizeof(a.sun_path) - 1);
    must(bind(server, (struct sockaddr *)&a, sizeof(a)), "bind");
    must(listen(server, 1), "listen");
    must(connect((int)must(socket(AF_UNIX, SOCK_STREAM, 0), "socket"), (struct sockaddr *)&a, sizeof(a)), "connect");
    tell_file(path);
}

/* ---- the first datagram ---- */

static void told_datagram(enum to to, int fd)
{
    tell_peer(to, PEER_UDP);
    tell_own_port(fd);
    close(fd);
}

static void datagram_sendto(const struct row *row)
{
    enum to to = (enum to)row->number;
    struct end e = loopback(to, PEER_UDP);
    int fd = new_socket(to, SOCK_DGRAM);

    must(sendto(fd, "x", 1, 0, &e.any, e.n), "sendto");
    told_datagram(to, fd);
}

static void one_message(struct msghdr *m, struct end *e, struct iovec *v)
{
    *m = (struct msghdr){.msg_name = &e->any, .msg_namelen = e->n, .msg_iov = v, .msg_iovlen = 1};
    *v = (struct iovec){.iov_base = (char *)(uintptr_t) "x", .iov_len = 1};
}

static void datagram_sendmsg(const struct row *row)
{
    struct end e = loopback(TO_V4, PEER_UDP);
    int fd = new_socket(TO_V4, SOCK_DGRAM);
    struct msghdr m;
    struct iovec v;

    one_message(&m, &e, &v);
    must(sendmsg(fd, &m, 0), "sendmsg");
    told_datagram(TO_V4, fd);
}

static void datagram_sendmmsg(const struct row *row)
{
    struct end e = loopback(TO_V4, PEER_UDP);
    int fd = new_socket(TO_V4, SOCK_DGRAM);
    struct mmsghdr m = {0};
    struct iovec v;

    one_message(&m.msg_hdr, &e, &v);
    must(sendmmsg(fd, &m, 1, 0), "sendmmsg");
    told_datagram(TO_V4, fd);
}

static void datagram_send(const struct row *row)
{
    int fd = connected((enum to)row->number, SOCK_DGRAM, PEER_UDP);

    must(send(fd, "x", 1, 0), "send");
    told_datagram((enum to)row->number, fd);
}

static void datagram_write(const struct row *row)
{
    int fd = connected(TO_V4, SOCK_DGRAM, PEER_UDP);

    must(write(fd, "x", 1), "write");
    told_datagram(TO_V4, fd);
}

static void datagram_compat(const struct row *row)
{
    struct end e = loopback(TO_V4, PEER_UDP);
    int fd = new_socket(TO_V4, SOCK_DGRAM);
    uint32_t args[6] = {
        (uint32_t)fd, (uint32_t)low_text("x"), 1, 0, (uint32_t)(uintptr_t)low(&e.any, e.n), e.n,
    };

    must(compat_call(102, 11, (uintptr_t)low(args, sizeof(args)), 0, 0, 0), "socketcall");
    told_datagram(TO_V4, fd);
}

static void datagram_by_ring_message(const struct row *row)
{
    struct end e = loopback(TO_V4, PEER_UDP);
    struct ring *r = ring_new((enum ring_mode)row->number, IORING_OP_SENDMSG);
    int fd = new_socket(TO_V4, SOCK_DGRAM);
    struct msghdr m;
    struct iovec v;

    one_message(&m, &e, &v);
    io_uring_prep_sendmsg(ring_sqe(r), fd, &m, 0);
    must(ring_do(r), "sendmsg");
    told_datagram(TO_V4, fd);
}

static void datagram_by_ring_send(const struct row *row)
{
    struct end e = loopback(TO_V4, PEER_UDP);
    struct ring *r = ring_new(RING_PLAIN, IORING_OP_SEND_ZC);
    int fd = new_socket(TO_V4, SOCK_DGRAM);
    struct io_uring_sqe *sqe = ring_sqe(r);

    io_uring_prep_send_zc(sqe, fd, "x", 1, 0, 0);
    io_uring_prep_send_set_addr(sqe, &e.any, (uint16_t)e.n);
    must(ring_do(r) < 0 ? -1 : 0, "send");
    told_datagram(TO_V4, fd);
}

/* One's own packet, made by hand: the kernel's sockets of the protocol see nothing of it. */
static void raw_ip(const struct row *row)
{
    struct end e = loopback(TO_V4, 0);
    struct icmphdr echo = {.type = ICMP_ECHO, .checksum = htons(0xf7ff)};
    int fd = (int)must(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP), "socket");

    must(sendto(fd, &echo, sizeof(echo), 0, &e.any, e.n), "sendto");
    tell_text("dst", "127.0.0.1");
}

static void raw_packet(const struct row *row)
{
    struct sockaddr_ll a = {.sll_family = AF_PACKET,
                            .sll_protocol = htons(ETH_P_IP),
                            .sll_ifindex = (int)if_nametoindex("lo"),
                            .sll_halen = ETH_ALEN};
    static const uint8_t nothing[20] = {0x45, 0, 0, 20, 0, 0, 0, 0, 64, 253, 0x7c, 0xe9, 127, 0, 0, 1, 127, 0, 0, 1};
    int fd = (int)must(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_IP)), "socket");

    must(sendto(fd, nothing, sizeof(nothing), 0, (struct sockaddr *)&a, sizeof(a)), "sendto");
    tell_text("dst", "127.0.0.1");
}

/* ---- listen and accept ---- */

static void told_listener(enum to to, int fd)
{
    tell_text("src", to == TO_V6 ? "::1" : "127.0.0.1");
    tell_own_port(fd);
    close(fd);
}

static void listen_plain(const struct row *row)
{
    int fd = bound((enum to)row->number, SOCK_STREAM);

    must(listen(fd, 4), "listen");
    told_listener((enum to)row->number, fd);
}

static void listen_unbound(const struct row *row)
{
    int fd = new_socket(TO_V4, SOCK_STREAM);

    must(listen(fd, 4), "listen");
    tell_text("src", "0.0.0.0");
    tell_own_port(fd);
}

static void listen_compat(const struct row *row)
{
    int fd = bound(TO_V4, SOCK_STREAM);

    must(compat_call(363, (uintptr_t)fd, 4, 0, 0, 0), "listen");
    told_listener(TO_V4, fd);
}

static void listen_by_ring(const struct row *row)
{
    struct ring *r = ring_new((enum ring_mode)row->number, OP_LISTEN);
    int fd = bound(TO_V4, SOCK_STREAM);

    io_uring_prep_rw(OP_LISTEN, ring_sqe(r), fd, NULL, 4, 0);
    must(ring_do(r), "listen");
    told_listener(TO_V4, fd);
}

static void bind_plain(const struct row *row)
{
    told_listener((enum to)row->number, bound((enum to)row->number, SOCK_DGRAM));
}

static void bind_compat(const struct row *row)
{
    struct end e = loopback(TO_V4, 0);
    int fd = new_socket(TO_V4, SOCK_DGRAM);

    must(compat_call(361, (uintptr_t)fd, (uintptr_t)low(&e.any, e.n), e.n, 0, 0), "bind");
    told_listener(TO_V4, fd);
}

static void bind_by_ring(const struct row *row)
{
    struct ring *r = ring_new((enum ring_mode)row->number, OP_BIND);
    struct end e = loopback(TO_V4, 0);
    int fd = new_socket(TO_V4, SOCK_DGRAM);

    io_uring_prep_rw(OP_BIND, ring_sqe(r), fd, &e.any, 0, e.n);
    must(ring_do(r), "bind");
    told_listener(TO_V4, fd);
}

/* Listens, and a child connects: the number of its port is "src_port", ours "dst_port". */
static int with_caller(enum to to, pid_t *ret_caller)
{
    int fd = bound(to, SOCK_STREAM);
    struct end own = name_of(fd);

    must(listen(fd, 4), "listen");
    *ret_caller = (pid_t)must(fork(), "fork");
    if (*ret_caller == 0) {
        char byte;
        int c = connected(to, SOCK_STREAM, port_of(&own));

        (void)!read(c, &byte, 1);
        _exit(0);
    }
    tell_text("src", to == TO_V6 ? "::1" : "127.0.0.1");
    tell_peer(to, port_of(&own));
    return fd;
}

static void told_accepted(int fd, pid_t caller)
{
    struct end peer = {.n = sizeof(peer.in6)};
    int status;

    must(getpeername(fd, &peer.any, &peer.n), "getpeername");
    tell_number("src_port", port_of(&peer));
    close(fd);
    must(waitpid(caller, &status, 0), "waitpid");
}

static void accept_plain(const struct row *row)
{
    pid_t caller;
    int fd = with_caller((enum to)row->number, &caller);

    told_accepted((int)must(syscall(SYS_accept, fd, NULL, NULL), "accept"), caller);
}

static void accept_accept4(const struct row *row)
{
    pid_t caller;
    int fd = with_caller(TO_V4, &caller);

    told_accepted((int)must(syscall(SYS_accept4, fd, NULL, NULL, SOCK_CLOEXEC), "accept4"), caller);
}

static void accept_compat(const struct row *row)
{
    pid_t caller;
    int fd = with_caller(TO_V4, &caller);

    told_accepted((int)must(compat_call(364, (uintptr_t)fd, 0, 0, 0, 0), "accept4"), caller);
}

static void accept_by_ring(const struct row *row)
{
    struct ring *r = ring_new((enum ring_mode)row->number, IORING_OP_ACCEPT);
    pid_t caller;
    int fd = with_caller(TO_V4, &caller);

    io_uring_prep_accept(ring_sqe(r), fd, NULL, NULL, 0);
    told_accepted((int)must(ring_do(r), "accept"), caller);
}

static void accept_by_ring_multishot(const struct row *row)
{
    struct ring *r = ring_new(RING_PLAIN, IORING_OP_ACCEPT);
    pid_t caller;
    int fd = with_caller(TO_V4, &caller);

    io_uring_prep_multishot_accept(ring_sqe(r), fd, NULL, NULL, 0);
    told_accepted((int)must(ring_do(r), "accept"), caller);
}

/* Up before anybody calls accept: the kernel shakes hands alone. */
static void accept_never(const struct row *row)
{
    struct end own, e;
    int fd = bound(TO_V4, SOCK_STREAM), c = new_socket(TO_V4, SOCK_STREAM);

    must(listen(fd, 4), "listen");
    own = name_of(fd);
    e = loopback(TO_V4, port_of(&own));
    must(connect(c, &e.any, e.n), "connect");
    tell_text("src", "127.0.0.1");
    tell_peer(TO_V4, port_of(&own));
    tell_own_port(c);
}

static const struct row rows[] = {
    {"TCP connect", "connect, IPv4", connect_plain, {0}, TO_V4},
    {"TCP connect", "connect, IPv6", connect_plain, {0}, TO_V6},
    {"TCP connect", "connect, IPv4 by an IPv6 socket", connect_plain, {0}, TO_MAPPED},
    {"TCP connect", "connect, not blocking", connect_nonblocking},
    {"TCP connect", "sendto with MSG_FASTOPEN", connect_fast_open},
    {"TCP connect", "TCP_FASTOPEN_CONNECT", connect_fast_open_option},
    {"TCP connect", "multipath TCP", connect_multipath},
    {"TCP connect", "inherited socket", connect_inherited},
    {"TCP connect", "32-bit connect", connect_compat},
    {"TCP connect", "32-bit socketcall", connect_compat_socketcall},
    RING_ROWS("TCP connect", "connect", connect_by_ring, one, NULL),
    {"TCP connect", "io_uring socket and connect, in a slot", connect_by_ring_only},
    {"TCP connect", "in a network namespace of its own", connect_elsewhere},
    {"refused connect", "connect", connect_refused},
    {"other protocols", "AF_VSOCK", other_family, {0}, 0},
    {"other protocols", "SCTP", other_family, {0}, 1},
    {"Unix connect", "connect", connect_unix},
    {"first datagram", "sendto, IPv4", datagram_sendto, {0}, TO_V4},
    {"first datagram", "sendto, IPv6", datagram_sendto, {0}, TO_V6},
    {"first datagram", "sendto, IPv4 by an IPv6 socket", datagram_sendto, {0}, TO_MAPPED},
    {"first datagram", "sendmsg", datagram_sendmsg},
    {"first datagram", "sendmmsg", datagram_sendmmsg},
    {"first datagram", "connect and send, IPv4", datagram_send, {0}, TO_V4},
    {"first datagram", "connect and send, IPv6", datagram_send, {0}, TO_V6},
    {"first datagram", "connect and write", datagram_write},
    {"first datagram", "32-bit socketcall", datagram_compat},
    RING_ROWS("first datagram", "sendmsg", datagram_by_ring_message, one, NULL),
    {"first datagram", "io_uring send, without copy", datagram_by_ring_send},
    {"raw packet", "raw IP socket", raw_ip},
    {"raw packet", "packet socket", raw_packet},
    {"listen", "listen, IPv4", listen_plain, {0}, TO_V4},
    {"listen", "listen, IPv6", listen_plain, {0}, TO_V6},
    {"listen", "listen without bind", listen_unbound},
    {"listen", "32-bit listen", listen_compat},
    RING_ROWS("listen", "listen", listen_by_ring, one, NULL),
    {"bind UDP", "bind, IPv4", bind_plain, {0}, TO_V4},
    {"bind UDP", "bind, IPv6", bind_plain, {0}, TO_V6},
    {"bind UDP", "32-bit bind", bind_compat},
    RING_ROWS("bind UDP", "bind", bind_by_ring, one, NULL),
    {"accept", "accept, IPv4", accept_plain, {0}, TO_V4},
    {"accept", "accept, IPv6", accept_plain, {0}, TO_V6},
    {"accept", "accept4", accept_accept4},
    {"accept", "32-bit accept4", accept_compat},
    {"accept", "nobody calls accept", accept_never},
    RING_ROWS("accept", "accept", accept_by_ring, one, NULL),
    {"accept", "io_uring accept, many", accept_by_ring_multishot},
    {NULL},
};

const struct family net_family = {"connections", rows};
