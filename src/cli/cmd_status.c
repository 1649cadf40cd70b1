/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: 'turncoat status': what is on, what this kernel allows, losses, memory per part.
 * Must not: hide what is off or degraded; that comes first.
 */
#include "cli/client.h"
#include "cli/render.h"
#include "cli/selftest.h"

static int keep_status(void *ctx, const char *type, json_t *payload)
{
    json_t **status = ctx;
    if (strcmp(type, "status") == 0) {
        json_decref(*status);
        *status = json_incref(payload);
    }
    return 0;
}

static int status_ask(struct trn_cli *cli, json_t **ret, struct trn_err *err)
{
    json_t *status = NULL;
    int e = trn_client_each(cli->state, json_pack("{s:s}", "ask", "status"), keep_status, &status, err);
    if (e == 0 && !status)
        e = trn_fail(err, -EPROTO, "the daemon did not tell its status");
    if (e < 0) {
        json_decref(status);
        return e;
    }
    *ret = status;
    return 0;
}

static size_t not_on(const json_t *s)
{
    size_t i, n = 0;
    json_t *h;
    json_array_foreach(json_object_get(s, "hooks"), i, h) n += !trn_str_eq_c(trn_json_text(h, "state"), "on");
    return n;
}

static void head(struct trn_cli *cli, const json_t *s)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    bool ready = trn_json_true(s, "ready");
    struct trn_str scope = trn_json_text(s, "scope");
    trn_buf_init(&b, 65536);
    enum trn_colour colour = ready ? TRN_GREEN : TRN_YELLOW;
    trn_put_c(&b, "turncoat ");
    trn_escape(&b, trn_json_text(s, "version"));
    trn_put_fmt(&b, "  %s%s%s", trn_colour_on(cli->colour, colour), ready ? "ready" : "starting",
                trn_colour_off(cli->colour, colour));
    size_t blind = not_on(s);
    if (blind)
        trn_put_fmt(&b, ", %sDEGRADED: %zu of %zu hooks are not on%s", trn_colour_on(cli->colour, TRN_RED), blind,
                    json_array_size(json_object_get(s, "hooks")), trn_colour_off(cli->colour, TRN_RED));
    trn_put_c(&b, trn_str_is_empty(scope) ? ", watching the whole machine" : ", watching the cgroup ");
    trn_escape(&b, scope);
    if (!trn_str_is_empty(trn_json_text(s, "since"))) {
        trn_put_c(&b, " since ");
        trn_put_clock(&b, trn_json_text(s, "since"), true);
    }
    trn_put_c(&b, "\n");
    trn_print(cli->out, &b);
}

static void hooks(struct trn_cli *cli, const json_t *s)
{
    static const char *const heads[] = {"hook", "state", "why"};
    struct trn_table t;
    size_t i;
    json_t *h;
    trn_table_init(&t, heads, 3, 0);
    json_array_foreach(json_object_get(s, "hooks"), i, h)
    {
        struct trn_str state = trn_json_text(h, "state");
        trn_table_row(&t, trn_str_eq_c(state, "on") ? TRN_PLAIN : trn_str_eq_c(state, "off") ? TRN_RED : TRN_YELLOW);
        trn_table_cell(&t, trn_json_text(h, "name"));
        trn_table_cell(&t, state);
        trn_table_cell(&t, trn_json_text(h, "reason"));
    }
    fputc('\n', cli->out);
    trn_table_print(&t, cli->out, cli->colour);
    trn_table_done(&t);
}

/* "CPU 0: 3, CPU 2: 17", those that lost nothing left out; nothing when the row is of no CPU. */
static struct trn_str by_cpu(const json_t *row, struct trn_buf *b)
{
    size_t cpu;
    json_t *count;
    trn_buf_clear(b);
    json_array_foreach(json_object_get(row, "per_cpu"), cpu, count)
    {
        if (json_integer_value(count) > 0)
            trn_put_fmt(b, "%sCPU %zu: %lld", b->n ? ", " : "", cpu, (long long)json_integer_value(count));
    }
    return trn_buf_str(b);
}

