/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the folder of the gate, the packages kept in it (NAME/VERSION_ARCH.deb: the last two of a name), which of them go
 * first when there is no room (those of watched software last), and the package of the installed version in apt's cache.
 * Must not: follow a link, or take a copy that somebody other than root could have written.
 */
#include "cli/gate.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#define CACHE "/var/cache/apt/archives"
#define KEEP_EACH 2u
#define NAMES_MAX 20000u

const char *trn_gate_old_name(enum trn_gate_old o)
{
    static const char *const names[] = {"none", "kept package", "package in apt's cache", "installed files"};
    return names[o];
}

bool trn_gate_only_roots(const struct stat *st)
{
    return st->st_uid == geteuid() && !(st->st_mode & 022);
}

int trn_gate_folder(const char *state, struct trn_err *err)
{
    char path[TRN_GATE_PATH_MAX], shown[200];
    struct stat st;
    size_t n = strlen(state);
    while (n > 1 && state[n - 1] == '/')
        n--;
    if ((size_t)snprintf(path, sizeof(path), "%.*s-gate", (int)n, state) >= sizeof(path))
        return trn_fail(err, -ENAMETOOLONG, "the name of the state folder is too long");
    trn_escape_into(shown, sizeof(shown), trn_str_of(path));
    const char *what = "make";
    int fd = mkdir(path, 0700) < 0 && errno != EEXIST ? -1 : 0;
    if (fd == 0) {
        what = "open";
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    }
    if (fd < 0) {
        int e =
            trn_fail(err, -errno, "cannot %s the folder of the gate '%s': %s", what, shown, trn_errno_words(-errno));
        if (e == -EACCES)
            trn_hint(err, "the gate's books are root's alone: put sudo before it");
        return e;
    }
    if (fstat(fd, &st) < 0 || !trn_gate_only_roots(&st)) {
        trn_fd_close(fd);
        int e = trn_fail(err, -EPERM, "the folder of the gate '%s' is not yours alone", shown);
        trn_hint(err, "who else could write there could say what may be installed: look who did, then chmod 700 %s",
                 shown);
        return e;
    }
    return fd;
}

/* A regular file that nobody but root can have written; fd or negative. */
static int open_ours(int dir, const char *name)
{
    struct stat st;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !trn_gate_only_roots(&st)) {
        trn_fd_close(fd);
        return -EPERM;
    }
    return fd;
}

/* As apt names files: a ':' would be read as more. Names and versions were checked when they came in. */
static void file_name(char *dst, size_t size, struct trn_str name, struct trn_str version, struct trn_str arch)
{
    struct trn_buf b;
    trn_buf_init(&b, size);
    if (name.n)
        trn_put_fmt(&b, "%.*s_", TRN_STR_ARG(name));
    for (size_t i = 0; i < version.n; i++)
        trn_put_fmt(&b, version.p[i] == ':' ? "%%3a" : "%c", version.p[i]);
    trn_put_fmt(&b, "_%.*s.deb", TRN_STR_ARG(arch));
    (void)snprintf(dst, size, "%s", b.bad || !b.p ? "" : b.p);
    trn_buf_done(&b);
}

static int open_dir(int at, const char *name)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? -errno : fd;
}

static int kept_dir(int folder, struct trn_str name, bool make)
{
    char text[160];
    (void)snprintf(text, sizeof(text), "%.*s", TRN_STR_ARG(name));
    if (make && mkdirat(folder, "kept", 0700) < 0 && errno != EEXIST)
        return -errno;
    TRN_AUTO(trn_fd_closep) int kept = open_dir(folder, "kept");
    if (kept < 0)
        return kept;
    if (make && mkdirat(kept, text, 0700) < 0 && errno != EEXIST)
        return -errno;
    return open_dir(kept, text);
}

int trn_gate_kept_open(int folder, const struct trn_gate_item *i)
{
    char name[300];
    TRN_AUTO(trn_fd_closep) int dir = kept_dir(folder, i->name, false);
    file_name(name, sizeof(name), TRN_STR_NONE, i->old_version, i->old_arch);
    return dir < 0 ? dir : open_ours(dir, name);
}

int trn_gate_cached_open(const struct trn_gate_item *i)
{
    char name[300];
    struct stat st;
    TRN_AUTO(trn_fd_closep) int dir = open_dir(AT_FDCWD, CACHE);
    if (dir < 0 || fstat(dir, &st) < 0 || !trn_gate_only_roots(&st))
        return dir < 0 ? dir : -EPERM;
    file_name(name, sizeof(name), i->name, i->old_version, i->old_arch);
    return open_ours(dir, name);
}

