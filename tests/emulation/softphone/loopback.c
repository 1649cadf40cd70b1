/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: every socket of the rehearsal. Refuses any address outside 127.0.0.0/8, whatever the caller was told: this code
 * imitates, and must not be able to reach anything.
 */
#include "loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int loopback_connect(const char *address, uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval limit = {.tv_sec = 3};
    int fd;

    if (inet_pton(AF_INET, address, &to.sin_addr) != 1 || (ntohl(to.sin_addr.s_addr) >> 24) != 127)
        return -1;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int loopback_resolve(const char *name, char *ret_address, size_t size)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    const struct sockaddr_in *first;
    int result = -1;

    if (getaddrinfo(name, NULL, &hints, &found) != 0)
        return -1;
    first = (const struct sockaddr_in *)(const void *)found->ai_addr;
    if (inet_ntop(AF_INET, &first->sin_addr, ret_address, (socklen_t)size))
        result = 0;
    freeaddrinfo(found);
    return result;
}

int write_all(int fd, const void *p, size_t n)
{
    const char *at = p;

    while (n > 0) {
        ssize_t done = write(fd, at, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return -1;
        at += done;
        n -= (size_t)done;
    }
    return 0;
}

long read_all(int fd, void *p, size_t size)
{
    char *at = p;
    size_t have = 0;

    while (have < size) {
        ssize_t got = read(fd, at + have, size - have);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        have += (size_t)got;
    }
    return (long)have;
}

int read_line(int fd, char *ret_line, size_t size)
{
    size_t have = 0;

    while (have + 1 < size) {
        char c;

        if (read_all(fd, &c, 1) != 1)
            return -1;
        if (c == '\n') {
            ret_line[have] = '\0';
            return 0;
        }
        ret_line[have++] = c;
    }
    return -1;
}
