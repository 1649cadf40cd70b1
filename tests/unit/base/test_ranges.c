/* SPDX-License-Identifier: Apache-2.0 */
/* Question: are the gaps between ranges found, whatever order they came in and however they lie over each other? */
#include "base/base.h"

#include <criterion/criterion.h>

static struct trn_ranges ranges(struct trn_arena *a)
{
    return (struct trn_ranges){.arena = a};
}

Test(ranges, what_none_covers_is_a_gap)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(0);
    struct trn_ranges r = ranges(a);
    struct trn_span g = {0};
    trn_ranges_add(&r, 50, 10);
    trn_ranges_add(&r, 0, 10);
    trn_ranges_add(&r, 8, 12); /* over the end of the one before */
    trn_ranges_add(&r, 52, 3); /* inside */
    trn_ranges_add(&r, 30, 0); /* nothing */
    trn_ranges_close(&r);
    cr_expect_eq(r.n, 2);
    cr_assert(trn_ranges_gap(&r, 0, 100, &g));
    cr_expect(g.from == 20 && g.to == 50);
    cr_assert(trn_ranges_gap(&r, g.to, 100, &g));
    cr_expect(g.from == 60 && g.to == 100);
    cr_expect_not(trn_ranges_gap(&r, 100, 100, &g));
    cr_assert(trn_ranges_gap(&r, 25, 40, &g));
    cr_expect(g.from == 25 && g.to == 40);
    cr_expect_not(trn_ranges_gap(&r, 5, 20, &g));
}

Test(ranges, none_at_all_and_one_to_the_end_of_all_places)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(0);
    struct trn_ranges r = ranges(a);
    struct trn_span g = {0};
    trn_ranges_close(&r);
    cr_assert(trn_ranges_gap(&r, 3, 9, &g));
    cr_expect(g.from == 3 && g.to == 9);
    trn_ranges_add(&r, 5, UINT64_MAX);
    trn_ranges_close(&r);
    cr_assert(trn_ranges_gap(&r, 3, 9, &g));
    cr_expect(g.from == 3 && g.to == 5);
    cr_expect_not(trn_ranges_gap(&r, 5, UINT64_MAX, &g));
}

Test(ranges, more_than_there_is_room_for_is_said)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(4096);
    struct trn_ranges r = ranges(a);
    for (uint64_t i = 0; i < 1000; i++)
        trn_ranges_add(&r, i * 10, 5);
    cr_expect(r.bad);
    cr_expect_gt(r.n, 0);
}
