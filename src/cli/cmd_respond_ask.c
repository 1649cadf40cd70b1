/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: one act or order from the request to the effect that was seen: asking, waiting, saying what was done and how to
 * take it back. Must not: take "accepted" for "done", or "done" for "seen".
 */
#include "cli/respond.h"

#include <poll.h>

#define ANSWER_MS 30000

struct answer {
    uint64_t id;
    json_t *plan;                /* owned */
    enum trn_action_state state; /* 0: nothing was heard yet */
    json_t *last;                /* the last step, owned; NULL */
};

static void answer_done(struct answer *a)
{
    json_decref(a->plan);
    json_decref(a->last);
}

static json_t *request_of(const struct trn_cli *cli, const struct trn_respond_order *o, json_t *except)
{
    struct trn_str text = trn_buf_str(&o->text);
    json_t *ask = json_pack("{s:s, s:s, s:s*, s:s*}", "ask", "respond", "act", trn_respond_name(o->act), "why",
                            trn_cli_value(cli, "why"), "version", trn_cli_value(cli, "to"));
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {{"id", o->id}, {"seconds", o->seconds}, {"story", o->story}};
    static const char *const flags[][2] = {{"dry-run", "dry_run"},
                                           {"fail-closed", "fail_closed"},
                                           {"run-scripts", "run_scripts"}};
    int r = ask ? 0 : -1;
    for (size_t i = 0; r == 0 && i < TRN_ARRAY_SIZE(numbers); i++)
        if (numbers[i].value)
            r = json_object_set_new(ask, numbers[i].key, json_integer((json_int_t)numbers[i].value));
    for (size_t i = 0; r == 0 && i < TRN_ARRAY_SIZE(flags); i++)
        if (trn_cli_has(cli, flags[i][0]))
            r = json_object_set_new(ask, flags[i][1], json_true());
    if (r == 0 && !o->id)
        r = json_object_set_new(ask, "target", json_string(trn_target_name(o->target)));
    if (r == 0 && o->undo_of)
        r = json_object_set_new(ask, "undo_of", json_string(trn_respond_name(o->undo_of)));
    if (r == 0 && text.n)
        r = json_object_set_new(ask, "text", json_stringn(text.p, text.n));
    if (r == 0 && json_array_size(except))
        r = json_object_set(ask, "except", except);
    if (r == 0)
        return ask;
    json_decref(ask);
    return NULL;
}

static int on_accepted(void *ctx, const char *type, json_t *payload)
{
    struct answer *a = ctx;
    if (strcmp(type, "respond") != 0)
        return 0;
    a->id = trn_json_count(payload, "id");
    json_decref(a->plan);
    a->plan = json_incref(json_object_get(payload, "plan"));
    return 0;
}

/* ---- waiting ---- */

static enum trn_action_state state_of(struct trn_str name)
{
    for (unsigned i = TRN_ACTION_REQUESTED; i < TRN_ACTION_MAX; i++)
        if (trn_str_eq_c(name, trn_action_state_name((enum trn_action_state)i)))
            return (enum trn_action_state)i;
    return 0;
}

/* Whether this step answers what was asked; a step of an order about an action says so in its text (response/execute). */
static bool answers(const struct trn_respond_order *o, enum trn_action_state s, struct trn_str text)
{
    if (o->act == TRN_RESPOND_UNDO)
        return trn_action_state_is_over(s) || trn_str_starts(text, TRN_STR("could not be taken back"));
    if (o->act == TRN_RESPOND_CONFIRM)
        return trn_action_state_is_over(s) || trn_str_eq_c(text, "confirmed");
    return s >= TRN_ACTION_SEEN;
}

static void progress(const struct trn_cli *cli, uint64_t since_ms, const struct answer *a)
{
    if (!cli->talk_terminal || since_ms < 1000)
        return;
    fprintf(cli->err, "\r%s, %llu s ", a->state ? trn_action_state_name(a->state) : "asked",
            (unsigned long long)(since_ms / 1000));
    fflush(cli->err);
}

