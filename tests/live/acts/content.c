/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: acts that change what a file holds and its attributes. Must not own: names (files.c).
 */
#include "acts.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

static char text[] = "other content";
#define OF_PROGRAM 64 /* of a file that may run; beside the mode of a ring */
#define NR_FCHMODAT2 452
#define NR_SETXATTRAT 463

/* ---- content: how takes an open descriptor; the file is closed after it ---- */

static long write_write(int fd)
{
    return write(fd, text, (sizeof(text) - 1));
}

static long write_pwrite(int fd)
{
    return pwrite(fd, text, (sizeof(text) - 1), 3);
}

static long write_writev(int fd)
{
    struct iovec v = {.iov_base = text, .iov_len = (sizeof(text) - 1)};

    return writev(fd, &v, 1);
}

static long write_pwritev2(int fd)
{
    struct iovec v = {.iov_base = text, .iov_len = (sizeof(text) - 1)};

    return pwritev2(fd, &v, 1, 0, 0);
}

static int some_source(void)
{
    return (int)must(open(own_program(), O_RDONLY | O_CLOEXEC), "open");
}

static long write_sendfile(int fd)
{
    return sendfile(fd, some_source(), NULL, 100);
}

static long write_copy_range(int fd)
{
    int from = make_file(fresh("source"));
    loff_t at = 0;

    return syscall(SYS_copy_file_range, from, &at, fd, NULL, 5, 0);
}

static long write_splice(int fd)
{
    int p[2];

    must(pipe(p), "pipe");
    must(write(p[1], text, 5), "write");
    return splice(p[0], NULL, fd, NULL, 5, 0);
}

static long write_map(int fd)
{
    char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    must(p == MAP_FAILED ? -1 : 0, "mmap");
    memcpy(p, "TURN", 4);
    return munmap(p, 4096);
}

/* Kept mapped after the close: the kernel closes the file when the mapping goes. */
static long write_map_later(int fd)
{
    char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    must(p == MAP_FAILED ? -1 : 0, "mmap");
    close(fd);
    memcpy(p, "TURN", 4);
    return 0;
}

static long write_fallocate(int fd)
{
    return fallocate(fd, 0, 0, 8192);
}

static long write_compat(int fd)
{
    return compat_call(4, (uintptr_t)fd, low_text(text), (sizeof(text) - 1), 0, 0);
}

static long truncate_ftruncate(int fd)
{
    return ftruncate(fd, 3);
}

static void change(const struct row *row)
{
    const char *path = fresh("file");
    struct stat st;
    int fd;

    file_of_another(path, row->number & OF_PROGRAM ? 0755 : 0644);
    fd = (int)must(open(path, O_RDWR | O_CLOEXEC), "open");
    must(row->how.fd(fd), row->way);
    close(fd);
    tell_file(path);
    must(stat(path, &st), "stat");
    tell_number("size", (uint64_t)st.st_size);
    tell_number("mode", st.st_mode);
}

static void sqe_write(struct io_uring_sqe *sqe, int fd)
{
    io_uring_prep_write(sqe, fd, text, (sizeof(text) - 1), 0);
}

static void sqe_writev(struct io_uring_sqe *sqe, int fd)
{
    static struct iovec v = {.iov_base = text, .iov_len = (sizeof(text) - 1)};

    io_uring_prep_writev(sqe, fd, &v, 1, 0);
}

static void sqe_close(struct io_uring_sqe *sqe, int fd)
{
    io_uring_prep_close(sqe, fd);
}

static void sqe_fallocate(struct io_uring_sqe *sqe, int fd)
{
    io_uring_prep_fallocate(sqe, fd, 0, 0, 8192);
}

static void sqe_ftruncate(struct io_uring_sqe *sqe, int fd)
{
    io_uring_prep_rw(55 /* IORING_OP_FTRUNCATE */, sqe, fd, NULL, 0, 3);
}

static void sqe_fsetxattr(struct io_uring_sqe *sqe, int fd)
{
    io_uring_prep_fsetxattr(sqe, fd, "user.turncoat", text, 0, 5);
}

static void change_by_ring(const struct row *row)
{
    const char *path = fresh("file");
    struct io_uring_sqe told = {0};
    struct ring *r;
    struct stat st;
    int fd;

    file_of_another(path, row->number & OF_PROGRAM ? 0755 : 0644);
    fd = (int)must(open(path, O_RDWR | O_CLOEXEC), "open");
    row->how.sqe_fd(&told, fd);
    r = ring_new((enum ring_mode)(row->number & ~OF_PROGRAM), told.opcode);
    row->how.sqe_fd(ring_sqe(r), fd);
    must(ring_do(r), row->way);
    if (told.opcode != IORING_OP_CLOSE)
        close(fd);
    tell_file(path);
    must(stat(path, &st), "stat");
    tell_number("size", (uint64_t)st.st_size);
    tell_number("mode", st.st_mode);
}

