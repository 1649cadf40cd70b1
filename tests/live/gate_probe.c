/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: the gate alone, for tests: told what to do line by line on stdin; one JSON object is the answer to each. With
 * --guard a real turncoat-guard watches over it, as over turncoatd.
 *
 *   gate-probe --scope CGROUP [--kill-unasked] [--guard PROGRAM]
 *   arm SET FRESH_SEC | refuse PATH | allow PATH | forget PATH | answer none|allow|refuse | let PID | kill PID
 *   stall MS (nothing is read meanwhile) | own PID | wait N (questions so far) | questions | counts | times | hook
 */
#include "sensor/gate.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BEAT_MS 50
#define KEPT 4096u

struct probe {
    struct trn_gate *gate;
    struct trn_held *held;
    int beat;
    enum { ANSWER_NONE, ANSWER_ALLOW, ANSWER_REFUSE } answer;
    struct trn_gate_question seen[KEPT];
    uint32_t answered_us[KEPT];
    uint32_t n_seen, n_answered;
};

static void question(void *ctx, const struct trn_gate_question *q)
{
    struct probe *p = ctx;

    if (p->n_seen < KEPT)
        p->seen[p->n_seen++] = *q;
    if (p->answer == ANSWER_NONE || q->refused)
        return;
    (void)!trn_gate_let_go(p->gate, q->tgid, q->start_boot_ns, p->answer == ANSWER_REFUSE);
    if (p->n_answered < KEPT)
        p->answered_us[p->n_answered++] = (uint32_t)((trn_boot_ns() - q->asked_boot_ns) / 1000);
}

static void serve_gate(struct probe *p, int timeout_ms)
{
    struct pollfd in = {.fd = trn_gate_fd(p->gate), .events = POLLIN};

    if (poll(&in, 1, timeout_ms) > 0)
        (void)!trn_gate_read(p->gate, question, p);
}

static void beat(struct probe *p)
{
    if (p->beat >= 0 && !trn_gate_stuck(p->gate))
        (void)!write(p->beat, trn_held_count(p->held) ? "b" : "i", 1);
}

static void say_questions(const struct probe *p)
{
    printf("{\"questions\":[");
    for (uint32_t i = 0; i < p->n_seen; i++) {
        const struct trn_gate_question *q = &p->seen[i];

        printf(
            "%s{\"pid\":%u,\"uid\":%u,\"ino\":%llu,\"size\":%llu,\"map\":%d,\"memfd\":%d,\"sealed\":%d,\"refused\":%d,"
            "\"not_held\":%d}",
            i ? "," : "", q->tgid, q->uid, (unsigned long long)q->key.ino, (unsigned long long)q->key.size, q->map,
            q->memfd, q->sealed, q->refused, q->not_held);
    }
    printf("]}\n");
}

static void say_times(const struct probe *p)
{
    printf("{\"us\":[");
    for (uint32_t i = 0; i < p->n_answered; i++)
        printf("%s%u", i ? "," : "", p->answered_us[i]);
    printf("]}\n");
}

static void say_counts(const struct probe *p)
{
    struct trn_gate_counts c;

    trn_gate_counts(p->gate, &c);
    printf("{\"asked\":%llu,\"refused\":%llu,\"lost\":%llu,\"continued\":%llu,\"held\":%u}\n",
           (unsigned long long)c.asked, (unsigned long long)c.refused, (unsigned long long)c.lost,
           (unsigned long long)c.continued_by_others, trn_held_count(p->held));
}

/* Of the last question about this process. */
static int end_wait(struct probe *p, uint32_t pid, bool kill)
{
    for (uint32_t i = p->n_seen; i-- > 0;) {
        if (p->seen[i].tgid == pid)
            return trn_gate_let_go(p->gate, pid, p->seen[i].start_boot_ns, kill);
    }
    return -ENOENT;
}

static int decide(struct probe *p, const char *verb, const char *path)
{
    TRN_AUTO(trn_fd_closep) int fd = open(path, O_PATH | O_CLOEXEC);
    struct trn_gate_key key;
    int r = fd < 0 ? -errno : trn_gate_key_of(fd, &key);

    if (r != 0)
        return r;
    if (strcmp(verb, "forget") == 0)
        trn_gate_forget(p->gate, &key);
    return strcmp(verb, "forget") == 0 ? 0 : trn_gate_decide(p->gate, &key, strcmp(verb, "refuse") == 0);
}

static int wait_for(struct probe *p, uint32_t n)
{
    for (int i = 0; p->n_seen < n && i < 200; i++) {
        beat(p);
        serve_gate(p, BEAT_MS);
    }
    return p->n_seen < n ? -ETIMEDOUT : 0;
}

