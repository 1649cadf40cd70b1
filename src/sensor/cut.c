/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: owns the object of the cut (bpf/cut.bpf.c): its programs, maps, links, and the numbers of rules. The kernel
 * refuses by itself; nobody is asked and nothing waits. All is gone when the links are: nothing is pinned.
 * Must not decide who is cut (response/execute), and does not end connections itself (cut_abort.c).
 *
 * A rule is in force when its row is written and over when the row is cleared, whatever marks still name it (bpf/cut.h).
 */
#include "sensor/cut.h"
#include "sensor/cut_internal.h"
#include "sensor/hook.h"
#include "sensor/hook_check.h"

#include <pthread.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "sensor/bpf/limits.h"
#include "sensor/skeleton_cut.h"

#define HOOKS 10u
#define YOUNG_NS (5 * TRN_NS_PER_SEC) /* from the engine's list to the mark */
#define ROUNDS 16u                    /* a fork bomb must not keep us here */

_Static_assert(TRN_CUT_RULES + 1 == TRN_CUT_NUMBERS, "one row a rule");

struct trn_cut {
    struct trn_scope scope;
    struct cut_bpf *bpf;
    struct bpf_link *links[HOOKS];
    struct trn_sensor_hook hook;
    pthread_mutex_t lock; /* of the links, and of whoever changes the maps */
    bool taken[TRN_CUT_NUMBERS];
    unsigned set; /* rules that are set: what the links are there for */
    uint32_t generation;
    uint64_t set_ns[TRN_CUT_NUMBERS];
    unsigned waiting[TRN_CUT_NUMBERS]; /* what comes into force when it is settled */
};

/* ---- open, attach, close ---- */

static struct bpf_program *program(const struct trn_cut *c, size_t i, bool *ret_cgroup)
{
    struct bpf_program *const all[HOOKS] = {c->bpf->progs.cut_connect4, c->bpf->progs.cut_connect6,
                                            c->bpf->progs.cut_sendmsg4, c->bpf->progs.cut_sendmsg6,
                                            c->bpf->progs.cut_create,   c->bpf->progs.cut_egress,
                                            c->bpf->progs.cut_ingress,  c->bpf->progs.cut_exit,
                                            c->bpf->progs.cut_fork,     c->bpf->progs.cut_exec};

    *ret_cgroup = i < 7;
    return all[i];
}

static void detach(struct trn_cut *c)
{
    for (size_t i = 0; i < HOOKS; i++) {
        (void)bpf_link__destroy(c->links[i]);
        c->links[i] = NULL;
    }
}

static int attach(struct trn_cut *c, struct trn_err *err)
{
    for (size_t i = 0; i < HOOKS; i++) {
        bool cgroup;
        struct bpf_program *p = program(c, i, &cgroup);

        c->links[i] = cgroup ? bpf_program__attach_cgroup(p, c->scope.fd) : bpf_program__attach(p);
        if (!c->links[i]) {
            int r = trn_fail(err, -errno, "cannot cut a process off: the kernel refused to attach %s: %s",
                             bpf_program__name(p), trn_errno_name(-errno));

            detach(c);
            return r;
        }
    }
    return 0;
}

static int load(struct trn_cut *c, struct trn_err *err)
{
    int r;

    (void)libbpf_set_print(NULL); /* a library room never prints */
    c->bpf = cut_bpf__open();
    if (!c->bpf)
        return trn_fail(err, -errno, "cannot load the cut: %s", trn_errno_name(-errno));
    c->bpf->rodata->scope_id = c->scope.id;
    c->bpf->rodata->scope_level = c->scope.level;
    c->bpf->rodata->owner = (uint32_t)getpid();
    r = cut_bpf__load(c->bpf);
    if (r == 0)
        return 0;
    r = trn_fail(err, r, "cannot load the cut: the kernel refused its programs: %s", trn_errno_name(r));
    trn_hint(err, "isolate and shield need BPF with BTF, Linux 5.11 or later, and CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN");
    return r;
}

