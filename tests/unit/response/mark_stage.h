/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of isolate and shield act on: a cgroup of their own, which is the scope, with one process in it that does
 * what it is told. Needs root and BPF; the test skips itself where there is neither.
 */
#ifndef TRN_TESTS_MARK_STAGE_H
#define TRN_TESTS_MARK_STAGE_H

#include "response/execute/marked.h"
#include "response/execute/process.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <mntent.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct stage {
    char scope[300];
    struct trn_act_tools tools;
    struct trn_act act;
    struct trn_act_process process;
    pid_t pid;
    int to, from; /* a byte there: open the file or aim at the address; an errno back */
    char file[300];
};

static inline bool stage_scope(struct stage *s)
{
    FILE *f = setmntent("/proc/self/mounts", "re");
    bool made = false;

    for (struct mntent *m; f && !made && (m = getmntent(f));) {
        if (strcmp(m->mnt_type, "cgroup2") != 0)
            continue;
        (void)snprintf(s->scope, sizeof(s->scope), "%s/trn-mark-%d", m->mnt_dir, getpid());
        made = mkdir(s->scope, 0755) == 0;
    }
    if (f)
        endmntent(f);
    return made;
}

/* Aims a datagram socket at 127.0.0.1:PORT, or opens the file. */
static inline void stage_child(const struct stage *s, int in, int out)
{
    uint16_t port;

    while (read(in, &port, sizeof(port)) == (ssize_t)sizeof(port)) {
        struct sockaddr_in a = {.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = port ? socket(AF_INET, SOCK_DGRAM, 0) : open(s->file, O_RDONLY), code = fd < 0 ? errno : 0;

        if (fd >= 0 && port && connect(fd, (const struct sockaddr *)&a, sizeof(a)) != 0)
            code = errno;
        (void)close(fd);
        if (write(out, &code, sizeof(code)) != (ssize_t)sizeof(code))
            break;
    }
    _exit(0);
}

static inline void stage_open(struct stage *s)
{
    struct trn_cut_options o = {.sz = sizeof(o), .scope_cgroup = s->scope};
    struct trn_err err = {0};
    int to[2], from[2];
    struct trn_stat stat;

    if (geteuid() != 0)
        cr_skip("needs root");
    if (!stage_scope(s))
        cr_skip("no cgroup v2 here");
    if (trn_cut_open(&o, &s->tools.cut, &err) != 0) {
        (void)rmdir(s->scope);
        cr_skip("%s", err.message);
    }
    s->tools.scope_cgroup = s->scope;
    s->tools.scope_fd = open(s->scope, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    s->tools.response_fd = -1;
    cr_assert_eq(pipe(to), 0);
    cr_assert_eq(pipe(from), 0);
    s->pid = fork();
    if (s->pid == 0) {
        (void)close(to[1]);
        stage_child(s, to[0], from[1]);
    }
    char number[16];
    TRN_AUTO(trn_fd_closep) int procs = openat(s->tools.scope_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    int n = snprintf(number, sizeof(number), "%d", s->pid);
    cr_assert_eq(write(procs, number, (size_t)n), n);
    s->to = to[1];
    s->from = from[0];
    cr_assert_eq(trn_stat_read((uint32_t)s->pid, &stat), 0);
    s->process = (struct trn_act_process){.pid = (uint32_t)s->pid, .start_boot_ns = trn_stat_start_ns(&stat)};
    s->act.arena = trn_arena_new(1u << 20);
    s->act.id = 1;
}

/* The errno that the child gets. port 0: of opening the file. */
static inline int stage_ask(const struct stage *s, uint16_t port)
{
    int code = -1;

    cr_assert_eq(write(s->to, &port, sizeof(port)), (ssize_t)sizeof(port));
    cr_assert_eq(read(s->from, &code, sizeof(code)), (ssize_t)sizeof(code));
    return code;
}

static inline void stage_close(struct stage *s)
{
    (void)close(s->to);
    (void)waitpid(s->pid, NULL, 0);
    cr_expect_not(trn_cut_attached(s->tools.cut));
    trn_cut_close(s->tools.cut);
    trn_arena_free(s->act.arena);
    (void)close(s->tools.scope_fd);
    cr_expect_eq(rmdir(s->scope), 0);
}

#endif
