/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does an action go its way (requested, done, seen, taken back), is it refused to whom it must be, and does what the
 * journal says hold again after a restart? The acts themselves are stand-ins that count.
 */
#include "response/execute/executor.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEPS_MAX 64

static struct {
    unsigned planned, acted, checked, undone, resumed;
    int act_fails, check_says, undo_fails; /* an error to return */
    bool slow_gate;                        /* the slow act waits for it */
} world;

static struct {
    pthread_mutex_t lock;
    char steps[STEPS_MAX][64]; /* "7 seen" */
    unsigned n;
} told = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- stand-ins ---- */

static int plan(const struct trn_act_tools *t, const struct trn_act_request *q, struct trn_buf *out,
                struct trn_err *err)
{
    world.planned++;
    trn_put_c(out, "would do it\n");
    return trn_str_eq_c(q->text, "impossible") ? trn_fail(err, -ENOENT, "there is no such thing") : 0;
}

static int act(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *did, struct trn_err *err)
{
    __atomic_add_fetch(&world.acted, 1, __ATOMIC_SEQ_CST);
    a->keep = TRN_STR("kept for later");
    trn_put_c(did, "did it");
    return world.act_fails ? trn_fail(err, world.act_fails, "it cannot be done") : 0;
}

static int slow_act(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *did, struct trn_err *err)
{
    while (!__atomic_load_n(&world.slow_gate, __ATOMIC_SEQ_CST))
        (void)poll(NULL, 0, 5);
    return act(t, a, did, err);
}

static int check(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *seen, struct trn_err *err)
{
    world.checked++;
    trn_put_c(seen, "tried it");
    if (world.check_says == -EAGAIN && world.checked > 2)
        return 0;
    return world.check_says ? trn_fail(err, world.check_says, "it still runs") : 0;
}

static int undo(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *did, struct trn_err *err)
{
    cr_expect(trn_str_eq_c(a->keep, "kept for later"));
    world.undone++;
    return world.undo_fails ? trn_fail(err, world.undo_fails, "it cannot be taken back now") : 0;
}

static int resume(const struct trn_act_tools *t, struct trn_act *a, struct trn_err *err)
{
    cr_expect(a->resumed && trn_str_eq_c(a->keep, "kept for later"));
    world.resumed++;
    return 0;
}

static const struct trn_act_ops stand_ins[TRN_RESPOND_KINDS] = {
    [TRN_RESPOND_BLOCK] = {.kind = TRN_RESPOND_BLOCK,
                           .survives = true,
                           .plan = plan,
                           .act = act,
                           .check = check,
                           .undo = undo,
                           .resume = resume},
    [TRN_RESPOND_HOLD] = {.kind = TRN_RESPOND_HOLD, .plan = plan, .act = act, .check = check, .undo = undo},
    [TRN_RESPOND_KILL] = {.kind = TRN_RESPOND_KILL, .plan = plan, .act = act, .check = check},
    [TRN_RESPOND_SHIELD] = {.kind = TRN_RESPOND_SHIELD, .plan = plan, .act = slow_act, .check = check, .undo = undo},
    [TRN_RESPOND_REMOVE] =
        {.kind = TRN_RESPOND_REMOVE, .slow = true, .plan = plan, .act = slow_act, .check = check, .undo = undo},
};

const struct trn_act_ops *trn_act_ops_of(unsigned kind)
{
    return kind < TRN_RESPOND_KINDS && stand_ins[kind].plan ? &stand_ins[kind] : NULL;
}

/* ---- the stage ---- */

static char dir[64];
static int dir_fd, listen_fd, client_fd;
static bool policy_allows;

static void on_step(void *ctx, struct trn_str encoded)
{
    struct trn_event ev;
    struct trn_cursor in = trn_cur_of(encoded);
    cr_assert_eq(trn_event_decode(&in, &ev), 0);
    pthread_mutex_lock(&told.lock);
    if (told.n < STEPS_MAX)
        snprintf(told.steps[told.n++], sizeof told.steps[0], "%llu %.*s", (unsigned long long)ev.response.id,
                 TRN_STR_ARG(ev.response.state));
    pthread_mutex_unlock(&told.lock);
}

