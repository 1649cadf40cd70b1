/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Overview: connections that a process makes again and again to the same place, or gets from there.
 * Owns the map of places. A token bucket a place decides at the beginning of each connection; who finds
 * no token has no records, and its beginning, its end and its bytes are added to sums that turncoatd
 * tells once a second. Slow ones, beacons among them, always find one. Only network.bpf.c has this.
 */
#ifndef TRN_SENSOR_REPEAT_BPF_H
#define TRN_SENSOR_REPEAT_BPF_H

#include "network.bpf.h"
#include "repeat.h"

/* Changed while all runs. */
volatile __u64 repeat_token_ns = 0; /* what a connection costs; 0: all are told one by one */
volatile __u64 repeat_burst_ns = 0;

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, TRN_REPEATS_MAX);
    __type(key, struct trn_repeat_key);
    __type(value, struct trn_repeat);
} repeats SEC(".maps");

/* The sums of all rows, also of those that the map gave up. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct trn_repeat_sums);
} repeats_total SEC(".maps");

static __always_inline struct trn_repeat *repeat_new(const struct trn_repeat_key *key, const struct note *note,
                                                     const __u8 *local)
{
    __u64 now = bpf_ktime_get_boot_ns();
    struct trn_repeat fresh = {.due = now + repeat_token_ns, .born = now, .uid = note->uid};

    if (local)
        __builtin_memcpy(fresh.local, local, sizeof(fresh.local));
    bpf_map_update_elem(&repeats, key, &fresh, BPF_NOEXIST);
    return bpf_map_lookup_elem(&repeats, key);
}

static __always_inline bool repeat_finds_token(struct trn_repeat *row, __u64 now, __u64 token)
{
    __u64 due = row->due;

    if (due < now) {
        row->due = now + token;
        return true;
    }
    if (due - now > repeat_burst_ns)
        return false;
    __sync_fetch_and_add(&row->due, token);
    return true;
}

/* The total is this CPU's own, but another program may come between. */
static __always_inline void repeat_add_end(struct trn_repeat_sums *sums, bool failed, __u64 out, __u64 in)
{
    if (failed) {
        __sync_fetch_and_add(&sums->failed, 1);
        return;
    }
    __sync_fetch_and_add(&sums->bytes_out, out);
    __sync_fetch_and_add(&sums->bytes_in, in);
    __sync_fetch_and_add(&sums->ended, 1);
}

static __always_inline struct trn_repeat_sums *repeat_total(void)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&repeats_total, &zero);
}

static __always_inline void repeat_key(struct trn_repeat_key *key, const struct note *note, __u8 family, __u16 port)
{
    key->start = note->start;
    key->tgid = note->tgid;
    key->port = port;
    key->incoming = note->role == NOTE_INCOMING;
    key->family = family;
}

/* The beginning of a connection, when note->opened is now. local: of an incoming one, else 0. */
static __always_inline void repeat_begins(struct note *note, const struct trn_repeat_key *key, const __u8 *local)
{
    struct trn_repeat_sums *total;
    struct trn_repeat *row;

    note->quiet = 0;
    /* What a filter leaves out is counted with the filter. */
    if (repeat_token_ns == 0 || mutes(&note->limits, note->start, note->tgid, TRN_WIRE_LOST_NETWORK))
        return;
    row = bpf_map_lookup_elem(&repeats, key);
    if (!row) {
        repeat_new(key, note, local);
        return;
    }
    total = repeat_total();
    if (!total || repeat_finds_token(row, note->opened, repeat_token_ns))
        return;
    if (row->since == 0)
        row->since = note->opened;
    row->uid = note->uid;
    note->quiet = 1;
    __sync_fetch_and_add(&row->sums.begun, 1);
    __sync_fetch_and_add(&total->begun, 1);
}

/* The end of a quiet one. */
static __always_inline void repeat_ends(const struct note *note, const struct trn_repeat_key *key, bool failed,
                                        __u32 error, __u64 out, __u64 in)
{
    struct trn_repeat *row = bpf_map_lookup_elem(&repeats, key);
    struct trn_repeat_sums *total = repeat_total();

    if (!row)
        row = repeat_new(key, note, 0);
    if (!row || !total) {
        count_loss(TRN_WIRE_LOST_NETWORK);
        return;
    }
    if (row->since == 0)
        row->since = note->opened;
    if (failed)
        row->error = error;
    /* The row first: what is in the total is then in a row, or was in one that the map gave up. */
    repeat_add_end(&row->sums, failed, out, in);
    repeat_add_end(total, failed, out, in);
}

#endif
