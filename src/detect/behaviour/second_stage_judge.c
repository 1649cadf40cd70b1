/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the weight and the words of behaviour.second-stage for one use of one file. The whole weight is for software
 * that fetched the file and ran it itself, outside any package. A person who runs what was just fetched or built, a
 * package manager at its own business, a file that its package vouches for: a low note or nothing.
 * Must not: go by names alone; the table of installers only lowers, and only for unmodified packages.
 */
#include "detect/behaviour/behaviour.h"

#define SCORE_SESSION 20
#define SCORE_OTHER 20
#define SCORE_INSTALLER 15
#define SCORE_OWN_TOOL 35 /* a program outside any package that a person started by hand, and that talked itself */

struct verdict {
    const struct trn_entity *runner; /* who acts; NULL: a session, or gone */
    struct trn_software software;    /* whom it is about */
    uint64_t acting;
    uint16_t score;
    const char *because; /* one of a few words for the evidence */
};

const struct trn_identity *trn_use_identity(const struct trn_process_table *t, const struct trn_use *use,
                                            const struct trn_written *w)
{
    const struct trn_identity *id = trn_process_identity(t, &use->key);
    if (!id)
        id = trn_process_identity(t, &w->file);
    if (!id && use->how == TRN_USE_SCRIPT) {
        const struct trn_entity *e = trn_process_get(t, use->entity);
        /* only while it still runs the script that was meant */
        if (e && trn_hash64_str(e->image.script) == use->path_hash)
            id = e->image.script_identity;
    }
    return id;
}

/* Who ran it: the software that acted before the exec; the writer's when a process replaced itself. */
static const struct trn_entity *runner_of(const struct trn_detect_ctx *ctx, const struct trn_use *use,
                                          const struct trn_written *w, bool *ret_session)
{
    const struct trn_entity *e = trn_process_get(ctx->processes, use->entity);
    const struct trn_entity *runner = NULL;
    *ret_session = true;
    if (!e)
        return NULL;
    if (use->how == TRN_USE_LOAD) {
        runner = trn_process_acting(ctx->processes, e);
        *ret_session = e->session_only;
    } else {
        runner = trn_process_starter(ctx->processes, e, ret_session);
        if (!runner && w->writer == use->entity && w->acting)
            runner = trn_process_get(ctx->processes, w->acting);
    }
    return runner;
}

/* Both halves of the deed are one software's: written by its own tree, or by what it had put there before. */
static bool is_own(const struct trn_detect_ctx *ctx, const struct trn_entity *runner,
                   const struct trn_software *software, const struct trn_written *w)
{
    if (w->flags & TRN_WRITTEN_SESSION)
        return false;
    if (runner->id == w->acting || trn_same_software(software, &w->software))
        return true;
    return (w->software.origin == TRN_ORIGIN_MANUAL && w->acting &&
            trn_process_is_above(ctx->processes, runner->id, w->acting)) ||
           (software->origin == TRN_ORIGIN_MANUAL && w->acting &&
            trn_process_is_above(ctx->processes, w->acting, runner->id));
}

static void judge_runner(const struct trn_detect_ctx *ctx, const struct trn_check *check, const struct trn_written *w,
                         struct verdict *v)
{
    v->acting = v->runner->id;
    trn_process_software(v->runner, &v->software);
    bool by_hand = v->software.origin == TRN_ORIGIN_MANUAL && trn_started_by_session(ctx->processes, v->runner);
    if (trn_is_installer(&v->software)) {
        v->score = SCORE_INSTALLER;
        v->because = "installer";
    } else if (!is_own(ctx, v->runner, &v->software, w)) {
        v->score = SCORE_OTHER;
        v->because = "written by other software";
    } else if (by_hand) {
        v->score = w->flags & TRN_WRITTEN_TALKED ? SCORE_OWN_TOOL : SCORE_SESSION;
        v->because = "started by hand";
    } else {
        v->score = check->score;
        v->because = "fetched and ran it itself";
    }
}

