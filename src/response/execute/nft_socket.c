/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the netlink socket, sending a batch or a question, and saying what the kernel refused. A table with an owner
 * lives as long as this socket: it is close-on-exec, and nobody else may get it.
 * Must not own: messages (nft.c), their bytes on the way back (nft_answer.c).
 *
 * The kernel answers within the send: what is to be read is there when it returns, and what was left over from before
 * can be thrown away without waiting.
 */
#include "response/execute/nft.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>
#include <sys/socket.h>

#define ANSWER_MS 2000
#define QUESTION 0x40000000u /* sequence of questions: never one of a batch */

struct trn_nft {
    struct mnl_socket *s;
    uint8_t buffer[TRN_NFT_ANSWER_MAX];
};

int trn_nft_open(struct trn_nft **ret, struct trn_err *err)
{
    struct trn_nft *n = calloc(1, sizeof *n);
    int on = 1, size = TRN_NFT_BATCH_MAX * 2;
    if (!n)
        return trn_fail(err, -ENOMEM, "out of memory");
    n->s = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (!n->s || mnl_socket_bind(n->s, 0, MNL_SOCKET_AUTOPID) < 0) {
        int code = -errno;
        trn_nft_close(n);
        trn_fail(err, code, "no way to the kernel's packet filter (netlink): %s", trn_errno_name(code));
        trn_hint(err, "the kernel needs CONFIG_NF_TABLES and CONFIG_NF_TABLES_INET");
        return code;
    }
    /* Neither is needed for what is usual; both make what is not fail with a better reason. */
    (void)setsockopt(mnl_socket_get_fd(n->s), SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    (void)mnl_socket_setsockopt(n->s, NETLINK_EXT_ACK, &on, sizeof on);
    (void)mnl_socket_setsockopt(n->s, NETLINK_CAP_ACK, &on, sizeof on);
    *ret = n;
    return 0;
}

struct trn_nft *trn_nft_close(struct trn_nft *n)
{
    if (n && n->s)
        mnl_socket_close(n->s);
    free(n);
    return NULL;
}

static int receive(struct trn_nft *n, struct trn_cursor *ret)
{
    struct sockaddr_nl from = {0};
    struct iovec iov = {n->buffer, sizeof n->buffer};
    struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &iov, .msg_iovlen = 1};
    struct pollfd p = {.fd = mnl_socket_get_fd(n->s), .events = POLLIN};
    for (;;) {
        m.msg_namelen = sizeof from;
        ssize_t got = recvmsg(p.fd, &m, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN) {
            int ready = poll(&p, 1, ANSWER_MS);
            if (ready < 0 && errno != EINTR)
                return -errno;
            if (ready == 0)
                return -ETIMEDOUT;
            continue;
        }
        if (got < 0)
            return -errno;
        /* Anybody may send to a netlink socket: only the kernel is 0. */
        if (m.msg_namelen != sizeof from || from.nl_pid != 0)
            continue;
        if (m.msg_flags & MSG_TRUNC)
            return -EBADMSG;
        *ret = trn_cur(n->buffer, (size_t)got);
        return 0;
    }
}

static int ask(struct trn_nft *n, struct trn_str bytes)
{
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    int fd = mnl_socket_get_fd(n->s);
    while (recv(fd, n->buffer, sizeof n->buffer, MSG_DONTWAIT) >= 0 || errno == ENOBUFS || errno == EINTR)
        ;
    ssize_t sent;
    do {
        sent = sendto(fd, bytes.p, bytes.n, 0, (struct sockaddr *)&kernel, sizeof kernel);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : (size_t)sent == bytes.n ? 0 : -EMSGSIZE;
}

static int refused(const struct trn_nft_batch *b, const struct trn_nft_answer *a, struct trn_err *err)
{
    char name[96], note[96];
    trn_escape_into(note, sizeof note, trn_str_is_none(a->note) ? TRN_STR("") : a->note);
    int r = trn_fail(err, a->code, "the packet filter refuses %s: %s%s%s",
                     trn_nft_batch_name(b, a->sequence, name, sizeof name), trn_errno_name(a->code),
                     note[0] ? ", " : "", note);
    if (a->code == -EPERM)
        trn_hint(err, "turncoatd needs CAP_NET_ADMIN in the machine's own network and user namespace");
    return r;
}

int trn_nft_commit(struct trn_nft *n, struct trn_nft_batch *b, struct trn_err *err)
{
    struct trn_nft_answer a = {0};
    struct trn_cursor c = trn_cur("", 0);
    struct trn_str bytes;
    int r = trn_nft_batch_close(b, &bytes);
    if (r < 0)
        return trn_fail(err, r, "the rules do not fit into one message to the kernel");
    r = ask(n, bytes);
    while (r == 0) {
        r = trn_nft_answer_next(&c, &a);
        if (r == -ENODATA) {
            r = receive(n, &c);
            continue;
        }
        if (r == 0 && a.type == NLMSG_ERROR && a.code < 0 && a.sequence <= b->n_messages)
            return refused(b, &a, err);
        if (r == 0 && a.type == NLMSG_ERROR && a.sequence == b->n_messages)
            return 0;
    }
    return trn_fail(err, r, "no answer from the packet filter: %s", trn_errno_name(r));
}

/* ---- questions ---- */

static struct nlmsghdr *question(void *buffer, unsigned type)
{
    struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
    h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
    h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    h->nlmsg_seq = QUESTION;
    struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof *g);
    g->nfgen_family = NFPROTO_INET;
    g->version = NFNETLINK_V0;
    return h;
}

