/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: owns the judge's thread: reads contents, hashes them, and says whether a rule means them. It never answers
 * the kernel and may be slow; who waits for it has a deadline that others keep.
 * Must not own: rules (block_index.c), questions (permission.c, blocker_gate.c). Must not parse: bytes go into the hash
 * and nowhere else (docs/adr/0020).
 */
#include "response/execute/blocker_internal.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PIECE 131072u
#define LOOK_MS 1000 /* path rules: is the folder still that folder? */

void block_wake(int fd)
{
    const uint64_t one = 1;

    if (fd >= 0)
        (void)!write(fd, &one, sizeof(one));
}

int block_job_put(struct trn_blocker *b, const struct block_job *job)
{
    if (b->n_jobs == JOBS_MAX || !b->started)
        return -ENOSPC;
    b->jobs[(b->first_job + b->n_jobs++) % JOBS_MAX] = *job;
    return 0;
}

static bool take_job(struct trn_blocker *b, struct block_job *ret)
{
    bool have;

    block_lock(b);
    have = b->n_jobs > 0 && !b->stop;
    if (have) {
        *ret = b->jobs[b->first_job];
        b->first_job = (b->first_job + 1) % JOBS_MAX;
        b->n_jobs--;
    }
    block_unlock(b);
    return have;
}

/* ---- what a content is ---- */

static int hash_of(struct trn_blocker *b, int fd, uint64_t size, uint8_t ret[TRN_SHA256_SIZE])
{
    TRN_AUTO(trn_digest_freep) struct trn_digest *d = trn_digest_new(false);
    TRN_AUTO(trn_freep) uint8_t *piece = malloc(PIECE);
    uint64_t at = 0;
    int r = d && piece ? 0 : -ENOMEM;

    if (size > BLOCK_HASH_MAX)
        return -EFBIG;
    while (r == 0) {
        ssize_t n = pread(fd, piece, PIECE, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            r = n < 0 ? -errno : 0;
            break;
        }
        at += (uint64_t)n;
        r = at > BLOCK_HASH_MAX ? -EFBIG : trn_digest_update(d, piece, (size_t)n);
    }
    if (r == 0)
        r = trn_digest_end(d, ret, NULL);
    block_lock(b);
    b->counts.hashed++;
    b->counts.hashed_bytes += at;
    block_unlock(b);
    return r;
}

struct what_it_is {
    bool hashed, parsed;
    uint8_t sha256[TRN_SHA256_SIZE];
    uint8_t build_id[BLOCK_BUILD_ID_MAX];
    size_t build_id_n; /* 0: it has none */
    uint64_t size;
};

static bool wanted(struct trn_blocker *b, uint64_t size)
{
    block_lock(b);
    const bool wanted = block_index_may_be(b->index, size);
    block_unlock(b);
    return wanted;
}

static bool wants_build_id(struct trn_blocker *b)
{
    block_lock(b);
    const bool wanted = b->o.inspector && block_index_counts(b->index).build_ids > 0;
    block_unlock(b);
    return wanted;
}

/* Then it need not be parsed, and who waits need not wait for a worker that hangs. */
static bool is_refused_content(struct trn_blocker *b, const struct what_it_is *w)
{
    block_lock(b);
    const bool refused = w->hashed && block_index_content(b->index, w->sha256, w->size);
    block_unlock(b);
    return refused;
}

/* -errno: something of it could not be learnt; what could may be enough to refuse it, never to allow it. */
static int learn(struct trn_blocker *b, int fd, uint64_t size, struct what_it_is *w)
{
    int r = 0;

    w->size = size;
    if (!w->hashed && wanted(b, size)) {
        r = hash_of(b, fd, size, w->sha256);
        w->hashed = r == 0;
    }
    if (r == 0 && !w->parsed && wants_build_id(b) && !is_refused_content(b, w)) {
        r = block_build_id(b, fd, w->build_id, &w->build_id_n);
        w->parsed = r == 0;
    }
    return r;
}

/* All but the key. */
static struct block_told verdict_of(struct trn_blocker *b, int fd, const struct what_it_is *w)
{
    struct block_told told = {.why = BLOCK_ALLOWED};

    block_lock(b);
    if (w->hashed && block_index_content(b->index, w->sha256, w->size))
        told.why = BLOCK_BY_CONTENT;
    else if (block_index_build_id(b->index, (struct trn_str){(const char *)w->build_id, w->build_id_n}))
        told.why = BLOCK_BY_BUILD_ID;
    block_unlock(b);
    told.build_id_n = told.why == BLOCK_BY_BUILD_ID ? w->build_id_n : 0;
    memcpy(told.sha256, told.build_id_n ? w->build_id : w->sha256, told.build_id_n ? w->build_id_n : sizeof(w->sha256));
    if (told.why != BLOCK_ALLOWED && block_is_vital(b, fd))
        told.why = BLOCK_ALLOWED;
    return told;
}

