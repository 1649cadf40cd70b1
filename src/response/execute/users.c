/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which processes run a file, or have it mapped: for the plan of a person, who is told that they go on.
 * Must not own: any decision; the list is that of a moment, and bounded.
 */
#include "response/execute/users.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMED_MAX 10u
#define MAPS_MAX (256u << 10) /* of each process: the first mappings are the program and its libraries */

/* "7f00-7f10 r-xp 00000000 08:01 1234   /path": the inode is the fifth word. Devices have several numbers; the inode and
 * then the file itself, through map_files, decide. */
static bool line_names(struct trn_str line, uint32_t pid, const struct stat *st)
{
    struct trn_str rest = line, word, range = TRN_STR_NONE;
    char path[96];
    struct stat there;
    uint64_t ino;

    for (unsigned i = 0; i < 5; i++) {
        if (!trn_str_split(&rest, ' ', &word))
            return false;
        if (i == 0)
            range = word;
    }
    if (trn_str_u64(word, &ino) != 0 || ino != st->st_ino || range.n > 40)
        return false;
    (void)snprintf(path, sizeof(path), "/proc/%u/map_files/%.*s", pid, TRN_STR_ARG(range));
    return stat(path, &there) == 0 && there.st_dev == st->st_dev && there.st_ino == st->st_ino;
}

static bool maps_it(uint32_t pid, const struct stat *st)
{
    TRN_AUTO(trn_fd_closep) int fd = -1;
    char path[40];
    struct trn_buf b;
    struct trn_str line;
    bool found = false;

    (void)snprintf(path, sizeof(path), "/proc/%u/maps", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    trn_buf_init(&b, MAPS_MAX);
    (void)!trn_read_all(fd, &b); /* longer: what was read is looked at */
    struct trn_cursor c = trn_cur_of(trn_buf_str(&b));
    while (!found && !trn_str_is_none(line = trn_cur_line(&c)))
        found = line_names(line, pid, st);
    trn_buf_done(&b);
    return found;
}

static bool runs_it(uint32_t pid, const struct stat *st)
{
    char path[40];
    struct stat there;

    (void)snprintf(path, sizeof(path), "/proc/%u/exe", pid);
    return stat(path, &there) == 0 && there.st_dev == st->st_dev && there.st_ino == st->st_ino;
}

void trn_file_users(int fd, struct trn_buf *out)
{
    DIR *dir = opendir("/proc");
    struct dirent *e;
    struct stat st;
    uint64_t pid;
    unsigned n = 0;

    while (dir && fstat(fd, &st) == 0 && (e = readdir(dir))) {
        if (trn_str_u64(trn_str_of(e->d_name), &pid) != 0 || pid > UINT32_MAX || pid == (uint64_t)getpid() ||
            (!runs_it((uint32_t)pid, &st) && !maps_it((uint32_t)pid, &st)))
            continue;
        if (n < NAMED_MAX)
            trn_put_fmt(out, "%s%llu", n == 0 ? "  warning: runs, or is mapped, in process " : ", ",
                        (unsigned long long)pid);
        n++;
    }
    if (dir)
        closedir(dir);
    if (n > NAMED_MAX)
        trn_put_fmt(out, " and %u more", n - NAMED_MAX);
    if (n > 0)
        trn_put_c(out, "; these go on: hold or kill them, block its content\n");
}
