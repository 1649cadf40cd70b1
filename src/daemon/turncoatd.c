/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turncoatd: loads the sensor, starts and watches its siblings, hands descriptors on, beats for the
 * guard. It parses nothing: no file, no rule, nothing from the network.
 *
 * Ownership: struct trn_daemon owns everything; there is one engine at a time, and drop_engine ends all
 * that was made for it. The main thread reads fanotify and beats, so it waits for nobody; the opener
 * thread does whatever may block on a disk or on a sibling.
 */
#include "daemon/daemon.h"

#include <dirent.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BEAT_MS 100
#define HEALTH_NS TRN_NS_PER_SEC
#define RESTART_PAUSE_NS (500 * TRN_NS_PER_MS)
#define STOP_WAIT_MS 5000
#define MAX_INDICATOR_FILES 64
#define RINGS_FDS 12 /* a message */
#define LOCKED_MEMORY (64u << 20)

struct sibling {
    pid_t pid; /* 0: none */
    int pidfd;
    uint64_t ended_ns; /* no other before a pause: one that ends at once must not cost a processor */
};

struct trn_daemon {
    struct trn_place place;
    const char *scope, *indicator_dir;
    bool no_files;
    struct trn_sensor *sensor;
    struct trn_fanotify *files;
    char *indicators[MAX_INDICATOR_FILES];
    uint32_t n_indicators;
    struct sibling guard, engine, inspect;
    int beat_fd, jobs_fds[2], results_fds[2], listen_fd, signal_fd, mounts_fd;
    int control_fd;
    struct trn_record_pipe *records;
    struct trn_opener *opener;
    uint32_t restarts;
    unsigned dropped;
    uint64_t health_ns, last_health_hash;
    bool stopping;
};

static void say(const char *what, const struct trn_err *err)
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