int trn_cut_open(const struct trn_cut_options *o, struct trn_cut **ret, struct trn_err *err)
{
    struct trn_cut *c = calloc(1, sizeof(*c));
    int r;

    if (!c)
        return trn_fail(err, -ENOMEM, "cannot load the cut: out of memory");
    pthread_mutex_init(&c->lock, NULL);
    c->scope.fd = -1;
    c->hook = (struct trn_sensor_hook){.name = "response.cut", .gives = "isolate and shield"};
    r = trn_scope_open(o->scope_cgroup, &c->scope, err);
    if (r == 0)
        r = load(c, err);
    if (r != 0) {
        trn_cut_close(c);
        return r;
    }
    trn_hook_set(&c->hook, TRN_HOOK_ON, "%s", "");
    *ret = c;
    return 0;
}

struct trn_cut *trn_cut_close(struct trn_cut *c)
{
    if (!c)
        return NULL;
    detach(c);
    cut_bpf__destroy(c->bpf);
    trn_scope_done(&c->scope);
    pthread_mutex_destroy(&c->lock);
    free(c);
    return NULL;
}

/* ---- rules ---- */

static uint32_t id_of(const struct trn_cut *c, uint32_t rule)
{
    return rule < TRN_CUT_NUMBERS ? __atomic_load_n(&c->bpf->bss->rules[rule].id, __ATOMIC_ACQUIRE) : 0;
}

static void put_what(struct trn_cut *c, uint32_t rule, unsigned what)
{
    __atomic_store_n(&c->bpf->bss->rules[rule].what, what, __ATOMIC_RELEASE);
}

static bool names(const uint32_t *list, uint32_t id)
{
    for (size_t i = 0; i < TRN_CUT_SLOTS; i++) {
        if (list[i] == id)
            return true;
    }
    return false;
}

/* As the kernel's side does it: a free slot, or one whose rule is over. */
static int add(const struct trn_cut *c, uint32_t *list, uint32_t id)
{
    if (names(list, id))
        return 0;
    for (size_t i = 0; i < TRN_CUT_SLOTS; i++) {
        if (list[i] != 0 && id_of(c, list[i] % TRN_CUT_NUMBERS) == list[i])
            continue;
        list[i] = id;
        return 0;
    }
    return -ENOSPC;
}

/* Deletes the rows that nothing lives in any more; list_at: where the row has its rules. */
static void sweep(struct trn_cut *c, int map, void *key, void *next, void *row, const uint32_t *list, size_t key_size)
{
    bool more = bpf_map_get_next_key(map, NULL, next) == 0;

    while (more) {
        bool dead = bpf_map_lookup_elem(map, next, row) == 0;

        memcpy(key, next, key_size);
        for (size_t i = 0; dead && i < TRN_CUT_SLOTS; i++)
            dead = list[i] == 0 || id_of(c, list[i] % TRN_CUT_NUMBERS) != list[i];
        more = bpf_map_get_next_key(map, key, next) == 0;
        if (dead)
            (void)bpf_map_delete_elem(map, key);
    }
}

static void sweep_all(struct trn_cut *c)
{
    struct trn_cut_program_key program_key = {0}, program_next = {0};
    struct trn_cut_program program_row = {0};
    struct trn_cut_mark mark = {0};
    uint32_t tgid = 0, tgid_next = 0;

    sweep(c, bpf_map__fd(c->bpf->maps.marks), &tgid, &tgid_next, &mark, mark.rule, sizeof(tgid));
    sweep(c, bpf_map__fd(c->bpf->maps.programs), &program_key, &program_next, &program_row, program_row.rule,
          sizeof(program_key));
}

static void drop_excepts(struct trn_cut *c, uint32_t rule)
{
    int map = bpf_map__fd(c->bpf->maps.excepts);
    struct trn_cut_except_key key, next;
    bool more = bpf_map_get_next_key(map, NULL, &next) == 0;

    while (more) {
        key = next;
        more = bpf_map_get_next_key(map, &key, &next) == 0;
        if (key.rule == rule)
            (void)bpf_map_delete_elem(map, &key);
    }
}

