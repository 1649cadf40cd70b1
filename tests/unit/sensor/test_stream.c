/* SPDX-License-Identifier: Apache-2.0 */
/* Question: are messages put together from pieces in any shape, and is memory bounded by what nobody completes? */
#include "sensor/reader.h"
#include "wire_build.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

static struct trn_arena *arena;
static struct trn_streams *streams;
static unsigned n_events, n_raw;
static char names[512]; /* of the events, in order */

static void set_up(void)
{
    arena = trn_arena_new(64 << 10);
    streams = trn_streams_new();
    cr_assert(arena && streams);
}

static void tear_down(void)
{
    arena = trn_arena_free(arena);
    streams = trn_streams_free(streams);
}

TestSuite(sensor_stream, .init = set_up, .fini = tear_down);

static int on_event(void *ctx, const struct trn_event *ev)
{
    struct trn_str name = ev->type == TRN_EV_TLS ? ev->tls.sni : ev->dns.name;
    size_t at = strlen(names);

    n_events++;
    n_raw += (ev->flags & TRN_EVF_NET_RAW) != 0;
    cr_expect_eq(ev->pid, 42);
    (void)snprintf(names + at, sizeof(names) - at, "%.*s ", TRN_STR_ARG(name));
    return 0;
}

static const struct trn_event_sink sink = {on_event, NULL};

static void give(uint16_t type, uint64_t cookie, uint32_t seq, const char *bytes, size_t n, bool first)
{
    struct trn_wire_piece r = {.head = wire_head(type, sizeof(r)),
                               .cookie = cookie,
                               .seq = seq,
                               .payload_len = (uint16_t)n,
                               .family = AF_INET,
                               .first = first,
                               .remote_port = 53};
    struct trn_piece p;
    struct trn_event ev;

    cr_assert_leq(n, sizeof(r.payload));
    memcpy(r.payload, bytes, n);
    cr_assert_eq(trn_decode_piece(trn_cur(&r, sizeof(r)), 1, &p, &ev), 0);
    cr_assert_eq(trn_streams_piece(streams, &p, arena, &ev, &sink), 0);
}

/* "a.test" as a framed question: 26 bytes. */
#define Q(letter) "\0\x18\x12\x34\1\0\0\1\0\0\0\0\0\0\1" letter "\4test\0\0\1\0\1"
#define QN 26u

static const char three[] = Q("a") Q("b") Q("c");

Test(sensor_stream, cut_anywhere_in_two)
{
    for (uint32_t cut = 1; cut < 3 * QN; cut++) {
        names[0] = '\0';
        give(TRN_WIRE_DNS_STREAM, cut, 0xfffffff0, three, cut, true); /* the numbers wrap round */
        give(TRN_WIRE_DNS_STREAM, cut, 0xfffffff0 + cut, three + cut, 3 * QN - cut, true);
        cr_assert_str_eq(names, "a.test b.test c.test ", "cut at %u", cut);
    }
    cr_expect_eq(n_raw, 0);
}

Test(sensor_stream, out_of_order_and_twice)
{
    give(TRN_WIRE_DNS_STREAM, 1, 100, three, 10, true);
    give(TRN_WIRE_DNS_STREAM, 1, 150, three + 50, 28, true);
    give(TRN_WIRE_DNS_STREAM, 1, 130, three + 30, 20, true);
    give(TRN_WIRE_DNS_STREAM, 1, 100, three, 10, true);
    cr_expect_eq(n_events, 0);
    give(TRN_WIRE_DNS_STREAM, 1, 105, three + 5, 30, true); /* overlaps both sides */
    give(TRN_WIRE_DNS_STREAM, 1, 130, three + 30, 48, true);
    cr_expect_str_eq(names, "a.test b.test c.test ");
}

Test(sensor_stream, a_gap_loses_a_message_and_not_the_rest)
{
    give(TRN_WIRE_DNS_STREAM, 1, 100, three, 10, true);
    for (uint32_t i = 0; i < 4; i++) /* what never comes is before all of these */
        give(TRN_WIRE_DNS_STREAM, 1, 1000 + 10 * i, "xxxxxxxxxx", 10, true);
    cr_expect_eq(n_events, 0);
    give(TRN_WIRE_DNS_STREAM, 1, 2000, "no message begins here", 22, true);
    give(TRN_WIRE_DNS_STREAM, 1, 3000, three, 3 * QN, true);
    give(TRN_WIRE_DNS_STREAM, 1, 3000 + 3 * QN, three, QN, true);
    cr_expect_str_eq(names, "a.test b.test c.test a.test ");
    cr_expect_eq(n_raw, 0);
}

