/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: 'turncoat diff OLD NEW': the words, where each output goes, signals, the exit code. Needs no daemon and no root.
 * Must not: open a format; judge (src/release/ does).
 */
#include "cli/tell.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define UPSTREAM_MAX 16

enum { TO_SARIF, TO_HTML, TO_SBOM, OUTPUTS };
static const struct {
    const char *option;
    int (*write)(const struct trn_diff_report *r, FILE *out);
} WRITERS[OUTPUTS] = {
    {"sarif", trn_diff_report_sarif},
    {"html", trn_diff_report_html},
    {"sbom", trn_diff_report_sbom},
};

struct diff {
    struct trn_cli *cli;
    struct trn_scan_settings settings;
    struct trn_accepts policy;
    struct trn_diff_package package;
    const char *old_path, *new_path; /* old_path NULL: the last one seen */
    struct trn_output outputs[OUTPUTS];
    struct trn_progress progress;
    struct trn_release *before, *after, *upstream[UPSTREAM_MAX];
    size_t n_upstream;
    struct trn_diff_seen seen;
    struct trn_diff *diff;
    struct trn_tell tell;
    uint64_t files, last_files, bytes, last_bytes; /* of what is over, of what is looked at */
    int signals;                                   /* signalfd; -1: none */
    sigset_t mask;
    unsigned bad_rules;
    bool text, stopped;
};

static void diff_done(struct diff *d)
{
    d->diff = trn_diff_free(d->diff);
    for (size_t i = 0; i < d->n_upstream; i++)
        d->upstream[i] = trn_release_free(d->upstream[i]);
    d->after = trn_release_free(d->after);
    d->before = trn_release_free(d->before);
    trn_diff_seen_done(&d->seen);
    trn_accepts_done(&d->policy);
    trn_diff_package_done(&d->package);
}

/* ---- what collect asks ---- */

static void on_bad_rule(void *ctx, struct trn_str file, uint32_t line, struct trn_str why)
{
    struct diff *d = ctx;
    char shown[200], text[300];
    trn_progress_clear(&d->progress);
    fprintf(d->cli->err, "turncoat: cannot use '%s', line %u: %s, skipping it\n",
            trn_escape_into(shown, sizeof(shown), file), line, trn_escape_into(text, sizeof(text), why));
    d->bad_rules++;
}

static void on_idle(void *ctx, uint64_t files, uint64_t bytes, struct trn_str path)
{
    struct diff *d = ctx;
    d->last_files = files;
    d->last_bytes = bytes;
    trn_progress_tell(&d->progress, d->files + files, d->bytes + bytes, path);
}

