/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which subcommands there are, and the way from argv to one of them.
 * Must not: do the work of any.
 */
#include "cli/cli.h"

#include <unistd.h>

static const struct trn_command *const COMMANDS[] = {
    &trn_cmd_scan,   &trn_cmd_diff,       &trn_cmd_gate,     &trn_cmd_watch,  &trn_cmd_stories,
    &trn_cmd_hunt,   &trn_cmd_replay,     &trn_cmd_software, &trn_cmd_status, &trn_cmd_respond,
    &trn_cmd_filter, &trn_cmd_exceptions, &trn_cmd_explain,
};

const struct trn_command *const *trn_commands(size_t *ret_count)
{
    *ret_count = TRN_ARRAY_SIZE(COMMANDS);
    return COMMANDS;
}

const struct trn_command *trn_command_find(const char *name)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(COMMANDS); i++)
        if (strcmp(COMMANDS[i]->name, name) == 0)
            return COMMANDS[i];
    return NULL;
}

int trn_cli_error(const struct trn_cli *cli, const struct trn_err *err, enum trn_exit code)
{
    fflush(cli->out);
    fprintf(cli->err, "turncoat: %s\n", err->message[0] ? err->message : trn_errno_name(err->code));
    if (err->hint[0])
        fprintf(cli->err, "hint: %s\n", err->hint);
    else if (code == TRN_EXIT_USAGE && cli->command)
        fprintf(cli->err, "hint: see turncoat %s --help\n", cli->command->name);
    return code;
}

static bool is_terminal(FILE *f)
{
    int fd = fileno(f);
    return fd >= 0 && isatty(fd);
}

/* Words without a subcommand: 'turncoat', 'turncoat --help', 'turncoat --version'. -1: neither. */
static int without_command(int argc, char **argv, FILE *out, FILE *err)
{
    if (argc < 2) {
        trn_cli_help(err);
        return TRN_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        const struct trn_command *c = argc > 2 ? trn_command_find(argv[2]) : NULL;
        if (c)
            trn_cli_help_command(out, c);
        else
            trn_cli_help(out);
        return TRN_EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        fputs("turncoat " TRN_VERSION "\n", out);
        return TRN_EXIT_OK;
    }
    return -1;
}

/* The common options may stand before the subcommand too: it moves in front of them, for the parser. */
static void command_first(int argc, char **argv)
{
    int at = 1;
    while (at < argc && (strcmp(argv[at], "--json") == 0 || strncmp(argv[at], "--state", 7) == 0))
        at += strcmp(argv[at], "--state") == 0 ? 2 : 1;
    if (at >= argc)
        return;
    char *command = argv[at];
    for (; at > 1; at--)
        argv[at] = argv[at - 1];
    argv[1] = command;
}

int trn_cli_main(int argc, char **argv, FILE *out, FILE *err)
{
    struct trn_cli cli = {.out = out, .err = err};
    struct trn_err e = {0};
    bool help = false;
    command_first(argc, argv);
    int code = without_command(argc, argv, out, err);
    if (code >= 0)
        return code;
    cli.command = trn_command_find(argv[1]);
    if (!cli.command) {
        char shown[60];
        (void)trn_fail(&e, -EINVAL, "unknown command '%s'", trn_escape_into(shown, sizeof(shown), trn_str_of(argv[1])));
        trn_hint(&e, "turncoat --help lists them");
        return trn_cli_error(&cli, &e, TRN_EXIT_USAGE);
    }
    const char *no_colour = getenv("NO_COLOR");
    cli.colour = is_terminal(out) && (!no_colour || !no_colour[0]);
    cli.talk_terminal = is_terminal(err);
    if (trn_cli_parse(&cli, argc - 1, argv + 1, &help, &e) < 0)
        return trn_cli_error(&cli, &e, TRN_EXIT_USAGE);
    if (help) {
        trn_cli_help_command(out, cli.command);
        return TRN_EXIT_OK;
    }
    code = cli.command->run(&cli);
    if (fflush(out) != 0 || ferror(out)) {
        (void)trn_fail(&e, -EIO, "cannot write to standard output");
        return trn_cli_error(&cli, &e, TRN_EXIT_UNDECIDED);
    }
    return code;
}
