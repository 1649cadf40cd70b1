/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the words of 'turncoat gate', and which verb does what.
 * Must not: judge, or know apt (the other files of the gate do).
 */
#include "cli/gate.h"

static int plain(struct trn_cli *cli, int (*verb)(struct trn_cli *, struct trn_err *), const char *said)
{
    struct trn_err err = {0};
    int e = verb(cli, &err);
    if (e < 0)
        return trn_cli_error(cli, &err, e == -EINVAL || e == -ENOENT ? TRN_EXIT_USAGE : TRN_EXIT_UNDECIDED);
    if (said)
        fprintf(cli->err, "%s\n", said);
    return TRN_EXIT_OK;
}

static int install(struct trn_cli *cli)
{
    return plain(cli, trn_gate_hook_install, "apt asks the gate before it unpacks: " TRN_GATE_HOOK);
}

static int take_away(struct trn_cli *cli)
{
    return plain(cli, trn_gate_hook_remove,
                 trn_gate_hook_is_there() ? "apt no longer asks the gate; what it kept and recorded stays"
                                          : "apt did not ask the gate: there is no " TRN_GATE_HOOK);
}

static int allow(struct trn_cli *cli)
{
    return plain(cli, trn_gate_allow, NULL);
}

static const struct {
    const char *name;
    int operands; /* behind the verb */
    const char *behind;
    int (*run)(struct trn_cli *cli);
} VERBS[] = {
    {"install", 0, "nothing", install},
    {"remove", 0, "nothing", take_away},
    {"status", 0, "nothing", trn_gate_show_status},
    {"list", 0, "nothing", trn_gate_show_list},
    {"allow", 1, "PACKAGE=VERSION", allow},
    {"sweep", 1, "one folder", trn_gate_sweep_once},
    {"watch", 1, "one folder", trn_gate_sweep_stay},
    {"apt", 0, "nothing", trn_gate_run_apt},
    {"ahead", 0, "nothing", trn_gate_run_ahead},
};

/* Options of one verb given to another would be ignored, and whoever gave them would not know. */
static const struct {
    const char *option, *verbs[3];
} BELONGS[] = {
    {"fail-closed", {"install"}},
    {"deadline", {"install"}},
    {"package-deadline", {"install"}},
    {"keep-mb", {"install"}},
    {"watch", {"install"}},
    {"reason", {"allow"}},
    {"for", {"allow"}},
    {"config", {"apt", "ahead"}},
    {"jobs", {"sweep", "watch", "apt"}},
    {"fail-on", {"sweep", "watch"}},
    {"store", {"sweep", "watch"}},
    {"no-remember", {"sweep", "watch"}},
};

static const char *stray(const struct trn_cli *cli, const char *verb, struct trn_err *err)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(BELONGS); i++) {
        const char *const *v = BELONGS[i].verbs;
        bool fits = strcmp(v[0], verb) == 0 || (v[1] && strcmp(v[1], verb) == 0) || (v[2] && strcmp(v[2], verb) == 0);
        if (fits || !trn_cli_has(cli, BELONGS[i].option))
            continue;
        (void)trn_fail(err, -EINVAL, "--%s goes with 'gate %s', not with 'gate %s'", BELONGS[i].option, v[0], verb);
        return BELONGS[i].option;
    }
    return NULL;
}

static int run(struct trn_cli *cli)
{
    const char *verb = cli->n_operands ? cli->operands[0] : "status";
    struct trn_err err = {0};
    char shown[60];
    for (size_t i = 0; i < TRN_ARRAY_SIZE(VERBS); i++) {
        if (strcmp(verb, VERBS[i].name) != 0)
            continue;
        if (TRN_MAX(cli->n_operands, 1) - 1 != VERBS[i].operands)
            (void)trn_fail(&err, -EINVAL, "'%s' takes %s behind it", verb, VERBS[i].behind);
        else if (!stray(cli, verb, &err))
            return VERBS[i].run(cli);
        return trn_cli_error(cli, &err, TRN_EXIT_USAGE);
    }
    (void)trn_fail(&err, -EINVAL, "'%s' is no part of the gate",
                   trn_escape_into(shown, sizeof(shown), trn_str_of(verb)));
    return trn_cli_error(cli, &err, TRN_EXIT_USAGE);
}

static const struct trn_option OPTIONS[] = {
    {"fail-closed", NULL, "install: apt stops also when the gate cannot judge (default: it goes on, and it is told)"},
    {"deadline", "TIME", "install: for a transaction (default 60s)"},
    {"package-deadline", "TIME", "install: for a package (default 20s)"},
    {"keep-mb", "N", "install: most MiB of kept packages (default 2048; 0: none)"},
    {"watch", "NAME", "install: keep the last two packages of this software, * for any; may be repeated", .many = true},
    {"rules", "PATH", "YARA rules: a file, or a folder with .yar and .yara; may be repeated", .many = true},
    {"indicators", "FILE", "hashes that are known as bad (CSV or STIX)"},
    {"reason", "TEXT", "allow: why; it is recorded"},
    {"for", "TIME", "allow: how long: 12h, 7d (default 24h, at most 14d)"},
    {"store", "FILE", "sweep, watch: releases that were seen (default: as turncoat diff)"},
    {"no-remember", NULL, "sweep, watch: compare with nothing that was seen elsewhere, and keep nothing"},
    {"jobs", "N", "sweep, watch: how many files are looked at at once (default: one a processor)"},
    {"fail-on", "VERDICT", "sweep: exit 1 from this verdict up (default suspicious)"},
    {"config", "FILE", "apt, ahead: settings instead of " TRN_GATE_CONFIG},
};

static const struct trn_example EXAMPLES[] = {
    {"sudo turncoat gate install", "compare each package with the installed version before it is unpacked"},
    {"sudo turncoat gate status", "is it on, what was refused, what failed"},
    {"turncoat gate watch /srv/publish", "judge what is published as it arrives, verdict beside each file"},
    {"sudo turncoat gate allow acme=1.1 --reason 'vendor confirmed it, ticket 4711'", "let through what was refused"},
};

const struct trn_command trn_cmd_gate = {
    .name = "gate",
    .usage = "[VERB] [WHAT]",
    .summary = "ask what changed at every package update, before it is unpacked",
    .notes = "install, remove: apt's hook. status, list: what happened. allow PACKAGE=VERSION: let through what was "
             "refused.\n"
             "sweep DIR, watch DIR: judge a folder of releases once, or as they arrive. apt: what the hook calls.\n"
             "ahead: judge what lies in apt's cache, so that the hook need not.\n\n"
             "A malicious update stops apt before anything is unpacked, a suspicious one is told, all else is quiet. "
             "When the\n"
             "gate itself fails, or takes too long, apt goes on and it is told, unless it was installed with "
             "--fail-closed.\n",
    .examples = EXAMPLES,
    .n_examples = TRN_ARRAY_SIZE(EXAMPLES),
    .options = OPTIONS,
    .n_options = TRN_ARRAY_SIZE(OPTIONS),
    .max_operands = 2,
    .run = run,
};
