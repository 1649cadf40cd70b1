/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: {"ask":"respond"} in the serving thread: reading it, having the main thread say which processes and files are
 * meant, sending that to turncoatd with the client's own socket, and answering. Must not own: whether it may be done, by
 * whom or at all: turncoatd decides. may_act is looked at here only so that the answer comes early.
 */
#include "engine/server_internal.h"

#include <arpa/inet.h>
#include <stdio.h>

#define ARENA_MAX (1u << 20)
#define RESOLVED_MAX (8u << 20)
#define ANSWER_MS 20000 /* its plan may look at a package */
#define HEX_MAX 128u

/* ---- reading ---- */

static bool is_hex(struct trn_str s, size_t min, size_t max)
{
    for (size_t i = 0; i < s.n; i++)
        if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'a' && s.p[i] <= 'f'))
            return false;
    return s.n >= min && s.n <= max && s.n % 2 == 0;
}

static bool is_target(enum trn_target t, struct trn_str text)
{
    switch (t) {
    case TRN_TARGET_NONE:
        return true;
    case TRN_TARGET_SHA256:
        return is_hex(text, 64, 64);
    case TRN_TARGET_BUILD_ID:
        return is_hex(text, 8, HEX_MAX);
    case TRN_TARGET_PATH:
        return text.n > 1 && text.p[0] == '/';
    case TRN_TARGET_ENTITY:
        return is_hex(text, 16, 16);
    case TRN_TARGET_SOFTWARE:
        return text.n > 0 && text.p[0] != '=' && text.p[text.n - 1] != '=';
    default:
        return false;
    }
}

static bool read_host(const json_t *one, struct trn_act_host *ret)
{
    struct trn_str text = trn_request_text(one, "address");
    char address[INET6_ADDRSTRLEN];
    struct trn_act_host h = {0};
    if (text.n == 0 || text.n >= sizeof address)
        return false;
    snprintf(address, sizeof address, "%.*s", TRN_STR_ARG(text));
    h.family = inet_pton(AF_INET, address, h.address) == 1 ? 4 : inet_pton(AF_INET6, address, h.address) == 1 ? 6 : 0;
    const uint64_t bits = h.family == 4 ? 32 : 128;
    uint64_t prefix = json_object_get(one, "prefix") ? trn_request_number(one, "prefix") : bits,
             port = trn_request_number(one, "port");
    if (!h.family || prefix > bits || port > UINT16_MAX)
        return false;
    h.prefix = (uint8_t)prefix;
    h.port = (uint16_t)port;
    *ret = h;
    return true;
}

static int read_hosts(const json_t *request, struct trn_act_host *hosts, struct trn_act_request *q, struct trn_err *err)
{
    const json_t *list = json_object_get(request, "except");
    if (list && (!json_is_array(list) || json_array_size(list) > TRN_ACT_HOSTS))
        return trn_fail(err, -EINVAL, "at most %u addresses may stay reachable", TRN_ACT_HOSTS);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!read_host(json_array_get(list, i), &hosts[i]))
            return trn_fail(err, -EINVAL, "'except' is a list of {\"address\",\"prefix\",\"port\"}");
    q->hosts = hosts;
    q->n_hosts = (uint32_t)json_array_size(list);
    return 0;
}

static uint32_t read_flags(const json_t *request)
{
    static const struct {
        const char *name;
        uint32_t flag;
    } flags[] = {{"dry_run", TRN_ACT_DRY_RUN},
                 {"fail_closed", TRN_ACT_FAIL_CLOSED},
                 {"run_scripts", TRN_ACT_RUN_SCRIPTS},
                 {"except_established", TRN_ACT_EXCEPT_ESTABLISHED}};
    uint32_t bits = 0;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(flags); i++)
        bits |= json_is_true(json_object_get(request, flags[i].name)) ? flags[i].flag : 0;
    return bits;
}

/* What is undone or confirmed is named by its number, or, when it is undone, by what was done to what. */
static int read_order(const json_t *request, struct trn_act_request *q, struct trn_err *err)
{
    enum trn_respond of;
    enum trn_target target;
    q->id = trn_request_number(request, "id");
    if (q->id)
        return 0;
    if (q->act == TRN_RESPOND_CONFIRM || trn_respond_parse(trn_request_text(request, "undo_of"), &of) < 0 ||
        of >= TRN_RESPOND_KINDS || trn_target_parse(trn_request_text(request, "target"), &target) < 0 ||
        !trn_respond_takes(of, target) || !is_target(target, q->text)) {
        int r = trn_fail(err, -EINVAL, "which action is meant: its number is missing");
        trn_hint(err, "turncoat respond list shows the numbers");
        return r;
    }
    q->undo_of = (uint8_t)of;
    q->target = (uint8_t)target;
    return 0;
}

