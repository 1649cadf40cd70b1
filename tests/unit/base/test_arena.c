/* SPDX-License-Identifier: Apache-2.0 */
/* Does the arena hand out zeroed, aligned, separate memory, hold its limit, and forget on reset? */
#include "base/base.h"

#include <criterion/criterion.h>

Test(arena, memory_is_zeroed_aligned_and_separate)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(0);
    unsigned char *p[200];
    for (size_t i = 0; i < 200; i++) {
        p[i] = trn_arena_alloc(a, i + 1);
        cr_assert_not_null(p[i]);
        cr_assert_eq((uintptr_t)p[i] % _Alignof(max_align_t), 0);
        for (size_t k = 0; k <= i; k++)
            cr_assert_eq(p[i][k], 0);
        memset(p[i], (int)i, i + 1);
    }
    for (size_t i = 0; i < 200; i++)
        cr_assert(p[i][0] == (unsigned char)i && p[i][i] == (unsigned char)i, "piece %zu was overwritten", i);
}

Test(arena, reset_zeroes_again_and_reuses)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(0);
    char *first = trn_arena_alloc(a, 100);
    memset(first, 'x', 100);
    cr_assert_not_null(trn_arena_alloc(a, 1 << 20));
    trn_arena_reset(a);
    cr_assert_eq(trn_arena_used(a), 0);
    char *again = trn_arena_alloc(a, 100);
    cr_assert_eq(again, first, "the first block is kept");
    cr_assert_eq(again[99], 0);
}

Test(arena, limit_holds)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(1000);
    cr_assert_null(trn_arena_alloc(a, 1001));
    cr_assert_not_null(trn_arena_alloc(a, 600));
    cr_assert_null(trn_arena_alloc(a, 600));
    cr_assert_not_null(trn_arena_alloc(a, 300), "a refusal does not spoil the rest");
    trn_arena_reset(a);
    cr_assert_not_null(trn_arena_alloc(a, 1000));
}

Test(arena, absurd_sizes_are_refused)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(SIZE_MAX);
    cr_assert_null(trn_arena_array(a, SIZE_MAX / 2, 3));
    cr_assert_not_null(trn_arena_array(a, 0, 100));
    cr_assert_not_null(trn_arena_alloc(a, 0));
}

Test(arena, copies_keep_absence_and_end_with_nul)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(64);
    cr_assert(trn_str_is_none(trn_arena_str(a, TRN_STR_NONE)));
    struct trn_str empty = trn_arena_str(a, TRN_STR(""));
    cr_assert(!trn_str_is_none(empty) && empty.n == 0);
    struct trn_str copy = trn_arena_str(a, TRN_STR("a\0b"));
    cr_assert(trn_str_eq(copy, TRN_STR("a\0b")) && copy.p[3] == '\0');
    cr_assert(trn_str_eq_c(trn_arena_printf(a, "%d-%s", 7, "x"), "7-x"));
    cr_assert(trn_str_is_none(trn_arena_printf(a, "%200d", 7)), "past the limit");
    cr_assert_null(trn_arena_free(NULL));
}
