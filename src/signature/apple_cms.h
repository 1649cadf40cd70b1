/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the reader of Apple signatures: what touches OpenSSL's CMS. */
#ifndef TRN_SIGNATURE_APPLE_CMS_H
#define TRN_SIGNATURE_APPLE_CMS_H

#include "signature/apple_internal.h"

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/x509.h>

/* apple_chain.c: does it end in a root of Apple? at: when it was signed, 0: it does not say, now counts. */
enum trn_chain_state trn_apple_chain(X509 *cert, STACK_OF(X509) * others, int64_t at, bool timestamp);
/* The time that a time stamp over this signer's signature tells, when stamp and stamper hold; else 0. */
int64_t trn_apple_timestamp(CMS_SignerInfo *si);

static inline void trn_free_certs(STACK_OF(X509) * *s)
{
    sk_X509_pop_free(*s, X509_free);
}
static inline void trn_free_cms(CMS_ContentInfo **c)
{
    CMS_ContentInfo_free(*c);
}

#endif