static void losses(struct trn_cli *cli, const json_t *s)
{
    static const char *const heads[] = {"lost", "count", "why", "where"};
    TRN_AUTO(trn_buf_done) struct trn_buf where;
    json_t *rows = json_object_get(s, "loss_rows"), *row, *count;
    const char *name;
    struct trn_table t;
    size_t i, n = 0;
    trn_buf_init(&where, 65536);
    trn_table_init(&t, heads, 4, 2);
    json_array_foreach(rows, i, row)
    {
        if (trn_json_count(row, "count") == 0)
            continue;
        n++;
        trn_table_row(&t, TRN_YELLOW);
        trn_table_cell(&t, trn_json_text(row, "class"));
        trn_table_number(&t, trn_json_count(row, "count"));
        trn_table_cell(&t, trn_json_text(row, "reason"));
        trn_table_cell(&t, by_cpu(row, &where));
    }
    json_object_foreach(json_object_get(s, "losses"), name, count)
    {
        uint64_t all = (uint64_t)TRN_MAX(json_integer_value(count), 0), told = 0;
        json_array_foreach(rows, i, row) told +=
            trn_str_eq_c(trn_json_text(row, "class"), name) ? trn_json_count(row, "count") : 0;
        if (all <= told)
            continue;
        n++;
        trn_table_row(&t, TRN_YELLOW); /* what the engine itself lost has no reason but its name */
        trn_table_cell(&t, trn_str_of(name));
        trn_table_number(&t, all - told);
        trn_table_cell(&t, TRN_STR("in the engine"));
        trn_table_cell(&t, TRN_STR(""));
    }
    if (n == 0)
        fputs("lost       nothing\n", cli->out);
    else
        trn_table_print(&t, cli->out, cli->colour);
    trn_table_done(&t);
}

static void memory(struct trn_cli *cli, const json_t *s)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    size_t i;
    json_t *row;
    trn_buf_init(&b, 65536);
    trn_put_c(&b, "memory     ");
    trn_put_size(&b, trn_json_count(s, "memory_total"));
    trn_put_c(&b, " in all");
    json_array_foreach(json_object_get(s, "memory"), i, row)
    {
        trn_put_c(&b, i % 4 == 0 ? "\n           " : ", ");
        trn_escape(&b, trn_json_text(row, "part"));
        trn_put_c(&b, " ");
        trn_put_size(&b, trn_json_count(row, "bytes"));
    }
    trn_put_c(&b, "\n");
    trn_print(cli->out, &b);
}

/* Ended processes make room all the time; stories and places do so only when there are too many. */
static void forgotten(struct trn_cli *cli, const json_t *s)
{
    const json_t *o = json_object_get(s, "forgotten");
    uint64_t stories = trn_json_count(o, "stories"), places = trn_json_count(o, "places");
    if (stories || places)
        fprintf(cli->out,
                "forgotten  %llu stories (the lowest score first) and %llu places that software called: no room\n",
                (unsigned long long)stories, (unsigned long long)places);
}

static void place(struct trn_cli *cli, const char *title, const json_t *o)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_str state = trn_json_text(o, "state");
    trn_buf_init(&b, 65536);
    trn_put_fmt(&b, "%-10s ", title);
    trn_put_size(&b, trn_json_count(o, "bytes"));
    trn_put_c(&b, "  ");
    trn_escape(&b, trn_json_text(o, "path"));
    if (!trn_str_is_empty(state) && !trn_str_eq_c(state, "ok")) {
        trn_put_fmt(&b, "  %s", trn_colour_on(cli->colour, TRN_YELLOW));
        trn_escape(&b, state);
        if (trn_json_count(o, "lost"))
            trn_put_fmt(&b, "; %llu lost", (unsigned long long)trn_json_count(o, "lost"));
        trn_put_c(&b, trn_colour_off(cli->colour, TRN_YELLOW));
    }
    trn_put_c(&b, "\n");
    trn_print(cli->out, &b);
}

