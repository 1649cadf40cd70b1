/* SPDX-License-Identifier: Apache-2.0 */
/* What a scan worker says, read by its caller: one RESULTS body behind the job's number. */
#include "inspect/scan_messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct count {
    uint32_t artifacts, others;
};

static int on_artifact(void *ctx, uint64_t job, const struct trn_artifact *a)
{
    struct count *c = ctx;
    if (a->id != ++c->artifacts || a->parent >= a->id)
        abort();
    return 0;
}
static void need(const struct count *c, uint32_t artifact)
{
    if (artifact == 0 || artifact > c->artifacts)
        abort();
}
static int on_signature(void *ctx, uint64_t job, uint32_t a, const struct trn_signature *s)
{
    need(ctx, a);
    for (uint32_t i = 0; i < s->n_uncovered; i++)
        if (!s->uncovered[i].what)
            abort();
    return 0;
}
static int on_property(void *ctx, uint64_t job, uint32_t a, struct trn_str k, struct trn_str v)
{
    need(ctx, a);
    return 0;
}
static int on_finding(void *ctx, uint64_t job, uint32_t a, const struct trn_finding *f)
{
    need(ctx, a);
    if (!f->check)
        abort();
    return 0;
}
static int on_gap(void *ctx, uint64_t job, uint32_t a, const struct trn_gap *g)
{
    need(ctx, a);
    return trn_gap_kind_name(g->kind) ? 0 : -1;
}
static int on_end(void *ctx, uint64_t job, int code, struct trn_str why)
{
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct count count = {0};
    const struct trn_scan_pool_sink sink = {.artifact = on_artifact,
                                            .signature = on_signature,
                                            .property = on_property,
                                            .finding = on_finding,
                                            .gap = on_gap,
                                            .end = on_end,
                                            .ctx = &count};
    struct trn_scan_state state = {0};
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new(1u << 20);
    struct trn_cursor c = trn_cur(data, size);
    int e = arena ? trn_scan_results_decode(&c, 1, &state, arena, &sink) : 0;
    if (e < 0 && e != -EPROTO && e != -ENOMEM)
        abort();
    if (e == 0 && state.artifacts != count.artifacts)
        abort();
    return 0;
}
