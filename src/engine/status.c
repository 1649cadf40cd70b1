/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the answers that need the live engine: status with the budget table, software, processes.
 * Runs in the main thread, while the asking thread waits. Must not own: sockets.
 */
#include "engine/pipeline_internal.h"

#include <stdio.h>
#include <unistd.h>

#define LISTED_MAX (1u << 20)

static void key_str(struct trn_buf *out, const char *key, struct trn_str value)
{
    trn_put_fmt(out, "\"%s\":", key);
    if (trn_str_is_none(value))
        trn_put_c(out, "null");
    else
        trn_json_str(out, value);
}

static void put_hooks(const struct trn_pipeline *p, struct trn_buf *out)
{
    trn_put_c(out, ",\"hooks\":[");
    for (uint32_t i = 0; i < p->health.n_hooks; i++) {
        const struct trn_hook_report *h = &p->health.hooks[i];
        trn_put_c(out, i ? ",{" : "{");
        key_str(out, "name", h->name);
        trn_put_c(out, ",");
        key_str(out, "state", h->state);
        trn_put_c(out, ",");
        key_str(out, "reason", h->reason);
        trn_put_c(out, "}");
    }
    trn_put_c(out, "]");
}

/* By reason and CPU, what was left out on purpose among it. */
static void put_loss_rows(const struct trn_pipeline *p, struct trn_buf *out)
{
    struct trn_loss_row rows[TRN_LOSS_ROWS];
    size_t n = trn_reader_loss_rows(p->reader, rows);
    trn_put_c(out, ",\"loss_rows\":[");
    for (size_t i = 0; i < n; i++) {
        trn_put_fmt(out, "%s{\"class\":\"%s\",\"reason\":\"%s\",\"count\":%llu,\"per_cpu\":[", i ? "," : "",
                    rows[i].name, rows[i].reason, (unsigned long long)rows[i].count);
        for (uint32_t cpu = 0; cpu < rows[i].cpus; cpu++)
            trn_put_fmt(out, "%s%llu", cpu ? "," : "", (unsigned long long)rows[i].per_cpu[cpu]);
        trn_put_c(out, "]}");
    }
    trn_put_c(out, "]");
}

static void put_losses(const struct trn_pipeline *p, struct trn_buf *out)
{
    uint64_t lost[TRN_CLASS_MAX];
    trn_reader_losses(p->reader, lost);
    trn_put_c(out, ",\"losses\":{");
    for (int c = 0; c < TRN_CLASS_MAX; c++)
        trn_put_fmt(out, "%s\"%s\":%llu", c ? "," : "", trn_class_name((enum trn_class)c),
                    (unsigned long long)lost[c] + p->told_losses[c]);
    trn_put_c(out, "}");
    put_loss_rows(p, out);
    trn_put_c(out, ",\"filters\":");
    trn_filter_list_json(p->filters, out);
    trn_put_fmt(out, ",\"exceptions\":%zu", trn_pipe_count_exceptions(p));
}

static void put_memory(const struct trn_pipeline *p, struct trn_buf *out)
{
    struct trn_memory_row rows[16];
    struct trn_recorder_stats rec;
    struct trn_enrich_stats enrich;
    struct trn_writer_stats writer;
    trn_recorder_stats(p->recorder, &rec);
    trn_enrich_stats(p->enrich, &enrich);
    trn_writer_stats(p->writer, &writer);
    size_t n = trn_engine_memory(p->engine, rows, 8);
    rows[n++] = (struct trn_memory_row){"waiting events", rec.bytes};
    rows[n++] = (struct trn_memory_row){"names of addresses", trn_names_bytes(p->names)};
    rows[n++] = (struct trn_memory_row){"package index", enrich.bytes};
    rows[n++] = (struct trn_memory_row){"store queue", writer.queued_bytes};
    rows[n++] = (struct trn_memory_row){"indicators", trn_indicators_bytes(p->indicators)};
    rows[n++] = (struct trn_memory_row){"kernel maps and rings", p->health.map_bytes};
    uint64_t parts = 0;
    for (size_t i = 0; i < n; i++)
        parts += rows[i].bytes;
    trn_put_c(out, ",\"memory\":[");
    for (size_t i = 0; i < n; i++)
        trn_put_fmt(out, "%s{\"part\":\"%s\",\"bytes\":%llu}", i ? "," : "", rows[i].part,
                    (unsigned long long)rows[i].bytes);
    struct trn_forgotten gone = trn_engine_forgotten(p->engine);
    trn_put_fmt(out, "],\"memory_total\":%llu,\"forgotten\":{\"stories\":%llu,\"processes\":%llu,\"places\":%llu}",
                (unsigned long long)parts, (unsigned long long)gone.stories, (unsigned long long)gone.processes,
                (unsigned long long)gone.places);
}

