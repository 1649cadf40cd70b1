// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Overview: a process that reaches into another one's memory. Owns the access ring. Two programs see it, of which the
 * loader attaches one: on_access_check where the kernel offers fexit (it costs nothing until somebody reaches), and
 * on_memory, which sees each lock of a memory map, where it does not.
 *
 * on_memory asks in this order, cheapest and most telling first: is it somebody else's map and a read lock (the
 * answer is no nearly always), the scope, the system call. Reading and writing of /proc/PID/mem share their system
 * calls with much that is harmless (ps reads /proc/PID/cmdline the same way), and the descriptor's number may mean
 * another file by now; so there the kernel's own stack decides: only mem_rw() is what we look for.
 *
 * What is not told: /proc/PID/maps, cmdline, environ (everybody's ps and top), memory management of the kernel.
 */
#include "common.bpf.h"
#include "limits.bpf.h"

#define PF_KTHREAD 0x00200000
#define PF_IO_WORKER 0x00000010
#define TS_COMPAT 0x0002 /* x86: a system call of 32 bits, also by int 0x80 */
#define PTRACE_MODE_ATTACH 0x02
#define PTRACE_POKETEXT 4
#define PTRACE_POKEUSR 6
#define URING_READV 1
#define URING_READ 22
#define STACK_DEPTH 16
#define AGAIN_NS 1000000000ull

/* Where the kernel's mem_rw() begins and ends; set before load, 0: not known. */
const volatile __u64 mem_rw_start, mem_rw_end;

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1 << 18);
} access_ring SEC(".maps");

struct pair {
    __u32 actor, target;
    __u32 what; /* way and act */
};

/* When it was last told: a debugger reads a thousand times a second. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1024);
    __type(key, struct pair);
    __type(value, __u64);
} told SEC(".maps");

struct reach {
    __u16 act, way;
};

static __always_inline bool told_already(const struct pair *pair)
{
    __u64 now = bpf_ktime_get_boot_ns();
    __u64 *last = bpf_map_lookup_elem(&told, pair);

    return last && now - *last < AGAIN_NS;
}

/* Only what was told: an act that was lost is told at the next try. */
static __always_inline void note_told(const struct pair *pair)
{
    __u64 now = bpf_ktime_get_boot_ns();

    (void)bpf_map_update_elem(&told, pair, &now, BPF_ANY);
}

static __always_inline void tell(struct task_struct *task, struct task_struct *target, struct reach reach)
{
    struct pair pair = {.actor = (__u32)GET(task, tgid), .what = (__u32)reach.way << 16 | reach.act};
    const struct cred *cred = GET(task, cred);
    struct trn_wire_access *r;

    if (target)
        pair.target = (__u32)BPF_CORE_READ(target, tgid);
    if (told_already(&pair) || task_is_left_out(task, TRN_WIRE_LOST_ACCESS))
        return;
    r = bpf_ringbuf_reserve(&access_ring, sizeof(*r), 0);
    if (!r) {
        count_loss(TRN_WIRE_LOST_ACCESS);
        return;
    }
    fill_head(&r->head, TRN_WIRE_ACCESS, sizeof(*r));
    fill_actor(&r->head, task);
    r->target_tgid = pair.target;
    r->target_start = target ? BPF_CORE_READ(target, group_leader, start_boottime) : 0;
    r->uid = BPF_CORE_READ(cred, uid.val);
    r->euid = BPF_CORE_READ(cred, euid.val);
    r->gid = BPF_CORE_READ(cred, gid.val);
    r->act = reach.act;
    r->way = reach.way;
    r->reserved = 0;
    bpf_ringbuf_submit(r, wakeup_flags(&access_ring));
    note_told(&pair);
}

/* ---- the system call that runs, from the registers that the kernel saved ---- */

enum call {
    CALL_OTHER = 0,
    CALL_READ,
    CALL_WRITE,
    CALL_OPEN,
    CALL_OPENAT,
    CALL_OPENAT2,
    CALL_PTRACE,
    CALL_VM_READ,
    CALL_VM_WRITE,
    CALL_GETFD,
};

struct running {
    enum call call;
    __u64 arg[3];
};

