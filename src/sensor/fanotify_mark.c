/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: opens the groups, puts their marks on each writable disk or memory file system that our mount namespace
 * shows, and keeps the list of them. Must not resolve names. What cannot be marked stands in the hook table.
 */
#include "sensor/fanotify.h"
#include "sensor/hook.h"
#include "sensor/mounts.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/fanotify.h>
#include <sys/vfs.h>

/* From newer headers than Debian 12 has to. */
#ifndef FAN_RENAME
#define FAN_RENAME 0x10000000
#endif
#ifndef FAN_REPORT_PIDFD
#define FAN_REPORT_PIDFD 0x80
#endif
#ifndef FAN_REPORT_TARGET_FID
#define FAN_REPORT_TARGET_FID 0x1000
#endif

#define GROUP_FLAGS (FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE)
#define CHANGES (FAN_CREATE | FAN_CLOSE_WRITE | FAN_DELETE | FAN_ONDIR)

/* What each group reports, and what it does without on an older kernel. The handle of the file itself keeps two files
 * apart that had the same name one after the other, which the kernel would otherwise merge into one event. */
static const unsigned reports[TRN_GROUP_COUNT][3] = {
    [TRN_GROUP_OPENS] = {FAN_REPORT_DFID_NAME | FAN_REPORT_FID | FAN_REPORT_PIDFD,
                         FAN_REPORT_DFID_NAME | FAN_REPORT_FID, FAN_REPORT_DFID_NAME},
    [TRN_GROUP_CHANGES] = {FAN_REPORT_DFID_NAME | FAN_REPORT_FID | FAN_REPORT_TARGET_FID | FAN_REPORT_PIDFD,
                           FAN_REPORT_DFID_NAME | FAN_REPORT_PIDFD, FAN_REPORT_DFID_NAME},
    [TRN_GROUP_ATTRIBUTES] = {FAN_REPORT_DFID_NAME | FAN_REPORT_PIDFD, FAN_REPORT_DFID_NAME, FAN_REPORT_DFID_NAME},
};

static int open_group(struct trn_fanotify *f, enum trn_group_kind kind)
{
    int fd = -1;

    for (size_t i = 0; i < TRN_ARRAY_SIZE(reports[kind]) && fd < 0; i++) {
        fd = fanotify_init(GROUP_FLAGS | reports[kind][i], O_RDONLY | O_CLOEXEC);
        if (fd < 0 && errno != EINVAL)
            return -errno;
        f->pidfds |= fd >= 0 && (reports[kind][i] & FAN_REPORT_PIDFD);
    }
    f->group[kind] = fd;
    return fd < 0 ? -EINVAL : 0;
}

int trn_fanotify_groups(struct trn_fanotify *f, struct trn_err *err)
{
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (f->epoll < 0)
        return trn_fail(err, -errno, "cannot watch files: epoll: %s", trn_errno_name(-errno));
    for (int kind = 0; kind < TRN_GROUP_COUNT; kind++) {
        int r = open_group(f, (enum trn_group_kind)kind);
        struct epoll_event in = {.events = EPOLLIN};

        if (r == 0 && epoll_ctl(f->epoll, EPOLL_CTL_ADD, f->group[kind], &in) != 0)
            r = -errno;
        if (r == 0)
            continue;
        r = trn_fail(err, r, "cannot watch files: fanotify: %s", trn_errno_name(r));
        if (r == -EPERM)
            trn_hint(err, "start turncoatd as root, or with CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH");
        return r;
    }
    return 0;
}

