/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: "remove" (a package, and keep that version away) and "rollback" (to an earlier version), by dpkg and apt.
 *
 *   look -> record -> pin -> scripts aside -> dpkg or apt, in a unit of its own -> settle: took / half done / as before
 *
 * Owns: the order of the steps, and what is true after each when the next one does not come.
 * Must not own: texts and words (package_text.c, package_argv.c), programs (package_run.c), looking (package_look.c), the
 * folder of what is set aside (package_aside.c). All of it runs in the executor's slow thread.
 */
#include "response/execute/package.h"

#include <stdio.h>
#include <unistd.h>

#define IDLE_SEC 30u
#define SETTLE_SEC 60u
#define TEXT 400u

struct job {
    struct trn_package_target target;
    struct trn_package_facts facts;
    struct trn_package_record r;
    char what[600]; /* rollback: for apt-get install */
};

static bool is_rollback(const struct trn_act_request *q)
{
    return q->act == TRN_RESPOND_ROLLBACK;
}

/* ---- looking ---- */

static int meant(const struct trn_act_request *q, struct job *j, struct trn_err *err)
{
    int r = trn_package_target_parse(q->text, &j->target, err);
    if (r < 0)
        return r;
    if (q->seconds) {
        trn_fail(err, -EINVAL, "%s has no end by itself: taking it back runs a suspected version again",
                 trn_respond_name(q->act));
        trn_hint(err, "leave --for away; a person takes it back with 'turncoat respond undo ID'");
        return -EINVAL;
    }
    struct trn_str bare = trn_package_bare(j->target.name);
    if (trn_str_eq_c(bare, "turncoat"))
        return trn_fail(err, -EPERM, "turncoat does not remove itself");
    if (!is_rollback(q))
        return 0;
    if (j->target.n_others)
        return trn_fail(err, -EINVAL, "one package is rolled back at a time");
    if (!trn_package_version_ok(q->version)) {
        trn_fail(err, -EINVAL, "to which version '%s' is to be rolled back is not said", j->target.name);
        trn_hint(err, "turncoat software %s shows the versions that were here", j->target.name);
        return -EINVAL;
    }
    snprintf(j->r.to, sizeof j->r.to, "%.*s", TRN_STR_ARG(q->version));
    return 0;
}

static int refuse_state(const struct job *j, struct trn_err *err)
{
    const struct trn_package_facts *f = &j->facts;
    const char *name = j->target.name;
    if (f->state == TRN_PACKAGE_ABSENT)
        return trn_fail(err, -ENOENT, "no package '%s' is installed", name);
    if (f->state != TRN_PACKAGE_WHOLE) {
        trn_package_repair(&j->r, f, err);
        return -EUCLEAN;
    }
    if (f->needed) {
        trn_fail(err, -EPERM, "'%s' is essential: the machine would not work without it", name);
        trn_hint(err, "act on the program that misuses it");
        return -EPERM;
    }
    if (j->target.version[0] && strcmp(j->target.version, f->version) != 0)
        return trn_fail(err, -ESTALE, "'%s' is at %s, not at %s", name, f->version, j->target.version);
    return 0;
}

static int refuse_version(const struct job *j, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf said = {0};
    struct trn_package_argv a;
    int code = 0;
    trn_package_argv_older(&a, j->r.to, j->r.from);
    int r = trn_package_ask(&a, false, &said, &code, err);
    if (r == 0 && code != 0)
        r = trn_fail(err, -EINVAL, "%s is not older than %s, which is installed", j->r.to, j->r.from);
    return r;
}

