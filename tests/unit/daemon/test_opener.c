/* SPDX-License-Identifier: Apache-2.0 */
/* What can an engine, honest or taken over, make the opener do? The test is the engine and inspect. */
#include "daemon/daemon.h"
#include "folder.h"
#include "inspect/inspect.h"

#include <poll.h>

struct bench {
    struct folder f;
    int files, jobs, control;        /* our ends */
    int daemon_jobs, daemon_control; /* turncoatd's */
    unsigned dropped;
    struct trn_opener *opener;
    char buf[TRN_IPC_MAX];
};

static struct bench *bench_new(const char *const *indicators, uint32_t n)
{
    struct bench *b = calloc(1, sizeof *b);
    int files[2], jobs[2], control[2];
    struct trn_err err = {0};
    cr_assert(b);
    b->f = folder_new();
    cr_assert(trn_ipc_pair(files, 0) == 0 && trn_ipc_pair(jobs, 0) == 0 && trn_ipc_pair(control, 0) == 0);
    cr_assert_eq(trn_set_nonblock(jobs[0], true), 0);
    b->files = files[1];
    b->jobs = jobs[1];
    b->control = control[1];
    b->daemon_jobs = jobs[0];
    b->daemon_control = control[0];
    const struct trn_opener_options o = {.files_sock = files[0],
                                         .jobs_sock = jobs[0],
                                         .control_sock = control[0],
                                         .indicators = indicators,
                                         .n_indicators = n,
                                         .run = 3,
                                         .state_dir = b->f.path,
                                         .dropped = &b->dropped};
    cr_assert_eq(trn_opener_start(&o, &b->opener, &err), 0, "%s", err.message);
    return b;
}

static void bench_free(struct bench *b)
{
    b->opener = trn_opener_stop(b->opener);
    trn_fd_close(b->files);
    trn_fd_close(b->jobs);
    trn_fd_close(b->control);
    trn_fd_close(b->daemon_jobs);
    trn_fd_close(b->daemon_control);
    folder_done(&b->f);
    free(b);
}

static bool readable(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, ms) > 0;
}

static void ask(struct bench *b, uint16_t kind, const char *path, struct trn_file_key want)
{
    struct trn_buf body;
    trn_buf_init(&body, 8192);
    trn_open_encode(&(struct trn_open_request){.job = 70000, .kind = kind, .want = want, .path = trn_str_of(path)},
                    &body);
    cr_assert_eq(trn_ipc_send(b->files, TRN_CH_OPEN, trn_buf_str(&body), NULL, 0), 0);
    trn_buf_done(&body);
}

/* The error of the FAILED that must come now. */
static int failure(struct bench *b)
{
    struct trn_msg m;
    struct trn_failed f;
    cr_assert(readable(b->files, 5000));
    cr_assert_eq(trn_ipc_recv(b->files, b->buf, sizeof b->buf, &m), 0);
    cr_assert_eq(m.type, TRN_CH_FAILED);
    cr_assert_eq(trn_failed_decode(&m.body, &f), 0);
    cr_assert_eq(f.job, 70000);
    trn_msg_done(&m);
    return f.code;
}

static struct trn_opened opened(struct bench *b)
{
    struct trn_msg m;
    struct trn_opened o;
    cr_assert(readable(b->files, 5000));
    cr_assert_eq(trn_ipc_recv(b->files, b->buf, sizeof b->buf, &m), 0);
    cr_assert_eq(m.type, TRN_CH_OPENED);
    cr_assert_eq(trn_opened_decode(&m.body, &o), 0);
    trn_msg_done(&m);
    return o;
}

/* The job that must come now; its descriptor. */
static int job(struct bench *b, struct trn_job *ret)
{
    struct trn_msg m;
    cr_assert(readable(b->jobs, 5000));
    cr_assert_eq(trn_ipc_recv(b->jobs, b->buf, sizeof b->buf, &m), 0);
    uint64_t id = trn_cur_u64le(&m.body);
    ret->id = id;
    ret->kind = (enum trn_job_kind)trn_cur_u16le(&m.body);
    cr_assert_eq(m.n_fds, 1);
    int fd = trn_msg_take_fd(&m, 0);
    trn_msg_done(&m);
    return fd;
}

