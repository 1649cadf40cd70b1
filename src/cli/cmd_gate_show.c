/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: 'turncoat gate status' and 'turncoat gate list': is the hook there, what was told, what is allowed, what failed.
 * Must not: change anything.
 */
#include "cli/gate.h"

#include <unistd.h>

#define TOLD_MOST 2000u
#define FAILURES_SHOWN 5u

struct sums {         /* over what the journal still has */
    json_t *last;     /* "end" of the last transaction that has one; borrowed */
    json_t *failures; /* owned: "failed" lines, and transactions that began and never ended */
    uint64_t transactions, judged, refused, warned, unjudged;
};

static bool is_event(const json_t *o, const char *what)
{
    return trn_str_eq_c(trn_json_text(o, "event"), what);
}

/* Began, and neither ended nor failed: the machine went down, or somebody ended all of it. The last one may still run. */
static void find_unended(json_t *all, struct sums *s)
{
    size_t n = json_array_size(all);
    for (size_t i = 0; i + 1 < n; i++) {
        json_t *o = json_array_get(all, i);
        bool ended = !is_event(o, "begin");
        for (size_t k = i + 1; !ended && k < n; k++) {
            const json_t *p = json_array_get(all, k);
            ended = (is_event(p, "end") || is_event(p, "failed")) &&
                    trn_json_count(p, "transaction") == trn_json_count(o, "transaction");
        }
        if (!ended)
            json_array_append_new(s->failures,
                                  json_pack("{s:s, s:O, s:O, s:s}", "event", "failed", "time",
                                            json_object_get(o, "time"), "transaction",
                                            json_object_get(o, "transaction"), "why", "it began and never ended"));
    }
}

static void sum_up(json_t *all, struct sums *s)
{
    size_t i;
    json_t *o;
    s->failures = json_array();
    json_array_foreach(all, i, o)
    {
        if (is_event(o, "failed"))
            json_array_append(s->failures, o);
        if (!is_event(o, "end"))
            continue;
        s->last = o;
        s->transactions++;
        s->judged += trn_json_count(o, "judged");
        s->refused += trn_json_count(o, "refused");
        s->warned += trn_json_count(o, "warned");
        s->unjudged += trn_json_count(o, "unjudged");
    }
    find_unended(all, s);
}

/* "60 s", "1500 ms" */
static void put_ms(struct trn_buf *b, uint64_t ms)
{
    bool whole = ms % 1000 == 0;
    trn_put_fmt(b, "%llu %s", (unsigned long long)(whole ? ms / 1000 : ms), whole ? "s" : "ms");
}

static void show_text(struct trn_cli *cli, const struct trn_gate_config *c, const struct sums *s, int folder)
{
    uint64_t files = 0, bytes = 0;
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    size_t i, n = json_array_size(s->failures);
    json_t *o;
    trn_buf_init(&b, 1u << 20);
    trn_gate_kept_sum(folder, &files, &bytes);
    trn_put_fmt(&b, "apt's hook    %s\n",
                trn_gate_hook_is_there() ? TRN_GATE_HOOK : "not installed (sudo turncoat gate install)");
    char program[1024], shown[400];
    if (trn_gate_hook_is_broken(program, sizeof(program)))
        trn_put_fmt(&b, "              but '%s' is not there: nothing is judged (sudo turncoat gate install)\n",
                    trn_escape_into(shown, sizeof(shown), trn_str_of(program)));
    trn_put_fmt(&b, "when it fails %s\n",
                c->fail_closed ? "apt stops (fail closed)" : "apt goes on, and it is told (fail open)");
    trn_put_c(&b, "deadline      ");
    put_ms(&b, c->deadline_ms);
    trn_put_c(&b, " a transaction, ");
    put_ms(&b, c->package_ms);
    trn_put_fmt(&b, " a package\nkept          %llu %s, ", (unsigned long long)files,
                files == 1 ? "package" : "packages");
    trn_put_size(&b, bytes);
    trn_put_c(&b, "\n");
    trn_gate_put_watched(c, cli->state, folder, &b);
    trn_put_fmt(&b, "transactions  %llu: %llu packages judged, %llu refused, %llu with a warning, %llu not judged\n",
                (unsigned long long)s->transactions, (unsigned long long)s->judged, (unsigned long long)s->refused,
                (unsigned long long)s->warned, (unsigned long long)s->unjudged);
    if (s->last) {
        trn_put_c(&b, "last          ");
        trn_put_clock(&b, trn_json_text(s->last, "time"), true);
        trn_put_fmt(&b, ", %llu ms, %.*s\n", (unsigned long long)trn_json_count(s->last, "ms"),
                    TRN_STR_ARG(trn_json_text(s->last, "outcome")));
    }
    json_array_foreach(s->failures, i, o)
    {
        if (i + FAILURES_SHOWN < n)
            continue;
        trn_put_c(&b, "failed        ");
        trn_put_clock(&b, trn_json_text(o, "time"), true);
        trn_put_fmt(&b, "  %.*s\n", TRN_STR_ARG(trn_json_text(o, "why")));
    }
    trn_print(cli->out, &b);
}

static void show_json(struct trn_cli *cli, const struct trn_gate_config *c, const struct sums *s, int folder)
{
    uint64_t files = 0, bytes = 0;
    trn_gate_kept_sum(folder, &files, &bytes);
    json_t *o =
        json_pack("{s:s, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O, s:O}", "schema", "turncoat.gate/1",
                  "hook", trn_gate_hook_is_there(), "fail_closed", c->fail_closed, "deadline_ms",
                  (json_int_t)c->deadline_ms, "package_ms", (json_int_t)c->package_ms, "kept", (json_int_t)files,
                  "kept_bytes", (json_int_t)bytes, "transactions", (json_int_t)s->transactions, "judged",
                  (json_int_t)s->judged, "refused", (json_int_t)s->refused, "warned", (json_int_t)s->warned, "unjudged",
                  (json_int_t)s->unjudged, "failures", s->failures, "last", s->last ? s->last : json_null());
    json_object_set_new(o, "watched", trn_gate_watched_json(c, cli->state, folder));
    trn_print_json(cli->out, o);
    json_decref(o);
}

