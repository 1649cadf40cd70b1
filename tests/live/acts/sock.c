/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: loopback addresses and sockets. Must not own: the acts.
 */
#include "sock.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

struct end loopback(enum to to, unsigned port)
{
    struct end e;

    memset(&e, 0, sizeof(e));
    if (to == TO_V4) {
        e.in.sin_family = AF_INET;
        e.in.sin_port = htons((uint16_t)port);
        e.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        e.n = sizeof(e.in);
        return e;
    }
    e.in6.sin6_family = AF_INET6;
    e.in6.sin6_port = htons((uint16_t)port);
    must(inet_pton(AF_INET6, to == TO_V6 ? "::1" : "::ffff:127.0.0.1", &e.in6.sin6_addr), "inet_pton");
    e.n = sizeof(e.in6);
    return e;
}

int new_socket(enum to to, int type)
{
    return (int)must(socket(to == TO_V4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0), "socket");
}

struct end name_of(int fd)
{
    struct end e;

    memset(&e, 0, sizeof(e));
    e.n = sizeof(e.in6);
    must(getsockname(fd, &e.any, &e.n), "getsockname");
    return e;
}

unsigned port_of(const struct end *e)
{
    return ntohs(e->any.sa_family == AF_INET ? e->in.sin_port : e->in6.sin6_port);
}

void tell_peer(enum to to, unsigned port)
{
    tell_text("dst", to == TO_V6 ? "::1" : "127.0.0.1");
    tell_number("dst_port", port);
}

void tell_own_port(int fd)
{
    struct end e = name_of(fd);

    tell_number("src_port", port_of(&e));
}

int connected(enum to to, int type, unsigned port)
{
    struct end e = loopback(to, port);
    int fd = new_socket(to, type);

    must(connect(fd, &e.any, e.n), "connect");
    return fd;
}
