/* SPDX-License-Identifier: Apache-2.0 */
/* Does what the journal says hold again after a restart, is the rest withdrawn, and is what cannot be taken back tried again? */
#include "executor_stage.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(executor_end, .init = executor_setup, .fini = executor_teardown);

Test(executor_end, what_survives_holds_again_and_the_rest_is_withdrawn)
{
    struct trn_executor *x = started();
    struct trn_act_request block = request(TRN_RESPOND_BLOCK, "/a"), hold = request(TRN_RESPOND_HOLD, "b");
    uint64_t id;
    cr_assert_eq(ask(x, &block, client_fd, &id), 0);
    cr_assert_eq(ask(x, &hold, client_fd, &id), 0);
    wait_for("1 seen");
    wait_for("2 seen");
    trn_executor_free(x);
    cr_expect(was_told("2 withdrawn"));
    cr_expect_eq(world.undone, 1);
    told.n = 0;
    x = started();
    wait_for("1 seen");
    cr_expect_eq(world.resumed, 1);
    cr_assert_eq(ask(x, &hold, client_fd, &id), 0);
    cr_expect_eq(id, 3, "a number is never used again");
    trn_executor_free(x);
}

Test(executor_end, what_died_with_turncoatd_is_written_down)
{
    struct trn_executor *x = started();
    struct trn_act_request hold = request(TRN_RESPOND_HOLD, "b");
    uint64_t id;
    cr_assert_eq(ask(x, &hold, client_fd, &id), 0);
    wait_for("1 seen");
    /* Not freed: as after kill -9. Its journal is as it stands. */
    told.n = 0;
    struct trn_executor *next = started();
    wait_for("1 withdrawn");
    trn_executor_free(next);
}

Test(executor_end, a_changed_journal_is_not_believed)
{
    struct trn_executor *x = started();
    struct trn_err err = {0};
    struct trn_act_request q = request(TRN_RESPOND_BLOCK, "/a");
    uint64_t id;
    cr_assert_eq(ask(x, &q, client_fd, &id), 0);
    wait_for("1 seen");
    trn_executor_free(x);
    int fd = openat(dir_fd, "journal", O_RDWR);
    char c;
    cr_assert_eq(pread(fd, &c, 1, 40), 1);
    c ^= 1;
    cr_assert_eq(pwrite(fd, &c, 1, 40), 1);
    cr_expect_eq(start(&x, &err), -EBADMSG);
    cr_expect_not_null(strstr(err.message, "damaged"));
    close(fd);
}

Test(executor_end, a_torn_record_is_cut_off)
{
    struct trn_executor *x = started();
    struct trn_act_request q = request(TRN_RESPOND_BLOCK, "/a");
    uint64_t id;
    struct stat st;
    cr_assert_eq(ask(x, &q, client_fd, &id), 0);
    wait_for("1 seen");
    trn_executor_free(x);
    int fd = openat(dir_fd, "journal", O_RDWR);
    cr_assert_eq(fstat(fd, &st), 0);
    cr_assert_eq(ftruncate(fd, st.st_size - 5), 0);
    close(fd);
    x = started();
    wait_for("1 seen");
    trn_executor_free(x);
}

Test(executor_end, what_cannot_be_taken_back_yet_stays)
{
    struct trn_executor *x = started();
    struct trn_act_request q = request(TRN_RESPOND_BLOCK, "/a");
    uint64_t id;
    world.undo_fails = -EBUSY;
    cr_assert_eq(ask(x, &q, client_fd, &id), 0);
    wait_for("1 seen");
    cr_assert_eq(undo_id(x, 1), 0);
    for (int i = 0; i < 500 && world.undone == 0; i++)
        (void)poll(NULL, 0, 10);
    (void)poll(NULL, 0, 50);
    world.undo_fails = 0;
    cr_assert_eq(undo_id(x, 1), 0);
    wait_for("1 undone");
    trn_executor_free(x);
}