int trn_gate_show_status(struct trn_cli *cli)
{
    struct trn_gate_config c;
    struct trn_err err = {0};
    struct sums s = {0};
    trn_gate_config_read(cli, TRN_GATE_CONFIG, &c);
    TRN_AUTO(trn_fd_closep) int folder = trn_gate_folder(cli->state, &err);
    if (folder < 0)
        return trn_cli_error(cli, &err, TRN_EXIT_UNDECIDED);
    json_t *all = trn_gate_book_read(folder, TOLD_MOST);
    sum_up(all, &s);
    if (cli->json)
        show_json(cli, &c, &s, folder);
    else
        show_text(cli, &c, &s, folder);
    json_decref(s.failures);
    json_decref(all);
    return TRN_EXIT_OK;
}

/* ---- list ---- */

static void list_told(struct trn_cli *cli, json_t *told)
{
    static const char *const heads[] = {"when", "package", "from", "to", "verdict", "compared with"};
    struct trn_table t;
    size_t i;
    json_t *o;
    if (json_array_size(told) == 0) {
        fputs("nothing was judged yet\n", cli->out);
        return;
    }
    trn_table_init(&t, heads, TRN_ARRAY_SIZE(heads), 0);
    json_array_foreach(told, i, o)
    {
        TRN_AUTO(trn_buf_done) struct trn_buf when;
        char verdict[80];
        struct trn_str name = trn_json_text(o, "verdict");
        trn_buf_init(&when, 64);
        trn_put_clock(&when, trn_json_text(o, "time"), true);
        if (trn_json_true(o, "judged"))
            (void)snprintf(verdict, sizeof(verdict), "%.*s %u%s", TRN_STR_ARG(name),
                           (unsigned)trn_json_count(o, "score"), trn_json_true(o, "allowed") ? " (allowed)" : "");
        else
            (void)snprintf(verdict, sizeof(verdict), "-");
        trn_table_row(&t, trn_verdict_colour(name));
        trn_table_cell(&t, trn_buf_str(&when));
        trn_table_cell(&t, trn_json_text(o, "package"));
        trn_table_cell(&t, trn_json_text(o, "from").n ? trn_json_text(o, "from") : TRN_STR("-"));
        trn_table_cell(&t, trn_json_text(o, "to"));
        trn_table_cell(&t, trn_str_of(verdict));
        struct trn_str with = trn_json_text(o, trn_json_true(o, "judged") ? "old" : "why");
        trn_table_cell(&t, trn_str_eq_c(with, "none") ? TRN_STR("nothing: judged alone") : with);
    }
    trn_table_print(&t, cli->out, cli->colour);
    trn_table_done(&t);
}

static void list_allowed(struct trn_cli *cli, json_t *allowed)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    size_t i;
    json_t *o;
    uint64_t until, now = trn_wall_ns();
    trn_buf_init(&b, 1u << 20);
    if (json_array_size(allowed))
        trn_put_c(&b, "\nallowed against a refusal\n");
    json_array_foreach(allowed, i, o)
    {
        bool over = trn_time_parse(trn_json_text(o, "until"), now, &until) < 0 || until <= now;
        trn_put_fmt(&b, "  %.*s %.*s %s ", TRN_STR_ARG(trn_json_text(o, "package")),
                    TRN_STR_ARG(trn_json_text(o, "version")), over ? "was allowed until" : "until");
        trn_put_clock(&b, trn_json_text(o, "until"), true);
        trn_put_fmt(&b, " by %.*s: ", TRN_STR_ARG(trn_json_text(o, "by")));
        trn_page_sentence(&b, trn_json_text(o, "reason")); /* was escaped when it was recorded */
        trn_put_c(&b, "\n");
    }
    trn_print(cli->out, &b);
}

static void list_watched(struct trn_cli *cli, const struct trn_gate_config *c, int folder)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 1u << 20);
    if (c->n_watched)
        trn_put_c(&b, "\n");
    trn_gate_put_watched(c, cli->state, folder, &b);
    trn_print(cli->out, &b);
}

int trn_gate_show_list(struct trn_cli *cli)
{
    struct trn_gate_config c;
    struct trn_err err = {0};
    trn_gate_config_read(cli, TRN_GATE_CONFIG, &c);
    TRN_AUTO(trn_fd_closep) int folder = trn_gate_folder(cli->state, &err);
    if (folder < 0)
        return trn_cli_error(cli, &err, TRN_EXIT_UNDECIDED);
    json_t *all = trn_gate_book_read(folder, TOLD_MOST), *allowed = trn_gate_allow_list(folder), *told = json_array();
    size_t i;
    json_t *o;
    json_array_foreach(all, i, o)
    {
        if (is_event(o, "package"))
            json_array_append(told, o);
    }
    if (cli->json) {
        json_t *out = json_pack("{s:s, s:O, s:O, s:o}", "schema", "turncoat.gate-list/1", "packages", told, "allowed",
                                allowed, "watched", trn_gate_watched_json(&c, cli->state, folder));
        trn_print_json(cli->out, out);
        json_decref(out);
    } else {
        list_told(cli, told);
        list_allowed(cli, allowed);
        list_watched(cli, &c, folder);
    }
    json_decref(told);
    json_decref(allowed);
    json_decref(all);
    return TRN_EXIT_OK;
}
