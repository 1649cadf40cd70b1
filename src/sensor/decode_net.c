/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: network and DNS records to events. The source is who opened the connection, the
 * destination who was called, whichever of them is our process. An IPv4 address that a socket of
 * IPv6 carries (::ffff:a.b.c.d) is told as IPv4.
 */
#include "sensor/reader.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "formats/formats.h"
#include "sensor/bpf/wire.h"

struct wire_ends {
    uint8_t family; /* AF_INET, AF_INET6 */
    bool incoming;
    uint16_t local_port, remote_port;
    uint8_t local[16], remote[16];
};

static bool is_mapped(const uint8_t a[16])
{
    static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    return memcmp(a, prefix, sizeof(prefix)) == 0;
}

static bool is_zero(const uint8_t a[16])
{
    static const uint8_t zero[16];

    return memcmp(a, zero, sizeof(zero)) == 0;
}

/* What is not mapped is the unspecified address, and stays it. */
static void as_four(uint8_t a[16])
{
    if (is_mapped(a))
        memmove(a, a + 12, 4);
    memset(a + 4, 0, 12);
}

static void put_ends(const struct wire_ends *w, struct trn_ev_net *net)
{
    uint8_t local[16], remote[16];
    bool four = w->family == AF_INET;

    memcpy(local, w->local, sizeof(local));
    memcpy(remote, w->remote, sizeof(remote));
    if (!four && (is_mapped(remote) || (is_mapped(local) && is_zero(remote)))) {
        four = true;
        as_four(remote);
        as_four(local);
    }
    net->family = four ? 4 : 6;
    memcpy(w->incoming ? net->dst : net->src, local, sizeof(local));
    memcpy(w->incoming ? net->src : net->dst, remote, sizeof(remote));
    /* Before a connection is up, its own end is not known. */
    if (w->local_port != 0 || !is_zero(local))
        *(w->incoming ? &net->dst_port : &net->src_port) = w->local_port;
    *(w->incoming ? &net->src_port : &net->dst_port) = w->remote_port;
}

static bool read_addresses(struct trn_cursor *c, struct wire_ends *w, bool may_be_packet)
{
    bool ok = trn_cur_copy(c, w->local, sizeof(w->local));

    ok = trn_cur_copy(c, w->remote, sizeof(w->remote)) && ok;
    return ok && (w->family == AF_INET || w->family == AF_INET6 || (may_be_packet && w->family == AF_PACKET));
}

static enum trn_action action_of(uint16_t wire)
{
    switch (wire) {
    case TRN_WIRE_ESTABLISHED:
    case TRN_WIRE_ACCEPT:
        return TRN_ACT_ESTABLISHED;
    case TRN_WIRE_FAILED:
        return TRN_ACT_FAILED;
    case TRN_WIRE_CLOSE:
    case TRN_WIRE_LISTEN:
        return TRN_ACT_NONE;
    default:
        return TRN_ACT_ATTEMPTED;
    }
}

/* A raw socket has no port, and one on the wire itself not even an address. */
static void put_listening(const struct wire_ends *w, bool raw, struct trn_ev_net *net)
{
    struct wire_ends own = *w;

    own.incoming = false; /* the listening side is the source */
    if (w->family == AF_PACKET)
        return;
    put_ends(&own, net);
    net->dst_port = TRN_NO_U32;
    net->src_port = raw || w->local_port == 0 ? TRN_NO_U32 : w->local_port;
}

uint16_t trn_repeated_what(struct trn_cursor c)
{
    uint16_t what;

    trn_cur_skip(&c, offsetof(struct trn_wire_repeated, what) - sizeof(struct trn_wire_header));
    what = trn_cur_u16le(&c);
    return what == TRN_WIRE_CONNECT || what == TRN_WIRE_FAILED || what == TRN_WIRE_ACCEPT || what == TRN_WIRE_CLOSE
               ? what
               : 0;
}

/* One record for many: the port of the calling side is none, and what the kernel's map forgot has no place. */
static void put_repeated(struct trn_cursor *c, const struct wire_ends *w, struct trn_ev_net *net)
{
    net->since_boot_ns = trn_cur_u64le(c);
    net->count = trn_cur_u32le(c);
    trn_cur_skip(c, 4); /* what, which is known, and nothing */
    net->socket = 0;
    net->src_port = TRN_NO_U32;
    if ((w->incoming ? w->local_port : w->remote_port) == 0)
        net->dst_port = TRN_NO_U32;
}

