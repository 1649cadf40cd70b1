/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: trying what an isolated host can reach. A packet to nobody must come as far as our last rule and no further; a
 * manager must answer. Must not own: rules (host_rules.c), how often it is asked (the executor). Nothing waits here.
 */
#include "response/execute/host.h"

#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define TRIED_MAX 8u
#define GIVE_UP_NS (4 * TRN_NS_PER_SEC) /* before the executor's patience ends, so that the reason is ours */

union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

static socklen_t address_of(unsigned family, const uint8_t *bytes, uint16_t port, union address *ret)
{
    memset(ret, 0, sizeof *ret);
    if (family == 4) {
        ret->four = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
        memcpy(&ret->four.sin_addr, bytes, 4);
        return sizeof ret->four;
    }
    ret->six = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
    memcpy(&ret->six.sin6_addr, bytes, 16);
    return sizeof ret->six;
}

/* ---- a packet to nobody ---- */

/* Through one device, as if the other end stood on its link: for machines without a route to everywhere. */
static int send_through(int fd, const union address *to, socklen_t n, unsigned device)
{
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
    } control = {0};
    struct iovec iov = {(void *)"", 0};
    struct msghdr m = {.msg_name = (void *)to, .msg_namelen = n, .msg_iov = &iov, .msg_iovlen = 1};
    bool four = to->any.sa_family == AF_INET;
    m.msg_control = control.bytes;
    m.msg_controllen = four ? CMSG_SPACE(sizeof(struct in_pktinfo)) : CMSG_SPACE(sizeof(struct in6_pktinfo));
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = four ? IPPROTO_IP : IPPROTO_IPV6;
    c->cmsg_type = four ? IP_PKTINFO : IPV6_PKTINFO;
    if (four) {
        const struct in_pktinfo p = {.ipi_ifindex = (int)device};
        c->cmsg_len = CMSG_LEN(sizeof p);
        memcpy(CMSG_DATA(c), &p, sizeof p);
    } else {
        const struct in6_pktinfo p = {.ipi6_ifindex = device};
        c->cmsg_len = CMSG_LEN(sizeof p);
        memcpy(CMSG_DATA(c), &p, sizeof p);
    }
    return sendmsg(fd, &m, MSG_DONTWAIT) < 0 ? -errno : 0;
}

static bool has_no_way(int r)
{
    return r == -ENETUNREACH || r == -EHOSTUNREACH || r == -EADDRNOTAVAIL || r == -ENETDOWN || r == -ENODEV ||
           r == -EINVAL || r == -EACCES;
}