#if defined(__TARGET_ARCH_x86)
static __always_inline enum call call_of(__u32 nr)
{
    switch (nr) {
    case 0: /* read, pread64, readv, preadv, preadv2 */
    case 17:
    case 19:
    case 295:
    case 327:
        return CALL_READ;
    case 1: /* write, pwrite64, writev, pwritev, pwritev2 */
    case 18:
    case 20:
    case 296:
    case 328:
        return CALL_WRITE;
    case 2:
        return CALL_OPEN;
    case 257:
        return CALL_OPENAT;
    case 437:
        return CALL_OPENAT2;
    case 101:
        return CALL_PTRACE;
    case 310:
        return CALL_VM_READ;
    case 311:
        return CALL_VM_WRITE;
    case 438:
        return CALL_GETFD;
    }
    return CALL_OTHER;
}

static __always_inline enum call compat_call_of(__u32 nr)
{
    switch (nr) {
    case 3: /* the same in the table of 32 bits */
    case 145:
    case 180:
    case 333:
    case 378:
        return CALL_READ;
    case 4:
    case 146:
    case 181:
    case 334:
    case 379:
        return CALL_WRITE;
    case 5:
        return CALL_OPEN;
    case 295:
        return CALL_OPENAT;
    case 437:
        return CALL_OPENAT2;
    case 26:
        return CALL_PTRACE;
    case 347:
        return CALL_VM_READ;
    case 348:
        return CALL_VM_WRITE;
    case 438:
        return CALL_GETFD;
    }
    return CALL_OTHER;
}

static __always_inline void running_call(struct task_struct *task, struct running *ret)
{
    struct pt_regs *regs = saved_registers(task);
    __u32 nr = (__u32)BPF_CORE_READ(regs, orig_ax);

    if (BPF_CORE_READ(task, thread_info.status) & TS_COMPAT) {
        ret->call = compat_call_of(nr);
        ret->arg[0] = BPF_CORE_READ(regs, bx);
        ret->arg[1] = BPF_CORE_READ(regs, cx);
        ret->arg[2] = BPF_CORE_READ(regs, dx);
        return;
    }
    ret->call = call_of(nr);
    ret->arg[0] = BPF_CORE_READ(regs, di);
    ret->arg[1] = BPF_CORE_READ(regs, si);
    ret->arg[2] = BPF_CORE_READ(regs, dx);
}
#elif defined(__TARGET_ARCH_arm64)
static __always_inline enum call call_of(__u32 nr)
{
    switch (nr) {
    case 63: /* read, pread64, readv, preadv, preadv2 */
    case 67:
    case 65:
    case 69:
    case 286:
        return CALL_READ;
    case 64: /* write, pwrite64, writev, pwritev, pwritev2 */
    case 68:
    case 66:
    case 70:
    case 287:
        return CALL_WRITE;
    case 56:
        return CALL_OPENAT;
    case 437:
        return CALL_OPENAT2;
    case 117:
        return CALL_PTRACE;
    case 270:
        return CALL_VM_READ;
    case 271:
        return CALL_VM_WRITE;
    case 438:
        return CALL_GETFD;
    }
    return CALL_OTHER;
}

/* Programs of 32 bits are not told apart here: their numbers are others, so they are mostly not seen. */
static __always_inline void running_call(struct task_struct *task, struct running *ret)
{
    struct pt_regs *regs = saved_registers(task);

    ret->call = call_of((__u32)BPF_CORE_READ(regs, syscallno));
    ret->arg[0] = BPF_CORE_READ(regs, orig_x0);
    ret->arg[1] = BPF_CORE_READ(regs, user_regs.regs[1]);
    ret->arg[2] = BPF_CORE_READ(regs, user_regs.regs[2]);
}
#else
#error "system call numbers of this architecture are missing"
#endif

/* ---- every kernel from 6.14 on ---- */

static __always_inline bool in_mem_rw(void *ctx)
{
    __u64 stack[STACK_DEPTH];
    long n;

    if (mem_rw_end == 0)
        return false;
    n = bpf_get_stack(ctx, stack, sizeof(stack), 0);
    for (int i = 0; i < STACK_DEPTH; i++) {
        if ((long)((__u64)i * sizeof(stack[0])) >= n)
            return false;
        if (stack[i] > mem_rw_start && stack[i] < mem_rw_end)
            return true;
    }
    return false;
}

/* A worker of io_uring does it for the process. Files of /proc cannot be read without waiting, so it is always one. */
static __always_inline __u8 ring_opcode(struct task_struct *task)
{
    struct io_worker *worker = (struct io_worker *)BPF_CORE_READ(task, worker_private);
    struct io_wq_work *work = BPF_CORE_READ(worker, cur_work);
    struct io_kiocb *request;

    if (!work)
        return 0;
    request = (struct io_kiocb *)((char *)work - bpf_core_field_offset(struct io_kiocb, work));
    return BPF_CORE_READ(request, opcode);
}

