/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the two sockets on which one engine asks for acts and filters, and a thread for each: people's requests may take
 * a second to be looked at, and what the policy wants must not wait for that. Must not own: whether anything is done
 * (executor.c, filter.c). Parses nothing but the messages of channel/.
 */
#include "daemon/orders.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAP_MS 20
#define STOP_WAIT_MS 3000
#define SEND_WAIT_MS 1000
#define JOB_ARENA (4u << 20)

/* One socket, its thread, and the files that came for its next request. */
struct lane {
    struct trn_orders *r;
    int sock;
    bool people; /* each request brings the socket of whoever asks */
    pthread_t thread;
    bool started, ended;
    struct trn_arena *arena;
    struct trn_act_file *files;
    uint64_t job;
    uint32_t n_files;
    char receive[TRN_IPC_MAX];
};

struct trn_orders {
    struct trn_orders_options o;
    bool stop;
    struct lane lanes[2];
};

static bool stopping(const struct trn_orders *r)
{
    return __atomic_load_n(&r->stop, __ATOMIC_ACQUIRE);
}

/* ---- filters ---- */

static int give_record(void *ctx, struct trn_str record)
{
    struct trn_orders *r = ctx;
    return stopping(r) ? -ECANCELED : trn_record_pipe_send_wait(r->o.records, record, SEND_WAIT_MS);
}

static int serve_filter(struct lane *l, struct trn_msg *m)
{
    struct trn_filter_request q;
    struct trn_err err = {0};
    const struct trn_record_sink sink = {give_record, l->r};
    struct trn_buf b;
    if (!l->people || m->n_fds != 1 || trn_filter_decode(&m->body, &q) < 0)
        return -EPROTO;
    struct trn_filter_answer a = {.job = q.job, .code = trn_filters_serve(l->r->o.filters, &q, m->fds[0], &sink, &err)};
    a.message = a.code < 0 ? trn_str_of(err.message) : TRN_STR_NONE;
    a.hint = a.code < 0 ? trn_str_of(err.hint) : TRN_STR_NONE;
    trn_buf_init(&b, 4096);
    trn_filter_answer_encode(&a, &b);
    int r = b.bad ? -EMSGSIZE : trn_ipc_send(l->sock, TRN_CH_FILTERED, trn_buf_str(&b), NULL, 0);
    trn_buf_done(&b);
    return r;
}

/* ---- acts ---- */

static void forget_files(struct lane *l, uint64_t job)
{
    trn_arena_reset(l->arena);
    l->files = NULL;
    l->n_files = 0;
    l->job = job;
}

/* Parts of one job stand together; another job's begin anew. */
static int take_files(struct lane *l, struct trn_msg *m)
{
    struct trn_cursor peek = m->body;
    uint64_t job = trn_cur_u64le(&peek);
    if (m->n_fds || peek.bad)
        return -EPROTO;
    if (job != l->job)
        forget_files(l, job);
    if (!l->files)
        l->files = trn_arena_array(l->arena, TRN_ACT_FILES, sizeof *l->files);
    return l->files ? trn_act_files_decode(&m->body, l->arena, &job, l->files, &l->n_files) : -ENOMEM;
}

static int submit(struct lane *l, const struct trn_act_request *q, int client, struct trn_act_answer *ret,
                  struct trn_buf *plan, struct trn_err *err)
{
    struct trn_executor *x = l->r->o.executor;
    if (!x) {
        (void)trn_fail(err, -ENOTSUP, "turncoatd cannot act: %s", l->r->o.executor_why);
        trn_hint(err, "what turncoatd said when it started tells what to do (journalctl -u turncoat)");
        return -ENOTSUP;
    }
    return trn_executor_submit(x, q, client, &ret->id, plan, err);
}

static int serve_act(struct lane *l, struct trn_msg *m)
{
    struct trn_act_request q;
    struct trn_act_answer a = {0};
    struct trn_err err = {0};
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new(JOB_ARENA);
    TRN_AUTO(trn_buf_done) struct trn_buf plan, b;
    trn_buf_init(&plan, TRN_IPC_MAX / 2);
    trn_buf_init(&b, TRN_IPC_MAX - 64);
    if (m->n_fds != (l->people ? 1 : 0) || !arena || trn_act_decode(&m->body, arena, &q) < 0)
        return -EPROTO;
    if (q.job == l->job) {
        q.files = l->files;
        q.n_files = l->n_files;
    }
    a.job = q.job;
    a.code = submit(l, &q, l->people ? m->fds[0] : -1, &a, &plan, &err);
    a.plan = plan.bad ? TRN_STR_NONE : trn_buf_str(&plan);
    a.message = a.code < 0 ? trn_str_of(err.message) : TRN_STR_NONE;
    a.hint = a.code < 0 ? trn_str_of(err.hint) : TRN_STR_NONE;
    forget_files(l, 0);
    trn_acted_encode(&a, &b);
    return b.bad ? -EMSGSIZE : trn_ipc_send(l->sock, TRN_CH_ACTED, trn_buf_str(&b), NULL, 0);
}

