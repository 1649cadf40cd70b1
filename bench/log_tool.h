/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of log-tool. */
#ifndef TRN_BENCH_LOG_TOOL_H
#define TRN_BENCH_LOG_TOOL_H

#include "event/event.h"

/* Writes a recorded day of a workstation of so many seconds; how many events, or a negative errno. */
int64_t day_make(uint32_t seconds, const char *path, struct trn_err *err);
/* Writes at least n events to a new log; how many, or a negative errno. *ret_planted: second stages in it. */
int64_t log_make(uint64_t n, const char *path, uint64_t *ret_planted, struct trn_err *err);

#endif
