/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can an engine that was taken over do on the sockets where it asks for acts? Each wrong message ends it and is
 * counted, files stay with their job, no descriptor is left, and a stop waits for nobody who does not listen. Who may act
 * is the executor's (test_executor.c): here it is a stand-in that remembers what it was asked.
 */
#include "daemon/orders.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
    unsigned asked, judged;
    uint32_t n_files;
    bool with_client, refuse;
} world;

int trn_executor_submit(struct trn_executor *x, const struct trn_act_request *q, int client, uint64_t *ret_id,
                        struct trn_buf *ret_plan, struct trn_err *err)
{
    world.n_files = q->n_files;
    world.with_client = client >= 0;
    for (uint32_t i = 0; i < q->n_files; i++)
        cr_expect(trn_str_eq_c(q->files[i].path, "/opt/acme/helper"));
    __atomic_add_fetch(&world.asked, 1, __ATOMIC_SEQ_CST);
    return trn_fail(err, -EPERM, "not here");
}

int trn_filters_serve(struct trn_filters *f, const struct trn_filter_request *q, int client,
                      const struct trn_record_sink *sink, struct trn_err *err)
{
    return trn_fail(err, -EPERM, "not here");
}

int trn_record_pipe_send_wait(struct trn_record_pipe *p, struct trn_str record, int timeout_ms)
{
    return 0;
}

static void on_judged(void *ctx, const struct trn_judged *j)
{
    world.refuse = j->refuse;
    __atomic_add_fetch(&world.judged, 1, __ATOMIC_SEQ_CST);
}

/* ---- the stage ---- */

enum { PEOPLE, POLICY };

struct stage {
    struct trn_orders *orders;
    int engine[2]; /* its ends */
    unsigned dropped;
};

static void begin(struct stage *s)
{
    int people[2], policy[2];
    struct trn_err err = {0};
    cr_assert(trn_ipc_pair(people, 0) == 0 && trn_ipc_pair(policy, 0) == 0);
    *s = (struct stage){.engine = {people[1], policy[1]}};
    const struct trn_orders_options o = {.acts_sock = people[0],
                                         .respond_sock = policy[0],
                                         .executor = (struct trn_executor *)&world, /* never looked into */
                                         .judged = on_judged,
                                         .dropped = &s->dropped};
    cr_assert_eq(trn_orders_start(&o, &s->orders, &err), 0, "%s", err.message);
}

static void end(struct stage *s)
{
    uint64_t began = trn_mono_ns();
    cr_expect(trn_orders_stop(s->orders, NULL, NULL), "no thread is left");
    cr_expect_lt(trn_mono_ns() - began, 2 * TRN_NS_PER_SEC);
    trn_fd_close(s->engine[PEOPLE]);
    trn_fd_close(s->engine[POLICY]);
}

static bool ends(const struct stage *s)
{
    for (int i = 0; i < 500 && !trn_orders_ended(s->orders); i++)
        (void)poll(NULL, 0, 10);
    return trn_orders_ended(s->orders);
}

static void wait_for(unsigned *counter, unsigned value)
{
    for (int i = 0; i < 500 && __atomic_load_n(counter, __ATOMIC_SEQ_CST) < value; i++)
        (void)poll(NULL, 0, 10);
    cr_assert_eq(__atomic_load_n(counter, __ATOMIC_SEQ_CST), value);
}

static unsigned descriptors(void)
{
    unsigned n = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir && readdir(dir))
        n++;
    closedir(dir);
    return n;
}

/* ---- messages ---- */

static struct trn_buf act_of(uint64_t job)
{
    const struct trn_act_request q = {.job = job,
                                      .act = TRN_RESPOND_BLOCK,
                                      .target = TRN_TARGET_PATH,
                                      .text = TRN_STR("/opt/acme/helper")};
    struct trn_buf b;
    trn_buf_init(&b, TRN_IPC_MAX);
    trn_act_encode(&q, &b);
    return b;
}

static struct trn_buf files_of(uint64_t job, uint32_t n)
{
    struct trn_act_file one = {.path = TRN_STR("/opt/acme/helper")};
    TRN_AUTO(trn_freep) struct trn_act_file *v = calloc(n, sizeof *v);
    struct trn_buf b;
    for (uint32_t i = 0; i < n; i++)
        v[i] = one;
    trn_buf_init(&b, TRN_IPC_MAX);
    cr_assert_eq(trn_act_files_encode(job, v, n, &b), n);
    return b;
}

