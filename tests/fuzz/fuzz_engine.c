/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target for a whole log given to `turncoat replay`: each event goes through the pure engine, twice.
 * It survives, and says the same both times.
 */
#include "engine/engine.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_finding(void *ctx, const struct trn_finding *f)
{
    trn_finding_encode(f, ctx);
    return 0;
}

static int on_story(void *ctx, const struct trn_story *s)
{
    trn_story_encode(s, ctx);
    return 0;
}

static int on_state(void *ctx, const struct trn_event *state)
{
    trn_event_encode(state, ctx);
    return 0;
}

static void run(const uint8_t *data, size_t size, struct trn_buf *said)
{
    struct trn_engine *e = NULL;
    const struct trn_engine_options o = {.sz = sizeof o, .sink = {on_finding, on_story, on_state, said}};
    if (trn_engine_new(&o, &e) < 0)
        abort();
    struct trn_cursor in = trn_cur(data, size);
    struct trn_event ev;
    uint64_t seq = 0;
    while (trn_cur_left(&in) > 0 && trn_event_decode(&in, &ev) == 0) {
        ev.seq = ++seq;
        if (trn_engine_push(e, &ev) < 0)
            break;
    }
    trn_engine_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_buf first, second;
    trn_buf_init(&first, 64u << 20);
    trn_buf_init(&second, 64u << 20);
    run(data, size, &first);
    run(data, size, &second);
    assert(trn_str_eq(trn_buf_str(&first), trn_buf_str(&second)));
    trn_buf_done(&first);
    trn_buf_done(&second);
    return 0;
}
