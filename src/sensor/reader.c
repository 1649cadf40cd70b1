/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: owns the engine's end of everything the sensor hands over: mapped rings, perf buffers,
 * the counters and the pipe of records from turncoatd. Needs no right but to the descriptors it was given,
 * and makes no system call after the start but epoll_wait and recv.
 *
 *   rings, perf, pipe ── records ──> decode ──> struct trn_event ──> the caller's sink
 *   counters, perf LOST, loss records ──> one TRN_EV_LOSS per class whose count grew
 *
 * Must not order or number events: the recorder does.
 */
#include "sensor/reader.h"

#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sensor/bpf/wire.h"

#define RINGS_MAX 3
#define PERF_MAX 256
#define CHANNEL_BURST 4096 /* records a drain */
#define ARENA_LIMIT (64u << 10)

struct trn_reader {
    struct trn_ring rings[RINGS_MAX];
    size_t n_rings;
    struct trn_perf_ring perf[PERF_MAX];
    size_t n_perf;
    struct trn_losses_read losses;
    size_t counters_size;
    int records, epoll; /* records is one of fds */
    bool records_closed;
    int fds[RINGS_MAX + PERF_MAX + 2];
    size_t n_fds;

    uint64_t salt;
    struct trn_arena *arena; /* for one record */
    struct trn_mapped *seen;
    struct trn_bpf_names bpf_names;
    struct trn_streams *streams;
    struct trn_startup *startup;
    uint8_t *scratch;             /* TRN_PERF_RECORD_MAX */
    size_t perf_at;               /* which buffer is being drained */
    uint64_t told[TRN_CLASS_MAX]; /* already given as events */
    uint64_t told_at;
    uint64_t malformed;
    const struct trn_event_sink *sink; /* during a drain */
    int events;
};

struct trn_reader *trn_reader_free(struct trn_reader *r)
{
    if (!r)
        return NULL;
    for (size_t i = 0; i < r->n_rings; i++)
        trn_ring_unmap(&r->rings[i]);
    for (size_t i = 0; i < r->n_perf; i++)
        trn_perf_ring_unmap(&r->perf[i]);
    if (r->losses.counters)
        (void)munmap((void *)r->losses.counters, r->counters_size);
    trn_losses_done(&r->losses);
    for (size_t i = 0; i < r->n_fds; i++)
        trn_fd_close(r->fds[i]);
    trn_fd_close(r->epoll);
    trn_mapped_free(r->seen);
    trn_streams_free(r->streams);
    trn_startup_free(r->startup);
    trn_arena_free(r->arena);
    free(r->scratch);
    free(r);
    return NULL;
}

static int map_counters(struct trn_reader *r, const struct trn_sensor_fd *fd)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t n = (size_t)fd->size * sizeof(struct trn_wire_losses);
    void *p;

    if (fd->size == 0 || fd->size > 65536 || r->losses.counters)
        return -EINVAL;
    n = (n + page - 1) / page * page;
    p = mmap(NULL, n, PROT_READ, MAP_SHARED, fd->fd, 0);
    if (p == MAP_FAILED)
        return -errno;
    r->losses.counters = p;
    r->counters_size = n;
    r->losses.n_cpus = fd->size;
    return 0;
}

static int add_one(struct trn_reader *r, const struct trn_sensor_fd *fd)
{
    int e = -EINVAL;

    switch (fd->kind) {
    case TRN_SENSOR_FD_PROCESS:
    case TRN_SENSOR_FD_NETWORK:
    case TRN_SENSOR_FD_ACCESS:
        if (r->n_rings < RINGS_MAX && (e = trn_ring_map(fd->fd, fd->size, &r->rings[r->n_rings])) == 0)
            r->n_rings++;
        break;
    case TRN_SENSOR_FD_PERF:
        if (r->n_perf < PERF_MAX && (e = trn_perf_ring_map(fd->fd, fd->size, &r->perf[r->n_perf])) == 0)
            r->n_perf++;
        break;
    case TRN_SENSOR_FD_COUNTERS:
        return map_counters(r, fd); /* nothing to wait for */
    case TRN_SENSOR_FD_RECORDS:
        if (r->records < 0) {
            r->records = fd->fd;
            e = 0;
        }
        break;
    default:
        break;
    }
    if (e == 0) {
        struct epoll_event ev = {.events = EPOLLIN};

        e = epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd->fd, &ev) == 0 ? 0 : -errno;
    }
    return e;
}

static const char *kind_name(uint32_t kind)
{
    static const char *const names[TRN_SENSOR_FD_KIND_MAX] = {
        [TRN_SENSOR_FD_PROCESS] = "process ring",   [TRN_SENSOR_FD_NETWORK] = "network ring",
        [TRN_SENSOR_FD_COUNTERS] = "loss counters", [TRN_SENSOR_FD_PERF] = "perf buffer",
        [TRN_SENSOR_FD_ACCESS] = "access ring",     [TRN_SENSOR_FD_RECORDS] = "records",
    };

    return kind < TRN_SENSOR_FD_KIND_MAX && names[kind] ? names[kind] : "descriptor of unknown kind";
}

