/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: one line for each finding, story change, loss, health change and event of a subscription.
 * Must not: read the socket or judge; verdicts come from the engine.
 */
#include "cli/view.h"

int trn_view_init(struct trn_view *v, struct trn_cli *cli, FILE *to, bool colour, bool json)
{
    *v = (struct trn_view){.cli = cli, .to = to, .colour = colour, .json = json};
    v->arena = trn_arena_new((size_t)8 << 20);
    v->said = trn_map_new(65536);
    return v->arena && v->said ? 0 : -ENOMEM;
}

void trn_view_done(struct trn_view *v)
{
    v->arena = trn_arena_free(v->arena);
    v->said = trn_map_free(v->said);
}

static void finding(struct trn_view *v, const json_t *f)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 65536);
    trn_put_clock(&b, trn_json_text(f, "time"), false);
    trn_put_fmt(&b, "  %-10s %3llu  %s", "finding", (unsigned long long)trn_json_count(f, "score"),
                trn_colour_on(v->colour, TRN_BOLD));
    trn_put_software_json(&b, trn_json_at(f, "software"));
    trn_put_fmt(&b, "%s  ", trn_colour_off(v->colour, TRN_BOLD));
    trn_escape(&b, trn_json_text(f, "check"));
    trn_put_c(&b, ": ");
    trn_escape(&b, trn_json_text(f, "summary"));
    if (trn_json_at(f, "exception"))
        trn_put_fmt(&b, " (exception %llu)", (unsigned long long)trn_json_count(f, "exception.id"));
    trn_put_c(&b, "\n");
    trn_print(v->to, &b);
}

/* Shown at the first sight and when the verdict changes; not at every finding it gains. */
static void story(struct trn_view *v, const json_t *s)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 65536);
    struct trn_str name = trn_json_text(s, "verdict");
    uint64_t id = trn_json_count(s, "id"), before = UINT64_MAX;
    enum trn_verdict verdict;
    if (trn_verdict_parse(name, &verdict) < 0)
        return;
    bool known = trn_map_get(v->said, id, &before);
    v->stories += !known;
    v->worst = TRN_MAX(v->worst, verdict);
    if ((known && before == (uint64_t)verdict) || trn_map_put(v->said, id, (uint64_t)verdict) < 0)
        return;
    trn_put_clock(&b, trn_json_text(s, "updated"), false);
    enum trn_colour colour = trn_verdict_colour(name);
    trn_put_fmt(&b, "%s%s%-10s%s %3llu  ", b.n ? "  " : "", trn_colour_on(v->colour, colour), trn_verdict_name(verdict),
                trn_colour_off(v->colour, colour), (unsigned long long)trn_json_count(s, "score"));
    trn_put_software_json(&b, trn_json_at(s, "software"));
    trn_put_c(&b, "  ");
    trn_escape(&b, trn_json_text(s, "sentence"));
    trn_put_fmt(&b, "  (turncoat stories %llu)\n", (unsigned long long)id);
    trn_print(v->to, &b);
}

/* One step of something that was done: "07:10:02  action 3    isolate acme-softphone=1.1: seen, a connection was refused". */
static void action(struct trn_view *v, const json_t *a)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_str state = trn_json_text(a, "state"), text = trn_json_text(a, "text"),
                   check = trn_json_text(a, "check"), by = trn_json_text(a, "by");
    bool good = trn_str_eq_c(state, trn_action_state_name(TRN_ACTION_SEEN)),
         bad = trn_str_eq_c(state, trn_action_state_name(TRN_ACTION_NOT_SEEN)) ||
               trn_str_eq_c(state, trn_action_state_name(TRN_ACTION_FAILED));
    enum trn_colour colour = good ? TRN_GREEN : bad ? TRN_RED : TRN_BOLD;
    trn_buf_init(&b, 65536);
    trn_put_clock(&b, trn_json_text(a, "time"), false);
    trn_put_fmt(&b, "  %-10s %3llu  ", "action", (unsigned long long)trn_json_count(a, "id"));
    trn_escape(&b, trn_json_text(a, "act"));
    trn_put_c(&b, " ");
    trn_escape(&b, trn_json_text(a, "target"));
    trn_put_fmt(&b, ": %s", trn_colour_on(v->colour, colour));
    trn_escape(&b, state);
    trn_put_c(&b, trn_colour_off(v->colour, colour));
    if (text.n) {
        trn_put_c(&b, ", ");
        trn_escape(&b, text);
    }
    if (check.n || by.n) {
        trn_put_c(&b, check.n ? " (policy: " : " (");
        trn_escape(&b, check.n ? check : by);
        trn_put_c(&b, ")");
    }
    trn_put_c(&b, "\n");
    trn_print(v->to, &b);
}

/* Loss and health: the sentence if there is one, else the payload itself. */
static void other(struct trn_view *v, const char *type, const json_t *payload)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_str text = trn_json_text(payload, "message"), klass = trn_json_text(payload, "class");
    uint64_t count = trn_json_count(payload, "count");
    trn_buf_init(&b, 65536);
    trn_put_fmt(&b, "%s%s%s  ", trn_colour_on(v->colour, TRN_YELLOW), type, trn_colour_off(v->colour, TRN_YELLOW));
    if (!trn_str_is_empty(klass)) {
        trn_put_fmt(&b, "%llu of class ", (unsigned long long)count);
        trn_escape(&b, klass);
        trn_put_c(&b, trn_str_is_empty(text) ? "" : ": ");
    }
    if (!trn_str_is_empty(text)) {
        trn_escape(&b, text);
    } else if (trn_str_is_empty(klass)) {
        TRN_AUTO(trn_freep) char *raw = json_dumps(payload, JSON_COMPACT | JSON_ENCODE_ANY);
        trn_escape(&b, trn_str_of(raw ? raw : ""));
    }
    trn_put_c(&b, "\n");
    trn_print(v->to, &b);
}

/* {"type":...} and the payload's own keys beside it, the form that replay has too. */
static void as_json(struct trn_view *v, const char *type, json_t *payload)
{
    json_t *line = json_pack("{s:s}", "type", type);
    if (line && json_object_update(line, payload) == 0)
        trn_print_json(v->to, line);
    json_decref(line);
}

void trn_view_line(struct trn_view *v, const char *type, json_t *payload)
{
    bool is_story = strcmp(type, "story") == 0, is_finding = strcmp(type, "finding") == 0;
    enum trn_verdict verdict;
    v->findings += is_finding;
    if (strcmp(type, "loss") == 0)
        v->losses += trn_json_count(payload, "count");
    if (is_story && trn_verdict_parse(trn_json_text(payload, "verdict"), &verdict) == 0)
        v->worst = TRN_MAX(v->worst, verdict);
    if (v->json)
        as_json(v, type, payload);
    else if (is_finding)
        finding(v, payload);
    else if (is_story)
        story(v, payload);
    else if (strcmp(type, "action") == 0)
        action(v, payload);
    else if (strcmp(type, "event") == 0)
        trn_print_event_line(v->to, v->arena, payload);
    else if (strcmp(type, "status") != 0)
        other(v, type, payload);
    fflush(v->to);
}
