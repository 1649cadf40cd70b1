/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: reading an NSIS stream as a file without a size, whatever its method: LZMA without a size in its header by liblzma,
 * deflate and bzip2 in NSIS's own variants (nsis_deflate.c, nsis_bzip2.c).
 * Must not: hold more than a window of input.
 */
#include "artifact/nsis_stream.h"

#include <lzma.h>

#define WINDOW 32768u
#define LZMA_HEADER 5u
#define DICTIONARY_MAX (128u << 20)

struct trn_nsis_stream {
    enum trn_nsis_method method;
    struct trn_source in;
    uint64_t at;
    uint8_t window[WINDOW];
    struct trn_nsis_io io;
    lzma_stream lzma;
    bool lzma_open, ended;
    struct trn_nsis_deflate *deflate;
    struct trn_nsis_bzip2 *bzip2;
    int error; /* sticky, told when all before it was given */
};

/* Properties, size of the dictionary, then the raw stream. */
static int open_lzma(struct trn_nsis_stream *s)
{
    uint8_t head[LZMA_HEADER];
    lzma_filter filters[2] = {{.id = LZMA_FILTER_LZMA1}, {.id = LZMA_VLI_UNKNOWN}};
    int64_t n = trn_source_read(&s->in, 0, head, sizeof(head));
    if (n < (int64_t)sizeof(head))
        return n < 0 ? (int)n : -EBADMSG;
    if (lzma_properties_decode(&filters[0], NULL, head, sizeof(head)) != LZMA_OK)
        return -EBADMSG;
    lzma_options_lzma *o = filters[0].options;
    int e = o->dict_size > DICTIONARY_MAX ? -EMSGSIZE : 0;
    if (e == 0) {
        lzma_ret r = lzma_raw_decoder(&s->lzma, filters);
        e = r == LZMA_OK ? 0 : r == LZMA_MEM_ERROR ? -ENOMEM : -EBADMSG;
    }
    free(filters[0].options); /* liblzma's, by malloc */
    s->lzma_open = e == 0;
    s->at = LZMA_HEADER;
    return e;
}

int trn_nsis_stream_new(enum trn_nsis_method method, const struct trn_source *in, struct trn_nsis_stream **ret)
{
    TRN_AUTO(trn_nsis_stream_freep) struct trn_nsis_stream *s = calloc(1, sizeof(*s));
    int e = 0;
    if (!s)
        return -ENOMEM;
    s->method = method;
    s->in = *in;
    s->lzma = (lzma_stream)LZMA_STREAM_INIT;
    if (method == TRN_NSIS_LZMA)
        e = open_lzma(s);
    else if (method == TRN_NSIS_DEFLATE)
        e = (s->deflate = trn_nsis_deflate_new()) ? 0 : -ENOMEM;
    else
        e = (s->bzip2 = trn_nsis_bzip2_new(in)) ? 0 : -ENOMEM;
    if (e < 0)
        return e;
    *ret = TRN_STEAL(s);
    return 0;
}

struct trn_nsis_stream *trn_nsis_stream_free(struct trn_nsis_stream *s)
{
    if (!s)
        return NULL;
    if (s->lzma_open)
        lzma_end(&s->lzma);
    trn_nsis_deflate_free(s->deflate);
    trn_nsis_bzip2_free(s->bzip2);
    free(s);
    return NULL;
}

static int step_lzma(struct trn_nsis_stream *s)
{
    s->lzma.next_in = s->io.in;
    s->lzma.avail_in = s->io.in_n;
    s->lzma.next_out = s->io.out;
    s->lzma.avail_out = s->io.out_n;
    size_t before = s->io.in_n + s->io.out_n;
    lzma_ret r = lzma_code(&s->lzma, LZMA_RUN);
    s->io.in = s->lzma.next_in;
    s->io.in_n = s->lzma.avail_in;
    s->io.out = s->lzma.next_out;
    s->io.out_n = s->lzma.avail_out;
    if (r == LZMA_STREAM_END)
        return 1;
    if (r == LZMA_MEM_ERROR)
        return -ENOMEM;
    if (r != LZMA_OK && r != LZMA_BUF_ERROR)
        return -EBADMSG;
    return s->io.in_last && s->io.in_n == 0 && before == s->io.in_n + s->io.out_n ? -EBADMSG : 0;
}

static int fill(struct trn_nsis_stream *s)
{
    if (s->io.in_n || s->io.in_last)
        return 0;
    int64_t n = trn_source_read(&s->in, s->at, s->window, WINDOW);
    if (n < 0)
        return (int)n;
    s->at += (uint64_t)n;
    s->io.in = s->window;
    s->io.in_n = (size_t)n;
    s->io.in_last = n == 0 || s->at >= s->in.size;
    return 0;
}

int64_t trn_nsis_stream_read(struct trn_nsis_stream *s, void *dst, size_t n)
{
    if (s->bzip2)
        return trn_nsis_bzip2_read(s->bzip2, dst, n);
    s->io.out = dst;
    s->io.out_n = n;
    while (s->io.out_n && !s->ended && s->error == 0) {
        int r = fill(s);
        if (r == 0)
            r = s->method == TRN_NSIS_LZMA ? step_lzma(s) : trn_nsis_deflate_step(s->deflate, &s->io);
        s->ended = r == 1;
        s->error = r < 0 ? r : 0;
    }
    size_t made = n - s->io.out_n;
    return made ? (int64_t)made : s->error;
}