static int set_up(struct trn_reader *r, const struct trn_sensor_fd *fds, size_t n, struct trn_err *err)
{
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    r->arena = trn_arena_new(ARENA_LIMIT);
    r->seen = trn_mapped_new();
    r->streams = trn_streams_new();
    r->startup = trn_startup_new(trn_boot_ns());
    r->scratch = malloc(TRN_PERF_RECORD_MAX);
    if (!r->arena || !r->seen || !r->streams || !r->startup || !r->scratch)
        return trn_fail(err, -ENOMEM, "cannot read the sensor: out of memory");
    if (r->epoll < 0)
        return trn_fail(err, -errno, "cannot read the sensor: %s", trn_errno_name(-errno));
    for (size_t i = 0; i < n; i++) {
        int e = add_one(r, &fds[i]);

        if (e != 0) {
            (void)trn_fail(err, e, "cannot map the %s: %s", kind_name(fds[i].kind), trn_errno_name(e));
            if (e == -EPERM && fds[i].kind == TRN_SENSOR_FD_PERF)
                trn_hint(err, "raise the limit of locked memory to 8 MiB (LimitMEMLOCK=)");
            return e;
        }
    }
    return trn_losses_init(&r->losses, r->n_perf) == 0
               ? 0
               : trn_fail(err, -ENOMEM, "cannot read the sensor: out of memory");
}

int trn_reader_new(const struct trn_sensor_fd *fds, size_t n, uint64_t salt, struct trn_reader **ret,
                   struct trn_err *err)
{
    struct trn_reader *r = calloc(1, sizeof(*r));
    int e;

    if (!r || n > TRN_ARRAY_SIZE(r->fds)) {
        for (size_t i = 0; i < n; i++)
            trn_fd_close(fds[i].fd);
        free(r);
        return trn_fail(err, r ? -E2BIG : -ENOMEM, "cannot read the sensor: %s",
                        r ? "too many descriptors" : "out of memory");
    }
    r->epoll = r->records = -1;
    r->salt = salt;
    r->told_at = trn_boot_ns();
    for (size_t i = 0; i < n; i++)
        r->fds[r->n_fds++] = fds[i].fd;
    e = set_up(r, fds, n, err);
    if (e != 0) {
        trn_reader_free(r);
        return e;
    }
    *ret = r;
    return 0;
}

int trn_reader_fd(const struct trn_reader *r)
{
    return r->epoll;
}

int trn_reader_poll(struct trn_reader *r, int timeout_ms)
{
    struct epoll_event ev;
    int n = epoll_wait(r->epoll, &ev, 1, timeout_ms);

    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    return n > 0;
}

static int give(struct trn_reader *r, const struct trn_event *ev)
{
    int e = trn_sink_event(r->sink, ev);

    r->events++;
    return e < 0 ? e : 0;
}

/* What the process events mean for the filter of mappings. */
static void follow(struct trn_reader *r, const struct trn_event *ev)
{
    if (ev->pid == TRN_NO_U32)
        return;
    if (ev->type == TRN_EV_FORK)
        trn_mapped_fork(r->seen, ev->pid, ev->boot_ns);
    else if (ev->type == TRN_EV_EXIT)
        trn_mapped_exit(r->seen, ev->pid);
}

static int on_whole(void *ctx, const struct trn_event *ev)
{
    return give(ctx, ev);
}

static int on_record(void *ctx, struct trn_cursor record)
{
    struct trn_reader *r = ctx;
    const struct trn_event_sink whole = {on_whole, r};
    struct trn_piece piece;
    struct trn_event ev;
    int e;

    trn_arena_reset(r->arena);
    e = trn_decode_piece(record, r->salt, &piece, &ev);
    if (e == 0)
        return trn_streams_piece(r->streams, &piece, r->arena, &ev, &whole);
    e = trn_decode_record(record, r->salt, r->arena, &ev);
    if (e == -ENODATA)
        return 0;
    if (e != 0) {
        r->malformed++;
        return 0;
    }
    if (ev.type == TRN_EV_LOSS && ev.action != TRN_ACT_THROTTLED) { /* told with the others */
        r->losses.made[ev.meta.klass][ev.meta.delta_ns] += ev.meta.count;
        return 0;
    }
    if (ev.type == TRN_EV_LOSS && (ev.meta.klass == TRN_CLASS_FILE || ev.meta.klass == TRN_CLASS_OPEN))
        r->losses.throttled_files += ev.meta.count;
    if (trn_startup_repeats(r->startup, &ev))
        return 0;
    if ((ev.type == TRN_EV_LIB_LOAD || ev.type == TRN_EV_MEM_EXEC) && !trn_mapped_is_new(r->seen, &ev))
        return 0;
    follow(r, &ev);
    if (ev.type == TRN_EV_NET_CLOSE && ev.net.socket != 0 &&
        (e = trn_streams_closed(r->streams, ev.net.socket, &whole)) < 0)
        return e;
    return give(r, &ev);
}

