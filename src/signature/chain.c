/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a chain of certificates is worth, at a time, for a use. Must not: ask the network; read a revocation list.
 * The bag's certificates are foreign; only the caller's roots are believed.
 */
#include "signature/chain.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define TRIES_MAX 32u /* signatures checked for one signer: made-up certificates of one name cost time */

static void store_freep(X509_STORE **s)
{
    X509_STORE_free(*s);
}
static void store_ctx_freep(X509_STORE_CTX **c)
{
    X509_STORE_CTX_free(*c);
}
static void stack_freep(STACK_OF(X509) * *s)
{
    sk_X509_free(*s);
}

static int name_of(const X509_NAME *name, struct trn_str *ret)
{
    const unsigned char *der = NULL;
    size_t n = 0;
    if (X509_NAME_get0_der(name, &der, &n) != 1)
        return -EBADMSG;
    *ret = (struct trn_str){(const char *)der, n};
    return 0;
}

/* Roots that some certificate of the bag names as its issuer, or that is the bag's own one. */
static int add_roots(const struct trn_cms *bag, const struct trn_trust_roots *roots, X509_STORE *store)
{
    struct trn_str name;
    int e = 0;
    for (uint32_t i = 0; roots && e == 0 && i < bag->n_certificates; i++)
        if (bag->x509[i] && name_of(X509_get_issuer_name(bag->x509[i]), &name) == 0)
            e = trn_trust_roots_add(roots, name, store);
    return e;
}

static enum trn_chain_state from_error(int code, const char **ret_why)
{
    *ret_why = "";
    switch (code) {
    case X509_V_OK:
        return TRN_CHAIN_OK;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        *ret_why = "a certificate was not valid at the time of signing";
        return TRN_CHAIN_EXPIRED;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
        *ret_why = "no known root at the end of the chain";
        return TRN_CHAIN_UNKNOWN;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        *ret_why = "a signature in the chain is wrong";
        return TRN_CHAIN_BAD;
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_INVALID_PURPOSE:
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
        *ret_why = "a certificate of the chain is not for this use";
        return TRN_CHAIN_BAD;
    default:
        *ret_why = "the chain cannot be followed";
        return TRN_CHAIN_UNKNOWN;
    }
}

static bool is_for(X509 *x, enum trn_chain_use use)
{
    uint32_t may = X509_get_extended_key_usage(x); /* UINT32_MAX: does not say, so anything */
    if (use == TRN_USE_CODE)
        return (may & XKU_CODE_SIGN) != 0;
    return use != TRN_USE_TIME || (may & XKU_TIMESTAMP) != 0;
}

static int verify(const struct trn_cms *bag, X509 *leaf, X509_STORE *store, int64_t at)
{
    TRN_AUTO(store_ctx_freep) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    TRN_AUTO(stack_freep) STACK_OF(X509) *others = sk_X509_new_null();
    if (!ctx || !others)
        return X509_V_ERR_OUT_OF_MEM;
    for (uint32_t i = 0; i < bag->n_certificates; i++)
        if (bag->x509[i] && sk_X509_push(others, bag->x509[i]) == 0)
            return X509_V_ERR_OUT_OF_MEM;
    if (X509_STORE_CTX_init(ctx, store, leaf, others) != 1)
        return X509_V_ERR_OUT_OF_MEM;
    X509_VERIFY_PARAM *p = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(p, at);
    X509_VERIFY_PARAM_set_depth(p, 10);
    /* the use is asked of the signer's certificate; what vendors mark critical beside it is their matter */
    X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_IGNORE_CRITICAL);
    if (X509_verify_cert(ctx) == 1)
        return X509_V_OK;
    return X509_STORE_CTX_get_error(ctx);
}

enum trn_chain_state trn_chain_check(const struct trn_cms *bag, int leaf, const struct trn_trust_roots *roots,
                                     int64_t at, enum trn_chain_use use, const char **ret_why)
{
    TRN_AUTO(store_freep) X509_STORE *store = NULL;
    if (leaf < 0 || (uint32_t)leaf >= bag->n_certificates || !bag->x509[leaf]) {
        *ret_why = "the signer's certificate is not in the signature";
        return TRN_CHAIN_UNKNOWN;
    }
    if (!is_for(bag->x509[leaf], use)) {
        *ret_why =
            use == TRN_USE_CODE ? "the certificate is not for signing code" : "the certificate is not for time stamps";
        return TRN_CHAIN_BAD;
    }
    *ret_why = "no known root at the end of the chain";
    if (!roots || !(store = X509_STORE_new()) || add_roots(bag, roots, store) < 0)
        return TRN_CHAIN_UNKNOWN;
    enum trn_chain_state state = from_error(verify(bag, bag->x509[leaf], store, at), ret_why);
    ERR_clear_error();
    return state;
}

void trn_chain_mark(const struct trn_cms *bag, int leaf, bool used[TRN_CMS_CERTS])
{
    unsigned tries = 0;
    int at = leaf;
    for (unsigned depth = 0; at >= 0 && depth < 16; depth++) {
        X509 *x = bag->x509[at];
        used[at] = true;
        if (!x)
            break;
        if (X509_check_issued(x, x) == X509_V_OK) { /* a root: one that was changed is not needed by anybody */
            used[at] = X509_verify(x, X509_get0_pubkey(x)) == 1;
            break;
        }
        at = -1;
        for (uint32_t i = 0; at < 0 && i < bag->n_certificates && tries < TRIES_MAX; i++)
            if (bag->x509[i] && !used[i] && X509_check_issued(bag->x509[i], x) == X509_V_OK && ++tries &&
                X509_verify(x, X509_get0_pubkey(bag->x509[i])) == 1)
                at = (int)i;
    }
    ERR_clear_error();
}

static struct trn_str entry_of(const X509_NAME *name, int nid, struct trn_arena *a)
{
    int at = X509_NAME_get_index_by_NID(name, nid, -1);
    unsigned char *utf8 = NULL;
    if (at < 0)
        return TRN_STR_NONE;
    int n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (n < 0)
        return TRN_STR_NONE;
    struct trn_str copy = trn_arena_str(a, (struct trn_str){(const char *)utf8, (size_t)n});
    OPENSSL_free(utf8);
    return copy;
}

struct trn_str trn_chain_name(const X509_NAME *name, struct trn_arena *a)
{
    struct trn_str organisation = entry_of(name, NID_organizationName, a);
    return trn_str_is_empty(organisation) ? entry_of(name, NID_commonName, a) : organisation;
}

int trn_chain_names(X509 *x, struct trn_arena *a, struct trn_signature *ret)
{
    const X509_NAME *subject = X509_get_subject_name(x), *issuer = X509_get_issuer_name(x);
    const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
    ret->signer = trn_chain_name(subject, a);
    ret->issuer = entry_of(issuer, NID_commonName, a);
    if (trn_str_is_empty(ret->issuer))
        ret->issuer = entry_of(issuer, NID_organizationName, a);
    ret->serial = trn_arena_str(a, (struct trn_str){(const char *)ASN1_STRING_get0_data(serial),
                                                    (size_t)ASN1_STRING_length(serial)});
    ERR_clear_error();
    return trn_str_is_none(ret->serial) ? -ENOMEM : 0;
}