static int put_excepts(struct trn_cut *c, uint32_t rule, const struct trn_cut_host *except, size_t n,
                       struct trn_err *err)
{
    for (size_t i = 0; i < n; i++) {
        struct trn_cut_except_key key;
        struct trn_cut_except row;

        if (!trn_cut_except_key(rule, &except[i], &key))
            return trn_fail(err, -EINVAL, "exception %zu is no address", i + 1);
        trn_cut_except_fold(&key, except, n, &row);
        if (bpf_map_update_elem(bpf_map__fd(c->bpf->maps.excepts), &key, &row, BPF_ANY) != 0)
            return trn_fail(err, -errno, "cannot except an address: %s", trn_errno_name(-errno));
    }
    return 0;
}

int trn_cut_rule_take(struct trn_cut *c, uint32_t *ret_rule)
{
    int r = -ENOSPC;

    pthread_mutex_lock(&c->lock);
    for (uint32_t i = 1; i < TRN_CUT_NUMBERS && r != 0; i++) {
        if (c->taken[i])
            continue;
        c->taken[i] = true;
        *ret_rule = i;
        r = 0;
    }
    pthread_mutex_unlock(&c->lock);
    return r;
}

static void clear(struct trn_cut *c, uint32_t rule)
{
    if (id_of(c, rule) != 0) {
        __atomic_store_n(&c->bpf->bss->rules[rule].id, 0, __ATOMIC_RELEASE);
        c->set--;
    }
    if (c->set == 0)
        detach(c);
    put_what(c, rule, 0);
    drop_excepts(c, rule);
    sweep_all(c);
    c->taken[rule] = false;
}

void trn_cut_rule_clear(struct trn_cut *c, uint32_t rule)
{
    if (rule == 0 || rule >= TRN_CUT_NUMBERS)
        return;
    pthread_mutex_lock(&c->lock);
    clear(c, rule);
    pthread_mutex_unlock(&c->lock);
}

static int set(struct trn_cut *c, uint32_t rule, unsigned what, const struct trn_cut_host *except, size_t n,
               struct trn_err *err)
{
    bool fresh = id_of(c, rule) == 0;
    int r;

    drop_excepts(c, rule);
    r = put_excepts(c, rule, except, n, err);
    if (r == 0 && c->set == 0)
        r = attach(c, err);
    if (r != 0) {
        drop_excepts(c, rule);
        return r;
    }
    c->waiting[rule] = what;
    put_what(c, rule, fresh && (what & TRN_CUT_STANDING_STAYS) ? what & ~(unsigned)TRN_CUT_NETWORK : what);
    if (!fresh)
        return 0;
    c->generation = c->generation % (UINT32_MAX / TRN_CUT_NUMBERS) + 1; /* never 0 */
    c->set_ns[rule] = trn_boot_ns();
    c->taken[rule] = true;
    c->set++;
    __atomic_store_n(&c->bpf->bss->refused[rule], 0, __ATOMIC_RELAXED);
    __atomic_store_n(&c->bpf->bss->rules[rule].id, c->generation * TRN_CUT_NUMBERS + rule, __ATOMIC_RELEASE);
    return 0;
}

int trn_cut_rule_set(struct trn_cut *c, uint32_t rule, unsigned what, const struct trn_cut_host *except, size_t n,
                     struct trn_err *err)
{
    int r;

    if (rule == 0 || rule >= TRN_CUT_NUMBERS || what == 0)
        return trn_fail(err, -EINVAL, "there is no rule %u", rule);
    pthread_mutex_lock(&c->lock);
    r = set(c, rule, what, except, n, err);
    pthread_mutex_unlock(&c->lock);
    return r;
}

/* ---- who is marked ---- */

int trn_cut_program(struct trn_cut *c, uint32_t rule, uint64_t dev, uint64_t ino, uint64_t ctime_ns)
{
    const struct trn_cut_program_key key = {.inode = ino, .ctime = ctime_ns};
    struct trn_cut_program row = {0};
    uint32_t id;
    int r = -ENOENT, map;

    (void)dev;
    pthread_mutex_lock(&c->lock);
    map = bpf_map__fd(c->bpf->maps.programs);
    id = id_of(c, rule);
    if (id != 0) {
        (void)bpf_map_lookup_elem(map, &key, &row);
        r = add(c, row.rule, id);
    }
    if (r == 0 && bpf_map_update_elem(map, &key, &row, BPF_ANY) != 0)
        r = errno == E2BIG ? -ENOSPC : -errno;
    pthread_mutex_unlock(&c->lock);
    return r;
}

