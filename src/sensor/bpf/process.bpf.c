// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Overview: fork, exec and exit of processes (not threads), and an iterator that tells the same
 * about processes which ran before. Owns the process ring: nothing else may fill it, so that a flood
 * elsewhere cannot make us lose a process.
 *
 * An exec record is put together in a scratch area of the CPU and copied to the ring at its true
 * size. A tracepoint normally runs with preemption off; where a kernel does not, `busy` refuses the
 * second user, who is then counted as lost.
 */
#include "cgroup.bpf.h"
#include "common.bpf.h"
#include "env.bpf.h"
#include "path.bpf.h"

#define PF_KTHREAD 0x00200000
#define CLONE_THREAD 0x00010000
#define SIGNAL_GROUP_EXIT 0x4
#define PIDTYPE_SID 3
#define MNT_INTERNAL 0x4000
#define CTIME_NSEC_MASK 0x7fffffffu /* 6.13 keeps a flag in the top bit */
#define S_IFMT 00170000
#define S_IFSOCK 0140000
#define S_IFREG 0100000
#define S_IFCHR 0020000
#define S_IFIFO 0010000
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_VSOCK 40
#define STDIO 3

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1 << 20);
} process_ring SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct scratch);
} scratch_map SEC(".maps");

/* The iterator runs once, so it needs no scratch for each CPU. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct scratch);
} existing_scratch SEC(".maps");

static __always_inline struct scratch *scratch_take(void *map)
{
    __u32 first = 0;
    struct scratch *s = bpf_map_lookup_elem(map, &first);

    if (!s)
        return 0;
    if (ADD_AND_TELL(&s->busy, 1) != 0) {
        ADD_AND_TELL(&s->busy, -1);
        count_loss(TRN_WIRE_LOST_SCRATCH);
        return 0;
    }
    return s;
}

static __always_inline void scratch_give(struct scratch *s)
{
    ADD_AND_TELL(&s->busy, -1);
}

static __always_inline void fill_file(struct trn_wire_exec *e, struct file *file)
{
    struct inode *inode = file->f_inode;
    __u32 dev = inode->i_sb->s_dev;

    e->inode = inode->i_ino;
    e->file_size = (__u64)inode->i_size;
    e->nlink = inode->i_nlink;
    e->dev_major = dev >> 20;
    e->dev_minor = dev & 0xfffff;
    if (bpf_core_field_exists(inode->i_ctime_sec)) {
        e->ctime_sec = inode->i_ctime_sec;
        e->ctime_nsec = inode->i_ctime_nsec & CTIME_NSEC_MASK;
    } else if (bpf_core_field_exists(((struct inode___v66 *)0)->__i_ctime)) {
        struct inode___v66 *mid = (void *)inode;

        e->ctime_sec = mid->__i_ctime.tv_sec;
        e->ctime_nsec = (__u32)mid->__i_ctime.tv_nsec;
    } else {
        struct inode___old *old = (void *)inode;

        e->ctime_sec = old->i_ctime.tv_sec;
        e->ctime_nsec = (__u32)old->i_ctime.tv_nsec;
    }
    if (e->nlink == 0)
        e->flags |= TRN_WIRE_DELETED;
    if (file->f_path.mnt->mnt_flags & MNT_INTERNAL)
        e->flags |= TRN_WIRE_MEMFD;
}

/* The one it lives in, not the one that its children get (nsproxy). */
static __always_inline __u32 pid_ns_of(struct task_struct *task)
{
    struct pid *pid = BPF_CORE_READ(task, thread_pid);
    struct pid_namespace *ns = 0;
    __u32 level = BPF_CORE_READ(pid, level);

    bpf_core_read(&ns, sizeof(ns), &pid->numbers[0].ns);
    if (level > 0 && level < 33) /* numbers is an array of level + 1 */
        bpf_probe_read_kernel(&ns, sizeof(ns),
                              (char *)pid + bpf_core_field_offset(struct pid, numbers[0].ns) +
                                  level * bpf_core_type_size(struct upid));
    return BPF_CORE_READ(ns, ns.inum);
}

static __always_inline __u16 socket_kind(struct socket *socket)
{
    switch (BPF_CORE_READ(socket, sk, __sk_common.skc_family)) {
    case AF_UNIX:
        return TRN_WIRE_STDIO_UNIX;
    case AF_INET:
    case AF_INET6:
    case AF_VSOCK:
        return TRN_WIRE_STDIO_NETWORK;
    default:
        return TRN_WIRE_STDIO_OTHER;
    }
}

