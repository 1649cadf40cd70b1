/* SPDX-License-Identifier: Apache-2.0 */
/* A fork server under test: its process, its sockets, and everything it answered. */
#ifndef TRN_TEST_INSPECT_HELPER_H
#define TRN_TEST_INSPECT_HELPER_H

#include "inspect/worker.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWERS 32

struct answer {
    uint64_t job;
    int code;
    char message[200];
};

struct served {
    pid_t pid;
    int jobs, results;
    struct answer ends[ANSWERS];
    size_t n_ends;
};

static inline void served_done(struct served *s)
{
    trn_fd_close(s->jobs);
    trn_fd_close(s->results);
    if (s->pid > 0) {
        kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
    }
}

/* The server in a child, as an ordinary user: uid 65534 when the test is root. */
static inline void serve(struct served *s, trn_worker_fn *run, uint32_t workers, uint64_t job_sec)
{
    int jobs[2], results[2];
    *s = (struct served){0};
    cr_assert_eq(trn_ipc_pair(jobs, 0), 0);
    cr_assert_eq(trn_ipc_pair(results, 0), 0);
    s->pid = fork();
    if (s->pid == 0) {
        struct trn_inspect_options o = {
            .sz = sizeof(o), .uid = (uid_t)-1, .gid = (gid_t)-1, .workers = workers, .job_sec = job_sec};
        struct trn_err err = {0};
        trn_fd_close(jobs[0]);
        trn_fd_close(results[0]);
        if (geteuid() == 0 && (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0))
            _exit(99);
        int code = run ? trn_inspect_serve_with(jobs[1], results[1], &o, run, &err)
                       : trn_inspect_serve(jobs[1], results[1], &o, &err);
        _exit(code);
    }
    trn_fd_close(jobs[1]);
    trn_fd_close(results[1]);
    s->jobs = jobs[0];
    s->results = results[0];
}

static inline int content(const char *text, size_t n)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    cr_assert(fd >= 0);
    cr_assert_eq(trn_write_full(fd, text, n), 0);
    return fd;
}

static inline void give(struct served *s, uint64_t id, enum trn_job_kind kind, const char *name, int fd)
{
    struct trn_job job = {.id = id, .kind = kind, .name = trn_str_of(name)};
    cr_assert_eq(trn_job_send(s->jobs, &job, fd), 0);
    trn_fd_close(fd);
}

static inline int on_end(void *ctx, uint64_t job, int code, struct trn_str message)
{
    struct served *s = ctx;
    cr_assert_lt(s->n_ends, ANSWERS);
    struct answer *a = &s->ends[s->n_ends++];
    a->job = job;
    a->code = code;
    snprintf(a->message, sizeof(a->message), "%.*s", TRN_STR_ARG(message));
    return 0;
}

/* Reads results until so many jobs have ended; false after the time. */
static inline bool await(struct served *s, struct trn_inspect_sink *sink, size_t ends, int timeout_ms)
{
    static char buf[TRN_IPC_MAX];
    uint64_t until = trn_mono_ns() + (uint64_t)timeout_ms * TRN_NS_PER_MS;
    struct trn_inspect_sink only_end = {.end = on_end, .ctx = s};
    while (s->n_ends < ends && trn_mono_ns() < until) {
        struct pollfd p = {.fd = s->results, .events = POLLIN};
        struct trn_msg m;
        if (poll(&p, 1, 50) <= 0)
            continue;
        if (trn_ipc_recv(s->results, buf, sizeof(buf), &m) < 0)
            return false;
        cr_assert_eq(trn_inspect_decode(&m, sink ? sink : &only_end), 0);
        trn_msg_done(&m);
    }
    return s->n_ends >= ends;
}

static inline const struct answer *end_of(const struct served *s, uint64_t job)
{
    for (size_t i = 0; i < s->n_ends; i++)
        if (s->ends[i].job == job)
            return &s->ends[i];
    return NULL;
}

#endif
