/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: reading the words behind a subcommand by its table of options.
 * Must not: know any subcommand by name.
 * Values point into argv.
 */
#include "cli/cli.h"

static const struct trn_option COMMON[] = {
    {"state", "DIR", "folder of the daemon's state and socket (default " TRN_STATE_DIR ")"},
    {"json", NULL, "machine-readable output on stdout"},
    {"help", NULL, "show this text"},
};

const struct trn_option *trn_cli_option_at(const struct trn_command *c, size_t i)
{
    if (i < c->n_options)
        return &c->options[i];
    i -= c->n_options;
    return i < TRN_ARRAY_SIZE(COMMON) ? &COMMON[i] : NULL;
}

static int find(const struct trn_command *c, struct trn_str name)
{
    const struct trn_option *o;
    for (size_t i = 0; i < TRN_CLI_OPTIONS && (o = trn_cli_option_at(c, i)) != NULL; i++)
        if (trn_str_eq_c(name, o->name))
            return (int)i;
    return -1;
}

const char *trn_cli_value(const struct trn_cli *cli, const char *name)
{
    int i = find(cli->command, trn_str_of(name));
    return i < 0 ? NULL : cli->values[i];
}

int trn_cli_all(const struct trn_cli *cli, const char *name, const char *ret[TRN_CLI_MANY])
{
    int option = find(cli->command, trn_str_of(name)), n = 0;
    for (int i = 0; i < cli->n_many; i++)
        if (cli->many_of[i] == option)
            ret[n++] = cli->many[i];
    return n;
}

static int bad_word(const struct trn_cli *cli, struct trn_err *err, const char *why, struct trn_str word)
{
    char shown[80];
    int e = trn_fail(err, -EINVAL, "%s '%s'", why, trn_escape_into(shown, sizeof(shown), word));
    trn_hint(err, "see turncoat %s --help", cli->command->name);
    return e;
}

/* One "--name", "--name value" or "--name=value"; *at is the index of the word. */
static int option(struct trn_cli *cli, int argc, char **argv, int *at, struct trn_err *err)
{
    struct trn_str word = trn_str_of(argv[*at]);
    ptrdiff_t eq = trn_str_find(word, '=');
    struct trn_str name = trn_str_slice(word, 2, eq < 0 ? word.n : (size_t)eq - 2);
    int i = find(cli->command, name);
    if (i < 0)
        return bad_word(cli, err, "unknown option", word);
    const struct trn_option *o = trn_cli_option_at(cli->command, (size_t)i);
    if (!o->arg && eq >= 0)
        return bad_word(cli, err, "this option takes no value:", word);
    if (!o->arg)
        cli->values[i] = "";
    else if (eq >= 0)
        cli->values[i] = argv[*at] + eq + 1;
    else if (*at + 1 < argc)
        cli->values[i] = argv[++*at];
    else
        return bad_word(cli, err, "this option needs a value:", word);
    if (o->many && cli->n_many == TRN_CLI_MANY)
        return bad_word(cli, err, "too often:", word);
    if (o->many) {
        cli->many_of[cli->n_many] = (uint8_t)i;
        cli->many[cli->n_many++] = cli->values[i];
    }
    return 0;
}

static int check_operands(const struct trn_cli *cli, struct trn_err *err)
{
    const struct trn_command *c = cli->command;
    if (cli->n_operands < c->min_operands)
        (void)trn_fail(err, -EINVAL, "'%s' needs %s", c->name, c->usage);
    else if (c->max_operands >= 0 && cli->n_operands > c->max_operands)
        return bad_word(cli, err, "too many operands:", trn_str_of(cli->operands[c->max_operands]));
    else
        return 0;
    trn_hint(err, "see turncoat %s --help", c->name);
    return -EINVAL;
}

static int common_values(struct trn_cli *cli, struct trn_err *err)
{
    const char *fail_on = trn_cli_value(cli, "fail-on");
    const char *state = trn_cli_value(cli, "state");
    cli->json = trn_cli_has(cli, "json");
    cli->state = state ? state : TRN_STATE_DIR;
    cli->fail_on = TRN_VERDICT_SUSPICIOUS;
    if (cli->state[0] == '\0')
        return bad_word(cli, err, "not a folder:", trn_str_of(state));
    if (fail_on && trn_verdict_parse(trn_str_of(fail_on), &cli->fail_on) < 0)
        return bad_word(cli, err, "unknown verdict", trn_str_of(fail_on));
    return 0;
}

int trn_cli_parse(struct trn_cli *cli, int argc, char **argv, bool *ret_help, struct trn_err *err)
{
    bool only_operands = false;
    cli->operands = argv; /* operands are moved to the front of argv; they never overtake the reading */
    for (int i = 1; i < argc; i++) {
        if (!only_operands && strcmp(argv[i], "--") == 0) {
            if (cli->command->takes_command) {
                cli->inner = argv + i + 1;
                break;
            }
            only_operands = true;
        } else if (!only_operands && strcmp(argv[i], "-h") == 0) {
            cli->values[find(cli->command, TRN_STR("help"))] = "";
        } else if (!only_operands && argv[i][0] == '-' && argv[i][1] != '\0') {
            int e = argv[i][1] == '-' ? option(cli, argc, argv, &i, err)
                                      : bad_word(cli, err, "unknown option", trn_str_of(argv[i]));
            if (e < 0)
                return e;
        } else {
            cli->operands[cli->n_operands++] = argv[i];
        }
    }
    if (trn_cli_has(cli, "help")) {
        *ret_help = true;
        return 0;
    }
    int e = common_values(cli, err);
    return e < 0 ? e : check_operands(cli, err);
}

int trn_cli_number(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *ret, struct trn_err *err)
{
    uint64_t v = 0;
    char shown[80];
    if (trn_str_u64(trn_str_of(text), &v) < 0 || v < min || v > max) {
        trn_escape_into(shown, sizeof(shown), trn_str_of(text));
        return trn_fail(err, -EINVAL, "%s is not a number from %llu to %llu: '%s'", what, (unsigned long long)min,
                        (unsigned long long)max, shown);
    }
    *ret = v;
    return 0;
}

int trn_cli_seconds(const char *text, const char *hint, uint64_t *ret, struct trn_err *err)
{
    static const struct {
        char unit;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    struct trn_str s = trn_str_of(text);
    uint64_t n, factor = 1;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(units) && s.n == strlen(text) && s.n > 1; i++) {
        if (s.p[s.n - 1] != units[i].unit)
            continue;
        factor = units[i].seconds;
        s.n--;
    }
    if (trn_str_u64(s, &n) < 0 || n == 0 || n > UINT32_MAX) {
        char shown[60];
        int r = trn_fail(err, -EINVAL, "'%s' is not a time", trn_escape_into(shown, sizeof shown, trn_str_of(text)));
        trn_hint(err, "%s", hint);
        return r;
    }
    *ret = n * factor;
    return 0;
}
