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

/* 2 x 3, 24 bits; `more` further bytes of pixels than that, in two chunks, with `tail` behind the stream; then a chunk of
 * that type, when there is one. */
static inline void make_png_with(struct trn_buf *b, size_t more, struct trn_str tail, const char *type,
                                 struct trn_str data)
{
    static const uint8_t header[13] = {0, 0, 0, 2, 0, 0, 0, 3, 8, 2, 0, 0, 0};
    uint8_t rows[3 * 7 + 8192] = {0}, packed[sizeof(rows) + 64 + 8192];
    uLongf n = sizeof(rows) + 64;
    (void)compress2(packed, &n, rows, 3 * 7 + more, 0);
    memcpy(packed + n, tail.p ? tail.p : "", tail.n);
    n += tail.n;
    trn_put(b, "\211PNG\r\n\32\n", 8);
    png_chunk(b, "IHDR", header, sizeof(header));
    png_chunk(b, "IDAT", packed, 9);
    png_chunk(b, "IDAT", packed + 9, n - 9);
    if (type)
        png_chunk(b, type, data.p, data.n);
    png_chunk(b, "IEND", NULL, 0);
}

static inline void make_png(struct trn_buf *b)
{
    make_png_with(b, 0, TRN_STR_NONE, NULL, TRN_STR_NONE);
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

/* The same with one more segment. */
static inline void make_jpeg_with(struct trn_buf *b, uint8_t marker, struct trn_str data)
{
    struct trn_buf plain;
    trn_buf_init(&plain, 4096);
    make_jpeg(&plain);
    trn_put(b, plain.p, 8);
    trn_put_u8(b, 0xff);
    trn_put_u8(b, marker);
    trn_put_u8(b, (uint8_t)((data.n + 2) >> 8));
    trn_put_u8(b, (uint8_t)(data.n + 2));
    trn_put_str(b, data);
    trn_put(b, plain.p + 8, plain.n - 8);
    trn_buf_done(&plain);
}

/* A GIF with one more extension, an application's when id has 11 characters, else a comment. */
static inline void make_gif_with(struct trn_buf *b, const char *id, struct trn_str data)
{
    make_gif(b);
    b->n--;
    trn_put(b, id ? "\x21\xff\13" : "\x21\xfe", id ? 3 : 2);
    trn_put(b, id, id ? 11 : 0);
    for (size_t i = 0; i < data.n; i += 255) {
        size_t n = TRN_MIN(data.n - i, (size_t)255);
        trn_put_u8(b, (uint8_t)n);
        trn_put(b, data.p + i, n);
    }
    trn_put(b, "\0\x3b", 2);
}

/* The header of a Windows program, and nothing behind it. */
static inline void make_program_head(uint8_t p[256])
{
    memset(p, 0, 256);
    memcpy(p, "MZ", 2);
    p[60] = 128;
    memcpy(p + 128, "PE\0\0\x64\x86", 6);
    p[128 + 24] = 0x0b;
    p[128 + 25] = 2;
}

static inline size_t encode_base64(const uint8_t *p, size_t n, char *out)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t k = 0;
    for (size_t i = 0; i + 2 < n; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16 | (uint32_t)p[i + 1] << 8 | p[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6)
            out[k++] = letters[v >> shift & 63];
    }
    out[k] = '\0';
    return k;
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
