/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: owns the permission group, the thread that answers, the table of verdicts and the questions that wait.
 * Must not own: why something is refused. Must not open any file, in the thread least of all: it could wait for itself.
 *
 * One lock holds everything but the waiting; under it no call blocks. An allowed file is not asked about again until it
 * is written: an ignore mark, which the kernel takes away with the first write. (A store through a mapping is no write
 * to it; whoever refuses by content must watch FAN_CLOSE_WRITE as well.)
 */
#include "sensor/permission.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERDICTS_MAX 4096
#define WAITING_MAX 128 /* each holds a descriptor */
#define OWN_MAX 8
#define DEADLINE_US 3000
#define DEADLINE_US_MAX 10000000
#define READ_EVENTS 16 /* a read that cannot open one more descriptor refuses in the kernel: few at a time */
#define STUCK_NS (200 * TRN_NS_PER_MS)

struct verdict {
    struct trn_permit_key key;
    unsigned refused;
    unsigned cached; /* what is not asked about any more */
};

struct waiting {
    struct trn_permit_question q;
    uint64_t read_ns, until_ns;
};

struct trn_permission {
    struct trn_permission_options o;
    int group, wake; /* -1 until the first file is watched */
    pthread_t thread;
    pthread_mutex_t lock; /* of all that follows */
    bool stop;
    uint32_t own[OWN_MAX];
    struct trn_map *verdicts; /* hash of the key -> struct verdict, owned */
    struct waiting waiting[WAITING_MAX];
    size_t n_waiting;
    struct trn_permit_counts counts;
    _Atomic uint64_t busy_since_ns; /* without the lock: 0 while the thread waits for questions */
};

/* ---- verdicts ---- */

static uint64_t hash_of(const struct trn_permit_key *k)
{
    return trn_hash64_mix(trn_hash64_mix(trn_hash64_mix(k->dev, k->ino), k->ctime_ns), k->size);
}

static bool same_key(const struct trn_permit_key *a, const struct trn_permit_key *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->ctime_ns == b->ctime_ns && a->size == b->size;
}

static struct verdict *find_verdict(const struct trn_permission *p, const struct trn_permit_key *key)
{
    struct verdict *v = trn_map_get_ptr(p->verdicts, hash_of(key));

    return v && same_key(&v->key, key) ? v : NULL;
}

static int put_verdict(struct trn_permission *p, const struct trn_permit_key *key, unsigned refused)
{
    uint64_t hash = hash_of(key), oldest, value;
    struct verdict *v = trn_map_get_ptr(p->verdicts, hash);
    size_t it = 0;
    int r;

    if (!v && trn_map_count(p->verdicts) == VERDICTS_MAX && trn_map_next(p->verdicts, &it, &oldest, &value) &&
        trn_map_remove(p->verdicts, oldest, NULL))
        free((void *)(uintptr_t)value);
    if (!v) {
        v = malloc(sizeof(*v));
        if (!v)
            return -ENOMEM;
        r = trn_map_put_ptr(p->verdicts, hash, v);
        if (r != 0) {
            free(v);
            return r;
        }
    }
    *v = (struct verdict){.key = *key, .refused = refused};
    return 0;
}

int trn_permit_key_of(int fd, struct trn_permit_key *ret)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    *ret =
        (struct trn_permit_key){.dev = st.st_dev,
                                .ino = st.st_ino,
                                .ctime_ns = (uint64_t)st.st_ctim.tv_sec * TRN_NS_PER_SEC + (uint64_t)st.st_ctim.tv_nsec,
                                .size = (uint64_t)st.st_size};
    return 0;
}

/* ---- answers ---- */

static uint64_t mask_of(unsigned what)
{
    return (what & TRN_PERMIT_OPEN ? FAN_OPEN_PERM : 0u) | (what & TRN_PERMIT_EXEC ? FAN_OPEN_EXEC_PERM : 0u) |
           (what & TRN_PERMIT_CHILDREN ? FAN_EVENT_ON_CHILD : 0u) | (what & TRN_PERMIT_WRITTEN ? FAN_CLOSE_WRITE : 0u);
}

