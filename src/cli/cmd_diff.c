/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: 'turncoat diff OLD NEW': the words, the exit code. Needs no daemon and no root.
 * Must not: open a format; judge (src/release/ does).
 */
#include "cli/diff.h"

#include <unistd.h>

struct diff {
    struct trn_cli *cli;
    struct trn_scan_settings settings;
    struct trn_release *before, *after;
    struct trn_diff *diff;
    unsigned bad_rules;
};

static void on_bad_rule(void *ctx, struct trn_str file, uint32_t line, struct trn_str why)
{
    struct diff *d = ctx;
    char shown[200];
    fprintf(d->cli->err, "turncoat: the rules of '%s' are not used: line %u: %.*s\n",
            trn_escape_into(shown, sizeof(shown), file), line, TRN_STR_ARG(why));
    d->bad_rules++;
}

static int collect(struct diff *d, struct trn_err *err)
{
    struct trn_release_collect o = {.settings = &d->settings, .bad_rule = on_bad_rule, .ctx = d};
    int e = trn_release_of_path(d->cli->operands[0], &o, &d->before, err);
    o.other = d->before;
    o.bad_rule = NULL;
    return e < 0 ? e : trn_release_of_path(d->cli->operands[1], &o, &d->after, err);
}

static int show(struct diff *d)
{
    if (d->cli->json)
        trn_diff_print_json(d->diff, d->cli->out);
    else
        trn_diff_print_text(d->diff, d->cli->out, d->cli->colour, trn_cli_has(d->cli, "all"));
    return d->diff->verdict >= d->cli->fail_on ? TRN_EXIT_FINDINGS
           : d->diff->undecided                ? TRN_EXIT_UNDECIDED
                                               : TRN_EXIT_OK;
}

static void diff_done(struct diff *d)
{
    d->diff = trn_diff_free(d->diff);
    d->after = trn_release_free(d->after);
    d->before = trn_release_free(d->before);
}

static int run(struct trn_cli *cli)
{
    TRN_AUTO(diff_done) struct diff d = {.cli = cli};
    struct trn_err err = {0};
    const struct trn_diff_options o = {.sz = sizeof(o)};
    if (trn_scan_settings_read(cli, &d.settings, &err) < 0)
        return trn_cli_error(cli, &err, TRN_EXIT_USAGE);
    int e = collect(&d, &err);
    trn_scan_settings_done(&d.settings, e == 0, d.bad_rules);
    if (e == 0)
        e = trn_diff_new(d.before, d.after, &o, &d.diff, &err);
    if (e < 0)
        return trn_cli_error(cli, &err, e == -EINVAL || e == -ENOENT ? TRN_EXIT_USAGE : TRN_EXIT_UNDECIDED);
    return show(&d);
}

static const struct trn_option OPTIONS[] = {
    {"rules", "PATH", "YARA rules: a file, or a folder with .yar and .yara; may be repeated", .many = true},
    {"indicators", "FILE", "hashes that are known as bad (CSV or STIX)"},
    {"fail-on", "VERDICT", "exit 1 from this verdict up (default suspicious)"},
    {"all", NULL, "show every change, not only the reasons"},
    {"jobs", "N", "how many files are looked at at once (default: one a processor)"},
    {"limit", "NAME=N,...",
     "limits of one file: bytes, member_bytes, ratio, memory, members, depth, findings, seconds"},
};

static const struct trn_example EXAMPLES[] = {
    {"turncoat diff app-1.0.msi app-1.1.msi", "what changed that a vendor would never change"},
    {"turncoat diff --json old/ new/", "two folders, for a program to read"},
};

const struct trn_command trn_cmd_diff = {
    .name = "diff",
    .usage = "OLD NEW",
    .summary = "what changed between two releases that should worry you",
    .notes = "Files, folders, installers, packages: anything that scan opens. Equal members are looked at once.\n",
    .examples = EXAMPLES,
    .n_examples = TRN_ARRAY_SIZE(EXAMPLES),
    .options = OPTIONS,
    .n_options = TRN_ARRAY_SIZE(OPTIONS),
    .min_operands = 2,
    .max_operands = 2,
    .run = run,
};
