/* SPDX-License-Identifier: Apache-2.0 */
/* A fixed number of beacons by key; what is least worth keeping makes room, and is counted. A quarter of them may be
 * remembered at length, the others by their last five gaps. */
#ifndef TRN_DETECT_BEACON_TABLE_H
#define TRN_DETECT_BEACON_TABLE_H

#include "detect/behaviour/beacon_state.h"

struct trn_beacon_table;
struct trn_beacon_table *trn_beacon_table_new(uint32_t max) TRN_MUST_CHECK; /* all memory at once; below 2^18 */
struct trn_beacon_table *trn_beacon_table_free(struct trn_beacon_table *t);
/* The row of a key, made when it is new. *ret_evicted: what had to go for it; key 0: nothing. Borrowed until the next. */
struct trn_beacon *trn_beacon_table_get(struct trn_beacon_table *t, uint64_t key, struct trn_beacon *ret_evicted);
struct trn_beacon *trn_beacon_table_find(struct trn_beacon_table *t, uint64_t key); /* NULL when absent */
/* Passed over at least so many times from now on. */
void trn_beacon_table_keep(struct trn_beacon *b, uint8_t lives);
bool trn_beacon_table_next(struct trn_beacon_table *t, uint32_t *it, const struct trn_beacon **ret);
uint32_t trn_beacon_table_count(const struct trn_beacon_table *t);
uint64_t trn_beacon_table_evicted(const struct trn_beacon_table *t);
size_t trn_beacon_table_bytes(const struct trn_beacon_table *t);

#endif