static int read_act(const json_t *request, struct trn_act_request *q, struct trn_err *err)
{
    enum trn_target target;
    if (trn_target_parse(trn_request_text(request, "target"), &target) < 0 || !trn_respond_takes(q->act, target) ||
        !is_target(target, q->text)) {
        int r = trn_fail(err, -EINVAL, "'%s' is not about such a target", trn_respond_name(q->act));
        trn_hint(err, "see turncoat respond --help");
        return r;
    }
    q->target = (uint8_t)target;
    return 0;
}

static int read_request(const json_t *request, struct trn_act_host *hosts, struct trn_act_request *q,
                        struct trn_err *err)
{
    enum trn_respond act;
    if (trn_respond_parse(trn_request_text(request, "act"), &act) < 0) {
        int r = trn_fail(err, -EINVAL, "there is no such act");
        trn_hint(err, "see turncoat respond --help");
        return r;
    }
    *q = (struct trn_act_request){.act = (uint8_t)act,
                                  .flags = read_flags(request),
                                  .seconds = trn_request_number(request, "seconds"),
                                  .story = trn_request_number(request, "story"),
                                  .text = trn_request_text(request, "text"),
                                  .version = trn_request_text(request, "version"),
                                  .why = trn_request_text(request, "why")};
    if (q->seconds > TRN_RESPOND_MAX_SEC) {
        int r = trn_fail(err, -ERANGE, "an action holds for 366 days at most");
        trn_hint(err, "without a time it holds for as long as turncoat respond --help says");
        return r;
    }
    if (q->why.n > TRN_RESPOND_WHY_MAX)
        return trn_fail(err, -EINVAL, "the reason is longer than %u bytes", TRN_RESPOND_WHY_MAX);
    int r = act < TRN_RESPOND_KINDS ? read_act(request, q, err) : read_order(request, q, err);
    return r < 0 ? r : read_hosts(request, hosts, q, err);
}

/* ---- files that were seen with a content ---- */

#define SEEN_EVENTS 256u
#define SEEN_FILES 64u

struct seen {
    struct trn_arena *arena;
    struct trn_act_file *files;
    uint32_t n;
};

static int add_seen(void *ctx, struct trn_str row)
{
    struct seen *s = ctx;
    json_t *j = json_loadb(row.p, row.n, 0, NULL), *file = json_object_get(j, "file");
    struct trn_str path = trn_request_text(file, "path"),
                   hash = trn_request_text(json_object_get(file, "hash"), "sha256");
    struct trn_act_file f = {.size = TRN_NO_U64};
    bool there = false;
    for (uint32_t i = 0; i < s->n; i++)
        there = there || trn_str_eq(s->files[i].path, path);
    f.size = json_object_get(file, "size") ? trn_request_number(file, "size") : TRN_NO_U64;
    if (!there && s->n < SEEN_FILES && path.n > 1 && path.p[0] == '/' &&
        trn_unhex(hash, f.sha256, sizeof f.sha256) == 0) {
        f.path = trn_arena_str(s->arena, path);
        if (!trn_str_is_none(f.path))
            s->files[s->n++] = f;
    }
    json_decref(j);
    return 0;
}

/* The main thread knows what runs. Libraries, and what has ended, stand in the store; turncoatd looks at each of them before
 * it refuses one. Without a store there are none: then the rule is as narrow as its plan says. */
static int send_seen(struct trn_request_env *env, const struct trn_act_request *q)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new(ARENA_MAX);
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    TRN_AUTO(trn_buf_done) struct trn_buf trouble;
    struct seen s = {.arena = arena,
                     .files = arena ? trn_arena_array(arena, SEEN_FILES, sizeof(struct trn_act_file)) : NULL};
    const struct trn_json_sink sink = {add_seen, &s};
    struct trn_hunt_summary sum;
    struct trn_err ignored;
    char expr[HEX_MAX + 40];
    trn_buf_init(&b, TRN_IPC_MAX - 64);
    trn_buf_init(&trouble, 4096);
    if (q->act != TRN_RESPOND_BLOCK || (q->target != TRN_TARGET_SHA256 && q->target != TRN_TARGET_BUILD_ID) ||
        !s.files || !trn_request_store(env, &trouble))
        return 0;
    snprintf(expr, sizeof expr, "type=identity %s=%.*s",
             q->target == TRN_TARGET_SHA256 ? "sha256" : "turncoat.file.build_id", TRN_STR_ARG(q->text));
    if (trn_store_hunt(env->store, trn_str_of(expr), trn_wall_ns(), SEEN_EVENTS, &sink, &sum, &ignored) < 0 || s.n == 0)
        return 0;
    uint32_t n = trn_act_files_encode(q->job, s.files, s.n, &b);
    return b.bad || n == 0 ? 0 : trn_acts_send(env, TRN_CH_ACT_FILES, trn_buf_str(&b), -1);
}

