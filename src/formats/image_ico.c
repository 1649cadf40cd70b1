/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the entries of an icon, where the picture in each ends, and what lies in no entry.
 * Must not own: the pictures (PNG and bitmap readers do). Hand-offs: the table of spans is the arena's.
 */
#include "formats/image.h"

#define HEADER 6u
#define ENTRY 16u
#define ENTRIES_MAX 4096u
#define DIB_HEADER 124u

struct span {
    uint64_t at, size;
};

static int compare(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    return x->at != y->at ? (x->at < y->at ? -1 : 1) : (x->size > y->size) - (x->size < y->size);
}

/* What is told of the PNG in an entry, told of the icon. What stands behind that PNG the caller tells itself. */
static void take_over(struct trn_image_extent *i, const struct trn_image_extent *png, uint64_t at)
{
    for (uint32_t k = 0; k < png->n_rests; k++)
        if (png->rests[k].at < png->end)
            trn_image_rest(i, png->rests[k].kind, at + png->rests[k].at, png->rests[k].size);
    for (uint32_t k = 0; k < png->n_carried; k++) {
        struct trn_image_carried c = png->carried[k];
        c.at += at;
        trn_image_carry(i, &c);
    }
    i->rests_left_out += png->rests_left_out;
    i->carried_left_out += png->carried_left_out;
    i->n_small += png->n_small;
    i->small += png->small;
    i->pixels_unread += png->pixels_unread;
    if (png->pixels_extra > i->pixels_extra) {
        i->pixels_extra = png->pixels_extra;
        i->pixels_at = at + png->pixels_at;
    }
}

/* What of [at, at + size) the picture in it does not need. 0: it needs all of it; -ENOMSG: there is no picture. */
static int picture(const struct trn_source *s, const struct span *where, struct trn_image_extent *i, uint64_t *ret_end)
{
    struct trn_source part = trn_source_part(s, where->at, where->size);
    struct trn_image_extent png;
    struct trn_dib dib;
    char head[DIB_HEADER];
    int e = trn_png_walk(&part, &png);
    if (e != -ENOMSG) {
        if (e == 0) {
            i->width = TRN_MAX(i->width, png.width);
            i->height = TRN_MAX(i->height, png.height);
            if (png.damaged)
                trn_image_damaged(i, png.damaged, where->at + png.damaged_at);
            *ret_end = png.end ? png.end : where->size;
            take_over(i, &png, where->at);
        }
        return e;
    }
    int64_t n = trn_source_read(&part, 0, head, sizeof(head));
    if (n < 0)
        return (int)n;
    if (!trn_dib_read((struct trn_str){head, (size_t)n}, true, &dib))
        return -ENOMSG;
    i->width = TRN_MAX(i->width, dib.width);
    i->height = TRN_MAX(i->height, dib.height);
    uint64_t with_mask = dib.before + dib.pixels + dib.mask;
    *ret_end = TRN_MIN(with_mask, where->size); /* 32-bit icons may come without a mask */
    return 0;
}

static int read_entries(const struct trn_source *s, uint32_t count, struct span *spans)
{
    for (uint32_t k = 0; k < count; k++) {
        uint8_t raw[ENTRY];
        int e = trn_image_get(s, HEADER + (uint64_t)k * ENTRY, raw, sizeof(raw));
        if (e < 0)
            return e == -EBADMSG ? -ENOMSG : e;
        struct trn_cursor c = trn_cur(raw, ENTRY);
        trn_cur_skip(&c, 8);
        spans[k].size = trn_cur_u32le(&c);
        spans[k].at = trn_cur_u32le(&c);
        if (spans[k].at < HEADER + (uint64_t)count * ENTRY || spans[k].size == 0)
            return -ENOMSG;
    }
    return 0;
}

static int walk(const struct trn_source *s, struct span *spans, uint32_t count, struct trn_image_extent *i)
{
    uint64_t end = HEADER + (uint64_t)count * ENTRY;
    uint32_t pictures = 0;
    qsort(spans, count, sizeof(*spans), compare);
    for (uint32_t k = 0; k < count; k++) {
        uint64_t inside = spans[k].size;
        if (k && spans[k].at == spans[k - 1].at && spans[k].size == spans[k - 1].size)
            continue; /* two entries of one picture */
        if (spans[k].at >= s->size || spans[k].size > s->size - spans[k].at) {
            trn_image_damaged(i, "an entry goes on behind the end of the file", spans[k].at);
            spans[k].size = spans[k].at < s->size ? s->size - spans[k].at : 0;
        }
        if (spans[k].at < end && k)
            trn_image_damaged(i, "two entries overlap", spans[k].at);
        if (spans[k].at > end)
            trn_image_rest(i, TRN_IMAGE_BETWEEN, end, TRN_MIN(spans[k].at, s->size) - TRN_MIN(end, s->size));
        int e = spans[k].size ? picture(s, &spans[k], i, &inside) : 0;
        if (e < 0 && e != -ENOMSG)
            return e;
        pictures += e == 0;
        if (e < 0)
            trn_image_damaged(i, "an entry without a picture", spans[k].at);
        else if (inside < spans[k].size)
            trn_image_rest(i, TRN_IMAGE_IN_ENTRY, spans[k].at + inside, spans[k].size - inside);
        end = TRN_MAX(end, spans[k].at + spans[k].size);
    }
    i->end = TRN_MIN(end, s->size);
    return pictures ? 0 : -ENOMSG; /* four zero and one bytes are the start of many things */
}

int trn_ico_walk(const struct trn_source *s, struct trn_arena *a, struct trn_image_extent *ret)
{
    struct trn_image_extent i = {0};
    uint8_t head[HEADER];
    int e = trn_image_get(s, 0, head, sizeof(head));
    uint32_t count = head[4] | (uint32_t)head[5] << 8;
    if (e < 0 || memcmp(head, "\0\0\1", 4) != 0 || count == 0 || count > ENTRIES_MAX)
        return e < 0 && e != -EBADMSG ? e : -ENOMSG;
    struct span *spans = trn_arena_array(a, count, sizeof(*spans));
    if (!spans)
        return -ENOMEM;
    e = read_entries(s, count, spans);
    if (e == 0)
        e = walk(s, spans, count, &i);
    if (e < 0)
        return e;
    i.parts = count;
    trn_image_rest(&i, TRN_IMAGE_BEHIND, i.end, s->size - i.end);
    *ret = i;
    return 0;
}