/* By its link in /proc: O_PATH descriptors are not taken, and a path must not be looked up again. */
static int mark(const struct trn_permission *p, unsigned flags, unsigned what, int fd)
{
    char link[40];

    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    return fanotify_mark(p->group, flags, mask_of(what), AT_FDCWD, link) == 0 ? 0 : -errno;
}

/* Of files that are watched one by one the mark is there for good; of the many others the kernel may drop it together
 * with the inode, when memory is short, and it is asked for again. (-EINVAL: a kernel before 5.19.) */
static int mark_ignored(const struct trn_permission *p, const struct trn_permit_question *q)
{
    int r = mark(p, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | FAN_MARK_EVICTABLE, q->what, q->fd);

    return r == -EEXIST || r == -EINVAL ? mark(p, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, q->what, q->fd) : r;
}

/* The content must still be what was allowed once the mark is there: a write before it would not take it away. */
static bool ask_no_more(const struct trn_permission *p, const struct trn_permit_question *q)
{
    struct trn_permit_key now = {0};

    if (mark_ignored(p, q) != 0)
        return false;
    if (trn_permit_key_of(q->fd, &now) == 0 && same_key(&now, &q->key))
        return true;
    (void)mark(p, FAN_MARK_REMOVE | FAN_MARK_IGNORED_MASK, q->what, q->fd);
    return false;
}

/* Closes the descriptor: an answer is the end of a question. */
static void answer(struct trn_permission *p, const struct trn_permit_question *q, bool deny, uint64_t read_ns)
{
    const struct fanotify_response r = {.fd = q->fd, .response = deny ? FAN_DENY : FAN_ALLOW};
    uint64_t took;

    while (write(p->group, &r, sizeof(r)) < 0 && errno == EINTR) {
    }
    took = trn_mono_ns() - read_ns;
    p->counts.slowest_ns = TRN_MAX(p->counts.slowest_ns, took);
    p->counts.denied += deny;
    p->counts.allowed += !deny;
    trn_fd_close(q->fd);
}

static void answer_late(struct trn_permission *p, const struct trn_permit_question *q, uint64_t read_ns)
{
    p->counts.late++;
    answer(p, q, p->o.late ? p->o.late(p->o.ctx, q) : p->o.fail_closed, read_ns);
}

static void answer_at_once(struct trn_permission *p, const struct trn_permit_question *q, enum trn_permit_now now,
                           uint64_t read_ns)
{
    p->counts.cached += now == TRN_PERMIT_ALLOW_KEEP && ask_no_more(p, q);
    answer(p, q, now == TRN_PERMIT_DENY_ONCE, read_ns);
}

/* True when it was answered. */
static bool answer_by_table(struct trn_permission *p, const struct trn_permit_question *q, uint64_t read_ns)
{
    struct verdict *v = find_verdict(p, &q->key);
    bool deny;

    if (!v)
        return false;
    deny = (v->refused & q->what) != 0;
    if (!deny && !p->o.ask_always && ask_no_more(p, q)) {
        v->cached |= q->what;
        p->counts.cached++;
    }
    answer(p, q, deny, read_ns);
    return true;
}

static bool is_own(const struct trn_permission *p, uint32_t pid)
{
    for (size_t i = 0; i < OWN_MAX; i++) {
        if (p->own[i] == pid)
            return true;
    }
    return pid == (uint32_t)getpid();
}

