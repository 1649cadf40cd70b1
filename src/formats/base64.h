/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of base64 among other bytes, and its decoding. */
#ifndef TRN_FORMATS_BASE64_H
#define TRN_FORMATS_BASE64_H

#include "base/base.h"

struct trn_base64_run {
    uint64_t at, size; /* size 0: none */
    bool dollar;       /* a '$' stands right before it */
};

/* Looks for the longest run while bytes come in pieces; single line breaks inside a run are allowed. */
struct trn_base64_finder {
    uint64_t at; /* of the next byte */
    struct trn_base64_run now, best;
    uint8_t seen[32]; /* bit set of the characters of the run */
    uint8_t before, breaks;
    bool padded;
};

void trn_base64_begin(struct trn_base64_finder *f, uint64_t at);
void trn_base64_feed(struct trn_base64_finder *f, const uint8_t *p, size_t n);
/* The longest run of at least `least` characters that is no plain word, number, hash or line of one character. */
struct trn_base64_run trn_base64_end(struct trn_base64_finder *f, uint64_t least);

/* Strict about the alphabet (both of them), lenient about padding and white space. How many bytes, or -EBADMSG; -ENOSPC. */
int64_t trn_base64_decode(struct trn_str s, uint8_t *dst, size_t size);

#endif
