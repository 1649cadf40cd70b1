// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Overview: what packets of the scope's sockets say: DNS over UDP and TCP, the ClientHello of TLS, and
 * the first datagram of a connected UDP socket. They are often handled in softirq, so the owner comes
 * from the socket's note; a socket without one is older than we are or not ours.
 *
 * These two programs run for every packet, so each leaves as early as it can:
 *   coming in     what is not from port 53, by three loads from the packet
 *   going out     of a TCP connection that does not go to port 53, once 8 KiB of it are acknowledged, and before
 *                 that what carries nothing or does not begin as a ClientHello does; of other
 *                 sockets what does not go to port 53 and is not the first datagram of a connected one
 */
#include "network.bpf.h"

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define HEADERS_MAX 4 /* extension headers of IPv6 that are followed */
#define SEGMENT_PIECES_MAX 16
#define HELLO_TRIES 16 /* segments in the clear before it */
#define HELLO_HEAD 9   /* record: type, version, length; message: type, length */
#define RECORD_HANDSHAKE 22
#define CLIENT_HELLO 1

struct packet {
    __u32 l4;                      /* offset of the UDP or TCP header */
    __u32 payload;                 /* offset */
    __u32 length;                  /* of the payload */
    __u32 seq;                     /* TCP: of its first byte */
    __u16 local_port, remote_port; /* network order */
    __u8 protocol, family;
    __u8 local[16], remote[16];
};

/* Hop-by-hop, routing and destination options; a sender may put them before anything. */
static __always_inline void skip_options(struct __sk_buff *skb, struct packet *p)
{
    for (int i = 0; i < HEADERS_MAX; i++) {
        __u8 head[2];

        if ((p->protocol != 0 && p->protocol != 43 && p->protocol != 60) ||
            bpf_skb_load_bytes(skb, p->l4, head, sizeof(head)) != 0)
            return;
        p->protocol = head[0];
        p->l4 += ((__u32)head[1] + 1) * 8;
    }
}

static __always_inline bool read_ip(struct __sk_buff *skb, bool egress, struct packet *p)
{
    __u8 head[40] = {};

    if (skb->protocol == bpf_htons(ETH_P_IP)) {
        if (bpf_skb_load_bytes(skb, 0, head, 20) != 0)
            return false;
        p->l4 = (__u32)(head[0] & 15) * 4;
        p->protocol = head[9];
        p->family = AF_INET;
        __builtin_memcpy(egress ? p->local : p->remote, head + 12, 4);
        __builtin_memcpy(egress ? p->remote : p->local, head + 16, 4);
        return true;
    }
    if (skb->protocol != bpf_htons(ETH_P_IPV6) || bpf_skb_load_bytes(skb, 0, head, 40) != 0)
        return false;
    p->l4 = 40;
    p->protocol = head[6];
    p->family = AF_INET6;
    __builtin_memcpy(egress ? p->local : p->remote, head + 8, 16);
    __builtin_memcpy(egress ? p->remote : p->local, head + 24, 16);
    skip_options(skb, p);
    return true;
}

static __always_inline bool read_ports(struct __sk_buff *skb, bool egress, struct packet *p)
{
    __u16 ports[2];

    if (bpf_skb_load_bytes(skb, p->l4, ports, sizeof(ports)) != 0)
        return false;
    p->local_port = ports[egress ? 0 : 1];
    p->remote_port = ports[egress ? 1 : 0];
    return true;
}

/* Where a segment's payload is. One that only acknowledges has none. */
static __always_inline bool read_segment(struct __sk_buff *skb, struct packet *p)
{
    __u8 head[14]; /* up to the flags */
    __u32 seq;

    if (bpf_skb_load_bytes(skb, p->l4, head, sizeof(head)) != 0)
        return false;
    __builtin_memcpy(&seq, head + 4, sizeof(seq));
    p->seq = bpf_ntohl(seq) + ((head[13] >> 1) & 1); /* a SYN counts as a byte, and may carry data behind it */
    p->payload = p->l4 + (__u32)(head[12] >> 4) * 4;
    p->length = skb->len - p->payload;
    return skb->len > p->payload;
}

static __always_inline struct note *packet_note(struct __sk_buff *skb)
{
    struct bpf_sock *sk = skb->sk;

    if (sk)
        sk = bpf_sk_fullsock(sk);
    return sk ? bpf_sk_storage_get(&notes, sk, 0, 0) : 0;
}

/* A socket without a note: its packets are told, without an owner. */
static __always_inline bool packet_is_left_out(struct note *note, __u32 class)
{
    return note ? note_is_left_out(note, class) : over_share(0, 0, class);
}

