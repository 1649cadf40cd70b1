/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a turncoatd of our own: finding the program, starting it, waiting for it, ending it, and its
 * temporary state folder.
 * Must not: end any other process, or remove a state folder that the user named.
 */
#include "cli/client.h"
#include "cli/watch_run.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_SEC 30
#define STOP_MS 10000

/* Beside this program, where a package puts it, then PATH. */
static void find_daemon(char *dst, size_t size)
{
    static const char *const places[] = {"turncoatd", "../libexec/turncoat/turncoatd", "../sbin/turncoatd"};
    char self[512], path[600];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    (void)snprintf(dst, size, "turncoatd");
    if (n <= 0)
        return;
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    if (!slash)
        return;
    *slash = '\0';
    for (size_t i = 0; i < TRN_ARRAY_SIZE(places); i++) {
        int len = snprintf(path, sizeof(path), "%s/%s", self, places[i]);
        if (len > 0 && (size_t)len < TRN_MIN(size, sizeof(path)) && access(path, X_OK) == 0) {
            (void)snprintf(dst, size, "%s", path);
            return;
        }
    }
}

static int make_state(const char *state, struct trn_private_daemon *d, struct trn_err *err)
{
    if (state) {
        (void)snprintf(d->state, sizeof(d->state), "%s", state);
        (void)snprintf(d->log, sizeof(d->log), "%s/turncoatd.out", state);
        if (mkdir(state, 0755) < 0 && errno != EEXIST)
            return trn_fail(err, -errno, "cannot make the state folder: %s", trn_errno_name(-errno));
        return 0;
    }
    (void)snprintf(d->base, sizeof(d->base), "/tmp/turncoat-watch-XXXXXX");
    /* The engine runs as a user of its own and must be able to pass through. */
    if (!mkdtemp(d->base) || chmod(d->base, 0711) < 0)
        return trn_fail(err, -errno, "cannot make a temporary folder: %s", trn_errno_name(-errno));
    d->temporary = true;
    (void)snprintf(d->state, sizeof(d->state), "%s/state", d->base);
    (void)snprintf(d->log, sizeof(d->log), "%s/turncoatd.out", d->base);
    return mkdir(d->state, 0755) < 0
               ? trn_fail(err, -errno, "cannot make a temporary folder: %s", trn_errno_name(-errno))
               : 0;
}

static TRN_NORETURN void daemon_main(const char *program, const char *scope, const struct trn_private_daemon *d)
{
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setpgid(0, 0);                    /* Ctrl-C is for the command, not for who observes it */
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* an observer that was killed takes its daemon along */
    int in = open("/dev/null", O_RDONLY),
        out = open(d->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (in >= 0)
        (void)dup2(in, 0);
    if (out >= 0) {
        (void)dup2(out, 1);
        (void)dup2(out, 2);
    }
    (void)execlp(program, "turncoatd", "--scope-cgroup", scope, "--state", d->state, (char *)NULL);
    _exit(127);
}

/* What the daemon said last, but for its own hint. */
static void tell_why(const struct trn_private_daemon *d, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b = {0};
    char shown[180];
    if (trn_read_file(d->log, (size_t)1 << 20, &b, NULL) < 0)
        return;
    struct trn_cursor c = trn_cur(b.p, b.n);
    struct trn_str line, last = TRN_STR_NONE;
    while (!trn_str_is_none(line = trn_cur_line(&c)))
        if (line.n && !trn_str_starts(line, TRN_STR("hint:")))
            last = line;
    if (last.n)
        trn_hint(err, "it said: %s", trn_escape_into(shown, sizeof(shown), last));
}

static int on_status(void *ctx, const char *type, json_t *payload)
{
    bool *ready = ctx;
    *ready = strcmp(type, "status") == 0 && json_is_true(json_object_get(payload, "ready"));
    return 0;
}

static int wait_ready(struct trn_cli *cli, struct trn_private_daemon *d, struct trn_err *err)
{
    uint64_t end = trn_mono_ns() + READY_SEC * TRN_NS_PER_SEC, talk = trn_mono_ns() + TRN_NS_PER_SEC;
    while (trn_mono_ns() < end) {
        bool ready = false;
        int status;
        if (trn_client_each(d->state, json_pack("{s:s}", "ask", "status"), on_status, &ready, NULL) == 0 && ready)
            return 0;
        if (waitpid(d->pid, &status, WNOHANG) == d->pid) {
            d->pid = 0;
            int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            int e = code == 127 ? trn_fail(err, -ENOENT,
                                           "cannot start turncoatd: it is neither beside this program nor on PATH")
                                : trn_fail(err, -ECHILD, "turncoatd ended at its start (%d)", code);
            tell_why(d, err);
            return e;
        }
        if (cli->talk_terminal && talk && trn_mono_ns() > talk) {
            fputs("waiting for the sensor ...\n", cli->err);
            talk = 0;
        }
        (void)poll(NULL, 0, 50);
    }
    int e = trn_fail(err, -ETIME, "turncoatd was not ready within %d seconds", READY_SEC);
    tell_why(d, err);
    return e;
}

int trn_private_daemon_start(struct trn_cli *cli, const char *scope, const char *state, struct trn_private_daemon *d,
                             struct trn_err *err)
{
    char program[600];
    int e = make_state(state, d, err);
    if (e < 0)
        return e;
    find_daemon(program, sizeof(program));
    d->pid = fork();
    if (d->pid == 0)
        daemon_main(program, scope, d);
    if (d->pid < 0) {
        d->pid = 0;
        return trn_fail(err, -errno, "cannot start turncoatd: %s", trn_errno_name(-errno));
    }
    return wait_ready(cli, d, err);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)remove(path);
    return 0;
}

void trn_private_daemon_stop(struct trn_private_daemon *d)
{
    if (d->pid > 0) {
        (void)kill(d->pid, SIGTERM);
        for (int waited = 0; waitpid(d->pid, NULL, WNOHANG) == 0; waited += 20) {
            if (waited >= STOP_MS)
                (void)kill(d->pid, SIGKILL);
            (void)poll(NULL, 0, 20);
        }
        d->pid = 0;
    }
    if (d->temporary && d->base[0])
        (void)nftw(d->base, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    d->base[0] = '\0';
}
