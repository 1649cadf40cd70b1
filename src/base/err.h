/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors as values: functions return 0 or a negative errno and, if the caller passed one, fill a
 * struct trn_err that says what failed, where, and what to try. No thread-local state, so that a
 * worker can send the error over a socket. Library rooms never print; daemons and the CLI do, once.
 */
#ifndef TRN_BASE_ERR_H
#define TRN_BASE_ERR_H

#include "base/macros.h"

struct trn_err {
    int code;          /* negative errno, 0 when nothing failed */
    char message[320]; /* lower case, no full stop, subject in single quotes, already escaped */
    char hint[200];    /* what to try; may be empty */
};

/* Fills err (may be NULL) and returns code, so that callers can write `return trn_fail(...)`.
 * Foreign text among the arguments must have been escaped by the caller (trn_escape_into). */
int trn_fail(struct trn_err *err, int code, const char *fmt, ...) TRN_PRINTF(3, 4);

/* Adds or replaces the hint; err may be NULL. */
void trn_hint(struct trn_err *err, const char *fmt, ...) TRN_PRINTF(2, 3);

/* Puts "context: " before the message that is already there; returns err->code (or code if NULL). */
int trn_fail_in(struct trn_err *err, int code, const char *fmt, ...) TRN_PRINTF(3, 4);

/* Name of a negative errno such as "ENOENT"; never NULL. */
const char *trn_errno_name(int code);
/* What it means for people: "permission denied"; of a rare one its name. */
const char *trn_errno_words(int code);

#endif
