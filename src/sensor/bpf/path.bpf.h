/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Overview: walks a path from its leaf to the process's root over mounts and writes the components,
 * each with its NUL, in this order. Bounded in depth and in bytes.
 */
#ifndef TRN_SENSOR_PATH_BPF_H
#define TRN_SENSOR_PATH_BPF_H

#include "common.bpf.h"

/* A write may start anywhere below TAIL_MASK and be as long as the longest piece. */
#define TAIL_MASK 16383u
#define TAIL_SPACE (16384 + 2048)

/*
 * The state of a walk lies in the scratch area, not on the stack: what the verifier loads from a map
 * is just a number to it, so that it need not follow every length through every branch.
 */
struct walk {
    struct dentry *dentry;
    struct dentry *root_dentry;
    struct mount *mount;
    struct mount *root_mount;
    __u32 limit;
    __u32 done;
};

#define ENV_PIECE 4096u /* the environment is looked at in pieces of this size */
#define ENV_PIECES 4
#define ENV_FOUND_MAX 16

struct env_walk {
    __u64 at; /* address of the piece */
    __u64 end;
    __u32 n_found;
    __u32 kept; /* bytes */
    __u64 cut;
    __u64 found[ENV_FOUND_MAX]; /* addresses of variables to keep */
    char bytes[ENV_PIECE + 32];
};

struct scratch {
    __u64 busy;
    __u64 at; /* end of the tail so far */
    struct walk walk;
    struct env_walk env;
    struct kernfs_node *node; /* of the walk up the cgroups */
    struct trn_wire_exec exec;
    char tail[TAIL_SPACE];
};

struct walk_arg {
    struct scratch *s;
    struct task_struct *task; /* only for the iterator: whose memory is read */
};

static __always_inline struct mount *mount_of(struct vfsmount *mnt)
{
    return (struct mount *)((char *)mnt - bpf_core_field_offset(struct mount, mnt));
}

/* One step: crosses a mount or writes one component. Returns 1 to stop. */
static long walk_step(__u32 index, struct walk_arg *arg)
{
    struct scratch *s = arg->s;
    struct walk *w = &s->walk;
    struct dentry *dentry = w->dentry, *top, *parent;
    struct mount *mount = w->mount, *up;
    long n;

    if (dentry == w->root_dentry && mount == w->root_mount) {
        w->done = 1;
        return 1;
    }
    top = BPF_CORE_READ(mount, mnt.mnt_root);
    parent = BPF_CORE_READ(dentry, d_parent);
    if (dentry == top) {
        up = BPF_CORE_READ(mount, mnt_parent);
        if (up == mount) { /* not attached anywhere (any more) */
            w->done = 1;
            return 1;
        }
        w->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
        w->mount = up;
        return 0;
    }
    if (s->at >= w->limit)
        return 1;
    n = bpf_probe_read_kernel_str(s->tail + (s->at & TAIL_MASK), TRN_WIRE_NAME_MAX, BPF_CORE_READ(dentry, d_name.name));
    if (n <= 0)
        return 1;
    s->at += (__u64)n;
    w->dentry = parent;
    if (dentry == parent) { /* a file of the kernel's own, such as a memfd: it has a name and no folder */
        w->done = 1;
        return 1;
    }
    return 0;
}

/* Appends the components of path to the tail; returns how many bytes that were. */
static __always_inline __u16 put_path(struct scratch *s, const struct path *path, const struct path *root,
                                      bool *ret_cut)
{
    struct walk_arg arg = {.s = s};
    __u64 before = s->at;

    s->walk.dentry = path->dentry;
    s->walk.root_dentry = root->dentry;
    s->walk.mount = mount_of(path->mnt);
    s->walk.root_mount = mount_of(root->mnt);
    s->walk.limit = (__u32)before + TRN_WIRE_PATH_MAX - TRN_WIRE_NAME_MAX;
    s->walk.done = 0;
    BOUNDED_LOOP(TRN_WIRE_DEPTH_MAX, walk_step, &arg);
    *ret_cut = !s->walk.done;
    return (__u16)(s->at - before);
}

#endif
