/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any text crash the property list reader, or keep it from coming to an end? */
#include "formats/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(4 << 20);
    struct trn_plist p;
    struct trn_plist_item item = {0};
    size_t items = 0;

    if (a == NULL)
        return 0;
    trn_plist_init(&p, (struct trn_str){(const char *)data, size});
    while (trn_plist_next(&p, &item) == 0 && item.kind != TRN_PLIST_END) {
        if (items++ > size || item.depth > TRN_PLIST_DEPTH || item.text.n > size)
            abort();
        if (item.kind == TRN_PLIST_DATA && trn_plist_data(a, item.text).n > item.text.n)
            abort();
        if (item.kind == TRN_PLIST_STRING && trn_plist_text(a, item.text).n > item.text.n)
            abort();
        if (item.kind == TRN_PLIST_ARRAY && (items & 1) && trn_plist_skip(&p) < 0)
            break;
    }
    return 0;
}
