/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: whole reads and writes on descriptors, atomic file replacement, opens confined to a folder.
 * Must not: print, follow a link out of a root, or leave a descriptor open over exec.
 */
#include "base/fd.h"

#include "base/checked.h"
#include "base/escape.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OPEN_RETRIES 16

int trn_fd_close(int fd)
{
    if (fd >= 0) {
        int saved = errno;
        close(fd);
        errno = saved;
    }
    return -1;
}

int trn_read_full(int fd, void *p, size_t n)
{
    char *at = p;
    while (n > 0) {
        ssize_t r = read(fd, at, n);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return r < 0 ? -errno : -ENODATA;
        at += r;
        n -= (size_t)r;
    }
    return 0;
}

int trn_pread_full(int fd, void *p, size_t n, uint64_t offset)
{
    char *at = p;
    uint64_t end;
    if (!trn_add_ok(offset, n, &end) || end > INT64_MAX)
        return -EOVERFLOW;
    while (n > 0) {
        ssize_t r = pread(fd, at, n, (off_t)offset);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return r < 0 ? -errno : -ENODATA;
        at += r;
        n -= (size_t)r;
        offset += (uint64_t)r;
    }
    return 0;
}

int trn_write_full(int fd, const void *p, size_t n)
{
    const char *at = p;
    while (n > 0) {
        ssize_t r = write(fd, at, n);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return -errno;
        at += r;
        n -= (size_t)r;
    }
    return 0;
}

int trn_read_all(int fd, struct trn_buf *out)
{
    for (;;) {
        char chunk[16384];
        ssize_t r = read(fd, chunk, sizeof(chunk));
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return -errno;
        if (r == 0)
            return 0;
        if ((size_t)r > out->max - TRN_MIN(out->n, out->max))
            return -EFBIG;
        trn_put(out, chunk, (size_t)r);
        if (out->bad)
            return -ENOMEM;
    }
}

/* "cannot WHAT 'path': EWHY" with the path escaped. */
static int fail_path(struct trn_err *err, int code, const char *what, const char *path)
{
    char name[160];
    return trn_fail(err, code, "cannot %s '%s': %s", what, trn_escape_into(name, sizeof(name), trn_str_of(path)),
                    trn_errno_name(code));
}

int trn_read_file(const char *path, size_t max, struct trn_buf *out, struct trn_err *err)
{
    TRN_AUTO(trn_fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return fail_path(err, -errno, "open", path);
    struct trn_buf content;
    trn_buf_init(&content, max);
    int r = trn_read_all(fd, &content);
    if (r < 0) {
        trn_buf_done(&content);
        return fail_path(err, r, "read", path);
    }
    *out = content;
    return 0;
}

/* The rename is durable only when the folder is synced too. */
static int sync_folder_of(const char *path)
{
    struct trn_str dir = trn_path_dir(trn_str_of(path));
    char name[4096];
    int n = snprintf(name, sizeof(name), "%.*s", TRN_STR_ARG(dir));
    if (n < 0 || (size_t)n >= sizeof(name))
        return -ENAMETOOLONG;
    TRN_AUTO(trn_fd_closep) int fd = open(n ? name : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    return fsync(fd) < 0 ? -errno : 0;
}

static int write_synced(int fd, struct trn_str content, mode_t mode)
{
    int r = trn_write_full(fd, content.p, content.n);
    if (r < 0)
        return r;
    /* The mode is what the caller asked for, whatever the umask or a left-over file says. */
    return fchmod(fd, mode) < 0 || fsync(fd) < 0 ? -errno : 0;
}

int trn_write_file_atomic(const char *path, struct trn_str content, mode_t mode, struct trn_err *err)
{
    char tmp[4096];
    int n = snprintf(tmp, sizeof(tmp), "%s.tmp", path);
    if (n < 0 || (size_t)n >= sizeof(tmp))
        return fail_path(err, -ENAMETOOLONG, "write", path);
    TRN_AUTO(trn_fd_closep) int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return fail_path(err, -errno, "create", tmp);
    int r = write_synced(fd, content, mode);
    if (r == 0 && rename(tmp, path) < 0)
        r = -errno;
    if (r < 0) {
        unlink(tmp);
        return fail_path(err, r, "write", path);
    }
    r = sync_folder_of(path);
    return r < 0 ? fail_path(err, r, "sync the folder of", path) : 0;
}

int trn_open_in_root(int dirfd, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    /* The kernel gives EAGAIN when a rename somewhere raced with "..": safe to try again. */
    for (int i = 0;; i++) {
        long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
        if (fd >= 0)
            return (int)fd;
        if ((errno != EAGAIN && errno != EINTR) || i >= OPEN_RETRIES)
            return -errno;
    }
}

int trn_fstat(int fd, struct stat *ret)
{
    return syscall(SYS_fstat, fd, ret) < 0 ? -errno : 0;
}

int trn_set_nonblock(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return -errno;
    flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}
