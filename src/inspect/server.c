/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the fork server: which job runs when, the life and death of workers, the check of what they say.
 * Must not: parse a file; let one worker speak for another; wait for a worker without a limit.
 *
 *   turncoatd --jobs (fd)--> server --fork--> worker (strict, one fd)
 *   engine   <--results-- server <--its own socket-- worker
 *
 * A worker has a socket of its own, so a captured one can garble its own job only: the server decodes
 * every message, compares job and kind, and forwards the bytes. Jobs past the number of workers wait
 * in the jobs socket, which the kernel bounds: the sender then gets -EAGAIN.
 */
#include "inspect/worker.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS_MAX 16
#define MESSAGE_MAX 512 /* bytes kept of a worker's own end message */

struct slot {
    pid_t pid; /* 0: free */
    int sock;
    uint64_t job, deadline_ns;
    enum trn_job_kind kind;
    bool ended; /* it said so itself */
    int code;
    size_t message_n;
    char message[MESSAGE_MAX];
};

struct server {
    int jobs, results;
    bool jobs_closed;
    uint32_t workers;
    uint64_t job_ns;
    uint64_t job_memory;
    trn_worker_fn *run;
    struct slot slots[WORKERS_MAX];
    uint8_t buf[TRN_IPC_MAX];
};

/* Other workers' sockets, the server's own, and whatever the server was started with. */
static void keep_only(int a, int b)
{
    unsigned lo = (unsigned)TRN_MIN(a, b), hi = (unsigned)TRN_MAX(a, b);
    if (lo > 3)
        (void)close_range(3, lo - 1, 0);
    if (hi > lo + 1)
        (void)close_range(lo + 1, hi - 1, 0);
    (void)close_range(hi + 1, ~0u, 0);
}

static TRN_NORETURN void worker_main(struct server *s, const struct trn_job *job, int fd, int out)
{
    struct trn_err err = {0};
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    keep_only(fd, out);
    struct trn_sandbox_options box = {
        .profile = TRN_SANDBOX_INSPECT_WORKER,
        .uid = (uid_t)-1,
        .gid = (gid_t)-1,
        .max_memory = s->job_memory,
        .max_cpu_sec = s->job_ns / TRN_NS_PER_SEC + 1, /* also when the server is gone */
        .max_files = 64,
    };
    int e = trn_sandbox_enter(&box, NULL, &err);
    if (e == 0)
        e = s->run(job, fd, out, &err);
    (void)!trn_job_failed(out, job->id, e, err.message[0] ? trn_str_of(err.message) : TRN_STR_NONE);
    _exit(e < 0);
}

static struct slot *free_slot(struct server *s)
{
    for (size_t i = 0; i < s->workers; i++)
        if (!s->slots[i].pid)
            return &s->slots[i];
    return NULL;
}

/* A result on its way out. The time the reader makes us wait is not held against the workers. */
static int forward(struct server *s, uint16_t type, struct trn_str body)
{
    uint64_t before = trn_mono_ns();
    int e;
    while ((e = trn_ipc_send(s->results, type, body, NULL, 0)) == -EAGAIN) {
        struct pollfd p = {.fd = s->results, .events = POLLOUT};
        (void)poll(&p, 1, -1);
    }
    uint64_t waited = trn_mono_ns() - before;
    for (size_t i = 0; i < s->workers; i++)
        s->slots[i].deadline_ns += waited;
    return e;
}

static int send_end(struct server *s, uint64_t job, int code, struct trn_str why)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, TRN_INSPECT_BODY_MAX);
    trn_inspect_put_end(&b, job, code, why);
    return b.bad ? -ENOMEM : forward(s, TRN_INSPECT_JOB_END, trn_buf_str(&b));
}

static int start_job(struct server *s, const struct trn_job *job, int fd)
{
    struct slot *slot = free_slot(s);
    int pair[2];
    int e = slot ? trn_ipc_pair(pair, 0) : -EBUSY;
    if (e < 0)
        return send_end(s, job->id, e, TRN_STR("no worker could be started"));
    pid_t pid = fork();
    if (pid == 0) {
        trn_fd_close(pair[0]);
        worker_main(s, job, fd, pair[1]);
    }
    e = -errno;
    trn_fd_close(pair[1]);
    if (pid < 0) {
        trn_fd_close(pair[0]);
        return send_end(s, job->id, e, TRN_STR("no worker could be started"));
    }
    *slot = (struct slot){
        .pid = pid, .sock = pair[0], .job = job->id, .kind = job->kind, .deadline_ns = trn_mono_ns() + s->job_ns};
    return 0;
}

/* Ends the worker (dead already, or not to live on) and says how its job ended. */
static int finish(struct server *s, struct slot *slot, int code, const char *why)
{
    char text[96];
    int status = 0;
    struct slot was = *slot;
    (void)kill(was.pid, SIGKILL); /* our own child, not reaped yet: the number cannot be another's */
    while (waitpid(was.pid, &status, 0) < 0 && errno == EINTR)
        ;
    trn_fd_close(was.sock);
    slot->pid = 0;
    if (code == 0 && was.ended)
        return send_end(s, was.job, was.code,
                        was.message_n ? (struct trn_str){was.message, was.message_n} : TRN_STR_NONE);
    if (code == 0) {
        code = -EPIPE;
        int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        (void)snprintf(text, sizeof(text),
                       sig == SIGSYS ? "the worker made a refused system call"
                       : sig         ? "the worker crashed (signal %d)"
                                     : "the worker ended without an answer",
                       sig);
        why = text;
    }
    return send_end(s, was.job, code, trn_str_of(why));
}

