/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what may be left unwatched, decided by what a name leads to and never by how it is spelled: it
 * is opened, and the thing itself and what it stands in are compared by device and inode.
 * Must not own: who may ask, for how long, and the filter itself (filter.c).
 */
#include "daemon/filter.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x2000
#endif

#define DEPTH_MAX 64

/* Programs that run what others wrote, let people in, or fetch: left out, nobody would see who acts through them. */
static const char *const vital_programs[] = {
    "bash", "busybox", "curl", "dash", "env",  "fish", "gawk",    "init",   "java",   "ksh",      "ld-",     "login",
    "lua",  "mawk",    "nc",   "ncat", "node", "perl", "php",     "pkexec", "python", "ruby",     "runuser", "scp",
    "sh",   "socat",   "ssh",  "sshd", "su",   "sudo", "systemd", "wget",   "zsh",    "turncoat",
};

/* Nothing in these, at any depth. */
static const char *const vital_trees[] = {
    "/bin", "/boot", "/etc", "/lib",  "/lib32",        "/lib64",
    "/opt", "/sbin", "/usr", "/root", "/var/lib/dpkg", "/var/spool/cron",
};
/* Not these themselves; what lies in them may be. */
static const char *const vital_folders[] = {"/",    "/dev/shm", "/home",    "/run",    "/srv",
                                            "/tmp", "/var",     "/var/lib", "/var/tmp"};

static int refuse(struct trn_err *err, const char *path, const char *why)
{
    char shown[200];
    int r = trn_fail(err, -EPERM, "'%s' cannot be filtered: %s", trn_escape_into(shown, sizeof shown, trn_str_of(path)),
                     why);
    trn_hint(err, "filter one program, one process, or a folder that only it writes to");
    return r;
}

static bool same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool leads_to(const struct stat *st, const char *path)
{
    struct stat other;
    TRN_AUTO(trn_fd_closep) int fd = open(path, O_PATH | O_CLOEXEC);
    return fd >= 0 && fstat(fd, &other) == 0 && same(st, &other);
}

static bool is_one_of(const struct stat *st, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (leads_to(st, list[i]))
            return true;
    return false;
}

static uint64_t time_of(const struct stat *st)
{
    return (uint64_t)st->st_ctim.tv_sec * TRN_NS_PER_SEC + (uint64_t)st->st_ctim.tv_nsec;
}

static int real_path(int fd, char *dst, size_t size)
{
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(name, dst, size - 1);
    if (n <= 0 || (size_t)n >= size - 1 || dst[0] != '/')
        return -ENOENT;
    dst[n] = '\0';
    return 0;
}

/* ---- programs and processes ---- */

/* "python3.11" is "python": digits and dots behind a name of the list; so is one that was deleted or replaced. */
static bool is_vital_name(struct trn_str base)
{
    const struct trn_str deleted = TRN_STR(" (deleted)");
    if (base.n > deleted.n && trn_str_eq(trn_str_slice(base, base.n - deleted.n, base.n), deleted))
        base = trn_str_slice(base, 0, base.n - deleted.n);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(vital_programs); i++) {
        struct trn_str name = trn_str_of(vital_programs[i]);
        if (!trn_str_starts(base, name))
            continue;
        size_t at = name.n;
        while (at < base.n && strchr("0123456789.-", base.p[at]))
            at++;
        if (at == base.n || trn_str_eq_c(name, "ld-") || trn_str_eq_c(name, "systemd") ||
            trn_str_eq_c(name, "turncoat"))
            return true;
    }
    return false;
}

