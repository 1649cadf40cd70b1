/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the meaning of each request of the local socket. Must not own: sockets, threads, SQL.
 * Requests are foreign text: parsed by jansson with a depth limit, every member checked for its type.
 */
#include "engine/server_internal.h"

#include "story/story.h"

#include <stdio.h>

#define MAX_LIMIT 100000

static void json_freep(json_t **j)
{
    json_decref(*j);
    *j = NULL;
}

static void end(struct trn_buf *out)
{
    trn_put_c(out, "{\"type\":\"end\"}\n");
}

void trn_answer_error(struct trn_buf *out, int code, const char *message, const char *hint)
{
    trn_put_c(out, "{\"type\":\"error\",\"message\":");
    trn_json_str(out, trn_str_of(message));
    trn_put_c(out, ",\"hint\":");
    trn_json_str(out, trn_str_of(hint));
    trn_put_fmt(out, ",\"code\":\"%s\"}\n", trn_errno_name(code));
}

static void error_of(struct trn_buf *out, int code, const struct trn_err *err)
{
    trn_answer_error(out, code, err->message[0] ? err->message : trn_errno_name(code), err->hint);
}

struct trn_str trn_request_text(const json_t *request, const char *name)
{
    const json_t *m = json_object_get(request, name);
    if (!json_is_string(m))
        return TRN_STR_NONE;
    return (struct trn_str){json_string_value(m), json_string_length(m)};
}

uint64_t trn_request_number(const json_t *request, const char *name)
{
    const json_t *m = json_object_get(request, name);
    json_int_t v = json_is_integer(m) ? json_integer_value(m) : 0;
    return v > 0 ? (uint64_t)v : 0;
}

static uint32_t limit_of(const json_t *request, uint32_t otherwise)
{
    const json_t *m = json_object_get(request, "limit");
    json_int_t v = json_is_integer(m) ? json_integer_value(m) : 0;
    return v > 0 && v <= MAX_LIMIT ? (uint32_t)v : otherwise;
}

bool trn_request_store(struct trn_request_env *env, struct trn_buf *out)
{
    struct trn_err err = {0};
    env->store = trn_store_close(env->store); /* the writer may have set that file aside since */
    struct trn_arena *arena = trn_arena_new(1u << 20);
    struct trn_str note;
    const struct trn_store_options o = {.sz = sizeof o, .read_only = true};
    int r = arena ? trn_store_open(env->store_path, &o, trn_wall_ns(), arena, &env->store, &note, &err) : -ENOMEM;
    trn_arena_free(arena);
    if (r < 0)
        error_of(out, r, &err);
    return r == 0;
}

/* What is stored arrives as JSON text; it goes out as {"type":TYPE,TYPE:...}. */
struct typed {
    struct trn_buf *out;
    const char *type;
};

static int typed_line(void *ctx, struct trn_str json)
{
    struct typed *t = ctx;
    trn_put_fmt(t->out, "{\"type\":\"%s\",\"%s\":", t->type, t->type);
    trn_put_str(t->out, json);
    trn_put_c(t->out, "}\n");
    return t->out->bad ? -ENOBUFS : 0;
}

static void finish(struct trn_buf *out, int r, const struct trn_err *err)
{
    if (r < 0)
        error_of(out, r, err);
    else
        end(out);
}

/* Who asks the store while it cannot be written is told that the answer is not whole. */
static void warn_of_store(const struct trn_request_env *env, struct trn_buf *out)
{
    struct trn_writer_stats w;
    char text[500];
    trn_writer_stats(env->writer, &w);
    if (trn_str_starts(trn_str_of(w.state), TRN_STR("ok")))
        return;
    snprintf(text, sizeof text, "the store does not take what happens, this answer is not whole; store %s", w.state);
    trn_put_c(out, "{\"type\":\"warning\",\"warning\":{\"message\":");
    trn_json_str(out, trn_str_of(text));
    trn_put_c(out, "}}\n");
}

