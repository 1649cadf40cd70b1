/* SPDX-License-Identifier: Apache-2.0 */
/* Does the map agree with a plain list under random use, keep its order, and hold its maximum? */
#include "base/base.h"

#include <criterion/criterion.h>

Test(map, put_get_remove)
{
    TRN_AUTO(trn_map_freep) struct trn_map *m = trn_map_new(10);
    uint64_t v = 99;
    cr_assert(!trn_map_get(m, 5, &v) && v == 99 && !trn_map_remove(m, 5, NULL));
    cr_assert_eq(trn_map_put(m, 5, 50), 0);
    cr_assert_eq(trn_map_put(m, 5, 51), 0);
    cr_assert(trn_map_count(m) == 1 && trn_map_get(m, 5, &v) && v == 51);
    cr_assert(trn_map_remove(m, 5, &v) && v == 51 && trn_map_count(m) == 0 && !trn_map_get(m, 5, NULL));
    cr_assert_eq(trn_map_put(m, 0, 1), 0);
    cr_assert_eq(trn_map_put(m, UINT64_MAX, 2), 0);
    cr_assert(trn_map_get(m, 0, &v) && v == 1 && trn_map_get(m, UINT64_MAX, &v) && v == 2);
    cr_assert_eq(trn_map_put_ptr(m, 9, &v), 0);
    cr_assert_eq(trn_map_get_ptr(m, 9), &v);
    cr_assert_null(trn_map_get_ptr(m, 8));
    cr_assert_null(trn_map_free(NULL));
}

Test(map, the_maximum_is_exact)
{
    TRN_AUTO(trn_map_freep) struct trn_map *m = trn_map_new(100);
    for (uint64_t i = 0; i < 100; i++)
        cr_assert_eq(trn_map_put(m, i, i), 0);
    cr_assert_eq(trn_map_put(m, 100, 0), -ENOSPC);
    cr_assert_eq(trn_map_put(m, 50, 7), 0, "replacing is no growth");
    cr_assert(trn_map_remove(m, 50, NULL));
    cr_assert_eq(trn_map_put(m, 100, 0), 0);
    TRN_AUTO(trn_map_freep) struct trn_map *none = trn_map_new(0);
    cr_assert_eq(trn_map_put(none, 1, 1), -ENOSPC);
}

Test(map, a_full_queue_stays_fast_and_in_order, .timeout = 10)
{
    enum { WIDTH = 1000, ROUNDS = 1000000 };
    TRN_AUTO(trn_map_freep) struct trn_map *m = trn_map_new(WIDTH);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        size_t it = 0;
        uint64_t key;
        if (i >= WIDTH) {
            cr_assert(trn_map_next(m, &it, &key, NULL) && key == i - WIDTH);
            cr_assert(trn_map_remove(m, key, NULL));
        }
        cr_assert_eq(trn_map_put(m, i, i), 0);
    }
    cr_assert_eq(trn_map_count(m), WIDTH);
    cr_assert_lt(trn_map_bytes(m), 64 * WIDTH);
}

Test(map, removing_while_iterating)
{
    TRN_AUTO(trn_map_freep) struct trn_map *m = trn_map_new(1000);
    for (uint64_t i = 0; i < 500; i++)
        cr_assert_eq(trn_map_put(m, i * 7919, i), 0);
    size_t it = 0;
    uint64_t key, value, seen = 0;
    while (trn_map_next(m, &it, &key, &value)) {
        cr_assert_eq(value, seen++, "order of insertion");
        if (value % 2)
            cr_assert(trn_map_remove(m, key, NULL));
    }
    cr_assert(seen == 500 && trn_map_count(m) == 250);
    it = 0;
    for (seen = 0; trn_map_next(m, &it, &key, &value); seen += 2)
        cr_assert_eq(value, seen);
}

/* The same operations on the map and on a plain array of all keys; they must agree at every step. */
Test(map, agrees_with_a_list_under_random_use, .timeout = 20)
{
    enum { KEYS = 300, STEPS = 200000 };
    TRN_AUTO(trn_map_freep) struct trn_map *m = trn_map_new(KEYS);
    static uint64_t value[KEYS];
    static bool held[KEYS];
    uint64_t random = 12345;
    size_t count = 0;
    for (uint64_t i = 0; i < STEPS; i++) {
        random = trn_hash64_mix(random, i);
        size_t k = random % KEYS;
        uint64_t got = 0, key = k << 32 | k;
        if (random >> 40 & 1) {
            cr_assert_eq(trn_map_put(m, key, i), 0);
            count += !held[k];
            held[k] = true;
            value[k] = i;
        } else {
            cr_assert_eq(trn_map_remove(m, key, &got), held[k]);
            cr_assert(!held[k] || got == value[k]);
            count -= held[k];
            held[k] = false;
        }
        cr_assert_eq(trn_map_count(m), count);
        k = (random >> 20) % KEYS;
        cr_assert_eq(trn_map_get(m, k << 32 | k, &got), held[k]);
        cr_assert(!held[k] || got == value[k]);
    }
}
