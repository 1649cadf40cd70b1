/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does a connection get the name that its address was answered for, by whom, for how long, and no other? */
#include "engine/names.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct trn_arena *arena;
static struct trn_names *names;

static void set_up(void)
{
    arena = trn_arena_new(1 << 20);
    names = trn_names_new();
    cr_assert(arena && names);
}

static void tear_down(void)
{
    arena = trn_arena_free(arena);
    names = trn_names_free(names);
}

TestSuite(engine_names, .init = set_up, .fini = tear_down);

static void answer(uint64_t entity, const char *name, const char *address, uint64_t at)
{
    struct trn_event ev;

    trn_event_init(&ev, TRN_EV_DNS);
    ev.action = TRN_ACT_ANSWER;
    ev.entity = entity;
    ev.boot_ns = at;
    ev.dns.name = trn_str_of(name);
    ev.dns.answers = (struct trn_str){address, strlen(address) + 1};
    cr_assert_eq(trn_names_see(names, &ev, arena), 0);
}

static const char *name_of(enum trn_event_type type, uint64_t entity, uint8_t last, uint64_t at)
{
    struct trn_event ev;
    struct trn_value v;

    trn_event_init(&ev, type);
    ev.entity = entity;
    ev.boot_ns = at;
    ev.net.family = 4;
    memcpy(ev.net.dst, (uint8_t[]){10, 9, 0, last}, 4);
    cr_assert_eq(trn_names_see(names, &ev, arena), 0);
    return trn_event_get(&ev, trn_field_by_id(TRN_F_DST_DOMAIN), &v) ? trn_arena_str(arena, v.s).p : "";
}

Test(engine_names, the_own_answer_before_that_of_others)
{
    answer(1, "one.test", "10.9.0.5", 1000);
    answer(2, "two.test", "10.9.0.5", 2000);
    cr_expect_str_eq(name_of(TRN_EV_CONNECT, 1, 5, 3000), "one.test");
    cr_expect_str_eq(name_of(TRN_EV_NET_CLOSE, 2, 5, 3000), "two.test");
    cr_expect_str_eq(name_of(TRN_EV_TLS, 3, 5, 3000), "two.test", "a resolver asked for it");
    cr_expect_str_eq(name_of(TRN_EV_CONNECT, 0, 5, 3000), "two.test");
    cr_expect_str_eq(name_of(TRN_EV_CONNECT, 1, 6, 3000), "");
    cr_expect_str_eq(name_of(TRN_EV_ACCEPT, 1, 5, 3000), "", "who calls us has asked for our name, not we for theirs");
}

Test(engine_names, names_of_other_kinds_are_no_addresses)
{
    answer(1, "one.test", "cdn.test\00010.9.0.5", 1000);
    cr_expect_str_eq(name_of(TRN_EV_CONNECT, 1, 5, 3000), "", "the list in this test ends at its first NUL");
    answer(1, "six.test", "::ffff:10.9.0.7", 1000);
    cr_expect_str_eq(name_of(TRN_EV_CONNECT, 1, 7, 3000), "");
}

Test(engine_names, an_hour_is_believed)
{
    answer(1, "one.test", "10.9.0.5", 1000);
    cr_expect_str_eq(name_of(TRN_EV_CONNECT, 1, 5, 3600 * TRN_NS_PER_SEC), "one.test");
    cr_expect_str_eq(name_of(TRN_EV_CONNECT, 1, 5, 3600 * TRN_NS_PER_SEC + 1000), "");
    answer(1, "new.test", "10.9.0.5", 3600 * TRN_NS_PER_SEC);
    cr_expect_str_eq(name_of(TRN_EV_CONNECT, 1, 5, 3600 * TRN_NS_PER_SEC + 1000), "new.test");
}

Test(engine_names, memory_is_bounded_and_the_youngest_stay)
{
    char text[32];

    for (unsigned i = 0; i < 4096; i++) {
        (void)snprintf(text, sizeof(text), "10.%u.%u.1", i / 256, i % 256);
        answer(0, "many.test", text, 1000);
    }
    answer(0, "last.test", "10.9.0.1", 1000);
    cr_expect_lt(trn_names_bytes(names), 1u << 20);
    cr_expect_str_eq(name_of(TRN_EV_CONNECT, 0, 1, 2000), "last.test");
    for (unsigned i = 0; i < 20000; i++) {
        (void)snprintf(text, sizeof(text), "10.10.%u.%u", i / 256, i % 256);
        answer(i, "many.test", text, 1000);
    }
    cr_expect_lt(trn_names_bytes(names), 1u << 20);
    cr_expect_str_eq(name_of(TRN_EV_CONNECT, 0, 1, 2000), "", "the oldest went");
}
