/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the reader of Apple signatures: what its files share. */
#ifndef TRN_SIGNATURE_APPLE_INTERNAL_H
#define TRN_SIGNATURE_APPLE_INTERNAL_H

#include "signature/apple.h"

/* apple_directory.c */
int trn_apple_directory(struct trn_str blob, uint32_t slot, struct trn_apple_directory *ret) TRN_MUST_CHECK;
/* Hashes all pages that a directory names. OK, BAD (ret_at: the first page that differs) or UNKNOWN. */
int trn_apple_pages(const struct trn_source *s, uint64_t limit, const struct trn_apple_directory *d,
                    struct trn_arena *a, enum trn_digest_state *ret, uint64_t *ret_at) TRN_MUST_CHECK;
/* The hash of a special slot (1 and up); absent: the directory has none, or it is all zeros. */
struct trn_str trn_apple_special(const struct trn_apple_directory *d, uint32_t slot);
/* Is `hash` that of the bytes, by the directory's algorithm? */
bool trn_apple_hash_is(const struct trn_apple_directory *d, struct trn_str bytes, struct trn_str hash);

/* apple_remains.c: is [from, to) a part of an earlier signature over the same pages? from: where the present one ends. */
bool trn_apple_remains(const struct trn_source *s, uint64_t limit, uint64_t from, uint64_t to, uint64_t room_end);

/* apple_cms.c: verifies the CMS signature over directories[0]; fills signer, chain, times; why when it does not hold. */
int trn_apple_cms(struct trn_str der, struct trn_arena *a, struct trn_apple *x, size_t *ret_used) TRN_MUST_CHECK;

static inline void trn_apple_wrong(struct trn_apple *x, const char *why, uint64_t at)
{
    x->s.digest = TRN_DIGEST_BAD;
    if (x->why)
        return;
    x->why = why;
    x->wrong_at = at;
}

#endif
