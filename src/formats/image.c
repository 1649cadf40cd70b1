/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what the readers of images share: the lists of rests and of what is carried, exact reads, the size of a bitmap without a file header.
 * Must not own: any one format's blocks. Hand-offs: none; all is copied.
 */
#include "formats/image.h"

void trn_image_rest(struct trn_image_extent *i, enum trn_image_rest_kind kind, uint64_t at, uint64_t size)
{
    struct trn_image_rest *to = &i->rests[i->n_rests];
    if (!size)
        return;
    if (i->n_rests == TRN_IMAGE_RESTS) {
        i->rests_left_out++;
        to = &i->rests[0];
        for (uint32_t k = 1; k < i->n_rests; k++)
            to = i->rests[k].size < to->size ? &i->rests[k] : to;
        if (to->size >= size)
            return;
    } else {
        i->n_rests++;
    }
    *to = (struct trn_image_rest){.at = at, .size = size, .kind = kind};
}

void trn_image_carry(struct trn_image_extent *i, const struct trn_image_carried *c)
{
    struct trn_image_carried *to = &i->carried[i->n_carried];
    if (c->size < TRN_IMAGE_CARRIED_LEAST) {
        i->n_small += c->size > 0;
        i->small += c->size;
        return;
    }
    if (i->n_carried == TRN_IMAGE_CARRIED) {
        i->carried_left_out++;
        to = &i->carried[0];
        for (uint32_t k = 1; k < i->n_carried; k++)
            to = i->carried[k].size < to->size ? &i->carried[k] : to;
        if (to->size >= c->size)
            return;
    } else {
        i->n_carried++;
    }
    *to = *c;
}

int trn_image_damaged(struct trn_image_extent *i, const char *what, uint64_t at)
{
    if (!i->damaged) {
        i->damaged = what;
        i->damaged_at = at;
    }
    return 0;
}

int trn_image_get(const struct trn_source *s, uint64_t at, void *dst, size_t n)
{
    int64_t got = trn_source_read(s, at, dst, n);
    return got < 0 ? (int)got : (size_t)got == n ? 0 : -EBADMSG;
}

/* ---- bitmaps ---- */

#define CORE_HEADER 12u
#define INFO_HEADER 40u
#define V5_HEADER 124u
#define BITFIELDS 3u
#define ALPHA_BITFIELDS 6u

struct dib {
    uint32_t header, width, height, compression, image_size, used;
    uint32_t profile_at, profile_size;
    uint16_t bits;
};

static bool dib_read(struct trn_str head, struct dib *d)
{
    struct trn_cursor c = trn_cur_of(head);
    d->header = trn_cur_u32le(&c);
    if (d->header == CORE_HEADER) {
        d->width = trn_cur_u16le(&c);
        d->height = trn_cur_u16le(&c);
        trn_cur_skip(&c, 2);
        d->bits = trn_cur_u16le(&c);
        return !c.bad;
    }
    d->width = trn_cur_u32le(&c);
    d->height = trn_cur_u32le(&c);
    if (d->height > INT32_MAX) /* negative: stored from the top */
        d->height = 0u - d->height;
    trn_cur_skip(&c, 2);
    d->bits = trn_cur_u16le(&c);
    d->compression = trn_cur_u32le(&c);
    d->image_size = trn_cur_u32le(&c);
    trn_cur_skip(&c, 8);
    d->used = trn_cur_u32le(&c);
    bool ok = !c.bad && d->header >= INFO_HEADER && d->header <= V5_HEADER;
    if (ok && d->header == V5_HEADER) {
        trn_cur_seek(&c, 112);
        d->profile_at = trn_cur_u32le(&c);
        d->profile_size = trn_cur_u32le(&c);
    }
    return ok && !c.bad;
}

static bool plausible(const struct dib *d)
{
    bool depth = d->bits == 1 || d->bits == 2 || d->bits == 4 || d->bits == 8 || d->bits == 16 || d->bits == 24 ||
                 d->bits == 32 || (d->bits == 0 && d->image_size);
    return depth && d->width && d->height && d->width <= 1u << 20 && d->height <= 1u << 21;
}

static uint64_t rows(const struct dib *d, uint32_t bits, uint32_t height)
{
    return (((uint64_t)d->width * bits + 31) / 32) * 4 * height; /* below 2^20 * 32 * 2^21 / 8 */
}

bool trn_dib_read(struct trn_str head, bool icon, struct trn_dib *ret)
{
    struct dib d = {0};
    if (!dib_read(head, &d) || !plausible(&d))
        return false;
    uint32_t height = icon ? d.height / 2 : d.height;
    uint64_t palette = d.bits && d.bits <= 8 ? 1u << d.bits : 0;
    palette = d.used && d.used <= 256 ? d.used : palette; /* no viewer looks at more */
    struct trn_dib r = {.width = d.width, .height = height};
    r.before = d.header + palette * (d.header == CORE_HEADER ? 3 : 4);
    bool fields = d.compression == BITFIELDS || d.compression == ALPHA_BITFIELDS;
    if (fields && d.header == INFO_HEADER)
        r.before += d.compression == BITFIELDS ? 12 : 16;
    if (d.compression == 0 || fields)
        r.pixels = rows(&d, d.bits, height);
    else if (d.image_size)
        r.pixels = d.image_size;
    else
        return false;
    r.mask = icon ? rows(&d, 1, height) : 0;
    if (d.profile_size && d.profile_at >= V5_HEADER)
        r.profile_end = (uint64_t)d.profile_at + d.profile_size;
    *ret = r;
    return true;
}
