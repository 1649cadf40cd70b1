/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what each connection changes in the state of a beacon (constant time, integers only, so that every machine
 * remembers the same), the record of when the host was awake, and both as rows.
 * Must not: judge (beacon_judge.c), allocate, know what a destination is.
 */
#include "detect/behaviour/beacon_state.h"

#define COLLAPSE (2u * TRN_BEACON_HZ)
#define FIRST_LOG (4 * TRN_BEACON_SCALE) /* log2 of one second in ticks */
#define BACKWARDS 0x80000000u
#define ROW_VERSION 1
#define NANOSECONDS_A_TICK (TRN_NS_PER_SEC / TRN_BEACON_HZ)

uint32_t trn_beacon_time(uint64_t wall_ns)
{
    return (uint32_t)(wall_ns / NANOSECONDS_A_TICK);
}

/* Digits of the logarithm by squaring: the same result on every machine, whatever its mathematical library. */
uint16_t trn_beacon_log2(uint32_t ticks)
{
    if (ticks == 0)
        return 0;
    uint32_t whole = 31u - (uint32_t)__builtin_clz(ticks), digits = 0;
    uint64_t x = (uint64_t)ticks << (31u - whole); /* in [1, 2) with 31 digits */
    for (int i = 0; i < 11; i++) {
        x = (x * x) >> 31;
        digits <<= 1;
        if (x >> 32) {
            digits |= 1;
            x >>= 1;
        }
    }
    return (uint16_t)(whole * TRN_BEACON_SCALE + digits);
}

/* ---- when the host was awake ---- */

bool trn_awake_seen(struct trn_awake *a, uint32_t now)
{
    if (a->n) {
        uint32_t since = now - a->s[a->n - 1].to;
        if (since >= BACKWARDS)
            return false; /* late, or the clock was set back: nothing new is known */
        if (since <= TRN_AWAKE_QUIET) {
            a->s[a->n - 1].to = now;
            return false;
        }
    }
    if (a->n == TRN_AWAKE_STRETCHES) {
        for (uint32_t i = 1; i < a->n; i++)
            a->s[i - 1] = a->s[i];
        a->n--;
    }
    a->s[a->n].from = a->s[a->n].to = now;
    a->n++;
    return true;
}

uint32_t trn_awake_between(const struct trn_awake *a, uint32_t from, uint32_t to)
{
    uint32_t length = to - from, sum = 0;
    if (length >= BACKWARDS)
        return 0;
    if (!a || !a->n)
        return length;
    uint32_t before = a->s[0].from - from; /* older than the record: taken as awake */
    if (before < BACKWARDS)
        sum = TRN_MIN(before, length);
    for (uint32_t i = 0; i < a->n; i++) {
        int64_t lo = (int32_t)(a->s[i].from - from), hi = (int32_t)(a->s[i].to - from);
        lo = TRN_MAX(lo, 0);
        hi = TRN_MIN(hi, (int64_t)length);
        if (hi > lo)
            sum += (uint32_t)(hi - lo);
    }
    return sum;
}

/* ---- connections ---- */

void trn_beacon_init(struct trn_beacon *b, uint64_t key)
{
    *b = (struct trn_beacon){.key = key};
}

void trn_beacon_gap(struct trn_beacon *b, uint16_t log)
{
    int bin = ((int)log - FIRST_LOG) / (TRN_BEACON_SCALE / 4);
    bin = TRN_MAX(bin, 0);
    bin = TRN_MIN(bin, (int)TRN_BEACON_BINS - 1);
    if (b->histogram[bin] == UINT8_MAX)
        for (size_t i = 0; i < TRN_BEACON_BINS; i++)
            b->histogram[i] /= 2;
    b->histogram[bin]++;
    if (b->histogram[bin] > b->histogram[b->modal])
        b->modal = (uint8_t)bin;
    b->ring[b->ring_at] = log;
    b->ring_at = (uint8_t)((b->ring_at + 1u) % TRN_BEACON_RING);
    if (b->ring_n < TRN_BEACON_RING)
        b->ring_n++;
}

/* Nearer to the last check-in than a fiftieth of the usual gap: 5.64 octaves below it. */
static bool is_same_checkin(const struct trn_beacon *b, uint32_t now)
{
    if (now - b->last_connection < COLLAPSE)
        return true;
    if (b->ring_n < TRN_BEACON_LEAST - 1)
        return false;
    int usual = FIRST_LOG + b->modal * (TRN_BEACON_SCALE / 4);
    return (int)trn_beacon_log2(now - b->last) < usual - 11551;
}

bool trn_beacon_connection(struct trn_beacon *b, uint32_t now)
{
    if (b->n_connections < UINT32_MAX)
        b->n_connections++;
    if (b->n_checkins == 0) {
        b->first = b->last = b->last_connection = now;
        b->n_checkins = 1;
        return true;
    }
    uint32_t gap = now - b->last;
    if (gap >= BACKWARDS || now - b->last_connection >= BACKWARDS) {
        /* Late by a little: the same check-in. Far back: the clock was set, and this gap says nothing. */
        if (b->last - now > 60u * TRN_BEACON_HZ)
            b->last = b->last_connection = now;
        return false;
    }
    bool same = is_same_checkin(b, now);
    b->last_connection = now;
    if (same)
        return false;
    trn_beacon_gap(b, trn_beacon_log2(gap));
    b->last = now;
    if (b->n_checkins < UINT32_MAX)
        b->n_checkins++;
    return true;
}

