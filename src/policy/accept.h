/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes between two releases that somebody looked at and accepts ('turncoat diff --policy FILE'): each entry is bound to a
 * check, a path, one content and one version, has a reason and an end. Read in a worker (accept.c), handed on in bytes
 * (accept_codec.c).
 */
#ifndef TRN_POLICY_ACCEPT_H
#define TRN_POLICY_ACCEPT_H

#include "policy/policy.h"

#define TRN_ACCEPT_MAX 256u
#define TRN_ACCEPT_PATH 512u
#define TRN_ACCEPT_REASON 400u

struct trn_accept {
    char check[TRN_POLICY_TEXT];
    char path[TRN_ACCEPT_PATH];      /* in the release: a pattern with * and ? */
    uint8_t sha256[TRN_SHA256_SIZE]; /* of the file in the new release; of one that was removed: as it was */
    char version[TRN_POLICY_TEXT];   /* of the new release; "": it says none */
    char reason[TRN_ACCEPT_REASON];
    uint32_t expires; /* the last day, in days since 1970 */
    uint32_t line;    /* in the file, to name it */
};

struct trn_accept_list {
    uint32_t n;
    struct trn_accept entries[TRN_ACCEPT_MAX];
};

/* ---- accept_codec.c ---- */
void trn_accept_encode(const struct trn_accept_list *a, struct trn_buf *out);
/* Believes nothing: numbers in range, texts without NUL and within their limits, no byte left over. */
int trn_accept_decode(struct trn_cursor *in, struct trn_accept_list *ret) TRN_MUST_CHECK;
/* "YYYY-MM-DD" of 1970 to 9999, that there is. */
int trn_accept_day(struct trn_str s, uint32_t *ret_days) TRN_MUST_CHECK;
#define TRN_ACCEPT_DAYS_MAX 2932896u /* 9999-12-31 */

/* ---- accept.c: in a worker only ---- */
/* 0, or -EINVAL with *err filled. */
int trn_accept_parse(struct trn_str file, struct trn_accept_list *ret, struct trn_policy_error *err) TRN_MUST_CHECK;

#endif
