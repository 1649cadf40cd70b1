/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: one compressed stream of an NSIS installer, whose variants no library reads as they are. */
#ifndef TRN_ARTIFACT_NSIS_STREAM_H
#define TRN_ARTIFACT_NSIS_STREAM_H

#include "formats/formats.h"

struct trn_nsis_stream;

/* in is borrowed by copy; what it reads from must outlive the stream. */
int trn_nsis_stream_new(enum trn_nsis_method method, const struct trn_source *in, struct trn_nsis_stream **ret)
    TRN_MUST_CHECK;
struct trn_nsis_stream *trn_nsis_stream_free(struct trn_nsis_stream *s); /* takes NULL, returns NULL */
static inline void trn_nsis_stream_freep(struct trn_nsis_stream **s)
{
    *s = trn_nsis_stream_free(*s);
}
/* How many bytes, 0 at the end; -EBADMSG damaged or cut off, -EMSGSIZE wants too much memory, -ENOTSUP, -ENOMEM, or what the
 * source gave. What came before an error is given first. */
int64_t trn_nsis_stream_read(struct trn_nsis_stream *s, void *dst, size_t n) TRN_MUST_CHECK;

/* ---- nsis_deflate.c, nsis_bzip2.c: state of a method, fed and drained by nsis_stream.c ---- */
struct trn_nsis_io {
    const uint8_t *in;
    size_t in_n;
    uint8_t *out;
    size_t out_n;
    bool in_last; /* nothing comes behind in */
};
/* 0: more is wanted (in or room), 1: the stream has ended, or negative errno. */
struct trn_nsis_deflate;
struct trn_nsis_deflate *trn_nsis_deflate_new(void) TRN_MUST_CHECK;
void trn_nsis_deflate_free(struct trn_nsis_deflate *d);
int trn_nsis_deflate_step(struct trn_nsis_deflate *d, struct trn_nsis_io *io) TRN_MUST_CHECK;
/* Reads by itself, like a stream. */
struct trn_nsis_bzip2;
struct trn_nsis_bzip2 *trn_nsis_bzip2_new(const struct trn_source *in) TRN_MUST_CHECK;
void trn_nsis_bzip2_free(struct trn_nsis_bzip2 *b);
int64_t trn_nsis_bzip2_read(struct trn_nsis_bzip2 *b, void *dst, size_t n) TRN_MUST_CHECK;

#endif