int trn_decode_net(struct trn_cursor *c, const struct trn_wire_head *h, struct trn_event *ev)
{
    uint16_t type = h->type == TRN_WIRE_REPEATED ? trn_repeated_what(*c) : h->type;
    struct trn_ev_net *net = &ev->net;
    struct wire_ends w = {0};
    uint64_t out, in;
    uint32_t error;
    uint8_t flags;

    net->socket = trn_cur_u64le(c);
    out = trn_cur_u64le(c);
    in = trn_cur_u64le(c);
    (void)trn_cur_u64le(c); /* when it was opened: the engine knows from the socket's first event */
    ev->uid = trn_cur_u32le(c);
    error = trn_cur_u32le(c);
    w.local_port = trn_cur_u16le(c);
    w.remote_port = trn_cur_u16le(c);
    w.family = trn_cur_u8(c);
    net->proto = trn_cur_u8(c);
    w.incoming = trn_cur_u8(c) != 0;
    flags = trn_cur_u8(c);
    if (!read_addresses(c, &w, type == TRN_WIRE_LISTEN))
        return -EBADMSG;
    if (flags & TRN_WIRE_NET_EXISTING)
        ev->flags |= TRN_EVF_EXISTING;
    if (type == TRN_WIRE_LISTEN)
        put_listening(&w, (flags & TRN_WIRE_NET_RAW) != 0, net);
    else
        put_ends(&w, net);
    if (h->type == TRN_WIRE_REPEATED)
        put_repeated(c, &w, net);
    ev->action = (uint16_t)action_of(type);
    if (type == TRN_WIRE_CLOSE) {
        net->bytes_out = out;
        net->bytes_in = in;
    }
    if (type == TRN_WIRE_FAILED)
        net->error = (int32_t)(error & 0xfff);
    return trn_cur_end(c) ? 0 : -EBADMSG;
}

/* The question of a cut or damaged message may still be readable; what is not is flagged. */
int trn_decode_dns_message(struct trn_str message, bool cut, struct trn_arena *arena, struct trn_event *ev)
{
    struct trn_cursor c = trn_cur_of(message);
    struct trn_dns dns = {0};
    int r = trn_dns_parse(&c, arena, &dns);

    if (r == -ENOMEM)
        return r;
    if (cut || r != 0 || dns.cut)
        ev->flags |= TRN_EVF_NET_RAW;
    if (r != 0)
        return 0;
    ev->dns.name = dns.name;
    ev->dns.qtype = dns.qtype;
    ev->action = dns.answer ? TRN_ACT_ANSWER : TRN_ACT_QUESTION;
    if (dns.answer) {
        ev->dns.rcode = dns.rcode;
        ev->dns.answers = dns.answers;
    }
    return 0;
}

int trn_decode_dns(struct trn_cursor *c, struct trn_arena *arena, struct trn_event *ev)
{
    struct trn_ev_net *net = &ev->dns.net;
    struct wire_ends w = {0};
    uint16_t kept, full;
    struct trn_str payload;
    bool answer;

    net->socket = trn_cur_u64le(c);
    w.local_port = trn_cur_u16le(c);
    w.remote_port = trn_cur_u16le(c);
    kept = trn_cur_u16le(c);
    full = trn_cur_u16le(c);
    w.family = trn_cur_u8(c);
    answer = trn_cur_u8(c) != 0;
    trn_cur_skip(c, 6);
    if (!read_addresses(c, &w, false) || kept > TRN_WIRE_DNS_MAX)
        return -EBADMSG;
    payload = trn_cur_bytes(c, kept);
    trn_cur_skip(c, TRN_WIRE_DNS_MAX - kept);
    if (!trn_cur_end(c))
        return -EBADMSG;
    net->proto = IPPROTO_UDP;
    put_ends(&w, net); /* the asker is the source in both directions */
    ev->action = answer ? TRN_ACT_ANSWER : TRN_ACT_QUESTION;
    return trn_decode_dns_message(payload, kept < full, arena, ev);
}

int trn_decode_piece_body(struct trn_cursor *c, struct trn_piece *ret, struct trn_event *ev)
{
    struct trn_ev_net *net = ev->type == TRN_EV_TLS ? &ev->tls.net : &ev->dns.net;
    struct wire_ends w = {0};
    struct trn_piece p = {0};
    uint16_t kept;

    p.cookie = net->socket = trn_cur_u64le(c);
    p.seq = trn_cur_u32le(c);
    w.local_port = trn_cur_u16le(c);
    w.remote_port = trn_cur_u16le(c);
    kept = trn_cur_u16le(c);
    w.family = trn_cur_u8(c);
    p.incoming = trn_cur_u8(c) != 0;
    p.first = trn_cur_u8(c) != 0;
    trn_cur_skip(c, 3);
    if (!read_addresses(c, &w, false) || kept > TRN_WIRE_PIECE_MAX)
        return -EBADMSG;
    p.bytes = trn_cur_bytes(c, kept);
    trn_cur_skip(c, TRN_WIRE_PIECE_MAX - kept);
    if (!trn_cur_end(c))
        return -EBADMSG;
    net->proto = IPPROTO_TCP;
    put_ends(&w, net); /* our side began the connection */
    if (ev->type == TRN_EV_DNS)
        ev->action = p.incoming ? TRN_ACT_ANSWER : TRN_ACT_QUESTION;
    *ret = p;
    return 0;
}