/* dpkg's own answer whether it may go, and alone: no other package needs it. */
static int refuse_needed(const struct job *j, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf said = {0}, text;
    struct trn_package_argv a;
    int code = 0;
    trn_buf_init(&text, TEXT);
    for (uint32_t i = 0; i < j->target.n_others; i++) {
        struct trn_package_facts f;
        int r = trn_package_facts_of(j->target.others[i], &f, err);
        if (r < 0)
            return r;
        if (f.state != TRN_PACKAGE_WHOLE || f.needed)
            return trn_fail(err, -EPERM, "'%s' is not installed, or essential", j->target.others[i]);
    }
    trn_package_argv_remove(&a, &j->target, true);
    int r = trn_package_ask(&a, true, &said, &code, err);
    if (r < 0 || code == 0)
        return r;
    trn_package_put_complaint(&text, trn_buf_str(&said), 200);
    trn_fail(err, -EPERM, "'%s' cannot be removed alone: %.*s", j->target.name, TRN_STR_ARG(trn_buf_str(&text)));
    trn_hint(err, "to remove others with it, name them: '%s,OTHER'", j->target.name);
    return -EPERM;
}

static int look(const struct trn_act_tools *t, const struct trn_act_request *q, struct job *j, struct trn_err *err)
{
    *j = (struct job){0};
    int r = trn_package_tools_here(err);
    if (r == 0)
        r = meant(q, j, err);
    if (r == 0)
        r = trn_package_facts_of(j->target.name, &j->facts, err);
    if (r < 0)
        return r;
    snprintf(j->r.name, sizeof j->r.name, "%s", j->target.name);
    snprintf(j->r.arch, sizeof j->r.arch, "%s", j->facts.arch);
    snprintf(j->r.from, sizeof j->r.from, "%s", j->facts.version);
    r = refuse_state(j, err);
    if (r == 0)
        r = trn_package_wait_idle(0, err);
    if (r == 0 && is_rollback(q))
        return refuse_version(j, err);
    if (r == 0)
        r = trn_package_files(t, &j->r, err);
    return r == 0 ? refuse_needed(j, err) : r;
}

/* ---- plan ---- */

static void plan_scripts(const struct trn_act_request *q, const struct job *j, struct trn_buf *out)
{
    struct trn_buf names = trn_package_script_names(j->r.name, j->r.arch);
    if (names.n == 0)
        trn_put_fmt(out, "%s has no scripts of its own\n", j->r.from);
    else if (q->flags & TRN_ACT_RUN_SCRIPTS)
        trn_put_fmt(out, "the scripts of %s run as root, as ordered: %s\n", j->r.from, names.p);
    else
        trn_put_fmt(out, "the scripts of %s do not run, they are set aside: %s\n", j->r.from, names.p);
    if (is_rollback(q))
        trn_put_fmt(out, "the scripts of %s run; configuration files that were changed here stay as they are\n",
                    j->r.to);
    else
        trn_put_c(out, "its configuration files stay\n");
    trn_put_c(out, "triggers of other packages run as after every change of a package\n");
    trn_buf_done(&names);
}

static void plan_undo(const struct job *j, struct trn_buf *out)
{
    char what[600];
    struct trn_err none = {0};
    if (trn_package_find(j->r.name, j->r.arch, j->r.from, what, sizeof what, NULL, &none) == 0)
        trn_put_fmt(out, "undo installs %s again, with its scripts: %s\n", j->r.from, what);
    else
        trn_put_fmt(out, "undo cannot install %s again: no .deb of it is to be had here\n", j->r.from);
}

static int plan(const struct trn_act_tools *t, const struct trn_act_request *q, struct trn_buf *out,
                struct trn_err *err)
{
    struct job j;
    TRN_AUTO(trn_buf_done) struct trn_buf said = {0};
    int r = look(t, q, &j, err), code = 0;
    if (r < 0)
        return r;
    if (is_rollback(q)) {
        trn_buf_init(&said, TRN_PACKAGE_OUTPUT);
        r = trn_package_find(j.r.name, j.r.arch, j.r.to, j.what, sizeof j.what, &said, err);
        if (r < 0)
            return r;
        trn_put_fmt(out, "rolls %s (%s) back from %s to %s, by apt: %s\n", j.r.name, j.r.arch, j.r.from, j.r.to,
                    j.what);
    } else {
        struct trn_package_argv a;
        trn_package_argv_simulate(&a, "remove", j.r.name);
        r = trn_package_ask(&a, true, &said, &code, err);
        if (r < 0)
            return r;
        trn_put_fmt(out, "removes %s %s (%s), by dpkg", j.r.name, j.r.from, j.r.arch);
        for (uint32_t i = 0; i < j.target.n_others; i++)
            trn_put_fmt(out, "%s%s", i ? ", " : "; and as ordered ", j.target.others[i]);
        trn_put_c(out, j.target.n_others ? ", whose scripts run\n" : "\n");
    }
    trn_package_put_steps(out, trn_buf_str(&said), 20);
    plan_scripts(q, &j, out);
    trn_put_fmt(out, "apt does not take %s again, other versions may come\n", j.r.from);
    plan_undo(&j, out);
    trn_put_c(out, "what runs of it goes on until it is stopped\n");
    return 0;
}

