/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the caller's side of a scan pool: which worker has which files, what they say, when one is to go.
 * Must not: read a file; believe a worker; wait for one without a limit.
 *
 * Each worker does its files in the order they were given. So when one crashes, hangs or says nonsense, the first file it had
 * not ended is to blame; the others are given to the next. A file that had others inside of it was read by foreign libraries:
 * its worker does no more.
 */
#include "inspect/scan_messages.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS_MAX 16u
#define QUEUE 4u
#define FILES_PER_WORKER 64u
#define GRACE_NS (5 * TRN_NS_PER_SEC) /* past a worker's own limit of time */
#define ARENA_MAX (1u << 20)

struct waiting {
    uint64_t job;
    int fd, known; /* copies of our own, until the job has ended; known -1: none */
    uint32_t mode;
    char *name; /* owned */
    size_t name_n;
};

struct slot {
    int sock;    /* -1: no worker */
    int scratch; /* kept for the next worker too */
    struct waiting queue[QUEUE];
    uint32_t n;
    uint32_t files;    /* that this worker has ended */
    uint64_t since_ns; /* when the first of the queue began */
    struct trn_scan_state state;
};

struct trn_scan_pool {
    struct trn_scan_pool_options o;
    struct trn_scan_pool_sink sink;
    trn_scan_worker_fn *run;
    pid_t mother;
    int sock;
    bool begun;
    uint32_t workers;
    struct slot slots[WORKERS_MAX];
    struct trn_arena *arena;
    uint8_t buf[TRN_IPC_MAX];
};

/* ---- the mother ---- */

static uint32_t processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof(set), &set) < 0 ? 1 : (uint32_t)CPU_COUNT(&set);
}

static int on_bad_rule(struct trn_scan_pool *p, struct trn_cursor c)
{
    struct trn_str file = trn_cur_lstr(&c);
    uint32_t line = trn_cur_u32le(&c);
    struct trn_str why = trn_cur_lstr(&c);
    if (!trn_cur_end(&c))
        return -EPROTO;
    return p->sink.bad_rule ? p->sink.bad_rule(p->sink.ctx, file, line, why) : 0;
}

static int on_ready(struct trn_scan_pool *p, struct trn_cursor c, struct trn_err *err)
{
    char shown[300];
    (void)trn_cur_u32le(&c); /* how many rules are in use */
    int code = (int)trn_cur_u32le(&c);
    struct trn_str why = trn_cur_lstr(&c);
    if (!trn_cur_end(&c) || code > 0 || code < -4095)
        return trn_fail(err, -EPROTO, "the process that starts workers said nonsense");
    return code < 0 ? trn_fail(err, code, "%s", trn_escape_into(shown, sizeof(shown), why)) : 0;
}

static int wait_ready(struct trn_scan_pool *p, struct trn_err *err)
{
    for (;;) {
        struct trn_msg m;
        int e = trn_ipc_recv(p->sock, p->buf, sizeof(p->buf), &m);
        if (e < 0)
            return trn_fail(err, e, "the process that starts workers ended: %s", trn_errno_name(e));
        trn_msg_done(&m); /* it has no descriptors to give */
        if (m.type == TRN_SCAN_READY)
            return on_ready(p, m.body, err);
        e = m.type == TRN_SCAN_BAD_RULE ? on_bad_rule(p, m.body) : -EPROTO;
        if (e < 0)
            return trn_fail(err, e, "cannot start a pool of workers: %s", trn_errno_name(e));
    }
}

static int start_mother(struct trn_scan_pool *p, struct trn_err *err)
{
    int pair[2];
    int e = trn_ipc_pair(pair, 0);
    if (e < 0)
        return trn_fail(err, e, "cannot make a socket: %s", trn_errno_name(e));
    p->mother = fork();
    if (p->mother == 0)
        trn_scan_mother(pair[1], &p->o, p->run);
    e = -errno;
    trn_fd_close(pair[1]);
    p->sock = pair[0];
    return p->mother < 0 ? trn_fail(err, e, "cannot start a process: %s", trn_errno_name(e)) : 0;
}

