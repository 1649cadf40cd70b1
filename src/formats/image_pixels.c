/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: where the stream of a PNG's pixels ends, and how much it gives (ISO/IEC 15948, 8.2 and 10). Must not own: chunks.
 * Hand-offs: what stands behind the end becomes a rest.
 */
#include "formats/image_pixels.h"

#define WINDOW 16384u
#define OUT 32768u

static int begin(struct trn_pixels *p)
{
    if (p->state != TRN_PIXELS_NONE)
        return 0;
    if (inflateInit(&p->z) != Z_OK)
        return -ENOMEM;
    p->state = TRN_PIXELS_RUN;
    return 0;
}

/* How many of the bytes are the stream's. */
static size_t feed(struct trn_pixels *p, const uint8_t *bytes, size_t n)
{
    uint8_t out[OUT];
    p->z.next_in = (uint8_t *)(uintptr_t)bytes; /* zlib does not write there */
    p->z.avail_in = (uInt)n;
    while (p->state == TRN_PIXELS_RUN) {
        p->z.next_out = out;
        p->z.avail_out = OUT;
        int r = inflate(&p->z, Z_NO_FLUSH);
        p->given += OUT - p->z.avail_out;
        if (r == Z_STREAM_END)
            p->state = TRN_PIXELS_WHOLE;
        else if (r == Z_BUF_ERROR || (r == Z_OK && !p->z.avail_in && p->z.avail_out))
            break; /* it wants more */
        else if (r != Z_OK)
            p->state = TRN_PIXELS_BAD;
        else if (p->given > TRN_PIXELS_MAX)
            p->state = TRN_PIXELS_ENDLESS;
    }
    return n - p->z.avail_in;
}

int trn_pixels_chunk(struct trn_pixels *p, const struct trn_source *s, uint64_t at, uint64_t n,
                     struct trn_image_extent *i)
{
    uint8_t window[WINDOW];
    uint64_t done = 0;
    int e = n ? begin(p) : 0;
    while (e == 0 && done < n && p->state == TRN_PIXELS_RUN) {
        size_t part = (size_t)TRN_MIN(n - done, (uint64_t)WINDOW);
        const uint8_t *from = s->mem && at + n <= s->size ? s->mem + at + done : window;
        if (from == window)
            e = trn_image_get(s, at + done, window, part);
        if (e == 0)
            done += feed(p, from, part);
    }
    if (e == 0 && p->state == TRN_PIXELS_WHOLE)
        trn_image_rest(i, TRN_IMAGE_IN_PIXELS, at + done, n - done);
    if (e == 0 && p->state == TRN_PIXELS_ENDLESS)
        i->pixels_unread += n - done;
    return e;
}

void trn_pixels_done(struct trn_pixels *p)
{
    if (p->state != TRN_PIXELS_NONE && p->state != TRN_PIXELS_OTHER)
        (void)inflateEnd(&p->z);
    p->state = TRN_PIXELS_NONE;
}

static uint64_t pass(uint64_t width, uint64_t height, uint32_t bits)
{
    return width && height ? ((width * bits + 7) / 8 + 1) * height : 0;
}

uint64_t trn_pixels_needed(const uint8_t *header)
{
    static const uint8_t channels[7] = {1, 0, 3, 1, 2, 0, 4};
    static const uint8_t x0[7] = {0, 4, 0, 2, 0, 1, 0}, y0[7] = {0, 0, 4, 0, 2, 0, 1};
    static const uint8_t dx[7] = {8, 8, 4, 4, 2, 2, 1}, dy[7] = {8, 8, 8, 4, 4, 2, 2};
    struct trn_cursor c = trn_cur(header, 13);
    uint64_t width = trn_cur_u32be(&c), height = trn_cur_u32be(&c), sum = 0;
    uint32_t depth = trn_cur_u8(&c), colour = trn_cur_u8(&c);
    trn_cur_skip(&c, 2);
    uint32_t interlace = trn_cur_u8(&c), bits = colour < 7 && depth <= 16 ? depth * channels[colour] : 0;
    if (c.bad || !bits || !width || !height || width > 1u << 24 || height > 1u << 24 || interlace > 1)
        return 0;
    if (!interlace)
        return pass(width, height, bits);
    for (int k = 0; k < 7; k++)
        sum += pass((width + dx[k] - 1 - x0[k]) / dx[k], (height + dy[k] - 1 - y0[k]) / dy[k], bits);
    return sum;
}