static __always_inline void fill_owner(struct trn_wire_header *head, const struct note *note)
{
    head->tgid = note ? note->tgid : 0;
    head->tid = note ? note->tid : 0;
    head->start = note ? note->start : 0;
}

/* --- pieces of a TCP connection --- */

_Static_assert((TRN_WIRE_PIECE_MAX & (TRN_WIRE_PIECE_MAX - 1)) == 0, "a mask bounds the copy of a piece");

/* What is left of a segment. One round a piece, not one after the other, or the verifier follows sixteen. */
struct pieces {
    struct __sk_buff *skb;
    struct note *note;
    const struct packet *p;
    __u32 from, to;
    __u32 class;
    __u16 type;
    bool egress, first;
};

static __always_inline bool put_piece(struct pieces *a)
{
    struct trn_wire_piece *r = bpf_ringbuf_reserve(&network_ring, sizeof(*r), 0);
    const struct packet *p = a->p;
    __u32 length = a->to - a->from;

    if (!r) {
        count_loss(a->class);
        return false;
    }
    fill_head(&r->head, a->type, sizeof(*r));
    fill_owner(&r->head, a->note);
    r->cookie = bpf_get_socket_cookie(a->skb);
    r->seq = p->seq + a->from;
    r->local_port = bpf_ntohs(p->local_port);
    r->remote_port = bpf_ntohs(p->remote_port);
    r->family = p->family;
    r->incoming = !a->egress;
    r->first = a->first;
    __builtin_memset(r->reserved, 0, sizeof(r->reserved));
    __builtin_memcpy(r->local, p->local, sizeof(p->local));
    __builtin_memcpy(r->remote, p->remote, sizeof(p->remote));
    if (length > TRN_WIRE_PIECE_MAX)
        length = TRN_WIRE_PIECE_MAX;
    /* Says 1 to the maximum once more: the verifier of 6.1 forgets a lower bound that the compiler folded into the upper. */
    barrier_var(length);
    length = ((length - 1) & (TRN_WIRE_PIECE_MAX - 1)) + 1;
    if (bpf_skb_load_bytes(a->skb, p->payload + a->from, r->payload, length) != 0)
        length = 0;
    r->payload_len = (__u16)length;
    bpf_ringbuf_submit(r, wakeup_flags(&network_ring));
    return true;
}

static long piece_step(__u32 index, struct pieces *a)
{
    if (a->from >= a->to)
        return 1;
    if (packet_is_left_out(a->note, a->class) || !put_piece(a)) {
        a->from = a->to;
        return 1;
    }
    a->from += TRN_WIRE_PIECE_MAX;
    a->first = false;
    return 0;
}

static __always_inline void put_pieces(struct pieces *a)
{
    BOUNDED_LOOP(SEGMENT_PIECES_MAX, piece_step, a);
    if (a->from < a->to)
        count_loss(a->class);
}

static __always_inline int dns_segment(struct __sk_buff *skb, bool egress, struct packet *p)
{
    struct pieces a = {
        .skb = skb, .p = p, .class = TRN_WIRE_LOST_DNS, .type = TRN_WIRE_DNS_STREAM, .egress = egress, .first = true};

    if (!read_segment(skb, p))
        return 1;
    a.note = packet_note(skb);
    a.to = p->length;
    put_pieces(&a);
    return 1;
}

/* How much of what begins here may be a ClientHello; 0: it is none. */
static __always_inline __u32 hello_length(struct __sk_buff *skb, const struct packet *p, bool may_be_short)
{
    __u8 h[HELLO_HEAD] = {};
    __u32 n = p->length < HELLO_HEAD ? p->length : HELLO_HEAD, record, message;

    if (n == HELLO_HEAD) {
        if (bpf_skb_load_bytes(skb, p->payload, h, HELLO_HEAD) != 0)
            return 0;
    } else {
        /* Bytes one by one: how many there are is not known, and a program may send as few as it likes. */
        for (__u32 i = 0; i < HELLO_HEAD - 1; i++) {
            if (i < n && bpf_skb_load_bytes(skb, p->payload + i, &h[i], 1) != 0)
                return 0;
        }
    }
    if (h[0] != RECORD_HANDSHAKE || (n > 1 && h[1] != 3) || (n > 2 && h[2] > 4) || (n > 5 && h[5] != CLIENT_HELLO))
        return 0;
    if (n < 6 && !may_be_short)
        return 0;
    if (n < HELLO_HEAD)
        return TRN_WIRE_HELLO_MAX;
    record = (__u32)h[3] << 8 | h[4];
    message = ((__u32)h[6] << 16 | (__u32)h[7] << 8 | h[8]) + 4;
    /* A message that goes on in further records: how many bytes that takes is for the reader to find out. */
    return record < message || record + 5 > TRN_WIRE_HELLO_MAX ? TRN_WIRE_HELLO_MAX : record + 5;
}

