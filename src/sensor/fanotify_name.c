/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: from a file handle to a path: open_by_handle_at on the mount, then the link in /proc.
 * Owns the descriptors of one batch: mounts are opened on demand and closed at its end, so that
 * nothing keeps a file system busy. The last two folders are kept, since events come in runs.
 */
#include "sensor/fanotify.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <unistd.h>

static int mount_fd(struct trn_fs *fs)
{
    struct statfs st;

    if (fs->fd >= 0)
        return fs->fd;
    fs->fd = open(fs->point, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
    /* Another file system may have been mounted over it meanwhile. */
    if (fs->fd >= 0 && (fstatfs(fs->fd, &st) != 0 || memcmp(&st.f_fsid, fs->fsid, sizeof(fs->fsid)) != 0))
        fs->fd = trn_fd_close(fs->fd);
    return fs->fd;
}

static struct trn_fs *find_fs(struct trn_fanotify *f, struct trn_str fsid)
{
    for (size_t i = 0; i < f->n_fs; i++) {
        if (memcmp(f->fs[i].fsid, fsid.p, sizeof(f->fs[i].fsid)) == 0)
            return &f->fs[i];
    }
    return NULL;
}

/* handle: handle_bytes, handle_type and the handle, as they stand in the event. */
static int open_handle(struct trn_fs *fs, struct trn_str handle)
{
    union {
        struct file_handle head;
        uint8_t bytes[sizeof(struct file_handle) + TRN_HANDLE_MAX];
    } h;
    int at = mount_fd(fs), fd;

    if (at < 0)
        return -1;
    memcpy(h.bytes, handle.p, handle.n);
    fd = open_by_handle_at(at, &h.head, O_PATH | O_CLOEXEC);
    return fd;
}

static void read_path(struct trn_dir *d)
{
    char link[40];
    ssize_t n;

    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", d->fd);
    n = readlink(link, d->path, sizeof(d->path) - 1);
    if (n <= 0 || d->path[0] != '/') {
        d->fd = trn_fd_close(d->fd);
        return;
    }
    d->path[n] = '\0';
}

static void drop(struct trn_dir *d)
{
    d->fd = trn_fd_close(d->fd);
    d->key_len = 0;
}

const struct trn_dir *trn_fanotify_dir(struct trn_fanotify *f, struct trn_str fsid, struct trn_str handle)
{
    struct trn_dir *d;
    struct trn_fs *fs;

    if (handle.n < 8 || handle.n > sizeof(d->key) - 8)
        return NULL;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(f->cache); i++) {
        d = &f->cache[i];
        if (d->key_len == 8 + handle.n && memcmp(d->key, fsid.p, 8) == 0 &&
            memcmp(d->key + 8, handle.p, handle.n) == 0) {
            f->turn = (unsigned)i + 1; /* the next one must not take this one's place: a rename needs both */
            return d;
        }
    }
    fs = find_fs(f, fsid);
    if (!fs)
        return NULL;
    d = &f->cache[f->turn++ % TRN_ARRAY_SIZE(f->cache)];
    drop(d);
    memcpy(d->key, fsid.p, 8);
    memcpy(d->key + 8, handle.p, handle.n);
    d->key_len = 8 + handle.n;
    d->fs = fs;
    d->fd = open_handle(fs, handle);
    if (d->fd >= 0)
        read_path(d);
    return d;
}

void trn_fanotify_forget(struct trn_fanotify *f)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(f->cache); i++)
        drop(&f->cache[i]);
}

void trn_fanotify_end_batch(struct trn_fanotify *f)
{
    trn_fanotify_forget(f);
    for (size_t i = 0; i < f->n_fs; i++)
        f->fs[i].fd = trn_fd_close(f->fs[i].fd);
}