/* ---- keeping ---- */

static int copy(int from, int to, uint64_t size)
{
    static const size_t piece = 1u << 20;
    TRN_AUTO(trn_freep) char *window = NULL;
    off_t at = 0;
    while ((uint64_t)at < size) {
        ssize_t n = copy_file_range(from, &at, to, NULL, size - (uint64_t)at, 0);
        if (n > 0)
            continue;
        if (n == 0)
            return -ESTALE; /* it became shorter */
        if (errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS)
            return -errno;
        if (!window && !(window = malloc(piece)))
            return -ENOMEM;
        n = pread(from, window, piece, at);
        int e = n < 0 ? -errno : n == 0 ? -ESTALE : trn_write_full(to, window, (size_t)n);
        if (e < 0)
            return e;
        at += n;
    }
    return 0;
}

struct kept {
    char name[300]; /* "NAME/VERSION_ARCH.deb" */
    struct timespec when;
    uint64_t bytes;
};
struct kept_list {
    struct kept *all; /* owned */
    size_t n, cap;
};

static int add_kept(struct kept_list *l, const char *dir, const char *name, const struct stat *st)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 64;
        struct kept *more = cap > 4 * NAMES_MAX ? NULL : reallocarray(l->all, cap, sizeof(*more));
        if (!more)
            return -ENOMEM;
        l->all = more;
        l->cap = cap;
    }
    struct kept *k = &l->all[l->n];
    *k = (struct kept){.when = st->st_mtim, .bytes = (uint64_t)st->st_size};
    if ((size_t)snprintf(k->name, sizeof(k->name), "%s%s%s", dir, *dir ? "/" : "", name) >= sizeof(k->name))
        return 0;
    l->n++;
    return 0;
}