/* By the numbers of Documentation/admin-guide/devices.txt. */
static __always_inline __u16 device_kind(__u32 rdev)
{
    __u32 major = rdev >> 20;

    if (rdev == (1 << 20 | 3))
        return TRN_WIRE_STDIO_NULL;
    if (major == 4 || major == 5 || (major >= 136 && major <= 143) || major == 204 || major == 229)
        return TRN_WIRE_STDIO_TERMINAL; /* consoles and serial lines, /dev/tty, pts, ttyAMA, hvc */
    return TRN_WIRE_STDIO_DEVICE;
}

static __always_inline __u16 file_kind(struct file *file)
{
    struct inode *inode = BPF_CORE_READ(file, f_inode);

    switch (BPF_CORE_READ(inode, i_mode) & S_IFMT) {
    case S_IFREG:
        return TRN_WIRE_STDIO_FILE;
    case S_IFIFO:
        return TRN_WIRE_STDIO_PIPE;
    case S_IFSOCK:
        return socket_kind(BPF_CORE_READ(file, private_data));
    case S_IFCHR:
        return device_kind(BPF_CORE_READ(inode, i_rdev));
    default:
        return TRN_WIRE_STDIO_OTHER;
    }
}

/* Every table of descriptors has room for three. The kernel's memory is read by a helper, for another task may be
 * changing its table right now; then what is read was true a moment ago. */
static __always_inline void fill_stdio(struct trn_wire_exec *e, struct task_struct *task)
{
    struct file **table = BPF_CORE_READ(task, files, fdt, fd);

    if (!table)
        return;
#pragma clang loop unroll(full)
    for (int i = 0; i < STDIO; i++) {
        struct file *file = 0;
        __u16 kind = TRN_WIRE_STDIO_CLOSED;

        bpf_probe_read_kernel(&file, sizeof(file), table + i);
        if (file)
            kind = file_kind(file);
        e->stdio |= (__u16)(kind << (TRN_WIRE_STDIO_BITS * i));
    }
}

static __always_inline void fill_ids(struct trn_wire_exec *e, struct task_struct *task)
{
    struct task_struct *parent = task->real_parent;
    const struct cred *cred = task->cred;

    fill_actor(&e->head, task);
    e->head.tid = e->head.tgid;
    e->parent_tgid = (__u32)parent->tgid;
    e->parent_start = parent->group_leader->start_boottime;
    e->session = (__u32)task->signal->pids[PIDTYPE_SID]->numbers[0].nr;
    if (task->nsproxy) { /* gone when the process is ending */
        e->mnt_ns = task->nsproxy->mnt_ns->ns.inum;
        e->net_ns = task->nsproxy->net_ns->ns.inum;
    }
    e->pid_ns = pid_ns_of(task);
    e->uid = cred->uid.val;
    e->euid = cred->euid.val;
    e->gid = cred->gid.val;
    bpf_core_read(&e->capabilities, sizeof(e->capabilities),
                  &cred->cap_effective); /* whole: its field has other names */
    e->user_ns = cred->user_ns->ns.inum;
    e->auid = e->login = ~0u;
    if (bpf_core_field_exists(task->loginuid)) {
        e->auid = task->loginuid.val;
        e->login = task->sessionid;
    }
    if (task->ptrace)
        e->tracer = (__u32)task->parent->tgid;
    fill_stdio(e, task);
}

/* Appends a kernel string without its NUL; returns its length. */
static __always_inline __u16 put_string(struct scratch *s, const void *from, __u32 max)
{
    long n = bpf_probe_read_kernel_str(s->tail + (s->at & TAIL_MASK), max, from);

    if (n <= 1)
        return 0;
    s->at += (__u64)n - 1;
    return (__u16)(n - 1);
}

static __always_inline void place_of(struct path *ret, const struct path *kernel)
{
    ret->dentry = kernel->dentry;
    ret->mnt = kernel->mnt;
}

/* The number behind "/dev/fd/", or -1. */
static __always_inline int number_of(const char *name)
{
    union {
        char text[16];
        __u64 begin;
    } head = {};
    int n = 0, i;

    bpf_probe_read_kernel_str(head.text, sizeof(head.text), name);
    if (head.begin != 0x2f64662f7665642full) /* "/dev/fd/" */
        return -1;
    for (i = 8; i < 15; i++) {
        if (head.text[i] < '0' || head.text[i] > '9')
            break;
        n = 10 * n + head.text[i] - '0';
    }
    return i > 8 ? n : -1;
}

