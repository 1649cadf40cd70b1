/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a load of UDP datagrams on loopback, each to a destination that its socket never sent to before, so that each is one
 * event ("connect, attempted") for whoever watches. Several processes, so that no single one is a flood.
 * Must not own: what is counted of it (alone.py). Prints one JSON object.
 *
 *   load-send RATE SECONDS PROCESSES      RATE a second over all processes
 *
 * One socket of the parent takes all of 127/8 on its port and is never read: what does not fit is dropped there, which is
 * cheaper than an answer that nobody listens.
 */
#include "load.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define PROCESSES_MAX 256u
#define PORT 9390u
#define TICK_NS 10000000l

struct shared {
    uint64_t sent[PROCESSES_MAX], wall[PROCESSES_MAX];
};

static int sink(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = {htonl(INADDR_ANY)}};
    int size = 4096, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
        load_die("the sink's socket");
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    return fd;
}

/* Destination number i: 127.16.0.0 and up, far from 127.0.0.1, in 2^20 steps before it repeats. */
static void send_one(int fd, uint64_t i)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    to.sin_addr.s_addr = htonl(0x7f100000u | (uint32_t)(i & 0xfffffu));
    if (sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != ENOBUFS)
        load_die("sendto");
}

static void one_process(struct shared *shared, unsigned number, uint64_t rate, uint64_t total)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        load_die("a socket");
    struct load load = load_begin();
    uint64_t done = 0;
    while (done < total) {
        uint64_t due = load_due(&load, rate, total);
        for (; done < due; done++)
            send_one(fd, done);
        struct timespec tick = {0, TICK_NS};
        if (done < total)
            nanosleep(&tick, NULL);
    }
    shared->wall[number] = load_clock(CLOCK_MONOTONIC) - load.wall;
    shared->sent[number] = done;
    _exit(0);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: load-send RATE SECONDS PROCESSES\n");
        return 2;
    }
    uint64_t rate = load_number(argv[1]), seconds = load_number(argv[2]), n = load_number(argv[3]), sent = 0, wall = 0;
    if (n > PROCESSES_MAX || rate < n) {
        fprintf(stderr, "load-send: from 1 to %u processes, and at least one datagram a second for each\n",
                PROCESSES_MAX);
        return 2;
    }
    struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        load_die("memory");
    int fd = sink();
    uint64_t cpu = load_cpu();
    for (unsigned i = 0; i < n; i++) {
        pid_t pid = fork();
        if (pid < 0)
            load_die("fork");
        if (pid == 0)
            one_process(shared, i, rate / n, rate / n * seconds);
    }
    int failed = 0;
    for (int status; wait(&status) > 0;)
        failed |= status;
    close(fd);
    for (unsigned i = 0; i < n; i++) {
        sent += shared->sent[i];
        wall = shared->wall[i] > wall ? shared->wall[i] : wall;
    }
    printf("{\"count\": %" PRIu64 ", \"wall_ns\": %" PRIu64 ", \"cpu\": %.1f}\n", sent, wall,
           (double)(load_cpu() - cpu) / (double)(sent ? sent : 1));
    return failed ? 1 : 0;
}
