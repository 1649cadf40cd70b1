/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: Apple's roots, told by the SHA-256 of their certificate; chains to them; time stamps.
 * A signature carries its chain with the root: a root counts when its hash is one of these, so no file is needed.
 */
#include "signature/apple_cms.h"

#include <openssl/ts.h>
#include <openssl/x509v3.h>

static const uint8_t roots[][32] = {
    /* Apple Root CA */
    {0xb0, 0xb1, 0x73, 0x0e, 0xcb, 0xc7, 0xff, 0x45, 0x05, 0x14, 0x2c, 0x49, 0xf1, 0x29, 0x5e, 0x6e,
     0xda, 0x6b, 0xca, 0xed, 0x7e, 0x2c, 0x68, 0xc5, 0xbe, 0x91, 0xb5, 0xa1, 0x10, 0x01, 0xf0, 0x24},
    /* Apple Root CA - G2 */
    {0xc2, 0xb9, 0xb0, 0x42, 0xdd, 0x57, 0x83, 0x0e, 0x7d, 0x11, 0x7d, 0xac, 0x55, 0xac, 0x8a, 0xe1,
     0x94, 0x07, 0xd3, 0x8e, 0x41, 0xd8, 0x8f, 0x32, 0x15, 0xbc, 0x3a, 0x89, 0x04, 0x44, 0xa0, 0x50},
    /* Apple Root CA - G3 */
    {0x63, 0x34, 0x3a, 0xbf, 0xb8, 0x9a, 0x6a, 0x03, 0xeb, 0xb5, 0x7e, 0x9b, 0x3f, 0x5f, 0xa7, 0xbe,
     0x7c, 0x4f, 0x5c, 0x75, 0x6f, 0x30, 0x17, 0xb3, 0xa8, 0xc4, 0x88, 0xc3, 0x65, 0x3e, 0x91, 0x79},
};

static void free_store(X509_STORE **s)
{
    X509_STORE_free(*s);
}
static void free_store_ctx(X509_STORE_CTX **s)
{
    X509_STORE_CTX_free(*s);
}
static void free_tst(TS_TST_INFO **t)
{
    TS_TST_INFO_free(*t);
}
static void free_pkcs7(PKCS7 **p)
{
    PKCS7_free(*p);
}

static bool is_root(const X509 *cert)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (X509_digest(cert, EVP_sha256(), hash, &n) != 1)
        return false;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(roots); i++)
        if (n == sizeof(roots[i]) && memcmp(hash, roots[i], n) == 0)
            return true;
    return false;
}

static enum trn_chain_state state_of(int error)
{
    switch (error) {
    case X509_V_OK:
        return TRN_CHAIN_OK;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return TRN_CHAIN_EXPIRED;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
        return TRN_CHAIN_BAD;
    default:
        return TRN_CHAIN_UNKNOWN;
    }
}

enum trn_chain_state trn_apple_chain(X509 *cert, STACK_OF(X509) * others, int64_t at, bool timestamp)
{
    TRN_AUTO(free_store) X509_STORE *store = X509_STORE_new();
    TRN_AUTO(free_store_ctx) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    bool known = false;
    if (!store || !ctx)
        return TRN_CHAIN_UNKNOWN;
    for (int i = 0; i < sk_X509_num(others) && i < 32; i++)
        if (is_root(sk_X509_value(others, i)))
            known = X509_STORE_add_cert(store, sk_X509_value(others, i)) == 1 || known;
    if (!known || X509_STORE_CTX_init(ctx, store, cert, others) != 1)
        return TRN_CHAIN_UNKNOWN;
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_IGNORE_CRITICAL); /* Apple marks its own extensions as critical */
    X509_VERIFY_PARAM_set_depth(param, 8);
    if (at)
        X509_VERIFY_PARAM_set_time(param, at);
    if (X509_verify_cert(ctx) != 1)
        return state_of(X509_STORE_CTX_get_error(ctx));
    uint32_t use = X509_get_extended_key_usage(cert);
    return use == UINT32_MAX || !(use & (timestamp ? XKU_TIMESTAMP : XKU_CODE_SIGN)) ? TRN_CHAIN_BAD : TRN_CHAIN_OK;
}

/* Is the stamp about this signature? */
static bool is_about(TS_TST_INFO *tst, CMS_SignerInfo *si)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    TS_MSG_IMPRINT *imprint = TS_TST_INFO_get_msg_imprint(tst);
    const ASN1_OBJECT *algorithm = NULL;
    X509_ALGOR_get0(&algorithm, NULL, NULL, TS_MSG_IMPRINT_get_algo(imprint));
    const EVP_MD *md = EVP_get_digestbyobj(algorithm);
    ASN1_OCTET_STRING *signature = CMS_SignerInfo_get0_signature(si), *told = TS_MSG_IMPRINT_get_msg(imprint);
    return md && signature &&
           EVP_Digest(ASN1_STRING_get0_data(signature), (size_t)ASN1_STRING_length(signature), hash, &n, md, NULL) ==
               1 &&
           (unsigned)ASN1_STRING_length(told) == n && memcmp(ASN1_STRING_get0_data(told), hash, n) == 0;
}

static bool stamper_holds(PKCS7 *p7, int64_t at)
{
    bool ok = PKCS7_verify(p7, NULL, NULL, NULL, NULL, PKCS7_BINARY | PKCS7_NOVERIFY | PKCS7_NOCHAIN) == 1;
    STACK_OF(X509) *signers = ok ? PKCS7_get0_signers(p7, NULL, 0) : NULL;
    ok = signers && sk_X509_num(signers) == 1 && p7->d.sign->cert &&
         trn_apple_chain(sk_X509_value(signers, 0), p7->d.sign->cert, at, true) == TRN_CHAIN_OK;
    sk_X509_free(signers);
    return ok;
}

int64_t trn_apple_timestamp(CMS_SignerInfo *si)
{
    struct tm tm = {0};
    int at = CMS_unsigned_get_attr_by_NID(si, NID_id_smime_aa_timeStampToken, -1);
    X509_ATTRIBUTE *attribute = at >= 0 ? CMS_unsigned_get_attr(si, at) : NULL;
    ASN1_TYPE *v = attribute ? X509_ATTRIBUTE_get0_type(attribute, 0) : NULL;
    if (!v || v->type != V_ASN1_SEQUENCE)
        return 0;
    const unsigned char *p = ASN1_STRING_get0_data(v->value.sequence);
    TRN_AUTO(free_pkcs7) PKCS7 *p7 = d2i_PKCS7(NULL, &p, ASN1_STRING_length(v->value.sequence));
    TRN_AUTO(free_tst) TS_TST_INFO *tst = p7 && PKCS7_type_is_signed(p7) ? PKCS7_to_TS_TST_INFO(p7) : NULL;
    if (!tst || !is_about(tst, si) || ASN1_TIME_to_tm(TS_TST_INFO_get_time(tst), &tm) != 1)
        return 0;
    int64_t told = (int64_t)timegm(&tm);
    return stamper_holds(p7, told) ? told : 0;
}