/* ---- doing ---- */

static int pin(const struct trn_package_record *r, uint64_t id, struct trn_err *err)
{
    char path[300];
    TRN_AUTO(trn_buf_done) struct trn_buf text;
    trn_buf_init(&text, 1024);
    trn_package_pin_path(path, sizeof path, r->name, id);
    trn_package_pin_text(&text, r->name, r->from, id);
    return trn_write_file_atomic(path, trn_buf_str(&text), 0644, err);
}

static int unpin(const struct trn_package_record *r, uint64_t id, struct trn_err *err)
{
    char path[300];
    trn_package_pin_path(path, sizeof path, r->name, id);
    if (unlink(path) < 0 && errno != ENOENT)
        return trn_fail(err, -errno, "cannot remove '%s': %s", path, trn_errno_name(-errno));
    return 0;
}

static int set_keep(struct trn_act *a, const struct trn_package_record *r)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, TRN_ACT_KEEP_MAX);
    trn_package_record_encode(r, &b);
    struct trn_str kept = b.bad ? TRN_STR_NONE : trn_arena_str(a->arena, trn_buf_str(&b));
    if (trn_str_is_none(kept))
        return -ENOMEM;
    a->keep = kept;
    return 0;
}

/*
 * Nobody works for this action any more: what has come of it? 0: it took, or is half done (check says so); -ECANCELED:
 * the suspected version is there as before, its scripts are back, nothing keeps it away.
 */
static int settle(const struct trn_act_tools *t, struct trn_act *a, int place, const struct trn_package_record *r,
                  struct trn_err *err)
{
    struct trn_package_facts f;
    int code = trn_package_facts_of(r->name, &f, err);
    if (code < 0)
        return code;
    if (f.state == TRN_PACKAGE_WHOLE && strcmp(f.version, r->from) == 0) {
        code = trn_package_put_back(place, r->name, r->arch, err);
        if (code == 0)
            code = unpin(r, a->id, err);
        if (code < 0)
            return code;
        trn_package_place_drop(t, a->id);
        return -ECANCELED;
    }
    code = set_keep(a, r);
    if (code == 0)
        code = trn_package_record_settled(place);
    return code ? trn_fail(err, code, "cannot write down what was done: %s", trn_errno_name(code)) : 0;
}

/* One step of dpkg or apt, its words behind those of the step before. An exit code above 0 is -EREMOTEIO. */
static int step(const struct trn_act *a, struct trn_package_argv *argv, const char *name, int place,
                struct trn_buf *ret_complaint, struct trn_err *err)
{
    TRN_AUTO(trn_fd_closep) int out = trn_package_output(place, err);
    int code = 0;
    if (out < 0)
        return out;
    if (access("/run/systemd/system", F_OK) == 0)
        trn_package_argv_in_unit(argv, a->id, name, TRN_PACKAGE_ACT_SEC);
    int r = trn_package_run(argv, out, true, TRN_PACKAGE_ACT_SEC + 30, &code, err);
    if (r == 0 && code == 0)
        return 0;
    TRN_AUTO(trn_buf_done) struct trn_buf said;
    trn_package_tail(out, &said);
    trn_buf_clear(ret_complaint);
    if (r < 0 && err)
        trn_put_fmt(ret_complaint, "%s; ", err->message);
    trn_package_put_complaint(ret_complaint, trn_buf_str(&said), 220);
    return r < 0 ? r : -EREMOTEIO;
}

