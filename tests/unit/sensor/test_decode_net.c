/* SPDX-License-Identifier: Apache-2.0 */
/* Question: do network and DNS records become the events they describe, with the right end as the source? */
#include "wire_build.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <sys/socket.h>

static struct trn_arena *arena;

static void set_up(void)
{
    arena = trn_arena_new(1 << 20);
}

static void tear_down(void)
{
    arena = trn_arena_free(arena);
}

TestSuite(sensor_net, .init = set_up, .fini = tear_down);

static int decode(const void *p, size_t n, struct trn_event *ret)
{
    return trn_decode_record(trn_cur(p, n), 1, arena, ret);
}

static struct trn_wire_net net(uint16_t type)
{
    return (struct trn_wire_net){.head = wire_head(type, sizeof(struct trn_wire_net)),
                                 .cookie = 3,
                                 .bytes_out = 612,
                                 .bytes_in = 5,
                                 .error = ECONNREFUSED,
                                 .local_port = 40000,
                                 .remote_port = 443,
                                 .family = AF_INET,
                                 .protocol = IPPROTO_TCP,
                                 .local = {10, 0, 0, 1},
                                 .remote = {10, 9, 0, 5}};
}

Test(sensor_net, the_caller_is_the_source)
{
    struct trn_wire_net r = net(TRN_WIRE_ESTABLISHED);
    struct trn_event ev;

    cr_assert_eq(decode(&r, sizeof(r), &ev), 0);
    cr_expect_eq(ev.type, TRN_EV_CONNECT);
    cr_expect_eq(ev.action, TRN_ACT_ESTABLISHED);
    cr_expect_eq(ev.net.family, 4);
    cr_expect_eq(ev.net.src[0] << 8 | ev.net.src[3], 10 << 8 | 1);
    cr_expect_eq(ev.net.dst[3], 5);
    cr_expect_eq(ev.net.src_port, 40000);
    cr_expect_eq(ev.net.dst_port, 443);
    cr_expect_eq(ev.net.bytes_out, TRN_NO_U64, "bytes are told at the end only");
    cr_expect_eq(ev.net.error, TRN_NO_I32);

    r = net(TRN_WIRE_ACCEPT);
    r.incoming = 1;
    cr_assert_eq(decode(&r, sizeof(r), &ev), 0);
    cr_expect_eq(ev.type, TRN_EV_ACCEPT);
    cr_expect_eq(ev.net.src[3], 5);
    cr_expect_eq(ev.net.src_port, 443);
    cr_expect_eq(ev.net.dst_port, 40000);
}

Test(sensor_net, the_end_tells_bytes_and_a_failure_its_error)
{
    struct trn_wire_net r = net(TRN_WIRE_CLOSE);
    struct trn_event ev;

    cr_assert_eq(decode(&r, sizeof(r), &ev), 0);
    cr_expect_eq(ev.type, TRN_EV_NET_CLOSE);
    cr_expect_eq(ev.net.bytes_out, 612);
    cr_expect_eq(ev.net.bytes_in, 5);
    r = net(TRN_WIRE_FAILED);
    cr_assert_eq(decode(&r, sizeof(r), &ev), 0);
    cr_expect_eq(ev.action, TRN_ACT_FAILED);
    cr_expect_eq(ev.net.error, ECONNREFUSED);
}

Test(sensor_net, an_attempt_has_no_source_port_yet)
{
    struct trn_wire_net r = net(TRN_WIRE_SEND);
    struct trn_event ev;

    r.local_port = 0;
    memset(r.local, 0, sizeof(r.local));
    r.protocol = IPPROTO_UDP;
    cr_assert_eq(decode(&r, sizeof(r), &ev), 0);
    cr_expect_eq(ev.type, TRN_EV_CONNECT);
    cr_expect_eq(ev.action, TRN_ACT_ATTEMPTED);
    cr_expect_eq(ev.net.proto, IPPROTO_UDP);
    cr_expect_eq(ev.net.src_port, TRN_NO_U32);
    cr_expect_eq(ev.net.dst_port, 443);
}

