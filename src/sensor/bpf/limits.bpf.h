/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Overview: what is left out on purpose, decided before a record is built: filters (programs and
 * processes that somebody muted for a while) and shares (a token bucket per process). Never asked
 * for fork, exec and exit. The maps and settings are defined in state.bpf.c; turncoatd changes them
 * while all runs.
 */
#ifndef TRN_SENSOR_LIMITS_BPF_H
#define TRN_SENSOR_LIMITS_BPF_H

#include "common.bpf.h"
#include "limits.h"

#define CTIME_NSEC_BITS 0x7fffffffu /* 6.13 keeps a flag in the top bit */

extern volatile __u64 share_token_ns; /* what a record costs; 0: no limit */
extern volatile __u64 share_burst_ns;
extern volatile __u32 muted_generation; /* counts changes of `muted`; 0: there never was a filter */

extern struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, TRN_SHARES_MAX);
    __type(key, struct trn_share_key);
    __type(value, struct trn_share);
} shares SEC(".maps");

extern struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, TRN_MUTES_MAX);
    __type(key, struct trn_mute_key);
    __type(value, struct trn_mute);
} muted SEC(".maps");

/* Which image acted, and what the filters said about it when they were last asked. */
struct limits {
    __u64 inode;
    __u64 ctime;
    __u64 until;
    __u32 classes;
    __u32 generation;
};

static __always_inline __u64 inode_ctime(struct inode *inode)
{
    if (bpf_core_field_exists(inode->i_ctime_sec)) {
        return (__u64)BPF_CORE_READ(inode, i_ctime_sec) * 1000000000ull +
               (BPF_CORE_READ(inode, i_ctime_nsec) & CTIME_NSEC_BITS);
    } else if (bpf_core_field_exists(((struct inode___v66 *)0)->__i_ctime)) {
        struct inode___v66 *mid = (void *)inode;

        return (__u64)BPF_CORE_READ(mid, __i_ctime.tv_sec) * 1000000000ull +
               (__u64)BPF_CORE_READ(mid, __i_ctime.tv_nsec);
    } else {
        struct inode___old *old = (void *)inode;

        return (__u64)BPF_CORE_READ(old, i_ctime.tv_sec) * 1000000000ull + (__u64)BPF_CORE_READ(old, i_ctime.tv_nsec);
    }
}

static __always_inline void limits_sign(struct limits *l, struct task_struct *task)
{
    struct inode *inode = BPF_CORE_READ(task, mm, exe_file, f_inode);

    l->inode = BPF_CORE_READ(inode, i_ino);
    l->ctime = inode_ctime(inode);
    l->classes = 0;
    l->generation = 0;
}

static __always_inline void limits_ask(struct limits *l, __u64 start, __u32 tgid)
{
    struct trn_mute_key program = {.number = l->inode}, process = {.number = tgid, .process = 1};
    struct trn_mute *m = bpf_map_lookup_elem(&muted, &process);

    l->generation = muted_generation;
    l->classes = 0;
    if (!m || m->ticks != start / TRN_TICK_NS)
        m = bpf_map_lookup_elem(&muted, &program);
    if (!m || m->inode != l->inode || m->ctime != l->ctime)
        return;
    l->classes = m->classes;
    l->until = m->until;
}

static __always_inline bool mutes(struct limits *l, __u64 start, __u32 tgid, __u32 class)
{
    if (muted_generation == 0)
        return false;
    if (l->generation != muted_generation)
        limits_ask(l, start, tgid);
    return (l->classes & (1u << class)) && bpf_ktime_get_boot_ns() < l->until;
}

static __always_inline bool is_muted(struct limits *l, __u64 start, __u32 tgid, __u32 class)
{
    if (!mutes(l, start, tgid, class))
        return false;
    count_loss(TRN_WIRE_LOST_MUTED);
    return true;
}

static __always_inline bool over_share(__u64 start, __u32 tgid, __u32 class)
{
    struct trn_share_key key = {.start = start, .tgid = tgid};
    __u64 token = share_token_ns, now, due;
    struct trn_share *s;

    if (token == 0)
        return false;
    now = bpf_ktime_get_boot_ns();
    s = bpf_map_lookup_elem(&shares, &key);
    if (!s) {
        struct trn_share fresh = {.due = now + token};

        bpf_map_update_elem(&shares, &key, &fresh, BPF_NOEXIST);
        return false;
    }
    due = s->due;
    if (due < now) {
        s->due = now + token;
        return false;
    }
    if (due - now <= share_burst_ns) {
        __sync_fetch_and_add(&s->due, token);
        return false;
    }
    if (class < TRN_SHARE_CLASSES)
        __sync_fetch_and_add(&s->left_out[class], 1);
    if (s->since == 0)
        s->since = now;
    count_loss(TRN_WIRE_LOST_THROTTLED);
    return true;
}

/* True when a record of this class and process is not to be made. */
static __always_inline bool is_left_out(struct limits *l, __u64 start, __u32 tgid, __u32 class)
{
    return is_muted(l, start, tgid, class) || over_share(start, tgid, class);
}

/* The same for the current task, where nothing is remembered. */
static __always_inline bool task_is_left_out(struct task_struct *task, __u32 class)
{
    __u64 start = BPF_CORE_READ(task, group_leader, start_boottime);
    __u32 tgid = (__u32)BPF_CORE_READ(task, tgid);
    struct limits l = {};

    if (muted_generation != 0) {
        limits_sign(&l, task);
        if (is_muted(&l, start, tgid, class))
            return true;
    }
    return over_share(start, tgid, class);
}

#endif