static int keep_end(void *ctx, uint64_t job, int code, struct trn_str message)
{
    struct slot *slot = ctx;
    slot->ended = true;
    slot->code = code;
    slot->message_n = TRN_MIN(message.n, sizeof(slot->message));
    if (slot->message_n)
        memcpy(slot->message, message.p, slot->message_n);
    return 0;
}

static int from_worker(struct server *s, struct slot *slot)
{
    struct trn_msg m;
    int e = trn_ipc_recv(slot->sock, s->buf, sizeof(s->buf), &m);
    if (e == -EAGAIN)
        return 0;
    if (e == -ECONNRESET)
        return finish(s, slot, 0, NULL);
    if (e < 0)
        return finish(s, slot, -EPROTO, "the worker sent a malformed message");
    struct trn_inspect_sink sink = {.end = keep_end, .ctx = slot};
    struct trn_cursor job = m.body;
    bool good = !slot->ended && trn_inspect_allowed(slot->kind, m.type) && trn_cur_u64le(&job) == slot->job &&
                trn_inspect_decode(&m, &sink) == 0;
    trn_msg_done(&m);
    if (!good)
        return finish(s, slot, -EPROTO, "the worker sent a malformed message");
    if (slot->ended)
        return 0; /* passed on when it is gone */
    return forward(s, m.type, (struct trn_str){(const char *)m.body.p, m.body.n});
}

static int from_jobs(struct server *s, struct trn_err *err)
{
    struct trn_msg m;
    struct trn_job job;
    int fd = -1;
    int e = trn_ipc_recv(s->jobs, s->buf, sizeof(s->buf), &m);
    if (e == -EAGAIN)
        return 0;
    if (e == -ECONNRESET) {
        s->jobs_closed = true;
        return 0;
    }
    if (e < 0)
        return trn_fail(err, e, "cannot read a job: %s", trn_errno_name(e));
    e = trn_job_decode(&m, &job, &fd);
    if (e == 0)
        e = start_job(s, &job, fd);
    else
        (void)trn_fail(err, e, "cannot read a job: malformed message");
    trn_fd_close(fd);
    trn_msg_done(&m);
    return e;
}

/* Milliseconds until the first deadline; -1: none. */
static int wait_ms(const struct server *s)
{
    uint64_t now = trn_mono_ns(), first = UINT64_MAX;
    for (size_t i = 0; i < s->workers; i++)
        if (s->slots[i].pid)
            first = TRN_MIN(first, s->slots[i].deadline_ns);
    if (first == UINT64_MAX)
        return -1;
    return first <= now ? 0 : (int)TRN_MIN((first - now) / TRN_NS_PER_MS + 1, 60000u);
}

static int one_round(struct server *s, struct trn_err *err)
{
    struct pollfd p[WORKERS_MAX + 1];
    int e = 0;
    p[WORKERS_MAX] = (struct pollfd){.fd = !s->jobs_closed && free_slot(s) ? s->jobs : -1, .events = POLLIN};
    for (size_t i = 0; i < WORKERS_MAX; i++)
        p[i] = (struct pollfd){.fd = s->slots[i].pid ? s->slots[i].sock : -1, .events = POLLIN};
    if (poll(p, WORKERS_MAX + 1, wait_ms(s)) < 0)
        return errno == EINTR ? 0 : trn_fail(err, -errno, "cannot wait for jobs: %s", trn_errno_name(-errno));
    for (size_t i = 0; i < s->workers && e == 0; i++) {
        struct slot *slot = &s->slots[i];
        if (!slot->pid)
            continue;
        if (p[i].revents)
            e = from_worker(s, slot);
        else if (trn_mono_ns() >= slot->deadline_ns)
            e = finish(s, slot, -ETIME, "the worker took too long");
    }
    if (e < 0 && err && !err->code)
        (void)trn_fail(err, e, "cannot send results: %s", trn_errno_name(e));
    if (e == 0 && p[WORKERS_MAX].revents)
        e = from_jobs(s, err);
    return e;
}

static bool busy(const struct server *s)
{
    for (size_t i = 0; i < s->workers; i++)
        if (s->slots[i].pid)
            return true;
    return false;
}

int trn_inspect_serve_with(int jobs_sock, int results_sock, const struct trn_inspect_options *o, trn_worker_fn *run,
                           struct trn_err *err)
{
    TRN_AUTO(trn_freep) struct server *s = calloc(1, sizeof(*s));
    if (!s)
        return 1;
    s->jobs = jobs_sock;
    s->results = results_sock;
    s->workers = TRN_MIN(o->workers ? o->workers : 2, (uint32_t)WORKERS_MAX);
    s->job_ns = (o->job_sec ? o->job_sec : 30) * TRN_NS_PER_SEC;
    s->job_memory = o->job_memory ? o->job_memory : 512ull << 20;
    s->run = run;
    trn_worker_warm();
    struct trn_sandbox_options box = {.profile = TRN_SANDBOX_INSPECT_SERVER, .uid = o->uid, .gid = o->gid};
    int e = trn_sandbox_enter(&box, NULL, err);
    while (e == 0 && (!s->jobs_closed || busy(s)))
        e = one_round(s, err);
    for (size_t i = 0; i < s->workers; i++)
        if (s->slots[i].pid)
            (void)kill(s->slots[i].pid, SIGKILL);
    return e == 0 ? 0 : 1;
}

int trn_inspect_serve(int jobs_sock, int results_sock, const struct trn_inspect_options *o, struct trn_err *err)
{
    return trn_inspect_serve_with(jobs_sock, results_sock, o, trn_worker_run, err);
}
