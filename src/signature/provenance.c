/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a provenance statement as npm publishes it (a Sigstore bundle: DSSE envelope, in-toto statement, certificate): which
 * content it is about, and whether the key of its certificate signed it. Must not own: that content; the transparency log.
 *
 * Signed is "DSSEv1" SP length(type) SP type SP length(payload) SP payload. The certificate is one of minutes, by an authority
 * that no system has among its roots: the chain stays unknown.
 */
#include "formats/formats.h"
#include "signature/crypto.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define JSON_MAX (4u << 20)
#define ENVELOPE "\"dsseEnvelope\""

struct bundle {
    struct trn_str payload, type, sig, certificate; /* as text */
};

/* The first string behind each of these keys, wherever it stands. */
static int read_bundle(struct trn_str json, struct trn_arena *a, struct bundle *b)
{
    struct trn_json j;
    struct trn_json_piece p;
    struct trn_str *next = NULL;
    trn_json_begin(&j, json);
    for (;;) {
        if (trn_json_next(&j, &p) < 0)
            return -EBADMSG;
        if (p.kind == TRN_JSON_END)
            break;
        if (p.kind == TRN_JSON_STRING && next && trn_str_is_none(*next))
            *next = trn_json_unescape(&p, a);
        next = NULL;
        if (p.kind != TRN_JSON_KEY)
            continue;
        next = trn_str_eq_c(p.raw, "payload")       ? &b->payload
               : trn_str_eq_c(p.raw, "payloadType") ? &b->type
               : trn_str_eq_c(p.raw, "sig")         ? &b->sig
               : trn_str_eq_c(p.raw, "rawBytes")    ? &b->certificate
                                                    : NULL;
    }
    return b->payload.n && b->type.n ? 0 : -ENOENT;
}

static struct trn_str decoded(struct trn_str text, struct trn_arena *a)
{
    uint8_t *bytes = text.n ? trn_arena_alloc(a, text.n) : NULL;
    int64_t n = bytes ? trn_base64_decode(text, bytes, text.n) : -1;
    return n < 0 ? TRN_STR_NONE : (struct trn_str){(const char *)bytes, (size_t)n};
}

/* subject: [{ name, digest: { sha512: hex } }]: the first one. */
static int read_statement(struct trn_str json, struct trn_arena *a, struct trn_npm_provenance *ret)
{
    struct trn_json j;
    struct trn_json_piece p, value;
    bool in_subject = false;
    trn_json_begin(&j, json);
    for (;;) {
        if (trn_json_next(&j, &p) < 0)
            return -EBADMSG;
        if (p.kind == TRN_JSON_END)
            return trn_str_is_none(ret->digest) ? -ENOENT : 0;
        if (p.kind != TRN_JSON_KEY)
            continue;
        in_subject |= trn_str_eq_c(p.raw, "subject");
        bool hash = trn_str_eq_c(p.raw, "sha512") || trn_str_eq_c(p.raw, "sha256");
        bool name = trn_str_eq_c(p.raw, "name"), type = trn_str_eq_c(p.raw, "predicateType");
        if (!type && !(in_subject && (hash || name)))
            continue;
        if (trn_json_next(&j, &value) < 0)
            return -EBADMSG;
        struct trn_str *to = type ? &ret->predicate : name ? &ret->subject : &ret->digest;
        if (value.kind != TRN_JSON_STRING || !trn_str_is_none(*to))
            continue;
        *to = trn_json_unescape(&value, a);
        if (hash)
            ret->digest_algorithm = trn_str_eq_c(p.raw, "sha512") ? "sha512" : "sha256";
    }
}

/* Whom the certificate names: the address of a workflow, or of a person. */
static struct trn_str named(X509 *x, struct trn_arena *a)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    struct trn_str name = TRN_STR_NONE;
    for (int i = 0; trn_str_is_none(name) && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);
        if (g->type == GEN_URI || g->type == GEN_EMAIL)
            name = trn_arena_str(a, (struct trn_str){(const char *)ASN1_STRING_get0_data(g->d.ia5),
                                                     (size_t)ASN1_STRING_length(g->d.ia5)});
    }
    GENERAL_NAMES_free(names);
    return name;
}

static enum trn_digest_state verify(const struct bundle *b, struct trn_str payload, struct trn_arena *a,
                                    struct trn_signature *s)
{
    struct trn_str der = decoded(b->certificate, a), sig = decoded(b->sig, a);
    const unsigned char *p = (const unsigned char *)der.p;
    TRN_AUTO(trn_x509_freep) X509 *x = der.n ? d2i_X509(NULL, &p, (long)der.n) : NULL;
    struct trn_str head = trn_arena_printf(a, "DSSEv1 %zu %.*s %zu ", b->type.n, TRN_STR_ARG(b->type), payload.n);
    struct trn_str parts[] = {head, payload};
    int e = x && sig.n && head.n
                ? trn_key_verify(X509_get0_pubkey(x), TRN_STR(""), EVP_sha256(), parts, TRN_ARRAY_SIZE(parts), sig)
                : -EOPNOTSUPP;
    if (x)
        s->signer = named(x, a);
    ERR_clear_error();
    return e == 1 ? TRN_DIGEST_OK : e == 0 ? TRN_DIGEST_BAD : TRN_DIGEST_UNKNOWN;
}

int trn_provenance_read(const struct trn_source *s, struct trn_arena *a, struct trn_npm_provenance *ret)
{
    struct trn_npm_provenance r = {
        .signature = {.kind = TRN_SIGNATURE_NPM, .chain = TRN_CHAIN_UNKNOWN, .signatures = 1}};
    struct trn_str json;
    struct bundle b = {0};
    if (s->size > JSON_MAX)
        return -ENOENT;
    int e = trn_source_take(s, 0, (size_t)s->size, a, &json);
    if (e < 0)
        return e;
    if (!memmem(json.p, json.n, ENVELOPE, strlen(ENVELOPE)))
        return -ENOENT;
    if ((e = read_bundle(json, a, &b)) < 0)
        return e;
    struct trn_str payload = decoded(b.payload, a);
    if (trn_str_is_none(payload))
        return -EBADMSG;
    if ((e = read_statement(payload, a, &r)) < 0)
        return e;
    r.signature.digest = verify(&b, payload, a, &r.signature);
    r.signature.digest_name = trn_str_of(r.digest_algorithm);
    *ret = r;
    return 0;
}
