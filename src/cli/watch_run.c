/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: one command under observation: its cgroup, its user, its end, and the verdict.
 * Must not: signal anything but the command it started, or leave a cgroup, a daemon or a folder behind.
 *
 *   cgroup + private turncoatd -> subscribe -> run COMMAND in the cgroup -> its end, and the time
 *   late events need -> verdict -> everything taken down again
 */
#include "cli/watch_run.h"

#include "cli/client.h"
#include "cli/view.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define SETTLE_MS 3500 /* lateness window, then the time a finding may wait for an identity */

struct observation {
    struct trn_cli *cli;
    struct trn_watch_scope scope;
    struct trn_private_daemon daemon;
    struct trn_client *client;
    struct trn_view view;
    int signals;
    pid_t pid;
    int status;
    json_t *stories;
};

/* Under sudo the command runs as the one who called it, not as root. */
static int become_caller(void)
{
    const char *uid_text = getenv("SUDO_UID"), *gid_text = getenv("SUDO_GID");
    uint64_t uid = 0, gid = 0;
    if (!uid_text || !gid_text || trn_str_u64(trn_str_of(uid_text), &uid) < 0 ||
        trn_str_u64(trn_str_of(gid_text), &gid) < 0 || uid == 0 || uid >= UINT32_MAX || gid >= UINT32_MAX)
        return 0;
    struct passwd *pw = getpwuid((uid_t)uid);
    int e = pw ? initgroups(pw->pw_name, (gid_t)gid) : setgroups(0, NULL);
    if (e < 0 || setresgid((gid_t)gid, (gid_t)gid, (gid_t)gid) < 0 || setresuid((uid_t)uid, (uid_t)uid, (uid_t)uid) < 0)
        return -errno;
    if (pw) {
        (void)setenv("HOME", pw->pw_dir, 1);
        (void)setenv("USER", pw->pw_name, 1);
        (void)setenv("LOGNAME", pw->pw_name, 1);
    }
    return 0;
}

/* What a child that could not run the command tells; its end of the pipe closes with the exec. */
struct failure {
    int code;
    char what[64];
};

static TRN_NORETURN void command_main(const struct observation *o, int tell)
{
    sigset_t none;
    const char *failed = "enter the cgroup for";
    sigemptyset(&none);
    int e = trn_scope_enter(&o->scope);
    if (e == 0) {
        failed = "become the calling user for";
        e = become_caller();
    }
    if (e == 0) {
        (void)signal(SIGPIPE, SIG_DFL);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)execvp(o->cli->inner[0], o->cli->inner);
        failed = "run";
        e = -errno;
    }
    struct failure f = {.code = e};
    (void)snprintf(f.what, sizeof(f.what), "%s", failed);
    (void)!trn_write_full(tell, &f, sizeof(f));
    _exit(126);
}

/* Starts the command and returns when it runs, or could not. */
static int start_command(struct observation *o, struct trn_err *err)
{
    struct failure f;
    char shown[120];
    int told[2];
    if (pipe2(told, O_CLOEXEC) < 0)
        return trn_fail(err, -errno, "cannot start the command: %s", trn_errno_name(-errno));
    fflush(o->cli->out);
    fflush(o->cli->err);
    o->pid = fork();
    if (o->pid == 0)
        command_main(o, told[1]);
    int e = o->pid < 0 ? -errno : 0;
    trn_fd_close(told[1]);
    if (e < 0) {
        o->pid = 0;
        (void)trn_fail(err, e, "cannot start the command: %s", trn_errno_name(e));
    } else if (trn_read_full(told[0], &f, sizeof(f)) == 0) {
        trn_escape_into(shown, sizeof(shown), trn_str_of(o->cli->inner[0]));
        e = trn_fail(err, f.code, "cannot %s '%s': %s", f.what, shown, trn_errno_name(f.code));
        if (f.code == -ENOENT || f.code == -EACCES)
            trn_hint(err, "name a program on PATH, or one by its path that may be executed");
    }
    trn_fd_close(told[0]);
    return e;
}

