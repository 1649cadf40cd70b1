/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: one cgroup v2 folder: making it, entering it, taking it down.
 * Must not: signal what is in it, or touch any other cgroup.
 */
#include "cli/watch_run.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The path of the cgroup v2 mount (it may stand beside v1). */
static int find_mount(char *dst, size_t size, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b = {0};
    int e = trn_read_file("/proc/self/mounts", (size_t)4 << 20, &b, err);
    if (e < 0)
        return e;
    struct trn_cursor c = trn_cur(b.p, b.n);
    struct trn_str line, source, where, type;
    while (!trn_str_is_none(line = trn_cur_line(&c))) {
        if (!trn_str_split(&line, ' ', &source) || !trn_str_split(&line, ' ', &where) ||
            !trn_str_split(&line, ' ', &type))
            continue;
        if (trn_str_eq_c(type, "cgroup2") && where.n < size) {
            memcpy(dst, where.p, where.n);
            dst[where.n] = '\0';
            return 0;
        }
    }
    return trn_fail(err, -ENOENT, "no cgroup v2 file system is mounted");
}

/* Our own cgroup below the mount; the mount itself where that is not visible. */
static void own_cgroup(const char *mount, char *dst, size_t size)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b = {0};
    (void)snprintf(dst, size, "%s", mount);
    if (trn_read_file("/proc/self/cgroup", 65536, &b, NULL) < 0)
        return;
    struct trn_cursor c = trn_cur(b.p, b.n);
    struct trn_str line;
    while (!trn_str_is_none(line = trn_cur_line(&c))) {
        if (!trn_str_starts(line, TRN_STR("0::/")) || trn_str_contains(line, TRN_STR("/..")))
            continue;
        char path[512];
        int n = snprintf(path, sizeof(path), "%s%.*s", mount, (int)line.n - 3, line.p + 3);
        if (n > 0 && (size_t)n < sizeof(path) && (size_t)n < size && access(path, W_OK) == 0)
            (void)snprintf(dst, size, "%s", path);
    }
    for (size_t n = strlen(dst); n > 1 && dst[n - 1] == '/'; n--)
        dst[n - 1] = '\0';
}

int trn_scope_make_in(struct trn_watch_scope *s, const char *parent, struct trn_err *err)
{
    char path[512], shown[160];
    int n = snprintf(path, sizeof(path), "%s/turncoat-watch-%d", parent, (int)getpid());
    if (n < 0 || (size_t)n >= sizeof(path))
        return trn_fail(err, -ENAMETOOLONG, "cannot make a cgroup: its path is too long");
    if (mkdir(path, 0755) < 0) {
        int e = -errno;
        return trn_fail(err, e, "cannot make the cgroup '%s': %s",
                        trn_escape_into(shown, sizeof(shown), trn_str_of(path)), trn_errno_name(e));
    }
    (void)snprintf(s->path, sizeof(s->path), "%s", path);
    (void)snprintf(s->parent, sizeof(s->parent), "%s", parent);
    return 0;
}

int trn_scope_make(struct trn_watch_scope *s, struct trn_err *err)
{
    char mount[256], own[512];
    int e = find_mount(mount, sizeof(mount), err);
    if (e < 0)
        return e;
    own_cgroup(mount, own, sizeof(own));
    return trn_scope_make_in(s, own, err);
}

static int write_procs(const char *folder, struct trn_str text)
{
    char path[560];
    (void)snprintf(path, sizeof(path), "%s/cgroup.procs", folder);
    TRN_AUTO(trn_fd_closep) int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? -errno : trn_write_full(fd, text.p, text.n);
}

int trn_scope_enter(const struct trn_watch_scope *s)
{
    return write_procs(s->path, TRN_STR("0"));
}

unsigned trn_scope_remove(struct trn_watch_scope *s)
{
    unsigned moved = 0;
    if (!s->path[0])
        return 0;
    for (int round = 0; round < 50 && rmdir(s->path) < 0 && errno == EBUSY; round++) {
        TRN_AUTO(trn_buf_done) struct trn_buf b = {0};
        char path[560];
        (void)snprintf(path, sizeof(path), "%s/cgroup.procs", s->path);
        if (trn_read_file(path, (size_t)1 << 20, &b, NULL) < 0)
            break;
        struct trn_cursor c = trn_cur(b.p, b.n);
        struct trn_str line;
        while (!trn_str_is_none(line = trn_cur_line(&c)))
            moved += line.n && write_procs(s->parent, line) == 0;
        /* A process that just ended keeps the folder busy for a moment. */
        (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    s->path[0] = '\0';
    return moved;
}
