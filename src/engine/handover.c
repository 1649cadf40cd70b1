/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the beginning and the end of a live engine: what turncoatd hands over, the memory of earlier
 * runs, the snapshot and the first log. Must not own: the loop.
 */
#include "engine/pipeline_internal.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define HANDOVER_MS 15000
#define INDICATORS_MS 30000
#define BAD_LINES_SAID 1000            /* on standard error; the rest is counted */
#define KIND_RUN TRN_STR("engine.run") /* state row: how the last run ended */

static int take_hello(struct trn_pipeline *p, struct trn_msg *m)
{
    int r = trn_hello_decode(&m->body, &p->hello);
    if (r < 0)
        return r;
    p->hello.state_dir = trn_arena_str(p->hello_arena, p->hello.state_dir);
    p->hello.scope = trn_arena_str(p->hello_arena, p->hello.scope);
    p->hello.config_note = trn_arena_str(p->hello_arena, p->hello.config_note);
    p->hello.indicator_names = trn_arena_str(p->hello_arena, p->hello.indicator_names);
    p->salt = trn_entity_salt(p->hello.host_id, p->hello.boot_id);
    return p->hello.sensor_fds > TRN_PIPE_SENSOR_FDS ? -EPROTO : 0;
}

static int take_rings(struct trn_pipeline *p, struct trn_msg *m)
{
    for (unsigned i = 0; i < m->n_fds; i++) {
        if (p->n_sensor_fds >= p->hello.sensor_fds)
            return -EPROTO;
        struct trn_sensor_fd *f = &p->sensor_fds[p->n_sensor_fds++];
        f->kind = trn_cur_u32le(&m->body);
        f->size = trn_cur_u32le(&m->body);
        f->fd = trn_msg_take_fd(m, i);
    }
    return trn_cur_end(&m->body) ? 0 : -EPROTO;
}

void trn_pipe_told(struct trn_pipeline *p)
{
    bool changes = false;
    for (uint32_t i = 0; i < p->health.n_hooks; i++)
        if (trn_str_eq_c(p->health.hooks[i].name, "process.events"))
            changes = trn_str_eq_c(p->health.hooks[i].state, "on");
    if (p->deriver)
        trn_deriver_set(p->deriver, changes, p->ready);
}

static int take_health(struct trn_pipeline *p, struct trn_msg *m)
{
    struct trn_health h = {0};
    int r = trn_health_decode(&m->body, &h);
    if (r < 0)
        return r;
    trn_arena_reset(p->health_arena);
    for (uint32_t i = 0; i < h.n_hooks; i++) {
        h.hooks[i].name = trn_arena_str(p->health_arena, h.hooks[i].name);
        h.hooks[i].state = trn_arena_str(p->health_arena, h.hooks[i].state);
        h.hooks[i].reason = trn_arena_str(p->health_arena, h.hooks[i].reason);
    }
    p->health = h;
    trn_pipe_told(p);
    return 0;
}

int trn_pipe_control(struct trn_pipeline *p)
{
    struct trn_msg m;
    int r = trn_ipc_recv(p->o.control_fd, p->receive, sizeof p->receive, &m);
    if (r < 0)
        return r;
    switch (m.type) {
    case TRN_CH_HELLO:
        r = p->salt ? -EPROTO : take_hello(p, &m);
        break;
    case TRN_CH_SOCKETS:
        r = m.n_fds == TRN_CH_SOCK_COUNT && p->listen_fd < 0 && trn_cur_end(&m.body) ? 0 : -EPROTO;
        if (r == 0) {
            p->listen_fd = trn_msg_take_fd(&m, TRN_CH_SOCK_LISTEN);
            p->files_fd = trn_msg_take_fd(&m, TRN_CH_SOCK_FILES);
            p->results_fd = trn_msg_take_fd(&m, TRN_CH_SOCK_RESULTS);
            p->acts_fd = trn_msg_take_fd(&m, TRN_CH_SOCK_ACTS);
            p->respond_fd = trn_msg_take_fd(&m, TRN_CH_SOCK_RESPOND);
        }
        break;
    case TRN_CH_RINGS:
        r = take_rings(p, &m);
        break;
    case TRN_CH_HEALTH:
        r = take_health(p, &m);
        break;
    case TRN_CH_POLICY:
        r = trn_pipe_policy(p, &m);
        break;
    case TRN_CH_READY:
        r = trn_cur_end(&m.body) ? 0 : -EPROTO;
        p->ready_told = true;
        break;
    case TRN_CH_INSPECT_LOST:
        r = trn_cur_end(&m.body) ? 0 : -EPROTO;
        if (r == 0 && p->enrich)
            trn_enrich_inspect_lost(p->enrich);
        break;
    default:
        r = -EPROTO;
    }
    trn_msg_done(&m);
    return r;
}

