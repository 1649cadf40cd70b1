// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Overview: sockets that were there before the sensor: walks the descriptors of the scope's processes,
 * signs each socket's note, and writes one record a socket. A socket that several processes hold
 * belongs to the first that is met, which is the one with the lowest process id.
 */
#include "network.bpf.h"

#define SOCK_BINDADDR_LOCK 4
#define SOCK_BINDPORT_LOCK 8

/*
 * The kernel does not remember who began a connection, but it does remember how the port was taken:
 * a bucket of the connecting side alone says -1. One that was bound stays with its own lock, which an
 * accepted socket does not inherit.
 */
static __always_inline bool was_accepted(struct sock *sk)
{
    signed char reuse = BPF_CORE_READ((struct inet_connection_sock *)sk, icsk_bind_hash, fastreuse);

    return reuse >= 0 && !(BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks) & SOCK_BINDPORT_LOCK);
}

static __always_inline __u16 tcp_was(struct sock *sk, struct note *note)
{
    switch (BPF_CORE_READ(sk, __sk_common.skc_state)) {
    case BPF_TCP_LISTEN:
        note->role = NOTE_LISTENER;
        return TRN_WIRE_LISTEN;
    case BPF_TCP_CLOSE:
    case BPF_TCP_SYN_SENT:
    case BPF_TCP_SYN_RECV:
        return 0; /* nothing yet; what becomes of it is told */
    default:
        note->role = was_accepted(sk) ? NOTE_INCOMING : 0;
        return note->role == NOTE_INCOMING ? TRN_WIRE_ACCEPT : TRN_WIRE_ESTABLISHED;
    }
}

static __always_inline __u16 datagram_was(struct sock *sk)
{
    if (BPF_CORE_READ(sk, __sk_common.skc_state) == BPF_TCP_ESTABLISHED)
        return TRN_WIRE_SEND; /* connected; whether it sent is not known */
    return BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks) & (SOCK_BINDADDR_LOCK | SOCK_BINDPORT_LOCK)
               ? TRN_WIRE_LISTEN
               : 0; /* a port that the kernel chose, for sending */
}

static __always_inline __u16 what_it_was(struct sock *sk, struct note *note, __u16 family)
{
    if (family == AF_PACKET || BPF_CORE_READ(sk, sk_type) == SOCK_RAW)
        return TRN_WIRE_LISTEN;
    if (BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP)
        return tcp_was(sk, note);
    return BPF_CORE_READ(sk, sk_type) == SOCK_DGRAM ? datagram_was(sk) : 0;
}

SEC("iter/task_file")
int existing_sockets(struct bpf_iter__task_file *ctx)
{
    struct task_struct *task = ctx->task;
    struct file *file = ctx->file;
    struct trn_wire_net r;
    struct socket *socket;
    struct note *note;
    struct sock *sk;
    __u16 family, type;

    if (!task || !file || !task_in_scope(task))
        return 0;
    socket = bpf_sock_from_file(file);
    sk = socket ? socket->sk : 0;
    if (!sk)
        return 0;
    family = sk->__sk_common.skc_family;
    if (family != AF_INET && family != AF_INET6 && family != AF_PACKET)
        return 0;
    note = bpf_sk_storage_get(&notes, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
    if (!note || note->round == sockets_round)
        return 0;
    if (note->tgid == 0)
        sign_for(note, task);
    note->round = sockets_round;
    note->hello = NOTE_HELLO_DONE; /* its beginning is over */
    note->quiet = 0;               /* told now, so its end is too */
    type = what_it_was(sk, note, family);
    if (type == 0)
        return 0;
    net_fill(&r, type, note);
    r.flags = TRN_WIRE_NET_EXISTING;
    r.cookie = bpf_get_socket_cookie(sk);
    r.family = (__u8)family;
    r.protocol = (__u8)sk->sk_protocol;
    if (family == AF_PACKET || sk->sk_type == SOCK_RAW) {
        r.flags |= TRN_WIRE_NET_RAW;
        r.protocol = IPPROTO_RAW;
    } else {
        fill_ends(&r, sk);
    }
    bpf_seq_write(ctx->meta->seq, &r, sizeof(r));
    return 0;
}