/* Nobody acts at the moment of the exec: a service manager, cron, a login, or a prompt started it. */
static void judge_nobody(const struct trn_check *check, const struct trn_identity *id, const struct trn_written *w,
                         bool session, struct verdict *v)
{
    if (!session && !(w->flags & TRN_WRITTEN_SESSION) && !trn_is_installer(&w->software)) {
        v->software = w->software;
        v->acting = w->acting;
        v->score = check->score;
        v->because = "put there to be started by the system";
        return;
    }
    v->software = (struct trn_software){.origin = TRN_ORIGIN_MANUAL};
    if (id && !trn_str_is_empty(id->software.name))
        v->software = id->software;
    else
        v->software.name = trn_path_base(w->path);
    v->score = SCORE_SESSION;
    v->because = "started by hand";
}

/* 0: the package vouches for the file, nothing to tell. */
static uint16_t package_limit(const struct trn_identity *id, const struct trn_written *w, uint16_t score, bool own)
{
    if (!id)
        return score;
    uint32_t flags = id->software.flags;
    bool system = id->software.origin == TRN_ORIGIN_DPKG || id->software.origin == TRN_ORIGIN_RPM;
    if ((flags & TRN_SW_UNPACKED) || (system && !(flags & TRN_SW_MODIFIED) && (flags & TRN_SW_MODIFIED_KNOWN)))
        return 0;
    if (system && !(flags & TRN_SW_MODIFIED))
        return TRN_MIN(score, (uint16_t)SCORE_INSTALLER);
    /* npm and Python places are told by path, which the writer chooses: they excuse others only. */
    bool place = id->software.origin == TRN_ORIGIN_NPM || id->software.origin == TRN_ORIGIN_PYTHON;
    if (place && !own)
        return trn_is_installer(&w->software) ? 0 : TRN_MIN(score, (uint16_t)SCORE_INSTALLER);
    return score;
}

static void put_hash(struct trn_buf *b, const struct trn_identity *id)
{
    if (!id || trn_sha256_is_none(id->sha256))
        return;
    trn_put_c(b, " (sha256 ");
    trn_put_hex(b, id->sha256, 2);
    trn_put_c(b, "…)");
}

static const char *const unnamed_words[] = {"", "a memory file", "a deleted file", "code from a descriptor"};

static void put_summary(struct trn_buf *b, const struct trn_use *use, const struct trn_written *w,
                        const struct trn_identity *id, bool own, uint64_t delay)
{
    const char *did = use->how == TRN_USE_LOAD ? "loaded" : "ran";
    if (use->unnamed) {
        trn_put_fmt(b, "%s %s", did, unnamed_words[use->unnamed]);
        if (use->unnamed == TRN_UNNAMED_DELETED) {
            trn_put_c(b, ", ");
            trn_put_path(b, w->path);
        }
        put_hash(b, id);
        trn_put_c(b, use->unnamed == TRN_UNNAMED_DELETED ? ", after it had talked to " : " after it had talked to ");
        trn_escape(b, w->remote);
        return;
    }
    if (own) {
        trn_put_c(b, "wrote ");
        trn_put_path(b, w->path);
        put_hash(b, id);
        trn_put_fmt(b, ", %s it ", did);
        trn_put_span(b, delay);
        trn_put_c(b, " later");
        return;
    }
    trn_put_fmt(b, "%s ", did);
    trn_put_path(b, w->path);
    put_hash(b, id);
    trn_put_c(b, ", written by ");
    trn_put_software(b, &w->software);
    trn_put_c(b, " ");
    trn_put_span(b, delay);
    trn_put_c(b, " before");
}