/* Until the action's end or the time is over; 0 also then: a->state says which. */
static int wait_for(struct trn_cli *cli, struct trn_client *c, const struct trn_respond_order *o, struct answer *a,
                    struct trn_err *err)
{
    const uint64_t start = trn_mono_ns(), ms = o->wait_sec * 1000;
    bool shown = false, answered = false;
    while (!answered) {
        uint64_t since = (trn_mono_ns() - start) / TRN_NS_PER_MS;
        const char *type;
        json_t *payload;
        if (since >= ms)
            break;
        int e = trn_client_next(c, (int)TRN_MIN(ms - since, (uint64_t)500), &type, &payload, err);
        if (e == -ETIMEDOUT) {
            progress(cli, since, a);
            shown = shown || since >= 1000;
            continue;
        }
        if (e <= 0)
            return e < 0 ? e : -ECONNRESET;
        if (strcmp(type, "action") != 0 || trn_json_count(payload, "id") != a->id)
            continue;
        enum trn_action_state s = state_of(trn_json_text(payload, "state"));
        answered = answers(o, s, trn_json_text(payload, "text"));
        if (o->act >= TRN_RESPOND_KINDS && !answered)
            continue; /* what was said of it before it was ordered */
        a->state = s;
        json_decref(a->last);
        a->last = json_incref(payload);
    }
    if (shown && cli->talk_terminal)
        fputs("\r\033[K", cli->err);
    return 0;
}

/* ---- saying ---- */

static enum trn_exit code_of(const struct trn_respond_order *o, enum trn_action_state s)
{
    bool over = trn_action_state_is_over(s);
    switch (o->act) {
    case TRN_RESPOND_UNDO:
        return over && s != TRN_ACTION_FAILED ? TRN_EXIT_OK : s ? TRN_EXIT_FINDINGS : TRN_EXIT_UNDECIDED;
    case TRN_RESPOND_CONFIRM:
        return s && !over ? TRN_EXIT_OK : TRN_EXIT_UNDECIDED;
    default:
        return s == TRN_ACTION_SEEN ? TRN_EXIT_OK : s == TRN_ACTION_NOT_SEEN ? TRN_EXIT_FINDINGS : TRN_EXIT_UNDECIDED;
    }
}

static bool can_be_undone(const struct trn_respond_order *o, enum trn_action_state s)
{
    return o->act < TRN_RESPOND_KINDS && o->act != TRN_RESPOND_KILL && !trn_action_state_is_over(s);
}

static void say_json(struct trn_cli *cli, const struct trn_respond_order *o, const struct answer *a, const char *state)
{
    struct trn_str text = trn_buf_str(&o->text), said = trn_json_text(a->last, "text"),
                   until = trn_json_text(a->last, "until");
    char undo[60];
    snprintf(undo, sizeof undo, "turncoat respond undo %llu", (unsigned long long)a->id);
    json_t *j =
        json_pack("{s:s, s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:O}", "schema", "turncoat.respond/1", "id",
                  a->id ? json_integer((json_int_t)a->id) : json_null(), "act", trn_respond_name(o->act), "target",
                  text.n ? text.p : "", "state", state, "text", said.p ? json_stringn(said.p, said.n) : json_null(),
                  "until", until.p ? json_stringn(until.p, until.n) : json_null(), "undo",
                  a->id && can_be_undone(o, a->state) ? json_string(undo) : json_null(), "plan", a->plan);
    trn_print_json(cli->out, j);
    json_decref(j);
}

static void say_plan(struct trn_cli *cli, const struct answer *a)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    size_t i;
    json_t *line;
    trn_buf_init(&b, 256u << 10);
    json_array_foreach(a->plan, i, line)
    {
        trn_put_c(&b, "  ");
        trn_escape(&b, trn_str_of(json_is_string(line) ? json_string_value(line) : "?"));
        trn_put_c(&b, "\n");
    }
    trn_print(cli->out, &b);
}

static const char *words_of(const struct trn_respond_order *o, enum trn_action_state s)
{
    if (s == 0)
        return "accepted; nothing was heard of it in this time";
    if (o->act == TRN_RESPOND_UNDO)
        return code_of(o, s) == TRN_EXIT_OK ? "taken back" : "NOT TAKEN BACK";
    if (o->act == TRN_RESPOND_CONFIRM)
        return code_of(o, s) == TRN_EXIT_OK ? "confirmed" : "over before it was confirmed";
    switch (s) {
    case TRN_ACTION_SEEN:
        return "seen to hold";
    case TRN_ACTION_NOT_SEEN:
        return "DID NOT TAKE";
    case TRN_ACTION_FAILED:
        return "not done";
    case TRN_ACTION_DONE:
        return "done, its effect was not seen in this time";
    case TRN_ACTION_REQUESTED:
        return "asked for, not done in this time";
    default:
        return trn_action_state_name(s);
    }
}

