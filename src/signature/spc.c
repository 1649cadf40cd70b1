/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what one Authenticode signature says, with what is nested in it. Must not own: the file's layout.
 * Hand-offs: everything goes into job->out; the first signature gives the names, every one can spoil the digest.
 */
#include "signature/spc.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define OID_OPUS TRN_STR("\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x0c")
#define OID_PAGES_1 TRN_STR("\x2b\x06\x01\x04\x01\x82\x37\x02\x03\x01")
#define OID_PAGES_2 TRN_STR("\x2b\x06\x01\x04\x01\x82\x37\x02\x03\x02")
#define CLASS_PAGES TRN_STR("\xa6\xb5\x86\xd5\xb4\xa1\x24\x66\xae\x05\xa2\x17\xda\x8e\x60\xd6")

#define VALUES_MAX 8u          /* of one attribute: real ones have one */
#define STATEMENT_USUAL 1024u  /* without hashes of pages */
#define ATTRIBUTES_USUAL 4096u /* signed ones */

struct indirect { /* SpcIndirectDataContent */
    struct trn_str type, value, digest_oid, digest;
};

static int read_indirect(struct trn_str body, struct indirect *ret)
{
    struct trn_cursor c = trn_cur_of(body);
    struct trn_der data, info, d;
    struct indirect r = {0};
    if (trn_der_expect(&c, TRN_DER_SEQUENCE, &data) < 0 || trn_der_expect(&c, TRN_DER_SEQUENCE, &info) < 0)
        return -EBADMSG;
    c = trn_cur_of(data.body);
    if (trn_der_expect(&c, TRN_DER_OID, &d) < 0)
        return -EBADMSG;
    r.type = d.body;
    r.value = trn_cur_left(&c) ? trn_cur_bytes(&c, trn_cur_left(&c)) : TRN_STR("");
    c = trn_cur_of(info.body);
    if (trn_der_expect(&c, TRN_DER_SEQUENCE, &d) < 0)
        return -EBADMSG;
    struct trn_cursor algorithm = trn_cur_of(d.body);
    if (trn_der_expect(&algorithm, TRN_DER_OID, &d) < 0)
        return -EBADMSG;
    r.digest_oid = d.body;
    if (trn_der_expect(&c, TRN_DER_OCTETS, &d) < 0)
        return -EBADMSG;
    r.digest = d.body;
    *ret = r;
    return 0;
}

/* SpcPeImageData -> [0] file -> [1] moniker { class, data: SET { SEQUENCE { type, SET { OCTET STRING } } } } */
static bool find_pages(struct trn_str value, const EVP_MD **ret_md, struct trn_str *ret_list)
{
    struct trn_cursor c = trn_cur_of(value);
    struct trn_der d = {0}, id = {0}, data = {0}, list = {0};
    if (trn_der_expect(&c, TRN_DER_SEQUENCE, &d) < 0)
        return false;
    c = trn_cur_of(d.body);
    (void)trn_der_accept(&c, TRN_DER_BITS, &d);
    if (!trn_der_accept(&c, TRN_DER_CONTEXT_IN(0), &d))
        return false;
    c = trn_cur_of(d.body);
    if (!trn_der_accept(&c, TRN_DER_CONTEXT_IN(1), &d))
        return false;
    c = trn_cur_of(d.body);
    if (trn_der_expect(&c, TRN_DER_OCTETS, &id) < 0 || !trn_str_eq(id.body, CLASS_PAGES) ||
        trn_der_expect(&c, TRN_DER_OCTETS, &data) < 0)
        return false;
    static const uint8_t path[] = {TRN_DER_SET, TRN_DER_SEQUENCE};
    c = trn_cur_of(data.body);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(path); i++) {
        if (trn_der_expect(&c, path[i], &d) < 0)
            return false;
        c = trn_cur_of(d.body);
    }
    if (trn_der_expect(&c, TRN_DER_OID, &id) < 0 || trn_der_expect(&c, TRN_DER_SET, &d) < 0)
        return false;
    c = trn_cur_of(d.body);
    if (trn_der_expect(&c, TRN_DER_OCTETS, &list) < 0)
        return false;
    *ret_md = trn_str_eq(id.body, OID_PAGES_1) ? EVP_sha1() : trn_str_eq(id.body, OID_PAGES_2) ? EVP_sha256() : NULL;
    *ret_list = list.body;
    return *ret_md != NULL;
}

static void spoil(struct trn_signed *out, enum trn_digest_state *state, enum trn_digest_state by, const char *why)
{
    if (*state == TRN_DIGEST_BAD || by == TRN_DIGEST_OK)
        return;
    *state = by;
    if (!out->why[0] || by == TRN_DIGEST_BAD)
        out->why = why;
}

