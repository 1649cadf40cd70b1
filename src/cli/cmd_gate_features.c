/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what workers told of a release that the gate judged, by its content, so that the old side of the next update is not
 * looked at again: features/KEY in the folder of the gate, a packed release each (release.h). How much of that stays, and of
 * verdicts.
 * Must not: matter. One that is missing, damaged or of another program's making is looked at again; nothing is synced.
 */
#include "cli/gate.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#define FEATURES "features"
#define ONE_MAX (32u << 20)
#define ALL_MAX (256ull << 20)
#define COUNT_MAX 8192u
#define LISTED_MAX (4 * COUNT_MAX)

static int features_dir(int folder, bool make)
{
    if (make && mkdirat(folder, FEATURES, 0700) < 0 && errno != EEXIST)
        return -errno;
    int fd = openat(folder, FEATURES, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? -errno : fd;
}

int trn_gate_features_read(int folder, const uint8_t key[TRN_SHA256_SIZE], struct trn_release **ret)
{
    char name[2 * TRN_SHA256_SIZE + 1];
    struct stat st;
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, ONE_MAX);
    trn_hex(key, TRN_SHA256_SIZE, name);
    TRN_AUTO(trn_fd_closep) int dir = features_dir(folder, false);
    TRN_AUTO(trn_fd_closep)
    int fd = dir < 0 ? -1 : openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || trn_read_all(fd, &b) < 0)
        return -ENOENT;
    int e = trn_release_unpack(trn_buf_str(&b), ret);
    if (e == 0)
        (void)futimens(fd, NULL); /* used now */
    return e < 0 ? -ENOENT : 0;
}

void trn_gate_features_keep(int folder, const uint8_t key[TRN_SHA256_SIZE], const struct trn_release *r)
{
    char name[2 * TRN_SHA256_SIZE + 1], part[sizeof(name) + 24];
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, ONE_MAX);
    TRN_AUTO(trn_fd_closep) int dir = features_dir(folder, true);
    if (dir < 0 || trn_release_pack(r, &b) < 0)
        return;
    trn_hex(key, TRN_SHA256_SIZE, name);
    (void)snprintf(part, sizeof(part), "%s.%d", name, (int)getpid());
    TRN_AUTO(trn_fd_closep)
    int fd = openat(dir, part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && (trn_write_full(fd, b.p, b.n) < 0 || renameat(dir, part, dir, name) < 0))
        (void)unlinkat(dir, part, 0);
}

struct one {
    char name[256];
    struct timespec used;
    uint64_t bytes;
};

static int last_used_first(const void *a, const void *b)
{
    const struct one *x = a, *y = b;
    return x->used.tv_sec != y->used.tv_sec     ? (x->used.tv_sec < y->used.tv_sec ? 1 : -1)
           : x->used.tv_nsec != y->used.tv_nsec ? (x->used.tv_nsec < y->used.tv_nsec ? 1 : -1)
                                                : strcmp(x->name, y->name);
}

static size_t list(DIR *d, struct one *all, size_t max)
{
    const struct dirent *de;
    struct stat st;
    size_t n = 0;
    while (n < max && (de = readdir(d)) != NULL) {
        if (de->d_name[0] == '.' || strlen(de->d_name) >= sizeof(all[n].name) ||
            fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(st.st_mode))
            continue;
        all[n] = (struct one){.used = st.st_mtim, .bytes = (uint64_t)st.st_size};
        (void)snprintf(all[n++].name, sizeof(all->name), "%.95s", de->d_name);
    }
    return n;
}

static void within(int folder, const char *name)
{
    int dir = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *d = dir < 0 ? NULL : fdopendir(dir);
    uint64_t sum = 0;
    if (!d) {
        trn_fd_close(dir);
        return;
    }
    TRN_AUTO(trn_freep) struct one *all = calloc(LISTED_MAX, sizeof(*all));
    size_t n = all ? list(d, all, LISTED_MAX) : 0;
    if (n)
        qsort(all, n, sizeof(*all), last_used_first);
    for (size_t i = 0; i < n; i++) {
        sum += all[i].bytes;
        if (sum > ALL_MAX || i >= COUNT_MAX)
            (void)unlinkat(dirfd(d), all[i].name, 0);
    }
    closedir(d);
}

void trn_gate_known_within(int folder)
{
    within(folder, FEATURES);
    within(folder, TRN_GATE_VERDICTS);
}
