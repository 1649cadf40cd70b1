/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks turncoatd to do something: the kernel says so, of the client's own socket that the engine handed on. The engine
 * cannot ask in anybody's name: it holds no socket that passes here but those of clients.
 */
#ifndef TRN_CHANNEL_PEER_H
#define TRN_CHANNEL_PEER_H

#include "base/base.h"

#include <sys/socket.h>
#include <sys/un.h>

struct trn_peer_rule {
    struct sockaddr_un address; /* the local socket's, as it was bound */
    socklen_t address_len;      /* 0: nobody may ask */
    gid_t respond_gid;          /* (gid_t)-1: only root may act */
};

/* listen_fd: the local socket, of which those who ask are clients. */
void trn_peer_rule_init(struct trn_peer_rule *r, int listen_fd, gid_t respond_gid);
/* 0 and who it is; -EPERM with "only root and the group 'turncoat-respond' may WHAT". */
int trn_peer_check(const struct trn_peer_rule *r, int client, const char *what, struct ucred *ret, struct trn_err *err)
    TRN_MUST_CHECK;

#endif
