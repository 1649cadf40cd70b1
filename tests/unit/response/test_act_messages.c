/* SPDX-License-Identifier: Apache-2.0 */
/* Does a request to act come out of its bytes as it went in, and is every damaged one refused? */
#include "channel/channel.h"

#include <criterion/criterion.h>

static const struct trn_act_process processes[] = {{0xabc, 12345678, 812}, {0xdef, 22345678, 813}};
static const struct trn_act_host hosts[] = {{4, 32, 5060, {10, 9, 0, 1}}, {6, 64, 0, {0x20, 1, 0xd, 0xb8}}};

static struct trn_act_request whole(void)
{
    return (struct trn_act_request){.job = 7,
                                    .act = TRN_RESPOND_ISOLATE,
                                    .target = TRN_TARGET_SOFTWARE,
                                    .score = 88,
                                    .flags = TRN_ACT_DRY_RUN,
                                    .seconds = 600,
                                    .story = 3,
                                    .check = TRN_STR("behaviour.beacon"),
                                    .text = TRN_STR("acme-softphone=1.1"),
                                    .why = TRN_STR("a story"),
                                    .processes = processes,
                                    .n_processes = 2,
                                    .hosts = hosts,
                                    .n_hosts = 2};
}

Test(act_messages, a_request_survives_its_bytes)
{
    struct trn_act_request q = whole(), got;
    struct trn_arena *arena = trn_arena_new(0);
    struct trn_buf b;
    trn_buf_init(&b, 4096);
    trn_act_encode(&q, &b);
    struct trn_cursor in = trn_cur_of(trn_buf_str(&b));
    cr_assert_eq(trn_act_decode(&in, arena, &got), 0);
    cr_expect_eq(got.story, 3);
    cr_expect(trn_str_eq(got.text, q.text));
    cr_expect_eq(got.n_processes, 2);
    cr_expect_eq(got.processes[1].start_boot_ns, 22345678);
    cr_expect_eq(got.hosts[0].port, 5060);
    cr_expect_eq(got.hosts[1].prefix, 64);
    trn_buf_done(&b);
    trn_arena_free(arena);
}

Test(act_messages, no_prefix_and_nothing_longer_is_taken)
{
    struct trn_act_request q = whole(), got;
    struct trn_buf b;
    trn_buf_init(&b, 4096);
    trn_act_encode(&q, &b);
    trn_put_u8(&b, 0);
    for (size_t n = 0; n <= b.n; n++) {
        struct trn_arena *arena = trn_arena_new(0);
        struct trn_cursor in = trn_cur_of((struct trn_str){(const char *)b.p, n});
        if (n != b.n - 1)
            cr_expect_eq(trn_act_decode(&in, arena, &got), -EPROTO, "%zu bytes of %zu", n, b.n - 1);
        trn_arena_free(arena);
    }
    trn_buf_done(&b);
}

Test(act_messages, what_is_out_of_range_is_refused)
{
    struct trn_act_request bad[8], got;
    static const struct trn_act_process first = {1, 1, 1};
    static const struct trn_act_host strange = {5, 0, 0, {0}}, wide = {4, 33, 0, {0}};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(bad); i++)
        bad[i] = whole();
    bad[0].act = TRN_RESPOND_KINDS;
    bad[1].target = TRN_TARGET_MAX;
    bad[2].score = 101;
    bad[3].flags = TRN_ACT_FLAGS + 1;
    bad[4].seconds = TRN_RESPOND_MAX_SEC + 1ull;
    bad[5].processes = &first;
    bad[5].n_processes = 1;
    bad[6].hosts = &strange;
    bad[7].hosts = &wide;
    bad[6].n_hosts = bad[7].n_hosts = 1;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(bad); i++) {
        struct trn_arena *arena = trn_arena_new(0);
        struct trn_buf b;
        trn_buf_init(&b, 4096);
        trn_act_encode(&bad[i], &b);
        struct trn_cursor in = trn_cur_of(trn_buf_str(&b));
        cr_expect_eq(trn_act_decode(&in, arena, &got), -EPROTO, "case %zu", i);
        trn_buf_done(&b);
        trn_arena_free(arena);
    }
}

Test(act_messages, files_come_in_parts)
{
    static struct trn_act_file in[900], out[TRN_ACT_FILES];
    struct trn_arena *arena = trn_arena_new(0);
    uint32_t sent = 0, got = 0, messages = 0;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(in); i++)
        in[i] = (struct trn_act_file){.key = {1, i + 1, 2},
                                      .size = i,
                                      .path = trn_arena_printf(arena, "/opt/acme/lib/part-%zu.so", i)};
    while (sent < TRN_ARRAY_SIZE(in)) {
        struct trn_buf b;
        uint64_t job = 0;
        trn_buf_init(&b, TRN_IPC_MAX);
        sent += trn_act_files_encode(9, in + sent, TRN_ARRAY_SIZE(in) - sent, &b);
        cr_assert(!b.bad && b.n < TRN_IPC_MAX - 64);
        struct trn_cursor c = trn_cur_of(trn_buf_str(&b));
        cr_assert_eq(trn_act_files_decode(&c, arena, &job, out, &got), 0);
        cr_expect_eq(job, 9);
        cr_expect_eq(got, sent);
        trn_buf_done(&b);
        messages++;
    }
    cr_expect_gt(messages, 1);
    cr_expect(trn_str_eq(out[899].path, in[899].path));
    trn_arena_free(arena);
}
