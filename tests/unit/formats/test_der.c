/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/formats.h"

#include <criterion/criterion.h>

static int next(struct trn_str bytes, struct trn_der *d)
{
    struct trn_cursor c = trn_cur_of(bytes);
    return trn_der_next(&c, d);
}

Test(der, lengths_short_long_and_indefinite)
{
    struct trn_der d;
    cr_assert_eq(next(TRN_STR("\x04\x02zzX"), &d), 0);
    cr_expect_eq(d.whole.n, 4);
    cr_assert_eq(next(TRN_STR("\x04\x81\x02zzX"), &d), 0);
    cr_expect_eq(d.whole.n, 5);
    cr_assert_eq(next(TRN_STR("\x30\x80\x30\x80\x04\x01z\0\0\0\0X"), &d), 0);
    cr_expect(d.indefinite);
    cr_expect_eq(d.body.n, 7);
    cr_expect_eq(d.whole.n, 11);
}

Test(der, what_does_not_fit)
{
    struct trn_der d;
    cr_expect_eq(next(TRN_STR(""), &d), -ENOENT);
    cr_expect_eq(next(TRN_STR("\x04"), &d), -EBADMSG);
    cr_expect_eq(next(TRN_STR("\x04\x03zz"), &d), -EBADMSG);
    cr_expect_eq(next(TRN_STR("\x04\x88\xff\xff\xff\xff\xff\xff\xff\xffz"), &d), -EBADMSG);
    cr_expect_eq(next(TRN_STR("\x04\x89zzzzzzzzzzz"), &d), -EBADMSG);
    cr_expect_eq(next(TRN_STR("\x04\x80z\0\0"), &d), -EBADMSG, "an indefinite length of bytes");
    cr_expect_eq(next(TRN_STR("\x30\x80\x04\x01z\0"), &d), -EBADMSG, "without its end");
    cr_expect_eq(next(TRN_STR("\x1f\xff\xff\xff\xff\xff\xff\x01\x01z"), &d), -EBADMSG, "a number without end");
}

Test(der, indefinite_lengths_in_one_another_are_limited)
{
    char deep[2 * 100];
    struct trn_der d;
    for (size_t i = 0; i < sizeof(deep); i += 2) {
        deep[i] = 0x30;
        deep[i + 1] = (char)0x80;
    }
    cr_expect_eq(next((struct trn_str){deep, sizeof(deep)}, &d), -EBADMSG);
}

Test(der, size_from_the_head)
{
    uint64_t n;
    cr_assert_eq(trn_der_size(TRN_STR("\x30\x82\x10\x00"), &n), 0);
    cr_expect_eq(n, 0x1004);
    cr_expect_eq(trn_der_size(TRN_STR("\x30\x80"), &n), -ENODATA);
    cr_expect_eq(trn_der_size(TRN_STR("\x30"), &n), -EBADMSG);
}

Test(der, oid_as_text)
{
    char text[TRN_DER_OID_TEXT];
    cr_expect_str_eq(trn_der_oid_text(TRN_STR("\x2b\x06\x01\x04\x01\x82\x37\x02\x04\x01"), text),
                     "1.3.6.1.4.1.311.2.4.1");
    cr_expect_str_eq(trn_der_oid_text(TRN_STR("\x88\x37\x03"), text), "2.999.3");
    cr_expect_str_eq(trn_der_oid_text(TRN_STR("\x2b\x86"), text), "?");
    cr_expect_str_eq(trn_der_oid_text(TRN_STR(""), text), "?");
    char many[96];
    memset(many, 0x7f, sizeof(many));
    cr_expect_str_eq(trn_der_oid_text((struct trn_str){many, sizeof(many)}, text), "?");
}

static int64_t time_of(uint8_t ident, struct trn_str text)
{
    struct trn_der d = {.ident = ident, .body = text};
    int64_t t = -1;
    return trn_der_time(&d, &t) == 0 ? t : -1;
}

Test(der, times)
{
    cr_expect_eq(time_of(TRN_DER_UTC_TIME, TRN_STR("231114221320Z")), 1700000000);
    cr_expect_eq(time_of(TRN_DER_TIME, TRN_STR("20231114221320.123Z")), 1700000000);
    cr_expect_eq(time_of(TRN_DER_TIME, TRN_STR("19700101000000Z")), 0);
    cr_expect_eq(time_of(TRN_DER_TIME, TRN_STR("20240229000000Z")), 1709164800);
    cr_expect_eq(time_of(TRN_DER_UTC_TIME, TRN_STR("231314221320Z")), -1);
    cr_expect_eq(time_of(TRN_DER_UTC_TIME, TRN_STR("2311142213")), -1);
    cr_expect_eq(time_of(TRN_DER_OCTETS, TRN_STR("231114221320Z")), -1);
}

Test(der, octets_in_parts_are_put_together)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(1 << 16);
    struct trn_der d;
    struct trn_str all;
    cr_assert_eq(next(TRN_STR("\x24\x80\x04\x02"
                              "ab"
                              "\x04\x01"
                              "c"
                              "\0\0"),
                      &d),
                 0);
    cr_assert_eq(trn_der_octets(&d, a, &all), 0);
    cr_expect(trn_str_eq_c(all, "abc"));
}
