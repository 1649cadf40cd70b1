/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what is told of images: bytes that belong to no part of them, encoded text among those, a file behind the end.
 * Must not own: where an image ends (src/formats/image*.c), what its parts carry (check_image_carried.c).
 * Hand-offs: a known format behind the end becomes a member.
 */
#include "artifact/check_image.h"
#include "artifact/trim.h"

#define TOLD_FROM 8u /* fewer bytes can carry nothing */
#define RANDOM_FROM 64u
#define LOW_WEIGHT 15u
#define WINDOW 65536u
#define BASE64_LEAST 64u
#define PIXELS_LARGE 4096u
#define PIXELS_WEIGHT 45u

static const char *const places[TRN_IMAGE_REST_MAX] = {
    [TRN_IMAGE_BEHIND] = "behind the end of the image",
    [TRN_IMAGE_BETWEEN] = "between two parts of the image",
    [TRN_IMAGE_IN_ENTRY] = "in an entry of the icon, behind the end of the picture in it",
    [TRN_IMAGE_SECOND] = "in a further picture",
    [TRN_IMAGE_VIDEO] = "behind the end of the image, in a film as cameras put there",
    [TRN_IMAGE_CAMERA] = "behind the end of the image, in a trailer as cameras put there",
    [TRN_IMAGE_IN_PIXELS] = "in the chunks of the pixels, behind the end of their compressed stream",
    [TRN_IMAGE_IN_BLOCK] = "in a part of the image, behind the end of what it holds",
};

/* As random as that many bytes can be: what is compressed or encrypted. */
static bool looks_random(uint64_t size, uint32_t milli)
{
    return size >= RANDOM_FROM && milli >= trn_random_milli(size);
}

static bool is_image(enum trn_format f)
{
    return f == TRN_FORMAT_PNG || f == TRN_FORMAT_JPEG || f == TRN_FORMAT_GIF || f == TRN_FORMAT_BMP;
}

static bool says_nothing(enum trn_format f)
{
    return f == TRN_FORMAT_DATA || f == TRN_FORMAT_EMPTY || f == TRN_FORMAT_TEXT;
}

static int tell_data(struct trn_look *l, const struct trn_image_rest *r, enum trn_format inside)
{
    struct trn_finding f;
    trn_finding_init(&f, trn_check_find(TRN_STR("image.trailing-data")));
    uint32_t milli = trn_look_entropy(l, r->at, r->size);
    bool random = looks_random(r->size, milli), known = !says_nothing(inside) && !is_image(inside);
    if (r->kind == TRN_IMAGE_VIDEO || r->kind == TRN_IMAGE_CAMERA || is_image(inside) || (!random && !known))
        f.score = LOW_WEIGHT;
    trn_look_say(l, &f, "%llu bytes that %s stand %s, where viewers do not show them", (unsigned long long)r->size,
                 known    ? "are a file of another kind"
                 : random ? "look random (compressed or encrypted)"
                          : "belong to nothing",
                 places[r->kind]);
    trn_look_evidence(l, &f, r->at, r->size);
    trn_finding_add(&f, "format", says_nothing(inside) ? TRN_STR_NONE : trn_str_of(trn_format_name(inside)));
    return trn_look_found(l, &f);
}

static int tell_base64(struct trn_look *l, const struct trn_image_rest *r, const struct trn_base64_run *run)
{
    struct trn_finding f;
    trn_finding_init(&f, trn_check_find(TRN_STR("image.trailing-base64")));
    trn_look_say(l, &f, "%llu characters of encoded text (base64)%s stand %s: a way to hand orders to a program unseen",
                 (unsigned long long)run->size, run->dollar ? ", introduced by '$'," : "", places[r->kind]);
    trn_look_evidence(l, &f, run->at, run->size);
    return trn_look_found(l, &f);
}

/* The longest run of base64 in a rest. */
static int find_base64(struct trn_look *l, const struct trn_image_rest *r, struct trn_base64_run *ret)
{
    struct trn_base64_finder finder;
    uint8_t *window = trn_arena_alloc(l->arena, WINDOW);
    if (!window)
        return -ENOMEM;
    trn_base64_begin(&finder, r->at);
    for (uint64_t done = 0; done < r->size && !trn_look_over(l);) {
        size_t n = (size_t)TRN_MIN(r->size - done, (uint64_t)WINDOW);
        int e = trn_image_get(l->bytes, r->at + done, window, n);
        if (e < 0)
            return e;
        trn_base64_feed(&finder, window, n);
        done += n;
    }
    *ret = trn_base64_end(&finder, BASE64_LEAST);
    return 0;
}

