/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: one transaction of apt: which packages are compared with what, what is said of each, what is recorded and kept.
 * Must not: run anything that is in a package; decide what is bad (src/release/ does).
 */
#include "cli/gate_apt.h"
#include "cli/render.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct transaction {
    struct trn_gate_run *r;
    struct trn_scan_settings settings;
    struct trn_gate_entry *all;
    size_t n, *pairs, n_pairs; /* pairs: which entries are judged now */
    unsigned bad_rules;
};

/* ---- files of a pair ---- */

static int on_next(void *ctx, size_t pair, bool after, uint32_t k, struct trn_gate_file *ret)
{
    const struct transaction *t = ctx;
    struct trn_gate_entry *x = &t->all[t->pairs[pair]];
    if (!after && x->old == TRN_GATE_OLD_INSTALLED)
        return trn_gate_installed_next(&x->installed, ret);
    if (k > 0 || (!after && x->old == TRN_GATE_OLD_NONE))
        return 0;
    int fd = after ? trn_gate_open_new(x) : trn_gate_open_old(t->r->folder, x);
    return trn_gate_give(fd, "", after ? trn_path_base(x->item->file) : TRN_STR("old.deb"), ret);
}

/* ---- what is said ---- */

static void say_allowed(const struct transaction *t, const struct trn_gate_told *told, const json_t *allowed)
{
    TRN_AUTO(trn_buf_done) struct trn_buf until;
    trn_buf_init(&until, 64);
    trn_put_clock(&until, trn_json_text(allowed, "until"), true);
    fprintf(t->r->cli->err, "turncoat: %.*s %.*s is %s %u; allowed by %.*s until %.*s: %.*s\n", TRN_STR_ARG(told->name),
            TRN_STR_ARG(told->to), trn_verdict_name(told->verdict), told->score,
            TRN_STR_ARG(trn_json_text(allowed, "by")), (int)until.n, until.p,
            TRN_STR_ARG(trn_json_text(allowed, "reason")));
}

static void say(const struct transaction *t, const struct trn_gate_told *told)
{
    FILE *to = t->r->cli->err;
    bool refused = told->verdict == TRN_VERDICT_MALICIOUS, ahead = t->r->ahead;
    fprintf(to, "turncoat: %.*s %.*s %s: %s %u, ", TRN_STR_ARG(told->name), TRN_STR_ARG(told->to),
            refused ? (ahead ? "will be refused" : "is refused")
                    : (ahead ? "will be installed with a warning" : "is installed with a warning"),
            trn_verdict_name(told->verdict), told->score);
    if (told->from.n)
        fprintf(to, "compared with %.*s (%s)\n", TRN_STR_ARG(told->from), told->old_side);
    else
        fprintf(to, "judged alone: it was not installed before\n");
    trn_gate_say_reasons(to, told->reasons);
    if (refused && !ahead)
        fprintf(to,
                "nothing was unpacked. To let this one through all the same:\n  turncoat gate allow %.*s=%.*s "
                "--reason 'WHY' --for 24h\nTo update all else without it:\n  apt-mark hold %.*s\n",
                TRN_STR_ARG(told->name), TRN_STR_ARG(told->to), TRN_STR_ARG(told->name));
}

/* Every entry comes here once. */
static void settle(struct transaction *t, struct trn_gate_entry *x)
{
    struct trn_gate_told *told = &x->told;
    struct trn_gate_run *r = t->r;
    x->done = true;
    if (!told->judged) {
        r->unjudged++;
        fprintf(r->cli->err, "turncoat: %.*s %.*s is not judged%s: %s%s\n", TRN_STR_ARG(told->name),
                TRN_STR_ARG(told->to), r->ahead ? " ahead" : "", x->why,
                r->config.fail_closed || r->ahead ? "" : "; it is let through");
        return;
    }
    r->judged++;
    r->first += x->item->old_version.n == 0;
    if (told->verdict < TRN_VERDICT_SUSPICIOUS)
        return;
    json_t *allowed = told->verdict == TRN_VERDICT_MALICIOUS && r->folder >= 0 && !r->ahead
                          ? trn_gate_allowed(r->folder, told->name, told->to, told->sha256)
                          : NULL;
    told->allowed = allowed != NULL;
    r->refused += told->verdict == TRN_VERDICT_MALICIOUS && !allowed; /* before it is said: the supervisor counts it */
    if (allowed)
        say_allowed(t, told, allowed);
    else
        say(t, told);
    r->warned += told->verdict == TRN_VERDICT_SUSPICIOUS;
    json_decref(allowed);
}

static void not_judged(struct transaction *t, struct trn_gate_entry *x, const char *why)
{
    (void)snprintf(x->why, sizeof(x->why), "%.*s", (int)sizeof(x->why) - 1, why);
    x->told.why = trn_str_of(x->why);
    settle(t, x);
}

/* ---- verdicts ---- */

static int on_known(void *ctx, size_t pair, struct trn_release **ret)
{
    const struct transaction *t = ctx;
    const struct trn_gate_entry *x = &t->all[t->pairs[pair]];
    int e = t->r->folder < 0 ? -ENOENT : trn_gate_known_side(t->r->folder, t->settings.question, x, ret);
    t->r->sides += e == 0;
    return e;
}

