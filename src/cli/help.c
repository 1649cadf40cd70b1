/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the texts of --help, made from the table. Examples first: most people need no more.
 * Must not: hold text about one subcommand; that stands beside its code.
 */
#include "cli/cli.h"

void trn_cli_help(FILE *out)
{
    size_t n;
    const struct trn_command *const *commands = trn_commands(&n);
    fputs("turncoat: catch trusted software that turns hostile\n\n"
          "  turncoat scan setup.msi              what is inside, and what does not belong there\n"
          "  turncoat watch                       what happens on this machine, live\n"
          "  sudo turncoat watch -- ./configure   one command under observation, judged at its end\n"
          "  turncoat stories                     what was found so far\n\n"
          "Commands:\n",
          out);
    for (size_t i = 0; i < n; i++) {
        char head[64];
        (void)snprintf(head, sizeof(head), "%s %s", commands[i]->name, commands[i]->usage);
        fprintf(out, "  %-28s %s\n", head, commands[i]->summary);
    }
    fputs("\nEverywhere: --json, --state DIR, --help; 'turncoat --version'.\n"
          "Exit: 0 done and nothing from 'suspicious' up, 1 findings, 2 usage, 3 could not decide.\n",
          out);
}

void trn_cli_help_command(FILE *out, const struct trn_command *c)
{
    const struct trn_option *o;
    int width = 0;
    for (size_t i = 0; i < c->n_examples; i++)
        width = TRN_MAX(width, (int)strlen(c->examples[i].line));
    for (size_t i = 0; i < c->n_examples; i++)
        fprintf(out, "  %-*s   %s\n", width, c->examples[i].line, c->examples[i].about);
    fprintf(out, "\nturncoat %s%s%s: %s\n\n%s%sOptions:\n", c->name, c->usage[0] ? " " : "", c->usage, c->summary,
            c->notes ? c->notes : "", c->notes ? "\n" : "");
    for (size_t i = 0; (o = trn_cli_option_at(c, i)) != NULL; i++) {
        char head[40];
        (void)snprintf(head, sizeof(head), "--%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
        fprintf(out, "  %-22s %s\n", head, o->help);
    }
}