static void ask_stories(struct trn_request_env *env, const json_t *request, struct trn_buf *out)
{
    struct trn_err err = {0};
    enum trn_verdict min = TRN_VERDICT_SUSPICIOUS;
    struct trn_str text = trn_request_text(request, "min");
    if (!trn_str_is_none(text) && trn_verdict_parse(text, &min) < 0) {
        trn_answer_error(out, -EINVAL, "unknown verdict in 'min'", "clean, note, suspicious or malicious");
        return;
    }
    if (!trn_request_store(env, out))
        return;
    warn_of_store(env, out);
    const struct trn_json_sink sink = {typed_line, &(struct typed){out, "story"}};
    finish(out, trn_store_stories(env->store, min, limit_of(request, 1000), &sink, &err), &err);
}

static int story_page(struct trn_request_env *env, const json_t *request, uint64_t id, struct trn_buf *out,
                      struct trn_err *err)
{
    struct trn_arena *arena = trn_arena_new(8u << 20);
    struct trn_story *story = NULL;
    int r = arena ? trn_store_story_get(env->store, id, arena, &story, err) : -ENOMEM;
    if (r == 0) {
        struct trn_buf page;
        trn_buf_init(&page, 1u << 20);
        const json_t *width = json_object_get(request, "width");
        json_int_t columns = json_is_integer(width) ? json_integer_value(width) : 0;
        trn_story_print(story, columns >= 40 && columns <= 400 ? (unsigned)columns : 0,
                        json_is_true(json_object_get(request, "colour")), &page);
        trn_put_c(out, "{\"type\":\"page\",\"text\":");
        trn_json_str(out, trn_buf_str(&page));
        trn_put_fmt(out, ",\"verdict\":\"%s\"}\n", trn_verdict_name(story->verdict));
        trn_buf_done(&page);
    }
    trn_arena_free(arena);
    return r;
}

static void ask_story(struct trn_request_env *env, const json_t *request, struct trn_buf *out)
{
    struct trn_err err = {0};
    const json_t *id = json_object_get(request, "id");
    if (!json_is_integer(id) || json_integer_value(id) <= 0) {
        trn_answer_error(out, -EINVAL, "a story is named by its number", "turncoat stories lists them");
        return;
    }
    if (!trn_request_store(env, out))
        return;
    uint64_t number = (uint64_t)json_integer_value(id);
    int r;
    if (json_is_true(json_object_get(request, "page"))) {
        r = story_page(env, request, number, out, &err);
    } else {
        struct trn_buf json;
        trn_buf_init(&json, 8u << 20);
        r = trn_store_story_json(env->store, number, &json, &err);
        if (r == 0)
            r = typed_line(&(struct typed){out, "story"}, trn_buf_str(&json));
        trn_buf_done(&json);
    }
    finish(out, r, &err);
}

/* What somebody decides about a story becomes an event: it stands in the log, and a replay decides the same. */
static void ask_decide(struct trn_request_env *env, const struct trn_request_client *client, const json_t *request,
                       enum trn_action action)
{
    const json_t *id = json_object_get(request, "id");
    bool close = action == TRN_ACT_CLOSED;
    struct trn_str text = trn_request_text(request, close ? "why" : "who");
    struct trn_event ev;
    if (!client->may_act) {
        trn_answer_error(client->out, -EPERM,
                         close ? "only root and the group 'turncoat-respond' may close a story"
                               : "only root and the group 'turncoat-respond' may assign a story",
                         "use sudo");
        return;
    }
    if (!json_is_integer(id) || json_integer_value(id) <= 0 || trn_str_is_empty(text) || text.n > 1000) {
        trn_answer_error(client->out, -EINVAL,
                         close ? "closing needs a story number and a reason of at most 1000 bytes"
                               : "assigning needs a story number and a name of at most 1000 bytes",
                         close ? "turncoat stories 7 --close 'vendor confirmed'" : "turncoat stories 7 --assign ana");
        return;
    }
    trn_event_init(&ev, TRN_EV_DECISION);
    ev.action = (uint16_t)action;
    ev.uid = client->uid;
    ev.pid = client->pid;
    ev.decision.story = (uint64_t)json_integer_value(id);
    ev.decision.text = text;
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 16384);
    trn_event_encode(&ev, &b);
    int r = b.bad ? -ENOMEM : env->live(env->ctx, TRN_ASK_DECIDE, trn_buf_str(&b), client->out);
    if (r < 0)
        trn_answer_error(client->out, r, "the engine is busy and did not answer", "try again");
    else
        end(client->out);
}