static void say(struct trn_cli *cli, const struct trn_respond_order *o, const struct answer *a)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_str said = trn_json_text(a->last, "text"), until = trn_json_text(a->last, "until");
    enum trn_colour colour = code_of(o, a->state) == TRN_EXIT_OK ? TRN_GREEN : TRN_RED;
    trn_buf_init(&b, 64u << 10);
    trn_put_fmt(&b, "action %llu  %s%s%s", (unsigned long long)a->id, trn_colour_on(cli->colour, colour),
                words_of(o, a->state), trn_colour_off(cli->colour, colour));
    if (said.n && o->act != TRN_RESPOND_CONFIRM) {
        trn_put_c(&b, ": ");
        trn_escape(&b, said);
    }
    trn_put_c(&b, "\n");
    if (until.n && !trn_action_state_is_over(a->state)) {
        trn_put_c(&b, "until      ");
        trn_put_clock(&b, until, true);
        trn_put_c(&b, "\n");
    }
    if (can_be_undone(o, a->state))
        trn_put_fmt(&b, "undo       turncoat respond undo %llu\n", (unsigned long long)a->id);
    if (o->act == TRN_RESPOND_ISOLATE_HOST && !trn_action_state_is_over(a->state))
        trn_put_fmt(&b, "confirm    turncoat respond confirm %llu     or the network comes back then\n",
                    (unsigned long long)a->id);
    trn_print(cli->out, &b);
}

static enum trn_exit refused(int r)
{
    return r == -EINVAL || r == -ERANGE ? TRN_EXIT_USAGE : TRN_EXIT_UNDECIDED;
}

/* When this is answered the engine knows that we watch: both go the same way. */
static int settle(struct trn_client *c, struct trn_err *err)
{
    const char *type;
    json_t *payload;
    int r = trn_client_ask(c, json_pack("{s:s}", "ask", "filters"), err);
    do
        r = r < 0 ? r : trn_client_next(c, ANSWER_MS, &type, &payload, err);
    while (r > 0);
    return r == -ETIMEDOUT ? trn_fail(err, r, "the daemon does not answer") : r;
}

/* Who watches before the request is sent hears every step. */
static int start(struct trn_cli *cli, const struct trn_respond_order *o, json_t *except, struct trn_client **watcher,
                 struct answer *a, struct trn_err *err)
{
    json_t *request = request_of(cli, o, except);
    if (!request)
        return trn_fail(err, -ENOMEM, "what is given is not valid text");
    int r = trn_client_open(cli->state, watcher, err);
    if (r == 0)
        r = trn_client_ask(*watcher, json_pack("{s:s}", "ask", "watch"), err);
    if (r == 0)
        r = settle(*watcher, err);
    if (r < 0) {
        json_decref(request);
        return r;
    }
    return trn_client_each(cli->state, request, on_accepted, a, err);
}

int trn_respond_ask(struct trn_cli *cli, const struct trn_respond_order *o, json_t *except)
{
    TRN_AUTO(trn_client_freep) struct trn_client *watcher = NULL;
    TRN_AUTO(answer_done) struct answer a = {.plan = json_array()};
    struct trn_err err = {0};
    bool dry = trn_cli_has(cli, "dry-run");
    int r = start(cli, o, except, &watcher, &a, &err);
    if (r < 0)
        return trn_cli_error(cli, &err, refused(r));
    if (dry) {
        if (cli->json)
            say_json(cli, o, &a, "dry-run");
        else
            say_plan(cli, &a);
        if (!cli->json)
            fputs("nothing was changed\n", cli->err);
        return TRN_EXIT_OK;
    }
    if (!cli->json)
        say_plan(cli, &a);
    r = wait_for(cli, watcher, o, &a, &err);
    if (r < 0 && !a.state) {
        (void)trn_fail_in(&err, r, "action %llu was accepted", (unsigned long long)a.id);
        trn_hint(&err, "turncoat respond list says what became of it");
        return trn_cli_error(cli, &err, TRN_EXIT_UNDECIDED);
    }
    if (cli->json)
        say_json(cli, o, &a, a.state ? trn_action_state_name(a.state) : "requested");
    else
        say(cli, o, &a);
    /* Who does not want to wait has what was asked for: that it was accepted. */
    return o->wait_sec == 0 && !a.state ? TRN_EXIT_OK : code_of(o, a.state);
}