/*
 * A script that was started by its descriptor is invoked as "/dev/fd/N", which says nothing later. The
 * interpreter will read it through this descriptor, so it is still open here.
 */
static __always_inline void put_script(struct scratch *s, struct task_struct *task, const char *name)
{
    struct path root = {}, path = {};
    int n = number_of(name);
    struct fdtable *table;
    struct file *file = 0;
    bool cut = false;

    if (n < 0)
        return;
    table = BPF_CORE_READ(task, files, fdt);
    if ((__u32)n >= BPF_CORE_READ(table, max_fds))
        return;
    bpf_probe_read_kernel(&file, sizeof(file), BPF_CORE_READ(table, fd) + n);
    if (!file)
        return;
    BPF_CORE_READ_INTO(&path, file, f_path);
    place_of(&root, &task->fs->root);
    s->exec.script_len = put_path(s, &path, &root, &cut);
    if (cut)
        s->exec.flags |= TRN_WIRE_SCRIPT_TRUNCATED;
}

static __always_inline __u32 argv_size(struct trn_wire_exec *e, unsigned long start, unsigned long end)
{
    unsigned long n = end - start;

    if (end <= start)
        return 0;
    if (n > TRN_WIRE_ARGV_MAX) {
        e->flags |= TRN_WIRE_ARGV_TRUNCATED;
        return TRN_WIRE_ARGV_MAX;
    }
    return (__u32)n;
}

/* The tail before argv: path, invoked name, interpreter. */
static __always_inline void put_names(struct scratch *s, struct task_struct *task, struct file *file, const char *name,
                                      const char *interp)
{
    struct trn_wire_exec *e = &s->exec;
    struct path root = {};
    struct path path = {};
    bool cut = false;

    place_of(&root, &task->fs->root);
    place_of(&path, &file->f_path);
    e->path_len = put_path(s, &path, &root, &cut);
    if (cut)
        e->flags |= TRN_WIRE_PATH_TRUNCATED;
    e->name_len = put_string(s, name, TRN_WIRE_NAME_MAX);
    if (interp != name)
        e->interp_len = put_string(s, interp, TRN_WIRE_NAME_MAX);
}

/* The tail behind env: cwd, tty, comm, cgroups. */
static __always_inline void put_place(struct scratch *s, struct task_struct *task)
{
    struct trn_wire_exec *e = &s->exec;
    struct tty_struct *tty = task->signal->tty;
    struct path root = {};
    struct path cwd = {};
    bool cut = false;

    place_of(&root, &task->fs->root);
    place_of(&cwd, &task->fs->pwd);
    e->cwd_len = put_path(s, &cwd, &root, &cut);
    if (cut)
        e->flags |= TRN_WIRE_CWD_TRUNCATED;
    if (tty)
        e->tty_len = put_string(s, &tty->name, TRN_WIRE_TTY_MAX);
    e->comm_len = put_string(s, &task->comm, TRN_WIRE_COMM_MAX);
    put_cgroups(s, task);
}