static void processes(struct trn_cli *cli, const json_t *s)
{
    const char *name;
    json_t *pid;
    bool any = false;
    json_object_foreach(json_object_get(s, "processes"), name, pid)
    {
        char shown[60];
        trn_escape_into(shown, sizeof(shown), trn_str_of(name));
        fprintf(cli->out, "%s%s %lld", any ? ", " : "processes  ", shown, (long long)json_integer_value(pid));
        any = true;
    }
    if (any)
        fputc('\n', cli->out);
    uint64_t restarts = trn_json_count(s, "engine_restarts"), dropped = trn_json_count(s, "dropped_messages");
    if (restarts || dropped)
        fprintf(cli->out, "trouble    %llu engine restarts, %llu dropped messages\n", (unsigned long long)restarts,
                (unsigned long long)dropped);
}

/* What was loaded to look for, and the lines that could not be read. */
static void indicators(struct trn_cli *cli, const json_t *s)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    size_t i;
    json_t *note;
    uint64_t bad = trn_json_count(s, "indicators.bad");
    trn_buf_init(&b, 65536);
    trn_put_fmt(&b, "indicators %llu", (unsigned long long)trn_json_count(s, "indicators.count"));
    if (bad)
        trn_put_fmt(&b, ", %llu bad lines skipped", (unsigned long long)bad);
    json_array_foreach(trn_json_at(s, "indicators.notes"), i, note)
    {
        trn_put_c(&b, "\n           ");
        trn_escape(&b, (struct trn_str){json_string_value(note), json_string_length(note)});
    }
    trn_put_c(&b, "\n");
    trn_print(cli->out, &b);
}

static void note(struct trn_cli *cli, const json_t *s)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b = {0};
    if (trn_str_is_empty(trn_json_text(s, "note")))
        return;
    trn_buf_init(&b, 65536);
    trn_put_c(&b, "note       ");
    trn_escape(&b, trn_json_text(s, "note"));
    trn_put_c(&b, "\n");
    trn_print(cli->out, &b);
}

/* A blind spot that somebody made is said as plainly as one that the kernel made. */
static void exceptions(struct trn_cli *cli, const json_t *s)
{
    uint64_t n = trn_json_count(s, "exceptions");
    if (n)
        fprintf(cli->out, "exceptions %s%llu lower%s findings: turncoat exceptions list%s\n",
                trn_colour_on(cli->colour, TRN_YELLOW), (unsigned long long)n, n == 1 ? "s" : "",
                trn_colour_off(cli->colour, TRN_YELLOW));
}

static void filters(struct trn_cli *cli, const json_t *s)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    size_t i;
    json_t *f;
    trn_buf_init(&b, 65536);
    json_array_foreach(json_object_get(s, "filters"), i, f)
    {
        trn_put_fmt(&b, "%s%s", i ? "           " : "filters    ", trn_colour_on(cli->colour, TRN_YELLOW));
        trn_escape(&b, trn_json_text(f, "what"));
        trn_put_c(&b, " ");
        if (trn_str_is_empty(trn_json_text(f, "path")))
            trn_put_fmt(&b, "%llu", (unsigned long long)trn_json_count(f, "pid"));
        trn_escape(&b, trn_json_text(f, "path"));
        trn_put_c(&b, " is not watched until ");
        trn_put_clock(&b, trn_json_text(f, "until"), true);
        trn_put_c(&b, ": ");
        trn_escape(&b, trn_json_text(f, "why"));
        trn_put_fmt(&b, "%s\n", trn_colour_off(cli->colour, TRN_YELLOW));
    }
    trn_print(cli->out, &b);
}

