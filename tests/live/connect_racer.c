/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: connects, or sends datagrams, to an address that another thread changes all the while, and says of each
 * socket where it really went. For test_sensor_race.py: what the sensor tells must be that.
 *
 *   connect-racer tcp|udp|ring COUNT     one line a socket: COOKIE ADDRESS; last "changed N": how often the address was
 *                                        another one when the call was over
 */
#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint32_t places[2] = {0x7f000002, 0x7f000003};

struct race {
    struct sockaddr_in where; /* what the kernel is given, and what changes */
    int server;
    struct io_uring ring;
    volatile unsigned turns;
    volatile bool over;
};

static _Noreturn void fail(const char *what)
{
    (void)fprintf(stderr, "connect-racer: %s: %s\n", what, strerror(errno));
    exit(1);
}

static long must(long r, const char *what)
{
    if (r < 0)
        fail(what);
    return r;
}

static void *change(void *arg)
{
    struct race *r = arg;

    for (; !r->over; r->turns++)
        *(volatile uint32_t *)&r->where.sin_addr.s_addr = htonl(places[r->turns & 1]);
    return NULL;
}

static void *take(void *arg)
{
    struct race *r = arg;

    for (;;) {
        int fd = accept(r->server, NULL, NULL);

        if (fd < 0)
            return NULL;
        close(fd);
    }
}

static int ring_connect(struct race *r, int fd)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&r->ring);
    struct io_uring_cqe *cqe;
    int result;

    if (!sqe)
        fail("io_uring_get_sqe");
    io_uring_prep_connect(sqe, fd, (struct sockaddr *)&r->where, sizeof(r->where));
    must(io_uring_submit_and_wait(&r->ring, 1), "io_uring_submit");
    must(io_uring_wait_cqe(&r->ring, &cqe), "io_uring_wait_cqe");
    result = cqe->res;
    io_uring_cqe_seen(&r->ring, cqe);
    errno = result < 0 ? -result : 0;
    return result < 0 ? -1 : 0;
}

static uint32_t stream(struct race *r, int fd, bool by_ring)
{
    struct sockaddr_in peer;
    socklen_t n = sizeof(peer);
    const struct linger reset = {.l_onoff = 1};

    must(by_ring ? ring_connect(r, fd) : connect(fd, (struct sockaddr *)&r->where, sizeof(r->where)), "connect");
    must(getpeername(fd, (struct sockaddr *)&peer, &n), "getpeername");
    must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), "SO_LINGER");
    return peer.sin_addr.s_addr;
}

/* The receiver says which of its addresses it was sent to. */
static uint32_t datagram(struct race *r, int fd)
{
    char byte, room[CMSG_SPACE(sizeof(struct in_pktinfo))];
    struct iovec v = {&byte, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
    struct in_pktinfo info;

    must(sendto(fd, "x", 1, 0, (struct sockaddr *)&r->where, sizeof(r->where)), "sendto");
    must(recvmsg(r->server, &m, 0), "recvmsg");
    if (!CMSG_FIRSTHDR(&m))
        fail("no address came with the datagram");
    memcpy(&info, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(info));
    return info.ipi_addr.s_addr;
}

int main(int argc, char **argv)
{
    struct race r = {.where = {.sin_family = AF_INET}};
    bool udp = argc == 3 && strcmp(argv[1], "udp") == 0, ring = argc == 3 && strcmp(argv[1], "ring") == 0;
    struct sockaddr_in any = {.sin_family = AF_INET};
    socklen_t n = sizeof(any);
    pthread_t changer, taker;
    long changed = 0;
    int one = 1;

    if (argc != 3)
        return 2;
    r.server = (int)must(socket(AF_INET, udp ? SOCK_DGRAM : SOCK_STREAM, 0), "socket");
    must(bind(r.server, (struct sockaddr *)&any, sizeof(any)), "bind");
    if (udp)
        must(setsockopt(r.server, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one)), "IP_PKTINFO");
    else
        must(listen(r.server, 100), "listen");
    must(getsockname(r.server, (struct sockaddr *)&any, &n), "getsockname");
    r.where.sin_port = any.sin_port;
    r.where.sin_addr.s_addr = htonl(places[0]);
    if (ring && (errno = -io_uring_queue_init(4, &r.ring, 0)) != 0) {
        (void)printf("no io_uring\n");
        return 0;
    }
    errno = -pthread_create(&changer, NULL, change, &r);
    if (!udp)
        errno = -pthread_create(&taker, NULL, take, &r);
    for (long i = strtol(argv[2], NULL, 10); i > 0; i--) {
        int fd = (int)must(socket(AF_INET, udp ? SOCK_DGRAM : SOCK_STREAM, 0), "socket");
        unsigned turns = r.turns;
        uint32_t went;
        uint64_t cookie;

        while (r.turns == turns) /* a machine with much to do may have put the other one aside */
            (void)sched_yield();
        went = udp ? datagram(&r, fd) : stream(&r, fd, ring);
        changed += went != *(volatile uint32_t *)&r.where.sin_addr.s_addr;
        n = sizeof(cookie);
        must(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &n), "SO_COOKIE");
        (void)printf("%llu %s\n", (unsigned long long)cookie, inet_ntoa((struct in_addr){went}));
        close(fd);
    }
    r.over = true;
    (void)pthread_join(changer, NULL);
    (void)printf("changed %ld\n", changed);
    return 0;
}