static int block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    return sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -1 : signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Ctrl-C reaches the command through the terminal; a TERM or HUP sent to us is passed on. */
static void on_signals(struct observation *o)
{
    struct signalfd_siginfo info;
    while (read(o->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        int sig = (int)info.ssi_signo;
        if (o->pid > 0 && (sig == SIGTERM || sig == SIGHUP || (sig == SIGINT && info.ssi_code == SI_USER)))
            (void)kill(o->pid, sig); /* our own child, not reaped yet */
    }
    if (o->pid > 0 && waitpid(o->pid, &o->status, WNOHANG) == o->pid)
        o->pid = 0;
}

/* Shows what comes until the command has ended and late events had their time. */
static int follow(struct observation *o, struct trn_err *err)
{
    struct pollfd p[2] = {{.fd = trn_client_fd(o->client), .events = POLLIN}, {.fd = o->signals, .events = POLLIN}};
    uint64_t end = 0;
    for (;;) {
        const char *type;
        json_t *payload;
        int e = trn_client_next(o->client, 0, &type, &payload, err);
        if (e == 1) {
            trn_view_line(&o->view, type, payload);
            continue;
        }
        if (e != -ETIMEDOUT)
            return e == 0 ? trn_fail(err, -ECONNRESET, "the daemon ended the view") : e;
        on_signals(o);
        uint64_t now = trn_mono_ns();
        if (o->pid == 0 && end == 0)
            end = now + SETTLE_MS * TRN_NS_PER_MS;
        if (end && now >= end)
            return 0;
        (void)poll(p, 2, end ? (int)((end - now) / TRN_NS_PER_MS) + 1 : -1);
    }
}

static int on_story(void *ctx, const char *type, json_t *s)
{
    struct observation *o = ctx;
    enum trn_verdict v;
    if (strcmp(type, "story") != 0)
        return 0;
    if (trn_verdict_parse(trn_json_text(s, "verdict"), &v) == 0)
        o->view.worst = TRN_MAX(o->view.worst, v);
    return json_array_append(o->stories, s) < 0 ? -ENOMEM : 0;
}

static int on_page(void *ctx, const char *type, json_t *payload)
{
    struct observation *o = ctx;
    struct trn_str text = trn_json_text(payload, "text");
    if (strcmp(type, "page") == 0 && text.n)
        (void)fwrite(text.p, 1, text.n, o->cli->out);
    return 0;
}

static void print_ending(const struct observation *o, struct trn_buf *b)
{
    trn_put_c(b, "'");
    trn_escape(b, trn_str_of(o->cli->inner[0]));
    if (WIFSIGNALED(o->status))
        trn_put_fmt(b, "' was ended by signal %d; ", WTERMSIG(o->status));
    else
        trn_put_fmt(b, "' ended with exit code %d; ", WEXITSTATUS(o->status));
    size_t n = json_array_size(o->stories);
    trn_put_fmt(b, "%llu finding%s, %zu stor%s", (unsigned long long)o->view.findings, o->view.findings == 1 ? "" : "s",
                n, n == 1 ? "y" : "ies");
    if (o->view.losses)
        trn_put_fmt(b, "; %llu events were lost", (unsigned long long)o->view.losses);
}

static void verdict_text(struct observation *o)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    const char *name = trn_verdict_name(o->view.worst);
    enum trn_colour colour = o->view.worst == TRN_VERDICT_CLEAN ? TRN_GREEN : trn_verdict_colour(trn_str_of(name));
    size_t i;
    json_t *s;
    trn_buf_init(&b, 65536);
    json_array_foreach(o->stories, i, s)
    {
        json_t *ask = json_pack("{s:s, s:I, s:b, s:i, s:b}", "ask", "story", "id", (json_int_t)trn_json_count(s, "id"),
                                "page", 1, "width", 100, "colour", (int)o->cli->colour);
        if (trn_client_each(o->daemon.state, ask, on_page, o, NULL) == 0)
            fputc('\n', o->cli->out);
    }
    trn_put_fmt(&b, "%sverdict: %s%s   ", trn_colour_on(o->cli->colour, colour), name,
                trn_colour_off(o->cli->colour, colour));
    print_ending(o, &b);
    trn_put_c(&b, "\n");
    trn_print(o->cli->out, &b);
}