static const char *path_in(struct bench *b, const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", b->f.path, name);
    return path;
}

static const struct trn_file_key any = {0};

Test(opener, the_file_goes_to_inspect_and_its_key_to_the_engine, .timeout = 20)
{
    struct bench *b = bench_new(NULL, 0);
    struct trn_job j;
    char text[8] = "";
    folder_put(&b->f, "tool", "bytes");
    ask(b, TRN_JOB_FACTS, path_in(b, "tool"), any);
    struct trn_opened o = opened(b);
    cr_assert_eq(o.size, 5);
    cr_assert(!trn_file_key_is_none(&o.key));
    TRN_AUTO(trn_fd_closep) int fd = job(b, &j);
    cr_assert(j.id == 70000 && j.kind == TRN_JOB_FACTS);
    cr_assert(read(fd, text, sizeof text) == 5 && memcmp(text, "bytes", 5) == 0);
    ask(b, TRN_JOB_FACTS, path_in(b, "tool"), o.key); /* the same content, by key */
    opened(b);
    TRN_AUTO(trn_fd_closep) int again = job(b, &j);
    cr_assert_geq(again, 0);
    o.key.ino++;
    ask(b, TRN_JOB_FACTS, path_in(b, "tool"), o.key);
    cr_assert_eq(failure(b), -ESTALE, "another content than the one meant");
    bench_free(b);
}

Test(opener, a_look_sends_no_job_and_a_missing_file_is_told, .timeout = 20)
{
    struct bench *b = bench_new(NULL, 0);
    folder_put(&b->f, "tool", "bytes");
    ask(b, 0, path_in(b, "tool"), any);
    opened(b);
    cr_assert(!readable(b->jobs, 100));
    ask(b, TRN_JOB_FACTS, path_in(b, "nothing"), any);
    cr_assert_eq(failure(b), -ENOENT);
    cr_assert_eq(mkfifoat(b->f.fd, "fifo", 0644), 0);
    ask(b, TRN_JOB_FACTS, path_in(b, "fifo"), any);
    cr_assert_eq(failure(b), -EINVAL);
    ask(b, TRN_JOB_FACTS, "/dev/null", any);
    cr_assert_eq(failure(b), -EINVAL);
    ask(b, TRN_JOB_FACTS, "/proc/kallsyms", any);
    cr_assert_eq(failure(b), -EINVAL);
    bench_free(b);
}

static void ends_the_connection(uint16_t type, struct trn_str body)
{
    struct bench *b = bench_new(NULL, 0);
    cr_assert_eq(trn_ipc_send(b->files, type, body, NULL, 0), 0);
    for (int i = 0; i < 100 && !trn_opener_ended(b->opener); i++)
        usleep(20000);
    cr_assert(trn_opener_ended(b->opener));
    cr_assert_eq(__atomic_load_n(&b->dropped, __ATOMIC_RELAXED), 1);
    bench_free(b);
}

Test(opener, kinds_that_would_give_a_file_s_text_back_end_the_connection, .timeout = 30)
{
    static const uint16_t kinds[] = {TRN_JOB_DPKG, TRN_JOB_INDICATORS, 5, 7, 0xffff};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(kinds); i++) {
        struct trn_buf body;
        trn_buf_init(&body, 4096);
        trn_open_encode(&(struct trn_open_request){.job = 1, .kind = kinds[i], .path = TRN_STR("/etc/shadow")}, &body);
        ends_the_connection(TRN_CH_OPEN, trn_buf_str(&body));
        trn_buf_done(&body);
    }
    ends_the_connection(TRN_CH_HELLO, TRN_STR(""));
    ends_the_connection(TRN_CH_DPKG, TRN_STR("short"));
}