/* Beside the program that we are: our siblings. */
static bool is_own(const struct stat *st)
{
    static const char *const own[] = {"turncoatd", "turncoat-engine", "turncoat-guard", "turncoat-inspect"};
    char path[4096], *slash;
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 64);
    if (n <= 0)
        return true; /* not known: refused */
    path[n] = '\0';
    slash = strrchr(path, '/');
    for (size_t i = 0; slash && i < TRN_ARRAY_SIZE(own); i++) {
        snprintf(slash + 1, 64, "%s", own[i]);
        if (leads_to(st, path))
            return true;
    }
    return leads_to(st, "/proc/self/exe") || leads_to(st, "/proc/1/exe");
}

static int find_image(const char *name, struct trn_filter_target *t, struct trn_err *err)
{
    struct stat st;
    char shown[200];
    TRN_AUTO(trn_fd_closep) int fd = open(name, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return trn_fail(err, -errno, "cannot open '%s': %s", trn_escape_into(shown, sizeof shown, trn_str_of(name)),
                        trn_errno_name(-errno));
    if (fstat(fd, &st) < 0 || real_path(fd, t->path, sizeof t->path) < 0)
        return trn_fail(err, -EIO, "cannot look at '%s'", trn_escape_into(shown, sizeof shown, trn_str_of(name)));
    if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
        return trn_fail(err, -EINVAL, "'%s' is not a program", trn_escape_into(shown, sizeof shown, trn_str_of(name)));
    if (is_own(&st) || is_vital_name(trn_path_base(trn_str_of(t->path))))
        return refuse(err, t->path, "others act through it");
    t->rule.inode = t->inode = st.st_ino;
    t->rule.ctime_ns = time_of(&st);
    return 0;
}

/* Field 22 of the kernel's own line; the name before it ends with the last ')'. */
static int start_ticks(uint32_t pid, uint64_t *ret)
{
    char path[64];
    struct trn_buf b;
    snprintf(path, sizeof path, "/proc/%u/stat", pid);
    int r = trn_read_file(path, 4096, &b, NULL);
    if (r < 0)
        return r;
    const char *at = b.p ? strrchr(b.p, ')') : NULL;
    struct trn_str rest = trn_str_of(at ? at + 1 : ""), field = TRN_STR_NONE;
    if (rest.n && rest.p[0] == ' ')
        rest = trn_str_slice(rest, 1, rest.n);
    r = 0;
    for (int i = 3; r == 0 && i <= 22; i++)
        r = trn_str_split(&rest, ' ', &field) ? 0 : -EBADMSG;
    if (r == 0)
        r = trn_str_u64(field, ret);
    trn_buf_done(&b);
    return r;
}

static int find_process(uint32_t pid, struct trn_filter_target *t, struct trn_err *err)
{
    char path[64];
    uint64_t after;
    snprintf(path, sizeof path, "/proc/%u/exe", pid);
    int r = pid == 1 ? refuse(err, "1", "everything descends from it") : start_ticks(pid, &t->rule.start_ticks);
    if (r < 0)
        return err && err->code ? r : trn_fail(err, -ESRCH, "there is no process %u", pid);
    r = find_image(path, t, err);
    /* The same process before and after the look at its image. */
    if (r == 0 && (start_ticks(pid, &after) < 0 || after != t->rule.start_ticks))
        return trn_fail(err, -ESRCH, "process %u has ended", pid);
    t->rule.pid = pid;
    return r;
}

/* ---- folders, files, file systems ---- */

/* From the folder up to the root. */
static bool lies_in_vital_tree(int folder, const char *state_dir)
{
    struct stat st, above;
    TRN_AUTO(trn_fd_closep) int at = fcntl(folder, F_DUPFD_CLOEXEC, 0);
    if (at < 0 || fstat(at, &st) < 0)
        return true;
    for (int depth = 0; depth < DEPTH_MAX; depth++) {
        if (is_one_of(&st, vital_trees, TRN_ARRAY_SIZE(vital_trees)) || leads_to(&st, state_dir))
            return true;
        int up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (up < 0 || fstat(up, &above) < 0)
            return true;
        trn_fd_close(at);
        at = up;
        if (same(&st, &above))
            return false;
        st = above;
    }
    return true;
}

static int check_place(const char *state_dir, struct trn_filter_target *t, const struct stat *st, struct trn_err *err)
{
    TRN_AUTO(trn_fd_closep) int folder = -1;
    char path[4096];
    snprintf(path, sizeof path, "%s", t->path);
    if (!S_ISDIR(st->st_mode))
        *(strrchr(path, '/') == path ? path + 1 : strrchr(path, '/')) = '\0';
    folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return trn_fail(err, -errno, "cannot look at what '%.100s' lies in", t->path);
    if (lies_in_vital_tree(folder, state_dir))
        return refuse(err, t->path, "programs, settings or turncoat's own memory are there");
    if (is_one_of(st, vital_folders, TRN_ARRAY_SIZE(vital_folders)) || trn_path_is_private(trn_str_of(t->path)))
        return refuse(err, t->path, "it is a place where attacks leave what they need");
    return 0;
}

static int check_file_system(struct trn_filter_target *t, const struct stat *st, const char *state_dir,
                             struct trn_err *err)
{
    const char *const *lists[] = {vital_trees, vital_folders};
    const size_t sizes[] = {TRN_ARRAY_SIZE(vital_trees), TRN_ARRAY_SIZE(vital_folders)};
    struct statx sx;
    struct stat other;
    if (statx(t->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &sx) < 0 ||
        !(sx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) || !(sx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
        return trn_fail(err, -EINVAL, "no file system is mounted at '%.100s'", t->path);
    if (stat(state_dir, &other) == 0 && other.st_dev == st->st_dev)
        return refuse(err, t->path, "turncoat's own memory is on that file system");
    for (size_t k = 0; k < TRN_ARRAY_SIZE(lists); k++)
        for (size_t i = 0; i < sizes[k]; i++)
            if (stat(lists[k][i], &other) == 0 && other.st_dev == st->st_dev)
                return refuse(err, t->path, "a place that must stay watched is on that file system");
    return 0;
}

static int find_path(const struct trn_filter_request *q, const char *name, bool files, const char *state_dir,
                     struct trn_filter_target *t, struct trn_err *err)
{
    struct stat st;
    char shown[200];
    if (!files)
        return trn_fail(err, -ENOTSUP, "files are not watched at all");
    t->fd = open(name, O_PATH | O_CLOEXEC);
    if (t->fd < 0 || fstat(t->fd, &st) < 0)
        return trn_fail(err, -errno, "cannot open '%s': %s", trn_escape_into(shown, sizeof shown, trn_str_of(name)),
                        trn_errno_name(-errno));
    if ((!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)) || real_path(t->fd, t->path, sizeof t->path) < 0)
        return trn_fail(err, -EINVAL, "'%s' is neither a folder nor a plain file",
                        trn_escape_into(shown, sizeof shown, trn_str_of(name)));
    t->dev = (uint64_t)st.st_dev;
    t->inode = st.st_ino;
    return q->kind == TRN_FILTER_FILESYSTEM ? check_file_system(t, &st, state_dir, err)
                                            : check_place(state_dir, t, &st, err);
}

int trn_filter_find(const struct trn_filter_request *q, bool files, const char *state_dir,
                    struct trn_filter_target *ret, struct trn_err *err)
{
    char name[4096];
    snprintf(name, sizeof name, "%.*s", trn_str_is_none(q->path) ? 0 : (int)q->path.n, q->path.p ? q->path.p : "");
    *ret = (struct trn_filter_target){.kind = q->kind, .fd = -1, .rule.classes = q->classes};
    int r = q->kind == TRN_FILTER_PROGRAM   ? find_image(name, ret, err)
            : q->kind == TRN_FILTER_PROCESS ? find_process(q->pid, ret, err)
                                            : find_path(q, name, files, state_dir, ret, err);
    if (r < 0)
        trn_filter_target_done(ret);
    return r;
}
