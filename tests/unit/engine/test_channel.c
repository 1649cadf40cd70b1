/* SPDX-License-Identifier: Apache-2.0 */
/* Do the messages between turncoatd and the engine survive the trip, and is every cut or longer one refused? */
#include "channel/channel.h"
#include "inspect/inspect.h"

#include <criterion/criterion.h>

static void refuse_all_but_whole(const struct trn_buf *b, int (*decode)(struct trn_cursor *))
{
    for (size_t n = 0; n < b->n; n++) {
        struct trn_cursor c = trn_cur(b->p, n);
        cr_assert_lt(decode(&c), 0, "%zu of %zu bytes were taken", n, b->n);
    }
    struct trn_buf longer;
    trn_buf_init(&longer, b->n + 1);
    trn_put(&longer, b->p, b->n);
    trn_put_u8(&longer, 0);
    struct trn_cursor c = trn_cur(longer.p, longer.n), whole = trn_cur(b->p, b->n);
    cr_assert_lt(decode(&c), 0, "a byte was left over and nobody minded");
    cr_assert_eq(decode(&whole), 0);
    trn_buf_done(&longer);
}

static int hello(struct trn_cursor *c)
{
    struct trn_hello h;
    return trn_hello_decode(c, &h);
}

static int health(struct trn_cursor *c)
{
    struct trn_health h;
    return trn_health_decode(c, &h);
}

static int open_request(struct trn_cursor *c)
{
    struct trn_open_request o;
    return trn_open_decode(c, &o);
}

static int failed(struct trn_cursor *c)
{
    struct trn_failed f;
    return trn_failed_decode(c, &f);
}

static int filter(struct trn_cursor *c)
{
    struct trn_filter_request f;
    return trn_filter_decode(c, &f);
}

static int filter_answer(struct trn_cursor *c)
{
    struct trn_filter_answer f;
    return trn_filter_answer_decode(c, &f);
}

Test(channel, filters_that_make_no_sense_are_refused)
{
    const struct trn_filter_request good = {.job = 1,
                                            .kind = TRN_FILTER_PROGRAM,
                                            .classes = 1u << TRN_CLASS_DNS,
                                            .path = TRN_STR("/srv/x"),
                                            .why = TRN_STR("a test")};
    struct trn_filter_request bad[12];
    struct trn_buf b;
    trn_buf_init(&b, 16384);
    trn_filter_encode(&good, &b);
    refuse_all_but_whole(&b, filter);
    trn_buf_clear(&b);
    trn_filter_answer_encode(&(struct trn_filter_answer){.job = 1, .code = -EPERM, .message = TRN_STR("no")}, &b);
    refuse_all_but_whole(&b, filter_answer);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(bad); i++)
        bad[i] = good;
    bad[0].kind = 0;
    bad[1].kind = TRN_FILTER_KINDS;
    bad[2].pid = 7; /* a program has none */
    bad[3].path = TRN_STR("relative");
    bad[4].path = (struct trn_str){"/a\0b", 4};
    bad[5].path = TRN_STR_NONE;
    bad[6].why = TRN_STR("ab");
    bad[7].why = TRN_STR("two\nlines");
    bad[8].classes = 0;
    bad[9].classes = 1u << TRN_CLASS_PROCESS; /* starts are always told */
    bad[10].classes = 1u << TRN_CLASS_DNS | 1u << TRN_CLASS_FILE;
    bad[11].kind = TRN_FILTER_PATH; /* and the classes of a program */
    for (size_t i = 0; i < TRN_ARRAY_SIZE(bad); i++) {
        trn_buf_clear(&b);
        trn_filter_encode(&bad[i], &b);
        struct trn_cursor c = trn_cur(b.p, b.n);
        cr_assert_lt(filter(&c), 0, "request %zu", i);
    }
    trn_buf_done(&b);
}

