/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a server of one job, for who has no daemon: a child that enters the server's sandbox, forks the strict worker,
 * and ends. Must not: parse anything in the caller. The caller must have one thread only.
 */
#include "inspect/messages.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOB_SEC 60
#define WAIT_MS ((JOB_SEC + 15) * 1000)

struct once {
    const struct trn_inspect_sink *sink;
    uint64_t job;
    bool ended;
};

static int on_evidence(void *ctx, uint64_t job, const struct trn_evidence_facts *f)
{
    const struct once *o = ctx;
    return job == o->job && o->sink->evidence ? o->sink->evidence(o->sink->ctx, job, f) : 0;
}

static int on_bad_line(void *ctx, uint64_t job, uint64_t line, struct trn_str why)
{
    const struct once *o = ctx;
    return job == o->job && o->sink->bad_line ? o->sink->bad_line(o->sink->ctx, job, line, why) : 0;
}

static int on_accept(void *ctx, uint64_t job, const struct trn_accept_list *a)
{
    const struct once *o = ctx;
    return job == o->job && o->sink->accept ? o->sink->accept(o->sink->ctx, job, a) : 0;
}

static int on_end(void *ctx, uint64_t job, int code, struct trn_str message)
{
    struct once *o = ctx;
    if (job != o->job)
        return -EPROTO;
    o->ended = true;
    return o->sink->end(o->sink->ctx, job, code, message);
}

static TRN_NORETURN void child(const int jobs[2], const int results[2])
{
    const struct trn_inspect_options o = {
        .sz = sizeof(o), .uid = (uid_t)-1, .gid = (gid_t)-1, .workers = 1, .job_sec = JOB_SEC};
    struct trn_err err = {0};
    trn_fd_close(jobs[0]); /* or the end of the jobs would never be seen */
    trn_fd_close(results[0]);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGPIPE, SIG_IGN);
    int code = trn_inspect_serve(jobs[1], results[1], &o, &err);
    if (err.code) /* the one way to say why: as the end of the job, which is not known here */
        (void)!trn_job_failed(results[1], 1, err.code, trn_str_of(err.message));
    _exit(code);
}

static int listen_to(int results, struct once *o, struct trn_err *err)
{
    TRN_AUTO(trn_freep) uint8_t *buf = malloc(TRN_IPC_MAX);
    const struct trn_inspect_sink sink = {
        .bad_line = on_bad_line, .evidence = on_evidence, .end = on_end, .ctx = o, .accept = on_accept};
    int e = buf ? 0 : -ENOMEM;
    while (e == 0 && !o->ended) {
        struct pollfd p = {.fd = results, .events = POLLIN};
        struct trn_msg m;
        int n = poll(&p, 1, WAIT_MS);
        if (n < 0 && errno == EINTR)
            continue;
        e = n <= 0 ? -ETIME : trn_ipc_recv(results, buf, TRN_IPC_MAX, &m);
        if (e < 0)
            break;
        e = trn_inspect_decode(&m, &sink);
        trn_msg_done(&m);
    }
    return e < 0 ? trn_fail(err, e, "the process that reads files for us ended or said nonsense: %s", trn_errno_name(e))
                 : 0;
}

int trn_inspect_once(const struct trn_job *job, int fd, const struct trn_inspect_sink *sink, struct trn_err *err)
{
    int jobs[2] = {-1, -1}, results[2] = {-1, -1};
    struct once o = {.sink = sink, .job = job->id};
    int e = job->id == 1 ? trn_ipc_pair(jobs, 0) : -EINVAL;
    if (e == 0)
        e = trn_ipc_pair(results, 0);
    pid_t pid = e == 0 ? fork() : -1;
    if (pid == 0)
        child(jobs, results);
    if (e == 0 && pid < 0)
        e = -errno;
    trn_fd_close(jobs[1]);
    trn_fd_close(results[1]);
    if (e == 0)
        e = trn_job_send(jobs[0], job, fd);
    trn_fd_close(jobs[0]); /* no more jobs: the server ends after this one */
    if (e < 0)
        (void)trn_fail(err, e, "cannot start the process that reads files for us: %s", trn_errno_name(e));
    else
        e = listen_to(results[0], &o, err);
    trn_fd_close(results[0]);
    if (pid > 0) {
        (void)kill(pid, SIGKILL); /* our own child, not waited for yet; its worker dies with it */
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    return e;
}