/* ---- one question ---- */

static bool is_open_for(struct trn_blocker *b, const struct block_job *job, const struct what_it_is *w)
{
    return verdict_of(b, job->fd, w).why != BLOCK_ALLOWED || (!w->hashed && wanted(b, job->key.size)) ||
           (!w->parsed && wants_build_id(b));
}

/* A rule may come while it is being decided: then it is decided again. */
static void judge_open(struct trn_blocker *b, struct trn_permission *group, const struct block_job *job)
{
    struct what_it_is w = {0};
    struct trn_permit_key now;
    struct block_told told;
    bool refuse;

    do {
        const int r = learn(b, job->fd, job->key.size, &w);
        /* Written meanwhile: what was hashed is neither the old content nor the new. */
        if (trn_permit_key_of(job->fd, &now) != 0 || now.ctime_ns != job->key.ctime_ns || now.size != job->key.size)
            return;
        told = verdict_of(b, job->fd, &w);
        refuse = told.why != BLOCK_ALLOWED;
        if (r != 0 && !refuse)
            return; /* the deadline decides */
        if (refuse && b->o.gate && trn_gate_key_of(job->fd, &told.key) == 0)
            block_tell(b, &told);
        (void)!trn_permission_decide(group, &job->key, refuse ? TRN_PERMIT_OPEN | TRN_PERMIT_EXEC : 0, job->fd);
    } while (!refuse && is_open_for(b, job, &w));
}

static int open_of(const struct trn_gate_question *q)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/%u/exe", q->tgid);
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/* What a process maps is still open in it: it is stopped on its way out of the call. Others may share its table of
 * descriptors and are not: what was looked at is opened, not whatever has that number by then. */
static int open_mapped(const struct trn_gate_question *q)
{
    char path[64];
    struct trn_gate_key key;

    for (int i = 0; i < 256; i++) {
        (void)snprintf(path, sizeof(path), "/proc/%u/fd/%d", q->tgid, i);
        TRN_AUTO(trn_fd_closep) int at = open(path, O_PATH | O_CLOEXEC);
        if (at < 0 || trn_gate_key_of(at, &key) != 0 || key.ino != q->key.ino || key.dev != q->key.dev)
            continue;
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", at);
        return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    }
    return -1;
}

static void judge_held(struct trn_blocker *b, uint64_t question)
{
    struct trn_gate_question q;
    struct trn_gate_key key;
    struct what_it_is w = {0};

    if (block_gate_pending(b, question, &q) != 0)
        return;
    TRN_AUTO(trn_fd_closep) int fd = q.map ? open_mapped(&q) : open_of(&q);
    if (fd < 0 || trn_gate_key_of(fd, &key) != 0 || key.ino != q.key.ino || key.dev != q.key.dev)
        return; /* gone, or not to be found: the deadline decides */
    const int r = learn(b, fd, key.size, &w);
    struct block_told told = verdict_of(b, fd, &w);
    if (r != 0 && told.why == BLOCK_ALLOWED)
        return;
    told.key = key;
    block_gate_verdict(b, question, &told);
}

/* ---- the thread ---- */

/* Too late to begin with: it is asked again at the next open. Whoever judged those first would be late for all others,
 * too, as long as there are more questions than it can answer. */
static bool is_over(const struct block_job *job)
{
    return job->until_mono_ns && trn_mono_ns() >= job->until_mono_ns;
}

static void do_job(struct trn_blocker *b, struct block_job *job)
{
    switch (is_over(job) ? FOR_NOBODY : job->kind) {
    case FOR_FILES:
        judge_open(b, b->files, job);
        break;
    case FOR_PLACES:
        judge_open(b, b->places, job);
        break;
    case FOR_GATE:
        judge_held(b, job->question);
        break;
    case FOR_PATHS:
        block_paths_look(b);
        break;
    default:
        break;
    }
    trn_fd_close(job->fd);
}

void *block_judge_main(void *blocker)
{
    struct trn_blocker *b = blocker;
    uint64_t looked = trn_mono_ns(), count;
    struct block_job job;

    for (;;) {
        struct pollfd fds[] = {{.fd = b->judge_wake, .events = POLLIN}, {.fd = b->notify, .events = POLLIN}};

        block_lock(b);
        const bool stop = b->stop, paths = block_index_paths(b->index) != NULL;
        block_unlock(b);
        if (stop)
            return NULL;
        if (poll(fds, TRN_ARRAY_SIZE(fds), paths ? LOOK_MS : -1) > 0) {
            if (fds[0].revents)
                (void)!read(b->judge_wake, &count, sizeof(count));
            if (fds[1].revents)
                block_paths_notified(b);
        }
        while (take_job(b, &job))
            do_job(b, &job);
        if (paths && trn_mono_ns() - looked >= LOOK_MS * TRN_NS_PER_MS) {
            block_paths_look(b);
            looked = trn_mono_ns();
        }
    }
}
