// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Overview: connections, listening, first datagrams and DNS. Owns the network ring and the note that
 * each socket carries: who opened it. Packets and state changes are often handled in softirq, on
 * behalf of any task, so there the owner comes from the note and never from the current task; a
 * socket without a note is out of scope.
 *
 * The note of a listening socket is cloned into each connection it accepts (BPF_F_CLONE), so an
 * accepted connection belongs to the process that called listen.
 */
#include "common.bpf.h"
#include "limits.bpf.h"

#include <bpf/bpf_endian.h>

#define AF_INET 2
#define AF_INET6 10
#define DNS_PORT 53
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define NOTE_DESTINATIONS 4
#define SOCK_DONE 1 /* enum sock_flags: a FIN came in */

enum { NOTE_LISTENER = 1, NOTE_INCOMING = 2, NOTE_AIMED = 3 /* connected UDP that has sent nothing yet */ };

struct note {
    __u64 start;
    __u64 opened;
    __u32 tgid;
    __u32 tid;
    __u32 uid;
    __u32 role;
    __u32 next;
    __u32 seen[NOTE_DESTINATIONS]; /* hashes of where datagrams went, oldest replaced */
    __u32 reserved;
    struct limits limits;
};

struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
    __type(key, int);
    __type(value, struct note);
} notes SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1 << 19);
} network_ring SEC(".maps");

static __always_inline void sign(struct note *note)
{
    struct task_struct *task = bpf_get_current_task_btf();

    note->tgid = (__u32)task->tgid;
    note->tid = (__u32)task->pid;
    note->start = task->group_leader->start_boottime;
    note->uid = task->cred->uid.val;
    note->opened = bpf_ktime_get_boot_ns();
    limits_sign(&note->limits, task);
}

static __always_inline bool note_is_left_out(struct note *note, __u32 class)
{
    return is_left_out(&note->limits, note->start, note->tgid, class);
}

static __always_inline struct trn_wire_net *net_begin(__u16 type, struct note *note)
{
    struct trn_wire_net *r;

    if (note_is_left_out(note, TRN_WIRE_LOST_NETWORK))
        return 0;
    r = bpf_ringbuf_reserve(&network_ring, sizeof(*r), 0);
    if (!r) {
        count_loss(TRN_WIRE_LOST_NETWORK);
        return 0;
    }
    __builtin_memset(r, 0, sizeof(*r));
    fill_head(&r->head, type, sizeof(*r));
    r->head.tgid = note->tgid;
    r->head.tid = note->tid;
    r->head.start = note->start;
    r->uid = note->uid;
    r->opened = note->opened;
    r->incoming = note->role == NOTE_INCOMING;
    return r;
}

static __always_inline void net_end(struct trn_wire_net *r)
{
    bpf_ringbuf_submit(r, wakeup_flags(&network_ring));
}

/* --- what the process asks for: cgroup hooks, in its own context --- */

static __always_inline void fill_asked(struct trn_wire_net *r, struct bpf_sock_addr *ctx, bool six)
{
    r->cookie = bpf_get_socket_cookie(ctx);
    r->protocol = (__u8)ctx->protocol;
    r->remote_port = bpf_ntohs((__u16)ctx->user_port);
    r->family = six ? AF_INET6 : AF_INET;
    if (six) {
        __u32 a[4] = {ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3]};

        __builtin_memcpy(r->remote, a, sizeof(a));
    } else {
        __u32 a = ctx->user_ip4;

        __builtin_memcpy(r->remote, &a, sizeof(a));
    }
}

