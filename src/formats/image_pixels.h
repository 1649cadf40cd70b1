/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: a PNG's pixels, a zlib stream in one or many chunks, followed to its end; nothing of it is kept. */
#ifndef TRN_FORMATS_IMAGE_PIXELS_H
#define TRN_FORMATS_IMAGE_PIXELS_H

#include "formats/image.h"

#include <zlib.h>

#define TRN_PIXELS_MAX (256ull << 20) /* what a stream may give before it is left */

struct trn_pixels {
    z_stream z;
    enum {
        TRN_PIXELS_NONE = 0, /* not begun */
        TRN_PIXELS_RUN,
        TRN_PIXELS_WHOLE,
        TRN_PIXELS_BAD,     /* no such stream */
        TRN_PIXELS_ENDLESS, /* it gave more than TRN_PIXELS_MAX */
        TRN_PIXELS_OTHER,   /* not looked at: Apple's own form has no zlib stream */
    } state;
    uint64_t given;
};

/* The chunk data [at, at + n): what of it lies behind the end of the stream becomes a rest. 0 or what the source gave. */
int trn_pixels_chunk(struct trn_pixels *p, const struct trn_source *s, uint64_t at, uint64_t n,
                     struct trn_image_extent *i) TRN_MUST_CHECK;
void trn_pixels_done(struct trn_pixels *p);
/* Bytes that the rows of a picture take, from the 13 bytes of IHDR; 0: they make no sense. */
uint64_t trn_pixels_needed(const uint8_t *header);

#endif
