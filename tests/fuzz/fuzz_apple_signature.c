/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any signed Mac program crash the reader of its signature, or make it tell of bytes that are not there? */
#include "signature/apple.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(16 << 20);
    struct trn_source s = trn_source_mem((struct trn_str){(const char *)data, size});
    struct trn_apple x;
    struct trn_macho m;

    if (a == NULL || trn_macho_read(&s, a, &m) < 0)
        return 0;
    struct trn_apple_where w = {.bytes = &s, .at = m.signature_at, .size = m.signature_size};
    if (m.signature_size == 0 || trn_apple_verify(&w, a, &x) < 0)
        return 0;
    if (x.s.digest == TRN_DIGEST_OK && (x.s.kind == TRN_SIGNATURE_NONE || x.n_directories == 0))
        abort();
    for (uint32_t i = 0; i < x.s.n_uncovered; i++)
        if (x.s.uncovered[i].at > size || x.s.uncovered[i].size > size - x.s.uncovered[i].at)
            abort();
    return 0;
}