static __always_inline void no_hello(struct note *note)
{
    note->hello_left++;
    note->hello = note->hello_left < HELLO_TRIES ? NOTE_HELLO_NOT_FIRST : NOTE_HELLO_DONE;
}

/* The hello comes first, or after a few lines in the clear (a proxy's CONNECT, STARTTLS). */
static __always_inline void hello_segment(struct __sk_buff *skb, struct note *note, struct packet *p)
{
    struct pieces a = {
        .skb = skb, .note = note, .p = p, .class = TRN_WIRE_LOST_TLS, .type = TRN_WIRE_TLS, .egress = true};
    bool first = note->hello != NOTE_HELLO_TAKING;
    __u32 from = 0, to, left;

    if (first) {
        left = hello_length(skb, p, note->hello == NOTE_HELLO_NONE);
        if (left == 0) {
            no_hello(note);
            return;
        }
    } else {
        from = note->hello_seq - p->seq;
        left = note->hello_left;
        if (from >= p->length) /* sent again */
            return;
    }
    to = p->length - from > left ? from + left : p->length;
    note->hello_seq = p->seq + to;
    note->hello_left = (__u16)(left - (to - from));
    note->hello = note->hello_left == 0 ? NOTE_HELLO_DONE : NOTE_HELLO_TAKING;
    a.from = from;
    a.to = to;
    a.first = first;
    put_pieces(&a);
}

/* Where the payload of a TCP segment begins; 0: this cannot be told from the first bytes. */
static __always_inline __u32 payload_at(struct __sk_buff *skb)
{
    const __u8 *data = (const __u8 *)(long)skb->data, *end = (const __u8 *)(long)skb->data_end;

    if (data + 40 > end)
        return 0;
    if (data[0] == 0x45 && data[9] == IPPROTO_TCP) /* IPv4 without options */
        return 20 + (__u32)(data[32] >> 4) * 4;
    if (data + 60 > end || data[0] >> 4 != 6 || data[6] != IPPROTO_TCP)
        return 0;
    return 40 + (__u32)(data[52] >> 4) * 4;
}

/* Most segments of most connections are no hello; that is seen by one byte. */
static __always_inline bool begins_otherwise(struct __sk_buff *skb, __u32 payload)
{
    __u8 first;

    return payload != 0 && bpf_skb_load_bytes(skb, payload, &first, 1) == 0 && first != RECORD_HANDSHAKE;
}

static __always_inline int tcp_out(struct __sk_buff *skb, struct bpf_sock *sk, struct bpf_tcp_sock *tcp)
{
    struct packet p = {};
    struct note *note;
    bool dns = sk->dst_port == bpf_htons(DNS_PORT);

    if (!dns) {
        __u32 payload;

        if (tcp->bytes_acked > TRN_WIRE_HELLO_MAX)
            return 1;
        payload = payload_at(skb);
        if (payload != 0 && skb->len <= payload)
            return 1;
        note = packet_note(skb);
        if (!note || note->role == NOTE_INCOMING || note->hello == NOTE_HELLO_DONE)
            return 1;
        if (note->hello != NOTE_HELLO_TAKING && begins_otherwise(skb, payload)) {
            no_hello(note);
            return 1;
        }
    }
    if (!read_ip(skb, true, &p) || p.protocol != IPPROTO_TCP || !read_ports(skb, true, &p))
        return 1;
    if (dns)
        return dns_segment(skb, true, &p);
    if (read_segment(skb, &p))
        hello_segment(skb, note, &p);
    return 1;
}

/* --- datagrams --- */

static __always_inline void first_packet(struct __sk_buff *skb, struct note *note, const struct packet *p)
{
    struct trn_wire_net *r;

    note->role = 0;
    r = net_begin(TRN_WIRE_SEND, note);
    if (!r)
        return;
    r->cookie = bpf_get_socket_cookie(skb);
    r->protocol = p->protocol;
    r->family = p->family;
    r->local_port = bpf_ntohs(p->local_port);
    r->remote_port = bpf_ntohs(p->remote_port);
    __builtin_memcpy(r->local, p->local, sizeof(p->local));
    __builtin_memcpy(r->remote, p->remote, sizeof(p->remote));
    net_end(r);
}