/* Compared with what was there before, or, with nothing there before, by itself. */
static void take_verdict(struct trn_gate_told *told, const struct trn_gate_outcome *o)
{
    told->judged = true;
    if (!o->diff) {
        told->reasons = trn_gate_alone(o->after, &told->verdict, &told->score);
        told->undecided = trn_release_undecided(o->after);
        return;
    }
    told->verdict = o->diff->verdict;
    told->score = o->diff->score;
    told->undecided = o->diff->undecided;
    told->reasons = trn_gate_reasons(o->diff);
}

static int on_done(void *ctx, const struct trn_gate_outcome *o)
{
    struct transaction *t = ctx;
    struct trn_gate_entry *x = &t->all[t->pairs[o->pair]];
    x->told.ms = (trn_mono_ns() - t->r->began_mono_ns) / TRN_NS_PER_MS;
    const struct trn_release_member *top = o->after ? trn_release_at(o->after, 0) : NULL;
    const char *why = o->code < 0 ? o->why : NULL;
    if (!why && (!top || (!o->diff && x->old != TRN_GATE_OLD_NONE)))
        why = top ? "nothing of the installed version could be read" : "nothing of it could be read";
    else if (!why && memcmp(top->sha256, x->new_sha, TRN_SHA256_SIZE) != 0)
        why = "it changed while it was read";
    if (why) {
        not_judged(t, x, why);
        return 0;
    }
    take_verdict(&x->told, o);
    if (t->r->folder >= 0)
        trn_gate_know(t->r->folder, t->settings.question, x, o->after);
    settle(t, x);
    return 0;
}

static void on_bad_rule(void *ctx, struct trn_str file, uint32_t line, struct trn_str why)
{
    struct transaction *t = ctx;
    trn_gate_say_bad_rule(t->r->cli->err, file, line, why);
    t->bad_rules++;
}

/* ---- the way of a transaction ---- */

/* 1: to be judged, 0: it is settled. */
static int prepare(struct transaction *t, struct trn_gate_entry *x)
{
    int folder = t->r->folder, e = trn_gate_sides(folder, x);
    if (e < 0) {
        not_judged(t, x,
                   e == -ENOENT && x->told.sha256[0] ? "nothing of the installed version was found"
                                                     : trn_errno_words(e));
        return 0;
    }
    if (folder < 0 || !trn_gate_known_verdict(folder, t->settings.question, x))
        return 1;
    t->r->remembered++;
    settle(t, x);
    return 0;
}

static int collect(struct transaction *t, const struct trn_gate_list *list)
{
    t->all = calloc(list->n + 1, sizeof(*t->all));
    t->pairs = calloc(list->n + 1, sizeof(*t->pairs));
    if (!t->all || !t->pairs)
        return -ENOMEM;
    for (size_t i = 0; i < list->n; i++) {
        const struct trn_gate_item *item = &list->items[i];
        if (item->step != TRN_GATE_UNPACK)
            continue;
        struct trn_gate_entry *x = &t->all[t->n++];
        x->item = item;
        x->told = (struct trn_gate_told){.name = item->name,
                                         .from = item->old_version,
                                         .to = item->new_version,
                                         .arch = item->new_arch,
                                         .old_side = trn_gate_old_name(TRN_GATE_OLD_NONE)};
    }
    /* What replaces something comes first: should the time be over, then for what is new. */
    for (int fresh = 0; fresh < 2; fresh++)
        for (size_t i = 0; i < t->n; i++)
            if ((t->all[i].told.from.n == 0) == (fresh == 1) && prepare(t, &t->all[i]) == 1)
                t->pairs[t->n_pairs++] = i;
    return 0;
}

static int judge(struct transaction *t, struct trn_err *err)
{
    const struct trn_gate_run *r = t->r;
    const struct trn_gate_judge j = {
        .settings = &t->settings,
        .n = t->n_pairs,
        .package_ms = r->config.package_ms,
        .until_mono_ns = r->until_mono_ns,
        .next = on_next,
        .known = on_known,
        .done = on_done,
        .bad_rule = on_bad_rule,
        .ctx = t,
    };
    return trn_gate_judge(&j, err);
}

static bool kept_one(struct transaction *t, const struct trn_gate_entry *x)
{
    TRN_AUTO(trn_fd_closep) int fd = trn_gate_open_new(x);
    int e = fd < 0 ? 0 : trn_gate_keep(t->r->folder, x->item, fd, &t->r->config);
    if (e < 0)
        fprintf(t->r->cli->err, "turncoat: the package of %.*s %.*s cannot be kept: %s\n", TRN_STR_ARG(x->told.name),
                TRN_STR_ARG(x->told.to), trn_errno_words(e));
    return e == 0;
}

