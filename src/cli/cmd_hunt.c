/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: 'turncoat hunt': search of what was recorded, first and last seen.
 * Must not: know the grammar of the expression; the store does.
 */
#include "cli/client.h"
#include "cli/render.h"

struct hunt {
    struct trn_cli *cli;
    json_t *all;
    struct trn_arena *arena;
    json_t *summary;
};

static int on_line(void *ctx, const char *type, json_t *payload)
{
    struct hunt *h = ctx;
    if (trn_print_warning(h->cli, type, payload))
        return 0;
    if (strcmp(type, "summary") == 0) {
        json_decref(h->summary);
        h->summary = json_incref(payload);
    } else if (strcmp(type, "event") == 0 && h->all) {
        return json_array_append(h->all, payload) < 0 ? -ENOMEM : 0;
    } else if (strcmp(type, "event") == 0) {
        trn_print_event_line(h->cli->out, h->arena, payload);
    }
    return 0;
}

/* All operands are one expression: terms are joined by a space. */
static void put_expression(const struct trn_cli *cli, struct trn_buf *b)
{
    for (int i = 0; i < cli->n_operands; i++) {
        trn_put_c(b, i ? " " : "");
        trn_put_c(b, cli->operands[i]);
    }
}

static void print_summary(const struct trn_cli *cli, const json_t *s)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    uint64_t matches = trn_json_count(s, "matches");
    trn_buf_init(&b, 4096);
    trn_put_fmt(&b, "%llu match%s", (unsigned long long)matches, matches == 1 ? "" : "es");
    if (matches && !trn_str_is_none(trn_json_text(s, "first"))) {
        trn_put_c(&b, ", first seen ");
        trn_put_clock(&b, trn_json_text(s, "first"), true);
        trn_put_c(&b, ", last seen ");
        trn_put_clock(&b, trn_json_text(s, "last"), true);
    }
    trn_put_c(&b, "\n");
    fflush(cli->out);
    trn_print(cli->err, &b);
}

static int run(struct trn_cli *cli)
{
    struct hunt h = {.cli = cli};
    struct trn_err err = {0};
    uint64_t limit = 50;
    const char *wish = trn_cli_value(cli, "limit");
    if (wish && trn_cli_number("'--limit'", wish, 1, 100000, &limit, &err) < 0)
        return trn_cli_error(cli, &err, TRN_EXIT_USAGE);
    TRN_AUTO(trn_buf_done) struct trn_buf expr;
    trn_buf_init(&expr, 65536);
    put_expression(cli, &expr);
    json_t *ask = json_pack("{s:s, s:s, s:I}", "ask", "hunt", "expr", trn_buf_str(&expr).p, "limit", (json_int_t)limit);
    if (!ask) {
        (void)trn_fail(&err, -EINVAL, "the expression is not valid UTF-8 text");
        return trn_cli_error(cli, &err, TRN_EXIT_USAGE);
    }
    h.all = cli->json ? json_array() : NULL;
    h.arena = trn_arena_new(0);
    int e = h.arena ? trn_client_each(cli->state, ask, on_line, &h, &err) : -ENOMEM;
    if (e == 0 && cli->json)
        trn_print_json(cli->out, h.all);
    if (e == 0 && h.summary)
        print_summary(cli, h.summary);
    json_decref(h.all);
    json_decref(h.summary);
    h.arena = trn_arena_free(h.arena);
    if (e == -EINVAL)
        return trn_cli_error(cli, &err, TRN_EXIT_USAGE);
    return e < 0 ? trn_cli_error(cli, &err, TRN_EXIT_UNDECIDED) : TRN_EXIT_OK;
}

static const struct trn_example EXAMPLES[] = {
    {"turncoat hunt process='*/helper' since=2h", "what a program did in the last two hours"},
    {"turncoat hunt type=dns domain='*.test'", "names asked for"},
    {"turncoat hunt type=login since=7d", "who logged in, and who became another by sudo or su"},
    {"turncoat hunt 'ip=10.9.0.5 or domain=raw.codehost.test'", "who talked to a host, first and last seen"},
    {"turncoat hunt software=acme-softphone port!=443", "terms side by side must all hold"},
};
static const struct trn_option OPTIONS[] = {
    {"limit", "N", "show at most N events, newest first (default 50)"},
};

const struct trn_command trn_cmd_hunt = {
    .name = "hunt",
    .usage = "EXPR",
    .summary = "search what was recorded; first and last seen",
    .examples = EXAMPLES,
    .n_examples = TRN_ARRAY_SIZE(EXAMPLES),
    .options = OPTIONS,
    .n_options = TRN_ARRAY_SIZE(OPTIONS),
    .min_operands = 1,
    .max_operands = -1,
    .run = run,
};
