/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the life of the other processes as turncoatd sees it: start, what each is handed, watch, end.
 * Must not own: how a process is started (spawn.c), what the opener does for an engine (opener.c).
 * Runs in the main thread: nothing here waits for a sibling that does not answer.
 */
#include "daemon/turncoatd.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define RESTART_PAUSE_NS (500 * TRN_NS_PER_MS)
#define RESTART_DOUBLINGS 6u            /* at most every 32 s for one that ends at once */
#define STEADY_NS (10 * TRN_NS_PER_SEC) /* who lived that long is started again without a longer pause */
#define RINGS_FDS 12                    /* a message */

void trn_daemon_say(const char *what, const struct trn_err *err)
{
    fprintf(stderr, "turncoatd: %s%s%s\n", what, what[0] ? ": " : "", err->message);
    if (err->hint[0])
        fprintf(stderr, "hint: %s\n", err->hint);
}

/* ---- health ---- */

static void add_hooks(struct trn_health *h, const struct trn_sensor_hook *hooks, size_t n)
{
    for (size_t i = 0; i < n && h->n_hooks < TRN_HEALTH_HOOKS; i++)
        h->hooks[h->n_hooks++] =
            (struct trn_hook_report){trn_str_of(hooks[i].name), trn_str_of(trn_hook_state_name(hooks[i].state)),
                                     trn_str_of(hooks[i].reason)};
}

/* What turncoatd acts with: off is said, never left out. */
static void add_tool(struct trn_health *h, const struct trn_sensor_hook *hook, const char *name)
{
    if (hook)
        add_hooks(h, hook, 1);
    else if (h->n_hooks < TRN_HEALTH_HOOKS)
        h->hooks[h->n_hooks++] =
            (struct trn_hook_report){trn_str_of(name), trn_str_of(trn_hook_state_name(TRN_HOOK_OFF)),
                                     TRN_STR("the kernel refuses it: turncoatd said why at its start")};
}

/* Without openat2 (old kernels, a service manager's filter) no file and no package can be identified: said, not guessed. */
static struct trn_hook_report identity_hook(void)
{
    TRN_AUTO(trn_fd_closep) int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    TRN_AUTO(trn_fd_closep) int fd = root < 0 ? -errno : trn_open_in_root(root, "proc", O_PATH);
    struct trn_str why = fd >= 0         ? TRN_STR("")
                         : fd == -ENOSYS ? TRN_STR("openat2 is refused here (ENOSYS): what files are is not known")
                                         : TRN_STR("openat2 failed: what files are is not known");
    return (struct trn_hook_report){TRN_STR("file.identity"),
                                    trn_str_of(trn_hook_state_name(fd >= 0 ? TRN_HOOK_ON : TRN_HOOK_OFF)), why};
}

void trn_daemon_send_health(struct trn_daemon *d)
{
    struct trn_health h = {.restarts = d->restarts,
                           .dropped = __atomic_load_n(&d->dropped, __ATOMIC_RELAXED),
                           .guard_pid = (uint32_t)d->guard.pid,
                           .inspect_pid = (uint32_t)d->inspect.pid};
    size_t n;
    trn_hands_answers(d, &h.answers);
    const struct trn_sensor_hook *hooks = trn_sensor_hooks(d->sensor, &n);
    add_hooks(&h, hooks, n);
    struct trn_sensor_hook no_files[] = {{.name = "file.marks"}, {.name = "file.sensitive"}};
    if (d->files) {
        hooks = trn_fanotify_hooks(d->files, &n);
        add_hooks(&h, hooks, n);
    } else if (d->files_why[0]) { /* off is said, never left out */
        for (size_t i = 0; i < TRN_ARRAY_SIZE(no_files); i++)
            memcpy(no_files[i].reason, d->files_why, sizeof no_files[i].reason);
        add_hooks(&h, no_files, TRN_ARRAY_SIZE(no_files));
    }
    if (d->proc_events)
        add_hooks(&h, trn_proc_events_hook(d->proc_events), 1);
    add_tool(&h, d->gate ? trn_gate_hook(d->gate) : NULL, "response.gate");
    add_tool(&h, d->cut ? trn_cut_hook(d->cut) : NULL, "response.cut");
    if (d->protect_hook.name)
        add_hooks(&h, &d->protect_hook, 1);
    if (h.n_hooks < TRN_HEALTH_HOOKS)
        h.hooks[h.n_hooks++] = identity_hook();
    const struct trn_sensor_fd *fds = trn_sensor_fds(d->sensor, &n);
    for (size_t i = 0; i < n; i++)
        h.map_bytes += fds[i].kind == TRN_SENSOR_FD_COUNTERS ? 4096 : fds[i].size;
    struct trn_buf b;
    trn_buf_init(&b, TRN_IPC_MAX - 64);
    trn_health_encode(&h, &b);
    uint64_t hash = trn_hash64_str(trn_buf_str(&b));
    if (!b.bad && hash != d->last_health_hash &&
        trn_ipc_send(d->control_fd, TRN_CH_HEALTH, trn_buf_str(&b), NULL, 0) == 0)
        d->last_health_hash = hash;
    trn_buf_done(&b);
}

