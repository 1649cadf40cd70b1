/* SPDX-License-Identifier: Apache-2.0 */
/* Does the buffer write what it says, never exceed its maximum, and stay bad once bad? */
#include "base/base.h"

#include <criterion/criterion.h>

Test(buf, integers_are_little_endian)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 100);
    trn_put_u8(&b, 0x01);
    trn_put_u16(&b, 0x0203);
    trn_put_u32(&b, 0x04050607);
    trn_put_u64(&b, 0x08090a0b0c0d0e0full);
    const char want[] = "\x01\x03\x02\x07\x06\x05\x04\x0f\x0e\x0d\x0c\x0b\x0a\x09\x08";
    cr_assert(trn_str_eq(trn_buf_str(&b), TRN_STR(want)));
    cr_assert_eq(b.p[b.n], '\0');
}

Test(buf, what_is_put_can_be_read_back)
{
    static const uint64_t numbers[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, 1ull << 63, UINT64_MAX};
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 1000);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(numbers); i++)
        trn_put_varint(&b, numbers[i]);
    trn_put_lstr(&b, TRN_STR_NONE);
    trn_put_lstr(&b, TRN_STR(""));
    trn_put_lstr(&b, TRN_STR("a\0b"));
    struct trn_cursor c = trn_cur_of(trn_buf_str(&b));
    for (size_t i = 0; i < TRN_ARRAY_SIZE(numbers); i++)
        cr_assert_eq(trn_cur_varint(&c), numbers[i], "number %zu", i);
    cr_assert(trn_str_is_none(trn_cur_lstr(&c)));
    struct trn_str empty = trn_cur_lstr(&c);
    cr_assert(!trn_str_is_none(empty) && empty.n == 0);
    cr_assert(trn_str_eq(trn_cur_lstr(&c), TRN_STR("a\0b")));
    cr_assert(trn_cur_end(&c));
}

Test(buf, the_maximum_is_exact_and_bad_sticks)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 5);
    trn_put_c(&b, "hello");
    cr_assert(!b.bad);
    trn_put_c(&b, "");
    cr_assert(!b.bad);
    trn_put_u8(&b, '!');
    cr_assert(b.bad);
    cr_assert(trn_str_eq(trn_buf_str(&b), TRN_STR("hello")));
    trn_buf_clear(&b);
    trn_put_fmt(&b, "%s", "123456");
    cr_assert(b.bad && b.n == 0);
    trn_put_u8(&b, 'x');
    cr_assert_eq(b.n, 0, "nothing is appended after bad");
    trn_buf_clear(&b);
    trn_put_hex(&b, "\xab\xcd\xef", 3);
    cr_assert(b.bad);
    trn_buf_clear(&b);
    trn_put_hex(&b, "\xab\x01", 2);
    cr_assert(trn_str_eq(trn_buf_str(&b), TRN_STR("ab01")));
}

Test(buf, empty_and_huge)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, SIZE_MAX);
    cr_assert(trn_str_eq(trn_buf_str(&b), TRN_STR("")), "empty, not absent");
    for (int i = 0; i < 100000; i++)
        trn_put_fmt(&b, "%d,", i);
    cr_assert(!b.bad && b.n == 588890);
    cr_assert(trn_str_ends(trn_buf_str(&b), TRN_STR("99999,")));
}