/* Is the stated hash that of the file? */
static int check_content(struct trn_spc_job *job, const struct indirect *in, enum trn_digest_state *state)
{
    uint8_t hash[TRN_MD_MAX];
    const EVP_MD *md = trn_md_of_oid(in->digest_oid);
    if (!md) {
        spoil(job->out, state, TRN_DIGEST_UNKNOWN, "its hash is of a kind that is not known here");
        return 0;
    }
    int n = job->digest(job->ctx, md, hash);
    if (n < 0 && n != -EOPNOTSUPP)
        return n;
    if (n < 0)
        spoil(job->out, state, TRN_DIGEST_UNKNOWN, "the signed bytes cannot be told");
    else if (!trn_str_eq(in->digest, (struct trn_str){(const char *)hash, (size_t)n}))
        spoil(job->out, state, TRN_DIGEST_BAD, "the content is not what was signed");
    return 0;
}

static int check_signer(struct trn_spc_job *job, const struct trn_cms *cms, struct trn_cms_verdict *v,
                        enum trn_digest_state *state)
{
    if (cms->n_signers != 1) {
        spoil(job->out, state, TRN_DIGEST_UNKNOWN, "it has not exactly one signer");
        return 0;
    }
    int e = trn_cms_check(cms, &cms->signers[0], cms->content, v);
    if (e < 0)
        return e;
    if (v->content != TRN_DIGEST_OK)
        spoil(job->out, state, v->content, "the statement is not what the signer signed");
    spoil(job->out, state, v->signature,
          v->signature == TRN_DIGEST_BAD ? "the signature is not by the signer's key"
                                         : "the signer's certificate or its algorithm is not at hand");
    return 0;
}

static void stamped(struct trn_signed *out, const struct trn_stamp *s, struct trn_stamp *best)
{
    out->stamped = true;
    out->stamp_bad |= !s->good;
    if (s->good && (!best->good || (s->trusted && !best->trusted)))
        *best = *s;
}

/* Time stamps and nested signatures of an attribute; others are places. */
static int one_value(struct trn_spc_job *job, const struct trn_cms *cms, const struct trn_cms_attribute *a,
                     struct trn_str value, bool used[TRN_CMS_CERTS], struct trn_stamp *best, unsigned depth)
{
    struct trn_stamp s = {0};
    int e = -EBADMSG;
    if (trn_str_eq(a->oid, TRN_OID_MS_NESTED))
        return depth < TRN_NESTED_DEPTH ? trn_spc_check(job, value, depth + 1) : -EBADMSG;
    if (trn_str_eq(a->oid, TRN_OID_MS_STAMP) || trn_str_eq(a->oid, TRN_OID_STAMP_TOKEN))
        e = trn_stamp_token(job, value, cms->signers[0].signature, &s);
    else if (trn_str_eq(a->oid, TRN_OID_COUNTERSIGNATURE))
        e = trn_stamp_counter(job, cms, value, cms->signers[0].signature, used, &s);
    if (e == 0)
        stamped(job->out, &s, best);
    if (e == 0 && !s.good)
        trn_spc_place(job, TRN_PLACE_STAMP, value, "a time stamp that is not about this signature", a->oid);
    return e;
}

static int unsigned_attributes(struct trn_spc_job *job, const struct trn_cms *cms, bool used[TRN_CMS_CERTS],
                               struct trn_stamp *best, unsigned depth)
{
    const struct trn_cms_signer *s = &cms->signers[0];
    for (uint32_t i = 0; cms->n_signers && i < s->n_unsigned; i++) {
        struct trn_cursor c = trn_cur_of(s->unsigned_[i].values);
        struct trn_der d;
        for (unsigned n = 0; trn_cur_left(&c); n++) {
            int e = n < VALUES_MAX ? trn_der_next(&c, &d) : -EBADMSG;
            c.bad |= n == VALUES_MAX;
            if (e == 0)
                e = one_value(job, cms, &s->unsigned_[i], d.whole, used, best, depth);
            if (e < 0 && e != -EBADMSG)
                return e;
            if (e < 0)
                trn_spc_place(job, TRN_PLACE_ATTRIBUTE, c.bad ? s->unsigned_[i].whole : d.whole,
                              "an attribute that nobody signed", s->unsigned_[i].oid);
            if (c.bad)
                break;
        }
    }
    return 0;
}

/* What the signer calls it: SpcSpOpusInfo [0] programName [0] unicode | [1] ascii. */
static void program_name(const struct trn_cms *cms, struct trn_signed *out)
{
    struct trn_der d;
    if (!cms->n_signers ||
        !trn_cms_value(trn_cms_find(cms->signers[0].signed_, cms->signers[0].n_signed, OID_OPUS), TRN_DER_SEQUENCE, &d))
        return;
    struct trn_cursor c = trn_cur_of(d.body);
    if (!trn_der_accept(&c, TRN_DER_CONTEXT_IN(0), &d))
        return;
    c = trn_cur_of(d.body);
    if (trn_der_next(&c, &d) < 0)
        return;
    size_t step = d.ident == TRN_DER_CONTEXT(0) ? 2 : 1, n = 0; /* UTF-16 big endian: the lower half of ASCII */
    for (size_t i = step - 1; i < d.body.n && n + 1 < sizeof(out->program); i += step)
        out->program[n++] = d.body.p[i];
    out->program[n] = '\0';
}

