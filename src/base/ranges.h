/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges of places in one source, to find what none of them covers. Add in any order, close once, then ask. Lives in an arena;
 * the room is limited: past it `bad` is set, and what is not covered cannot be told any more.
 */
#ifndef TRN_BASE_RANGES_H
#define TRN_BASE_RANGES_H

#include "base/arena.h"

#define TRN_RANGES_MAX 1000000u

struct trn_span {
    uint64_t from, to;
};
struct trn_ranges {
    struct trn_arena *arena; /* set by the caller */
    struct trn_span *list;
    uint32_t n, cap;
    bool bad;
};

/* An empty range is nothing; one that reaches past 2^64 ends there. */
void trn_ranges_add(struct trn_ranges *r, uint64_t at, uint64_t size);
/* In order, and what touches or overlaps is one. More can be added afterwards, then close again. */
void trn_ranges_close(struct trn_ranges *r);
/* The first part of [at, end) that nothing covers; false: none. Of closed ones. */
bool trn_ranges_gap(const struct trn_ranges *r, uint64_t at, uint64_t end, struct trn_span *ret);

#endif
