/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: owns the BPF programs (load.c gets them past this kernel), their links and the perf events
 * for the life of turncoatd.
 * Must not read a ring, and must not parse a record: the reader half does, in another process.
 *
 *   trn_sensor_open ── loads ──> maps ── trn_sensor_fds ──> handed to the engine, which maps them
 *          └── attaches each hook by itself; what the kernel refuses is a row in the hook table
 *
 * All is undone by closing: links and perf events die with their descriptors.
 */
#include "sensor/loader.h"
#include "sensor/hook.h"
#include "sensor/hook_check.h"
#include "sensor/load.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "sensor/bpf/limits.h"
#include "sensor/bpf/wire.h"
#include "sensor/skeleton.h"

static const struct trn_hook_spec specs[] = {
    {"on_exec", "process.exec", "program starts", false},
    {"on_fork", "process.fork", "new processes before they run something", false},
    {"on_exit", "process.exit", "ends of processes and their codes", false},
    {"existing", "process.existing", "processes that ran before turncoat", false},
    {"existing_mapped", "mapping.existing", "libraries that were loaded before turncoat", false},
    {"existing_sockets", "network.existing", "sockets that were open before turncoat", false},
    {"on_connect4", "network.connect4", "connection attempts over IPv4", true},
    {"on_connect6", "network.connect6", "connection attempts over IPv6", true},
    {"on_sendmsg4", "network.sendmsg4", "first datagrams over IPv4", true},
    {"on_sendmsg6", "network.sendmsg6", "first datagrams over IPv6", true},
    {"on_tcp_state", "network.state", "established, failed, accepted and closed connections, listening, bytes", false},
    {"on_bind4", "network.bind4", "datagram ports that are opened over IPv4", true},
    {"on_bind6", "network.bind6", "datagram ports that are opened over IPv6", true},
    {"on_sock_create", "network.raw", "raw sockets", true},
    {"on_egress", "dns.questions", "names that are asked for, what TLS clients say first", true},
    {"on_ingress", "dns.answers", "addresses that names resolve to", true},
    /* One row for two programs, of which at most one is loaded: the same act, seen at two places. */
    {"on_memory", "access.memory", "processes that read or write the memory of others", false},
};
#define ACCESS_CHECK "on_access_check"

/* What the second object leaves out. */
static const struct {
    const char *program, *lacks;
} compat_lacks[] = {
    {"existing", "this kernel does not let their arguments and variables be read"},
    {"on_tcp_state", "ends of connections that were open before turncoat are not told"},
};

#define N_SPECS TRN_ARRAY_SIZE(specs)
#define N_HOOKS (N_SPECS + 1) /* and the perf records */

struct trn_sensor {
    struct trn_scope scope;
    uint32_t share, one_by_one;
    struct trn_bpf *bpf;
    bool compat;
    enum trn_access_choice access;
    uint64_t mem_rw_start, mem_rw_end;
    struct bpf_link *links[N_SPECS];
    struct trn_sensor_hook hooks[N_HOOKS];
    struct trn_sensor_fd fds[TRN_SENSOR_CPUS_MAX + 4];
    size_t n_fds, first_perf;
    bool lost[N_HOOKS]; /* told as lost, and not back yet */
    uint64_t misses[N_SPECS], checked_ns;
    uint64_t perf_times[TRN_SENSOR_CPUS_MAX];
    struct trn_shares *shares;
    struct trn_repeats *repeats;
};

_Static_assert(N_SPECS <= TRN_PROGRAMS_MAX, "load.c has a row for each program");

static void bpf_freep(struct trn_bpf **b)
{
    trn_bpf__destroy(*b);
}

/* Plain stores into a mapping of the programs' variables: they see it at their next record. */
static void set_share(struct trn_bpf *bpf, uint32_t a_second)
{
    bool limit = a_second != TRN_SHARE_NONE;

    if (a_second == 0)
        a_second = TRN_SHARE_DEFAULT;
    __atomic_store_n(&bpf->bss->share_burst_ns, TRN_NS_PER_SEC, __ATOMIC_RELAXED);
    __atomic_store_n(&bpf->bss->share_token_ns, limit ? TRN_MAX(TRN_NS_PER_SEC / a_second, 1u) : 0, __ATOMIC_RELAXED);
}

