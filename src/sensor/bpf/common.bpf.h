/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Overview: what all programs share: the scope, the loss counters, the head of a record, and the
 * wake-up rule of the rings. The maps and settings are defined in state.bpf.c.
 */
#ifndef TRN_SENSOR_COMMON_BPF_H
#define TRN_SENSOR_COMMON_BPF_H

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "wire.h"

/* Set before load. scope_id 0: the whole machine. */
extern const volatile __u64 scope_id;
extern const volatile __u32 scope_level;

extern struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1); /* the loader sets the number of CPUs */
    __type(key, __u32);
    __type(value, struct trn_wire_losses);
} losses SEC(".maps");

/* The first thing every host-wide program asks. */
static __always_inline bool in_scope(void)
{
    return scope_id == 0 || bpf_get_current_ancestor_cgroup_id((int)scope_level) == scope_id;
}

/* Iterators look at other tasks, so the helper about the current one is of no use. */
static __always_inline bool task_in_scope(struct task_struct *task)
{
    struct cgroup *group = BPF_CORE_READ(task, cgroups, dfl_cgrp);
    struct cgroup *above = 0;

    if (scope_id == 0)
        return true;
    if (!group || BPF_CORE_READ(group, level) < (int)scope_level)
        return false;
    if (bpf_core_field_exists(group->ancestors)) {
        bpf_core_read(&above, sizeof(above), &group->ancestors[scope_level]);
        return BPF_CORE_READ(above, kn, id) == scope_id;
    } else {
        struct cgroup___old *old = (void *)group;
        __u64 id = 0;

        bpf_core_read(&id, sizeof(id), &old->ancestor_ids[scope_level]);
        return id == scope_id;
    }
}

static __always_inline void count_loss(__u32 class)
{
    __u32 cpu = bpf_get_smp_processor_id();
    struct trn_wire_losses *mine = bpf_map_lookup_elem(&losses, &cpu);

    if (mine && class < TRN_WIRE_LOST_MAX)
        __sync_fetch_and_add(&mine->lost[class], 1);
}

/*
 * The reader looks every 50 ms by itself; it is woken only when a quarter of the ring is full. A
 * wake-up per record would cost more than the record.
 */
static __always_inline __u64 wakeup_flags(void *ring)
{
    __u64 used = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);
    __u64 size = bpf_ringbuf_query(ring, BPF_RB_RING_SIZE);

    return used > size / 4 ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

static __always_inline void fill_head(struct trn_wire_header *head, __u16 type, __u32 size)
{
    head->size = size;
    head->type = type;
    head->version = TRN_WIRE_VERSION;
    head->reserved = 0;
    head->time = bpf_ktime_get_boot_ns();
}

static __always_inline void fill_actor(struct trn_wire_header *head, struct task_struct *task)
{
    head->tgid = (__u32)task->tgid;
    head->tid = (__u32)task->pid;
    head->start = task->group_leader->start_boottime;
}

#endif
