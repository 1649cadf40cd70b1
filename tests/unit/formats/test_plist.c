/* SPDX-License-Identifier: Apache-2.0 */
/* Question: do the items of a property list come in order, with their depth, and is what is none refused? */
#include "formats/formats.h"

#include <criterion/criterion.h>

static int all(struct trn_str text, uint32_t *ret_items)
{
    struct trn_plist p;
    struct trn_plist_item i = {0};
    int e;
    *ret_items = 0;
    trn_plist_init(&p, text);
    while ((e = trn_plist_next(&p, &i)) == 0 && i.kind != TRN_PLIST_END)
        ++*ret_items;
    return e;
}

Test(plist, items_in_order)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_plist p;
    struct trn_plist_item i;
    trn_plist_init(&p,
                   TRN_STR("<?xml version=\"1.0\"?>\n<!DOCTYPE plist SYSTEM \"x\">\n<plist version=\"1.0\"><dict>"
                           "<key>a</key><array><true/><integer>7</integer></array><key>b</key>"
                           "<string>x &lt;&amp;</string><key>c</key><data> AAE\n CAw== </data><dict/></dict></plist>"));
    const enum trn_plist_kind want[] = {TRN_PLIST_DICT,     TRN_PLIST_KEY,       TRN_PLIST_ARRAY, TRN_PLIST_TRUE,
                                        TRN_PLIST_INTEGER,  TRN_PLIST_ARRAY_END, TRN_PLIST_KEY,   TRN_PLIST_STRING,
                                        TRN_PLIST_KEY,      TRN_PLIST_DATA,      TRN_PLIST_DICT,  TRN_PLIST_DICT_END,
                                        TRN_PLIST_DICT_END, TRN_PLIST_END,       TRN_PLIST_END};
    for (size_t k = 0; k < TRN_ARRAY_SIZE(want); k++) {
        cr_assert_eq(trn_plist_next(&p, &i), 0, "%zu", k);
        cr_assert_eq(i.kind, want[k], "%zu", k);
        if (i.kind == TRN_PLIST_STRING)
            cr_expect(trn_str_eq_c(trn_plist_text(a, i.text), "x <&"));
        if (i.kind == TRN_PLIST_INTEGER)
            cr_expect_eq(i.depth, 2);
        if (i.kind == TRN_PLIST_DATA) {
            struct trn_str d = trn_plist_data(a, i.text);
            cr_assert_eq(d.n, 4);
            cr_expect_eq(memcmp(d.p, "\0\1\2\3", 4), 0);
        }
    }
}

Test(plist, skip_goes_behind_a_container)
{
    struct trn_plist p;
    struct trn_plist_item i;
    trn_plist_init(&p,
                   TRN_STR("<plist><dict><key>a</key><dict><key>b</key><array/></dict><key>c</key></dict></plist>"));
    for (int k = 0; k < 3; k++)
        cr_assert_eq(trn_plist_next(&p, &i), 0);
    cr_assert_eq(i.kind, TRN_PLIST_DICT);
    cr_assert_eq(trn_plist_skip(&p), 0);
    cr_assert_eq(trn_plist_next(&p, &i), 0);
    cr_expect(trn_str_eq_c(i.text, "c"));
}

Test(plist, what_is_none_is_refused)
{
    uint32_t n;
    cr_expect_eq(all(TRN_STR("bplist00xx"), &n), -ENOTSUP);
    cr_expect_eq(all(TRN_STR(""), &n), -EBADMSG);
    cr_expect_eq(all(TRN_STR("<html></html>"), &n), -EBADMSG);
    cr_expect_eq(all(TRN_STR("<plist><dict></array></plist>"), &n), -EBADMSG);
    cr_expect_eq(all(TRN_STR("<plist><dict></plist>"), &n), -EBADMSG);
    cr_expect_eq(all(TRN_STR("<plist><string>x</key></plist>"), &n), -EBADMSG);
    cr_expect_eq(all(TRN_STR("<plist><!-- never ends <dict/></plist>"), &n), -EBADMSG);
}

Test(plist, depth_is_bounded)
{
    char deep[4096] = "<plist>";
    uint32_t n;
    for (int i = 0; i < 100; i++)
        memcpy(deep + strlen(deep), "<array>", 8);
    cr_expect_eq(all(trn_str_of(deep), &n), -E2BIG);
    cr_expect_eq(n, TRN_PLIST_DEPTH);
}