static void add_evidence(struct trn_finding *f, struct trn_arena *a, const struct trn_use *use,
                         const struct trn_written *w, const struct trn_identity *id, const struct verdict *v)
{
    static const char *const how[] = {"executed", "run as a script", "mapped executable"};
    uint64_t delay = use->wall_ns > w->wall_ns ? use->wall_ns - w->wall_ns : 0;
    char sha256[2 * TRN_SHA256_SIZE + 1];
    trn_finding_add(f, "path", w->path);
    if (id && !trn_sha256_is_none(id->sha256)) {
        trn_hex(id->sha256, TRN_SHA256_SIZE, sha256);
        trn_finding_add(f, "sha256", trn_arena_str(a, trn_str_of(sha256)));
    }
    trn_finding_add(f, "how", trn_str_of(how[use->how]));
    if (use->unnamed)
        trn_finding_add(f, "unnamed", trn_str_of(unnamed_words[use->unnamed]));
    else
        trn_finding_add(f, "delay_ms", trn_arena_printf(a, "%llu", (unsigned long long)(delay / TRN_NS_PER_MS)));
    trn_finding_add(f, "remote", w->remote);
    trn_finding_add(f, "network",
                    trn_str_of(use->unnamed                    ? "who ran it had talked to it"
                               : w->flags & TRN_WRITTEN_TALKED ? "the writer talked to it"
                                                               : "the writer's file came from it"));
    if (!use->unnamed) {
        trn_finding_add(f, "written_by", w->software.name);
        trn_finding_add(f, "written_by_version", w->software.version);
    }
    if (id) {
        trn_finding_add(f, "file_origin", trn_str_of(trn_origin_name(id->software.origin)));
        trn_finding_add(f, "file_kind", id->kind);
    }
    trn_finding_add(f, "weight", trn_str_of(v->because));
    trn_finding_add(f, "file",
                    trn_arena_printf(a, "%llx:%llx", (unsigned long long)w->file.dev, (unsigned long long)w->file.ino));
    trn_finding_add(f, "writer",
                    trn_arena_printf(a, "%016llx", (unsigned long long)(w->acting ? w->acting : w->writer)));
}

int trn_second_stage_judge(const struct trn_detect_ctx *ctx, struct trn_profiles *p, struct trn_seen *seen,
                           const struct trn_use *use, const struct trn_written *w)
{
    const struct trn_check *check = trn_check_find(TRN_STR("behaviour.second-stage"));
    const struct trn_identity *id = trn_use_identity(ctx->processes, use, w);
    struct verdict v = {0};
    bool session;
    if (!check)
        return -ENOENT;
    v.runner = runner_of(ctx, use, w, &session);
    if (v.runner)
        judge_runner(ctx, check, w, &v);
    else
        judge_nobody(check, id, w, session, &v);
    if (v.runner && v.score > SCORE_OTHER)
        v.score = trn_second_stage_excuse(ctx, p, use, w, v.runner, v.score, &v.because);
    bool own = v.acting && (v.runner ? is_own(ctx, v.runner, &v.software, w) : true);
    v.score = package_limit(id, w, v.score, own);
    uint64_t file = trn_hash64_mix(trn_file_inode_hash(&w->file), w->wall_ns);
    if (v.score == 0 ||
        trn_seen_count(seen, trn_hash64_mix(v.acting ? v.acting : trn_hash64_str(v.software.name), file)))
        return 0;

    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(65536);
    TRN_AUTO(trn_buf_done) struct trn_buf text;
    trn_buf_init(&text, 8192);
    if (!a)
        return -ENOMEM;
    struct trn_finding f;
    trn_finding_init(&f, check);
    f.score = v.score;
    f.software = v.software;
    f.acting = v.acting;
    f.entity = use->entity;
    f.boot_ns = use->boot_ns;
    f.wall_ns = use->wall_ns;
    f.telemetry = TRN_TEL_PROCESS | TRN_TEL_FILE | TRN_TEL_NETWORK;
    put_summary(&text, use, w, id, own, use->wall_ns > w->wall_ns ? use->wall_ns - w->wall_ns : 0);
    f.summary = trn_keep(a, &text);
    trn_finding_event(&f, w->seq);
    trn_finding_event(&f, use->seq);
    add_evidence(&f, a, use, w, id, &v);
    return trn_report(ctx, &f, trn_hash64_mix(use->entity, file));
}
