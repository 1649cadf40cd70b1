/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions, for detect.c; what others may ask about them stands in detect.h. */
#ifndef TRN_DETECT_EXCEPTIONS_H
#define TRN_DETECT_EXCEPTIONS_H

#include "detect/internal.h"

struct trn_exceptions;

struct trn_exceptions *trn_exceptions_new(void) TRN_MUST_CHECK;
struct trn_exceptions *trn_exceptions_free(struct trn_exceptions *x);
/* EXCEPTION, SOFTWARE (its version is gone), CLOCK, and STATE rows "exception". */
int trn_exceptions_push(struct trn_exceptions *x, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
    TRN_MUST_CHECK;
/* Notes which file acts, and lowers the finding where an exception holds. The text it adds lives until the next call. */
void trn_exceptions_apply(struct trn_exceptions *x, const struct trn_detect_ctx *ctx, struct trn_finding *f);

/* exceptions_check.c: never an exception, whoever asks */
bool trn_exception_is_never(struct trn_str check);
/* exceptions_many.c: after one was made */
int trn_exceptions_tell_many(const struct trn_exceptions *x, const struct trn_detect_ctx *ctx,
                             const struct trn_event *ev) TRN_MUST_CHECK;
/* What the entity runs: the script where it runs one, else the program; NULL: not known yet. */
const struct trn_identity *trn_acting_file(const struct trn_entity *e);
bool trn_exceptions_hold(const struct trn_exceptions *x, size_t at, uint64_t now_wall_ns);

/* The rest of detect.h's questions. */
int trn_exceptions_room(const struct trn_exceptions *x, const struct trn_event *set, uint64_t *ret_id,
                        struct trn_err *err) TRN_MUST_CHECK;
bool trn_exceptions_next(const struct trn_exceptions *x, size_t *it, const struct trn_event **ret);
bool trn_exceptions_over(const struct trn_exceptions *x, uint64_t now_wall_ns, struct trn_event *ret);
size_t trn_exceptions_bytes(const struct trn_exceptions *x);

#endif
