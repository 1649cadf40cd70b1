/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any LZFSE or LZVN stream write outside of its room? */
#include "formats/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_str in = {(const char *)data, size};
    size_t room = size ? data[size - 1] * 300u : 0;
    uint8_t *out = malloc(room ? room : 1);
    if (!out)
        return 0;
    int64_t n = trn_lzfse(in, out, room);
    if (n > (int64_t)room)
        abort();
    n = trn_lzvn(in, out, room);
    if (n > (int64_t)room)
        abort();
    free(out);
    return 0;
}