/* As turncoatd when the thread that answers hangs and the others do not; it is back when the guard leaves it alone. */
static int stall(struct probe *p, uint32_t ms)
{
    for (uint32_t i = 0; i * BEAT_MS < ms; i++) {
        (void)poll(NULL, 0, BEAT_MS);
        beat(p);
    }
    return 0;
}

/* 1: it has answered by itself. */
static int act(struct probe *p, char *line)
{
    char *verb = strtok_r(line, " ", &line), *first = strtok_r(NULL, " ", &line), *second = strtok_r(NULL, " ", &line);
    struct trn_err err = {0};
    uint32_t n = first ? (uint32_t)strtoul(first, NULL, 10) : 0;

    if (!verb)
        return -EINVAL;
    if (strcmp(verb, "counts") == 0)
        return say_counts(p), 1;
    if (strcmp(verb, "questions") == 0)
        return say_questions(p), 1;
    if (strcmp(verb, "times") == 0)
        return say_times(p), 1;
    if (strcmp(verb, "hook") == 0)
        return printf("{\"state\":\"%s\",\"reason\":\"%s\"}\n", trn_hook_state_name(trn_gate_hook(p->gate)->state),
                      trn_gate_hook(p->gate)->reason),
               1;
    if (!first)
        return -EINVAL;
    if (strcmp(verb, "arm") == 0)
        return trn_gate_arm(p->gate, n, second ? (uint32_t)strtoul(second, NULL, 10) : 0, &err);
    if (strcmp(verb, "wait") == 0)
        return wait_for(p, n);
    if (strcmp(verb, "answer") == 0) {
        p->answer = strcmp(first, "allow") == 0    ? ANSWER_ALLOW
                    : strcmp(first, "refuse") == 0 ? ANSWER_REFUSE
                                                   : ANSWER_NONE;
        return 0;
    }
    if (strcmp(verb, "stall") == 0)
        return stall(p, n);
    if (strcmp(verb, "own") == 0) {
        const uint32_t own[4] = {(uint32_t)getpid(), n};

        trn_gate_own(p->gate, own);
        return 0;
    }
    if (strcmp(verb, "let") == 0 || strcmp(verb, "kill") == 0)
        return end_wait(p, n, verb[0] == 'k');
    return decide(p, verb, first);
}

/* As turncoatd starts it: 3 is the heartbeat, 4 a pidfd of whom to end, 5 the table of the held. */
static int start_guard(struct probe *p, const char *program)
{
    int beats[2], self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    pid_t pid;

    if (self < 0 || trn_ipc_pair(beats, 0) != 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        int theirs = fcntl(beats[1], F_DUPFD, 10), daemon = fcntl(self, F_DUPFD, 10),
            table = fcntl(trn_held_fd(p->held), F_DUPFD, 10);

        if (dup2(theirs, 3) < 0 || dup2(daemon, 4) < 0 || dup2(table, 5) < 0 ||
            syscall(SYS_close_range, 6u, ~0u, 0) != 0)
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
    char line[4200];

    for (;;) {
        struct pollfd in[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = trn_gate_fd(p->gate), .events = POLLIN}};
        int n = poll(in, 2, BEAT_MS), r;

        beat(p);
        if (n > 0 && in[1].revents)
            (void)!trn_gate_read(p->gate, question, p);
        if (n <= 0 || !in[0].revents)
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
    static struct probe p = {.beat = -1};
    struct trn_gate_options o = {.sz = sizeof(o), .own = {(uint32_t)getpid()}};
    const char *guard = NULL;
    struct trn_err err = {0};

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--kill-unasked") == 0)
            o.kill_unasked = true;
        else if (strcmp(argv[i], "--scope") == 0 && i + 1 < argc)
            o.scope_cgroup = argv[++i];
        else if (strcmp(argv[i], "--guard") == 0 && i + 1 < argc)
            guard = argv[++i];
        else
            return 2;
    }
    if (!o.scope_cgroup)
        return 2;
    if (trn_held_new(&p.held, &err) != 0) {
        fprintf(stderr, "gate-probe: %s\n", err.message);
        return 1;
    }
    o.held = p.held;
    if (trn_gate_open(&o, &p.gate, &err) != 0 || (guard && start_guard(&p, guard) != 0)) {
        fprintf(stderr, "gate-probe: %s\n", err.message);
        return 1;
    }
    (void)printf("{\"ready\":%d}\n", getpid());
    (void)fflush(stdout);
    serve(&p);
    trn_gate_close(p.gate);
    trn_held_free(p.held);
    return 0;
}
