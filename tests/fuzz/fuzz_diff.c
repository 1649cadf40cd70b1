/* SPDX-License-Identifier: Apache-2.0 */
/* Two releases as workers could tell them, compared: u32 length of what is told of the old one, then both RESULTS bodies. Is every
 * member paired at most once, every score in its bounds, every view whole? */
#include "inspect/scan_messages.h"
#include "release/release.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
    struct trn_release *r;
    uint32_t file;
};

static int on_artifact(void *ctx, uint64_t job, const struct trn_artifact *a)
{
    const struct told *t = ctx;
    return trn_release_artifact(t->r, t->file, a);
}
static int on_signature(void *ctx, uint64_t job, uint32_t a, const struct trn_signature *s)
{
    const struct told *t = ctx;
    return trn_release_signature(t->r, t->file, a, s);
}
static int on_property(void *ctx, uint64_t job, uint32_t a, struct trn_str k, struct trn_str v)
{
    const struct told *t = ctx;
    return trn_release_property(t->r, t->file, a, k, v);
}
static int on_finding(void *ctx, uint64_t job, uint32_t a, const struct trn_finding *f)
{
    const struct told *t = ctx;
    return trn_release_finding(t->r, t->file, a, f);
}
static int on_gap(void *ctx, uint64_t job, uint32_t a, const struct trn_gap *g)
{
    const struct told *t = ctx;
    return trn_release_gap(t->r, t->file, a, g);
}
static int on_end(void *ctx, uint64_t job, int code, struct trn_str why)
{
    const struct told *t = ctx;
    return trn_release_end(t->r, t->file, code, why);
}
static int on_feature(void *ctx, uint64_t job, uint32_t a, const struct trn_feature *f)
{
    const struct told *t = ctx;
    return trn_release_feature(t->r, t->file, a, f);
}

/* false: it was refused, as most is. */
static bool tell(struct trn_str body, const struct trn_release *other, struct trn_release **ret)
{
    struct told t = {0};
    const struct trn_release_options o = {.sz = sizeof(o), .label = TRN_STR("r"), .other = other, .memory = 16u << 20};
    const struct trn_scan_pool_sink sink = {on_artifact, on_signature, on_property, on_finding, on_gap,
                                            on_end,      NULL,         &t,          on_feature};
    TRN_AUTO(trn_release_freep) struct trn_release *r = NULL;
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new(1u << 20);
    struct trn_scan_state state = {0};
    struct trn_cursor c = trn_cur_of(body);
    if (!arena || trn_release_new(&o, &r) < 0 || trn_release_file(r, TRN_STR(""), &t.file) < 0)
        return false;
    t.r = r;
    if (trn_scan_results_decode(&c, 0, &state, arena, &sink) < 0 || trn_release_finish(r) < 0)
        return false;
    *ret = TRN_STEAL(r);
    return true;
}

static uint64_t read_all(struct trn_str s)
{
    return s.n ? trn_hash64_str(s) : 0;
}

static void check(const struct trn_diff *d)
{
    size_t before = 0, after = 0;
    uint64_t sum = 0;
    for (size_t i = 0; i < d->n_changes; i++) {
        const struct trn_change *c = &d->changes[i];
        before += c->old_member != NULL;
        after += c->new_member != NULL;
        sum += read_all(c->new_member ? c->new_member->path : c->old_member->path);
        for (size_t k = 0; k < c->n_findings; k++)
            sum += read_all(c->findings[k].summary);
        if (c->similarity > 1000)
            abort();
    }
    if (before != trn_release_count(d->old_release) || after != trn_release_count(d->new_release) || d->score > 99 ||
        sum == 1)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TRN_AUTO(trn_release_freep) struct trn_release *before = NULL, *after = NULL;
    const struct trn_diff_options o = {.sz = sizeof(o)};
    struct trn_diff *d = NULL;
    struct trn_err err = {0};
    struct trn_cursor c = trn_cur(data, size);
    struct trn_str old_body = trn_cur_bytes(&c, trn_cur_u32le(&c));
    struct trn_str new_body = trn_cur_bytes(&c, trn_cur_left(&c));
    if (c.bad || !tell(old_body, NULL, &before) || !tell(new_body, before, &after))
        return 0;
    if (trn_diff_new(before, after, &o, &d, &err) == 0)
        check(d);
    trn_diff_free(d);
    return 0;
}
