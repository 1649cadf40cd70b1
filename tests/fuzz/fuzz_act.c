/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target for what an engine asks turncoatd to do, and what comes back: the first byte picks the decoder. What is
 * accepted is in range, and means the same when it is written again.
 */
#include "channel/channel.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void request(struct trn_cursor in, struct trn_arena *arena, struct trn_buf *again)
{
    struct trn_act_request q, copy;
    if (trn_act_decode(&in, arena, &q) < 0)
        return;
    assert(q.n_processes <= TRN_ACT_PROCESSES && q.n_hosts <= TRN_ACT_HOSTS && q.n_files == 0);
    for (uint32_t i = 0; i < q.n_processes; i++)
        assert(q.processes[i].pid > 1);
    assert(q.target < TRN_TARGET_MAX && q.seconds <= TRN_RESPOND_MAX_SEC && q.why.n <= TRN_RESPOND_WHY_MAX);
    if (trn_act_copy(&q, arena, &copy) == 0)
        trn_act_encode(&copy, again);
}

static void files(struct trn_cursor in, struct trn_arena *arena, struct trn_buf *again)
{
    struct trn_act_file *f = trn_arena_array(arena, TRN_ACT_FILES, sizeof *f);
    uint32_t n = 0;
    uint64_t job;
    if (!f || trn_act_files_decode(&in, arena, &job, f, &n) < 0)
        return;
    assert(n <= TRN_ACT_FILES);
    for (uint32_t i = 0; i < n; i++)
        assert(trn_str_is_empty(f[i].path) || f[i].path.p[0] == '/');
    struct trn_buf one;
    trn_buf_init(&one, TRN_IPC_MAX);
    if (trn_act_files_encode(job, f, n, &one) == n)
        trn_put_str(again, trn_buf_str(&one));
    trn_buf_done(&one);
}

static void answer(struct trn_cursor in, struct trn_arena *arena, struct trn_buf *again)
{
    struct trn_act_answer a;
    if (trn_acted_decode(&in, &a) == 0)
        trn_acted_encode(&a, again);
}

static void held(struct trn_cursor in, struct trn_arena *arena, struct trn_buf *again)
{
    struct trn_held_question h;
    if (trn_held_decode(&in, &h) == 0)
        trn_held_encode(&h, again);
}

static void judged(struct trn_cursor in, struct trn_arena *arena, struct trn_buf *again)
{
    struct trn_judged j;
    if (trn_judged_decode(&in, &j) == 0)
        trn_judged_encode(&j, again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const decoders[])(struct trn_cursor, struct trn_arena *, struct trn_buf *) = {request, files, answer,
                                                                                                held, judged};
    if (size == 0 || size > TRN_IPC_MAX - 64)
        return 0;
    struct trn_arena *arena = trn_arena_new(4u << 20);
    struct trn_buf again;
    assert(arena);
    trn_buf_init(&again, TRN_IPC_MAX);
    decoders[data[0] % TRN_ARRAY_SIZE(decoders)](trn_cur(data + 1, size - 1), arena, &again);
    assert(!again.bad);
    assert(again.n == 0 || (again.n == size - 1 && memcmp(again.p, data + 1, again.n) == 0));
    trn_buf_done(&again);
    trn_arena_free(arena);
    return 0;
}
