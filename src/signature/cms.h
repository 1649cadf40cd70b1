/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the room: CMS SignedData (PKCS#7), as views into its bytes. Every element has its place, so that what nobody
 * signed can be named; the check of one signer is trn_cms_check. Authenticode, time stamps, modules and Apple's use it.
 */
#ifndef TRN_SIGNATURE_CMS_H
#define TRN_SIGNATURE_CMS_H

#include "signature/crypto.h"

#define TRN_CMS_CERTS 64
#define TRN_CMS_SIGNERS 8
#define TRN_CMS_ATTRIBUTES 24
#define TRN_CMS_STRAYS 8
#define TRN_CMS_MAX (4u << 20) /* of one structure; a signature that is larger is not read */

/* OIDs, as the body of their element */
#define TRN_OID_SIGNED_DATA TRN_STR("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02")
#define TRN_OID_DATA TRN_STR("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01")
#define TRN_OID_CONTENT_TYPE TRN_STR("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03")
#define TRN_OID_MESSAGE_DIGEST TRN_STR("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04")
#define TRN_OID_SIGNING_TIME TRN_STR("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05")
#define TRN_OID_COUNTERSIGNATURE TRN_STR("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x06")

struct trn_cms_attribute {
    struct trn_str oid;    /* its body */
    struct trn_str values; /* what stands in the SET: one element or more */
    struct trn_str whole;
};

struct trn_cms_signer {
    struct trn_str whole;
    struct trn_str issuer, serial; /* issuer: whole element; serial: body; absent when key_id is there */
    struct trn_str key_id;
    struct trn_str digest_oid, digest_parameters, signature_oid, signature_parameters, signature;
    struct trn_str signed_whole; /* [0] as it stands; absent: the content itself is signed */
    uint32_t n_signed, n_unsigned;
    struct trn_cms_attribute signed_[TRN_CMS_ATTRIBUTES], unsigned_[TRN_CMS_ATTRIBUTES];
};

struct trn_cms {
    struct trn_str whole;        /* exactly the structure: bytes behind it are not in */
    struct trn_str content_type; /* OID of what is signed */
    struct trn_str content;      /* its bytes (body of the inner element); absent: detached */
    struct trn_str content_whole;
    struct trn_str certificates[TRN_CMS_CERTS]; /* each whole; attribute certificates too */
    X509 *x509[TRN_CMS_CERTS];                  /* owned; NULL: not read */
    uint32_t n_certificates, n_signers;
    struct trn_cms_signer *signers;        /* in the arena */
    struct trn_str crls;                   /* what stands there instead of revocation lists: nobody signed it */
    struct trn_str strays[TRN_CMS_STRAYS]; /* elements where the structure has none */
    uint32_t n_strays;
};

/* bytes: begin with a ContentInfo of type signedData. The result is freed by trn_cms_done. -EBADMSG: not one. */
int trn_cms_parse(struct trn_str bytes, struct trn_arena *a, struct trn_cms *ret) TRN_MUST_CHECK;
void trn_cms_done(struct trn_cms *c);
/* One SignerInfo (an old countersignature is one by itself). */
int trn_cms_signer_parse(struct trn_cursor *c, struct trn_cms_signer *ret) TRN_MUST_CHECK;
const struct trn_cms_attribute *trn_cms_find(const struct trn_cms_attribute *list, uint32_t n, struct trn_str oid);
/* The only value of an attribute; false when there is none, or more, or another kind. */
bool trn_cms_value(const struct trn_cms_attribute *a, uint8_t ident, struct trn_der *ret);
/* Index of the signer's certificate, -ENOENT. */
int trn_cms_certificate_of(const struct trn_cms *c, const struct trn_cms_signer *s);

struct trn_cms_verdict {
    enum trn_digest_state content; /* is what was signed this content? */
    enum trn_digest_state
        signature;   /* did that key sign it? unknown: the certificate or the algorithm is not at hand */
    int certificate; /* index, or -1 */
    const EVP_MD *md;
};
/* parts: the content that was signed (of detached ones, what it is about). */
int trn_cms_check(const struct trn_cms *c, const struct trn_cms_signer *s, struct trn_str content,
                  struct trn_cms_verdict *ret) TRN_MUST_CHECK;
/* The same when only the hash of the content is known (md must be the signer's, else content is unknown). */
int trn_cms_check_hash(const struct trn_cms *c, const struct trn_cms_signer *s, const EVP_MD *md, struct trn_str hash,
                       struct trn_cms_verdict *ret) TRN_MUST_CHECK;

#endif
