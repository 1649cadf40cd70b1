/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: finds the cgroup v2 hierarchy and the id and depth of a folder in it, which the BPF
 * programs compare. Owns struct trn_scope's descriptor. Must not change any cgroup.
 */
#include "sensor/loader.h"

#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

static int v2_root(char *ret, size_t size)
{
    struct mntent entry;
    char line[4096];
    FILE *f = setmntent("/proc/self/mounts", "re");
    int found = -ENOENT;

    if (!f)
        return -errno;
    while (found != 0 && getmntent_r(f, &entry, line, sizeof(line))) {
        if (strcmp(entry.mnt_type, "cgroup2") != 0 || strlen(entry.mnt_dir) >= size)
            continue;
        memcpy(ret, entry.mnt_dir, strlen(entry.mnt_dir) + 1);
        found = 0;
    }
    endmntent(f);
    return found;
}

static int cgroup_id(int fd, uint64_t *ret)
{
    struct {
        struct file_handle head;
        uint64_t id;
    } handle = {.head = {.handle_bytes = sizeof(uint64_t)}};
    int mount_id;

    if (name_to_handle_at(fd, "", &handle.head, &mount_id, AT_EMPTY_PATH) != 0)
        return -errno;
    if (handle.head.handle_bytes != sizeof(uint64_t))
        return -EPROTO;
    memcpy(ret, handle.head.f_handle, sizeof(*ret));
    return 0;
}

static uint32_t depth_below(const char *path, const char *root)
{
    size_t n = strlen(root);
    uint32_t depth = 0;

    for (const char *c = path + (strcmp(root, "/") == 0 ? 0 : n); *c; c++) {
        if (*c == '/' && c[1] != '\0' && c[1] != '/')
            depth++;
    }
    return depth;
}

int trn_scope_open(const char *path, struct trn_scope *ret, struct trn_err *err)
{
    TRN_AUTO(trn_fd_closep) int fd = -1;
    struct trn_scope scope = {.fd = -1};
    char root[PATH_MAX], real[PATH_MAX], shown[256];
    struct statfs fs;
    int r;

    if (v2_root(root, sizeof(root)) != 0) {
        r = trn_fail(err, -ENOENT, "cannot find a cgroup v2 hierarchy");
        trn_hint(err, "mount one: mount -t cgroup2 none /sys/fs/cgroup/unified");
        return r;
    }
    (void)trn_escape_into(shown, sizeof(shown), trn_str_of(path ? path : root));
    if (!realpath(path ? path : root, real))
        return trn_fail(err, -errno, "cannot open cgroup '%s': %s", shown, trn_errno_name(-errno));
    fd = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstatfs(fd, &fs) != 0)
        return trn_fail(err, -errno, "cannot open cgroup '%s': %s", shown, trn_errno_name(-errno));
    if (fs.f_type != CGROUP2_SUPER_MAGIC) {
        r = trn_fail(err, -EINVAL, "'%s' is not a cgroup v2 folder", shown);
        trn_hint(err, "give a folder below %s", root);
        return r;
    }
    if (path) {
        r = cgroup_id(fd, &scope.id);
        if (r != 0)
            return trn_fail(err, r, "cannot read the id of cgroup '%s': %s", shown, trn_errno_name(r));
        scope.level = depth_below(real, root);
        if (scope.level == 0)
            scope.id = 0; /* the root itself: the whole machine */
    }
    scope.fd = trn_fd_steal(&fd);
    *ret = scope;
    return 0;
}

/* "0::/a/b/c" to the first `level` folders of it, below the root. */
static bool ancestor_path(uint32_t pid, uint32_t level, char *ret, size_t size)
{
    char path[40], line[PATH_MAX + 8];
    bool found = false;
    FILE *f;
    char *at;

    (void)snprintf(path, sizeof(path), "/proc/%u/cgroup", pid);
    f = fopen(path, "re");
    if (!f)
        return false;
    while (!found && fgets(line, sizeof(line), f))
        found = strncmp(line, "0::/", 4) == 0;
    (void)fclose(f);
    if (!found || v2_root(ret, size) != 0)
        return false;
    line[strcspn(line, "\n")] = '\0';
    at = line + 3;
    for (uint32_t i = 0; i < level && at; i++)
        at = strchr(at + 1, '/');
    if (at)
        *at = '\0';
    if (strlen(ret) + strlen(line + 3) >= size)
        return false;
    memcpy(ret + strlen(ret), line + 3, strlen(line + 3) + 1);
    return true;
}

bool trn_scope_has(const struct trn_scope *s, uint32_t pid)
{
    TRN_AUTO(trn_fd_closep) int fd = -1;
    char path[PATH_MAX];
    uint64_t id = 0;

    if (s->id == 0)
        return true;
    if (!ancestor_path(pid, s->level, path, sizeof(path)))
        return false;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && cgroup_id(fd, &id) == 0 && id == s->id;
}

/* The root of the hierarchy, upwards from a folder of it. */
static int root_above(int folder_fd)
{
    TRN_AUTO(trn_fd_closep) int at = openat(folder_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat here, above;

    if (at < 0 || fstat(at, &here) != 0)
        return -errno;
    for (unsigned i = 0; i < PATH_MAX / 2; i++) {
        TRN_AUTO(trn_fd_closep) int up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (up < 0 || fstat(up, &above) != 0)
            return -errno;
        if (above.st_dev != here.st_dev || above.st_ino == here.st_ino)
            return trn_fd_steal(&at);
        here = above;
        trn_fd_close(at);
        at = trn_fd_steal(&up);
    }
    return -ELOOP;
}

/* "/a/b/c" of the process, without the end of its line. */
static int folder_of(uint32_t pid, char *ret, size_t size)
{
    TRN_AUTO(trn_fd_closep) int fd = -1;
    char path[40], text[PATH_MAX + 1024];
    struct trn_str line;
    ssize_t n;

    (void)snprintf(path, sizeof(path), "/proc/%u/cgroup", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    n = read(fd, text, sizeof(text)); /* one read gives all of it, up to a page */
    if (n < 0)
        return -errno;
    struct trn_cursor c = trn_cur(text, (size_t)n);
    while (!trn_str_is_none(line = trn_cur_line(&c))) {
        if (!trn_str_starts(line, TRN_STR("0::/")) || line.n - 3 >= size)
            continue;
        memcpy(ret, line.p + 3, line.n - 3);
        ret[line.n - 3] = '\0';
        return 0;
    }
    return -ENOENT;
}

bool trn_cgroup_has(int folder_fd, uint32_t pid)
{
    TRN_AUTO(trn_fd_closep) int at = root_above(folder_fd);
    char path[PATH_MAX], *rest = path, *part;
    uint64_t wanted = 0, id = 0;

    if (at < 0 || cgroup_id(folder_fd, &wanted) != 0 || folder_of(pid, path, sizeof(path)) != 0)
        return false;
    for (;;) {
        int next;

        if (cgroup_id(at, &id) != 0)
            return false;
        if (id == wanted)
            return true;
        while ((part = strsep(&rest, "/")) && !*part)
            continue;
        if (!part || (next = openat(at, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
            return false;
        trn_fd_close(at);
        at = next;
    }
}

void trn_scope_done(struct trn_scope *s)
{
    s->fd = trn_fd_close(s->fd);
}
