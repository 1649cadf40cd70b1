/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a path means when somebody else may turn the links on it: in a folder of theirs, a name that was to be
 * blocked or put away must not become the name of a file that they have no right to touch.
 * Must not own: what is done to it. Hand-offs: the descriptor is the caller's.
 *
 * Each step is taken from the descriptor of the one before, and a link is read from its own: nothing is looked up twice.
 */
#include "response/execute/reach.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <unistd.h>

#define LINKS_MAX 40u /* as the kernel */
#define ROOT 0u

struct way {
    char rest[8192]; /* what is still to be gone */
    int at;
    unsigned links;
    bool folder; /* "way/" */
    uid_t owner; /* of the links that are not root's; ROOT: there was none */
};

/* "a//b/c": "a", and "b/c" is left. */
static bool next_part(struct way *w, char part[256], int *ret)
{
    size_t from = strspn(w->rest, "/"), n = strcspn(w->rest + from, "/");

    *ret = n < 256 ? 0 : -ENAMETOOLONG;
    if (n == 0 || n >= 256)
        return false;
    memcpy(part, w->rest + from, n);
    part[n] = '\0';
    memmove(w->rest, w->rest + from + n, strlen(w->rest + from + n) + 1);
    return true;
}

static int from_the_root(struct way *w)
{
    trn_fd_close(w->at);
    w->at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return w->at < 0 ? -errno : 0;
}

/* /proc/self is a link like others ("812"). Those to what a process has open ("/srv/a", "pipe:[7]") are not. */
static bool may_follow(struct way *w, int link, const struct stat *st, struct trn_str to)
{
    struct statfs fs;

    if (++w->links > LINKS_MAX || fstatfs(link, &fs) != 0)
        return false;
    if (fs.f_type == PROC_SUPER_MAGIC && (to.p[0] == '/' || trn_str_find(to, ':') >= 0))
        return false;
    if (st->st_uid == ROOT)
        return true;
    if (w->owner != ROOT && w->owner != st->st_uid)
        return false;
    w->owner = st->st_uid;
    return true;
}

static int follow(struct way *w, int link, const struct stat *st)
{
    char to[4096];
    ssize_t n = readlinkat(link, "", to, sizeof(to));

    if (n <= 0)
        return n < 0 ? -errno : -ENOENT;
    if (!may_follow(w, link, st, (struct trn_str){to, (size_t)n}))
        return -ELOOP;
    size_t rest = strlen(w->rest);
    if ((size_t)n + rest + 1 > sizeof(w->rest))
        return -ENAMETOOLONG;
    memmove(w->rest + n, w->rest, rest + 1); /* it begins with '/', or is empty */
    memcpy(w->rest, to, (size_t)n);
    return to[0] == '/' ? from_the_root(w) : 0;
}

static int go(struct way *w)
{
    char part[256];
    struct stat st;
    int r = from_the_root(w);

    while (r == 0 && next_part(w, part, &r)) {
        TRN_AUTO(trn_fd_closep) int next = openat(w->at, part, O_PATH | O_NOFOLLOW | O_CLOEXEC);

        if (next < 0 || fstat(next, &st) != 0) {
            r = -errno;
        } else if (S_ISLNK(st.st_mode)) {
            r = follow(w, next, &st);
        } else {
            trn_fd_close(w->at);
            w->at = trn_fd_steal(&next);
        }
    }
    if (r == 0 && fstat(w->at, &st) != 0)
        r = -errno;
    if (r == 0 && w->owner != ROOT && st.st_uid != w->owner)
        r = -ELOOP;
    if (r == 0 && w->folder && !S_ISDIR(st.st_mode))
        r = -ENOTDIR;
    return r;
}

int trn_reach(const char *path)
{
    struct way w = {.at = -1};
    size_t n = strlen(path);

    if (path[0] != '/')
        return -EINVAL;
    if (n >= sizeof(w.rest))
        return -ENAMETOOLONG;
    memcpy(w.rest, path, n + 1);
    w.folder = path[n - 1] == '/';
    int r = go(&w);
    if (r < 0)
        trn_fd_close(w.at);
    return r < 0 ? r : w.at;
}
