/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which packets pass while the host is isolated. Must not own: how rules are written down (nft.c), when (host.c).
 *
 * No rule asks for a connection's state: a live session to somebody else stops with its next packet, nothing depends on
 * conntrack, and nothing that a program did before can make a connection look established. Instead, what comes back from
 * a manager must come from its port and must not open a connection.
 *
 *   input       to this machine   \
 *   output      from this machine  > before everybody else's rules: nobody can steer a packet past them
 *   forward     through it: none  /
 *   last        output again, behind address translation: an allowed destination may have become another one
 *
 * What keeps the address alive is let through as narrowly as it works: DHCP only to everybody on the link (a renewal sent
 * to the server itself is dropped; the client then asks by broadcast, in time), neighbours only with a hop limit that no
 * router leaves intact.
 */
#include "response/execute/host.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <linux/if_arp.h>
#include <linux/netfilter.h>

#define BEFORE_ALL (-350) /* behind the putting together of fragments (-400), before conntrack and translation */
#define AFTER_ALL 350     /* behind translation (100) */
#define LEAVE "leave"

enum { ICMP_UNREACHABLE = 3, ICMP_TOO_BIG = 4 };
enum { ICMP6_TOO_BIG = 2, MLD_QUERY = 130, MLD_REPORT, MLD_DONE, MLD2_REPORT = 143 };
enum { ROUTER_ASK = 133, ROUTER_SAY, NEIGHBOUR_ASK, NEIGHBOUR_SAY };

struct side { /* a chain, and where the other end's address and port stand in its packets */
    const char *chain;
    uint8_t address4, address6, port, own_port;
};
static const struct side in = {"input", 12, 8, 0, 2}, out = {LEAVE, 16, 24, 2, 0};

static const uint8_t broadcast[4] = {255, 255, 255, 255};
static const uint8_t dhcp6_servers[16] = {0xff, 0x02, [13] = 1, [15] = 2}; /* ff02::1:2 */
static const uint8_t link6[16] = {0xfe, 0x80}, link6_mask[16] = {0xff, 0xc0};
static const uint8_t groups6[16] = {0xff, 0x02}, groups6_mask[16] = {0xff, 0xff};

const uint8_t trn_host_nowhere4[4] = {192, 0, 2, 1};
const uint8_t trn_host_nowhere6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};

/* ---- who ---- */

enum trn_host_role trn_host_role_of(const struct trn_act_host *h)
{
    switch (h->port) {
    case 0:
        return TRN_HOST_ANY;
    case TRN_HOST_PORT_ADMIN:
        return TRN_HOST_ADMIN;
    case TRN_HOST_PORT_DNS:
        return TRN_HOST_DNS;
    default:
        return TRN_HOST_MANAGER;
    }
}

int trn_host_check(const struct trn_act_host *h, struct trn_err *err)
{
    if (h->family != 4 && h->family != 6)
        return trn_fail(err, -EINVAL, "a host that stays reachable has no address of family 4 or 6");
    if (h->prefix > (h->family == 4 ? 32 : 128))
        return trn_fail(err, -EINVAL, "/%u is no prefix of an IPv%u address", h->prefix, h->family);
    if (h->prefix == 0) {
        int r = trn_fail(err, -EINVAL, "an exception for all addresses is no isolation");
        trn_hint(err, "name the manager's own address, or leave the exception out");
        return r;
    }
    return 0;
}

void trn_host_put(struct trn_buf *out_text, const struct trn_act_host *h)
{
    char text[INET6_ADDRSTRLEN];
    bool bracket = h->family == 6 && h->port;
    if (!inet_ntop(h->family == 4 ? AF_INET : AF_INET6, h->address, text, sizeof text))
        return;
    trn_put_fmt(out_text, "%s%s%s", bracket ? "[" : "", text, bracket ? "]" : "");
    if (h->prefix < (h->family == 4 ? 32 : 128))
        trn_put_fmt(out_text, "/%u", h->prefix);
    if (h->port)
        trn_put_fmt(out_text, ":%u", h->port);
}

/* ---- pieces of rules ---- */