/* Ends the engine, is counted once, and leaves no descriptor. */
static void is_refused(int lane, uint16_t type, struct trn_str body, unsigned n_fds, const char *what)
{
    unsigned before = descriptors();
    const int fds[] = {STDIN_FILENO, STDIN_FILENO, STDIN_FILENO};
    struct stage s;
    begin(&s);
    cr_assert_eq(trn_ipc_send(s.engine[lane], type, body, fds, n_fds), 0);
    cr_expect(ends(&s), "%s", what);
    cr_expect_eq(s.dropped, 1, "%s", what);
    end(&s);
    cr_expect_eq(descriptors(), before, "%s", what);
}

Test(orders, a_wrong_message_ends_the_engine)
{
    struct trn_buf act = act_of(1), files = files_of(1, 2), judged;
    trn_buf_init(&judged, 64);
    trn_judged_encode(&(struct trn_judged){.question = 1, .refuse = true}, &judged);
    const struct trn_str a = trn_buf_str(&act), f = trn_buf_str(&files), j = trn_buf_str(&judged);

    is_refused(PEOPLE, TRN_CH_ACT, a, 0, "nobody's");
    is_refused(PEOPLE, TRN_CH_ACT, a, 2, "of two");
    is_refused(POLICY, TRN_CH_ACT, a, 1, "the policy has no socket");
    is_refused(PEOPLE, TRN_CH_ACT, trn_str_slice(a, 0, a.n - 1), 1, "cut");
    is_refused(PEOPLE, TRN_CH_ACT, TRN_STR(""), 1, "empty");
    is_refused(PEOPLE, TRN_CH_ACT_FILES, f, 1, "files with a descriptor");
    is_refused(PEOPLE, TRN_CH_ACT_FILES, trn_str_slice(f, 0, 4), 0, "half a job");
    is_refused(POLICY, TRN_CH_ACT_FILES, trn_str_slice(f, 0, f.n - 1), 0, "files, cut");
    is_refused(PEOPLE, TRN_CH_JUDGED, j, 0, "judged where people ask");
    is_refused(POLICY, TRN_CH_JUDGED, j, 1, "judged with a descriptor");
    is_refused(POLICY, TRN_CH_JUDGED, trn_str_slice(j, 0, 8), 0, "judged, cut");
    is_refused(POLICY, TRN_CH_JUDGED, TRN_STR("12345678\2"), 0, "neither yes nor no");
    is_refused(POLICY, TRN_CH_FILTER, TRN_STR("x"), 0, "a filter by policy");
    is_refused(PEOPLE, TRN_CH_FILTER, TRN_STR("x"), 1, "no filter");
    is_refused(PEOPLE, TRN_CH_ACTED, a, 0, "ours");
    is_refused(POLICY, TRN_CH_HELD, j, 3, "ours, with descriptors");
    is_refused(POLICY, 0xffff, j, 0, "of no type");
    cr_expect_eq(world.asked + world.judged, 0);
    trn_buf_done(&act);
    trn_buf_done(&files);
    trn_buf_done(&judged);
}

Test(orders, files_are_bounded_over_all_messages_of_a_job)
{
    struct trn_buf files = files_of(7, 512);
    struct stage s;
    begin(&s);
    for (uint32_t i = 0; i < TRN_ACT_FILES / 512; i++)
        cr_assert_eq(trn_ipc_send(s.engine[POLICY], TRN_CH_ACT_FILES, trn_buf_str(&files), NULL, 0), 0);
    struct trn_buf act = act_of(7);
    cr_assert_eq(trn_ipc_send(s.engine[POLICY], TRN_CH_ACT, trn_buf_str(&act), NULL, 0), 0);
    wait_for(&world.asked, 1);
    cr_expect_eq(world.n_files, TRN_ACT_FILES, "all that may be");
    for (uint32_t i = 0; i <= TRN_ACT_FILES / 512; i++)
        (void)!trn_ipc_send(s.engine[POLICY], TRN_CH_ACT_FILES, trn_buf_str(&files), NULL, 0);
    cr_expect(ends(&s), "one more");
    cr_expect_eq(s.dropped, 1);
    end(&s);
    trn_buf_done(&files);
    trn_buf_done(&act);
}

