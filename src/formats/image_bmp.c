/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: where a BMP's pixels end, by its header and by its own computation. Must not own: pixels.
 * Hand-offs: none.
 */
#include "formats/image.h"

#define FILE_HEADER 14u
#define V5_HEADER 124u
#define INFO_LEAST 12u
#define ROUNDED 16u /* writers round the size of the file up */

int trn_bmp_walk(const struct trn_source *s, struct trn_image_extent *ret)
{
    struct trn_image_extent i = {.parts = 1};
    struct trn_dib dib;
    char head[FILE_HEADER + V5_HEADER];
    int64_t n = trn_source_read(s, 0, head, sizeof(head));
    if (n < 0)
        return (int)n;
    if (n < (int64_t)FILE_HEADER + 12 || head[0] != 'B' || head[1] != 'M')
        return -ENOMSG;
    struct trn_cursor c = trn_cur(head, (size_t)n);
    trn_cur_skip(&c, 2);
    uint64_t told = trn_cur_u32le(&c);
    trn_cur_skip(&c, 4);
    uint64_t pixels = trn_cur_u32le(&c);
    if (!trn_dib_read((struct trn_str){head + FILE_HEADER, (size_t)n - FILE_HEADER}, false, &dib)) {
        *ret = i;
        return trn_image_damaged(ret, "the header of its bitmap makes no sense", FILE_HEADER);
    }
    i.width = dib.width;
    i.height = dib.height;
    uint64_t before = FILE_HEADER + dib.before;
    pixels = TRN_MAX(pixels, FILE_HEADER + INFO_LEAST); /* some writers tell no place */
    if (pixels > before)
        trn_image_rest(&i, TRN_IMAGE_BETWEEN, before, TRN_MIN(pixels, s->size) - TRN_MIN(before, s->size));
    uint64_t end = TRN_MAX(pixels + dib.pixels, dib.profile_end ? FILE_HEADER + dib.profile_end : 0);
    if (end > s->size)
        trn_image_damaged(&i, "it is cut off before its last row", s->size);
    else if (told > end && told - end <= ROUNDED && told <= s->size)
        end = told;
    i.end = TRN_MIN(end, s->size);
    trn_image_rest(&i, TRN_IMAGE_BEHIND, i.end, s->size - i.end);
    *ret = i;
    return 0;
}
