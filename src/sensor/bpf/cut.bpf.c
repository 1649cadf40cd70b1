// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Overview: the cut (sensor/cut.h): who is marked, and that the marked do not talk to anybody who is not excepted. An
 * object of its own; nothing of it is attached until the first rule.
 *
 * Two questions, asked at different places:
 *   who acts        the current task, in its own system call: connect, send, and packets that leave inside one
 *   whose is it     the note that the socket carries, for packets that come and go in interrupts, where the current task
 *                   is anybody. A socket gets its note when a marked process makes it, uses it, or holds it when the rule
 *                   begins; one that is accepted inherits it from the socket that listens.
 */
#include "common.bpf.h"
#include "limits.bpf.h"

#include "cut.h"

#include <bpf/bpf_endian.h>

#define AF_INET 2
#define AF_INET6 10
#define SOCK_DGRAM 2
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_MPTCP 262
#define HEADERS_MAX 4 /* extension headers of IPv6 that are followed */
#define CLONE_THREAD 0x10000
#define PF_KTHREAD 0x00200000

/* enum in sensor/cut.h */
#define CUT_NETWORK 1u
#define CUT_STANDING_STAYS 4u

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u64 scope_id = 0;
const volatile __u32 scope_level = 0;
const volatile __u32 owner = 0; /* turncoatd: what it ends may say goodbye */

/* Changed while all runs. */
struct trn_cut_rule_row rules[TRN_CUT_NUMBERS] = {};
__u64 refused[TRN_CUT_NUMBERS] = {};
__u64 unmarked = 0;   /* no room for a mark: a process that got away */
__u64 walk_since = 0; /* boot ns: children that are older are somebody else's */
__u32 walk_found = 0; /* marks that the walk has made */
__u32 walk_rule = 0;  /* id whose sockets are looked for */

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, TRN_CUT_MARKS_MAX);
    __type(key, __u32);
    __type(value, struct trn_cut_mark);
} marks SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, TRN_CUT_PROGRAMS_MAX);
    __type(key, struct trn_cut_program_key);
    __type(value, struct trn_cut_program);
} programs SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 4096);
    __type(key, struct trn_cut_except_key);
    __type(value, struct trn_cut_except);
} excepts SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
    __type(key, int);
    __type(value, struct trn_cut_note);
} cut_notes SEC(".maps");

/* ---- rules ---- */

static __always_inline __u32 what_of(__u32 id)
{
    const volatile struct trn_cut_rule_row *row = &rules[id & (TRN_CUT_NUMBERS - 1)];

    return id != 0 && row->id == id ? row->what : 0;
}

static __always_inline bool is_live(__u32 id)
{
    return id != 0 && rules[id & (TRN_CUT_NUMBERS - 1)].id == id;
}

static __always_inline bool has(const __u32 *list, __u32 id)
{
    return list[0] == id || list[1] == id || list[2] == id || list[3] == id;
}

/* Into a slot that is free, or whose rule is over. True when it is new. */
static __always_inline bool add(__u32 *list, __u32 id)
{
    if (!is_live(id) || has(list, id))
        return false;
    for (int i = 0; i < (int)TRN_CUT_SLOTS; i++) {
        if (is_live(list[i]))
            continue;
        list[i] = id;
        return true;
    }
    __sync_fetch_and_add(&unmarked, 1);
    return false;
}

static __always_inline __u32 add_all(__u32 *list, const __u32 *from)
{
    __u32 n = 0;

    for (int i = 0; i < (int)TRN_CUT_SLOTS; i++)
        n += add(list, from[i]);
    return n;
}

static __always_inline bool is_cut(const __u32 *list)
{
    return ((what_of(list[0]) | what_of(list[1]) | what_of(list[2]) | what_of(list[3])) & CUT_NETWORK) != 0;
}

/* ---- who may be talked to ---- */

struct peer {
    __u8 family; /* 4 or 6 */
    __u8 address[16];
    __u16 port;
};

static __always_inline void set_v4(struct peer *p, __u32 address)
{
    __builtin_memset(p->address, 0, sizeof(p->address));
    __builtin_memcpy(p->address, &address, sizeof(address));
    p->family = 4;
}

/* An IPv4 address in the clothes of an IPv6 one is what it is. */
static __always_inline void set_v6(struct peer *p, __u32 a, __u32 b, __u32 c, __u32 d)
{
    __u32 all[4] = {a, b, c, d};

    if (a == 0 && b == 0 && c == bpf_htonl(0xffff)) {
        set_v4(p, d);
        return;
    }
    __builtin_memcpy(p->address, all, sizeof(all));
    p->family = 6;
}