static void put_processes(const struct trn_pipeline *p, struct trn_buf *out)
{
    struct trn_enrich_stats enrich;
    trn_enrich_stats(p->enrich, &enrich);
    trn_put_fmt(
        out, ",\"processes\":{\"turncoatd\":%u,\"turncoat-guard\":%u,\"turncoat-engine\":%d,\"turncoat-inspect\":%u}",
        p->hello.daemon_pid, p->health.guard_pid, (int)getpid(), p->health.inspect_pid);
    trn_put_fmt(out, ",\"engine_restarts\":%u,\"dropped_messages\":%llu",
                TRN_MAX(p->hello.restarts, p->health.restarts),
                (unsigned long long)(TRN_MAX(p->hello.dropped, p->health.dropped) + enrich.malformed));
}

static void put_store(const struct trn_pipeline *p, struct trn_buf *out)
{
    struct trn_writer_stats w;
    char path[8400];
    trn_writer_stats(p->writer, &w);
    /* The engine's own paths begin inside the state folder (chroot); people need the whole one. */
    snprintf(path, sizeof path, "%.*s/store.db", TRN_STR_ARG(p->hello.state_dir));
    trn_put_c(out, ",\"store\":{");
    key_str(out, "state", trn_str_of(w.state));
    trn_put_fmt(out, ",\"bytes\":%llu,\"lost\":%llu,", (unsigned long long)w.bytes, (unsigned long long)w.lost);
    key_str(out, "path", trn_str_of(path));
    trn_put_c(out, "},\"log\":{");
    snprintf(path, sizeof path, "%.*s%s", TRN_STR_ARG(p->hello.state_dir), p->log_path);
    key_str(out, "path", p->log ? trn_str_of(path) : TRN_STR_NONE);
    trn_put_c(out, ",");
    key_str(out, "state", p->log ? TRN_STR("ok") : TRN_STR("failing: cannot be written; detection goes on"));
    trn_put_fmt(out, ",\"bytes\":%llu,\"lost\":%llu}", (unsigned long long)(p->log ? trn_log_size(p->log) : 0),
                (unsigned long long)p->log_lost);
}

static void put_notes(const struct trn_pipeline *p, struct trn_buf *out)
{
    trn_put_fmt(out, ",\"indicators\":{\"count\":%zu,\"bad\":%llu,\"notes\":[", trn_indicators_count(p->indicators),
                (unsigned long long)p->indicators_bad);
    for (uint64_t i = 0; i < p->indicators_bad && i < TRN_PIPE_BAD_LINES; i++) {
        trn_put_c(out, i ? "," : "");
        trn_json_str(out, trn_str_of(p->bad_lines[i]));
    }
    trn_put_c(out, "]}");
}

