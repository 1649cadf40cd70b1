/* SPDX-License-Identifier: Apache-2.0 */
/* Question: do exceptions become the rows that the kernel's search by longest prefix needs; is a bad start told? */
#include "sensor/cut_internal.h"

#include <criterion/criterion.h>
#include <unistd.h>

static const struct trn_cut_host hosts[] = {
    {.family = 4, .prefix = 8, .port = 0, .address = {10, 1, 2, 3}},
    {.family = 4, .prefix = 32, .port = 5060, .address = {10, 0, 0, 5}},
    {.family = 4, .prefix = 24, .port = 443, .address = {192, 0, 2, 77}},
    {.family = 4, .prefix = 32, .port = 5060, .address = {192, 0, 2, 9}},
    {.family = 4, .prefix = 32, .port = 443, .address = {192, 0, 2, 9}},
    {.family = 6, .prefix = 128, .port = 53, .address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 9}},
    {.family = 6, .prefix = 0, .port = 1, .address = {1}},
};

static struct trn_cut_except row_of(const struct trn_cut_host *h, struct trn_cut_except_key *ret_key)
{
    struct trn_cut_except row;

    cr_assert(trn_cut_except_key(7, h, ret_key));
    trn_cut_except_fold(ret_key, hosts, TRN_ARRAY_SIZE(hosts), &row);
    return row;
}

Test(cut, a_key_has_nothing_behind_its_prefix)
{
    struct trn_cut_except_key k;

    row_of(&hosts[0], &k);
    cr_expect_eq(k.rule, 7);
    cr_expect_eq(k.family, 4);
    cr_expect_eq(k.bits, 32 + 8);
    cr_expect_arr_eq(k.address, ((uint8_t[16]){10}), 16);
    row_of(&hosts[6], &k);
    cr_expect_eq(k.bits, 32);
    cr_expect_arr_eq(k.address, ((uint8_t[16]){0}), 16);
}

Test(cut, a_narrow_prefix_allows_what_the_wide_one_around_it_does)
{
    struct trn_cut_except_key k;

    cr_expect_eq(row_of(&hosts[1], &k).n, TRN_CUT_ANY_PORT);
    cr_expect_eq(row_of(&hosts[0], &k).n, TRN_CUT_ANY_PORT);
}

Test(cut, ports_of_one_address_come_together_once)
{
    struct trn_cut_except_key k;
    struct trn_cut_except row = row_of(&hosts[3], &k);

    cr_assert_eq(row.n, 3);
    cr_expect_eq(row.ports[0] + row.ports[1] + row.ports[2], 443 + 5060 + 53);
    row = row_of(&hosts[2], &k);
    cr_assert_eq(row.n, 1);
    cr_expect_eq(row.ports[0], 443);
}

Test(cut, an_ipv4_address_inside_an_ipv6_one_is_what_it_is)
{
    struct trn_cut_except_key four, six;

    row_of(&hosts[3], &four);
    row_of(&hosts[5], &six);
    cr_expect_arr_eq(&four, &six, sizeof(four));
}

Test(cut, what_is_no_address_is_refused)
{
    const struct trn_cut_host bad[] = {{.family = 4, .prefix = 33},
                                       {.family = 6, .prefix = 129},
                                       {.family = 5, .prefix = 1},
                                       {.prefix = 0}};
    struct trn_cut_except_key k;

    for (size_t i = 0; i < TRN_ARRAY_SIZE(bad); i++)
        cr_expect_not(trn_cut_except_key(1, &bad[i], &k), "case %zu", i);
}

Test(cut, more_ports_than_there_is_room_for_are_left_out)
{
    struct trn_cut_host many[TRN_CUT_PORTS + 8];
    struct trn_cut_except_key k;
    struct trn_cut_except row;

    for (size_t i = 0; i < TRN_ARRAY_SIZE(many); i++)
        many[i] = (struct trn_cut_host){.family = 4, .prefix = 32, .port = (uint16_t)(i + 1), .address = {1, 2, 3, 4}};
    cr_assert(trn_cut_except_key(1, many, &k));
    trn_cut_except_fold(&k, many, TRN_ARRAY_SIZE(many), &row);
    cr_expect_eq(row.n, TRN_CUT_PORTS);
}

Test(cut, the_start_of_a_process_is_told_and_of_none_is_not)
{
    uint64_t ticks = 0;

    cr_expect_eq(trn_cut_start_ticks((uint32_t)getpid(), &ticks), 0);
    cr_expect_gt(ticks, 0);
    cr_expect_eq(trn_cut_start_ticks(4194304u, &ticks), -ESRCH);
    cr_expect_eq(trn_cut_end_connection(4194304u, 0, 0), -ESRCH);
    cr_expect_neq(trn_cut_end_connection((uint32_t)getpid(), 999, 0), 0);
}
