/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the run of the self-test: scratch place, tester process, comparison, matrix.
 * Must not: act itself (the tester does), or touch anything that it did not make.
 *
 *   caller: subscribes, forks the tester, compares events with acts, prints
 *   tester: enters the daemon's scope when there is one, does act after act, ends
 */
#include "cli/selftest.h"

#include "cli/client.h"
#include "cli/render.h"
#include "cli/watch_run.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ACTS_MAX TRN_ARRAY_SIZE(((struct trn_scratch *)0)->done)
#define PATIENCE_MS 4000 /* after the last act */
#define TESTER_MS 30000
#define PAUSE_MS 5u

enum result { MISSING, SEEN, BLIND, UNTRIED }; /* BLIND: its hook is off, so nothing was to be expected */

struct test {
    struct trn_cli *cli;
    const json_t *status;
    struct trn_scratch *scratch;
    struct trn_watch_scope scope;
    struct trn_arena *arena;
    const struct trn_selftest_act *acts[ACTS_MAX];
    size_t n;
    uint64_t seen_ms[ACTS_MAX];
    enum result result[ACTS_MAX];
    char reason[ACTS_MAX][160];
    pid_t tester;
};

static void collect(struct test *t, const struct trn_selftest_act *acts, size_t n)
{
    for (size_t i = 0; i < n && t->n < ACTS_MAX; i++)
        t->acts[t->n++] = &acts[i];
}

/* A home of its own: the sensor marks browser profiles below homes, and a real one is not ours to open. */
static void make_home(struct trn_scratch *s)
{
    static const char *const below[] = {"", "/.mozilla", "/.mozilla/firefox", "/.mozilla/firefox/test.default"};
    char path[300];
    (void)snprintf(s->home, sizeof(s->home), "/home/%s", s->marker);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(below); i++) {
        (void)snprintf(path, sizeof(path), "%s%s", s->home, below[i]);
        if (mkdir(path, 0755) < 0) {
            s->home[0] = '\0';
            return;
        }
    }
    (void)snprintf(path, sizeof(path), "%s/.mozilla/firefox/test.default/places.sqlite", s->home);
    trn_fd_close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int prepare(struct test *t, struct trn_err *err)
{
    struct trn_scratch *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED)
        return trn_fail(err, -ENOMEM, "cannot make a scratch place: out of memory");
    t->scratch = s;
    t->arena = trn_arena_new((size_t)8 << 20);
    (void)snprintf(s->marker, sizeof(s->marker), "trnself%llx",
                   (unsigned long long)(trn_wall_ns() ^ (uint64_t)getpid()));
    (void)snprintf(s->dir, sizeof(s->dir), "/tmp/turncoat-self-test-XXXXXX");
    if (!t->arena || !mkdtemp(s->dir)) {
        s->dir[0] = '\0';
        return trn_fail(err, -errno, "cannot make a scratch folder in '/tmp': %s", trn_errno_name(-errno));
    }
    if (geteuid() == 0)
        make_home(s);
    struct trn_str scope = trn_json_text(t->status, "scope");
    if (trn_str_is_empty(scope))
        return 0;
    if (geteuid() != 0) {
        int e = trn_fail(err, -EPERM, "the daemon watches one cgroup only, and entering it needs root");
        trn_hint(err, "sudo turncoat status --self-test");
        return e;
    }
    return trn_scope_make_in(&t->scope, scope.p, err);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)remove(path);
    return 0;
}

