/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: how turncoatd comes to its policy without reading the file: a turncoat-inspect of its own parses it in a strict worker
 * and sends the struct in bytes, which are believed no more than any other message. Must not own: what the policy means.
 * The engine has no part in it: nothing that it says changes what turncoatd may do.
 *
 *   file --descriptor--> inspect --POLICY | BAD_LINE, END--> here
 */
#include "daemon/daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_MS 15000
#define JOB 1

struct trn_policy_reading {
    char path[1024]; /* escaped, for messages */
    pid_t pid;
    int pidfd, results;
    uint64_t until_ns;
    bool have; /* the policy came */
    struct trn_policy policy;
    char wrong[700], hint[300]; /* the worker's words; wrong[0] 0: none yet */
    char receive[TRN_IPC_MAX];
};

struct trn_policy_reading *trn_policy_read_end(struct trn_policy_reading *r)
{
    if (!r)
        return NULL;
    if (r->pid > 0) {
        (void)syscall(SYS_pidfd_send_signal, r->pidfd, SIGKILL, NULL, 0);
        (void)waitpid(r->pid, NULL, 0);
    }
    trn_fd_close(r->pidfd);
    trn_fd_close(r->results);
    free(r);
    return NULL;
}

static void endp(struct trn_policy_reading **r)
{
    *r = trn_policy_read_end(*r);
}

/* Whoever can write the policy can switch protection off, or on for the wrong thing. */
static int open_file(const char *path, const char *shown, struct trn_err *err)
{
    struct stat st;
    int fd = trn_open_plain(-1, path, &st);
    if (fd == -EINVAL)
        return trn_fail(err, fd, "the policy '%s' is no plain file", shown);
    if (fd < 0)
        return trn_fail(err, fd, "the policy '%s' cannot be opened: %s", shown, trn_errno_name(fd));
    if (st.st_uid == 0 && !(st.st_mode & (S_IWGRP | S_IWOTH)))
        return fd;
    trn_fd_close(fd);
    trn_fail(err, -EPERM, "the policy '%s' can be changed by others than root", shown);
    trn_hint(err, "chown root:root and chmod 644, then start again");
    return -EPERM;
}

static int start_worker(struct trn_policy_reading *r, const struct trn_place *place, int file, struct trn_err *err)
{
    char uid[16], gid[16];
    int jobs[2] = {-1, -1}, results[2] = {-1, -1};
    const char *const argv[] = {"turncoat-inspect", uid, gid, NULL};
    snprintf(uid, sizeof uid, "%u", place->inspect_uid);
    snprintf(gid, sizeof gid, "%u", place->inspect_gid);
    int code = trn_ipc_pair(jobs, 0);
    if (code == 0)
        code = trn_ipc_pair(results, 0);
    TRN_AUTO(trn_fd_closep) int ours = jobs[0];
    TRN_AUTO(trn_fd_closep) int their_jobs = jobs[1];
    TRN_AUTO(trn_fd_closep) int their_results = results[1];
    r->results = results[0];
    if (code == 0) {
        const int fds[] = {their_jobs, their_results};
        code = trn_spawn("turncoat-inspect", argv, fds, 2, -1, &r->pid, &r->pidfd, err);
    }
    if (code == 0)
        code = trn_set_nonblock(r->results, true);
    if (code == 0) /* our end is closed behind it: no more jobs, it ends by itself */
        code = trn_channel_job(ours, JOB, TRN_CH_INSPECT_POLICY_JOB, TRN_STR("policy.yaml"), file);
    return code < 0 && !err->code ? trn_fail(err, code, "cannot have the policy read: %s", trn_errno_name(code)) : code;
}

int trn_policy_read_start(const char *path, const struct trn_place *place, struct trn_policy_reading **ret,
                          struct trn_err *err)
{
    TRN_AUTO(endp) struct trn_policy_reading *r = calloc(1, sizeof *r);
    if (!r)
        return trn_fail(err, -ENOMEM, "out of memory");
    r->pidfd = r->results = -1;
    r->until_ns = trn_mono_ns() + READ_MS * TRN_NS_PER_MS;
    TRN_AUTO(trn_fd_closep) int file = open_file(path, trn_escape_into(r->path, sizeof r->path, trn_str_of(path)), err);
    if (file < 0)
        return file;
    int code = start_worker(r, place, file, err);
    if (code == 0)
        *ret = TRN_STEAL(r);
    return code;
}

