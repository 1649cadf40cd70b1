/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the thread that does the slow, file-touching work for one engine: reading the processes that
 * existed before, submitting the indicator files, opening files, copying package databases.
 * Must not own: fanotify, the heartbeat (main thread), any parsing. The engine is hostile: it may name
 * any path, and gets back a content key and a size; the content goes to inspect, whose worker is
 * strict and whose results are hashes and names.
 */
#include "daemon/daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* enum trn_job_kind, which turncoatd may not include; a test holds the two together */
#define JOB_NONE 0 /* a look only */
#define JOB_FACTS 1
#define JOB_DPKG 2
#define JOB_MANIFEST 3
#define JOB_INDICATORS 4

#define JOB_WAIT_MS 2000 /* for room in inspect's queue; the engine's own patience is as long */
#define STOP_WAIT_MS 300 /* less than the guard's patience: the caller does not beat meanwhile */
#define NAP_MS 20

struct trn_opener {
    struct trn_opener_options o;
    pthread_t thread;
    unsigned holders; /* the thread and its owner; the last one frees */
    bool ended, stop;
    char receive[TRN_IPC_MAX];
};

static bool stopping(const struct trn_opener *op)
{
    return __atomic_load_n(&op->stop, __ATOMIC_ACQUIRE);
}

static uint64_t kernel_dev(dev_t d)
{
    return (uint64_t)major(d) << 20 | minor(d);
}

static struct trn_file_key key_of(const struct stat *st)
{
    return (struct trn_file_key){.dev = kernel_dev(st->st_dev),
                                 .ino = st->st_ino,
                                 .ctime_ns =
                                     (uint64_t)st->st_ctim.tv_sec * TRN_NS_PER_SEC + (uint64_t)st->st_ctim.tv_nsec};
}

static int answer(struct trn_opener *op, uint16_t type, struct trn_buf *body)
{
    int r = body->bad ? -EMSGSIZE : trn_ipc_send(op->o.files_sock, type, trn_buf_str(body), NULL, 0);
    trn_buf_done(body);
    return r;
}

static int answer_failed(struct trn_opener *op, uint64_t job, int code)
{
    struct trn_buf b;
    trn_buf_init(&b, 64);
    trn_failed_encode(&(struct trn_failed){.job = job, .code = code < 0 ? code : -EIO}, &b);
    return answer(op, TRN_CH_FAILED, &b);
}

