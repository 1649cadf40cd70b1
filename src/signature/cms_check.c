/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: is this content what a signer signed, and was it that key? Must not own: chains, what the content says.
 *
 * With signed attributes the signature is over them (with the tag of a SET), and they hold the content's hash; without, it is
 * over the content itself.
 */
#include "signature/cms.h"

/* The hash that the signed attributes state; false: none, or its type is not the content's. */
static bool stated(const struct trn_cms *c, const struct trn_cms_signer *s, struct trn_str *ret)
{
    struct trn_der d;
    const struct trn_cms_attribute *type = trn_cms_find(s->signed_, s->n_signed, TRN_OID_CONTENT_TYPE);
    if (type && c && (!trn_cms_value(type, TRN_DER_OID, &d) || !trn_str_eq(d.body, c->content_type)))
        return false;
    if (!trn_cms_value(trn_cms_find(s->signed_, s->n_signed, TRN_OID_MESSAGE_DIGEST), TRN_DER_OCTETS, &d))
        return false;
    *ret = d.body;
    return true;
}

static enum trn_digest_state by_key(const struct trn_cms *c, const struct trn_cms_signer *s, const EVP_MD *md,
                                    const struct trn_str *parts, size_t n, int *ret_certificate)
{
    int i = trn_cms_certificate_of(c, s);
    if (i < 0)
        return TRN_DIGEST_UNKNOWN;
    *ret_certificate = i;
    int e = trn_key_verify(X509_get0_pubkey(c->x509[i]), s->signature_oid, md, parts, n, s->signature);
    return e == 1 ? TRN_DIGEST_OK : e == 0 ? TRN_DIGEST_BAD : TRN_DIGEST_UNKNOWN;
}

static enum trn_digest_state attributes_by_key(const struct trn_cms *c, const struct trn_cms_signer *s,
                                               const EVP_MD *md, struct trn_arena *a, int *ret_certificate)
{
    char *set = trn_arena_alloc(a, s->signed_whole.n);
    if (!set)
        return TRN_DIGEST_UNKNOWN;
    memcpy(set, s->signed_whole.p, s->signed_whole.n);
    set[0] = TRN_DER_SET;
    struct trn_str part = {set, s->signed_whole.n};
    return by_key(c, s, md, &part, 1, ret_certificate);
}

int trn_cms_check_hash(const struct trn_cms *c, const struct trn_cms_signer *s, const EVP_MD *md, struct trn_str hash,
                       struct trn_cms_verdict *ret)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = NULL;
    struct trn_cms_verdict v = {TRN_DIGEST_UNKNOWN, TRN_DIGEST_UNKNOWN, -1, trn_md_of_oid(s->digest_oid)};
    struct trn_str said = TRN_STR_NONE;
    if (trn_str_is_none(s->signed_whole) || !v.md) {
        v.certificate = TRN_MAX(trn_cms_certificate_of(c, s), -1);
        if (v.certificate >= 0 && v.md && md && EVP_MD_get_type(md) == EVP_MD_get_type(v.md)) {
            int e =
                trn_key_verify_hash(X509_get0_pubkey(c->x509[v.certificate]), s->signature_oid, md, hash, s->signature);
            v.signature = e == 1 ? TRN_DIGEST_OK : e == 0 ? TRN_DIGEST_BAD : TRN_DIGEST_UNKNOWN;
        }
        v.content = v.signature; /* signed as it is: one question */
        *ret = v;
        return 0;
    }
    if (!(a = trn_arena_new(0)))
        return -ENOMEM;
    if (!stated(c, s, &said))
        v.content = TRN_DIGEST_BAD;
    else if (md && EVP_MD_get_type(md) == EVP_MD_get_type(v.md))
        v.content = trn_str_eq(said, hash) ? TRN_DIGEST_OK : TRN_DIGEST_BAD;
    v.signature = attributes_by_key(c, s, v.md, a, &v.certificate);
    *ret = v;
    return 0;
}

int trn_cms_check(const struct trn_cms *c, const struct trn_cms_signer *s, struct trn_str content,
                  struct trn_cms_verdict *ret)
{
    uint8_t hash[TRN_MD_MAX];
    const EVP_MD *md = trn_md_of_oid(s->digest_oid);
    if (md && !trn_str_is_none(s->signed_whole)) {
        int n = trn_md_over(md, &content, 1, hash);
        return n < 0 ? n : trn_cms_check_hash(c, s, md, (struct trn_str){(const char *)hash, (size_t)n}, ret);
    }
    struct trn_cms_verdict v = {TRN_DIGEST_UNKNOWN, TRN_DIGEST_UNKNOWN, -1, md};
    v.signature = by_key(c, s, md, &content, 1, &v.certificate);
    v.content = v.signature; /* signed as it is: one question */
    *ret = v;
    return 0;
}
