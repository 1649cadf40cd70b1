/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the structure of CMS SignedData, every element with its place. Must not own: what the content means, any verdict.
 * Hand-offs: views of the bytes that were given; X509 objects until trn_cms_done.
 */
#include "signature/cms.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define DIGESTS_MAX 256u /* of the names of hash functions: a dozen */
#define NUMBER_MAX 4u    /* of a version */

static void stray(struct trn_cms *c, struct trn_str what)
{
    if (what.n && c->n_strays < TRN_CMS_STRAYS)
        c->strays[c->n_strays++] = what;
}

/* Whatever is left of an element in which nothing more belongs. */
static void stray_rest(struct trn_cms *c, struct trn_cursor *in)
{
    size_t n = trn_cur_left(in);
    if (n)
        stray(c, trn_cur_bytes(in, n));
}

static int algorithm(struct trn_cursor *c, struct trn_str *ret_oid, struct trn_str *ret_parameters)
{
    struct trn_der seq, oid;
    if (trn_der_expect(c, TRN_DER_SEQUENCE, &seq) < 0)
        return -EBADMSG;
    struct trn_cursor in = trn_cur_of(seq.body);
    if (trn_der_expect(&in, TRN_DER_OID, &oid) < 0)
        return -EBADMSG;
    *ret_oid = oid.body;
    *ret_parameters = trn_cur_left(&in) ? trn_cur_bytes(&in, trn_cur_left(&in)) : TRN_STR("");
    return 0;
}

static int attributes(struct trn_str body, struct trn_cms_attribute *list, uint32_t *ret_n)
{
    struct trn_cursor c = trn_cur_of(body);
    struct trn_der seq, oid, set;
    while (trn_cur_left(&c)) {
        if (*ret_n == TRN_CMS_ATTRIBUTES || trn_der_expect(&c, TRN_DER_SEQUENCE, &seq) < 0)
            return -EBADMSG;
        struct trn_cursor in = trn_cur_of(seq.body);
        if (trn_der_expect(&in, TRN_DER_OID, &oid) < 0 || trn_der_expect(&in, TRN_DER_SET, &set) < 0)
            return -EBADMSG;
        list[(*ret_n)++] = (struct trn_cms_attribute){oid.body, set.body, seq.whole};
    }
    return c.bad ? -EBADMSG : 0;
}

/* Who signed: issuer and serial number, or the id of the key. */
static int signer_id(struct trn_cursor *c, struct trn_cms_signer *s)
{
    struct trn_der d, name, serial;
    if (trn_der_accept(c, TRN_DER_CONTEXT(0), &d)) {
        s->key_id = d.body;
        return 0;
    }
    if (trn_der_expect(c, TRN_DER_SEQUENCE, &d) < 0)
        return -EBADMSG;
    struct trn_cursor in = trn_cur_of(d.body);
    if (trn_der_expect(&in, TRN_DER_SEQUENCE, &name) < 0 || trn_der_expect(&in, TRN_DER_INTEGER, &serial) < 0 ||
        !trn_cur_end(&in))
        return -EBADMSG;
    s->issuer = name.whole;
    s->serial = serial.body;
    return 0;
}

int trn_cms_signer_parse(struct trn_cursor *c, struct trn_cms_signer *ret)
{
    struct trn_cms_signer *s = ret;
    struct trn_der seq, d;
    if (trn_der_expect(c, TRN_DER_SEQUENCE, &seq) < 0)
        return -EBADMSG;
    struct trn_cursor in = trn_cur_of(seq.body);
    s->whole = seq.whole;
    if (trn_der_expect(&in, TRN_DER_INTEGER, &d) < 0 || d.body.n > NUMBER_MAX || signer_id(&in, s) < 0 ||
        algorithm(&in, &s->digest_oid, &s->digest_parameters) < 0)
        return -EBADMSG;
    if (trn_der_accept(&in, TRN_DER_CONTEXT_IN(0), &d)) {
        s->signed_whole = d.whole;
        if (attributes(d.body, s->signed_, &s->n_signed) < 0)
            return -EBADMSG;
    }
    if (algorithm(&in, &s->signature_oid, &s->signature_parameters) < 0 || trn_der_expect(&in, TRN_DER_OCTETS, &d) < 0)
        return -EBADMSG;
    s->signature = d.body;
    if (trn_der_accept(&in, TRN_DER_CONTEXT_IN(1), &d) && attributes(d.body, s->unsigned_, &s->n_unsigned) < 0)
        return -EBADMSG;
    return trn_cur_end(&in) ? 0 : -EBADMSG;
}