static __always_inline struct reach how_by_ring(void *ctx, struct task_struct *task)
{
    struct reach reach = {};
    __u8 opcode;

    if (!in_mem_rw(ctx))
        return reach;
    opcode = ring_opcode(task);
    reach.way = TRN_WIRE_WAY_PROC_MEM_RING;
    reach.act = opcode == URING_READ || opcode == URING_READV ? TRN_WIRE_ACCESS_READ : TRN_WIRE_ACCESS_WRITE;
    return reach;
}

static __always_inline struct reach how(void *ctx, struct task_struct *task)
{
    struct reach reach = {};
    struct running now = {};

    running_call(task, &now);
    switch (now.call) {
    case CALL_VM_READ:
    case CALL_VM_WRITE:
        reach.way = TRN_WIRE_WAY_PROCESS_VM;
        reach.act = now.call == CALL_VM_READ ? TRN_WIRE_ACCESS_READ : TRN_WIRE_ACCESS_WRITE;
        break;
    case CALL_PTRACE:
        reach.way = TRN_WIRE_WAY_PTRACE;
        reach.act = now.arg[0] >= PTRACE_POKETEXT && now.arg[0] <= PTRACE_POKEUSR ? TRN_WIRE_ACCESS_WRITE
                                                                                  : TRN_WIRE_ACCESS_READ;
        break;
    case CALL_READ:
    case CALL_WRITE:
        if (!in_mem_rw(ctx))
            break;
        reach.way = TRN_WIRE_WAY_PROC_MEM;
        reach.act = now.call == CALL_READ ? TRN_WIRE_ACCESS_READ : TRN_WIRE_ACCESS_WRITE;
        break;
    default:
        break;
    }
    return reach;
}

SEC("?tp_btf/mmap_lock_acquire_returned")
int BPF_PROG(on_memory, struct mm_struct *mm, bool write, bool success)
{
    struct task_struct *task = current_task();
    struct task_struct *target = 0;
    struct reach reach;

    /* Before the scope, because it is cheaper and nearly always the end: a fault takes the lock of its own map. */
    if (GET(task, mm) == mm || write)
        return 0;
    if (!success || (GET(task, flags) & PF_KTHREAD) || !in_scope())
        return 0;
    reach = (GET(task, flags) & PF_IO_WORKER) ? how_by_ring(ctx, task) : how(ctx, task);
    if (reach.way == 0)
        return 0;
    if (bpf_core_field_exists(mm->owner))
        target = BPF_CORE_READ(mm, owner);
    tell(task, target, reach);
    return 0;
}

/* ---- kernels with fexit: asked once, when a process wants to reach, and allowed ---- */

SEC("?fexit/security_ptrace_access_check")
int BPF_PROG(on_access_check, struct task_struct *child, unsigned int mode, int ret)
{
    struct task_struct *task = current_task();
    struct reach reach = {};
    struct running now = {};

    /* Looking at maps or environ asks for less than ATTACH. */
    if (ret != 0 || !(mode & PTRACE_MODE_ATTACH) || !in_scope() || GET(task, tgid) == child->tgid)
        return 0;
    running_call(task, &now);
    reach.act = TRN_WIRE_ACCESS_READ;
    switch (now.call) {
    case CALL_VM_WRITE:
        reach.act = TRN_WIRE_ACCESS_WRITE;
        reach.way = TRN_WIRE_WAY_PROCESS_VM;
        break;
    case CALL_VM_READ:
        reach.way = TRN_WIRE_WAY_PROCESS_VM;
        break;
    case CALL_GETFD:
        reach.way = TRN_WIRE_WAY_PIDFD_GETFD;
        break;
    case CALL_OPEN: /* /proc/PID/mem: what was asked for is all that is known here */
    case CALL_OPENAT:
        if (now.arg[now.call == CALL_OPEN ? 1 : 2] & 3)
            reach.act = TRN_WIRE_ACCESS_WRITE;
        reach.way = TRN_WIRE_WAY_PROC_MEM;
        break;
    case CALL_OPENAT2: /* its flags lie in memory of the process */
        reach.way = TRN_WIRE_WAY_PROC_MEM;
        break;
    case CALL_PTRACE: /* attaching is told by the kernel's process events */
        return 0;
    default:
        if (!(GET(task, flags) & PF_IO_WORKER))
            return 0;
        reach.way = TRN_WIRE_WAY_PROC_MEM_RING;
    }
    tell(task, child, reach);
    return 0;
}
