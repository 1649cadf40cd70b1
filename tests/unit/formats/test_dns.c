/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does the DNS reader say what a message says, and refuse what lies? */
#include "formats/formats.h"

#include <criterion/criterion.h>

static struct trn_arena *arena;

static void set_up(void)
{
    arena = trn_arena_new(1 << 20);
    cr_assert_not_null(arena);
}

static void tear_down(void)
{
    arena = trn_arena_free(arena);
}

TestSuite(dns, .init = set_up, .fini = tear_down);

#define HEADER(flags, an) "\x12\x34" flags "\0\1\0" an "\0\0\0\0"
#define PARSE(bytes, ret) parse((bytes), sizeof(bytes) - 1, (ret))

static int parse(const char *bytes, size_t n, struct trn_dns *ret)
{
    struct trn_cursor c = trn_cur(bytes, n);
    return trn_dns_parse(&c, arena, ret);
}

Test(dns, question_is_lower_cased_and_dotted)
{
    struct trn_dns d;

    cr_assert_eq(PARSE(HEADER("\1\0", "\0") "\3WwW\7Example\4TEST\0\0\1\0\1", &d), 0);
    cr_expect(trn_str_eq_c(d.name, "www.example.test"));
    cr_expect_eq(d.id, 0x1234);
    cr_expect_eq(d.qtype, TRN_DNS_TYPE_A);
    cr_expect(!d.answer && !d.cut);
    cr_expect(trn_str_is_none(d.answers));
}

Test(dns, answers_are_read_through_pointers)
{
    struct trn_dns d;
    const char want[] = "cdn.test\0"
                        "10.9.0.5\0"
                        "2001:db8::1";

    cr_assert_eq(PARSE(HEADER("\x81\x80",
                              "\4") "\1a\4test\0\0\1\0\1"
                                    "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\6\3cdn\xc0\x0e"
                                    "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\x09\0\5"
                                    "\xc0\x0c\0\x10\0\1\0\0\0\x3c\0\3\2hi"
                                    "\xc0\x0c\0\x1c\0\1\0\0\0\x3c\0\x10\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1",
                       &d),
                 0);
    cr_expect(d.answer && !d.cut);
    cr_assert_eq(d.answers.n, sizeof(want));
    cr_expect_arr_eq(d.answers.p, want, sizeof(want));
}

Test(dns, dots_inside_a_label_are_escaped)
{
    struct trn_dns d;

    cr_assert_eq(PARSE(HEADER("\1\0", "\0") "\3a.b\2\\\n\0\0\1\0\1", &d), 0);
    cr_expect(trn_str_eq_c(d.name, "a\\.b.\\\\\n"));
}

Test(dns, root_is_a_dot)
{
    struct trn_dns d;

    cr_assert_eq(PARSE(HEADER("\1\0", "\0") "\0\0\2\0\1", &d), 0);
    cr_expect(trn_str_eq_c(d.name, "."));
    cr_expect_eq(d.qtype, 2);
}

Test(dns, pointer_loops_are_refused)
{
    struct trn_dns d;

    cr_expect_eq(PARSE(HEADER("\1\0", "\0") "\xc0\x0c\0\1\0\1", &d), -EBADMSG);
    cr_expect_eq(PARSE(HEADER("\1\0", "\0") "\1a\xc0\x0c\0\1\0\1", &d), -EBADMSG);
    cr_expect_eq(PARSE(HEADER("\1\0", "\0") "\xc0\xff\0\1\0\1", &d), -EBADMSG, "forwards");
}

Test(dns, a_damaged_answer_keeps_what_came_before)
{
    struct trn_dns d;

    cr_assert_eq(PARSE(HEADER("\x81\x80", "\2") "\1a\0\0\1\0\1"
                                                "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\x09\0\5"
                                                "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a",
                       &d),
                 0);
    cr_expect(d.cut);
    cr_expect(trn_str_eq(d.answers, (struct trn_str){"10.9.0.5", 9}));
}

Test(dns, many_answers_are_cut)
{
    struct trn_dns d;
    struct trn_buf b;

    trn_buf_init(&b, 1 << 16);
    trn_put(&b, "\0\1\x81\x80\0\1\0\xff\0\0\0\0\1a\0\0\1\0\1", 19);
    for (int i = 0; i < 255; i++)
        trn_put(&b, "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\1\2\3\4", 16);
    cr_assert_eq(parse(b.p, b.n, &d), 0);
    cr_expect(d.cut);
    cr_expect_eq(d.answers.n, 8u * TRN_DNS_MAX_ANSWERS);
    trn_buf_done(&b);
}

Test(dns, every_short_message_is_refused)
{
    const char whole[] = HEADER("\1\0", "\0") "\3WwW\7Example\4TEST\0\0\1\0\1";
    struct trn_dns d;

    for (size_t n = 0; n < sizeof(whole) - 1; n++)
        cr_expect_eq(parse(whole, n, &d), -EBADMSG, "%zu bytes", n);
    cr_expect_eq(PARSE("\0\1\1\0\0\2\0\0\0\0\0\0\1a\0\0\1\0\1", &d), -EBADMSG, "two questions");
    cr_expect_eq(PARSE(HEADER("\1\0", "\0") "\x41"
                                            "a\0\0\1\0\1",
                       &d),
                 -EBADMSG, "reserved label kind");
}

Test(dns, a_name_of_more_than_255_bytes_is_refused)
{
    struct trn_buf b;
    struct trn_dns d;

    for (int last = 61; last <= 62; last++) {
        trn_buf_init(&b, 4096);
        trn_put(&b, "\0\1\1\0\0\1\0\0\0\0\0\0", 12);
        for (int i = 0; i < 4; i++) {
            int n = i < 3 ? 63 : last;
            trn_put_u8(&b, (uint8_t)n);
            for (int k = 0; k < n; k++)
                trn_put_u8(&b, 'x');
        }
        trn_put(&b, "\0\0\1\0\1", 5);
        cr_expect_eq(parse(b.p, b.n, &d), last == 61 ? 0 : -EBADMSG, "last label %d", last);
        trn_buf_done(&b);
    }
}
