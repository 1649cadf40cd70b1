// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Overview: connections, listening and first datagrams. Owns the network ring and the note that
 * each socket carries: who opened it. Packets and state changes are often handled in softirq, on
 * behalf of any task, so there the owner comes from the note and never from the current task; a
 * socket without a note is out of scope.
 *
 * The note of a listening socket is cloned into each connection it accepts (BPF_F_CLONE), so an
 * accepted connection belongs to the process that called listen.
 */
#include "repeat.bpf.h"

#define SOCK_DONE 1 /* enum sock_flags: a FIN came in */

struct notes_map notes SEC(".maps");
struct network_ring_map network_ring SEC(".maps");
__u32 sockets_round = 0;

/* --- what the process asks for: cgroup hooks, in its own context --- */

/* The note of this socket, made when it has none; NULL, counted, when the kernel has no memory for it. */
static __always_inline struct note *note_made(void *holder)
{
    struct note *note = bpf_sk_storage_get(&notes, holder, 0, BPF_SK_STORAGE_GET_F_CREATE);

    if (!note)
        count_loss(TRN_WIRE_LOST_NETWORK);
    return note;
}

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

static __always_inline void repeat_asked(struct bpf_sock_addr *ctx, bool six, struct note *note)
{
    struct trn_repeat_key key = {};

    repeat_key(&key, note, six ? AF_INET6 : AF_INET, (__u16)ctx->user_port);
    if (six) {
        __u32 a[4] = {ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3]};

        __builtin_memcpy(key.remote, a, sizeof(a));
    } else {
        __u32 a = ctx->user_ip4;

        __builtin_memcpy(key.remote, &a, sizeof(a));
    }
    repeat_begins(note, &key, 0);
}

