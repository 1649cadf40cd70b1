/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what the local socket may ask about exceptions: reading a request (serving thread), deciding and telling it as an
 * EXCEPTION event in the order of all others (main thread), telling the end of one, and listing them. Must not own: what an
 * exception lowers (src/detect), nor the rules of one: trn_exception_check.
 *
 * Who asks is whom the kernel names at the other end of the socket; no request can say so. The two threads exchange the
 * event in its encoded form.
 */
#include "engine/pipeline_internal.h"
#include "engine/server_internal.h"

#include "story/story.h"

#include <jansson.h>
#include <stdio.h>

#define EVENT_MAX 16384
#define ARENA_MAX (8u << 20)
#define CHECK_MAX 100

/* ---- the request, in the serving thread ---- */

static bool says(const struct trn_finding *f, struct trn_str only)
{
    for (uint32_t i = 0; i < f->n_evidence; i++)
        if (trn_str_eq(f->evidence[i].value, only))
            return true;
    return trn_str_is_none(only);
}

/* Software, version and file of the last finding of that check. */
static int from_story(const struct trn_story *s, struct trn_ev_exception *e, struct trn_err *err)
{
    const struct trn_finding *f = NULL;
    char shown[CHECK_MAX];
    int r;
    for (uint32_t i = 0; i < s->n_findings; i++)
        if (trn_str_eq_c(e->check, s->findings[i].check->id) && says(&s->findings[i], e->only))
            f = &s->findings[i];
    if (!f) {
        r = trn_fail(err, -ENOENT, "story %llu has no such finding of '%s'", (unsigned long long)s->id,
                     trn_escape_into(shown, sizeof shown, e->check));
        trn_hint(err, "turncoat stories %llu --json names the check of each finding", (unsigned long long)s->id);
        return r;
    }
    if (trn_str_is_empty(f->software.version) || trn_sha256_is_none(f->image_sha256)) {
        r = trn_fail(err, -ENODATA, "it is not known which %s acted there",
                     trn_str_is_empty(f->software.version) ? "version" : "file, by its hash,");
        trn_hint(err, "name all of it: CHECK --software NAME=VERSION --file PATH");
        return r;
    }
    e->name = f->software.name;
    e->version = f->software.version;
    memcpy(e->sha256, f->image_sha256, sizeof e->sha256);
    return 0;
}

static int read_story(struct trn_request_env *env, uint64_t id, struct trn_ev_exception *e, struct trn_arena *arena,
                      struct trn_err *err)
{
    struct trn_story *s = NULL;
    int r = trn_store_story_get(env->store, id, arena, &s, err);
    return r < 0 ? r : from_story(s, e, err);
}

static void read_binding(const json_t *request, struct trn_ev_exception *e)
{
    struct trn_str hash = trn_request_text(request, "sha256");
    e->name = trn_request_text(request, "name");
    e->version = trn_request_text(request, "version");
    if (trn_unhex(hash, e->sha256, sizeof e->sha256) < 0)
        memset(e->sha256, 0, sizeof e->sha256); /* refused as no hash */
}

static void read_rest(const json_t *request, struct trn_ev_exception *e)
{
    uint64_t seconds = trn_request_number(request, "seconds");
    if (!json_object_get(request, "seconds"))
        seconds = TRN_EXCEPTION_DEFAULT_SEC;
    e->check = trn_request_text(request, "check");
    e->only = trn_request_text(request, "only");
    e->reason = trn_request_text(request, "reason");
    /* Past the limit by whatever much: refused as too long. */
    e->until_wall_ns = trn_wall_ns() + TRN_MIN(seconds, (uint64_t)2 * TRN_EXCEPTION_MAX_SEC) * TRN_NS_PER_SEC;
}

/* Passes the event to the main thread, which answers. */
static void pass(struct trn_request_env *env, const struct trn_request_client *client, const struct trn_event *ev)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, EVENT_MAX);
    trn_event_encode(ev, &b);
    int r = b.bad ? -EMSGSIZE : env->live(env->ctx, TRN_ASK_EXCEPTION, trn_buf_str(&b), client->out);
    if (r == -EMSGSIZE)
        trn_answer_error(client->out, r, "the texts of an exception are short", "");
    else if (r < 0)
        trn_answer_error(client->out, r, "the engine is busy and did not answer",
                         "turncoat exceptions list, then try again");
}

