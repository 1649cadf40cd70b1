/* SPDX-License-Identifier: Apache-2.0 */
/* Can a reader ever see a byte outside its region, or forget that something was missing? */
#include "base/base.h"

#include <criterion/criterion.h>

Test(cursor, both_byte_orders)
{
    struct trn_cursor c = trn_cur("\x01\x02\x03\x04\x05\x06\x07\x08", 8);
    cr_assert_eq(trn_cur_u64le(&c), 0x0807060504030201ull);
    trn_cur_seek(&c, 0);
    cr_assert_eq(trn_cur_u64be(&c), 0x0102030405060708ull);
    trn_cur_seek(&c, 0);
    cr_assert_eq(trn_cur_u32le(&c), 0x04030201u);
    cr_assert_eq(trn_cur_u32be(&c), 0x05060708u);
    trn_cur_seek(&c, 1);
    cr_assert_eq(trn_cur_u16le(&c), 0x0302);
    cr_assert_eq(trn_cur_u16be(&c), 0x0405);
    cr_assert_eq(trn_cur_u8(&c), 6);
    cr_assert(!c.bad && trn_cur_left(&c) == 2 && !trn_cur_end(&c));
}

Test(cursor, a_short_read_is_zero_and_sticks)
{
    struct trn_cursor c = trn_cur("\xff\xff\xff", 3);
    cr_assert_eq(trn_cur_u32le(&c), 0);
    cr_assert(c.bad);
    cr_assert_eq(trn_cur_u8(&c), 0, "also what would fit");
    trn_cur_seek(&c, 0);
    cr_assert(c.bad && trn_cur_left(&c) == 0 && !trn_cur_end(&c));
    cr_assert(trn_str_is_none(trn_cur_bytes(&c, 0)));
    cr_assert(trn_str_is_none(trn_cur_line(&c)));
}

Test(cursor, lengths_near_the_end_of_the_address_space)
{
    struct trn_cursor c = trn_cur("abcd", 4);
    trn_cur_skip(&c, 2);
    cr_assert(trn_str_is_none(trn_cur_bytes(&c, SIZE_MAX)) && c.bad);
    c = trn_cur("abcd", 4);
    trn_cur_skip(&c, SIZE_MAX - 1);
    cr_assert(c.bad);
    c = trn_cur("abcd", 4);
    cr_assert(trn_cur_sub(&c, 2, SIZE_MAX).bad && trn_cur_sub(&c, SIZE_MAX, 2).bad && !c.bad);
}

Test(cursor, a_sub_cursor_sees_its_part_only)
{
    struct trn_cursor c = trn_cur("abcdef", 6);
    struct trn_cursor sub = trn_cur_sub(&c, 2, 2);
    cr_assert(trn_str_eq_c(trn_cur_bytes(&sub, 2), "cd"));
    cr_assert(trn_cur_end(&sub));
    trn_cur_u8(&sub);
    cr_assert(sub.bad && !c.bad);
    struct trn_cursor empty = trn_cur_sub(&c, 6, 0);
    cr_assert(trn_cur_end(&empty));
}

Test(cursor, varints_that_do_not_fit)
{
    struct trn_cursor c = trn_cur("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10);
    cr_assert_eq(trn_cur_varint(&c), UINT64_MAX);
    cr_assert(trn_cur_end(&c));
    c = trn_cur("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10);
    cr_assert(trn_cur_varint(&c) == 0 && c.bad);
    c = trn_cur("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12);
    cr_assert(trn_cur_varint(&c) == 0 && c.bad);
    c = trn_cur("\x80", 1);
    cr_assert(trn_cur_varint(&c) == 0 && c.bad);
}

Test(cursor, a_length_that_lies)
{
    struct trn_cursor c = trn_cur("\x05\0\0\0abcd", 8);
    cr_assert(trn_str_is_none(trn_cur_lstr(&c)) && c.bad);
    c = trn_cur("\xff\xff\xff\xff", 4);
    cr_assert(trn_str_is_none(trn_cur_lstr(&c)) && !c.bad && trn_cur_end(&c));
    c = trn_cur("\xfe\xff\xff\xff", 4);
    cr_assert(trn_str_is_none(trn_cur_lstr(&c)) && c.bad);
}

Test(cursor, until_holds_its_maximum)
{
    struct trn_cursor c = trn_cur("ab\0cd", 5);
    cr_assert(trn_str_eq_c(trn_cur_until(&c, '\0', 2), "ab"));
    cr_assert_eq(trn_cur_u8(&c), 'c');
    cr_assert(trn_str_is_none(trn_cur_until(&c, '\0', 100)) && c.bad);
    c = trn_cur("ab\0cd", 5);
    cr_assert(trn_str_is_none(trn_cur_until(&c, '\0', 1)) && c.bad);
    c = trn_cur("ab", 2);
    cr_assert(trn_str_is_none(trn_cur_until(&c, '\0', SIZE_MAX)) && c.bad);
}

Test(cursor, lines_of_every_ending)
{
    struct trn_cursor c = trn_cur("a\r\n\nb\r", 6);
    cr_assert(trn_str_eq_c(trn_cur_line(&c), "a"));
    cr_assert(trn_str_eq_c(trn_cur_line(&c), ""));
    cr_assert(trn_str_eq_c(trn_cur_line(&c), "b"));
    cr_assert(trn_str_is_none(trn_cur_line(&c)) && trn_cur_end(&c));
}

Test(cursor, copies_are_whole_or_zero)
{
    char to[4] = "xxx";
    struct trn_cursor c = trn_cur("ab", 2);
    cr_assert(!trn_cur_copy(&c, to, 3));
    cr_assert_arr_eq(to, "\0\0\0", 3);
    c = trn_cur("ab", 2);
    cr_assert(trn_cur_copy(&c, to, 2) && to[0] == 'a' && trn_cur_copy(&c, NULL, 0));
}

Test(cursor, no_region_at_all)
{
    struct trn_cursor c = trn_cur(NULL, 10);
    cr_assert(trn_cur_left(&c) == 0 && trn_cur_end(&c));
    struct trn_str s = trn_cur_bytes(&c, 0);
    cr_assert(!trn_str_is_none(s) && s.n == 0);
    cr_assert_eq(trn_cur_u8(&c), 0);
    cr_assert(c.bad);
}
