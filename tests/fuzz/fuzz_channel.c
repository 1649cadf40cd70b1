/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target for the messages between turncoatd and the engine: the first byte picks the decoder. What
 * is accepted lies inside the body, is in range, and means the same when it is written again.
 */
#include "channel/channel.h"

#include <assert.h>

static void view(struct trn_cursor in, struct trn_buf *again)
{
    struct trn_view_request v;
    if (trn_view_decode(&in, &v) < 0)
        return;
    assert(v.pid > 0);
    trn_view_encode(&v, again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(const struct trn_cursor *in, struct trn_str s)
{
    const char *from = (const char *)in->p;
    assert(!s.p || (s.p >= from && s.p + s.n <= from + in->n));
}

static void hello(struct trn_cursor in, struct trn_buf *again)
{
    struct trn_hello h;
    struct trn_cursor whole = in;
    if (trn_hello_decode(&in, &h) < 0)
        return;
    assert(h.sensor_fds <= 4096 && h.indicator_files <= 1024);
    inside(&whole, h.state_dir);
    inside(&whole, h.scope);
    inside(&whole, h.config_note);
    inside(&whole, h.indicator_names);
    trn_hello_encode(&h, again);
}

static void health(struct trn_cursor in, struct trn_buf *again)
{
    static struct trn_health h;
    struct trn_cursor whole = in;
    if (trn_health_decode(&in, &h) < 0)
        return;
    assert(h.n_hooks <= TRN_HEALTH_HOOKS);
    for (uint32_t i = 0; i < h.n_hooks; i++) {
        inside(&whole, h.hooks[i].name);
        inside(&whole, h.hooks[i].state);
        inside(&whole, h.hooks[i].reason);
    }
    trn_health_encode(&h, again);
}

static void open_request(struct trn_cursor in, struct trn_buf *again)
{
    struct trn_open_request o;
    if (trn_open_decode(&in, &o) < 0)
        return;
    assert(o.path.n > 0 && o.path.n < 4096 && o.path.p[0] == '/' && trn_str_find(o.path, '\0') < 0);
    trn_open_encode(&o, again);
}

static void opened(struct trn_cursor in, struct trn_buf *again)
{
    struct trn_opened o;
    struct trn_cursor whole = in;
    if (trn_opened_decode(&in, &o) < 0)
        return;
    inside(&whole, o.path);
    trn_opened_encode(&o, again);
}

static void failed(struct trn_cursor in, struct trn_buf *again)
{
    struct trn_failed f;
    if (trn_failed_decode(&in, &f) < 0)
        return;
    assert(f.code < 0);
    trn_failed_encode(&f, again);
}

static void dpkg(struct trn_cursor in, struct trn_buf *again)
{
    struct trn_dpkg_request d;
    if (trn_dpkg_decode(&in, &d) == 0)
        trn_dpkg_encode(&d, again);
}

static void dpkg_answer(struct trn_cursor in, struct trn_buf *again)
{
    struct trn_dpkg_answer d;
    if (trn_dpkg_answer_decode(&in, &d) == 0)
        trn_dpkg_answer_encode(&d, again);
}

static void filter(struct trn_cursor in, struct trn_buf *again)
{
    struct trn_filter_request f;
    struct trn_cursor whole = in;
    if (trn_filter_decode(&in, &f) < 0)
        return;
    inside(&whole, f.path);
    inside(&whole, f.why);
    assert(f.kind > 0 && f.kind < TRN_FILTER_KINDS);
    assert(trn_str_is_none(f.path) ? f.pid : f.path.p[0] == '/' && trn_str_find(f.path, '\0') < 0);
    assert(f.remove || (f.why.n >= 3 && f.why.n <= TRN_FILTER_WHY_MAX && f.classes));
    trn_filter_encode(&f, again);
}

static void filter_answer(struct trn_cursor in, struct trn_buf *again)
{
    struct trn_filter_answer f;
    struct trn_cursor whole = in;
    if (trn_filter_answer_decode(&in, &f) < 0)
        return;
    inside(&whole, f.message);
    inside(&whole, f.hint);
    trn_filter_answer_encode(&f, again);
}

/* What a worker of inspect says; turncoatd only reads it. */
static void facts(struct trn_cursor in, struct trn_buf *again)
{
    struct trn_channel_facts f;
    struct trn_cursor whole = in, end = in;
    uint64_t job;
    if (trn_channel_facts_decode(&in, &f) == 0) {
        assert(f.build_id.n <= TRN_CH_BUILD_ID_MAX);
        inside(&whole, f.build_id);
    }
    (void)!trn_channel_end_decode(&end, &job);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const decoders[])(struct trn_cursor, struct trn_buf *) = {hello,         health, open_request, opened,
                                                                            failed,        dpkg,   dpkg_answer,  filter,
                                                                            filter_answer, view,   facts};
    if (size < 1 || size > TRN_IPC_MAX)
        return 0;
    struct trn_buf again;
    trn_buf_init(&again, TRN_IPC_MAX);
    decoders[data[0] % TRN_ARRAY_SIZE(decoders)](trn_cur(data + 1, size - 1), &again);
    assert(!again.bad);
    assert(again.n == 0 || (again.n == size - 1 && memcmp(again.p, data + 1, again.n) == 0));
    trn_buf_done(&again);
    return 0;
}