static void clean_up(struct test *t)
{
    if (t->tester > 0) {
        (void)kill(t->tester, SIGKILL);
        (void)waitpid(t->tester, NULL, 0);
    }
    (void)trn_scope_remove(&t->scope);
    if (t->scratch && t->scratch->dir[0])
        (void)nftw(t->scratch->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    if (t->scratch && t->scratch->home[0])
        (void)nftw(t->scratch->home, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    if (t->scratch)
        (void)munmap(t->scratch, sizeof(*t->scratch));
    t->arena = trn_arena_free(t->arena);
}

static TRN_NORETURN void tester_main(struct test *t)
{
    if (t->scope.path[0] && trn_scope_enter(&t->scope) < 0)
        _exit(1);
    /* A daemon with a scope knows a process by its fork or exec inside: so it is a child that acts. */
    pid_t pid = fork();
    if (pid != 0) {
        while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        _exit(pid < 0);
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    trn_scratch_pid(t->scratch, getpid());
    for (size_t i = 0; i < t->n; i++) {
        t->scratch->done[i].at_ns = trn_mono_ns();
        t->scratch->done[i].code = t->acts[i]->act(t->scratch);
        unsigned ms = 0;
        do
            (void)poll(NULL, 0, PAUSE_MS);
        while ((ms += PAUSE_MS) < t->acts[i]->wait_ms && t->scratch->done[i].code == 0 && !t->scratch->done[i].seen);
    }
    _exit(0);
}

static bool is_ours(const struct trn_scratch *s, uint32_t pid)
{
    for (uint32_t i = 0; i < s->n_pids && i < TRN_ACT_PIDS; i++)
        if ((uint32_t)s->pids[i] == pid)
            return true;
    return false;
}

static void on_event(struct test *t, const json_t *payload)
{
    TRN_AUTO(trn_freep) char *text = json_dumps(payload, JSON_COMPACT);
    struct trn_scratch *s = t->scratch;
    struct trn_event ev;
    trn_arena_reset(t->arena);
    if (!text || !s || trn_event_from_json(trn_str_of(text), t->arena, &ev, NULL) < 0 || !is_ours(s, ev.pid))
        return;
    uint64_t now = trn_mono_ns();
    for (size_t i = 0; i < t->n; i++) {
        uint64_t at = s->done[i].at_ns;
        if (t->result[i] == SEEN || !t->acts[i]->seen(s, &ev))
            continue;
        t->result[i] = SEEN;
        s->done[i].seen = true;
        t->seen_ms[i] = at && now > at ? (now - at) / TRN_NS_PER_MS : 0;
    }
}

static bool all_seen(const struct test *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->result[i] != SEEN && t->scratch->done[i].code == 0)
            return false;
    return true;
}

static int compare(struct test *t, struct trn_client *c, struct trn_err *err)
{
    uint64_t start = trn_mono_ns(), ended = 0;
    for (;;) {
        const char *type;
        json_t *payload;
        int e = trn_client_next(c, 50, &type, &payload, err);
        if (e == 1 && strcmp(type, "event") == 0)
            on_event(t, payload);
        if (e < 0 && e != -ETIMEDOUT)
            return e;
        uint64_t now = trn_mono_ns();
        if (t->tester > 0 && waitpid(t->tester, NULL, WNOHANG) == t->tester) {
            t->tester = 0;
            ended = now;
        }
        if (ended && (all_seen(t) || now - ended > PATIENCE_MS * TRN_NS_PER_MS))
            return 0;
        if (now - start > TESTER_MS * TRN_NS_PER_MS)
            return trn_fail(err, -ETIME, "the self-test took more than %d seconds", TESTER_MS / 1000);
    }
}

/* Why an act that was done was not seen, from the table of hooks. */
static void explain(struct test *t, size_t i)
{
    size_t k;
    json_t *h;
    if (t->scratch->done[i].code != 0) {
        t->result[i] = UNTRIED;
        (void)snprintf(t->reason[i], sizeof(t->reason[i]), "could not be done here (%s)",
                       trn_errno_name(t->scratch->done[i].code));
        return;
    }
    (void)snprintf(t->reason[i], sizeof(t->reason[i]), "its hooks are on, no event came");
    json_array_foreach(json_object_get(t->status, "hooks"), k, h)
    {
        char why[120];
        struct trn_str state = trn_json_text(h, "state");
        if (!trn_str_starts(trn_json_text(h, "name"), trn_str_of(t->acts[i]->hook)) || trn_str_eq_c(state, "on"))
            continue;
        if (trn_str_eq_c(state, "off"))
            t->result[i] = BLIND;
        trn_escape_into(why, sizeof(why), trn_json_text(h, "reason"));
        (void)snprintf(t->reason[i], sizeof(t->reason[i]), "%.*s: %s", TRN_STR_ARG(state), why);
        return;
    }
}

static const char *result_name(enum result r)
{
    return r == SEEN ? "seen" : r == MISSING ? "not seen" : r == BLIND ? "blind" : "not tried";
}

static void print_table(const struct test *t)
{
    static const char *const heads[] = {"act", "result", "ms", "why"};
    struct trn_table table;
    trn_table_init(&table, heads, 4, 4);
    for (size_t i = 0; i < t->n; i++) {
        trn_table_row(&table, t->result[i] == SEEN ? TRN_PLAIN : t->result[i] == MISSING ? TRN_RED : TRN_YELLOW);
        trn_table_cell(&table, trn_str_of(t->acts[i]->name));
        trn_table_cell(&table, trn_str_of(result_name(t->result[i])));
        if (t->result[i] == SEEN)
            trn_table_number(&table, t->seen_ms[i]);
        else
            trn_table_cell(&table, TRN_STR("-"));
        trn_table_cell(&table, trn_str_of(t->reason[i]));
    }
    trn_table_print(&table, t->cli->out, t->cli->colour);
    trn_table_done(&table);
}

static void print_json(const struct test *t, size_t missing)
{
    json_t *acts = json_array();
    for (size_t i = 0; i < t->n; i++)
        json_array_append_new(acts, json_pack("{s:s, s:s, s:I, s:s}", "act", t->acts[i]->name, "result",
                                              result_name(t->result[i]), "ms", (json_int_t)t->seen_ms[i], "reason",
                                              t->reason[i]));
    json_t *all =
        json_pack("{s:s, s:I, s:o}", "schema", "turncoat.self-test/1", "missing", (json_int_t)missing, "acts", acts);
    trn_print_json(t->cli->out, all);
    json_decref(all);
}

static int report(struct test *t)
{
    size_t missing = 0, seen = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (t->result[i] != SEEN)
            explain(t, i);
        missing += t->result[i] == MISSING;
        seen += t->result[i] == SEEN;
    }
    if (t->cli->json)
        print_json(t, missing);
    else
        print_table(t);
    fflush(t->cli->out);
    fprintf(t->cli->err, "%zu of %zu acts seen, %zu missing\n", seen, t->n, missing);
    return missing ? TRN_EXIT_FINDINGS : TRN_EXIT_OK;
}

static int go(struct test *t, struct trn_err *err)
{
    TRN_AUTO(trn_client_freep) struct trn_client *c = NULL;
    int e = prepare(t, err);
    if (e == 0)
        e = trn_client_open(t->cli->state, &c, err);
    if (e == 0)
        e = trn_client_ask(c, json_pack("{s:s, s:b}", "ask", "watch", "events", 1), err);
    if (e < 0)
        return e;
    if (t->cli->talk_terminal)
        fputs("doing each act in a scratch place ...\n", t->cli->err);
    (void)poll(NULL, 0, 300); /* until the subscription holds and the scratch home is marked */
    fflush(t->cli->out);
    fflush(t->cli->err);
    t->tester = fork();
    if (t->tester == 0)
        tester_main(t);
    if (t->tester < 0) {
        t->tester = 0;
        return trn_fail(err, -errno, "cannot start the tester: %s", trn_errno_name(-errno));
    }
    return compare(t, c, err);
}

int trn_selftest(struct trn_cli *cli, const json_t *status)
{
    TRN_AUTO(trn_freep) struct test *t = calloc(1, sizeof(*t));
    struct trn_err err = {0};
    if (!t)
        return TRN_EXIT_UNDECIDED;
    t->cli = cli;
    t->status = status;
    collect(t, trn_acts_process, trn_n_acts_process);
    collect(t, trn_acts_memory, trn_n_acts_memory);
    collect(t, trn_acts_file, trn_n_acts_file);
    collect(t, trn_acts_net, trn_n_acts_net);
    collect(t, trn_acts_access, trn_n_acts_access);
    int e = go(t, &err);
    int code = e < 0 ? trn_cli_error(cli, &err, TRN_EXIT_UNDECIDED) : report(t);
    clean_up(t);
    return code;
}