static int hand_on(struct trn_look *l, const struct trn_image_rest *r, enum trn_format inside)
{
    struct trn_member m = {.name = TRN_STR("behind-the-end"), .size = r->size};
    if (r->kind == TRN_IMAGE_BETWEEN)
        m.name = TRN_STR("between-parts");
    else if (r->kind == TRN_IMAGE_IN_ENTRY)
        m.name = TRN_STR("behind-the-picture");
    else if (r->kind == TRN_IMAGE_SECOND)
        m.name = TRN_STR("further-picture");
    else if (r->kind == TRN_IMAGE_IN_PIXELS)
        m.name = TRN_STR("behind-the-pixels");
    else if (r->kind == TRN_IMAGE_IN_BLOCK)
        m.name = TRN_STR("in-a-part");
    return says_nothing(inside) ? 0 : trn_look_part(l, &m, r->at, r->size);
}

int trn_look_image_rest(struct trn_look *l, struct trn_image_rest r)
{
    struct trn_base64_run run = {0};
    enum trn_format inside = TRN_FORMAT_DATA;
    struct trn_range range = {r.at, r.size};
    int e = trn_trim_zeros(l->bytes, &range);
    if (e < 0 || range.size < TOLD_FROM)
        return e;
    r.at = range.at;
    r.size = range.size;
    struct trn_source part = trn_source_part(l->bytes, r.at, r.size);
    e = trn_format_probe(&part, TRN_STR_NONE, &inside);
    if (e == 0 && r.kind != TRN_IMAGE_SECOND)
        e = find_base64(l, &r, &run);
    if (e == 0 && run.size)
        e = tell_base64(l, &r, &run);
    if (e == 0 && r.kind != TRN_IMAGE_SECOND && run.size < r.size / 4 * 3)
        e = tell_data(l, &r, inside);
    return e < 0 ? e : hand_on(l, &r, inside);
}

/* Rows behind the last one: no viewer shows them, and where they stand in the file cannot be told. */
static int tell_pixels(struct trn_look *l, const struct trn_image_extent *i)
{
    struct trn_finding f;
    if (i->pixels_unread)
        return trn_look_gap(l, TRN_GAP_LIMIT, TRN_STR_NONE,
                            "unpacked pixels of one image (%llu packed bytes, from 0x%llx on, left out)",
                            (unsigned long long)i->pixels_unread, (unsigned long long)i->pixels_at);
    if (i->pixels_extra < RANDOM_FROM)
        return 0;
    trn_finding_init(&f, trn_check_find(TRN_STR("image.hidden-data")));
    f.score = i->pixels_extra >= PIXELS_LARGE ? PIXELS_WEIGHT : LOW_WEIGHT;
    trn_look_say(l, &f,
                 "the compressed pixels give %llu bytes more than the picture has rows for: viewers do not show them",
                 (unsigned long long)i->pixels_extra);
    trn_finding_add(&f, "offset", trn_arena_printf(l->arena, "0x%llx", (unsigned long long)i->pixels_at));
    trn_finding_add(&f, "size", trn_arena_printf(l->arena, "%llu", (unsigned long long)i->pixels_extra));
    return trn_look_found(l, &f);
}

static int look_at_image(struct trn_look *l, const struct trn_image_extent *i)
{
    int e = 0;
    if (i->width && i->height) {
        e = trn_look_property(l, "width", trn_arena_printf(l->arena, "%u", i->width));
        if (e == 0)
            e = trn_look_property(l, "height", trn_arena_printf(l->arena, "%u", i->height));
    }
    if (e == 0 && i->damaged)
        e = trn_look_gap(l, TRN_GAP_DAMAGED, TRN_STR_NONE, "not whole as an image: %s, at 0x%llx", i->damaged,
                         (unsigned long long)i->damaged_at);
    for (uint32_t k = 0; e == 0 && k < i->n_rests; k++)
        e = trn_look_image_rest(l, i->rests[k]);
    if (e == 0 && i->rests_left_out)
        e = trn_look_gap(l, TRN_GAP_LIMIT, TRN_STR_NONE,
                         "places looked at between the parts of one image (%u smaller ones left out)",
                         i->rests_left_out);
    if (e == 0)
        e = tell_pixels(l, i);
    return e < 0 ? e : trn_look_image_carried(l, i);
}

int trn_look_image(struct trn_look *l, struct trn_err *err)
{
    struct trn_image_extent i;
    int e = -ENOMSG;
    switch (l->self->format) {
    case TRN_FORMAT_ICO:
        e = trn_ico_walk(l->bytes, l->arena, &i);
        break;
    case TRN_FORMAT_PNG:
        e = trn_png_walk(l->bytes, &i);
        break;
    case TRN_FORMAT_JPEG:
        e = trn_jpeg_walk(l->bytes, &i);
        break;
    case TRN_FORMAT_GIF:
        e = trn_gif_walk(l->bytes, &i);
        break;
    case TRN_FORMAT_BMP:
        e = trn_bmp_walk(l->bytes, &i);
        break;
    default:
        break;
    }
    if (e == -ENOMSG) /* its first bytes meant something else */
        return 0;
    return e < 0 ? trn_fail(err, e, "cannot walk the image: %s", trn_errno_name(e)) : look_at_image(l, &i);
}
