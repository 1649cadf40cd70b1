/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: walking the blocks of a GIF to its trailer (GIF89a specification, appendix A); which of them carry what no viewer
 * shows. Must not own: LZW (what stands behind the end of a picture's codes is not seen).
 * Hand-offs: none.
 */
#include "formats/image.h"

#include <stdio.h>

#define HEADER 13u
#define WINDOW 4096u

struct reader { /* GIF is made of blocks of at most 255 bytes: read through a window */
    const struct trn_source *s;
    uint64_t at, from;
    size_t n;
    uint8_t window[WINDOW];
};

/* The byte at r->at, which goes on by one; -EBADMSG at the end. */
static int next(struct reader *r)
{
    if (r->s->mem)
        return r->at < r->s->size ? r->s->mem[r->at++] : -EBADMSG;
    if (r->at < r->from || r->at >= r->from + r->n) {
        int64_t got = trn_source_read(r->s, r->at, r->window, WINDOW);
        if (got <= 0)
            return got < 0 ? (int)got : -EBADMSG;
        r->from = r->at;
        r->n = (size_t)got;
    }
    return r->window[r->at++ - r->from];
}

static int sub_blocks(struct reader *r)
{
    for (;;) {
        int n = next(r);
        if (n <= 0)
            return n;
        r->at += (uint64_t)n;
    }
}

static uint64_t table(int flags)
{
    return flags & 0x80 ? 3ull << ((flags & 7) + 1) : 0;
}

static int picture(struct reader *r)
{
    r->at += 8;
    int flags = next(r);
    if (flags < 0)
        return flags;
    r->at += table(flags);
    int code_size = next(r);
    return code_size < 0 ? code_size : sub_blocks(r);
}

/* An extension: comment, application, or of a kind that is not known. r->at: behind the label. */
static int extension(struct reader *r, struct trn_image_extent *i, int label)
{
    static const char *const ordinary[] = {"NETSCAPE2.0", "ANIMEXTS1.0", "ImageMagick"};
    struct trn_image_carried c = {.at = r->at, .packing = TRN_IMAGE_BLOCKS, .kind = TRN_IMAGE_PRIVATE};
    char id[12] = {0};
    bool application = label == 0xff, plain = false;
    if (application && trn_image_get(r->s, r->at, id, sizeof(id)) == 0 && id[0] == 11) {
        memcpy(c.keyword, id + 1, 11);
        c.at += sizeof(id);
        if (memcmp(c.keyword, "XMP", 3) == 0 || memcmp(c.keyword, "MGK", 3) == 0)
            c.kind = TRN_IMAGE_META;
        else if (memcmp(c.keyword, "ICCRGBG1", 8) == 0)
            c.kind = TRN_IMAGE_PROFILE;
        for (size_t k = 0; k < TRN_ARRAY_SIZE(ordinary); k++)
            plain = plain || strcmp(c.keyword, ordinary[k]) == 0;
    } else if (label == 0xfe) {
        c.kind = TRN_IMAGE_TEXT;
    }
    snprintf(c.block, sizeof(c.block), label == 0xfe ? "comment" : application ? "app" : "0x%02x", (unsigned)label);
    int e = sub_blocks(r);
    bool told = label == 0xf9 || (plain && r->at - c.at < 2 * TRN_IMAGE_CARRIED_LEAST);
    if (e == 0 && r->at > c.at && r->at <= r->s->size && !told) {
        c.size = r->at - c.at;
        trn_image_carry(i, &c);
    }
    return e;
}

/* 1: the trailer was read. */
static int block(struct reader *r, struct trn_image_extent *i)
{
    int e = next(r);
    if (e < 0)
        return e;
    i->parts++;
    switch (e) {
    case 0x21:
        e = next(r); /* label */
        return e < 0 ? e : extension(r, i, e);
    case 0x2c:
        return picture(r);
    case 0x3b:
        return 1;
    case 0:
        return 0; /* some writers put an empty block between two */
    default:
        r->at--;
        return -EBADMSG;
    }
}

int trn_gif_walk(const struct trn_source *s, struct trn_image_extent *ret)
{
    struct trn_image_extent i = {0};
    uint8_t head[HEADER];
    int e = trn_image_get(s, 0, head, sizeof(head));
    if (e < 0 || memcmp(head, "GIF8", 4) != 0)
        return e < 0 && e != -EBADMSG ? e : -ENOMSG;
    struct reader r = {.s = s, .at = HEADER + table(head[10])};
    i.width = head[6] | (uint32_t)head[7] << 8;
    i.height = head[8] | (uint32_t)head[9] << 8;
    do
        e = block(&r, &i);
    while (e == 0);
    if (e < 0 && e != -EBADMSG)
        return e;
    if (e < 0) {
        trn_image_damaged(&i, r.at >= s->size ? "it ends before its trailer" : "a block of no known kind",
                          TRN_MIN(r.at, s->size));
    } else {
        i.end = r.at;
        trn_image_rest(&i, TRN_IMAGE_BEHIND, r.at, s->size - r.at);
    }
    *ret = i;
    return 0;
}
