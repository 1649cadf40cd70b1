/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a change means to the signature of one member.
 * Must not: take a valid signature as a reason to believe anything else.
 */
#include "release/compare.h"

static bool is_signed(const struct trn_release_member *m)
{
    return m->signature && m->signature->kind != TRN_SIGNATURE_NONE && m->signature->digest != TRN_DIGEST_NONE;
}

/* The signature says it is the same program, the file is not: what differs lies where the signature does not look. */
static int same_authentihash(struct trn_compare *c)
{
    const struct trn_signature *a = c->old_member->signature, *b = c->new_member->signature;
    struct trn_finding f;
    if (!a || !b || a->kind != b->kind || a->content_digest.n == 0 ||
        !trn_str_eq(a->content_digest, b->content_digest) || a->uncovered_total >= b->uncovered_total)
        return 0;
    int e = trn_compare_begin(c, "diff.same-authentihash", &f);
    if (e < 0)
        return e;
    trn_compare_say(
        c, &f,
        "what its signature covers is exactly as before, but the file grew from %llu to %llu bytes: %llu bytes "
        "more stand where the signature does not look",
        (unsigned long long)c->old_member->size, (unsigned long long)c->new_member->size,
        (unsigned long long)(b->uncovered_total - a->uncovered_total));
    trn_compare_values(c, &f,
                       trn_arena_printf(c->arena, "%llu bytes not covered", (unsigned long long)a->uncovered_total),
                       trn_arena_printf(c->arena, "%llu bytes not covered", (unsigned long long)b->uncovered_total),
                       b->n_uncovered ? b->uncovered[b->n_uncovered - 1].at : TRN_FEATURE_NOWHERE);
    return trn_compare_found(c, c->change, &f);
}

static int lost(struct trn_compare *c)
{
    struct trn_finding f;
    char who[200];
    if (!is_signed(c->old_member) || is_signed(c->new_member))
        return 0;
    int e = trn_compare_begin(c, "diff.signature-lost", &f);
    if (e < 0)
        return e;
    trn_compare_say(c, &f, "it was signed by '%s' and is not signed any more",
                    trn_escape_into(who, sizeof(who), c->old_member->signature->signer));
    trn_compare_values(c, &f, c->old_member->signature->signer, TRN_STR_NONE, TRN_FEATURE_NOWHERE);
    return trn_compare_found(c, c->change, &f);
}

int trn_compare_signature(struct trn_compare *c)
{
    if (!c->old_member || !c->new_member || c->change->kind == TRN_CHANGE_SAME)
        return 0;
    int e = same_authentihash(c);
    return e < 0 ? e : lost(c);
}
