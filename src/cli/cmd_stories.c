/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: 'turncoat stories': the list, one story in full, closing one with a reason, giving one to somebody.
 * Must not: word a story; the engine renders the page, so that all viewers read the same.
 */
#include "cli/bundle.h"
#include "cli/client.h"
#include "cli/render.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DECIDED_TRIES 60
#define DECIDED_WAIT_MS 50

struct list {
    struct trn_cli *cli;
    json_t *all; /* with --json */
    struct trn_table table;
    bool bad;     /* an open one at or above --fail-on */
    bool partial; /* the daemon says that some may be missing */
    size_t n;
};

static bool counts(const struct trn_cli *cli, const json_t *story)
{
    enum trn_verdict v;
    if (trn_verdict_parse(trn_json_text(story, "verdict"), &v) < 0)
        return false;
    return v >= cli->fail_on && !trn_str_eq_c(trn_json_text(story, "status"), "closed");
}

/* "open", "open, ana", "reopened", "closed" */
static struct trn_str status(const json_t *story, bool closed, struct trn_buf *b)
{
    struct trn_str who = trn_json_text(story, "assigned");
    trn_buf_clear(b);
    trn_put_c(b, closed ? "closed" : json_is_string(json_object_get(story, "reopened")) ? "reopened" : "open");
    if (!closed && !trn_str_is_empty(who)) {
        trn_put_c(b, ", ");
        trn_put_str(b, who); /* the table escapes */
    }
    return trn_buf_str(b);
}

static int on_story(void *ctx, const char *type, json_t *s)
{
    struct list *l = ctx;
    l->partial = trn_print_warning(l->cli, type, s) || l->partial;
    bool closed = trn_str_eq_c(trn_json_text(s, "status"), "closed");
    if (strcmp(type, "story") != 0 || (closed && !trn_cli_has(l->cli, "all")))
        return 0;
    l->bad = l->bad || counts(l->cli, s);
    l->n++;
    if (l->all)
        return json_array_append(l->all, s) < 0 ? -ENOMEM : 0;
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 65536);
    struct trn_str verdict = trn_json_text(s, "verdict");
    trn_table_row(&l->table, closed ? TRN_DIM : trn_verdict_colour(verdict));
    trn_table_number(&l->table, trn_json_count(s, "id"));
    trn_table_cell(&l->table, verdict);
    trn_table_number(&l->table, trn_json_count(s, "score"));
    trn_put_software_json(&b, trn_json_at(s, "software"));
    trn_table_cell(&l->table, trn_buf_str(&b));
    trn_table_cell(&l->table, status(s, closed, &b));
    trn_table_cell(&l->table, trn_json_text(s, "sentence"));
    return 0;
}

static int show_list(struct trn_cli *cli)
{
    static const char *const heads[] = {"id", "verdict", "score", "software", "status", "what"};
    struct list l = {.cli = cli, .all = cli->json ? json_array() : NULL};
    struct trn_err err = {0};
    trn_table_init(&l.table, heads, 6, 1 | 4);
    /* What decides the exit code is asked for and shown. */
    enum trn_verdict min = trn_cli_has(cli, "all") ? TRN_VERDICT_NOTE : TRN_MIN(cli->fail_on, TRN_VERDICT_SUSPICIOUS);
    json_t *ask = json_pack("{s:s, s:s, s:i}", "ask", "stories", "min", trn_verdict_name(min), "limit", 1000);
    int e = trn_client_each(cli->state, ask, on_story, &l, &err);
    if (e == 0 && cli->json)
        trn_print_json(cli->out, l.all);
    else if (e == 0)
        trn_table_print(&l.table, cli->out, cli->colour);
    if (e == 0 && l.n == 0 && !cli->json)
        fprintf(cli->err, "no stories%s\n", trn_cli_has(cli, "all") ? "" : "; --all shows notes and closed ones too");
    trn_table_done(&l.table);
    json_decref(l.all);
    if (e < 0)
        return trn_cli_error(cli, &err, TRN_EXIT_UNDECIDED);
    return l.bad ? TRN_EXIT_FINDINGS : l.partial ? TRN_EXIT_UNDECIDED : TRN_EXIT_OK;
}