/* ---- the engine ---- */

static int send_hello(struct trn_daemon *d, uint32_t sensor_fds)
{
    char note[sizeof d->executor_why + 64];
    struct trn_hello h = {.sensor_fds = sensor_fds,
                          .restarts = d->restarts,
                          .dropped = __atomic_load_n(&d->dropped, __ATOMIC_RELAXED),
                          .daemon_pid = (uint32_t)getpid(),
                          .guard_pid = (uint32_t)d->guard.pid,
                          .inspect_pid = (uint32_t)d->inspect.pid,
                          .indicator_files = d->n_indicators,
                          .mntns = d->place.mntns,
                          .respond_gid = d->place.respond_gid == (gid_t)-1 ? TRN_NO_U32 : d->place.respond_gid,
                          .state_dir = trn_str_of(d->place.state_dir),
                          .scope = d->scope ? trn_str_of(d->scope) : TRN_STR_NONE};
    if (d->place.spare_users)
        h.config_note = TRN_STR("users '_turncoat' and '_turncoat-inspect' do not exist: spare ids are used (not "
                                "installed from the package)");
    if (d->executor_why[0]) {
        snprintf(note, sizeof note, "NOTHING CAN BE DONE ABOUT THREATS: %s", d->executor_why);
        h.config_note = trn_str_of(note);
    }
    memcpy(h.host_id, d->place.host_id, sizeof h.host_id);
    memcpy(h.boot_id, d->place.boot_id, sizeof h.boot_id);
    struct trn_buf b, names;
    trn_buf_init(&names, 16384);
    for (uint32_t i = 0; i < d->n_indicators; i++)
        trn_put(&names, d->indicators[i], strlen(d->indicators[i]) + 1);
    h.indicator_names = names.bad ? TRN_STR_NONE : trn_buf_str(&names);
    trn_buf_init(&b, 32768);
    trn_hello_encode(&h, &b);
    int r = trn_ipc_send(d->control_fd, TRN_CH_HELLO, trn_buf_str(&b), NULL, 0);
    trn_buf_done(&b);
    trn_buf_done(&names);
    return r;
}

static int send_rings(struct trn_daemon *d, const struct trn_sensor_fd *fds, size_t n)
{
    int r = 0;
    for (size_t at = 0; at < n && r == 0; at += RINGS_FDS) {
        int out[RINGS_FDS];
        struct trn_buf b;
        trn_buf_init(&b, 1024);
        size_t part = TRN_MIN(n - at, (size_t)RINGS_FDS);
        for (size_t i = 0; i < part; i++) {
            trn_put_u32(&b, fds[at + i].kind);
            trn_put_u32(&b, fds[at + i].size);
            out[i] = fds[at + i].fd;
        }
        r = trn_ipc_send(d->control_fd, TRN_CH_RINGS, trn_buf_str(&b), out, (unsigned)part);
        trn_buf_done(&b);
    }
    return r;
}