/* The first answer that is one of type, or the error; views stay good until the next receive. */
static int answer(struct trn_nft *n, const struct nlmsghdr *h, unsigned type, struct trn_nft_answer *ret)
{
    struct trn_nft_answer a = {0};
    struct trn_cursor c = trn_cur("", 0);
    int r = ask(n, (struct trn_str){(const char *)h, h->nlmsg_len});
    while (r == 0) {
        r = trn_nft_answer_next(&c, &a);
        if (r == -ENODATA) {
            r = receive(n, &c);
        } else if (r == 0 && a.sequence == QUESTION && a.type == NLMSG_ERROR) {
            return a.code ? a.code : -ENODATA;
        } else if (r == 0 && a.sequence == QUESTION && a.type == (NFNL_SUBSYS_NFTABLES << 8 | type)) {
            *ret = a;
            return 0;
        }
    }
    return r;
}

int trn_nft_find_table(struct trn_nft *n, const char *table, struct trn_nft_table *ret, struct trn_err *err)
{
    uint8_t buffer[512];
    struct trn_nft_answer a = {0};
    struct nlmsghdr *h = question(buffer, NFT_MSG_GETTABLE);
    if (!mnl_attr_put_strz_check(h, sizeof buffer, NFTA_TABLE_NAME, table))
        return trn_fail(err, -E2BIG, "a table's name is too long");
    int r = answer(n, h, NFT_MSG_NEWTABLE, &a);
    if (r == -ENOENT) {
        *ret = (struct trn_nft_table){0};
        return 0;
    }
    if (r == 0) {
        bool own = a.owner && a.owner == mnl_socket_get_portid(n->s);
        *ret = (struct trn_nft_table){.there = true, .owner = a.owner, .own = own};
        return 0;
    }
    trn_fail(err, r, "the kernel's packet filter does not answer: %s", trn_errno_name(r));
    trn_hint(err, r == -EPERM ? "turncoatd needs CAP_NET_ADMIN in its network namespace"
                              : "the kernel needs CONFIG_NF_TABLES and CONFIG_NF_TABLES_INET");
    return r;
}

int trn_nft_read_counter(struct trn_nft *n, const char *table, const char *counter, uint64_t *ret_packets,
                         struct trn_err *err)
{
    uint8_t buffer[512];
    const uint32_t type = __builtin_bswap32(NFT_OBJECT_COUNTER);
    struct trn_nft_answer a = {0};
    struct nlmsghdr *h = question(buffer, NFT_MSG_GETOBJ);
    if (!mnl_attr_put_strz_check(h, sizeof buffer, NFTA_OBJ_TABLE, table) ||
        !mnl_attr_put_strz_check(h, sizeof buffer, NFTA_OBJ_NAME, counter) ||
        !mnl_attr_put_check(h, sizeof buffer, NFTA_OBJ_TYPE, sizeof type, &type))
        return trn_fail(err, -E2BIG, "a counter's name is too long");
    int r = answer(n, h, NFT_MSG_NEWOBJ, &a);
    if (r == 0 && !a.has_packets)
        r = -EBADMSG;
    if (r < 0)
        return trn_fail(err, r, "counter '%s' of table '%s' cannot be read: %s", counter, table, trn_errno_name(r));
    *ret_packets = a.packets;
    return 0;
}