static void set_one_by_one(struct trn_bpf *bpf, uint32_t a_second)
{
    uint64_t token = a_second == TRN_SHARE_NONE ? 0 : TRN_NS_PER_SEC / (a_second ? a_second : TRN_ONE_BY_ONE_DEFAULT);

    bpf->bss->repeat_token_ns = token;
    bpf->bss->repeat_burst_ns = TRN_ONE_BY_ONE_BURST * TRN_NS_PER_SEC;
}

/* The program of a row; NULL when the object has none (on_memory and its twin share a row). */
static struct bpf_program *program_of(void *ctx, const struct trn_bpf *bpf, size_t i)
{
    const struct trn_sensor *s = ctx;
    const char *name = specs[i].program;

    if (strcmp(name, "on_memory") == 0) {
        if (s->access == TRN_ACCESS_NONE)
            return NULL;
        if (s->access == TRN_ACCESS_CHECK)
            name = ACCESS_CHECK;
    }
    return bpf_object__find_program_by_name(bpf->obj, name);
}

/* The second object is opened in the clothes of the first: maps, programs and variables have the same names. */
static struct trn_bpf *open_compat(void)
{
    struct trn_bpf *bpf = calloc(1, sizeof(*bpf));
    int r = bpf ? trn_bpf__create_skeleton(bpf) : -ENOMEM;

    if (r == 0) {
        bpf->skeleton->data = (void *)trn_compat_bpf__elf_bytes(&bpf->skeleton->data_sz);
        r = bpf_object__open_skeleton(bpf->skeleton, NULL);
    }
    if (r == 0)
        return bpf;
    trn_bpf__destroy(bpf);
    errno = -r;
    return NULL;
}

#define SAME_PLACE(variables)                                                                                     \
    _Static_assert(sizeof(*((struct trn_bpf *)0)->variables) == sizeof(*((struct trn_compat_bpf *)0)->variables), \
                   "both objects have the same variables")
SAME_PLACE(rodata);
SAME_PLACE(bss);

/* Opens an object with its settings. */
static struct trn_bpf *open_object(void *ctx, bool compat)
{
    const struct trn_sensor *s = ctx;
    struct trn_bpf *bpf = compat ? open_compat() : trn_bpf__open();
    int cpus = libbpf_num_possible_cpus();

    if (!bpf)
        return NULL;
    bpf->rodata->scope_id = s->scope.id;
    bpf->rodata->scope_level = s->scope.level;
    bpf->rodata->mem_rw_start = s->mem_rw_start;
    bpf->rodata->mem_rw_end = s->mem_rw_end;
    set_share(bpf, s->share);
    set_one_by_one(bpf, s->one_by_one);
    (void)bpf_map__set_max_entries(bpf->maps.losses, cpus > 0 ? (uint32_t)cpus : 1);
    return bpf;
}

static size_t access_row(void)
{
    size_t i = 0;

    while (strcmp(specs[i].program, "on_memory") != 0)
        i++;
    return i;
}

/* Which program tells of reaching into others. Only loading it shows whether a kernel offers fexit. */
static void choose_access(struct trn_sensor *s)
{
    TRN_AUTO(bpf_freep) struct trn_bpf *probe = open_object(s, s->compat);
    struct bpf_program *p;

    if (probe) {
        bpf_object__for_each_program(p, probe->obj)(void)
            bpf_program__set_autoload(p, strcmp(bpf_program__name(p), ACCESS_CHECK) == 0);
    }
    s->access = trn_access_choose(probe && trn_bpf__load(probe) == 0, &s->hooks[access_row()]);
    if (s->access == TRN_ACCESS_MEMORY)
        trn_access_find_mem_rw(&s->mem_rw_start, &s->mem_rw_end);
}

static int load(struct trn_sensor *s, struct trn_err *err)
{
    struct trn_load l = {
        .specs = specs, .n = N_SPECS, .hooks = s->hooks, .open = open_object, .program_of = program_of, .ctx = s};
    int r;

    s->compat = s->compat || trn_load_needs_compat();
    l.compat = s->compat;
    choose_access(s);
    r = trn_load(&l, &s->bpf, err);
    s->compat = l.compat;
    return r;
}

/* No BPF at all (no BTF, or the kernel refuses): the rest goes on, and every row of status says why it is blind. */
static void go_without(struct trn_sensor *s, const char *why)
{
    trn_bpf__destroy(s->bpf);
    s->bpf = NULL;
    for (size_t i = 0; i < N_SPECS; i++)
        trn_hook_set(&s->hooks[i], TRN_HOOK_OFF, "%s", why);
}

