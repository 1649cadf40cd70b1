/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: one zip being opened, shared by the four files that do it. */
#ifndef TRN_ARTIFACT_ZIP_JOB_H
#define TRN_ARTIFACT_ZIP_JOB_H

#include "artifact/layout.h"
#include "artifact/unowned.h"
#include "artifact/unpack.h"
#include "formats/formats.h"

struct trn_zip_range { /* bytes that belong to a listed member: header, data, descriptor */
    uint64_t from, to;
    uint32_t entry;
};
struct trn_zip_job {
    struct trn_look *l;
    struct trn_zip_end ends[TRN_ZIP_ENDS_MAX];
    size_t n_ends, main; /* main: the one that is used */
    struct trn_zip zip;
    struct trn_zip_range *range;
    uint32_t n_ranges;
    struct trn_member_names names;
    struct trn_map *first;    /* hash of a name -> entry that had it first */
    uint8_t *buffer;          /* TRN_ZIP_LOCAL_MAX */
    struct trn_listed listed; /* digests that a member says of the others */
    uint32_t told[6];
    struct trn_pieces listed_fields, local_fields, comments; /* that are not known or not short */
    bool odd_comment;
};

/* ---- unpack_zip.c ---- */
struct trn_zip_what { /* one member, by the directory or by its own header alone */
    struct trn_str name;
    uint16_t flags, method;
    uint32_t mode, crc;
    uint64_t packed, size; /* TRN_SIZE_UNKNOWN: the stream says where it ends */
    uint64_t data_at;
    bool no_crc;
};

/* ---- check_zip.c ---- */
int trn_zip_compare(struct trn_zip_job *j, const struct trn_zip_entry *e, const struct trn_zip_local *local)
    TRN_MUST_CHECK;
int trn_zip_twice(struct trn_zip_job *j, uint32_t index) TRN_MUST_CHECK;
/* ---- check_zip_fields.c ---- */
void trn_zip_fields_add(struct trn_zip_job *j, const struct trn_zip_entry *e, const struct trn_zip_local *local);
int trn_zip_fields_tell(struct trn_zip_job *j) TRN_MUST_CHECK;
/* ---- check_zip_layout.c ---- */
int trn_zip_layout(struct trn_zip_job *j) TRN_MUST_CHECK;

#endif