int trn_policy_read_fd(const struct trn_policy_reading *r)
{
    return r->results;
}

/* "column 7: what", a line break, a hint. */
static int bad_line(struct trn_policy_reading *r, struct trn_cursor *c)
{
    uint64_t line = trn_cur_u64le(c);
    struct trn_str rest = trn_cur_lstr(c), what;
    if (!trn_cur_end(c) || line > TRN_POLICY_FILE_MAX || r->wrong[0])
        return -EPROTO;
    char text[400];
    if (!trn_str_split(&rest, '\n', &what))
        what = TRN_STR("it is not right");
    trn_escape_into(text, sizeof text, what);
    if (line)
        snprintf(r->wrong, sizeof r->wrong, "line %llu, %s", (unsigned long long)line, text);
    else
        snprintf(r->wrong, sizeof r->wrong, "%s", text);
    trn_escape_into(r->hint, sizeof r->hint, trn_str_is_none(rest) ? TRN_STR("") : rest);
    return 0;
}

static int at_end(struct trn_policy_reading *r, struct trn_cursor *c, struct trn_err *err)
{
    uint32_t code = trn_cur_u32le(c);
    struct trn_str message = trn_cur_lstr(c);
    char text[200];
    if (!trn_cur_end(c))
        return -EPROTO;
    if (code == 0 && r->have && !r->wrong[0])
        return 0;
    trn_fail(err, -EINVAL, "cannot read the policy '%.120s': %.180s", r->path,
             r->wrong[0] ? r->wrong : trn_escape_into(text, sizeof text, message));
    if (r->hint[0])
        trn_hint(err, "%.190s", r->hint);
    return -EINVAL;
}

/* 1: more is to come. */
static int one_message(struct trn_policy_reading *r, struct trn_msg *m, struct trn_err *err)
{
    uint64_t job = trn_cur_u64le(&m->body);
    struct trn_cursor rest = trn_cur_sub(&m->body, m->body.at, trn_cur_left(&m->body));
    if (job != JOB || m->n_fds)
        return -EPROTO;
    switch (m->type) {
    case TRN_CH_INSPECT_POLICY:
        if (r->have || trn_policy_decode(&rest, &r->policy) < 0)
            return -EPROTO;
        r->have = true;
        return 1;
    case TRN_CH_INSPECT_BAD_LINE:
        return bad_line(r, &rest) < 0 ? -EPROTO : 1;
    case TRN_CH_INSPECT_END:
        return at_end(r, &rest, err);
    default:
        return -EPROTO;
    }
}

int trn_policy_read_step(struct trn_policy_reading *r, struct trn_policy *ret, struct trn_err *err)
{
    struct trn_msg m;
    int code = trn_ipc_recv(r->results, r->receive, sizeof r->receive, &m);
    if (code == -EAGAIN)
        code = trn_mono_ns() < r->until_ns ? 1 : -ETIME;
    else if (code == 0) {
        code = one_message(r, &m, err);
        trn_msg_done(&m);
    }
    if (code == 0)
        *ret = r->policy;
    return code < 0 && !err->code ? trn_fail(err, code, "cannot read the policy '%.150s': the worker %s", r->path,
                                             code == -ETIME ? "took too long" : "ended or said nonsense")
                                  : code;
}

int trn_daemon_policy_load(const char *path, bool must_exist, const struct trn_place *place, struct trn_policy *ret,
                           struct trn_err *err)
{
    TRN_AUTO(endp) struct trn_policy_reading *r = NULL;
    if (!must_exist && access(path, F_OK) < 0 && errno == ENOENT) {
        trn_policy_default(ret);
        return 0;
    }
    int code = trn_policy_read_start(path, place, &r, err);
    while (code == 0 && r) {
        struct pollfd p = {.fd = r->results, .events = POLLIN};
        (void)poll(&p, 1, 200);
        code = trn_policy_read_step(r, ret, err);
        if (code == 0)
            return 0;
        code = code == 1 ? 0 : code;
    }
    return code;
}

int trn_policy_send(int control_sock, const struct trn_policy *p)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, TRN_POLICY_WORDS);
    trn_policy_encode(p, &b);
    return b.bad ? -EMSGSIZE : trn_ipc_send(control_sock, TRN_CH_POLICY, trn_buf_str(&b), NULL, 0);
}
