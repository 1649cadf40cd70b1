/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: owns the gate's BPF object, its links, its ring and whom it holds. Must not own: why a content is refused
 * (the blocker fills the tables of verdicts), the table of held processes (held.c, also the guard's).
 *
 *   armed ──> programs stop or kill ──> ring ── trn_gate_read ──> the blocker ── decide, let_go ──> tables, signal
 *
 * Loaded apart from the sensing object. Links die with their descriptors, so a turncoatd that ends asks nobody any more;
 * whom it holds then is the guard's.
 */
#include "sensor/gate.h"
#include "sensor/hook.h"
#include "sensor/load.h"
#include "sensor/loader.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/membarrier.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "sensor/skeleton_gate.h"

#define STUCK_NS (200 * TRN_NS_PER_MS)
#define HOLDS (TRN_GATE_HOLD_MEMFD | TRN_GATE_HOLD_FRESH | TRN_GATE_HOLD_UNKNOWN)
#define ALL (TRN_GATE_EXEC | TRN_GATE_MAP | HOLDS | TRN_GATE_REFUSE_MEMFD)

_Static_assert(sizeof(struct trn_gate_key) == sizeof(struct trn_gate_row_key), "one key");
_Static_assert(sizeof(struct trn_held_table) == sizeof(struct trn_gate_slots), "one table");
_Static_assert(offsetof(struct trn_held_slot, start_boot_ns) == offsetof(struct trn_gate_slot, start), "one slot");
_Static_assert(offsetof(struct trn_held_slot, kind) == offsetof(struct trn_gate_slot, kind), "one slot");
_Static_assert(TRN_HELD_SLOTS == TRN_GATE_SLOTS && TRN_HELD_BY_GATE == TRN_GATE_SLOT_KIND, "one table");
_Static_assert((int)TRN_GATE_MAP == (int)TRN_GATE_BPF_MAP, "one set");
_Static_assert((int)TRN_GATE_HOLD_UNKNOWN == (int)TRN_GATE_BPF_HOLD_UNKNOWN, "one set");
_Static_assert((int)TRN_GATE_REFUSE_MEMFD == (int)TRN_GATE_BPF_REFUSE_MEMFD, "one set");

enum { LINK_EXEC, LINK_MAP, LINK_SIGNAL, LINK_EXIT, N_LINKS };

struct trn_gate {
    struct trn_held *held;
    struct gate_bpf *bpf;
    struct bpf_program *map; /* the one of two that this kernel takes, or NULL */
    struct bpf_link *links[N_LINKS];
    struct ring_buffer *ring;
    struct trn_sensor_hook hook;
    void (*question)(void *ctx, const struct trn_gate_question *q); /* during a read */
    void *ctx;
    uint64_t n_read;                /* records; by the reading thread, read by others */
    uint64_t behind_ns, behind_was; /* trn_gate_stuck: since when there are unread ones, and how many were read then */
};

/* ---- settings ---- */

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t = {0};

    (void)clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * TRN_NS_PER_SEC + (uint64_t)t.tv_nsec;
}

/* Differences may be negative: both sides wrap. */
static void set_clocks(struct trn_gate *g)
{
    struct trn_gate_settings *s = &g->bpf->bss->settings;

    __atomic_store_n(&s->wall_minus_tai_ns, clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_TAI), __ATOMIC_RELAXED);
    __atomic_store_n(&s->wall_minus_boot_ns, clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME), __ATOMIC_RELAXED);
}

void trn_gate_own(struct trn_gate *g, const uint32_t own[4])
{
    for (size_t i = 0; i < 4; i++)
        __atomic_store_n(&g->bpf->bss->settings.own[i], own[i], __ATOMIC_RELAXED);
}

/* ---- open ---- */

/* How many arguments the tracepoint has here; 0: there is none. The first of its prototype is not the caller's. */
static unsigned tracepoint_arguments(const struct btf *kernel, const char *name)
{
    int id = btf__find_by_name_kind(kernel, name, BTF_KIND_TYPEDEF);
    const struct btf_type *t = id > 0 ? btf__type_by_id(kernel, (uint32_t)id) : NULL;

    t = t ? btf__type_by_id(kernel, t->type) : NULL; /* a pointer to the prototype */
    t = t && btf_is_ptr(t) ? btf__type_by_id(kernel, t->type) : NULL;
    return t && btf_is_func_proto(t) && btf_vlen(t) > 0 ? btf_vlen(t) - 1 : 0;
}