static __always_inline int asked_to_connect(struct bpf_sock_addr *ctx, bool six)
{
    struct bpf_sock *sk = ctx->sk;
    struct trn_wire_net *r;
    struct note *note;

    if (!sk)
        return 1;
    note = bpf_sk_storage_get(&notes, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
    if (!note) {
        count_loss(TRN_WIRE_LOST_NETWORK);
        return 1;
    }
    sign(note);
    if (ctx->protocol == IPPROTO_UDP) {
        /* Nothing leaves yet, and often never: resolvers connect only to learn their own address. */
        note->role = NOTE_AIMED;
        return 1;
    }
    r = net_begin(TRN_WIRE_CONNECT, note);
    if (!r)
        return 1;
    fill_asked(r, ctx, six);
    net_end(r);
    return 1;
}

SEC("cgroup/connect4")
int on_connect4(struct bpf_sock_addr *ctx)
{
    return asked_to_connect(ctx, false);
}

SEC("cgroup/connect6")
int on_connect6(struct bpf_sock_addr *ctx)
{
    return asked_to_connect(ctx, true);
}

/* True the first time; a socket that scatters to more than a few places repeats itself. */
static __always_inline bool first_time(struct note *note, __u32 hash)
{
    for (int i = 0; i < NOTE_DESTINATIONS; i++) {
        if (note->seen[i] == hash)
            return false;
    }
    note->seen[note->next % NOTE_DESTINATIONS] = hash;
    note->next++;
    return true;
}

static __always_inline int asked_to_send(struct bpf_sock_addr *ctx, bool six)
{
    struct bpf_sock *sk = ctx->sk;
    struct trn_wire_net *r;
    struct note *note;
    __u32 hash;

    if (!sk)
        return 1;
    note = bpf_sk_storage_get(&notes, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
    if (!note) {
        count_loss(TRN_WIRE_LOST_NETWORK);
        return 1;
    }
    if (note->tgid == 0)
        sign(note);
    hash = six ? ctx->user_ip6[0] ^ (ctx->user_ip6[1] * 31) ^ (ctx->user_ip6[2] * 961) ^ (ctx->user_ip6[3] * 29791)
               : ctx->user_ip4;
    hash = (hash ^ ((__u32)ctx->user_port << 7)) | 1; /* never the empty slot */
    if (!first_time(note, hash))
        return 1;
    r = net_begin(TRN_WIRE_SEND, note);
    if (!r)
        return 1;
    fill_asked(r, ctx, six);
    net_end(r);
    return 1;
}

SEC("cgroup/sendmsg4")
int on_sendmsg4(struct bpf_sock_addr *ctx)
{
    return asked_to_send(ctx, false);
}

SEC("cgroup/sendmsg6")
int on_sendmsg6(struct bpf_sock_addr *ctx)
{
    return asked_to_send(ctx, true);
}

/* --- what becomes of it: TCP state changes, in any context --- */

static __always_inline void fill_tcp(struct trn_wire_net *r, struct sock *sk)
{
    r->family = (__u8)sk->__sk_common.skc_family;
    r->protocol = IPPROTO_TCP;
    /* Not skc_num, which is already 0 when a socket closes. */
    r->local_port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
    r->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
    r->cookie = bpf_get_socket_cookie(sk);
    if (r->family == AF_INET6) {
        BPF_CORE_READ_INTO(&r->local, sk, __sk_common.skc_v6_rcv_saddr);
        BPF_CORE_READ_INTO(&r->remote, sk, __sk_common.skc_v6_daddr);
    } else {
        BPF_CORE_READ_INTO((__u32 *)r->local, sk, __sk_common.skc_rcv_saddr);
        BPF_CORE_READ_INTO((__u32 *)r->remote, sk, __sk_common.skc_daddr);
    }
}

static __always_inline void fill_bytes(struct trn_wire_net *r, struct sock *sk)
{
    struct tcp_sock *tcp = (struct tcp_sock *)sk;

    /* Payload bytes. The kernel counts a FIN that came in as one byte. */
    r->bytes_out = BPF_CORE_READ(tcp, bytes_sent) - BPF_CORE_READ(tcp, bytes_retrans);
    r->bytes_in = BPF_CORE_READ(tcp, bytes_received);
    if (r->bytes_in > 0 && (BPF_CORE_READ(sk, __sk_common.skc_flags) & (1 << SOCK_DONE)))
        r->bytes_in--;
}

static __always_inline struct note *note_of(struct sock *sk, int old, int new)
{
    struct note *note = bpf_sk_storage_get(&notes, sk, 0, 0);

    if (note || !(old == BPF_TCP_CLOSE && (new == BPF_TCP_LISTEN || new == BPF_TCP_SYN_SENT)))
        return note;
    /* Both happen in the system call of the process, so here the current task is the owner. The
     * second only when the connect hook is missing. */
    if (!in_scope())
        return 0;
    note = bpf_sk_storage_get(&notes, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
    if (note)
        sign(note);
    return note;
}

static __always_inline __u16 what_happened(struct note *note, int old, int new)
{
    if (new == BPF_TCP_LISTEN) {
        note->role = NOTE_LISTENER;
        return 0;
    }
    if (new == BPF_TCP_ESTABLISHED && old == BPF_TCP_SYN_SENT)
        return TRN_WIRE_ESTABLISHED;
    if (new == BPF_TCP_ESTABLISHED && old == BPF_TCP_SYN_RECV) {
        if (note->role == NOTE_LISTENER) {
            note->role = NOTE_INCOMING;
            note->opened = bpf_ktime_get_boot_ns();
        }
        return TRN_WIRE_ACCEPT;
    }
    if (new == BPF_TCP_CLOSE && old == BPF_TCP_SYN_SENT)
        return TRN_WIRE_FAILED;
    if (new == BPF_TCP_CLOSE && old != BPF_TCP_CLOSE &&old != BPF_TCP_LISTEN &&old != BPF_TCP_SYN_RECV)
        return TRN_WIRE_CLOSE;
    return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_tcp_state, struct sock *sk, int old, int new)
{
    struct trn_wire_net *r;
    struct note *note;
    __u16 type;

    if (sk->sk_protocol != IPPROTO_TCP)
        return 0;
    note = note_of(sk, old, new);
    if (!note)
        return 0;
    type = what_happened(note, old, new);
    if (type == 0)
        return 0;
    r = net_begin(type, note);
    if (!r)
        return 0;
    fill_tcp(r, sk);
    if (type == TRN_WIRE_CLOSE)
        fill_bytes(r, sk);
    if (type == TRN_WIRE_FAILED)
        r->error = (__u32)sk->sk_err;
    net_end(r);
    return 0;
}

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
