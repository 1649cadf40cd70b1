/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any file crash the ELF reader or make it hold more than it may? */
#include "formats/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(1 << 16);
    struct trn_str bytes = {(const char *)data, size};
    struct trn_elf elf;
    struct trn_str id = TRN_STR_NONE;

    if (a == NULL)
        return 0;
    if (trn_elf_parse(bytes, a, &elf) == 0 &&
        ((elf.bits != 32 && elf.bits != 64) || elf.build_id.n > TRN_ELF_BUILD_ID_MAX || elf.interp.n > 4096))
        abort();
    if (trn_elf_build_id(bytes, size & 1, size & 2 ? 8 : 4, &id) == 0 && (id.n == 0 || id.n > TRN_ELF_BUILD_ID_MAX))
        abort();
    return 0;
}
