/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: filling struct trn_err.
 * Must not: print, or keep anything between calls.
 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int trn_fail(struct trn_err *err, int code, const char *fmt, ...)
{
    if (!err)
        return code;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->message, sizeof(err->message), fmt, ap);
    va_end(ap);
    err->code = code;
    err->hint[0] = '\0';
    return code;
}

void trn_hint(struct trn_err *err, const char *fmt, ...)
{
    if (!err)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->hint, sizeof(err->hint), fmt, ap);
    va_end(ap);
}

/* Puts text at place `at` of the message, cut where the message ends. */
static void append(struct trn_err *err, size_t at, const char *text)
{
    size_t last = sizeof(err->message) - 1;
    at = TRN_MIN(at, last);
    size_t n = TRN_MIN(strlen(text), last - at);
    memcpy(err->message + at, text, n);
    err->message[at + n] = '\0';
}

int trn_fail_in(struct trn_err *err, int code, const char *fmt, ...)
{
    if (!err)
        return code;
    char old[sizeof(err->message)];
    memcpy(old, err->message, sizeof(old));
    old[sizeof(old) - 1] = '\0';
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(err->message, sizeof(err->message), fmt, ap);
    va_end(ap);
    /* A callee that gave no message still gives its errno, so that no error is nameless. */
    append(err, n < 0 ? 0 : (size_t)n, ": ");
    append(err, strlen(err->message), old[0] ? old : trn_errno_name(code));
    if (err->code == 0)
        err->code = code;
    return err->code;
}

const char *trn_errno_name(int code)
{
    const char *name = strerrorname_np(code < 0 ? -code : code);
    return name ? name : "unknown error";
}

const char *trn_errno_words(int code)
{
    switch (code < 0 ? -code : code) {
    case EACCES:
    case EPERM:
        return "permission denied";
    case ENOENT:
        return "it is not there";
    case EISDIR:
        return "it is a folder";
    case ENOTDIR:
        return "something on the way to it is no folder";
    case ENOSPC:
    case EDQUOT:
        return "no space is left";
    case EROFS:
        return "the file system is read-only";
    case ENAMETOOLONG:
        return "the name is too long";
    case ELOOP:
        return "it is a link";
    case EMFILE:
    case ENFILE:
        return "too many files are open";
    case ENOMEM:
        return "out of memory";
    case EIO:
        return "it cannot be read or written (EIO)";
    default:
        return trn_errno_name(code);
    }
}
