/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: what the checks of Windows programs share. */
#ifndef TRN_ARTIFACT_CHECK_PE_H
#define TRN_ARTIFACT_CHECK_PE_H

#include "artifact/look.h"

struct trn_pe_facts { /* of one image, read once */
    struct trn_pe pe;
    struct trn_pe_imports imports;
    struct trn_pe_resources resources;
    struct trn_pe_version version;
    struct trn_pe_rich rich;
    struct trn_pe_debug debug;
    struct trn_pe_clr clr;
};

#define TRN_PE_OVERLAY_MIN 4096u          /* bytes that are worth a word */
#define TRN_RANDOM_LOOKING 7200u          /* thousandths of a bit per byte */
#define TRN_TRAIT_PE_TIME "pe.timestamp"  /* every PE image has it; "0" where it means nothing */
#define TRN_TRAIT_PE_COMPANY "pe.company" /* who it says made it */
#define TRN_TRAIT_PE_READS "pe.reads"     /* see check_pe_reads.c */
#define TRN_SHAPE_RC4 "RC4 loops"

bool trn_pe_is_library(const struct trn_pe *pe); /* a DLL or a driver: nothing that people start */
int trn_pe_properties(struct trn_look *l, const struct trn_pe_facts *f) TRN_MUST_CHECK;
int trn_pe_check_overlay(struct trn_look *l, const struct trn_pe *pe) TRN_MUST_CHECK;
int trn_pe_check_reads(struct trn_look *l, const struct trn_pe_facts *f) TRN_MUST_CHECK;
int trn_feature_pe(struct trn_look *l, const struct trn_pe_facts *f) TRN_MUST_CHECK; /* feature_pe.c */
/* Is there a shape in these bytes of code or data that decrypts? Says where and what ("AES table"); NULL: none. */
const char *trn_decrypts(struct trn_str bytes, bool is_code, size_t *ret_at);

#endif
