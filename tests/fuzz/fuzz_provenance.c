/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any JSON crash the reader of provenance statements? */
#include "signature/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(16 << 20);
    struct trn_source s = trn_source_mem((struct trn_str){(const char *)data, size});
    struct trn_npm_provenance p;
    if (a && trn_provenance_read(&s, a, &p) == 0 && (trn_str_is_none(p.digest) || !p.digest_algorithm))
        abort();
    return 0;
}
