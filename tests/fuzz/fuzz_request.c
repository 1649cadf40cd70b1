/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target for the local socket: one input is one request line of somebody who may look but not act.
 * Every request is answered, in whole lines, the last one an end or an error, and none is carried out.
 */
#include "engine/server_internal.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int live(void *ctx, enum trn_ask ask, struct trn_str name, struct trn_buf *out)
{
    assert(ask <= TRN_ASK_FILTERS);
    trn_put_c(out, "{\"type\":\"test\"}\n");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct trn_writer *writer; /* no store: what reads it answers with an error, after it read the request */
    if (!writer && trn_writer_new("/nowhere/store.db", &writer) < 0)
        abort();
    struct trn_request_env env = {.store_path = "/nowhere/store.db", .writer = writer, .live = live};
    struct trn_buf out;
    trn_buf_init(&out, 1u << 20);
    struct trn_request_client client = {.may_act = false, .out = &out};
    trn_request(&env, &client, (struct trn_str){(const char *)data, size});
    struct trn_writer_stats st;
    trn_writer_stats(writer, &st);
    assert(st.queued_bytes == 0 && st.lost == 0);
    assert(!out.bad);
    assert(client.watch || (out.n > 2 && out.p[out.n - 1] == '\n'));
    assert(client.watch || strstr(out.p, "\"type\":\"end\"") || strstr(out.p, "\"type\":\"error\""));
    trn_buf_done(&out);
    return 0;
}
