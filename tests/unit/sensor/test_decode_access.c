/* SPDX-License-Identifier: Apache-2.0 */
/* Question: do records about access, credentials and hooks become the right events, and bad ones none? */
#include "wire_build.h"

#include <criterion/criterion.h>

static struct trn_arena *arena;

static void begin(void)
{
    arena = trn_arena_new(1 << 16);
}

static void end(void)
{
    trn_arena_free(arena);
}

TestSuite(sensor_decode_access, .init = begin, .fini = end);

static int decode(const void *p, size_t n, struct trn_event *ret)
{
    return trn_decode_record(trn_cur(p, n), 1, arena, ret);
}

static struct trn_wire_access access_record(void)
{
    return (struct trn_wire_access){.head = wire_head(TRN_WIRE_ACCESS, sizeof(struct trn_wire_access)),
                                    .target_start = 88,
                                    .target_tgid = 50,
                                    .uid = 1000,
                                    .euid = 0,
                                    .gid = 100,
                                    .act = TRN_WIRE_ACCESS_WRITE,
                                    .way = TRN_WIRE_WAY_PROCESS_VM};
}

Test(sensor_decode_access, who_reached_into_whom_and_how)
{
    struct trn_wire_access r = access_record();
    struct trn_event ev;

    cr_assert_eq(decode(&r, sizeof(r), &ev), 0);
    cr_expect_eq(ev.type, TRN_EV_ACCESS);
    cr_expect_eq(ev.action, TRN_ACT_WRITE);
    cr_expect(trn_str_eq_c(ev.access.way, "process_vm_writev"));
    cr_expect_eq(ev.entity, trn_entity_id(1, 42, 77));
    cr_expect_eq(ev.access.target, trn_entity_id(1, 50, 88));
    cr_expect_eq(ev.access.target_pid, 50);
    cr_expect(ev.uid == 1000 && ev.euid == 0 && ev.gid == 100);
}

Test(sensor_decode_access, a_target_that_is_gone_or_known_by_pid_only)
{
    struct trn_wire_access r = access_record();
    struct trn_event ev;

    r.target_start = 0;
    r.act = TRN_WIRE_ACCESS_ATTACH;
    r.way = TRN_WIRE_WAY_PTRACE;
    cr_assert_eq(decode(&r, sizeof(r), &ev), 0);
    cr_expect(ev.action == TRN_ACT_PTRACE && ev.access.target == 0 && ev.access.target_pid == 50);
    r.target_tgid = 0;
    cr_assert_eq(decode(&r, sizeof(r), &ev), 0);
    cr_expect_eq(ev.access.target_pid, TRN_NO_U32);
}

Test(sensor_decode_access, every_way_has_a_name)
{
    struct trn_wire_access r = access_record();

    for (uint16_t way = 1; way < TRN_WIRE_WAY_MAX; way++) {
        struct trn_event ev;

        r.way = way;
        cr_assert_eq(decode(&r, sizeof(r), &ev), 0);
        cr_expect(ev.access.way.n > 0);
    }
}

Test(sensor_decode_access, new_ids_without_the_old_ones)
{
    struct trn_wire_cred r = {.head = wire_head(TRN_WIRE_CRED, sizeof(r)), .uid = 1000, .euid = 0, .gid = TRN_NO_U32};
    struct trn_event ev;

    cr_assert_eq(decode(&r, sizeof(r), &ev), 0);
    cr_expect(ev.type == TRN_EV_CRED && ev.action == TRN_ACT_USER);
    cr_expect(ev.uid == 1000 && ev.euid == 0 && ev.gid == TRN_NO_U32);
    cr_expect(ev.cred.old_uid == TRN_NO_U32 && ev.cred.old_euid == TRN_NO_U32);
    r.head.tgid = 0;
    cr_expect_eq(decode(&r, sizeof(r), &ev), -EBADMSG, "of nobody");
}

Test(sensor_decode_access, a_hook_that_was_lost_and_came_back)
{
    struct trn_wire_hook r = {.head = wire_head(TRN_WIRE_HOOK, 0), .name_len = 3, .text_len = 4};
    uint8_t buf[128];
    struct trn_event ev;
    size_t n = wire_join(buf, &r, sizeof(r), "dnsgone", 7);

    cr_assert_eq(decode(buf, n, &ev), 0);
    cr_expect(ev.type == TRN_EV_HOOK && ev.action == TRN_ACT_LOST);
    cr_expect(trn_str_eq_c(ev.meta.text, "dns: gone"));
    r.returned = 1;
    r.text_len = 0;
    n = wire_join(buf, &r, sizeof(r), "dns", 3);
    cr_assert_eq(decode(buf, n, &ev), 0);
    cr_expect(ev.action == TRN_ACT_RETURNED && trn_str_eq_c(ev.meta.text, "dns"));
    r.returned = 2;
    n = wire_join(buf, &r, sizeof(r), "dns", 3);
    cr_expect_eq(decode(buf, n, &ev), -EBADMSG);
}

Test(sensor_decode_access, nonsense_is_refused)
{
    struct trn_wire_access r = access_record();
    struct trn_event ev;

    for (size_t n = 0; n < sizeof(r); n++) {
        r.head.size = (uint32_t)n;
        cr_expect_eq(decode(&r, n, &ev), -EBADMSG);
    }
    r = access_record();
    r.act = 4;
    cr_expect_eq(decode(&r, sizeof(r), &ev), -EBADMSG);
    r = access_record();
    r.way = TRN_WIRE_WAY_MAX;
    cr_expect_eq(decode(&r, sizeof(r), &ev), -EBADMSG);
}
