/* SPDX-License-Identifier: Apache-2.0 */
/* One input through the whole driver with small limits; for fuzz targets of container readers. */
#ifndef TRN_FUZZ_SCAN_INPUT_H
#define TRN_FUZZ_SCAN_INPUT_H

#include "artifact/artifact.h"

static int fuzz_artifact(void *ctx, const struct trn_artifact *a)
{
    uint32_t *told = ctx;
    if (a->id != ++*told || a->parent >= a->id)
        abort(); /* numbered in the order told, a parent first */
    return 0;
}
static int fuzz_signature(void *ctx, uint32_t a, const struct trn_signature *s)
{
    return 0;
}
static int fuzz_property(void *ctx, uint32_t a, struct trn_str key, struct trn_str value)
{
    if (a == 0 || a > *(uint32_t *)ctx || value.n == 0)
        abort();
    return 0;
}
static int fuzz_finding(void *ctx, uint32_t a, const struct trn_finding *f)
{
    if (a == 0 || a > *(uint32_t *)ctx || !f->check || !trn_utf8_valid(f->summary))
        abort();
    return 0;
}
static int fuzz_gap(void *ctx, uint32_t a, const struct trn_gap *g)
{
    if (a == 0 || a > *(uint32_t *)ctx || g->what.n == 0)
        abort();
    return 0;
}

static void fuzz_scan(const uint8_t *data, size_t size, const char *name)
{
    uint32_t told = 0;
    struct trn_source s = trn_source_mem((struct trn_str){(const char *)data, size});
    struct trn_scan_sink sink = {fuzz_artifact, fuzz_signature, fuzz_property, fuzz_finding, fuzz_gap, &told};
    struct trn_scan_options o = {.sz = sizeof(o),
                                 .scratch = -1,
                                 .limits = {.bytes = 4 << 20,
                                            .member_bytes = 1 << 20,
                                            .memory = 4 << 20,
                                            .members = 200,
                                            .depth = 4,
                                            .findings = 100,
                                            .seconds = 5}};
    static bool warm;
    if (!warm)
        trn_scan_warm();
    warm = true;
    if (trn_scan_run(&s, trn_str_of(name), 0, &o, &sink, NULL) < 0 && size)
        abort(); /* bytes in memory can be looked at, whatever they are */
}

#endif