static void send_health(struct trn_daemon *d)
{
    struct trn_health h = {.restarts = d->restarts, .dropped = __atomic_load_n(&d->dropped, __ATOMIC_RELAXED)};
    size_t n;
    const struct trn_sensor_hook *hooks = trn_sensor_hooks(d->sensor, &n);
    add_hooks(&h, hooks, n);
    if (d->files) {
        hooks = trn_fanotify_hooks(d->files, &n);
        add_hooks(&h, hooks, n);
    }
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

static int hand_over(struct trn_daemon *d, int engine_files_fd, int pipe_fd)
{
    size_t n;
    const struct trn_sensor_fd *fds = trn_sensor_fds(d->sensor, &n);
    int socks[TRN_CH_SOCK_COUNT];
    socks[TRN_CH_SOCK_LISTEN] = d->listen_fd;
    socks[TRN_CH_SOCK_FILES] = engine_files_fd;
    socks[TRN_CH_SOCK_RESULTS] = d->results_fds[0];
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
    send_health(d);
    return r;
}

static int start_engine(struct trn_daemon *d, struct trn_err *err)
{
    char uid[16], gid[16];
    snprintf(uid, sizeof uid, "%u", d->place.engine_uid);
    snprintf(gid, sizeof gid, "%u", d->place.engine_gid);
    const char *const argv[] = {"turncoat-engine", uid, gid, getenv("JOURNAL_STREAM") ? "1" : "0", NULL};
    int control[2] = {-1, -1}, files[2] = {-1, -1}, pipe_fd = -1;
    int r = trn_ipc_pair(control, 0);
    if (r == 0)
        r = trn_ipc_pair(files, 1 << 20);
    if (r == 0)
        r = trn_record_pipe_new(&d->records, &pipe_fd, err);
    TRN_AUTO(trn_fd_closep) int engine_control = control[1];
    TRN_AUTO(trn_fd_closep) int engine_files = files[1];
    TRN_AUTO(trn_fd_closep) int engine_pipe = pipe_fd;
    d->control_fd = control[0];
    if (r == 0)
        r = trn_spawn("turncoat-engine", argv, &engine_control, 1, d->place.state_fd, &d->engine.pid, &d->engine.pidfd,
                      err);
    if (r == 0)
        r = hand_over(d, engine_files, engine_pipe);
    if (r == 0) {
        const struct trn_opener_options o = {.files_sock = files[0],
                                             .jobs_sock = d->jobs_fds[0],
                                             .control_sock = d->control_fd,
                                             .sensor = d->sensor,
                                             .records = d->records,
                                             .indicators = (const char *const *)d->indicators,
                                             .n_indicators = d->n_indicators,
                                             .run = d->restarts,
                                             .state_dir = d->place.state_dir,
                                             .dropped = &d->dropped};
        r = trn_opener_start(&o, &d->opener, err);
        files[0] = r == 0 ? -1 : files[0];
    }
    trn_fd_close(files[0]);
    return r < 0 && err->code == 0 ? trn_fail(err, r, "cannot start the engine: %s", trn_errno_name(r)) : r;
}

static void end_sibling(struct sibling *s)
{
    if (s->pid <= 0)
        return;
    syscall(SYS_pidfd_send_signal, s->pidfd, SIGKILL, NULL, 0);
    waitpid(s->pid, NULL, 0);
    s->pidfd = trn_fd_close(s->pidfd);
    s->pid = 0;
    s->ended_ns = trn_mono_ns();
}

/* The engine is gone or must go: everything that was made for it goes too. */
static void drop_engine(struct trn_daemon *d)
{
    end_sibling(&d->engine);
    d->opener = trn_opener_stop(d->opener);
    d->records = trn_record_pipe_free(d->records);
    d->control_fd = trn_fd_close(d->control_fd);
    d->engine.ended_ns = trn_mono_ns(); /* also when none could be started */
    d->restarts++;
}

/* ---- inspect and guard ---- */

static int start_inspect(struct trn_daemon *d, struct trn_err *err)
{
    char uid[16], gid[16];
    snprintf(uid, sizeof uid, "%u", d->place.inspect_uid);
    snprintf(gid, sizeof gid, "%u", d->place.inspect_gid);
    const char *const argv[] = {"turncoat-inspect", uid, gid, NULL};
    const int fds[] = {d->jobs_fds[1], d->results_fds[1]};
    return trn_spawn("turncoat-inspect", argv, fds, 2, -1, &d->inspect.pid, &d->inspect.pidfd, err);
}

static int start_guard(struct trn_daemon *d, struct trn_err *err)
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
    const int fds[] = {theirs, self};
    r = trn_set_nonblock(ours, true);
    if (r == 0)
        r = trn_spawn("turncoat-guard", argv, fds, 2, -1, &d->guard.pid, &d->guard.pidfd, err);
    if (r == 0)
        d->beat_fd = trn_fd_steal(&ours);
    return r;
}

/* ---- files ---- */

/* Our own siblings write the store and the log: seeing that would never end. */
static int forward_record(void *ctx, struct trn_str record)
{
    struct trn_daemon *d = ctx;
    uint32_t pid = trn_record_pid(record);
    if (pid == (uint32_t)getpid() || pid == (uint32_t)d->engine.pid || pid == (uint32_t)d->inspect.pid)
        return 0;
    /* An engine that is gone (EPIPE, or ECONNRESET when it left something unread) must not end file events:
     * it is noticed where it is waited for. */
    if (d->records)
        (void)!trn_record_pipe_send(d->records, record);
    return 0;
}

static void read_files(struct trn_daemon *d)
{
    struct trn_err err = {0};
    const struct trn_record_sink sink = {forward_record, d};
    if (trn_fanotify_read(d->files, 16, &sink, &err) < 0) {
        say("file events ended", &err);
        d->files = trn_fanotify_close(d->files);
    }
}

/* ---- start ---- */

