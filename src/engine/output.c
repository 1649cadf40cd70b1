/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the way out: each numbered event to log, engine, store and watchers; findings and stories to
 * store, watchers, the JSON-lines file and standard output. Must not own: what they mean.
 */
#include "engine/pipeline_internal.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENT_BYTES_MAX (256u << 10)
#define STORIES_FILE_MAX (16u << 20)
#define LOAD_AGAIN_NS (3600 * TRN_NS_PER_SEC)

static void tell_line(struct trn_pipeline *p, const char *type, struct trn_buf *json, bool event)
{
    struct trn_buf line;
    trn_buf_init(&line, 16u << 20);
    trn_put_fmt(&line, "{\"type\":\"%s\",\"%s\":", type, type);
    trn_put_str(&line, trn_buf_str(json));
    trn_put_c(&line, "}");
    if (!line.bad && p->server)
        trn_server_tell(p->server, trn_buf_str(&line), event);
    trn_buf_done(&line);
}

static int on_finding(void *ctx, const struct trn_finding *f)
{
    struct trn_pipeline *p = ctx;
    struct trn_buf json;
    trn_buf_init(&json, 1u << 20);
    trn_plan_finding(p->plan, f, trn_boot_ns());
    trn_finding_to_json(f, &json);
    trn_writer_finding(p->writer, f);
    tell_line(p, "finding", &json, false);
    trn_buf_done(&json);
    return 0;
}

/* JSON lines for other tools; begun anew past a size, the old one kept as .1 */
static void append_story(struct trn_pipeline *p, struct trn_str json)
{
    char path[4200], old[4300];
    struct stat st;
    snprintf(path, sizeof path, "%s/stories.jsonl", p->o.state_dir);
    if (stat(path, &st) == 0 && st.st_size > (off_t)STORIES_FILE_MAX) {
        snprintf(old, sizeof old, "%s.1", path);
        if (rename(path, old) < 0)
            return;
    }
    TRN_AUTO(trn_fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (fd < 0 || trn_write_full(fd, json.p, json.n) < 0)
        trn_pipe_tell_health(p, "'%s' cannot be written", path);
    if (p->o.stories_to_stdout && trn_write_full(STDOUT_FILENO, json.p, json.n) < 0)
        p->o.stories_to_stdout = false;
}

static int on_story(void *ctx, const struct trn_story *s)
{
    struct trn_pipeline *p = ctx;
    struct trn_buf json;
    trn_buf_init(&json, 8u << 20);
    trn_plan_story(p->plan, s); /* first: what is done must not wait for who only looks */
    trn_story_to_json(s, &json);
    trn_writer_story(p->writer, s);
    tell_line(p, "story", &json, false);
    uint64_t mark = (uint64_t)s->n_findings << 9 | (uint64_t)s->closed << 8 | (uint64_t)s->verdict, before = 0;
    if (s->n_actions)
        mark = trn_hash64_mix(mark, trn_story_actions_hash(s));
    trn_map_get(p->story_marks, s->id, &before);
    /* A new finding or verdict, a step of an action, or that it is closed or opened, is news to other tools; a changed
     * byte count is not. */
    if (s->verdict >= TRN_VERDICT_SUSPICIOUS && mark != before && trn_map_put(p->story_marks, s->id, mark) == 0) {
        trn_put_c(&json, "\n");
        append_story(p, trn_buf_str(&json));
    }
    trn_buf_done(&json);
    return 0;
}

static int on_state(void *ctx, const struct trn_event *state)
{
    struct trn_pipeline *p = ctx;
    trn_writer_state(p->writer, state);
    return 0;
}

struct trn_engine_sink trn_pipe_engine_sink(struct trn_pipeline *p)
{
    return (struct trn_engine_sink){.finding = on_finding, .story = on_story, .state = on_state, .ctx = p};
}

static void tell_loss(struct trn_pipeline *p, const struct trn_event *ev)
{
    struct trn_buf json;
    trn_buf_init(&json, 4096);
    trn_put_fmt(&json, "{\"class\":\"%s\",\"count\":%llu}", trn_class_name((enum trn_class)ev->meta.klass),
                (unsigned long long)ev->meta.count);
    tell_line(p, "loss", &json, false);
    trn_buf_done(&json);
}

/* A step of an action, for who waits for it and for who watches: {"id","act","target_kind","target","state",...}. */
static void tell_action(struct trn_pipeline *p, const struct trn_event *ev)
{
    const struct trn_ev_response *e = &ev->response;
    const struct {
        const char *key;
        struct trn_str value;
    } texts[] = {{"act", e->act},       {"target_kind", e->target_kind},
                 {"target", e->target}, {"state", e->state},
                 {"text", e->text},     {"check", e->check},
                 {"why", e->why},       {"by", e->by}};
    struct trn_buf json;
    trn_buf_init(&json, 64u << 10);
    trn_put_fmt(&json, "{\"id\":%llu,\"story\":%llu", (unsigned long long)e->id, (unsigned long long)e->story);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(texts); i++) {
        trn_put_fmt(&json, ",\"%s\":", texts[i].key);
        if (trn_str_is_none(texts[i].value))
            trn_put_c(&json, "null");
        else
            trn_json_str(&json, texts[i].value);
    }
    trn_put_c(&json, ",\"time\":\"");
    trn_put_time_iso(&json, ev->wall_ns);
    trn_put_c(&json, "\",\"until\":");
    if (e->until_wall_ns) {
        trn_put_c(&json, "\"");
        trn_put_time_iso(&json, e->until_wall_ns);
        trn_put_c(&json, "\"");
    } else {
        trn_put_c(&json, "null");
    }
    trn_put_fmt(&json, ",\"took_ns\":%llu}", (unsigned long long)e->took_ns);
    tell_line(p, "action", &json, false);
    trn_buf_done(&json);
}