/* What lies in the folder of one name; takes fd. */
static int list_one(int fd, const char *dir, struct kept_list *l)
{
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *de;
    int e = 0;
    if (!d) {
        trn_fd_close(fd);
        return 0;
    }
    while (e == 0 && (de = readdir(d)) != NULL) {
        struct stat st;
        if (fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            e = add_kept(l, dir, de->d_name, &st);
    }
    closedir(d);
    return e;
}

static int newest_first(const void *a, const void *b)
{
    const struct kept *x = a, *y = b;
    return x->when.tv_sec != y->when.tv_sec     ? (x->when.tv_sec < y->when.tv_sec ? 1 : -1)
           : x->when.tv_nsec != y->when.tv_nsec ? (x->when.tv_nsec < y->when.tv_nsec ? 1 : -1)
                                                : strcmp(x->name, y->name);
}

/* Newest first; the caller frees ret->all. */
static void list_all(int folder, struct kept_list *ret)
{
    int kept = open_dir(folder, "kept"), e = 0;
    DIR *d = kept < 0 ? NULL : fdopendir(kept);
    const struct dirent *de;
    if (!d) {
        trn_fd_close(kept);
        return;
    }
    while (e == 0 && (de = readdir(d)) != NULL)
        if (trn_gate_is_name(trn_str_of(de->d_name)))
            e = list_one(open_dir(dirfd(d), de->d_name), de->d_name, ret);
    closedir(d);
    if (ret->n)
        qsort(ret->all, ret->n, sizeof(*ret->all), newest_first);
}

static void kept_list_done(struct kept_list *l)
{
    free(l->all);
}

static const char *arch_of(const char *name)
{
    const char *last = strrchr(name, '_');
    return last ? last : name;
}

/* Of this name and architecture the newest two stay: the one that is installed now, and the one that is about to be. */
static void drop_old(int dir, struct trn_str arch)
{
    TRN_AUTO(kept_list_done) struct kept_list l = {0};
    char end[80];
    size_t n = 0;
    (void)snprintf(end, sizeof(end), "_%.*s.deb", TRN_STR_ARG(arch));
    if (list_one(fcntl(dir, F_DUPFD_CLOEXEC, 3), "", &l) < 0 || l.n == 0)
        return;
    qsort(l.all, l.n, sizeof(*l.all), newest_first);
    for (size_t i = 0; i < l.n; i++)
        if (strcmp(arch_of(l.all[i].name), end) == 0 && ++n > KEEP_EACH)
            (void)unlinkat(dir, l.all[i].name, 0);
}

static struct trn_str name_of(const struct kept *k)
{
    const char *slash = strchr(k->name, '/');
    return slash ? (struct trn_str){k->name, (size_t)(slash - k->name)} : trn_str_of(k->name);
}

/* What watched software needs to go back is counted first: nothing else takes its room. */
void trn_gate_keep_within(int folder, const struct trn_gate_config *c)
{
    TRN_AUTO(kept_list_done) struct kept_list l = {0};
    TRN_AUTO(trn_fd_closep) int kept = open_dir(folder, "kept");
    uint64_t sum = 0;
    list_all(folder, &l);
    for (int watched = 1; watched >= 0; watched--)
        for (size_t i = 0; kept >= 0 && i < l.n; i++) {
            if (trn_gate_is_watched(c, name_of(&l.all[i])) != (watched == 1))
                continue;
            sum += l.all[i].bytes;
            if (sum > c->keep_bytes)
                (void)unlinkat(kept, l.all[i].name, 0);
        }
}

void trn_gate_kept_each(int folder, void (*each)(void *ctx, struct trn_str name, struct trn_str file, uint64_t wall_ns),
                        void *ctx)
{
    TRN_AUTO(kept_list_done) struct kept_list l = {0};
    list_all(folder, &l);
    for (size_t i = 0; i < l.n; i++) {
        const struct kept *k = &l.all[i];
        struct trn_str name = name_of(k), file = trn_str_slice(trn_str_of(k->name), name.n + 1, SIZE_MAX);
        if (trn_str_ends(file, TRN_STR(".deb")) && file.p[0] != '.')
            each(ctx, name, file, (uint64_t)k->when.tv_sec * TRN_NS_PER_SEC + (uint64_t)k->when.tv_nsec);
    }
}

void trn_gate_kept_sum(int folder, uint64_t *ret_files, uint64_t *ret_bytes)
{
    TRN_AUTO(kept_list_done) struct kept_list l = {0};
    list_all(folder, &l);
    *ret_files = l.n;
    *ret_bytes = 0;
    for (size_t i = 0; i < l.n; i++)
        *ret_bytes += l.all[i].bytes;
}

/* The file system's own clock ticks too slowly to tell which of two came first. */
static int stamp(int at, const char *name)
{
    uint64_t now = trn_wall_ns();
    const struct timespec t = {.tv_sec = (time_t)(now / TRN_NS_PER_SEC), .tv_nsec = (long)(now % TRN_NS_PER_SEC)};
    const struct timespec both[2] = {t, t};
    int e = name ? utimensat(at, name, both, AT_SYMLINK_NOFOLLOW) : futimens(at, both);
    return e < 0 ? -errno : 0;
}

/* One package as one file of its folder. */
static int put_in(int dir, const char *name, int fd, uint64_t size)
{
    (void)unlinkat(dir, ".new", 0);
    TRN_AUTO(trn_fd_closep) int to = openat(dir, ".new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    int e = to < 0 ? -errno : copy(fd, to, size);
    if (e == 0)
        e = stamp(to, NULL);
    if (e == 0 && renameat(dir, ".new", dir, name) < 0)
        e = -errno;
    if (e < 0)
        (void)unlinkat(dir, ".new", 0);
    return e;
}

/* The one that is installed now is the younger of those that may stay, also when somebody went back to it. */
static int keep_installed(int dir, const struct trn_gate_item *i, bool watched)
{
    char name[300];
    struct stat st;
    file_name(name, sizeof(name), TRN_STR_NONE, i->old_version, i->old_arch);
    if (i->old_version.n == 0 || stamp(dir, name) == 0 || !watched)
        return 0;
    TRN_AUTO(trn_fd_closep) int cached = trn_gate_cached_open(i);
    return cached < 0 || fstat(cached, &st) < 0 ? 0 : put_in(dir, name, cached, (uint64_t)st.st_size);
}

int trn_gate_keep(int folder, const struct trn_gate_item *i, int fd, const struct trn_gate_config *c)
{
    char name[300];
    struct stat st;
    bool watched = trn_gate_is_watched(c, i->name);
    if (fstat(fd, &st) < 0)
        return -errno;
    if (c->keep_bytes == 0 || (uint64_t)st.st_size > (watched ? c->keep_bytes : c->keep_bytes / 4))
        return 0;
    TRN_AUTO(trn_fd_closep) int dir = kept_dir(folder, i->name, true);
    if (dir < 0)
        return dir;
    int e = keep_installed(dir, i, watched);
    file_name(name, sizeof(name), TRN_STR_NONE, i->new_version, i->new_arch);
    if (e == 0)
        e = put_in(dir, name, fd, (uint64_t)st.st_size);
    if (e == 0)
        drop_old(dir, i->new_arch);
    return e;
}
