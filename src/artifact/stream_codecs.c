/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: one step of each decompression library, with a bound on its memory. Must not: read a source, know what comes out.
 */
#include "artifact/stream.h"

#include <bzlib.h>
#include <limits.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#define AT_MOST(n) ((unsigned)TRN_MIN((n), (size_t)(UINT_MAX / 2)))

static void used(struct trn_stream_io *io, size_t in, size_t out)
{
    io->in += in;
    io->in_n -= in;
    io->out += out;
    io->out_n -= out;
}

static int broken(struct trn_stream_io *io, const char *why)
{
    io->why = why;
    return -EBADMSG;
}

/* ---- zlib ---- */
static void *z_begin(int bits, int *ret_error)
{
    z_stream *z = calloc(1, sizeof(*z));
    if (z && inflateInit2(z, bits) == Z_OK)
        return z;
    free(z);
    *ret_error = -ENOMEM;
    return NULL;
}

static void *gzip_begin(int *ret_error)
{
    return z_begin(15 + 16, ret_error);
}

static void *deflate_begin(int *ret_error)
{
    return z_begin(-15, ret_error);
}

static int z_step(void *state, struct trn_stream_io *io)
{
    z_stream *z = state;
    unsigned in = AT_MOST(io->in_n), out = AT_MOST(io->out_n);
    z->next_in = (uint8_t *)(uintptr_t)io->in;
    z->avail_in = in;
    z->next_out = io->out;
    z->avail_out = out;
    int r = inflate(z, Z_NO_FLUSH);
    used(io, in - z->avail_in, out - z->avail_out);
    if (r == Z_STREAM_END)
        return TRN_STREAM_DONE;
    if (r == Z_OK || r == Z_BUF_ERROR)
        return TRN_STREAM_MORE;
    if (r == Z_MEM_ERROR)
        return -ENOMEM;
    return broken(io, z->msg ? z->msg : "the deflate data is damaged"); /* zlib's words are fixed texts */
}

static void z_end(void *state)
{
    inflateEnd(state);
    free(state);
}

static bool gzip_again(const uint8_t *head, size_t n)
{
    return n >= 3 && head[0] == 0x1f && head[1] == 0x8b && head[2] == 8;
}

/* ---- bzip2 ---- */
static void *bz_begin(int *ret_error)
{
    bz_stream *b = calloc(1, sizeof(*b));
    if (b && BZ2_bzDecompressInit(b, 0, 0) == BZ_OK)
        return b;
    free(b);
    *ret_error = -ENOMEM;
    return NULL;
}

static int bz_step(void *state, struct trn_stream_io *io)
{
    bz_stream *b = state;
    unsigned in = AT_MOST(io->in_n), out = AT_MOST(io->out_n);
    b->next_in = (char *)(uintptr_t)io->in;
    b->avail_in = in;
    b->next_out = (char *)io->out;
    b->avail_out = out;
    int r = BZ2_bzDecompress(b);
    used(io, in - b->avail_in, out - b->avail_out);
    if (r == BZ_STREAM_END)
        return TRN_STREAM_DONE;
    if (r == BZ_OK)
        return TRN_STREAM_MORE;
    return r == BZ_MEM_ERROR ? -ENOMEM : broken(io, "the bzip2 data is damaged");
}

static void bz_end(void *state)
{
    BZ2_bzDecompressEnd(state);
    free(state);
}

static bool bz_again(const uint8_t *head, size_t n)
{
    return n >= 4 && memcmp(head, "BZh", 3) == 0 && head[3] >= '1' && head[3] <= '9';
}

/* ---- liblzma ---- */
static void *xz_begin(int *ret_error)
{
    lzma_stream *x = calloc(1, sizeof(*x));
    if (x && lzma_stream_decoder(x, TRN_STREAM_MEMORY, 0) == LZMA_OK)
        return x;
    free(x);
    *ret_error = -ENOMEM;
    return NULL;
}

static void *lzma_begin(int *ret_error)
{
    lzma_stream *x = calloc(1, sizeof(*x));
    if (x && lzma_alone_decoder(x, TRN_STREAM_MEMORY) == LZMA_OK)
        return x;
    free(x);
    *ret_error = -ENOMEM;
    return NULL;
}