/* ---- by name ---- */

static long truncate_truncate(const char *path)
{
    return truncate(path, 3);
}

static long truncate_open(const char *path)
{
    return close((int)must(open(path, O_WRONLY | O_TRUNC | O_CLOEXEC), "open"));
}

static long truncate_compat(const char *path)
{
    return compat_call(92, low_text(path), 3, 0, 0, 0);
}

static long chmod_chmod(const char *path)
{
    return syscall(SYS_chmod, path, 0755);
}

static long chmod_fchmodat(const char *path)
{
    return syscall(SYS_fchmodat, AT_FDCWD, path, 0755);
}

static long chmod_fchmodat2(const char *path)
{
    return syscall(NR_FCHMODAT2, AT_FDCWD, path, 0755, 0);
}

static long chmod_plain(const char *path)
{
    return syscall(SYS_chmod, path, 0600);
}

static long chmod_setuid(const char *path)
{
    return syscall(SYS_chmod, path, 04755);
}

static long chmod_compat(const char *path)
{
    return compat_call(15, low_text(path), 0755, 0, 0, 0);
}

static long chown_chown(const char *path)
{
    return syscall(SYS_chown, path, 1000, 1000);
}

static long chown_fchownat(const char *path)
{
    return syscall(SYS_fchownat, AT_FDCWD, path, 1000, 1000, 0);
}

static long chown_compat(const char *path)
{
    return compat_call(212, low_text(path), 1000, 1000, 0, 0);
}

static long xattr_setxattr(const char *path)
{
    return setxattr(path, "user.turncoat", text, 5, 0);
}

static long xattr_capability(const char *path)
{
    static const uint32_t v2[5] = {0x02000001, 1u << 10, 0, 0, 0}; /* CAP_NET_BIND_SERVICE, effective */

    return setxattr(path, "security.capability", v2, sizeof(v2), 0);
}

static long xattr_setxattrat(const char *path)
{
    struct {
        uint64_t value;
        uint32_t size, flags;
    } args = {.value = (uint64_t)(uintptr_t)text, .size = 5};

    return syscall(NR_SETXATTRAT, AT_FDCWD, path, 0, "user.turncoat", &args, sizeof(args));
}

static long xattr_remove(const char *path)
{
    must(xattr_setxattr(path), "setxattr");
    return removexattr(path, "user.turncoat");
}

