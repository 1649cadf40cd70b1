/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: what the looks at Mac programs and Mac disk images share. */
#ifndef TRN_ARTIFACT_CHECK_MACHO_H
#define TRN_ARTIFACT_CHECK_MACHO_H

#include "artifact/kinds.h"
#include "signature/signature.h"

/* Signature, identifier, team, flags. */
int trn_apple_tell_signature(struct trn_look *l, const struct trn_apple *x) TRN_MUST_CHECK;
/* signature.digest-mismatch; what: "program", "image". */
int trn_apple_tell_mismatch(struct trn_look *l, const struct trn_apple *x, const char *what) TRN_MUST_CHECK;
/* Bytes where none belong: macho.signature-slack, or macho.overlay where nobody signed. where: "in the ...". */
int trn_macho_tell_slack(struct trn_look *l, uint64_t at, uint64_t size, const char *where, bool is_signed)
    TRN_MUST_CHECK;
/* check_macho_entitlements.c: properties and macho.entitlement. */
int trn_macho_entitlements(struct trn_look *l, const struct trn_apple *x) TRN_MUST_CHECK;
/* feature_macho.c */
int trn_feature_macho(struct trn_look *l, const struct trn_macho *m) TRN_MUST_CHECK;

#endif