static __always_inline int asked_to_connect(struct bpf_sock_addr *ctx, bool six)
{
    struct bpf_sock *sk = ctx->sk;
    struct trn_wire_net *r;
    struct note *note;

    if (!sk)
        return 1;
    note = note_made(sk);
    if (!note)
        return 1;
    sign(note);
    if (ctx->protocol == IPPROTO_UDP) {
        /* Nothing leaves yet, and often never: resolvers connect only to learn their own address. */
        note->role = NOTE_AIMED;
        return 1;
    }
    if (ctx->protocol == IPPROTO_TCP) {
        repeat_asked(ctx, six, note);
        if (note->quiet)
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
    note = note_made(sk);
    if (!note)
        return 1;
    if (note->tgid == 0)
        sign(note);
    else if (note->tgid == (__u32)GET(current_task(), tgid)) /* its user now, not when the socket was made */
        note->uid = GET(current_task(), cred, uid.val);
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

/* A socket that receives from now on, by the process that asks. */
static __always_inline struct trn_wire_net *listen_begin(struct bpf_sock *ctx)
{
    struct trn_wire_net *r;
    struct note *note = note_made(ctx);

    if (!note)
        return 0;
    sign(note);
    r = net_begin(TRN_WIRE_LISTEN, note);
    if (r)
        r->cookie = bpf_get_socket_cookie(ctx);
    return r;
}

/* UDP only: a TCP socket that is bound tells nothing before it listens or connects. */
static __always_inline int bound(struct bpf_sock *ctx, bool six)
{
    struct trn_wire_net *r;

    if (ctx->type != SOCK_DGRAM)
        return 1;
    r = listen_begin(ctx);
    if (!r)
        return 1;
    r->protocol = (__u8)ctx->protocol;
    r->local_port = (__u16)ctx->src_port;
    r->family = six ? AF_INET6 : AF_INET;
    if (six) {
        __u32 a[4] = {ctx->src_ip6[0], ctx->src_ip6[1], ctx->src_ip6[2], ctx->src_ip6[3]};

        __builtin_memcpy(r->local, a, sizeof(a));
    } else {
        __u32 a = ctx->src_ip4;

        __builtin_memcpy(r->local, &a, sizeof(a));
    }
    net_end(r);
    return 1;
}

SEC("cgroup/post_bind4")
int on_bind4(struct bpf_sock *ctx)
{
    return bound(ctx, false);
}

SEC("cgroup/post_bind6")
int on_bind6(struct bpf_sock *ctx)
{
    return bound(ctx, true);
}

/* A raw socket receives from the moment it is made, and what it sends carries headers of its own. */
SEC("cgroup/sock_create")
int on_sock_create(struct bpf_sock *ctx)
{
    struct trn_wire_net *r;

    if (ctx->type != SOCK_RAW)
        return 1;
    r = listen_begin(ctx);
    if (!r)
        return 1;
    r->family = (__u8)ctx->family;
    r->protocol = IPPROTO_RAW;
    r->flags = TRN_WIRE_NET_RAW;
    net_end(r);
    return 1;
}

/* --- what becomes of it: TCP state changes, in any context --- */

/* Payload bytes. The kernel counts a FIN that came in as one byte. */
static __always_inline void count_bytes(struct tcp_sock *tcp, __u64 *out, __u64 *in)
{
    struct sock *sk = (struct sock *)tcp;

    *out = GET(tcp, bytes_sent) - GET(tcp, bytes_retrans);
    *in = GET(tcp, bytes_received);
    if (*in > 0 && (GET(sk, __sk_common.skc_flags) & (1 << SOCK_DONE)))
        (*in)--;
}

static __always_inline void copy_address(__u8 *to, const struct in6_addr *from)
{
#ifdef TRN_COMPAT
    bpf_core_read(to, 16, from);
#else
    __u32 a[4] = {from->in6_u.u6_addr32[0], from->in6_u.u6_addr32[1], from->in6_u.u6_addr32[2],
                  from->in6_u.u6_addr32[3]};

    __builtin_memcpy(to, a, sizeof(a));
#endif
}

/* As fill_ends, with plain loads. */
static __always_inline void fill_tcp_ends(struct trn_wire_net *r, struct tcp_sock *tcp)
{
    struct sock *sk = (struct sock *)tcp;
    struct inet_sock *inet = (struct inet_sock *)tcp;

    r->family = (__u8)GET(sk, __sk_common.skc_family);
    r->local_port = bpf_ntohs(GET(inet, inet_sport));
    r->remote_port = bpf_ntohs(GET(sk, __sk_common.skc_dport));
    if (r->family == AF_INET6) {
        copy_address(r->local, &sk->__sk_common.skc_v6_rcv_saddr);
        copy_address(r->remote, &sk->__sk_common.skc_v6_daddr);
    } else {
        *(__u32 *)r->local = GET(sk, __sk_common.skc_rcv_saddr);
        *(__u32 *)r->remote = GET(sk, __sk_common.skc_daddr);
    }
}

static __always_inline void repeat_socket_key(struct trn_repeat_key *key, const struct note *note, struct tcp_sock *tcp)
{
    struct sock *sk = (struct sock *)tcp;
    struct inet_sock *inet = (struct inet_sock *)tcp;
    __u16 port = note->role == NOTE_INCOMING ? GET(inet, inet_sport) : GET(sk, __sk_common.skc_dport);

    repeat_key(key, note, (__u8)GET(sk, __sk_common.skc_family), port);
    if (key->family == AF_INET6)
        copy_address(key->remote, &sk->__sk_common.skc_v6_daddr);
    else
        *(__u32 *)key->remote = GET(sk, __sk_common.skc_daddr);
}

/* holder: the socket, as this type of program may pass it to the helper. */
static __always_inline struct note *note_of(void *holder, int old, int new)
{
    struct note *note = bpf_sk_storage_get(&notes, holder, 0, 0);

    if (old != BPF_TCP_CLOSE || (new != BPF_TCP_LISTEN && (note || new != BPF_TCP_SYN_SENT)))
        return note;
    /* Both happen in the system call of the process, so here the current task is the owner: whoever
     * calls listen, even on a socket that another has used; and who connects, when the connect hook
     * did not tell (it is missing, or the kernel made the socket for one of MPTCP). */
    if (!in_scope())
        return note;
    note = note_made(holder);
    if (note)
        sign(note);
    return note;
}

/* Asked before the note: most changes are none of these. */
static __always_inline __u16 what_happened(int old, int new)
{
    if (new == BPF_TCP_LISTEN)
        return TRN_WIRE_LISTEN;
    if (new == BPF_TCP_ESTABLISHED && old == BPF_TCP_SYN_SENT)
        return TRN_WIRE_ESTABLISHED;
    if (new == BPF_TCP_ESTABLISHED && old == BPF_TCP_SYN_RECV)
        return TRN_WIRE_ACCEPT;
    if (new == BPF_TCP_CLOSE && old == BPF_TCP_SYN_SENT)
        return TRN_WIRE_FAILED;
    if (new == BPF_TCP_CLOSE && old != BPF_TCP_CLOSE &&old != BPF_TCP_LISTEN &&old != BPF_TCP_SYN_RECV)
        return TRN_WIRE_CLOSE;
    return 0;
}

static __always_inline void accepted(struct note *note, struct tcp_sock *tcp)
{
    struct sock *sk = (struct sock *)tcp;
    struct trn_repeat_key key = {};
    __u8 local[16] = {};

    note->role = NOTE_INCOMING;
    note->opened = bpf_ktime_get_boot_ns();
    note->round = sockets_round;
    repeat_socket_key(&key, note, tcp);
    if (key.family == AF_INET6)
        copy_address(local, &sk->__sk_common.skc_v6_rcv_saddr);
    else
        *(__u32 *)local = GET(sk, __sk_common.skc_rcv_saddr);
    repeat_begins(note, &key, local);
}

static __always_inline void quiet_end(struct note *note, struct tcp_sock *tcp, __u16 type)
{
    struct trn_repeat_key key = {};
    __u64 out, in;

    repeat_socket_key(&key, note, tcp);
    count_bytes(tcp, &out, &in);
    repeat_ends(note, &key, type == TRN_WIRE_FAILED, (__u32)((struct sock *)tcp)->sk_err, out, in);
    note->quiet = 0;
}

#ifdef TRN_COMPAT
/* The hook has made sure that the socket has one. */
#define cookie_of(sk) (__u64) BPF_CORE_READ(sk, __sk_common.skc_cookie.counter)
#define tcp_of(sk) ((struct tcp_sock *)(sk))
#else
#define cookie_of(sk) bpf_get_socket_cookie(sk)
#define tcp_of(sk) bpf_skc_to_tcp_sock(sk)
#endif

static __always_inline void tcp_told(struct sock *sk, struct tcp_sock *tcp, __u16 type, struct note *note)
{
    struct trn_wire_net *r = net_begin(type, note);

    if (!r)
        return;
    fill_tcp_ends(r, tcp);
    r->protocol = IPPROTO_TCP;
    r->cookie = cookie_of(sk);
    if (type == TRN_WIRE_CLOSE)
        count_bytes(tcp, &r->bytes_out, &r->bytes_in);
    if (type == TRN_WIRE_FAILED)
        r->error = (__u32)sk->sk_err;
    net_end(r);
}

static __always_inline void tcp_changed(void *holder, struct sock *sk, int old, int new)
{
    __u16 type = what_happened(old, new);
    struct tcp_sock *tcp;
    struct note *note;

    if (type == 0 && new != BPF_TCP_SYN_SENT)
        return;
    note = note_of(holder, old, new);
    if (!note || type == 0)
        return;
    tcp = tcp_of(sk);
    if (!tcp)
        return;
    if (type == TRN_WIRE_LISTEN)
        note->role = NOTE_LISTENER;
    if (type == TRN_WIRE_ACCEPT && note->role == NOTE_LISTENER)
        accepted(note, tcp);
    if (!note->quiet)
        tcp_told(sk, tcp, type, note);
    else if (type == TRN_WIRE_CLOSE || type == TRN_WIRE_FAILED)
        quiet_end(note, tcp, type);
}

#ifndef TRN_COMPAT
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_tcp_state, struct sock *sk, int old, int new)
{
    if (sk->sk_protocol == IPPROTO_TCP)
        tcp_changed(sk, sk, old, new);
    return 0;
}
#else
/*
 * Before 5.11 a tracepoint cannot reach a socket's note, so TCP's own cgroup hook tells the states. It
 * is asked at connect, listen and at the end of a handshake; the flag has it called at each change.
 */
SEC("sockops")
int on_tcp_state(struct bpf_sock_ops *ctx)
{
    struct bpf_sock *holder = ctx->sk;
    int old = BPF_TCP_CLOSE, new;
    struct tcp_sock *tcp;

    if (!holder)
        return 1;
    switch (ctx->op) {
    case BPF_SOCK_OPS_STATE_CB:
        old = (int)ctx->args[0];
        new = (int)ctx->args[1];
        break;
    case BPF_SOCK_OPS_TCP_CONNECT_CB:
        new = BPF_TCP_SYN_SENT;
        break;
    case BPF_SOCK_OPS_TCP_LISTEN_CB:
        new = BPF_TCP_LISTEN;
        break;
    case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB: /* the change itself comes next, to the flag */
        new = BPF_TCP_CLOSE;
        break;
    default:
        return 1;
    }
    if (ctx->op != BPF_SOCK_OPS_STATE_CB)
        bpf_sock_ops_cb_flags_set(ctx, (int)ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
    tcp = bpf_skc_to_tcp_sock(holder);
    if (!tcp || new == old)
        return 1;
    bpf_get_socket_cookie(ctx);
    tcp_changed(holder, (struct sock *)tcp, old, new);
    return 1;
}
#endif
