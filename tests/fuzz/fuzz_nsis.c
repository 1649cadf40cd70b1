/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any NSIS data crash the reader of its script or its streams, make it give more than its limits, or not end? */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_str bytes = {(const char *)data, size};
    struct trn_source s = trn_source_mem(bytes);
    struct trn_scan_options o = {.sz = sizeof(o),
                                 .scratch = -1,
                                 .limits = {.bytes = 1u << 20, .members = 64, .depth = 3, .seconds = 5}};
    struct trn_scan_sink sink = {on_artifact, on_signature, on_property, on_finding, on_gap, NULL};
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(16u << 20);
    struct trn_nsis_script script;
    struct trn_nsis head;
    if (a && trn_nsis_script_read(bytes, a, &script) == 0)
        (void)trn_nsis_file_at(&script, size);
    if (trn_nsis_read(&s, &head, NULL) == 0)
        (void)!trn_scan_run(&s, TRN_STR("overlay"), 0, &o, &sink, NULL);
    return 0;
}