/* 0: sent; -EPERM: refused by a packet filter; -ENETUNREACH: no device has a way. */
static int send_one(unsigned family)
{
    union address to;
    socklen_t n = address_of(family, family == 4 ? trn_host_nowhere4 : trn_host_nowhere6, TRN_HOST_TRY_PORT, &to);
    TRN_AUTO(trn_fd_closep)
    int fd = socket(to.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno == EAFNOSUPPORT && family == 6 ? -ENETUNREACH : -errno;
    int r = sendto(fd, "", 0, MSG_DONTWAIT, &to.any, n) < 0 ? -errno : 0;
    if (!has_no_way(r))
        return r;
    struct if_nameindex *all = if_nameindex();
    for (const struct if_nameindex *i = all; has_no_way(r) && i && i->if_index; i++)
        if (strcmp(i->if_name, "lo") != 0)
            r = send_through(fd, &to, n, i->if_index);
    if (all)
        if_freenameindex(all);
    return has_no_way(r) ? -ENETUNREACH : r;
}

static int try_family(struct trn_nft *n, unsigned family, bool *ret_tried, struct trn_err *err)
{
    uint64_t before, after;
    int r = trn_nft_read_counter(n, TRN_HOST_TABLE, TRN_HOST_COUNT_TRIED, &before, err);
    if (r < 0)
        return r;
    int sent = send_one(family);
    r = trn_nft_read_counter(n, TRN_HOST_TABLE, TRN_HOST_COUNT_TRIED, &after, err);
    if (r < 0 || sent == -ENETUNREACH)
        return r;
    if (sent == -EPERM && after > before) {
        *ret_tried = true;
        return 0;
    }
    if (sent == 0)
        return trn_fail(err, -ENOTRECOVERABLE, "a packet of IPv%u to an address of nobody left the machine", family);
    if (sent == -EPERM) {
        r = trn_fail(err, -ENOTRECOVERABLE, "a packet of IPv%u was refused, but not by our rules", family);
        trn_hint(err, "another packet filter stands before ours: 'nft list ruleset'");
        return r;
    }
    r = trn_fail(err, sent, "a packet of IPv%u cannot be tried: %s", family, trn_errno_name(sent));
    if (sent == -EAFNOSUPPORT)
        trn_hint(err, "turncoatd's unit needs AF_INET and AF_INET6 in RestrictAddressFamilies");
    return r;
}

int trn_host_try_dropped(struct trn_nft *n, struct trn_buf *seen, struct trn_err *err)
{
    bool four = false, six = false;
    int r = try_family(n, 4, &four, err);
    if (r == 0)
        r = try_family(n, 6, &six, err);
    if (r < 0)
        return r;
    if (four || six)
        trn_put_fmt(seen, "a packet to nobody is dropped by the last rule (%s%s%s)", four ? "IPv4" : "",
                    four && six ? ", " : "", six ? "IPv6" : "");
    else
        trn_put_c(seen, "no device is up through which a packet could leave; the rules stand");
    return 0;
}

/* ---- managers ---- */

struct trn_host_try {
    uint64_t until_mono_ns;
    uint32_t n, failed;
    struct one {
        const struct trn_act_host *host;
        int fd, code; /* code: why it failed */
    } one[TRIED_MAX];
};

struct trn_host_try *trn_host_try_free(struct trn_host_try *t)
{
    for (uint32_t i = 0; t && i < t->n; i++)
        trn_fd_close(t->one[i].fd);
    free(t);
    return NULL;
}

static bool can_be_tried(const struct trn_act_host *h)
{
    return trn_host_role_of(h) == TRN_HOST_MANAGER && h->prefix == (h->family == 4 ? 32 : 128);
}

static int start(struct one *o)
{
    union address to;
    socklen_t n = address_of(o->host->family, o->host->address, o->host->port, &to);
    o->fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (o->fd < 0 || (connect(o->fd, &to.any, n) < 0 && errno != EINPROGRESS))
        return -errno;
    return 0;
}

static struct trn_host_try *begin(const struct trn_act_host *hosts, uint32_t n)
{
    struct trn_host_try *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->until_mono_ns = trn_mono_ns() + GIVE_UP_NS;
    for (uint32_t i = 0; i < n && t->n < TRIED_MAX; i++) {
        if (!can_be_tried(&hosts[i]))
            continue;
        struct one *o = &t->one[t->n++];
        *o = (struct one){.host = &hosts[i], .fd = -1};
        o->code = start(o);
    }
    return t;
}

/* 0: it answers (a refusal is an answer: the way is open); -EAGAIN; why not. */
static int look(struct one *o, bool *ret_refused)
{
    int code = 0;
    socklen_t n = sizeof code;
    union address peer;
    socklen_t peer_n = sizeof peer;
    if (o->code < 0 && o->code != -ECONNREFUSED)
        return o->code;
    if (o->code == 0 && getsockopt(o->fd, SOL_SOCKET, SO_ERROR, &code, &n) == 0 && code)
        o->code = -code;
    *ret_refused = o->code == -ECONNREFUSED;
    if (o->code < 0)
        return *ret_refused ? 0 : o->code;
    return getpeername(o->fd, &peer.any, &peer_n) == 0 ? 0 : -EAGAIN;
}

int trn_host_try_managers(struct trn_host_try **t, const struct trn_act_host *hosts, uint32_t n, struct trn_buf *seen,
                          struct trn_err *err)
{
    char text[80];
    int code = 0;
    uint32_t waiting = 0;
    if (!*t)
        *t = begin(hosts, n);
    if (!*t)
        return trn_fail(err, -ENOMEM, "out of memory");
    if ((*t)->n == 0)
        return 0;
    TRN_AUTO(trn_buf_done) struct trn_buf first;
    trn_buf_init(&first, 256);
    for (uint32_t i = 0; i < (*t)->n; i++) {
        struct one *o = &(*t)->one[i];
        bool refused = false;
        int r = look(o, &refused);
        if (r == 0) {
            trn_put_c(seen, "; manager ");
            trn_host_put(seen, o->host);
            trn_put_c(seen, refused ? " can be reached, but refuses the connection" : " answers");
            return 0;
        }
        waiting += r == -EAGAIN;
        code = r == -EAGAIN ? code : r;
        if (i == 0)
            trn_host_put(&first, o->host);
    }
    if (waiting && trn_mono_ns() < (*t)->until_mono_ns)
        return -EAGAIN;
    code = code ? code : -ETIMEDOUT;
    trn_escape_into(text, sizeof text, trn_buf_str(&first));
    trn_fail(err, code, "the machine is isolated, but manager '%s'%s does not answer: %s", text,
             (*t)->n > 1 ? " (and no other)" : "", trn_errno_name(code));
    trn_hint(err, "was it reachable before? undo, or wait for the timer; nobody may be able to confirm from there");
    return code;
}
