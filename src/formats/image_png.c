/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: walking the chunks of a PNG to IEND, each checked by its CRC; which of them carry what no viewer shows. Must not own:
 * the stream of pixels (image_pixels.c), what is carried.
 * Hand-offs: none. As the specification says (ISO/IEC 15948, 5): length, type, data, CRC over type and data.
 */
#include "formats/image_pixels.h"

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

/* ---- what chunks carry ---- */

struct png {
    const struct trn_source *s;
    struct trn_image_extent *i;
    struct trn_pixels pixels, frame; /* frame: of the further picture that is being read, when it moves */
    uint64_t needed, frame_needed;   /* bytes of its rows */
    uint64_t frames_given;           /* by those before */
    uint8_t header[13];
    uint32_t seen; /* known kinds */
    bool animated;
};

/* Chunks that are known, and how large they can be. */
static const struct {
    char type[5];
    uint32_t most;
} known[] = {
    {"IHDR", 13}, {"PLTE", 768}, {"tRNS", 256}, {"hIST", 512}, {"bKGD", 6},  {"cHRM", 32}, {"gAMA", 4},  {"sBIT", 4},
    {"sRGB", 1},  {"pHYs", 9},   {"tIME", 7},   {"cICP", 4},   {"mDCV", 24}, {"cLLI", 8},  {"acTL", 8},  {"fcTL", 26},
    {"oFFs", 9},  {"sTER", 1},   {"vpAg", 9},   {"sCAL", 80},  {"CgBI", 16}, {"iDOT", 64}, {"orNT", 16}, {"caNv", 16},
};

_Static_assert(TRN_ARRAY_SIZE(known) <= 32, "a bit each");

/* Each comes once, but for what moving pictures have in front of each frame. */
static bool is_known(struct png *p, const uint8_t *type, uint64_t n)
{
    for (size_t k = 0; k < TRN_ARRAY_SIZE(known); k++) {
        uint32_t bit = 1u << k;
        if (memcmp(known[k].type, type, 4) != 0)
            continue;
        bool again = p->seen & bit && !(p->animated && memcmp(type, "fcTL", 4) == 0);
        p->seen |= bit;
        return !again && n <= known[k].most;
    }
    return false;
}

/* The keyword, and how long the head is that ends with the n-th NUL from there; 0: it has none. */
static size_t skip_texts(struct trn_str head, size_t from, int n)
{
    for (; from < head.n && n; from++)
        n -= head.p[from] == '\0';
    return n ? 0 : from;
}

/* A chunk of text or a profile: keyword, NUL, and by its kind method, flags, language. */
static void text_chunk(struct png *p, const char *type, uint64_t at, uint64_t n)
{
    char raw[512];
    struct trn_image_carried c = {.at = at, .size = n, .kind = TRN_IMAGE_TEXT};
    int64_t got = trn_source_read(p->s, at, raw, (size_t)TRN_MIN(n, (uint64_t)sizeof(raw)));
    struct trn_str head = {raw, got > 0 ? (size_t)got : 0};
    size_t keyword = skip_texts(head, 0, 1), skip = keyword;
    bool international = memcmp(type, "iTXt", 4) == 0, plain = memcmp(type, "tEXt", 4) == 0;
    if (keyword && international && keyword + 2 < head.n) {
        c.packing = head.p[keyword] == 1 ? TRN_IMAGE_ZLIB : TRN_IMAGE_PLAIN;
        skip = skip_texts(head, keyword + 2, 2);
    } else if (keyword && !plain && !international) {
        c.packing = TRN_IMAGE_ZLIB;
        skip = keyword + 1;
    }
    memcpy(c.block, type, 4);
    if (keyword)
        memcpy(c.keyword, raw, TRN_MIN(keyword, sizeof(c.keyword) - 1));
    if (memcmp(type, "iCCP", 4) == 0)
        c.kind = TRN_IMAGE_PROFILE;
    else if (strcmp(c.keyword, "XML:com.adobe.xmp") == 0)
        c.kind = TRN_IMAGE_META;
    if (skip && skip <= n) {
        c.at += skip;
        c.size -= skip;
    } else {
        c.packing = TRN_IMAGE_PLAIN; /* a head that goes on and on */
    }
    trn_image_carry(p->i, &c);
}

static void carried(struct png *p, const uint8_t *type, uint64_t at, uint64_t n)
{
    struct trn_image_carried c = {.at = at, .size = n, .kind = TRN_IMAGE_PRIVATE};
    static const char texts[4][5] = {"tEXt", "zTXt", "iTXt", "iCCP"};
    for (size_t k = 0; k < TRN_ARRAY_SIZE(texts); k++)
        if (memcmp(type, texts[k], 4) == 0)
            return text_chunk(p, texts[k], at, n);
    if (is_known(p, type, n))
        return;
    if (memcmp(type, "eXIf", 4) == 0 || memcmp(type, "caBX", 4) == 0)
        c.kind = TRN_IMAGE_META;
    memcpy(c.block, type, 4);
    trn_image_carry(p->i, &c);
}

