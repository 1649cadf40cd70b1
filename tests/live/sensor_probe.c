/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: the sensor alone, for tests and measurements: loads it for one cgroup, hands its
 * descriptors to a child without rights, which prints each event as one JSON line on stdout.
 * First line {"hooks":[...]}, then {"ready":true}; ends when stdin does, with {"summary":...}.
 *
 *   sensor-probe --scope CGROUP [--root MOUNT]... [--home PATTERN]... [--no-files] [--no-perf] [--compat] [--quiet] [--share N] [--connections N] [--pause MS]
 *
 * --pause: the reader waits that long before it looks again, so that rings overflow.
 */
#include "sensor/sensor.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIST_MAX 16
#define NOBODY 65534

struct settings {
    struct trn_sensor_options sensor;
    struct trn_fanotify_options files;
    const char *roots[LIST_MAX], *homes[LIST_MAX];
    uint64_t seen[TRN_EV_MAX]; /* by the reader's process, how many of each type */
    bool no_files, quiet;
    int pause_ms;
};

static void key(struct trn_buf *b, const char *name)
{
    trn_put_fmt(b, "%s\"%s\":", b->n > 0 && b->p[b->n - 1] != '{' ? "," : "", name);
}

static void put_text(struct trn_buf *b, const char *name, struct trn_str s)
{
    if (trn_str_is_none(s))
        return;
    key(b, name);
    (void)trn_json_str(b, s);
}

static void put_number(struct trn_buf *b, const char *name, uint64_t v, uint64_t absent)
{
    if (v == absent)
        return;
    key(b, name);
    trn_put_fmt(b, "%llu", (unsigned long long)v);
}

static void put_words(struct trn_buf *b, const char *name, struct trn_str s)
{
    struct trn_cursor c = trn_cur_of(s);
    const char *comma = "";

    if (trn_str_is_none(s))
        return;
    key(b, name);
    trn_put_c(b, "[");
    while (trn_cur_left(&c) > 0) {
        trn_put_c(b, comma);
        (void)trn_json_str(b, trn_cur_until(&c, '\0', 65536));
        comma = ",";
    }
    trn_put_c(b, "]");
}

static void put_hex(struct trn_buf *b, const char *name, struct trn_str s)
{
    if (trn_str_is_none(s))
        return;
    key(b, name);
    trn_put_c(b, "\"");
    trn_put_hex(b, s.p, s.n);
    trn_put_c(b, "\"");
}

static void put_address(struct trn_buf *b, const char *name, uint8_t family, const uint8_t a[16])
{
    key(b, name);
    if (family == 4)
        trn_put_fmt(b, "\"%u.%u.%u.%u\"", a[0], a[1], a[2], a[3]);
    else
        for (int i = 0; i < 8; i++)
            trn_put_fmt(b, "%s%x%s", i ? ":" : "\"", (unsigned)a[2 * i] << 8 | a[2 * i + 1], i == 7 ? "\"" : "");
}

static void put_file_key(struct trn_buf *b, const struct trn_file_key *k)
{
    if (trn_file_key_is_none(k))
        return;
    put_number(b, "dev", k->dev, TRN_NO_U64);
    put_number(b, "ino", k->ino, TRN_NO_U64);
    put_number(b, "ctime_ns", k->ctime_ns, TRN_NO_U64);
}

static void put_exec(struct trn_buf *b, const struct trn_ev_exec *x)
{
    put_text(b, "path", x->path);
    put_text(b, "invoked", x->invoked);
    put_text(b, "interp", x->interp);
    put_text(b, "script", x->script);
    put_words(b, "argv", x->argv);
    put_number(b, "argc", x->argc, TRN_NO_U32);
    put_text(b, "cwd", x->cwd);
    put_text(b, "tty", x->tty);
    put_words(b, "stdio", x->stdio);
    put_file_key(b, &x->file);
    put_number(b, "size", x->size, TRN_NO_U64);
    put_number(b, "nlink", x->nlink, TRN_NO_U32);
    put_number(b, "parent", x->parent, 0);
    put_number(b, "parent_pid", x->parent_pid, TRN_NO_U32);
    put_number(b, "session", x->session, TRN_NO_U32);
    put_words(b, "env", x->env);
    put_text(b, "cgroup_path", x->cgroup);
    put_text(b, "container", x->container);
    put_number(b, "auid", x->auid, TRN_NO_U32);
    put_number(b, "login", x->login, TRN_NO_U32);
    put_number(b, "pidns", x->pidns, 0);
    put_number(b, "netns", x->netns, 0);
    put_number(b, "userns", x->userns, 0);
    put_number(b, "tracer_pid", x->tracer_pid, 0);
    put_number(b, "capabilities", x->capabilities, TRN_NO_U64);
}

