/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the CMS signature over the first code directory: does it hold, who signed, which directories it names, when, and
 * does the chain end at Apple. Must not own: roots of this machine; the network.
 * Hand-offs: names are copied into the arena; OpenSSL's objects end here.
 */
#include "signature/apple_cms.h"

#define CMS_BYTES_MAX (4u << 20)
#define OID_DIRECTORIES "1.2.840.113635.100.9.1"   /* a property list with "cdhashes" */
#define OID_DIRECTORIES_2 "1.2.840.113635.100.9.2" /* a set of (algorithm, hash) */
#define CDHASH 20u
#define CERTIFICATE_MAX 8192
#define SIGNERS_MAX 8

static struct trn_str name_entry(const X509_NAME *name, int nid, struct trn_arena *a)
{
    unsigned char *utf8 = NULL;
    int at = X509_NAME_get_index_by_NID(name, nid, -1);
    if (at < 0)
        return TRN_STR_NONE;
    int n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    struct trn_str s = n > 0 ? trn_arena_str(a, (struct trn_str){(char *)utf8, (size_t)n}) : TRN_STR_NONE;
    OPENSSL_free(utf8);
    return s;
}

static void name_signer(X509 *cert, struct trn_arena *a, struct trn_apple *x)
{
    const X509_NAME *subject = X509_get_subject_name(cert), *issuer = X509_get_issuer_name(cert);
    x->s.signer = name_entry(subject, NID_organizationName, a);
    if (trn_str_is_none(x->s.signer))
        x->s.signer = name_entry(subject, NID_commonName, a);
    x->s.issuer = name_entry(issuer, NID_commonName, a);
    const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
    x->s.serial = trn_arena_str(a, (struct trn_str){(const char *)ASN1_STRING_get0_data(serial),
                                                    (size_t)ASN1_STRING_length(serial)});
}

/* The only value of a signed attribute, by OID. */
static ASN1_TYPE *signed_value(const CMS_SignerInfo *si, const char *oid)
{
    ASN1_OBJECT *o = OBJ_txt2obj(oid, 1);
    int at = o ? CMS_signed_get_attr_by_OBJ(si, o, -1) : -1;
    ASN1_OBJECT_free(o);
    X509_ATTRIBUTE *attribute = at >= 0 ? CMS_signed_get_attr(si, at) : NULL;
    return attribute ? X509_ATTRIBUTE_get0_type(attribute, 0) : NULL;
}

/* Is the directory's hash among those of the property list? */
static bool named_in_plist(struct trn_str xml, const struct trn_apple_directory *d, struct trn_arena *a)
{
    struct trn_plist p;
    struct trn_plist_item item;
    trn_plist_init(&p, xml);
    while (trn_plist_next(&p, &item) == 0 && item.kind != TRN_PLIST_END) {
        if (item.kind != TRN_PLIST_DATA)
            continue;
        struct trn_str hash = trn_plist_data(a, item.text);
        if (hash.n == CDHASH && d->digest_size >= CDHASH && memcmp(hash.p, d->digest, CDHASH) == 0)
            return true;
    }
    return false;
}

/* The signer signs the first directory; every other one must be named in what he signed beside it. */
static void check_alternates(const CMS_SignerInfo *si, struct trn_arena *a, struct trn_apple *x)
{
    ASN1_TYPE *xml = signed_value(si, OID_DIRECTORIES), *set = signed_value(si, OID_DIRECTORIES_2);
    struct trn_str text = TRN_STR_NONE, der = TRN_STR_NONE;
    if (xml && xml->type == V_ASN1_OCTET_STRING)
        text = (struct trn_str){(const char *)ASN1_STRING_get0_data(xml->value.octet_string),
                                (size_t)ASN1_STRING_length(xml->value.octet_string)};
    if (set && set->type == V_ASN1_SEQUENCE)
        der = (struct trn_str){(const char *)ASN1_STRING_get0_data(set->value.sequence),
                               (size_t)ASN1_STRING_length(set->value.sequence)};
    for (uint32_t i = 0; i < x->n_directories; i++) {
        const struct trn_apple_directory *d = &x->directories[i];
        struct trn_str whole = {(const char *)d->digest, d->digest_size};
        bool named = (!trn_str_is_none(text) && named_in_plist(text, d, a)) ||
                     (der.n && whole.n && trn_str_contains(der, whole));
        if (i > 0 && !named)
            trn_apple_wrong(x, "it has a second code directory that its signer does not name", UINT64_MAX);
        else if (i == 0 && !named && !trn_str_is_none(text) && x->n_directories > 1)
            trn_apple_wrong(x, "its signer names other code directories", UINT64_MAX);
    }
}