static void question(struct trn_permission *p, const struct fanotify_event_metadata *m, uint64_t now)
{
    struct trn_permit_question q = {.fd = m->fd,
                                    .pid = (uint32_t)m->pid,
                                    .what = m->mask & FAN_OPEN_EXEC_PERM ? TRN_PERMIT_EXEC : TRN_PERMIT_OPEN};

    p->counts.asked++;
    if (is_own(p, q.pid)) {
        p->counts.own++;
        answer(p, &q, false, now);
        return;
    }
    int r = trn_permit_key_of(q.fd, &q.key);
    if (r == -EINVAL) { /* a device, a pipe: of a file system that is watched as a whole */
        answer(p, &q, false, now);
        return;
    }
    enum trn_permit_now at_once = r == 0 && p->o.at_once ? p->o.at_once(p->o.ctx, &q) : TRN_PERMIT_ASK_TABLE;
    if (at_once != TRN_PERMIT_ASK_TABLE) {
        answer_at_once(p, &q, at_once, now);
        return;
    }
    if (r == 0 && answer_by_table(p, &q, now))
        return;
    if (r != 0 || p->n_waiting == WAITING_MAX) {
        answer_late(p, &q, now);
        return;
    }
    p->waiting[p->n_waiting++] =
        (struct waiting){.q = q, .read_ns = now, .until_ns = now + p->o.deadline_us * UINT64_C(1000)};
    if (p->o.ask)
        p->o.ask(p->o.ctx, &q);
}

/* The oldest first; each leaves the list with its answer. */
static void look_at_waiting(struct trn_permission *p)
{
    uint64_t now = trn_mono_ns();
    size_t left = 0;

    for (size_t i = 0; i < p->n_waiting; i++) {
        struct waiting *w = &p->waiting[i];

        if (answer_by_table(p, &w->q, w->read_ns))
            continue;
        if (now >= w->until_ns)
            answer_late(p, &w->q, w->read_ns);
        else
            p->waiting[left++] = *w;
    }
    p->n_waiting = left;
}

/* ---- the thread ---- */

static void forget(struct trn_permission *p, const struct trn_permit_key *key)
{
    uint64_t value;

    if (find_verdict(p, key) && trn_map_remove(p->verdicts, hash_of(key), &value))
        free((void *)(uintptr_t)value);
}

/* A store through a mapping takes no ignore mark away, and on some file systems leaves the times as they were. */
static void written(struct trn_permission *p, int fd)
{
    struct trn_permit_key key = {0};

    (void)mark(p, FAN_MARK_REMOVE | FAN_MARK_IGNORED_MASK, TRN_PERMIT_OPEN | TRN_PERMIT_EXEC, fd);
    if (trn_permit_key_of(fd, &key) == 0)
        forget(p, &key);
}

static void read_questions(struct trn_permission *p)
{
    struct fanotify_event_metadata m[READ_EVENTS];
    ssize_t n = read(p->group, m, sizeof(m));
    uint64_t now = trn_mono_ns();

    /* The group reports nothing beside the fixed part, so that events are an array. */
    for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(m[0]); i++) {
        if (m[i].event_len != sizeof(m[0]) || m[i].vers != FANOTIFY_METADATA_VERSION)
            return;
        if (m[i].fd < 0)
            continue;
        if (m[i].mask & (FAN_OPEN_PERM | FAN_OPEN_EXEC_PERM)) {
            question(p, &m[i], now);
            continue;
        }
        written(p, m[i].fd);
        trn_fd_close(m[i].fd);
    }
}

/* Until the first deadline; for ever when nobody waits. */
static void wait_for_something(struct trn_permission *p, uint64_t until_ns)
{
    struct pollfd fds[] = {{.fd = p->group, .events = POLLIN}, {.fd = p->wake, .events = POLLIN}};
    uint64_t now = trn_mono_ns(), rest = until_ns > now ? until_ns - now : 0, count;
    const struct timespec t = {.tv_sec = (time_t)(rest / TRN_NS_PER_SEC), .tv_nsec = (long)(rest % TRN_NS_PER_SEC)};

    if (ppoll(fds, TRN_ARRAY_SIZE(fds), until_ns ? &t : NULL, NULL) > 0 && fds[1].revents)
        (void)!read(p->wake, &count, sizeof(count));
}

static void *answer_questions(void *arg)
{
    struct trn_permission *p = arg;
    bool stop = false;

    while (!stop) {
        uint64_t until = 0;

        atomic_store(&p->busy_since_ns, trn_mono_ns());
        pthread_mutex_lock(&p->lock);
        read_questions(p);
        look_at_waiting(p);
        for (size_t i = 0; i < p->n_waiting; i++)
            until = until ? TRN_MIN(until, p->waiting[i].until_ns) : p->waiting[i].until_ns;
        stop = p->stop;
        pthread_mutex_unlock(&p->lock);
        atomic_store(&p->busy_since_ns, 0);
        if (!stop)
            wait_for_something(p, until);
    }
    return NULL;
}

