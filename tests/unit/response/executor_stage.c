/* SPDX-License-Identifier: Apache-2.0 */
/* The stage of the executor's tests: acts that count, a local socket with a client, and what was told. */
#include "executor_stage.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

struct executor_world world;

struct executor_told told = {.lock = PTHREAD_MUTEX_INITIALIZER};

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
int dir_fd, listen_fd, client_fd;
bool policy_allows;

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

bool was_told(const char *step)
{
    bool found = false;
    pthread_mutex_lock(&told.lock);
    for (unsigned i = 0; i < told.n; i++)
        found = found || strcmp(told.steps[i], step) == 0;
    pthread_mutex_unlock(&told.lock);
    return found;
}

void wait_for(const char *step)
{
    for (int i = 0; i < 1000 && !was_told(step); i++)
        (void)poll(NULL, 0, 10);
    cr_assert(was_told(step), "never told: %s", step);
}

static int allowed(void *ctx, const struct trn_act_request *q, struct trn_err *err)
{
    return policy_allows ? 0 : trn_fail(err, -EPERM, "the policy is to detect");
}

void executor_setup(void)
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

void executor_teardown(void)
{
    static const char *const names[] = {"sock", "journal"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++)
        unlinkat(dir_fd, names[i], 0);
    rmdir(dir);
}

int start(struct trn_executor **ret, struct trn_err *err)
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

struct trn_executor *started(void)
{
    struct trn_executor *x = NULL;
    struct trn_err err = {0};
    cr_assert_eq(start(&x, &err), 0, "%s", err.message);
    return x;
}

struct trn_act_request request(enum trn_respond what, const char *text)
{
    return (struct trn_act_request){.act = (uint8_t)what,
                                    .target = TRN_TARGET_PATH,
                                    .text = trn_str_of(text),
                                    .why = TRN_STR("a test")};
}

int ask(struct trn_executor *x, const struct trn_act_request *q, int client, uint64_t *ret_id)
{
    struct trn_err err = {0};
    TRN_AUTO(trn_buf_done) struct trn_buf text;
    trn_buf_init(&text, 4096);
    *ret_id = 0;
    return trn_executor_submit(x, q, client, ret_id, &text, &err);
}

int undo_id(struct trn_executor *x, uint64_t id)
{
    uint64_t got;
    const struct trn_act_request q = {.act = TRN_RESPOND_UNDO, .id = id};
    return ask(x, &q, client_fd, &got);
}
