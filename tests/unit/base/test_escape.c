/* SPDX-License-Identifier: Apache-2.0 */
/* Can foreign bytes reach a terminal or break a JSON text? */
#include "base/base.h"

#include <criterion/criterion.h>

static void check(struct trn_str in, const char *terminal, const char *json, bool faithful)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 4096);
    trn_escape(&b, in);
    cr_assert_str_eq(b.p ? b.p : "", terminal);
    trn_buf_clear(&b);
    cr_assert_eq(trn_json_str(&b, in), faithful, "%s", json);
    cr_assert_str_eq(b.p, json);
}

Test(escape, table)
{
    check(TRN_STR("plain é 日本 😀"), "plain é 日本 😀", "\"plain é 日本 😀\"", true);
    check(TRN_STR("\x1b[31m"), "\\x1b[31m", "\"\\u001b[31m\"", true);
    check(TRN_STR("a\nb\tc\rd"), "a\\nb\\tc\\rd", "\"a\\nb\\tc\\rd\"", true);
    check(TRN_STR("a\0b\x7f"), "a\\x00b\\x7f", "\"a\\u0000b\\u007f\"", true);
    check(TRN_STR("\\x1b\""), "\\\\x1b\"", "\"\\\\x1b\\\"\"", true);
    check(TRN_STR("\xc2\x9b"), "\\u009b", "\"\\u009b\"", true);
    check(TRN_STR("x\xe2\x80\xaey"), "x\\u202ey", "\"x\\u202ey\"", true);
    check(TRN_STR("\xe2\x80\x8b"), "\\u200b", "\"\\u200b\"", true);
    check(TRN_STR("\xf3\xa0\x81\x81"), "\\U000e0041", "\"\\udb40\\udc41\"", true);
    check(TRN_STR("\xff"), "\\xff", "\"\xef\xbf\xbd\"", false);
    check(TRN_STR("\xe2\x80"), "\\xe2\\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\"", false);
    check(TRN_STR(""), "", "\"\"", true);
    check(TRN_STR_NONE, "", "null", true);
}

Test(escape, what_is_not_utf8)
{
    struct trn_str bad[] = {TRN_STR("\x80"),
                            TRN_STR("\xc0\x80"),
                            TRN_STR("\xe0\x80\x80"),
                            TRN_STR("\xed\xa0\x80"),
                            TRN_STR("\xf4\x90\x80\x80"),
                            TRN_STR("\xf5\x80\x80\x80"),
                            TRN_STR("\xc3"),
                            TRN_STR("a\xc3g")};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(bad); i++)
        cr_assert(!trn_utf8_valid(bad[i]), "case %zu", i);
    cr_assert(trn_utf8_valid(TRN_STR("\xf4\x8f\xbf\xbf\xed\x9f\xbf\xc2\x80")));
}

Test(escape, fixed_arrays_are_cut_between_escapes)
{
    char small[10];
    cr_assert_str_eq(trn_escape_into(small, sizeof(small), TRN_STR("123456789")), "123456789");
    cr_assert_str_eq(trn_escape_into(small, sizeof(small), TRN_STR("1234567890")), "123456...");
    cr_assert_str_eq(trn_escape_into(small, sizeof(small), TRN_STR("12345\x1b\x1b")), "12345...");
    cr_assert_str_eq(trn_escape_into(small, 3, TRN_STR("12345")), "..");
    cr_assert_str_eq(trn_escape_into(small, 1, TRN_STR("12345")), "");
    cr_assert_str_eq(trn_escape_into(small, 0, TRN_STR("12345")), "");
}

Test(escape, no_byte_below_space_ever_leaves)
{
    char all[256];
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 4096);
    trn_escape(&b, (struct trn_str){all, sizeof(all)});
    for (size_t i = 0; i < b.n; i++)
        cr_assert((uint8_t)b.p[i] >= 0x20 && (uint8_t)b.p[i] < 0x7f, "byte %zu", i);
}

Test(err, a_context_goes_before_and_a_hint_behind)
{
    struct trn_err e = {0};
    cr_assert_eq(trn_fail(&e, -ENOENT, "cannot open '%s'", "x"), -ENOENT);
    trn_hint(&e, "try %d", 5);
    cr_assert_eq(trn_fail_in(&e, -EIO, "loading"), -ENOENT, "the first cause stays");
    cr_assert_str_eq(e.message, "loading: cannot open 'x'");
    cr_assert_str_eq(e.hint, "try 5");
    cr_assert_eq(trn_fail(NULL, -EIO, "x"), -EIO);
    cr_assert_eq(trn_fail_in(NULL, -EIO, "x"), -EIO);
    struct trn_err nameless = {0};
    cr_assert_eq(trn_fail_in(&nameless, -EIO, "reading"), -EIO);
    cr_assert_str_eq(nameless.message, "reading: EIO");
    cr_assert_str_eq(trn_errno_name(-EPERM), "EPERM");
    cr_assert_not_null(trn_errno_name(-99999));
}

Test(err, long_messages_are_cut)
{
    struct trn_err e = {0};
    char text[1000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    trn_fail(&e, -EIO, "%s", text);
    trn_hint(&e, "%s", text);
    trn_fail_in(&e, -EIO, "%s", text);
    cr_assert_eq(strlen(e.message), sizeof(e.message) - 1);
    cr_assert_eq(strlen(e.hint), sizeof(e.hint) - 1);
}
