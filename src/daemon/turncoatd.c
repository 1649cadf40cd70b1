/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turncoatd: loads the sensor, starts and watches its siblings (siblings.c), forwards file events, beats
 * for the guard. It parses nothing: no file, no rule, nothing from the network.
 *
 * Ownership: struct trn_daemon owns everything. The main thread reads fanotify and beats, so it waits for
 * nobody; the opener thread does whatever may block on a disk or on a sibling.
 */
#include "daemon/turncoatd.h"

#include "daemon/heartbeat.h"

#include <dirent.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BEAT_MS 100
#define HEALTH_NS TRN_NS_PER_SEC
#define FILES_NS (10 * TRN_NS_PER_MS) /* file events gather so long: a wake-up for each costs more than the event */
#define STOP_WAIT_MS 5000
#define LOCKED_MEMORY (64u << 20)
#define OPEN_FILES 8192u

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
        (void)!trn_record_pipe_hold(d->records, record);
    return 0;
}

/* Whose records were left out because it made too many, and which filters are over: once a second. */
static void tell_limits(struct trn_daemon *d)
{
    const struct trn_record_sink sink = {forward_record, d};
    if (trn_sensor_throttled(d->sensor, &sink) < 0 || (d->files && trn_fanotify_throttled(d->files, &sink) < 0))
        fprintf(stderr, "turncoatd: who was throttled cannot be told\n");
    if (trn_sensor_repeated(d->sensor, &sink) < 0)
        fprintf(stderr, "turncoatd: repeated connections cannot be told\n");
    trn_filters_tick(d->filters, &sink);
}

/* Whether our hooks and marks are still there: a few dozen system calls a second. */
static void check_hooks(struct trn_daemon *d)
{
    struct trn_err err = {0};
    const struct trn_record_sink sink = {forward_record, d};
    if (trn_sensor_check(d->sensor, &sink) < 0 || (d->files && trn_fanotify_check(d->files, &sink, &err) < 0))
        trn_daemon_say("hooks cannot be checked", &err);
}

static void read_files(struct trn_daemon *d)
{
    struct trn_err err = {0};
    const struct trn_record_sink sink = {forward_record, d};
    if (trn_fanotify_read(d->files, 16, &sink, &err) < 0) {
        trn_daemon_say("file events ended", &err);
        snprintf(d->files_why, sizeof d->files_why, "%.199s", err.message);
        trn_filters_files(d->filters, NULL);
        d->files = trn_fanotify_close(d->files);
    }
    d->files_ns = trn_mono_ns();
}

/* Processes in other mount namespaces, as the engine named them. */
static void read_views(struct trn_daemon *d)
{
    uint32_t pids[16];
    ssize_t n = read(d->views_fds[0], pids, sizeof pids);
    for (size_t i = 0; n > 0 && i < (size_t)n / sizeof pids[0] && d->files; i++)
        trn_fanotify_view(d->files, pids[i]);
}

/* How long file events may still gather, in ms; 0: what is there is read now. */
static int files_rest_ms(const struct trn_daemon *d)
{
    uint64_t now = trn_mono_ns(), next = d->files_ns + FILES_NS;
    return now >= next ? 0 : (int)((next - now + TRN_NS_PER_MS - 1) / TRN_NS_PER_MS);
}

bool trn_daemon_beat(struct trn_daemon *d)
{
    uint64_t now = trn_mono_ns();
    /* Whoever waits for an answer that does not come waits for the guard. */
    if (trn_hands_stuck(d) || d->beat_fd < 0 || now < d->beat_ns + BEAT_MS * TRN_NS_PER_MS / 2)
        return true;
    d->beat_ns = now;
    const char kind = trn_hands_may_hold(d) ? TRN_BEAT_HOLDING : TRN_BEAT_IDLE;
    return write(d->beat_fd, &kind, 1) >= 0 || errno == EAGAIN;
}