static int install(const struct trn_act *a, const char *what, int place, struct trn_buf *complaint, struct trn_err *err)
{
    struct trn_package_argv argv;
    trn_package_argv_install(&argv, what, TRN_PACKAGE_INSTALL);
    return step(a, &argv, "", place, complaint, err);
}

/* Everything that must be at hand is, before anything is changed. */
static int fetch(const struct trn_act *a, const char *what, int place, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf complaint;
    struct trn_package_argv argv;
    trn_buf_init(&complaint, 2 * TEXT);
    trn_package_argv_install(&argv, what, TRN_PACKAGE_DOWNLOAD);
    int r = step(a, &argv, "-fetch", place, &complaint, err);
    if (r == -EREMOTEIO)
        trn_fail(err, r, "apt cannot fetch '%s': %.*s", what, TRN_STR_ARG(trn_buf_str(&complaint)));
    return r;
}

static int prepare(struct trn_act *a, struct job *j, int place, struct trn_err *err)
{
    int r = 0;
    if (is_rollback(&a->q)) {
        r = trn_package_find(j->r.name, j->r.arch, j->r.to, j->what, sizeof j->what, NULL, err);
        if (r == 0)
            r = fetch(a, j->what, place, err);
    }
    if (r == 0)
        r = trn_package_record_write(place, &j->r, err);
    if (r < 0)
        return r;
    r = pin(&j->r, a->id, err);
    if (r == 0 && !(a->q.flags & TRN_ACT_RUN_SCRIPTS))
        r = trn_package_aside(place, j->r.name, j->r.arch, err);
    if (r < 0)
        (void)unpin(&j->r, a->id, NULL);
    return r;
}

static int done_text(const struct trn_act *a, const struct trn_package_record *r, int failed,
                     const struct trn_buf *complaint, struct trn_buf *out)
{
    if (failed)
        trn_put_fmt(out, "dpkg did not finish: %.*s", TRN_STR_ARG(trn_buf_str(complaint)));
    else if (r->to[0])
        trn_put_fmt(out, "%s is rolled back from %s to %s", r->name, r->from, r->to);
    else
        trn_put_fmt(out, "%s %s is removed", r->name, r->from);
    trn_put_fmt(out, "; %s", a->q.flags & TRN_ACT_RUN_SCRIPTS ? "its scripts may have run" : "its scripts did not run");
    trn_put_fmt(out, "; apt does not take %s again", r->from);
    return 0;
}

static int carry_out(const struct trn_act_tools *t, struct trn_act *a, struct job *j, int place, struct trn_buf *did,
                     struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf complaint;
    trn_buf_init(&complaint, 2 * TEXT);
    int r = prepare(a, j, place, err);
    if (r < 0) {
        if (trn_package_put_back(place, j->r.name, j->r.arch, NULL) == 0)
            trn_package_place_drop(t, a->id); /* otherwise the only copy of a script would go */
        return r;
    }
    int failed;
    if (is_rollback(&a->q))
        failed = install(a, j->what, place, &complaint, err);
    else {
        struct trn_package_argv argv;
        trn_package_argv_remove(&argv, &j->target, false);
        failed = step(a, &argv, "", place, &complaint, err);
    }
    /* apt may have been killed while its dpkg goes on: what is true is known when the last of them is gone. */
    r = trn_package_wait_output(place, SETTLE_SEC, err);
    if (r == 0)
        r = settle(t, a, place, &j->r, err);
    else
        (void)set_keep(a, &j->r); /* it still works: the record stays, check settles it */
    if (r == -ECANCELED) {
        trn_fail(err, -ECANCELED, "%s %s is as it was: %.*s", j->r.name, j->r.from,
                 TRN_STR_ARG(trn_buf_str(&complaint)));
        trn_hint(err, "%s",
                 a->q.flags & TRN_ACT_RUN_SCRIPTS ? "without --run-scripts its own scripts cannot refuse"
                                                  : "put right what dpkg says, then try again");
        return r;
    }
    if (r < 0 && r != -EBUSY)
        return r;
    return done_text(a, &j->r, failed, &complaint, did);
}

