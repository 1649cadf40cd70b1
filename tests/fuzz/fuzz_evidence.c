/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Question: does any file confuse the reader of evidence bundles? What is walked must be inside the file and cover it;
 * what is proven must be the very bytes that its own members give when they are put together again.
 */
#include "evidence/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool inside(struct trn_str all, struct trn_str s)
{
    return !s.p || (s.p >= all.p && s.p + s.n <= all.p + all.n);
}

static void walk(struct trn_str all)
{
    struct trn_cursor c = trn_cur_of(all);
    struct trn_tar_entry e;
    TRN_AUTO(trn_buf_done) struct trn_buf again;
    uint8_t block[TRN_TAR_BLOCK];
    int r;
    trn_buf_init(&again, all.n + 8192);
    while ((r = trn_tar_next(&c, &e, NULL)) == 1) {
        if (!inside(all, e.name) || !inside(all, e.content))
            abort();
        trn_tar_header(block, e.name, e.content.n, e.mtime);
        trn_put(&again, block, sizeof(block));
        trn_put_str(&again, e.content);
        for (size_t i = trn_tar_padding(e.content.n); i > 0; i--)
            trn_put_u8(&again, 0);
    }
    for (size_t i = 0; i < TRN_TAR_END; i++)
        trn_put_u8(&again, 0);
    if (r == 0 && !trn_str_eq(trn_buf_str(&again), all))
        abort(); /* two files that say the same differ in no byte */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_str all = {(const char *)data, size}, schema;
    struct trn_evidence_facts f = {0};
    struct trn_err err = {0};
    uint64_t mtime;
    if (!size)
        return 0;
    struct trn_arena *arena = trn_arena_new(0);
    if (!arena)
        return 0;
    int r = trn_evidence_verify(all, arena, &f, &err);
    if (r == 0 && (f.size != size || f.n_members > TRN_EVIDENCE_MEMBERS))
        abort();
    if (r < 0 && !err.message[0])
        abort(); /* a refusal says why */
    walk(all);
    (void)!trn_manifest_read(all, arena, &schema, &f, &mtime, NULL);
    trn_arena_free(arena);
    return 0;
}