static struct bpf_program *choose_map(const struct btf *kernel, const struct gate_bpf *bpf)
{
    switch (tracepoint_arguments(kernel, "btf_trace_mmap_lock_start_locking")) {
    case 2:
        return bpf->progs.on_gate_map;
    case 3:
        return bpf->progs.on_gate_map_old;
    default:
        return NULL;
    }
}

static int load_object(struct trn_gate *g, const struct trn_scope *scope, const struct btf *kernel, bool with_map)
{
    int r;

    gate_bpf__destroy(g->bpf);
    g->map = NULL;
    g->bpf = gate_bpf__open();
    if (!g->bpf)
        return -errno;
    g->bpf->rodata->scope_id = scope->id;
    g->bpf->rodata->scope_level = scope->level;
    g->map = with_map ? choose_map(kernel, g->bpf) : NULL;
    if (g->map)
        (void)bpf_program__set_autoload(g->map, true);
    r = bpf_map__reuse_fd(g->bpf->maps.held, trn_held_fd(g->held));
    return r ? r : gate_bpf__load(g->bpf);
}

static void btf_freep(struct btf **b)
{
    btf__free(*b);
}

static int load(struct trn_gate *g, const struct trn_scope *scope, struct trn_err *err)
{
    TRN_AUTO(btf_freep) struct btf *kernel = btf__load_vmlinux_btf();
    int r = kernel ? load_object(g, scope, kernel, true) : -ENOTSUP;

    if (r != 0 && kernel)
        r = load_object(g, scope, kernel, false);
    if (r != 0) {
        (void)trn_fail(err, r, "cannot load the gate's programs: %s", trn_errno_name(r));
        trn_hint(err, "programs are refused by fanotify alone then; Linux 5.17 or later, with BTF, takes them");
        return r;
    }
    trn_hook_set(&g->hook, TRN_HOOK_ON, "%s", "");
    if (!g->map)
        trn_hook_add(&g->hook, TRN_HOOK_DEGRADED, "libraries are not refused: no tracepoint of memory maps here");
    if (btf__find_by_name_kind(kernel, "bpf_send_signal_task", BTF_KIND_FUNC) < 0)
        trn_hook_add(&g->hook, TRN_HOOK_DEGRADED,
                     "who is held and continued by others runs until it is judged: before Linux 6.13");
    return 0;
}

static int on_record(void *ctx, void *record, size_t size)
{
    struct trn_gate *g = ctx;
    struct trn_gate_ask a;
    struct trn_gate_question q;

    if (size < sizeof(a))
        return 0;
    memcpy(&a, record, sizeof(a));
    q = (struct trn_gate_question){.start_boot_ns = a.start,
                                   .asked_boot_ns = a.time,
                                   .tgid = a.tgid,
                                   .uid = a.uid,
                                   .map = a.flags & TRN_GATE_ASK_MAP,
                                   .memfd = a.flags & TRN_GATE_ASK_MEMFD,
                                   .refused = a.flags & TRN_GATE_ASK_REFUSED,
                                   .sealed = a.flags & TRN_GATE_ASK_SEALED,
                                   .not_held = a.flags & TRN_GATE_ASK_NOT_HELD};
    memcpy(&q.key, &a.key, sizeof(q.key));
    g->question(g->ctx, &q);
    __atomic_add_fetch(&g->n_read, 1, __ATOMIC_RELAXED);
    return 0;
}

int trn_gate_open(const struct trn_gate_options *o, struct trn_gate **ret, struct trn_err *err)
{
    struct trn_gate *g = calloc(1, sizeof(*g));
    struct trn_scope scope = {.fd = -1};
    int r;

    if (!g)
        return trn_fail(err, -ENOMEM, "cannot open the gate: out of memory");
    g->held = o->held;
    g->hook = (struct trn_sensor_hook){.name = "response.gate", .gives = "programs refused or held before they run"};
    (void)libbpf_set_print(NULL); /* a library room never prints */
    r = trn_scope_open(o->scope_cgroup, &scope, err);
    if (r == 0)
        r = load(g, &scope, err);
    trn_scope_done(&scope);
    if (r == 0) {
        g->ring = ring_buffer__new(bpf_map__fd(g->bpf->maps.gate_ring), on_record, g, NULL);
        if (!g->ring)
            r = trn_fail(err, -errno, "cannot map the gate's ring: %s", trn_errno_name(-errno));
    }
    (void)malloc_trim(0); /* the kernel's types, as in turncoatd.c */
    if (r != 0) {
        (void)trn_gate_close(g);
        return r;
    }
    g->bpf->bss->settings.kill_unasked = o->kill_unasked;
    trn_gate_own(g, o->own);
    *ret = g;
    return 0;
}

