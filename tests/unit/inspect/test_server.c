/* SPDX-License-Identifier: Apache-2.0 */
/* Does a worker that crashes, hangs, lies or reaches for more cost its own job only? */
#include "helper.h"

#include "base/sandbox_internal.h"

#include <fcntl.h>
#include <sys/socket.h>

static int lie(const struct trn_job *job, int out)
{
    if (trn_str_eq_c(job->name, "garbage"))
        return trn_ipc_send(out, TRN_INSPECT_FACTS, TRN_STR("12345678 and some"), NULL, 0);
    if (trn_str_eq_c(job->name, "unframed"))
        return send(out, "x", 1, MSG_NOSIGNAL) == 1 ? 0 : -EIO;
    if (trn_str_eq_c(job->name, "other job"))
        return trn_job_failed(out, job->id + 1, 0, TRN_STR_NONE);
    if (trn_str_eq_c(job->name, "says twice"))
        return trn_job_failed(out, job->id, -ENOENT, TRN_STR_NONE);
    struct trn_buf b; /* other kind */
    trn_buf_init(&b, 100);
    trn_inspect_put_bad_line(&b, job->id, 1, TRN_STR("no"));
    return trn_ipc_send(out, TRN_INSPECT_BAD_LINE, trn_buf_str(&b), NULL, 0);
}

static int reach(const struct trn_job *job, int fd, int out, struct trn_err *err)
{
    if (trn_str_eq_c(job->name, "opens"))
        return open("/etc/passwd", O_RDONLY) >= 0 ? 0 : -errno;
    if (trn_str_eq_c(job->name, "connects"))
        return socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 0 : -errno;
    if (trn_str_eq_c(job->name, "forks"))
        return fork() >= 0 ? 0 : -errno;
    if (trn_str_eq_c(job->name, "signals"))
        return kill(1, 0) == 0 ? 0 : -errno;
    for (int i = 3; i < 256; i++) /* sees others */
        if (i != fd && i != out && lseek(i, 0, SEEK_CUR) != -1)
            return trn_fail(err, -EEXIST, "descriptor %d is open", i);
    return 0;
}

/* The name of the job says what the worker does; "good" answers at once. */
static int odd_worker(const struct trn_job *job, int fd, int out, struct trn_err *err)
{
    char c;
    if (trn_str_eq_c(job->name, "good"))
        return pread(fd, &c, 1, 0) == 1 ? 0 : -EIO;
    if (trn_str_eq_c(job->name, "fails"))
        return trn_fail(err, -EBADMSG, "no such thing as '%s'", "x");
    if (trn_str_eq_c(job->name, "crashes"))
        abort();
    if (trn_str_eq_c(job->name, "ends"))
        _exit(0);
    if (trn_str_eq_c(job->name, "hangs"))
        for (;;)
            (void)trn_mono_ns();
    const char *const lies[] = {"garbage", "unframed", "other job", "other kind", "says twice"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(lies); i++)
        if (trn_str_eq_c(job->name, lies[i]))
            return lie(job, out);
    return reach(job, fd, out, err);
}

static const struct {
    const char *name;
    int code;
    const char *message;
} CASES[] = {
    {"fails", -EBADMSG, "no such thing as 'x'"},
    {"crashes", -EPIPE, "the worker crashed (signal 6)"},
    {"ends", -EPIPE, "the worker ended without an answer"},
    {"hangs", -ETIME, "the worker took too long"},
    {"garbage", -EPROTO, "the worker sent a malformed message"},
    {"unframed", -EPROTO, "the worker sent a malformed message"},
    {"other job", -EPROTO, "the worker sent a malformed message"},
    {"other kind", -EPROTO, "the worker sent a malformed message"},
    {"says twice", -EPROTO, "the worker sent a malformed message"},
    {"connects", -EPIPE, "the worker made a refused system call"},
    {"signals", -EPIPE, "the worker made a refused system call"},
    {"sees others", 0, ""},
#if !TRN_SANDBOX_RELAXED
    {"opens", -EPIPE, "the worker made a refused system call"},
    {"forks", -EPIPE, "the worker made a refused system call"},
#endif
};

