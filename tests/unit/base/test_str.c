/* SPDX-License-Identifier: Apache-2.0 */
/* Are views compared, cut and matched as the header says, also when absent, empty or with NULs? */
#include "base/base.h"

#include <criterion/criterion.h>

#define EQ(a, literal) cr_assert(trn_str_eq((a), TRN_STR(literal)), "got '%.*s'", TRN_STR_ARG(a))

Test(str, absent_is_not_empty)
{
    cr_assert(trn_str_eq(TRN_STR_NONE, TRN_STR_NONE));
    cr_assert(!trn_str_eq(TRN_STR_NONE, TRN_STR("")));
    cr_assert(trn_str_is_empty(TRN_STR_NONE) && trn_str_is_empty(TRN_STR("")));
    cr_assert(trn_str_is_none(trn_str_of(NULL)) && !trn_str_is_none(trn_str_of("")));
    cr_assert(trn_str_is_none(trn_str_slice(TRN_STR_NONE, 0, 5)));
    cr_assert(trn_str_eq_c(TRN_STR_NONE, NULL) && !trn_str_eq_c(TRN_STR(""), NULL));
}

Test(str, order_is_bytewise_with_absent_first)
{
    cr_assert_lt(trn_str_cmp(TRN_STR_NONE, TRN_STR("")), 0);
    cr_assert_lt(trn_str_cmp(TRN_STR(""), TRN_STR("a")), 0);
    cr_assert_lt(trn_str_cmp(TRN_STR("a"), TRN_STR("ab")), 0);
    cr_assert_gt(trn_str_cmp(TRN_STR("\xff"), TRN_STR("a")), 0);
    cr_assert_eq(trn_str_cmp(TRN_STR("a\0b"), TRN_STR("a\0b")), 0);
    cr_assert_lt(trn_str_cmp(TRN_STR("a\0b"), TRN_STR("a\0c")), 0);
}

Test(str, prefixes_and_needles)
{
    cr_assert(trn_str_starts(TRN_STR("/usr/bin"), TRN_STR("/usr")));
    cr_assert(!trn_str_starts(TRN_STR("/us"), TRN_STR("/usr")));
    cr_assert(trn_str_ends(TRN_STR("a.so"), TRN_STR(".so")));
    cr_assert(!trn_str_ends(TRN_STR("so"), TRN_STR(".so")));
    cr_assert(trn_str_contains(TRN_STR("a\0bc"), TRN_STR("\0b")));
    cr_assert(!trn_str_contains(TRN_STR("abc"), TRN_STR("abcd")));
    cr_assert(!trn_str_contains(TRN_STR_NONE, TRN_STR("")));
    cr_assert_eq(trn_str_find(TRN_STR("a/b/c"), '/'), 1);
    cr_assert_eq(trn_str_rfind(TRN_STR("a/b/c"), '/'), 3);
    cr_assert_eq(trn_str_find(TRN_STR_NONE, '/'), -1);
}

Test(str, slices_are_clamped)
{
    EQ(trn_str_slice(TRN_STR("hello"), 1, 3), "ell");
    EQ(trn_str_slice(TRN_STR("hello"), 1, SIZE_MAX), "ello");
    EQ(trn_str_slice(TRN_STR("hello"), SIZE_MAX, SIZE_MAX), "");
    EQ(trn_str_trim(TRN_STR(" \t\r\n x y \v\f")), "x y");
    EQ(trn_str_trim(TRN_STR("   ")), "");
}

Test(str, path_parts)
{
    EQ(trn_path_base(TRN_STR("/usr/bin/id")), "id");
    EQ(trn_path_base(TRN_STR("/usr/bin/")), "bin");
    EQ(trn_path_base(TRN_STR("id")), "id");
    EQ(trn_path_base(TRN_STR("/")), "/");
    EQ(trn_path_base(TRN_STR("")), "");
    EQ(trn_path_dir(TRN_STR("/usr/bin/id")), "/usr/bin");
    EQ(trn_path_dir(TRN_STR("/x")), "/");
    EQ(trn_path_dir(TRN_STR("//x")), "/");
    EQ(trn_path_dir(TRN_STR("x")), "");
    cr_assert(trn_str_is_none(trn_path_base(TRN_STR_NONE)));
}

Test(str, split_gives_every_piece_once)
{
    struct trn_str rest = TRN_STR(":a::b:"), piece;
    const char *want[] = {"", "a", "", "b", ""};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(want); i++) {
        cr_assert(trn_str_split(&rest, ':', &piece), "piece %zu", i);
        cr_assert(trn_str_eq_c(piece, want[i]), "piece %zu", i);
    }
    cr_assert(!trn_str_split(&rest, ':', &piece));
}

