/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which files there are below the paths named, in order of path, each once.
 * Must not: follow a link that was not named; open what is no regular file; enter the kernel's file systems; go round.
 * Hand-offs: a path and names live until the next call; descriptors of folders are its own.
 */
#include "cli/scan.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#define DEPTH_MAX 200        /* folders in folders: each holds a descriptor */
#define NAMES_MAX (1u << 22) /* of one folder */
#define LINKS_MAX (1u << 23) /* files whose numbers are remembered */
#define PATH_LIMIT (64u << 10)

struct entry {
    char *name;
    mode_t mode;
};

struct folder {
    int fd;
    dev_t dev;
    ino_t ino;
    struct entry *entries; /* owned, in order */
    size_t n, at;
    size_t path_n; /* of the path of this folder */
};

struct trn_walk {
    char *const *paths;
    int n_paths, at;
    struct folder stack[DEPTH_MAX];
    int depth;
    struct trn_buf path;
    struct trn_map *seen; /* device and number of files with other names, or of all when several paths were named */
    uint64_t links, skipped;
};

int trn_walk_new(char *const *paths, int n, struct trn_walk **ret)
{
    struct trn_walk *w = calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    w->paths = paths;
    w->n_paths = n;
    w->seen = trn_map_new(LINKS_MAX);
    trn_buf_init(&w->path, PATH_LIMIT);
    if (!w->seen) {
        free(w);
        return -ENOMEM;
    }
    *ret = w;
    return 0;
}

static void leave(struct trn_walk *w)
{
    struct folder *f = &w->stack[--w->depth];
    for (size_t i = 0; i < f->n; i++)
        free(f->entries[i].name);
    free(f->entries);
    trn_fd_close(f->fd);
}

struct trn_walk *trn_walk_free(struct trn_walk *w)
{
    if (!w)
        return NULL;
    while (w->depth)
        leave(w);
    trn_map_free(w->seen);
    trn_buf_done(&w->path);
    free(w);
    return NULL;
}

void trn_walk_counts(const struct trn_walk *w, uint64_t *ret_links, uint64_t *ret_skipped)
{
    *ret_links = w->links;
    *ret_skipped = w->skipped;
}

/* Of whole paths: a folder's name is compared with its slash. */
static int by_path(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    size_t i = 0;
    while (x->name[i] && x->name[i] == y->name[i])
        i++;
    unsigned char cx = (unsigned char)x->name[i], cy = (unsigned char)y->name[i];
    if (!cx && S_ISDIR(x->mode))
        cx = '/';
    if (!cy && S_ISDIR(y->mode))
        cy = '/';
    return (int)cx - (int)cy;
}

static int read_names(struct folder *f, DIR *d)
{
    size_t cap = 0;
    const struct dirent *e;
    errno = 0;
    while ((e = readdir(d)) != NULL) {
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        mode_t mode = e->d_type == DT_DIR ? S_IFDIR : e->d_type == DT_REG ? S_IFREG : e->d_type == DT_LNK ? S_IFLNK : 0;
        if (e->d_type == DT_UNKNOWN && fstatat(f->fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            mode = st.st_mode & S_IFMT;
        if (f->n == cap) {
            size_t more = cap ? 2 * cap : 32;
            struct entry *p = more <= NAMES_MAX ? reallocarray(f->entries, more, sizeof(*p)) : NULL;
            if (!p)
                return -ENOMEM;
            f->entries = p;
            cap = more;
        }
        char *name = strdup(e->d_name);
        if (!name)
            return -ENOMEM;
        f->entries[f->n++] = (struct entry){name, mode};
        errno = 0;
    }
    if (errno)
        return -errno;
    if (f->n)
        qsort(f->entries, f->n, sizeof(*f->entries), by_path);
    return 0;
}

/* File systems that the kernel makes up: endless, or with effects. */
static bool is_kernels(int fd)
{
    static const unsigned long magics[] = {PROC_SUPER_MAGIC, SYSFS_MAGIC,    CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
                                           DEBUGFS_MAGIC,    TRACEFS_MAGIC,  SECURITYFS_MAGIC,   BPF_FS_MAGIC,
                                           PSTOREFS_MAGIC,   EFIVARFS_MAGIC, DEVPTS_SUPER_MAGIC, SELINUX_MAGIC,
                                           BINFMTFS_MAGIC,   0x62656570 /* configfs */};
    struct statfs s;
    if (fstatfs(fd, &s) < 0)
        return false;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(magics); i++)
        if ((unsigned long)s.f_type == magics[i])
            return true;
    return false;
}

static bool goes_round(const struct trn_walk *w, const struct stat *st)
{
    for (int i = 0; i < w->depth; i++)
        if (w->stack[i].dev == st->st_dev && w->stack[i].ino == st->st_ino)
            return true;
    return false;
}

static int told(struct trn_walk *w, struct trn_walked *ret, int error, const char *why)
{
    *ret = (struct trn_walked){.path = trn_buf_str(&w->path), .dir = -1, .error = error, .why = why};
    return 1;
}

static const char *words(int error)
{
    switch (error) {
    case -EACCES:
    case -EPERM:
        return "permission denied";
    case -ENOENT:
        return "there is no such file";
    case -ENOTDIR:
        return "a part of its path is no folder";
    case -ELOOP:
        return "too many symbolic links";
    case -ENAMETOOLONG:
        return "its name is too long";
    default:
        return trn_errno_name(error);
    }
}

/* Opens a folder and makes it the one that is walked. 0, or 1 with something told. */
static int enter(struct trn_walk *w, int dir, const char *name, bool named, struct trn_walked *ret)
{
    struct stat st;
    if (w->depth == DEPTH_MAX)
        return told(w, ret, -ELOOP, "too many folders in folders");
    TRN_AUTO(trn_fd_closep)
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | (named ? 0 : O_NOFOLLOW));
    if (fd < 0 || fstat(fd, &st) < 0)
        return told(w, ret, -errno, words(-errno));
    if (goes_round(w, &st))
        return told(w, ret, -ELOOP, "it is a folder above itself");
    if ((named || st.st_dev != w->stack[w->depth - 1].dev) && is_kernels(fd)) {
        if (named)
            return told(w, ret, -EOPNOTSUPP, "it is a file system of the kernel, which holds no files");
        w->skipped++;
        return 0;
    }
    struct folder *f = &w->stack[w->depth];
    *f = (struct folder){.fd = trn_fd_steal(&fd), .dev = st.st_dev, .ino = st.st_ino, .path_n = w->path.n};
    int own = dup(f->fd);
    DIR *d = own >= 0 ? fdopendir(own) : NULL;
    w->depth++;
    if (!d) {
        int e = -errno;
        trn_fd_close(own);
        leave(w);
        return told(w, ret, e, words(e));
    }
    int e = read_names(f, d);
    closedir(d);
    if (e < 0)
        leave(w);
    return e < 0 ? told(w, ret, e, e == -ENOMEM ? "too many files in one folder" : words(e)) : 0;
}

