/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings of network programs that stand in bytes hidden by XOR with one byte (also as UTF-16) or as base64, and the questions
 * one asks of browsers' databases; all in one pass at memory speed. XOR with any key leaves the differences of neighbouring
 * bytes as they are, so no key is tried.
 */
#ifndef TRN_FORMATS_HIDDEN_H
#define TRN_FORMATS_HIDDEN_H

#include "base/base.h"

enum trn_hidden_string {
    TRN_HIDDEN_HTTP = 0,
    TRN_HIDDEN_HTTPS,
    TRN_HIDDEN_MOZILLA,
    TRN_HIDDEN_USER_AGENT,
    TRN_HIDDEN_COOKIE,
    TRN_HIDDEN_MAX,
};
const char *trn_hidden_name(enum trn_hidden_string s); /* "https://" */

#define TRN_HIDDEN_BASE64 0u /* in place of a key: XOR with 0 hides nothing */
#define TRN_HIDDEN_REACH 64u /* how far behind its start a string is looked at */

struct trn_hidden {
    struct {
        uint64_t at[TRN_HIDDEN_MAX]; /* the first place of each that was seen */
        uint8_t seen;                /* bit set of enum trn_hidden_string */
        uint8_t wide;                /* of those, as UTF-16 */
    } key[256];                      /* [0]: base64 */
    uint32_t questions;              /* to browsers' databases (plain) */
    uint64_t question_at;
    char question[32]; /* the first one */
};

/* Looks through a window of n bytes that stands at `at`. A string that begins in the last TRN_HIDDEN_REACH bytes is found by
 * the next window, which must begin there; last: there is none. */
void trn_hidden_scan(struct trn_hidden *h, const uint8_t *p, size_t n, uint64_t at, bool last);
/* Enough to be told: two different strings under one key, or a long one. */
bool trn_hidden_tells(const struct trn_hidden *h, uint8_t key);

#endif
