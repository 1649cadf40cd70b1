/* SPDX-License-Identifier: Apache-2.0 */
/* Events made at random from a seed, through the field table, and exact comparison of two events. */
#ifndef TRN_TEST_RANDOM_EVENT_H
#define TRN_TEST_RANDOM_EVENT_H

#include "event/field_table.h"

/* Any type, each field present or absent, texts of all sorts (empty, NUL, not UTF-8), known and unknown extras. */
void random_event(uint64_t *seed, struct trn_arena *arena, struct trn_event *ret);
uint64_t random_u64(uint64_t *seed);
/* Name of the first field that differs; NULL when the two are the same. */
const char *event_difference(const struct trn_event *a, const struct trn_event *b);

#endif
