/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash map from u64 to u64 (or pointer) with a hard maximum of entries. Iteration goes in order of
 * insertion (removals keep the order of the rest), so results never depend on hash values. Keys are
 * mixed, so attacker-chosen keys do not cluster trivially. Owned by the caller; init/done.
 */
#ifndef TRN_BASE_MAP_H
#define TRN_BASE_MAP_H

#include "base/macros.h"

struct trn_map;

struct trn_map *trn_map_new(size_t max_entries) TRN_MUST_CHECK;
struct trn_map *trn_map_free(struct trn_map *m); /* does not free pointed-to values */
static inline void trn_map_freep(struct trn_map **m)
{
    *m = trn_map_free(*m);
}
size_t trn_map_count(const struct trn_map *m);
size_t trn_map_bytes(const struct trn_map *m); /* memory held, for the budget table */

/* Inserts or replaces. 0, -ENOSPC at the maximum, -ENOMEM. */
int trn_map_put(struct trn_map *m, uint64_t key, uint64_t value) TRN_MUST_CHECK;
bool trn_map_get(const struct trn_map *m, uint64_t key, uint64_t *ret);
bool trn_map_remove(struct trn_map *m, uint64_t key, uint64_t *ret); /* ret may be NULL */
int trn_map_put_ptr(struct trn_map *m, uint64_t key, void *value) TRN_MUST_CHECK;
void *trn_map_get_ptr(const struct trn_map *m, uint64_t key); /* NULL when absent */

/* Oldest entry first: size_t it = 0; while (trn_map_next(m, &it, &key, &value)) ...
 * The map must not change meanwhile, except that the entry just returned may be removed. */
bool trn_map_next(const struct trn_map *m, size_t *it, uint64_t *ret_key, uint64_t *ret_value);

#endif
