/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: follows the symbolic links of sensitive places, with care. A link's owner decides where it leads: a mark,
 * and its cost, goes only on what is the same user's own (root's links lead anywhere). Nothing is resolved beyond file
 * systems that we watch anyway: somebody's FUSE mount must not be able to hold turncoatd up.
 */
#include "sensor/fanotify.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The deepest watched mount that the path lies below. */
static const struct trn_fs *mount_above(const struct trn_fanotify *f, const char *path)
{
    const struct trn_fs *best = NULL;

    for (size_t i = 0; i < f->n_fs; i++) {
        if (trn_path_is_below(path, f->fs[i].point) && (!best || strlen(f->fs[i].point) > strlen(best->point)))
            best = &f->fs[i];
    }
    return best;
}

static int open_here(int at, const char *path)
{
    const struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS};
    long fd = syscall(SYS_openat2, at, path, &how, sizeof(how));

    return fd < 0 ? -errno : (int)fd;
}

static int open_target(const struct trn_fanotify *f, int at, const char *target)
{
    const struct trn_fs *fs;
    size_t n;

    if (target[0] != '/')
        return open_here(at, target);
    fs = mount_above(f, target);
    if (!fs)
        return -EXDEV;
    TRN_AUTO(trn_fd_closep) int top = open(fs->point, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (top < 0)
        return -errno;
    n = strlen(fs->point);
    while (target[n] == '/')
        n++;
    return open_here(top, target[n] ? target + n : ".");
}

int trn_places_follow(const struct trn_fanotify *f, int at, const char *name)
{
    char target[PATH_MAX];
    struct stat link, there;
    ssize_t n;
    int fd;

    if (fstatat(at, name, &link, AT_SYMLINK_NOFOLLOW) != 0)
        return -errno;
    n = readlinkat(at, name, target, sizeof(target) - 1);
    if (n <= 0)
        return n < 0 ? -errno : -ENOENT;
    target[n] = '\0';
    fd = open_target(f, at, target);
    if (fd < 0)
        return fd;
    if (fstat(fd, &there) != 0 || (link.st_uid != 0 && link.st_uid != there.st_uid)) {
        trn_fd_close(fd);
        return -EPERM;
    }
    return fd;
}
