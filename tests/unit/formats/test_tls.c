/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does the reader say what a ClientHello says, give it its published fingerprint, and refuse what lies? */
#include "formats/formats.h"

#include <criterion/criterion.h>

static struct trn_arena *arena;
static struct trn_buf hello; /* the handshake message, without its head */

static void set_up(void)
{
    arena = trn_arena_new(1 << 20);
    trn_buf_init(&hello, 1 << 20);
    cr_assert_not_null(arena);
}

static void tear_down(void)
{
    arena = trn_arena_free(arena);
    trn_buf_done(&hello);
}

TestSuite(tls, .init = set_up, .fini = tear_down);

static void be16(struct trn_buf *b, size_t v)
{
    trn_put_u8(b, (uint8_t)(v >> 8));
    trn_put_u8(b, (uint8_t)v);
}

static void begin(uint16_t version, const uint16_t *ciphers, size_t n)
{
    trn_buf_clear(&hello);
    be16(&hello, version);
    trn_put(&hello, "01234567890123456789012345678901", 32);
    trn_put(&hello, "\4abcd", 5);
    be16(&hello, 2 * n);
    for (size_t i = 0; i < n; i++)
        be16(&hello, ciphers[i]);
    trn_put(&hello, "\1\0", 2);
}

struct ext {
    uint16_t type;
    const char *body;
    size_t n;
};

static void extend(const struct ext *x, size_t n)
{
    size_t total = 0;

    for (size_t i = 0; i < n; i++)
        total += 4 + x[i].n;
    be16(&hello, total);
    for (size_t i = 0; i < n; i++) {
        be16(&hello, x[i].type);
        be16(&hello, x[i].n);
        trn_put(&hello, x[i].body, x[i].n);
    }
}

/* The message in records of at most `each` bytes. */
static void wrap(size_t each, struct trn_buf *out)
{
    TRN_AUTO(trn_buf_done) struct trn_buf message;

    trn_buf_init(&message, 1 << 20);
    trn_put_u8(&message, 1);
    trn_put_u8(&message, 0);
    be16(&message, hello.n);
    trn_put_str(&message, trn_buf_str(&hello));
    trn_buf_clear(out);
    for (size_t at = 0; at < message.n; at += each) {
        size_t n = TRN_MIN(each, message.n - at);
        trn_put(out, "\x16\3\1", 3);
        be16(out, n);
        trn_put(out, message.p + at, n);
    }
}

static int parse(size_t each, struct trn_tls_hello *ret)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;

    trn_buf_init(&b, 1 << 20);
    wrap(each, &b);
    struct trn_cursor c = trn_cur(b.p, b.n);
    return trn_tls_hello(&c, arena, ret);
}

#define EXT(type, bytes) ((struct ext){(type), (bytes), sizeof(bytes) - 1})

