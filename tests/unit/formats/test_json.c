/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/formats.h"

#include <criterion/criterion.h>

/* The kinds as letters, "!" where it is refused. */
static const char *kinds(const char *text, char dst[64])
{
    struct trn_json j;
    struct trn_json_piece p;
    size_t n = 0;
    int e;
    trn_json_begin(&j, trn_str_of(text));
    while ((e = trn_json_next(&j, &p)) == 0 && p.kind != TRN_JSON_END && n < 60)
        dst[n++] = ".{}[]ksntf0"[p.kind];
    if (e < 0)
        dst[n++] = '!';
    dst[n] = '\0';
    return dst;
}

Test(json, pieces_in_order)
{
    char b[64];
    cr_expect_str_eq(kinds("{\"a\": [1, -2.5e3, \"x\", true, false, null], \"b\": {}}", b), "{k[nnstf0]k{}}");
    cr_expect_str_eq(kinds(" 7 ", b), "n");
    cr_expect_str_eq(kinds("\xef\xbb\xbf[]", b), "[]");
}

Test(json, what_is_no_json_is_refused)
{
    static const char *const bad[] = {"",
                                      "{",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "[1,]",
                                      "{\"a\":1,}",
                                      "[1 2]",
                                      "[}",
                                      "{]",
                                      "{\"a\" 1}",
                                      "nul",
                                      "\"open",
                                      "[1]x",
                                      "{1:2}",
                                      "[,1]",
                                      "\"a\nb\"",
                                      "}",
                                      "[\"\\",
                                      "{\"a\":1 \"b\":2}"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(bad); i++) {
        char b[64];
        kinds(bad[i], b);
        cr_expect_eq(b[strlen(b) - 1], '!', "'%s' gave %s", bad[i], b);
    }
}

Test(json, depth_has_a_limit)
{
    char text[2 * TRN_JSON_DEPTH + 4];
    struct trn_json j;
    struct trn_json_piece p;
    int e = 0;
    uint32_t n = 0;
    memset(text, '[', sizeof(text));
    trn_json_begin(&j, (struct trn_str){text, sizeof(text)});
    while ((e = trn_json_next(&j, &p)) == 0)
        n++;
    cr_expect_eq(e, -EBADMSG);
    cr_expect_eq(n, TRN_JSON_DEPTH);
}

Test(json, escapes_mean_what_they_say)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(1 << 16);
    struct trn_json j;
    struct trn_json_piece p;
    trn_json_begin(&j, TRN_STR("\"a\\n\\\"\\/\\u00e9\\u20ac\\ud83d\\ude00\\ud800x\""));
    cr_assert_eq(trn_json_next(&j, &p), 0);
    cr_expect(trn_str_eq_c(trn_json_unescape(&p, a), "a\n\"/\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbdx"));
}

Test(json, an_escape_that_is_none_does_not_grow)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(1 << 16);
    struct trn_json j;
    struct trn_json_piece p;
    trn_json_begin(&j, TRN_STR("\"\\u\\u\\uzzzz\\ud8\""));
    cr_assert_eq(trn_json_next(&j, &p), 0);
    cr_expect(trn_str_eq_c(trn_json_unescape(&p, a), "???zzzz?d8"));
    cr_expect_leq(trn_json_unescape(&p, a).n, p.raw.n);
}

Test(json, a_value_can_be_passed_over)
{
    struct trn_json j;
    struct trn_json_piece p;
    trn_json_begin(&j, TRN_STR("[{\"a\":[1,{\"b\":2}]}, 5]"));
    cr_assert_eq(trn_json_next(&j, &p), 0);
    cr_assert_eq(trn_json_next(&j, &p), 0);
    cr_assert_eq(trn_json_skip(&j, &p), 0);
    cr_assert_eq(trn_json_next(&j, &p), 0);
    cr_expect(trn_str_eq_c(p.raw, "5"));
}
