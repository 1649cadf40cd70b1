/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: 'turncoat scan PATH...': the words, where each output goes, signals, the exit code. Needs no daemon and no root.
 * Must not: open a format; a strict worker does.
 */
#include "cli/tell.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct scan {
    struct trn_cli *cli;
    struct trn_scan_settings settings;
    struct trn_progress progress;
    struct trn_output sarif_to, sbom_to;
    bool tree_on, json_on;
    struct trn_scan_tree tree;
    struct trn_scan_json json;
    struct trn_scan_sarif sarif;
    struct trn_scan_sbom sbom;
    struct trn_scan_sum sum;
    struct trn_tell tell;
    int signals; /* signalfd; -1: none */
    sigset_t before;
    bool stopped, broken;
    unsigned bad_rules;
};

/* ---- outputs ---- */

static int open_outputs(struct scan *s, struct trn_err *err)
{
    struct trn_cli *cli = s->cli;
    const char *sarif = trn_cli_value(cli, "sarif"), *sbom = trn_cli_value(cli, "sbom");
    int on_stdout = cli->json + trn_output_is_standard(sarif) + trn_output_is_standard(sbom);
    if (on_stdout > 1)
        return trn_fail(err, -EINVAL, "only one of --json, '--sarif -' and '--sbom -' can have standard output");
    s->json_on = cli->json;
    s->tree_on = on_stdout == 0;
    int e = trn_output_open(&s->sarif_to, sarif, cli->out, err);
    return e < 0 ? e : trn_output_open(&s->sbom_to, sbom, cli->out, err);
}

static void begin_outputs(struct scan *s)
{
    if (s->tree_on)
        trn_scan_tree_init(&s->tree, s->cli->out, s->cli->colour, s->settings.all);
    if (s->json_on)
        trn_scan_json_init(&s->json, s->cli->out);
    if (s->sarif_to.f)
        trn_scan_sarif_init(&s->sarif, s->sarif_to.f);
    if (s->sbom_to.f)
        trn_scan_sbom_init(&s->sbom, s->sbom_to.f);
}

static void end_outputs(struct scan *s)
{
    if (s->tree_on)
        trn_scan_tree_end(&s->tree, &s->sum);
    if (s->json_on)
        trn_scan_json_end(&s->json, &s->sum);
    if (s->sarif_to.f)
        trn_scan_sarif_end(&s->sarif, &s->sum);
    if (s->sbom_to.f)
        trn_scan_sbom_end(&s->sbom, &s->sum);
}

/* ---- what collect asks ---- */

static int on_file(void *ctx, struct trn_scanned *f)
{
    struct scan *s = ctx;
    int e = 0;
    if (f->code < 0 && !s->tree_on) { /* talk: the tree says it in its place */
        char shown[300];
        trn_progress_clear(&s->progress);
        fprintf(s->cli->err, "turncoat: cannot look at '%s': %.*s, going on\n",
                trn_escape_into(shown, sizeof(shown), f->path), TRN_STR_ARG(f->why));
    }
    if (s->tree_on) {
        bool told = f->findings || trn_scanned_undecided(f) || s->settings.all;
        if (told)
            trn_progress_clear(&s->progress);
        e = trn_scan_tree_file(&s->tree, f);
    }
    if (e == 0 && s->json_on)
        e = trn_scan_json_file(&s->json, f);
    if (e == 0 && s->sarif_to.f)
        e = trn_scan_sarif_file(&s->sarif, f);
    if (e == 0 && s->sbom_to.f)
        e = trn_scan_sbom_file(&s->sbom, f);
    if (e == 0)
        trn_scan_tell(&s->tell, f);
    s->broken = s->broken || ferror(s->cli->out); /* who read it went away */
    return e;
}

static void on_bad_rule(void *ctx, struct trn_str file, uint32_t line, struct trn_str why)
{
    struct scan *s = ctx;
    char path[300], text[300];
    if (s->bad_rules++ >= 20)
        return;
    trn_escape_into(path, sizeof(path), file);
    trn_escape_into(text, sizeof(text), why);
    if (line && s->settings.indicators >= 0 && trn_str_eq_c(file, "indicators"))
        fprintf(s->cli->err, "turncoat: cannot use line %u of the indicators: %s, skipping it\n", line, text);
    else if (line)
        fprintf(s->cli->err, "turncoat: cannot use rule file '%s', line %u: %s, skipping it\n", path, line, text);
    else
        fprintf(s->cli->err, "turncoat: cannot use rule file '%s': %s, skipping it\n", path, text);
}

static void on_idle(void *ctx, uint64_t files, uint64_t bytes, struct trn_str path)
{
    struct scan *s = ctx;
    trn_progress_tell(&s->progress, files, bytes, path);
}

static bool on_stopped(void *ctx)
{
    struct scan *s = ctx;
    struct signalfd_siginfo info;
    if (s->signals >= 0 && !s->stopped && read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        s->stopped = true;
        (void)sigprocmask(SIG_SETMASK, &s->before, NULL); /* a second one ends it at once */
    }
    return s->stopped || s->broken;
}

static void on_warn(void *ctx, const struct trn_err *err)
{
    struct scan *s = ctx;
    trn_progress_clear(&s->progress);
    (void)trn_cli_error(s->cli, err, TRN_EXIT_OK);
}

