/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: NSIS's deflate: raw, and its stored blocks may have a length without the complement that zlib wants to see. zlib does
 * the compressed blocks, one at a time; stored ones are copied here, and zlib is told of them as its dictionary.
 * Must not: look ahead further than the three bits of a block's head.
 */
#include "artifact/nsis_stream.h"

#include <zlib.h>

#define HISTORY 32768u

enum state { AT_BLOCK = 0, IN_BLOCK, STORED_LENGTH, STORED_BYTES, ENDED };

struct trn_nsis_deflate {
    z_stream z;
    enum state state;
    uint8_t history[HISTORY]; /* the last bytes that were given, a ring */
    uint64_t total;
    uint64_t bits; /* taken from the input and not used */
    uint32_t n_bits;
    uint32_t left; /* of a stored block */
    bool last;     /* the block in work is the last one */
};

struct trn_nsis_deflate *trn_nsis_deflate_new(void)
{
    struct trn_nsis_deflate *d = calloc(1, sizeof(*d));
    if (d && inflateInit2(&d->z, -15) != Z_OK) {
        free(d);
        return NULL;
    }
    return d;
}

void trn_nsis_deflate_free(struct trn_nsis_deflate *d)
{
    if (d)
        (void)inflateEnd(&d->z);
    free(d);
}

static void remember(struct trn_nsis_deflate *d, const uint8_t *p, size_t n)
{
    if (n > HISTORY) {
        d->total += n - HISTORY;
        p += n - HISTORY;
        n = HISTORY;
    }
    size_t at = (size_t)(d->total % HISTORY), first = TRN_MIN(n, HISTORY - at);
    memcpy(d->history + at, p, first);
    memcpy(d->history, p + first, n - first);
    d->total += n;
}

static bool want(struct trn_nsis_deflate *d, struct trn_nsis_io *io, uint32_t n)
{
    while (d->n_bits < n && io->in_n) {
        d->bits |= (uint64_t)*io->in++ << d->n_bits;
        d->n_bits += 8;
        io->in_n--;
    }
    return d->n_bits >= n;
}

static void drop(struct trn_nsis_deflate *d, uint32_t n)
{
    d->bits >>= n; /* n is 32 at most */
    d->n_bits -= n;
}

/* zlib anew at this bit, with what was given so far. */
static int begin_block(struct trn_nsis_deflate *d)
{
    uint8_t dictionary[HISTORY];
    size_t n = (size_t)TRN_MIN(d->total, (uint64_t)HISTORY), at = d->total > HISTORY ? (size_t)(d->total % HISTORY) : 0;
    memcpy(dictionary, d->history + at, n - at);
    memcpy(dictionary + n - at, d->history, at);
    if (inflateReset(&d->z) != Z_OK || (n && inflateSetDictionary(&d->z, dictionary, (uInt)n) != Z_OK) ||
        (d->n_bits && inflatePrime(&d->z, (int)d->n_bits, (int)(d->bits & ((1u << d->n_bits) - 1))) != Z_OK))
        return -EBADMSG;
    d->bits = d->n_bits = 0;
    d->state = IN_BLOCK;
    return 0;
}

static int at_block(struct trn_nsis_deflate *d, struct trn_nsis_io *io)
{
    if (d->last)
        d->state = ENDED;
    if (d->state == ENDED)
        return 0;
    if (!want(d, io, 3))
        return io->in_last ? -EBADMSG : 1;
    if ((d->bits >> 1 & 3) != 0)
        return begin_block(d);
    d->last = d->bits & 1;
    drop(d, 3);
    drop(d, d->n_bits % 8); /* to the next whole byte */
    d->state = STORED_LENGTH;
    return 0;
}

static int in_block(struct trn_nsis_deflate *d, struct trn_nsis_io *io)
{
    size_t in_n = TRN_MIN(io->in_n, (size_t)1 << 24), out_n = TRN_MIN(io->out_n, (size_t)1 << 24);
    d->z.next_in = (Bytef *)(uintptr_t)io->in;
    d->z.avail_in = (uInt)in_n;
    d->z.next_out = io->out;
    d->z.avail_out = (uInt)out_n;
    int r = inflate(&d->z, Z_BLOCK);
    size_t used = in_n - d->z.avail_in, made = out_n - d->z.avail_out;
    remember(d, io->out, made);
    io->in += used;
    io->in_n -= used;
    io->out += made;
    io->out_n -= made;
    if (r == Z_STREAM_END) {
        d->state = ENDED;
        return 0;
    }
    if (r != Z_OK && r != Z_BUF_ERROR)
        return r == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
    if (d->z.data_type & 128 && !(d->z.data_type & 64)) {
        /* at the head of the next block: the bits of the last byte that zlib did not use */
        d->n_bits = (uint32_t)d->z.data_type & 7;
        d->bits = d->n_bits ? (uint32_t)io->in[-1] >> (8 - d->n_bits) : 0;
        d->state = AT_BLOCK;
        return 0;
    }
    if (!used && !made)
        return io->in_last && io->in_n == 0 && io->out_n ? -EBADMSG : 1;
    return 0;
}

/* The length, and behind it its complement, or not: NSIS's own compressor leaves it out, one that was built with zlib does
 * not. */
static int stored_length(struct trn_nsis_deflate *d, struct trn_nsis_io *io)
{
    if (!want(d, io, 32) && !(io->in_last && d->n_bits >= 16))
        return io->in_last ? -EBADMSG : 1;
    d->left = d->bits & 0xffff;
    drop(d, 16);
    if (d->n_bits >= 16 && (d->bits & 0xffff) == (~d->left & 0xffff))
        drop(d, 16);
    d->state = STORED_BYTES;
    return 0;
}

static int stored(struct trn_nsis_deflate *d, struct trn_nsis_io *io)
{
    uint8_t *from = io->out;
    while (d->n_bits >= 8 && d->left && io->out_n) { /* the two bytes that were no complement */
        *io->out++ = (uint8_t)d->bits;
        io->out_n--;
        d->left--;
        drop(d, 8);
    }
    size_t n = TRN_MIN(TRN_MIN(io->in_n, io->out_n), (size_t)d->left);
    memcpy(io->out, io->in, n);
    io->in += n;
    io->in_n -= n;
    io->out += n;
    io->out_n -= n;
    d->left -= (uint32_t)n;
    remember(d, from, (size_t)(io->out - from));
    if (d->left == 0)
        d->state = AT_BLOCK;
    else if (io->out == from)
        return io->in_last && io->in_n == 0 && io->out_n ? -EBADMSG : 1;
    return 0;
}

int trn_nsis_deflate_step(struct trn_nsis_deflate *d, struct trn_nsis_io *io)
{
    int e = 0;
    while (e == 0 && d->state != ENDED && io->out_n) {
        if (d->state == AT_BLOCK)
            e = at_block(d, io);
        else if (d->state == IN_BLOCK)
            e = in_block(d, io);
        else
            e = d->state == STORED_LENGTH ? stored_length(d, io) : stored(d, io);
    }
    return e < 0 ? e : d->state == ENDED;
}