/* What somebody who got an evidence bundle compares. */
static void put_key(const struct trn_pipeline *p, struct trn_buf *out)
{
    char hex[2 * TRN_EVIDENCE_KEY + 1] = "", host[33];
    if (p->key)
        trn_hex(trn_evidence_key_public(p->key), TRN_EVIDENCE_KEY, hex);
    trn_hex(p->hello.host_id, sizeof p->hello.host_id, host);
    trn_put_c(out, ",\"evidence\":{");
    key_str(out, "key", p->key ? trn_str_of(hex) : TRN_STR_NONE);
    trn_put_c(out, ",");
    key_str(out, "why", p->key ? TRN_STR_NONE : trn_str_of(p->key_why));
    trn_put_fmt(out, ",\"host_id\":\"%s\"}", host);
}

/* What is done without a person, and how much of it was. */
static void put_policy(const struct trn_pipeline *p, struct trn_buf *out)
{
    struct trn_plan_stats s;
    trn_plan_stats(p->plan, &s);
    trn_put_fmt(out,
                ",\"policy\":{\"mode\":\"%s\",\"rules\":%u,\"requests\":%llu,\"dropped\":%llu,\"judged\":%llu,"
                "\"refused\":%llu,\"late\":%llu}",
                s.protect ? "protect" : "detect", s.rules, (unsigned long long)s.requests,
                (unsigned long long)s.dropped, (unsigned long long)s.judged, (unsigned long long)s.refused,
                (unsigned long long)s.late);
}

/* Those who asked to open or to start something, and waited for it. */
static void put_answers(const struct trn_pipeline *p, struct trn_buf *out)
{
    const struct trn_health_answers *a = &p->health.answers;
    trn_put_fmt(
        out,
        ",\"answers\":{\"rules\":%u,\"mounts\":%u,\"asked\":%llu,\"refused\":%llu,\"allowed\":%llu,\"late\":%llu,"
        "\"late_refused\":%llu,\"held\":%llu,\"judged\":%llu,\"slowest_ms\":%.3f}",
        a->rules, a->mounts, (unsigned long long)a->asked, (unsigned long long)a->refused,
        (unsigned long long)a->allowed, (unsigned long long)a->late, (unsigned long long)a->late_refused,
        (unsigned long long)a->held, (unsigned long long)a->judged, (double)a->slowest_ns / 1e6);
}

static void put_status(const struct trn_pipeline *p, struct trn_buf *out)
{
    struct trn_recorder_stats rec;
    trn_recorder_stats(p->recorder, &rec);
    trn_put_fmt(out,
                "{\"type\":\"status\",\"status\":{\"schema\":\"turncoat.status/1\",\"ready\":%s,\"version\":\"%s\",",
                p->ready ? "true" : "false", TRN_VERSION);
    key_str(out, "scope", trn_str_is_empty(p->hello.scope) ? TRN_STR_NONE : p->hello.scope);
    trn_put_c(out, ",");
    key_str(out, "note", p->hello.config_note);
    trn_put_c(out, ",\"since\":\"");
    trn_put_time_iso(out, p->started_wall_ns);
    trn_put_fmt(out,
                "\",\"events\":%llu,\"events_per_second\":%llu,\"late\":%llu,\"identity_timeouts\":%llu,\"known_"
                "processes\":%zu",
                (unsigned long long)rec.events, (unsigned long long)p->rate, (unsigned long long)rec.late,
                (unsigned long long)rec.identity_timeouts, trn_process_count(trn_engine_processes(p->engine)));
    put_key(p, out);
    put_hooks(p, out);
    put_losses(p, out);
    put_memory(p, out);
    put_store(p, out);
    put_processes(p, out);
    put_notes(p, out);
    put_policy(p, out);
    put_answers(p, out);
    trn_put_c(out, "}}\n");
}

static const char *package_state(uint32_t flags)
{
    return flags & TRN_SW_UNPACKED ? "unpacked" : "installed";
}

static void put_software_line(struct trn_buf *out, const struct trn_software *s, uint64_t running, uint64_t files,
                              bool modified, const char *state)
{
    trn_put_c(out, "{\"type\":\"software\",\"software\":{");
    key_str(out, "name", s->name);
    trn_put_c(out, ",");
    key_str(out, "version", s->version);
    trn_put_fmt(out, ",\"origin\":\"%s\",\"modified\":%s,\"running\":%llu,\"files\":%llu,\"state\":\"%s\"}}\n",
                trn_origin_name(s->origin), modified ? "true" : "false", (unsigned long long)running,
                (unsigned long long)files, state);
}