Test(str, numbers_are_whole_or_refused)
{
    uint64_t v = 7;
    cr_assert_eq(trn_str_u64(TRN_STR("0"), &v), 0);
    cr_assert_eq(v, 0);
    cr_assert_eq(trn_str_u64(TRN_STR("18446744073709551615"), &v), 0);
    cr_assert_eq(v, UINT64_MAX);
    cr_assert_eq(trn_str_u64(TRN_STR("0xFf"), &v), 0);
    cr_assert_eq(v, 255);
    v = 7;
    cr_assert_eq(trn_str_u64(TRN_STR("18446744073709551616"), &v), -ERANGE);
    cr_assert_eq(trn_str_u64(TRN_STR("99999999999999999999x"), &v), -EINVAL);
    struct trn_str bad[] = {TRN_STR(""),   TRN_STR("-1"), TRN_STR("+1"),  TRN_STR(" 1"), TRN_STR("1 "),
                            TRN_STR("0x"), TRN_STR("1a"), TRN_STR("1\0"), TRN_STR_NONE};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(bad); i++)
        cr_assert_eq(trn_str_u64(bad[i], &v), -EINVAL, "case %zu", i);
    cr_assert_eq(v, 7, "untouched on failure");
}

Test(str, glob_table)
{
    static const struct {
        const char *pattern, *text;
        bool fold, want;
    } cases[] = {
        {"*", "", false, true},
        {"", "", false, true},
        {"", "a", false, false},
        {"a*c", "abbbc", false, true},
        {"a*c", "abbb", false, false},
        {"?", "", false, false},
        {"a?c", "a/c", false, true},
        {"*/x", "a/b/x", false, true},
        {"A*", "abc", false, false},
        {"A*", "abc", true, true},
        {"a*", "ABC", true, true},
        {"\\*", "*", false, true},
        {"\\*", "a", false, false},
        {"a\\", "a\\", false, true},
        {"**a**", "bab", false, true},
        {"*a*b*c*", "xxaxxbxxc", false, true},
        {"*.test", "pbx.acme.test", true, true},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++)
        cr_assert_eq(trn_glob(trn_str_of(cases[i].pattern), trn_str_of(cases[i].text), cases[i].fold), cases[i].want,
                     "'%s' against '%s'", cases[i].pattern, cases[i].text);
    cr_assert(!trn_glob(TRN_STR("*"), TRN_STR_NONE, false));
}

Test(str, glob_with_many_stars_ends, .timeout = 5)
{
    char text[20001], pattern[65];
    for (size_t i = 0; i + 1 < sizeof(pattern); i += 2)
        pattern[i] = '*', pattern[i + 1] = 'a';
    pattern[64] = '\0';
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    text[sizeof(text) - 2] = 'b';
    cr_assert(!trn_glob(trn_str_of(pattern), trn_str_of(text), false));
}

Test(str, a_sorted_table_is_searched_to_its_ends)
{
    static const char *const table[] = {"a", "b", "bb", "c"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(table); i++)
        cr_assert_eq(trn_str_in_table(trn_str_of(table[i]), table, TRN_ARRAY_SIZE(table)), table[i]);
    cr_assert_null(trn_str_in_table(TRN_STR("ba"), table, TRN_ARRAY_SIZE(table)));
    cr_assert_null(trn_str_in_table(TRN_STR("d"), table, TRN_ARRAY_SIZE(table)));
    cr_assert_null(trn_str_in_table(TRN_STR(""), table, TRN_ARRAY_SIZE(table)));
    cr_assert_null(trn_str_in_table(TRN_STR("a"), table, 0));
}

Test(str, a_code_point_as_utf8)
{
    static const struct {
        uint32_t c;
        const char *text;
    } rows[] = {{'A', "A"},        {0x7f, "\x7f"},     {0x80, "\xc2\x80"},     {0x7ff, "\u07ff"},
                {0x800, "\u0800"}, {0xffff, "\uffff"}, {0x1f600, "\U0001f600"}};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(rows); i++) {
        char utf8[4];
        size_t n = trn_utf8_of(rows[i].c, utf8);
        cr_expect(trn_str_eq((struct trn_str){utf8, n}, trn_str_of(rows[i].text)), "U+%x", rows[i].c);
    }
}

Test(str, one_of_a_few_words)
{
    cr_expect(TRN_ONE_OF(TRN_STR("sh"), "bash", "sh"));
    cr_expect(!TRN_ONE_OF(TRN_STR("zsh"), "bash", "sh"));
    cr_expect(!TRN_ONE_OF(TRN_STR(""), "bash", "") && !TRN_ONE_OF(TRN_STR_NONE, "bash"));
}
