/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any file crash the deep reader of ELF, make it hold more than it may, or say a place outside of the file? */
#include "formats/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static int64_t read_mem(void *ctx, uint64_t at, void *dst, size_t n)
{
    const struct trn_str *all = ctx;
    memcpy(dst, all->p + at, TRN_MIN(n, all->n - at));
    return (int64_t)TRN_MIN(n, all->n - at);
}

static int touch(void *ctx, const struct trn_elf_symbol *s)
{
    uint64_t *sum = ctx;
    *sum = trn_hash64_mix(*sum, trn_hash64_str(s->name));
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(16 << 20);
    struct trn_str all = {(const char *)data, size};
    struct trn_source s = trn_source_mem(all);
    struct trn_elf_image f;
    struct trn_elf_dynamic d;
    struct trn_elf_notes n;
    uint64_t sum = 0, at, left;
    if (!a)
        return 0;
    if (size && data[size - 1] & 1) /* the same by window */
        s = (struct trn_source){.size = size, .read = read_mem, .ctx = &all};
    if (trn_elf_image_read(&s, a, &f) < 0)
        return 0;
    must(f.end <= size && f.n_segments <= TRN_ELF_SEGMENTS_MAX && f.n_sections <= TRN_ELF_SECTIONS_MAX);
    if (trn_elf_offset(&f, f.entry, &at, &left))
        must(at < size && left <= size - at);
    if (trn_elf_notes(&f, a, &n) == 0)
        must(n.build_id.n <= TRN_ELF_BUILD_ID_MAX && n.n_comments <= TRN_ELF_COMMENTS_MAX);
    if (trn_elf_dynamic(&f, a, &d) < 0)
        return 0;
    must(d.symbols <= TRN_ELF_SYMBOLS_MAX && d.n_needed <= TRN_ELF_NEEDED_MAX);
    (void)!trn_elf_symbols(&f, &d, a, touch, &sum);
    return 0;
}