static int64_t signing_time(const CMS_SignerInfo *si)
{
    struct tm tm = {0};
    int at = CMS_signed_get_attr_by_NID(si, NID_pkcs9_signingTime, -1);
    X509_ATTRIBUTE *attribute = at >= 0 ? CMS_signed_get_attr(si, at) : NULL;
    ASN1_TYPE *v = attribute ? X509_ATTRIBUTE_get0_type(attribute, 0) : NULL;
    const ASN1_TIME *t = v && (v->type == V_ASN1_UTCTIME || v->type == V_ASN1_GENERALIZEDTIME)
                             ? (const ASN1_TIME *)v->value.asn1_string
                             : NULL;
    return t && ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static void check_team(X509 *cert, struct trn_arena *a, struct trn_apple *x)
{
    struct trn_str team = x->directories[0].team;
    struct trn_str unit = name_entry(X509_get_subject_name(cert), NID_organizationalUnitName, a);
    if (!trn_str_is_empty(team) && !trn_str_eq(team, unit) && x->s.chain != TRN_CHAIN_BAD) {
        x->s.chain = TRN_CHAIN_BAD;
        x->why = x->why ? x->why : "the team it names is not its signer's";
    }
}

/* Certificates that are far larger than any real one, and revocation lists, which Apple's signatures have not. */
static void odd_parts(CMS_ContentInfo *cms, STACK_OF(X509) * certs, struct trn_apple *x)
{
    STACK_OF(X509_CRL) *lists = CMS_get1_crls(cms);
    for (int i = 0; i < sk_X509_num(certs); i++) {
        int size = i2d_X509(sk_X509_value(certs, i), NULL);
        x->unsigned_bytes += size > CERTIFICATE_MAX ? (uint64_t)size : 0;
    }
    for (int i = 0; i < sk_X509_CRL_num(lists); i++) {
        int size = i2d_X509_CRL(sk_X509_CRL_value(lists, i), NULL);
        x->unsigned_bytes += size > 0 ? (uint64_t)size : 0;
    }
    sk_X509_CRL_pop_free(lists, X509_CRL_free);
}

static void signer(CMS_ContentInfo *cms, CMS_SignerInfo *si, struct trn_arena *a, struct trn_apple *x)
{
    TRN_AUTO(trn_free_certs) STACK_OF(X509) *certs = CMS_get1_certs(cms);
    X509 *cert = NULL;
    int64_t stamped = 0;
    odd_parts(cms, certs, x);
    CMS_SignerInfo_get0_algs(si, NULL, &cert, NULL, NULL);
    if (!cert) {
        x->s.chain = TRN_CHAIN_UNKNOWN;
        return;
    }
    name_signer(cert, a, x);
    check_alternates(si, a, x);
    stamped = trn_apple_timestamp(si);
    x->s.signed_at = stamped ? stamped : signing_time(si);
    x->s.chain = trn_apple_chain(cert, certs, stamped, false);
    check_team(cert, a, x);
}

/* An attribute that nobody signed, other than the time stamp. */
static void unsigned_attributes(const CMS_SignerInfo *si, struct trn_apple *x)
{
    int n = CMS_unsigned_get_attr_count(si);
    for (int i = 0; i < n && i < 64; i++) {
        X509_ATTRIBUTE *attribute = CMS_unsigned_get_attr(si, i);
        int size = i2d_X509_ATTRIBUTE(attribute, NULL);
        if (OBJ_obj2nid(X509_ATTRIBUTE_get0_object(attribute)) != NID_id_smime_aa_timeStampToken && size > 0)
            x->unsigned_bytes += (uint64_t)size;
    }
}

/* As CMS_verify does it, which loses its copy of the content when a digest of the structure is not known. */
static bool holds(CMS_ContentInfo *cms, struct trn_str directory)
{
    char drain[4096];
    STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(cms);
    int n = sk_CMS_SignerInfo_num(signers);
    BIO *content = BIO_new_mem_buf(directory.p, (int)directory.n);
    BIO *chain = content && n <= SIGNERS_MAX ? CMS_dataInit(cms, content) : NULL;
    if (!chain) {
        BIO_free(content);
        return false;
    }
    while (BIO_read(chain, drain, sizeof(drain)) > 0)
        continue;
    bool ok = CMS_set1_signers_certs(cms, NULL, 0) == n;
    for (int i = 0; ok && i < n; i++) {
        CMS_SignerInfo *si = sk_CMS_SignerInfo_value(signers, i);
        ok = (CMS_signed_get_attr_count(si) < 0 || CMS_SignerInfo_verify(si) == 1) &&
             CMS_SignerInfo_verify_content(si, chain) == 1;
    }
    BIO_free_all(chain); /* with the content at its end */
    return ok;
}

int trn_apple_cms(struct trn_str der, struct trn_arena *a, struct trn_apple *x, size_t *ret_used)
{
    const unsigned char *p = (const unsigned char *)der.p;
    struct trn_str directory = x->directories[0].bytes;
    if (der.n > CMS_BYTES_MAX || directory.n > INT32_MAX)
        return 0;
    TRN_AUTO(trn_free_cms) CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)der.n);
    if (!cms || OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed) {
        trn_apple_wrong(x, "its certificates and signature are damaged", UINT64_MAX);
        ERR_clear_error();
        return 0;
    }
    *ret_used = (size_t)(p - (const unsigned char *)der.p);
    STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(cms);
    if (sk_CMS_SignerInfo_num(signers) < 1) {
        trn_apple_wrong(x, "nobody signed it", UINT64_MAX);
        return 0;
    }
    if (!holds(cms, directory))
        trn_apple_wrong(x, "the signature is not of this code directory", UINT64_MAX);
    x->s.signatures = (uint32_t)sk_CMS_SignerInfo_num(signers);
    signer(cms, sk_CMS_SignerInfo_value(signers, 0), a, x);
    for (int i = 0; i < sk_CMS_SignerInfo_num(signers) && i < 16; i++)
        unsigned_attributes(sk_CMS_SignerInfo_value(signers, i), x);
    ERR_clear_error();
    return 0;
}