int trn_pipe_receive(struct trn_pipeline *p, struct trn_err *err)
{
    while (!p->salt || p->listen_fd < 0 || p->n_sensor_fds < p->hello.sensor_fds) {
        struct pollfd pfd = {.fd = p->o.control_fd, .events = POLLIN};
        int r = poll(&pfd, 1, HANDOVER_MS);
        if (r < 0 && errno == EINTR)
            continue;
        r = r > 0 ? trn_pipe_control(p) : -ETIMEDOUT;
        if (r < 0)
            return trn_fail(err, r, "turncoatd did not hand over its descriptors: %s", trn_errno_name(r));
    }
    return 0;
}

/* ---- indicators: jobs that turncoatd started for us ---- */

static bool is_indicator_job(const struct trn_pipeline *p, uint64_t job)
{
    uint64_t first = trn_indicator_job(p->hello.restarts, 0);
    return job >= first && job - first < p->hello.indicator_files;
}

static int add_indicator(void *ctx, uint64_t job, const struct trn_indicator *i)
{
    struct trn_pipeline *p = ctx;
    return is_indicator_job(p, job) ? trn_indicators_add(p->indicators, i) : 0;
}

static struct trn_str file_of_job(const struct trn_pipeline *p, uint64_t job)
{
    struct trn_str rest = p->hello.indicator_names, name;
    for (uint32_t i = 0; trn_str_split(&rest, '\0', &name); i++)
        if (trn_indicator_job(p->hello.restarts, i) == job)
            return name;
    return TRN_STR("?");
}

/* line 0: the file as a whole. A bundle has no lines that mean something: its objects are counted. */
static int bad_line(void *ctx, uint64_t job, uint64_t line, struct trn_str why)
{
    struct trn_pipeline *p = ctx;
    struct trn_str name = file_of_job(p, job);
    char text[160], file[160], where[32] = "", note[sizeof p->bad_lines[0]];
    if (line)
        snprintf(where, sizeof where, ", %s %llu", trn_str_ends(name, TRN_STR(".json")) ? "object" : "line",
                 (unsigned long long)line);
    snprintf(note, sizeof note, "'%s'%s: %s, skipping", trn_escape_into(file, sizeof file, name), where,
             trn_escape_into(text, sizeof text, why));
    if (p->indicators_bad < TRN_PIPE_BAD_LINES)
        memcpy(p->bad_lines[p->indicators_bad], note, sizeof note);
    if (p->indicators_bad < BAD_LINES_SAID)
        trn_pipe_tell_health(p, "%s", note);
    p->indicators_bad++;
    return 0;
}

static int job_end(void *ctx, uint64_t job, int code, struct trn_str message)
{
    struct trn_pipeline *p = ctx;
    if (!is_indicator_job(p, job) || !p->indicator_jobs_left)
        return 0;
    p->indicator_jobs_left--;
    if (code < 0)
        bad_line(p, job, 0, message.n ? message : trn_str_of(trn_errno_name(code)));
    return 0;
}

