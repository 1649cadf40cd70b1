/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: finding a file that is to be taken, and taking it; the order of steps stands in vault.c.
 * Must not own: whether it may be taken (quarantine.c asks for vital files).
 * Hand-offs: descriptors of a place are closed by trn_vault_place_done.
 */
#include "response/execute/reach.h"
#include "response/execute/vault.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fail_path(struct trn_err *err, int code, struct trn_str path, const char *what)
{
    char shown[200];

    return trn_fail(err, code, "cannot take '%s': %s", trn_escape_into(shown, sizeof(shown), path), what);
}

static bool is_made_up(int fd)
{
    static const long kinds[] = {PROC_SUPER_MAGIC,   SYSFS_MAGIC,    CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
                                 DEBUGFS_MAGIC,      TRACEFS_MAGIC,  SECURITYFS_MAGIC,   BPF_FS_MAGIC,
                                 DEVPTS_SUPER_MAGIC, PIPEFS_MAGIC,   SOCKFS_MAGIC,       ANON_INODE_FS_MAGIC,
                                 PSTOREFS_MAGIC,     EFIVARFS_MAGIC, NSFS_MAGIC,         SELINUX_MAGIC,
                                 BINFMTFS_MAGIC};
    struct statfs fs;

    if (fstatfs(fd, &fs) != 0)
        return false;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(kinds); i++) {
        if (fs.f_type == kinds[i])
            return true;
    }
    return false;
}

/* A lease on reading is refused while anybody has the file open for writing. Should somebody open it just then, the signal
 * is one that is ignored unless asked for. */
static bool is_being_written(int fd)
{
    if (fcntl(fd, F_SETSIG, SIGURG) != 0)
        return false;
    if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0)
        return errno == EAGAIN;
    (void)fcntl(fd, F_SETLEASE, F_UNLCK);
    return false;
}