static long times_utimensat(const char *path)
{
    struct timespec t[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

    return utimensat(AT_FDCWD, path, t, 0);
}

/* A folder that everybody may write to from now on. */
static void open_folder(const struct row *row)
{
    const char *path = fresh("folder");

    must(mkdir(path, 0755), "mkdir");
    must(chmod(path, 0777), row->way);
    tell_file(path);
    tell_number("mode", S_IFDIR | 0777);
}

static void child_write(const void *fd)
{
    must(write(*(const int *)fd, text, 5), "write");
}

/* Opened and closed by one, written by another. */
static void by_another(const struct row *row)
{
    const char *path = fresh("file");
    int fd;

    file_of_another(path, 0644);
    fd = (int)must(open(path, O_RDWR | O_CLOEXEC), "open");
    in_child(child_write, &fd);
    close(fd);
    tell_file(path);
}

static void by_name(const struct row *row)
{
    const char *path = fresh("file");
    struct stat st;

    file_of_another(path, row->number & OF_PROGRAM ? 0755 : 0644);
    must(row->how.one(path), row->way);
    tell_file(path);
    must(stat(path, &st), "stat");
    tell_number("size", (uint64_t)st.st_size);
    tell_number("mode", st.st_mode);
}

static void sqe_setxattr(struct io_uring_sqe *sqe, const char *path)
{
    io_uring_prep_setxattr(sqe, "user.turncoat", text, path, 0, 5);
}

static void by_name_by_ring(const struct row *row)
{
    const char *path = fresh("file");
    struct io_uring_sqe told = {0};
    struct ring *r;

    file_of_another(path, row->number & OF_PROGRAM ? 0755 : 0644);
    row->how.sqe_one(&told, path);
    r = ring_new((enum ring_mode)(row->number & ~OF_PROGRAM), told.opcode);
    row->how.sqe_one(ring_sqe(r), path);
    must(ring_do(r), row->way);
    tell_file(path);
}

static long chmod_fchmod(int fd)
{
    return fchmod(fd, 0755);
}

static long chown_fchown(int fd)
{
    return fchown(fd, 1000, 1000);
}

static long xattr_fsetxattr(int fd)
{
    return fsetxattr(fd, "user.turncoat", text, 5, 0);
}

static const struct row rows[] = {
    {"write and close", "write", change, {.fd = write_write}},
    {"write and close", "pwrite64", change, {.fd = write_pwrite}},
    {"write and close", "writev", change, {.fd = write_writev}},
    {"write and close", "pwritev2", change, {.fd = write_pwritev2}},
    {"write and close", "sendfile", change, {.fd = write_sendfile}},
    {"write and close", "copy_file_range", change, {.fd = write_copy_range}},
    {"write and close", "splice", change, {.fd = write_splice}},
    {"write and close", "fallocate", change, {.fd = write_fallocate}},
    {"write and close", "shared mapping", change, {.fd = write_map}},
    {"write and close", "shared mapping, stored after the close", change, {.fd = write_map_later}},
    {"write and close", "32-bit write", change, {.fd = write_compat}},
    RING_ROWS("write and close", "write", change_by_ring, sqe_fd, sqe_write),
    {"write and close", "io_uring writev", change_by_ring, {.sqe_fd = sqe_writev}, RING_PLAIN},
    {"write and close", "io_uring fallocate", change_by_ring, {.sqe_fd = sqe_fallocate}, RING_PLAIN},
    {"write and close", "io_uring close", change_by_ring, {.sqe_fd = sqe_close}, RING_PLAIN},
    {"write and close", "written by another", by_another},
    {"truncate", "truncate", by_name, {.one = truncate_truncate}},
    {"truncate", "ftruncate", change, {.fd = truncate_ftruncate}},
    {"truncate", "open with O_TRUNC", by_name, {.one = truncate_open}},
    {"truncate", "32-bit truncate", by_name, {.one = truncate_compat}},
    {"truncate", "io_uring ftruncate", change_by_ring, {.sqe_fd = sqe_ftruncate}, RING_PLAIN},
    {"chmod", "chmod", by_name, {.one = chmod_chmod}},
    {"chmod", "fchmod", change, {.fd = chmod_fchmod}},
    {"chmod", "fchmodat", by_name, {.one = chmod_fchmodat}},
    {"chmod", "fchmodat2", by_name, {.one = chmod_fchmodat2}},
    {"chmod", "set-user-id bit", by_name, {.one = chmod_setuid}},
    {"chmod", "32-bit chmod", by_name, {.one = chmod_compat}},
    {"chmod", "of a folder, for everybody", open_folder},
    {"chmod", "of a file that nobody may run", by_name, {.one = chmod_plain}},
    {"chown", "chown", by_name, {.one = chown_chown}, OF_PROGRAM},
    {"chown", "fchown", change, {.fd = chown_fchown}, OF_PROGRAM},
    {"chown", "fchownat", by_name, {.one = chown_fchownat}, OF_PROGRAM},
    {"chown", "32-bit chown", by_name, {.one = chown_compat}, OF_PROGRAM},
    {"chown", "of a file that nobody may run", by_name, {.one = chown_chown}},
    {"setxattr", "setxattr", by_name, {.one = xattr_setxattr}, OF_PROGRAM},
    {"setxattr", "fsetxattr", change, {.fd = xattr_fsetxattr}, OF_PROGRAM},
    {"setxattr", "setxattrat", by_name, {.one = xattr_setxattrat}, OF_PROGRAM},
    {"setxattr", "file capability", by_name, {.one = xattr_capability}, OF_PROGRAM},
    {"setxattr", "removexattr", by_name, {.one = xattr_remove}, OF_PROGRAM},
    {"setxattr", "io_uring setxattr", by_name_by_ring, {.sqe_one = sqe_setxattr}, RING_PLAIN | OF_PROGRAM},
    {"setxattr", "io_uring setxattr, by a worker", by_name_by_ring, {.sqe_one = sqe_setxattr}, RING_ASYNC | OF_PROGRAM},
    {"setxattr", "io_uring setxattr, linked", by_name_by_ring, {.sqe_one = sqe_setxattr}, RING_LINKED | OF_PROGRAM},
    {"setxattr", "io_uring setxattr, SQPOLL", by_name_by_ring, {.sqe_one = sqe_setxattr}, RING_SQPOLL | OF_PROGRAM},
    {"setxattr", "io_uring fsetxattr", change_by_ring, {.sqe_fd = sqe_fsetxattr}, RING_PLAIN | OF_PROGRAM},
    {"setxattr", "of a file that nobody may run", by_name, {.one = xattr_setxattr}},
    {"set times", "utimensat", by_name, {.one = times_utimensat}, OF_PROGRAM},
    {"set times", "of a file that nobody may run", by_name, {.one = times_utimensat}},
    {NULL},
};

const struct family content_family = {"content and attributes of files", rows};
