/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: acts that change names: create, rename, exchange, unlink, links, folders. Must not own:
 * content and attributes (content.c).
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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- a new file; each returns a descriptor, or 0 where there is none ---- */

static long create_open(const char *path)
{
    return syscall(SYS_open, path, O_CREAT | O_EXCL | O_WRONLY, 0644);
}

static long create_creat(const char *path)
{
    return syscall(SYS_creat, path, 0644);
}

static long create_openat(const char *path)
{
    return syscall(SYS_openat, AT_FDCWD, path, O_CREAT | O_EXCL | O_WRONLY, 0644);
}

static long create_openat2(const char *path)
{
    struct open_how how = {.flags = O_CREAT | O_EXCL | O_WRONLY, .mode = 0644};

    return syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

static long create_relative(const char *path)
{
    char *folder = strdup(path), *name = strdup(path);
    long fd = must(open(dirname(folder), O_PATH | O_DIRECTORY), "open folder");

    return syscall(SYS_openat, fd, basename(name), O_CREAT | O_EXCL | O_WRONLY, 0644);
}

static long create_mknod(const char *path)
{
    return mknod(path, S_IFREG | 0644, 0);
}

static long create_fifo(const char *path)
{
    return mkfifo(path, 0644);
}

static long create_socket(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    return bind((int)must(socket(AF_UNIX, SOCK_STREAM, 0), "socket"), (struct sockaddr *)&a, sizeof(a));
}

/* Without a name first; the name comes by a link. */
static long create_tmpfile(const char *path)
{
    char *folder = strdup(path), own[64];
    long fd = must(open(dirname(folder), O_TMPFILE | O_WRONLY, 0644), "open O_TMPFILE");

    (void)snprintf(own, sizeof(own), "/proc/self/fd/%ld", fd);
    return linkat(AT_FDCWD, own, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

static long create_compat_open(const char *path)
{
    return compat_call(5, low_text(path), O_CREAT | O_EXCL | O_WRONLY, 0644, 0, 0);
}

static long create_compat_creat(const char *path)
{
    return compat_call(8, low_text(path), 0644, 0, 0, 0);
}

static void create(const struct row *row)
{
    const char *path = fresh("made");

    must(row->how.one(path), row->way);
    tell_file(path);
}

static void sqe_create(struct io_uring_sqe *sqe, const char *path)
{
    io_uring_prep_openat(sqe, AT_FDCWD, path, O_CREAT | O_EXCL | O_WRONLY, 0644);
}

static void sqe_create2(struct io_uring_sqe *sqe, const char *path)
{
    static struct open_how how = {.flags = O_CREAT | O_EXCL | O_WRONLY, .mode = 0644};

    io_uring_prep_openat2(sqe, AT_FDCWD, path, &how);
}

/* The request's own opcode tells what the kernel must know. */
static void ring_one(const struct row *row, const char *path)
{
    struct io_uring_sqe told = {0};
    struct ring *r;

    row->how.sqe_one(&told, path);
    r = ring_new((enum ring_mode)row->number, told.opcode);
    row->how.sqe_one(ring_sqe(r), path);
    must(ring_do(r), row->way);
}

static void ring_two(const struct row *row, const char *from, const char *to)
{
    struct io_uring_sqe told = {0};
    struct ring *r;

    row->how.sqe_two(&told, from, to);
    r = ring_new((enum ring_mode)row->number, told.opcode);
    row->how.sqe_two(ring_sqe(r), from, to);
    must(ring_do(r), row->way);
}

static void create_by_ring(const struct row *row)
{
    const char *path = fresh("made");

    ring_one(row, path);
    tell_file(path);
}

static void create_through_symlink(const struct row *row)
{
    const char *folder = fresh_folder(), *real = join(folder, "real"), *alias = join(folder, "alias");

    must(mkdir(real, 0755), "mkdir");
    must(symlink("real", alias), "symlink");
    must(create_openat(join(alias, "made")), "openat");
    tell_file(join(real, "made"));
}

/* A second name for the folder that only this process has: its own mount namespace. */
static void create_through_bind(const struct row *row)
{
    const char *folder = fresh_folder(), *real = join(folder, "real"), *alias = join(folder, "alias");

    must(mkdir(real, 0755), "mkdir");
    must(mkdir(alias, 0755), "mkdir");
    must(unshare(CLONE_NEWNS), "unshare");
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount private");
    must(mount(real, alias, NULL, MS_BIND, NULL), "mount bind");
    must(create_openat(join(alias, "made")), "openat");
    tell_file(join(real, "made"));
}

/* A file system that no other mount namespace has: what a container's volumes are to the host. */
static const char *folder_elsewhere(void)
{
    const char *folder = fresh_folder();

    must(unshare(CLONE_NEWNS), "unshare");
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount private");
    must(mount("acts", folder, "tmpfs", 0, "size=1m"), "mount tmpfs");
    return folder;
}

static void create_elsewhere(const struct row *row)
{
    const char *path = join(folder_elsewhere(), "made");

    must(create_openat(path), "openat");
    tell_file(path);
}

static void child_make(const void *path)
{
    (void)execl(own_program(), "acts", "MAKE", path, (char *)NULL);
}

static void create_in_container(const struct row *row)
{
    const char *path = join(folder_elsewhere(), "made");

    must(in_child(child_make, path) ? -1 : 0, path);
    tell_file(path);
}

/* ---- two names ---- */

static long rename_rename(const char *from, const char *to)
{
    return syscall(SYS_rename, from, to);
}

static long rename_renameat(const char *from, const char *to)
{
    return syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

static long rename_renameat2(const char *from, const char *to)
{
    return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
}

static long rename_compat(const char *from, const char *to)
{
    return compat_call(38, low_text(from), low_text(to), 0, 0, 0);
}

static long rename_over(const char *from, const char *to)
{
    file_of_another(to, 0644);
    return rename_rename(from, to);
}

static long exchange_renameat2(const char *from, const char *to)
{
    return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE);
}

static long link_link(const char *from, const char *to)
{
    return syscall(SYS_link, from, to);
}

static long link_linkat(const char *from, const char *to)
{
    return syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static long link_descriptor(const char *from, const char *to)
{
    long fd = must(open(from, O_PATH), "open");

    return syscall(SYS_linkat, fd, "", AT_FDCWD, to, AT_EMPTY_PATH);
}

static long link_compat(const char *from, const char *to)
{
    return compat_call(9, low_text(from), low_text(to), 0, 0, 0);
}

static long symlink_symlink(const char *from, const char *to)
{
    return syscall(SYS_symlink, from, to);
}

static long symlink_symlinkat(const char *from, const char *to)
{
    return syscall(SYS_symlinkat, from, AT_FDCWD, to);
}

static long symlink_compat(const char *from, const char *to)
{
    return compat_call(83, low_text(from), low_text(to), 0, 0, 0);
}

static void sqe_rename(struct io_uring_sqe *sqe, const char *from, const char *to)
{
    io_uring_prep_renameat(sqe, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static void sqe_exchange(struct io_uring_sqe *sqe, const char *from, const char *to)
{
    io_uring_prep_renameat(sqe, AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE);
}

static void sqe_link(struct io_uring_sqe *sqe, const char *from, const char *to)
{
    io_uring_prep_linkat(sqe, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static void sqe_symlink(struct io_uring_sqe *sqe, const char *from, const char *to)
{
    io_uring_prep_symlinkat(sqe, from, AT_FDCWD, to);
}

/* number of a system call's row: 1 where both names exist before (exchange). */
static void from_to(const struct row *row, bool by_ring, bool exchange)
{
    const char *folder = fresh_folder(), *from = join(folder, "from"), *to = join(folder, "to");

    file_of_another(from, 0644);
    if (exchange)
        file_of_another(to, 0644);
    if (by_ring)
        ring_two(row, from, to);
    else
        must(row->how.two(from, to), row->way);
    tell_text("old_path", from);
    tell_file(to);
}

static void two_names(const struct row *row)
{
    from_to(row, false, row->number == 1);
}

static void two_names_by_ring(const struct row *row)
{
    from_to(row, true, row->how.sqe_two == sqe_exchange);
}

static void move_folder(const struct row *row)
{
    const char *folder = fresh_folder(), *from = join(folder, "from"), *to = join(folder, "to");

    must(mkdir(from, 0755), "mkdir");
    must(rename_rename(from, to), row->way);
    tell_text("old_path", from);
    tell_file(to);
}

/* ---- a name goes ---- */

static long unlink_unlink(const char *path)
{
    return syscall(SYS_unlink, path);
}

static long unlink_unlinkat(const char *path)
{
    return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

static long unlink_compat(const char *path)
{
    return compat_call(10, low_text(path), 0, 0, 0, 0);
}

static void sqe_unlink(struct io_uring_sqe *sqe, const char *path)
{
    io_uring_prep_unlinkat(sqe, AT_FDCWD, path, 0);
}

static void sqe_rmdir(struct io_uring_sqe *sqe, const char *path)
{
    io_uring_prep_unlinkat(sqe, AT_FDCWD, path, AT_REMOVEDIR);
}

static void name_goes(const struct row *row)
{
    const char *path = fresh("gone");

    file_of_another(path, 0644);
    tell_file(path);
    must(row->how.one(path), row->way);
}

static void name_goes_by_ring(const struct row *row)
{
    const char *path = fresh("gone");

    file_of_another(path, 0644);
    tell_file(path);
    ring_one(row, path);
}

static long rmdir_rmdir(const char *path)
{
    return syscall(SYS_rmdir, path);
}

static long rmdir_unlinkat(const char *path)
{
    return syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
}

static void folder_goes(const struct row *row)
{
    const char *path = fresh("folder");

    must(mkdir(path, 0755), "mkdir");
    tell_file(path);
    must(row->how.one(path), row->way);
}

static void folder_goes_by_ring(const struct row *row)
{
    const char *path = fresh("folder");

    must(mkdir(path, 0755), "mkdir");
    tell_file(path);
    ring_one(row, path);
}

/* ---- folders ---- */

static long mkdir_mkdir(const char *path)
{
    return syscall(SYS_mkdir, path, 0755);
}

static long mkdir_mkdirat(const char *path)
{
    return syscall(SYS_mkdirat, AT_FDCWD, path, 0755);
}

static long mkdir_compat(const char *path)
{
    return compat_call(39, low_text(path), 0755, 0, 0, 0);
}

static void sqe_mkdir(struct io_uring_sqe *sqe, const char *path)
{
    io_uring_prep_mkdirat(sqe, AT_FDCWD, path, 0755);
}

static const struct row rows[] = {
    {"create", "open", create, {.one = create_open}},
    {"create", "creat", create, {.one = create_creat}},
    {"create", "openat", create, {.one = create_openat}},
    {"create", "openat2", create, {.one = create_openat2}},
    {"create", "openat, relative to a descriptor", create, {.one = create_relative}},
    {"create", "mknod", create, {.one = create_mknod}},
    {"create", "mkfifo", create, {.one = create_fifo}},
    {"create", "bind of a Unix socket", create, {.one = create_socket}},
    {"create", "O_TMPFILE, then linkat", create, {.one = create_tmpfile}},
    {"create", "32-bit open", create, {.one = create_compat_open}},
    {"create", "32-bit creat", create, {.one = create_compat_creat}},
    RING_ROWS("create", "openat", create_by_ring, sqe_one, sqe_create),
    {"create", "io_uring openat2", create_by_ring, {.sqe_one = sqe_create2}, RING_PLAIN},
    {"create", "through a symbolic link", create_through_symlink},
    {"create", "through a bind mount of its own", create_through_bind},
    {"create", "on a file system of its own mount namespace", create_in_container},
    {"create", "on a file system of its own mount namespace, before an exec", create_elsewhere},
    {"mkdir", "mkdir", create, {.one = mkdir_mkdir}},
    {"mkdir", "mkdirat", create, {.one = mkdir_mkdirat}},
    {"mkdir", "32-bit mkdir", create, {.one = mkdir_compat}},
    RING_ROWS("mkdir", "mkdirat", create_by_ring, sqe_one, sqe_mkdir),
    {"rename", "rename", two_names, {.two = rename_rename}},
    {"rename", "renameat", two_names, {.two = rename_renameat}},
    {"rename", "renameat2", two_names, {.two = rename_renameat2}},
    {"rename", "over another file", two_names, {.two = rename_over}},
    {"rename", "of a folder", move_folder},
    {"rename", "32-bit rename", two_names, {.two = rename_compat}},
    RING_ROWS("rename", "renameat", two_names_by_ring, sqe_two, sqe_rename),
    {"exchange", "renameat2", two_names, {.two = exchange_renameat2}, 1},
    RING_ROWS("exchange", "renameat", two_names_by_ring, sqe_two, sqe_exchange),
    {"unlink", "unlink", name_goes, {.one = unlink_unlink}},
    {"unlink", "unlinkat", name_goes, {.one = unlink_unlinkat}},
    {"unlink", "32-bit unlink", name_goes, {.one = unlink_compat}},
    RING_ROWS("unlink", "unlinkat", name_goes_by_ring, sqe_one, sqe_unlink),
    {"rmdir", "rmdir", folder_goes, {.one = rmdir_rmdir}},
    {"rmdir", "unlinkat", folder_goes, {.one = rmdir_unlinkat}},
    {"rmdir", "io_uring unlinkat", folder_goes_by_ring, {.sqe_one = sqe_rmdir}, RING_PLAIN},
    {"hard link", "link", two_names, {.two = link_link}},
    {"hard link", "linkat", two_names, {.two = link_linkat}},
    {"hard link", "linkat of a descriptor", two_names, {.two = link_descriptor}},
    {"hard link", "32-bit link", two_names, {.two = link_compat}},
    RING_ROWS("hard link", "linkat", two_names_by_ring, sqe_two, sqe_link),
    {"symbolic link", "symlink", two_names, {.two = symlink_symlink}},
    {"symbolic link", "symlinkat", two_names, {.two = symlink_symlinkat}},
    {"symbolic link", "32-bit symlink", two_names, {.two = symlink_compat}},
    RING_ROWS("symbolic link", "symlinkat", two_names_by_ring, sqe_two, sqe_symlink),
    {NULL},
};

const struct family files_family = {"names of files", rows};
