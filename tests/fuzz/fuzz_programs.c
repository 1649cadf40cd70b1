/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any Windows, ELF or Mac program crash the checks on it or the telling of its features, in memory or read by window? */
#include "artifact/artifact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_artifact(void *ctx, const struct trn_artifact *a)
{
    return 0;
}
static int on_signature(void *ctx, uint32_t artifact, const struct trn_signature *s)
{
    return 0;
}
static int on_property(void *ctx, uint32_t artifact, struct trn_str key, struct trn_str value)
{
    if (!key.n || !value.n)
        abort();
    return 0;
}
static int on_finding(void *ctx, uint32_t artifact, const struct trn_finding *f)
{
    if (!f->check || !f->summary.n || f->score > 100)
        abort();
    return 0;
}
static int on_gap(void *ctx, uint32_t artifact, const struct trn_gap *g)
{
    return 0;
}

static int on_feature(void *ctx, uint32_t artifact, const struct trn_feature *f)
{
    if (f->kind == TRN_FEATURE_NONE || f->kind >= TRN_FEATURE_KIND_MAX || f->key.n > TRN_FEATURE_KEY_MAX ||
        f->value.n > TRN_FEATURE_VALUE_MAX)
        abort();
    return 0;
}

static bool is_macho(const uint8_t *p)
{
    static const uint8_t magics[3][4] = {{0xcf, 0xfa, 0xed, 0xfe}, {0xce, 0xfa, 0xed, 0xfe}, {0xfe, 0xed, 0xfa, 0xcf}};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(magics); i++)
        if (memcmp(p, magics[i], 4) == 0)
            return true;
    return false;
}

static int64_t read_mem(void *ctx, uint64_t at, void *dst, size_t n)
{
    const struct trn_str *all = ctx;
    memcpy(dst, all->p + at, TRN_MIN(n, all->n - at));
    return (int64_t)TRN_MIN(n, all->n - at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_scan_options o = {.sz = sizeof(o),
                                 .scratch = -1,
                                 .features = true,
                                 .limits = {.members = 64, .depth = 2, .seconds = 5}};
    struct trn_scan_sink sink = {on_artifact, on_signature, on_property, on_finding, on_gap, NULL, on_feature};
    struct trn_str all = {(const char *)data, size};
    struct trn_source s = trn_source_mem(all);
    if (size < 4 || !(memcmp(data, "MZ", 2) == 0 || memcmp(data, "\177ELF", 4) == 0 || is_macho(data)))
        return 0; /* other formats have targets of their own */
    if (data[size - 1] & 1) {
        s = (struct trn_source){.size = size, .read = read_mem, .ctx = &all};
        o.limits.memory = 2; /* too little to hold it whole */
    }
    (void)!trn_scan_run(&s, TRN_STR("program.dll"), 0, &o, &sink, NULL);
    return 0;
}
