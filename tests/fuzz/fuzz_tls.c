/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any hello crash the TLS reader, or make it break its promises? Is one that comes in pieces the same? */
#include "formats/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(1 << 20);
    struct trn_cursor c = trn_cur(data, size);
    struct trn_tls_hello h;
    int r = a ? trn_tls_hello(&c, a, &h) : -ENOMEM;

    if (r == 0) {
        if (h.ja4.n != 36 || h.ja4.p[10] != '_' || h.ja4.p[23] != '_')
            abort();
        if (h.alpn.n && h.alpn.p[h.alpn.n - 1] != 0)
            abort();
    }
    /* Less of it can never be refused when the whole is fine. */
    for (size_t n = 0; r == 0 && n < size && n < 64; n++) {
        c = trn_cur(data, n);
        if (trn_tls_hello(&c, a, &h) == -EBADMSG)
            abort();
    }
    return 0;
}