static uint64_t software_key(struct trn_str name, struct trn_str version)
{
    return trn_hash64_mix(trn_hash64_str(name), trn_hash64_str(version));
}

/* What runs, counted once: thousands of packages times thousands of processes would hold up the engine.
 * Values: how often it runs, and two bits. */
#define ONE_MORE 4u
#define RUNS_MODIFIED 2u
#define IS_LISTED 1u

static struct trn_map *count_running(const struct trn_process_table *t)
{
    struct trn_map *m = trn_map_new(LISTED_MAX);
    const struct trn_entity *e;
    for (size_t it = 0; m && trn_process_next(t, &it, &e);) {
        struct trn_software s;
        uint64_t n = 0;
        if (e->exit_boot_ns)
            continue;
        trn_process_software(e, &s);
        uint64_t key = software_key(s.name, s.version);
        trn_map_get(m, key, &n);
        if (trn_map_put(m, key, (n + ONE_MORE) | (s.flags & TRN_SW_MODIFIED ? RUNS_MODIFIED : 0)) < 0)
            break;
    }
    return m;
}

/* Once each; true when it was not listed before. */
static bool list_once(struct trn_map *running, uint64_t key, uint64_t *ret)
{
    *ret = 0;
    trn_map_get(running, key, ret);
    return !(*ret & IS_LISTED) && trn_map_put(running, key, *ret | IS_LISTED) == 0;
}

/* What runs and is not installed here: no package, one of a container, or a version that was updated
 * meanwhile. Each name and version once, in order of first start. */
static void put_loose(const struct trn_process_table *t, struct trn_map *running, struct trn_str name,
                      struct trn_buf *out)
{
    const struct trn_entity *e;
    for (size_t it = 0; trn_process_next(t, &it, &e);) {
        struct trn_software s;
        uint64_t n;
        if (e->exit_boot_ns || trn_str_is_empty(e->image.path))
            continue;
        trn_process_software(e, &s);
        if ((trn_str_is_none(name) || trn_str_eq(s.name, name)) &&
            list_once(running, software_key(s.name, s.version), &n))
            put_software_line(out, &s, n / ONE_MORE, 1, (n & RUNS_MODIFIED) != 0, "running");
    }
}

static void put_software(const struct trn_pipeline *p, struct trn_str name, struct trn_buf *out)
{
    const struct trn_process_table *t = trn_engine_processes(p->engine);
    const struct trn_package_index *x = trn_enrich_packages(p->enrich);
    struct trn_map *running = count_running(t);
    for (size_t i = 0; running && x && i < trn_package_index_packages(x); i++) {
        const struct trn_package *pkg = trn_package_index_at(x, i);
        uint64_t n;
        if (!trn_str_is_none(name) && !trn_str_eq(pkg->name, name))
            continue;
        const struct trn_software s = {.name = pkg->name,
                                       .version = pkg->version,
                                       .origin = TRN_ORIGIN_DPKG,
                                       .flags = pkg->flags};
        (void)list_once(running, software_key(pkg->name, pkg->version), &n); /* two architectures: a line each */
        put_software_line(out, &s, n / ONE_MORE, pkg->files, (n & RUNS_MODIFIED) != 0, package_state(pkg->flags));
    }
    if (running)
        put_loose(t, running, name, out);
    trn_map_free(running);
}

static void put_owner_line(struct trn_buf *out, const struct trn_software *s, const char *state)
{
    trn_put_c(out, "{\"type\":\"software\",\"software\":{");
    key_str(out, "name", s->name);
    trn_put_c(out, ",");
    key_str(out, "version", s->version);
    trn_put_fmt(out, ",\"origin\":\"%s\",\"state\":\"%s\"}}\n", trn_origin_name(s->origin), state);
}