static const uint16_t browser_ciphers[] = {0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030,
                                           0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
static const struct ext browser_extensions[] = {
    EXT(0x6a6a, ""),
    EXT(0x001b, "\2\0\2"),
    EXT(0x0000, "\0\x0c\0\0\x09WWW.A.Com"),
    EXT(0x0033, ""),
    EXT(0x0010, "\0\x0c\2h2\x08http/1.1"),
    EXT(0x4469, ""),
    EXT(0x0017, ""),
    EXT(0x002d, "\1\1"),
    EXT(0x000d, "\0\x10\4\3\x08\4\4\1\5\3\x08\5\5\1\x08\6\6\1"),
    EXT(0x0005, "\1\0\0\0\0"),
    EXT(0x0023, ""),
    EXT(0x0012, ""),
    EXT(0x002b, "\6\xfa\xfa\3\4\3\3"),
    EXT(0xff01, "\0"),
    EXT(0x000b, "\1\0"),
    EXT(0x000a, ""),
    EXT(0x0015, "\0\0\0\0"),
    EXT(0xdada, "\0"),
};

/* The example of the JA4 specification. */
Test(tls, the_published_fingerprint_of_a_browser)
{
    struct trn_tls_hello h;

    begin(0x0303, browser_ciphers, TRN_ARRAY_SIZE(browser_ciphers));
    extend(browser_extensions, TRN_ARRAY_SIZE(browser_extensions));
    cr_assert_eq(parse(16384, &h), 0);
    cr_expect(trn_str_eq_c(h.ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1"), "%.*s", TRN_STR_ARG(h.ja4));
    cr_expect(trn_str_eq_c(h.sni, "www.a.com"));
    cr_expect(trn_str_eq(h.alpn, (struct trn_str){"h2\0http/1.1", 12}));
    cr_expect_eq(h.version, 0x0304);
    cr_expect(!h.cut);
}

Test(tls, records_may_cut_the_message_anywhere)
{
    struct trn_tls_hello h;

    begin(0x0303, browser_ciphers, TRN_ARRAY_SIZE(browser_ciphers));
    extend(browser_extensions, TRN_ARRAY_SIZE(browser_extensions));
    for (size_t each = 1; each < 40; each++) {
        cr_assert_eq(parse(each, &h), 0, "%zu", each);
        cr_expect(trn_str_eq_c(h.ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1"));
    }
}

Test(tls, a_part_asks_for_more)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_tls_hello h;

    trn_buf_init(&b, 1 << 20);
    begin(0x0303, browser_ciphers, TRN_ARRAY_SIZE(browser_ciphers));
    extend(browser_extensions, TRN_ARRAY_SIZE(browser_extensions));
    wrap(100, &b);
    for (size_t n = 0; n < b.n; n++) {
        struct trn_cursor c = trn_cur(b.p, n);
        cr_assert_eq(trn_tls_hello(&c, arena, &h), -EAGAIN, "cut at %zu", n);
    }
    trn_put_c(&b, "what comes behind it");
    struct trn_cursor c = trn_cur(b.p, b.n);
    cr_expect_eq(trn_tls_hello(&c, arena, &h), 0);
}

Test(tls, no_extensions_no_ciphers)
{
    static const uint16_t one[] = {0x000a};
    struct trn_tls_hello h;

    begin(0x0300, one, 1);
    cr_assert_eq(parse(16384, &h), 0);
    cr_expect(trn_str_starts(h.ja4, TRN_STR("ts3i010000_")));
    cr_expect(trn_str_ends(h.ja4, TRN_STR("_000000000000")), "%.*s", TRN_STR_ARG(h.ja4));
    cr_expect(trn_str_is_none(h.sni) && h.alpn.n == 0);
    begin(0x0301, one, 0);
    cr_assert_eq(parse(16384, &h), 0);
    cr_expect(trn_str_eq_c(h.ja4, "t10i000000_000000000000_000000000000"), "%.*s", TRN_STR_ARG(h.ja4));
}

Test(tls, protocols_that_are_no_text)
{
    static const struct {
        struct ext x;
        const char *chars;
    } rows[] = {
        {EXT(16, "\0\2\1\xab"), "ab"},
        {EXT(16, "\0\3\2\xab\xcd"), "ad"},
        {EXT(16, "\0\3\2\x30\xab"), "3b"},
        {EXT(16, "\0\5\4\x30\x31\xab\xcd"), "3d"},
        {EXT(16, "\0\5\4\x30\xab\xcd\x31"), "01"},
        {EXT(16, "\0\2\1q"), "qq"},
        {EXT(16, "\0\0"), "00"},
    };
    struct trn_tls_hello h;

    for (size_t i = 0; i < TRN_ARRAY_SIZE(rows); i++) {
        begin(0x0303, NULL, 0);
        extend(&rows[i].x, 1);
        cr_assert_eq(parse(16384, &h), 0);
        cr_expect_eq(memcmp(h.ja4.p + 8, rows[i].chars, 2), 0, "%zu: %.*s", i, TRN_STR_ARG(h.ja4));
    }
}

Test(tls, lists_that_lie_are_told_and_counted)
{
    static const struct ext bad[] = {EXT(0, "\0\x7f\0\0\3abc"), EXT(16, "\0\5\2h2\x08"), EXT(43, "\6\3\4"),
                                     EXT(13, "\0\x10\4\3")};
    struct trn_tls_hello h;

    for (size_t i = 0; i < TRN_ARRAY_SIZE(bad); i++) {
        begin(0x0303, NULL, 0);
        extend(&bad[i], 1);
        cr_assert_eq(parse(16384, &h), 0, "%zu", i);
        cr_expect(h.cut, "%zu", i);
        cr_expect_eq(memcmp(h.ja4.p + 6, "01", 2), 0);
    }
}

Test(tls, what_is_no_hello_is_refused)
{
    static const char *const no[] = {"GET / HTTP/1.1", "\x17\3\3", "\x16\2\0", "\x16\3\1\x7f\xff", "\x16\3\1\1\1\2"};
    struct trn_tls_hello h;
    struct trn_cursor c;

    for (size_t i = 0; i < TRN_ARRAY_SIZE(no); i++) {
        c = trn_cur(no[i], strlen(no[i]));
        cr_expect_eq(trn_tls_hello(&c, arena, &h), -EBADMSG, "%zu", i);
    }
    c = trn_cur("\x16\3\1\0\4\1\2\0\0", 9); /* 128 KiB */
    cr_expect_eq(trn_tls_hello(&c, arena, &h), -EBADMSG);
    c = trn_cur("\x16\3\1\0\4\1\0\0\0", 9); /* nothing in it */
    cr_expect_eq(trn_tls_hello(&c, arena, &h), -EBADMSG);
    begin(0x0303, browser_ciphers, 3);
    trn_put(&hello, "\0\3\0\0\0\0", 6); /* extensions end early */
    cr_expect_eq(parse(16384, &h), -EBADMSG);
}
