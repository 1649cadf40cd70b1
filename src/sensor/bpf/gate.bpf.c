// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Overview: the gate (sensor/gate.h). An object of its own, loaded and attached apart from the sensing programs, so that
 * what a kernel refuses here harms nothing there. Nothing can be refused by return value from a tracepoint; what can be
 * done is to send the current process a signal that it meets before its next instruction in user space.
 *
 *   exec      after the new program is in place and before its first instruction: the program, and the loader it names
 *   mapping   before the kernel takes the lock of the memory map in mmap or mprotect: the file that becomes executable
 *   signal    somebody else's SIGCONT to a process that waits for an answer
 *   exit      whoever waited is gone
 *
 * Order when one is held: room on the ring, slot, row, signal, question. turncoatd must not be able to answer before the
 * signal was sent, or its "go on" would come first and the process would wait for ever.
 */
#include "gate.h"
#include "common.bpf.h"
#include "limits.bpf.h"

#define SIGKILL 9
#define SIGCONT 18
#define SIGSTOP 19
#define PF_KTHREAD 0x00200000
#define PF_IO_WORKER 0x00000010
#define TS_COMPAT 0x0002
#define READ_IMPLIES_EXEC 0x0400000
#define PROT_READ 1
#define PROT_EXEC 4
#define MAP_ANONYMOUS 0x20
#define VM_EXEC 4ul
#define MNT_INTERNAL 0x4000
#define S_IFMT 00170000
#define S_IFREG 0100000
#define F_SEAL_WRITE 8
#define OVERLAYFS_MAGIC 0x794c7630ul
#define KEPT_GOING_NS 1000000000ull
#define AREAS_MAX 32 /* of one mprotect */

/* Set before load, as in the sensing object. */
const volatile __u64 scope_id = 0;
const volatile __u32 scope_level = 0;

struct trn_gate_settings settings;
struct trn_gate_totals totals;

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct trn_gate_slots);
} held SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC); /* filled by turncoatd only */
    __uint(max_entries, TRN_GATE_REFUSED_MAX);
    __type(key, struct trn_gate_row_key);
    __type(value, __u8);
} refused SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, TRN_GATE_ALLOWED_MAX);
    __type(key, struct trn_gate_row_key);
    __type(value, __u8);
} allowed SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, TRN_GATE_SLOTS);
    __type(key, __u32); /* tgid */
    __type(value, struct trn_gate_wait);
} waiting SEC(".maps");

/* Who was sent SIGCONT by somebody else, and when last. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1024);
    __type(key, __u32); /* tgid */
    __type(value, __u64);
} continued SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, TRN_GATE_RING);
} gate_ring SEC(".maps");

/* 6.13 and later. */
extern int bpf_send_signal_task(struct task_struct *task, int sig, enum pid_type type, __u64 value) __weak __ksym;

/* What was found at the gate. */
struct found {
    struct trn_gate_row_key key;
    __u32 flags;
};

/* ---- files ---- */

static __always_inline bool is_sealed(struct inode *inode)
{
    struct shmem_inode_info *info = 0;

    if (!bpf_core_field_exists(info->seals))
        return false;
    info = (void *)((char *)inode - bpf_core_field_offset(struct shmem_inode_info, vfs_inode));
    return BPF_CORE_READ(info, seals) & F_SEAL_WRITE;
}

/* False for what is no plain file. */
static __always_inline bool find_path(struct path *path, struct inode *inode, struct found *ret)
{
    if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFREG)
        return false;
    ret->key.dev = BPF_CORE_READ(inode, i_sb, s_dev);
    ret->key.ino = BPF_CORE_READ(inode, i_ino);
    ret->key.ctime_ns = inode_ctime(inode);
    ret->key.size = (__u64)BPF_CORE_READ(inode, i_size);
    if (BPF_CORE_READ(path->mnt, mnt_flags) & MNT_INTERNAL) {
        ret->flags |= TRN_GATE_ASK_MEMFD;
        if (is_sealed(inode))
            ret->flags |= TRN_GATE_ASK_SEALED;
    } else if (BPF_CORE_READ(inode, i_nlink) == 0) {
        ret->flags |= TRN_GATE_ASK_MEMFD; /* no name any more, and opened by descriptor */
    }
    return true;
}

