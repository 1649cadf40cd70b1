/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the room: one Authenticode signature (SpcIndirectData in CMS), whatever file it stands in, with its time stamps
 * and the signatures nested in it.
 */
#ifndef TRN_SIGNATURE_SPC_H
#define TRN_SIGNATURE_SPC_H

#include "signature/chain.h"

#define TRN_NESTED_DEPTH 4
#define TRN_SIGNATURES_MAX 32

struct trn_spc_job {
    /* Hash of the signed bytes of the file: bytes put into ret, or negative errno. */
    int (*digest)(void *ctx, const EVP_MD *md, uint8_t *ret);
    /* Are these hashes of pages true? NULL: not a file that has pages. */
    enum trn_digest_state (*pages)(void *ctx, const EVP_MD *md, struct trn_str list);
    void *ctx;
    const struct trn_signature_options *o;
    struct trn_arena *arena;
    struct trn_str bytes; /* what the views below lie in, and where that is in the file */
    uint64_t at;
    struct trn_signed *out;
};

/* der: one ContentInfo, and nothing behind it. -EBADMSG: not a signature; else 0, and the result is in job->out. */
int trn_spc_check(struct trn_spc_job *job, struct trn_str der, unsigned depth) TRN_MUST_CHECK;
/* all: what was set aside for one signature, at this place of the file; *ret_used: how much of it is the signature. */
int trn_spc_check_within(struct trn_spc_job *job, struct trn_str all, uint64_t at, size_t *ret_used) TRN_MUST_CHECK;
/* e of a check of a whole file: a signature that cannot be read is a result too, and told as one. */
int trn_spc_settle(struct trn_signed *out, int e) TRN_MUST_CHECK;
void trn_spc_place(struct trn_spc_job *job, enum trn_unsigned_place_kind kind, struct trn_str view, const char *what,
                   struct trn_str oid);
/* Attributes, certificates and elements of one CMS structure that nobody signed. used: certificates that signers need. */
void trn_spc_places(struct trn_spc_job *job, const struct trn_cms *cms, const bool used[TRN_CMS_CERTS]);
void trn_unsigned_place_add(struct trn_signed *out, const struct trn_unsigned_place *p);
bool trn_is_zero(struct trn_str s);

struct trn_stamp {
    bool good;    /* about this signature, and made by that key */
    bool trusted; /* and its chain leads to a known root */
    int64_t when;
};
/* A token of RFC 3161 over this signature. -EBADMSG: not one. */
int trn_stamp_token(struct trn_spc_job *job, struct trn_str bytes, struct trn_str signature, struct trn_stamp *ret)
    TRN_MUST_CHECK;
/* An old countersignature, whose certificate is among the signature's own. */
int trn_stamp_counter(struct trn_spc_job *job, const struct trn_cms *cms, struct trn_str value,
                      struct trn_str signature, bool used[TRN_CMS_CERTS], struct trn_stamp *ret) TRN_MUST_CHECK;

#define TRN_OID_SPC_INDIRECT_DATA TRN_STR("\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x04")
#define TRN_OID_MS_NESTED TRN_STR("\x2b\x06\x01\x04\x01\x82\x37\x02\x04\x01")
#define TRN_OID_MS_STAMP TRN_STR("\x2b\x06\x01\x04\x01\x82\x37\x03\x03\x01")
#define TRN_OID_STAMP_TOKEN TRN_STR("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x0e")
#define TRN_OID_TST_INFO TRN_STR("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x04")

#endif
