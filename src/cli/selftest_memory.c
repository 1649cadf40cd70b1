/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the self-test's acts about executable memory. Nothing that is mapped is ever run.
 */
#include "cli/selftest.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static void library_path(const struct trn_scratch *s, char *dst, size_t size)
{
    (void)snprintf(dst, size, "%s/%s.so", s->dir, s->marker);
}

/* Maps a copy of this program the way the loader maps a library. */
static int child_maps_file(struct trn_scratch *s)
{
    char path[200];
    library_path(s, path, sizeof(path));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *p = fd < 0 ? MAP_FAILED : mmap(NULL, 65536, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    return p == MAP_FAILED;
}

static int act_library(struct trn_scratch *s)
{
    char path[200];
    library_path(s, path, sizeof(path));
    TRN_AUTO(trn_fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    int e = fd < 0 ? -errno : trn_scratch_copy_self(fd);
    trn_fd_closep(&fd);
    if (e < 0)
        return e;
    return trn_scratch_child(s, child_maps_file) == 0 ? 0 : -EOPNOTSUPP;
}

static int child_maps_nothing(struct trn_scratch *s)
{
    void *p = mmap(NULL, 65536, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED;
}

static int act_anonymous(struct trn_scratch *s)
{
    return trn_scratch_child(s, child_maps_nothing) == 0 ? 0 : -EOPNOTSUPP;
}

static int child_maps_writable(struct trn_scratch *s)
{
    void *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED;
}

static int act_writable(struct trn_scratch *s)
{
    return trn_scratch_child(s, child_maps_writable) == 0 ? 0 : -EOPNOTSUPP;
}

static bool saw_library(const struct trn_scratch *s, const struct trn_event *ev)
{
    return ev->type == TRN_EV_LIB_LOAD && trn_str_contains(ev->map.path, trn_str_of(s->marker));
}

static bool saw_anonymous(const struct trn_scratch *s, const struct trn_event *ev)
{
    return ev->type == TRN_EV_MEM_EXEC && ev->action == TRN_ACT_ANONYMOUS;
}

static bool saw_writable(const struct trn_scratch *s, const struct trn_event *ev)
{
    return ev->type == TRN_EV_MEM_EXEC && ev->action == TRN_ACT_WRITABLE;
}

const struct trn_selftest_act trn_acts_memory[] = {
    {"executable mapping of a library", "mapping", act_library, saw_library},
    {"executable anonymous memory", "mapping", act_anonymous, saw_anonymous},
    {"writable and executable memory", "mapping", act_writable, saw_writable},
};
const size_t trn_n_acts_memory = TRN_ARRAY_SIZE(trn_acts_memory);
