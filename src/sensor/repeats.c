/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: tells the connections that the kernel programs did not tell one by one, because one process
 * makes many to the same place (bpf/repeat.bpf.h). Owns the memory of what was told; the maps are the
 * kernel's. Must not decide which connections those are.
 *
 *   totals (all CPUs) grew? ── no ──> done, one system call
 *            └ yes ──> the map, row by row ──> what its sums grew by: begun, failed, ended with bytes
 *
 * The programs add to a row first and to the totals then, and totals are read before rows. So what is in
 * the totals and in no row was in one that the map gave up: it is told without a process and a place.
 */
#include "sensor/loader.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "sensor/bpf/repeat.h"
#include "sensor/bpf/wire.h"

struct told {
    uint64_t born; /* of the row */
    struct trn_repeat_sums sums;
};

struct trn_repeats {
    int rows_fd, total_fd, cpus;
    struct trn_repeat_sums *per_cpu; /* owned */
    struct trn_repeat_sums total, told;
    struct trn_map *places; /* hash of key -> place in now[] of the last time */
    struct told *before, *now;
    uint64_t last_ns;
    struct trn_repeat_key keys[TRN_REPEATS_MAX];
    struct trn_repeat rows[TRN_REPEATS_MAX];
    struct told memory[2][TRN_REPEATS_MAX];
};

struct trn_repeats *trn_repeats_free(struct trn_repeats *s)
{
    if (s) {
        free(s->per_cpu);
        trn_map_free(s->places);
        free(s);
    }
    return NULL;
}

struct trn_repeats *trn_repeats_new(int rows_fd, int total_fd)
{
    struct trn_repeats *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->rows_fd = rows_fd;
    s->total_fd = total_fd;
    s->cpus = libbpf_num_possible_cpus();
    s->last_ns = trn_boot_ns();
    s->before = s->memory[0];
    s->now = s->memory[1];
    s->places = trn_map_new(TRN_REPEATS_MAX);
    s->per_cpu = s->cpus > 0 ? calloc((size_t)s->cpus, sizeof(*s->per_cpu)) : NULL;
    return s->places && s->per_cpu ? s : trn_repeats_free(s);
}

static void add(struct trn_repeat_sums *to, const struct trn_repeat_sums *n)
{
    to->begun += n->begun;
    to->ended += n->ended;
    to->failed += n->failed;
    to->bytes_out += n->bytes_out;
    to->bytes_in += n->bytes_in;
}

/* True when they grew. */
static bool read_total(struct trn_repeats *s)
{
    struct trn_repeat_sums all = {0};
    uint32_t zero = 0;

    if (bpf_map_lookup_elem(s->total_fd, &zero, s->per_cpu) != 0)
        return false;
    for (int cpu = 0; cpu < s->cpus; cpu++)
        add(&all, &s->per_cpu[cpu]);
    s->total = all;
    return all.begun != s->told.begun || all.ended != s->told.ended || all.failed != s->told.failed;
}

/* One record of count connections; bytes only with those that ended. */
static int tell(const struct trn_repeats *s, const struct trn_repeat_key *key, const struct trn_repeat *row,
                uint16_t what, const struct trn_repeat_sums *n, const struct trn_record_sink *sink)
{
    uint64_t count = what == TRN_WIRE_CLOSE ? n->ended : what == TRN_WIRE_FAILED ? n->failed : n->begun;
    struct trn_wire_repeated r = {
        .net = {.head = {.size = sizeof(r), .type = TRN_WIRE_REPEATED, .version = TRN_WIRE_VERSION},
                .uid = row->uid,
                .family = key->family ? key->family : AF_INET,
                .protocol = IPPROTO_TCP,
                .incoming = key->incoming},
        .since = TRN_MAX(row->since, s->last_ns),
        .count = (uint32_t)TRN_MIN(count, TRN_NO_U32 - 1),
        .what = what,
    };

    if (count == 0)
        return 0;
    r.net.head.time = trn_boot_ns();
    r.net.head.start = key->start;
    r.net.head.tgid = key->tgid;
    *(key->incoming ? &r.net.local_port : &r.net.remote_port) = ntohs(key->port);
    memcpy(r.net.remote, key->remote, sizeof(r.net.remote));
    if (key->incoming)
        memcpy(r.net.local, row->local, sizeof(r.net.local));
    if (what == TRN_WIRE_FAILED)
        r.net.error = row->error;
    if (what == TRN_WIRE_CLOSE) {
        r.net.bytes_out = n->bytes_out;
        r.net.bytes_in = n->bytes_in;
    }
    return sink->record(sink->ctx, (struct trn_str){(const char *)&r, sizeof(r)});
}