static int sort_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void find_indicators(struct trn_daemon *d, const char *dir)
{
    DIR *f = opendir(dir);
    for (struct dirent *de; f && (de = readdir(f));) {
        struct trn_str n = trn_str_of(de->d_name);
        if (n.p[0] == '.' || !(trn_str_ends(n, TRN_STR(".csv")) || trn_str_ends(n, TRN_STR(".json"))))
            continue;
        if (d->n_indicators == MAX_INDICATOR_FILES) {
            fprintf(stderr, "turncoatd: more than %d indicator files in '%s', skipping the rest\n", MAX_INDICATOR_FILES,
                    dir);
            break;
        }
        if (asprintf(&d->indicators[d->n_indicators], "%s/%s", dir, de->d_name) > 0)
            d->n_indicators++;
    }
    if (f)
        closedir(f);
    qsort(d->indicators, d->n_indicators, sizeof d->indicators[0], sort_names);
}

static int make_sockets(struct trn_daemon *d, struct trn_err *err)
{
    int r = trn_ipc_pair(d->jobs_fds, 1 << 20);
    if (r == 0) /* our end only: who waits for room is the opener's decision */
        r = trn_set_nonblock(d->jobs_fds[0], true);
    if (r == 0)
        r = trn_ipc_pair(d->results_fds, 1 << 20);
    if (r < 0)
        return trn_fail(err, r, "cannot make a socket pair: %s", trn_errno_name(r));
    d->listen_fd = trn_place_listen(&d->place, err);
    if (d->listen_fd < 0)
        return d->listen_fd;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    d->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    d->mounts_fd = open("/proc/self/mounts", O_RDONLY | O_CLOEXEC);
    return d->signal_fd < 0 ? trn_fail(err, -errno, "cannot wait for signals: %s", trn_errno_name(-errno)) : 0;
}

static int start_sensor(struct trn_daemon *d, struct trn_err *err)
{
    const struct trn_sensor_options o = {.sz = sizeof o, .scope_cgroup = d->scope};
    int r = trn_sensor_open(&o, &d->sensor, err);
    if (r < 0 || d->no_files)
        return r;
    struct trn_err files = {0};
    const struct trn_fanotify_options f = {.sz = sizeof f};
    if (trn_fanotify_open(&f, &d->files, &files) < 0)
        say("file events are off", &files); /* degraded, and said in status too */
    return 0;
}

/* Perf buffers are mapped by the engine, which has no rights of its own: they count against this limit. */
static void raise_locked_memory(void)
{
    struct rlimit locked = {LOCKED_MEMORY, LOCKED_MEMORY};
    if (setrlimit(RLIMIT_MEMLOCK, &locked) == 0 || getrlimit(RLIMIT_MEMLOCK, &locked) < 0)
        return;
    locked.rlim_cur = locked.rlim_max; /* not allowed to raise the hard limit: as far as it goes */
    if (setrlimit(RLIMIT_MEMLOCK, &locked) < 0)
        fprintf(stderr, "turncoatd: cannot raise the limit of locked memory, going on\n");
}

static int start(struct trn_daemon *d, const char *state_dir, struct trn_err *err)
{
    raise_locked_memory();
    int r = trn_place_open(state_dir, &d->place, err);
    if (r < 0)
        return r;
    char own[4200];
    snprintf(own, sizeof own, "%s/indicators", d->place.state_dir);
    find_indicators(d, d->indicator_dir);
    find_indicators(d, own);
    r = make_sockets(d, err);
    if (r == 0)
        r = start_sensor(d, err);
    if (r == 0)
        r = start_inspect(d, err);
    if (r == 0) /* not before the slow part: from now on we must beat */
        r = start_guard(d, err);
    if (r == 0)
        r = start_engine(d, err);
    return r;
}

/* ---- the loop ---- */

static bool may_start(const struct sibling *s)
{
    return !s->pid && trn_mono_ns() > s->ended_ns + RESTART_PAUSE_NS;
}

