/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: walking the chunks of a PNG to IEND, each checked by its CRC. Must not own: what a chunk means, beyond IHDR.
 * Hand-offs: none. As the specification says (ISO/IEC 15948, 5): length, type, data, CRC over type and data.
 */
#include "formats/image.h"

#include <zlib.h>

#define SIGNATURE 8u
#define AROUND 12u /* length, type, CRC */
#define CHUNKS_MAX (1u << 20)
#define WINDOW 16384u

static bool is_type(const uint8_t *p)
{
    for (int i = 0; i < 4; i++)
        if (!((p[i] >= 'A' && p[i] <= 'Z') || (p[i] >= 'a' && p[i] <= 'z')))
            return false;
    return true;
}

static int check_crc(const struct trn_source *s, uint64_t at, uint64_t n, uint32_t told, bool *ret_same)
{
    uint8_t window[WINDOW];
    uLong crc = crc32(0, NULL, 0);
    if (s->mem && at + n <= s->size) {
        *ret_same = crc32_z(crc, s->mem + at, (size_t)n) == told;
        return 0;
    }
    for (uint64_t done = 0; done < n;) {
        size_t part = (size_t)TRN_MIN(n - done, (uint64_t)WINDOW);
        int e = trn_image_get(s, at + done, window, part);
        if (e < 0)
            return e;
        crc = crc32_z(crc, window, part);
        done += part;
    }
    *ret_same = crc == told;
    return 0;
}

static uint32_t be32(const uint8_t *p)
{
    struct trn_cursor c = trn_cur(p, 4);
    return trn_cur_u32be(&c);
}

/* One chunk at *at, which goes behind it. 1: it was IEND. */
static int chunk(const struct trn_source *s, uint64_t *at, struct trn_image_extent *i)
{
    uint8_t head[16] = {0}, tail[4];
    bool same = false;
    int e = trn_image_get(s, *at, head, 8);
    if (e < 0)
        return e;
    uint64_t n = be32(head);
    if (n > INT32_MAX || !is_type(head + 4) || s->size - *at < AROUND + n)
        return -EBADMSG;
    e = trn_image_get(s, *at + 8 + n, tail, 4);
    if (e == 0)
        e = check_crc(s, *at + 4, n + 4, be32(tail), &same);
    if (e < 0)
        return e;
    if (!same)
        trn_image_damaged(i, "a chunk does not have its checksum", *at);
    if (memcmp(head + 4, "IHDR", 4) == 0 && n >= 8 && trn_image_get(s, *at + 8, head + 8, 8) == 0) {
        i->width = be32(head + 8);
        i->height = be32(head + 12);
    }
    bool last = memcmp(head + 4, "IEND", 4) == 0;
    if (last) /* it holds nothing: what stands in it belongs to no image */
        trn_image_rest(i, TRN_IMAGE_BEHIND, *at + 8, n);
    i->parts++;
    *at += AROUND + n;
    return last;
}

int trn_png_walk(const struct trn_source *s, struct trn_image_extent *ret)
{
    struct trn_image_extent i = {0};
    uint8_t magic[SIGNATURE];
    uint64_t at = SIGNATURE;
    int e = trn_image_get(s, 0, magic, sizeof(magic));
    if (e < 0 || memcmp(magic, "\211PNG\r\n\32\n", SIGNATURE) != 0)
        return e < 0 && e != -EBADMSG ? e : -ENOMSG;
    do
        e = i.parts < CHUNKS_MAX ? chunk(s, &at, &i) : -EBADMSG;
    while (e == 0);
    if (e < 0 && e != -EBADMSG)
        return e;
    if (e < 0) {
        i.damaged = NULL; /* what is worse is said */
        trn_image_damaged(&i, at >= s->size ? "it ends before its last chunk" : "a chunk is cut off or none", at);
    } else {
        i.end = at;
        trn_image_rest(&i, TRN_IMAGE_BEHIND, at, s->size - at);
    }
    *ret = i;
    return 0;
}
