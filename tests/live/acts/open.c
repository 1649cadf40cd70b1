/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the act of opening a file of a sensitive place; the test made the file, with made-up content, and
 * names it in ACTS_SECRET. Must not own: other files.
 */
#include "acts.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *secret(void)
{
    const char *path = getenv("ACTS_SECRET");

    if (!path)
        fail("ACTS_SECRET is not set");
    return path;
}

static const char *secret_folder(void)
{
    return dirname(strdup(secret()));
}

static long open_open(const char *path)
{
    return syscall(SYS_open, path, O_RDONLY);
}

static long open_openat(const char *path)
{
    return syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
}

static long open_openat2(const char *path)
{
    struct open_how how = {.flags = O_RDONLY};

    return syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

static long open_write(const char *path)
{
    return syscall(SYS_openat, AT_FDCWD, path, O_RDWR);
}

static long open_handle(const char *path)
{
    union {
        struct file_handle handle;
        char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
    } h = {.handle.handle_bytes = MAX_HANDLE_SZ};
    int id;
    long mount_fd = must(open(dirname(strdup(path)), O_RDONLY | O_DIRECTORY), "open folder");

    if (name_to_handle_at(AT_FDCWD, path, &h.handle, &id, 0) != 0) {
        if (errno == EOPNOTSUPP)
            skip("this file system has no handles");
        fail("name_to_handle_at: %s", strerror(errno));
    }
    return open_by_handle_at((int)mount_fd, &h.handle, O_RDONLY);
}

static long open_relative(const char *path)
{
    long folder = must(open(secret_folder(), O_PATH | O_DIRECTORY), "open folder");

    return syscall(SYS_openat, folder, basename(strdup(path)), O_RDONLY);
}

/* First only a reference, which reads nothing; then opened by the descriptor's own name. */
static long open_reopened(const char *path)
{
    long fd = must(open(path, O_PATH), "open");
    char own[64];

    (void)snprintf(own, sizeof(own), "/proc/self/fd/%ld", fd);
    return syscall(SYS_openat, AT_FDCWD, own, O_RDONLY);
}

static long open_compat(const char *path)
{
    return compat_call(5, low_text(path), O_RDONLY, 0, 0, 0);
}

static long open_symlink(const char *path)
{
    const char *alias = fresh("alias");

    must(symlink(path, alias), "symlink");
    return open_openat(alias);
}

static long open_bind(const char *path)
{
    const char *alias = fresh_folder();

    must(unshare(CLONE_NEWNS), "unshare");
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount private");
    must(mount(secret_folder(), alias, NULL, MS_BIND, NULL), "mount bind");
    return open_openat(join(alias, basename(strdup(path))));
}

/* A second name in another folder; the test's table says what the sensor can know of it. */
static long open_hard_link(const char *path)
{
    const char *alias = fresh("alias");

    must(link(path, alias), "link");
    return open_openat(alias);
}

/* Away from the place that makes it sensitive, and back again for the next act. */
static long open_moved(const char *path)
{
    const char *away = fresh("moved");
    long fd;

    if (rename(path, away) != 0) {
        if (errno == EXDEV)
            skip("the act's folder is on another file system");
        fail("rename: %s", strerror(errno));
    }
    fd = open_openat(away);
    must(rename(away, path), "rename");
    return fd;
}

static long open_root_link(const char *path)
{
    char *through;

    must(asprintf(&through, "/proc/self/root%s", path), "asprintf");
    return open_openat(through);
}

static void child_read(const void *fd)
{
    char byte;

    must(read(*(const int *)fd, &byte, 1), "read");
}

static void read_by_another(const struct row *row)
{
    int fd = (int)must(open_openat(secret()), row->way);

    tell_file(secret());
    in_child(child_read, &fd);
}

static void open_secret(const struct row *row)
{
    char byte;
    long fd;

    tell_file(secret());
    fd = must(row->how.one(secret()), row->way);
    must(read((int)fd, &byte, 1), "read");
}

static void sqe_open(struct io_uring_sqe *sqe, const char *path)
{
    io_uring_prep_openat(sqe, AT_FDCWD, path, O_RDONLY, 0);
}

static void sqe_open2(struct io_uring_sqe *sqe, const char *path)
{
    static struct open_how how = {.flags = O_RDONLY};

    io_uring_prep_openat2(sqe, AT_FDCWD, path, &how);
}

static void open_by_ring(const struct row *row)
{
    struct io_uring_sqe told = {0};
    struct ring *r;

    tell_file(secret());
    row->how.sqe_one(&told, secret());
    r = ring_new((enum ring_mode)row->number, told.opcode);
    row->how.sqe_one(ring_sqe(r), secret());
    must(ring_do(r), row->way);
}

/* Into a slot of the ring: there is never a descriptor. */
static void open_direct(const struct row *row)
{
    struct ring *r = ring_new(RING_PLAIN, IORING_OP_OPENAT);

    tell_file(secret());
    ring_sparse_files(r);
    io_uring_prep_openat_direct(ring_sqe(r), AT_FDCWD, secret(), O_RDONLY, 0, 0);
    must(ring_do(r), row->way);
}

static const struct row rows[] = {
    {"open sensitive", "open", open_secret, {.one = open_open}},
    {"open sensitive", "openat", open_secret, {.one = open_openat}},
    {"open sensitive", "openat2", open_secret, {.one = open_openat2}},
    {"open sensitive", "openat, to write", open_secret, {.one = open_write}},
    {"open sensitive", "openat, relative to a descriptor", open_secret, {.one = open_relative}},
    {"open sensitive", "open_by_handle_at", open_secret, {.one = open_handle}},
    {"open sensitive", "O_PATH, then /proc/self/fd", open_secret, {.one = open_reopened}},
    {"open sensitive", "32-bit open", open_secret, {.one = open_compat}},
    RING_ROWS("open sensitive", "openat", open_by_ring, sqe_one, sqe_open),
    {"open sensitive", "io_uring openat2", open_by_ring, {.sqe_one = sqe_open2}, RING_PLAIN},
    {"open sensitive", "io_uring openat, into a slot", open_direct},
    {"open sensitive", "through a symbolic link", open_secret, {.one = open_symlink}},
    {"open sensitive", "through a bind mount of its own", open_secret, {.one = open_bind}},
    {"open sensitive", "through /proc/self/root", open_secret, {.one = open_root_link}},
    {"open sensitive", "through a hard link elsewhere", open_secret, {.one = open_hard_link}},
    {"open sensitive", "moved elsewhere first", open_secret, {.one = open_moved}},
    {"read sensitive", "with a descriptor of another", read_by_another},
    {NULL},
};

const struct family open_family = {"opens of sensitive files", rows};