/* Not static: so the verifier follows its loop once, not once for each way that leads here. */
__noinline int is_excepted(__u32 id, const struct peer *p)
{
    struct trn_cut_except_key key = {.rule = id & (TRN_CUT_NUMBERS - 1)};
    struct trn_cut_except *e;

    if (!p)
        return 0;
    key.family = p->family;
    key.bits = TRN_CUT_EXCEPT_HEAD_BITS + (p->family == 4 ? 32 : 128);
    __builtin_memcpy(key.address, p->address, sizeof(key.address));
    e = bpf_map_lookup_elem(&excepts, &key);
    if (!e)
        return 0;
    if (e->n == TRN_CUT_ANY_PORT)
        return 1;
    for (__u32 i = 0; i < TRN_CUT_PORTS; i++) {
        if (i >= e->n)
            return 0;
        if (e->ports[i] == p->port)
            return 1;
    }
    return 0;
}

/* By any of the rules that is in force, is not one of `keep`, and does not except the peer. */
static __always_inline bool refuses(const __u32 *list, const __u32 *keep, const struct peer *p)
{
    for (int i = 0; i < (int)TRN_CUT_SLOTS; i++) {
        __u32 id = list[i];

        if (!(what_of(id) & CUT_NETWORK) || (keep && has(keep, id)) || is_excepted(id, p))
            continue;
        __sync_fetch_and_add(&refused[id & (TRN_CUT_NUMBERS - 1)], 1);
        return true;
    }
    return false;
}

/* ---- marks of processes ---- */

static __always_inline struct trn_cut_mark *mark_by(__u32 tgid, __u64 start)
{
    struct trn_cut_mark *m = bpf_map_lookup_elem(&marks, &tgid);

    return m && m->start_ticks == start / TRN_TICK_NS ? m : 0;
}

static __always_inline struct trn_cut_mark *own_mark(void)
{
    struct task_struct *task = current_task();

    return mark_by((__u32)GET(task, tgid), GET(task, group_leader, start_boottime));
}