static void verdict_json(struct observation *o)
{
    json_t *command = json_array();
    for (char **a = o->cli->inner; *a; a++) {
        json_t *word = json_string(*a);
        json_array_append_new(command, word ? word : json_string("(not UTF-8)"));
    }
    json_t *all = json_pack("{s:s, s:s, s:o, s:i, s:i, s:I, s:I, s:O}", "schema", "turncoat.watch/1", "verdict",
                            trn_verdict_name(o->view.worst), "command", command, "exit_code",
                            WIFEXITED(o->status) ? WEXITSTATUS(o->status) : -1, "signal",
                            WIFSIGNALED(o->status) ? WTERMSIG(o->status) : 0, "findings", (json_int_t)o->view.findings,
                            "lost", (json_int_t)o->view.losses, "stories", o->stories);
    trn_print_json(o->cli->out, all);
    json_decref(all);
}

static int observe(struct observation *o, struct trn_err *err)
{
    struct trn_cli *cli = o->cli;
    int e = trn_scope_make(&o->scope, err);
    if (e == 0)
        e = trn_private_daemon_start(cli, o->scope.path, trn_cli_value(cli, "state"), &o->daemon, err);
    if (e == 0)
        e = trn_client_open(o->daemon.state, &o->client, err);
    if (e == 0)
        e = trn_client_ask(o->client,
                           json_pack("{s:s, s:b}", "ask", "watch", "events", (int)trn_cli_has(cli, "events")), err);
    if (e == 0)
        e = start_command(o, err);
    if (e == 0)
        e = follow(o, err);
    if (e < 0)
        return e;
    return trn_client_each(o->daemon.state,
                           json_pack("{s:s, s:s, s:i}", "ask", "stories", "min", "note", "limit", 1000), on_story, o,
                           err);
}

static void take_down(struct observation *o)
{
    /* Only after a failure is the command still there; it ends in its own time, unobserved. */
    o->client = trn_client_free(o->client);
    trn_private_daemon_stop(&o->daemon);
    unsigned left = trn_scope_remove(&o->scope);
    if (left)
        fprintf(o->cli->err, "turncoat: %u process%s of the command still run%s, no longer observed\n", left,
                left == 1 ? "" : "es", left == 1 ? "s" : "");
    trn_view_done(&o->view);
    json_decref(o->stories);
    trn_fd_close(o->signals);
}

int trn_watch_run(struct trn_cli *cli)
{
    struct observation o = {.cli = cli, .stories = json_array(), .signals = -1};
    struct trn_err err = {0};
    int code;
    if (geteuid() != 0) {
        (void)trn_fail(&err, -EPERM, "cannot observe a command without root: the sensor is loaded into the kernel");
        trn_hint(&err, "sudo turncoat watch -- COMMAND runs it as you, and only the sensor as root");
        json_decref(o.stories);
        return trn_cli_error(cli, &err, TRN_EXIT_UNDECIDED);
    }
    (void)signal(SIGPIPE, SIG_IGN); /* whoever reads us may go; what we made is taken down all the same */
    o.signals = block_signals();
    int e = trn_view_init(&o.view, cli, cli->err, cli->talk_terminal && cli->colour, false);
    if (e == 0)
        e = observe(&o, &err);
    if (e == 0 && cli->json)
        verdict_json(&o);
    else if (e == 0)
        verdict_text(&o);
    code = e < 0                                                              ? TRN_EXIT_UNDECIDED
           : o.view.worst >= cli->fail_on && o.view.worst > TRN_VERDICT_CLEAN ? TRN_EXIT_FINDINGS
                                                                              : TRN_EXIT_OK;
    take_down(&o);
    return e < 0 ? trn_cli_error(cli, &err, (enum trn_exit)code) : code;
}
