/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any sequence of pieces of TCP connections crash the reader, or become an event that breaks a promise? */
#include "sensor/bpf/wire.h"
#include "sensor/reader.h"

static int on_event(void *ctx, const struct trn_event *ev)
{
    bool dns = ev->type == TRN_EV_DNS;

    if (!dns && ev->type != TRN_EV_TLS)
        abort();
    if (dns && ev->dns.answers.n && ev->dns.answers.p[ev->dns.answers.n - 1] != '\0')
        abort();
    if (!dns && ev->tls.alpn.n && ev->tls.alpn.p[ev->tls.alpn.n - 1] != '\0')
        abort();
    return 0;
}

/*
 * Each command: cookie and kind (a byte), distance to the number expected (a signed byte), length (two bytes), bytes.
 * Whole records would leave the fuzzer a kilobyte of padding for each byte that matters.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(64 << 10);
    struct trn_streams *s = trn_streams_new();
    const struct trn_event_sink sink = {on_event, NULL};
    struct trn_cursor c = trn_cur(data, size);
    uint32_t next[8] = {0};

    while (a && s && trn_cur_left(&c) > 4) {
        uint8_t what = trn_cur_u8(&c);
        int8_t off = (int8_t)trn_cur_u8(&c);
        size_t n = TRN_MIN((size_t)trn_cur_u16le(&c) % (TRN_WIRE_PIECE_MAX + 1), trn_cur_left(&c));
        struct trn_piece p = {.cookie = what & 7, .incoming = what & 8, .first = what & 16};
        struct trn_event ev;

        trn_event_init(&ev, what & 32 ? TRN_EV_TLS : TRN_EV_DNS);
        p.bytes = trn_cur_bytes(&c, n);
        p.seq = next[what & 7] + (uint32_t)off;
        next[what & 7] += (uint32_t)n;
        if (trn_streams_piece(s, &p, a, &ev, &sink) == -EBADMSG)
            abort();
        if ((what & 192) == 192 && trn_streams_closed(s, p.cookie, &sink) != 0)
            abort();
    }
    trn_streams_free(s);
    return 0;
}