Test(orders, files_stay_with_their_job)
{
    struct trn_buf one = files_of(1, 3), two = files_of(2, 2), act = act_of(1), other = act_of(3);
    struct stage s;
    begin(&s);
    cr_assert_eq(trn_ipc_send(s.engine[POLICY], TRN_CH_ACT_FILES, trn_buf_str(&one), NULL, 0), 0);
    cr_assert_eq(trn_ipc_send(s.engine[POLICY], TRN_CH_ACT_FILES, trn_buf_str(&two), NULL, 0), 0);
    cr_assert_eq(trn_ipc_send(s.engine[POLICY], TRN_CH_ACT, trn_buf_str(&act), NULL, 0), 0);
    wait_for(&world.asked, 1);
    cr_expect_eq(world.n_files, 0, "those of another job came in between");
    cr_assert_eq(trn_ipc_send(s.engine[POLICY], TRN_CH_ACT_FILES, trn_buf_str(&one), NULL, 0), 0);
    cr_assert_eq(trn_ipc_send(s.engine[POLICY], TRN_CH_ACT, trn_buf_str(&other), NULL, 0), 0);
    wait_for(&world.asked, 2);
    cr_expect_eq(world.n_files, 0, "of another job");
    cr_assert_eq(trn_ipc_send(s.engine[POLICY], TRN_CH_ACT_FILES, trn_buf_str(&one), NULL, 0), 0);
    cr_assert_eq(trn_ipc_send(s.engine[POLICY], TRN_CH_ACT, trn_buf_str(&act), NULL, 0), 0);
    wait_for(&world.asked, 3);
    cr_expect_eq(world.n_files, 3);
    cr_expect(!world.with_client);
    cr_assert_eq(trn_ipc_send(s.engine[POLICY], TRN_CH_ACT, trn_buf_str(&act), NULL, 0), 0);
    wait_for(&world.asked, 4);
    cr_expect_eq(world.n_files, 0, "once");
    cr_expect_eq(s.dropped, 0);
    end(&s);
    trn_buf_done(&one);
    trn_buf_done(&two);
    trn_buf_done(&act);
    trn_buf_done(&other);
}

Test(orders, who_asks_and_never_listens_keeps_nobody, .timeout = 30)
{
    struct trn_buf act = act_of(1), judged;
    const int client = STDIN_FILENO;
    unsigned before = descriptors();
    struct stage s;
    begin(&s);
    cr_assert_eq(trn_set_nonblock(s.engine[PEOPLE], true), 0);
    cr_assert_eq(trn_set_nonblock(s.engine[POLICY], true), 0);
    int full = 0;
    for (int i = 0; i < 5000 && full < 20; i++) { /* until nothing more is taken, for its answers are not */
        full = trn_ipc_send(s.engine[PEOPLE], TRN_CH_ACT, trn_buf_str(&act), &client, 1) == 0 ? 0 : full + 1;
        (void)poll(NULL, 0, full ? 5 : 0);
    }
    cr_expect_eq(full, 20, "the people's thread waits");
    for (int i = 0; i < 2000; i++) {
        (void)!trn_ipc_send(s.engine[POLICY], TRN_CH_ACT, trn_buf_str(&act), NULL, 0);
        trn_orders_tell(s.orders, TRN_CH_ACTION, trn_buf_str(&act)); /* waits for nobody */
    }
    /* What the policy's socket is told is still taken there. */
    trn_buf_init(&judged, 64);
    trn_judged_encode(&(struct trn_judged){.question = 9}, &judged);
    for (int i = 0; i < 500 && trn_ipc_send(s.engine[POLICY], TRN_CH_JUDGED, trn_buf_str(&judged), NULL, 0) < 0; i++)
        (void)poll(NULL, 0, 10);
    wait_for(&world.judged, 1);
    end(&s);
    cr_expect_eq(descriptors(), before);
    trn_buf_done(&act);
    trn_buf_done(&judged);
}
