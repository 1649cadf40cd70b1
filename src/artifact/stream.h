/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the room: one compressed stream, read as if it were a file that has no size. Concatenated members are one
 * stream, as every decompressor sees them. Memory of a decoder is bounded: what wants more says -EMSGSIZE.
 */
#ifndef TRN_ARTIFACT_STREAM_H
#define TRN_ARTIFACT_STREAM_H

#include "base/base.h"

enum trn_codec {
    TRN_CODEC_GZIP = 0,
    TRN_CODEC_DEFLATE,   /* raw, as in zip */
    TRN_CODEC_DEFLATE64, /* only libraries we do not have: -ENOTSUP */
    TRN_CODEC_BZIP2,
    TRN_CODEC_XZ,
    TRN_CODEC_LZMA,     /* the old format with its own header */
    TRN_CODEC_LZMA_ZIP, /* the same with zip's header in front */
    TRN_CODEC_ZSTD,
    TRN_CODEC_LZ4,
    TRN_CODEC_MAX,
};

#define TRN_STREAM_MEMORY (80u << 20) /* an xz dictionary of 64 MiB and what stands around it */
#define TRN_STREAM_ZSTD_WINDOW 26     /* 64 MiB; the zstd program itself accepts twice that unasked */

struct trn_stream;

/* in is borrowed by copy; what it reads from must outlive the stream. one: stop behind the first member. */
int trn_stream_new(enum trn_codec codec, const struct trn_source *in, bool one, struct trn_stream **ret) TRN_MUST_CHECK;
struct trn_stream *trn_stream_free(struct trn_stream *s); /* takes NULL, returns NULL */
static inline void trn_stream_freep(struct trn_stream **s)
{
    *s = trn_stream_free(*s);
}
/* How many bytes, 0 at the end; -EBADMSG damaged or cut off, -EMSGSIZE wants too much memory, -ENOTSUP, -ENOMEM, or what the
 * source gave. What came before an error is given first. */
int64_t trn_stream_read(struct trn_stream *s, void *dst, size_t n) TRN_MUST_CHECK;
const char *trn_stream_why(const struct trn_stream *s); /* the last error in words; never NULL */
uint64_t trn_stream_at(const struct trn_stream *s);     /* place in the source behind what was used */
/* What stands beside the content, of what was read so far (stream_fields.h). */
struct trn_stream_fields;
const struct trn_stream_fields *trn_stream_fields_of(const struct trn_stream *s);

/* ---- for the codecs (stream_*.c) ---- */
struct trn_stream_io {
    const uint8_t *in;
    size_t in_n; /* what is left */
    uint8_t *out;
    size_t out_n;
    bool in_last; /* nothing comes after in */
    const char *why;
};
#define TRN_STREAM_MORE 0
#define TRN_STREAM_DONE 1 /* a member has ended */
struct trn_codec_ops {
    void *(*begin)(int *ret_error);
    int (*step)(void *state, struct trn_stream_io *io); /* MORE, DONE or negative errno; consumes in, fills out */
    void (*end)(void *state);
    /* Does another member begin here? NULL: never. head has at least 1 byte, 6 when the source has so many. */
    bool (*again)(const uint8_t *head, size_t n);
};
extern const struct trn_codec_ops trn_codec_gzip, trn_codec_deflate, trn_codec_bzip2, trn_codec_xz, trn_codec_lzma,
    trn_codec_zstd, trn_codec_lz4;

#endif