_Static_assert((TRN_WIRE_DNS_MAX & (TRN_WIRE_DNS_MAX - 1)) == 0, "a mask bounds the copy of a DNS packet");

static __always_inline void dns_packet(struct __sk_buff *skb, bool egress, struct note *note, const struct packet *p)
{
    __u32 payload = p->l4 + 8, length;
    struct trn_wire_dns *r;

    if (packet_is_left_out(note, TRN_WIRE_LOST_DNS))
        return;
    r = bpf_ringbuf_reserve(&network_ring, sizeof(*r), 0);
    if (!r) {
        count_loss(TRN_WIRE_LOST_DNS);
        return;
    }
    fill_head(&r->head, TRN_WIRE_DNS, sizeof(*r));
    fill_owner(&r->head, note);
    r->cookie = bpf_get_socket_cookie(skb);
    r->local_port = bpf_ntohs(p->local_port);
    r->remote_port = DNS_PORT;
    r->family = p->family;
    r->answer = !egress;
    __builtin_memset(r->reserved, 0, sizeof(r->reserved));
    __builtin_memcpy(r->local, p->local, sizeof(p->local));
    __builtin_memcpy(r->remote, p->remote, sizeof(p->remote));
    length = skb->len - payload;
    r->full_len = (__u16)length;
    if (length > TRN_WIRE_DNS_MAX)
        length = TRN_WIRE_DNS_MAX;
    barrier_var(length); /* as in put_piece */
    length = ((length - 1) & (TRN_WIRE_DNS_MAX - 1)) + 1;
    if (bpf_skb_load_bytes(skb, payload, r->payload, length) != 0)
        length = 0;
    r->payload_len = (__u16)length;
    bpf_ringbuf_submit(r, wakeup_flags(&network_ring));
}

static __always_inline bool is_dns(struct __sk_buff *skb, const struct packet *p)
{
    return p->protocol == IPPROTO_UDP && p->remote_port == bpf_htons(DNS_PORT) && skb->len >= p->l4 + 8 + 12;
}

/* Whether the other side's port may be 53. What cannot be told from the first bytes may be. */
static __always_inline bool may_be_dns(struct __sk_buff *skb, bool egress)
{
    const __u8 *data = (const __u8 *)(long)skb->data, *end = (const __u8 *)(long)skb->data_end;
    const __u32 port = egress ? 2 : 0; /* in the header of UDP and TCP */

    if (data + 24 > end)
        return true;
    if (data[0] == 0x45) /* IPv4 without options */
        return *(const __u16 *)(data + 20 + port) == bpf_htons(DNS_PORT);
    if (data + 44 > end)
        return true;
    if (data[0] >> 4 == 6 && (data[6] == IPPROTO_TCP || data[6] == IPPROTO_UDP))
        return *(const __u16 *)(data + 40 + port) == bpf_htons(DNS_PORT);
    return true;
}

/* Also what a raw socket sends: there the packet itself says what it is. */
static __always_inline int datagram_out(struct __sk_buff *skb, struct bpf_sock *sk)
{
    bool connected = sk && sk->state == BPF_TCP_ESTABLISHED, dns = may_be_dns(skb, true), aimed;
    struct note *note = connected || dns ? packet_note(skb) : 0;
    struct packet p = {};

    aimed = note && note->role == NOTE_AIMED;
    if (!aimed && !dns)
        return 1;
    if (!read_ip(skb, true, &p) || !read_ports(skb, true, &p))
        return 1;
    dns = is_dns(skb, &p);
    if (aimed)
        first_packet(skb, note, &p);
    if (dns)
        dns_packet(skb, true, note, &p);
    return 1;
}

SEC("cgroup_skb/egress")
int on_egress(struct __sk_buff *skb)
{
    struct bpf_sock *sk = skb->sk;
    struct bpf_tcp_sock *tcp = sk ? bpf_tcp_sock(sk) : 0;

    return tcp ? tcp_out(skb, sk, tcp) : datagram_out(skb, sk);
}

SEC("cgroup_skb/ingress")
int on_ingress(struct __sk_buff *skb)
{
    struct packet p = {};

    if (!may_be_dns(skb, false))
        return 1;
    if (!read_ip(skb, false, &p) || !read_ports(skb, false, &p) || p.remote_port != bpf_htons(DNS_PORT))
        return 1;
    if (p.protocol == IPPROTO_TCP)
        return dns_segment(skb, false, &p);
    if (is_dns(skb, &p))
        dns_packet(skb, false, packet_note(skb), &p);
    return 1;
}
