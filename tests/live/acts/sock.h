/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets and loopback addresses for the acts of net.c and names.c. */
#ifndef TRN_TEST_ACTS_SOCK_H
#define TRN_TEST_ACTS_SOCK_H

#include "acts.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* Where acts_peers.py answers, on 127.0.0.1 and ::1. */
#define PEER_TCP 7001
#define PEER_UDP 7002
#define PEER_NOBODY 7009
#define PEER_DNS 53
#define PEER_TLS 443
#define PEER_TLS_ELSEWHERE 8443
#define PEER_DNS_ELSEWHERE 5300

enum to { TO_V4 = 4, TO_V6 = 6, TO_MAPPED = 64 }; /* mapped: IPv4 by an IPv6 socket */

struct end {
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    };
    socklen_t n;
};

struct end loopback(enum to to, unsigned port);
int new_socket(enum to to, int type); /* the type may carry flags */
struct end name_of(int fd);
unsigned port_of(const struct end *e);
void tell_peer(enum to to, unsigned port); /* "dst", "dst_port" */
void tell_own_port(int fd);                /* "src_port" */
int connected(enum to to, int type, unsigned port);

#endif
