/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: owns what a path rule needs beside the name check of blocker_answer.c: the folder is watched, the file that
 * stands there now is known by its inode (for hard links, mounts, what is open already), and both are looked at again
 * when something got that name (inotify), and once a second (the folder itself was replaced, or a link on the way).
 * Must not own: what is refused.
 */
#include "response/execute/blocker_internal.h"
#include "response/execute/reach.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOTH (TRN_PERMIT_OPEN | TRN_PERMIT_EXEC)

struct look {
    uint64_t rule;
    char path[4096];
};

/* The n-th path, copied: what follows is done without lock. */
static bool nth_path(struct trn_blocker *b, size_t n, struct look *ret)
{
    bool have = false;

    block_lock(b);
    for (const struct block_path *p = block_index_paths(b->index); p && !have; p = p->next) {
        if (n-- > 0)
            continue;
        ret->rule = p->rule;
        have = snprintf(ret->path, sizeof(ret->path), "%s", p->path) < (int)sizeof(ret->path);
    }
    block_unlock(b);
    return have;
}

/* Where the path leads: the real folder and the last name; when nothing is there, the folder and the name it has. */
static int resolve(const char *path, int *ret_file, int *ret_folder, char base[256])
{
    char link[40], real[4096];
    TRN_AUTO(trn_fd_closep) int file = trn_reach(path);
    struct trn_str where = trn_str_of(path);

    if (file == -ELOOP) /* turned by somebody else: nobody's file is refused at their wish */
        return file;
    if (file >= 0) {
        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
        ssize_t n = readlink(link, real, sizeof(real) - 1);
        if (n > 0 && real[0] == '/') {
            real[n] = '\0';
            where = (struct trn_str){real, (size_t)n};
        }
    }
    const struct trn_str dir = trn_path_dir(where), name = trn_path_base(where);
    char folder[4096];
    if (snprintf(folder, sizeof(folder), "%.*s", TRN_STR_ARG(dir)) >= (int)sizeof(folder) || name.n == 0 ||
        name.n > 255)
        return -ENAMETOOLONG;
    (void)snprintf(base, 256, "%.*s", TRN_STR_ARG(name));
    int at = trn_reach(folder);
    if (at < 0)
        return at;
    *ret_folder = at;
    *ret_file = trn_fd_steal(&file);
    return 0;
}

/* The folder's entry in the index; what was there before is left watched: nothing in it has a refused name any more. */
static void know_folder(struct trn_blocker *b, uint64_t rule, int folder, const char *base)
{
    char link[40];
    struct stat st;

    if (fstat(folder, &st) != 0)
        return;
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", folder);
    block_lock(b);
    struct block_path *p = block_index_paths(b->index);
    while (p && p->rule != rule)
        p = p->next;
    char *name = p && strcmp(p->base, base) != 0 ? strdup(base) : NULL;
    if (name) {
        free(p->base);
        p->base = name;
    }
    const bool changed = p && (p->folder < 0 || p->folder_dev != st.st_dev || p->folder_ino != st.st_ino);
    if (changed) {
        trn_fd_close(p->folder);
        p->folder = fcntl(folder, F_DUPFD_CLOEXEC, 0);
        p->folder_dev = st.st_dev;
        p->folder_ino = st.st_ino;
        /* One watch for all rules of a folder; it ends with the group. */
        p->watch = inotify_add_watch(b->notify, link, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
    }
    block_unlock(b);
    if (changed)
        (void)!trn_permission_watch(b->files, folder, BOTH | TRN_PERMIT_CHILDREN, NULL);
}

static void know_file(struct trn_blocker *b, uint64_t rule, int file)
{
    struct trn_permit_key key;
    struct block_told told = {.why = BLOCK_BY_FILE};

    if (trn_permit_key_of(file, &key) != 0)
        return;
    block_lock(b);
    const bool known = block_is_known(b, file, &key);
    block_unlock(b);
    if (known)
        return;
    block_lock(b);
    const int r = block_index_add_file(b->index, rule, &key);
    block_unlock(b);
    if (r != 0)
        return;
    (void)!trn_permission_watch(b->files, file, BOTH, NULL);
    told.file = key;
    if (b->o.gate && trn_gate_key_of(file, &told.key) == 0)
        block_tell(b, &told);
}

void block_paths_look(struct trn_blocker *b)
{
    struct look look;

    for (size_t i = 0; nth_path(b, i, &look); i++) {
        TRN_AUTO(trn_fd_closep) int file = -1;
        TRN_AUTO(trn_fd_closep) int folder = -1;
        char base[256];
        if (resolve(look.path, &file, &folder, base) != 0)
            continue;
        /* A link that was turned to the shell must not take the shell away. */
        if (file >= 0 && block_is_vital(b, file))
            continue;
        know_folder(b, look.rule, folder, base);
        if (file >= 0)
            know_file(b, look.rule, file);
    }
}

/* Which name does not matter: all paths are looked at, they are few. */
void block_paths_notified(struct trn_blocker *b)
{
    char events[4096];

    while (read(b->notify, events, sizeof(events)) > 0) {
    }
    block_paths_look(b);
}
