/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered of one software's calls to one place, and how regular they are. Pure functions; no allocation.
 * Times are in ticks of 1/16 s of the wall clock, modulo 2^32 (8.5 years); only differences are used.
 */
#ifndef TRN_DETECT_BEACON_STATE_H
#define TRN_DETECT_BEACON_STATE_H

#include "base/base.h"

#define TRN_BEACON_HZ 16u
#define TRN_BEACON_BINS 88u   /* quarter octaves from 1 s to 2^22 s (48 days) */
#define TRN_BEACON_RING 40u   /* latest gaps, for what is computed on demand */
#define TRN_BEACON_LEAST 6u   /* check-ins before anything is said */
#define TRN_BEACON_SCALE 2048 /* steps of one octave in the ring */

struct trn_beacon {
    uint64_t key;
    uint32_t first, last;     /* check-ins */
    uint32_t last_connection; /* also one that belongs to the last check-in */
    uint32_t n_connections, n_checkins;
    uint16_t out_mean, out_deviation; /* of log2 bytes sent, moving averages in steps of 1/2048; 0: none seen */
    uint8_t modal;                    /* fullest bin */
    uint8_t ring_at, ring_n;          /* next slot; how many are filled */
    uint8_t score;                    /* what the last judgement said, 0..100 */
    uint8_t flags;                    /* the owner's */
    uint8_t lives;                    /* the table's: how often it is passed over when room is needed */
    uint64_t
        events[4]; /* the owner's: numbers of the first and the latest check-ins of this run of the engine; no row */
    uint8_t histogram[TRN_BEACON_BINS];
    uint16_t ring[TRN_BEACON_RING]; /* log2 of gaps in ticks, in steps of 1/2048 */
};
_Static_assert(sizeof(struct trn_beacon) <= 256, "a key may cost 256 bytes");

/* When this host was awake: stretches of time in which events came. */
#define TRN_AWAKE_STRETCHES 192u
#define TRN_AWAKE_QUIET (15u * 60u * TRN_BEACON_HZ) /* longer without any event: asleep, off or not watched */
struct trn_awake {
    uint32_t n;
    struct {
        uint32_t from, to;
    } s[TRN_AWAKE_STRETCHES]; /* oldest first */
};
/* An event came. True when a new stretch begins. */
bool trn_awake_seen(struct trn_awake *a, uint32_t now);
/* Ticks awake between two times; all of it where nothing is known. */
uint32_t trn_awake_between(const struct trn_awake *a, uint32_t from, uint32_t to);

uint32_t trn_beacon_time(uint64_t wall_ns);
uint16_t trn_beacon_log2(uint32_t ticks); /* in steps of 1/2048; of 0 as of 1 */

void trn_beacon_init(struct trn_beacon *b, uint64_t key);
/* A connection. True when it opens a new check-in: not within 2 s of the last connection, nor within 2 % of the usual
 * gap after the last check-in. */
bool trn_beacon_connection(struct trn_beacon *b, uint32_t now);
/* Counts one gap between check-ins (its log2). */
void trn_beacon_gap(struct trn_beacon *b, uint16_t log);
void trn_beacon_bytes_out(struct trn_beacon *b, uint64_t bytes);

struct trn_beacon_verdict {
    double score;          /* 0..1: the largest of the four below */
    double wall;           /* regularity of the gaps by the wall clock */
    double awake;          /* the same by the time the host was awake; 0 where that is the same clock or unknown */
    double apart;          /* how improbable it is that calls at random never come closer than these did; 0..1 */
    double phase;          /* how improbable it is that calls at random come at the same times of the day; 0..1 */
    double period, spread; /* seconds; spread: of the middle half, as a share of the period */
    bool by_awake;         /* the clock that period counts in */
    uint32_t checkins;
};
/* Never before TRN_BEACON_LEAST check-ins (false). awake may be NULL. */
bool trn_beacon_judge(const struct trn_beacon *b, const struct trn_awake *awake, struct trn_beacon_verdict *ret);

/* Parts, for tests: 1 - (IQR of log2 gap + 0.9 * 1.6 / sqrt(n)) / 2.27 of the histogram, missed beats left out. */
double trn_beacon_regularity(const uint8_t histogram[TRN_BEACON_BINS]);
/* Decimal logarithm of the probability that n calls at random within the time awake keep at least the smallest
 * distance that these keep; up to two of them may be left out, which is paid for. times ascend. */
double trn_beacon_log_apart(const uint32_t *times, uint32_t n, const struct trn_awake *awake);

/* The same of all of them lying within the same part of a day, or of 12, 8, 6, 4, 3, 2 hours or one. */
double trn_beacon_log_phase(const uint32_t *times, uint32_t n, const struct trn_awake *awake);

/* As a row that survives a restart, and back: false for bytes that are no row. */
void trn_beacon_encode(const struct trn_beacon *b, struct trn_buf *out);
bool trn_beacon_decode(struct trn_str bytes, struct trn_beacon *ret);
void trn_awake_encode(const struct trn_awake *a, struct trn_buf *out);
bool trn_awake_decode(struct trn_str bytes, struct trn_awake *ret);

#endif