static int load_indicators(struct trn_pipeline *p, struct trn_err *err)
{
    const struct trn_inspect_sink sink = {.indicator = add_indicator, .bad_line = bad_line, .end = job_end, .ctx = p};
    int r = trn_indicators_new(&p->indicators);
    p->indicator_jobs_left = p->hello.indicator_files;
    uint64_t until = trn_mono_ns() + INDICATORS_MS * TRN_NS_PER_MS;
    while (r == 0 && p->indicator_jobs_left && trn_mono_ns() < until) {
        struct pollfd pfd = {.fd = p->results_fd, .events = POLLIN};
        if (poll(&pfd, 1, 500) > 0)
            r = trn_enrich_read_results(p->enrich, &sink);
    }
    if (p->indicator_jobs_left)
        bad_line(p, 0, 0, TRN_STR("took too long to read"));
    if (r == 0)
        r = trn_indicators_seal(p->indicators);
    return r < 0 ? trn_fail(err, r, "cannot load the indicators: %s", trn_errno_name(r)) : 0;
}

/* ---- memory of earlier runs ---- */

struct restore {
    struct trn_pipeline *p;
    const struct trn_event_sink *to; /* the snapshot file */
    uint64_t last_wall_ns;
    bool clean, found;
};

static int restore_row(void *ctx, const struct trn_event *row)
{
    struct restore *rs = ctx;
    if (!trn_str_eq(row->state.kind, KIND_RUN))
        return trn_sink_event(rs->to, row);
    struct trn_cursor in = trn_cur_of(row->state.value);
    rs->last_wall_ns = trn_cur_u64le(&in);
    rs->clean = trn_cur_u8(&in) == 1;
    rs->found = trn_cur_end(&in);
    return 0;
}

static int restore_rows(void *ctx, const struct trn_event_sink *to)
{
    struct restore *rs = ctx;
    rs->to = to;
    const struct trn_event_sink sink = {restore_row, rs};
    return trn_writer_states(rs->p->writer, &sink, NULL);
}

void trn_pipe_remember_run(struct trn_pipeline *p, bool clean)
{
    struct trn_event row;
    struct trn_buf value;
    trn_buf_init(&value, 64);
    trn_put_u64(&value, trn_wall_ns());
    trn_put_u8(&value, clean);
    trn_event_init(&row, TRN_EV_STATE);
    row.state.kind = KIND_RUN;
    row.state.key = 1;
    row.state.value = trn_buf_str(&value);
    trn_writer_state(p->writer, &row);
    trn_buf_done(&value);
}

static int tell_start(struct trn_pipeline *p, const struct restore *rs)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_START);
    ev.boot_ns = trn_boot_ns();
    ev.meta.text = TRN_STR("turncoat " TRN_VERSION);
    int r = trn_recorder_tell(p->recorder, &ev);
    if (r < 0 || (!rs->found && !p->hello.restarts))
        return r;
    uint64_t now = trn_wall_ns();
    trn_event_init(&ev, TRN_EV_GAP);
    ev.boot_ns = trn_boot_ns();
    uint64_t away = rs->found && now > rs->last_wall_ns ? now - rs->last_wall_ns : 0; /* 0: not known */
    ev.meta.from_boot_ns = ev.boot_ns > away ? ev.boot_ns - away : 0;
    ev.meta.delta_ns = (int64_t)away;
    ev.meta.text = rs->clean ? TRN_STR("the engine was stopped") : TRN_STR("the engine was lost");
    return trn_recorder_tell(p->recorder, &ev);
}

static bool waiting(void *ctx, const struct trn_event *ev)
{
    const struct trn_pipeline *p = ctx;
    return trn_enrich_waiting(p->enrich, ev);
}

/* fanotify and the kernel's process events know no cgroup: with a scope, what no process of the scope did is not ours. */
static bool unwanted(void *ctx, const struct trn_event *ev)
{
    const struct trn_pipeline *p = ctx;
    bool by_pid = ev->entity == 0 && (ev->type == TRN_EV_CRED || ev->type == TRN_EV_ACCESS);
    if (ev->type != TRN_EV_FILE && ev->type != TRN_EV_OPEN && !by_pid)
        return false;
    return !trn_str_is_empty(p->hello.scope) && !trn_process_of(trn_engine_processes(p->engine), ev);
}

