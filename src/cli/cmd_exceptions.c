/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: 'turncoat exceptions': which findings are lowered to a note for a while: listing, adding, taking back; hashing the
 * file that is named. Must not: decide who may, or what may be excepted; the engine does.
 */
#include "cli/client.h"
#include "cli/render.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEX_SHOWN 12

struct list {
    struct trn_cli *cli;
    json_t *all; /* with --json */
    struct trn_table table;
    struct trn_buf text;
    size_t n;
};

static int on_exception(void *ctx, const char *type, json_t *x)
{
    struct list *l = ctx;
    if (strcmp(type, "exception") != 0)
        return 0;
    l->n++;
    if (l->all)
        return json_array_append(l->all, x) < 0 ? -ENOMEM : 0;
    trn_table_row(&l->table, TRN_YELLOW);
    trn_table_number(&l->table, trn_json_count(x, "id"));
    trn_table_cell(&l->table, trn_json_text(x, "check"));
    trn_buf_clear(&l->text);
    trn_put_software_json(&l->text, trn_json_at(x, "software"));
    trn_table_cell(&l->table, trn_buf_str(&l->text));
    trn_table_cell(&l->table, trn_str_slice(trn_json_text(x, "sha256"), 0, HEX_SHOWN));
    trn_table_cell(&l->table, trn_json_text(x, "only"));
    trn_buf_clear(&l->text);
    trn_put_clock(&l->text, trn_json_text(x, "until"), true);
    trn_table_cell(&l->table, trn_buf_str(&l->text));
    trn_table_cell(&l->table, trn_json_text(x, "by"));
    trn_table_cell(&l->table, trn_json_text(x, "reason"));
    return 0;
}

static int list(struct trn_cli *cli)
{
    static const char *const heads[] = {"id", "check", "software", "file", "only", "until", "by", "reason"};
    struct list l = {.cli = cli, .all = cli->json ? json_array() : NULL};
    struct trn_err err = {0};
    trn_buf_init(&l.text, 65536);
    trn_table_init(&l.table, heads, TRN_ARRAY_SIZE(heads), 1);
    int e = trn_client_each(cli->state, json_pack("{s:s}", "ask", "exceptions"), on_exception, &l, &err);
    if (e == 0 && cli->json)
        trn_print_json(cli->out, l.all);
    else if (e == 0 && l.n)
        trn_table_print(&l.table, cli->out, cli->colour);
    else if (e == 0)
        fputs("no exception holds: all findings have their full weight\n", cli->err);
    trn_table_done(&l.table);
    trn_buf_done(&l.text);
    json_decref(l.all);
    return e < 0 ? trn_cli_error(cli, &err, TRN_EXIT_UNDECIDED) : TRN_EXIT_OK;
}