/* ---- the command ---- */

static enum trn_exit exit_of(const struct scan *s)
{
    if (s->sum.verdict >= s->cli->fail_on && s->sum.verdict > TRN_VERDICT_CLEAN)
        return TRN_EXIT_FINDINGS;
    return s->sum.undecided || s->broken ? TRN_EXIT_UNDECIDED : TRN_EXIT_OK;
}

static void catch_signals(struct scan *s)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    s->signals = sigprocmask(SIG_BLOCK, &set, &s->before) < 0 ? -1 : signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    (void)signal(SIGIO, SIG_IGN);   /* of a lease that somebody broke in the moment it was held */
    (void)signal(SIGPIPE, SIG_IGN); /* a reader that goes away is seen at the next write */
}

static void restore_signals(struct scan *s)
{
    s->signals = trn_fd_close(s->signals);
    (void)sigprocmask(SIG_SETMASK, &s->before, NULL);
}

static int scan(struct scan *s, struct trn_err *err)
{
    const struct trn_collect_options o = {
        .settings = &s->settings,
        .paths = s->cli->operands,
        .n_paths = s->cli->n_operands,
        .file = on_file,
        .bad_rule = on_bad_rule,
        .idle = on_idle,
        .stopped = on_stopped,
        .warn = on_warn,
        .ctx = s,
    };
    uint64_t start = trn_mono_ns();
    fflush(s->cli->out); /* or the workers would write it a second time */
    fflush(s->cli->err);
    begin_outputs(s);
    catch_signals(s);
    trn_progress_init(&s->progress, s->cli->talk_terminal ? s->cli->err : NULL);
    int e = trn_collect(&o, &s->sum, err);
    trn_progress_clear(&s->progress);
    restore_signals(s);
    s->sum.ns = trn_mono_ns() - start;
    if (s->bad_rules > 20)
        fprintf(s->cli->err, "turncoat: and %u more that cannot be used\n", s->bad_rules - 20);
    s->sum.undecided = s->sum.undecided || e < 0;
    end_outputs(s);
    return e;
}

static int run(struct trn_cli *cli)
{
    struct scan s = {.cli = cli, .signals = -1};
    struct trn_err err = {0}, late = {0};
    int e = trn_scan_settings_read(cli, &s.settings, &err);
    if (e == 0)
        e = trn_tell_begin(&s.tell, cli, "scan", &err);
    bool usage = e < 0;
    if (e == 0) {
        e = open_outputs(&s, &err);
        usage = e < 0;
    }
    if (e == 0)
        e = scan(&s, &err);
    trn_tell_end(&s.tell);
    bool whole = e == 0 && !s.broken;
    int f = trn_output_close(&s.sarif_to, whole, &late);
    int g = trn_output_close(&s.sbom_to, whole, &late);
    trn_scan_settings_done(&s.settings, e == 0, s.bad_rules);
    if (e < 0)
        return trn_cli_error(cli, &err, usage ? TRN_EXIT_USAGE : TRN_EXIT_UNDECIDED);
    if (f < 0 || g < 0)
        return trn_cli_error(cli, &late, TRN_EXIT_UNDECIDED);
    return (int)exit_of(&s);
}

static const struct trn_option OPTIONS[] = {
    {"rules", "PATH", "YARA rules: a file, or a folder with .yar and .yara; may be repeated", .many = true},
    {"indicators", "FILE", "hashes that are known as bad (CSV or STIX)"},
    {"fail-on", "VERDICT", "exit 1 from this verdict up (default suspicious)"},
    {"all", NULL, "show what is clean too"},
    {"sarif", "FILE", "write the findings as SARIF 2.1.0; - is standard output"},
    {"sbom", "FILE", "write an inventory of all that is inside, as CycloneDX 1.5; - is standard output"},
    {"jobs", "N", "how many files are looked at at once (default: one a processor)"},
    {"limit", "NAME=N,...",
     "limits of one file: bytes, member_bytes, ratio, memory, members, depth, findings, seconds"},
    TRN_TELL_OPTIONS,
    {"no-cache", NULL, "look at everything again, and remember nothing"},
};

static const struct trn_example EXAMPLES[] = {
    {"turncoat scan setup.msi", "what is inside, and what does not belong there"},
    {"turncoat scan --rules rules/ ~/Downloads", "a folder, with YARA rules of your own"},
    {"turncoat scan --fail-on note --sarif out.sarif dist/", "in continuous integration"},
    {"turncoat scan --sbom - image.iso", "all that is in it, with hashes and signers"},
};

const struct trn_command trn_cmd_scan = {
    .name = "scan",
    .usage = "PATH...",
    .summary = "what is inside these files, folders, installers",
    .notes =
        "Each file is opened down to its last member by a process that can do nothing else. Results are remembered:\n"
        "a file that did not change is not read again.\n",
    .examples = EXAMPLES,
    .n_examples = TRN_ARRAY_SIZE(EXAMPLES),
    .options = OPTIONS,
    .n_options = TRN_ARRAY_SIZE(OPTIONS),
    .min_operands = 1,
    .max_operands = -1,
    .run = run,
};