static void say_on(struct trn_sensor *s, size_t i)
{
    trn_hook_set(&s->hooks[i], TRN_HOOK_ON, "%s", "");
    for (size_t k = 0; s->compat && k < TRN_ARRAY_SIZE(compat_lacks); k++) {
        if (strcmp(specs[i].program, compat_lacks[k].program) == 0)
            trn_hook_set(&s->hooks[i], TRN_HOOK_DEGRADED, "%s", compat_lacks[k].lacks);
    }
}

static struct bpf_link *attach(const struct trn_sensor *s, size_t i, const struct bpf_program *p)
{
    return specs[i].needs_cgroup || bpf_program__type(p) == BPF_PROG_TYPE_SOCK_OPS
               ? bpf_program__attach_cgroup(p, s->scope.fd)
               : bpf_program__attach(p);
}

static void attach_all(struct trn_sensor *s)
{
    for (size_t i = 0; i < N_SPECS; i++) {
        struct bpf_program *p = program_of(s, s->bpf, i);
        struct trn_sensor_hook *h = &s->hooks[i];

        if (!p || h->reason[0] != '\0')
            continue;
        s->links[i] = attach(s, i, p);
        if (s->links[i])
            say_on(s, i);
        else
            trn_hook_set(h, TRN_HOOK_OFF, "the kernel refused to attach it: %s", trn_errno_name(-errno));
    }
    if (s->access == TRN_ACCESS_MEMORY && s->links[access_row()] && s->mem_rw_end == 0)
        trn_hook_set(&s->hooks[access_row()], TRN_HOOK_DEGRADED,
                     "the kernel hides its addresses (kptr_restrict, CAP_SYSLOG): /proc/PID/mem is not told");
}

static void add_fd(struct trn_sensor *s, enum trn_sensor_fd_kind kind, const struct bpf_map *map)
{
    s->fds[s->n_fds++] =
        (struct trn_sensor_fd){.kind = kind, .size = bpf_map__max_entries(map), .fd = bpf_map__fd(map)};
}

/* Before 5.11 BPF memory counted against this limit; later kernels ignore it. */
static void lift_memlock(void)
{
    const struct rlimit no_limit = {RLIM_INFINITY, RLIM_INFINITY};

    (void)setrlimit(RLIMIT_MEMLOCK, &no_limit);
}

int trn_sensor_open(const struct trn_sensor_options *o, struct trn_sensor **ret, struct trn_err *err)
{
    struct trn_sensor *s = calloc(1, sizeof(*s));
    struct trn_sensor_hook *perf;
    int r;

    if (!s)
        return trn_fail(err, -ENOMEM, "cannot open the sensor: out of memory");
    s->scope.fd = -1;
    s->share = o ? o->share : 0;
    s->one_by_one = o ? o->one_by_one : 0;
    s->compat = o && o->compat;
    for (size_t i = 0; i < N_SPECS; i++)
        s->hooks[i] = (struct trn_sensor_hook){.name = specs[i].name, .gives = specs[i].gives};
    perf = &s->hooks[N_SPECS];
    *perf = (struct trn_sensor_hook){.name = "mapping.perf", .gives = "libraries and executable memory"};

    r = trn_scope_open(o ? o->scope_cgroup : NULL, &s->scope, err);
    if (r == 0) {
        struct trn_err why = {0};
        (void)libbpf_set_print(NULL); /* a library room never prints */
        lift_memlock();
        r = load(s, &why);
        if (r == 0)
            attach_all(s);
        else if (geteuid() != 0 && err)
            *err = why;
        else
            go_without(s, why.message);
        r = geteuid() == 0 ? 0 : r;
    }
    if (r != 0) {
        trn_sensor_close(s);
        return r;
    }
    if (s->bpf) {
        add_fd(s, TRN_SENSOR_FD_PROCESS, s->bpf->maps.process_ring);
        add_fd(s, TRN_SENSOR_FD_NETWORK, s->bpf->maps.network_ring);
        add_fd(s, TRN_SENSOR_FD_ACCESS, s->bpf->maps.access_ring);
        add_fd(s, TRN_SENSOR_FD_COUNTERS, s->bpf->maps.losses);
        s->shares = trn_shares_new(bpf_map__fd(s->bpf->maps.shares), bpf_map__fd(s->bpf->maps.losses),
                                   bpf_map__max_entries(s->bpf->maps.losses));
        s->repeats = trn_repeats_new(bpf_map__fd(s->bpf->maps.repeats), bpf_map__fd(s->bpf->maps.repeats_total));
    }
    s->checked_ns = trn_boot_ns();
    s->first_perf = s->n_fds;
    if (o && o->no_perf)
        trn_hook_set(perf, TRN_HOOK_OFF, "switched off");
    else
        s->n_fds += trn_perf_open(&s->scope, s->fds + s->n_fds, TRN_SENSOR_CPUS_MAX, perf);
    *ret = s;
    return 0;
}