static int signers(struct trn_cms *c, struct trn_str body, struct trn_arena *a)
{
    struct trn_cursor in = trn_cur_of(body), count = in;
    struct trn_der d;
    uint32_t n = 0;
    while (trn_der_next(&count, &d) == 0)
        n++;
    if (count.bad || n > TRN_CMS_SIGNERS)
        return -EBADMSG;
    c->signers = trn_arena_array(a, n + 1, sizeof(*c->signers));
    if (!c->signers)
        return -ENOMEM;
    while (c->n_signers < n) {
        if (trn_cms_signer_parse(&in, &c->signers[c->n_signers]) < 0)
            return -EBADMSG;
        c->n_signers++;
    }
    return 0;
}

static int content(struct trn_cms *c, struct trn_cursor *in, struct trn_arena *a)
{
    struct trn_der seq, oid, wrap, inner;
    if (trn_der_expect(in, TRN_DER_SEQUENCE, &seq) < 0)
        return -EBADMSG;
    struct trn_cursor s = trn_cur_of(seq.body);
    if (trn_der_expect(&s, TRN_DER_OID, &oid) < 0)
        return -EBADMSG;
    c->content_type = oid.body;
    if (trn_der_accept(&s, TRN_DER_CONTEXT_IN(0), &wrap)) {
        struct trn_cursor w = trn_cur_of(wrap.body);
        if (trn_der_next(&w, &inner) < 0)
            return -EBADMSG;
        c->content_whole = inner.whole;
        c->content = inner.body;
        /* of an OCTET STRING in parts the parts' bytes are signed; of what else stands here, the body as it is */
        if (inner.ident == (TRN_DER_OCTETS | 0x20) && trn_der_octets(&inner, a, &c->content) < 0)
            return -EBADMSG;
        stray_rest(c, &w);
    }
    stray_rest(c, &s);
    return 0;
}

static void certificates(struct trn_cms *c, struct trn_str body)
{
    struct trn_cursor in = trn_cur_of(body);
    struct trn_der d;
    while (trn_cur_left(&in)) {
        size_t at = in.at;
        if (trn_der_next(&in, &d) < 0) {
            stray(c, trn_str_slice(body, at, body.n));
            break;
        }
        if (c->n_certificates == TRN_CMS_CERTS) {
            stray(c, d.whole);
            continue;
        }
        const unsigned char *p = (const unsigned char *)d.whole.p;
        X509 *x = d.ident == TRN_DER_SEQUENCE && d.whole.n <= INT32_MAX ? d2i_X509(NULL, &p, (long)d.whole.n) : NULL;
        c->x509[c->n_certificates] = x;
        c->certificates[c->n_certificates++] = d.whole;
    }
    ERR_clear_error();
}

static int signed_data(struct trn_cms *c, struct trn_str body, struct trn_arena *a)
{
    struct trn_cursor in = trn_cur_of(body);
    struct trn_der seq, d;
    if (trn_der_expect(&in, TRN_DER_SEQUENCE, &seq) < 0)
        return -EBADMSG;
    stray_rest(c, &in);
    struct trn_cursor s = trn_cur_of(seq.body);
    if (trn_der_expect(&s, TRN_DER_INTEGER, &d) < 0)
        return -EBADMSG;
    if (d.body.n > NUMBER_MAX)
        stray(c, d.whole);
    if (trn_der_expect(&s, TRN_DER_SET, &d) < 0)
        return -EBADMSG;
    if (d.body.n > DIGESTS_MAX) /* nobody signs the names of hash functions, nor what stands beside them */
        stray(c, d.whole);
    int e = content(c, &s, a);
    if (e < 0)
        return e;
    if (trn_der_accept(&s, TRN_DER_CONTEXT_IN(0), &d))
        certificates(c, d.body);
    if (trn_der_accept(&s, TRN_DER_CONTEXT_IN(1), &d))
        c->crls = d.body;
    if (trn_der_expect(&s, TRN_DER_SET, &d) < 0)
        return -EBADMSG;
    e = signers(c, d.body, a);
    stray_rest(c, &s);
    return e;
}