static void ask_hunt(struct trn_request_env *env, const json_t *request, struct trn_buf *out)
{
    struct trn_err err = {0};
    struct trn_hunt_summary sum = {0};
    if (!trn_request_store(env, out))
        return;
    warn_of_store(env, out);
    const struct trn_json_sink sink = {typed_line, &(struct typed){out, "event"}};
    int r = trn_store_hunt(env->store, trn_request_text(request, "expr"), trn_wall_ns(), limit_of(request, 100), &sink,
                           &sum, &err);
    if (r == 0) {
        trn_put_fmt(out, "{\"type\":\"summary\",\"summary\":{\"matches\":%llu", (unsigned long long)sum.matches);
        if (sum.matches) {
            trn_put_c(out, ",\"first\":\"");
            trn_put_time_iso(out, sum.first_wall_ns);
            trn_put_c(out, "\",\"last\":\"");
            trn_put_time_iso(out, sum.last_wall_ns);
            trn_put_c(out, "\"");
        }
        trn_put_c(out, "}}\n");
    }
    finish(out, r, &err);
}

static void ask_findings(struct trn_request_env *env, const json_t *request, struct trn_buf *out)
{
    struct trn_err err = {0};
    uint64_t since = 0;
    struct trn_str text = trn_request_text(request, "since");
    if (!trn_str_is_none(text) && trn_time_parse(text, trn_wall_ns(), &since) < 0) {
        trn_answer_error(out, -EINVAL, "cannot read the time in 'since'", "2h, 7d or 2026-11-23T07:00:00Z");
        return;
    }
    if (!trn_request_store(env, out))
        return;
    warn_of_store(env, out);
    const struct trn_json_sink sink = {typed_line, &(struct typed){out, "finding"}};
    finish(out, trn_store_findings(env->store, since, limit_of(request, 1000), &sink, &err), &err);
}

static void ask_live(struct trn_request_env *env, enum trn_ask ask, const json_t *request, struct trn_buf *out)
{
    int r = env->live(env->ctx, ask, trn_request_text(request, ask == TRN_ASK_OWNER ? "path" : "name"), out);
    if (r < 0)
        trn_answer_error(out, r, "the engine is busy and did not answer", "try again");
    else
        end(out);
}

/* Names of classes to bits; none given: all that may be filtered. What is no list is refused, not taken for none. */
static bool classes_of(const json_t *request, uint32_t *ret)
{
    json_t *list = json_object_get(request, "classes"), *name;
    size_t i;
    enum trn_class k;
    *ret = 0;
    if (list && !json_is_array(list))
        return false;
    json_array_foreach(list, i, name)
    {
        struct trn_str text = {json_string_value(name), json_string_length(name)};
        if (!json_is_string(name) || trn_class_parse(text, &k) < 0)
            return false;
        *ret |= 1u << k;
    }
    if (!json_array_size(list))
        *ret = TRN_FILTER_CLASSES;
    return true;
}

/* Absent is 0; anything else must be a number from 1 on. */
static bool number_of(const json_t *request, const char *name, uint64_t *ret)
{
    const json_t *m = json_object_get(request, name);
    if (m && (!json_is_integer(m) || json_integer_value(m) <= 0))
        return false;
    *ret = m ? (uint64_t)json_integer_value(m) : 0;
    return true;
}

