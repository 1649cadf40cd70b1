/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: from a file handle to a path: open_by_handle_at on the mount, then the link in /proc.
 * Owns the descriptors of one batch: mounts are opened on demand and closed at its end, so that
 * nothing keeps a file system busy. The last few folders are kept, since events come in runs.
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
    fs->fd = fs->view ? trn_fanotify_open_view(fs) : open(fs->point, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
    if (fs->fd < 0)
        fs->fd = -1;
    /* Another file system may have been mounted over it meanwhile. */
    if (fs->fd >= 0 && (fstatfs(fs->fd, &st) != 0 || memcmp(&st.f_fsid, fs->fsid, sizeof(fs->fsid)) != 0))
        fs->fd = trn_fd_close(fs->fd);
    return fs->fd;
}

static struct trn_fs *find_fs(struct trn_fanotify *f, struct trn_str fsid)
{
    if (fsid.n != sizeof(f->fs[0].fsid))
        return NULL;
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

const struct trn_fs *trn_fanotify_fs(struct trn_fanotify *f, struct trn_str fsid)
{
    return find_fs(f, fsid);
}

int trn_fanotify_open_child(struct trn_fanotify *f, struct trn_str fsid, struct trn_str handle)
{
    struct trn_fs *fs = find_fs(f, fsid);

    return fs && handle.n >= 8 && handle.n <= 8 + TRN_HANDLE_MAX ? open_handle(fs, handle) : -1;
}

/* enum fid_type of the kernel's exportfs.h; anything else tells nothing. */
uint64_t trn_handle_inode(struct trn_str handle)
{
    struct trn_cursor c = trn_cur_of(handle);
    uint32_t bytes = trn_cur_u32le(&c), type = trn_cur_u32le(&c);
    uint64_t ino = 0;

    if (type == 1 && bytes == 8) { /* inode, generation: ext4 and most others */
        ino = trn_cur_u32le(&c);
    } else if (type == 1 && bytes == 12) { /* tmpfs puts the generation first */
        trn_cur_skip(&c, 4);
        ino = trn_cur_u64le(&c);
    } else if (type == 0x81 || type == 0x4d) { /* xfs and file systems without handles; btrfs */
        ino = trn_cur_u64le(&c);
    }
    return c.bad ? 0 : ino;
}

const struct trn_dir *trn_fanotify_dir(struct trn_fanotify *f, struct trn_str fsid, struct trn_str handle)
{
    struct trn_dir *d;
    struct trn_fs *fs;
    uint64_t hash;

    if (handle.n < 8 || handle.n > sizeof(d->key) - 8)
        return NULL;
    hash = trn_place_key(fsid, handle);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(f->cache); i++) {
        d = &f->cache[i];
        if (d->key_len == 8 + handle.n && d->hash == hash && memcmp(d->key, fsid.p, 8) == 0 &&
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
    d->hash = hash;
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