/* What is told of each, and, when apt goes on, the packages themselves: they are the old side of the next update. */
static void keep_books(struct transaction *t)
{
    const struct trn_gate_run *r = t->r;
    int e = 0;
    bool go_on = !r->refused && !(r->config.fail_closed && r->unjudged), room = true;
    if (r->folder < 0)
        return;
    for (size_t i = 0; e == 0 && i < t->n; i++)
        e = trn_gate_book(r->folder, trn_gate_told_json(&t->all[i].told, r->transaction));
    json_t *end = trn_gate_now("end");
    json_object_update_new(end, json_pack("{s:I, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:I}", "transaction",
                                          (json_int_t)r->transaction, "outcome", go_on ? "went on" : "stopped",
                                          "judged", (int)r->judged, "refused", (int)r->refused, "warned",
                                          (int)r->warned, "unjudged", (int)r->unjudged, "new", (int)r->first,
                                          "remembered", (int)r->remembered, "old_known", (int)r->sides, "ms",
                                          (json_int_t)((trn_mono_ns() - r->began_mono_ns) / TRN_NS_PER_MS)));
    if (e == 0)
        e = trn_gate_book(r->folder, json_incref(end));
    json_decref(end);
    if (e < 0)
        fprintf(r->cli->err, "turncoat: the gate cannot write its journal: %s\n", trn_errno_words(e));
    for (size_t i = 0; room && go_on && i < t->n; i++)
        room = kept_one(t, &t->all[i]);
    if (go_on)
        trn_gate_keep_within(r->folder, &r->config);
}

/* A limit that was reached, or something encrypted, in what changed: no clean answer, and no reason to stop. */
static void say_doubt(const struct transaction *t, const struct trn_gate_told *told)
{
    if (told->judged && told->undecided && told->verdict < TRN_VERDICT_SUSPICIOUS)
        fprintf(
            t->r->cli->err,
            "turncoat: %.*s %.*s is %s as far as it could be looked at, but not all that changed could be (turncoat "
            "scan lists it)\n",
            TRN_STR_ARG(told->name), TRN_STR_ARG(told->to), trn_verdict_name(told->verdict));
}

/* What is suspicious or worse, and the engine's to know, also when nothing was unpacked. */
static void tell_engine(const struct transaction *t)
{
    const struct trn_gate_run *r = t->r;
    bool answers = trn_gate_tell_untold(r->cli->state, r->folder) == 0; /* one that hangs costs its time once */
    for (size_t i = 0; i < t->n; i++) {
        const struct trn_gate_told *told = &t->all[i].told;
        say_doubt(t, told);
        if (told->judged && told->verdict >= TRN_VERDICT_SUSPICIOUS &&
            trn_gate_tell(r->cli->state, r->folder, told, &answers) < 0)
            fprintf(r->cli->err,
                    "turncoat: the findings about %.*s %.*s are not in its story: the engine does not answer\n",
                    TRN_STR_ARG(told->name), TRN_STR_ARG(told->to));
    }
}

static void transaction_done(struct transaction *t)
{
    for (size_t i = 0; t->all && i < t->n; i++) {
        trn_gate_installed_done(&t->all[i].installed);
        json_decref(t->all[i].told.reasons);
    }
    free(t->all);
    free(t->pairs);
}

/* Rules or indicators that cannot be read must not cost the comparison: it goes on without them, and says so. */
static int read_settings(const struct trn_gate_run *r, struct trn_scan_settings *ret, struct trn_err *err)
{
    int e = trn_scan_settings_read(r->cli, ret, err);
    if (e == 0 || (r->cli->n_many == 0 && !trn_cli_has(r->cli, "indicators")))
        return e;
    fprintf(r->cli->err, "turncoat: %s; the packages are compared without rules and indicators\n", err->message);
    trn_scan_settings_done(ret, false, 0);
    *err = (struct trn_err){0};
    r->cli->n_many = 0;
    trn_gate_forget_value(r->cli, "indicators");
    return trn_scan_settings_read(r->cli, ret, err);
}

int trn_gate_transaction(struct trn_gate_run *r, const struct trn_gate_list *list, struct trn_err *err)
{
    TRN_AUTO(transaction_done) struct transaction t = {.r = r};
    int e = read_settings(r, &t.settings, err);
    if (e < 0)
        return e;
    if (list->bad) {
        fprintf(r->cli->err,
                "turncoat: %zu lines of what apt said are no packages (the first is line %zu), not judged\n", list->bad,
                list->bad_line);
        r->unjudged += (uint32_t)TRN_MIN(list->bad, 1000000);
    }
    t.settings.pool.limits.seconds = (uint32_t)(r->config.package_ms / 1000 + 1);
    e = collect(&t, list);
    if (e == 0)
        e = judge(&t, err);
    trn_scan_settings_done(&t.settings, e == 0, t.bad_rules);
    for (size_t i = 0; e < 0 && i < t.n; i++)
        if (!t.all[i].done)
            not_judged(&t, &t.all[i], err && err->message[0] ? err->message : trn_errno_words(e));
    if ((t.n || list->bad) && !r->ahead)
        keep_books(&t);
    if (!r->ahead)
        tell_engine(&t);
    if (r->folder >= 0 && t.n_pairs)
        trn_gate_known_within(r->folder);
    return e < 0 && t.n == 0 ? e : 0;
}
