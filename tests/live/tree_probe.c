/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: holds and kills, for tests: the acts alone, on processes that the test names, inside a cgroup. With --guard a
 * real turncoat-guard watches over it, as over turncoatd.
 *
 *   tree-probe SCOPE [--own PID] [--guard PROGRAM]      then line by line on stdin, one JSON object an answer:
 *   plan|act hold|kill PID...     check | undo | state
 */
#include "response/execute/execute.h"
#include "response/execute/process.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BEAT_MS 100

struct probe {
    struct trn_act_tools tools;
    struct trn_act a;
    const struct trn_act_ops *ops;
    struct trn_act_process p[64];
    int beat;
};

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
            held = fcntl(trn_held_fd(p->tools.held), F_DUPFD, 10);

        if (dup2(theirs, 3) < 0 || dup2(daemon, 4) < 0 || dup2(held, 5) < 0 ||
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

static int name_processes(struct probe *p, struct trn_act_request *q, char **save)
{
    uint32_t n = 0;

    for (char *word; (word = strtok_r(NULL, " ", save)) && n < TRN_ARRAY_SIZE(p->p);) {
        uint32_t pid = (uint32_t)strtoul(word, NULL, 10);
        struct trn_stat s;

        /* One that is gone is still named, as an engine would that saw it a moment ago. */
        p->p[n++] = (struct trn_act_process){.pid = pid,
                                             .start_boot_ns = trn_stat_read(pid, &s) == 0 ? trn_stat_start_ns(&s) : 1};
    }
    q->processes = p->p;
    q->n_processes = n;
    return n ? 0 : -EINVAL;
}

static int ask(struct probe *p, char *line, struct trn_buf *text, struct trn_err *err)
{
    char *save = NULL, *verb = strtok_r(line, " ", &save);

    if (verb && (strcmp(verb, "plan") == 0 || strcmp(verb, "act") == 0)) {
        char *act = strtok_r(NULL, " ", &save);
        const struct trn_act_ops *before = p->ops;
        int r;

        if (before)
            before->done(&p->a);
        p->ops = act && strcmp(act, "hold") == 0 ? &trn_act_hold : &trn_act_kill;
        p->a.q = (struct trn_act_request){.act = (uint8_t)p->ops->kind, .target = TRN_TARGET_ENTITY};
        r = name_processes(p, &p->a.q, &save);
        if (r < 0)
            return r;
        if (strcmp(verb, "plan") == 0)
            return p->ops->plan(&p->tools, &p->a.q, text, err);
        return p->ops->act(&p->tools, &p->a, text, err);
    }
    if (!verb || !p->ops)
        return -EINVAL;
    if (strcmp(verb, "check") == 0)
        return p->ops->check(&p->tools, &p->a, text, err);
    return strcmp(verb, "undo") == 0 && p->ops->undo ? p->ops->undo(&p->tools, &p->a, text, err) : -EINVAL;
}

static void serve(struct probe *p)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    char line[4200];

    for (;;) {
        int n = poll(&in, 1, BEAT_MS), r;
        struct trn_err err = {0};
        struct trn_buf text, out;
        uint64_t began;

        if (p->beat >= 0)
            (void)!write(p->beat, "b", 1);
        if (n <= 0)
            continue;
        if (!fgets(line, sizeof(line), stdin)) /* one line at a time is written */
            return;
        line[strcspn(line, "\n")] = '\0';
        trn_buf_init(&text, 1 << 16);
        trn_buf_init(&out, 1 << 17);
        began = trn_mono_ns();
        r = ask(p, line, &text, &err);
        began = trn_mono_ns() - began;
        trn_put_fmt(&out, "{\"result\":\"%s\",\"us\":%llu,\"held\":%u,\"error\":", r == 0 ? "ok" : trn_errno_name(r),
                    (unsigned long long)began / 1000, trn_held_count(p->tools.held));
        (void)trn_json_str(&out, trn_str_of(err.message));
        trn_put_c(&out, ",\"text\":");
        (void)trn_json_str(&out, trn_buf_str(&text));
        (void)printf("%.*s}\n", TRN_STR_ARG(trn_buf_str(&out)));
        (void)fflush(stdout);
        trn_buf_done(&text);
        trn_buf_done(&out);
    }
}

int main(int argc, char **argv)
{
    struct probe p = {.beat = -1, .tools = {.response_fd = -1, .scope_fd = -1}};
    const char *guard = NULL;
    struct trn_err err = {0};

    if (argc < 2)
        return 2;
    p.tools.scope_cgroup = argv[1];
    p.tools.scope_fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 2; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--own") == 0)
            p.tools.own[0] = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--guard") == 0)
            guard = argv[i + 1];
        else
            return 2;
    }
    if (p.tools.scope_fd < 0 || trn_held_new(&p.tools.held, &err) != 0 || (guard && start_guard(&p, guard) != 0))
        return 1;
    (void)printf("{\"ready\":%d}\n", getpid());
    (void)fflush(stdout);
    serve(&p);
    if (p.ops && p.ops->undo && p.a.live)
        (void)p.ops->undo(&p.tools, &p.a, &(struct trn_buf){.max = 4096}, &err);
    if (p.ops)
        p.ops->done(&p.a);
    trn_held_free(p.tools.held);
    return 0;
}
