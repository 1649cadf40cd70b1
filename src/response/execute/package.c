/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: "remove" (a package, and keep that version away) and "rollback" (to an earlier version), by dpkg and apt.
 *
 *   look -> record -> pin -> scripts aside -> dpkg or apt, in a unit of its own -> settle: took / half done / as before
 *
 * Owns: the order of the steps, and what is true after each when the next one does not come.
 * Must not own: what is refused and planned (package_plan.c), texts and words (package_text.c, package_argv.c),
 * programs (package_run.c), looking (package_look.c), the folder of what is set aside (package_aside.c). All of it runs
 * in the executor's slow thread.
 */
#include "response/execute/package.h"

#include <stdio.h>
#include <unistd.h>

#define IDLE_SEC 30u
#define SETTLE_SEC 60u
#define TEXT 400u

static bool is_rollback(const struct trn_act_request *q)
{
    return q->act == TRN_RESPOND_ROLLBACK;
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
    struct trn_package_facts f = {0};
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
    TRN_AUTO(trn_buf_done) struct trn_buf complaint = {0};
    struct trn_package_argv argv;
    trn_buf_init(&complaint, 2 * TEXT);
    trn_package_argv_install(&argv, what, TRN_PACKAGE_DOWNLOAD);
    int r = step(a, &argv, "-fetch", place, &complaint, err);
    if (r == -EREMOTEIO)
        trn_fail(err, r, "apt cannot fetch '%s': %.*s", what, TRN_STR_ARG(trn_buf_str(&complaint)));
    return r;
}

static int prepare(struct trn_act *a, struct trn_package_job *j, int place, struct trn_err *err)
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

static int carry_out(const struct trn_act_tools *t, struct trn_act *a, struct trn_package_job *j, int place,
                     struct trn_buf *did, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf complaint = {0};
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
    struct trn_package_job j = {0};
    int r = trn_package_wait_idle(IDLE_SEC, err);
    if (r == 0)
        r = trn_package_look(t, &a->q, &j, err); /* once more: some time has gone by since the plan */
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
    struct trn_package_record r = {0};
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

/* verb: "install" of it by name, or "upgrade" of everything. */
static int is_away(const struct trn_package_record *r, const char *verb, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf said = {0};
    struct trn_package_argv a;
    int code = 0;
    trn_package_argv_simulate(&a, verb, strcmp(verb, "install") == 0 ? r->name : NULL);
    int c = trn_package_ask(&a, true, &said, &code, err);
    if (c == 0 && trn_package_would_install(trn_buf_str(&said), trn_package_bare(r->name), trn_str_of(r->from)))
        c = trn_fail(err, -EEXIST, "apt would install '%s' %s again", r->name, r->from);
    return c;
}

/* resumed: a newer version may have come since, as it should. */
static int check_state(const struct trn_package_record *r, bool resumed, struct trn_package_facts *f,
                       struct trn_err *err)
{
    int c = trn_package_facts_of(r->name, f, err);
    if (c < 0)
        return c;
    bool is_to = r->to[0] && strcmp(f->version, r->to) == 0, whole = f->state == TRN_PACKAGE_WHOLE;
    if (f->state == TRN_PACKAGE_UNPACKED || f->state == TRN_PACKAGE_HALF) {
        trn_package_repair(r, f, err);
        return -EUCLEAN;
    }
    if (whole && strcmp(f->version, r->from) == 0)
        return trn_fail(err, -EEXIST, "'%s' %s is installed again", r->name, r->from);
    if (r->to[0] && !resumed && !(whole && is_to))
        return trn_fail(err, -ENOENT, "'%s' is not at %s, but %s %s", r->name, r->to, f->status, f->version);
    for (uint32_t i = 0; f->state == TRN_PACKAGE_ABSENT && i < r->n_samples; i++)
        if (access(r->samples[i], F_OK) == 0) {
            char shown[256];
            return trn_fail(err, -EEXIST, "'%s' of it is still there",
                            trn_escape_into(shown, sizeof shown, trn_str_of(r->samples[i])));
        }
    return 0;
}

static int check(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *seen, struct trn_err *err)
{
    struct trn_package_record r = {0};
    struct trn_package_facts f = {0};
    int c = finish_earlier(t, a, err);
    if (c < 0)
        return c;
    if (trn_package_record_decode(a->keep, &r) < 0)
        return trn_fail(err, -EBADMSG, "what was kept for action %llu cannot be read", (unsigned long long)a->id);
    c = check_state(&r, a->resumed, &f, err);
    bool there = c == 0 && f.state == TRN_PACKAGE_WHOLE;
    if (c == 0)
        c = is_away(&r, there ? "upgrade" : "install", err);
    if (c < 0)
        return c;
    if (there)
        trn_put_fmt(seen, "dpkg has %s at %s; an upgrade does not bring %s back", r.name, f.version, r.from);
    else
        trn_put_fmt(seen, "dpkg has no %s, its files are gone; apt does not bring %s back", r.name, r.from);
    return 0;
}

/* ---- taking it back ---- */

static int undo_install(const struct trn_act_tools *t, struct trn_act *a, const struct trn_package_record *r,
                        const char *what, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf complaint = {0};
    struct trn_package_facts f = {0};
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
    struct trn_package_record r = {0};
    struct trn_package_facts f = {0};
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
    if (other || found == 0) /* otherwise what is set aside is the last that is left of it */
        trn_package_place_drop(t, a->id);
    return 0;
}

/* In the slow thread: it may wait for a dpkg that was started before turncoatd was. */
static int resume(const struct trn_act_tools *t, struct trn_act *a, struct trn_err *err)
{
    struct trn_package_record r = {0};
    int c;
    for (uint64_t until = trn_mono_ns() + SETTLE_SEC * TRN_NS_PER_SEC; (c = finish_earlier(t, a, err)) == -EAGAIN;) {
        if (trn_mono_ns() > until)
            return 0; /* check goes on asking, and then says so */
        usleep(100 * 1000);
    }
    if (c < 0)
        return c;
    if (trn_package_record_decode(a->keep, &r) < 0) {
        trn_package_place_drop(t, a->id);
        return trn_fail(err, -ECANCELED, "turncoatd was stopped before dpkg was asked: nothing was changed");
    }
    return pin(&r, a->id, err);
}

const struct trn_act_ops trn_act_remove = {
    .kind = TRN_RESPOND_REMOVE,
    .slow = true,
    .survives = true,
    .plan = trn_package_plan,
    .act = act,
    .check = check,
    .undo = undo,
    .resume = resume,
};

const struct trn_act_ops trn_act_rollback = {
    .kind = TRN_RESPOND_ROLLBACK,
    .slow = true,
    .survives = true,
    .plan = trn_package_plan,
    .act = act,
    .check = check,
    .undo = undo,
    .resume = resume,
};