static __always_inline bool find_file(struct file *file, struct found *ret)
{
    struct path path = {};

    if (!file)
        return false;
    BPF_CORE_READ_INTO(&path, file, f_path);
    return find_path(&path, BPF_CORE_READ(file, f_inode), ret);
}

/* What is mapped of a file on overlayfs is the file below; verdicts are about the one that was named. */
static __always_inline bool find_mapped(struct file *file, struct found *ret)
{
    struct path path = {};

    if (!file)
        return false;
    if (bpf_core_type_exists(struct backing_file)) {
        BPF_CORE_READ_INTO(&path, (struct backing_file *)file, user_path);
        if (BPF_CORE_READ(path.dentry, d_inode, i_sb, s_magic) == OVERLAYFS_MAGIC)
            return find_path(&path, BPF_CORE_READ(path.dentry, d_inode), ret);
    }
    return find_file(file, ret);
}

/* ---- verdicts ---- */

static __always_inline bool is_own(struct task_struct *task)
{
    __u32 tgid = (__u32)GET(task, tgid), parent = (__u32)BPF_CORE_READ(task, real_parent, tgid);

    if (settings.own[0] != 0 && parent == settings.own[0])
        return true; /* a sibling that is just starting */
#pragma clang loop unroll(full)
    for (int i = 0; i < TRN_GATE_OWN; i++) {
        if (settings.own[i] == tgid)
            return true;
    }
    return false;
}

static __always_inline __u64 wall_now(void)
{
    if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_ktime_get_tai_ns))
        return bpf_ktime_get_tai_ns() + settings.wall_minus_tai_ns;
    return bpf_ktime_get_boot_ns() + settings.wall_minus_boot_ns;
}

/* A change in the future (somebody sets clocks) is fresh, too. */
static __always_inline bool is_fresh(const struct found *f)
{
    __u64 now = wall_now();

    return f->key.ctime_ns > now || now - f->key.ctime_ns < settings.fresh_ns;
}

static __always_inline bool is_to_be_held(const struct found *f)
{
    __u32 what = settings.what;

    if (what & TRN_GATE_BPF_HOLD_UNKNOWN)
        return true;
    /* Memory files that become executable parts of a running program are what compilers at run time make. */
    if (f->flags & TRN_GATE_ASK_MEMFD)
        return !(f->flags & TRN_GATE_ASK_MAP) && (what & (TRN_GATE_BPF_HOLD_MEMFD | TRN_GATE_BPF_HOLD_FRESH));
    return (what & TRN_GATE_BPF_HOLD_FRESH) && is_fresh(f);
}

static __always_inline void fill_ask(struct trn_gate_ask *a, struct task_struct *task, const struct found *f,
                                     __u32 flags)
{
    a->key = f->key;
    a->start = BPF_CORE_READ(task, group_leader, start_boottime);
    a->time = bpf_ktime_get_boot_ns();
    a->tgid = (__u32)GET(task, tgid);
    a->uid = BPF_CORE_READ(task, cred, uid.val);
    a->flags = f->flags | flags;
    a->reserved = 0;
}

static __always_inline void put(struct trn_gate_ask *a)
{
    __sync_fetch_and_add(&totals.told, 1);
    bpf_ringbuf_submit(a, BPF_RB_FORCE_WAKEUP);
}

static __always_inline void tell(struct task_struct *task, const struct found *f, __u32 flags)
{
    struct trn_gate_ask *a = bpf_ringbuf_reserve(&gate_ring, sizeof(*a), 0);

    if (!a)
        return;
    fill_ask(a, task, f, flags);
    put(a);
}

/* ---- holding ---- */

struct slot_search {
    struct trn_gate_slots *table;
    __u32 first;
    __u32 found; /* TRN_GATE_SLOTS: none */
};

static long try_slot(__u32 round, void *arg)
{
    struct slot_search *s = arg;
    __u32 at = (s->first + round) & (TRN_GATE_SLOTS - 1);

    if (__sync_val_compare_and_swap(&s->table->slots[at].kind, 0, TRN_GATE_SLOT_KIND) != 0)
        return 0;
    s->found = at;
    return 1;
}

static __always_inline struct trn_gate_slots *slots_table(void)
{
    __u32 first = 0;

    return bpf_map_lookup_elem(&held, &first);
}

