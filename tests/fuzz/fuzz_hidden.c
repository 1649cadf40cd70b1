/* SPDX-License-Identifier: Apache-2.0 */
/* Question: do any bytes make the search for hidden strings read beside them, or tell a place that is not there? In two windows
 * it must find what it finds in one. */
#include "formats/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TRN_AUTO(trn_freep) struct trn_hidden *whole = calloc(1, sizeof(*whole));
    TRN_AUTO(trn_freep) struct trn_hidden *cut = calloc(1, sizeof(*cut));
    if (!whole || !cut || size < 1)
        return 0;
    size_t first = TRN_MIN((size_t)data[0] * 4, size - 1);
    data++;
    size--;
    trn_hidden_scan(whole, data, size, 0, true);
    trn_hidden_scan(cut, data, TRN_MIN(first + TRN_HIDDEN_REACH, size), 0, first + TRN_HIDDEN_REACH >= size);
    if (first + TRN_HIDDEN_REACH < size)
        trn_hidden_scan(cut, data + first, size - first, first, true);
    for (uint32_t k = 1; k < 256; k++) {
        if (whole->key[k].seen != cut->key[k].seen)
            abort();
        for (uint32_t s = 0; s < TRN_HIDDEN_MAX; s++)
            if ((whole->key[k].seen >> s & 1) &&
                (whole->key[k].at[s] >= size || whole->key[k].at[s] != cut->key[k].at[s]))
                abort();
    }
    return 0;
}