static bool seen_before(struct trn_walk *w, const struct stat *st)
{
    uint64_t unused, key = trn_hash64_mix(trn_hash64_mix(1, st->st_dev), st->st_ino);
    if (st->st_nlink < 2 && w->n_paths < 2)
        return false;
    if (trn_map_get(w->seen, key, &unused))
        return true;
    (void)!trn_map_put(w->seen, key, 1); /* full: then one file may come twice */
    return false;
}

/* 1: to be handed on; 0: nothing of it. */
static int one(struct trn_walk *w, int dir, const char *name, bool named, struct trn_walked *ret)
{
    struct stat st;
    if (fstatat(dir, name, &st, named ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT && !named ? 0 : told(w, ret, -errno, words(-errno)); /* it went meanwhile */
    if (S_ISDIR(st.st_mode))
        return enter(w, dir, name, named, ret);
    if (!S_ISREG(st.st_mode)) {
        w->skipped++;
        return named ? told(w, ret, -EINVAL, "it is neither a file nor a folder") : 0;
    }
    if (seen_before(w, &st)) {
        w->links++;
        return 0;
    }
    *ret = (struct trn_walked){.path = trn_buf_str(&w->path), .name = name, .dir = dir, .named = named, .st = st};
    return 1;
}

static int next_in_folder(struct trn_walk *w, struct trn_walked *ret)
{
    struct folder *f = &w->stack[w->depth - 1];
    if (f->at == f->n) {
        leave(w);
        return 0;
    }
    const struct entry *e = &f->entries[f->at++];
    w->path.n = f->path_n;
    if (w->path.n && w->path.p[w->path.n - 1] != '/')
        trn_put_c(&w->path, "/");
    trn_put_c(&w->path, e->name);
    if (w->path.bad) {
        w->path.bad = false;
        w->path.n = f->path_n;
        return told(w, ret, -ENAMETOOLONG, "a path in it is too long");
    }
    return one(w, f->fd, e->name, false, ret);
}

int trn_walk_next(struct trn_walk *w, struct trn_walked *ret)
{
    int r = 0;
    while (r == 0) {
        if (w->depth) {
            r = next_in_folder(w, ret);
        } else if (w->at < w->n_paths) {
            trn_buf_clear(&w->path);
            trn_put_c(&w->path, w->paths[w->at]);
            r = w->path.bad ? -ENAMETOOLONG : one(w, AT_FDCWD, w->paths[w->at], true, ret);
            w->at++;
        } else {
            return 0;
        }
    }
    return r;
}

int trn_walk_open(const struct trn_walked *f)
{
    struct stat st;
    TRN_AUTO(trn_fd_closep)
    int fd = openat(f->dir, f->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (f->named ? 0 : O_NOFOLLOW));
    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    /* It may be another thing by now; opening a device or a pipe without waiting did no harm, reading it could. */
    if (!S_ISREG(st.st_mode) || st.st_dev != f->st.st_dev || st.st_ino != f->st.st_ino)
        return -ESTALE;
    return trn_fd_steal(&fd);
}