Test(server, a_bad_worker_costs_its_job_only)
{
    TRN_AUTO(served_done) struct served s;
    serve(&s, odd_worker, 4, 1);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(CASES); i++) {
        give(&s, 100 + i * 2, TRN_JOB_FACTS, CASES[i].name, content("x", 1));
        give(&s, 101 + i * 2, TRN_JOB_FACTS, "good", content("x", 1));
    }
    cr_assert(await(&s, NULL, 2 * TRN_ARRAY_SIZE(CASES), 20000), "%zu ends came", s.n_ends);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(CASES); i++) {
        const struct answer *bad = end_of(&s, 100 + i * 2), *good = end_of(&s, 101 + i * 2);
        cr_assert(bad && good, "%s", CASES[i].name);
        cr_assert_eq(good->code, 0, "beside '%s': %d %s", CASES[i].name, good->code, good->message);
        cr_assert_eq(bad->code, CASES[i].code, "%s: %d %s", CASES[i].name, bad->code, bad->message);
        cr_assert_str_eq(bad->message, CASES[i].message, "%s", CASES[i].name);
    }
}

Test(server, jobs_past_the_workers_wait_their_turn)
{
    TRN_AUTO(served_done) struct served s;
    serve(&s, odd_worker, 1, 30);
    for (uint64_t i = 1; i <= 20; i++)
        give(&s, i, TRN_JOB_FACTS, "good", content("x", 1));
    cr_assert(await(&s, NULL, 20, 20000));
    for (uint64_t i = 1; i <= 20; i++)
        cr_assert_eq(s.ends[i - 1].job, i, "one worker keeps the order");
}

/* What waits is held by the socket, and the socket is bounded. */
Test(server, a_flood_of_jobs_is_held_back)
{
    TRN_AUTO(served_done) struct served s;
    struct trn_job job = {.id = 1, .kind = TRN_JOB_FACTS, .name = TRN_STR("hangs")};
    int fd = content("x", 1), e = 0, sent = 0;
    serve(&s, odd_worker, 1, 30);
    cr_assert_eq(trn_set_nonblock(s.jobs, true), 0);
    for (; sent < 20000 && e == 0; sent++)
        e = trn_job_send(s.jobs, &job, fd);
    cr_assert(e == -EAGAIN || e == -ETOOMANYREFS, "%d after %d", e, sent);
    trn_fd_close(fd);
}

static int ended_with(struct served *s)
{
    int status = -1;
    cr_assert_eq(waitpid(s->pid, &status, 0), s->pid);
    s->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(server, ends_when_the_jobs_end_after_the_last_answer)
{
    TRN_AUTO(served_done) struct served s;
    serve(&s, odd_worker, 2, 30);
    give(&s, 1, TRN_JOB_FACTS, "good", content("x", 1));
    s.jobs = trn_fd_close(s.jobs);
    cr_assert(await(&s, NULL, 1, 10000));
    cr_assert_eq(ended_with(&s), 0);
}

Test(server, ends_when_nobody_reads_results)
{
    TRN_AUTO(served_done) struct served s;
    serve(&s, odd_worker, 2, 30);
    s.results = trn_fd_close(s.results);
    give(&s, 1, TRN_JOB_FACTS, "good", content("x", 1));
    cr_assert_eq(ended_with(&s), 1);
}

Test(server, a_malformed_job_ends_it)
{
    TRN_AUTO(served_done) struct served s;
    serve(&s, odd_worker, 2, 30);
    cr_assert_eq(trn_ipc_send(s.jobs, TRN_INSPECT_JOB, TRN_STR("short"), NULL, 0), 0);
    cr_assert_eq(ended_with(&s), 1);
}
