/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: what runs in a worker, and a server whose workers run something else (tests). */
#ifndef TRN_INSPECT_WORKER_H
#define TRN_INSPECT_WORKER_H

#include "inspect/messages.h"

/* One job, already in the strict sandbox: reads fd, sends results on out, returns 0 or a negative errno. */
typedef int trn_worker_fn(const struct trn_job *job, int fd, int out, struct trn_err *err);

int trn_worker_run(const struct trn_job *job, int fd, int out, struct trn_err *err) TRN_MUST_CHECK;

/* Touches each parser once, so that what libraries read lazily (configuration, seeds) is read before
 * the doors close. */
void trn_worker_warm(void);

int trn_inspect_serve_with(int jobs_sock, int results_sock, const struct trn_inspect_options *o, trn_worker_fn *run,
                           struct trn_err *err);

#endif