struct trn_sensor *trn_sensor_close(struct trn_sensor *s)
{
    if (!s)
        return NULL;
    for (size_t i = 0; i < N_SPECS; i++)
        (void)bpf_link__destroy(s->links[i]);
    for (size_t i = s->first_perf; i < s->n_fds; i++)
        trn_fd_close(s->fds[i].fd);
    trn_shares_free(s->shares);
    trn_repeats_free(s->repeats);
    trn_bpf__destroy(s->bpf);
    trn_scope_done(&s->scope);
    free(s);
    return NULL;
}

static int check_link(struct trn_sensor *s, size_t i, const struct trn_record_sink *sink)
{
    struct bpf_program *p = program_of(s, s->bpf, i);
    const char *trouble = s->links[i] && p ? trn_link_trouble(s->links[i], p) : NULL;
    struct bpf_link *again;
    int r = 0;

    if (!trouble)
        return 0;
    if (!s->lost[i]) {
        r = trn_hook_tell(&s->hooks[i], false, trouble, sink);
        trn_hook_set(&s->hooks[i], TRN_HOOK_OFF, "%s; attaching it again is tried each second", trouble);
        s->lost[i] = true;
    }
    again = attach(s, i, p);
    if (!again || r < 0)
        return r;
    (void)bpf_link__destroy(s->links[i]);
    s->links[i] = again;
    s->lost[i] = false;
    say_on(s, i);
    return trn_hook_tell(&s->hooks[i], true, "attached again", sink);
}

static int check_perf(struct trn_sensor *s, const struct trn_record_sink *sink)
{
    bool off = trn_perf_check(s->fds + s->first_perf, s->n_fds - s->first_perf, s->scope.id != 0, s->perf_times);
    struct trn_sensor_hook *h = &s->hooks[N_SPECS];

    if (off == s->lost[N_SPECS])
        return 0;
    s->lost[N_SPECS] = off;
    if (off)
        trn_hook_set(h, TRN_HOOK_DEGRADED, "an event was switched off; switching it on again is tried each second");
    else
        trn_hook_set(h, TRN_HOOK_ON, "%s", "");
    return trn_hook_tell(h, !off, off ? "somebody switched an event off" : "switched on again", sink);
}

static enum trn_class class_of(const struct trn_hook_spec *spec)
{
    static const struct {
        const char *room;
        enum trn_class klass;
    } classes[] = {{"network.", TRN_CLASS_NETWORK}, {"dns.", TRN_CLASS_DNS}, {"access.", TRN_CLASS_ACCESS}};

    for (size_t i = 0; i < TRN_ARRAY_SIZE(classes); i++)
        if (strncmp(spec->name, classes[i].room, strlen(classes[i].room)) == 0)
            return classes[i].klass;
    return TRN_CLASS_PROCESS;
}

/* With a scope this is more than was lost: what the kernel left out may have been somebody else's. */
static int check_misses(struct trn_sensor *s, size_t i, const struct trn_record_sink *sink)
{
    const struct bpf_program *p = s->links[i] ? program_of(s, s->bpf, i) : NULL;
    uint64_t now = p ? trn_program_misses(p) : 0, before = s->misses[i];

    if (now <= before)
        return 0;
    s->misses[i] = now;
    return trn_misses_tell(class_of(&specs[i]), now - before, s->checked_ns, sink);
}

int trn_sensor_check(struct trn_sensor *s, const struct trn_record_sink *sink)
{
    int r = check_perf(s, sink);

    for (size_t i = 0; s->bpf && i < N_SPECS && r == 0; i++) {
        r = check_link(s, i, sink);
        if (r == 0)
            r = check_misses(s, i, sink);
    }
    s->checked_ns = trn_boot_ns();
    return r;
}

