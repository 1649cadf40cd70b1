/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes: a fast 64-bit one for keys (XXH3, seed 0: stable over runs and machines), digests for files. */
#ifndef TRN_BASE_HASH_H
#define TRN_BASE_HASH_H

#include "base/err.h"
#include "base/str.h"

uint64_t trn_hash64(const void *p, size_t n);
uint64_t trn_hash64_str(struct trn_str s);
/* Folds a value into a running hash: h = trn_hash64_mix(h, v). */
uint64_t trn_hash64_mix(uint64_t h, uint64_t v);

#define TRN_SHA256_SIZE 32
#define TRN_MD5_SIZE 16

/* Streaming SHA-256, and MD5 beside it because dpkg's own lists carry MD5. OpenSSL underneath;
 * kept in hash_digest.c so that a program that does not call it does not load libcrypto. */
struct trn_digest;
struct trn_digest *trn_digest_new(bool with_md5) TRN_MUST_CHECK;
struct trn_digest *trn_digest_free(struct trn_digest *d);
static inline void trn_digest_freep(struct trn_digest **d)
{
    *d = trn_digest_free(*d);
}
int trn_digest_update(struct trn_digest *d, const void *p, size_t n) TRN_MUST_CHECK;
/* md5 may be NULL. */
int trn_digest_end(struct trn_digest *d, uint8_t sha256[TRN_SHA256_SIZE], uint8_t md5[TRN_MD5_SIZE]);
int trn_sha256(const void *p, size_t n, uint8_t ret[TRN_SHA256_SIZE]) TRN_MUST_CHECK;

/* "00ff" <-> bytes. dst must hold 2 * n + 1. Parsing takes exactly 2 * n hex digits. */
void trn_hex(const void *p, size_t n, char *dst);
int trn_unhex(struct trn_str s, void *dst, size_t n) TRN_MUST_CHECK;

#endif
