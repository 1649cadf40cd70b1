/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does the table of held processes know exactly those that were put in, as long as they live? */
#include "sensor/held.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct trn_held *fresh(void)
{
    struct trn_held *h = NULL;
    struct trn_err err = {0};

    cr_assert_eq(trn_held_new(&h, &err), 0, "%s", err.message);
    return h;
}

/* When we started, in ns, as exact as /proc says it. */
static uint64_t own_start(void)
{
    uint64_t now = trn_boot_ns() / 10000000u * 10000000u;

    while (!trn_held_lives((uint32_t)getpid(), now))
        now -= 10000000u;
    return now;
}

Test(held, who_is_put_in_is_there_until_taken_out)
{
    struct trn_held *h = fresh();

    cr_expect_eq(trn_held_count(h), 0);
    cr_assert_eq(trn_held_add(h, 7, 100, TRN_HELD_BY_ACT), 0);
    cr_assert_eq(trn_held_add(h, 7, 100, TRN_HELD_BY_ACT), 0);                   /* once more is no more */
    cr_assert_eq(trn_held_add(h, 7 + TRN_HELD_SLOTS, 200, TRN_HELD_BY_GATE), 0); /* begins to look at the same slot */
    cr_expect_eq(trn_held_count(h), 2);
    cr_expect(trn_held_has(h, 7, 100));
    cr_expect_not(trn_held_has(h, 7, 101)); /* a later process with its number */
    trn_held_remove(h, 7, 101);
    cr_expect(trn_held_has(h, 7, 100));
    trn_held_remove(h, 7, 100);
    cr_expect_not(trn_held_has(h, 7, 100));
    cr_expect(trn_held_has(h, 7 + TRN_HELD_SLOTS, 200));
    cr_expect_not(trn_held_has(h, 0, 0)); /* a free slot is nobody */
    cr_expect_eq(trn_held_add(h, 0, 1, TRN_HELD_BY_ACT), -EINVAL);
    trn_held_free(h);
    trn_held_free(NULL);
}

Test(held, whom_two_hold_the_last_one_lets_go)
{
    struct trn_held *h = fresh();

    cr_expect_not(trn_held_share(h, 7, 100)); /* nobody holds it */
    cr_assert_eq(trn_held_add(h, 7, 100, TRN_HELD_BY_ACT), 0);
    cr_expect_not(trn_held_is_shared(h, 7, 100));
    cr_expect(trn_held_share(h, 7, 100));
    cr_expect(trn_held_is_shared(h, 7, 100));
    cr_expect_eq(trn_held_count(h), 1);
    trn_held_remove(h, 7, 100);
    cr_expect_not(trn_held_is_shared(h, 7, 100));
    cr_expect(trn_held_has(h, 7, 100));
    trn_held_remove(h, 7, 100);
    cr_expect_not(trn_held_has(h, 7, 100));
    cr_assert_eq(trn_held_add(h, 7, 200, TRN_HELD_BY_ACT), 0); /* another one in that slot: nobody's share is left */
    cr_expect_not(trn_held_is_shared(h, 7, 200));
    trn_held_free(h);
}

Test(held, whoever_has_the_descriptor_sees_the_same_table)
{
    struct trn_held *h = fresh();
    const struct trn_held_table *other =
        mmap(NULL, sizeof(struct trn_held_table), PROT_READ, MAP_SHARED, trn_held_fd(h), 0);

    cr_assert_neq(other, MAP_FAILED);
    cr_assert_eq(trn_held_add(h, 5, 50, TRN_HELD_BY_ACT), 0);
    cr_expect_eq(other->slots[5].tgid, 5);
    cr_expect_eq(other->slots[5].start_boot_ns, 50);
    cr_expect_eq(other->slots[5].kind, TRN_HELD_BY_ACT);
    trn_held_remove(h, 5, 50);
    cr_expect_eq(other->slots[5].tgid, 0);
    cr_expect_eq(other->slots[5].kind, 0);
    (void)munmap((void *)(uintptr_t)other, sizeof(struct trn_held_table));
    trn_held_free(h);
}

Test(held, a_full_table_says_so_and_makes_room_for_the_living)
{
    struct trn_held *h = fresh();
    uint64_t start = own_start();
    uint32_t me = (uint32_t)getpid();

    for (uint32_t i = 0; i < TRN_HELD_SLOTS; i++) /* all of them us, by the tick that all these times share */
        cr_assert_eq(trn_held_add(h, me, start + i, TRN_HELD_BY_ACT), 0);
    cr_expect_eq(trn_held_add(h, me, start + TRN_HELD_SLOTS, TRN_HELD_BY_ACT), -ENOSPC);
    trn_held_remove(h, me, start + 3);
    cr_expect_eq(trn_held_add(h, 0x7fffffff, 1, TRN_HELD_BY_ACT), 0); /* nobody: no pid is that high */
    cr_expect_eq(trn_held_add(h, me, start + TRN_HELD_SLOTS, TRN_HELD_BY_ACT), 0);
    cr_expect_eq(trn_held_count(h), TRN_HELD_SLOTS);
    cr_expect_not(trn_held_has(h, 0x7fffffff, 1));
    trn_held_free(h);
}

Test(held, who_is_gone_is_swept_out)
{
    struct trn_held *h = fresh();
    uint64_t start = own_start();
    pid_t child = fork();

    if (child == 0)
        _exit(0);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    cr_assert_eq(trn_held_add(h, (uint32_t)child, start, TRN_HELD_BY_ACT), 0);
    cr_assert_eq(trn_held_add(h, (uint32_t)getpid(), start, TRN_HELD_BY_ACT), 0);
    cr_assert_eq(trn_held_add(h, (uint32_t)getpid(), start - 20000000, TRN_HELD_BY_ACT), 0); /* started before us */
    cr_expect_eq(trn_held_sweep(h), 2);
    cr_expect_eq(trn_held_count(h), 1);
    cr_expect(trn_held_has(h, (uint32_t)getpid(), start));
    trn_held_free(h);
}

/* One writes all slots, the other looks: nobody is ever seen with another's start. */
Test(held, a_reader_never_sees_half_a_row, .timeout = 20)
{
    struct trn_held *h = fresh();
    pid_t writer = fork();

    if (writer == 0) {
        for (uint32_t i = 1; i < 20000; i++) {
            if (trn_held_add(h, i, i * 1000ull, TRN_HELD_BY_ACT) != 0)
                _exit(1);
            trn_held_remove(h, i, i * 1000ull);
        }
        _exit(0);
    }
    const struct trn_held_table *t =
        mmap(NULL, sizeof(struct trn_held_table), PROT_READ, MAP_SHARED, trn_held_fd(h), 0);
    int status = 0;

    cr_assert_neq(t, MAP_FAILED);
    while (waitpid(writer, &status, WNOHANG) == 0) {
        for (uint32_t i = 0; i < TRN_HELD_SLOTS; i++) {
            uint32_t tgid = __atomic_load_n(&t->slots[i].tgid, __ATOMIC_ACQUIRE);
            uint64_t start = __atomic_load_n(&t->slots[i].start_boot_ns, __ATOMIC_ACQUIRE);

            if (tgid != 0 && start != 0 && __atomic_load_n(&t->slots[i].tgid, __ATOMIC_ACQUIRE) == tgid)
                cr_assert_eq(start, tgid * 1000ull);
        }
    }
    cr_expect_eq(status, 0);
    trn_held_free(h);
}
