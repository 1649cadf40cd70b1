/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: 'turncoat watch' without a command: the live view of the machine's own daemon.
 * Must not: hold the engine up; a viewer that is too slow loses lines and is told how many.
 */
#include "cli/client.h"
#include "cli/view.h"
#include "cli/watch_run.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Ends by signal, so that what was shown is flushed and the exit code is the verdict's. */
static int stop_signal(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -1;
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static void greet(struct trn_cli *cli)
{
    if (cli->talk_terminal && !cli->json)
        fputs("watching; Ctrl-C ends. Findings, stories and losses appear here as they happen.\n", cli->err);
}

static int follow(struct trn_client *c, struct trn_view *view, int signals, struct trn_err *err)
{
    struct pollfd p[2] = {{.fd = trn_client_fd(c), .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    for (;;) {
        const char *type;
        json_t *payload;
        int e = trn_client_next(c, 0, &type, &payload, err);
        if (e == 1) {
            trn_view_line(view, type, payload);
            if (ferror(view->to))
                return 0;
            continue;
        }
        if (e != -ETIMEDOUT)
            return e == 0 ? trn_fail(err, -ECONNRESET, "the daemon ended the view") : e;
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return trn_fail(err, -errno, "cannot wait for the daemon: %s", trn_errno_name(-errno));
        if (p[1].revents)
            return 0;
    }
}

static int subscribe(struct trn_cli *cli, struct trn_client **c, struct trn_err *err)
{
    *c = trn_client_free(*c);
    int e = trn_client_open(cli->state, c, err);
    return e < 0
               ? e
               : trn_client_ask(*c, json_pack("{s:s, s:b}", "ask", "watch", "events", trn_cli_has(cli, "events")), err);
}

/* An engine that was lost is started again by turncoatd; the view goes on with the new one. True when it does. */
static bool resume(struct trn_cli *cli, struct trn_client **c, int signals)
{
    struct pollfd p = {.fd = signals, .events = POLLIN};
    fputs("turncoat: the engine went away, waiting for the next one\n", cli->err);
    for (int tries = 0; tries < 60; tries++) {
        if (poll(&p, 1, 250) > 0)
            return false;
        if (subscribe(cli, c, NULL) == 0)
            return true;
    }
    return false;
}

static int live(struct trn_cli *cli)
{
    TRN_AUTO(trn_client_freep) struct trn_client *c = NULL;
    TRN_AUTO(trn_fd_closep) int signals = -1;
    TRN_AUTO(trn_view_done) struct trn_view view = {0};
    struct trn_err err = {0};
    if (trn_view_init(&view, cli, cli->out, cli->colour, cli->json) < 0)
        return TRN_EXIT_UNDECIDED;
    int e = subscribe(cli, &c, &err);
    if (e == 0) {
        signals = stop_signal();
        greet(cli);
        do
            e = follow(c, &view, signals, &err);
        while (e == -ECONNRESET && resume(cli, &c, signals));
    }
    if (e < 0)
        return trn_cli_error(cli, &err, TRN_EXIT_UNDECIDED);
    return view.worst >= cli->fail_on && view.worst > TRN_VERDICT_CLEAN ? TRN_EXIT_FINDINGS : TRN_EXIT_OK;
}

static int run(struct trn_cli *cli)
{
    struct trn_err err = {0};
    if (cli->n_operands) {
        char shown[80];
        trn_escape_into(shown, sizeof(shown), trn_str_of(cli->operands[0]));
        (void)trn_fail(&err, -EINVAL, "a command to watch stands behind '--': '%s'", shown);
        trn_hint(&err, "sudo turncoat watch -- %s", shown);
        return trn_cli_error(cli, &err, TRN_EXIT_USAGE);
    }
    if (cli->inner && !cli->inner[0]) {
        (void)trn_fail(&err, -EINVAL, "no command behind '--'");
        trn_hint(&err, "sudo turncoat watch -- ./configure");
        return trn_cli_error(cli, &err, TRN_EXIT_USAGE);
    }
    return cli->inner ? trn_watch_run(cli) : live(cli);
}

static const struct trn_example EXAMPLES[] = {
    {"turncoat watch", "findings, stories and losses of this machine, live"},
    {"turncoat watch --events", "every event too"},
    {"sudo turncoat watch -- ./configure", "one command in a scope of its own, judged at its end"},
};
static const struct trn_option OPTIONS[] = {
    {"events", NULL, "show every event too"},
    {"fail-on", "VERDICT", "exit 1 from this verdict up (default suspicious)"},
};

const struct trn_command trn_cmd_watch = {
    .name = "watch",
    .usage = "[-- COMMAND...]",
    .summary = "what happens, live; or run one command under observation",
    .examples = EXAMPLES,
    .n_examples = TRN_ARRAY_SIZE(EXAMPLES),
    .options = OPTIONS,
    .n_options = TRN_ARRAY_SIZE(OPTIONS),
    .max_operands = -1,
    .takes_command = true,
    .run = run,
};