const struct trn_sensor_hook *trn_sensor_hooks(const struct trn_sensor *s, size_t *ret_count)
{
    *ret_count = N_HOOKS;
    return s->hooks;
}

const struct trn_sensor_fd *trn_sensor_fds(const struct trn_sensor *s, size_t *ret_count)
{
    *ret_count = s->n_fds;
    return s->fds;
}

/* In the order in which they are run: processes before what they hold. */
static const struct {
    const char *program, *what;
    bool needed; /* without it nothing else makes sense */
} iterators[] = {
    {"existing", "processes that run", true},
    {"existing_mapped", "code that is mapped", false},
    {"existing_sockets", "sockets that are open", false},
};

static int run_iterator(struct trn_sensor *s, size_t which, const struct trn_record_sink *sink, struct trn_err *err)
{
    TRN_AUTO(trn_fd_closep) int fd = -1;

    for (size_t i = 0; i < N_SPECS; i++) {
        if (strcmp(specs[i].program, iterators[which].program) != 0)
            continue;
        if (!s->links[i] && iterators[which].needed)
            return trn_fail(err, -ENOTSUP, "cannot list the %s: %s", iterators[which].what, s->hooks[i].reason);
        if (!s->links[i])
            return 0; /* the table of hooks says so */
        fd = bpf_iter_create(bpf_link__fd(s->links[i]));
    }
    if (fd < 0)
        return trn_fail(err, -errno, "cannot list the %s: %s", iterators[which].what, trn_errno_name(-errno));
    return trn_existing_run(fd, iterators[which].what, sink, err);
}

int trn_sensor_existing(struct trn_sensor *s, const struct trn_record_sink *sink, struct trn_err *err)
{
    int r = 0;

    if (s->bpf)
        s->bpf->bss->sockets_round++;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(iterators) && r == 0; i++)
        r = run_iterator(s, i, sink, err);
    return r;
}

int trn_sensor_throttled(struct trn_sensor *s, const struct trn_record_sink *sink)
{
    return s->shares ? trn_shares_tell(s->shares, sink) : 0;
}

int trn_sensor_repeated(struct trn_sensor *s, const struct trn_record_sink *sink)
{
    return s->repeats ? trn_repeats_tell(s->repeats, sink) : 0;
}

static void mute_key(const struct trn_mute_rule *rule, struct trn_mute_key *ret)
{
    *ret = (struct trn_mute_key){.number = rule->pid ? rule->pid : rule->inode, .process = rule->pid != 0};
}

/* The programs remember what the filters said until the number changes; it is never 0 again. */
static void mutes_changed(struct trn_sensor *s)
{
    uint32_t next = s->bpf->bss->muted_generation + 1;

    __atomic_store_n(&s->bpf->bss->muted_generation, next ? next : 1, __ATOMIC_RELEASE);
}

int trn_sensor_mute(struct trn_sensor *s, const struct trn_mute_rule *rule)
{
    static const struct {
        enum trn_class klass;
        unsigned index;
    } classes[] = {{TRN_CLASS_NETWORK, TRN_WIRE_LOST_NETWORK},
                   {TRN_CLASS_DNS, TRN_WIRE_LOST_DNS},
                   {TRN_CLASS_TLS, TRN_WIRE_LOST_TLS},
                   {TRN_CLASS_ACCESS, TRN_WIRE_LOST_ACCESS}};
    struct trn_mute value = {.until = rule->until_boot_ns,
                             .inode = rule->inode,
                             .ctime = rule->ctime_ns,
                             .ticks = rule->start_ticks};
    struct trn_mute_key key;

    if (!s->bpf)
        return -ENOTSUP;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(classes); i++)
        value.classes |= rule->classes & (1u << classes[i].klass) ? 1u << classes[i].index : 0;
    mute_key(rule, &key);
    if (bpf_map_update_elem(bpf_map__fd(s->bpf->maps.muted), &key, &value, BPF_ANY) != 0)
        return errno == E2BIG ? -ENOSPC : -errno;
    mutes_changed(s);
    return 0;
}

void trn_sensor_unmute(struct trn_sensor *s, const struct trn_mute_rule *rule)
{
    struct trn_mute_key key;

    if (!s->bpf)
        return;
    mute_key(rule, &key);
    (void)bpf_map_delete_elem(bpf_map__fd(s->bpf->maps.muted), &key); /* also gone by itself: by its time */
    mutes_changed(s);
}
