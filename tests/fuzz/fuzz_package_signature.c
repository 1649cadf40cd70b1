/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any rpm or deb crash the reader of its hashes and OpenPGP packets? */
#include "signature/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(16 << 20);
    struct trn_source s = trn_source_mem((struct trn_str){(const char *)data, size});
    struct trn_signature sig;
    if (!a)
        return 0;
    if (trn_rpm_signature(&s, a, &sig) == 0 && sig.digest == TRN_DIGEST_NONE && !sig.kind)
        abort();
    if (trn_deb_signature(&s, a, &sig) == 0 && sig.digest != TRN_DIGEST_UNKNOWN)
        abort();
    return 0;
}