static int act(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *did, struct trn_err *err)
{
    struct job j;
    int r = trn_package_wait_idle(IDLE_SEC, err);
    if (r == 0)
        r = look(t, &a->q, &j, err); /* once more: some time has gone by since the plan */
    if (r < 0)
        return r;
    TRN_AUTO(trn_fd_closep) int place = trn_package_place(t, a->id, true, err);
    return place < 0 ? place : carry_out(t, a, &j, place, did, err);
}

/* ---- trying whether it took ---- */

/* What an earlier turncoatd left unfinished, or did not come to write into the journal. 0 also when there is nothing.
 * -EAGAIN: its dpkg still works. */
static int finish_earlier(const struct trn_act_tools *t, struct trn_act *a, struct trn_err *err)
{
    struct trn_package_record r;
    TRN_AUTO(trn_fd_closep) int place = trn_package_place(t, a->id, false, NULL);
    if (place < 0)
        return 0;
    if (trn_package_record_read(place, false, &r) < 0)
        return a->keep.n == 0 && trn_package_record_read(place, true, &r) == 0 ? set_keep(a, &r) : 0;
    int code = trn_package_wait_output(place, 0, err);
    if (code < 0)
        return code == -EBUSY ? -EAGAIN : code;
    code = settle(t, a, place, &r, err);
    if (code == -ECANCELED)
        trn_fail(err, code, "turncoatd was stopped before dpkg changed '%s': it is as it was", r.name);
    return code;
}

static int is_away(const struct trn_package_record *r, const char *verb, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf said = {0};
    struct trn_package_argv a;
    int code = 0;
    trn_package_argv_simulate(&a, verb, r->to[0] ? NULL : r->name);
    int c = trn_package_ask(&a, true, &said, &code, err);
    if (c == 0 && trn_package_would_install(trn_buf_str(&said), trn_package_bare(r->name), trn_str_of(r->from)))
        c = trn_fail(err, -EEXIST, "apt would install '%s' %s again", r->name, r->from);
    return c;
}

static int check_state(const struct trn_package_record *r, struct trn_err *err)
{
    struct trn_package_facts f;
    int c = trn_package_facts_of(r->name, &f, err);
    if (c < 0)
        return c;
    if (f.state == TRN_PACKAGE_UNPACKED || f.state == TRN_PACKAGE_HALF) {
        trn_package_repair(r, &f, err);
        return -EUCLEAN;
    }
    if (f.state == TRN_PACKAGE_WHOLE && strcmp(f.version, r->from) == 0)
        return trn_fail(err, -EEXIST, "'%s' %s is installed again", r->name, r->from);
    if (r->to[0] && (f.state != TRN_PACKAGE_WHOLE || strcmp(f.version, r->to) != 0))
        return trn_fail(err, -ENOENT, "'%s' is not at %s, but %s %s", r->name, r->to, f.status, f.version);
    for (uint32_t i = 0; f.state == TRN_PACKAGE_ABSENT && i < r->n_samples; i++)
        if (access(r->samples[i], F_OK) == 0) {
            char shown[256];
            return trn_fail(err, -EEXIST, "'%s' of it is still there",
                            trn_escape_into(shown, sizeof shown, trn_str_of(r->samples[i])));
        }
    return 0;
}

static int check(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *seen, struct trn_err *err)
{
    struct trn_package_record r;
    int c = finish_earlier(t, a, err);
    if (c < 0)
        return c;
    if (trn_package_record_decode(a->keep, &r) < 0)
        return trn_fail(err, -EBADMSG, "what was kept for action %llu cannot be read", (unsigned long long)a->id);
    c = check_state(&r, err);
    if (c == 0)
        c = is_away(&r, r.to[0] ? "upgrade" : "install", err);
    if (c < 0)
        return c;
    if (r.to[0])
        trn_put_fmt(seen, "dpkg has %s at %s; an upgrade does not bring %s back", r.name, r.to, r.from);
    else
        trn_put_fmt(seen, "dpkg has no %s, its files are gone; apt does not bring %s back", r.name, r.from);
    return 0;
}

