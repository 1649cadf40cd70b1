/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: file systems that only another mount namespace shows (a container's tmpfs and volumes). Owns the list of
 * such namespaces ("views") and which processes are known to live in each. Must not decide which processes are asked
 * about: the engine names the ones that exec there.
 *
 *   pid ── its mountinfo ── what our own namespace does not show ──> the same marks; opened through /proc/PID/root
 *
 * Whoever lives there chose what is mounted there, and may answer for it himself (FUSE): nothing here may wait for a
 * file system. So a path is walked only as far as the kernel has it in memory already, no descriptor is asked anything
 * before its mount's number is the one of the list, and what an unprivileged user mounted must be plain memory.
 * Nothing of the namespace is held open between two looks: it would keep a file system of theirs busy.
 */
#include "sensor/fanotify.h"
#include "sensor/mounts.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/nsfs.h>
#include <linux/openat2.h>

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

#define MOUNTINFO_MAX (256u << 10)     /* of a namespace; more is left out, and the hook says so */
#define SOON_NS (100 * TRN_NS_PER_MS)  /* between two looks while something happens there */
#define SELDOM_NS (2 * TRN_NS_PER_SEC) /* and when nothing does */
#define YOUNG_NS (5 * TRN_NS_PER_SEC)  /* how long after an exec or another mount something happens there */
#define LOOKS 2                        /* in one round: whoever looks has a heart that must beat */
#define VIEW_FS_MAX (TRN_FS_MAX / 2)   /* the rest is our own namespace's */

/* ---- who lives there ---- */

static bool ended(int pidfd)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};

    return pidfd < 0 || poll(&p, 1, 0) != 0;
}

/* A process of the view that runs; NULL: none is known. */
static const struct trn_holder *holder_of(struct trn_mount_view *v)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(v->holder); i++) {
        struct trn_holder *h = &v->holder[i];

        if (h->pid == 0)
            continue;
        if (!ended(h->pidfd))
            return h;
        h->pidfd = trn_fd_close(h->pidfd);
        h->pid = 0;
        v->seen = 0; /* the next one may have another root */
    }
    return NULL;
}

static void add_holder(struct trn_mount_view *v, uint32_t pid, int *pidfd)
{
    struct trn_holder *h = NULL;

    for (size_t i = 0; i < TRN_ARRAY_SIZE(v->holder); i++) {
        if (v->holder[i].pid == pid && !ended(v->holder[i].pidfd))
            return;
        if (!h && (v->holder[i].pid == 0 || ended(v->holder[i].pidfd)))
            h = &v->holder[i];
    }
    if (!h) /* the first is most often the one that lives longest */
        h = &v->holder[1 + v->turn++ % (TRN_ARRAY_SIZE(v->holder) - 1)];
    trn_fd_close(h->pidfd);
    *h = (struct trn_holder){.pid = pid, .pidfd = trn_fd_steal(pidfd)};
}

/* Which mount namespace, and whether whoever owns it is root of our own user namespace. */
static int namespace_of(uint32_t pid, uint64_t *ret_ns, bool *ret_foreign)
{
    char path[40];
    struct stat st, user, own;
    TRN_AUTO(trn_fd_closep) int fd = -1, owner = -1;

    (void)snprintf(path, sizeof(path), "/proc/%u/ns/mnt", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        return -errno;
    owner = ioctl(fd, NS_GET_USERNS);
    *ret_foreign =
        owner < 0 || fstat(owner, &user) != 0 || stat("/proc/self/ns/user", &own) != 0 || user.st_ino != own.st_ino;
    *ret_ns = st.st_ino;
    return 0;
}

/* ---- one mount of it ---- */

static bool is_mount(int fd, uint32_t id)
{
    char path[48], line[128];
    uint32_t found = 0;
    FILE *f;

    (void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    f = fopen(path, "re");
    if (!f)
        return false;
    while (found == 0 && fgets(line, sizeof(line), f)) {
        if (strncmp(line, "mnt_id:", 7) == 0)
            found = (uint32_t)strtoul(line + 7, NULL, 10);
    }
    (void)fclose(f);
    return found == id;
}

/* O_PATH, and for certain this mount; negative errno. */
static int open_mount(struct trn_mount_view *v, const char *point, uint32_t id)
{
    const struct trn_holder *h = holder_of(v);
    const struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                                 .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_CACHED};
    TRN_AUTO(trn_fd_closep) int root = -1, fd = -1;
    char path[40];

    if (!h)
        return -ESRCH;
    (void)snprintf(path, sizeof(path), "/proc/%u/root", h->pid);
    root = open(path, O_PATH | O_CLOEXEC);
    if (root < 0)
        return -errno;
    if (ended(h->pidfd)) /* then the number may have been another's */
        return -ESRCH;
    fd = (int)syscall(SYS_openat2, root, point, &how, sizeof(how));
    if (fd < 0)
        return -errno;
    return is_mount(fd, id) ? trn_fd_steal(&fd) : -ESTALE;
}

int trn_fanotify_open_view(struct trn_fs *fs)
{
    TRN_AUTO(trn_fd_closep) int at = open_mount(fs->view, fs->point, fs->mount_id);
    int fd = at < 0 ? at : openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);

    return fd < 0 && at >= 0 ? -errno : fd;
}