static int tell_event(void *ctx, const struct trn_event *ev)
{
    struct trn_pipeline *p = ctx;
    return trn_recorder_tell(p->recorder, ev);
}

/* A key that cannot be used must not stop detection: only bundles are refused then. */
static void load_key(struct trn_pipeline *p)
{
    struct trn_err err = {0};
    if (trn_evidence_key_load(p->o.state_dir, &p->key, &err) < 0)
        snprintf(p->key_why, sizeof p->key_why, "%s", err.message);
}

static int start_parts(struct trn_pipeline *p, const char *store_path, struct trn_err *err)
{
    int r = trn_recorder_new(&(struct trn_recorder_options){.sz = sizeof(struct trn_recorder_options),
                                                            .out = {trn_pipe_numbered, p},
                                                            .waiting = waiting,
                                                            .unwanted = unwanted,
                                                            .ctx = p},
                             &p->recorder);
    if (r == 0)
        r = trn_engine_new(&(struct trn_engine_options){.sz = sizeof(struct trn_engine_options),
                                                        .indicators = p->indicators,
                                                        .sink = trn_pipe_engine_sink(p)},
                           &p->engine);
    if (r == 0)
        r = trn_deriver_new(trn_engine_processes(p->engine), (struct trn_event_sink){tell_event, p}, &p->deriver);
    if (r == 0)
        r = trn_pipe_plan_new(p);
    load_key(p);
    struct trn_server_options so = {.sz = sizeof so,
                                    .listen_fd = p->listen_fd,
                                    .store_path = store_path,
                                    .writer = p->writer,
                                    .acts_fd = p->acts_fd,
                                    .respond_gid = p->hello.respond_gid,
                                    .key = p->key,
                                    .key_why = p->key_why};
    memcpy(so.host_id, p->hello.host_id, sizeof so.host_id);
    if (r == 0)
        r = trn_server_new(&so, &p->server);
    if (r < 0)
        return trn_fail(err, r, "cannot start the engine: %s", trn_errno_name(r));
    p->listen_fd = p->acts_fd = -1; /* the server's now */
    return 0;
}

static const struct trn_process_table *no_processes(struct trn_pipeline *p, struct trn_process_table **ret)
{
    /* Enrichment needs a table before the engine exists: an empty one for the indicators' jobs. */
    return trn_process_table_new(NULL, ret) == 0 ? *ret : NULL;
}

static int start_enrich(struct trn_pipeline *p, const struct trn_process_table *table)
{
    return trn_enrich_new(&(struct trn_enrich_options){.sz = sizeof(struct trn_enrich_options),
                                                       .files_sock = p->files_fd,
                                                       .results_sock = p->results_fd,
                                                       .mntns = p->hello.mntns,
                                                       .run = p->hello.restarts,
                                                       .processes = table,
                                                       .tell = {tell_event, p}},
                          &p->enrich);
}

