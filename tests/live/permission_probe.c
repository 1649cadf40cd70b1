/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: holds opens, for tests: the permission group alone, told what to do line by line on stdin; one JSON object
 * is the answer to each. With --guard a real turncoat-guard watches over it, as over turncoatd.
 *
 *   permission-probe [--deadline-us N] [--fail-closed] [--guard PROGRAM]
 *   watch OPEN|EXEC|BOTH PATH | unwatch WHAT PATH | allow PATH | deny OPEN|EXEC|BOTH PATH | counts | own PID | open PATH
 *   stall                the answering thread does not come back from the next question that it asks about
 */
#include "sensor/permission.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BEAT_MS 100

struct probe {
    struct trn_permission *permission;
    int beat;
    _Atomic bool stall;
};

static void ask(void *ctx, const struct trn_permit_question *q)
{
    const struct probe *p = ctx;

    while (p->stall)
        (void)poll(NULL, 0, 1000);
}

static unsigned what_of(const char *word)
{
    if (strcmp(word, "BOTH") == 0)
        return TRN_PERMIT_OPEN | TRN_PERMIT_EXEC;
    return strcmp(word, "EXEC") == 0 ? TRN_PERMIT_EXEC : TRN_PERMIT_OPEN;
}

static int decide(struct probe *p, int fd, unsigned refused)
{
    struct trn_permit_key key;
    int r = trn_permit_key_of(fd, &key);

    return r ? r : trn_permission_decide(p->permission, &key, refused, fd);
}

static void say_counts(struct probe *p)
{
    struct trn_permit_counts c;

    trn_permission_counts(p->permission, &c);
    (void)printf("{\"asked\":%llu,\"allowed\":%llu,\"denied\":%llu,\"late\":%llu,\"own\":%llu,\"cached\":%llu,"
                 "\"slowest_us\":%llu}\n",
                 (unsigned long long)c.asked, (unsigned long long)c.allowed, (unsigned long long)c.denied,
                 (unsigned long long)c.late, (unsigned long long)c.own, (unsigned long long)c.cached,
                 (unsigned long long)c.slowest_ns / 1000);
}

static int act(struct probe *p, char *line)
{
    struct trn_err err = {0};
    char *verb = strtok(line, " "), *first = strtok(NULL, " "), *second = strtok(NULL, " ");
    const char *path = second ? second : first;

    if (!verb)
        return -EINVAL;
    if (strcmp(verb, "counts") == 0) {
        say_counts(p);
        return 1;
    }
    if (strcmp(verb, "stall") == 0) {
        p->stall = true;
        return 0;
    }
    if (!path)
        return -EINVAL;
    if (strcmp(verb, "own") == 0)
        return trn_permission_own(p->permission, 0, (uint32_t)strtoul(path, NULL, 10));
    if (strcmp(verb, "open") == 0) { /* asks itself */
        TRN_AUTO(trn_fd_closep) int own = open(path, O_RDONLY | O_CLOEXEC);
        return own < 0 ? -errno : 0;
    }
    TRN_AUTO(trn_fd_closep) int fd = open(path, O_PATH | O_CLOEXEC); /* asks nobody */
    if (fd < 0)
        return -errno;
    if (strcmp(verb, "watch") == 0)
        return trn_permission_watch(p->permission, fd, what_of(first), &err);
    if (strcmp(verb, "unwatch") == 0)
        return trn_permission_unwatch(p->permission, fd, what_of(first));
    if (strcmp(verb, "allow") == 0)
        return decide(p, fd, 0);
    return strcmp(verb, "deny") == 0 ? decide(p, fd, what_of(first)) : -EINVAL;
}

/* As turncoatd starts it: 3 is the heartbeat, 4 a pidfd of whom to end. */
static int start_guard(struct probe *p, const char *program)
{
    int beats[2], self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    pid_t pid;

    if (self < 0 || trn_ipc_pair(beats, 0) != 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        int theirs = fcntl(beats[1], F_DUPFD, 10), daemon = fcntl(self, F_DUPFD, 10);

        if (dup2(theirs, 3) < 0 || dup2(daemon, 4) < 0 || syscall(SYS_close_range, 5u, ~0u, 0) != 0)
            _exit(1);
        execl(program, program, (char *)NULL);
        _exit(1);
    }
    trn_fd_close(beats[1]);
    trn_fd_close(self);
    p->beat = beats[0];
    return pid < 0 ? -1 : 0;
}

static void serve(struct probe *p)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    char line[4200];

    for (;;) {
        int n = poll(&in, 1, BEAT_MS), r;

        if (p->beat >= 0 && !trn_permission_stuck(p->permission))
            (void)!write(p->beat, "b", 1);
        if (n <= 0)
            continue;
        if (!fgets(line, sizeof(line), stdin)) /* one line at a time is written */
            return;
        line[strcspn(line, "\n")] = '\0';
        r = act(p, line);
        if (r <= 0)
            (void)printf("{\"result\":\"%s\"}\n", r == 0 ? "ok" : trn_errno_name(r));
        (void)fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    struct probe p = {.beat = -1};
    struct trn_permission_options o = {.sz = sizeof(o), .ask = ask, .ctx = &p};
    const char *guard = NULL;
    struct trn_err err = {0};

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--fail-closed") == 0)
            o.fail_closed = true;
        else if (strcmp(argv[i], "--deadline-us") == 0 && i + 1 < argc)
            o.deadline_us = (uint32_t)strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--guard") == 0 && i + 1 < argc)
            guard = argv[++i];
        else
            return 2;
    }
    if (trn_permission_new(&o, &p.permission, &err) != 0 || (guard && start_guard(&p, guard) != 0))
        return 1;
    (void)printf("{\"ready\":%d}\n", getpid());
    (void)fflush(stdout);
    serve(&p);
    trn_permission_free(p.permission);
    return 0;
}
