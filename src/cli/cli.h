/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the command line share: the table of subcommands (the parser, --help and the man
 * page say the same because they come from it), the parsed call, exit codes and errors.
 */
#ifndef TRN_CLI_CLI_H
#define TRN_CLI_CLI_H

#include "event/event.h"

#include <stdio.h>

#define TRN_STATE_DIR "/var/lib/turncoat"

enum trn_exit { TRN_EXIT_OK = 0, TRN_EXIT_FINDINGS = 1, TRN_EXIT_USAGE = 2, TRN_EXIT_UNDECIDED = 3 };

struct trn_option {
    const char *name; /* without the dashes */
    const char *arg;  /* "DIR"; NULL: a flag */
    const char *help;
    bool many; /* may be given again: all of them stand in trn_cli.many (trn_cli_all) */
};

struct trn_example {
    const char *line, *about;
};

struct trn_cli;

struct trn_command {
    const char *name;
    const char *usage;   /* operands: "[ID]" */
    const char *summary; /* one phrase */
    const char *notes;   /* lines between that and the options; NULL: none */
    const struct trn_example *examples;
    size_t n_examples;
    const struct trn_option *options; /* its own; the common ones are added */
    size_t n_options;
    int min_operands, max_operands;  /* max -1: any */
    bool takes_command;              /* what follows "--" is a command to run, not operands */
    int (*run)(struct trn_cli *cli); /* returns enum trn_exit */
};

#define TRN_CLI_OPTIONS 24 /* most options of one command, the common ones included */
#define TRN_CLI_MANY 64

struct trn_cli { /* one call */
    const struct trn_command *command;
    const char *values[TRN_CLI_OPTIONS]; /* beside trn_cli_option_at(); "" for a given flag */
    const char *many[TRN_CLI_MANY];
    uint8_t many_of[TRN_CLI_MANY]; /* which option each belongs to: trn_cli_option_at() */
    int n_many;
    char **operands;
    int n_operands;
    char **inner; /* behind "--", NULL-ended; NULL when there was none */
    FILE *out, *err;
    bool json, colour;  /* colour: stdout is a terminal and NO_COLOR is not set */
    bool talk_terminal; /* stderr is a terminal: progress may be shown */
    const char *state;
    enum trn_verdict fail_on;
};

/* options.c */
const struct trn_option *trn_cli_option_at(const struct trn_command *c, size_t i); /* NULL past the end */
const char *trn_cli_value(const struct trn_cli *cli, const char *name);            /* NULL when not given */
static inline bool trn_cli_has(const struct trn_cli *cli, const char *name)
{
    return trn_cli_value(cli, name) != NULL;
}
/* All values of an option that may be given again, in order; how many. */
int trn_cli_all(const struct trn_cli *cli, const char *name, const char *ret[TRN_CLI_MANY]);
/* argv[0] is the subcommand. 0; -EINVAL with err set. *ret_help: --help was among them. */
int trn_cli_parse(struct trn_cli *cli, int argc, char **argv, bool *ret_help, struct trn_err *err) TRN_MUST_CHECK;
/* A number option or operand within [min, max]. */
int trn_cli_number(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *ret, struct trn_err *err)
    TRN_MUST_CHECK;
/* A span of time such as 90, 30m, 2h or 7d, in seconds, not 0; the hint says which are right. */
int trn_cli_seconds(const char *text, const char *hint, uint64_t *ret, struct trn_err *err) TRN_MUST_CHECK;

/* help.c */
void trn_cli_help(FILE *out);
void trn_cli_help_command(FILE *out, const struct trn_command *c);

/* table.c */
const struct trn_command *const *trn_commands(size_t *ret_count);
const struct trn_command *trn_command_find(const char *name); /* NULL when unknown */

/* "turncoat: message" and "hint: ..." on cli->err. Returns code, so that commands can return it. */
int trn_cli_error(const struct trn_cli *cli, const struct trn_err *err, enum trn_exit code);
/* The whole program but for exit(). */
int trn_cli_main(int argc, char **argv, FILE *out, FILE *err);

extern const struct trn_command trn_cmd_watch, trn_cmd_stories, trn_cmd_hunt, trn_cmd_replay, trn_cmd_software,
    trn_cmd_status, trn_cmd_explain, trn_cmd_filter, trn_cmd_exceptions, trn_cmd_respond, trn_cmd_scan, trn_cmd_diff,
    trn_cmd_gate;

#endif
