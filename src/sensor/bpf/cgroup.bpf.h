/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Overview: the path of a task's cgroup, leaf first; the container's name is in it. Two of them where
 * the controllers still have hierarchies of their own, because there containers are placed in those.
 */
#ifndef TRN_SENSOR_CGROUP_BPF_H
#define TRN_SENSOR_CGROUP_BPF_H

#include "path.bpf.h"

static __always_inline struct kernfs_node *parent_of(struct kernfs_node *node)
{
    if (bpf_core_field_exists(node->__parent)) {
        return BPF_CORE_READ(node, __parent);
    } else {
        struct kernfs_node___old *old = (void *)node;

        return BPF_CORE_READ(old, parent);
    }
}

static long cgroup_step(__u32 index, struct walk_arg *arg)
{
    struct scratch *s = arg->s;
    struct kernfs_node *node = s->node, *parent;
    long n;

    parent = parent_of(node);
    if (!parent) { /* the root has no name */
        s->walk.done = 1;
        return 1;
    }
    if (s->at >= s->walk.limit)
        return 1;
    n = bpf_probe_read_kernel_str(s->tail + (s->at & TAIL_MASK), TRN_WIRE_NAME_MAX, BPF_CORE_READ(node, name));
    if (n <= 0)
        return 1;
    s->at += (__u64)n;
    s->node = parent;
    return 0;
}

static __always_inline __u16 put_cgroup(struct scratch *s, struct kernfs_node *node, __u32 cut)
{
    struct walk_arg arg = {.s = s};
    __u64 before = s->at;

    s->node = node;
    s->walk.limit = (__u32)before + TRN_WIRE_CGROUP_MAX - TRN_WIRE_NAME_MAX;
    s->walk.done = 0;
    BOUNDED_LOOP(TRN_WIRE_CGROUP_DEPTH, cgroup_step, &arg);
    if (!s->walk.done)
        s->exec.flags |= cut;
    return (__u16)(s->at - before);
}

static __always_inline void put_cgroups(struct scratch *s, struct task_struct *task)
{
    struct css_set *set = task->cgroups;
    struct cgroup *unified = set->dfl_cgrp, *own;
    struct cgroup_subsys_state *memory = 0;

    s->exec.cgroup_len = put_cgroup(s, unified->kn, TRN_WIRE_CGROUP_TRUNCATED);
    if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
        return;
    bpf_core_read(&memory, sizeof(memory), &set->subsys[bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)]);
    own = BPF_CORE_READ(memory, cgroup);
    if (own && BPF_CORE_READ(own, root) != unified->root)
        s->exec.cgroup1_len = put_cgroup(s, BPF_CORE_READ(own, kn), TRN_WIRE_CGROUP1_TRUNCATED);
}

#endif
