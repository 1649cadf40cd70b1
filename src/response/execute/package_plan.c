/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what is refused before a package is removed or rolled back, and the lines that say what would be done. Changes
 * nothing (apt may freshen its own cache of the lists).
 * Must not own: doing it (package.c).
 */
#include "response/execute/package.h"

#include <stdio.h>

#define COMPLAINT 200u

static bool is_rollback(const struct trn_act_request *q)
{
    return q->act == TRN_RESPOND_ROLLBACK;
}

/* ---- looking ---- */

static int meant(const struct trn_act_request *q, struct trn_package_job *j, struct trn_err *err)
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

static int refuse_state(const struct trn_package_job *j, struct trn_err *err)
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

static int refuse_version(const struct trn_package_job *j, struct trn_err *err)
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

/* What goes with it is looked at as what is meant. */
static int refuse_other(const struct trn_act_tools *t, const char *name, struct trn_err *err)
{
    struct trn_package_facts f = {0};
    struct trn_package_record files = {0};
    int r = trn_package_facts_of(name, &f, err);
    if (r < 0)
        return r;
    struct trn_str bare = trn_package_bare(name);
    if (f.state != TRN_PACKAGE_WHOLE || f.needed || trn_str_eq_c(bare, "turncoat"))
        return trn_fail(err, -EPERM, "'%s' is not installed, or essential", name);
    snprintf(files.name, sizeof files.name, "%s", name);
    snprintf(files.arch, sizeof files.arch, "%s", f.arch);
    return trn_package_files(t, &files, err);
}

/* dpkg's own answer whether it may go, and alone: no other package needs it. */
static int refuse_needed(const struct trn_act_tools *t, const struct trn_package_job *j, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf said = {0}, text = {0};
    struct trn_package_argv a;
    int code = 0, r = 0;
    trn_buf_init(&text, 2 * COMPLAINT);
    for (uint32_t i = 0; r == 0 && i < j->target.n_others; i++)
        r = refuse_other(t, j->target.others[i], err);
    if (r < 0)
        return r;
    trn_package_argv_remove(&a, &j->target, true);
    r = trn_package_ask(&a, true, &said, &code, err);
    if (r < 0 || code == 0)
        return r;
    trn_package_put_complaint(&text, trn_buf_str(&said), COMPLAINT);
    trn_fail(err, -EPERM, "'%s' cannot be removed alone: %.*s", j->target.name, TRN_STR_ARG(trn_buf_str(&text)));
    trn_hint(err, "to remove others with it, name them: '%s,OTHER'", j->target.name);
    return -EPERM;
}

int trn_package_look(const struct trn_act_tools *t, const struct trn_act_request *q, struct trn_package_job *j,
                     struct trn_err *err)
{
    *j = (struct trn_package_job){0};
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
    return r == 0 ? refuse_needed(t, j, err) : r;
}

/* ---- plan ---- */

static void plan_scripts(const struct trn_act_request *q, const struct trn_package_job *j, struct trn_buf *out)
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

static void plan_undo(const struct trn_package_job *j, struct trn_buf *out)
{
    char what[600];
    struct trn_err none = {0};
    if (trn_package_find(j->r.name, j->r.arch, j->r.from, what, sizeof what, NULL, &none) == 0)
        trn_put_fmt(out, "undo installs %s again, with its scripts: %s\n", j->r.from, what);
    else
        trn_put_fmt(out, "undo cannot install %s again: no .deb of it is to be had here\n", j->r.from);
}

int trn_package_plan(const struct trn_act_tools *t, const struct trn_act_request *q, struct trn_buf *out,
                     struct trn_err *err)
{
    struct trn_package_job j = {0};
    TRN_AUTO(trn_buf_done) struct trn_buf said = {0};
    int r = trn_package_look(t, q, &j, err), code = 0;
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
