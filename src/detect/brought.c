/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what the gate found in an update, before it was unpacked, as findings about that version: they open its story.
 * Must not: weigh more than the check does, or tell what is no change of a release.
 * Nobody acts yet: the finding has no process. The story joins by name, version and origin (src/story/join.c).
 */
#include "detect/internal.h"

int trn_brought_push(const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    const struct trn_ev_brought *b = &ev->brought;
    const struct trn_check *check = ev->type == TRN_EV_BROUGHT ? trn_check_find(b->check) : NULL;
    struct trn_finding f;
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = NULL;
    if (!check || check->stage != TRN_STAGE_RELEASE_CHANGE || b->name.n == 0 || b->version.n == 0)
        return 0;
    a = trn_arena_new(65536);
    if (!a)
        return -ENOMEM;
    trn_finding_init(&f, check);
    f.boot_ns = ev->boot_ns;
    f.wall_ns = ev->wall_ns;
    f.telemetry = TRN_TEL_ARTIFACT;
    f.software = (struct trn_software){.name = b->name, .version = b->version, .origin = TRN_ORIGIN_DPKG};
    f.score = (uint16_t)TRN_MIN(b->score, (uint64_t)check->score);
    f.summary = b->path.n
                    ? trn_arena_printf(a, "%.*s: %.*s", TRN_STR_ARG(trn_path_base(b->path)), TRN_STR_ARG(b->summary))
                    : b->summary; /* both were escaped by who told them; the edges of output do it once more */
    trn_finding_event(&f, ev->seq);
    trn_finding_add(&f, "member", b->path);
    trn_finding_add(&f, "compared_with", b->from);
    trn_finding_add(&f, "package_sha256", b->sha256);
    trn_finding_add(&f, "package_verdict", b->verdict);
    /* The comparison asks for a structural proof or two independent kinds of evidence before it says so. */
    if (trn_str_eq_c(b->verdict, "malicious") && f.score >= 80)
        trn_finding_add(&f, "impossible", TRN_STR("no vendor changes a release in this way"));
    uint64_t salt = trn_hash64_mix(trn_hash64_str(b->name), trn_hash64_str(b->version));
    return trn_report(ctx, &f, trn_hash64_mix(salt, trn_hash64_str(b->path)));
}
