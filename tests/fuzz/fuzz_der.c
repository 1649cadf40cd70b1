/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any nesting of DER make the walker leave its bytes, or take forever? */
#include "formats/formats.h"

static void walk(struct trn_str bytes, unsigned depth)
{
    struct trn_cursor c = trn_cur_of(bytes);
    struct trn_der d;
    int64_t when;
    char text[TRN_DER_OID_TEXT];
    while (depth < 12 && trn_der_next(&c, &d) == 0) {
        if (d.whole.n < 2 || d.body.n > d.whole.n || d.whole.p < bytes.p || d.whole.p + d.whole.n > bytes.p + bytes.n)
            abort();
        if (d.ident & 0x20)
            walk(d.body, depth + 1);
        else if (d.ident == TRN_DER_OID && strlen(trn_der_oid_text(d.body, text)) >= TRN_DER_OID_TEXT)
            abort();
        (void)!trn_der_time(&d, &when);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(1 << 20);
    struct trn_str bytes = {(const char *)data, size}, octets;
    struct trn_cursor c = trn_cur_of(bytes);
    struct trn_der d;
    uint64_t n;
    if (!a || size > 1 << 16)
        return 0;
    walk(bytes, 0);
    if (trn_der_next(&c, &d) == 0) {
        if (!d.indefinite && (trn_der_size(bytes, &n) < 0 || n != d.whole.n))
            abort();
        (void)!trn_der_octets(&d, a, &octets);
    }
    return 0;
}