int trn_scan_pool_begin(struct trn_scan_pool *p, struct trn_err *err)
{
    if (p->begun)
        return 0;
    int e = p->o.late ? trn_ipc_send(p->sock, TRN_SCAN_BEGIN, TRN_STR_NONE, NULL, 0) : 0;
    if (e < 0)
        return trn_fail(err, e, "cannot start a pool of workers: %s", trn_errno_name(e));
    e = wait_ready(p, err);
    p->begun = e == 0;
    return e;
}

static int tell_mother(struct trn_scan_pool *p, uint16_t type, size_t slot, const int *fds, unsigned n)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 16);
    trn_put_u32(&b, (uint32_t)slot);
    return trn_ipc_send(p->sock, type, trn_buf_str(&b), fds, n);
}

/* ---- workers ---- */

static int scratch_file(const struct trn_scan_pool *p)
{
    const char *dir = p->o.scratch_dir ? p->o.scratch_dir : getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe) */
    int fd = open(dir && dir[0] ? dir : "/var/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    return fd >= 0 ? fd : memfd_create("turncoat-scratch", MFD_CLOEXEC);
}

static int spawn(struct trn_scan_pool *p, struct slot *s)
{
    int pair[2];
    if (s->scratch < 0)
        s->scratch = scratch_file(p);
    if (s->scratch < 0)
        return -errno;
    int e = trn_ipc_pair(pair, 0);
    if (e < 0)
        return e;
    const int fds[2] = {pair[1], s->scratch};
    e = tell_mother(p, TRN_SCAN_SPAWN, (size_t)(s - p->slots), fds, 2);
    trn_fd_close(pair[1]);
    if (e < 0) {
        trn_fd_close(pair[0]);
        return e;
    }
    s->sock = pair[0];
    s->files = 0;
    return 0;
}

static int give(const struct slot *s, const struct waiting *w)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, TRN_SCAN_BODY_MAX);
    trn_put_u64(&b, w->job);
    trn_put_u32(&b, w->mode);
    trn_put_lstr(&b, (struct trn_str){w->name, w->name_n});
    const int fds[2] = {w->fd, w->known};
    return b.bad ? -ENOMEM : trn_ipc_send(s->sock, TRN_SCAN_JOB, trn_buf_str(&b), fds, w->known >= 0 ? 2 : 1);
}

static void begin_first(struct slot *s)
{
    s->state = (struct trn_scan_state){0};
    s->since_ns = trn_mono_ns();
}

static void drop_first(struct slot *s)
{
    trn_fd_close(s->queue[0].fd);
    trn_fd_close(s->queue[0].known);
    free(s->queue[0].name);
    s->n--;
    memmove(&s->queue[0], &s->queue[1], s->n * sizeof(s->queue[0]));
    begin_first(s);
}

/* How the worker of this slot ended; it is ended if it has not. */
static int end_worker(struct trn_scan_pool *p, struct slot *s, int *ret_status)
{
    struct trn_msg m;
    s->sock = trn_fd_close(s->sock);
    int e = tell_mother(p, TRN_SCAN_KILL, (size_t)(s - p->slots), NULL, 0);
    if (e == 0)
        e = trn_ipc_recv(p->sock, p->buf, sizeof(p->buf), &m);
    if (e < 0)
        return e;
    trn_msg_done(&m);
    struct trn_cursor c = m.body;
    uint32_t slot = trn_cur_u32le(&c);
    *ret_status = (int)trn_cur_u32le(&c);
    return m.type == TRN_SCAN_GONE && trn_cur_end(&c) && slot == (uint32_t)(s - p->slots) ? 0 : -EPROTO;
}

static int give_all(struct trn_scan_pool *p, struct slot *s)
{
    int e = s->n ? spawn(p, s) : 0;
    for (uint32_t i = 0; e == 0 && i < s->n; i++)
        e = give(s, &s->queue[i]);
    begin_first(s);
    return e == -EPIPE || e == -ECONNRESET ? 0 : e; /* it died at once: seen at the next wait */
}

/* A fresh worker for what is left. The mother ends the old one first: she is not waited for, the others are to be fed. */
static int replace(struct trn_scan_pool *p, struct slot *s)
{
    int status;
    if (s->n == 0)
        return end_worker(p, s, &status);
    s->sock = trn_fd_close(s->sock);
    return give_all(p, s);
}