Test(opener, a_queue_that_stays_full_fails_the_job_only, .timeout = 30)
{
    struct bench *b = bench_new(NULL, 0);
    folder_put(&b->f, "tool", "bytes");
    int filled = 0;
    while (trn_ipc_send(b->daemon_jobs, TRN_CH_INSPECT_JOB, TRN_STR("full"), NULL, 0) == 0)
        filled++;
    cr_assert_gt(filled, 0);
    ask(b, TRN_JOB_FACTS, path_in(b, "tool"), any);
    opened(b);
    cr_assert_eq(failure(b), -EAGAIN);
    ask(b, 0, path_in(b, "tool"), any);
    opened(b); /* and it goes on */
    bench_free(b);
}

Test(opener, an_engine_that_does_not_read_does_not_hold_us, .timeout = 30)
{
    struct bench *b = bench_new(NULL, 0);
    cr_assert_eq(trn_set_nonblock(b->files, true), 0);
    struct trn_buf body;
    trn_buf_init(&body, 4096);
    trn_open_encode(&(struct trn_open_request){.job = 1, .kind = 0, .path = TRN_STR("/none")}, &body);
    for (int quiet = 0; quiet < 10;) { /* until both directions are full */
        if (trn_ipc_send(b->files, TRN_CH_OPEN, trn_buf_str(&body), NULL, 0) == 0)
            quiet = 0;
        else
            quiet++, usleep(10000);
    }
    trn_buf_done(&body);
    cr_assert(!trn_opener_ended(b->opener), "it waits for us");
    uint64_t before = trn_mono_ns();
    b->opener = trn_opener_stop(b->opener);
    cr_assert_lt(trn_mono_ns() - before, 500 * TRN_NS_PER_MS, "the guard ends a daemon that is silent so long");
    bench_free(b);
}

Test(opener, indicator_files_become_jobs_and_do_not_lead_out_of_the_state_folder, .timeout = 20)
{
    char good[64] = "/tmp/turncoat-indicators-XXXXXX", link[256];
    int made = mkstemp(good);
    cr_assert(made >= 0 && write(made, "a.test\n", 7) == 7);
    /* The folder has its name only after it is made, so the link is put by hand into a first one. */
    struct folder state = folder_new();
    cr_assert_eq(symlinkat(good, state.fd, "evil.csv"), 0);
    snprintf(link, sizeof link, "%s/evil.csv", state.path);
    const char *const indicators[] = {good, link};
    int files[2], jobs[2], control[2];
    struct trn_err err = {0};
    unsigned dropped = 0;
    struct trn_opener *opener = NULL;
    static struct bench b;
    cr_assert(trn_ipc_pair(files, 0) == 0 && trn_ipc_pair(jobs, 0) == 0 && trn_ipc_pair(control, 0) == 0);
    const struct trn_opener_options o = {.files_sock = files[0],
                                         .jobs_sock = jobs[0],
                                         .control_sock = control[0],
                                         .run = 3,
                                         .indicators = indicators,
                                         .n_indicators = 2,
                                         .state_dir = state.path,
                                         .dropped = &dropped};
    cr_assert_eq(trn_opener_start(&o, &opener, &err), 0);
    b.jobs = jobs[1];
    struct trn_job j;
    char text[16];
    TRN_AUTO(trn_fd_closep) int first = job(&b, &j);
    cr_assert(j.id == trn_indicator_job(3, 0) && j.kind == TRN_JOB_INDICATORS);
    cr_assert_eq(read(first, text, sizeof text), 7);
    TRN_AUTO(trn_fd_closep) int second = job(&b, &j);
    cr_assert_eq(j.id, trn_indicator_job(3, 1));
    cr_assert_eq(read(second, text, sizeof text), 0, "a link out of the engine's own folder was followed");
    struct trn_msg m;
    cr_assert(readable(control[1], 5000));
    cr_assert_eq(trn_ipc_recv(control[1], b.buf, sizeof b.buf, &m), 0);
    cr_assert_eq(m.type, TRN_CH_READY);
    trn_opener_stop(opener);
    for (int i = 0; i < 2; i++) {
        trn_fd_close(jobs[i]);
        trn_fd_close(control[i]);
    }
    trn_fd_close(files[1]);
    trn_fd_close(made);
    unlink(good);
    folder_done(&state);
}