static int serve_judged(struct lane *l, struct trn_msg *m)
{
    struct trn_judged j;
    if (l->people || m->n_fds || trn_judged_decode(&m->body, &j) < 0)
        return -EPROTO;
    if (l->r->o.judged)
        l->r->o.judged(l->r->o.ctx, &j);
    return 0;
}

static int serve_one(struct lane *l)
{
    struct trn_msg m;
    int r = trn_ipc_recv(l->sock, l->receive, sizeof l->receive, &m);
    if (r < 0)
        return r == -EAGAIN ? 0 : r;
    switch (m.type) {
    case TRN_CH_FILTER:
        r = serve_filter(l, &m);
        break;
    case TRN_CH_ACT_FILES:
        r = take_files(l, &m);
        break;
    case TRN_CH_ACT:
        r = serve_act(l, &m);
        break;
    case TRN_CH_JUDGED:
        r = serve_judged(l, &m);
        break;
    default:
        r = -EPROTO;
    }
    trn_msg_done(&m);
    return r;
}

/* ---- life ---- */

static void *serving(void *arg)
{
    struct lane *l = arg;
    while (!stopping(l->r)) {
        struct pollfd p = {.fd = l->sock, .events = POLLIN};
        if (poll(&p, 1, 200) <= 0)
            continue;
        int r = serve_one(l);
        if (r == -EPROTO)
            __atomic_add_fetch(l->r->o.dropped, 1, __ATOMIC_RELAXED);
        if (r < 0 && r != -EAGAIN)
            break;
    }
    __atomic_store_n(&l->ended, true, __ATOMIC_RELEASE);
    return NULL;
}

static void release(struct trn_orders *r)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(r->lanes); i++) {
        trn_fd_close(r->lanes[i].sock);
        trn_arena_free(r->lanes[i].arena);
    }
    free(r);
}

static int start_lane(struct lane *l)
{
    sigset_t all, before;
    l->arena = trn_arena_new(JOB_ARENA);
    if (!l->arena)
        return -ENOMEM;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = -pthread_create(&l->thread, NULL, serving, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    l->started = r == 0;
    return r;
}

int trn_orders_start(const struct trn_orders_options *o, struct trn_orders **ret, struct trn_err *err)
{
    struct trn_orders *r = calloc(1, sizeof *r);
    if (!r)
        return trn_fail(err, -ENOMEM, "out of memory");
    r->o = *o;
    r->lanes[0] = (struct lane){.r = r, .sock = o->acts_sock, .people = true};
    r->lanes[1] = (struct lane){.r = r, .sock = o->respond_sock};
    int e = trn_set_nonblock(o->respond_sock, true); /* steps are told from threads that must not wait */
    for (size_t i = 0; e == 0 && i < TRN_ARRAY_SIZE(r->lanes); i++)
        e = start_lane(&r->lanes[i]);
    if (e < 0) {
        r->lanes[0].sock = r->lanes[1].sock = -1; /* stay the caller's */
        trn_orders_stop(r, NULL, NULL);
        return trn_fail(err, e, "cannot start the threads that take requests: %s", trn_errno_name(e));
    }
    *ret = r;
    return 0;
}

static bool lane_ended(const struct lane *l)
{
    return !l->started || __atomic_load_n(&l->ended, __ATOMIC_ACQUIRE);
}

bool trn_orders_ended(const struct trn_orders *r)
{
    return r && (lane_ended(&r->lanes[0]) || lane_ended(&r->lanes[1]));
}

/* A request of a person may be in the middle of being looked at; then its thread is left to end by itself. */
bool trn_orders_stop(struct trn_orders *r, void (*meanwhile)(void *ctx), void *ctx)
{
    if (!r)
        return true;
    __atomic_store_n(&r->stop, true, __ATOMIC_RELEASE);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(r->lanes); i++)
        if (r->lanes[i].sock >= 0)
            shutdown(r->lanes[i].sock, SHUT_RDWR);
    for (int waited = 0; waited < STOP_WAIT_MS && !(lane_ended(&r->lanes[0]) && lane_ended(&r->lanes[1]));
         waited += NAP_MS) {
        if (meanwhile)
            meanwhile(ctx);
        (void)poll(NULL, 0, NAP_MS);
    }
    bool all = true;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(r->lanes); i++) {
        bool ended = lane_ended(&r->lanes[i]);
        all = all && ended;
        if (r->lanes[i].started && ended)
            pthread_join(r->lanes[i].thread, NULL);
        else if (r->lanes[i].started)
            pthread_detach(r->lanes[i].thread);
    }
    if (all)
        release(r);
    return all;
}

void trn_orders_tell(struct trn_orders *r, uint16_t type, struct trn_str body)
{
    if (r && trn_ipc_send(r->lanes[1].sock, type, body, NULL, 0) < 0)
        return; /* gone, or too slow: a new engine is told all that holds */
}
