/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: hashes over the signed bytes of a PE, whole and by page. */
#ifndef TRN_SIGNATURE_PE_DIGEST_H
#define TRN_SIGNATURE_PE_DIGEST_H

#include "signature/crypto.h"

/* The authentihash: all but checksum, directory entry and what is from the certificate table on. Bytes, or negative errno. */
int trn_pe_digest(const struct trn_pe *pe, const EVP_MD *md, uint8_t *ret) TRN_MUST_CHECK;
/* Are the hashes of pages (offset, hash; offset, hash; ... end, zeros) those of this file? */
enum trn_digest_state trn_pe_pages(const struct trn_pe *pe, const EVP_MD *md, struct trn_str list);

#endif