/* ---- the way to turncoatd ---- */

/* What the main thread made of it: a refusal, or ACT_FILES messages and the ACT itself, each ready to be sent. */
static int pass_on(struct trn_request_env *env, const struct trn_request_client *client,
                   const struct trn_act_request *q, struct trn_str resolved, struct trn_err *err)
{
    struct trn_cursor in = trn_cur_of(resolved);
    int code = (int32_t)trn_cur_u32le(&in);
    struct trn_str message = trn_cur_lstr(&in), hint = trn_cur_lstr(&in);
    uint32_t n = trn_cur_u32le(&in);
    if (in.bad)
        return trn_fail(err, -EPROTO, "the engine could not say what is meant");
    if (code < 0) {
        (void)trn_fail(err, code, "%.*s", TRN_STR_ARG(message));
        trn_hint(err, "%.*s", TRN_STR_ARG(hint));
        return code;
    }
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < n; i++)
        r = trn_acts_send(env, TRN_CH_ACT_FILES, trn_cur_lstr(&in), -1);
    struct trn_str act = trn_cur_lstr(&in);
    if (r == 0)
        r = send_seen(env, q);
    if (r == 0)
        r = in.bad || !trn_cur_end(&in) ? -EPROTO : trn_acts_send(env, TRN_CH_ACT, act, client->fd);
    return r < 0 ? trn_fail(err, r, "turncoatd cannot be asked: %s", trn_errno_name(r)) : 0;
}

/* What turncoatd would take for an attack must not leave: it would end the connection of all. */
static bool is_sound(struct trn_str encoded)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new(ARENA_MAX);
    struct trn_cursor in = trn_cur_of(encoded);
    struct trn_act_request again;
    return arena && trn_act_decode(&in, arena, &again) == 0;
}

static int send_request(struct trn_request_env *env, const struct trn_request_client *client,
                        const struct trn_act_request *q, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    TRN_AUTO(trn_buf_done) struct trn_buf resolved;
    trn_buf_init(&b, TRN_IPC_MAX - 64);
    trn_buf_init(&resolved, RESOLVED_MAX);
    trn_act_encode(q, &b);
    if (b.bad || !is_sound(trn_buf_str(&b)))
        return trn_fail(err, -EINVAL, "the request has texts that are too long or no texts");
    int r = env->live(env->ctx, TRN_ASK_RESPOND, trn_buf_str(&b), &resolved);
    if (r < 0 || resolved.bad) {
        (void)trn_fail(err, r < 0 ? r : -ENOMEM, "the engine is busy and did not answer");
        trn_hint(err, "try again");
        return err->code;
    }
    return pass_on(env, client, q, trn_buf_str(&resolved), err);
}

static void put_answer(struct trn_buf *out, const struct trn_act_answer *a)
{
    struct trn_str rest = a->plan, line;
    const char *comma = "";
    trn_put_fmt(out, "{\"type\":\"respond\",\"respond\":{\"id\":%llu,\"plan\":[", (unsigned long long)a->id);
    while (!trn_str_is_none(rest) && trn_str_split(&rest, '\n', &line)) {
        if (line.n == 0)
            continue;
        trn_put_c(out, comma);
        trn_json_str(out, line);
        comma = ",";
    }
    trn_put_c(out, "]}}\n{\"type\":\"end\"}\n");
}

void trn_ask_respond(struct trn_request_env *env, const struct trn_request_client *client, const json_t *request)
{
    struct trn_act_host hosts[TRN_ACT_HOSTS];
    struct trn_act_request q = {0};
    struct trn_act_answer a = {0};
    struct trn_cursor in = {0};
    struct trn_err err = {0};
    TRN_AUTO(trn_freep) char *buf = malloc(TRN_IPC_MAX);
    if (!client->may_act) {
        trn_answer_error(client->out, -EPERM, "only root and the group 'turncoat-respond' may act", "use sudo");
        return;
    }
    int r = read_request(request, hosts, &q, &err);
    if (r == 0 && (!buf || env->acts_fd <= 0))
        r = trn_fail(&err, -ENOTSUP, "turncoatd cannot be asked");
    if (r == 0) {
        q.job = ++env->acts;
        r = send_request(env, client, &q, &err);
    }
    if (r < 0) {
        trn_answer_error(client->out, r, err.message, err.hint);
        return;
    }
    r = trn_acts_wait(env, TRN_CH_ACTED, q.job, ANSWER_MS, buf, &in);
    if (r == 0)
        r = trn_acted_decode(&in, &a);
    if (r < 0)
        trn_answer_error(client->out, r, "turncoatd did not answer",
                         "turncoat respond list shows whether it was done; then try again");
    else if (a.code < 0)
        trn_answer_refused(client->out, a.code, a.message, a.hint);
    else
        put_answer(client->out, &a);
}