static int x_step(void *state, struct trn_stream_io *io)
{
    lzma_stream *x = state;
    size_t in = io->in_n, out = io->out_n;
    x->next_in = io->in;
    x->avail_in = in;
    x->next_out = io->out;
    x->avail_out = out;
    lzma_ret r = lzma_code(x, LZMA_RUN);
    used(io, in - x->avail_in, out - x->avail_out);
    switch (r) {
    case LZMA_STREAM_END:
        return TRN_STREAM_DONE;
    case LZMA_OK:
    case LZMA_BUF_ERROR:
        return TRN_STREAM_MORE;
    case LZMA_MEM_ERROR:
        return -ENOMEM;
    case LZMA_MEMLIMIT_ERROR:
        io->why = "its dictionary is larger than 64 MiB";
        return -EMSGSIZE;
    case LZMA_OPTIONS_ERROR:
        io->why = "it uses a filter that is not known";
        return -ENOTSUP;
    default:
        return broken(io, "the xz or lzma data is damaged");
    }
}

static void x_end(void *state)
{
    lzma_end(state);
    free(state);
}

static bool xz_again(const uint8_t *head, size_t n)
{
    return n >= 6 && memcmp(head, "\3757zXZ\0", 6) == 0;
}

/* ---- zstd ---- */
static void *zstd_begin(int *ret_error)
{
    ZSTD_DStream *d = ZSTD_createDStream();
    if (d && !ZSTD_isError(ZSTD_DCtx_setParameter(d, ZSTD_d_windowLogMax, TRN_STREAM_ZSTD_WINDOW)))
        return d;
    ZSTD_freeDStream(d);
    *ret_error = -ENOMEM;
    return NULL;
}

static int zstd_step(void *state, struct trn_stream_io *io)
{
    ZSTD_inBuffer in = {io->in, io->in_n, 0};
    ZSTD_outBuffer out = {io->out, io->out_n, 0};
    if (in.size == 0 && io->in_last)
        return TRN_STREAM_MORE; /* nothing moves: cut off */
    size_t r = ZSTD_decompressStream(state, &out, &in);
    used(io, in.pos, out.pos);
    if (r == 0)
        return TRN_STREAM_DONE;
    if (!ZSTD_isError(r))
        return TRN_STREAM_MORE;
    io->why = ZSTD_getErrorName(r); /* fixed texts */
    return strstr(io->why, "too much memory") ? -EMSGSIZE : strstr(io->why, "Allocation") ? -ENOMEM : -EBADMSG;
}

static void zstd_end(void *state)
{
    ZSTD_freeDStream(state);
}

/* a frame, or one to be skipped */
static bool zstd_again(const uint8_t *head, size_t n)
{
    return n >= 4 && (memcmp(head, "\x28\xb5\x2f\xfd", 4) == 0 ||
                      ((head[0] & 0xf0) == 0x50 && memcmp(head + 1, "\x2a\x4d\x18", 3) == 0));
}

/* ---- lz4 ---- */
static void *lz4_begin(int *ret_error)
{
    LZ4F_dctx *d = NULL;
    if (!LZ4F_isError(LZ4F_createDecompressionContext(&d, LZ4F_VERSION)))
        return d;
    *ret_error = -ENOMEM;
    return NULL;
}

static int lz4_step(void *state, struct trn_stream_io *io)
{
    size_t in = io->in_n, out = io->out_n;
    if (in == 0 && io->in_last)
        return TRN_STREAM_MORE;
    size_t r = LZ4F_decompress(state, io->out, &out, io->in, &in, NULL);
    if (LZ4F_isError(r))
        return broken(io, LZ4F_getErrorName(r));
    used(io, in, out);
    return r == 0 ? TRN_STREAM_DONE : TRN_STREAM_MORE;
}

static void lz4_end(void *state)
{
    (void)LZ4F_freeDecompressionContext(state);
}

static bool lz4_again(const uint8_t *head, size_t n)
{
    return n >= 4 && (memcmp(head, "\4\"M\x18", 4) == 0 ||
                      ((head[0] & 0xf0) == 0x50 && memcmp(head + 1, "\x2a\x4d\x18", 3) == 0));
}

const struct trn_codec_ops trn_codec_gzip = {gzip_begin, z_step, z_end, gzip_again};
const struct trn_codec_ops trn_codec_deflate = {deflate_begin, z_step, z_end, NULL};
const struct trn_codec_ops trn_codec_bzip2 = {bz_begin, bz_step, bz_end, bz_again};
const struct trn_codec_ops trn_codec_xz = {xz_begin, x_step, x_end, xz_again};
const struct trn_codec_ops trn_codec_lzma = {lzma_begin, x_step, x_end, NULL};
const struct trn_codec_ops trn_codec_zstd = {zstd_begin, zstd_step, zstd_end, zstd_again};
const struct trn_codec_ops trn_codec_lz4 = {lz4_begin, lz4_step, lz4_end, lz4_again};
