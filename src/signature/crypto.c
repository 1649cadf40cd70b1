/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: hashes by OID, one check of one signature by one key, OpenSSL made ready for a worker that opens no files.
 * Must not own: what is signed, who may sign it.
 */
#include "signature/crypto.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#define WINDOW 65536u
#define OID(bytes)                 \
    {                              \
        (bytes), sizeof(bytes) - 1 \
    }

enum hash { H_MD5, H_SHA1, H_SHA224, H_SHA256, H_SHA384, H_SHA512, HASHES };

static const EVP_MD *md_of(enum hash h)
{
    switch (h) {
    case H_MD5:
        return EVP_md5();
    case H_SHA1:
        return EVP_sha1();
    case H_SHA224:
        return EVP_sha224();
    case H_SHA256:
        return EVP_sha256();
    case H_SHA384:
        return EVP_sha384();
    case H_SHA512:
        return EVP_sha512();
    case HASHES:
        break;
    }
    return NULL;
}

static const struct {
    struct trn_str oid;
    enum hash hash;
} hashes[] = {
    {OID("\x2a\x86\x48\x86\xf7\x0d\x02\x05"), H_MD5},
    {OID("\x2b\x0e\x03\x02\x1a"), H_SHA1},
    {OID("\x60\x86\x48\x01\x65\x03\x04\x02\x04"), H_SHA224},
    {OID("\x60\x86\x48\x01\x65\x03\x04\x02\x01"), H_SHA256},
    {OID("\x60\x86\x48\x01\x65\x03\x04\x02\x02"), H_SHA384},
    {OID("\x60\x86\x48\x01\x65\x03\x04\x02\x03"), H_SHA512},
    /* signatures that name their hash: RSA, then ECDSA */
    {OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04"), H_MD5},
    {OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05"), H_SHA1},
    {OID("\x2b\x0e\x03\x02\x1d"), H_SHA1},
    {OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0e"), H_SHA224},
    {OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"), H_SHA256},
    {OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c"), H_SHA384},
    {OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d"), H_SHA512},
    {OID("\x2a\x86\x48\xce\x3d\x04\x01"), H_SHA1},
    {OID("\x2a\x86\x48\xce\x3d\x04\x03\x01"), H_SHA224},
    {OID("\x2a\x86\x48\xce\x3d\x04\x03\x02"), H_SHA256},
    {OID("\x2a\x86\x48\xce\x3d\x04\x03\x03"), H_SHA384},
    {OID("\x2a\x86\x48\xce\x3d\x04\x03\x04"), H_SHA512},
    /* DSA */
    {OID("\x2a\x86\x48\xce\x38\x04\x03"), H_SHA1},
    {OID("\x60\x86\x48\x01\x65\x03\x04\x03\x02"), H_SHA256},
};

const EVP_MD *trn_md_of_oid(struct trn_str oid)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(hashes); i++)
        if (trn_str_eq(oid, hashes[i].oid))
            return md_of(hashes[i].hash);
    return NULL;
}

const char *trn_md_name(const EVP_MD *md)
{
    static const char *const names[HASHES] = {"md5", "sha1", "sha224", "sha256", "sha384", "sha512"};
    for (int h = 0; md && h < HASHES; h++)
        if (EVP_MD_get_type(md) == EVP_MD_get_type(md_of((enum hash)h)))
            return names[h];
    return "";
}

int trn_md_over(const EVP_MD *md, const struct trn_str *parts, size_t n, uint8_t *ret)
{
    TRN_AUTO(trn_md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned size = 0;
    if (!ctx || EVP_DigestInit_ex(ctx, md, NULL) != 1)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        if (EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) != 1)
            return -EIO;
    return EVP_DigestFinal_ex(ctx, ret, &size) == 1 ? (int)size : -EIO;
}

int trn_md_source(EVP_MD_CTX *ctx, const struct trn_source *s, uint64_t at, uint64_t n)
{
    uint8_t window[WINDOW];
    uint64_t end;
    if (!__builtin_add_overflow(at, n, &end) && end <= s->size && s->mem)
        return EVP_DigestUpdate(ctx, s->mem + at, (size_t)n) == 1 ? 0 : -EIO;
    while (n) {
        int64_t got = trn_source_read(s, at, window, (size_t)TRN_MIN(n, (uint64_t)WINDOW));
        if (got <= 0)
            return got < 0 ? (int)got : -EBADMSG;
        if (EVP_DigestUpdate(ctx, window, (size_t)got) != 1)
            return -EIO;
        at += (uint64_t)got;
        n -= (uint64_t)got;
    }
    return 0;
}

static bool is_pss(struct trn_str alg)
{
    return trn_str_eq(alg, TRN_STR("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"));
}

static int verify(EVP_MD_CTX *ctx, const struct trn_str *parts, size_t n, struct trn_str sig)
{
    for (size_t i = 0; i < n; i++)
        if (EVP_DigestVerifyUpdate(ctx, parts[i].p, parts[i].n) != 1)
            return -EOPNOTSUPP;
    return EVP_DigestVerifyFinal(ctx, (const uint8_t *)sig.p, sig.n) == 1;
}

int trn_key_verify(EVP_PKEY *key, struct trn_str alg, const EVP_MD *md, const struct trn_str *parts, size_t n,
                   struct trn_str sig)
{
    TRN_AUTO(trn_md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *keys = NULL; /* borrowed from ctx */
    const EVP_MD *named = trn_md_of_oid(alg);
    int type = key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;
    if (!ctx)
        return -ENOMEM;
    md = named ? named : md;
    if (type == EVP_PKEY_ED25519) { /* hashes for itself, and wants all at once */
        int e = n == 1 && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1
                    ? EVP_DigestVerify(ctx, (const uint8_t *)sig.p, sig.n, (const uint8_t *)parts[0].p, parts[0].n) == 1
                    : -EOPNOTSUPP;
        ERR_clear_error();
        return e;
    }
    if (!md || (type != EVP_PKEY_RSA && type != EVP_PKEY_EC && type != EVP_PKEY_DSA && type != EVP_PKEY_RSA_PSS))
        return -EOPNOTSUPP;
    int e = EVP_DigestVerifyInit(ctx, &keys, md, NULL, key) == 1 ? 0 : -EOPNOTSUPP;
    if (e == 0 && is_pss(alg) &&
        (EVP_PKEY_CTX_set_rsa_padding(keys, RSA_PKCS1_PSS_PADDING) <= 0 ||
         EVP_PKEY_CTX_set_rsa_pss_saltlen(keys, RSA_PSS_SALTLEN_AUTO) <= 0))
        e = -EOPNOTSUPP;
    if (e == 0)
        e = verify(ctx, parts, n, sig);
    ERR_clear_error();
    return e;
}

int trn_key_verify_hash(EVP_PKEY *key, struct trn_str alg, const EVP_MD *md, struct trn_str hash, struct trn_str sig)
{
    int type = key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;
    if (!md || hash.n != (size_t)EVP_MD_get_size(md) || (type != EVP_PKEY_RSA && type != EVP_PKEY_EC))
        return -EOPNOTSUPP;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    int e = ctx && EVP_PKEY_verify_init(ctx) == 1 ? 0 : -EOPNOTSUPP;
    if (e == 0 && type == EVP_PKEY_RSA &&
        EVP_PKEY_CTX_set_rsa_padding(ctx, is_pss(alg) ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) <= 0)
        e = -EOPNOTSUPP;
    if (e == 0 && EVP_PKEY_CTX_set_signature_md(ctx, md) <= 0)
        e = -EOPNOTSUPP;
    if (e == 0)
        e = EVP_PKEY_verify(ctx, (const uint8_t *)sig.p, sig.n, (const uint8_t *)hash.p, hash.n) == 1;
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return e;
}

int trn_signature_warm(void)
{
    uint8_t hash[TRN_MD_MAX];
    struct trn_str some = TRN_STR("warm");
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_ADD_ALL_DIGESTS | OPENSSL_INIT_ADD_ALL_CIPHERS |
                                OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
                            NULL) != 1)
        return -EIO;
    for (int h = 0; h < HASHES; h++)
        if (trn_md_over(md_of((enum hash)h), &some, 1, hash) < 0)
            return -EIO;
    /* an empty store, so that what chains need is there as well */
    X509_STORE *store = X509_STORE_new();
    X509_STORE_free(store);
    return store ? 0 : -ENOMEM;
}
