/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: whether who asks may act. Must not own: what is asked for, how often. */
#include "channel/peer.h"

#include <stddef.h>

#define MAX_GROUPS 256

void trn_peer_rule_init(struct trn_peer_rule *r, int listen_fd, gid_t respond_gid)
{
    *r = (struct trn_peer_rule){.address_len = sizeof r->address, .respond_gid = respond_gid};
    if (getsockname(listen_fd, (struct sockaddr *)&r->address, &r->address_len) < 0)
        r->address_len = 0;
}

static bool in_group(int fd, gid_t gid)
{
    gid_t groups[MAX_GROUPS];
    socklen_t n = sizeof groups;
    if (gid == (gid_t)-1 || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &n) < 0)
        return false;
    for (size_t i = 0; i < n / sizeof groups[0]; i++)
        if (groups[i] == gid)
            return true;
    return false;
}

/*
 * Whether somebody connected to the local socket with it. The engine holds sockets that turncoatd itself made (their
 * channels, the listening one, its stderr), and the kernel says root of each of them: those have no such address, or listen.
 */
static bool is_clients(const struct trn_peer_rule *r, int fd)
{
    struct sockaddr_un a;
    socklen_t n = sizeof a, size = sizeof(int);
    int listens = 1;
    return r->address_len > offsetof(struct sockaddr_un, sun_path) && getsockname(fd, (struct sockaddr *)&a, &n) == 0 &&
           n == r->address_len && memcmp(&a, &r->address, n) == 0 &&
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && !listens;
}

int trn_peer_check(const struct trn_peer_rule *rule, int client, const char *what, struct ucred *ret,
                   struct trn_err *err)
{
    struct ucred who = {0};
    socklen_t n = sizeof who;
    if (client < 0 || !is_clients(rule, client) || getsockopt(client, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0 ||
        who.pid <= 0)
        return trn_fail(err, -EPERM, "it is not known who asks");
    bool may = who.uid == 0 || (rule->respond_gid != (gid_t)-1 &&
                                (who.gid == rule->respond_gid || in_group(client, rule->respond_gid)));
    if (!may) {
        int r = trn_fail(err, -EPERM, "only root and the group 'turncoat-respond' may %s", what);
        trn_hint(err, "use sudo");
        return r;
    }
    *ret = who;
    return 0;
}