/* Sets the true size and returns it, in bounds for the verifier. */
static __always_inline __u32 finish(struct scratch *s)
{
    __u32 n = (__u32)sizeof(s->exec) + ((__u32)s->at & TAIL_MASK);

    s->exec.head.size = n;
    return n;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(on_fork, struct task_struct *child, unsigned long clone_flags)
{
    struct task_struct *parent;
    struct trn_wire_fork *r;

    if (!in_scope())
        return 0;
    if (clone_flags & CLONE_THREAD)
        return 0;
    r = bpf_ringbuf_reserve(&process_ring, sizeof(*r), 0);
    if (!r) {
        count_loss(TRN_WIRE_LOST_PROCESS);
        return 0;
    }
    parent = current_task();
    fill_head(&r->head, TRN_WIRE_FORK, sizeof(*r));
    r->head.tgid = (__u32)child->tgid;
    r->head.tid = (__u32)child->pid;
    r->head.start = child->start_boottime;
    r->parent_tgid = (__u32)child->real_parent->tgid;
    r->parent_start = child->real_parent->group_leader->start_boottime;
    r->cgroup = bpf_get_current_cgroup_id();
    r->uid = GET(parent, cred, uid.val);
    bpf_ringbuf_submit(r, wakeup_flags(&process_ring));
    return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
    struct trn_wire_exec *e;
    struct scratch *s;
    __u32 n;

    if (!in_scope())
        return 0;
    s = scratch_take(&scratch_map);
    if (!s) {
        count_loss(TRN_WIRE_LOST_PROCESS);
        return 0;
    }
    e = &s->exec;
    s->at = 0;
    __builtin_memset(e, 0, sizeof(*e));
    fill_head(&e->head, TRN_WIRE_EXEC, 0);
    fill_ids(e, task);
    e->cgroup = bpf_get_current_cgroup_id();
    e->argc = (__u32)bprm->argc;
    fill_file(e, task->mm->exe_file);
    put_names(s, task, task->mm->exe_file, bprm->filename, bprm->interp);
    n = argv_size(e, task->mm->arg_start, task->mm->arg_end);
    if (n > 0 && n <= TRN_WIRE_ARGV_MAX &&
        bpf_probe_read_user(s->tail + (s->at & TAIL_MASK), n, (const void *)task->mm->arg_start) == 0) {
        e->argv_len = (__u16)n;
        s->at += n;
    } else if (n > 0) {
        e->flags |= TRN_WIRE_ARGV_TRUNCATED;
    }
    put_env(s, task->mm->env_start, task->mm->env_end);
    put_place(s, task);
    if (bprm->interp != bprm->filename)
        put_script(s, task, bprm->filename);
    n = finish(s);
    if (bpf_ringbuf_output(&process_ring, e, n, wakeup_flags(&process_ring)) != 0)
        count_loss(TRN_WIRE_LOST_PROCESS);
    scratch_give(s);
    return 0;
}

/*
 * Called for each thread. The last one speaks for the process. Two threads that end at the same
 * moment may both see zero; the reader takes the first record and ignores the second.
 */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
    struct signal_struct *signal;
    struct trn_wire_exit *r;

    if (!in_scope())
        return 0;
    signal = task->signal;
    if (signal->live.counter != 0)
        return 0;
    r = bpf_ringbuf_reserve(&process_ring, sizeof(*r), 0);
    if (!r) {
        count_loss(TRN_WIRE_LOST_PROCESS);
        return 0;
    }
    fill_head(&r->head, TRN_WIRE_EXIT, sizeof(*r));
    fill_actor(&r->head, task);
    r->status = (__u32)((signal->flags & SIGNAL_GROUP_EXIT) ? signal->group_exit_code : task->group_leader->exit_code);
    r->uid = task->cred->uid.val;
    bpf_ringbuf_submit(r, wakeup_flags(&process_ring));
    return 0;
}

static __always_inline __u64 cgroup_of(struct task_struct *task)
{
    return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

SEC(ITER_THAT_READS_TASKS("task"))
int existing(struct bpf_iter__task *ctx)
{
    struct task_struct *task = ctx->task;
    struct trn_wire_exec *e;
    struct scratch *s;
    struct file *file;
    __u32 n;

    if (!task || task->pid != task->tgid || (task->flags & PF_KTHREAD) || !task_in_scope(task))
        return 0;
    s = scratch_take(&existing_scratch);
    if (!s) {
        count_loss(TRN_WIRE_LOST_PROCESS);
        return 0;
    }
    e = &s->exec;
    s->at = 0;
    __builtin_memset(e, 0, sizeof(*e));
    fill_head(&e->head, TRN_WIRE_EXEC, 0);
    fill_ids(e, task);
    e->flags = TRN_WIRE_EXISTING;
    e->cgroup = cgroup_of(task);
    file = task->mm ? task->mm->exe_file : 0;
    if (file) {
        unsigned long start = task->mm->arg_start;

        fill_file(e, file);
        put_names(s, task, file, 0, 0);
        n = argv_size(e, start, task->mm->arg_end);
        if (n > 0 && n <= TRN_WIRE_ARGV_MAX &&
            copy_from_task(s->tail + (s->at & TAIL_MASK), n, (const void *)start, task) == 0) {
            e->argv_len = (__u16)n;
            s->at += n;
        } else if (n > 0) {
            e->flags |= TRN_WIRE_ARGV_TRUNCATED;
        }
        put_env_of(s, task, task->mm->env_start, task->mm->env_end);
        put_place(s, task);
    }
    bpf_seq_write(ctx->meta->seq, e, finish(s));
    scratch_give(s);
    return 0;
}
