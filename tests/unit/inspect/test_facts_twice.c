/* SPDX-License-Identifier: Apache-2.0 */
/* Does turncoatd's own small reader of facts (src/channel/facts.c) read what inspect writes, and refuse the rest? */
#include "channel/channel.h"
#include "inspect/messages.h"

#include <criterion/criterion.h>

static const struct trn_file_facts facts = {.size = 123,
                                            .sha256 = {1, 2, 3},
                                            .md5 = {4},
                                            .kind = {"elf", 3},
                                            .build_id = {"\1\2\3\4", 4},
                                            .interpreter = {NULL, 0}};

Test(facts_twice, what_inspect_writes_is_read)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_channel_facts got;
    trn_buf_init(&b, 65536);
    trn_inspect_put_facts(&b, 77, &facts);
    struct trn_cursor in = trn_cur_of(trn_buf_str(&b));
    cr_assert_eq(trn_channel_facts_decode(&in, &got), 0);
    cr_expect_eq(got.job, 77);
    cr_expect_eq(got.size, 123);
    cr_expect_arr_eq(got.sha256, facts.sha256, sizeof got.sha256);
    cr_expect(trn_str_eq(got.build_id, facts.build_id));
    cr_expect_eq((int)TRN_CH_INSPECT_FACTS, (int)TRN_INSPECT_FACTS);
    cr_expect_eq((int)TRN_CH_INSPECT_FACTS_JOB, (int)TRN_JOB_FACTS);
}

Test(facts_twice, the_end_of_a_job_is_read)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    uint64_t job = 0;
    trn_buf_init(&b, 65536);
    trn_inspect_put_end(&b, 78, -EBADMSG, TRN_STR("no"));
    struct trn_cursor in = trn_cur_of(trn_buf_str(&b));
    cr_assert_eq(trn_channel_end_decode(&in, &job), 0);
    cr_expect_eq(job, 78);
    cr_expect_eq((int)TRN_CH_INSPECT_END, (int)TRN_INSPECT_JOB_END);
}

Test(facts_twice, what_is_cut_short_or_too_long_is_refused)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_channel_facts got = {.job = 5};
    char id[TRN_CH_BUILD_ID_MAX + 1] = {0};
    struct trn_file_facts large = facts;
    trn_buf_init(&b, 65536);
    trn_inspect_put_facts(&b, 77, &facts);
    for (size_t n = 0; n < b.n; n++) {
        struct trn_cursor in = trn_cur(b.p, n);
        cr_expect_eq(trn_channel_facts_decode(&in, &got), -EPROTO);
    }
    trn_put_u8(&b, 0);
    struct trn_cursor more = trn_cur_of(trn_buf_str(&b));
    cr_expect_eq(trn_channel_facts_decode(&more, &got), -EPROTO);
    trn_buf_clear(&b);
    large.build_id = (struct trn_str){id, sizeof id};
    trn_inspect_put_facts(&b, 77, &large);
    struct trn_cursor in = trn_cur_of(trn_buf_str(&b));
    cr_expect_eq(trn_channel_facts_decode(&in, &got), -EPROTO);
    cr_expect_eq(got.job, 5); /* untouched */
}
