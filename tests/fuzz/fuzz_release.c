/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any kept release crash its reader, and is what was read written and read again as the same? */
#include "release/release_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TRN_AUTO(trn_release_freep) struct trn_release *r = NULL;
    TRN_AUTO(trn_release_freep) struct trn_release *again = NULL;
    TRN_AUTO(trn_buf_done) struct trn_buf b;

    trn_buf_init(&b, 16u << 20);
    if (trn_release_decode((struct trn_str){(const char *)data, size}, &r) < 0)
        return 0;
    if (trn_release_encode(r, &b) < 0)
        return 0;
    /* Not of the same bytes: members are sorted, features without doubles. But of as many members, or it is refused by none. */
    if (trn_release_decode(trn_buf_str(&b), &again) == 0 && trn_release_count(again) < trn_release_count(r))
        abort();
    return 0;
}