/* The worker is gone or to go, and the first file of its queue is why. code 0: see how it ended. */
static int blame(struct trn_scan_pool *p, struct slot *s, int code, const char *why)
{
    char text[96];
    int status = 0;
    int e = end_worker(p, s, &status);
    if (e < 0)
        return e;
    if (code == 0) {
        int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        code = -EPIPE;
        (void)snprintf(text, sizeof(text),
                       sig == SIGSYS                                     ? "its worker made a refused system call"
                       : sig                                             ? "its worker crashed (signal %d)"
                       : WIFEXITED(status) && WEXITSTATUS(status) == 120 ? "its worker could not close its doors"
                                                                         : "its worker ended without an answer",
                       sig);
        why = text;
    }
    if (s->n) {
        uint64_t job = s->queue[0].job;
        drop_first(s);
        e = p->sink.end(p->sink.ctx, job, code, trn_str_of(why));
    }
    return e < 0 ? e : give_all(p, s);
}

static int after_end(struct trn_scan_pool *p, struct slot *s, uint32_t artifacts)
{
    uint32_t most = p->o.files_per_worker ? p->o.files_per_worker : FILES_PER_WORKER;
    s->files++;
    drop_first(s);
    return artifacts > 1 || s->files >= most ? replace(p, s) : 0;
}

static int from_worker(struct trn_scan_pool *p, struct slot *s)
{
    struct trn_msg m;
    int e = trn_ipc_recv(s->sock, p->buf, sizeof(p->buf), &m);
    /* A peer that dies with messages unread is told as an error first; what it had sent comes after it. */
    if (e == -ECONNRESET)
        e = trn_ipc_recv(s->sock, p->buf, sizeof(p->buf), &m);
    if (e == -EAGAIN)
        return 0;
    if (e == -ECONNRESET)
        return blame(p, s, 0, NULL);
    if (e < 0)
        return blame(p, s, -EPROTO, "its worker sent a malformed message");
    bool good = m.type == TRN_SCAN_RESULTS && m.n_fds == 0 && s->n > 0;
    struct trn_cursor c = m.body;
    good = trn_cur_u64le(&c) == (s->n ? s->queue[0].job : 0) && good && !c.bad;
    trn_msg_done(&m);
    struct trn_cursor items = trn_cur_sub(&c, c.at, trn_cur_left(&c));
    trn_arena_reset(p->arena);
    e = good ? trn_scan_results_decode(&items, s->queue[0].job, &s->state, p->arena, &p->sink) : -EPROTO;
    if (e == -EPROTO)
        return blame(p, s, -EPROTO, "its worker sent a malformed message");
    if (e < 0)
        return e;
    return s->state.ended ? after_end(p, s, s->state.artifacts) : 0;
}

/* ---- the pool ---- */

int trn_scan_pool_new(const struct trn_scan_pool_options *o, const struct trn_scan_pool_sink *sink,
                      struct trn_scan_pool **ret, struct trn_err *err)
{
    return trn_scan_pool_new_with(o, sink, trn_scan_worker, ret, err);
}

int trn_scan_pool_new_with(const struct trn_scan_pool_options *o, const struct trn_scan_pool_sink *sink,
                           trn_scan_worker_fn *run, struct trn_scan_pool **ret, struct trn_err *err)
{
    struct trn_scan_pool *p = calloc(1, sizeof(*p));
    if (!p || !(p->arena = trn_arena_new(ARENA_MAX))) {
        free(p);
        return trn_fail(err, -ENOMEM, "cannot start a pool of workers: out of memory");
    }
    p->o = *o;
    p->sink = *sink;
    p->run = run;
    p->sock = -1;
    trn_limits_fill(&p->o.limits);
    p->workers = TRN_MIN(o->workers ? o->workers : processors(), WORKERS_MAX);
    for (size_t i = 0; i < WORKERS_MAX; i++)
        p->slots[i].sock = p->slots[i].scratch = -1;
    int e = start_mother(p, err);
    if (e == 0 && !p->o.late)
        e = trn_scan_pool_begin(p, err);
    if (e < 0) {
        trn_scan_pool_free(p);
        return e;
    }
    *ret = p;
    return 0;
}