/* Returns how many of the rules are new to it. */
static __always_inline __u32 give(__u32 tgid, __u64 start, const __u32 *from)
{
    struct trn_cut_mark *m = mark_by(tgid, start), fresh = {.start_ticks = start / TRN_TICK_NS};
    __u32 n;

    if (m)
        return add_all(m->rule, from);
    n = add_all(fresh.rule, from);
    if (n > 0 && bpf_map_update_elem(&marks, &tgid, &fresh, BPF_ANY) != 0)
        __sync_fetch_and_add(&unmarked, 1);
    return n;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(cut_fork, struct task_struct *task, __u64 flags)
{
    struct trn_cut_mark *m;

    if ((flags & CLONE_THREAD) || !in_scope())
        return 0;
    m = own_mark();
    if (m)
        give((__u32)task->tgid, task->start_boottime, m->rule);
    return 0;
}

static __always_inline struct trn_cut_program *program_of(struct task_struct *task)
{
    struct inode *inode = BPF_CORE_READ(task, mm, exe_file, f_inode);
    struct trn_cut_program_key key = {.inode = BPF_CORE_READ(inode, i_ino), .ctime = inode_ctime(inode)};

    return bpf_map_lookup_elem(&programs, &key);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(cut_exec, struct task_struct *task)
{
    struct trn_cut_program *p;

    if (!in_scope())
        return 0;
    p = program_of(task);
    if (p)
        give((__u32)task->tgid, task->group_leader->start_boottime, p->rule);
    return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(cut_exit, struct task_struct *task)
{
    __u32 tgid = (__u32)task->tgid;

    if (in_scope() && task->signal->live.counter == 0)
        bpf_map_delete_elem(&marks, &tgid);
    return 0;
}

/* What started while the rule was being set: processes of listed programs, and young children of marked ones. */
SEC("iter/task")
int cut_walk(struct bpf_iter__task *ctx)
{
    struct task_struct *task = ctx->task, *parent;
    struct trn_cut_program *p;
    struct trn_cut_mark *m;
    __u64 start;

    if (!task || task->pid != task->tgid || (task->flags & PF_KTHREAD) || !task_in_scope(task))
        return 0;
    start = task->start_boottime;
    p = program_of(task);
    if (p)
        walk_found += give((__u32)task->tgid, start, p->rule);
    parent = BPF_CORE_READ(task, real_parent, group_leader);
    m = mark_by((__u32)BPF_CORE_READ(parent, tgid), BPF_CORE_READ(parent, start_boottime));
    if (m && start >= walk_since)
        walk_found += give((__u32)task->tgid, start, m->rule);
    return 0;
}

/* ---- what a marked process asks for ---- */

static __always_inline void sign(void *sk, const struct trn_cut_mark *m)
{
    struct trn_cut_note *note = bpf_sk_storage_get(&cut_notes, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);

    if (note)
        add_all(note->rule, m->rule);
}

static __always_inline int asked(struct bpf_sock_addr *ctx, bool six)
{
    struct trn_cut_mark *m = own_mark();
    struct trn_cut_note *note;
    struct peer p = {};

    note = ctx->sk ? bpf_sk_storage_get(&cut_notes, ctx->sk, 0, 0) : 0;
    if (!m && !note)
        return 1;
    p.port = bpf_ntohs((__u16)ctx->user_port);
    if (six)
        set_v6(&p, ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3]);
    else
        set_v4(&p, ctx->user_ip4);
    if ((m && refuses(m->rule, 0, &p)) || (note && refuses(note->rule, 0, &p)))
        return 0;
    if (m && ctx->sk)
        sign(ctx->sk, m);
    return 1;
}

SEC("cgroup/connect4")
int cut_connect4(struct bpf_sock_addr *ctx)
{
    return asked(ctx, false);
}

SEC("cgroup/connect6")
int cut_connect6(struct bpf_sock_addr *ctx)
{
    return asked(ctx, true);
}

SEC("cgroup/sendmsg4")
int cut_sendmsg4(struct bpf_sock_addr *ctx)
{
    return asked(ctx, false);
}

SEC("cgroup/sendmsg6")
int cut_sendmsg6(struct bpf_sock_addr *ctx)
{
    return asked(ctx, true);
}

SEC("cgroup/sock_create")
int cut_create(struct bpf_sock *ctx)
{
    struct trn_cut_mark *m = own_mark();

    if (m && is_cut(m->rule))
        sign(ctx, m);
    return 1;
}

/* ---- packets ---- */

/*
 * True when the current task is the one that sends. TCP also sends in interrupts, where it is anybody, but never while a
 * task has the socket locked, as each does that is inside a system call about it; others send in system calls only.
 * What the kernel itself does for a task over a socket of its own (a network file system) is not the task's doing; the
 * parts of a multipath connection are.
 */
static __always_inline bool in_system_call(struct bpf_sock *sk)
{
    struct tcp_sock *tcp;

    if (sk->protocol != IPPROTO_TCP)
        return true;
    tcp = bpf_skc_to_tcp_sock(sk);
    if (!tcp || ((struct sock *)tcp)->sk_lock.owned == 0)
        return false;
    if (BPF_CORE_READ_BITFIELD_PROBED((struct sock *)tcp, sk_kern_sock) == 0)
        return true;
    return bpf_core_field_exists(tcp->is_mptcp) && BPF_CORE_READ(tcp, is_mptcp);
}

/* Who is at the other end. What has no ports, or hides them behind too many headers, has port 0. */
static __always_inline bool read_peer(struct __sk_buff *skb, bool out, struct peer *p)
{
    __u32 a[4], at;
    __u16 port = 0;
    __u8 head[2], protocol;

    if (skb->protocol == bpf_htons(ETH_P_IP)) {
        if (bpf_skb_load_bytes(skb, out ? 16 : 12, a, 4) != 0 || bpf_skb_load_bytes(skb, 0, head, 1) != 0 ||
            bpf_skb_load_bytes(skb, 9, &protocol, 1) != 0)
            return false;
        set_v4(p, a[0]);
        at = (__u32)(head[0] & 15) * 4;
    } else {
        if (skb->protocol != bpf_htons(ETH_P_IPV6) || bpf_skb_load_bytes(skb, out ? 24 : 8, a, 16) != 0 ||
            bpf_skb_load_bytes(skb, 6, &protocol, 1) != 0)
            return false;
        set_v6(p, a[0], a[1], a[2], a[3]);
        at = 40;
        for (int i = 0; i < HEADERS_MAX; i++) {
            if ((protocol != 0 && protocol != 43 && protocol != 60) || bpf_skb_load_bytes(skb, at, head, 2) != 0)
                break;
            protocol = head[0];
            at += ((__u32)head[1] + 1) * 8;
        }
    }
    if ((protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) &&
        bpf_skb_load_bytes(skb, at + (out ? 2 : 0), &port, sizeof(port)) == 0)
        p->port = bpf_ntohs(port);
    return true;
}

SEC("cgroup_skb/egress")
int cut_egress(struct __sk_buff *skb)
{
    struct bpf_sock *sk = skb->sk ? bpf_sk_fullsock(skb->sk) : 0;
    struct trn_cut_mark *m = 0;
    struct trn_cut_note *note;
    struct peer p = {};

    if (!sk)
        return 1;
    note = bpf_sk_storage_get(&cut_notes, sk, 0, 0);
    if (in_system_call(sk)) {
        if (note && (__u32)GET(current_task(), tgid) == owner)
            return 1;
        m = own_mark();
        if (m && is_cut(m->rule)) {
            note = bpf_sk_storage_get(&cut_notes, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
            if (note)
                add_all(note->rule, m->rule);
        }
    }
    if (!note && !m)
        return 1;
    (void)read_peer(skb, true, &p);
    return !(note ? refuses(note->rule, note->keep, &p) : refuses(m->rule, 0, &p));
}

SEC("cgroup_skb/ingress")
int cut_ingress(struct __sk_buff *skb)
{
    struct bpf_sock *sk = skb->sk ? bpf_sk_fullsock(skb->sk) : 0;
    struct trn_cut_note *note = sk ? bpf_sk_storage_get(&cut_notes, sk, 0, 0) : 0;
    struct peer p = {};

    if (!note)
        return 1;
    (void)read_peer(skb, false, &p);
    return !refuses(note->rule, note->keep, &p);
}

/* ---- sockets that were there before the rule ---- */

static __always_inline void peer_of(struct sock *sk, struct peer *p)
{
    p->port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
    if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6) {
        struct in6_addr a = {};

        BPF_CORE_READ_INTO(&a, sk, __sk_common.skc_v6_daddr);
        set_v6(p, a.in6_u.u6_addr32[0], a.in6_u.u6_addr32[1], a.in6_u.u6_addr32[2], a.in6_u.u6_addr32[3]);
    } else {
        set_v4(p, BPF_CORE_READ(sk, __sk_common.skc_daddr));
    }
}

/* A connection, or the beginning or end of one; a datagram socket that has a peer. */
static __always_inline bool is_connected(struct sock *sk, bool stream)
{
    __u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);

    return stream ? state != BPF_TCP_CLOSE && state != BPF_TCP_LISTEN : state == BPF_TCP_ESTABLISHED;
}

SEC("iter/task_file")
int cut_sockets(struct bpf_iter__task_file *ctx)
{
    struct task_struct *task = ctx->task;
    struct file *file = ctx->file;
    struct trn_cut_found found = {};
    struct trn_cut_note *note;
    struct trn_cut_mark *m;
    struct socket *socket;
    struct peer p = {};
    struct sock *sk;
    __u32 id = walk_rule;
    __u16 family, protocol;
    bool stream;

    if (!task || !file || !task_in_scope(task))
        return 0;
    m = mark_by((__u32)task->tgid, task->group_leader->start_boottime);
    if (!m || !has(m->rule, id))
        return 0;
    socket = bpf_sock_from_file(file);
    sk = socket ? socket->sk : 0;
    if (!sk)
        return 0;
    family = sk->__sk_common.skc_family;
    if (family != AF_INET && family != AF_INET6)
        return 0;
    note = bpf_sk_storage_get(&cut_notes, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
    if (!note)
        return 0;
    add(note->rule, id);
    protocol = sk->sk_protocol;
    stream = protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP;
    if (!is_connected(sk, stream))
        return 0;
    if (rules[id & (TRN_CUT_NUMBERS - 1)].what & CUT_STANDING_STAYS) {
        add(note->keep, id);
        return 0;
    }
    peer_of(sk, &p);
    if (!stream || is_excepted(id, &p))
        return 0;
    found.cookie = bpf_get_socket_cookie(sk);
    found.tgid = (__u32)task->tgid;
    found.fd = ctx->fd;
    bpf_seq_write(ctx->meta->seq, &found, sizeof(found));
    return 0;
}
