/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: SHA-256 and MD5 over streams, by libcrypto.
 * Must not: be used for anything but identity (MD5 is here only because dpkg's lists carry it).
 * Apart from hash.c, so that a program that never digests a file does not load libcrypto.
 */
#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

struct trn_digest {
    EVP_MD_CTX *sha256, *md5; /* md5 may be NULL */
};

struct trn_digest *trn_digest_free(struct trn_digest *d)
{
    if (d) {
        EVP_MD_CTX_free(d->sha256);
        EVP_MD_CTX_free(d->md5);
        free(d);
    }
    return NULL;
}

static EVP_MD_CTX *start(const EVP_MD *kind)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx && EVP_DigestInit_ex(ctx, kind, NULL) != 1) {
        EVP_MD_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

struct trn_digest *trn_digest_new(bool with_md5)
{
    /* Without this libcrypto would open openssl.cnf, which a sandboxed worker may not (and a
     * configuration file must not change what a digest is). */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    struct trn_digest *d = calloc(1, sizeof(*d));
    if (!d)
        return NULL;
    d->sha256 = start(EVP_sha256());
    if (with_md5)
        d->md5 = start(EVP_md5());
    if (!d->sha256 || (with_md5 && !d->md5))
        return trn_digest_free(d);
    return d;
}

int trn_digest_update(struct trn_digest *d, const void *p, size_t n)
{
    if (n == 0)
        return 0;
    if (EVP_DigestUpdate(d->sha256, p, n) != 1 || (d->md5 && EVP_DigestUpdate(d->md5, p, n) != 1))
        return -EIO;
    return 0;
}

int trn_digest_end(struct trn_digest *d, uint8_t sha256[TRN_SHA256_SIZE], uint8_t md5[TRN_MD5_SIZE])
{
    if (EVP_DigestFinal_ex(d->sha256, sha256, NULL) != 1)
        return -EIO;
    if (!md5)
        return 0;
    if (!d->md5)
        return -EINVAL;
    return EVP_DigestFinal_ex(d->md5, md5, NULL) == 1 ? 0 : -EIO;
}

int trn_sha256(const void *p, size_t n, uint8_t ret[TRN_SHA256_SIZE])
{
    TRN_AUTO(trn_digest_freep) struct trn_digest *d = trn_digest_new(false);
    if (!d)
        return -ENOMEM;
    int r = trn_digest_update(d, p, n);
    return r < 0 ? r : trn_digest_end(d, ret, NULL);
}
