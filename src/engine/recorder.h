/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merges the events of all sources by boot time within a lateness window, numbers them and passes
 * them on: one order, one log. It is given the time, it never asks for it, so tests replay it.
 *
 * Equal times are ordered by type and then by content, so the result does not depend on arrival.
 * An event that comes later than its window is passed on at once, marked TRN_EVF_LATE.
 * An exec whose identity is still being looked up holds back everything behind it, for a bounded time.
 */
#ifndef TRN_ENGINE_RECORDER_H
#define TRN_ENGINE_RECORDER_H

#include "event/event.h"

struct trn_recorder;

struct trn_recorder_options {
    size_t sz;
    uint64_t lateness_ns;      /* 0: 150 ms */
    uint64_t identity_wait_ns; /* 0: 600 ms beyond the window */
    size_t max_bytes;          /* 0: 4 MiB of waiting events; past it the oldest go early, counted */
    struct trn_event_sink out; /* numbered, in order */
    /* True while the event should wait for its identity; NULL: never. An event of NULL asks whether any would. */
    bool (*waiting)(void *ctx, const struct trn_event *ev);
    /* True when the event, its turn come, is nobody's business here (out of scope); NULL: never. */
    bool (*unwanted)(void *ctx, const struct trn_event *ev);
    void *ctx;
};

struct trn_recorder_stats {
    uint64_t events, late, hurried, identity_timeouts, unwanted;
    size_t pending, bytes;
};

int trn_recorder_new(const struct trn_recorder_options *o, struct trn_recorder **ret) TRN_MUST_CHECK;
struct trn_recorder *trn_recorder_free(struct trn_recorder *r); /* what waits is dropped: flush first */
/* Copies the event. Its boot_ns places it. */
int trn_recorder_add(struct trn_recorder *r, const struct trn_event *ev) TRN_MUST_CHECK;
/* What the recorder itself was told (identity, software, loss, health): goes out now, before all that waits. */
int trn_recorder_tell(struct trn_recorder *r, const struct trn_event *ev) TRN_MUST_CHECK;
/* Passes on all whose window has ended. Tells a CLOCK event when wall - boot jumped, a TICK a second. */
int trn_recorder_advance(struct trn_recorder *r, uint64_t now, uint64_t wall) TRN_MUST_CHECK;
/* Passes on everything, waiting for nothing. */
/* Somebody waits for what happened up to here: it is passed on after a shorter window, in which what was told before it
 * must have come. What comes later still is marked as late. */
void trn_recorder_hurry(struct trn_recorder *r, uint64_t until_boot_ns);
int trn_recorder_flush(struct trn_recorder *r) TRN_MUST_CHECK;
void trn_recorder_stats(const struct trn_recorder *r, struct trn_recorder_stats *ret);

#endif
