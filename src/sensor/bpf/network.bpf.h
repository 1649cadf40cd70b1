/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Overview: what the programs about sockets share: the note that each socket carries, the network
 * ring, and the beginning of a record. The maps are defined in network.bpf.c.
 */
#ifndef TRN_SENSOR_NETWORK_BPF_H
#define TRN_SENSOR_NETWORK_BPF_H

#include "common.bpf.h"
#include "limits.bpf.h"

#include <bpf/bpf_endian.h>

#define AF_INET 2
#define AF_INET6 10
#define AF_PACKET 17
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define DNS_PORT 53
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_RAW 255
#define NOTE_DESTINATIONS 4

enum { NOTE_LISTENER = 1, NOTE_INCOMING = 2, NOTE_AIMED = 3 /* connected UDP that has sent nothing yet */ };

/* Where the search for a ClientHello in what a TCP socket sends has come to. */
enum { NOTE_HELLO_NONE = 0, NOTE_HELLO_NOT_FIRST, NOTE_HELLO_TAKING, NOTE_HELLO_DONE };

struct note {
    __u64 start;
    __u64 opened;
    __u32 tgid;
    __u32 tid;
    __u32 uid;
    __u32 role;
    __u32 next;
    __u32 seen[NOTE_DESTINATIONS]; /* hashes of where datagrams went, oldest replaced */
    __u32 round;                   /* of sockets_round, when it was told */
    __u32 hello_seq;               /* TCP sequence number of the next piece */
    __u16 hello_left;              /* TAKING: bytes still to come; NOT_FIRST: segments that were none */
    __u8 hello;
    __u8 quiet; /* in the sums of repeat.bpf.h; no records */
    struct limits limits;
};

struct notes_map {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
    __type(key, int);
    __type(value, struct note);
};

struct network_ring_map {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1 << 22); /* a fifth of a second at 200,000 records a second: the reader may be kept waiting */
};

extern struct notes_map notes SEC(".maps");
extern struct network_ring_map network_ring SEC(".maps");

/* One higher for each time that turncoatd lists the sockets: a socket that was told since then is not told again. */
extern __u32 sockets_round;

static __always_inline void sign_for(struct note *note, struct task_struct *task)
{
    note->tgid = (__u32)GET(task, tgid);
    note->tid = (__u32)GET(task, pid);
    note->start = GET(task, group_leader, start_boottime);
    note->uid = GET(task, cred, uid.val);
    note->opened = bpf_ktime_get_boot_ns();
    note->round = sockets_round;
    note->hello = NOTE_HELLO_NONE;
    note->hello_left = 0;
    note->quiet = 0;
    limits_sign(&note->limits, task);
}

static __always_inline void sign(struct note *note)
{
    sign_for(note, current_task());
}

static __always_inline void net_fill(struct trn_wire_net *r, __u16 type, const struct note *note)
{
    __builtin_memset(r, 0, sizeof(*r));
    fill_head(&r->head, type, sizeof(*r));
    r->head.tgid = note->tgid;
    r->head.tid = note->tid;
    r->head.start = note->start;
    r->uid = note->uid;
    r->opened = note->opened;
    r->incoming = note->role == NOTE_INCOMING;
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
    net_fill(r, type, note);
    return r;
}

static __always_inline void net_end(struct trn_wire_net *r)
{
    bpf_ringbuf_submit(r, wakeup_flags(&network_ring));
}

/* The ends of a TCP, UDP or raw socket, as the kernel's own structures have them. */
static __always_inline void fill_ends(struct trn_wire_net *r, struct sock *sk)
{
    r->family = (__u8)BPF_CORE_READ(sk, __sk_common.skc_family);
    /* Not skc_num, which is already 0 when a socket closes. */
    r->local_port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
    r->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
    if (r->family == AF_INET6) {
        BPF_CORE_READ_INTO(&r->local, sk, __sk_common.skc_v6_rcv_saddr);
        BPF_CORE_READ_INTO(&r->remote, sk, __sk_common.skc_v6_daddr);
    } else {
        BPF_CORE_READ_INTO((__u32 *)r->local, sk, __sk_common.skc_rcv_saddr);
        BPF_CORE_READ_INTO((__u32 *)r->remote, sk, __sk_common.skc_daddr);
    }
}

#endif