static int hand_over(struct trn_daemon *d, int engine_files_fd, int engine_acts_fd, int engine_respond_fd, int pipe_fd)
{
    size_t n;
    const struct trn_sensor_fd *fds = trn_sensor_fds(d->sensor, &n);
    int socks[TRN_CH_SOCK_COUNT];
    socks[TRN_CH_SOCK_LISTEN] = d->listen_fd;
    socks[TRN_CH_SOCK_FILES] = engine_files_fd;
    socks[TRN_CH_SOCK_RESULTS] = d->results_fds[0];
    socks[TRN_CH_SOCK_ACTS] = engine_acts_fd;
    socks[TRN_CH_SOCK_RESPOND] = engine_respond_fd;
    const struct trn_sensor_fd records = {.kind = TRN_SENSOR_FD_RECORDS, .fd = pipe_fd};
    int r = send_hello(d, (uint32_t)n + 1);
    if (r == 0)
        r = trn_ipc_send(d->control_fd, TRN_CH_SOCKETS, TRN_STR(""), socks, TRN_CH_SOCK_COUNT);
    if (r == 0)
        r = send_rings(d, fds, n);
    if (r == 0)
        r = send_rings(d, &records, 1);
    if (r == 0) /* from here on we wait for no engine */
        r = trn_set_nonblock(d->control_fd, true);
    d->last_health_hash = 0;
    trn_daemon_send_health(d);
    trn_rules_tell(d);
    return r;
}

int trn_engine_start(struct trn_daemon *d, struct trn_err *err)
{
    char uid[16], gid[16];
    snprintf(uid, sizeof uid, "%u", d->place.engine_uid);
    snprintf(gid, sizeof gid, "%u", d->place.engine_gid);
    const char *const argv[] = {"turncoat-engine", uid, gid, getenv("JOURNAL_STREAM") ? "1" : "0", NULL};
    int control[2] = {-1, -1}, files[2] = {-1, -1}, acts[2] = {-1, -1}, respond[2] = {-1, -1}, pipe_fd = -1;
    int r = trn_ipc_pair(control, 0);
    if (r == 0)
        r = trn_ipc_pair(files, 1 << 20);
    if (r == 0)
        r = trn_ipc_pair(acts, 0);
    if (r == 0)
        r = trn_ipc_pair(respond, 1 << 20);
    if (r == 0)
        r = trn_record_pipe_new(&d->records, &pipe_fd, err);
    TRN_AUTO(trn_fd_closep) int engine_control = control[1];
    TRN_AUTO(trn_fd_closep) int engine_files = files[1];
    TRN_AUTO(trn_fd_closep) int engine_acts = acts[1];
    TRN_AUTO(trn_fd_closep) int engine_respond = respond[1];
    TRN_AUTO(trn_fd_closep) int engine_pipe = pipe_fd;
    d->control_fd = control[0];
    if (r == 0)
        r = trn_spawn("turncoat-engine", argv, &engine_control, 1, d->place.state_fd, &d->engine.pid, &d->engine.pidfd,
                      err);
    d->engine.started_ns = trn_mono_ns();
    trn_hands_own(d);
    if (r == 0)
        r = hand_over(d, engine_files, engine_acts, engine_respond, engine_pipe);
    if (r == 0) {
        const struct trn_opener_options o = {.files_sock = files[0],
                                             .jobs_sock = d->jobs_fds[0],
                                             .control_sock = d->control_fd,
                                             .sensor = d->sensor,
                                             .records = d->records,
                                             .filters = d->filters,
                                             .indicators = (const char *const *)d->indicators,
                                             .n_indicators = d->n_indicators,
                                             .run = d->restarts,
                                             .state_dir = d->place.state_dir,
                                             .views_fd = d->views_fds[1],
                                             .dropped = &d->dropped};
        r = trn_opener_start(&o, &d->opener, err);
        files[0] = r == 0 ? -1 : files[0];
    }
    if (r == 0)
        r = trn_daemon_orders(d, acts, respond, err);
    trn_fd_close(files[0]);
    trn_fd_close(acts[0]);
    trn_fd_close(respond[0]);
    return r < 0 && err->code == 0 ? trn_fail(err, r, "cannot start the engine: %s", trn_errno_name(r)) : r;
}

void trn_sibling_end(struct sibling *s)
{
    if (s->pid <= 0)
        return;
    syscall(SYS_pidfd_send_signal, s->pidfd, SIGKILL, NULL, 0);
    waitpid(s->pid, NULL, 0);
    s->pidfd = trn_fd_close(s->pidfd);
    s->pid = 0;
    s->ended_ns = trn_mono_ns();
    s->failures = s->ended_ns < s->started_ns + STEADY_NS ? s->failures + 1 : 0;
}