/* What somebody compares who got an evidence bundle from this host. */
static void evidence_key(struct trn_cli *cli, const json_t *s)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_str key = trn_json_text(s, "evidence.key");
    trn_buf_init(&b, 65536);
    trn_put_c(&b, "key        ");
    trn_escape(&b, trn_str_is_empty(key) ? trn_json_text(s, "evidence.why") : key);
    trn_put_c(&b, "\n           host id ");
    trn_escape(&b, trn_json_text(s, "evidence.host_id"));
    trn_put_c(&b, "\n");
    if (trn_json_at(s, "evidence"))
        trn_print(cli->out, &b);
}

static void policy(struct trn_cli *cli, const json_t *s)
{
    const json_t *p = trn_json_at(s, "policy");
    if (!p)
        return;
    bool protect = trn_str_eq_c(trn_json_text(p, "mode"), "protect");
    fprintf(cli->out, "policy     %s", protect ? "protect" : "detect: nothing is done without a person");
    if (protect)
        fprintf(cli->out,
                ", rules %llu; asked for %llu acts; held at their start: judged %llu, refused %llu, too late %llu",
                (unsigned long long)trn_json_count(p, "rules"), (unsigned long long)trn_json_count(p, "requests"),
                (unsigned long long)trn_json_count(p, "judged"), (unsigned long long)trn_json_count(p, "refused"),
                (unsigned long long)trn_json_count(p, "late"));
    fputs("\n", cli->out);
}

/* Only when there was somebody to answer. */
static void answers(struct trn_cli *cli, const json_t *s)
{
    const json_t *a = trn_json_at(s, "answers");
    if (!a || (trn_json_count(a, "asked") == 0 && trn_json_count(a, "rules") == 0))
        return;
    fprintf(
        cli->out,
        "answers    %llu rules; opens and starts that waited %llu, refused %llu; too late %llu, of these refused %llu; "
        "the slowest %.1f ms\n",
        (unsigned long long)trn_json_count(a, "rules"), (unsigned long long)trn_json_count(a, "asked"),
        (unsigned long long)trn_json_count(a, "refused"), (unsigned long long)trn_json_count(a, "late"),
        (unsigned long long)trn_json_count(a, "late_refused"), json_number_value(trn_json_at(a, "slowest_ms")));
}

static void show(struct trn_cli *cli, const json_t *s)
{
    head(cli, s);
    hooks(cli, s);
    fprintf(cli->out, "\nevents     %llu, %.1f a second\n", (unsigned long long)trn_json_count(s, "events"),
            json_number_value(trn_json_at(s, "events_per_second")));
    losses(cli, s);
    filters(cli, s);
    exceptions(cli, s);
    policy(cli, s);
    answers(cli, s);
    memory(cli, s);
    forgotten(cli, s);
    place(cli, "store", json_object_get(s, "store"));
    place(cli, "log", json_object_get(s, "log"));
    indicators(cli, s);
    processes(cli, s);
    evidence_key(cli, s);
    note(cli, s);
}

static int run(struct trn_cli *cli)
{
    struct trn_err err = {0};
    json_t *status = NULL;
    if (status_ask(cli, &status, &err) < 0)
        return trn_cli_error(cli, &err, TRN_EXIT_UNDECIDED);
    if (trn_cli_has(cli, "self-test")) {
        int code = trn_selftest(cli, status);
        json_decref(status);
        return code;
    }
    if (cli->json)
        trn_print_json(cli->out, status);
    else
        show(cli, status);
    json_decref(status);
    return TRN_EXIT_OK;
}

static const struct trn_example EXAMPLES[] = {
    {"turncoat status", "what is on, what was lost, memory per part"},
    {"turncoat status --self-test", "do each act in a scratch place and see whether it is seen"},
};
static const struct trn_option OPTIONS[] = {
    {"self-test", NULL, "do each act in a scratch place and expect its event"},
};

const struct trn_command trn_cmd_status = {
    .name = "status",
    .usage = "",
    .summary = "what is on, what this kernel allows, losses, memory",
    .examples = EXAMPLES,
    .n_examples = TRN_ARRAY_SIZE(EXAMPLES),
    .options = OPTIONS,
    .n_options = TRN_ARRAY_SIZE(OPTIONS),
    .run = run,
};