static __always_inline void slot_give(struct trn_gate_slots *t, __u32 at)
{
    struct trn_gate_slot *s = &t->slots[at & (TRN_GATE_SLOTS - 1)];

    (void)__sync_lock_test_and_set(&s->tgid, 0);
    (void)__sync_lock_test_and_set(&s->start, 0);
    (void)__sync_lock_test_and_set(&s->kind, 0);
}

/* False: no slot, no row (held already, for another question), or the signal cannot be sent. */
static __always_inline bool stop_current(__u32 tgid, __u64 start)
{
    struct slot_search search = {.table = slots_table(), .first = tgid, .found = TRN_GATE_SLOTS};
    struct trn_gate_wait wait = {.start = start};
    struct trn_gate_slot *slot;

    if (!search.table)
        return false;
    bpf_loop(TRN_GATE_SLOTS, try_slot, &search, 0);
    if (search.found >= TRN_GATE_SLOTS)
        return false;
    wait.slot = search.found;
    slot = &search.table->slots[search.found & (TRN_GATE_SLOTS - 1)];
    slot->start = start;
    (void)__sync_lock_test_and_set(&slot->tgid, tgid);
    if (bpf_map_update_elem(&waiting, &tgid, &wait, BPF_NOEXIST) != 0) {
        slot_give(search.table, search.found);
        return false;
    }
    if (bpf_send_signal(SIGSTOP) == 0)
        return true;
    (void)bpf_map_delete_elem(&waiting, &tgid);
    slot_give(search.table, search.found);
    return false;
}

/* A stop that somebody takes away before it takes effect is none: whoever is being continued is not held but killed. */
static __always_inline bool is_kept_going(__u32 tgid)
{
    __u64 *last = bpf_map_lookup_elem(&continued, &tgid);

    return last && bpf_ktime_get_boot_ns() - *last < KEPT_GOING_NS;
}

static __always_inline void go_on(bool kill, bool kept_going)
{
    if (kill)
        (void)bpf_send_signal(SIGKILL);
    __sync_fetch_and_add(kept_going ? &totals.continued : &totals.lost, 1);
}

/* Whoever traces it can throw our signal away, so it is not held but only told. */
static __always_inline void hold(struct task_struct *task, const struct found *f)
{
    struct trn_gate_ask *a = bpf_ringbuf_reserve(&gate_ring, sizeof(*a), 0);
    bool kept_going = is_kept_going((__u32)GET(task, tgid)), kill = kept_going || settings.kill_unasked;

    if (!a) { /* once: older verifiers forget what they know of it */
        go_on(kill, kept_going);
        return;
    }
    fill_ask(a, task, f, 0);
    if (kept_going || GET(task, ptrace) || !stop_current(a->tgid, a->start)) {
        a->flags |= TRN_GATE_ASK_NOT_HELD | (kill ? TRN_GATE_ASK_REFUSED : 0);
        go_on(kill, kept_going);
    }
    __sync_fetch_and_add(&totals.asked, 1);
    put(a);
}

/* True: it was killed or held, nothing else is to be looked at. */
static __always_inline bool judge(struct task_struct *task, const struct found *f)
{
    /* A memory file that is not sealed may be another one by now, with the same time and size. */
    bool may_change = (f->flags & (TRN_GATE_ASK_MEMFD | TRN_GATE_ASK_SEALED)) == TRN_GATE_ASK_MEMFD;

    bool nameless = (f->flags & (TRN_GATE_ASK_MEMFD | TRN_GATE_ASK_MAP)) == TRN_GATE_ASK_MEMFD;
    bool known = !may_change && bpf_map_lookup_elem(&allowed, &f->key);

    if (bpf_map_lookup_elem(&refused, &f->key) || (!known && nameless && (settings.what & TRN_GATE_BPF_REFUSE_MEMFD))) {
        (void)bpf_send_signal(SIGKILL);
        __sync_fetch_and_add(&totals.refused, 1);
        tell(task, f, TRN_GATE_ASK_REFUSED);
        return true;
    }
    if (known || !is_to_be_held(f))
        return false;
    hold(task, f);
    return true;
}

/* ---- exec ---- */

static long find_area(struct task_struct *task, struct vm_area_struct *area, void *arg)
{
    struct found *f = arg;

    if (!find_mapped(BPF_CORE_READ(area, vm_file), f))
        f->key.ino = 0;
    return 0;
}

