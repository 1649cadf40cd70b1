/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any log of another product crash, hang, or give events out of their order or an event that is no event? */
#include "ingest/ingest.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_event(void *ctx, const struct trn_event *ev)
{
    uint64_t *last = ctx;
    struct trn_event again;
    struct trn_buf b;
    if (!ev->wall_ns || (!(ev->flags & TRN_EVF_LATE) && ev->wall_ns < *last))
        abort();
    *last = ev->wall_ns > *last ? ev->wall_ns : *last;
    trn_buf_init(&b, 8u << 20);
    trn_event_encode(ev, &b);
    struct trn_cursor in = trn_cur_of(trn_buf_str(&b));
    if (b.bad || trn_event_decode(&in, &again) < 0)
        abort();
    trn_buf_clear(&b);
    trn_event_to_json(ev, &b);
    trn_buf_done(&b);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t last = 0;
    struct trn_ingest_options o = {.sz = sizeof(o), .sink = {on_event, &last}};
    struct trn_ingest *in = NULL;
    struct trn_str all = {(const char *)data, size};
    size_t half = size / 2;
    (void)trn_ingest_knows(all);
    if (trn_ingest_new(&o, &in) < 0)
        return 0;
    if (trn_ingest_feed(in, trn_str_slice(all, 0, half)) < 0 ||
        trn_ingest_feed(in, trn_str_slice(all, half, size)) < 0 || trn_ingest_end(in) < 0)
        abort();
    trn_ingest_free(in);
    return 0;
}