static void put_net(struct trn_buf *b, const struct trn_ev_net *n)
{
    if (n->family != 0) {
        put_address(b, "src", n->family, n->src);
        put_address(b, "dst", n->family, n->dst);
    }
    put_number(b, "src_port", n->src_port, TRN_NO_U32);
    put_number(b, "dst_port", n->dst_port, TRN_NO_U32);
    put_number(b, "proto", n->proto, 256);
    put_number(b, "bytes_out", n->bytes_out, TRN_NO_U64);
    put_number(b, "bytes_in", n->bytes_in, TRN_NO_U64);
    put_number(b, "socket", n->socket, 0);
    put_number(b, "count", n->count, TRN_NO_U32);
    put_number(b, "since_boot_ns", n->since_boot_ns, 0);
    if (n->error != TRN_NO_I32)
        put_number(b, "error", (uint64_t)n->error, TRN_NO_U64);
}

static void put_body(struct trn_buf *b, const struct trn_event *ev)
{
    switch (ev->type) {
    case TRN_EV_EXEC:
        put_exec(b, &ev->exec);
        break;
    case TRN_EV_FORK:
        put_number(b, "parent", ev->fork.parent, 0);
        put_number(b, "parent_pid", ev->fork.parent_pid, TRN_NO_U32);
        break;
    case TRN_EV_ACCESS:
        put_text(b, "way", ev->access.way);
        put_number(b, "target", ev->access.target, 0);
        put_number(b, "target_pid", ev->access.target_pid, TRN_NO_U32);
        break;
    case TRN_EV_EXIT:
        put_number(b, "code", ev->exit.code, TRN_NO_U32);
        put_number(b, "signal", ev->exit.signal, TRN_NO_U32);
        break;
    case TRN_EV_LIB_LOAD:
    case TRN_EV_MEM_EXEC:
        put_text(b, "path", ev->map.path);
        put_hex(b, "build_id", ev->map.build_id);
        put_number(b, "prot", ev->map.prot, TRN_NO_U32);
        put_number(b, "address", ev->map.address, TRN_NO_U64);
        put_file_key(b, &ev->map.file);
        break;
    case TRN_EV_FILE:
    case TRN_EV_OPEN:
        put_text(b, "path", ev->file.path);
        put_text(b, "old_path", ev->file.old_path);
        put_file_key(b, &ev->file.file);
        put_number(b, "size", ev->file.size, TRN_NO_U64);
        put_number(b, "mode", ev->file.mode, TRN_NO_U32);
        put_number(b, "file_uid", ev->file.uid, TRN_NO_U32);
        put_number(b, "file_gid", ev->file.gid, TRN_NO_U32);
        put_text(b, "sensitive", ev->file.sensitive);
        put_text(b, "owner", ev->file.owner_hint);
        break;
    case TRN_EV_CONNECT:
    case TRN_EV_ACCEPT:
    case TRN_EV_NET_CLOSE:
    case TRN_EV_LISTEN:
        put_net(b, &ev->net);
        break;
    case TRN_EV_TLS:
        put_net(b, &ev->tls.net);
        put_text(b, "sni", ev->tls.sni);
        put_words(b, "alpn", ev->tls.alpn);
        put_text(b, "ja4", ev->tls.ja4);
        put_number(b, "version", ev->tls.version, TRN_NO_U32);
        break;
    case TRN_EV_DNS:
        put_net(b, &ev->dns.net);
        put_text(b, "name", ev->dns.name);
        put_number(b, "qtype", ev->dns.qtype, TRN_NO_U32);
        put_number(b, "rcode", ev->dns.rcode, TRN_NO_U32);
        put_words(b, "answers", ev->dns.answers);
        break;
    default:
        put_number(b, "class", ev->meta.klass, TRN_NO_U32);
        put_number(b, "count", ev->meta.count, TRN_NO_U64);
        put_text(b, "text", ev->meta.text);
        break;
    }
}

static int print_event(void *ctx, const struct trn_event *ev)
{
    struct settings *s = ctx;
    struct trn_buf b;

    if (ev->type < TRN_EV_MAX)
        s->seen[ev->type]++;
    if (s->quiet)
        return 0;
    trn_buf_init(&b, 256u << 10);
    trn_put_c(&b, "{");
    put_text(&b, "type", trn_str_of(trn_event_type_name(ev->type)));
    put_text(&b, "action", trn_str_of(trn_action_name(ev->action)));
    put_number(&b, "boot_ns", ev->boot_ns, 0);
    put_number(&b, "entity", ev->entity, 0);
    put_number(&b, "pid", ev->pid, TRN_NO_U32);
    put_number(&b, "uid", ev->uid, TRN_NO_U32);
    put_number(&b, "euid", ev->euid, TRN_NO_U32);
    put_number(&b, "gid", ev->gid, TRN_NO_U32);
    put_number(&b, "flags", ev->flags, 0);
    put_number(&b, "mntns", ev->mntns, 0);
    put_number(&b, "cgroup", ev->cgroup, 0);
    put_text(&b, "comm", ev->comm);
    put_body(&b, ev);
    trn_put_c(&b, "}\n");
    if (!b.bad)
        (void)fwrite(b.p, 1, b.n, stdout);
    trn_buf_done(&b);
    return 0;
}

