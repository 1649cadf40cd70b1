/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: what stands in a signature's structure without being signed. Must not own: how bad that is (src/artifact/). */
#include "signature/spc.h"

#include <openssl/err.h>

#define CERTIFICATE_MAX 16384u /* one that is needed, and still larger than any real one */
#define EXTRA_MIN 2048u        /* of one that is not needed: smaller ones are common and hide nothing */
#define EXTRA_TOTAL 12288u
#define PARAMETERS_MAX 128u
#define LISTS_MAX 16u

bool trn_is_zero(struct trn_str s)
{
    return s.n == 0 || (s.p[0] == 0 && memcmp(s.p, s.p + 1, s.n - 1) == 0);
}

void trn_unsigned_place_add(struct trn_signed *out, const struct trn_unsigned_place *p)
{
    if (out->n_places < TRN_PLACES_MAX)
        out->places[out->n_places++] = *p;
    else
        out->places_left_out++;
}

void trn_spc_place(struct trn_spc_job *job, enum trn_unsigned_place_kind kind, struct trn_str view, const char *what,
                   struct trn_str oid)
{
    struct trn_unsigned_place p = {kind, job->at, view.n, !trn_is_zero(view), "", what};
    char text[TRN_DER_OID_TEXT];
    uintptr_t from = (uintptr_t)job->bytes.p, at = (uintptr_t)view.p;
    if (at >= from && at - from < job->bytes.n) /* else a copy: it lies in this signature, nearer is not known */
        p.at += at - from;
    if (oid.n) {
        trn_der_oid_text(oid, text);
        memcpy(p.oid, text, TRN_MIN(strlen(text), sizeof(p.oid) - 1));
    }
    trn_unsigned_place_add(job->out, &p);
    trn_signature_uncovered(&job->out->signature, p.at, p.size, what, false);
}

static void signer_places(struct trn_spc_job *job, const struct trn_cms_signer *s, bool is_spc)
{
    if (s->digest_parameters.n > PARAMETERS_MAX)
        trn_spc_place(job, TRN_PLACE_STRAY, s->digest_parameters, "parameters of a hash", TRN_STR_NONE);
    if (s->signature_parameters.n > PARAMETERS_MAX)
        trn_spc_place(job, TRN_PLACE_STRAY, s->signature_parameters, "parameters of a signature", TRN_STR_NONE);
    for (uint32_t i = 0; !is_spc && i < s->n_unsigned;
         i++) /* an Authenticode signature's own were looked at one by one */
        trn_spc_place(job, TRN_PLACE_ATTRIBUTE, s->unsigned_[i].whole, "an attribute that nobody signed",
                      s->unsigned_[i].oid);
}

/* Those that no signer needs are common, and few: a dozen kilobytes of them are not. */
static void extra_certificates(struct trn_spc_job *job, const struct trn_cms *cms, const bool used[TRN_CMS_CERTS])
{
    const char *from = NULL, *to = NULL;
    size_t total = 0;
    for (uint32_t i = 0; i < cms->n_certificates; i++) {
        if (used[i])
            continue;
        from = from ? from : cms->certificates[i].p;
        to = cms->certificates[i].p + cms->certificates[i].n;
        total += cms->certificates[i].n;
    }
    if (total > EXTRA_TOTAL)
        trn_spc_place(job, TRN_PLACE_CERTIFICATE, (struct trn_str){from, (size_t)(to - from)},
                      "many certificates that no signer needs", TRN_STR_NONE);
}

/* A revocation list that somebody here signed holds nothing else. */
static bool is_signed_crl(const struct trn_cms *cms, struct trn_str whole)
{
    const unsigned char *p = (const unsigned char *)whole.p;
    X509_CRL *crl = whole.n <= INT32_MAX ? d2i_X509_CRL(NULL, &p, (long)whole.n) : NULL;
    bool good = false;
    for (uint32_t i = 0; crl && !good && i < cms->n_certificates; i++)
        good = cms->x509[i] && X509_CRL_verify(crl, X509_get0_pubkey(cms->x509[i])) == 1;
    X509_CRL_free(crl);
    ERR_clear_error();
    return good;
}

static void revocation_lists(struct trn_spc_job *job, const struct trn_cms *cms)
{
    struct trn_cursor c = trn_cur_of(cms->crls);
    struct trn_der d;
    for (unsigned n = 0; trn_cur_left(&c); n++) {
        if (n >= LISTS_MAX || trn_der_next(&c, &d) < 0) {
            trn_spc_place(job, TRN_PLACE_STRAY, cms->crls, "where revocation lists stand", TRN_STR_NONE);
            return;
        }
        if (!is_signed_crl(cms, d.whole))
            trn_spc_place(job, TRN_PLACE_STRAY, d.whole, "a revocation list by nobody", TRN_STR_NONE);
    }
}

void trn_spc_places(struct trn_spc_job *job, const struct trn_cms *cms, const bool used[TRN_CMS_CERTS])
{
    for (uint32_t i = 0; i < cms->n_certificates; i++)
        if (cms->certificates[i].n > (used[i] ? CERTIFICATE_MAX : EXTRA_MIN) ||
            (!cms->x509[i] &&
             cms->certificates[i].p[0] == TRN_DER_SEQUENCE)) /* attribute certificates are of hardware */
            trn_spc_place(job, TRN_PLACE_CERTIFICATE, cms->certificates[i],
                          used[i] ? "a certificate of unusual size" : "a certificate that no signer needs",
                          TRN_STR_NONE);
    for (uint32_t i = 0; i < cms->n_strays; i++)
        trn_spc_place(job, TRN_PLACE_STRAY, cms->strays[i], "an element where the signature has none", TRN_STR_NONE);
    extra_certificates(job, cms, used);
    revocation_lists(job, cms);
    for (uint32_t i = 0; i < cms->n_signers; i++)
        signer_places(job, &cms->signers[i], i == 0 && trn_str_eq(cms->content_type, TRN_OID_SPC_INDIRECT_DATA));
}