/* ---- arm ---- */

static int attach(struct trn_gate *g, int which, const struct bpf_program *p, struct trn_err *err)
{
    if (g->links[which])
        return 0;
    g->links[which] = bpf_program__attach(p);
    return g->links[which]
               ? 0
               : trn_fail(err, -errno, "cannot attach '%s': %s", bpf_program__name(p), trn_errno_name(-errno));
}

static void detach(struct trn_gate *g, int which)
{
    (void)bpf_link__destroy(g->links[which]);
    g->links[which] = NULL;
}

static uint32_t waiting_count(const struct trn_gate *g)
{
    int fd = bpf_map__fd(g->bpf->maps.waiting);
    uint32_t at = 0, next = 0, n = 0;

    for (int r = bpf_map_get_next_key(fd, NULL, &next); r == 0 && n < TRN_GATE_SLOTS;
         r = bpf_map_get_next_key(fd, &at, &next)) {
        at = next;
        n++;
    }
    return n;
}

int trn_gate_arm(struct trn_gate *g, unsigned what, uint32_t fresh_sec, struct trn_err *err)
{
    struct trn_gate_settings *s = &g->bpf->bss->settings;
    const struct gate_bpf *b = g->bpf;
    bool waits = (what & HOLDS) != 0;
    int r = 0;

    if (what & ~(unsigned)ALL)
        return trn_fail(err, -EINVAL, "cannot arm the gate: no such way");
    if ((what & TRN_GATE_MAP) && !g->map) {
        r = trn_fail(err, -ENOTSUP, "cannot refuse libraries: %s", g->hook.reason);
        trn_hint(err, "fanotify refuses the open of a library that is named; memory files are not covered");
        return r;
    }
    set_clocks(g);
    __atomic_store_n(&s->fresh_ns, fresh_sec * TRN_NS_PER_SEC, __ATOMIC_RELAXED);
    if (waits) { /* those who look after the held before the first is */
        r = attach(g, LINK_EXIT, b->progs.on_gate_exit, err);
        if (r == 0)
            r = attach(g, LINK_SIGNAL, b->progs.on_gate_signal, err);
    }
    __atomic_store_n(&s->what, r == 0 ? what : 0, __ATOMIC_RELEASE);
    if (r == 0 && (what & TRN_GATE_EXEC))
        r = attach(g, LINK_EXEC, b->progs.on_gate_exec, err);
    if (r == 0 && (what & TRN_GATE_MAP))
        r = attach(g, LINK_MAP, g->map, err);
    if (r != 0 || !(what & TRN_GATE_EXEC))
        detach(g, LINK_EXEC);
    if (r != 0 || !(what & TRN_GATE_MAP))
        detach(g, LINK_MAP);
    if ((r != 0 || !waits) && waiting_count(g) == 0) {
        detach(g, LINK_SIGNAL);
        detach(g, LINK_EXIT);
    }
    return r;
}

int trn_gate_fd(const struct trn_gate *g)
{
    return ring_buffer__epoll_fd(g->ring);
}

int trn_gate_read(struct trn_gate *g, void (*question)(void *ctx, const struct trn_gate_question *q), void *ctx)
{
    g->question = question;
    g->ctx = ctx;
    set_clocks(g);
    return ring_buffer__consume(g->ring);
}

bool trn_gate_stuck(struct trn_gate *g)
{
    uint64_t told = __atomic_load_n(&g->bpf->bss->totals.told, __ATOMIC_RELAXED);
    uint64_t n = __atomic_load_n(&g->n_read, __ATOMIC_RELAXED), now = trn_mono_ns();

    if (n >= told) {
        g->behind_ns = 0;
        return false;
    }
    if (g->behind_ns == 0 || n != g->behind_was) {
        g->behind_ns = now;
        g->behind_was = n;
    }
    return now - g->behind_ns > STUCK_NS;
}

