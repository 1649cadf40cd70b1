/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target for the results of inspect workers: the first byte picks the type, the rest is the body.
 * Whatever is accepted was whole: the sink has seen views inside the body only.
 */
#include "inspect/inspect.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct region {
    const char *from, *to;
    uint64_t calls;
};

static int inside(void *ctx, struct trn_str s)
{
    struct region *r = ctx;
    r->calls++;
    assert(!s.p || (s.p >= r->from && s.p + s.n <= r->to));
    return 0;
}

static int on_facts(void *ctx, uint64_t job, const struct trn_file_facts *f)
{
    return inside(ctx, f->kind) | inside(ctx, f->build_id) | inside(ctx, f->interpreter);
}

static int on_package(void *ctx, uint64_t job, uint32_t index, const struct trn_package *p)
{
    return inside(ctx, p->name) | inside(ctx, p->version) | inside(ctx, p->arch) | inside(ctx, p->maintainer);
}

static int on_file(void *ctx, uint64_t job, uint32_t package, struct trn_str path, const uint8_t *md5)
{
    return inside(ctx, path);
}

static int on_software(void *ctx, uint64_t job, const struct trn_software *s)
{
    assert(s->origin < TRN_ORIGIN_MAX);
    return inside(ctx, s->name) | inside(ctx, s->version) | inside(ctx, s->signer);
}

static int on_indicator(void *ctx, uint64_t job, const struct trn_indicator *i)
{
    assert(i->kind < TRN_IND_KIND_MAX);
    return inside(ctx, i->value) | inside(ctx, i->note);
}

static int on_bad_line(void *ctx, uint64_t job, uint64_t line, struct trn_str why)
{
    return inside(ctx, why);
}

static int on_evidence(void *ctx, uint64_t job, const struct trn_evidence_facts *f)
{
    assert(f->n_members <= TRN_EVIDENCE_MEMBERS);
    for (uint32_t i = 0; i < f->n_members; i++)
        (void)inside(ctx, f->members[i].name);
    return inside(ctx, f->sentence) | inside(ctx, f->host_name) | inside(ctx, f->redacted);
}

static int on_policy(void *ctx, uint64_t job, const struct trn_policy *p)
{
    struct region *r = ctx;
    r->calls++;
    assert(p->n_rules <= TRN_POLICY_RULES && p->n_hosts <= TRN_POLICY_HOSTS);
    return 0;
}

static int on_end(void *ctx, uint64_t job, int code, struct trn_str message)
{
    assert(code <= 0 && code >= -4095);
    return inside(ctx, message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > TRN_IPC_MAX)
        return 0;
    struct region r = {(const char *)data + 1, (const char *)data + size, 0};
    struct trn_inspect_sink sink = {on_facts,    on_package,  on_file,   on_software, on_indicator,
                                    on_bad_line, on_evidence, on_policy, on_end,      &r};
    struct trn_msg m = {.type = data[0], .body = trn_cur(data + 1, size - 1)};
    int e = trn_inspect_decode(&m, &sink);
    assert(e == 0 || e == -EPROTO);
    assert((e == 0) == (r.calls > 0));
    return 0;
}