/* ---- which file systems ---- */

static const struct trn_mount *shows(const struct trn_mounts *all, uint32_t major, uint32_t minor)
{
    for (size_t i = 0; i < all->n; i++) {
        if (all->v[i].major == major && all->v[i].minor == minor)
            return &all->v[i];
    }
    return NULL;
}

/* What else may be decided by somebody else than the kernel: an overlay of FUSE, a disk image that is his own. */
static bool is_memory(const struct trn_mount *m)
{
    return strcmp(m->fstype, "tmpfs") == 0 || strcmp(m->fstype, "ramfs") == 0;
}

static bool is_wanted(const struct trn_mount_view *v, const struct trn_mount *m)
{
    return m->watchable && !m->read_only && (!v->foreign || is_memory(m)) && !trn_path_is_below(m->point, "/proc") &&
           !trn_path_is_below(m->point, "/sys") &&
           (!trn_path_is_below(m->point, "/dev") || trn_path_is_below(m->point, "/dev/shm"));
}

static struct trn_fs *known(struct trn_fanotify *f, const struct trn_mount *m)
{
    for (size_t i = 0; i < f->n_fs; i++) {
        if (f->fs[i].major == m->major && f->fs[i].minor == m->minor)
            return &f->fs[i];
    }
    return NULL;
}

static size_t count_of_views(const struct trn_fanotify *f)
{
    size_t n = 0;

    for (size_t i = 0; i < f->n_fs; i++)
        n += f->fs[i].view != NULL;
    return n;
}

static void mark_mount(struct trn_fanotify *f, struct trn_mount_view *v, const struct trn_mount *m)
{
    TRN_AUTO(trn_fd_closep) int fd = open_mount(v, m->point, m->id);

    if (fd < 0) /* mounted over, or gone by now: what is there instead is in the list, too */
        return;
    if (count_of_views(f) >= VIEW_FS_MAX || trn_fanotify_mark_fd(f, m, fd, v) != 0)
        f->views_left_out++;
}

/* Only what is of the namespace alone: our own marks are decided by what our own shows. With a scope also nothing that
 * the machine's first process shows: a look into a namespace must not widen what is sensed to the machine's disks. */
static int others(const struct trn_fanotify *f, struct trn_mounts *ret_own, struct trn_mounts *ret_first)
{
    struct trn_err err = {0};
    int r = trn_mounts_read(ret_own, &err);

    return r == 0 && f->scope.id ? trn_mounts_read_of(1, 8u << 20, ret_first, &err) : r;
}

static void mark_new(struct trn_fanotify *f, struct trn_mount_view *v, const struct trn_mounts *all)
{
    TRN_AUTO(trn_mounts_done) struct trn_mounts own = {0}, first = {0};

    if (others(f, &own, &first) != 0)
        return;
    for (size_t i = 0; i < all->n; i++) {
        const struct trn_mount *m = &all->v[i];

        if (!is_wanted(v, m) || known(f, m) || shows(&own, m->major, m->minor) || shows(&first, m->major, m->minor))
            continue;
        for (size_t k = 0; k < all->n && !m->whole; k++) { /* the best is one that shows it whole */
            const struct trn_mount *other = &all->v[k];

            if (other->major == m->major && other->minor == m->minor && other->whole && is_wanted(v, other))
                m = other;
        }
        mark_mount(f, v, m);
    }
}

/* all: NULL when the namespace is gone. */
static void forget_gone(struct trn_fanotify *f, const struct trn_mount_view *v, const struct trn_mounts *all)
{
    for (size_t i = 0; i < f->n_fs;) {
        const struct trn_fs *fs = &f->fs[i];

        if (fs->view == v && !(all && shows(all, fs->major, fs->minor)))
            trn_fanotify_drop_fs(f, i);
        else
            i++;
    }
}

static void drop(struct trn_fanotify *f, struct trn_mount_view *v)
{
    forget_gone(f, v, NULL);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(v->holder); i++)
        v->holder[i].pidfd = trn_fd_close(v->holder[i].pidfd);
    v->ns = 0;
    for (size_t i = 0; i < TRN_VIEWS; i++) /* what it had may be another's, too */
        f->view[i].seen = 0;
}

