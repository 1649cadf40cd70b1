/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: 'turncoat gate apt', what apt calls before it unpacks: a supervisor that keeps the deadline and tells a crash, and the
 * child that does the work.
 * Must not: stop apt for any other reason than a verdict (or, with 'fail closed', for want of one).
 *
 *   exit 0: apt goes on; 1: refused. Everything else is taken by the hook's own line for "the gate is broken".
 */
#include "cli/gate_apt.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE_MS 3000 /* beyond the deadline, until the child is ended */

static struct trn_str strip(const char *text)
{
    return trn_str_trim(trn_str_of(text));
}

/* ---- the child ---- */

/* All that apt says, at most TRN_GATE_TEXT_MAX, in time. */
static int read_said(struct trn_buf *b, uint64_t until_mono_ns, struct trn_err *err)
{
    char window[65536];
    for (;;) {
        struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
        uint64_t now = trn_mono_ns();
        if (now >= until_mono_ns)
            return trn_fail(err, -ETIME, "apt did not say in time what it is about to do");
        int n = poll(&p, 1, (int)TRN_MIN((until_mono_ns - now) / TRN_NS_PER_MS + 1, 60000));
        if (n < 0 && errno != EINTR)
            return trn_fail(err, -errno, "cannot read what apt says: %s", trn_errno_words(-errno));
        if (n <= 0)
            continue;
        ssize_t got = read(STDIN_FILENO, window, sizeof(window));
        if (got == 0)
            return 0;
        if (got < 0 && errno != EINTR && errno != EAGAIN)
            return trn_fail(err, -errno, "cannot read what apt says: %s", trn_errno_words(-errno));
        if (got > 0)
            trn_put(b, window, (size_t)got);
        if (b->bad)
            return trn_fail(err, -EFBIG, "apt says more than %u MiB", TRN_GATE_TEXT_MAX >> 20);
    }
}

static int child(struct trn_gate_run *r)
{
    TRN_AUTO(trn_buf_done) struct trn_buf said;
    TRN_AUTO(trn_gate_list_done) struct trn_gate_list list = {0};
    struct trn_err err = {0};
    trn_buf_init(&said, TRN_GATE_TEXT_MAX);
    int e = read_said(&said, r->until_mono_ns, &err);
    if (e == 0)
        e = trn_gate_parse(trn_buf_str(&said), &list, &err);
    if (e == 0)
        e = trn_gate_transaction(r, &list, &err);
    if (e < 0) {
        fprintf(r->cli->err, "turncoat: %s\n", err.message[0] ? err.message : trn_errno_words(e));
        return TRN_EXIT_UNDECIDED;
    }
    return r->refused || (r->config.fail_closed && r->unjudged) ? TRN_EXIT_FINDINGS : TRN_EXIT_OK;
}

/* ---- the supervisor ---- */

/* How the child ended: its exit code, or words. NULL: it was a verdict. */
static const char *how_it_ended(int status, bool late, char *dst, size_t size)
{
    if (late)
        return "it took longer than it may and was ended";
    if (WIFEXITED(status) && WEXITSTATUS(status) <= TRN_EXIT_FINDINGS)
        return NULL;
    if (WIFSIGNALED(status))
        (void)snprintf(dst, size, "it was ended by signal %d", WTERMSIG(status));
    else
        (void)snprintf(dst, size, "it could not do its work");
    return dst;
}

static int wait_for(pid_t pid, uint64_t until_mono_ns, bool *late)
{
    int status = 0;
    *late = false;
    for (;;) {
        pid_t got = waitpid(pid, &status, WNOHANG);
        if (got == pid)
            return status;
        if (got < 0 && errno != EINTR)
            return 0x7f00;
        if (!*late && trn_mono_ns() > until_mono_ns) {
            *late = true;
            (void)kill(pid, SIGKILL);
        }
        (void)poll(NULL, 0, 2);
    }
}

static void book(const struct trn_gate_run *r, const char *event, const char *why)
{
    json_t *line = trn_gate_now(event);
    json_object_set_new(line, "transaction", json_integer((json_int_t)r->transaction));
    if (why)
        json_object_set_new(line, "why", json_string(why));
    int e = r->folder < 0 ? 0 : trn_gate_book(r->folder, json_incref(line));
    json_decref(line);
    if (e < 0)
        fprintf(r->cli->err, "turncoat: the gate cannot write its journal: %s\n", trn_errno_words(e));
}

static int supervise(struct trn_gate_run *r)
{
    char words[80];
    bool late;
    book(r, "begin", NULL);
    fflush(NULL);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
            _exit(TRN_EXIT_UNDECIDED);
        int code = child(r);
        fflush(NULL);
        _exit(code);
    }
    int status = pid < 0 ? 0x7f00 : wait_for(pid, r->until_mono_ns + GRACE_MS * TRN_NS_PER_MS, &late);
    const char *why = how_it_ended(status, pid >= 0 && late, words, sizeof(words));
    if (!why)
        return WEXITSTATUS(status);
    book(r, "failed", why);
    if (r->refused) /* what was judged by then counts: a package that makes the gate fail lets no other one through */
        fprintf(r->cli->err, "turncoat: the gate failed: %s; nothing is unpacked, for what it refused before\n", why);
    else
        fprintf(r->cli->err, "turncoat: the gate failed: %s; %s\n", why,
                r->config.fail_closed ? "nothing is unpacked ('fail closed' in " TRN_GATE_CONFIG ")"
                                      : "the packages are not judged, apt goes on");
    return r->config.fail_closed || r->refused ? TRN_EXIT_FINDINGS : TRN_EXIT_OK;
}

static void run_done(struct trn_gate_run *r)
{
    r->folder = trn_fd_close(r->folder);
}

static int run(struct trn_gate_run *r)
{
    struct trn_cli *cli = r->cli;
    struct trn_err err = {0};
    const char *config = trn_cli_value(cli, "config");
    trn_gate_config_read(cli, config && strip(config).n ? config : TRN_GATE_CONFIG, &r->config);
    r->began_mono_ns = trn_mono_ns();
    r->until_mono_ns = r->began_mono_ns + r->config.deadline_ms * TRN_NS_PER_MS;
    r->transaction = trn_wall_ns() / 1000;
    r->folder = trn_gate_folder(cli->state, &err);
    if (r->folder < 0) /* it can judge all the same, from apt's cache or the installed files */
        fprintf(cli->err, "turncoat: %s; nothing is kept or recorded\n", err.message);
    trn_gate_config_apply(cli, &r->config);
    trn_gate_cache_beside(cli, r->cache, sizeof(r->cache));
    (void)signal(SIGPIPE, SIG_IGN);
    return supervise(r);
}

int trn_gate_run_apt(struct trn_cli *cli)
{
    TRN_AUTO(run_done) struct trn_gate_run own = {.cli = cli, .folder = -1};
    struct trn_err err = {0};
    if (isatty(STDIN_FILENO)) {
        (void)trn_fail(&err, -EINVAL, "apt calls 'gate apt' and says on its standard input what it is about to unpack");
        trn_hint(&err, "turncoat diff OLD.deb NEW.deb compares two packages; turncoat gate sweep DIR a folder of them");
        return trn_cli_error(cli, &err, TRN_EXIT_USAGE);
    }
    /* Shared with the child: what it refused is known also when it does not live to say so. */
    struct trn_gate_run *r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (r == MAP_FAILED)
        return run(&own);
    *r = own;
    int code = run(r);
    own.folder = r->folder;
    (void)munmap(r, sizeof(*r));
    return code;
}