static void wake_up(const struct trn_permission *p)
{
    const uint64_t one = 1;

    if (p->wake >= 0)
        (void)!write(p->wake, &one, sizeof(one));
}

/* Signals are the main thread's. */
static int start_thread(struct trn_permission *p)
{
    sigset_t all, before;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = -pthread_create(&p->thread, NULL, answer_questions, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

static int open_group(struct trn_permission *p, struct trn_err *err)
{
    int r = 0;

    if (p->group >= 0)
        return 0;
    p->group = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS,
                             O_RDONLY | O_LARGEFILE | O_CLOEXEC);
    p->wake = p->group < 0 ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->group < 0 || p->wake < 0)
        r = -errno;
    if (r == 0)
        r = start_thread(p);
    if (r != 0) {
        p->wake = trn_fd_close(p->wake);
        p->group = trn_fd_close(p->group);
        return trn_fail(err, r, "cannot hold opens: fanotify: %s", trn_errno_name(r));
    }
    return 0;
}

/* ---- what others call ---- */

static uint32_t deadline_of(uint32_t asked_us)
{
    return asked_us ? TRN_MIN(asked_us, (uint32_t)DEADLINE_US_MAX) : DEADLINE_US;
}

void trn_permission_deadline(struct trn_permission *p, uint32_t deadline_us)
{
    pthread_mutex_lock(&p->lock);
    p->o.deadline_us = deadline_of(deadline_us);
    pthread_mutex_unlock(&p->lock);
}

int trn_permission_new(const struct trn_permission_options *o, struct trn_permission **ret, struct trn_err *err)
{
    struct trn_permission *p = calloc(1, sizeof(*p));

    if (p)
        p->verdicts = trn_map_new(VERDICTS_MAX);
    if (!p || !p->verdicts) {
        free(p);
        return trn_fail(err, -ENOMEM, "cannot hold opens: out of memory");
    }
    p->o = *o;
    p->o.deadline_us = deadline_of(o->deadline_us);
    p->group = p->wake = -1;
    pthread_mutex_init(&p->lock, NULL);
    *ret = p;
    return 0;
}

static void forget_all(struct trn_permission *p)
{
    uint64_t key, value;
    size_t it = 0;

    while (trn_map_next(p->verdicts, &it, &key, &value)) {
        free((void *)(uintptr_t)value);
        (void)trn_map_remove(p->verdicts, key, NULL);
    }
}

void trn_permission_forget_all(struct trn_permission *p)
{
    pthread_mutex_lock(&p->lock);
    forget_all(p);
    pthread_mutex_unlock(&p->lock);
}

void trn_permission_reset(struct trn_permission *p)
{
    pthread_mutex_lock(&p->lock);
    forget_all(p);
    if (p->group >= 0)
        (void)fanotify_mark(p->group, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL); /* marks of inodes, no others */
    pthread_mutex_unlock(&p->lock);
}

struct trn_permission *trn_permission_free(struct trn_permission *p)
{
    if (!p)
        return NULL;
    if (p->group >= 0) {
        pthread_mutex_lock(&p->lock);
        p->stop = true;
        pthread_mutex_unlock(&p->lock);
        wake_up(p);
        pthread_join(p->thread, NULL);
        for (size_t i = 0; i < p->n_waiting; i++)
            answer(p, &p->waiting[i].q, false, p->waiting[i].read_ns);
        trn_fd_close(p->group); /* the kernel allows what was not read */
        trn_fd_close(p->wake);
    }
    forget_all(p);
    trn_map_free(p->verdicts);
    pthread_mutex_destroy(&p->lock);
    free(p);
    return NULL;
}