static uint64_t fingerprint(const struct trn_mounts *all)
{
    uint64_t h = 1;

    for (size_t i = 0; i < all->n; i++) {
        h = trn_hash64_mix(h, (uint64_t)all->v[i].major << 32 | all->v[i].minor);
        h = trn_hash64_mix(h, (uint64_t)all->v[i].id << 1 | all->v[i].read_only);
    }
    return h ? h : 1;
}

/* Numbers of namespaces, mounts and devices are given out again at once: what is new may look like what was there. */
static void drop_ended(struct trn_fanotify *f)
{
    for (size_t i = 0; i < TRN_VIEWS; i++) {
        if (f->view[i].ns && !holder_of(&f->view[i]))
            drop(f, &f->view[i]);
    }
}

static bool is_same(const struct trn_fs *fs, struct trn_mount_view *v)
{
    TRN_AUTO(trn_fd_closep) int fd = open_mount(v, fs->point, fs->mount_id);
    struct statfs st;

    return fd >= 0 && fstatfs(fd, &st) == 0 && memcmp(&st.f_fsid, fs->fsid, sizeof(fs->fsid)) == 0;
}

static void forget_replaced(struct trn_fanotify *f, struct trn_mount_view *v)
{
    for (size_t i = 0; i < f->n_fs;) {
        if (f->fs[i].view == v && !is_same(&f->fs[i], v)) {
            trn_fanotify_drop_fs(f, i);
            v->seen = 0;
        } else {
            i++;
        }
    }
}

static void look(struct trn_fanotify *f, struct trn_mount_view *v, uint64_t now)
{
    TRN_AUTO(trn_mounts_done) struct trn_mounts all = {0};
    const struct trn_holder *h = holder_of(v);
    struct trn_err err = {0};
    uint64_t seen;

    if (!h) {
        drop(f, v);
        return;
    }
    forget_replaced(f, v);
    v->look_ns = now + (now < v->young_ns ? SOON_NS : SELDOM_NS);
    if (trn_mounts_read_of(h->pid, MOUNTINFO_MAX, &all, &err) != 0) {
        f->views_left_out += !ended(h->pidfd) && v->seen != 1;
        v->seen = 1;
        return;
    }
    seen = fingerprint(&all);
    if (seen == v->seen || ended(h->pidfd)) /* ended: the list may have been another's */
        return;
    v->seen = seen;
    v->young_ns = now + YOUNG_NS;
    v->look_ns = now + SOON_NS;
    forget_gone(f, v, &all);
    mark_new(f, v, &all);
}

/* ---- entry points ---- */

static struct trn_mount_view *view_of(struct trn_fanotify *f, uint64_t ns)
{
    struct trn_mount_view *empty = NULL;

    for (size_t i = 0; i < TRN_VIEWS; i++) {
        if (f->view[i].ns == ns)
            return &f->view[i];
        if (!empty && f->view[i].ns == 0)
            empty = &f->view[i];
    }
    if (!empty) {
        f->views_left_out++;
        return NULL;
    }
    *empty = (struct trn_mount_view){.ns = ns};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(empty->holder); i++)
        empty->holder[i].pidfd = -1;
    return empty;
}

void trn_fanotify_view(struct trn_fanotify *f, uint32_t pid)
{
    TRN_AUTO(trn_fd_closep) int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    uint64_t ns = 0, now = trn_mono_ns();
    struct stat own;
    struct trn_mount_view *v;
    bool foreign = false, anew;

    if (pidfd < 0 || namespace_of(pid, &ns, &foreign) != 0 || stat("/proc/self/ns/mnt", &own) != 0 ||
        own.st_ino == ns || !trn_scope_has(&f->scope, pid) || ended(pidfd))
        return;
    drop_ended(f);
    v = view_of(f, ns);
    if (!v)
        return;
    anew = v->holder[0].pid == 0;
    v->foreign = foreign;
    v->young_ns = now + YOUNG_NS;
    add_holder(v, pid, &pidfd);
    if (anew || now >= v->look_ns)
        look(f, v, now);
    else
        v->look_ns = TRN_MIN(v->look_ns, now + SOON_NS);
}

void trn_fanotify_views_tick(struct trn_fanotify *f)
{
    uint64_t now = trn_mono_ns();

    for (size_t i = 0, looks = 0; i < TRN_VIEWS && looks < LOOKS; i++) {
        struct trn_mount_view *v = &f->view[f->view_turn++ % TRN_VIEWS];

        if (v->ns && now >= v->look_ns) {
            look(f, v, now);
            looks++;
        }
    }
    if (f->stray) { /* somebody writes where we have no path to: its namespace went on without those that we knew */
        uint32_t pid = f->stray;

        f->stray = 0;
        trn_fanotify_view(f, pid);
    }
}

void trn_fanotify_views_done(struct trn_fanotify *f)
{
    for (size_t i = 0; i < TRN_VIEWS; i++) {
        if (f->view[i].ns)
            drop(f, &f->view[i]);
    }
}