static void read_proc_events(struct trn_daemon *d)
{
    struct trn_err err = {0};
    const struct trn_record_sink sink = {forward_record, d};
    if (trn_proc_events_read(d->proc_events, &sink, &err) < 0)
        trn_daemon_say("process events ended", &err); /* its hook says so from now on */
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
    if (pipe2(d->views_fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return trn_fail(err, -errno, "cannot make a pipe: %s", trn_errno_name(-errno));
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

/* status says it too; here it is in the journal from the first second on. */
static void say_what_is_off(const struct trn_sensor *s)
{
    size_t n;
    const struct trn_sensor_hook *hooks = trn_sensor_hooks(s, &n);
    for (size_t i = 0; i < n; i++)
        if (hooks[i].state != TRN_HOOK_ON)
            fprintf(stderr, "turncoatd: degraded: %s is %s: %s\n", hooks[i].name, trn_hook_state_name(hooks[i].state),
                    hooks[i].reason);
}

static int start_sensor(struct trn_daemon *d, struct trn_err *err)
{
    const struct trn_sensor_options o = {.sz = sizeof o,
                                         .scope_cgroup = d->scope,
                                         .share = d->share,
                                         .one_by_one = d->one_by_one};
    int r = trn_sensor_open(&o, &d->sensor, err);
    (void)malloc_trim(0); /* the kernel's types, read and let go again by libbpf, are 20 MB that glibc would keep */
    if (r < 0)
        return r;
    say_what_is_off(d->sensor);
    d->filters = trn_filters_new(d->sensor, d->place.state_dir, d->place.respond_gid, d->listen_fd);
    if (!d->filters)
        return trn_fail(err, -ENOMEM, "out of memory");
    d->proc_events = trn_proc_events_open();
    if (d->proc_events && trn_proc_events_hook(d->proc_events)->state != TRN_HOOK_ON)
        fprintf(stderr, "turncoatd: degraded: %s is off: %s\n", trn_proc_events_hook(d->proc_events)->name,
                trn_proc_events_hook(d->proc_events)->reason);
    if (d->no_files)
        return 0;
    struct trn_err files = {0};
    const struct trn_fanotify_options f = {.sz = sizeof f, .share = d->share, .scope_cgroup = d->scope};
    if (trn_fanotify_open(&f, &d->files, &files) < 0) {
        trn_daemon_say("file events are off", &files);
        snprintf(d->files_why, sizeof d->files_why, "%.199s", files.message);
    }
    trn_filters_files(d->filters, d->files);
    return 0;
}

/* Each open that waits has a descriptor, and so has what the judge is still to read; without one the kernel refuses. */
static void raise_open_files(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur >= OPEN_FILES)
        return;
    files.rlim_cur = TRN_MIN((rlim_t)OPEN_FILES, files.rlim_max);
    if (setrlimit(RLIMIT_NOFILE, &files) < 0)
        fprintf(stderr, "turncoatd: cannot raise the limit of open files, going on\n");
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
    raise_open_files();
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
        r = trn_rules_start(d, err);
    if (r == 0)
        r = trn_held_new(&d->held, err);
    if (r == 0)
        trn_hands_start(d);
    if (r == 0)
        r = trn_inspect_start(d, err);
    if (r == 0) /* not before the slow part: from now on we must beat */
        r = trn_guard_start(d, err);
    if (r == 0)
        r = trn_engine_start(d, err);
    return r;
}

/* ---- the loop ---- */

static void read_signals(struct trn_daemon *d)
{
    struct signalfd_siginfo s;
    while (read(d->signal_fd, &s, sizeof s) == sizeof s) {
        if (s.ssi_signo == SIGHUP)
            trn_rules_again(d);
        else
            d->stopping = true;
    }
}

static void one_round(struct trn_daemon *d)
{
    int rest = files_rest_ms(d);
    struct pollfd fds[] = {
        {.fd = d->engine.pid ? d->engine.pidfd : -1, .events = POLLIN},
        {.fd = d->inspect.pid ? d->inspect.pidfd : -1, .events = POLLIN},
        {.fd = d->guard.pid ? d->guard.pidfd : -1, .events = POLLIN},
        {.fd = d->signal_fd, .events = POLLIN},
        {.fd = d->files && rest == 0 ? trn_fanotify_fd(d->files) : -1, .events = POLLIN},
        {.fd = d->mounts_fd, .events = POLLPRI},
        {.fd = d->proc_events ? trn_proc_events_fd(d->proc_events) : -1, .events = POLLIN},
        {.fd = d->views_fds[0], .events = POLLIN},
        {.fd = d->policy_reading ? trn_policy_read_fd(d->policy_reading) : -1, .events = POLLIN},
    };
    if (poll(fds, TRN_ARRAY_SIZE(fds), rest ? rest : BEAT_MS) < 0 && errno != EINTR)
        return;
    if (!trn_daemon_beat(d))
        fds[2].revents |= POLLIN; /* the guard's end is closed */
    if (fds[3].revents)
        read_signals(d);
    if (fds[8].revents)
        trn_rules_step(d);
    if (fds[6].revents) /* before the files: there may be many of those, and the exec that follows waits for nobody */
        read_proc_events(d);
    if (fds[7].revents)
        read_views(d);
    if (d->files)
        trn_fanotify_views_tick(d->files);
    if (fds[4].revents)
        read_files(d);
    if (fds[5].revents & POLLPRI && d->files) {
        struct trn_err err = {0};
        if (trn_fanotify_rescan(d->files, &err) < 0)
            trn_daemon_say("cannot look at new file systems", &err);
    }
    if (d->records)
        (void)!trn_record_pipe_flush(d->records);
    if (d->stopping)
        return;
    trn_engine_watch(d, fds[0].revents != 0);
    trn_inspect_watch(d, fds[1].revents != 0);
    trn_guard_watch(d, fds[2].revents != 0);
    trn_hands_own(d); /* of one that ended: its pid is another's soon */
    uint64_t now = trn_mono_ns();
    if (d->engine.pid && now > d->health_ns + HEALTH_NS) {
        d->health_ns = now;
        check_hooks(d);
        trn_daemon_send_health(d);
        tell_limits(d);
        trn_tools_tick(d);
        (void)trn_held_sweep(d->held);
        if (d->records)
            (void)!trn_record_pipe_flush(d->records);
    }
}

/* The engine writes out what it has when its control socket ends; it gets a bounded time for it. */
static void stop(struct trn_daemon *d)
{
    d->stopping = true;
    trn_hands_quiet(d); /* before the engine: what is taken back is told to it */
    if (d->engine.pid) {
        tell_limits(d); /* of the last second */
        if (d->records)
            (void)!trn_record_pipe_flush(d->records);
        shutdown(d->control_fd, SHUT_WR); /* not closed: the opener may still use it */
        for (int waited = 0; waited < STOP_WAIT_MS; waited += BEAT_MS) {
            struct pollfd p = {.fd = d->engine.pidfd, .events = POLLIN};
            if (!trn_daemon_beat(d) && errno == EPIPE)
                d->beat_fd = trn_fd_close(d->beat_fd);
            if (poll(&p, 1, BEAT_MS) > 0)
                break;
        }
        trn_sibling_end(&d->engine);
    }
    trn_daemon_orders_stop(d);
    trn_hands_stop(d);
    trn_opener_stop(d->opener);            /* not before: it may wait for the engine */
    d->beat_fd = trn_fd_close(d->beat_fd); /* end of stream: the guard leaves too */
    if (d->guard.pid) {
        waitpid(d->guard.pid, NULL, 0);
        trn_fd_close(d->guard.pidfd);
    }
    trn_sibling_end(&d->inspect);
    if (d->listen_fd >= 0 && unlinkat(d->place.state_fd, "turncoat.sock", 0) < 0)
        fprintf(stderr, "turncoatd: the socket could not be removed\n");
    if (d->hands_left) /* a thread still uses what follows: our end frees it */
        _exit(d->exit_code);
    trn_record_pipe_free(d->records);
    trn_filters_free(d->filters);
    trn_fanotify_close(d->files);
    trn_proc_events_close(d->proc_events);
    trn_sensor_close(d->sensor);
    for (int i = 0; i < 2; i++) {
        trn_fd_close(d->jobs_fds[i]);
        trn_fd_close(d->results_fds[i]);
    }
    trn_fd_close(d->listen_fd);
    trn_fd_close(d->signal_fd);
    trn_fd_close(d->views_fds[0]);
    trn_fd_close(d->views_fds[1]);
    trn_fd_close(d->mounts_fd);
    trn_fd_close(d->control_fd);
    trn_place_close(&d->place);
    for (uint32_t i = 0; i < d->n_indicators; i++)
        free(d->indicators[i]);
}

static void usage(FILE *to)
{
    fputs(
        "usage: turncoatd [--state DIR] [--scope-cgroup PATH] [--indicators DIR] [--policy FILE]\n"
        "                 [--share N] [--connections N]\n\n"
        "  turncoatd --state /var/lib/turncoat             watch this machine, in the foreground\n"
        "  turncoatd --scope-cgroup /sys/fs/cgroup/test    watch one cgroup and what is below it\n\n"
        "  --state DIR          store, log and socket (default /var/lib/turncoat)\n"
        "  --scope-cgroup PATH  a cgroup v2 folder; nothing outside it is sensed\n"
        "  --policy FILE        what may be done without asking a person (default /etc/turncoat/policy.yaml; without\n"
        "                       one nothing is); SIGHUP reads it again\n"
        "  --indicators DIR     .csv and STIX .json files (default /etc/turncoat/indicators; DIR/indicators\n"
        "                       of the state folder is read too)\n"
        "  --share N            records a second that one process may make: of connections, DNS, TLS and reaching\n"
        "                       into others, and of files (default 20000 each; 0: no limit); the rest is counted\n"
        "  --connections N      connections a second of one process to the same place, or from there, that are told\n"
        "                       one by one (default 32, four times as many at once; 0: all); the rest as sums\n"
        "  --no-files           no file events (for measurements)\n"
        "  --version, --help\n",
        to);
}

static bool read_share(const char *text, uint32_t *ret)
{
    uint64_t n;
    if (trn_str_u64(trn_str_of(text), &n) != 0 || n >= TRN_SHARE_NONE)
        return false;
    *ret = n ? (uint32_t)n : TRN_SHARE_NONE;
    return true;
}

/* -1: go on; else the exit code. */
static int read_options(struct trn_daemon *d, const char **state_dir, int argc, char **argv)
{
    static const struct option options[] = {{"state", 1, NULL, 's'},      {"scope-cgroup", 1, NULL, 'c'},
                                            {"indicators", 1, NULL, 'i'}, {"no-files", 0, NULL, 'F'},
                                            {"share", 1, NULL, 'S'},      {"version", 0, NULL, 'v'},
                                            {"help", 0, NULL, 'h'},       {"connections", 1, NULL, 'C'},
                                            {"policy", 1, NULL, 'p'},     {NULL, 0, NULL, 0}};
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (o) {
        case 's':
            *state_dir = optarg;
            break;
        case 'c':
            d->scope = optarg;
            break;
        case 'i':
            d->indicator_dir = optarg;
            break;
        case 'p':
            d->policy_path = optarg;
            d->policy_named = true;
            break;
        case 'F':
            d->no_files = true;
            break;
        case 'S':
            if (!read_share(optarg, &d->share)) {
                fputs("turncoatd: --share takes a number of records a second\n", stderr);
                return 2;
            }
            break;
        case 'C':
            if (!read_share(optarg, &d->one_by_one)) {
                fputs("turncoatd: --connections takes a number of connections a second\n", stderr);
                return 2;
            }
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
    return -1;
}

int main(int argc, char **argv)
{
    struct trn_daemon d = {.place = {.state_fd = -1, .lock_fd = -1},
                           .beat_fd = -1,
                           .jobs_fds = {-1, -1},
                           .results_fds = {-1, -1},
                           .listen_fd = -1,
                           .signal_fd = -1,
                           .mounts_fd = -1,
                           .control_fd = -1,
                           .views_fds = {-1, -1},
                           .response_fd = -1,
                           .scope_fd = -1,
                           .indicator_dir = "/etc/turncoat/indicators",
                           .policy_path = "/etc/turncoat/policy.yaml"};
    const char *state_dir = "/var/lib/turncoat";
    int done = read_options(&d, &state_dir, argc, argv);
    if (done >= 0)
        return done;
    struct trn_err err = {0};
    if (geteuid() != 0) {
        fputs("turncoatd: cannot watch: not root\nhint: sudo turncoatd ...; `turncoat replay` needs no root\n", stderr);
        return 3;
    }
    int r = start(&d, state_dir, &err);
    if (r < 0)
        trn_daemon_say("cannot start", &err);
    else
        fprintf(stderr, "turncoatd: watching %s, state in '%s'\n", d.scope ? d.scope : "this machine",
                d.place.state_dir);
    while (r == 0 && !d.stopping)
        one_round(&d);
    d.exit_code = r < 0 ? 3 : 0;
    stop(&d);
    return d.exit_code;
}