static void ask_add(struct trn_request_env *env, const struct trn_request_client *client, const json_t *request,
                    struct trn_event *ev)
{
    struct trn_err err = {0};
    uint64_t story = trn_request_number(request, "story");
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new(ARENA_MAX);
    int r = arena ? 0 : -ENOMEM;
    ev->action = TRN_ACT_SET;
    read_rest(request, &ev->exception);
    if (r == 0 && story) {
        if (!trn_request_store(env, client->out))
            return; /* it answered */
        r = read_story(env, story, &ev->exception, arena, &err);
    } else if (r == 0) {
        read_binding(request, &ev->exception);
    }
    if (r < 0)
        trn_answer_error(client->out, r, err.message[0] ? err.message : trn_errno_name(r), err.hint);
    else
        pass(env, client, ev);
}

void trn_ask_exception(struct trn_request_env *env, const struct trn_request_client *client, const json_t *request)
{
    struct trn_str act = trn_request_text(request, "act");
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_EXCEPTION);
    ev.uid = ev.euid = client->uid;
    ev.pid = client->pid;
    if (!client->may_act) {
        trn_answer_error(client->out, -EPERM, "only root and the group 'turncoat-respond' may change exceptions",
                         "use sudo");
        return;
    }
    if (trn_str_eq_c(act, "add")) {
        ask_add(env, client, request, &ev);
    } else if (trn_str_eq_c(act, "remove") && trn_request_number(request, "id")) {
        ev.action = TRN_ACT_REMOVED;
        ev.exception.id = trn_request_number(request, "id");
        pass(env, client, &ev);
    } else {
        trn_answer_error(client->out, -EINVAL, "an exception is added, or removed by its number",
                         "turncoat exceptions list shows the numbers");
    }
}

/* ---- the decision, in the main thread ---- */

struct trn_str trn_user_name(struct trn_str users, uint32_t uid, char text[32])
{
    struct trn_str line, name, word;
    uint64_t n;
    while (users.n && trn_str_split(&users, '\n', &line)) {
        if (trn_str_split(&line, ':', &name) && trn_str_split(&line, ':', &word) && trn_str_split(&line, ':', &word) &&
            trn_str_u64(word, &n) == 0 && n == uid && name.n && name.n <= 64 && trn_utf8_valid(name))
            return name;
    }
    int k = snprintf(text, 32, "user %u", uid);
    return (struct trn_str){text, (size_t)k};
}

static void put_exception(const struct trn_event *ev, struct trn_buf *out)
{
    const struct trn_ev_exception *e = &ev->exception;
    const struct {
        const char *key;
        struct trn_str value;
    } texts[] = {{"check", e->check}, {"only", e->only}, {"by", e->by}, {"reason", e->reason}};
    trn_put_fmt(out, "{\"id\":%llu", (unsigned long long)e->id);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(texts); i++) {
        trn_put_fmt(out, ",\"%s\":", texts[i].key);
        trn_json_str(out, texts[i].value);
    }
    trn_put_c(out, ",\"software\":{\"name\":");
    trn_json_str(out, e->name);
    trn_put_c(out, ",\"version\":");
    trn_json_str(out, e->version);
    trn_put_c(out, "},\"sha256\":\"");
    trn_put_hex(out, e->sha256, sizeof e->sha256);
    trn_put_fmt(out, "\",\"by_uid\":%u,\"since\":\"", ev->uid);
    trn_put_time_iso(out, ev->wall_ns);
    trn_put_c(out, "\",\"until\":\"");
    trn_put_time_iso(out, e->until_wall_ns);
    trn_put_c(out, "\"}");
}

static const struct trn_event *find(const struct trn_detect *d, uint64_t id)
{
    const struct trn_event *set;
    for (size_t it = 0; trn_detect_exceptions(d, &it, &set);)
        if (set->exception.id == id)
            return set;
    return NULL;
}

