/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: owns the permission group of sensitive files, the list of those that are watched, and the thread that looks
 * for new ones. Must not decide who is refused: the mark says it, looked up at each open, never remembered.
 *
 * A folder's mark asks about every file with a name in it, also one that was made a moment ago; whether that is a
 * sensitive one says its name. The mark on the file itself asks whatever name leads to it.
 */
#include "sensor/shield.h"
#include "sensor/fanotify.h"
#include "sensor/mounts.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_AGAIN_SEC 5
#define FILES_MAX 8192u

struct trn_shield {
    const struct trn_cut *cut;
    struct trn_permission *permission;
    char **homes;               /* owned, NULL ends */
    pthread_mutex_t life, lock; /* who holds; what the answering thread looks at. In this order */
    unsigned holds;
    pthread_t thread;
    pthread_cond_t stop_now;
    bool stop;
    struct trn_map *files; /* of device and inode */
    char example[PATH_MAX];
    _Atomic uint64_t refused;
};

/* ---- the answer ---- */

static uint64_t number_of(uint64_t dev, uint64_t ino)
{
    return trn_hash64_mix(dev, ino);
}

static bool has_name(const struct trn_shield *s, int fd)
{
    char link[40], path[PATH_MAX];
    ssize_t n;

    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path));
    if (n <= 0 || (size_t)n >= sizeof(path))
        return false;
    return trn_sensitive_find(trn_places_below_home(s->homes, (struct trn_str){path, (size_t)n})) != 0;
}

static enum trn_permit_now at_once(void *ctx, const struct trn_permit_question *q)
{
    struct trn_shield *s = ctx;
    uint64_t unused;
    bool known;

    if (!(trn_cut_mark_of(s->cut, q->pid) & TRN_CUT_DATA))
        return TRN_PERMIT_ALLOW_ONCE;
    pthread_mutex_lock(&s->lock);
    known = trn_map_get(s->files, number_of(q->key.dev, q->key.ino), &unused);
    pthread_mutex_unlock(&s->lock);
    if (!known && !has_name(s, q->fd))
        return TRN_PERMIT_ALLOW_ONCE;
    s->refused++;
    return TRN_PERMIT_DENY_ONCE;
}

/* ---- what is watched ---- */

struct walk {
    struct trn_shield *s;
    bool watch; /* otherwise they are only counted */
    size_t files;
    int error;
};

static bool folder(void *ctx, int dir)
{
    struct walk *w = ctx;
    int r = w->watch ? trn_permission_watch(w->s->permission, dir, TRN_PERMIT_OPEN | TRN_PERMIT_CHILDREN, NULL) : 0;

    if (r != 0)
        w->error = r;
    return r == 0;
}

int trn_shield_watch(struct trn_shield *s, int fd, struct trn_err *err)
{
    struct stat st;
    int r = trn_permission_watch(s->permission, fd, TRN_PERMIT_OPEN, err);

    if (r != 0)
        return r;
    if (fstat(fd, &st) != 0)
        return trn_fail(err, -errno, "cannot look at a file: %s", trn_errno_name(-errno));
    pthread_mutex_lock(&s->lock);
    r = trn_map_put(s->files, number_of(st.st_dev, st.st_ino), 1);
    pthread_mutex_unlock(&s->lock);
    return r == 0 ? 0 : trn_fail(err, r, "cannot watch one more file: %s", trn_errno_name(r));
}

static void file(void *ctx, int fd)
{
    struct walk *w = ctx;
    char link[40];
    ssize_t n;

    w->files++;
    if (!w->watch || trn_shield_watch(w->s, fd, NULL) != 0 || w->s->example[0] != '\0')
        return;
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, w->s->example, sizeof(w->s->example) - 1);
    w->s->example[n > 0 ? n : 0] = '\0';
}

/* What the walk needs of a file watch: homes, and file systems that links may lead to. */
static void fill_file_systems(struct trn_fanotify *f)
{
    struct trn_mounts mounts;

    if (trn_mounts_read(&mounts, NULL) != 0)
        return;
    for (size_t i = 0; i < mounts.n && f->n_fs < TRN_FS_MAX; i++) {
        char *point = mounts.v[i].watchable ? strdup(mounts.v[i].point) : NULL;

        if (point)
            f->fs[f->n_fs++] = (struct trn_fs){.point = point, .fd = -1};
    }
    trn_mounts_done(&mounts);
}

static int visit(struct trn_shield *s, bool watch, struct trn_shield_places *ret, struct trn_err *err)
{
    struct walk w = {.s = s, .watch = watch};
    const struct trn_place_visit v = {.folder = folder, .file = file, .ctx = &w};
    TRN_AUTO(trn_freep) struct trn_fanotify *f = calloc(1, sizeof(*f));

    if (!f)
        return trn_fail(err, -ENOMEM, "cannot look for sensitive files: out of memory");
    f->homes = s->homes;
    fill_file_systems(f);
    ret->folders = trn_places_visit(f, &v, &ret->failed);
    ret->files = w.files;
    for (size_t i = 0; i < f->n_fs; i++)
        free(f->fs[i].point);
    if (ret->folders == 0 && ret->failed > 0)
        return trn_fail(err, w.error, "cannot watch sensitive files: %s", trn_errno_name(w.error));
    return 0;
}

