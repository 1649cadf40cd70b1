/* SPDX-License-Identifier: Apache-2.0 */
/* Question: do any bytes crash what tells what bytes are, or the check of what stands behind a text or document, or is encoded
 * text or a program told that is not in them? */
#include "formats/formats.h"
#include "scan_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(16u << 20);
    struct trn_payload p = trn_payload_of(data, size);
    struct trn_encoded d;
    const char *what = NULL;
    struct trn_source s = trn_source_mem((struct trn_str){(const char *)data, size});
    enum trn_format f;
    if (trn_format_probe(&s, TRN_STR_NONE, &f) == 0 &&
        (f == TRN_FORMAT_TEXT || f == TRN_FORMAT_DATA || f == TRN_FORMAT_PDF))
        fuzz_scan(data, size, "a.txt"); /* containers have targets of their own */
    size_t at = trn_program_find(data, size, 0, &what);
    if (p.at > size || !p.what || !trn_payload_name(p.kind)[0])
        abort();
    if (at > size || (at < size) != (what != NULL) || (at < size && !trn_program_at(data + at, size - at)))
        abort();
    if (!a || trn_encoded_find(data, size, a, &d) < 0)
        return 0;
    if (d.at > size || d.size > size - d.at || d.decoded.n > d.size || d.payload.at > d.decoded.n || !d.payload.what)
        abort();
    if (d.size && trn_payload_of((const uint8_t *)d.decoded.p, d.decoded.n).kind != d.payload.kind)
        abort();
    return 0;
}
