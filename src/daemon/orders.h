/* SPDX-License-Identifier: Apache-2.0 */
/* orders.c: what one engine asks turncoatd to do, and what it is told of it. */
#ifndef TRN_DAEMON_ORDERS_H
#define TRN_DAEMON_ORDERS_H

#include "daemon/daemon.h"
#include "response/execute/execute.h"

struct trn_orders;

struct trn_orders_options {
    int acts_sock;                   /* taken over: what people ask, with their own sockets */
    int respond_sock;                /* taken over: what the policy wants; every step of every action */
    struct trn_filters *filters;     /* borrowed */
    struct trn_executor *executor;   /* borrowed; NULL: nothing can be done, and executor_why says why */
    const char *executor_why;        /* borrowed */
    struct trn_record_pipe *records; /* borrowed: a filter is told as a record */
    void (*judged)(void *ctx, const struct trn_judged *j); /* NULL: nobody asks */
    void *ctx;
    unsigned *dropped; /* atomic counter of malformed messages */
};

int trn_orders_start(const struct trn_orders_options *o, struct trn_orders **ret, struct trn_err *err) TRN_MUST_CHECK;
/* True when the engine misbehaved or went away. */
bool trn_orders_ended(const struct trn_orders *r);
/* The engine must be gone. Waits a bounded time; true: no thread of it is left. Takes NULL. */
/* meanwhile (may be NULL) is called often as long as it waits. */
bool trn_orders_stop(struct trn_orders *r, void (*meanwhile)(void *ctx), void *ctx);
/* A message to the engine, from any thread; what finds no room is lost to it, and it is told again when it starts. */
void trn_orders_tell(struct trn_orders *r, uint16_t type, struct trn_str body);

#endif