/* Which program, seen from people, is behind a change of the package database: apt rather than the dpkg it starts. */
static struct trn_str changed_by(const struct trn_pipeline *p, const struct trn_event *ev)
{
    const struct trn_process_table *t = trn_engine_processes(p->engine);
    const struct trn_entity *e = trn_process_of(t, ev);
    struct trn_str by = TRN_STR_NONE;
    for (int up = 0; e && up < 8; up++) {
        struct trn_str base = trn_path_base(e->image.path);
        if (trn_str_starts(base, TRN_STR("apt")) || trn_str_starts(base, TRN_STR("dpkg")) ||
            trn_str_starts(base, TRN_STR("unattended-upgr")) || trn_str_eq_c(base, "aptitude"))
            by = base;
        e = e->parent ? trn_process_get(t, e->parent) : NULL;
    }
    return by;
}

/* True when nothing with this key was stored for so long. */
static bool is_news(struct trn_pipeline *p, uint64_t key, uint64_t boot_ns, uint64_t again_ns)
{
    uint64_t stored, oldest;
    size_t it = 0;
    if (trn_map_get(p->loads, key, &stored) && boot_ns < stored + again_ns)
        return false;
    if (trn_map_count(p->loads) == TRN_PIPE_LOADS && trn_map_next(p->loads, &it, &oldest, NULL))
        trn_map_remove(p->loads, oldest, NULL);
    return trn_map_put(p->loads, key, boot_ns) <= 0; /* always: what cannot be remembered is stored again */
}

/* The same program maps the same libraries at every start. The log has each time; the store, which people search, has
 * it once an hour: a third of its work on a machine that starts programs all day. */
static bool is_repeated_load(struct trn_pipeline *p, const struct trn_event *ev, const struct trn_entity *e)
{
    if (ev->type != TRN_EV_LIB_LOAD || !e)
        return false;
    uint64_t key = trn_hash64_mix(trn_hash64_str(ev->map.path), trn_hash64_str(e->image.path));
    key = trn_hash64_mix(key, trn_hash64_str(ev->map.build_id));
    key = trn_hash64_mix(key, trn_file_key_hash(&e->image.file));
    return !is_news(p, key, ev->boot_ns, LOAD_AGAIN_NS);
}

/* File servers change their user for each request: the log has each time, the store once a second. */
static bool is_repeated_cred(struct trn_pipeline *p, const struct trn_event *ev)
{
    if (ev->type != TRN_EV_CRED)
        return false;
    uint64_t key = trn_hash64_mix(trn_hash64_mix(ev->entity, ev->pid), trn_hash64_mix(ev->uid, ev->euid));
    return !is_news(p, trn_hash64_mix(trn_hash64_mix(key, ev->gid), ev->action), ev->boot_ns, TRN_NS_PER_SEC);
}