static int on_perf(void *ctx, struct trn_cursor record)
{
    struct trn_reader *r = ctx;
    struct trn_event ev;
    uint64_t value = 0;
    int e;

    switch (trn_perf_peek(record, &value)) {
    case TRN_PERF_EXEC:
        trn_mapped_exec(r->seen, (uint32_t)value, trn_boot_ns());
        return 0;
    case TRN_PERF_LOST:
        r->losses.perf[r->perf_at] += value;
        return 0;
    case TRN_PERF_OTHER:
        return 0;
    case TRN_PERF_SYMBOL:
        r->malformed += trn_bpf_names_see(&r->bpf_names, record) < 0;
        return 0;
    case TRN_PERF_MAPPING:
    case TRN_PERF_BPF:
        break;
    }
    trn_arena_reset(r->arena);
    e = trn_decode_perf(record, r->arena, &ev);
    if (e == 0 && ev.type == TRN_EV_BPF)
        e = trn_bpf_names_add(&r->bpf_names, r->arena, &ev);
    if (e == -ENODATA)
        return 0;
    if (e != 0) {
        r->malformed++;
        return 0;
    }
    if (ev.type != TRN_EV_BPF && !trn_mapped_is_new(r->seen, &ev))
        return 0;
    return give(r, &ev);
}

/* 1 when turncoatd is gone. */
/* One record or more; each tells its size. What does not add up ends the packet. */
static int on_packet(struct trn_reader *r, struct trn_cursor packet)
{
    while (trn_cur_left(&packet) > 0) {
        struct trn_cursor peek = packet, one;
        uint32_t size = trn_cur_u32le(&peek);
        int e;

        one = trn_cur_sub(&packet, packet.at, size);
        if (peek.bad || one.bad || size < sizeof(struct trn_wire_header)) {
            r->malformed++;
            return 0;
        }
        e = on_record(r, one);
        if (e < 0)
            return e;
        trn_cur_skip(&packet, size);
    }
    return 0;
}

static int drain_records(struct trn_reader *r)
{
    for (int i = 0; i < CHANNEL_BURST; i++) {
        ssize_t n = recv(r->records, r->scratch, TRN_PERF_RECORD_MAX, MSG_DONTWAIT | MSG_TRUNC);
        int e;

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : 1;
        if (n == 0)
            return 1;
        if ((size_t)n > TRN_PERF_RECORD_MAX) {
            r->malformed++;
            continue;
        }
        e = on_packet(r, trn_cur(r->scratch, (size_t)n));
        if (e < 0)
            return e;
    }
    return 0;
}

void trn_reader_losses(const struct trn_reader *r, uint64_t ret_lost[TRN_CLASS_MAX])
{
    trn_losses_sum(&r->losses, ret_lost);
}

size_t trn_reader_loss_rows(struct trn_reader *r, struct trn_loss_row ret[TRN_LOSS_ROWS])
{
    return trn_losses_rows(&r->losses, ret);
}

uint64_t trn_reader_malformed(const struct trn_reader *r)
{
    return r->malformed;
}

static int give_losses(struct trn_reader *r)
{
    uint64_t now[TRN_CLASS_MAX], at = trn_boot_ns();

    trn_reader_losses(r, now);
    for (unsigned k = 0; k < TRN_CLASS_MAX; k++) {
        struct trn_event ev;
        int e;

        if (now[k] <= r->told[k])
            continue;
        trn_event_init(&ev, TRN_EV_LOSS);
        ev.boot_ns = at;
        ev.meta.klass = k;
        ev.meta.count = now[k] - r->told[k];
        ev.meta.from_boot_ns = r->told_at;
        r->told[k] = now[k];
        e = give(r, &ev);
        if (e < 0)
            return e;
    }
    r->told_at = at;
    return 0;
}

int trn_reader_drain(struct trn_reader *r, const struct trn_event_sink *sink)
{
    bool closed = false;
    int e = 0;

    r->sink = sink;
    r->events = 0;
    for (size_t i = 0; i < r->n_rings && e >= 0; i++) {
        e = trn_ring_drain(&r->rings[i], on_record, r);
        if (e == -EBADMSG) {
            r->malformed++;
            e = 0;
        }
    }
    if (e >= 0 && r->records >= 0 && !r->records_closed) {
        e = drain_records(r);
        closed = r->records_closed = e == 1;
    }
    for (size_t i = 0; i < r->n_perf && e >= 0; i++) {
        r->perf_at = i;
        e = trn_perf_ring_drain(&r->perf[i], r->scratch, on_perf, r);
        if (e == -EBADMSG) {
            r->malformed++;
            e = 0;
        }
    }
    if (e >= 0)
        e = give_losses(r);
    r->sink = NULL;
    if (e < 0)
        return e;
    return closed ? -EPIPE : r->events;
}