#if defined(__TARGET_ARCH_x86)
#define IP(regs) BPF_CORE_READ(regs, ip)
#else
#define IP(regs) BPF_CORE_READ(regs, user_regs.pc)
#endif

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_gate_exec, struct task_struct *p)
{
    struct task_struct *task;
    struct found program = {}, first = {};

    if (!in_scope())
        return 0;
    task = current_task();
    if (is_own(task))
        return 0;
    if (find_file(BPF_CORE_READ(task, mm, exe_file), &program) && judge(task, &program))
        return 0;
    /* Where it will begin: in the loader that the program names, unless it is static. */
    (void)bpf_find_vma(task, IP(saved_registers(task)), find_area, &first, 0);
    if (first.key.ino != 0 && (first.key.ino != program.key.ino || first.key.dev != program.key.dev))
        (void)judge(task, &first);
    return 0;
}

/* ---- executable mappings ---- */

enum { CALL_OTHER, CALL_MMAP, CALL_PROTECT };

struct call {
    __u32 kind;
    __u64 from, length, prot, flags, fd;
};

#if defined(__TARGET_ARCH_x86)
/* The old mmap of 32 bits has its arguments in memory; the kernel has read them just now. */
static __always_inline void read_old_mmap(struct call *c, struct pt_regs *regs)
{
    __u32 args[6] = {};

    (void)bpf_probe_read_user(args, sizeof(args), (void *)BPF_CORE_READ(regs, bx));
    c->kind = CALL_MMAP;
    c->prot = args[2];
    c->flags = args[3];
    c->fd = args[4];
}

static __always_inline void read_compat_call(struct call *c, struct pt_regs *regs, __u32 nr)
{
    c->kind = nr == 192 ? CALL_MMAP : nr == 125 || nr == 380 ? CALL_PROTECT : CALL_OTHER;
    c->from = (__u32)BPF_CORE_READ(regs, bx);
    c->length = (__u32)BPF_CORE_READ(regs, cx);
    c->prot = BPF_CORE_READ(regs, dx);
    c->flags = BPF_CORE_READ(regs, si);
    c->fd = BPF_CORE_READ(regs, di);
    if (nr == 90)
        read_old_mmap(c, regs);
}

static __always_inline void read_call(struct call *c, struct task_struct *task)
{
    struct pt_regs *regs = saved_registers(task);
    __u32 nr = (__u32)BPF_CORE_READ(regs, orig_ax);

    if (BPF_CORE_READ(task, thread_info.status) & TS_COMPAT) {
        read_compat_call(c, regs, nr);
        return;
    }
    nr &= ~0x40000000u; /* x32 */
    c->kind = nr == 9 ? CALL_MMAP : nr == 10 || nr == 329 ? CALL_PROTECT : CALL_OTHER;
    c->from = BPF_CORE_READ(regs, di);
    c->length = BPF_CORE_READ(regs, si);
    c->prot = BPF_CORE_READ(regs, dx);
    c->flags = BPF_CORE_READ(regs, r10);
    c->fd = BPF_CORE_READ(regs, r8);
}
#else
static __always_inline void read_call(struct call *c, struct task_struct *task)
{
    struct pt_regs *regs = saved_registers(task);
    __u32 nr = (__u32)BPF_CORE_READ(regs, syscallno);

    c->kind = nr == 222 ? CALL_MMAP : nr == 226 || nr == 288 ? CALL_PROTECT : CALL_OTHER;
    c->from = BPF_CORE_READ(regs, orig_x0);
    c->length = BPF_CORE_READ(regs, user_regs.regs[1]);
    c->prot = BPF_CORE_READ(regs, user_regs.regs[2]);
    c->flags = BPF_CORE_READ(regs, user_regs.regs[3]);
    c->fd = BPF_CORE_READ(regs, user_regs.regs[4]);
}
#endif

static __always_inline bool makes_executable(const struct call *c, struct task_struct *task)
{
    return (c->prot & PROT_EXEC) || ((c->prot & PROT_READ) && (BPF_CORE_READ(task, personality) & READ_IMPLIES_EXEC));
}

static __always_inline bool find_descriptor(struct task_struct *task, __u32 fd, struct found *ret)
{
    struct fdtable *table = BPF_CORE_READ(task, files, fdt);
    struct file *file = 0;

    if (fd >= BPF_CORE_READ(table, max_fds))
        return false;
    bpf_probe_read_kernel(&file, sizeof(file), BPF_CORE_READ(table, fd) + fd);
    return find_file(file, ret);
}

