/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the loop over a compressed source: windows of input, concatenated members, the place where the stream ends.
 * Must not: know a format's inside (stream_codecs.c does), decide what too much output is.
 * Hand-offs: bytes to whoever asks; errors with words that are our own or the library's fixed ones.
 */
#include "artifact/stream.h"

#include "artifact/stream_fields.h"

#define WINDOW 65536u
#define XZ_PAD 4u
#define MEMBERS_MAX 1000000u /* of nothing each: an input without output must end, too */

struct trn_stream {
    const struct trn_codec_ops *ops;
    struct trn_source in;
    uint8_t *window; /* NULL: the source is memory */
    uint64_t base;   /* place of io.in[0] when the window was filled */
    const uint8_t *from;
    struct trn_stream_io io;
    void *state;
    uint32_t members;
    int error;
    bool one, ended, pads;
    struct trn_stream_fields fields; /* unless one: what stands beside the content */
};

static const struct trn_codec_ops *const codecs[TRN_CODEC_MAX] = {
    [TRN_CODEC_GZIP] = &trn_codec_gzip,   [TRN_CODEC_DEFLATE] = &trn_codec_deflate,
    [TRN_CODEC_BZIP2] = &trn_codec_bzip2, [TRN_CODEC_XZ] = &trn_codec_xz,
    [TRN_CODEC_LZMA] = &trn_codec_lzma,   [TRN_CODEC_LZMA_ZIP] = &trn_codec_lzma,
    [TRN_CODEC_ZSTD] = &trn_codec_zstd,   [TRN_CODEC_LZ4] = &trn_codec_lz4,
};

uint64_t trn_stream_at(const struct trn_stream *s)
{
    return s->base + (uint64_t)(s->io.in - s->from);
}

const char *trn_stream_why(const struct trn_stream *s)
{
    return s->io.why ? s->io.why : "the compressed data is damaged";
}

const struct trn_stream_fields *trn_stream_fields_of(const struct trn_stream *s)
{
    return &s->fields;
}

/* Moves the window to what was not used yet. */
static int refill(struct trn_stream *s)
{
    uint64_t at = trn_stream_at(s);
    if (s->in.mem) {
        s->base = at;
        s->from = s->io.in = s->in.mem + at;
        s->io.in_n = (size_t)(s->in.size - at);
        s->io.in_last = true;
        return 0;
    }
    int64_t n = trn_source_read(&s->in, at, s->window, WINDOW);
    if (n < 0)
        return (int)n;
    s->base = at;
    s->from = s->io.in = s->window;
    s->io.in_n = (size_t)n;
    s->io.in_last = at + (uint64_t)n >= s->in.size || n == 0;
    return 0;
}

/* zip puts two bytes of version and two of size in front of the five of properties, and no size behind: make the old format's
 * header of it, size unknown. */
static int zip_lzma_head(struct trn_stream *s)
{
    uint8_t head[9], alone[13], none[1]; /* the decoder wants room, though nothing comes out of a header */
    int64_t n = trn_source_read(&s->in, 0, head, sizeof(head));
    if (n < 0)
        return (int)n;
    if (n < 9 || head[2] != 5 || head[3] != 0)
        return -EBADMSG;
    memcpy(alone, head + 4, 5);
    memset(alone + 5, 0xff, 8);
    s->base = 9;
    struct trn_stream_io io = {.in = alone, .in_n = sizeof(alone), .out = none, .out_n = sizeof(none)};
    int e = s->ops->step(s->state, &io);
    return e < 0 ? e : 0;
}

int trn_stream_new(enum trn_codec codec, const struct trn_source *in, bool one, struct trn_stream **ret)
{
    TRN_AUTO(trn_stream_freep) struct trn_stream *s = NULL;
    int e = 0;
    if ((unsigned)codec >= TRN_CODEC_MAX || !codecs[codec])
        return -ENOTSUP;
    s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->ops = codecs[codec];
    s->in = *in;
    s->one = one;
    s->pads = codec == TRN_CODEC_XZ;
    s->from = s->io.in = in->mem ? in->mem : NULL;
    if (!in->mem && !(s->window = malloc(WINDOW)))
        return -ENOMEM;
    if (!in->mem)
        s->from = s->io.in = s->window;
    s->state = s->ops->begin(&e);
    if (!s->state)
        return e;
    s->members = 1;
    if (!one && (e = trn_stream_fields_at(&s->fields, in, 0)) < 0)
        return e;
    if (codec == TRN_CODEC_LZMA_ZIP && (e = zip_lzma_head(s)) < 0)
        return e;
    if ((e = refill(s)) < 0)
        return e;
    *ret = TRN_STEAL(s);
    return 0;
}

struct trn_stream *trn_stream_free(struct trn_stream *s)
{
    if (s) {
        if (s->state)
            s->ops->end(s->state);
        free(s->window);
        trn_stream_fields_done(&s->fields);
        free(s);
    }
    return NULL;
}

/* A member has ended: does another one begin behind it? xz allows zeroes in fours between. */
static int next_member(struct trn_stream *s)
{
    uint8_t head[6];
    int e = 0;
    uint64_t at = trn_stream_at(s), skipped = 0;
    int64_t n = s->one || !s->ops->again ? 0 : trn_source_read(&s->in, at, head, sizeof(head));
    while (s->pads && n >= (int64_t)XZ_PAD && memcmp(head, "\0\0\0\0", XZ_PAD) == 0 && skipped < WINDOW) {
        skipped += XZ_PAD;
        n = trn_source_read(&s->in, at + skipped, head, sizeof(head));
    }
    if (n < 0)
        return (int)n;
    if (n == 0 || !s->ops->again || !s->ops->again(head, (size_t)n)) {
        s->ended = true;
        if (n == 0 && skipped) { /* only padding: it belongs to the stream */
            s->base = at + skipped;
            s->io.in = s->from;
            s->io.in_n = 0;
        }
        return 0;
    }
    if (s->members == MEMBERS_MAX) {
        s->io.why = "it has more than a million members";
        return -EMSGSIZE;
    }
    e = trn_stream_fields_at(&s->fields, &s->in, at + skipped);
    if (e < 0)
        return e;
    s->ops->end(s->state);
    s->state = s->ops->begin(&e);
    if (!s->state)
        return e;
    s->members++;
    s->base = at + skipped;
    s->io.in = s->from;
    s->io.in_n = 0;
    s->io.in_last = false;
    return 0;
}

static int step(struct trn_stream *s)
{
    if (s->io.in_n == 0 && !s->io.in_last) {
        int e = refill(s);
        if (e < 0)
            return e;
    }
    size_t in_n = s->io.in_n, out_n = s->io.out_n;
    int e = s->ops->step(s->state, &s->io);
    if (e == TRN_STREAM_DONE)
        return next_member(s);
    if (e < 0)
        return e;
    if (s->io.in_n == in_n && s->io.out_n == out_n) {
        if (s->io.in_n == 0 && !s->io.in_last)
            return 0;
        s->io.why = "the compressed data is cut off";
        return -EBADMSG;
    }
    return 0;
}

int64_t trn_stream_read(struct trn_stream *s, void *dst, size_t n)
{
    s->io.out = dst;
    s->io.out_n = n;
    while (s->io.out_n && !s->ended && !s->error)
        s->error = step(s);
    size_t got = n - s->io.out_n;
    return got ? (int64_t)got : s->error;
}