/* The order matters: the log first. Log and store get the same bytes, made once. */
static int pass_on(struct trn_pipeline *p, const struct trn_event *ev)
{
    TRN_AUTO(trn_buf_done) struct trn_buf encoded;
    trn_buf_init(&encoded, EVENT_BYTES_MAX);
    trn_event_encode(ev, &encoded);
    trn_pipe_log(p, encoded.bad ? TRN_STR_NONE : trn_buf_str(&encoded));
    int r = trn_engine_push(p->engine, ev);
    if (r < 0)
        return r;
    if (ev->type == TRN_EV_LOSS)
        tell_loss(p, ev);
    if (ev->type == TRN_EV_RESPONSE)
        tell_action(p, ev);
    if (ev->type == TRN_EV_FILTER)
        trn_filter_list_event(p->filters, ev);
    if (ev->type == TRN_EV_FILE && trn_str_starts(ev->file.path, TRN_STR("/var/lib/dpkg/status")))
        trn_enrich_database_changed(p->enrich, changed_by(p, ev)); /* here, where its process is known */
    if (ev->type == TRN_EV_TICK)
        return 0;
    const struct trn_entity *e = trn_process_of(trn_engine_processes(p->engine), ev);
    if (ev->type != TRN_EV_FORK && !is_repeated_load(p, ev, e) &&
        !is_repeated_cred(p, ev)) /* the store has no row for a fork */
        trn_writer_event(p->writer, encoded.bad ? TRN_STR_NONE : trn_buf_str(&encoded),
                         e ? e->image.path : TRN_STR_NONE);
    if (trn_server_wants_events(p->server)) {
        struct trn_buf json;
        trn_buf_init(&json, 1u << 20);
        trn_event_to_json(ev, &json);
        tell_line(p, "event", &json, true);
        trn_buf_done(&json);
    }
    return 0;
}

/* What the table adds to an event is added before the log gets it, what follows from it comes right behind it: both
 * stand in the log, so that whatever a finding rests on can be replayed. */
int trn_pipe_numbered(void *ctx, const struct trn_event *ev)
{
    struct trn_pipeline *p = ctx;
    struct trn_event own = *ev;
    char user[32];
    if (ev->type == TRN_EV_RESPONSE && ev->uid != TRN_NO_U32)
        own.response.by = trn_user_name(p->o.users, ev->uid, user);
    trn_deriver_before(p->deriver, &own);
    int r = pass_on(p, &own);
    if (r == 0)
        trn_plan_numbered(p->plan, &own);
    return r < 0 ? r : trn_deriver_after(p->deriver);
}

void trn_pipe_tell_health(struct trn_pipeline *p, const char *fmt, ...)
{
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fprintf(stderr, "turncoat-engine: %s\n", text); /* the program's one log: standard error */
    struct trn_buf json;
    trn_buf_init(&json, 8192);
    trn_put_c(&json, "{\"message\":");
    trn_json_str(&json, trn_str_of(text));
    trn_put_c(&json, "}");
    tell_line(p, "health", &json, false);
    trn_buf_done(&json);
}

/* A story that the engine no longer holds (dropped, or of long ago) is decided about in the store alone. */
static int decide(struct trn_pipeline *p, struct trn_cursor *in)
{
    struct trn_event ev;
    if (trn_event_decode(in, &ev) < 0)
        return 0;
    ev.boot_ns = trn_boot_ns();
    ev.wall_ns = trn_wall_ns();
    if (ev.type == TRN_EV_DECISION && !trn_engine_story(p->engine, ev.decision.story))
        trn_writer_decision(p->writer, &ev);
    return trn_recorder_tell(p->recorder, &ev);
}

int trn_pipe_decide(struct trn_pipeline *p)
{
    struct trn_cursor in = trn_cur_of(trn_buf_str(&p->decisions));
    int r = 0;
    while (r >= 0 && !p->decisions.bad && trn_cur_left(&in)) {
        uint32_t n = trn_cur_u32le(&in);
        struct trn_cursor one = trn_cur_of(trn_cur_bytes(&in, n));
        r = decide(p, &one);
    }
    trn_buf_done(&p->decisions);
    trn_buf_init(&p->decisions, TRN_PIPE_DECISIONS);
    return r;
}

static void loss(struct trn_pipeline *p, enum trn_class klass, uint64_t total)
{
    if (total <= p->told_losses[klass])
        return;
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_LOSS);
    ev.boot_ns = trn_boot_ns();
    ev.meta.klass = klass;
    ev.meta.count = total - p->told_losses[klass];
    p->told_losses[klass] = total;
    if (trn_recorder_tell(p->recorder, &ev) < 0)
        p->log_lost++;
}

void trn_pipe_losses(struct trn_pipeline *p)
{
    struct trn_writer_stats w;
    struct trn_enrich_stats e;
    trn_writer_stats(p->writer, &w);
    trn_enrich_stats(p->enrich, &e);
    loss(p, TRN_CLASS_STORE, w.lost + p->log_lost);
    loss(p, TRN_CLASS_CLIENT, trn_server_dropped(p->server));
    loss(p, TRN_CLASS_IDENTITY, e.refused + e.given_up);
}
