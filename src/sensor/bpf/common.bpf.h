/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Overview: what all programs share: the scope, the loss counters, the head of a record, and the
 * wake-up rule of the rings. The maps and settings are defined in state.bpf.c.
 *
 * The sources are compiled twice. With TRN_COMPAT they become the second object, for kernels before
 * 5.17 (docs/adr/0011): the same programs, maps and records, without the helpers that came later.
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

#ifdef TRN_COMPAT
/* The verifier follows every round. */
#define BOUNDED_LOOP(n, step, arg)                                                       \
    _Pragma("clang loop unroll(disable)") for (__u32 round_ = 0; round_ < (n); round_++) \
    {                                                                                    \
        if (step(round_, arg) != 0)                                                      \
            break;                                                                       \
    }
/* To the verifier the current task is a mere number before 5.11: a helper must read its fields. */
#define current_task() ((struct task_struct *)bpf_get_current_task())
#define GET(task, ...) BPF_CORE_READ(task, __VA_ARGS__)
/* The helper needs 5.15. They lie at the top of the stack, which has this size on x86-64 and arm64 (without KASAN). */
#define KERNEL_STACK 16384
#define saved_registers(task) \
    ((struct pt_regs *)((char *)BPF_CORE_READ(task, stack) + KERNEL_STACK - bpf_core_type_size(struct pt_regs)))
/* Needs 5.18, and a program that may sleep. */
#define copy_from_task(to, n, from, task) (-1)
#define ITER_THAT_READS_TASKS(of) "iter/" of
/* Atomics that tell the old value need 5.12. Only for what one CPU has to itself. */
#define ADD_AND_TELL(where, what)                          \
    ({                                                     \
        __u64 old_ = *(volatile __u64 *)(where);           \
        *(volatile __u64 *)(where) = old_ + (__u64)(what); \
        old_;                                              \
    })
#else
/* Calls step(round, arg) until it returns 1, n times at most. */
#define BOUNDED_LOOP(n, step, arg) bpf_loop((n), (step), (arg), 0)
#define current_task() bpf_get_current_task_btf()
/* GET(task, group_leader, tgid): a field of a task, over pointers. */
#define GET(task, ...) ___arrow(task, __VA_ARGS__)
#define saved_registers(task) ((struct pt_regs *)bpf_task_pt_regs(task))
#define ITER_THAT_READS_TASKS(of) "iter.s/" of
#define copy_from_task(to, n, from, task) bpf_copy_from_user_task(to, n, from, task, 0)
#define ADD_AND_TELL(where, what) __sync_fetch_and_add(where, what)
#endif

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

/* The first thing every host-wide program asks. */
static __always_inline bool in_scope(void)
{
#ifdef TRN_COMPAT
    return scope_id == 0 || task_in_scope(current_task());
#else
    return scope_id == 0 || bpf_get_current_ancestor_cgroup_id((int)scope_level) == scope_id;
#endif
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
    head->tgid = (__u32)GET(task, tgid);
    head->tid = (__u32)GET(task, pid);
    head->start = GET(task, group_leader, start_boottime);
}

#endif
