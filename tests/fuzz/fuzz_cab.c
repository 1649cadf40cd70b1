/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any cabinet crash the reader, make it hold or give more than its limits, or not end? */
#include "artifact/artifact.h"
#include "formats/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_artifact(void *ctx, const struct trn_artifact *a)
{
    return 0;
}
static int on_signature(void *ctx, uint32_t id, const struct trn_signature *s)
{
    return 0;
}
static int on_property(void *ctx, uint32_t id, struct trn_str key, struct trn_str value)
{
    return 0;
}
static int on_finding(void *ctx, uint32_t id, const struct trn_finding *f)
{
    return 0;
}
static int on_gap(void *ctx, uint32_t id, const struct trn_gap *g)
{
    return 0;
}
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
    struct trn_scan_options o = {.sz = sizeof(o),
                                 .scratch = -1,
                                 .limits = {.bytes = 1u << 20, .members = 64, .depth = 2, .seconds = 5}};
    struct trn_scan_sink sink = {on_artifact, on_signature, on_property, on_finding, on_gap, NULL};
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(4u << 20);
    struct trn_cab cab;
    if (!a || trn_cab_read(&s, a, &cab, NULL) < 0)
        return 0;
    (void)!trn_cab_gaps(&s, &cab, a, on_range, &size);
    (void)!trn_scan_run(&s, TRN_STR("a.cab"), 0, &o, &sink, NULL);
    return 0;
}