struct page {
    struct trn_cli *cli;
    bool bad, seen;
};

static int on_page(void *ctx, const char *type, json_t *payload)
{
    struct page *p = ctx;
    if (strcmp(type, "story") == 0) {
        p->seen = true;
        p->bad = counts(p->cli, payload);
        if (p->cli->json)
            trn_print_json(p->cli->out, payload);
    } else if (strcmp(type, "page") == 0) {
        struct trn_str text = trn_json_text(payload, "text");
        p->seen = true;
        fprintf(p->cli->out, "%.*s%s", TRN_STR_ARG(text), trn_str_ends(text, TRN_STR("\n")) ? "" : "\n");
    }
    return 0;
}

static int width_of_terminal(FILE *out)
{
    struct winsize w;
    if (fileno(out) >= 0 && ioctl(fileno(out), TIOCGWINSZ, &w) == 0 && w.ws_col >= 60)
        return TRN_MIN(w.ws_col, 200);
    return 100;
}

static int show_one(struct trn_cli *cli, uint64_t id)
{
    struct page p = {.cli = cli};
    struct trn_err err = {0};
    json_t *ask = json_pack("{s:s, s:I}", "ask", "story", "id", (json_int_t)id);
    int e = trn_client_each(cli->state, json_incref(ask), on_page, &p, &err);
    if (e == 0 && !cli->json) {
        json_object_set_new(ask, "page", json_true());
        json_object_set_new(ask, "width", json_integer(width_of_terminal(cli->out)));
        json_object_set_new(ask, "colour", json_boolean(cli->colour));
        e = trn_client_each(cli->state, json_incref(ask), on_page, &p, &err);
    }
    json_decref(ask);
    if (e == 0 && !p.seen)
        e = trn_fail(&err, -ENOENT, "there is no story %llu", (unsigned long long)id);
    return e < 0 ? trn_cli_error(cli, &err, TRN_EXIT_UNDECIDED) : p.bad ? TRN_EXIT_FINDINGS : TRN_EXIT_OK;
}

static int ignore(void *ctx, const char *type, json_t *payload)
{
    return 0;
}

struct decided {
    bool closed;
    char time[40]; /* when it was given to somebody last */
};

static int on_decided(void *ctx, const char *type, json_t *story)
{
    struct decided *d = ctx;
    struct trn_str time = trn_json_text(story, "assigned_time");
    if (strcmp(type, "story") != 0)
        return 0;
    d->closed = trn_str_eq_c(trn_json_text(story, "status"), "closed");
    snprintf(d->time, sizeof(d->time), "%.*s", TRN_STR_ARG(time));
    return 0;
}

static int look(struct trn_cli *cli, uint64_t id, struct decided *ret, struct trn_err *err)
{
    return trn_client_each(cli->state, json_pack("{s:s, s:I}", "ask", "story", "id", (json_int_t)id), on_decided, ret,
                           err);
}

/* It takes its place in the order of events: what is said here must be so for who asks next. */
static bool is_done(struct trn_cli *cli, uint64_t id, bool close, const struct decided *before)
{
    for (int i = 0; i < DECIDED_TRIES; i++) {
        struct decided now = {0};
        if (look(cli, id, &now, NULL) == 0 && (close ? now.closed : strcmp(now.time, before->time) != 0))
            return true;
        (void)poll(NULL, 0, DECIDED_WAIT_MS);
    }
    return false;
}

