// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Overview: packets of the scope's sockets: DNS, and the first one of a connected UDP socket. They are
 * handled in softirq, so the owner comes from the socket's note.
 */
#include "network.bpf.h"

/* --- UDP packets of the scope's sockets: DNS, and the first one of a connected socket --- */

struct packet {
    __u32 udp; /* offset of the UDP header */
    __u8 family;
    __u8 local[16], remote[16];
};

/* Reads the addresses; false for what is not plain UDP (extension headers are not followed). */
static __always_inline bool read_packet(struct __sk_buff *skb, bool egress, struct packet *p)
{
    __u8 head[40] = {};

    if (skb->protocol == bpf_htons(0x0800)) {
        if (bpf_skb_load_bytes(skb, 0, head, 20) != 0 || head[9] != IPPROTO_UDP)
            return false;
        p->udp = (__u32)(head[0] & 15) * 4;
        p->family = AF_INET;
        __builtin_memcpy(egress ? p->local : p->remote, head + 12, 4);
        __builtin_memcpy(egress ? p->remote : p->local, head + 16, 4);
        return true;
    }
    if (skb->protocol == bpf_htons(0x86dd)) {
        if (bpf_skb_load_bytes(skb, 0, head, 40) != 0 || head[6] != IPPROTO_UDP)
            return false;
        p->udp = 40;
        p->family = AF_INET6;
        __builtin_memcpy(egress ? p->local : p->remote, head + 8, 16);
        __builtin_memcpy(egress ? p->remote : p->local, head + 24, 16);
        return true;
    }
    return false;
}

static __always_inline struct note *packet_note(struct __sk_buff *skb)
{
    struct bpf_sock *sk = skb->sk;

    if (sk)
        sk = bpf_sk_fullsock(sk);
    return sk ? bpf_sk_storage_get(&notes, sk, 0, 0) : 0;
}

static __always_inline void first_packet(struct __sk_buff *skb, struct note *note, const struct packet *p,
                                         const __u16 udp[4])
{
    struct trn_wire_net *r;

    note->role = 0;
    r = net_begin(TRN_WIRE_SEND, note);
    if (!r)
        return;
    r->cookie = bpf_get_socket_cookie(skb);
    r->protocol = IPPROTO_UDP;
    r->family = p->family;
    r->local_port = bpf_ntohs(udp[0]);
    r->remote_port = bpf_ntohs(udp[1]);
    __builtin_memcpy(r->local, p->local, sizeof(p->local));
    __builtin_memcpy(r->remote, p->remote, sizeof(p->remote));
    net_end(r);
}

_Static_assert((TRN_WIRE_DNS_MAX & (TRN_WIRE_DNS_MAX - 1)) == 0, "a mask bounds the copy of a DNS packet");

static __always_inline void dns_packet(struct __sk_buff *skb, bool egress, struct note *note, const struct packet *p,
                                       const __u16 udp[4])
{
    __u32 payload = p->udp + 8, length;
    struct trn_wire_dns *r;

    if (note ? note_is_left_out(note, TRN_WIRE_LOST_DNS) : over_share(0, 0, TRN_WIRE_LOST_DNS))
        return;
    r = bpf_ringbuf_reserve(&network_ring, sizeof(*r), 0);
    if (!r) {
        count_loss(TRN_WIRE_LOST_DNS);
        return;
    }
    fill_head(&r->head, TRN_WIRE_DNS, sizeof(*r));
    /* A socket without a note is older than we are: its packets are told, without an owner. */
    r->head.tgid = note ? note->tgid : 0;
    r->head.tid = note ? note->tid : 0;
    r->head.start = note ? note->start : 0;
    r->cookie = bpf_get_socket_cookie(skb);
    r->local_port = bpf_ntohs(udp[egress ? 0 : 1]);
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
    /* Says 1 to the maximum once more: the verifier of 6.1 forgets a lower bound that the compiler folded into the upper. */
    barrier_var(length);
    length = ((length - 1) & (TRN_WIRE_DNS_MAX - 1)) + 1;
    if (bpf_skb_load_bytes(skb, payload, r->payload, length) != 0)
        length = 0;
    r->payload_len = (__u16)length;
    bpf_ringbuf_submit(r, wakeup_flags(&network_ring));
}

static __always_inline int udp_packet(struct __sk_buff *skb, bool egress)
{
    struct packet p = {};
    struct note *note = 0;
    __u16 udp[4];
    bool dns;

    if (!read_packet(skb, egress, &p) || bpf_skb_load_bytes(skb, p.udp, udp, sizeof(udp)) != 0)
        return 1;
    dns = bpf_ntohs(udp[egress ? 1 : 0]) == DNS_PORT && skb->len >= p.udp + sizeof(udp) + 12;
    if (egress || dns)
        note = packet_note(skb);
    if (egress && note && note->role == NOTE_AIMED)
        first_packet(skb, note, &p, udp);
    if (dns)
        dns_packet(skb, egress, note, &p, udp);
    return 1;
}

SEC("cgroup_skb/egress")
int on_egress(struct __sk_buff *skb)
{
    return udp_packet(skb, true);
}

SEC("cgroup_skb/ingress")
int on_ingress(struct __sk_buff *skb)
{
    return udp_packet(skb, false);
}
