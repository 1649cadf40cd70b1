/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what makes a program that fetched a file and ran it less strange: it has always put programs there, it replaces
 * itself, an installer started it, a person did and it is nobody yet, a compiler made the file here, it works in a
 * container that a build started, it is a tool of developers. The profile remembers where a software writes what it then runs. Must not: silence; an excuse leaves
 * a note.
 */
#include "detect/behaviour/behaviour.h"
#include "detect/behaviour/profile.h"
#include "detect/behaviour/template.h"

#define CLIMB 8
#define SCORE_HABIT 15
#define SCORE_INSTALLER 15
#define SCORE_NOTE 20

/* Compilers and linkers, by the package of the very program that wrote the file. */
static bool is_builder(const struct trn_software *s)
{
    static const char *const table[] = {"binutils*", "gcc*", "g++*",  "cpp*",    "clang*",  "llvm*",
                                        "lld*",      "mold", "rustc", "golang*", "openjdk*"};
    bool packaged = s->origin == TRN_ORIGIN_DPKG || s->origin == TRN_ORIGIN_RPM;
    for (size_t i = 0; packaged && !(s->flags & TRN_SW_MODIFIED) && i < TRN_ARRAY_SIZE(table); i++)
        if (trn_glob(trn_str_of(table[i]), s->name, false))
            return true;
    return false;
}

static bool built_here(const struct trn_detect_ctx *ctx, const struct trn_written *w)
{
    const struct trn_entity *writer = trn_process_get(ctx->processes, w->writer);
    struct trn_software s;
    if (!writer)
        return false;
    trn_process_software(writer, &s);
    return is_builder(&s);
}

/* Whose own file may be anybody's to write: an AppImage, a program of no package. */
static bool is_loose(const struct trn_software *s)
{
    return s->origin == TRN_ORIGIN_MANUAL || s->origin == TRN_ORIGIN_APPIMAGE;
}

/* The file took the place of the program that wrote it, or of the one that this was started from. */
static bool replaces_itself(const struct trn_detect_ctx *ctx, const struct trn_entity *runner,
                            const struct trn_written *w)
{
    const struct trn_entity *e = runner;
    for (int i = 0; e && i < CLIMB; i++) {
        struct trn_software s;
        bool session;
        trn_process_software(e, &s);
        if (is_loose(&s) && trn_str_eq(e->image.path, w->path))
            return true;
        e = trn_process_starter(ctx->processes, e, &session);
    }
    return false;
}

/* A version beside the others, in the folder of the program: for what a person started at a prompt only. */
static bool is_sibling(const struct trn_detect_ctx *ctx, const struct trn_entity *runner,
                       const struct trn_software *software, const struct trn_written *w)
{
    return software->origin == TRN_ORIGIN_MANUAL && trn_started_by_session(ctx->processes, runner) &&
           trn_str_eq(trn_path_dir(runner->image.path), trn_path_dir(w->path)) &&
           trn_str_starts(w->path, TRN_STR("/home/"));
}

static bool below_installer(const struct trn_detect_ctx *ctx, const struct trn_entity *runner)
{
    bool session;
    const struct trn_entity *e = trn_process_starter(ctx->processes, runner, &session);
    for (int i = 0; e && i < CLIMB; i++) {
        struct trn_software s;
        trn_process_software(e, &s);
        if (trn_is_installer(&s))
            return true;
        e = trn_process_starter(ctx->processes, e, &session);
    }
    return false;
}

/* Nothing but a shell of the container's base acts: one step of a build, or a job in it. */
static bool is_container_job(const struct trn_detect_ctx *ctx, const struct trn_entity *runner)
{
    static const char *const runtimes[] = {"containerd-shim*", "runc", "crun", "conmon", "docker-init", "tini"};
    const struct trn_entity *parent = runner->parent ? trn_process_get(ctx->processes, runner->parent) : NULL;
    if (!parent || runner->image.role == TRN_ROLE_APPLICATION || runner->mntns == parent->mntns)
        return false;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(runtimes); i++)
        if (trn_glob(trn_str_of(runtimes[i]), trn_path_base(parent->image.path), false))
            return true;
    return false;
}

/* Records the place, and says how new it is; false: no profile. */
static bool ask_place(const struct trn_detect_ctx *ctx, struct trn_profiles *p, const struct trn_entity *runner,
                      const struct trn_use *use, const struct trn_written *w, struct trn_novelty *ret)
{
    struct trn_event ev;
    char text[TRN_TEMPLATE_MAX];
    trn_event_init(&ev, TRN_EV_EXEC);
    ev.seq = use->seq;
    ev.boot_ns = use->boot_ns;
    ev.wall_ns = use->wall_ns;
    return trn_profiles_ask(p, ctx, runner, &ev, TRN_FEATURE_WRITE_EXEC, trn_template_folder(w->path, text), ret) == 0;
}

/* A program of one's own, or of a package manager's that everybody may use. */
static bool is_by_hand(const struct trn_detect_ctx *ctx, const struct trn_entity *runner, const struct trn_software *s)
{
    bool own = s->origin == TRN_ORIGIN_MANUAL || s->origin == TRN_ORIGIN_NPM || s->origin == TRN_ORIGIN_PYTHON;
    return own && trn_started_by_session(ctx->processes, runner);
}

uint16_t trn_second_stage_excuse(const struct trn_detect_ctx *ctx, struct trn_profiles *p, const struct trn_use *use,
                                 const struct trn_written *w, const struct trn_entity *runner, uint16_t score,
                                 const char **ret_because)
{
    struct trn_software s;
    struct trn_novelty n;
    trn_process_software(runner, &s);
    bool known = ask_place(ctx, p, runner, use, w, &n), mature = known && trn_novelty_mature(&n);
    const struct {
        bool holds;
        uint16_t most;
        const char *because;
    } excuses[] = {
        {mature && n.state == TRN_FEATURE_ORDINARY, SCORE_HABIT, "it has always put programs there"},
        {below_installer(ctx, runner), SCORE_INSTALLER, "an installer started it"},
        {replaces_itself(ctx, runner, w), SCORE_NOTE, "it replaced itself"},
        {is_sibling(ctx, runner, &s, w), SCORE_NOTE, "a version beside its own, started by hand"},
        {!mature && is_by_hand(ctx, runner, &s), SCORE_NOTE, "started by hand, without history"},
        {built_here(ctx, w), SCORE_NOTE, "a compiler made it here"},
        {is_container_job(ctx, runner), SCORE_NOTE, "a step of a build in a container"},
        {trn_is_developers(&s), SCORE_NOTE, "a tool of developers"},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(excuses); i++)
        if (excuses[i].holds && excuses[i].most < score) {
            score = excuses[i].most;
            *ret_because = excuses[i].because;
        }
    return score;
}