struct trn_scan_pool *trn_scan_pool_free(struct trn_scan_pool *p)
{
    if (!p)
        return NULL;
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        struct slot *s = &p->slots[i];
        while (s->n)
            drop_first(s);
        trn_fd_close(s->sock);
        trn_fd_close(s->scratch);
    }
    trn_fd_close(p->sock); /* the mother ends her workers, then herself */
    if (p->mother > 0)
        while (waitpid(p->mother, NULL, 0) < 0 && errno == EINTR)
            ;
    trn_arena_free(p->arena);
    free(p);
    return NULL;
}

uint32_t trn_scan_pool_busy(const struct trn_scan_pool *p)
{
    uint32_t n = 0;
    for (size_t i = 0; i < WORKERS_MAX; i++)
        n += p->slots[i].n;
    return n;
}

static struct slot *least_busy(struct trn_scan_pool *p)
{
    struct slot *best = &p->slots[0];
    for (size_t i = 1; i < p->workers; i++)
        if (p->slots[i].n < best->n)
            best = &p->slots[i];
    return best->n < QUEUE ? best : NULL;
}

int trn_scan_pool_submit(struct trn_scan_pool *p, uint64_t job, int fd, struct trn_str name, uint32_t mode)
{
    return trn_scan_pool_submit_but(p, job, fd, name, mode, -1);
}

int trn_scan_pool_submit_but(struct trn_scan_pool *p, uint64_t job, int fd, struct trn_str name, uint32_t mode,
                             int known)
{
    struct slot *s = p->begun ? least_busy(p) : NULL;
    struct waiting w = {.job = job, .mode = mode, .name_n = TRN_MIN(name.n, (size_t)TRN_SCAN_NAME_MAX)};
    if (!s)
        return p->begun ? -EAGAIN : -EINVAL;
    w.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    w.known = known >= 0 && w.fd >= 0 ? fcntl(known, F_DUPFD_CLOEXEC, 3) : -1;
    bool good = w.fd >= 0 && (known < 0 || w.known >= 0);
    w.name = good ? malloc(w.name_n + 1) : NULL;
    if (!w.name) {
        int e = good ? -ENOMEM : -errno;
        trn_fd_close(w.fd);
        trn_fd_close(w.known);
        return e;
    }
    memcpy(w.name, name.p ? name.p : "", w.name_n);
    s->queue[s->n++] = w;
    if (s->n == 1)
        begin_first(s);
    if (s->sock < 0)
        return give_all(p, s);
    int e = give(s, &s->queue[s->n - 1]);
    return e == -EPIPE || e == -ECONNRESET ? 0 : e; /* it just died: seen at the next wait, and given to the next */
}

static int late(struct trn_scan_pool *p)
{
    uint64_t most = p->o.limits.seconds * TRN_NS_PER_SEC + GRACE_NS, now = trn_mono_ns();
    int e = 0;
    for (size_t i = 0; e == 0 && i < p->workers; i++)
        if (p->slots[i].n && now - p->slots[i].since_ns > most)
            e = blame(p, &p->slots[i], -ETIME, "its worker took too long");
    return e;
}

int trn_scan_pool_wait(struct trn_scan_pool *p, int timeout_ms, struct trn_err *err)
{
    struct pollfd fds[WORKERS_MAX];
    int e = 0;
    for (size_t i = 0; i < p->workers; i++)
        fds[i] = (struct pollfd){.fd = p->slots[i].sock, .events = POLLIN};
    if (poll(fds, p->workers, timeout_ms) < 0)
        return errno == EINTR ? 0 : trn_fail(err, -errno, "cannot wait for workers: %s", trn_errno_name(-errno));
    for (size_t i = 0; e == 0 && i < p->workers; i++)
        if (fds[i].revents)
            e = from_worker(p, &p->slots[i]);
    if (e == 0)
        e = late(p);
    if (e == -EPIPE || e == -ECONNRESET)
        return trn_fail(err, e, "cannot scan on: the process that starts the workers ended (was it killed?)");
    return e < 0 ? trn_fail(err, e, "cannot scan on: %s", trn_errno_name(e)) : 0;
}
