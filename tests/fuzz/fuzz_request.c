/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target for the local socket: one input is one request line, of somebody who may look but not act, then of somebody
 * who may. Every request is answered, in whole lines, the last one an end or an error; of the first none is carried out,
 * and of the second only a whole EXCEPTION or DECISION event reaches the main thread.
 */
#include "engine/server_internal.h"

#include "detect/detect.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int live(void *ctx, enum trn_ask ask, struct trn_str name, struct trn_buf *out)
{
    const bool *may_act = ctx;
    assert(ask <= TRN_ASK_EXCEPTIONS || (*may_act && (ask == TRN_ASK_EXCEPTION || ask == TRN_ASK_DECIDE)));
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

static void once(struct trn_writer *writer, bool may_act, struct trn_str line)
{
    struct trn_request_env env = {.store_path = "/nowhere/store.db", .writer = writer, .live = live, .ctx = &may_act};
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
    struct trn_str line = {(const char *)data, size};
    once(writer, false, line);
    struct trn_writer_stats st;
    trn_writer_stats(writer, &st);
    assert(st.queued_bytes == 0 && st.lost == 0);
    once(acting, true, line);
    return 0;
}
