/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what the gate found in an update, before it was unpacked, or a scan or diff in what is installed, as findings about
 * that version: they open its story.
 * Must not: weigh more than the check does (but for one thing: what is suspicious as a whole is a stage, however small its
 * parts), or tell what is no finding about a file.
 * Nobody acts yet: the finding has no process. The story joins by name, version and origin (src/story/join.c).
 */
#include "detect/internal.h"

#define A_STAGE 25 /* what counts as a stage of an attack (src/story) */
#define A_PART 10  /* less is no part of what makes a release suspicious */

/* A check about files; the others tell what somebody does. */
static bool is_about_files(const struct trn_check *c)
{
    return c && c->category != TRN_CATEGORY_NONE;
}

/* Many small things make a release suspicious, too, and then that is what its later behaviour is seen with. */
static void weigh(const struct trn_ev_brought *b, struct trn_finding *f, struct trn_arena *a)
{
    enum trn_verdict verdict = TRN_VERDICT_CLEAN;
    f->score = (uint16_t)TRN_MIN(b->score, (uint64_t)f->check->score);
    if (trn_verdict_parse(b->verdict, &verdict) < 0 || verdict < TRN_VERDICT_SUSPICIOUS || f->score >= A_STAGE ||
        f->score < A_PART)
        return;
    trn_finding_add(f, "weight", trn_arena_printf(a, "%u by itself; suspicious with all that was found", f->score));
    f->score = A_STAGE;
}

/* An installed file by its whole path, or something in a package. */
static void add_place(const struct trn_ev_brought *b, struct trn_finding *f)
{
    bool file = b->path.n && b->path.p[0] == '/';
    ptrdiff_t member = trn_str_find(b->path, '!');
    trn_finding_add(f, "member", b->path);
    trn_finding_add(f, "compared_with", b->from);
    trn_finding_add(f, "found_by", b->by);
    if (file)
        trn_finding_add(f, "path", member > 0 ? trn_str_slice(b->path, 0, (size_t)member) : b->path);
    trn_finding_add(f, file ? "sha256" : "package_sha256", b->sha256);
    trn_finding_add(f, file ? "file_verdict" : "package_verdict", b->verdict);
}

int trn_brought_push(const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    const struct trn_ev_brought *b = &ev->brought;
    const struct trn_check *check = ev->type == TRN_EV_BROUGHT ? trn_check_find(b->check) : NULL;
    struct trn_finding f;
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = NULL;
    enum trn_origin origin = TRN_ORIGIN_DPKG;
    if (!is_about_files(check) || b->name.n == 0 || b->version.n == 0)
        return 0;
    a = trn_arena_new(65536);
    if (!a)
        return -ENOMEM;
    trn_finding_init(&f, check);
    f.boot_ns = ev->boot_ns;
    f.wall_ns = ev->wall_ns;
    f.telemetry = TRN_TEL_ARTIFACT;
    if (b->origin.n && trn_origin_parse(b->origin, &origin) < 0)
        origin = TRN_ORIGIN_UNKNOWN;
    f.software = (struct trn_software){.name = b->name, .version = b->version, .origin = origin};
    weigh(b, &f, a);
    f.summary = b->path.n
                    ? trn_arena_printf(a, "%.*s: %.*s", TRN_STR_ARG(trn_path_base(b->path)), TRN_STR_ARG(b->summary))
                    : b->summary; /* both were escaped by who told them; the edges of output do it once more */
    trn_finding_event(&f, ev->seq);
    add_place(b, &f);
    if (trn_str_ends(trn_str_of(check->id), TRN_STR(".*"))) /* of a family: which one of it */
        trn_finding_add(&f, "rule", trn_str_slice(b->check, strlen(check->id) - 1, b->check.n));
    /* The comparison asks for a structural proof or two independent kinds of evidence before it says so. */
    if (trn_str_eq_c(b->verdict, "malicious") && f.score >= 80 && check->stage == TRN_STAGE_RELEASE_CHANGE)
        trn_finding_add(&f, "impossible",
                        b->from.n ? TRN_STR("no vendor changes a release in this way")
                                  : TRN_STR("no vendor ships a file like this"));
    uint64_t salt = trn_hash64_mix(trn_hash64_str(b->name), trn_hash64_str(b->version));
    return trn_report(ctx, &f, trn_hash64_mix(salt, trn_hash64_str(b->path)));
}