/* ---- further pictures ---- */

static void end_frame(struct png *p)
{
    if (p->frame.state != TRN_PIXELS_BAD && p->frame_needed && p->frame.given > p->frame_needed)
        p->i->pixels_extra += p->frame.given - p->frame_needed;
    p->frames_given += p->frame.given;
    trn_pixels_done(&p->frame);
    p->frame = (struct trn_pixels){0};
    p->frame_needed = 0;
}

/* Width and height of the next frame stand where those of the whole do, behind its number. */
static void begin_frame(struct png *p, uint64_t at, uint64_t n)
{
    uint8_t header[13];
    end_frame(p);
    memcpy(header, p->header, sizeof(header));
    if (n == 26 && trn_image_get(p->s, at + 4, header, 8) == 0)
        p->frame_needed = trn_pixels_needed(header);
}

/* A number, then a part of the frame's stream. 1: it is none. */
static int frame_data(struct png *p, uint64_t at, uint64_t n)
{
    if (n < 4 || p->frame.state == TRN_PIXELS_BAD)
        return 1;
    if (p->frames_given > TRN_PIXELS_MAX) {
        p->i->pixels_unread += n - 4;
        return 0;
    }
    int e = trn_pixels_chunk(&p->frame, p->s, at + 4, n - 4, p->i);
    return e == 0 && p->frame.state == TRN_PIXELS_BAD ? 1 : e;
}

static int content(struct png *p, const uint8_t *type, uint64_t at, uint64_t n)
{
    int e;
    if (memcmp(type, "IDAT", 4) == 0) {
        p->i->pixels_at = p->i->pixels_at ? p->i->pixels_at : at;
        return trn_pixels_chunk(&p->pixels, p->s, at, n, p->i);
    }
    if (memcmp(type, "IHDR", 4) == 0 && n == sizeof(p->header) && trn_image_get(p->s, at, p->header, n) == 0)
        p->needed = trn_pixels_needed(p->header);
    if (p->animated && memcmp(type, "fcTL", 4) == 0)
        begin_frame(p, at, n);
    if (p->animated && memcmp(type, "fdAT", 4) == 0 && (e = frame_data(p, at, n)) <= 0)
        return e;
    if (memcmp(type, "CgBI", 4) == 0 && p->pixels.state == TRN_PIXELS_NONE)
        p->pixels.state = TRN_PIXELS_OTHER;
    p->animated = p->animated || memcmp(type, "acTL", 4) == 0;
    if (memcmp(type, "IEND", 4) != 0)
        carried(p, type, at, n);
    return 0;
}

/* One chunk at *at, which goes behind it. 1: it was IEND. */
static int chunk(struct png *p, uint64_t *at)
{
    const struct trn_source *s = p->s;
    struct trn_image_extent *i = p->i;
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
    e = content(p, head + 4, *at + 8, n);
    if (e < 0)
        return e;
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

static int walk(struct png *p)
{
    struct trn_image_extent *i = p->i;
    uint64_t at = SIGNATURE;
    int e;
    do
        e = i->parts < CHUNKS_MAX ? chunk(p, &at) : -EBADMSG;
    while (e == 0);
    if (e < 0 && e != -EBADMSG)
        return e;
    if (e < 0) {
        i->damaged = NULL; /* what is worse is said */
        return trn_image_damaged(i, at >= p->s->size ? "it ends before its last chunk" : "a chunk is cut off or none",
                                 at);
    }
    i->end = at;
    end_frame(p);
    if (p->pixels.state == TRN_PIXELS_BAD || p->pixels.state == TRN_PIXELS_RUN)
        trn_image_damaged(i, "its pixels are no compressed stream that ends", i->pixels_at);
    if (p->pixels.state != TRN_PIXELS_BAD && p->needed && p->pixels.given > p->needed)
        i->pixels_extra += p->pixels.given - p->needed;
    trn_image_rest(i, TRN_IMAGE_BEHIND, at, p->s->size - at);
    return 0;
}

int trn_png_walk(const struct trn_source *s, struct trn_image_extent *ret)
{
    struct trn_image_extent i = {0};
    struct png p = {.s = s, .i = &i};
    uint8_t magic[SIGNATURE];
    int e = trn_image_get(s, 0, magic, sizeof(magic));
    if (e < 0 || memcmp(magic, "\211PNG\r\n\32\n", SIGNATURE) != 0)
        return e < 0 && e != -EBADMSG ? e : -ENOMSG;
    e = walk(&p);
    trn_pixels_done(&p.pixels);
    trn_pixels_done(&p.frame);
    if (e == 0)
        *ret = i;
    return e;
}
