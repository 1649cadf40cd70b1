/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what all workers of a pool share (rules, indicators, roots), their birth and their end.
 * Must not: read a scanned file; read rules before its own doors are closed.
 */
#include "inspect/scan_messages.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define INDICATORS_MAX (64u << 20)
#define SLOTS_MAX 64u
#define WORKER_MEMORY (1ull << 30)

struct mother {
    int sock;
    const struct trn_scan_pool_options *o;
    trn_scan_worker_fn *run;
    struct trn_scan_setup setup;
    struct trn_indicators *indicators;
    struct trn_yara_rules *rules;
    struct trn_yara_scanner *scanner; /* inherited: after the fork each worker has its own */
    struct trn_matcher matcher;
    struct trn_trust_roots *roots;
    pid_t pids[SLOTS_MAX];
    uint8_t buf[TRN_IPC_MAX];
};

/* Everything but these, whatever the caller has open. list: sorted. */
static void keep_only(const int *list, size_t n)
{
    unsigned from = 3;
    for (size_t i = 0; i < n; i++) {
        if (list[i] < (int)from)
            continue;
        if ((unsigned)list[i] > from)
            (void)close_range(from, (unsigned)list[i] - 1, 0);
        from = (unsigned)list[i] + 1;
    }
    (void)close_range(from, ~0u, 0);
}

static int by_number(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static TRN_NORETURN void worker(struct mother *m, int sock, int scratch)
{
    int keep[] = {sock, scratch};
    struct rlimit most = {m->setup.limits.bytes, m->setup.limits.bytes};
    const struct trn_sandbox_options box = {.profile = TRN_SANDBOX_SCAN_WORKER,
                                            .uid = (uid_t)-1,
                                            .gid = (gid_t)-1,
                                            .max_memory = m->o->worker_memory ? m->o->worker_memory : WORKER_MEMORY,
                                            .max_files = 16};
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    qsort(keep, 2, sizeof(int), by_number);
    keep_only(keep, 2);
    (void)setrlimit(RLIMIT_FSIZE, &most);
    m->setup.scratch = scratch;
    if (trn_sandbox_enter(&box, NULL, NULL) < 0)
        _exit(120);
    _exit(m->run(sock, &m->setup));
}

/* Ends it if it lives, and says how it ended. */
static int reap(struct mother *m, uint32_t slot)
{
    int status = 0;
    pid_t pid = m->pids[slot];
    if (pid <= 0)
        return 0;
    (void)kill(pid, SIGKILL); /* our own child, not reaped yet */
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    m->pids[slot] = 0;
    return status;
}

static int say_gone(struct mother *m, uint32_t slot, int status)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 64);
    trn_put_u32(&b, slot);
    trn_put_u32(&b, (uint32_t)status);
    return trn_ipc_send(m->sock, TRN_SCAN_GONE, trn_buf_str(&b), NULL, 0);
}

static int serve_one(struct mother *m, struct trn_msg *msg)
{
    struct trn_cursor c = msg->body;
    uint32_t slot = trn_cur_u32le(&c);
    if (!trn_cur_end(&c) || slot >= SLOTS_MAX)
        return -EPROTO;
    if (msg->type == TRN_SCAN_KILL)
        return say_gone(m, slot, reap(m, slot));
    if (msg->type != TRN_SCAN_SPAWN || msg->n_fds != 2)
        return -EPROTO;
    (void)reap(m, slot);
    if (ftruncate(msg->fds[1], 0) < 0) /* what the last one left: it is dead, and cannot write there any more */
        return -errno;
    pid_t pid = fork();
    if (pid == 0)
        worker(m, trn_msg_take_fd(msg, 0), trn_msg_take_fd(msg, 1));
    m->pids[slot] = pid > 0 ? pid : 0; /* no worker: its socket closes, and the caller sees that */
    return 0;
}

static int keep_indicator(void *ctx, const struct trn_indicator *i)
{
    struct mother *m = ctx;
    return i->kind == TRN_IND_SHA256 ? trn_indicators_add(m->indicators, i) : 0;
}

static int say_bad(struct mother *m, struct trn_str file, uint32_t line, struct trn_str why)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 16384);
    trn_put_lstr(&b, trn_str_slice(file, 0, 4096));
    trn_put_u32(&b, line);
    trn_put_lstr(&b, trn_str_slice(why, 0, TRN_SCAN_TEXT_MAX));
    return b.bad ? -ENOMEM : trn_ipc_send(m->sock, TRN_SCAN_BAD_RULE, trn_buf_str(&b), NULL, 0);
}

static int bad_indicator(void *ctx, uint64_t line, struct trn_str why)
{
    return say_bad(ctx, TRN_STR("indicators"), (uint32_t)TRN_MIN(line, (uint64_t)UINT32_MAX), why);
}

static int read_indicators(struct mother *m, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    const struct trn_indicator_sink sink = {keep_indicator, bad_indicator, m};
    trn_buf_init(&b, INDICATORS_MAX);
    if (m->o->indicators < 0)
        return 0;
    int e = trn_indicators_new(&m->indicators);
    if (e == 0)
        e = trn_read_all(m->o->indicators, &b);
    if (e < 0)
        return trn_fail(err, e, "cannot read the indicators: %s", trn_errno_name(e));
    e = trn_indicators_parse(trn_buf_str(&b), &sink, err);
    if (e == 0)
        e = trn_indicators_seal(m->indicators);
    m->setup.indicators = m->indicators;
    if (e == 0 && trn_indicators_count(m->indicators) == 0)
        e = trn_fail(err, -EINVAL, "no line of the list of indicators is a SHA-256 that files can be compared with");
    return e < 0 && err->code == 0 ? trn_fail(err, e, "cannot use the indicators: %s", trn_errno_name(e)) : e;
}

