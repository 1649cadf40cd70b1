/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target for the local socket: one input is one request line, of somebody who may look but not act, then of somebody
 * who may. Every request is answered, in whole lines, the last one an end or an error; of the first none is carried out,
 * and of the second only a whole EXCEPTION or DECISION event, or a whole request to act, reaches the main thread. What that
 * answers to an act is foreign to the serving thread as well: here it is bytes of the input.
 */
#include "engine/server_internal.h"

#include "detect/detect.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int live(void *ctx, enum trn_ask ask, struct trn_str name, struct trn_buf *out)
{
    const bool *may_act = ctx;
    assert(ask <= TRN_ASK_EXCEPTIONS || *may_act);
    if (ask == TRN_ASK_RESPOND) {
        struct trn_cursor in = trn_cur_of(name);
        struct trn_act_request q;
        struct trn_arena *arena = trn_arena_new(1u << 20);
        assert(arena && trn_act_decode(&in, arena, &q) == 0 && q.job && q.n_processes == 0);
        assert(q.act >= TRN_RESPOND_KINDS || trn_respond_takes(q.act, q.target));
        trn_put_u32(out, q.why.n % 2 ? 0 : (uint32_t)-ENOENT);
        trn_put_lstr(out, q.why); /* as if a broken main thread had answered */
        trn_put_lstr(out, q.text);
        trn_put_str(out, q.version);
        trn_arena_free(arena);
        return 0;
    }
    if (ask == TRN_ASK_DECIDE) {
        struct trn_cursor in = trn_cur_of(name);
        struct trn_event ev;
        assert(trn_event_decode(&in, &ev) == 0 && ev.type == TRN_EV_DECISION && ev.uid == 1000);
        assert(ev.decision.story && ev.decision.text.n && ev.decision.text.n <= 1000);
        return 0;
    }
    if (ask == TRN_ASK_EXCEPTION) {
        struct trn_cursor in = trn_cur_of(name);
        struct trn_event ev;
        assert(trn_event_decode(&in, &ev) == 0 && ev.type == TRN_EV_EXCEPTION && ev.uid == 1000);
        int r = trn_exception_check(&ev, NULL);
        assert(r < 0); /* nobody's name is known here */
        trn_put_c(out, "{\"type\":\"end\"}\n");
        return 0;
    }
    trn_put_c(out, "{\"type\":\"test\"}\n");
    return 0;
}

/* Nobody reads what is sent there, nobody answers: sending fails or the answer is an end. */
static int acts_fd;

static void once(struct trn_writer *writer, bool may_act, struct trn_str line)
{
    struct trn_request_env env = {
        .store_path = "/nowhere/store.db", .writer = writer, .live = live, .ctx = &may_act, .acts_fd = acts_fd};
    struct trn_buf out;
    trn_buf_init(&out, 1u << 20);
    struct trn_request_client client = {.uid = 1000, .pid = 1, .may_act = may_act, .out = &out};
    trn_request(&env, &client, line);
    assert(!out.bad);
    assert(client.watch || (out.n > 2 && out.p[out.n - 1] == '\n'));
    assert(client.watch || strstr(out.p, "\"type\":\"end\"") || strstr(out.p, "\"type\":\"error\""));
    trn_buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* no store: what reads it answers with an error, after it read the request */
    static struct trn_writer *writer, *acting;
    if (!writer &&
        (trn_writer_new("/nowhere/store.db", &writer) < 0 || trn_writer_new("/nowhere/store.db", &acting) < 0))
        abort();
    int pair[2];
    if (!acts_fd && trn_ipc_pair(pair, 0) < 0)
        abort();
    if (!acts_fd) {
        acts_fd = pair[0];
        close(pair[1]);
    }
    struct trn_str line = {(const char *)data, size};
    once(writer, false, line);
    struct trn_writer_stats st;
    trn_writer_stats(writer, &st);
    assert(st.queued_bytes == 0 && st.lost == 0);
    once(acting, true, line);
    return 0;
}
