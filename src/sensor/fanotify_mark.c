/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: puts a mark on each writable disk or memory file system that our mount namespace shows,
 * and keeps the list of them. Must not resolve names. What cannot be marked stands in the hook table.
 */
#include "sensor/fanotify.h"
#include "sensor/hook.h"
#include "sensor/mounts.h"

#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/vfs.h>

#define MARK_MASK (FAN_CREATE | FAN_CLOSE_WRITE | FAN_RENAME | FAN_DELETE | FAN_ONDIR)

static bool is_below(const char *path, const char *root)
{
    size_t n = strlen(root);

    while (n > 0 && root[n - 1] == '/')
        n--;
    return strncmp(path, root, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static bool is_wanted(const struct trn_fanotify *f, const struct trn_mount *m)
{
    bool device_files = is_below(m->point, "/dev") && !is_below(m->point, "/dev/shm");

    if (!m->watchable || m->read_only || device_files || is_below(m->point, "/proc") || is_below(m->point, "/sys"))
        return false;
    if (!f->roots)
        return true;
    for (char **root = f->roots; *root; root++) {
        if (is_below(m->point, *root))
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

static int mark_one(struct trn_fanotify *f, const struct trn_mount *m)
{
    TRN_AUTO(trn_fd_closep) int fd = open(m->point, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
    struct trn_fs fs = {.major = m->major, .minor = m->minor, .fd = -1};
    struct statfs st;

    if (fd < 0 || fstatfs(fd, &st) != 0)
        return -errno;
    if (f->n_fs == TRN_FS_MAX)
        return -E2BIG;
    if (fanotify_mark(f->fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, MARK_MASK, fd, ".") != 0)
        return -errno;
    fs.point = strdup(m->point);
    if (!fs.point)
        return -ENOMEM;
    memcpy(fs.fsid, &st.f_fsid, sizeof(fs.fsid));
    f->fs[f->n_fs++] = fs;
    return 0;
}

/* The kernel took the mark away with the file system; only our memory of it is left. */
static void forget_gone(struct trn_fanotify *f, const struct trn_mounts *all)
{
    for (size_t i = 0; i < f->n_fs;) {
        bool there = false;

        for (size_t k = 0; k < all->n && !there; k++)
            there = all->v[k].major == f->fs[i].major && all->v[k].minor == f->fs[i].minor;
        if (there) {
            i++;
            continue;
        }
        trn_fd_close(f->fs[i].fd);
        free(f->fs[i].point);
        f->fs[i] = f->fs[--f->n_fs];
    }
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

        if (!is_wanted(f, m) || known(f, m))
            continue;
        m = best_of(f, &all, m);
        r = mark_one(f, m);
        if (r == 0)
            continue;
        trn_hook_add(hook, TRN_HOOK_DEGRADED, "cannot watch '%s' (%s): %s",
                     trn_escape_into(shown, sizeof(shown), trn_str_of(m->point)), m->fstype, trn_errno_name(r));
    }
    if (f->n_fs == 0)
        trn_hook_add(hook, TRN_HOOK_OFF, "no file system is watched");
    return 0;
}
