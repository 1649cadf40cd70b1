/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of its own for each test, and files in it. */
#ifndef TRN_TEST_DAEMON_FOLDER_H
#define TRN_TEST_DAEMON_FOLDER_H

#include "base/base.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct folder {
    char path[64];
    int fd; /* O_PATH */
};

static inline struct folder folder_new(void)
{
    struct folder f = {.path = "/tmp/turncoat-daemon-XXXXXX"};
    cr_assert(mkdtemp(f.path));
    f.fd = open(f.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    cr_assert_geq(f.fd, 0);
    return f;
}

static inline int folder_remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    return remove(path);
}

static inline void folder_done(struct folder *f)
{
    trn_fd_close(f->fd);
    nftw(f->path, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void folder_put(const struct folder *f, const char *name, const char *content)
{
    TRN_AUTO(trn_fd_closep) int fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    cr_assert_geq(fd, 0, "cannot make %s", name);
    cr_assert_eq(trn_write_full(fd, content, strlen(content)), 0);
}

#endif