static void note_end(struct sibling *s, const char *name)
{
    fprintf(stderr, "turncoatd: %s ended; another is started\n", name);
    end_sibling(s);
}

static void watch_engine(struct trn_daemon *d, bool ended)
{
    struct trn_err err = {0};
    if (d->engine.pid && (ended || trn_opener_ended(d->opener))) {
        fprintf(stderr, "turncoatd: the engine ended; another is started\n");
        drop_engine(d);
    }
    if (may_start(&d->engine) && start_engine(d, &err) < 0) {
        say("", &err);
        drop_engine(d);
    }
}

static void watch_inspect(struct trn_daemon *d, bool ended)
{
    struct trn_err err = {0};
    if (d->inspect.pid && ended)
        note_end(&d->inspect, "turncoat-inspect");
    if (!may_start(&d->inspect))
        return;
    if (start_inspect(d, &err) < 0) {
        say("", &err);
        d->inspect.ended_ns = trn_mono_ns();
    } else if (d->engine.pid && trn_ipc_send(d->control_fd, TRN_CH_INSPECT_LOST, TRN_STR(""), NULL, 0) < 0) {
        fprintf(stderr, "turncoatd: the engine does not take messages\n");
    }
}

static void watch_guard(struct trn_daemon *d, bool ended)
{
    struct trn_err err = {0};
    if (d->guard.pid && ended) {
        note_end(&d->guard, "turncoat-guard");
        d->beat_fd = trn_fd_close(d->beat_fd);
    }
    if (may_start(&d->guard) && start_guard(d, &err) < 0) {
        say("", &err);
        d->guard.ended_ns = trn_mono_ns();
    }
}

static void one_round(struct trn_daemon *d)
{
    struct pollfd fds[] = {
        {.fd = d->engine.pid ? d->engine.pidfd : -1, .events = POLLIN},
        {.fd = d->inspect.pid ? d->inspect.pidfd : -1, .events = POLLIN},
        {.fd = d->guard.pid ? d->guard.pidfd : -1, .events = POLLIN},
        {.fd = d->signal_fd, .events = POLLIN},
        {.fd = d->files ? trn_fanotify_fd(d->files) : -1, .events = POLLIN},
        {.fd = d->mounts_fd, .events = POLLPRI},
    };
    if (poll(fds, TRN_ARRAY_SIZE(fds), BEAT_MS) < 0 && errno != EINTR)
        return;
    if (d->beat_fd >= 0 && write(d->beat_fd, "b", 1) < 0 && errno != EAGAIN)
        fds[2].revents |= POLLIN; /* the guard's end is closed */
    if (fds[3].revents)
        d->stopping = true;
    if (fds[4].revents)
        read_files(d);
    if (fds[5].revents & POLLPRI && d->files) {
        struct trn_err err = {0};
        if (trn_fanotify_rescan(d->files, &err) < 0)
            say("cannot look at new file systems", &err);
    }
    if (d->stopping)
        return;
    watch_engine(d, fds[0].revents != 0);
    watch_inspect(d, fds[1].revents != 0);
    watch_guard(d, fds[2].revents != 0);
    uint64_t now = trn_mono_ns();
    if (d->engine.pid && now > d->health_ns + HEALTH_NS) {
        d->health_ns = now;
        send_health(d);
    }
}

