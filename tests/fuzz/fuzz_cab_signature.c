/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any cabinet crash the reader of its signature, or get places that are not in the file? */
#include "signature/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(16 << 20);
    struct trn_source s = trn_source_mem((struct trn_str){(const char *)data, size});
    struct trn_signature_options o = {.sz = sizeof(o), .now = 1750000000};
    struct trn_signed x;
    if (!a || trn_cab_signature(&s, &o, a, &x) < 0)
        return 0;
    for (uint32_t i = 0; i < x.n_places; i++)
        if (x.places[i].at > size || x.places[i].size > size - x.places[i].at)
            abort();
    return 0;
}