bool trn_path_is_below(const char *path, const char *root)
{
    size_t n = strlen(root);

    while (n > 0 && root[n - 1] == '/')
        n--;
    return strncmp(path, root, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static bool is_wanted(const struct trn_fanotify *f, const struct trn_mount *m)
{
    bool device_files = trn_path_is_below(m->point, "/dev") && !trn_path_is_below(m->point, "/dev/shm");

    if (!m->watchable || m->read_only || device_files || trn_path_is_below(m->point, "/proc") ||
        trn_path_is_below(m->point, "/sys"))
        return false;
    if (!f->roots)
        return true;
    for (char **root = f->roots; *root; root++) {
        if (trn_path_is_below(m->point, *root))
            return true;
    }
    return false;
}

static struct trn_fs *known(struct trn_fanotify *f, const struct trn_mount *m)
{
    for (size_t i = 0; i < f->n_fs; i++) {
        if (f->fs[i].major == m->major && f->fs[i].minor == m->minor)
            return &f->fs[i];
    }
    return NULL;
}

void trn_fanotify_drop_fs(struct trn_fanotify *f, size_t i)
{
    trn_fd_close(f->fs[i].fd);
    free(f->fs[i].point);
    f->fs[i] = f->fs[--f->n_fs];
}

/* What was another namespace's alone until now is ours from now on. */
static bool is_ours(struct trn_fanotify *f, const struct trn_mount *m)
{
    struct trn_fs *fs = known(f, m);

    if (!fs || !fs->view)
        return fs != NULL;
    trn_fanotify_drop_fs(f, (size_t)(fs - f->fs));
    return false;
}

/* Several mounts may show one file system; the best is one that shows it whole. */
static const struct trn_mount *best_of(const struct trn_fanotify *f, const struct trn_mounts *all,
                                       const struct trn_mount *m)
{
    for (size_t i = 0; i < all->n && !m->whole; i++) {
        const struct trn_mount *other = &all->v[i];

        if (other->major == m->major && other->minor == m->minor && other->whole && is_wanted(f, other))
            m = other;
    }
    return m;
}

static int mark_changes(struct trn_fanotify *f, int fd)
{
    if (!f->no_rename) {
        if (fanotify_mark(f->group[TRN_GROUP_CHANGES], FAN_MARK_ADD | FAN_MARK_FILESYSTEM, CHANGES | FAN_RENAME, fd,
                          ".") == 0)
            return 0;
        if (errno != EINVAL)
            return -errno;
    }
    if (fanotify_mark(f->group[TRN_GROUP_CHANGES], FAN_MARK_ADD | FAN_MARK_FILESYSTEM, CHANGES | FAN_MOVED_TO, fd,
                      ".") != 0)
        return -errno;
    f->no_rename = true; /* EINVAL for this reason, then, and not for the file system */
    return 0;
}

int trn_fanotify_mark_fd(struct trn_fanotify *f, const struct trn_mount *m, int fd, struct trn_mount_view *view)
{
    struct trn_fs fs = {.major = m->major, .minor = m->minor, .mount_id = m->id, .view = view, .fd = -1};
    struct statfs st;
    int r;

    if (fstatfs(fd, &st) != 0)
        return -errno;
    if (f->n_fs == TRN_FS_MAX)
        return -E2BIG;
    r = mark_changes(f, fd);
    if (r == 0 && fanotify_mark(f->group[TRN_GROUP_ATTRIBUTES], FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
                                FAN_ATTRIB | FAN_ONDIR, fd, ".") != 0)
        r = -errno;
    if (r != 0)
        return r;
    fs.point = strdup(m->point);
    if (!fs.point)
        return -ENOMEM;
    memcpy(fs.fsid, &st.f_fsid, sizeof(fs.fsid));
    f->fs[f->n_fs++] = fs;
    return 0;
}

static int mark_one(struct trn_fanotify *f, const struct trn_mount *m)
{
    TRN_AUTO(trn_fd_closep) int fd = open(m->point, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);

    return fd < 0 ? -errno : trn_fanotify_mark_fd(f, m, fd, NULL);
}

/* The kernel took the mark away with the file system; only our memory of it is left. */
static void forget_gone(struct trn_fanotify *f, const struct trn_mounts *all)
{
    for (size_t i = 0; i < f->n_fs;) {
        bool there = f->fs[i].view != NULL;

        for (size_t k = 0; k < all->n && !there; k++)
            there = all->v[k].major == f->fs[i].major && all->v[k].minor == f->fs[i].minor;
        if (there) {
            i++;
            continue;
        }
        trn_fanotify_drop_fs(f, i);
    }
}

void trn_fanotify_forget_marks(struct trn_fanotify *f)
{
    const struct trn_mounts none = {0};

    forget_gone(f, &none);
}

int trn_fanotify_mark_all(struct trn_fanotify *f, struct trn_err *err)
{
    struct trn_sensor_hook *hook = &f->hooks[TRN_FILE_HOOK_MARKS];
    TRN_AUTO(trn_mounts_done) struct trn_mounts all = {0};
    int r = trn_mounts_read(&all, err);

    if (r != 0)
        return r;
    forget_gone(f, &all);
    trn_hook_set(hook, TRN_HOOK_ON, "%s", "");
    for (size_t i = 0; i < all.n; i++) {
        const struct trn_mount *m = &all.v[i];
        char shown[80];

        if (!is_wanted(f, m) || is_ours(f, m))
            continue;
        m = best_of(f, &all, m);
        r = mark_one(f, m);
        if (r == 0)
            continue;
        trn_hook_add(hook, TRN_HOOK_DEGRADED, "cannot watch '%s' (%s): %s",
                     trn_escape_into(shown, sizeof(shown), trn_str_of(m->point)), m->fstype, trn_errno_name(r));
    }
    if (f->no_rename)
        trn_hook_add(hook, TRN_HOOK_DEGRADED, "the old names of renamed files are not known (before Linux 5.17)");
    if (f->views_left_out)
        trn_hook_add(hook, TRN_HOOK_DEGRADED, "%u times a file system of another mount namespace was left out",
                     f->views_left_out);
    if (f->n_fs == 0)
        trn_hook_add(hook, TRN_HOOK_OFF, "no file system is watched");
    return 0;
}
