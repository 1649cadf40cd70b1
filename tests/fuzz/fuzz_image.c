/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any image crash its walker or the check of what it carries, or is a rest, a part or the end told that lies
 * outside of the bytes? */
#include "formats/formats.h"
#include "scan_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t read_mem(void *ctx, uint64_t at, void *dst, size_t n)
{
    const struct trn_str *s = ctx;
    if (at >= s->n)
        return 0;
    n = TRN_MIN(n, s->n - (size_t)at);
    memcpy(dst, s->p + at, n);
    return (int64_t)n;
}

static int walk(int which, const struct trn_source *s, struct trn_arena *a, struct trn_image_extent *i)
{
    switch (which % 5) {
    case 0:
        return trn_png_walk(s, i);
    case 1:
        return trn_jpeg_walk(s, i);
    case 2:
        return trn_gif_walk(s, i);
    case 3:
        return trn_bmp_walk(s, i);
    default:
        return trn_ico_walk(s, a, i);
    }
}

/* The first byte says which; from memory and through reads must be the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(1 << 20);
    struct trn_str bytes = {(const char *)data + 1, size - 1};
    struct trn_source mem = trn_source_mem(bytes), file = {.size = bytes.n, .read = read_mem, .ctx = &bytes};
    struct trn_image_extent i, k;
    int e = a ? walk(data[0], &mem, a, &i) : -ENOMSG;
    if (!a || walk(data[0], &file, a, &k) != e)
        abort();
    if (e < 0)
        return 0;
    if (i.end != k.end || i.n_rests != k.n_rests || i.end > bytes.n || i.n_rests > TRN_IMAGE_RESTS)
        abort();
    for (uint32_t r = 0; r < i.n_rests; r++)
        if (i.rests[r].at > bytes.n || i.rests[r].size > bytes.n - i.rests[r].at || !i.rests[r].size ||
            i.rests[r].at != k.rests[r].at)
            abort();
    if (i.n_carried != k.n_carried || i.n_carried > TRN_IMAGE_CARRIED || i.pixels_extra != k.pixels_extra)
        abort();
    for (uint32_t r = 0; r < i.n_carried; r++)
        if (i.carried[r].at > bytes.n || i.carried[r].size > bytes.n - i.carried[r].at ||
            i.carried[r].size < TRN_IMAGE_CARRIED_LEAST || i.carried[r].at != k.carried[r].at ||
            memchr(i.carried[r].keyword, 0, sizeof(i.carried[r].keyword)) == NULL)
            abort();
    fuzz_scan(data + 1, size - 1, "image");
    return 0;
}
