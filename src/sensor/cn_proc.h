/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to the kernel's process events (CN_PROC): a socket that lets only what its filter takes pass, and the order to
 * tell. What is asked for, and what an event means, is each user's own (proc_events.c; response/execute/follow.c).
 */
#ifndef TRN_SENSOR_CN_PROC_H
#define TRN_SENSOR_CN_PROC_H

#include "base/base.h"

struct sock_fprog;

#define TRN_CN_PROC_WHAT 36u /* where in a message the kind of event stands */
enum { TRN_CN_PROC_LISTEN = 1, TRN_CN_PROC_IGNORE = 2 };

/* Bound, in this thread's network namespace, with the filter there before the first event. fd, or a negative errno. */
int trn_cn_proc_socket(const struct sock_fprog *filter, int receive_bytes) TRN_MUST_CHECK;
/* mask: kinds of events, as 6.6 and later understand it; older kernels do not listen to the longer message. 0: without. */
int trn_cn_proc_ask(int fd, uint32_t op, uint32_t mask) TRN_MUST_CHECK;

#endif
