/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks and times as text. The pure engine never calls the first three. */
#ifndef TRN_BASE_CLOCK_H
#define TRN_BASE_CLOCK_H

#include "base/buf.h"

uint64_t trn_boot_ns(void); /* CLOCK_BOOTTIME, what the kernel stamps events with */
uint64_t trn_wall_ns(void); /* CLOCK_REALTIME, Unix epoch */
uint64_t trn_mono_ns(void);

/* 2026-11-23T07:01:02.123456789Z */
void trn_put_time_iso(struct trn_buf *b, uint64_t wall_ns);
/* For people: "12 ms", "0.4 s", "19 s", "8m 02s", "3h 05m", "12 days". No sign: the caller's. */
void trn_put_span(struct trn_buf *b, uint64_t ns);
/* ISO 8601 (with or without fraction, Z or +hh:mm), or "5m", "2h", "7d" before now. */
int trn_time_parse(struct trn_str s, uint64_t now_wall_ns, uint64_t *ret_wall_ns) TRN_MUST_CHECK;

#endif
