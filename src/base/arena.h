/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bump allocator for one job (one event, one artifact, one request). Everything in it dies together.
 * An arena has a limit; past it allocation returns NULL, like malloc. Not thread-safe.
 */
#ifndef TRN_BASE_ARENA_H
#define TRN_BASE_ARENA_H

#include "base/str.h"

struct trn_arena;

/* limit: most bytes it may ever hold at once (0: 64 MiB). NULL when out of memory. */
struct trn_arena *trn_arena_new(size_t limit) TRN_MUST_CHECK;
struct trn_arena *trn_arena_free(struct trn_arena *a); /* takes NULL, returns NULL */
/* Forgets everything, keeps the first block for reuse. */
void trn_arena_reset(struct trn_arena *a);
size_t trn_arena_used(const struct trn_arena *a);

/* Zeroed, aligned for any type; NULL past the limit. n == 0 gives a valid pointer. */
void *trn_arena_alloc(struct trn_arena *a, size_t n) TRN_MUST_CHECK;
void *trn_arena_array(struct trn_arena *a, size_t count, size_t each) TRN_MUST_CHECK;
/* Copies; the copy is NUL-terminated behind its last byte. Absent stays absent. On failure absent. */
struct trn_str trn_arena_str(struct trn_arena *a, struct trn_str s);
struct trn_str trn_arena_printf(struct trn_arena *a, const char *fmt, ...) TRN_PRINTF(2, 3);

static inline void trn_arena_freep(struct trn_arena **a)
{
    *a = trn_arena_free(*a);
}

#endif
