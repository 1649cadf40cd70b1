// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Overview: an iterator (5.12 and later) that tells executable mappings which processes had before the
 * sensor came: libraries, memory files, memory without a file. Not the program itself, which the
 * process's own record names. The hooks are attached first, so that what is mapped meanwhile is told
 * twice and never missed; the reader drops the second.
 */
#include "common.bpf.h"
#include "limits.bpf.h"
#include "path.bpf.h"

#define PF_KTHREAD 0x00200000
#define VM_WRITE 2ul
#define VM_EXEC 4ul
#define MNT_INTERNAL 0x4000
#define OVERLAYFS_MAGIC 0x794c7630ul

struct mapped {
    struct trn_wire_mapped record;
    struct scratch scratch; /* for the path */
};

/* One entry is enough: only turncoatd reads the iterator, once at a time. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct mapped);
} mapped_scratch SEC(".maps");

static __always_inline void fill_mapped(struct trn_wire_mapped *r, struct task_struct *task, struct vm_area_struct *vma)
{
    fill_head(&r->head, TRN_WIRE_MAPPED, 0);
    r->head.tgid = r->head.tid = (__u32)task->tgid;
    r->head.start = BPF_CORE_READ(task, group_leader, start_boottime);
    r->address = BPF_CORE_READ(vma, vm_start);
    r->length = BPF_CORE_READ(vma, vm_end) - r->address;
    r->prot = (__u32)BPF_CORE_READ(vma, vm_flags) & 7;
}

/*
 * The file that the process named: on overlayfs another one is mapped, of whose path nobody knows. The
 * flag that says so has another place in each kernel; what stands behind a plain file is no path, so
 * it leads to no overlayfs.
 */
static __always_inline void named_path(struct path *path, struct file *file)
{
    if (bpf_core_type_exists(struct backing_file)) {
        BPF_CORE_READ_INTO(path, (struct backing_file *)file, user_path);
        if (BPF_CORE_READ(path->dentry, d_inode, i_sb, s_magic) == OVERLAYFS_MAGIC)
            return;
    }
    BPF_CORE_READ_INTO(path, file, f_path);
}

static __always_inline void fill_mapped_file(struct mapped *m, struct task_struct *task, struct path *path)
{
    struct inode *inode = BPF_CORE_READ(path->dentry, d_inode);
    struct trn_wire_mapped *r = &m->record;
    __u32 dev = BPF_CORE_READ(inode, i_sb, s_dev);
    struct path root = {};
    bool cut = false;

    r->inode = BPF_CORE_READ(inode, i_ino);
    r->ctime = inode_ctime(inode);
    r->nlink = BPF_CORE_READ(inode, i_nlink);
    r->dev_major = dev >> 20;
    r->dev_minor = dev & 0xfffff;
    if (BPF_CORE_READ(path->mnt, mnt_flags) & MNT_INTERNAL)
        r->flags |= TRN_WIRE_MEMFD;
    BPF_CORE_READ_INTO(&root, task, fs, root);
    r->path_len = put_path(&m->scratch, path, &root, &cut);
    if (cut)
        r->flags |= TRN_WIRE_PATH_TRUNCATED;
}

SEC("iter/task_vma")
int existing_mapped(struct bpf_iter__task_vma *ctx)
{
    struct vm_area_struct *vma = ctx->vma;
    struct task_struct *task = ctx->task;
    struct path path = {};
    __u32 key = 0, n;
    struct mapped *m;
    struct file *file;

    if (!task || !vma || task->pid != task->tgid || (task->flags & PF_KTHREAD))
        return 0;
    if (!(BPF_CORE_READ(vma, vm_flags) & VM_EXEC) || !task_in_scope(task))
        return 0;
    file = BPF_CORE_READ(vma, vm_file);
    /* Without a file but with operations of its own: the kernel's pages, such as the vdso. */
    if (file)
        named_path(&path, file);
    if (file ? BPF_CORE_READ(path.dentry, d_inode) == BPF_CORE_READ(task, mm, exe_file, f_inode)
             : BPF_CORE_READ(vma, vm_ops) != 0)
        return 0;
    m = bpf_map_lookup_elem(&mapped_scratch, &key);
    if (!m)
        return 0;
    m->scratch.at = 0;
    __builtin_memset(&m->record, 0, sizeof(m->record));
    fill_mapped(&m->record, task, vma);
    if (file)
        fill_mapped_file(m, task, &path);
    n = (__u32)m->scratch.at & TAIL_MASK;
    m->record.head.size = (__u32)sizeof(m->record) + n;
    bpf_seq_write(ctx->meta->seq, &m->record, sizeof(m->record));
    if (n > 0)
        bpf_seq_write(ctx->meta->seq, m->scratch.tail, n);
    return 0;
}
