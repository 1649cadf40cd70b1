/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: what the checks of signatures share. */
#ifndef TRN_ARTIFACT_CHECK_SIGNATURE_H
#define TRN_ARTIFACT_CHECK_SIGNATURE_H

#include "artifact/kinds.h"

#define TRN_PEEK_MAX 16384u

/* What a run of bytes looks like, to tell a tag that a vendor wrote from something that is hidden. */
struct trn_run {
    uint64_t size;
    bool zero;     /* nothing but zeros */
    bool readable; /* what is not zero is nearly all printable; only runs up to TRN_PEEK_MAX can be */
    uint64_t text; /* bytes that are not zero, of those looked at */
    uint32_t entropy_milli;
};
struct trn_run trn_run_look(struct trn_look *l, uint64_t at, uint64_t size);
struct trn_signature_options trn_look_trust(const struct trn_look *l);
/* "signed by 'X' and counts as valid" / "..., though nobody here knows its root" / "is not valid anyway" */
struct trn_str trn_look_signed_words(struct trn_look *l, const struct trn_signature *s);
/* The file is not what was signed; why: static. */
int trn_look_mismatch(struct trn_look *l, const struct trn_signature *s, const char *why, uint16_t score)
    TRN_MUST_CHECK;
/* Tells the signature, and remembers who signed for what compares siblings. */
int trn_look_signed(struct trn_look *l, const struct trn_signature *s) TRN_MUST_CHECK;

/* What the signature says, and each place in the file that is not signed; check: what bytes beside the signature are told as. */
int trn_look_signed_file(struct trn_look *l, const struct trn_signed *x, const char *check) TRN_MUST_CHECK;

/* One format each; called by trn_look_signatures. */
int trn_look_authenticode(struct trn_look *l, struct trn_err *err) TRN_MUST_CHECK;
int trn_look_signed_cab(struct trn_look *l, struct trn_err *err) TRN_MUST_CHECK;
int trn_look_signed_msi(struct trn_look *l, struct trn_err *err) TRN_MUST_CHECK;
int trn_look_signed_package(struct trn_look *l, struct trn_err *err) TRN_MUST_CHECK; /* rpm, deb */
int trn_look_provenance(struct trn_look *l, struct trn_err *err) TRN_MUST_CHECK;
int trn_look_tarball(struct trn_look *l) TRN_MUST_CHECK;
int trn_look_module_trailer(struct trn_look *l, struct trn_err *err) TRN_MUST_CHECK; /* of any format */

#endif
