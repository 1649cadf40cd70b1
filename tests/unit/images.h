/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest whole images of each format, made here. */
#ifndef TRN_TEST_IMAGES_H
#define TRN_TEST_IMAGES_H

#include "base/base.h"

#include <zlib.h>

static inline void put_be32(struct trn_buf *b, uint32_t v)
{
    uint8_t p[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    trn_put(b, p, 4);
}

static inline void png_chunk(struct trn_buf *b, const char *type, const void *p, size_t n)
{
    size_t from;
    put_be32(b, (uint32_t)n);
    from = b->n;
    trn_put(b, type, 4);
    trn_put(b, p, n);
    put_be32(b, (uint32_t)crc32(0, (const uint8_t *)b->p + from, (uInt)(n + 4)));
}

static inline void make_png(struct trn_buf *b)
{
    static const uint8_t header[13] = {0, 0, 0, 2, 0, 0, 0, 3, 8, 2, 0, 0, 0};
    trn_put(b, "\211PNG\r\n\32\n", 8);
    png_chunk(b, "IHDR", header, sizeof(header));
    png_chunk(b, "IDAT", "made-up pixels", 14);
    png_chunk(b, "IEND", NULL, 0);
}

static inline void make_gif(struct trn_buf *b)
{
    static const uint8_t gif[] = {'G', 'I', 'F', '8', '9',  'a',  2, 0, 3, 0,    0x80, 0, 0,    0, 0,
                                  0,   255, 255, 255, 0x21, 0xf9, 4, 0, 0, 0,    0,    0, 0x2c, 0, 0,
                                  0,   0,   2,   0,   3,    0,    0, 2, 2, 0x44, 1,    0, 0x3b};
    trn_put(b, gif, sizeof(gif));
}

static inline void make_jpeg(struct trn_buf *b)
{
    static const uint8_t jpeg[] = {0xff, 0xd8, 0xff, 0xe0, 0,    4,    1,    2,    0xff, 0xc0, 0,    11,  8, 0,
                                   3,    0,    2,    1,    1,    0x11, 0,    0xff, 0xda, 0,    8,    1,   1, 0,
                                   0,    63,   0,    0x12, 0xff, 0,    0x34, 0xff, 0xd0, 0x56, 0xff, 0xd9};
    trn_put(b, jpeg, sizeof(jpeg));
}

/* BITMAPINFOHEADER and pixels: 2 x 3, 24 bits; as an icon's picture with its mask. */
static inline void make_dib(struct trn_buf *b, bool icon)
{
    uint32_t height = icon ? 6 : 3;
    trn_put_u32(b, 40);
    trn_put_u32(b, 2);
    trn_put_u32(b, height);
    trn_put_u16(b, 1);
    trn_put_u16(b, 24);
    for (int i = 0; i < 6; i++)
        trn_put_u32(b, 0);
    for (uint32_t i = 0; i < 3 * 8 + (icon ? 3 * 4 : 0); i++)
        trn_put_u8(b, 0x55);
}

static inline void make_bmp(struct trn_buf *b)
{
    trn_put(b, "BM", 2);
    trn_put_u32(b, 14 + 40 + 24);
    trn_put_u32(b, 0);
    trn_put_u32(b, 54);
    make_dib(b, false);
}

/* An icon of two pictures, a bitmap and a PNG, with `gap` bytes of 0x77 between them. */
static inline void make_ico(struct trn_buf *b, uint32_t gap)
{
    struct trn_buf dib, png;
    trn_buf_init(&dib, 4096);
    trn_buf_init(&png, 4096);
    make_dib(&dib, true);
    make_png(&png);
    uint32_t first = 6 + 2 * 16, second = first + (uint32_t)dib.n + gap;
    trn_put(b, "\0\0\1\0\2\0", 6);
    trn_put(b, "\2\3\0\0\1\0\x18\0", 8);
    trn_put_u32(b, (uint32_t)dib.n);
    trn_put_u32(b, first);
    trn_put(b, "\2\3\0\0\1\0\x18\0", 8);
    trn_put_u32(b, (uint32_t)png.n);
    trn_put_u32(b, second);
    trn_put_str(b, trn_buf_str(&dib));
    for (uint32_t i = 0; i < gap; i++)
        trn_put_u8(b, 0x77);
    trn_put_str(b, trn_buf_str(&png));
    trn_buf_done(&dib);
    trn_buf_done(&png);
}

#endif