static int open_again(int path_fd, int flags)
{
    char name[40];
    int fd;

    (void)snprintf(name, sizeof(name), "/proc/self/fd/%d", path_fd);
    fd = open(name, flags | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* Where the descriptor really is: absolute, links resolved. */
static int real_path(int fd, struct trn_arena *arena, struct trn_str *ret)
{
    char name[40], path[4096];
    ssize_t n;

    (void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    n = readlink(name, path, sizeof(path));
    if (n < 0)
        return -errno;
    if (n < 2 || (size_t)n >= sizeof(path) || path[0] != '/')
        return -ENOENT; /* outside our root, or longer than a name may be */
    *ret = trn_arena_str(arena, (struct trn_str){path, (size_t)n});
    return trn_str_is_none(*ret) ? -ENOMEM : 0;
}

static int look_at_folder(struct trn_vault_place *p, const struct stat *file, struct trn_str path, struct trn_err *err)
{
    const struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                                 .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    struct trn_str dir = trn_path_dir(p->r.path);
    char name[4096], base[256];
    struct stat st, there;
    struct statvfs fs;

    memcpy(name, dir.p, dir.n);
    name[dir.n] = '\0';
    p->folder = (int)syscall(SYS_openat2, AT_FDCWD, name, &how, sizeof(how));
    if (p->folder < 0 || fstat(p->folder, &st) != 0)
        return fail_path(err, -errno, path, "its folder cannot be opened");
    if (trn_vault_base(&p->r, base) != 0 || fstatat(p->folder, base, &there, AT_SYMLINK_NOFOLLOW) != 0 ||
        there.st_ino != file->st_ino || there.st_dev != file->st_dev)
        return fail_path(err, -ESTALE, path, "another file has its name now");
    if (fstatvfs(p->folder, &fs) == 0 && (fs.f_flag & ST_RDONLY)) {
        int code = fail_path(err, -EROFS, path, "its file system is mounted read-only");
        trn_hint(err, "block it instead: 'turncoat respond block PATH' needs to change nothing there");
        return code;
    }
    p->r.folder_dev = st.st_dev;
    p->r.folder_ino = st.st_ino;
    p->r.folder_uid = st.st_uid;
    p->r.folder_gid = st.st_gid;
    p->r.folder_mode = st.st_mode;
    return 0;
}

static int look_at_file(struct trn_vault_place *p, struct trn_arena *arena, struct trn_str path, struct trn_err *err)
{
    unsigned long flags = 0;
    int code;

    if (ioctl(p->fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & (FS_IMMUTABLE_FL | FS_APPEND_FL))) {
        code = fail_path(err, -EPERM, path, flags & FS_IMMUTABLE_FL ? "it is immutable" : "it is append-only");
        trn_hint(err, "take the attribute away first: chattr -%c", flags & FS_IMMUTABLE_FL ? 'i' : 'a');
        return code;
    }
    code = trn_vault_look(p->fd, arena, &p->r);
    if (code == -E2BIG)
        return fail_path(err, code, path, "it has more extended attributes than the vault keeps");
    if (code < 0)
        return fail_path(err, code, path, trn_errno_name(code));
    p->written = is_being_written(p->fd);
    return 0;
}

static int refuse_kind(const struct stat *st, struct trn_str path, struct trn_err *err)
{
    int code = fail_path(err, S_ISDIR(st->st_mode) ? -EISDIR : -EINVAL, path,
                         S_ISDIR(st->st_mode) ? "it is a folder" : "it is no regular file");

    trn_hint(err,
             S_ISDIR(st->st_mode) ? "name the files in it that are suspected" : "only regular files go into the vault");
    return code;
}

static int find(struct trn_str path, struct trn_arena *arena, struct trn_vault_place *p, struct trn_err *err)
{
    TRN_AUTO(trn_fd_closep) int at = -1;
    char name[4096];
    struct stat st = {0};
    int code;

    if (path.n < 2 || path.p[0] != '/' || path.n >= sizeof(name) || trn_str_find(path, '\0') >= 0)
        return fail_path(err, -EINVAL, path, "not an absolute path");
    memcpy(name, path.p, path.n);
    name[path.n] = '\0';
    at = trn_reach(name);
    if (at == -ELOOP) {
        code = fail_path(err, at, path,
                         "a link on the way belongs neither to root nor to the file's owner, or is of /proc");
        trn_hint(err, "whoever owns the link chooses what is taken: name the file itself");
        return code;
    }
    if (at < 0)
        return fail_path(err, at, path, trn_errno_name(at));
    if (fstat(at, &st) != 0)
        return fail_path(err, -errno, path, trn_errno_name(-errno));
    if (!S_ISREG(st.st_mode)) /* before it is opened: that of a device does something */
        return refuse_kind(&st, path, err);
    if (is_made_up(at))
        return fail_path(err, -EINVAL, path, "it is made up by the kernel");
    code = real_path(at, arena, &p->r.path);
    if (code < 0)
        return fail_path(err, code, path, "its place cannot be told");
    code = look_at_folder(p, &st, path, err);
    if (code < 0)
        return code;
    p->fd = open_again(at, O_RDONLY | O_NOATIME);
    if (p->fd == -EPERM)
        p->fd = open_again(at, O_RDONLY);
    if (p->fd < 0)
        return fail_path(err, p->fd, path, trn_errno_name(p->fd));
    return look_at_file(p, arena, path, err);
}

int trn_vault_find(struct trn_str path, struct trn_arena *arena, struct trn_vault_place *ret, struct trn_err *err)
{
    struct trn_vault_place p = {.fd = -1, .folder = -1};
    int code = find(path, arena, &p, err);

    if (code < 0)
        trn_vault_place_done(&p);
    else
        *ret = p;
    return code;
}

void trn_vault_place_done(struct trn_vault_place *p)
{
    p->fd = trn_fd_close(p->fd);
    p->folder = trn_fd_close(p->folder);
}

static bool same_time(struct trn_vault_time a, struct timespec b)
{
    return a.sec == b.tv_sec && a.nsec == (uint32_t)b.tv_nsec;
}

/* Neither content nor owner nor anything else was changed since it was looked at. */
static bool is_as_it_was(const struct trn_vault_record *r, const struct stat *st)
{
    return r->ino == st->st_ino && r->dev == st->st_dev && r->size == (uint64_t)st->st_size &&
           same_time(r->modified, st->st_mtim) && same_time(r->changed, st->st_ctim);
}

static int is_still_there(const struct trn_vault_place *p, const char *base, struct trn_err *err)
{
    struct stat st = {0};
    int code;

    if (fstatat(p->folder, base, &st, AT_SYMLINK_NOFOLLOW) == 0 && is_as_it_was(&p->r, &st))
        return 0;
    code = fail_path(err, -ESTALE, p->r.path, "it changed meanwhile; it is where it was");
    trn_hint(err, "hold or kill who changes it, then try again");
    return code;
}

/* 1: moved; 0: it must be copied. */
static int take_by_rename(const struct trn_vault *v, struct trn_vault_place *p, const char *base, struct trn_err *err)
{
    struct trn_vault_name data = trn_vault_name(p->r.id, TRN_VAULT_DATA);
    struct stat st = {0};
    int code = trn_vault_rename_new(p->folder, base, v->fd, data.s);

    if (code == -EXDEV)
        return 0;
    if (code < 0)
        return fail_path(err, code, p->r.path, trn_errno_name(code));
    trn_vault_stepped(v, TRN_STEP_TAKE_MOVED);
    /* The name may have been given to another file just before. */
    if (fstatat(v->fd, data.s, &st, AT_SYMLINK_NOFOLLOW) != 0 || st.st_ino != p->r.ino) {
        code = trn_vault_rename_new(v->fd, data.s, p->folder, base);
        return fail_path(err, code < 0 ? code : -ESTALE, p->r.path, "another file took its name meanwhile");
    }
    code = trn_vault_sync(p->folder);
    if (code == 0)
        code = trn_vault_sync(v->fd);
    return code < 0 ? fail_path(err, code, p->r.path, trn_errno_name(code)) : 1;
}

static int copy_in(const struct trn_vault *v, struct trn_vault_place *p, const char *base, struct trn_err *err)
{
    struct trn_vault_name part = trn_vault_name(p->r.id, TRN_VAULT_PART),
                          data = trn_vault_name(p->r.id, TRN_VAULT_DATA);
    TRN_AUTO(trn_fd_closep) int fd = openat(v->fd, part.s, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    uint8_t hash[TRN_SHA256_SIZE];
    struct stat st = {0};
    int code;

    if (fd < 0)
        return fail_path(err, -errno, p->r.path, trn_errno_name(-errno));
    trn_vault_stepped(v, TRN_STEP_TAKE_HALF);
    code = trn_vault_copy(p->fd, fd);
    if (code == 0 && (fsync(fd) != 0 || fstat(fd, &st) != 0))
        code = -errno;
    if (code == 0)
        code = trn_vault_hash(fd, hash);
    if (code < 0) {
        code = fail_path(err, code, p->r.path, trn_errno_name(code));
        if (code == -ENOSPC || code == -EDQUOT)
            trn_hint(err, "it is where it was; make room on the file system of turncoat's state folder");
        return code;
    }
    if (memcmp(hash, p->r.sha256, sizeof(hash)) != 0)
        return fail_path(err, -ESTALE, p->r.path, "it changed while it was copied; it is where it was");
    trn_vault_stepped(v, TRN_STEP_TAKE_COPIED);
    code = is_still_there(p, base, err);
    if (code < 0)
        return code;
    p->r.held_ino = st.st_ino;
    code = trn_vault_rename_new(v->fd, part.s, v->fd, data.s);
    if (code == 0)
        code = trn_vault_sync(v->fd);
    trn_vault_stepped(v, TRN_STEP_TAKE_NAMED);
    return code < 0 ? fail_path(err, code, p->r.path, trn_errno_name(code)) : 0;
}

static int remove_original(const struct trn_vault *v, struct trn_vault_place *p, const char *base, struct trn_err *err)
{
    struct stat st = {0};
    int code;

    if (fstatat(p->folder, base, &st, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
        return 0; /* somebody else removed it: the vault has it now */
    code = is_still_there(p, base, err);
    if (code == 0 && unlinkat(p->folder, base, 0) != 0)
        code = fail_path(err, -errno, p->r.path, trn_errno_name(-errno));
    if (code < 0) { /* the original counts again: first the record says so */
        struct trn_err ignored;

        p->r.state = TRN_VAULT_TAKING;
        (void)!trn_vault_save(v, &p->r, &ignored);
        return code;
    }
    trn_vault_stepped(v, TRN_STEP_TAKE_UNLINKED);
    code = trn_vault_sync(p->folder);
    return code < 0 ? fail_path(err, code, p->r.path, trn_errno_name(code)) : 0;
}

static int take_steps(const struct trn_vault *v, struct trn_vault_place *p, const char *base, struct trn_err *err)
{
    int code, moved = 0;

    p->r.state = TRN_VAULT_TAKING;
    p->r.copied = v->always_copy || p->written;
    code = trn_vault_save(v, &p->r, err);
    if (code < 0)
        return code;
    trn_vault_stepped(v, TRN_STEP_TAKE_RECORD);
    if (!p->r.copied) {
        code = is_still_there(p, base, err);
        moved = code < 0 ? code : take_by_rename(v, p, base, err);
        if (moved < 0)
            return moved;
        p->r.copied = moved == 0;
    }
    if (p->r.copied) {
        code = trn_vault_save(v, &p->r, err);
        if (code == 0)
            code = copy_in(v, p, base, err);
        if (code < 0)
            return code;
    }
    p->r.state = TRN_VAULT_HELD;
    code = trn_vault_save(v, &p->r, err);
    if (code < 0)
        return code;
    trn_vault_stepped(v, TRN_STEP_TAKE_HELD);
    return p->r.copied ? remove_original(v, p, base, err) : 0;
}

/* After a step that failed: back to where it was. */
static void give_back(const struct trn_vault *v, struct trn_vault_place *p, const char *base)
{
    struct trn_vault_name data = trn_vault_name(p->r.id, TRN_VAULT_DATA);
    struct stat st = {0};
    struct trn_err ignored;

    /* The file itself is in the vault: it must be out before anything there is dropped. */
    if (!p->r.copied && fstatat(v->fd, data.s, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        trn_vault_rename_new(v->fd, data.s, p->folder, base) != 0)
        return; /* recovery tries again */
    if (p->r.copied && p->r.state == TRN_VAULT_HELD)
        return; /* the record could not be taken back: recovery decides */
    (void)!trn_vault_forget(v, p->r.id, &ignored);
}

int trn_vault_take(const struct trn_vault *v, uint64_t id, struct trn_vault_place *p, const uint8_t *wanted,
                   struct trn_err *err)
{
    char base[256];
    int code = trn_vault_base(&p->r, base);

    if (code == 0)
        code = trn_vault_hash(p->fd, p->r.sha256);
    if (code < 0)
        return fail_path(err, code, p->r.path, trn_errno_name(code));
    if (wanted && memcmp(wanted, p->r.sha256, TRN_SHA256_SIZE) != 0)
        return fail_path(err, -ESTALE, p->r.path, "its content is not the one that was meant");
    code = is_still_there(p, base, err);
    if (code == 0)
        code = trn_vault_room(v, p->r.size, err);
    if (code < 0)
        return code;
    p->r.id = id;
    code = take_steps(v, p, base, err);
    if (code < 0)
        give_back(v, p, base);
    return code;
}