static void match_family(struct trn_nft_batch *b, unsigned family)
{
    trn_nft_rule_meta(b, TRN_NFT_FAMILY, family == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
}

static void match_address(struct trn_nft_batch *b, const struct side *s, unsigned family, const uint8_t *is,
                          const uint8_t *mask)
{
    const struct trn_nft_field f = {.base = TRN_NFT_NETWORK,
                                    .offset = family == 4 ? s->address4 : s->address6,
                                    .len = family == 4 ? 4 : 16};
    match_family(b, family);
    trn_nft_rule_field(b, f, is, mask);
}

static void match_port(struct trn_nft_batch *b, unsigned protocol, uint8_t offset, uint16_t port)
{
    port = htons(port);
    trn_nft_rule_meta(b, TRN_NFT_PROTOCOL, (uint16_t)protocol);
    trn_nft_rule_field(b, (struct trn_nft_field){.base = TRN_NFT_TRANSPORT, .offset = offset, .len = 2}, &port, NULL);
}

/* A SYN without ACK opens a connection. */
static void match_no_opening(struct trn_nft_batch *b)
{
    static const uint8_t syn = 0x02, syn_and_ack = 0x12;
    const struct trn_nft_field flags = {.base = TRN_NFT_TRANSPORT, .offset = 13, .len = 1, .differs = true};
    trn_nft_rule_field(b, flags, &syn, &syn_and_ack);
}

static void match_icmp(struct trn_nft_batch *b, unsigned protocol, const uint8_t *type_code, uint8_t n)
{
    trn_nft_rule_meta(b, TRN_NFT_PROTOCOL, (uint16_t)protocol);
    trn_nft_rule_field(b, (struct trn_nft_field){.base = TRN_NFT_TRANSPORT, .offset = 0, .len = n}, type_code, NULL);
}

static void accept_end(struct trn_nft_batch *b)
{
    trn_nft_rule_verdict(b, TRN_NFT_ACCEPT, NULL);
    trn_nft_rule_end(b);
}

/* ---- rules ---- */

static void begin_host(struct trn_nft_batch *b, const struct side *s, const struct trn_act_host *h, const char *name)
{
    uint8_t mask[16] = {0};
    for (unsigned bit = 0; bit < h->prefix && bit < 128; bit++)
        mask[bit / 8] = (uint8_t)(mask[bit / 8] | 0x80 >> bit % 8);
    trn_nft_rule_begin(b, s->chain, name);
    match_address(b, s, h->family, h->address, h->prefix == (h->family == 4 ? 32 : 128) ? NULL : mask);
}

static void let_host(struct trn_nft_batch *b, const struct side *s, const struct trn_act_host *h)
{
    bool incoming = s == &in;
    switch (trn_host_role_of(h)) {
    case TRN_HOST_ANY:
        begin_host(b, s, h, "host");
        accept_end(b);
        break;
    case TRN_HOST_ADMIN: /* it comes to our port 22; what goes out from there only answers */
        begin_host(b, s, h, "administration");
        match_port(b, IPPROTO_TCP, s->own_port, TRN_HOST_PORT_ADMIN);
        if (!incoming)
            match_no_opening(b);
        accept_end(b);
        break;
    case TRN_HOST_DNS:
    case TRN_HOST_MANAGER:
        begin_host(b, s, h, "host by TCP");
        match_port(b, IPPROTO_TCP, s->port, h->port);
        if (incoming)
            match_no_opening(b);
        accept_end(b);
        begin_host(b, s, h, "host by UDP");
        match_port(b, IPPROTO_UDP, s->port, h->port);
        accept_end(b);
        break;
    }
}

static void let_dhcp(struct trn_nft_batch *b, const struct side *s)
{
    bool incoming = s == &in;
    trn_nft_rule_begin(b, s->chain, "DHCP");
    if (incoming)
        match_family(b, 4);
    else
        match_address(b, s, 4, broadcast, NULL);
    match_port(b, IPPROTO_UDP, s->own_port, 68);
    match_port(b, IPPROTO_UDP, s->port, 67);
    accept_end(b);
    trn_nft_rule_begin(b, s->chain, "DHCPv6");
    match_address(b, s, 6, incoming ? link6 : dhcp6_servers, incoming ? link6_mask : NULL);
    match_port(b, IPPROTO_UDP, s->own_port, 546);
    match_port(b, IPPROTO_UDP, s->port, 547);
    accept_end(b);
}

static void let_neighbours(struct trn_nft_batch *b, const struct side *s, const uint8_t *types, size_t n)
{
    static const uint8_t whole = 255;
    for (size_t i = 0; i < n; i++) {
        trn_nft_rule_begin(b, s->chain, "IPv6 neighbours");
        match_family(b, 6);
        trn_nft_rule_field(b, (struct trn_nft_field){.base = TRN_NFT_NETWORK, .offset = 7, .len = 1}, &whole, NULL);
        match_icmp(b, IPPROTO_ICMPV6, &types[i], 1);
        accept_end(b);
    }
}

/* Switches forward a group's packets only to who reports it, and neighbours are asked by group. */
static void let_groups(struct trn_nft_batch *b, const struct side *s, const uint8_t *types, size_t n)
{
    bool incoming = s == &in;
    for (size_t i = 0; i < n; i++) {
        trn_nft_rule_begin(b, s->chain, "IPv6 groups");
        match_address(b, s, 6, incoming ? link6 : groups6, incoming ? link6_mask : groups6_mask);
        match_icmp(b, IPPROTO_ICMPV6, &types[i], 1);
        accept_end(b);
    }
}

/* Without it connections to a manager behind a narrower link would stall. */
static void let_too_big(struct trn_nft_batch *b)
{
    static const uint8_t four[2] = {ICMP_UNREACHABLE, ICMP_TOO_BIG}, six = ICMP6_TOO_BIG;
    trn_nft_rule_begin(b, in.chain, "too big");
    match_family(b, 4);
    match_icmp(b, IPPROTO_ICMP, four, 2);
    accept_end(b);
    trn_nft_rule_begin(b, in.chain, "too big, IPv6");
    match_family(b, 6);
    match_icmp(b, IPPROTO_ICMPV6, &six, 1);
    accept_end(b);
}

/* What host_try.c sends is counted by itself, but dropped by the same rule as everything else. */
static void count_tried(struct trn_nft_batch *b, unsigned family, const uint8_t *nowhere)
{
    trn_nft_rule_begin(b, out.chain, "tried");
    match_address(b, &out, family, nowhere, NULL);
    match_port(b, IPPROTO_UDP, out.port, TRN_HOST_TRY_PORT);
    trn_nft_rule_count(b, TRN_HOST_COUNT_TRIED);
    trn_nft_rule_end(b);
}

static void drop(struct trn_nft_batch *b, const char *chain, const char *counter)
{
    trn_nft_rule_begin(b, chain, "everything else");
    trn_nft_rule_count(b, counter);
    trn_nft_rule_verdict(b, TRN_NFT_DROP, NULL);
    trn_nft_rule_end(b);
}

/* Nothing on it leaves the machine: local services, and the resolver at 127.0.0.53, go on. */
static void let_loopback(struct trn_nft_batch *b, const struct side *s)
{
    trn_nft_rule_begin(b, s->chain, "loopback");
    trn_nft_rule_meta(b, s == &in ? TRN_NFT_IN_TYPE : TRN_NFT_OUT_TYPE, ARPHRD_LOOPBACK);
    accept_end(b);
}

static void base_chain(struct trn_nft_batch *b, const char *name, enum trn_nft_hook hook, int32_t priority)
{
    trn_nft_put_base_chain(b, name, hook, priority);
    trn_nft_rule_begin(b, name, "its time is over");
    trn_nft_rule_family_in(b, TRN_HOST_HOLDS, true);
    accept_end(b);
}

static void to_leave(struct trn_nft_batch *b, const char *chain)
{
    trn_nft_rule_begin(b, chain, "leave");
    trn_nft_rule_verdict(b, TRN_NFT_GOTO, LEAVE);
    trn_nft_rule_end(b);
}

void trn_host_rules(struct trn_nft_batch *b, const struct trn_act_host *hosts, uint32_t n, uint64_t timeout_ms)
{
    static const uint8_t heard[] = {ROUTER_SAY, NEIGHBOUR_ASK, NEIGHBOUR_SAY};
    static const uint8_t said[] = {ROUTER_ASK, NEIGHBOUR_ASK, NEIGHBOUR_SAY};
    static const uint8_t query[] = {MLD_QUERY}, report[] = {MLD_REPORT, MLD_DONE, MLD2_REPORT};
    static const char *const counters[] = {TRN_HOST_COUNT_IN, TRN_HOST_COUNT_OUT, TRN_HOST_COUNT_FORWARD,
                                           TRN_HOST_COUNT_TRIED};
    trn_nft_put_table(b, true);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(counters); i++)
        trn_nft_put_counter(b, counters[i]);
    trn_nft_put_family_set(b, TRN_HOST_HOLDS);
    trn_nft_put_family(b, TRN_HOST_HOLDS, NFPROTO_IPV4, timeout_ms);
    trn_nft_put_family(b, TRN_HOST_HOLDS, NFPROTO_IPV6, timeout_ms);

    trn_nft_put_chain(b, LEAVE);
    let_loopback(b, &out);
    for (uint32_t i = 0; i < n; i++)
        let_host(b, &out, &hosts[i]);
    let_dhcp(b, &out);
    let_neighbours(b, &out, said, sizeof said);
    let_groups(b, &out, report, sizeof report);
    count_tried(b, 4, trn_host_nowhere4);
    count_tried(b, 6, trn_host_nowhere6);
    drop(b, LEAVE, TRN_HOST_COUNT_OUT);

    base_chain(b, in.chain, TRN_NFT_INPUT, BEFORE_ALL);
    let_loopback(b, &in);
    for (uint32_t i = 0; i < n; i++)
        let_host(b, &in, &hosts[i]);
    let_dhcp(b, &in);
    let_neighbours(b, &in, heard, sizeof heard);
    let_groups(b, &in, query, sizeof query);
    let_too_big(b);
    drop(b, in.chain, TRN_HOST_COUNT_IN);

    base_chain(b, "output", TRN_NFT_OUTPUT, BEFORE_ALL);
    to_leave(b, "output");
    base_chain(b, "last", TRN_NFT_POSTROUTING, AFTER_ALL);
    to_leave(b, "last");
    base_chain(b, "forward", TRN_NFT_FORWARD, BEFORE_ALL);
    drop(b, "forward", TRN_HOST_COUNT_FORWARD);
}

void trn_host_rules_hold(struct trn_nft_batch *b, uint64_t timeout_ms)
{
    static const uint8_t families[] = {NFPROTO_IPV4, NFPROTO_IPV6};
    for (size_t i = 0; i < sizeof families; i++) {
        trn_nft_delete_family(b, TRN_HOST_HOLDS, families[i]);
        trn_nft_put_family(b, TRN_HOST_HOLDS, families[i], timeout_ms);
    }
}