static bool was_told(const char *step)
{
    bool found = false;
    pthread_mutex_lock(&told.lock);
    for (unsigned i = 0; i < told.n; i++)
        found = found || strcmp(told.steps[i], step) == 0;
    pthread_mutex_unlock(&told.lock);
    return found;
}

static void wait_for(const char *step)
{
    for (int i = 0; i < 1000 && !was_told(step); i++)
        (void)poll(NULL, 0, 10);
    cr_assert(was_told(step), "never told: %s", step);
}

static int allowed(void *ctx, const struct trn_act_request *q, struct trn_err *err)
{
    return policy_allows ? 0 : trn_fail(err, -EPERM, "the policy is to detect");
}

static void setup(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(dir, sizeof dir, "/tmp/trn-executor-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    snprintf(a.sun_path, sizeof a.sun_path, "%s/sock", dir);
    listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(listen_fd, (struct sockaddr *)&a, sizeof a), 0);
    cr_assert_eq(listen(listen_fd, 4), 0);
    int out = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(out, (struct sockaddr *)&a, sizeof a), 0);
    client_fd = accept(listen_fd, NULL, NULL); /* the end that the engine hands on */
}

static void teardown(void)
{
    static const char *const names[] = {"sock", "journal"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++)
        unlinkat(dir_fd, names[i], 0);
    rmdir(dir);
}

TestSuite(executor, .init = setup, .fini = teardown);

static int start(struct trn_executor **ret, struct trn_err *err)
{
    const struct trn_executor_options o = {.sz = sizeof o,
                                           .tools = {.state_dir = dir, .response_fd = dir_fd, .scope_fd = -1},
                                           .respond_gid = getgid(),
                                           .look_gid = (gid_t)-1,
                                           .listen_fd = listen_fd,
                                           .survive = true,
                                           .acts_minute = 20,
                                           .kills_minute = 2,
                                           .allowed = allowed,
                                           .tell = on_step};
    return trn_executor_new(&o, ret, err);
}

static struct trn_executor *started(void)
{
    struct trn_executor *x = NULL;
    struct trn_err err = {0};
    cr_assert_eq(start(&x, &err), 0, "%s", err.message);
    return x;
}

static struct trn_act_request request(enum trn_respond what, const char *text)
{
    return (struct trn_act_request){.act = (uint8_t)what,
                                    .target = TRN_TARGET_PATH,
                                    .text = trn_str_of(text),
                                    .why = TRN_STR("a test")};
}

static int ask(struct trn_executor *x, const struct trn_act_request *q, int client, uint64_t *ret_id)
{
    struct trn_err err = {0};
    TRN_AUTO(trn_buf_done) struct trn_buf text;
    trn_buf_init(&text, 4096);
    *ret_id = 0;
    return trn_executor_submit(x, q, client, ret_id, &text, &err);
}

static int undo_id(struct trn_executor *x, uint64_t id)
{
    uint64_t got;
    const struct trn_act_request q = {.act = TRN_RESPOND_UNDO, .id = id};
    return ask(x, &q, client_fd, &got);
}

/* ---- questions ---- */

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

Test(executor, what_survives_holds_again_and_the_rest_is_withdrawn)
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

Test(executor, what_died_with_turncoatd_is_written_down)
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

Test(executor, a_changed_journal_is_not_believed)
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

Test(executor, a_torn_record_is_cut_off)
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

Test(executor, what_cannot_be_taken_back_yet_stays)
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

Test(executor, a_new_journal_gives_no_number_that_something_in_the_vault_has)
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

Test(executor, a_busy_policy_keeps_nobody_from_taking_back)
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

Test(executor, what_cannot_be_taken_back_is_tried_more_and_more_seldom)
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

Test(executor, a_slow_one_does_not_keep_the_others_from_being_withdrawn)
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