/* ---- verdicts ---- */

int trn_gate_decide(struct trn_gate *g, const struct trn_gate_key *key, bool refuse)
{
    int to = bpf_map__fd(refuse ? g->bpf->maps.refused : g->bpf->maps.allowed);
    int from = bpf_map__fd(refuse ? g->bpf->maps.allowed : g->bpf->maps.refused);
    const uint8_t yes = 1;

    if (bpf_map_update_elem(to, key, &yes, BPF_ANY) != 0)
        return errno == E2BIG ? -ENOSPC : -errno;
    (void)bpf_map_delete_elem(from, key);
    return 0;
}

void trn_gate_forget(struct trn_gate *g, const struct trn_gate_key *key)
{
    (void)bpf_map_delete_elem(bpf_map__fd(g->bpf->maps.refused), key);
    (void)bpf_map_delete_elem(bpf_map__fd(g->bpf->maps.allowed), key);
}

/* ---- those who wait ---- */

int trn_gate_let_go(struct trn_gate *g, uint32_t tgid, uint64_t start_boot_ns, bool kill)
{
    TRN_AUTO(trn_fd_closep) int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)tgid, 0);
    int waiting = bpf_map__fd(g->bpf->maps.waiting);
    struct trn_gate_wait wait = {0};
    bool held;
    int r;

    if (pidfd < 0)
        return -errno;
    /* Its row goes before its number does: as long as there is one, the descriptor is of the one that waits. */
    held = bpf_map_lookup_elem(waiting, &tgid, &wait) == 0 && wait.start == start_boot_ns;
    if (!held && !trn_held_lives(tgid, start_boot_ns))
        return -ESRCH;
    if (!held && !kill)
        return 0;
    if (held && !kill) {
        wait.answered = 1;
        (void)bpf_map_update_elem(waiting, &tgid, &wait, BPF_EXIST);
    }
    r = syscall(SYS_pidfd_send_signal, pidfd, kill ? SIGKILL : SIGCONT, NULL, 0) == 0 ? 0 : -errno;
    /* After the signal: one that is in the table and runs costs nothing, one that is not and stands is forgotten. */
    if (held && (r == 0 || r == -ESRCH)) {
        (void)bpf_map_delete_elem(waiting, &tgid);
        trn_held_remove(g->held, tgid, start_boot_ns);
    }
    return r;
}

static void let_all_go(struct trn_gate *g)
{
    int fd = bpf_map__fd(g->bpf->maps.waiting);
    struct trn_gate_wait wait;
    uint32_t tgid;

    for (size_t i = 0; i < TRN_GATE_SLOTS && bpf_map_get_next_key(fd, NULL, &tgid) == 0; i++) {
        if (bpf_map_lookup_elem(fd, &tgid, &wait) == 0)
            (void)!trn_gate_let_go(g, tgid, wait.start, false);
        (void)bpf_map_delete_elem(fd, &tgid);
    }
}

struct trn_gate *trn_gate_close(struct trn_gate *g)
{
    if (!g)
        return NULL;
    for (int i = 0; i < N_LINKS; i++)
        detach(g, i);
    if (g->bpf && g->ring) {
        (void)syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0); /* programs that were just running have ended */
        let_all_go(g);
    }
    ring_buffer__free(g->ring);
    gate_bpf__destroy(g->bpf);
    free(g);
    return NULL;
}

void trn_gate_counts(const struct trn_gate *g, struct trn_gate_counts *ret)
{
    const struct trn_gate_totals *t = &g->bpf->bss->totals;

    *ret = (struct trn_gate_counts){.asked = __atomic_load_n(&t->asked, __ATOMIC_RELAXED),
                                    .refused = __atomic_load_n(&t->refused, __ATOMIC_RELAXED),
                                    .lost = __atomic_load_n(&t->lost, __ATOMIC_RELAXED),
                                    .continued_by_others = __atomic_load_n(&t->continued, __ATOMIC_RELAXED)};
}

const struct trn_sensor_hook *trn_gate_hook(const struct trn_gate *g)
{
    return &g->hook;
}
