/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any HFS+ volume crash the reader, or lead it around for ever? */
#include "formats/formats.h"

struct state {
    struct trn_hfs v;
    uint32_t records;
    uint64_t sum;
};

static int record(void *ctx, const struct trn_hfs_record *r)
{
    struct state *x = ctx;
    uint8_t window[4096];
    struct trn_hfs_fork forks[2] = {r->data, r->resources};
    for (size_t i = 0; i < r->name.n; i++)
        x->sum += (uint8_t)r->name.p[i];
    for (int i = 0; r->kind == TRN_HFS_FILE && i < 2; i++) {
        if (trn_hfs_fork_complete(&x->v, r->id, i ? 0xff : 0, &forks[i]) < 0)
            continue;
        int64_t n = trn_hfs_read(&x->v, &forks[i], forks[i].size / 2, window, sizeof(window));
        for (int64_t k = 0; k < n; k++)
            x->sum += window[k];
    }
    return ++x->records > 20000 ? -E2BIG : 0;
}

static int attribute(void *ctx, const struct trn_hfs_attribute *a)
{
    struct state *x = ctx;
    if (a->at > x->v.attributes.size || a->size > x->v.attributes.size)
        abort();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(16 << 20);
    struct trn_source s = trn_source_mem((struct trn_str){(const char *)data, size});
    struct state x = {.records = 0};

    if (a == NULL || trn_hfs_open(&s, a, &x.v) < 0)
        return 0;
    (void)!trn_hfs_catalog(&x.v, record, &x);
    (void)!trn_hfs_attributes(&x.v, attribute, &x);
    return 0;
}
