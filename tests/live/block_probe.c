/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: the act "block" alone, for tests and for the benchmark: its ops, told what to do line by line on stdin; one
 * JSON object is the answer to each. With --guard a real turncoat-guard watches over it, as over turncoatd.
 *
 *   block-probe [--state FOLDER] [--gate CGROUP] [--deadline-ms N] [--guard PROGRAM] [--inspect PROGRAM]
 *   protect [PATH...]
 *   plan|block ID sha256|build-id|path|software TEXT|= [+closed] [FILE... | size:N]   '=': the hash of the first FILE
 *   check ID | undo ID | restart | counts | own PID | hold SECONDS | judge refuse|allow|never
 */
#include "response/execute/blocker.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BEAT_MS 100
#define ACTS 300

enum { JUDGE_NEVER, JUDGE_ALLOW, JUDGE_REFUSE };

struct probe {
    struct trn_act_tools tools;
    struct trn_act acts[ACTS];
    struct trn_held *held;
    const char *protect[TRN_BLOCKER_PROTECT];
    size_t n_protect;
    uint32_t deadline_ms;
    const char *inspect;
    int beat;
    _Atomic int judge;
};

static void say(const char *key, struct trn_str text)
{
    char shown[4096];

    trn_escape_into(shown, sizeof(shown), text);
    (void)printf("{\"result\":\"ok\",\"%s\":\"", key);
    for (const char *c = shown; *c; c++)
        (void)printf(*c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
    (void)printf("\"}\n");
}

static int fail(const struct trn_err *err, int r)
{
    (void)printf("{\"result\":\"%s\",\"message\":\"%s\",\"hint\":\"%s\"}\n", trn_errno_name(r), err->message,
                 err->hint);
    return 1;
}

static void held(void *ctx, const struct trn_held_question *q)
{
    struct probe *p = ctx;

    if (p->judge != JUDGE_NEVER)
        trn_blocker_judged(p->tools.blocker, q->question, p->judge == JUDGE_REFUSE);
}

static int hash_file(const char *path, uint8_t ret[TRN_SHA256_SIZE])
{
    TRN_AUTO(trn_buf_done) struct trn_buf b = {0};
    int r = trn_read_file(path, 256u << 20, &b, NULL);

    return r ? r : trn_sha256(b.p, b.n, ret);
}

/* As the engine would know the file. */
static int know(const char *path, struct trn_arena *arena, struct trn_act_file *ret)
{
    struct stat st;

    if (strncmp(path, "size:", 5) == 0) {
        ret->size = strtoull(path + 5, NULL, 10);
        return 0;
    }
    if (stat(path, &st) != 0)
        return -errno;
    ret->key.dev = st.st_dev;
    ret->key.ino = st.st_ino;
    ret->key.ctime_ns = (uint64_t)st.st_ctim.tv_sec * TRN_NS_PER_SEC + (uint64_t)st.st_ctim.tv_nsec;
    ret->size = (uint64_t)st.st_size;
    ret->path = trn_arena_str(arena, trn_str_of(path));
    return hash_file(path, ret->sha256);
}

static int target_of(const char *word)
{
    for (int i = 1; i < TRN_TARGET_MAX; i++) {
        if (strcmp(word, trn_target_name((enum trn_target)i)) == 0)
            return i;
    }
    return -EINVAL;
}

/* ID TARGET TEXT [+closed] [FILE...] */
static int request(struct trn_act *a)
{
    struct trn_act_file *files = trn_arena_array(a->arena, 64, sizeof(*files));
    const char *id = strtok(NULL, " "), *target = strtok(NULL, " "), *text = strtok(NULL, " "), *word;
    char hex[2 * TRN_SHA256_SIZE + 1];
    int r = id && target && text ? target_of(target) : -EINVAL;

    if (r < 0)
        return r;
    a->id = strtoull(id, NULL, 10);
    a->q.act = TRN_RESPOND_BLOCK;
    a->q.target = (uint8_t)r;
    a->q.files = files;
    while ((word = strtok(NULL, " ")) && a->q.n_files < 64) {
        if (strcmp(word, "+closed") == 0) {
            a->q.flags |= TRN_ACT_FAIL_CLOSED;
            continue;
        }
        r = know(word, a->arena, &files[a->q.n_files++]);
        if (r < 0)
            return r;
    }
    trn_hex(files[0].sha256, TRN_SHA256_SIZE, hex);
    a->q.text = trn_arena_str(a->arena, trn_str_of(strcmp(text, "=") == 0 ? hex : text));
    for (uint32_t i = 0; i < a->q.n_files; i++) { /* size:N is of the hash that TEXT is */
        if (trn_str_is_none(files[i].path) && trn_unhex(a->q.text, files[i].sha256, TRN_SHA256_SIZE) != 0)
            return -EINVAL;
    }
    return 0;
}

static struct trn_act *find(struct probe *p, uint64_t id)
{
    for (size_t i = 0; i < ACTS; i++) {
        if (p->acts[i].id == id)
            return &p->acts[i];
    }
    return NULL;
}

static void forget(struct trn_act *a)
{
    trn_arena_free(a->arena);
    *a = (struct trn_act){0};
}

static int plan_or_block(struct probe *p, bool only_plan)
{
    TRN_AUTO(trn_buf_done) struct trn_buf said;
    struct trn_err err = {0};
    struct trn_act *a = find(p, 0);

    trn_buf_init(&said, 4096);
    if (!a)
        return -ENOSPC;
    a->arena = trn_arena_new(0);
    int r = request(a);
    if (r == 0)
        r = trn_act_block.plan(&p->tools, &a->q, &said, &err);
    if (r == 0 && !only_plan) {
        trn_buf_clear(&said);
        const uint64_t began = trn_boot_ns();
        r = trn_act_block.act(&p->tools, a, &said, &err);
        trn_put_fmt(&said, "; took %llu us", (unsigned long long)(trn_boot_ns() - began) / 1000);
    }
    if (r != 0 || only_plan)
        forget(a);
    if (r != 0)
        return fail(&err, r);
    say("said", trn_buf_str(&said));
    return 1;
}

static int check_or_undo(struct probe *p, bool only_check, const char *id)
{
    TRN_AUTO(trn_buf_done) struct trn_buf said;
    struct trn_err err = {0};
    struct trn_act *a = id ? find(p, strtoull(id, NULL, 10)) : NULL;

    trn_buf_init(&said, 4096);
    if (!a)
        return -ENOENT;
    int r = only_check ? trn_act_block.check(&p->tools, a, &said, &err) : trn_act_block.undo(&p->tools, a, &said, &err);
    if (r != 0)
        return fail(&err, r);
    if (!only_check)
        forget(a);
    say("said", trn_buf_str(&said));
    return 1;
}

/* As turncoatd starts it: 3 are the jobs, 4 the results; it drops its rights by itself. */
static int start_inspect(void *ctx, int *ret_jobs, int *ret_results, struct trn_err *err)
{
    const struct probe *p = ctx;
    int jobs[2], results[2];

    if (trn_ipc_pair(jobs, 0) != 0 || trn_ipc_pair(results, 0) != 0)
        return -EMFILE;
    pid_t pid = fork();
    if (pid == 0) {
        int in = fcntl(jobs[1], F_DUPFD, 10), out = fcntl(results[1], F_DUPFD, 10);

        if (dup2(in, 3) < 0 || dup2(out, 4) < 0 || syscall(SYS_close_range, 5u, ~0u, 0) != 0)
            _exit(1);
        execl(p->inspect, p->inspect, "64001", "64001", (char *)NULL);
        _exit(1);
    }
    trn_fd_close(jobs[1]);
    trn_fd_close(results[1]);
    *ret_jobs = jobs[0];
    *ret_results = results[0];
    return pid < 0 ? -errno : 0;
}

static int open_blocker(struct probe *p, struct trn_err *err)
{
    const struct trn_blocker_options o = {.sz = sizeof(o),
                                          .gate = p->tools.gate,
                                          .deadline_ms = p->deadline_ms,
                                          .held = held,
                                          .inspector = p->inspect ? start_inspect : NULL,
                                          .ctx = p};
    int r = trn_blocker_new(&o, &p->tools.blocker, err);

    return r ? r : trn_blocker_protect(p->tools.blocker, p->protect, p->n_protect, err);
}

/* As after a restart of turncoatd: what the journal kept is all that is left. */
static int restart(struct probe *p)
{
    struct trn_err err = {0};

    p->tools.blocker = trn_blocker_free(p->tools.blocker);
    int r = open_blocker(p, &err);
    for (size_t i = 0; i < ACTS && r == 0; i++) {
        struct trn_act *a = &p->acts[i];
        if (a->id == 0)
            continue;
        a->q.files = NULL;
        a->q.n_files = 0;
        a->resumed = true;
        r = trn_act_block.resume(&p->tools, a, &err);
    }
    return r == 0 ? 0 : fail(&err, r);
}

static int protect(struct probe *p)
{
    struct trn_err err = {0};
    const char *word;

    for (p->n_protect = 0; (word = strtok(NULL, " ")) && p->n_protect < TRN_BLOCKER_PROTECT;)
        p->protect[p->n_protect++] = strdup(word); /* as long as the probe lives */
    int r = trn_blocker_protect(p->tools.blocker, p->protect, p->n_protect, &err);
    return r == 0 ? 0 : fail(&err, r);
}

static int say_counts(struct probe *p)
{
    struct trn_blocker_counts c;

    trn_blocker_counts(p->tools.blocker, &c);
    (void)printf("{\"asked\":%llu,\"refused\":%llu,\"allowed\":%llu,\"cached\":%llu,\"hashed\":%llu,\"late\":%llu,"
                 "\"late_refused\":%llu,\"killed\":%llu,\"held\":%llu,\"judged\":%llu,\"slowest_us\":%llu,\"rules\":%u,"
                 "\"files\":%u,\"contents\":%u,\"protect\":%u}\n",
                 (unsigned long long)c.asked, (unsigned long long)c.refused, (unsigned long long)c.allowed,
                 (unsigned long long)c.cached, (unsigned long long)c.hashed, (unsigned long long)c.late,
                 (unsigned long long)c.late_refused, (unsigned long long)c.killed, (unsigned long long)c.held,
                 (unsigned long long)c.judged, (unsigned long long)c.slowest_ns / 1000, c.rules, c.files, c.contents,
                 c.protect);
    return 1;
}

static int act(struct probe *p, char *line)
{
    struct trn_err err = {0};
    const char *verb = strtok(line, " ");

    if (!verb)
        return -EINVAL;
    if (strcmp(verb, "plan") == 0 || strcmp(verb, "block") == 0)
        return plan_or_block(p, verb[0] == 'p');
    if (strcmp(verb, "protect") == 0)
        return protect(p);
    if (strcmp(verb, "restart") == 0)
        return restart(p);
    if (strcmp(verb, "counts") == 0)
        return say_counts(p);
    const char *word = strtok(NULL, " ");
    if (strcmp(verb, "check") == 0 || strcmp(verb, "undo") == 0)
        return check_or_undo(p, verb[0] == 'c', word);
    if (!word)
        return -EINVAL;
    if (strcmp(verb, "judge") == 0) {
        p->judge = word[0] == 'r' ? JUDGE_REFUSE : word[0] == 'a' ? JUDGE_ALLOW : JUDGE_NEVER;
        return 0;
    }
    if (strcmp(verb, "own") == 0) {
        trn_blocker_own(p->tools.blocker, 0, (uint32_t)strtoul(word, NULL, 10));
        return 0;
    }
    if (strcmp(verb, "hold") != 0)
        return -EINVAL;
    const char *closed = strtok(NULL, " ");
    int r = trn_blocker_hold_new(p->tools.blocker, (uint32_t)strtoul(word, NULL, 10), closed != NULL, &err);
    return r == 0 ? 0 : fail(&err, r);
}

/* As turncoatd starts it: 3 is the heartbeat, 4 a pidfd of whom to end, 5 the table of held processes. */
static int start_guard(struct probe *p, const char *program)
{
    int beats[2], self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    pid_t pid;

    if (self < 0 || trn_ipc_pair(beats, 0) != 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        int theirs = fcntl(beats[1], F_DUPFD, 10), daemon = fcntl(self, F_DUPFD, 10);
        int table = p->held ? fcntl(trn_held_fd(p->held), F_DUPFD, 10) : -1;

        if (dup2(theirs, 3) < 0 || dup2(daemon, 4) < 0 || (table >= 0 && dup2(table, 5) < 0) ||
            syscall(SYS_close_range, table >= 0 ? 6u : 5u, ~0u, 0) != 0)
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

        if (p->beat >= 0 && !trn_blocker_stuck(p->tools.blocker))
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

static int open_gate(struct probe *p, const char *scope, struct trn_err *err)
{
    struct trn_gate_options o = {.sz = sizeof(o), .scope_cgroup = scope, .own = {(uint32_t)getpid()}};
    int r = trn_held_new(&p->held, err);

    o.held = p->held;
    return r ? r : trn_gate_open(&o, &p->tools.gate, err);
}

int main(int argc, char **argv)
{
    struct probe *p = calloc(1, sizeof(*p));
    const char *guard = NULL, *scope = NULL, *state = "/tmp";
    struct trn_err err = {0};

    for (int i = 1; p && i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--deadline-ms") == 0)
            p->deadline_ms = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--guard") == 0)
            guard = argv[i + 1];
        else if (strcmp(argv[i], "--inspect") == 0)
            p->inspect = argv[i + 1];
        else if (strcmp(argv[i], "--gate") == 0)
            scope = argv[i + 1];
        else if (strcmp(argv[i], "--state") == 0)
            state = argv[i + 1];
        else
            return 2;
    }
    if (!p)
        return 1;
    p->beat = -1;
    p->tools.scope_fd = -1;
    p->tools.state_dir = state;
    p->tools.response_fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p->tools.response_fd < 0 || (scope && open_gate(p, scope, &err) != 0) || open_blocker(p, &err) != 0 ||
        (guard && start_guard(p, guard) != 0)) {
        (void)printf("{\"ready\":0,\"message\":\"%s\"}\n", err.message);
        return 1;
    }
    if (scope)
        p->tools.scope_fd = open(scope, O_PATH | O_DIRECTORY | O_CLOEXEC);
    (void)printf("{\"ready\":%d}\n", getpid());
    (void)fflush(stdout);
    serve(p);
    trn_blocker_free(p->tools.blocker);
    trn_gate_close(p->tools.gate);
    trn_held_free(p->held);
    for (size_t i = 0; i < ACTS; i++)
        forget(&p->acts[i]);
    return 0;
}