/* The engine writes out what it has when its control socket ends; it gets a bounded time for it. */
static void stop(struct trn_daemon *d)
{
    d->stopping = true;
    if (d->engine.pid) {
        shutdown(d->control_fd, SHUT_WR); /* not closed: the opener may still use it */
        for (int waited = 0; waited < STOP_WAIT_MS; waited += BEAT_MS) {
            struct pollfd p = {.fd = d->engine.pidfd, .events = POLLIN};
            if (d->beat_fd >= 0 && write(d->beat_fd, "b", 1) < 0 && errno == EPIPE)
                d->beat_fd = trn_fd_close(d->beat_fd);
            if (poll(&p, 1, BEAT_MS) > 0)
                break;
        }
        end_sibling(&d->engine);
    }
    trn_opener_stop(d->opener);            /* not before: it may wait for the engine */
    d->beat_fd = trn_fd_close(d->beat_fd); /* end of stream: the guard leaves too */
    if (d->guard.pid) {
        waitpid(d->guard.pid, NULL, 0);
        trn_fd_close(d->guard.pidfd);
    }
    end_sibling(&d->inspect);
    trn_record_pipe_free(d->records);
    trn_fanotify_close(d->files);
    trn_sensor_close(d->sensor);
    for (int i = 0; i < 2; i++) {
        trn_fd_close(d->jobs_fds[i]);
        trn_fd_close(d->results_fds[i]);
    }
    if (d->listen_fd >= 0 && unlinkat(d->place.state_fd, "turncoat.sock", 0) < 0)
        fprintf(stderr, "turncoatd: the socket could not be removed\n");
    trn_fd_close(d->listen_fd);
    trn_fd_close(d->signal_fd);
    trn_fd_close(d->mounts_fd);
    trn_fd_close(d->control_fd);
    trn_place_close(&d->place);
    for (uint32_t i = 0; i < d->n_indicators; i++)
        free(d->indicators[i]);
}

static void usage(FILE *to)
{
    fputs("usage: turncoatd [--state DIR] [--scope-cgroup PATH] [--indicators DIR]\n\n"
          "  turncoatd --state /var/lib/turncoat             watch this machine, in the foreground\n"
          "  turncoatd --scope-cgroup /sys/fs/cgroup/test    watch one cgroup and what is below it\n\n"
          "  --state DIR          store, log and socket (default /var/lib/turncoat)\n"
          "  --scope-cgroup PATH  a cgroup v2 folder; nothing outside it is sensed\n"
          "  --indicators DIR     .csv and STIX .json files (default /etc/turncoat/indicators; DIR/indicators\n"
          "                       of the state folder is read too)\n"
          "  --no-files           no file events (for measurements)\n"
          "  --version, --help\n",
          to);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"state", 1, NULL, 's'},    {"scope-cgroup", 1, NULL, 'c'}, {"indicators", 1, NULL, 'i'},
        {"no-files", 0, NULL, 'F'}, {"version", 0, NULL, 'v'},      {"help", 0, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    struct trn_daemon d = {.place = {.state_fd = -1, .lock_fd = -1},
                           .beat_fd = -1,
                           .jobs_fds = {-1, -1},
                           .results_fds = {-1, -1},
                           .listen_fd = -1,
                           .signal_fd = -1,
                           .mounts_fd = -1,
                           .control_fd = -1,
                           .indicator_dir = "/etc/turncoat/indicators"};
    const char *state_dir = "/var/lib/turncoat";
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (o) {
        case 's':
            state_dir = optarg;
            break;
        case 'c':
            d.scope = optarg;
            break;
        case 'i':
            d.indicator_dir = optarg;
            break;
        case 'F':
            d.no_files = true;
            break;
        case 'v':
            puts("turncoatd " TRN_VERSION);
            return 0;
        case 'h':
            usage(stdout);
            return 0;
        default:
            usage(stderr);
            return 2;
        }
    }
    if (optind < argc) {
        usage(stderr);
        return 2;
    }
    struct trn_err err = {0};
    if (geteuid() != 0) {
        fputs("turncoatd: cannot watch: not root\nhint: sudo turncoatd ...; `turncoat replay` needs no root\n", stderr);
        return 3;
    }
    int r = start(&d, state_dir, &err);
    if (r < 0)
        say("cannot start", &err);
    else
        fprintf(stderr, "turncoatd: watching %s, state in '%s'\n", d.scope ? d.scope : "this machine",
                d.place.state_dir);
    while (r == 0 && !d.stopping)
        one_round(&d);
    stop(&d);
    return r < 0 ? 3 : 0;
}
