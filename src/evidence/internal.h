/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: the archive's blocks, and what is signed. */
#ifndef TRN_EVIDENCE_INTERNAL_H
#define TRN_EVIDENCE_INTERNAL_H

#include "evidence/evidence.h"

#define TRN_TAR_BLOCK 512u
#define TRN_TAR_END (2u * TRN_TAR_BLOCK)
#define TRN_TAR_SIZE_MAX 077777777777ull /* eleven octal digits */

#define TRN_EVIDENCE_MANIFEST_NAME "manifest.json"
#define TRN_EVIDENCE_SIGNATURE_NAME "manifest.sig"
#define TRN_EVIDENCE_DOMAIN TRN_EVIDENCE_SCHEMA "\n" /* what we sign means nothing elsewhere */

/* tar.c */
bool trn_tar_name_ok(struct trn_str name); /* [a-z0-9.-], no dot first: one component, no link, no device, no path */
/* The one header that a member of this name, size and time can have. The name must be ok. */
void trn_tar_header(uint8_t block[TRN_TAR_BLOCK], struct trn_str name, uint64_t size, uint64_t mtime);
static inline size_t trn_tar_padding(uint64_t size)
{
    return (size_t)((TRN_TAR_BLOCK - size % TRN_TAR_BLOCK) % TRN_TAR_BLOCK);
}
struct trn_tar_entry {
    struct trn_str name, content;
    uint64_t at, mtime; /* at: offset of the header */
};
/* Next member. 1; 0: the end, exactly; -EBADMSG with err saying what and where. */
int trn_tar_next(struct trn_cursor *c, struct trn_tar_entry *ret, struct trn_err *err) TRN_MUST_CHECK;

/* key.c */
int trn_evidence_sign(const struct trn_evidence_key *k, struct trn_str manifest, uint8_t ret[TRN_EVIDENCE_SIGNATURE])
    TRN_MUST_CHECK;
/* 0; -EBADMSG: not made by this key over these bytes; other: could not be asked. */
int trn_evidence_check(const uint8_t key[TRN_EVIDENCE_KEY], struct trn_str domain, struct trn_str manifest,
                       struct trn_str signature) TRN_MUST_CHECK;

/* manifest.c */
void trn_manifest_write(const struct trn_evidence_about *a, const uint8_t public[TRN_EVIDENCE_KEY],
                        const struct trn_evidence_entry *members, uint32_t n, struct trn_buf *b);
/* What it says, before anything of it is believed. -EBADMSG when it is not one. *ret_schema in the arena. */
int trn_manifest_read(struct trn_str json, struct trn_arena *arena, struct trn_str *ret_schema,
                      struct trn_evidence_facts *ret, uint64_t *ret_mtime, struct trn_err *err) TRN_MUST_CHECK;

#endif