Test(executor_end, a_new_journal_gives_no_number_that_something_in_the_vault_has)
{
    uint64_t id = 0;
    cr_assert_eq(mkdirat(dir_fd, "vault", 0700), 0);
    int fd = openat(dir_fd, "vault/000000000000001f.record", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    (void)close(fd);
    struct trn_executor *x = started();
    struct trn_act_request q = request(TRN_RESPOND_BLOCK, "/a");
    cr_expect_eq(ask(x, &q, client_fd, &id), 0);
    cr_expect_eq(id, 0x20);
    trn_executor_free(x);
    cr_expect_eq(unlinkat(dir_fd, "vault/000000000000001f.record", 0), 0);
    cr_expect_eq(unlinkat(dir_fd, "vault", AT_REMOVEDIR), 0);
}

Test(executor_end, a_busy_policy_keeps_nobody_from_taking_back)
{
    struct trn_executor *x = started();
    uint64_t id;
    char text[16];
    int r = 0;
    policy_allows = true;
    for (int i = 0; i < 40 && r == 0; i++) {
        snprintf(text, sizeof text, "/%d", i);
        struct trn_act_request q = request(TRN_RESPOND_BLOCK, text);
        r = ask(x, &q, -1, &id);
    }
    cr_assert_eq(r, -EAGAIN, "the minute's acts are used up");
    wait_for("1 seen");
    cr_expect_eq(undo_id(x, 1), 0);
    wait_for("1 undone");
    r = 0;
    for (int i = 0; i < 70 && r != -EAGAIN; i++)
        r = undo_id(x, 1);
    cr_expect_eq(r, -EAGAIN, "it is bounded as well");
    trn_executor_free(x);
}

static uint64_t until_it_is_tried_again(struct trn_executor *x, unsigned tries)
{
    uint64_t wait = 0;
    for (int i = 0; i < 1000 && wait == 0; i++) {
        (void)poll(NULL, 0, 10);
        pthread_mutex_lock(&x->lock);
        if (x->n == 1 && x->rows[0]->undo_tries == tries && !x->rows[0]->busy) {
            wait = x->rows[0]->due_boot_ns - trn_boot_ns();
            x->rows[0]->due_boot_ns = 0;
            pthread_cond_broadcast(&x->work);
        }
        pthread_mutex_unlock(&x->lock);
    }
    return wait;
}

Test(executor_end, what_cannot_be_taken_back_is_tried_more_and_more_seldom)
{
    struct trn_executor *x = started();
    struct trn_act_request q = request(TRN_RESPOND_BLOCK, "/a");
    uint64_t id, first, later = 0;
    world.undo_fails = -EEXIST;
    q.seconds = 1;
    cr_assert_eq(ask(x, &q, client_fd, &id), 0);
    first = until_it_is_tried_again(x, 1);
    cr_expect(first > 0 && first <= 30 * TRN_NS_PER_SEC);
    for (unsigned tries = 2; tries < 12; tries++)
        later = until_it_is_tried_again(x, tries);
    cr_expect(later > 30 * 60 * TRN_NS_PER_SEC && later < 2 * 3600 * TRN_NS_PER_SEC);
    trn_executor_free(x);
}

static void *end_it(void *x)
{
    trn_executor_stop(x);
    return NULL;
}

Test(executor_end, a_slow_one_does_not_keep_the_others_from_being_withdrawn)
{
    struct trn_executor *x = started();
    struct trn_act_request slow = request(TRN_RESPOND_REMOVE, "acme"), hold = request(TRN_RESPOND_HOLD, "b"),
                           late = request(TRN_RESPOND_BLOCK, "/late");
    pthread_t thread;
    uint64_t id;
    cr_assert_eq(ask(x, &slow, client_fd, &id), 0);
    cr_assert_eq(ask(x, &hold, client_fd, &id), 0);
    wait_for("2 seen");
    for (bool begun = false; !begun; (void)poll(NULL, 0, 5)) {
        pthread_mutex_lock(&x->lock);
        begun = x->rows[0]->busy;
        pthread_mutex_unlock(&x->lock);
    }
    cr_assert_eq(pthread_create(&thread, NULL, end_it, x), 0);
    wait_for("2 withdrawn");
    cr_expect(!was_told("1 done"));
    cr_expect_eq(ask(x, &late, client_fd, &id), -ESHUTDOWN);
    __atomic_store_n(&world.slow_gate, true, __ATOMIC_SEQ_CST);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_expect(was_told("1 withdrawn"));
    trn_executor_free(x);
}