static int first_signature(struct trn_spc_job *job, const struct trn_cms *cms, const struct indirect *in,
                           const struct trn_cms_verdict *v)
{
    struct trn_signature *s = &job->out->signature;
    s->digest_name = trn_str_of(trn_md_name(trn_md_of_oid(in->digest_oid)));
    s->content_digest = trn_arena_str(job->arena, in->digest);
    program_name(cms, job->out);
    return v->certificate >= 0 ? trn_chain_names(cms->x509[v->certificate], job->arena, s) : 0;
}

/* Anybody can add a signature of his own to one that is there: what it holds beyond need is told. */
static void further_signature(struct trn_spc_job *job, const struct trn_cms *cms, const struct indirect *in,
                              enum trn_digest_state state, bool has_pages)
{
    struct trn_str attributes = cms->n_signers ? cms->signers[0].signed_whole : TRN_STR_NONE;
    if (state == TRN_DIGEST_UNKNOWN) {
        trn_spc_place(job, TRN_PLACE_FURTHER, cms->whole, "a further signature that cannot be checked", TRN_STR_NONE);
        return;
    }
    if (in->value.n > STATEMENT_USUAL && !has_pages)
        trn_spc_place(job, TRN_PLACE_STRAY, in->value, "the statement of a further signature", TRN_STR_NONE);
    if (attributes.n > ATTRIBUTES_USUAL)
        trn_spc_place(job, TRN_PLACE_STRAY, attributes, "attributes of a further signature", TRN_STR_NONE);
}

static int check_one(struct trn_spc_job *job, const struct trn_cms *cms, unsigned depth)
{
    struct trn_signed *out = job->out;
    struct indirect in;
    enum trn_digest_state state = TRN_DIGEST_OK;
    struct trn_cms_verdict v = {.certificate = -1};
    struct trn_stamp stamp = {0};
    bool used[TRN_CMS_CERTS] = {0};
    const EVP_MD *md = NULL;
    struct trn_str list = TRN_STR_NONE;
    const char *why = "";
    if (!trn_str_eq(cms->content_type, TRN_OID_SPC_INDIRECT_DATA) || read_indirect(cms->content, &in) < 0)
        return -EBADMSG;
    bool first = out->signature.signatures++ == 0;
    int e = check_content(job, &in, &state);
    if (e == 0)
        e = check_signer(job, cms, &v, &state);
    if (e == 0 && first)
        e = first_signature(job, cms, &in, &v);
    if (e < 0)
        return e;
    bool has_pages = find_pages(in.value, &md, &list);
    if (!first)
        further_signature(job, cms, &in, state, has_pages);
    if (state == TRN_DIGEST_OK && job->pages && has_pages)
        out->pages = out->pages == TRN_DIGEST_BAD ? out->pages : job->pages(job->ctx, md, list);
    out->signature.digest = first ? state : out->signature.digest;
    if (state == TRN_DIGEST_BAD)
        out->signature.digest = state;
    trn_chain_mark(cms, v.certificate, used);
    e = unsigned_attributes(job, cms, used, &stamp, depth);
    if (e < 0)
        return e;
    enum trn_chain_state chain = trn_chain_check(cms, v.certificate, job->o->roots,
                                                 stamp.trusted ? stamp.when : job->o->now, TRN_USE_CODE, &why);
    if (first) {
        out->signature.chain = chain;
        out->signature.signed_at = stamp.good ? stamp.when : 0;
        out->chain_why = why;
    }
    trn_spc_places(job, cms, used);
    return 0;
}

int trn_spc_check(struct trn_spc_job *job, struct trn_str der, unsigned depth)
{
    struct trn_cms cms;
    if (job->out->signature.signatures >= TRN_SIGNATURES_MAX)
        return -EBADMSG;
    int e = trn_cms_parse(der, job->arena, &cms);
    if (e < 0)
        return e;
    e = cms.whole.n == der.n ? check_one(job, &cms, depth) : -EBADMSG;
    trn_cms_done(&cms);
    ERR_clear_error();
    return e;
}

int trn_spc_check_within(struct trn_spc_job *job, struct trn_str all, uint64_t at, size_t *ret_used)
{
    uint64_t size = 0;
    int e = trn_der_size(all, &size);
    if (e == -ENODATA || (e == 0 && size > all.n))
        return -EBADMSG;
    if (e < 0)
        return e;
    job->bytes = all;
    job->at = at;
    e = trn_spc_check(job, trn_str_slice(all, 0, (size_t)size), 0);
    if (e == 0)
        *ret_used = (size_t)size;
    return e;
}

int trn_spc_settle(struct trn_signed *out, int e)
{
    if (e != -EBADMSG)
        return e;
    out->signature.digest = TRN_DIGEST_UNKNOWN;
    out->why = "its signature cannot be read";
    return 0;
}