/* Whose a file of this machine is: a package's; else what was seen to run from there. Nobody's: no line. */
static void put_owner(const struct trn_pipeline *p, struct trn_str path, struct trn_buf *out)
{
    const struct trn_process_table *t = trn_engine_processes(p->engine);
    const struct trn_package_index *x = trn_enrich_packages(p->enrich);
    const struct trn_entity *e;
    struct trn_owner owner;
    struct trn_enrich_stats enrich;
    trn_enrich_stats(p->enrich, &enrich);
    if (!enrich.packages_read) {
        put_owner_line(out, &(struct trn_software){.origin = TRN_ORIGIN_UNKNOWN}, "not read yet");
        return;
    }
    if (x && trn_package_index_find(x, path, &owner)) {
        const struct trn_software s = {.name = owner.package->name,
                                       .version = owner.package->version,
                                       .origin = TRN_ORIGIN_DPKG};
        put_owner_line(out, &s, package_state(owner.package->flags));
        return;
    }
    for (size_t it = 0; trn_process_next(t, &it, &e);) {
        const struct trn_identity *id = e->image.identity;
        if (!id || !trn_str_eq(e->image.path, path) || (p->hello.mntns && e->mntns != p->hello.mntns) ||
            trn_str_is_empty(id->software.name) || id->software.origin == TRN_ORIGIN_MANUAL ||
            id->software.origin == TRN_ORIGIN_UNKNOWN)
            continue;
        put_owner_line(out, &id->software, "running");
        return;
    }
}

static void put_process_list(const struct trn_pipeline *p, struct trn_buf *out)
{
    const struct trn_process_table *t = trn_engine_processes(p->engine);
    const struct trn_entity *e;
    for (size_t it = 0; trn_process_next(t, &it, &e);) {
        struct trn_software s;
        if (e->exit_boot_ns)
            continue;
        trn_process_software(e, &s);
        const struct trn_entity *acting = trn_process_acting(t, e);
        trn_put_fmt(out, "{\"type\":\"process\",\"process\":{\"entity\":\"%016llx\",\"pid\":%u,\"parent\":\"%016llx\",",
                    (unsigned long long)e->id, e->pid, (unsigned long long)e->parent);
        key_str(out, "path", e->image.path);
        trn_put_c(out, ",");
        key_str(out, "software", s.name);
        trn_put_c(out, ",");
        key_str(out, "version", s.version);
        if (acting)
            trn_process_software(acting, &s);
        trn_put_c(out, ",");
        key_str(out, "acting", acting ? s.name : TRN_STR_NONE);
        trn_put_c(out, "}}\n");
    }
}

void trn_pipe_answer(void *ctx, enum trn_ask ask, struct trn_str name, struct trn_buf *out)
{
    struct trn_pipeline *p = ctx;
    switch (ask) {
    case TRN_ASK_STATUS:
        put_status(p, out);
        break;
    case TRN_ASK_SOFTWARE:
        put_software(p, name, out);
        if (!trn_str_is_empty(name))
            trn_engine_profile(p->engine, name, out);
        break;
    case TRN_ASK_OWNER:
        put_owner(p, name, out);
        break;
    case TRN_ASK_FILTERS:
        trn_filter_list_lines(p->filters, out);
        break;
    case TRN_ASK_EXCEPTIONS:
        trn_pipe_list_exceptions(p, out);
        break;
    case TRN_ASK_EXCEPTION:
        trn_pipe_exception(ctx, name, out);
        break;
    case TRN_ASK_RESPOND:
        trn_pipe_respond(p, name, out);
        break;
    case TRN_ASK_PROCESSES:
        put_process_list(p, out);
        break;
    case TRN_ASK_DECIDE:
        trn_put_u32(&p->decisions, (uint32_t)name.n);
        trn_put_str(&p->decisions, name);
        break;
    }
}
