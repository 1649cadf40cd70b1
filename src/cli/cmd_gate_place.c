/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which files a publish place has, in its folders too, and which of them is the version before another one.
 * Must not: follow a link, leave the place (another file system in it is one), or read a file.
 */
#include "cli/gate.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEPTH_MAX 8u
#define FILES_MAX 100000u
#define FOLDERS_MAX 10000u
#define SETTLED_NS (2 * TRN_NS_PER_SEC)
#define VERSION 0x01 /* in a key: here stood one */

int trn_gate_place_open(const struct trn_gate_place *p, const char *path, int flags)
{
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY),
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS};
    long fd = syscall(SYS_openat2, p->dir, *path ? path : ".", &how, sizeof(how));
    return fd < 0 ? -errno : (int)fd;
}

/* ---- what is the same product ---- */

/* The next run of digits, with dots between them, is one version, unless it only ends a word: "x64", "win32", "el9". */
static size_t version_at(const char *text, const char *p)
{
    size_t n = 0;
    bool dot = false;
    if (!isdigit((unsigned char)*p))
        return 0;
    while (isdigit((unsigned char)p[n]) || (p[n] == '.' && isdigit((unsigned char)p[n + 1])))
        dot = p[n++] == '.' || dot;
    bool word = p > text && isalpha((unsigned char)p[-1]) &&
                !(p[-1] == 'v' && (p < text + 2 || !isalpha((unsigned char)p[-2])));
    return word && !dot ? 0 : n;
}

/* A text with its versions taken out, appended; true: there was one. */
static bool put_key(struct trn_buf *b, const char *text, size_t size)
{
    bool any = false;
    for (const char *p = text; p < text + size;) {
        size_t n = version_at(text, p);
        if (n) {
            trn_put_u8(b, VERSION);
            any = true;
            p += n;
            continue;
        }
        do /* digits that are no version go whole */
            trn_put_u8(b, (uint8_t)*p++);
        while (p < text + size && isdigit((unsigned char)*p) && isdigit((unsigned char)p[-1]));
    }
    return any;
}

/* The name says the version, and the folder is part of the product; or it does not, and the folders may say it. */
static char *key_of(const char *path, size_t base)
{
    TRN_AUTO(trn_buf_done) struct trn_buf name, all;
    trn_buf_init(&name, 4 * TRN_GATE_PATH_MAX);
    trn_buf_init(&all, 4 * TRN_GATE_PATH_MAX);
    if (put_key(&name, path + base, strlen(path + base)))
        trn_put(&all, path, base);
    else
        (void)put_key(&all, path, base);
    trn_put_str(&all, trn_buf_str(&name));
    trn_put_u8(&all, 0);
    return all.bad ? NULL : strdup(all.p);
}

/* ---- the walk ---- */

static int add(struct trn_gate_place *p, const char *path, size_t base, const struct stat *st)
{
    if (p->n == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 64;
        struct trn_gate_published *more = cap > 2 * FILES_MAX ? NULL : reallocarray(p->files, cap, sizeof(*more));
        if (!more)
            return -ENOMEM;
        p->files = more;
        p->cap = cap;
    }
    struct trn_gate_published *f = &p->files[p->n];
    *f = (struct trn_gate_published){.path = strdup(path), .base = base, .key = key_of(path, base), .st = *st};
    p->n++;
    return p->n > FILES_MAX ? -EFBIG : f->path && f->key ? 0 : -ENOMEM;
}

static int add_folder(struct trn_gate_place *p, const char *path)
{
    char **more = reallocarray(p->folders, p->n_folders + 1, sizeof(*more));
    if (!more)
        return -ENOMEM;
    p->folders = more;
    p->folders[p->n_folders] = strdup(path);
    return p->folders[p->n_folders] ? (p->n_folders++, 0) : -ENOMEM;
}

static unsigned depth_of(const char *path)
{
    unsigned n = *path != '\0';
    for (; *path; path++)
        n += *path == '/';
    return n;
}

static bool is_fresh(const struct stat *st)
{
    uint64_t ctime = (uint64_t)st->st_ctim.tv_sec * TRN_NS_PER_SEC + (uint64_t)st->st_ctim.tv_nsec, now = trn_wall_ns();
    return ctime <= now && ctime + SETTLED_NS > now; /* one from the future is a wrong clock */
}

static int see(struct trn_gate_place *p, int dir, const char *folder, const char *name)
{
    char path[TRN_GATE_PATH_MAX];
    struct stat st;
    if (name[0] == '.' || trn_str_ends(trn_str_of(name), TRN_STR(TRN_GATE_VERDICT_END)) ||
        fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
        return 0;
    int n = snprintf(path, sizeof(path), "%s%s%s", folder, *folder ? "/" : "", name);
    bool fits = n > 0 && (size_t)n < sizeof(path) - sizeof(TRN_GATE_VERDICT_END) - 16;
    if (S_ISDIR(st.st_mode)) {
        if (fits && depth_of(path) <= DEPTH_MAX && p->n_folders < FOLDERS_MAX)
            return add_folder(p, path);
        p->left_out++;
        return 0;
    }
    if (!fits) {
        p->left_out++;
        return 0;
    }
    if (is_fresh(&st)) { /* perhaps still being written */
        p->later++;
        return 0;
    }
    return add(p, path, strlen(path) - strlen(name), &st);
}

static int read_folder(struct trn_gate_place *p, const char *folder)
{
    int fd = trn_gate_place_open(p, folder, O_RDONLY | O_DIRECTORY), e = 0;
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *de;
    if (!d) {
        int why = fd < 0 ? fd : -errno;
        trn_fd_close(fd);
        p->left_out += *folder != '\0'; /* gone meanwhile, another file system, or not ours to read */
        return *folder ? 0 : why;
    }
    while (e == 0 && (de = readdir(d)) != NULL)
        e = see(p, dirfd(d), folder, de->d_name);
    closedir(d);
    return e;
}

static int by_version(const void *a, const void *b)
{
    const struct trn_gate_published *x = a, *y = b;
    int c = strcmp(x->key, y->key);
    return c ? c : strverscmp(x->path, y->path);
}

int trn_gate_place_read(struct trn_gate_place *p)
{
    int e = add_folder(p, "");
    for (size_t i = 0; e == 0 && i < p->n_folders; i++)
        e = read_folder(p, p->folders[i]);
    if (e == 0 && p->n)
        qsort(p->files, p->n, sizeof(*p->files), by_version);
    for (size_t i = 1; e == 0 && i < p->n; i++)
        if (strcmp(p->files[i].key, p->files[i - 1].key) == 0)
            p->files[i].before = &p->files[i - 1];
    return e;
}

void trn_gate_place_forget(struct trn_gate_place *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->files[i].path);
        free(p->files[i].key);
    }
    for (size_t i = 0; i < p->n_folders; i++)
        free(p->folders[i]);
    free(p->files);
    free(p->folders);
    *p = (struct trn_gate_place){.dir = p->dir};
}
