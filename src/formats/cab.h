/* SPDX-License-Identifier: Apache-2.0 */
/* Cabinets ([MS-CAB]): the header, and which bytes of the file belong to what. The contents are another library's work. */
#ifndef TRN_FORMATS_CAB_H
#define TRN_FORMATS_CAB_H

#include "base/base.h"

enum trn_cab_flag { TRN_CAB_PREVIOUS = 1, TRN_CAB_NEXT = 2, TRN_CAB_RESERVE = 4 };

struct trn_cab {
    uint64_t size;           /* as its header says; the file may be longer */
    uint32_t files, folders; /* as its header says */
    uint32_t listed;         /* files whose entries could be read, up to the first that makes no sense */
    uint64_t folders_end, files_at,
        files_end; /* its lists; most readers take the second to stand right behind the first */
    uint16_t flags, set, number;
    uint64_t reserve_at, reserve_size;     /* in the header */
    uint64_t signature_at, signature_size; /* behind the end, as the reserve says; 0: none */
    uint32_t folder_reserve, block_reserve;
};

enum trn_cab_gap_kind {
    TRN_CAB_GAP_RESERVE = 0, /* reserved room of the header that holds no place of a signature */
    TRN_CAB_GAP_LISTS,       /* between its two lists, where some readers look for the second */
    TRN_CAB_GAP_BETWEEN,     /* between the lists, or between folders' data */
    TRN_CAB_GAP_BLOCK,       /* reserved room of data blocks or folders */
    TRN_CAB_GAP_BEHIND,      /* behind the end and no signature */
    TRN_CAB_GAP_KIND_MAX,
};

/* -ENOEXEC: no cabinet; -EBADMSG: its header is cut off or makes no sense. */
int trn_cab_read(const struct trn_source *s, struct trn_arena *a, struct trn_cab *ret, struct trn_err *err)
    TRN_MUST_CHECK;
/* Tells each range that belongs to nothing, whatever stands there; what tell gives but 0 ends it. */
int trn_cab_gaps(const struct trn_source *s, const struct trn_cab *cab, struct trn_arena *a,
                 int (*tell)(void *ctx, enum trn_cab_gap_kind kind, uint64_t at, uint64_t size), void *ctx)
    TRN_MUST_CHECK;

#endif
