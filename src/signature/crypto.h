/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: OpenSSL behind few functions. No engine, no configuration file, no random numbers, no files. */
#ifndef TRN_SIGNATURE_CRYPTO_H
#define TRN_SIGNATURE_CRYPTO_H

#include "signature/signature.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#define TRN_MD_MAX 64

/* The hash of an AlgorithmIdentifier's OID (of the hash itself, or of a signature with it); NULL: not known here. */
const EVP_MD *trn_md_of_oid(struct trn_str oid);
const char *trn_md_name(const EVP_MD *md); /* "sha256"; "" of NULL */
/* Hash over some views one after another. Bytes put into ret (room for TRN_MD_MAX), or negative errno. */
int trn_md_over(const EVP_MD *md, const struct trn_str *parts, size_t n, uint8_t *ret) TRN_MUST_CHECK;
/* Hash over [at, at + n) of a source, in windows; -EBADMSG when it ends before. */
int trn_md_source(EVP_MD_CTX *ctx, const struct trn_source *s, uint64_t at, uint64_t n) TRN_MUST_CHECK;

/* Is `sig` a signature over the parts by this key? alg: OID of the signature's algorithm; md: when alg does not name one.
 * 1 yes, 0 no, -EOPNOTSUPP: not an algorithm that is known here, -ENOMEM. */
int trn_key_verify(EVP_PKEY *key, struct trn_str alg, const EVP_MD *md, const struct trn_str *parts, size_t n,
                   struct trn_str sig) TRN_MUST_CHECK;

/* The same when only the hash is known. */
int trn_key_verify_hash(EVP_PKEY *key, struct trn_str alg, const EVP_MD *md, struct trn_str hash, struct trn_str sig)
    TRN_MUST_CHECK;

static inline void trn_md_ctx_freep(EVP_MD_CTX **c)
{
    EVP_MD_CTX_free(*c);
}
static inline void trn_x509_freep(X509 **x)
{
    X509_free(*x);
}
static inline void trn_pkey_freep(EVP_PKEY **k)
{
    EVP_PKEY_free(*k);
}

#endif