struct area_search {
    struct task_struct *task;
    struct found found;
    __u64 at, end;
    bool file; /* of this round: not executable yet, and of a file */
};

static long look_at_area(struct task_struct *task, struct vm_area_struct *area, void *arg)
{
    struct area_search *s = arg;

    s->at = BPF_CORE_READ(area, vm_end);
    s->found.flags = TRN_GATE_ASK_MAP;
    s->file = !(BPF_CORE_READ(area, vm_flags) & VM_EXEC) && find_mapped(BPF_CORE_READ(area, vm_file), &s->found);
    return 0;
}

static long next_area(__u32 round, void *arg)
{
    struct area_search *s = arg;
    struct task_struct *task = current_task();

    s->file = false;
    if (s->at >= s->end || bpf_find_vma(task, s->at, look_at_area, s, 0) != 0)
        return 1;
    return s->file && judge(task, &s->found);
}

static __always_inline int on_map(struct mm_struct *mm, bool write)
{
    struct task_struct *task;
    struct call call = {};

    if (!write || !in_scope()) /* a register first: faults only read */
        return 0;
    task = current_task();
    if (GET(task, mm) != mm || (GET(task, flags) & (PF_KTHREAD | PF_IO_WORKER)))
        return 0;
    read_call(&call, task);
    if (call.kind == CALL_OTHER || !makes_executable(&call, task))
        return 0;
    if (call.kind == CALL_MMAP) {
        struct found found = {.flags = TRN_GATE_ASK_MAP};

        if (!(call.flags & MAP_ANONYMOUS) && find_descriptor(task, (__u32)call.fd, &found) && !is_own(task))
            (void)judge(task, &found);
    } else if (!is_own(task)) {
        struct area_search search = {.at = call.from, .end = call.from + call.length};

        bpf_loop(AREAS_MAX, next_area, &search, 0);
    }
    return 0;
}

SEC("?tp_btf/mmap_lock_start_locking")
int BPF_PROG(on_gate_map, struct mm_struct *mm, bool write)
{
    return on_map(mm, write);
}

/* Before 6.14 the tracepoint had the name of the memory cgroup between the two. */
SEC("?tp_btf/mmap_lock_start_locking")
int BPF_PROG(on_gate_map_old, struct mm_struct *mm, const char *group, bool write)
{
    return on_map(mm, write);
}

/* ---- those who wait ---- */

/*
 * The kernel has already taken our stop away. Ours goes out when this processor takes interrupts again, which is before
 * who stands has woken up, and mostly before who was about to stop has reached user space (docs/adr/0021). Killed and
 * not stopped again: the next SIGCONT would take that away, too.
 */
SEC("tp_btf/signal_generate")
int BPF_PROG(on_gate_signal, int sig, void *info, struct task_struct *task)
{
    struct trn_gate_wait *wait;
    __u32 tgid;
    __u64 now;

    if (sig != SIGCONT)
        return 0;
    tgid = (__u32)task->tgid;
    wait = bpf_map_lookup_elem(&waiting, &tgid); /* only who is in scope is in there */
    if (wait && wait->answered)
        return 0;
    if (!task_in_scope(task))
        return 0;
    now = bpf_ktime_get_boot_ns();
    (void)bpf_map_update_elem(&continued, &tgid, &now, BPF_ANY);
    if (!wait)
        return 0;
    __sync_fetch_and_add(&totals.continued, 1);
    if (bpf_send_signal_task)
        (void)bpf_send_signal_task(task, SIGKILL, PIDTYPE_TGID, 0);
    return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_gate_exit, struct task_struct *p)
{
    struct trn_gate_slots *table;
    struct trn_gate_wait *wait;
    struct task_struct *task;
    __u32 tgid;

    if (!in_scope())
        return 0;
    task = current_task();
    tgid = (__u32)GET(task, tgid);
    wait = bpf_map_lookup_elem(&waiting, &tgid);
    if (!wait || GET(task, signal, live.counter) > 0)
        return 0;
    table = slots_table();
    if (table)
        slot_give(table, wait->slot);
    (void)bpf_map_delete_elem(&waiting, &tgid);
    return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