int trn_pipe_start(struct trn_pipeline *p, struct trn_err *err)
{
    char store_path[4300];
    snprintf(store_path, sizeof store_path, "%s/store.db", p->o.state_dir);
    struct trn_process_table *empty = NULL;
    int r = trn_set_nonblock(p->files_fd, true);
    if (r == 0)
        r = trn_set_nonblock(p->results_fd, true);
    if (r == 0)
        r = trn_set_nonblock(p->respond_fd, true);
    if (r == 0)
        r = no_processes(p, &empty) ? start_enrich(p, empty) : -ENOMEM;
    if (r == 0)
        r = load_indicators(p, err);
    p->enrich = trn_enrich_free(p->enrich);
    trn_process_table_free(empty);
    if (r == 0)
        r = trn_writer_new(store_path, &p->writer);
    if (r < 0)
        return err && err->code ? err->code : trn_fail(err, r, "cannot start the engine: %s", trn_errno_name(r));

    struct restore rs = {.p = p};
    const struct trn_snapshot_source rows = {restore_rows, &rs};
    struct trn_err snap = {0};
    r = start_parts(p, store_path, err);
    if (r == 0)
        r = start_enrich(p, trn_engine_processes(p->engine));
    if (r < 0)
        return err && err->code ? err->code : trn_fail(err, r, "cannot start the engine: %s", trn_errno_name(r));
    /* A state folder that cannot be written must not stop detection: the engine then starts without memory. */
    r = trn_snapshot_write(p->o.state_dir, &rows, p->log_header.snapshot, &snap);
    if (r == 0)
        r = trn_snapshot_indicators(p->o.state_dir, p->indicators, p->log_header.indicators, &snap);
    char dir[4200];
    snprintf(dir, sizeof dir, "%s/snapshots", p->o.state_dir);
    if (r == 0)
        r = trn_snapshot_load(dir, p->log_header.snapshot, p->engine, &snap);
    if (r < 0)
        trn_pipe_tell_health(p, "memory of earlier runs is not available: %s", snap.message);
    if (!p->key)
        trn_pipe_tell_health(p, "evidence bundles cannot be signed: %s", p->key_why);
    struct trn_err logged = {0};
    if (trn_pipe_log_open(p, &logged) < 0)
        trn_pipe_tell_health(p, "events are not logged: %s", logged.message);
    trn_snapshot_prune(p->o.state_dir);
    r = trn_recorder_advance(p->recorder, trn_boot_ns(), trn_wall_ns());
    if (r == 0)
        r = tell_start(p, &rs);
    trn_pipe_remember_run(p, false);
    r = r < 0 ? r : trn_reader_new(p->sensor_fds, p->n_sensor_fds, p->salt, &p->reader, err);
    p->n_sensor_fds = 0; /* the reader's now */
    return r;
}

void trn_pipe_stop(struct trn_pipeline *p)
{
    if (p->recorder && p->engine) {
        struct trn_event ev;
        trn_event_init(&ev, TRN_EV_STOP);
        ev.boot_ns = trn_boot_ns();
        if (trn_recorder_flush(p->recorder) < 0 || trn_recorder_tell(p->recorder, &ev) < 0)
            p->log_lost++;
    }
    if (p->writer)
        trn_pipe_remember_run(p, true);
    p->log = trn_log_close(p->log);
    p->server = trn_server_free(p->server);
    p->key = trn_evidence_key_free(p->key);
    p->writer = trn_writer_free(p->writer);
    p->reader = trn_reader_free(p->reader);
    for (uint32_t i = 0; i < p->n_sensor_fds; i++)
        trn_fd_close(p->sensor_fds[i].fd);
    p->enrich = trn_enrich_free(p->enrich);
    p->recorder = trn_recorder_free(p->recorder);
    p->deriver = trn_deriver_free(p->deriver);
    p->plan = trn_plan_free(p->plan);
    p->engine = trn_engine_free(p->engine);
    p->indicators = trn_indicators_free(p->indicators);
    p->story_marks = trn_map_free(p->story_marks);
    p->loads = trn_map_free(p->loads);
    p->names = trn_names_free(p->names);
    p->filters = trn_filter_list_free(p->filters);
    trn_buf_done(&p->exception);
    trn_buf_done(&p->decisions);
    p->scratch = trn_arena_free(p->scratch);
    p->hello_arena = trn_arena_free(p->hello_arena);
    p->health_arena = trn_arena_free(p->health_arena);
    trn_fd_close(p->listen_fd);
    trn_fd_close(p->files_fd);
    trn_fd_close(p->results_fd);
    trn_fd_close(p->acts_fd);
    trn_fd_close(p->respond_fd);
    trn_fd_close(p->o.control_fd);
}
