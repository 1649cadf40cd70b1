/* SPDX-License-Identifier: Apache-2.0 */
/* Does an action go its way (requested, done, seen, taken back), and is it refused to whom it must be? */
#include "executor_stage.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(executor, .init = executor_setup, .fini = executor_teardown);

Test(executor, an_action_goes_its_whole_way)
{
    struct trn_executor *x = started();
    struct trn_act_request q = request(TRN_RESPOND_BLOCK, "/opt/acme/helper");
    uint64_t id;
    cr_assert_eq(ask(x, &q, client_fd, &id), 0);
    cr_expect_eq(id, 1);
    wait_for("1 requested");
    wait_for("1 done");
    wait_for("1 seen");
    cr_expect_eq(undo_id(x, 1), 0);
    wait_for("1 undone");
    cr_expect_eq(undo_id(x, 1), -ENOENT, "it does not hold any more");
    trn_executor_free(x);
}

Test(executor, a_dry_run_plans_and_does_nothing)
{
    struct trn_executor *x = started();
    struct trn_act_request q = request(TRN_RESPOND_KILL, "a tree");
    uint64_t id;
    q.flags = TRN_ACT_DRY_RUN;
    cr_expect_eq(ask(x, &q, client_fd, &id), 0);
    cr_expect_eq(id, 0);
    cr_expect_eq(world.planned, 1);
    trn_executor_free(x);
    cr_expect_eq(world.acted, 0);
    cr_expect_eq(told.n, 0);
}

Test(executor, what_the_plan_refuses_is_never_written_down)
{
    struct trn_executor *x = started();
    struct trn_act_request q = request(TRN_RESPOND_BLOCK, "impossible");
    uint64_t id;
    cr_expect_eq(ask(x, &q, client_fd, &id), -ENOENT);
    trn_executor_free(x);
    cr_expect_eq(told.n, 0);
}

Test(executor, an_effect_that_is_not_seen_is_said)
{
    struct trn_executor *x = started();
    struct trn_act_request q = request(TRN_RESPOND_BLOCK, "/a");
    uint64_t id;
    world.check_says = -EBUSY;
    cr_assert_eq(ask(x, &q, client_fd, &id), 0);
    wait_for("1 not-seen");
    trn_executor_free(x);
}

Test(executor, an_effect_may_take_a_moment)
{
    struct trn_executor *x = started();
    struct trn_act_request q = request(TRN_RESPOND_BLOCK, "/a");
    uint64_t id;
    world.check_says = -EAGAIN;
    cr_assert_eq(ask(x, &q, client_fd, &id), 0);
    wait_for("1 seen");
    cr_expect_eq(world.checked, 3);
    trn_executor_free(x);
}

Test(executor, what_fails_is_failed_and_over)
{
    struct trn_executor *x = started();
    struct trn_act_request q = request(TRN_RESPOND_BLOCK, "/a");
    uint64_t id;
    world.act_fails = -EROFS;
    cr_assert_eq(ask(x, &q, client_fd, &id), 0);
    wait_for("1 failed");
    cr_expect_eq(undo_id(x, 1), -ENOENT);
    trn_executor_free(x);
}

Test(executor, the_same_again_is_refused)
{
    struct trn_executor *x = started();
    struct trn_act_request q = request(TRN_RESPOND_BLOCK, "/a");
    uint64_t id;
    cr_assert_eq(ask(x, &q, client_fd, &id), 0);
    cr_expect_eq(ask(x, &q, client_fd, &id), -EEXIST);
    trn_executor_free(x);
}

Test(executor, its_time_ends_it)
{
    struct trn_executor *x = started();
    struct trn_act_request q = request(TRN_RESPOND_BLOCK, "/a");
    uint64_t id;
    q.seconds = 1;
    cr_assert_eq(ask(x, &q, client_fd, &id), 0);
    wait_for("1 seen");
    wait_for("1 expired");
    cr_expect_eq(world.undone, 1);
    trn_executor_free(x);
}