/* ---- the thread that looks for new ones ---- */

static void *look_again(void *arg)
{
    struct trn_shield *s = arg;
    struct trn_shield_places places;
    struct timespec at;

    pthread_mutex_lock(&s->life);
    while (!s->stop) {
        (void)clock_gettime(CLOCK_MONOTONIC, &at);
        at.tv_sec += LOOK_AGAIN_SEC;
        if (pthread_cond_timedwait(&s->stop_now, &s->life, &at) == ETIMEDOUT && !s->stop)
            (void)visit(s, true, &places, NULL);
    }
    pthread_mutex_unlock(&s->life);
    return NULL;
}

/* Signals are the main thread's. */
static int start_thread(struct trn_shield *s)
{
    sigset_t all, before;
    int r;

    s->stop = false;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = -pthread_create(&s->thread, NULL, look_again, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

static void stop_thread(struct trn_shield *s)
{
    pthread_mutex_lock(&s->life);
    s->stop = true;
    pthread_cond_signal(&s->stop_now);
    pthread_mutex_unlock(&s->life);
    pthread_join(s->thread, NULL);
}

static void watch_nothing(struct trn_shield *s)
{
    uint64_t key, value;
    size_t it = 0;

    trn_permission_reset(s->permission);
    pthread_mutex_lock(&s->lock);
    while (trn_map_next(s->files, &it, &key, &value))
        (void)trn_map_remove(s->files, key, NULL);
    s->example[0] = '\0';
    pthread_mutex_unlock(&s->lock);
}

/* ---- what others call ---- */

static char **copy_homes(const struct trn_shield_options *o)
{
    static const char *const usual[] = {"/root", "/home/*"};
    const char *const *from = o->homes ? o->homes : usual;
    size_t n = o->homes ? o->n_homes : TRN_ARRAY_SIZE(usual);
    char **list = calloc(n + 1, sizeof(*list));

    for (size_t i = 0; list && i < n; i++)
        list[i] = strdup(from[i]);
    return list;
}

int trn_shield_new(const struct trn_shield_options *o, struct trn_shield **ret, struct trn_err *err)
{
    struct trn_shield *s = calloc(1, sizeof(*s));
    const struct trn_permission_options p = {.sz = sizeof(p), .at_once = at_once, .ctx = s};
    pthread_condattr_t monotonic;
    int r = 0;

    if (!s)
        return trn_fail(err, -ENOMEM, "cannot shield files: out of memory");
    pthread_mutex_init(&s->life, NULL);
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->stop_now, &monotonic);
    pthread_condattr_destroy(&monotonic);
    s->cut = o->cut;
    s->homes = copy_homes(o);
    s->files = trn_map_new(FILES_MAX);
    if (!s->homes || !s->files)
        r = trn_fail(err, -ENOMEM, "cannot shield files: out of memory");
    if (r == 0)
        r = trn_permission_new(&p, &s->permission, err);
    if (r != 0) {
        trn_shield_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

struct trn_shield *trn_shield_free(struct trn_shield *s)
{
    if (!s)
        return NULL;
    if (s->holds > 0)
        stop_thread(s);
    trn_permission_free(s->permission);
    for (char **home = s->homes; home && *home; home++)
        free(*home);
    free(s->homes);
    trn_map_free(s->files);
    pthread_cond_destroy(&s->stop_now);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->life);
    free(s);
    return NULL;
}

int trn_shield_look(struct trn_shield *s, struct trn_shield_places *ret, struct trn_err *err)
{
    return visit(s, false, ret, err);
}

int trn_shield_hold(struct trn_shield *s, struct trn_shield_places *ret, struct trn_err *err)
{
    int r;

    pthread_mutex_lock(&s->life);
    r = visit(s, true, ret, err);
    if (r == 0 && s->holds == 0 && start_thread(s) != 0)
        r = trn_fail(err, -EAGAIN, "cannot shield files: no thread");
    if (r == 0)
        s->holds++;
    else if (s->holds == 0)
        watch_nothing(s);
    pthread_mutex_unlock(&s->life);
    return r;
}

void trn_shield_release(struct trn_shield *s)
{
    if (s->holds == 0)
        return;
    if (s->holds == 1) {
        stop_thread(s);
        watch_nothing(s);
    }
    s->holds--;
}

bool trn_shield_example(struct trn_shield *s, char *dst, size_t size)
{
    bool any;

    pthread_mutex_lock(&s->life);
    any = s->example[0] != '\0' && strlen(s->example) < size;
    if (any)
        memcpy(dst, s->example, strlen(s->example) + 1);
    pthread_mutex_unlock(&s->life);
    return any;
}

uint64_t trn_shield_refused(struct trn_shield *s)
{
    return s->refused;
}

bool trn_shield_is_open(const struct trn_shield *s)
{
    return trn_permission_is_open(s->permission);
}

bool trn_shield_stuck(struct trn_shield *s)
{
    return trn_permission_stuck(s->permission);
}
