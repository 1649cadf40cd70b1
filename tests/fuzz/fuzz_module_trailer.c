/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any end of a file crash the reader of module signatures, or get places that are not in the file? */
#include "signed_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(16 << 20);
    struct trn_source s = trn_source_mem((struct trn_str){(const char *)data, size});
    struct trn_signed x;
    if (a && trn_module_trailer(&s, &fuzz_signature_options, a, &x) == 0)
        fuzz_places(&x, size);
    return 0;
}