/* Closes it or gives it to somebody. Either is done later, so what is not there is found out first. */
static int decide(struct trn_cli *cli, uint64_t id, bool close, const char *text)
{
    struct trn_err err = {0};
    struct decided before = {0};
    if (look(cli, id, &before, &err) < 0)
        return trn_cli_error(cli, &err, TRN_EXIT_UNDECIDED);
    json_t *ask = json_pack("{s:s, s:I, s:s}", "ask", close ? "close" : "assign", "id", (json_int_t)id,
                            close ? "why" : "who", text);
    if (!ask) {
        (void)trn_fail(&err, -EINVAL,
                       close ? "the reason is not valid UTF-8 text" : "the name is not valid UTF-8 text");
        return trn_cli_error(cli, &err, TRN_EXIT_USAGE);
    }
    if (trn_client_each(cli->state, ask, ignore, NULL, &err) < 0)
        return trn_cli_error(cli, &err, err.code == -EINVAL ? TRN_EXIT_USAGE : TRN_EXIT_UNDECIDED);
    fprintf(cli->err, "story %llu %s %s\n", (unsigned long long)id, is_done(cli, id, close, &before) ? "is" : "will be",
            close ? "closed" : "assigned");
    return TRN_EXIT_OK;
}

static int usage(struct trn_cli *cli, const char *what, const char *hint)
{
    struct trn_err err = {0};
    (void)trn_fail(&err, -EINVAL, "%s", what);
    trn_hint(&err, "%s", hint);
    return trn_cli_error(cli, &err, TRN_EXIT_USAGE);
}

static int run(struct trn_cli *cli)
{
    const char *why = trn_cli_value(cli, "close"), *who = trn_cli_value(cli, "assign");
    struct trn_err err = {0};
    uint64_t id = 0;
    if (cli->n_operands && trn_cli_number("the story's id", cli->operands[0], 1, INT64_MAX, &id, &err) < 0)
        return trn_cli_error(cli, &err, TRN_EXIT_USAGE);
    if (why && who)
        return usage(cli, "'--close' and '--assign' are two things", "turncoat stories 7 --assign ana");
    if (why && (!id || !why[0]))
        return usage(cli, "'--close' needs a story's id and a reason",
                     "turncoat stories 7 --close \"the vendor confirmed the new helper\"");
    if (who && (!id || !who[0]))
        return usage(cli, "'--assign' needs a story's id and a name", "turncoat stories 7 --assign ana");
    if (trn_stories_bundle_asked(cli))
        return trn_stories_bundle(cli, id);
    if (why || who)
        return decide(cli, id, why != NULL, why ? why : who);
    return id ? show_one(cli, id) : show_list(cli);
}

static const struct trn_example EXAMPLES[] = {
    {"turncoat stories", "what was found, from suspicious up"},
    {"turncoat stories 7", "one in full, with its evidence"},
    {"turncoat stories --all --json", "also notes and closed ones, as a JSON array"},
    {"turncoat stories 7 --assign ana", "say whose it is"},
    {"turncoat stories 7 --close \"vendor confirmed\"", "close it with a reason; new evidence opens it again"},
    {"turncoat stories 7 --bundle acme.tcb --redact", "a signed file for the vendor, without private words"},
    {"turncoat stories --verify acme.tcb", "is it unchanged? (anywhere: no daemon, no root)"},
};
static const struct trn_option OPTIONS[] = {
    {"all", NULL, "also notes and closed stories"},
    {"assign", "WHO", "say whose this story is"},
    {"close", "WHY", "close this story with a reason"},
    {"bundle", "FILE", "write the story with its evidence to this file, signed"},
    {"redact", NULL, "without arguments, user names, this host's name; homes become ~"},
    {"force", NULL, "write over a bundle that is there"},
    {"verify", "FILE", "prove that a bundle is what its key signed; 1: it is not"},
    {"key", "KEY", "it must be this key that signed"},
    {"fail-on", "VERDICT", "exit 1 from this verdict up (default suspicious)"},
};

const struct trn_command trn_cmd_stories = {
    .name = "stories",
    .usage = "[ID]",
    .summary = "list stories, or show one in full",
    .examples = EXAMPLES,
    .n_examples = TRN_ARRAY_SIZE(EXAMPLES),
    .options = OPTIONS,
    .n_options = TRN_ARRAY_SIZE(OPTIONS),
    .max_operands = 1,
    .run = run,
};
