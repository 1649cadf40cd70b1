/* SPDX-License-Identifier: Apache-2.0 */
/* The local socket from the user's side: one request, many lines, one last line. */
#ifndef TRN_CLI_CLIENT_H
#define TRN_CLI_CLIENT_H

#include "cli/cli.h"

#include <jansson.h>

struct trn_client;

/* Connects to STATE/turncoat.sock. The error says how to start what is missing. */
int trn_client_open(const char *state, struct trn_client **ret, struct trn_err *err) TRN_MUST_CHECK;
struct trn_client *trn_client_free(struct trn_client *c);
static inline void trn_client_freep(struct trn_client **c)
{
    *c = trn_client_free(*c);
}
int trn_client_fd(const struct trn_client *c);

/* Sends a request; takes the reference, also on failure and when it is NULL (out of memory). */
int trn_client_ask(struct trn_client *c, json_t *request, struct trn_err *err) TRN_MUST_CHECK;

/* Next line within timeout_ms (-1: no limit). 1: *ret is the payload under the key of the line's type,
 * or the line itself (borrowed until the next call) and *ret_type its type; 0: the answer is over; -ETIMEDOUT (err
 * untouched); another negative errno with err set, also for an error the engine reports. */
int trn_client_next(struct trn_client *c, int timeout_ms, const char **ret_type, json_t **ret, struct trn_err *err)
    TRN_MUST_CHECK;

/* Open, ask and call back for each line; for commands with one question. */
typedef int trn_client_line_fn(void *ctx, const char *type, json_t *payload);
int trn_client_each(const char *state, json_t *request, trn_client_line_fn *fn, void *ctx, struct trn_err *err)
    TRN_MUST_CHECK;

#endif
