/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any disk image crash the reader of its tables, of its chunks or of what is in it, or never end? */
#include "artifact/artifact.h"

static int on_artifact(void *ctx, const struct trn_artifact *a)
{
    return ++*(uint32_t *)ctx > 5000 || a->id == 0 ? -EPIPE : 0;
}
static int on_signature(void *ctx, uint32_t a, const struct trn_signature *s)
{
    (void)ctx;
    (void)a;
    return s->n_uncovered > TRN_UNCOVERED_MAX ? -EPIPE : 0;
}
static int on_property(void *ctx, uint32_t a, struct trn_str k, struct trn_str v)
{
    (void)ctx;
    (void)a;
    return k.n == 0 || v.n == 0 ? -EPIPE : 0;
}
static int on_finding(void *ctx, uint32_t a, const struct trn_finding *f)
{
    (void)ctx;
    (void)a;
    return f->summary.n == 0 ? -EPIPE : 0;
}
static int on_gap(void *ctx, uint32_t a, const struct trn_gap *g)
{
    (void)ctx;
    (void)a;
    return g->kind < TRN_GAP_KIND_MAX ? 0 : -EPIPE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t seen = 0;
    struct trn_source s = trn_source_mem((struct trn_str){(const char *)data, size});
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(16 << 20);
    struct trn_scan_sink sink = {on_artifact, on_signature, on_property, on_finding, on_gap, &seen};
    struct trn_scan_options o = {.sz = sizeof(o), .scratch = -1};
    struct trn_dmg d;
    o.limits.bytes = 8 << 20;
    o.limits.members = 500;
    o.limits.depth = 3;
    o.limits.seconds = 5;
    if (!a || trn_dmg_read(&s, a, &d, NULL) < 0)
        return 0;
    if (d.n_tables > TRN_DMG_TABLES_MAX || d.n_chunks > TRN_DMG_CHUNKS_MAX)
        abort();
    if (trn_scan_run(&s, TRN_STR("x.dmg"), 0, &o, &sink, NULL) < 0)
        abort();
    return 0;
}
