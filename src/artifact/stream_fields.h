/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the room: what stands in a compressed file beside the content: gzip's extra field, comment and name, frames of zstd
 * and lz4 that are to be skipped. What known programs put there is left out.
 */
#ifndef TRN_ARTIFACT_STREAM_FIELDS_H
#define TRN_ARTIFACT_STREAM_FIELDS_H

#include "artifact/unowned.h"

#define TRN_STREAM_FIELDS_MAX 4096u

struct trn_stream_fields {
    struct trn_span *list; /* owned; places in the source */
    uint32_t n;
    uint64_t total;
    uint64_t texts; /* bytes of names and comments */
    bool more;      /* than fit */
};
void trn_stream_fields_done(struct trn_stream_fields *f);
/* A member or frame begins at `at`. 0, -ENOMEM. */
int trn_stream_fields_at(struct trn_stream_fields *f, const struct trn_source *s, uint64_t at) TRN_MUST_CHECK;
/* Tells them; l's bytes are the source. */
int trn_stream_fields_tell(const struct trn_stream_fields *f, struct trn_look *l) TRN_MUST_CHECK;

#endif
