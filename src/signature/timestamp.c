/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: time stamps of a signature, of both kinds: are they about it, who made them, when. Must not own: the signature.
 * A time counts only when the stamp's own signature is right; it is trusted only when its chain leads to a known root.
 */
#include "signature/spc.h"

#define TOKEN_USUAL 1024u

/* TSTInfo: version, policy, imprint { algorithm, hash }, serial, time, ... */
static int token_info(struct trn_str body, struct trn_str *ret_oid, struct trn_str *ret_hash, int64_t *ret_when)
{
    struct trn_cursor c = trn_cur_of(body);
    struct trn_der d;
    if (trn_der_expect(&c, TRN_DER_SEQUENCE, &d) < 0)
        return -EBADMSG;
    c = trn_cur_of(d.body);
    if (trn_der_expect(&c, TRN_DER_INTEGER, &d) < 0 || trn_der_expect(&c, TRN_DER_OID, &d) < 0 ||
        trn_der_expect(&c, TRN_DER_SEQUENCE, &d) < 0)
        return -EBADMSG;
    struct trn_cursor imprint = trn_cur_of(d.body);
    if (trn_der_expect(&imprint, TRN_DER_SEQUENCE, &d) < 0)
        return -EBADMSG;
    struct trn_cursor algorithm = trn_cur_of(d.body);
    if (trn_der_expect(&algorithm, TRN_DER_OID, &d) < 0)
        return -EBADMSG;
    *ret_oid = d.body;
    if (trn_der_expect(&imprint, TRN_DER_OCTETS, &d) < 0)
        return -EBADMSG;
    *ret_hash = d.body;
    if (trn_der_expect(&c, TRN_DER_INTEGER, &d) < 0 || trn_der_expect(&c, TRN_DER_TIME, &d) < 0)
        return -EBADMSG;
    return trn_der_time(&d, ret_when);
}

static bool same_hash(const EVP_MD *md, struct trn_str over, struct trn_str hash)
{
    uint8_t own[TRN_MD_MAX];
    int n = md ? trn_md_over(md, &over, 1, own) : -EOPNOTSUPP;
    return n > 0 && trn_str_eq(hash, (struct trn_str){(const char *)own, (size_t)n});
}

static int token(struct trn_spc_job *job, const struct trn_cms *cms, struct trn_str signature, struct trn_stamp *ret)
{
    struct trn_str oid, hash;
    struct trn_cms_verdict v = {0};
    struct trn_stamp s = {0};
    bool used[TRN_CMS_CERTS] = {0};
    const char *why;
    if (!trn_str_eq(cms->content_type, TRN_OID_TST_INFO) || cms->n_signers != 1 ||
        token_info(cms->content, &oid, &hash, &s.when) < 0)
        return -EBADMSG;
    int e = trn_cms_check(cms, &cms->signers[0], cms->content, &v);
    if (e < 0)
        return e;
    s.good =
        v.content == TRN_DIGEST_OK && v.signature == TRN_DIGEST_OK && same_hash(trn_md_of_oid(oid), signature, hash);
    s.trusted =
        s.good && trn_chain_check(cms, v.certificate, job->o->roots, s.when, TRN_USE_TIME, &why) == TRN_CHAIN_OK;
    trn_chain_mark(cms, v.certificate, used);
    if (cms->content.n > TOKEN_USUAL) /* who made it is not known: anybody can stamp */
        trn_spc_place(job, TRN_PLACE_STRAY, cms->content, "the statement of a time stamp", TRN_STR_NONE);
    trn_spc_places(job, cms, used);
    *ret = s;
    return 0;
}

int trn_stamp_token(struct trn_spc_job *job, struct trn_str bytes, struct trn_str signature, struct trn_stamp *ret)
{
    struct trn_cms cms;
    int e = trn_cms_parse(bytes, job->arena, &cms);
    if (e < 0)
        return e;
    e = cms.whole.n == bytes.n ? token(job, &cms, signature, ret) : -EBADMSG;
    trn_cms_done(&cms);
    return e;
}

int trn_stamp_counter(struct trn_spc_job *job, const struct trn_cms *cms, struct trn_str value,
                      struct trn_str signature, bool used[TRN_CMS_CERTS], struct trn_stamp *ret)
{
    struct trn_cms_signer *signer = trn_arena_alloc(job->arena, sizeof(*signer));
    struct trn_cursor c = trn_cur_of(value);
    struct trn_stamp s = {0};
    struct trn_cms_verdict v = {0};
    struct trn_cms about = *cms; /* the same certificates, other content */
    struct trn_der d;
    const char *why;
    if (!signer)
        return -ENOMEM;
    if (trn_cms_signer_parse(&c, signer) < 0 || !trn_cur_end(&c))
        return -EBADMSG;
    about.content_type = TRN_OID_DATA;
    int e = trn_cms_check(&about, signer, signature, &v);
    if (e < 0)
        return e;
    const struct trn_cms_attribute *at = trn_cms_find(signer->signed_, signer->n_signed, TRN_OID_SIGNING_TIME);
    bool told = (trn_cms_value(at, TRN_DER_UTC_TIME, &d) || trn_cms_value(at, TRN_DER_TIME, &d)) &&
                trn_der_time(&d, &s.when) == 0;
    s.good = told && v.content == TRN_DIGEST_OK && v.signature == TRN_DIGEST_OK;
    s.trusted =
        s.good && trn_chain_check(cms, v.certificate, job->o->roots, s.when, TRN_USE_TIME, &why) == TRN_CHAIN_OK;
    trn_chain_mark(cms, v.certificate, used);
    *ret = s;
    return 0;
}
