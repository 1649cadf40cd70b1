/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any file crash the Mach-O reader, or make it promise more than the file has? */
#include "formats/formats.h"

static int seen(void *ctx, const struct trn_macho_symbol *s)
{
    uint64_t *sum = ctx;
    for (size_t i = 0; i < s->name.n; i++)
        *sum += (uint8_t)s->name.p[i];
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(16 << 20);
    struct trn_source s = trn_source_mem((struct trn_str){(const char *)data, size});
    struct trn_macho m;
    struct trn_macho_fat fat;
    uint64_t sum = 0;

    if (a == NULL)
        return 0;
    if (trn_macho_fat_read(&s, a, &fat) == 0 && (fat.n > TRN_MACHO_SLICES_MAX || fat.header_end > size))
        abort();
    if (trn_macho_read(&s, a, &m) < 0)
        return 0;
    if (m.n_segments > m.n_commands || m.n_sections > TRN_MACHO_SECTIONS_MAX || m.commands_end > size ||
        m.end < m.commands_end)
        abort();
    if (trn_macho_symbols(&s, &m, 20000, seen, &sum) > 0)
        abort();
    for (uint32_t i = 0; i < m.n_dylibs; i++)
        seen(&sum, &(struct trn_macho_symbol){.name = m.dylibs[i].name});
    for (uint32_t i = 0; i < m.n_sections; i++)
        seen(&sum, &(struct trn_macho_symbol){.name = m.sections[i].name});
    return 0;
}