int trn_cms_parse(struct trn_str bytes, struct trn_arena *a, struct trn_cms *ret)
{
    struct trn_cursor c = trn_cur_of(bytes);
    struct trn_der info, oid, wrap;
    if (bytes.n > TRN_CMS_MAX || trn_der_expect(&c, TRN_DER_SEQUENCE, &info) < 0)
        return -EBADMSG;
    struct trn_cursor in = trn_cur_of(info.body);
    if (trn_der_expect(&in, TRN_DER_OID, &oid) < 0 || !trn_str_eq(oid.body, TRN_OID_SIGNED_DATA) ||
        trn_der_expect(&in, TRN_DER_CONTEXT_IN(0), &wrap) < 0)
        return -EBADMSG;
    struct trn_cms cms = {.whole = info.whole};
    stray_rest(&cms, &in);
    int e = signed_data(&cms, wrap.body, a);
    if (e < 0) {
        trn_cms_done(&cms);
        return e;
    }
    *ret = cms;
    return 0;
}

void trn_cms_done(struct trn_cms *c)
{
    for (uint32_t i = 0; i < c->n_certificates; i++)
        X509_free(c->x509[i]);
    c->n_certificates = 0;
}

const struct trn_cms_attribute *trn_cms_find(const struct trn_cms_attribute *list, uint32_t n, struct trn_str oid)
{
    for (uint32_t i = 0; i < n; i++)
        if (trn_str_eq(list[i].oid, oid))
            return &list[i];
    return NULL;
}

bool trn_cms_value(const struct trn_cms_attribute *a, uint8_t ident, struct trn_der *ret)
{
    struct trn_der d;
    if (!a)
        return false;
    struct trn_cursor c = trn_cur_of(a->values);
    if (trn_der_expect(&c, ident, &d) < 0 || !trn_cur_end(&c))
        return false;
    *ret = d;
    return true;
}

/* Issuer (whole) and serial (body) of a certificate, as they stand in it. */
static bool certificate_id(struct trn_str whole, struct trn_str *ret_issuer, struct trn_str *ret_serial)
{
    struct trn_cursor c = trn_cur_of(whole);
    struct trn_der d, serial, name;
    if (trn_der_expect(&c, TRN_DER_SEQUENCE, &d) < 0)
        return false;
    c = trn_cur_of(d.body);
    if (trn_der_expect(&c, TRN_DER_SEQUENCE, &d) < 0)
        return false;
    c = trn_cur_of(d.body);
    (void)trn_der_accept(&c, TRN_DER_CONTEXT_IN(0), &d); /* version */
    if (trn_der_expect(&c, TRN_DER_INTEGER, &serial) < 0 || trn_der_expect(&c, TRN_DER_SEQUENCE, &d) < 0 ||
        trn_der_expect(&c, TRN_DER_SEQUENCE, &name) < 0)
        return false;
    *ret_issuer = name.whole;
    *ret_serial = serial.body;
    return true;
}

int trn_cms_certificate_of(const struct trn_cms *c, const struct trn_cms_signer *s)
{
    struct trn_str issuer, serial;
    for (uint32_t i = 0; i < c->n_certificates; i++) {
        if (!c->x509[i])
            continue;
        if (!trn_str_is_none(s->key_id)) {
            const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(c->x509[i]);
            if (id && trn_str_eq(s->key_id, (struct trn_str){(const char *)ASN1_STRING_get0_data(id),
                                                             (size_t)ASN1_STRING_length(id)}))
                return (int)i;
        } else if (certificate_id(c->certificates[i], &issuer, &serial) && trn_str_eq(issuer, s->issuer) &&
                   trn_str_eq(serial, s->serial)) {
            return (int)i;
        }
    }
    return -ENOENT;
}
