/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: bytes of an image that belong to none of its parts, as features: which format they begin with, how many, where, and
 * how random. Must not own: where an image ends (src/formats/image*.c), the verdict (check_image.c).
 */
#include "artifact/kinds.h"
#include "artifact/trim.h"
#include "formats/formats.h"

#define LEAST 8u

static int walk(struct trn_look *l, struct trn_image_extent *i)
{
    switch (l->self->format) {
    case TRN_FORMAT_ICO:
        return trn_ico_walk(l->bytes, l->arena, i);
    case TRN_FORMAT_PNG:
        return trn_png_walk(l->bytes, i);
    case TRN_FORMAT_JPEG:
        return trn_jpeg_walk(l->bytes, i);
    case TRN_FORMAT_GIF:
        return trn_gif_walk(l->bytes, i);
    case TRN_FORMAT_BMP:
        return trn_bmp_walk(l->bytes, i);
    default:
        return -ENOMSG;
    }
}

int trn_feature_embedded(struct trn_look *l, struct trn_err *err)
{
    struct trn_image_extent i;
    int e = walk(l, &i);
    if (e < 0)
        return e == -ENOMSG ? 0 : trn_fail(err, e, "cannot walk the image: %s", trn_errno_name(e));
    for (uint32_t k = 0; e == 0 && k < i.n_rests; k++) {
        struct trn_range r = {i.rests[k].at, i.rests[k].size};
        enum trn_format inside = TRN_FORMAT_DATA;
        e = trn_trim_zeros(l->bytes, &r);
        if (e < 0 || r.size < LEAST || i.rests[k].kind == TRN_IMAGE_SECOND)
            continue;
        struct trn_source part = trn_source_part(l->bytes, r.at, r.size);
        e = trn_format_probe(&part, TRN_STR_NONE, &inside);
        uint32_t milli = trn_look_entropy(l, r.at, r.size);
        if (e == 0)
            e = trn_look_fact(l, TRN_FEATURE_EMBEDDED, trn_format_name(inside),
                              trn_arena_printf(l->arena, "%u.%02u", milli / 1000, milli % 1000 / 10), r.size, r.at);
    }
    return e;
}