int trn_permission_own(struct trn_permission *p, uint32_t old_pid, uint32_t pid)
{
    int r = -ENOSPC;

    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < OWN_MAX && r != 0; i++) {
        if (p->own[i] != old_pid)
            continue;
        p->own[i] = pid;
        r = 0;
    }
    pthread_mutex_unlock(&p->lock);
    return r;
}

static int add_mark(struct trn_permission *p, unsigned kind, unsigned what, int fd, struct trn_err *err)
{
    int r;

    pthread_mutex_lock(&p->lock);
    r = open_group(p, err);
    if (r == 0) {
        r = mark(p, FAN_MARK_ADD | kind, what, fd);
        if (r != 0)
            (void)trn_fail(err, r, "cannot hold opens of a %s: %s", kind == FAN_MARK_INODE ? "file" : "file system",
                           trn_errno_name(r));
    }
    pthread_mutex_unlock(&p->lock);
    return r;
}

int trn_permission_watch(struct trn_permission *p, int fd, unsigned what, struct trn_err *err)
{
    const mode_t kind = what & TRN_PERMIT_CHILDREN ? S_IFDIR : S_IFREG;
    struct stat st;
    int r = fstat(fd, &st) != 0 ? -errno : (st.st_mode & S_IFMT) != kind ? -EINVAL : 0;

    if (r != 0 || (what & (TRN_PERMIT_OPEN | TRN_PERMIT_EXEC)) == 0)
        return trn_fail(err, r ? r : -EINVAL, "cannot hold opens of what is not a plain %s",
                        what & TRN_PERMIT_CHILDREN ? "folder" : "file");
    return add_mark(p, FAN_MARK_INODE, what, fd, err);
}

int trn_permission_watch_file_system(struct trn_permission *p, int fd, unsigned what, struct trn_err *err)
{
    return add_mark(p, FAN_MARK_FILESYSTEM, what & ~TRN_PERMIT_CHILDREN, fd, err);
}

int trn_permission_unwatch_file_system(struct trn_permission *p, int fd, unsigned what)
{
    int r = -ENOENT;

    pthread_mutex_lock(&p->lock);
    if (p->group >= 0)
        r = mark(p, FAN_MARK_REMOVE | FAN_MARK_FILESYSTEM, what, fd);
    pthread_mutex_unlock(&p->lock);
    return r;
}

int trn_permission_unwatch(struct trn_permission *p, int fd, unsigned what)
{
    int r;

    if (p->group < 0)
        return -ENOENT;
    pthread_mutex_lock(&p->lock);
    (void)mark(p, FAN_MARK_REMOVE | FAN_MARK_IGNORED_MASK, what, fd); /* there may be none */
    r = mark(p, FAN_MARK_REMOVE, what, fd);
    pthread_mutex_unlock(&p->lock);
    return r;
}

int trn_permission_decide(struct trn_permission *p, const struct trn_permit_key *key, unsigned refused, int fd)
{
    const struct verdict *old;
    unsigned cached;
    int r = 0;

    pthread_mutex_lock(&p->lock);
    old = find_verdict(p, key);
    cached = old ? old->cached & refused : 0;
    if (cached)
        r = fd < 0 ? -EBADF : mark(p, FAN_MARK_REMOVE | FAN_MARK_IGNORED_MASK, cached, fd);
    if (r == -ENOENT) /* a write has taken it away */
        r = 0;
    if (r == 0)
        r = put_verdict(p, key, refused);
    pthread_mutex_unlock(&p->lock);
    wake_up(p);
    return r;
}

void trn_permission_counts(struct trn_permission *p, struct trn_permit_counts *ret)
{
    pthread_mutex_lock(&p->lock);
    *ret = p->counts;
    pthread_mutex_unlock(&p->lock);
}

bool trn_permission_is_open(const struct trn_permission *p)
{
    return p->group >= 0;
}

/* Without the lock, which a stuck thread may hold. */
bool trn_permission_stuck(struct trn_permission *p)
{
    uint64_t since = atomic_load(&p->busy_since_ns);

    return since != 0 && trn_mono_ns() > since + STUCK_NS;
}