static bool is_start(uint32_t tgid, uint64_t start_boot_ns)
{
    uint64_t ticks;

    return trn_cut_start_ticks(tgid, &ticks) == 0 && ticks == start_boot_ns / TRN_TICK_NS;
}

static int mark(struct trn_cut *c, uint32_t id, uint32_t tgid, uint64_t start)
{
    int map = bpf_map__fd(c->bpf->maps.marks);
    struct trn_cut_mark m = {0};
    int r;

    if (bpf_map_lookup_elem(map, &tgid, &m) != 0 || m.start_ticks != start / TRN_TICK_NS)
        m = (struct trn_cut_mark){.start_ticks = start / TRN_TICK_NS};
    r = add(c, m.rule, id);
    if (r == 0 && bpf_map_update_elem(map, &tgid, &m, BPF_ANY) != 0)
        r = errno == E2BIG ? -ENOSPC : -errno;
    return r;
}

int trn_cut_process(struct trn_cut *c, uint32_t rule, uint32_t tgid, uint64_t start_boot_ns)
{
    uint32_t id;
    int r = -ENOENT;

    if (!is_start(tgid, start_boot_ns))
        return -ESRCH;
    pthread_mutex_lock(&c->lock);
    id = id_of(c, rule);
    if (id != 0)
        r = mark(c, id, tgid, start_boot_ns);
    /* Its end may have come before the mark: then nobody takes that away. */
    if (r == 0 && !is_start(tgid, start_boot_ns)) {
        (void)bpf_map_delete_elem(bpf_map__fd(c->bpf->maps.marks), &tgid);
        r = -ESRCH;
    }
    pthread_mutex_unlock(&c->lock);
    return r;
}

static uint32_t count(const struct trn_cut *c, uint32_t id)
{
    int map = bpf_map__fd(c->bpf->maps.marks);
    uint32_t tgid = 0, n = 0;
    struct trn_cut_mark m;

    for (bool more = bpf_map_get_next_key(map, NULL, &tgid) == 0; more;
         more = bpf_map_get_next_key(map, &tgid, &tgid) == 0)
        n += bpf_map_lookup_elem(map, &tgid, &m) == 0 && names(m.rule, id);
    return n;
}

/* ---- walks ---- */

static int start_walk(const struct bpf_program *p, int *ret_fd)
{
    struct bpf_link *link = bpf_program__attach_iter(p, NULL);
    int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1, r = fd < 0 ? -errno : 0;

    (void)bpf_link__destroy(link); /* the walk keeps what it needs */
    if (r == 0)
        *ret_fd = fd;
    return r;
}

static int walk_processes(struct trn_cut *c, uint32_t *ret_found)
{
    TRN_AUTO(trn_fd_closep) int fd = -1;
    char nothing[64];
    ssize_t n;
    int r = start_walk(c->bpf->progs.cut_walk, &fd);

    if (r != 0)
        return r;
    c->bpf->bss->walk_found = 0;
    do
        n = read(fd, nothing, sizeof(nothing));
    while (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)));
    *ret_found = c->bpf->bss->walk_found;
    return n < 0 ? -errno : 0;
}

static int walk_sockets(struct trn_cut *c, uint32_t rule, uint32_t *ret_found, uint32_t *ret_ended)
{
    TRN_AUTO(trn_fd_closep) int fd = -1;
    int r;

    c->bpf->bss->walk_rule = id_of(c, rule);
    r = start_walk(c->bpf->progs.cut_sockets, &fd);
    return r ? r : trn_cut_end_all(fd, ret_found, ret_ended);
}