Test(executor, a_slow_one_keeps_nobody_waiting)
{
    struct trn_executor *x = started();
    struct trn_act_request slow = request(TRN_RESPOND_REMOVE, "acme"), quick = request(TRN_RESPOND_BLOCK, "/a");
    uint64_t id;
    cr_assert_eq(ask(x, &slow, client_fd, &id), 0);
    cr_assert_eq(ask(x, &quick, client_fd, &id), 0);
    wait_for("2 seen");
    cr_expect(!was_told("1 done"));
    cr_expect_eq(undo_id(x, 1), -EBUSY, "it is being carried out");
    __atomic_store_n(&world.slow_gate, true, __ATOMIC_SEQ_CST);
    wait_for("1 seen");
    trn_executor_free(x);
}

static unsigned place_of(const char *step)
{
    unsigned i = 0;
    while (i < told.n && strcmp(told.steps[i], step) != 0)
        i++;
    return i;
}

Test(executor, what_is_to_be_done_does_not_wait_until_another_was_tried)
{
    struct trn_executor *x = started();
    struct trn_act_request first = request(TRN_RESPOND_SHIELD, "/a"), second = request(TRN_RESPOND_BLOCK, "/b");
    uint64_t id;
    cr_assert_eq(ask(x, &first, client_fd, &id), 0);
    cr_assert_eq(ask(x, &second, client_fd, &id), 0);
    __atomic_store_n(&world.slow_gate, true, __ATOMIC_SEQ_CST);
    wait_for("1 seen");
    wait_for("2 seen");
    cr_expect_lt(place_of("2 done"), place_of("1 seen"));
    cr_expect_lt(place_of("1 seen"), place_of("2 seen"));
    trn_executor_free(x);
}

Test(executor, who_is_no_client_may_not_ask)
{
    struct trn_executor *x = started();
    struct trn_act_request q = request(TRN_RESPOND_BLOCK, "/a");
    uint64_t id;
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    cr_expect_eq(ask(x, &q, pair[0], &id), -EPERM, "a socket that the engine made itself");
    cr_expect_eq(ask(x, &q, listen_fd, &id), -EPERM, "the listening socket");
    trn_executor_free(x);
    cr_expect_eq(told.n, 0);
}

Test(executor, without_a_person_the_policy_decides)
{
    struct trn_executor *x = started();
    struct trn_act_request q = request(TRN_RESPOND_BLOCK, "/a");
    uint64_t id;
    cr_expect_eq(ask(x, &q, -1, &id), -EPERM);
    policy_allows = true;
    cr_expect_eq(ask(x, &q, -1, &id), 0);
    wait_for("1 seen");
    trn_executor_free(x);
}

Test(executor, a_hostile_engine_cannot_end_everything)
{
    struct trn_executor *x = started();
    uint64_t id;
    char text[16];
    unsigned done = 0;
    policy_allows = true;
    for (int i = 0; i < 5; i++) {
        snprintf(text, sizeof text, "tree %d", i);
        struct trn_act_request q = request(TRN_RESPOND_KILL, text);
        done += ask(x, &q, -1, &id) == 0;
    }
    cr_expect_eq(done, 2, "kills_minute");
    for (int i = 0; i < 40; i++) {
        snprintf(text, sizeof text, "/%d", i);
        struct trn_act_request q = request(TRN_RESPOND_BLOCK, text);
        done += ask(x, &q, -1, &id) == 0;
    }
    cr_expect_leq(done, 20, "acts_minute");
    /* What the policy used up is not taken from people. */
    struct trn_act_request person = request(TRN_RESPOND_BLOCK, "/person");
    cr_expect_eq(ask(x, &person, client_fd, &id), 0);
    trn_executor_free(x);
}

Test(executor, taking_back_does_not_wait_for_other_actions)
{
    struct trn_executor *x = started();
    struct trn_act_request kept = request(TRN_RESPOND_BLOCK, "/kept"),
                           undo = {.act = TRN_RESPOND_UNDO, .undo_of = TRN_RESPOND_BLOCK, .text = TRN_STR("/kept")};
    uint64_t id;
    char text[16];
    int r = 0;
    cr_assert_eq(ask(x, &kept, client_fd, &id), 0);
    wait_for("1 seen");
    for (int i = 0; i < 70 && r == 0; i++) {
        snprintf(text, sizeof text, "/%d", i);
        struct trn_act_request q = request(TRN_RESPOND_BLOCK, text);
        q.flags = TRN_ACT_DRY_RUN;
        r = ask(x, &q, client_fd, &id);
    }
    cr_expect_eq(r, -EAGAIN);
    cr_expect_eq(ask(x, &undo, client_fd, &id), 0);
    trn_executor_free(x);
}