/* With the rights of whoever asks. Read as it is, not parsed. */
static int hash_file(const char *path, char hex[2 * TRN_SHA256_SIZE + 1], struct trn_err *err)
{
    char shown[200], chunk[65536];
    uint8_t hash[TRN_SHA256_SIZE];
    struct stat st;
    TRN_AUTO(trn_digest_freep) struct trn_digest *d = trn_digest_new(false);
    TRN_AUTO(trn_fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    int r = !d ? -ENOMEM : fd < 0 ? -errno : fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
    for (ssize_t n = 1; r == 0 && n > 0;) {
        n = read(fd, chunk, sizeof chunk);
        r = n < 0 ? -errno : n > 0 ? trn_digest_update(d, chunk, (size_t)n) : 0;
    }
    if (r == 0)
        r = trn_digest_end(d, hash, NULL);
    if (r < 0)
        return trn_fail(err, r, "cannot hash '%s': %s", trn_escape_into(shown, sizeof shown, trn_str_of(path)),
                        trn_errno_name(r));
    trn_hex(hash, sizeof hash, hex);
    return 0;
}

/* What an exception is bound to: from a story, or all of it from the command line. */
static int put_binding(const struct trn_cli *cli, json_t *ask, struct trn_err *err)
{
    const char *software = trn_cli_value(cli, "software"), *hex = trn_cli_value(cli, "sha256"),
               *file = trn_cli_value(cli, "file"), *story = trn_cli_value(cli, "story");
    const char *equals = software ? strrchr(software, '=') : NULL;
    char text[2 * TRN_SHA256_SIZE + 1];
    uint8_t hash[TRN_SHA256_SIZE];
    uint64_t id;
    int r;
    if (story && !software && !hex && !file) {
        r = trn_cli_number("the story's id", story, 1, INT64_MAX, &id, err);
        return r < 0 ? r : json_object_set_new(ask, "story", json_integer((json_int_t)id));
    }
    if (story || !equals || equals == software || !equals[1] || !hex == !file) {
        r = trn_fail(err, -EINVAL, "an exception is bound to a check, one version of one software and one file");
        trn_hint(err, "CHECK --software NAME=VERSION and --sha256 HEX or --file PATH; or --story ID --check CHECK");
        return r;
    }
    r = file ? hash_file(file, text, err) : 0;
    if (r == 0 && hex && trn_unhex(trn_str_of(hex), hash, sizeof hash) < 0)
        r = trn_fail(err, -EINVAL, "a SHA-256 hash is 64 hex digits");
    if (r < 0)
        return r;
    /* A name that is no text is NULL here, and refused below. */
    return json_object_set_new(ask, "name", json_stringn(software, (size_t)(equals - software))) |
           json_object_set_new(ask, "version", json_string(equals + 1)) |
           json_object_set_new(ask, "sha256", json_string(file ? text : hex));
}

static int check_of(const struct trn_cli *cli, const char **ret, struct trn_err *err)
{
    const char *option = trn_cli_value(cli, "check"), *operand = cli->n_operands > 1 ? cli->operands[1] : NULL;
    char shown[80];
    if (!option == !operand)
        return trn_fail(err, -EINVAL, "an exception is about one check: name it once");
    *ret = option ? option : operand;
    if (trn_check_find(trn_str_of(*ret)))
        return 0;
    int r = trn_fail(err, -EINVAL, "there is no check '%s'", trn_escape_into(shown, sizeof shown, trn_str_of(*ret)));
    trn_hint(err, "turncoat explain lists them");
    return r;
}

static int add(struct trn_cli *cli)
{
    struct trn_err err = {0};
    const char *check = NULL, *reason = trn_cli_value(cli, "reason"), *only = trn_cli_value(cli, "only"),
               *time = trn_cli_value(cli, "for");
    uint64_t seconds = 0;
    json_t *ask = json_pack("{s:s, s:s}", "ask", "exception", "act", "add");
    int r = ask ? check_of(cli, &check, &err) : -ENOMEM;
    if (r == 0 && !reason) {
        r = trn_fail(&err, -EINVAL, "an exception needs a reason");
        trn_hint(&err, "--reason 'TEXT': it stands in every finding that is lowered");
    }
    if (r == 0 && time)
        r = trn_cli_seconds(time, "such as 12h or 7d; 14d at most", &seconds, &err);
    if (r == 0)
        r = put_binding(cli, ask, &err);
    if (r == 0 && (json_object_set_new(ask, "check", json_string(check)) < 0 ||
                   json_object_set_new(ask, "reason", json_string(reason)) < 0 ||
                   (only && json_object_set_new(ask, "only", json_string(only)) < 0) ||
                   (seconds && json_object_set_new(ask, "seconds", json_integer((json_int_t)seconds)) < 0)))
        r = -EINVAL;
    if (r < 0) {
        if (!err.message[0])
            (void)trn_fail(&err, r, "what is given is not valid UTF-8 text");
        json_decref(ask);
        return trn_cli_error(cli, &err, TRN_EXIT_USAGE);
    }
    struct list l = {.cli = cli, .all = json_array()};
    r = trn_client_each(cli->state, ask, on_exception, &l, &err);
    const json_t *made = json_array_get(l.all, 0);
    if (r == 0 && cli->json)
        trn_print_json(cli->out, made);
    else if (r == 0)
        fprintf(cli->err, "exception %llu holds; findings of %s are notes there until it ends\n",
                (unsigned long long)trn_json_count(made, "id"), check);
    json_decref(l.all);
    /* The engine refused what was written here: too long, too short, from what none can be made. */
    bool usage = r == -EINVAL || r == -ERANGE;
    return r < 0 ? trn_cli_error(cli, &err, usage ? TRN_EXIT_USAGE : TRN_EXIT_UNDECIDED) : TRN_EXIT_OK;
}

static int take_back(struct trn_cli *cli)
{
    struct trn_err err = {0};
    uint64_t id;
    if (cli->n_operands < 2) {
        (void)trn_fail(&err, -EINVAL, "an exception is removed by its number");
        trn_hint(&err, "turncoat exceptions list shows it");
        return trn_cli_error(cli, &err, TRN_EXIT_USAGE);
    }
    if (trn_cli_number("the exception's number", cli->operands[1], 1, INT64_MAX, &id, &err) < 0)
        return trn_cli_error(cli, &err, TRN_EXIT_USAGE);
    struct list l = {.cli = cli, .all = json_array()};
    json_t *ask = json_pack("{s:s, s:s, s:I}", "ask", "exception", "act", "remove", "id", (json_int_t)id);
    int r = trn_client_each(cli->state, ask, on_exception, &l, &err);
    if (r == 0 && cli->json)
        trn_print_json(cli->out, json_array_get(l.all, 0));
    else if (r == 0)
        fputs("taken back; what it lowered weighs again\n", cli->err);
    json_decref(l.all);
    return r < 0 ? trn_cli_error(cli, &err, TRN_EXIT_UNDECIDED) : TRN_EXIT_OK;
}

static int run(struct trn_cli *cli)
{
    const char *act = cli->n_operands ? cli->operands[0] : "list";
    struct trn_err err = {0};
    char shown[60];
    if (strcmp(act, "list") == 0 && cli->n_operands > 1) {
        (void)trn_fail(&err, -EINVAL, "'list' takes nothing behind it: '%s'",
                       trn_escape_into(shown, sizeof shown, trn_str_of(cli->operands[1])));
        return trn_cli_error(cli, &err, TRN_EXIT_USAGE);
    }
    if (strcmp(act, "list") == 0)
        return list(cli);
    if (strcmp(act, "add") == 0)
        return add(cli);
    if (strcmp(act, "remove") == 0)
        return take_back(cli);
    (void)trn_fail(&err, -EINVAL, "'%s' is not add, list or remove",
                   trn_escape_into(shown, sizeof shown, trn_str_of(act)));
    return trn_cli_error(cli, &err, TRN_EXIT_USAGE);
}

static const struct trn_example EXAMPLES[] = {
    {"turncoat exceptions list", "what is lowered now: for which file, until when, by whom, why"},
    {"turncoat exceptions add --story 7 --check behaviour.beacon --reason 'vendor confirmed it'",
     "for the version and the file of that story"},
    {"turncoat exceptions add behaviour.beacon --software acme=1.1 --file /opt/acme/acme --reason 'see ticket 4711'",
     "the same by hand"},
    {"turncoat exceptions remove 3", "full weight again, also of what was found meanwhile"},
};
static const struct trn_option OPTIONS[] = {
    {"check", "CHECK", "the check, where it is no operand"},
    {"story", "ID", "software, version and file of this story's finding"},
    {"software", "NAME=VER", "the software that acts; no other version is meant"},
    {"sha256", "HEX", "hash of the file that acts"},
    {"file", "PATH", "the same, hashed now"},
    {"only", "VALUE", "only findings whose evidence says exactly this: a host, an address, a path"},
    {"reason", "TEXT", "a sentence; it stands in every finding that is lowered"},
    {"for", "TIME", "how long: 12h, 7d (default 7d, at most 14d)"},
};

const struct trn_command trn_cmd_exceptions = {
    .name = "exceptions",
    .usage = "[add|list|remove]",
    .summary = "lower a check's findings to notes for one file of one version, for a while",
    .examples = EXAMPLES,
    .n_examples = TRN_ARRAY_SIZE(EXAMPLES),
    .options = OPTIONS,
    .n_options = TRN_ARRAY_SIZE(OPTIONS),
    .max_operands = 2,
    .run = run,
};