static void print_rows(struct trn_reader *reader)
{
    struct trn_loss_row rows[TRN_LOSS_ROWS];
    size_t n = trn_reader_loss_rows(reader, rows);

    for (size_t i = 0; i < n; i++) {
        (void)printf("%s{\"class\":\"%s\",\"reason\":\"%s\",\"count\":%llu,\"per_cpu\":[", i ? "," : "", rows[i].name,
                     rows[i].reason, (unsigned long long)rows[i].count);
        for (uint32_t cpu = 0; cpu < rows[i].cpus; cpu++)
            (void)printf("%s%llu", cpu ? "," : "", (unsigned long long)rows[i].per_cpu[cpu]);
        (void)printf("]}");
    }
}

/* The engine's part, in a process that may do nothing. */
static int read_events(const struct trn_sensor_fd *fds, size_t n, struct settings *s)
{
    const struct trn_event_sink sink = {.event = print_event, .ctx = s};
    struct trn_reader *reader = NULL;
    uint64_t lost[TRN_CLASS_MAX], events = 0;
    struct trn_err err = {0};
    int r;

    if (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return 1;
    if (trn_reader_new(fds, n, 1, &reader, &err) != 0) {
        (void)fprintf(stderr, "sensor-probe: %s\nhint: %s\n", err.message, err.hint);
        return 1;
    }
    (void)printf("{\"ready\":true}\n");
    (void)fflush(stdout);
    do {
        (void)(s->pause_ms ? poll(NULL, 0, s->pause_ms) : trn_reader_poll(reader, 50));
        r = trn_reader_drain(reader, &sink);
        events += r > 0 ? (uint64_t)r : 0;
        (void)fflush(stdout);
    } while (r >= 0);
    trn_reader_losses(reader, lost);
    (void)printf("{\"summary\":{\"events\":%llu,\"malformed\":%llu,\"lost\":[", (unsigned long long)events,
                 (unsigned long long)trn_reader_malformed(reader));
    for (int k = 0; k < TRN_CLASS_MAX; k++)
        (void)printf("%s%llu", k ? "," : "", (unsigned long long)lost[k]);
    (void)printf("],\"rows\":[");
    print_rows(reader);
    (void)printf("],\"types\":{");
    for (int t = 1, more = 0; t < TRN_EV_MAX; t++)
        if (s->seen[t] > 0)
            (void)printf("%s\"%s\":%llu", more++ ? "," : "", trn_event_type_name((enum trn_event_type)t),
                         (unsigned long long)s->seen[t]);
    (void)printf("}}}\n");
    (void)fflush(stdout);
    trn_reader_free(reader);
    return r == -EPIPE ? 0 : 1;
}

static void print_hooks(const struct trn_sensor_hook *h, size_t n, const char **comma)
{
    for (size_t i = 0; i < n; i++, *comma = ",")
        (void)printf("%s{\"name\":\"%s\",\"state\":\"%s\",\"reason\":\"%s\"}", *comma, h[i].name,
                     trn_hook_state_name(h[i].state), h[i].reason);
}

/* turncoatd's part: files and process events to records, and who was throttled, until stdin ends. */
static void watch_files(struct trn_sensor *sensor, struct trn_fanotify *f, struct trn_proc_events *proc,
                        struct trn_record_pipe *channel)
{
    const struct trn_record_sink sink = trn_record_pipe_sink_hold(channel);
    TRN_AUTO(trn_fd_closep) int mounts = open("/proc/self/mounts", O_RDONLY | O_CLOEXEC);
    struct pollfd p[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                         {.fd = f ? trn_fanotify_fd(f) : -1, .events = POLLIN},
                         {.fd = mounts, .events = POLLPRI},
                         {.fd = trn_proc_events_fd(proc), .events = POLLIN}};
    struct trn_err err = {0};
    uint64_t told = 0;
    char byte;

    for (;;) {
        if (poll(p, TRN_ARRAY_SIZE(p), 200) < 0 && errno != EINTR)
            return;
        if (trn_boot_ns() > told + TRN_NS_PER_SEC || p[0].revents) {
            told = trn_boot_ns();
            if (trn_sensor_throttled(sensor, &sink) != 0 || trn_sensor_repeated(sensor, &sink) != 0 ||
                (f && trn_fanotify_throttled(f, &sink) != 0))
                return;
        }
        if (trn_proc_events_read(proc, &sink, &err) != 0) {
            (void)fprintf(stderr, "sensor-probe: %s\n", err.message);
            return;
        }
        if (f && trn_fanotify_read(f, 0, &sink, &err) != 0) {
            (void)fprintf(stderr, "sensor-probe: %s\n", err.message);
            return;
        }
        (void)!trn_record_pipe_flush(channel);
        if (f && (p[2].revents & POLLPRI) && trn_fanotify_rescan(f, &err) != 0)
            (void)fprintf(stderr, "sensor-probe: %s\n", err.message);
        if ((p[0].revents & (POLLIN | POLLHUP)) && read(STDIN_FILENO, &byte, 1) <= 0)
            return;
    }
}

static int run(struct settings *s, struct trn_err *err)
{
    struct trn_record_pipe *channel = NULL;
    struct trn_fanotify *files = NULL;
    struct trn_proc_events *proc = NULL;
    struct trn_sensor *sensor = NULL;
    struct trn_record_sink sink;
    struct trn_sensor_fd fds[300];
    const struct trn_sensor_hook *hooks;
    const struct trn_sensor_fd *mine;
    const char *comma = "";
    int reader_fd, status = 1, r;
    size_t n;
    pid_t child;

    r = trn_sensor_open(&s->sensor, &sensor, err);
    if (r == 0)
        r = trn_record_pipe_new(&channel, &reader_fd, err);
    if (r == 0 && !s->no_files)
        r = trn_fanotify_open(&s->files, &files, err);
    if (r != 0)
        return r;
    proc = trn_proc_events_open();
    if (!proc)
        return trn_fail(err, -ENOMEM, "out of memory");
    (void)printf("{\"hooks\":[");
    print_hooks(trn_proc_events_hook(proc), 1, &comma);
    hooks = trn_sensor_hooks(sensor, &n);
    print_hooks(hooks, n, &comma);
    if (files) {
        hooks = trn_fanotify_hooks(files, &n);
        print_hooks(hooks, n, &comma);
    }
    (void)printf("]}\n");
    (void)fflush(stdout);

    mine = trn_sensor_fds(sensor, &n);
    memcpy(fds, mine, n * sizeof(fds[0]));
    fds[n++] = (struct trn_sensor_fd){.kind = TRN_SENSOR_FD_RECORDS, .fd = reader_fd};
    child = fork();
    if (child == 0) {
        channel = trn_record_pipe_free(channel);
        _exit(read_events(fds, n, s));
    }
    trn_fd_close(reader_fd);
    sink = trn_record_pipe_sink_wait(channel);
    r = trn_sensor_existing(sensor, &sink, err);
    if (r == 0)
        watch_files(sensor, files, proc, channel);
    trn_record_pipe_free(channel);
    (void)waitpid(child, &status, 0);
    trn_fanotify_close(files);
    trn_proc_events_close(proc);
    trn_sensor_close(sensor);
    return r != 0 ? r : -status;
}

int main(int argc, char **argv)
{
    struct settings s = {.sensor.sz = sizeof(s.sensor), .files.sz = sizeof(s.files)};
    struct trn_err err = {0};
    int r;

    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;

        if (strcmp(argv[i], "--no-files") == 0)
            s.no_files = true;
        else if (strcmp(argv[i], "--no-perf") == 0)
            s.sensor.no_perf = true;
        else if (strcmp(argv[i], "--compat") == 0)
            s.sensor.compat = true;
        else if (strcmp(argv[i], "--quiet") == 0)
            s.quiet = true;
        else if (strcmp(argv[i], "--connections") == 0 && value)
            s.sensor.one_by_one = (uint32_t)strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--share") == 0 && value)
            s.sensor.share = s.files.share = (uint32_t)strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--pause") == 0 && value)
            s.pause_ms = atoi(argv[++i]); /* NOLINT(cert-err34-c): a test's own */
        else if (strcmp(argv[i], "--scope") == 0 && value)
            s.sensor.scope_cgroup = argv[++i];
        else if (strcmp(argv[i], "--root") == 0 && value && s.files.n_roots < LIST_MAX)
            s.roots[s.files.n_roots++] = argv[++i];
        else if (strcmp(argv[i], "--home") == 0 && value && s.files.n_homes < LIST_MAX)
            s.homes[s.files.n_homes++] = argv[++i];
        else
            return 2;
    }
    if (!s.sensor.scope_cgroup)
        return 2; /* never the whole machine, in a test */
    s.files.roots = s.files.n_roots ? s.roots : NULL;
    s.files.homes = s.files.n_homes ? s.homes : NULL;
    r = run(&s, &err);
    if (err.code != 0)
        (void)fprintf(stderr, "sensor-probe: %s\nhint: %s\n", err.message, err.hint);
    return r == 0 ? 0 : 1;
}