/* The root folder of a process as an O_PATH descriptor; pid 0: our own. */
static int root_of(uint32_t pid)
{
    char path[64];
    if (pid == 0)
        snprintf(path, sizeof path, "/");
    else
        snprintf(path, sizeof path, "/proc/%u/root", pid);
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* The same content: number and change time agree. The device may differ in name only (overlayfs and
 * btrfs show another one to stat than the kernel uses inside), so it decides nothing here. */
static bool same_content(const struct trn_file_key *want, const struct stat *st)
{
    struct trn_file_key have = key_of(st);
    return trn_file_key_is_none(want) ||
           (want->ino == have.ino && (!want->ctime_ns || want->ctime_ns == have.ctime_ns));
}

static int open_content(int root_fd, const char *path, const struct trn_file_key *want, struct stat *ret_st)
{
    struct stat st;
    TRN_AUTO(trn_fd_closep) int fd = trn_open_plain(root_fd, path, &st);
    if (fd < 0)
        return fd;
    if (!same_content(want, &st))
        return -ESTALE;
    *ret_st = st;
    return trn_fd_steal(&fd);
}

static int open_for(const struct trn_open_request *q, struct stat *ret_st)
{
    char path[4096];
    int fd = -ENOENT;
    if (q->image && q->pid) {
        snprintf(path, sizeof path, "/proc/%u/exe", q->pid);
        fd = open_content(-1, path, &q->want, ret_st);
        if (fd >= 0)
            return fd;
    }
    snprintf(path, sizeof path, "%.*s", TRN_STR_ARG(q->path));
    TRN_AUTO(trn_fd_closep) int root = root_of(q->pid);
    if (root < 0 && q->pid) { /* the process is gone: its root was most likely ours; the content check decides */
        if (trn_file_key_is_none(&q->want))
            return root;
        root = root_of(0);
    }
    return root < 0 ? root : open_content(root, path, &q->want, ret_st);
}

/* A queue that stays full is a failed job, not a thread that hangs. */
static int send_job(struct trn_opener *op, uint64_t job, uint16_t kind, struct trn_str name, int fd)
{
    for (int waited = 0;; waited += NAP_MS) {
        int r = trn_channel_job(op->o.jobs_sock, job, kind, name, fd);
        if (r != -EAGAIN || waited >= JOB_WAIT_MS || stopping(op))
            return r;
        struct pollfd p = {.fd = op->o.jobs_sock, .events = POLLOUT};
        if (poll(&p, 1, NAP_MS) < 0 && errno != EINTR)
            return -errno;
    }
}

/* Where the descriptor really leads, links resolved: the owner of a script is the owner of that file. */
static struct trn_str real_path(int fd, uint32_t pid, char *dst, size_t size)
{
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t n = pid == 0 ? readlink(name, dst, size) : -1; /* of another root the path would be ours, not its */
    return n > 0 && (size_t)n < size && dst[0] == '/' ? (struct trn_str){dst, (size_t)n} : TRN_STR_NONE;
}

static int serve_open(struct trn_opener *op, struct trn_msg *m)
{
    struct trn_open_request q;
    struct stat st = {0};
    int r = trn_open_decode(&m->body, &q);
    /* Only what an engine needs: as indicators or as a package database any file's text would come back. */
    if (r < 0 || (q.kind != JOB_NONE && q.kind != JOB_FACTS && q.kind != JOB_MANIFEST))
        return -EPROTO;
    TRN_AUTO(trn_fd_closep) int fd = open_for(&q, &st);
    if (fd < 0)
        return answer_failed(op, q.job, fd);
    char real[4096];
    struct trn_opened o = {.job = q.job,
                           .size = (uint64_t)st.st_size,
                           .key = key_of(&st),
                           .path = real_path(fd, q.pid, real, sizeof real)};
    if (!trn_file_key_is_none(&q.want))
        o.key = q.want; /* the kernel's own numbering of the device */
    struct trn_buf b;
    trn_buf_init(&b, 8192);
    trn_opened_encode(&o, &b);
    r = answer(op, TRN_CH_OPENED, &b);
    if (r < 0 || q.kind == JOB_NONE)
        return r;
    r = send_job(op, q.job, q.kind, trn_path_base(q.path), fd);
    return r < 0 ? answer_failed(op, q.job, r) : 0;
}

/* The main thread looks; what finds no room comes again with the next exec there. */
static int serve_view(struct trn_opener *op, struct trn_msg *m)
{
    struct trn_view_request q;
    if (trn_view_decode(&m->body, &q) < 0)
        return -EPROTO;
    if (op->o.views_fd > 0 && write(op->o.views_fd, &q.pid, sizeof q.pid) < 0 && errno != EAGAIN)
        return -errno;
    return 0;
}

static int answer_dpkg(struct trn_opener *op, uint64_t job, uint64_t stamp, bool same)
{
    struct trn_buf b;
    trn_buf_init(&b, 64);
    trn_dpkg_answer_encode(&(struct trn_dpkg_answer){job, stamp}, &b);
    return answer(op, same ? TRN_CH_DPKG_SAME : TRN_CH_DPKG_STAMP, &b);
}

static int serve_dpkg(struct trn_opener *op, struct trn_msg *m)
{
    struct trn_dpkg_request q;
    uint64_t stamp = 0;
    if (trn_dpkg_decode(&m->body, &q) < 0)
        return -EPROTO;
    TRN_AUTO(trn_fd_closep) int root = root_of(q.pid);
    int r = root < 0 ? root : trn_dpkg_stamp(root, &stamp);
    if (r < 0)
        return answer_failed(op, q.job, r);
    if (stamp == q.stamp)
        return answer_dpkg(op, q.job, stamp, true);
    TRN_AUTO(trn_fd_closep) int fd = trn_dpkg_bundle(root);
    if (fd < 0)
        return answer_failed(op, q.job, fd);
    r = answer_dpkg(op, q.job, stamp, false);
    if (r < 0)
        return r;
    r = send_job(op, q.job, JOB_DPKG, TRN_STR("dpkg"), fd);
    return r < 0 ? answer_failed(op, q.job, r) : 0;
}

/* The state folder is the engine's: a link that it put there must not lead out. */
static int open_indicators(const struct trn_opener *op, const char *path)
{
    struct stat st;
    struct trn_str own = trn_str_of(op->o.state_dir), all = trn_str_of(path);
    if (own.n == 0 || !trn_str_starts(all, own) || path[own.n] != '/')
        return trn_open_plain(-1, path, &st);
    TRN_AUTO(trn_fd_closep) int root = open(op->o.state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return root < 0 ? -errno : trn_open_plain(root, path + own.n, &st);
}

static void submit_indicators(struct trn_opener *op)
{
    for (uint32_t i = 0; i < op->o.n_indicators && !stopping(op); i++) {
        const char *path = op->o.indicators[i];
        uint64_t job = trn_indicator_job(op->o.run, i);
        TRN_AUTO(trn_fd_closep) int fd = open_indicators(op, path);
        if (fd < 0) /* the engine counts it as bad when its time is over; an empty file ends it at once */
            fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fd < 0 || send_job(op, job, JOB_INDICATORS, trn_path_base(trn_str_of(path)), fd) < 0)
            fprintf(stderr, "turncoatd: cannot submit the indicator file '%s', skipping\n", path);
    }
}

/* What is borrowed may be gone once we are told to stop. */
static int give_existing(void *ctx, struct trn_str record)
{
    struct trn_opener *op = ctx;
    return stopping(op) ? -ECANCELED : trn_record_pipe_send_wait(op->o.records, record, JOB_WAIT_MS);
}

static void hand_over_existing(struct trn_opener *op)
{
    struct trn_err err = {0};
    const struct trn_record_sink sink = {give_existing, op};
    if (op->o.filters && !stopping(op))
        trn_filters_tell(op->o.filters, &sink);
    if (op->o.sensor && !stopping(op) && trn_sensor_existing(op->o.sensor, &sink, &err) < 0)
        fprintf(stderr, "turncoatd: processes that ran before are not known: %s\n", err.message);
    if (!stopping(op) && trn_ipc_send(op->o.control_sock, TRN_CH_READY, TRN_STR(""), NULL, 0) < 0)
        fprintf(stderr, "turncoatd: the engine went away while it started\n");
}

static int serve_one(struct trn_opener *op)
{
    struct trn_msg m;
    int r = trn_ipc_recv(op->o.files_sock, op->receive, sizeof op->receive, &m);
    if (r < 0)
        return r == -EAGAIN ? 0 : r;
    if (m.n_fds)
        r = -EPROTO; /* an engine has nothing to give us */
    else if (m.type == TRN_CH_OPEN)
        r = serve_open(op, &m);
    else if (m.type == TRN_CH_DPKG)
        r = serve_dpkg(op, &m);
    else if (m.type == TRN_CH_VIEW)
        r = serve_view(op, &m);
    else
        r = -EPROTO;
    trn_msg_done(&m);
    return r;
}

static void release(struct trn_opener *op)
{
    if (__atomic_sub_fetch(&op->holders, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    trn_fd_close(op->o.files_sock);
    free(op);
}

static void *serving(void *arg)
{
    struct trn_opener *op = arg;
    submit_indicators(op);
    hand_over_existing(op);
    while (!stopping(op)) {
        struct pollfd p = {.fd = op->o.files_sock, .events = POLLIN};
        if (poll(&p, 1, 200) <= 0)
            continue;
        int r = serve_one(op);
        if (r == -EPROTO)
            __atomic_add_fetch(op->o.dropped, 1, __ATOMIC_RELAXED);
        if (r < 0)
            break;
    }
    __atomic_store_n(&op->ended, true, __ATOMIC_RELEASE);
    release(op);
    return NULL;
}

int trn_opener_start(const struct trn_opener_options *o, struct trn_opener **ret, struct trn_err *err)
{
    struct trn_opener *op = calloc(1, sizeof *op);
    if (!op)
        return trn_fail(err, -ENOMEM, "out of memory");
    op->o = *o;
    op->holders = 2;
    int r = -pthread_create(&op->thread, NULL, serving, op);
    if (r < 0) {
        free(op);
        return trn_fail(err, r, "cannot start the opening thread: %s", trn_errno_name(r));
    }
    *ret = op;
    return 0;
}

bool trn_opener_ended(const struct trn_opener *op)
{
    return __atomic_load_n(&op->ended, __ATOMIC_ACQUIRE);
}

/* The thread may hang in an open on a dead network file system; then it is left to itself. */
struct trn_opener *trn_opener_stop(struct trn_opener *op)
{
    if (!op)
        return NULL;
    __atomic_store_n(&op->stop, true, __ATOMIC_RELEASE);
    shutdown(op->o.files_sock, SHUT_RDWR); /* wakes a send to an engine that does not read */
    for (int waited = 0; waited < STOP_WAIT_MS && !trn_opener_ended(op); waited += NAP_MS)
        (void)poll(NULL, 0, NAP_MS);
    if (trn_opener_ended(op))
        pthread_join(op->thread, NULL);
    else
        pthread_detach(op->thread);
    release(op);
    return NULL;
}