Test(sensor_stream, what_is_no_dns_is_told_once)
{
    for (uint32_t i = 0; i < 20; i++)
        give(TRN_WIRE_DNS_STREAM, 1, 100 + 20 * i, "\0\x12SSH-2.0-something", 20, true);
    cr_expect_eq(n_events, 1);
    cr_expect_eq(n_raw, 1);
    give(TRN_WIRE_DNS_STREAM, 2, 100, "\0\0\0\0\0\0", 6, true);
    cr_expect_eq(n_events, 1, "messages of no bytes");
}

Test(sensor_stream, a_long_message_is_kept_in_part)
{
    char big[1024] = {0};

    memcpy(big, three, QN);
    big[0] = (char)0xff; /* 65304 bytes */
    give(TRN_WIRE_DNS_STREAM, 1, 0, big, 1024, true);
    for (uint32_t i = 1; i < 64; i++)
        give(TRN_WIRE_DNS_STREAM, 1, 1024 * i, big + 100, 900, true),
            give(TRN_WIRE_DNS_STREAM, 1, 1024 * i + 900, big + 100, 124, false);
    cr_expect_str_eq(names, "a.test ");
    cr_expect_eq(n_raw, 1);
}

static const char hello[] = "\x16\3\1\0\x41\1\0\0\x3d\3\3"
                            "01234567890123456789012345678901\0\0\2\x13\1\1\0"
                            "\0\x12\0\0\0\x0e\0\x0c\0\0\x09x.example";

Test(sensor_stream, a_hello_in_any_pieces)
{
    const uint32_t n = sizeof(hello) - 1;

    for (uint32_t each = 1; each <= n; each++) {
        names[0] = '\0';
        for (uint32_t at = 0; at < n; at += each)
            give(TRN_WIRE_TLS, 5, 7 + at, hello + at, TRN_MIN(each, n - at), at == 0);
        cr_assert_str_eq(names, "x.example ", "%u bytes a piece", each);
    }
    give(TRN_WIRE_TLS, 5, 7 + n, "more", 4, false);
    cr_expect_eq(n_events, n, "nothing is taken up after the end");
}

Test(sensor_stream, hellos_that_never_end_are_bounded_and_told)
{
    for (uint64_t i = 0; i < 100; i++)
        give(TRN_WIRE_TLS, i, 7, hello, 20, true);
    cr_expect_eq(n_events, 36);
    cr_expect_eq(n_raw, 36);
    cr_expect_eq(trn_streams_closed(streams, 99, &sink), 0);
    cr_expect_eq(n_events, 37);
    cr_expect_eq(trn_streams_closed(streams, 99, &sink), 0);
    cr_expect_eq(n_events, 37);
    give(TRN_WIRE_TLS, 98, 8 + 20, hello + 21, 5, false); /* one was lost */
    cr_expect_eq(n_events, 38);
}

Test(sensor_stream, records_that_lie_are_refused)
{
    struct trn_wire_piece r = {.head = wire_head(TRN_WIRE_TLS, sizeof(r)), .family = AF_INET};
    struct trn_piece p;
    struct trn_event ev;

    for (size_t n = 0; n < sizeof(r); n += 7)
        cr_assert_eq(trn_decode_piece(trn_cur(&r, n), 1, &p, &ev), -EBADMSG);
    r.payload_len = TRN_WIRE_PIECE_MAX + 1;
    cr_expect_eq(trn_decode_piece(trn_cur(&r, sizeof(r)), 1, &p, &ev), -EBADMSG);
    r.payload_len = 0;
    r.family = AF_UNIX;
    cr_expect_eq(trn_decode_piece(trn_cur(&r, sizeof(r)), 1, &p, &ev), -EBADMSG);
    r.family = AF_INET;
    cr_expect_eq(trn_decode_piece(trn_cur(&r, sizeof(r)), 1, &p, &ev), 0);
    r.head.type = TRN_WIRE_EXIT;
    cr_expect_eq(trn_decode_piece(trn_cur(&r, sizeof(r)), 1, &p, &ev), -ENOMSG);
}
