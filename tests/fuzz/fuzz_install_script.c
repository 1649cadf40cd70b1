/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any script, package.json, image or Electron archive crash what is told of it? The first byte gives the name. */
#include "artifact/artifact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int artifact(void *ctx, const struct trn_artifact *a)
{
    return 0;
}
static int signature(void *ctx, uint32_t a, const struct trn_signature *s)
{
    return 0;
}
static int property(void *ctx, uint32_t a, struct trn_str k, struct trn_str v)
{
    return trn_str_is_none(v) ? -EINVAL : 0;
}
static int finding(void *ctx, uint32_t a, const struct trn_finding *f)
{
    if (!f->check || trn_str_is_empty(f->summary) || f->score > 100)
        abort();
    return 0;
}
static int gap(void *ctx, uint32_t a, const struct trn_gap *g)
{
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"package.json", "install.js", "postinst.sh", "setup.py", "a.bin"};
    if (size < 1)
        return 0;
    struct trn_scan_options o = {.sz = sizeof(o), .scratch = -1, .limits = {.depth = 3, .members = 50, .seconds = 5}};
    struct trn_scan_sink sink = {artifact, signature, property, finding, gap, NULL};
    struct trn_source s = trn_source_mem((struct trn_str){(const char *)data + 1, size - 1});
    (void)!trn_scan_run(&s, trn_str_of(names[data[0] % TRN_ARRAY_SIZE(names)]), 0, &o, &sink, NULL);
    return 0;
}
