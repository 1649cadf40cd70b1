/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the room only: what the files of the cut share. */
#ifndef TRN_SENSOR_CUT_INTERNAL_H
#define TRN_SENSOR_CUT_INTERNAL_H

#include "sensor/cut.h"
#include "sensor/loader.h"

#include "sensor/bpf/cut.h"

/* ---- cut_except.c: exceptions to rows of the kernel's table ---- */

/* The key of a prefix; false: no such address. Bits behind the prefix are cleared, an IPv4 address inside an IPv6 one
 * becomes one. */
bool trn_cut_except_key(uint32_t rule, const struct trn_cut_host *h, struct trn_cut_except_key *ret);
/* What the row of this prefix must say, since only the longest one is found: its own ports, and those of all that
 * contain it. */
void trn_cut_except_fold(const struct trn_cut_except_key *key, const struct trn_cut_host *all, size_t n,
                         struct trn_cut_except *ret);

/* ---- cut_abort.c ---- */

/* Ends the connection behind a descriptor of another process, if it is still the one with this cookie. */
int trn_cut_end_connection(uint32_t tgid, uint32_t fd, uint64_t cookie) TRN_MUST_CHECK;
/* Ends what the iterator finds. More than the buffer holds is for the next round. */
int trn_cut_end_all(int iter_fd, uint32_t *ret_found, uint32_t *ret_ended) TRN_MUST_CHECK;
/* Start in ticks, as /proc says it. */
int trn_cut_start_ticks(uint32_t tgid, uint64_t *ret) TRN_MUST_CHECK;

#endif
