/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: tells which processes had records left out because they made more than their share. Owns
 * the memory of what was told; the map is the kernel's. Must not decide a limit.
 *
 *   counters (all CPUs) grew? ── no ──> done, a few loads
 *            └ yes ──> the map, row by row ──> one throttle record a process and class
 *
 * A row that the map gave up meanwhile takes its count with it: what is in the total and in no row
 * is told without a process.
 */
#include "sensor/loader.h"

#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "sensor/bpf/limits.h"
#include "sensor/bpf/wire.h"

#define TOLD_MAX ((size_t)TRN_SHARES_MAX * TRN_SHARE_CLASSES)

struct trn_shares {
    int fd;
    const struct trn_wire_losses *counters; /* mapping */
    size_t counters_size;
    uint32_t cpus;
    struct trn_map *told; /* hash of (process, class) -> count; of the rows that were there last time */
    uint64_t told_total, last_ns;
    struct trn_share_key keys[TRN_SHARES_MAX];
    struct trn_share rows[TRN_SHARES_MAX];
};

struct trn_shares *trn_shares_free(struct trn_shares *s)
{
    if (s) {
        if (s->counters)
            (void)munmap((void *)s->counters, s->counters_size);
        trn_map_free(s->told);
        free(s);
    }
    return NULL;
}

struct trn_shares *trn_shares_new(int shares_fd, int counters_fd, uint32_t cpus)
{
    struct trn_shares *s = calloc(1, sizeof(*s));
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *p;

    if (!s)
        return NULL;
    s->fd = shares_fd;
    s->cpus = cpus;
    s->last_ns = trn_boot_ns();
    s->told = trn_map_new(TOLD_MAX);
    s->counters_size = ((size_t)cpus * sizeof(*s->counters) + page - 1) / page * page;
    p = mmap(NULL, s->counters_size, PROT_READ, MAP_SHARED, counters_fd, 0);
    if (p == MAP_FAILED || !s->told) {
        if (p != MAP_FAILED)
            (void)munmap(p, s->counters_size);
        return trn_shares_free(s);
    }
    s->counters = p;
    return s;
}

static uint64_t total(const struct trn_shares *s)
{
    uint64_t n = 0;

    for (uint32_t cpu = 0; cpu < s->cpus; cpu++)
        n += __atomic_load_n(&s->counters[cpu].lost[TRN_WIRE_LOST_THROTTLED], __ATOMIC_RELAXED);
    return n;
}

static enum trn_class class_of(unsigned index)
{
    static const enum trn_class classes[TRN_SHARE_CLASSES] = {
        [TRN_WIRE_LOST_PROCESS] = TRN_CLASS_PROCESS, [TRN_WIRE_LOST_NETWORK] = TRN_CLASS_NETWORK,
        [TRN_WIRE_LOST_DNS] = TRN_CLASS_DNS,         [TRN_WIRE_LOST_TLS] = TRN_CLASS_TLS,
        [TRN_WIRE_LOST_ACCESS] = TRN_CLASS_ACCESS,
    };

    return classes[index];
}

static int tell(const struct trn_shares *s, const struct trn_share_key *key, enum trn_class klass, uint64_t count,
                uint64_t since, uint64_t now, const struct trn_record_sink *sink)
{
    struct trn_wire_throttle r = {
        .head = {.size = sizeof(r), .type = TRN_WIRE_THROTTLE, .version = TRN_WIRE_VERSION, .time = now},
        .class = klass,
        .count = count,
        .since = TRN_MAX(since, s->last_ns),
    };

    r.head.start = key->start;
    r.head.tgid = key->tgid;
    return sink->record(sink->ctx, (struct trn_str){(const char *)&r, sizeof(r)});
}

/* All rows in one system call; a map that changes meanwhile may give a row twice or not at all. */
static uint32_t read_rows(struct trn_shares *s)
{
    uint32_t n = TRN_SHARES_MAX, next;

    if (bpf_map_lookup_batch(s->fd, NULL, &next, s->keys, s->rows, &n, NULL) != 0 && errno != ENOENT)
        return 0;
    return n;
}

static int tell_row(struct trn_shares *s, uint32_t i, struct trn_map *fresh, uint64_t now,
                    const struct trn_record_sink *sink)
{
    const struct trn_share_key *key = &s->keys[i];
    int r = 0;

    for (unsigned k = 0; k < TRN_SHARE_CLASSES && r >= 0; k++) {
        uint64_t id = trn_hash64_mix(trn_hash64_mix(key->start, key->tgid), k), before = 0,
                 count = s->rows[i].left_out[k];

        if (count == 0)
            continue;
        (void)trn_map_get(s->told, id, &before);
        if (trn_map_get(fresh, id, NULL) || trn_map_put(fresh, id, TRN_MAX(count, before)) != 0 || count <= before)
            continue;
        s->told_total += count - before;
        r = tell(s, key, class_of(k), count - before, s->rows[i].since, now, sink);
    }
    return r;
}

int trn_shares_tell(struct trn_shares *s, const struct trn_record_sink *sink)
{
    const struct trn_share_key nobody = {0};
    uint64_t all = total(s), now = trn_boot_ns();
    struct trn_map *fresh;
    uint32_t n;
    int r = 0;

    if (all <= s->told_total) {
        s->last_ns = now;
        return 0;
    }
    fresh = trn_map_new(TOLD_MAX);
    if (!fresh)
        return -ENOMEM;
    n = read_rows(s);
    for (uint32_t i = 0; i < n && r >= 0; i++)
        r = tell_row(s, i, fresh, now, sink);
    trn_map_free(s->told);
    s->told = fresh;
    if (r >= 0 && all > s->told_total) {
        r = tell(s, &nobody, TRN_CLASS_NETWORK, all - s->told_total, 0, now, sink);
        s->told_total = all;
    }
    s->last_ns = now;
    return r;
}