static void ask_filter(struct trn_request_env *env, const struct trn_request_client *client, const json_t *request)
{
    static const struct {
        const char *name;
        enum trn_filter_kind kind;
    } kinds[] = {{"program", TRN_FILTER_PROGRAM},
                 {"process", TRN_FILTER_PROCESS},
                 {"path", TRN_FILTER_PATH},
                 {"filesystem", TRN_FILTER_FILESYSTEM}};
    struct trn_str what = trn_request_text(request, "what"), act = trn_request_text(request, "act");
    uint64_t pid = 0;
    struct trn_filter_request q = {.path = trn_request_text(request, "path"),
                                   .why = trn_request_text(request, "why"),
                                   .remove = trn_str_eq_c(act, "remove")};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(kinds); i++)
        q.kind = trn_str_eq_c(what, kinds[i].name) ? (uint16_t)kinds[i].kind : q.kind;
    bool numbers = number_of(request, "pid", &pid) && number_of(request, "seconds", &q.seconds);
    q.pid = pid <= INT32_MAX ? (uint32_t)pid : 0;
    if (!numbers) {
        trn_answer_error(client->out, -EINVAL, "'pid' and 'seconds' are numbers from 1 on", "");
        return;
    }
    if (!q.kind || (!q.remove && !trn_str_eq_c(act, "set")) || !classes_of(request, &q.classes)) {
        trn_answer_error(client->out, -EINVAL, "a filter needs 'act', 'what' and 'classes' that are known",
                         "set or remove; program, process, path or filesystem; network, dns, tls, access");
        return;
    }
    if (q.kind >= TRN_FILTER_PATH)
        q.classes = 1u << TRN_CLASS_FILE;
    trn_ask_filter(env, client, &q);
}

void trn_request(struct trn_request_env *env, struct trn_request_client *client, struct trn_str line)
{
    json_error_t bad;
    TRN_AUTO(json_freep) json_t *request = json_loadb(line.p, line.n, 0, &bad);
    struct trn_str ask = json_is_object(request) ? trn_request_text(request, "ask") : TRN_STR_NONE;
    if (trn_str_is_none(ask))
        trn_answer_error(client->out, -EINVAL, "a request is one line: a JSON object with 'ask'",
                         "{\"ask\":\"status\"}");
    else if (trn_str_eq_c(ask, "status"))
        ask_live(env, TRN_ASK_STATUS, request, client->out);
    else if (trn_str_eq_c(ask, "software"))
        ask_live(env, json_object_get(request, "path") ? TRN_ASK_OWNER : TRN_ASK_SOFTWARE, request, client->out);
    else if (trn_str_eq_c(ask, "processes"))
        ask_live(env, TRN_ASK_PROCESSES, request, client->out);
    else if (trn_str_eq_c(ask, "filters"))
        ask_live(env, TRN_ASK_FILTERS, request, client->out);
    else if (trn_str_eq_c(ask, "exceptions"))
        ask_live(env, TRN_ASK_EXCEPTIONS, request, client->out);
    else if (trn_str_eq_c(ask, "exception"))
        trn_ask_exception(env, client, request);
    else if (trn_str_eq_c(ask, "brought"))
        trn_ask_brought(env, client, request);
    else if (trn_str_eq_c(ask, "filter"))
        ask_filter(env, client, request);
    else if (trn_str_eq_c(ask, "respond"))
        trn_ask_respond(env, client, request);
    else if (trn_str_eq_c(ask, "stories"))
        ask_stories(env, request, client->out);
    else if (trn_str_eq_c(ask, "story"))
        ask_story(env, request, client->out);
    else if (trn_str_eq_c(ask, "bundle"))
        trn_ask_bundle(env, request, client->out);
    else if (trn_str_eq_c(ask, "close"))
        ask_decide(env, client, request, TRN_ACT_CLOSED);
    else if (trn_str_eq_c(ask, "assign"))
        ask_decide(env, client, request, TRN_ACT_ASSIGNED);
    else if (trn_str_eq_c(ask, "hunt"))
        ask_hunt(env, request, client->out);
    else if (trn_str_eq_c(ask, "findings"))
        ask_findings(env, request, client->out);
    else if (trn_str_eq_c(ask, "watch")) {
        client->watch = true;
        client->events = json_is_true(json_object_get(request, "events"));
    } else
        trn_answer_error(client->out, -ENOSYS, "this engine does not know that request",
                         "is the command newer than the daemon?");
}