/* ---- taking it back ---- */

static int undo_install(const struct trn_act_tools *t, struct trn_act *a, const struct trn_package_record *r,
                        const char *what, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf complaint;
    struct trn_package_facts f;
    trn_buf_init(&complaint, 2 * TEXT);
    TRN_AUTO(trn_fd_closep) int place = trn_package_place(t, a->id, true, err);
    if (place < 0)
        return place;
    int c = fetch(a, what, place, err);
    if (c < 0)
        return c;
    (void)install(a, what, place, &complaint, err);
    c = trn_package_wait_output(place, SETTLE_SEC, err);
    if (c == 0)
        c = trn_package_facts_of(r->name, &f, err);
    if (c < 0)
        return c;
    if (f.state != TRN_PACKAGE_WHOLE || strcmp(f.version, r->from) != 0) {
        trn_fail(err, -EREMOTEIO, "'%s' %s could not be installed again, it is %s: %.*s", r->name, r->from, f.status,
                 TRN_STR_ARG(trn_buf_str(&complaint)));
        trn_hint(err, "put right what dpkg says (dpkg --audit), then undo again");
        return -EREMOTEIO;
    }
    return 0;
}

/* The version comes first and the pin goes last: stopped in between, it is still kept away, and undo can be had again. */
static int undo(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *did, struct trn_err *err)
{
    struct trn_package_record r;
    struct trn_package_facts f;
    char what[600];
    int c = finish_earlier(t, a, err);
    if (c < 0 && c != -ECANCELED)
        return c;
    if (trn_package_record_decode(a->keep, &r) < 0)
        return trn_fail(err, -EBADMSG, "what was kept for action %llu cannot be read", (unsigned long long)a->id);
    c = trn_package_wait_idle(IDLE_SEC, err);
    if (c == 0)
        c = trn_package_facts_of(r.name, &f, err);
    if (c < 0)
        return c;
    bool other = r.to[0] ? f.state == TRN_PACKAGE_ABSENT || strcmp(f.version, r.to) != 0 : f.state == TRN_PACKAGE_WHOLE;
    int found = other ? -EEXIST : trn_package_find(r.name, r.arch, r.from, what, sizeof what, NULL, err);
    if (found < 0 && found != -EEXIST && (r.to[0] || found != -ENOENT))
        return found;
    if (found == 0)
        c = undo_install(t, a, &r, what, err);
    if (c == 0)
        c = unpin(&r, a->id, err);
    if (c < 0)
        return c;
    if (other)
        trn_put_fmt(did, "%s %s is %s; nothing is kept away any more", r.name, f.version, f.status);
    else if (found == 0)
        trn_put_fmt(did, "%s %s is installed again, with its scripts", r.name, r.from);
    else
        trn_put_fmt(did, "%s %s may be installed again, but no .deb of it is to be had here: %s is not back", r.name,
                    r.from, r.name);
    trn_package_place_drop(t, a->id);
    return 0;
}

static int resume(const struct trn_act_tools *t, struct trn_act *a, struct trn_err *err)
{
    struct trn_package_record r;
    int c = finish_earlier(t, a, err);
    if (c < 0)
        return c == -EAGAIN ? 0 : c; /* its dpkg goes on by itself: check waits for it */
    if (trn_package_record_decode(a->keep, &r) < 0)
        return trn_fail(err, -ECANCELED, "turncoatd was stopped before dpkg was asked: nothing was changed");
    return pin(&r, a->id, err);
}

const struct trn_act_ops trn_act_remove = {
    .kind = TRN_RESPOND_REMOVE,
    .slow = true,
    .survives = true,
    .plan = plan,
    .act = act,
    .check = check,
    .undo = undo,
    .resume = resume,
};

const struct trn_act_ops trn_act_rollback = {
    .kind = TRN_RESPOND_ROLLBACK,
    .slow = true,
    .survives = true,
    .plan = plan,
    .act = act,
    .check = check,
    .undo = undo,
    .resume = resume,
};
