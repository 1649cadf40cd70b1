/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any compound file crash the reader of its signature? */
#include "signed_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(32 << 20);
    struct trn_source s = trn_source_mem((struct trn_str){(const char *)data, size});
    struct trn_signed x;
    struct trn_ole2 *ole;
    if (!a || trn_ole2_open(&s, a, &ole, NULL) < 0 || trn_msi_signature(ole, &fuzz_signature_options, a, &x) < 0)
        return 0;
    for (uint32_t i = 0; i < x.signature.n_uncovered; i++)
        if (x.signature.uncovered[i].size > size)
            abort();
    return 0;
}