static int tell_all(struct trn_repeats *s, const struct trn_repeat_key *key, const struct trn_repeat *row,
                    const struct trn_repeat_sums *n, const struct trn_record_sink *sink)
{
    int r = tell(s, key, row, key->incoming ? TRN_WIRE_ACCEPT : TRN_WIRE_CONNECT, n, sink);

    if (r >= 0)
        r = tell(s, key, row, TRN_WIRE_FAILED, n, sink);
    if (r >= 0)
        r = tell(s, key, row, TRN_WIRE_CLOSE, n, sink);
    add(&s->told, n);
    return r;
}

/* Bytes wait for the end that they belong to, which is added after them. */
static struct trn_repeat_sums grown(const struct trn_repeat_sums *now, const struct trn_repeat_sums *before)
{
    struct trn_repeat_sums n = {.begun = now->begun - before->begun,
                                .ended = now->ended - before->ended,
                                .failed = now->failed - before->failed};

    if (n.ended > 0) {
        n.bytes_out = now->bytes_out - before->bytes_out;
        n.bytes_in = now->bytes_in - before->bytes_in;
    }
    return n;
}

static int tell_row(struct trn_repeats *s, uint32_t i, struct trn_map *fresh, const struct trn_record_sink *sink)
{
    uint64_t id = trn_hash64(&s->keys[i], sizeof(s->keys[i])), at;
    struct told *now = &s->now[i];
    struct trn_repeat_sums n;

    *now = (struct told){.born = s->rows[i].born};
    if (trn_map_get(s->places, id, &at) && s->before[at].born == now->born)
        now->sums = s->before[at].sums;
    n = grown(&s->rows[i].sums, &now->sums);
    add(&now->sums, &n);
    if (trn_map_put(fresh, id, i) != 0)
        return -ENOMEM;
    return tell_all(s, &s->keys[i], &s->rows[i], &n, sink);
}

static uint64_t missing(uint64_t total, uint64_t told)
{
    return total > told ? total - told : 0;
}

static int tell_nameless(struct trn_repeats *s, const struct trn_record_sink *sink)
{
    const struct trn_repeat_key nobody = {0};
    const struct trn_repeat nothing = {.uid = TRN_NO_U32};
    struct trn_repeat_sums n = {.begun = missing(s->total.begun, s->told.begun),
                                .ended = missing(s->total.ended, s->told.ended),
                                .failed = missing(s->total.failed, s->told.failed)};

    if (n.ended > 0) {
        n.bytes_out = missing(s->total.bytes_out, s->told.bytes_out);
        n.bytes_in = missing(s->total.bytes_in, s->told.bytes_in);
    }
    return tell_all(s, &nobody, &nothing, &n, sink);
}

int trn_repeats_tell(struct trn_repeats *s, const struct trn_record_sink *sink)
{
    uint64_t now = trn_boot_ns();
    struct trn_map *fresh;
    struct told *swap;
    uint32_t n = TRN_REPEATS_MAX, next;
    int r = 0;

    if (!read_total(s)) {
        s->last_ns = now;
        return 0;
    }
    if (bpf_map_lookup_batch(s->rows_fd, NULL, &next, s->keys, s->rows, &n, NULL) != 0 && errno != ENOENT)
        return -errno;
    fresh = trn_map_new(TRN_REPEATS_MAX);
    if (!fresh)
        return -ENOMEM;
    for (uint32_t i = 0; i < n && r >= 0; i++)
        r = tell_row(s, i, fresh, sink);
    trn_map_free(s->places);
    s->places = fresh;
    swap = s->before;
    s->before = s->now;
    s->now = swap;
    if (r >= 0)
        r = tell_nameless(s, sink);
    s->last_ns = now;
    return r;
}