/* The engine is gone or must go: everything that was made for it goes too. */
static void drop_engine(struct trn_daemon *d)
{
    trn_sibling_end(&d->engine);
    trn_daemon_orders_stop(d);
    d->opener = trn_opener_stop(d->opener);
    d->records = d->hands_left ? NULL : trn_record_pipe_free(d->records); /* a thread may be telling a filter */
    d->control_fd = trn_fd_close(d->control_fd);
    d->engine.ended_ns = trn_mono_ns(); /* also when none could be started */
    d->restarts++;
}

/* ---- inspect and guard ---- */

int trn_inspect_start(struct trn_daemon *d, struct trn_err *err)
{
    char uid[16], gid[16];
    snprintf(uid, sizeof uid, "%u", d->place.inspect_uid);
    snprintf(gid, sizeof gid, "%u", d->place.inspect_gid);
    const char *const argv[] = {"turncoat-inspect", uid, gid, NULL};
    const int fds[] = {d->jobs_fds[1], d->results_fds[1]};
    d->inspect.started_ns = trn_mono_ns();
    int r = trn_spawn("turncoat-inspect", argv, fds, 2, -1, &d->inspect.pid, &d->inspect.pidfd, err);
    trn_hands_own(d);
    return r;
}

int trn_guard_start(struct trn_daemon *d, struct trn_err *err)
{
    const char *const argv[] = {"turncoat-guard", NULL};
    int beats[2];
    int r = trn_ipc_pair(beats, 0);
    if (r < 0)
        return trn_fail(err, r, "cannot make a socket pair: %s", trn_errno_name(r));
    TRN_AUTO(trn_fd_closep) int ours = beats[0];
    TRN_AUTO(trn_fd_closep) int theirs = beats[1];
    TRN_AUTO(trn_fd_closep) int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (self < 0)
        return trn_fail(err, -errno, "cannot name our own process: %s", trn_errno_name(-errno));
    const int fds[] = {theirs, self, trn_held_fd(d->held)};
    r = trn_set_nonblock(ours, true);
    d->guard.started_ns = trn_mono_ns();
    if (r == 0)
        r = trn_spawn("turncoat-guard", argv, fds, 3, -1, &d->guard.pid, &d->guard.pidfd, err);
    trn_hands_own(d);
    if (r == 0)
        d->beat_fd = trn_fd_steal(&ours);
    return r;
}

static bool may_start(const struct sibling *s)
{
    return !s->pid && trn_mono_ns() > s->ended_ns + (RESTART_PAUSE_NS << TRN_MIN(s->failures, RESTART_DOUBLINGS));
}

static void note_end(struct sibling *s, const char *name)
{
    fprintf(stderr, "turncoatd: %s ended; another is started\n", name);
    trn_sibling_end(s);
}

void trn_engine_watch(struct trn_daemon *d, bool ended)
{
    struct trn_err err = {0};
    if (d->engine.pid && (ended || trn_opener_ended(d->opener) || trn_orders_ended(d->orders))) {
        fprintf(stderr, "turncoatd: the engine ended; another is started\n");
        drop_engine(d);
    }
    if (may_start(&d->engine) && trn_engine_start(d, &err) < 0) {
        trn_daemon_say("", &err);
        drop_engine(d);
    }
}

void trn_inspect_watch(struct trn_daemon *d, bool ended)
{
    struct trn_err err = {0};
    if (d->inspect.pid && ended)
        note_end(&d->inspect, "turncoat-inspect");
    if (!may_start(&d->inspect))
        return;
    if (trn_inspect_start(d, &err) < 0) {
        trn_daemon_say("", &err);
        d->inspect.ended_ns = trn_mono_ns();
    } else if (d->engine.pid && trn_ipc_send(d->control_fd, TRN_CH_INSPECT_LOST, TRN_STR(""), NULL, 0) < 0) {
        fprintf(stderr, "turncoatd: the engine does not take messages\n");
    }
}

void trn_guard_watch(struct trn_daemon *d, bool ended)
{
    struct trn_err err = {0};
    if (d->guard.pid && ended) {
        note_end(&d->guard, "turncoat-guard");
        d->beat_fd = trn_fd_close(d->beat_fd);
    }
    if (may_start(&d->guard) && trn_guard_start(d, &err) < 0) {
        trn_daemon_say("", &err);
        d->guard.ended_ns = trn_mono_ns();
    }
}
