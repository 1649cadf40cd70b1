/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any cabinet crash the reader, make it hold or give more than its limits, or not end? */
#include "formats/formats.h"
#include "scan_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_range(void *ctx, enum trn_cab_gap_kind kind, uint64_t at, uint64_t size)
{
    const size_t *whole = ctx;
    if (at > *whole || size > *whole - at || size == 0 || kind >= TRN_CAB_GAP_KIND_MAX)
        abort();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_source s = trn_source_mem((struct trn_str){(const char *)data, size});
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(4u << 20);
    struct trn_cab cab;
    if (!a || trn_cab_read(&s, a, &cab, NULL) < 0)
        return 0;
    (void)!trn_cab_gaps(&s, &cab, a, on_range, &size);
    fuzz_scan(data, size, "a.cab");
    return 0;
}