Test(sensor_net, mapped_addresses_become_ipv4)
{
    struct trn_wire_net r = net(TRN_WIRE_ESTABLISHED);
    struct trn_event ev;

    r.family = AF_INET6;
    memcpy(r.local, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\1", 16);
    memcpy(r.remote, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\x09\0\5", 16);
    cr_assert_eq(decode(&r, sizeof(r), &ev), 0);
    cr_expect_eq(ev.net.family, 4);
    cr_expect_arr_eq(ev.net.src, "\x0a\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    cr_expect_arr_eq(ev.net.dst, "\x0a\x09\0\5\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    memcpy(r.remote, "\x20\1\0\0\0\0\0\0\0\0\0\0\0\0\0\5", 16);
    cr_assert_eq(decode(&r, sizeof(r), &ev), 0);
    cr_expect_eq(ev.net.family, 6);
    cr_expect_eq(ev.net.dst[0], 0x20);
}

Test(sensor_net, other_families_and_lengths_are_refused)
{
    struct trn_wire_net r = net(TRN_WIRE_CLOSE);
    struct trn_event ev;

    for (size_t n = 0; n < sizeof(r); n++)
        cr_assert_eq(decode(&r, n, &ev), -EBADMSG, "cut at %zu", n);
    r.family = AF_UNIX;
    cr_expect_eq(decode(&r, sizeof(r), &ev), -EBADMSG);
}

Test(sensor_net, a_port_that_is_opened_is_the_source)
{
    struct trn_wire_net r = net(TRN_WIRE_LISTEN);
    struct trn_event ev;

    r.remote_port = 0;
    r.error = 0;
    memset(r.remote, 0, sizeof(r.remote));
    cr_assert_eq(decode(&r, sizeof(r), &ev), 0);
    cr_expect_eq(ev.type, TRN_EV_LISTEN);
    cr_expect_eq(ev.action, TRN_ACT_NONE);
    cr_expect_eq(ev.net.src[0], 10);
    cr_expect_eq(ev.net.src_port, 40000);
    cr_expect_eq(ev.net.dst_port, TRN_NO_U32);
    r.incoming = 1; /* a note that was cloned says nothing here */
    r.local_port = 0;
    r.family = AF_INET6;
    memcpy(r.local, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16);
    cr_assert_eq(decode(&r, sizeof(r), &ev), 0);
    cr_expect_eq(ev.net.family, 4, "a mapped address of its own is IPv4 too");
    cr_expect_eq(ev.net.src[0], 127);
    cr_expect_eq(ev.net.src_port, TRN_NO_U32, "the kernel has not chosen it yet");
}

Test(sensor_net, raw_sockets_have_no_port)
{
    struct trn_wire_net r = net(TRN_WIRE_LISTEN);
    struct trn_event ev;

    r.flags = TRN_WIRE_NET_RAW | TRN_WIRE_NET_EXISTING;
    r.protocol = IPPROTO_RAW;
    cr_assert_eq(decode(&r, sizeof(r), &ev), 0);
    cr_expect_eq(ev.flags, TRN_EVF_EXISTING);
    cr_expect_eq(ev.net.proto, IPPROTO_RAW);
    cr_expect_eq(ev.net.src_port, TRN_NO_U32);
    r.family = AF_PACKET;
    cr_assert_eq(decode(&r, sizeof(r), &ev), 0);
    cr_expect_eq(ev.net.family, 0, "on the wire itself there are no addresses");
    r.head.type = TRN_WIRE_ACCEPT;
    cr_expect_eq(decode(&r, sizeof(r), &ev), -EBADMSG);
}

static struct trn_wire_repeated repeated(uint16_t what, uint32_t count)
{
    struct trn_wire_repeated r = {.net = net(TRN_WIRE_REPEATED), .since = 900, .count = count, .what = what};

    r.net.head.size = sizeof(r);
    r.net.local_port = 0;
    memset(r.net.local, 0, sizeof(r.net.local));
    return r;
}

Test(sensor_net, one_record_stands_for_many_connections)
{
    static const struct {
        uint16_t what;
        enum trn_event_type type;
        enum trn_action action;
    } cases[] = {{TRN_WIRE_CONNECT, TRN_EV_CONNECT, TRN_ACT_ATTEMPTED},
                 {TRN_WIRE_FAILED, TRN_EV_CONNECT, TRN_ACT_FAILED},
                 {TRN_WIRE_CLOSE, TRN_EV_NET_CLOSE, TRN_ACT_NONE}};
    struct trn_event ev;

    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        struct trn_wire_repeated r = repeated(cases[i].what, 70000);
        bool end = cases[i].what == TRN_WIRE_CLOSE;

        cr_assert_eq(decode(&r, sizeof(r), &ev), 0);
        cr_expect_eq(ev.type, cases[i].type);
        cr_expect_eq(ev.action, cases[i].action);
        cr_expect_eq(ev.net.count, 70000);
        cr_expect_eq(ev.net.since_boot_ns, 900);
        cr_expect_eq(ev.net.dst_port, 443);
        cr_expect_eq(ev.net.src_port, TRN_NO_U32, "each had its own");
        cr_expect_eq(ev.net.socket, 0);
        cr_expect_eq(ev.net.bytes_out, end ? 612 : TRN_NO_U64);
        cr_expect_eq(ev.net.error, cases[i].what == TRN_WIRE_FAILED ? ECONNREFUSED : TRN_NO_I32);
        for (size_t n = 0; n < sizeof(r); n++)
            cr_assert_eq(decode(&r, n, &ev), -EBADMSG, "cut at %zu", n);
    }
    cr_assert_eq(decode(&(struct trn_wire_net){.head = wire_head(TRN_WIRE_CLOSE, sizeof(struct trn_wire_net)),
                                               .family = AF_INET},
                        sizeof(struct trn_wire_net), &ev),
                 0);
    cr_expect_eq(ev.net.count, TRN_NO_U32, "one that is told alone says no number");
}

Test(sensor_net, many_that_came_in_have_the_port_they_reached)
{
    struct trn_wire_repeated r = repeated(TRN_WIRE_ACCEPT, 9);
    struct trn_event ev;

    r.net.incoming = 1;
    r.net.local_port = 80;
    r.net.remote_port = 0;
    r.net.local[0] = 10;
    cr_assert_eq(decode(&r, sizeof(r), &ev), 0);
    cr_expect_eq(ev.type, TRN_EV_ACCEPT);
    cr_expect_eq(ev.net.count, 9);
    cr_expect_eq(ev.net.src[3], 5);
    cr_expect_eq(ev.net.src_port, TRN_NO_U32);
    cr_expect_eq(ev.net.dst[0], 10);
    cr_expect_eq(ev.net.dst_port, 80);
}

Test(sensor_net, many_of_nobody_and_of_an_unknown_kind)
{
    struct trn_wire_repeated r = repeated(TRN_WIRE_CLOSE, 9);
    struct trn_event ev;

    r.net.head.tgid = 0;
    r.net.remote_port = 0;
    memset(r.net.remote, 0, sizeof(r.net.remote));
    cr_assert_eq(decode(&r, sizeof(r), &ev), 0);
    cr_expect_eq(ev.pid, TRN_NO_U32);
    cr_expect_eq(ev.net.dst_port, TRN_NO_U32);
    cr_expect_eq(ev.net.count, 9);
    r.what = TRN_WIRE_LISTEN;
    cr_expect_eq(decode(&r, sizeof(r), &ev), -EBADMSG);
    r.what = TRN_WIRE_REPEATED;
    cr_expect_eq(decode(&r, sizeof(r), &ev), -EBADMSG);
}

static const char answer[] = "\x12\x34\x81\x80\0\1\0\1\0\0\0\0"
                             "\4acme\4test\0\0\1\0\1"
                             "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\x09\0\5";

static struct trn_wire_dns dns(const char *payload, size_t n)
{
    struct trn_wire_dns r = {.head = wire_head(TRN_WIRE_DNS, sizeof(r)),
                             .local_port = 5000,
                             .remote_port = 53,
                             .payload_len = (uint16_t)n,
                             .full_len = (uint16_t)n,
                             .family = AF_INET,
                             .answer = 1,
                             .local = {10, 0, 0, 1},
                             .remote = {10, 0, 0, 53}};

    memcpy(r.payload, payload, n);
    return r;
}

Test(sensor_net, dns_answers_are_parsed_and_the_asker_is_the_source)
{
    struct trn_wire_dns r = dns(answer, sizeof(answer) - 1);
    struct trn_event ev;

    cr_assert_eq(decode(&r, sizeof(r), &ev), 0);
    cr_expect_eq(ev.type, TRN_EV_DNS);
    cr_expect_eq(ev.action, TRN_ACT_ANSWER);
    cr_expect(trn_str_eq_c(ev.dns.name, "acme.test"));
    cr_expect(trn_str_eq(ev.dns.answers, (struct trn_str){"10.9.0.5", 9}));
    cr_expect_eq(ev.dns.rcode, 0);
    cr_expect_eq(ev.dns.net.src_port, 5000);
    cr_expect_eq(ev.dns.net.dst_port, 53);
    cr_expect_eq(ev.flags, 0);
}

Test(sensor_net, dns_that_was_cut_or_is_no_dns_says_so)
{
    struct trn_wire_dns r = dns(answer, sizeof(answer) - 1);
    struct trn_event ev;

    r.full_len++;
    cr_assert_eq(decode(&r, sizeof(r), &ev), 0);
    cr_expect_eq(ev.flags, TRN_EVF_NET_RAW);
    cr_expect(trn_str_eq_c(ev.dns.name, "acme.test"));
    r = dns("not a dns message", 17);
    cr_assert_eq(decode(&r, sizeof(r), &ev), 0);
    cr_expect_eq(ev.flags, TRN_EVF_NET_RAW);
    cr_expect(trn_str_is_none(ev.dns.name));
    r.payload_len = TRN_WIRE_DNS_MAX + 1;
    cr_expect_eq(decode(&r, sizeof(r), &ev), -EBADMSG);
}
