/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any NSIS data crash the reader of its script or its streams, make it give more than its limits, or not end? */
#include "formats/formats.h"
#include "scan_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_str bytes = {(const char *)data, size};
    struct trn_source s = trn_source_mem(bytes);
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(16u << 20);
    struct trn_nsis_script script;
    struct trn_nsis head;
    if (a && trn_nsis_script_read(bytes, a, &script) == 0)
        (void)trn_nsis_file_at(&script, size);
    if (trn_nsis_read(&s, &head, NULL) == 0)
        fuzz_scan(data, size, "overlay");
    return 0;
}
