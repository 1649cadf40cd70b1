/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: what the readers of containers share. */
#ifndef TRN_ARTIFACT_UNPACK_H
#define TRN_ARTIFACT_UNPACK_H

#include "artifact/irregular.h"
#include "artifact/stream.h"

/* What libarchive is to expect; nothing else is switched on. */
enum trn_archive_kind {
    TRN_ARCHIVE_TAR = 0,
    TRN_ARCHIVE_CPIO,
    TRN_ARCHIVE_SEVENZIP,
    TRN_ARCHIVE_ISO,
    TRN_ARCHIVE_XAR,
    TRN_ARCHIVE_KIND_MAX,
};
/* Tells the members of an archive that is read from bytes, or (bytes NULL) from a stream of which the first head_n bytes were
 * read already. */
struct trn_archive_from {
    const struct trn_source *bytes;
    struct trn_stream *stream;
    const uint8_t *head;
    size_t head_n;
};
int trn_archive_members(struct trn_look *l, enum trn_archive_kind kind, const struct trn_archive_from *from,
                        struct trn_err *err) TRN_MUST_CHECK;

#define TRN_STREAM_BLOCK 65536u
/* Reads the stream to its end as one member (limits hold). size: at most so many bytes (TRN_SIZE_UNKNOWN: all). A damaged
 * stream is told as the member's gap. */
int trn_stream_member(struct trn_look *l, struct trn_stream *s, const struct trn_member *m,
                      const struct trn_archive_from *head) TRN_MUST_CHECK;
/* Tells what lies behind `at`, unless it is all zeroes, and looks at it as a member of that name. of: "the end of ...". */
int trn_tell_behind(struct trn_look *l, uint64_t at, const char *name, const char *of) TRN_MUST_CHECK;
/* The gap that fits a stream's or reader's error. */
enum trn_gap_kind trn_gap_of(int e);

#endif