static void bad_rule(void *ctx, struct trn_str file, uint32_t line, struct trn_str why)
{
    (void)!say_bad(ctx, file, line, why);
}

static int read_rules(struct mother *m, struct trn_err *err)
{
    const struct trn_yara_options o = {.sz = sizeof(o),
                                       .bundle = m->o->rules,
                                       .cache_in = m->o->rules_compiled,
                                       .cache_out = m->o->rules_save,
                                       .bad_rule = bad_rule,
                                       .ctx = m};
    if (o.bundle < 0)
        return 0;
    int e = trn_yara_compile(&o, &m->rules, err);
    if (e == 0)
        e = trn_yara_scanner_new(m->rules, 0, &m->scanner, err);
    if (e == 0) {
        m->matcher = trn_yara_matcher(m->scanner);
        m->setup.matcher = &m->matcher;
    }
    return e;
}

/* Read while files can be opened, understood behind closed doors. The system has no such list: then every chain is unknown. */
static int read_roots(const struct mother *m, struct trn_buf *pem, struct trn_err *err)
{
    const char *path = m->o->roots ? m->o->roots : TRN_SCAN_ROOTS;
    if (!path[0] || (!m->o->roots && access(path, R_OK) < 0)) {
        trn_buf_init(pem, 0);
        return 0;
    }
    return trn_read_file(path, TRN_SCAN_ROOTS_MAX, pem, err);
}

static int prepare(struct mother *m, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf pem = {0};
    const struct trn_sandbox_options box = {.profile = TRN_SANDBOX_INSPECT_SERVER,
                                            .uid = (uid_t)-1,
                                            .gid = (gid_t)-1,
                                            .max_files = 128};
    trn_worker_warm();
    trn_scan_warm();
    int e = m->o->rules >= 0 ? trn_yara_warm(err) : 0;
    if (e == 0)
        e = read_roots(m, &pem, err);
    if (e == 0)
        e = trn_sandbox_enter(&box, NULL, err);
    if (e == 0 && pem.n && (e = trn_trust_roots_load(trn_buf_str(&pem), &m->roots)) < 0)
        return trn_fail(err, e, "cannot use the list of root certificates: %s", trn_errno_name(e));
    m->setup.roots = m->roots;
    if (e == 0)
        e = read_indicators(m, err);
    return e == 0 ? read_rules(m, err) : e;
}

static int say_ready(struct mother *m, int code, const struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 4096);
    trn_put_u32(&b, m->rules ? trn_yara_rules_count(m->rules) : 0);
    trn_put_u32(&b, (uint32_t)code);
    trn_put_lstr(&b, err->message[0] ? trn_str_of(err->message) : TRN_STR_NONE);
    return trn_ipc_send(m->sock, TRN_SCAN_READY, trn_buf_str(&b), NULL, 0);
}

/* false: there will be no work. */
static bool wait_begin(struct mother *m)
{
    struct trn_msg msg;
    if (!m->o->late)
        return true;
    if (trn_ipc_recv(m->sock, m->buf, sizeof(m->buf), &msg) < 0)
        return false;
    trn_msg_done(&msg);
    return msg.type == TRN_SCAN_BEGIN;
}

/* Nothing that a worker could say on the caller's terminal. A sanitizer's report is worth more. */
static void close_terminal(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = STDIN_FILENO; fd >= 0 && i <= STDERR_FILENO; i++)
        if (i != STDERR_FILENO || !trn_sandbox_is_relaxed())
            (void)dup2(fd, i);
    if (fd > STDERR_FILENO)
        trn_fd_close(fd);
}

void trn_scan_mother(int sock, const struct trn_scan_pool_options *o, trn_scan_worker_fn *run)
{
    struct mother *m = calloc(1, sizeof(*m));
    struct trn_err err = {0};
    struct trn_msg msg;
    int keep[] = {sock, o->rules, o->rules_compiled, o->rules_save, o->indicators};
    if (!m)
        _exit(1);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGINT, SIG_IGN); /* the caller decides what an interrupted scan is */
    qsort(keep, TRN_ARRAY_SIZE(keep), sizeof(int), by_number);
    keep_only(keep, TRN_ARRAY_SIZE(keep));
    close_terminal();
    m->sock = sock;
    m->o = o;
    m->run = run;
    m->setup =
        (struct trn_scan_setup){.limits = o->limits, .with_md5 = o->with_md5, .features = o->features, .scratch = -1};
    trn_limits_fill(&m->setup.limits);
    if (!wait_begin(m))
        _exit(0);
    int e = prepare(m, &err);
    if (say_ready(m, e, &err) < 0 || e < 0)
        _exit(1);
    while (e == 0 && trn_ipc_recv(sock, m->buf, sizeof(m->buf), &msg) == 0) {
        e = serve_one(m, &msg);
        trn_msg_done(&msg);
    }
    for (uint32_t i = 0; i < SLOTS_MAX; i++)
        (void)reap(m, i);
    _exit(e < 0);
}