void trn_beacon_bytes_out(struct trn_beacon *b, uint64_t bytes)
{
    uint16_t log = trn_beacon_log2(bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes);
    if (b->out_mean == 0) {
        b->out_mean = TRN_MAX(log, (uint16_t)1);
        return;
    }
    int off = (int)log - b->out_mean;
    b->out_mean = (uint16_t)(b->out_mean + off / 8);
    b->out_deviation = (uint16_t)(b->out_deviation + ((off < 0 ? -off : off) - (int)b->out_deviation) / 8);
    b->out_mean = TRN_MAX(b->out_mean, (uint16_t)1);
}

/* ---- rows ---- */

void trn_beacon_encode(const struct trn_beacon *b, struct trn_buf *out)
{
    trn_put_u8(out, ROW_VERSION);
    trn_put_u64(out, b->key);
    trn_put_u32(out, b->first);
    trn_put_u32(out, b->last);
    trn_put_u32(out, b->last_connection);
    trn_put_u32(out, b->n_connections);
    trn_put_u32(out, b->n_checkins);
    trn_put_u16(out, b->out_mean);
    trn_put_u16(out, b->out_deviation);
    trn_put_u8(out, b->score);
    trn_put_u8(out, b->flags);
    trn_put_u8(out, b->ring_n);
    for (uint32_t i = 0; i < b->ring_n; i++) /* oldest first */
        trn_put_u16(out, b->ring[(b->ring_at + TRN_BEACON_RING - b->ring_n + i) % TRN_BEACON_RING]);
    for (uint32_t i = 0; i < TRN_BEACON_BINS; i++) { /* few bins are used: (bin, count) pairs */
        if (b->histogram[i]) {
            trn_put_u8(out, (uint8_t)i);
            trn_put_u8(out, b->histogram[i]);
        }
    }
}

bool trn_beacon_decode(struct trn_str bytes, struct trn_beacon *ret)
{
    struct trn_cursor in = trn_cur_of(bytes);
    struct trn_beacon b = {0};
    if (trn_cur_u8(&in) != ROW_VERSION)
        return false;
    b.key = trn_cur_u64le(&in);
    b.first = trn_cur_u32le(&in);
    b.last = trn_cur_u32le(&in);
    b.last_connection = trn_cur_u32le(&in);
    b.n_connections = trn_cur_u32le(&in);
    b.n_checkins = trn_cur_u32le(&in);
    b.out_mean = trn_cur_u16le(&in);
    b.out_deviation = trn_cur_u16le(&in);
    b.score = trn_cur_u8(&in);
    b.flags = trn_cur_u8(&in);
    b.ring_n = trn_cur_u8(&in);
    if (in.bad || b.ring_n > TRN_BEACON_RING || b.ring_n >= TRN_MAX(b.n_checkins, 1u))
        return false;
    for (uint32_t i = 0; i < b.ring_n; i++)
        b.ring[i] = trn_cur_u16le(&in);
    b.ring_at = (uint8_t)(b.ring_n % TRN_BEACON_RING);
    int before = -1;
    while (trn_cur_left(&in) >= 2) {
        uint8_t bin = trn_cur_u8(&in), count = trn_cur_u8(&in);
        if (bin >= TRN_BEACON_BINS || bin <= before || count == 0)
            return false;
        b.histogram[bin] = count;
        if (count > b.histogram[b.modal])
            b.modal = bin;
        before = bin;
    }
    if (!trn_cur_end(&in))
        return false;
    *ret = b;
    return true;
}

void trn_awake_encode(const struct trn_awake *a, struct trn_buf *out)
{
    trn_put_u8(out, ROW_VERSION);
    for (uint32_t i = 0; i < a->n; i++) {
        trn_put_u32(out, a->s[i].from);
        trn_put_u32(out, a->s[i].to);
    }
}

bool trn_awake_decode(struct trn_str bytes, struct trn_awake *ret)
{
    struct trn_cursor in = trn_cur_of(bytes);
    struct trn_awake a = {0};
    if (trn_cur_u8(&in) != ROW_VERSION)
        return false;
    while (trn_cur_left(&in) > 0) {
        if (a.n == TRN_AWAKE_STRETCHES)
            return false;
        uint32_t from = trn_cur_u32le(&in), to = trn_cur_u32le(&in);
        if (to - from >= BACKWARDS || (a.n && from - a.s[a.n - 1].to >= BACKWARDS))
            return false;
        a.s[a.n].from = from;
        a.s[a.n].to = to;
        a.n++;
    }
    if (!trn_cur_end(&in))
        return false;
    *ret = a;
    return true;
}