static bool on_stopped(void *ctx)
{
    struct diff *d = ctx;
    struct signalfd_siginfo info;
    if (d->signals >= 0 && !d->stopped && read(d->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        d->stopped = true;
        (void)sigprocmask(SIG_SETMASK, &d->mask, NULL); /* a second one ends it at once */
    }
    return d->stopped;
}

static void catch_signals(struct diff *d)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    d->signals = sigprocmask(SIG_BLOCK, &set, &d->mask) < 0 ? -1 : signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    (void)signal(SIGIO, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
}

static void restore_signals(struct diff *d)
{
    d->signals = trn_fd_close(d->signals);
    (void)sigprocmask(SIG_SETMASK, &d->mask, NULL);
}

/* ---- words ---- */

/* Which two are compared. */
static int choose_sides(struct diff *d, struct trn_err *err)
{
    struct trn_cli *cli = d->cli;
    const char *package = trn_cli_value(cli, "package");
    if (package) {
        int e = trn_diff_package_find(package, trn_cli_value(cli, "from"), cli->operands, cli->n_operands, &d->package,
                                      err);
        d->old_path = d->package.before;
        d->new_path = d->package.after;
        return e;
    }
    if (trn_cli_value(cli, "from"))
        return trn_fail(err, -EINVAL, "--from goes with --package NAME");
    if (trn_cli_has(cli, "remember") && trn_cli_has(cli, "no-remember"))
        return trn_fail(err, -EINVAL, "--remember and --no-remember contradict each other");
    if (cli->n_operands == 0) {
        int e = trn_fail(err, -EINVAL, "a release is needed: OLD and NEW, or NEW alone");
        trn_hint(err, "see turncoat diff --help");
        return e;
    }
    d->old_path = cli->n_operands == 2 ? cli->operands[0] : NULL;
    d->new_path = cli->operands[cli->n_operands - 1];
    return 0;
}

static int open_outputs(struct diff *d, struct trn_err *err)
{
    struct trn_cli *cli = d->cli;
    int on_stdout = cli->json, e = 0;
    for (size_t i = 0; i < OUTPUTS; i++)
        on_stdout += trn_output_is_standard(trn_cli_value(cli, WRITERS[i].option));
    if (on_stdout > 1)
        return trn_fail(err, -EINVAL,
                        "only one of --json, '--sarif -', '--html -' and '--sbom -' can have standard "
                        "output");
    d->text = on_stdout == 0;
    for (size_t i = 0; e == 0 && i < OUTPUTS; i++)
        e = trn_output_open(&d->outputs[i], trn_cli_value(cli, WRITERS[i].option), cli->out, err);
    return e;
}

static int read_words(struct diff *d, struct trn_err *err)
{
    const char *policy = trn_cli_value(d->cli, "policy");
    int e = choose_sides(d, err);
    if (e == 0)
        e = trn_scan_settings_read(d->cli, &d->settings, err);
    if (e == 0)
        e = trn_tell_begin(&d->tell, d->cli, "diff", err);
    if (e == 0 && policy)
        e = trn_accepts_read(&d->policy, policy, err);
    return e < 0 ? e : open_outputs(d, err);
}

/* ---- the two releases ---- */

static int look_at(struct diff *d, const char *path, const struct trn_release *other, struct trn_release **ret,
                   struct trn_err *err)
{
    const struct trn_release_collect o = {.settings = &d->settings,
                                          .other = other,
                                          .bad_rule = other ? NULL : on_bad_rule,
                                          .idle = on_idle,
                                          .stopped = on_stopped,
                                          .ctx = d};
    int e = trn_release_of_path(path, &o, ret, err);
    d->files += d->last_files;
    d->bytes += d->last_bytes;
    d->last_files = d->last_bytes = 0;
    return e;
}

static int collect(struct diff *d, struct trn_err *err)
{
    const char *upstream[TRN_CLI_MANY];
    int n = trn_cli_all(d->cli, "upstream", upstream);
    if (n > UPSTREAM_MAX)
        return trn_fail(err, -EINVAL, "--upstream is given more than %d times", UPSTREAM_MAX);
    int e = d->old_path ? look_at(d, d->old_path, NULL, &d->before, err) : 0;
    if (e == 0)
        e = look_at(d, d->new_path, d->before, &d->after, err);
    if (e == 0)
        e = d->before ? trn_diff_fit(d->before, d->after, err) : 0;
    for (int i = 0; e == 0 && i < n; i++) {
        e = look_at(d, upstream[i], d->after, &d->upstream[i], err);
        d->n_upstream += e == 0;
    }
    return e;
}

/* What is asked of the store: releases before, when NEW stands alone or a store is named. */
static int recall(struct diff *d, struct trn_err *err)
{
    const char *store = trn_cli_value(d->cli, "store");
    if (d->old_path && !store && !trn_cli_has(d->cli, "remember"))
        return 0;
    int e = trn_diff_seen_open(&d->seen, store, err);
    return e < 0 ? e : trn_diff_seen_before(&d->seen, d->after, err);
}

static int compare(struct diff *d, struct trn_err *err)
{
    const struct trn_release *const last[] = {d->seen.last}; /* beside an OLD that was named, one of those before */
    struct trn_diff_options o = {.sz = sizeof(o),
                                 .upstream = (const struct trn_release *const *)d->upstream,
                                 .n_upstream = d->n_upstream,
                                 .history = last,
                                 .n_history = d->old_path && d->seen.n ? 1 : 0,
                                 .older = d->seen.n ? trn_diff_seen_older : NULL,
                                 .older_ctx = &d->seen};
    d->seen.err = err;
    if (d->policy.list) {
        d->policy.after = d->after;
        o.accepted = trn_accepts_ask;
        o.accepted_ctx = &d->policy;
    }
    int e = trn_diff_new(d->old_path ? d->before : d->seen.last, d->after, &o, &d->diff, err);
    if (e != -EINVAL || !d->before)
        return e;
    *err = (struct trn_err){0};
    return trn_diff_other_kinds(d->before, d->after, err);
}

/* By itself only what was given alone, was looked at whole, and is nothing to worry about. */
static int remember(struct diff *d, bool *ret_done, struct trn_err *err)
{
    bool asked = trn_cli_has(d->cli, "remember");
    bool good =
        !d->old_path && !trn_release_undecided(d->after) && (!d->diff || d->diff->verdict < TRN_VERDICT_SUSPICIOUS);
    if (!d->seen.store || trn_cli_has(d->cli, "no-remember"))
        return 0;
    if (!asked && !good) {
        if (!d->old_path)
            fprintf(d->cli->err, "turncoat: %s, so it is not remembered; --remember keeps it all the same\n",
                    trn_release_undecided(d->after) ? "not all of it could be looked at" : "it is suspicious or worse");
        return 0;
    }
    int e = asked && d->before ? trn_diff_seen_remember(&d->seen, d->before, err) : 0;
    if (e == 0)
        e = trn_diff_seen_remember(&d->seen, d->after, err);
    *ret_done = e == 0;
    return e;
}

/* ---- the end ---- */

static bool same_file(const struct diff *d)
{
    struct stat a, b;
    return d->old_path && stat(d->old_path, &a) == 0 && stat(d->new_path, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

static int show(struct diff *d, struct trn_err *err)
{
    const struct trn_diff_report r = {.diff = d->diff,
                                      .policy = d->policy.list ? &d->policy : NULL,
                                      .basis = d->old_path || !d->seen.n ? NULL : d->seen.basis,
                                      .all = trn_cli_has(d->cli, "all"),
                                      .same_file = same_file(d)};
    char shown[200];
    if (d->text)
        trn_diff_report_text(&r, d->cli->out, d->cli->colour);
    else if (d->cli->json)
        trn_diff_report_json(&r, d->cli->out);
    for (size_t i = 0; i < OUTPUTS; i++) {
        int e = d->outputs[i].f ? WRITERS[i].write(&r, d->outputs[i].f) : 0;
        if (e < 0)
            return trn_fail(err, e, "cannot write '%s': %s",
                            trn_escape_into(shown, sizeof(shown), trn_str_of(d->outputs[i].path)), trn_errno_words(e));
    }
    return 0;
}

static int exit_of(const struct diff *d)
{
    const struct trn_diff *x = d->diff;
    if (!x) /* it was the first of its kind: nothing was decided */
        return TRN_EXIT_UNDECIDED;
    if (x->verdict >= d->cli->fail_on && x->verdict > TRN_VERDICT_CLEAN)
        return TRN_EXIT_FINDINGS;
    return x->undecided ? TRN_EXIT_UNDECIDED : TRN_EXIT_OK;
}

static int answer(struct diff *d, struct trn_err *err)
{
    bool first = !d->old_path && d->seen.n == 0, remembered = false;
    int e = first ? 0 : compare(d, err);
    if (e == 0 && !first)
        e = d->old_path ? trn_diff_paired(d->diff, err) : 0;
    if (e == 0 && !first)
        e = show(d, err);
    if (e == 0)
        trn_diff_tell(&d->tell, d->diff);
    if (e == 0)
        e = remember(d, &remembered, err);
    if (e == 0 && first)
        trn_diff_report_first(d->after, d->cli->json, remembered, d->cli->out);
    return e;
}

static int work(struct diff *d, struct trn_err *err)
{
    fflush(d->cli->out); /* or the workers would write it a second time */
    fflush(d->cli->err);
    catch_signals(d);
    trn_progress_init(&d->progress, d->cli->talk_terminal ? d->cli->err : NULL);
    int e = collect(d, err);
    trn_progress_clear(&d->progress);
    if (e == 0 && on_stopped(d))
        e = -ECANCELED;
    if (e == -ECANCELED)
        (void)trn_fail(err, e, "interrupted: nothing was compared");
    if (e == 0)
        e = recall(d, err);
    if (e == 0)
        e = answer(d, err);
    restore_signals(d);
    return e;
}

static int run(struct trn_cli *cli)
{
    TRN_AUTO(diff_done) struct diff d = {.cli = cli, .signals = -1};
    struct trn_err err = {0}, late = {0};
    d.settings = (struct trn_scan_settings){.rules = -1, .compiled = -1, .save = -1, .indicators = -1};
    int e = read_words(&d, &err), worst = 0;
    bool usage = e < 0;
    if (e == 0)
        e = work(&d, &err);
    trn_tell_end(&d.tell);
    usage = usage || e == -EINVAL || e == -ENOENT;
    for (size_t i = 0; i < OUTPUTS; i++) {
        int f = trn_output_close(&d.outputs[i], e == 0 && d.diff, &late);
        worst = f < 0 ? f : worst;
        if (e == 0 && !d.diff && d.outputs[i].path)
            fprintf(cli->err, "turncoat: --%s is not written: nothing was compared\n", WRITERS[i].option);
    }
    trn_scan_settings_done(&d.settings, e == 0, d.bad_rules);
    if (e < 0)
        return trn_cli_error(cli, &err, usage ? TRN_EXIT_USAGE : TRN_EXIT_UNDECIDED);
    if (worst < 0)
        return trn_cli_error(cli, &late, TRN_EXIT_UNDECIDED);
    return exit_of(&d);
}

static const struct trn_option OPTIONS[] = {
    {"all", NULL, "show every change as a tree, with how it was paired"},
    {"fail-on", "VERDICT", "exit 1 from this verdict up (default suspicious)"},
    {"policy", "FILE", "changes that are accepted: YAML, see docs/diff.md"},
    {"upstream", "DIR", "reference builds that bundled libraries are compared with; may be repeated", .many = true},
    {"store", "FILE", "releases that were seen (default: releases.db in $XDG_DATA_HOME/turncoat)"},
    {"remember", NULL, "keep what was looked at in the store, whatever the verdict"},
    {"no-remember", NULL, "keep nothing; else NEW alone is kept unless it is suspicious"},
    {"package", "NAME", "two versions of a package from apt's cache: the two newest, or those named"},
    {"from", "DIR", "where --package looks, instead of apt's cache"},
    TRN_TELL_OPTIONS,
    {"sarif", "FILE", "write the findings as SARIF 2.1.0; - is standard output"},
    {"html", "FILE", "write a page to keep and print, without scripts; - is standard output"},
    {"sbom", "FILE", "write both inventories and their difference, as CycloneDX 1.5; - is standard output"},
    {"rules", "PATH", "YARA rules: a file, or a folder with .yar and .yara; may be repeated", .many = true},
    {"indicators", "FILE", "hashes that are known as bad (CSV or STIX)"},
    {"jobs", "N", "how many files are looked at at once (default: one a processor)"},
    {"limit", "NAME=N,...",
     "limits of one file: bytes, member_bytes, ratio, memory, members, depth, findings, seconds"},
};

static const struct trn_example EXAMPLES[] = {
    {"turncoat diff app-1.0.msi app-1.1.msi", "what changed that a vendor would never change"},
    {"turncoat diff app-1.1.msi", "the same against the last one seen, and all before"},
    {"turncoat diff --package openssl", "the two newest versions in apt's cache"},
    {"turncoat diff --html report.html --policy accepted.yml old/ new/", "in continuous integration"},
    {"turncoat diff --json old/ new/", "two folders, for a program to read"},
};

const struct trn_command trn_cmd_diff = {
    .name = "diff",
    .usage = "[OLD] NEW",
    .summary = "what changed between two releases that should worry you",
    .notes = "Files, folders, installers, packages: anything that scan opens. Equal members are looked at once.\n"
             "NEW alone is compared with the last release of its product that was seen here, and remembered.\n",
    .examples = EXAMPLES,
    .n_examples = TRN_ARRAY_SIZE(EXAMPLES),
    .options = OPTIONS,
    .n_options = TRN_ARRAY_SIZE(OPTIONS),
    .min_operands = 0,
    .max_operands = 2,
    .run = run,
};