Test(channel, every_message_is_taken_whole_or_not_at_all)
{
    struct trn_buf b;
    trn_buf_init(&b, 4096);
    trn_hello_encode(&(struct trn_hello){.sensor_fds = 3, .state_dir = TRN_STR("/x"), .scope = TRN_STR_NONE}, &b);
    refuse_all_but_whole(&b, hello);
    trn_buf_clear(&b);
    struct trn_health h = {.n_hooks = 1, .hooks = {{TRN_STR("process.exec"), TRN_STR("on"), TRN_STR("")}}};
    trn_health_encode(&h, &b);
    refuse_all_but_whole(&b, health);
    trn_buf_clear(&b);
    trn_open_encode(&(struct trn_open_request){.job = 7, .kind = 1, .path = TRN_STR("/bin/true")}, &b);
    refuse_all_but_whole(&b, open_request);
    trn_buf_clear(&b);
    trn_failed_encode(&(struct trn_failed){.job = 7, .code = -ENOENT}, &b);
    refuse_all_but_whole(&b, failed);
    trn_buf_done(&b);
}

Test(channel, what_was_answered_arrives_as_it_was_told)
{
    const struct trn_health_answers told = {.asked = 9,
                                            .refused = 4,
                                            .allowed = 5,
                                            .late = 3,
                                            .late_refused = 2,
                                            .held = 7,
                                            .judged = 6,
                                            .slowest_ns = UINT64_C(1) << 40,
                                            .rules = 8,
                                            .mounts = 1};
    struct trn_health got;
    struct trn_buf b;
    trn_buf_init(&b, 4096);
    trn_health_encode(&(struct trn_health){.answers = told}, &b);
    struct trn_cursor c = trn_cur(b.p, b.n);
    cr_assert_eq(trn_health_decode(&c, &got), 0);
    cr_assert_eq(memcmp(&got.answers, &told, sizeof told), 0);
    trn_buf_done(&b);
}

Test(channel, an_engine_may_not_name_odd_paths)
{
    static const struct trn_str bad[] = {{"", 0}, {"relative", 8}, {"/with\0nul", 9}, {NULL, 0}};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(bad); i++) {
        struct trn_buf b;
        trn_buf_init(&b, 4096);
        trn_open_encode(&(struct trn_open_request){.job = 7, .kind = 1, .path = bad[i]}, &b);
        struct trn_cursor c = trn_cur(b.p, b.n);
        struct trn_open_request o;
        cr_assert_lt(trn_open_decode(&c, &o), 0, "path %zu", i);
        trn_buf_done(&b);
    }
}

Test(channel, jobs_are_in_the_bytes_that_inspect_reads)
{
    /* turncoatd may not link the inspect room, so the two spell the message separately. */
    int pair[2], fd = 0;
    static char buf[TRN_IPC_MAX];
    struct trn_msg m;
    cr_assert_eq(TRN_CH_INSPECT_JOB, TRN_INSPECT_JOB);
    cr_assert_eq(TRN_CH_INSPECT_POLICY_JOB, TRN_JOB_POLICY);
    cr_assert_eq(TRN_CH_INSPECT_BAD_LINE, TRN_INSPECT_BAD_LINE);
    cr_assert_eq(TRN_CH_INSPECT_END, TRN_INSPECT_JOB_END);
    cr_assert_eq(TRN_CH_INSPECT_POLICY, TRN_INSPECT_POLICY);
    cr_assert_eq(trn_ipc_pair(pair, 0), 0);
    cr_assert_eq(trn_channel_job(pair[0], 77, TRN_JOB_DPKG, TRN_STR("dpkg"), fd), 0);
    cr_assert_eq(trn_ipc_recv(pair[1], buf, sizeof buf, &m), 0);
    struct trn_str theirs = trn_cur_bytes(&m.body, trn_cur_left(&m.body));
    char copy[256];
    cr_assert_lt(theirs.n, sizeof copy);
    memcpy(copy, theirs.p, theirs.n);
    struct trn_str ours = {copy, theirs.n};
    trn_msg_done(&m);
    cr_assert_eq(trn_job_send(pair[0], &(struct trn_job){77, TRN_JOB_DPKG, TRN_STR("dpkg")}, fd), 0);
    cr_assert_eq(trn_ipc_recv(pair[1], buf, sizeof buf, &m), 0);
    cr_assert_eq(m.type, TRN_CH_INSPECT_JOB);
    cr_assert(trn_str_eq(ours, trn_cur_bytes(&m.body, trn_cur_left(&m.body))));
    trn_msg_done(&m);
    cr_assert_eq(TRN_JOB_INDICATORS, 4, "opener.c names it by number");
    cr_assert_eq(TRN_JOB_DPKG, 2, "opener.c names it by number");
}