static int settle(struct trn_cut *c, uint32_t rule, uint64_t since)
{
    uint32_t found = 1, none = 0, ended = 0;
    int r = 0;

    if (since == 0)
        since = c->set_ns[rule] > YOUNG_NS ? c->set_ns[rule] - YOUNG_NS : 0;
    c->bpf->bss->walk_since = since;
    for (unsigned i = 0; r == 0 && found > 0 && i < ROUNDS; i++)
        r = walk_processes(c, &found);
    if (r == 0 && (c->waiting[rule] & TRN_CUT_STANDING_STAYS))
        r = walk_sockets(c, rule, &none, &ended); /* notes which connections stand; there is nothing to end */
    if (r == 0)
        put_what(c, rule, c->waiting[rule]);
    return r;
}

int trn_cut_settle(struct trn_cut *c, uint32_t rule, uint64_t since_boot_ns, uint32_t *ret_processes,
                   struct trn_err *err)
{
    int r = -ENOENT;

    pthread_mutex_lock(&c->lock);
    if (id_of(c, rule) != 0)
        r = settle(c, rule, since_boot_ns);
    if (r == 0)
        *ret_processes = count(c, id_of(c, rule));
    pthread_mutex_unlock(&c->lock);
    return r ? trn_fail(err, r, "cannot list the processes to cut off: %s", trn_errno_name(r)) : 0;
}

int trn_cut_abort(struct trn_cut *c, uint32_t rule, uint32_t *ret_aborted, struct trn_err *err)
{
    uint32_t found = 1, ended = 0, all = 0;
    int r = -ENOENT;

    pthread_mutex_lock(&c->lock);
    if (id_of(c, rule) != 0)
        r = 0;
    for (unsigned i = 0; r == 0 && found > 0 && i < ROUNDS; i++) {
        r = walk_sockets(c, rule, &found, &ended);
        all += ended;
    }
    pthread_mutex_unlock(&c->lock);
    if (r != 0) /* whatever is left: not a packet of it passes */
        return trn_fail(err, r, "cannot end the connections that stand: %s", trn_errno_name(r));
    *ret_aborted = all;
    return 0;
}

/* ---- what others ask ---- */

static bool look_up(const struct trn_cut *c, uint32_t tgid, struct trn_cut_mark *ret)
{
    return bpf_map_lookup_elem(bpf_map__fd(c->bpf->maps.marks), &tgid, ret) == 0;
}

unsigned trn_cut_mark_of(const struct trn_cut *c, uint32_t tgid)
{
    struct trn_cut_mark m;
    unsigned what = 0;

    if (!look_up(c, tgid, &m))
        return 0;
    for (size_t i = 0; i < TRN_CUT_SLOTS; i++) {
        uint32_t rule = m.rule[i] % TRN_CUT_NUMBERS;

        if (m.rule[i] != 0 && id_of(c, rule) == m.rule[i])
            what |= __atomic_load_n(&c->bpf->bss->rules[rule].what, __ATOMIC_ACQUIRE);
    }
    return what;
}

bool trn_cut_has(const struct trn_cut *c, uint32_t rule, uint32_t tgid)
{
    uint32_t id = id_of(c, rule);
    struct trn_cut_mark m;

    return id != 0 && look_up(c, tgid, &m) && names(m.rule, id);
}

void trn_cut_counts(const struct trn_cut *c, struct trn_cut_counts *ret)
{
    struct trn_cut_counts counts = {.unmarked = __atomic_load_n(&c->bpf->bss->unmarked, __ATOMIC_RELAXED)};

    for (size_t i = 0; i < TRN_CUT_NUMBERS; i++)
        counts.refused[i] = __atomic_load_n(&c->bpf->bss->refused[i], __ATOMIC_RELAXED);
    *ret = counts;
}

const char *trn_cut_trouble(struct trn_cut *c)
{
    const char *trouble = NULL;

    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < HOOKS && !trouble; i++) {
        bool cgroup;
        const struct bpf_program *p = program(c, i, &cgroup);

        if (c->links[i])
            trouble = trn_link_trouble(c->links[i], p);
    }
    pthread_mutex_unlock(&c->lock);
    return trouble;
}

bool trn_cut_attached(const struct trn_cut *c)
{
    return c->links[0] != NULL;
}

const struct trn_sensor_hook *trn_cut_hook(const struct trn_cut *c)
{
    return &c->hook;
}