/* Completes it by what only the main thread knows; 0 or why it is refused. */
static int decide(const struct trn_pipeline *p, struct trn_event *ev, char text[32], struct trn_err *err)
{
    const struct trn_detect *d = trn_engine_detect(p->engine);
    struct trn_str by = trn_user_name(p->o.users, ev->uid, text);
    ev->boot_ns = trn_boot_ns();
    ev->wall_ns = trn_wall_ns();
    if (p->exception.n)
        return trn_fail(err, -EBUSY, "another exception is just being told");
    if (ev->action == TRN_ACT_REMOVED) {
        const struct trn_event *set = find(d, ev->exception.id);
        if (!set) {
            int r = trn_fail(err, -ENOENT, "there is no exception %llu", (unsigned long long)ev->exception.id);
            trn_hint(err, "turncoat exceptions list shows those that hold");
            return r;
        }
        ev->exception = set->exception;
        ev->exception.by = by;
        return 0;
    }
    ev->exception.by = by;
    int r = trn_exception_check(ev, err);
    return r < 0 ? r : trn_detect_exception_room(d, ev, &ev->exception.id, err);
}

void trn_pipe_exception(struct trn_pipeline *p, struct trn_str encoded, struct trn_buf *out)
{
    struct trn_cursor in = trn_cur_of(encoded);
    struct trn_err err = {0};
    struct trn_event ev;
    char text[32];
    int r = trn_event_decode(&in, &ev);
    if (r == 0)
        r = decide(p, &ev, text, &err);
    if (r == 0) {
        trn_event_encode(&ev, &p->exception);
        r = p->exception.bad ? -ENOMEM : 0;
    }
    if (r < 0) {
        if (!err.message[0])
            (void)trn_fail(&err, r, "it cannot be told: %s", trn_errno_name(r));
        trn_answer_error(out, r, err.message, err.hint);
        return;
    }
    trn_put_c(out, "{\"type\":\"exception\",\"exception\":");
    put_exception(&ev, out);
    trn_put_c(out, "}\n{\"type\":\"end\"}\n");
}

void trn_pipe_tell_exceptions(struct trn_pipeline *p)
{
    struct trn_event ev;
    /* Not while the asking thread waits: what follows from it goes to watchers, by the same lock. */
    if (p->exception.n) {
        struct trn_cursor in = trn_cur_of(trn_buf_str(&p->exception));
        if (trn_event_decode(&in, &ev) < 0 || trn_recorder_tell(p->recorder, &ev) < 0)
            p->log_lost++;
    }
    trn_buf_clear(&p->exception);
    for (int i = 0; i < TRN_EXCEPTIONS_MAX; i++) {
        TRN_AUTO(trn_buf_done) struct trn_buf own = {0}; /* telling it frees what its texts point into */
        if (!trn_detect_exception_over(trn_engine_detect(p->engine), trn_wall_ns(), &ev))
            return;
        trn_buf_init(&own, EVENT_MAX);
        trn_event_encode(&ev, &own);
        struct trn_cursor in = trn_cur_of(trn_buf_str(&own));
        if (own.bad || trn_event_decode(&in, &ev) < 0 || trn_recorder_tell(p->recorder, &ev) < 0) {
            p->log_lost++;
            return;
        }
    }
}

void trn_pipe_list_exceptions(const struct trn_pipeline *p, struct trn_buf *out)
{
    const struct trn_event *set;
    for (size_t it = 0; trn_detect_exceptions(trn_engine_detect(p->engine), &it, &set);) {
        trn_put_c(out, "{\"type\":\"exception\",\"exception\":");
        put_exception(set, out);
        trn_put_c(out, "}\n");
    }
}

size_t trn_pipe_count_exceptions(const struct trn_pipeline *p)
{
    const struct trn_event *set;
    size_t n = 0;
    for (size_t it = 0; trn_detect_exceptions(trn_engine_detect(p->engine), &it, &set);)
        n++;
    return n;
}
