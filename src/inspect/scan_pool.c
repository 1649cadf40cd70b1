/* SPDX-License-Identifier: Apache-2.0 */
/* For now: in the caller's own process. */
#include "inspect/inspect.h"

struct trn_scan_pool {
    struct trn_scan_pool_options o;
    struct trn_scan_pool_sink sink;
    uint64_t job;
};

static int on_artifact(void *ctx, const struct trn_artifact *a)
{
    struct trn_scan_pool *p = ctx;
    return p->sink.artifact(p->sink.ctx, p->job, a);
}
static int on_signature(void *ctx, uint32_t a, const struct trn_signature *s)
{
    struct trn_scan_pool *p = ctx;
    return p->sink.signature(p->sink.ctx, p->job, a, s);
}
static int on_property(void *ctx, uint32_t a, struct trn_str k, struct trn_str v)
{
    struct trn_scan_pool *p = ctx;
    return p->sink.property(p->sink.ctx, p->job, a, k, v);
}
static int on_finding(void *ctx, uint32_t a, const struct trn_finding *f)
{
    struct trn_scan_pool *p = ctx;
    return p->sink.finding(p->sink.ctx, p->job, a, f);
}
static int on_gap(void *ctx, uint32_t a, const struct trn_gap *g)
{
    struct trn_scan_pool *p = ctx;
    return p->sink.gap(p->sink.ctx, p->job, a, g);
}

int trn_scan_pool_new(const struct trn_scan_pool_options *o, const struct trn_scan_pool_sink *sink,
                      struct trn_scan_pool **ret, struct trn_err *err)
{
    struct trn_scan_pool *p = calloc(1, sizeof(*p));
    if (!p)
        return trn_fail(err, -ENOMEM, "cannot start a pool: out of memory");
    p->o = *o;
    p->sink = *sink;
    *ret = p;
    return 0;
}

struct trn_scan_pool *trn_scan_pool_free(struct trn_scan_pool *p)
{
    free(p);
    return NULL;
}

uint32_t trn_scan_pool_rules(const struct trn_scan_pool *p)
{
    return 0;
}

int trn_scan_pool_submit(struct trn_scan_pool *p, uint64_t job, int fd, struct trn_str name, uint32_t mode)
{
    struct trn_scan_sink sink = {on_artifact, on_signature, on_property, on_finding, on_gap, p};
    struct trn_scan_options o = {.sz = sizeof(o), .limits = p->o.limits, .scratch = -1, .with_md5 = p->o.with_md5};
    struct trn_source s;
    struct trn_err err = {0};
    p->job = job;
    int e = trn_source_fd(&fd, 0, &s);
    if (e == 0)
        e = trn_scan_run(&s, name, mode, &o, &sink, &err);
    return p->sink.end(p->sink.ctx, job, e, trn_str_of(err.message));
}

int trn_scan_pool_wait(struct trn_scan_pool *p, int timeout_ms, struct trn_err *err)
{
    return 0;
}

uint32_t trn_scan_pool_busy(const struct trn_scan_pool *p)
{
    return 0;
}
