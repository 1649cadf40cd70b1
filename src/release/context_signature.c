/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what the rest of the release says about a signature: everything lost it, the new signer was there before, a new program
 * came unsigned where all others are signed.
 * Must not: judge one member by itself (compare_signature.c).
 */
#include "release/context.h"

#define ALL_LOST_MIN 3u
#define SIGNED_MIN 3u /* before it is said that a release signs its programs */

static bool is_about(const struct trn_told *t, const char *check)
{
    return strcmp(t->finding->check->id, check) == 0;
}

/* ---- a vendor stops signing: all files at once ---- */

static void weigh_lost(struct trn_compare *c)
{
    size_t before = 0, lost = 0;
    for (size_t i = 0; i < c->diff->n_changes; i++) {
        const struct trn_change *x = &c->diff->changes[i];
        if (!x->old_member || !x->new_member || !trn_member_is_signed(x->old_member))
            continue;
        before++;
        lost += !trn_member_is_signed(x->new_member);
    }
    if (lost < ALL_LOST_MIN || lost < before)
        return;
    struct trn_str why =
        trn_arena_printf(c->arena, "all %zu files that were signed lost it: the vendor stopped signing", before);
    for (struct trn_told *t = c->told; t; t = t->next)
        if (is_about(t, "diff.signature-lost") &&
            !(t->change->new_member->signature && t->change->new_member->signature->digest == TRN_DIGEST_BAD))
            trn_compare_lower(c, t, 25, why);
}

/* ---- a signer who was there before, of another file ---- */

static int signers_of(const struct trn_release *r, struct trn_map **ret)
{
    TRN_AUTO(trn_map_freep) struct trn_map *known = trn_map_new(r->n_members + 1);
    int e = known ? 0 : -ENOMEM;
    for (size_t i = 0; e == 0 && i < r->n_members; i++)
        if (trn_member_is_signed(&r->members[i]))
            e = trn_map_put(known, trn_organisation(r->members[i].signature->signer), i);
    if (e == 0)
        *ret = TRN_STEAL(known);
    return e;
}

static int weigh_changed(struct trn_compare *c)
{
    TRN_AUTO(trn_map_freep) struct trn_map *known = NULL;
    for (struct trn_told *t = c->told; t; t = t->next) {
        uint64_t who;
        if (!is_about(t, "diff.signer-changed"))
            continue;
        int e = known ? 0 : signers_of(c->diff->old_release, &known);
        if (e < 0)
            return e;
        if (trn_map_get(known, trn_organisation(t->change->new_member->signature->signer), &who))
            trn_compare_lower(c, t, 15, TRN_STR("the new signer signed other files of the old release"));
    }
    return 0;
}

/* ---- unsigned among signed ---- */

static enum trn_signature_kind kind_of_program(const struct trn_release_member *m)
{
    return m->format == TRN_FORMAT_PE      ? TRN_SIGNATURE_AUTHENTICODE
           : m->format == TRN_FORMAT_MACHO ? TRN_SIGNATURE_APPLE
                                           : TRN_SIGNATURE_NONE;
}

struct shares {
    size_t is_signed, is_not;
};

static struct shares shares_of(const struct trn_release *r, enum trn_signature_kind kind)
{
    struct shares s = {0, 0};
    for (size_t i = 0; i < r->n_members; i++) {
        const struct trn_release_member *m = &r->members[i];
        if (kind_of_program(m) != kind)
            continue;
        s.is_signed += trn_member_is_signed(m);
        s.is_not += !trn_member_is_signed(m);
    }
    return s;
}

static int tell_unsigned(struct trn_compare *c, enum trn_signature_kind kind)
{
    const struct shares s = shares_of(c->diff->old_release, kind);
    if (s.is_signed < SIGNED_MIN || s.is_not * 10 > s.is_signed)
        return 0;
    int e = 0;
    for (size_t i = 0; e == 0 && i < c->diff->n_changes; i++) {
        struct trn_change *x = &c->diff->changes[i];
        struct trn_finding f;
        if (x->kind != TRN_CHANGE_ADDED || kind_of_program(x->new_member) != kind ||
            trn_member_is_signed(x->new_member))
            continue;
        e = trn_compare_begin(c, "diff.unsigned-among-signed", &f);
        if (e < 0)
            return e;
        f.score = s.is_not ? f.score / 2 : f.score;
        trn_compare_say(c, &f,
                        "it is new and nobody signed it; of the %zu such programs of the old release %zu were signed",
                        s.is_signed + s.is_not, s.is_signed);
        trn_compare_values(c, &f, trn_arena_printf(c->arena, "%zu of %zu signed", s.is_signed, s.is_signed + s.is_not),
                           TRN_STR("not signed"), TRN_FEATURE_NOWHERE);
        e = trn_compare_found(c, x, &f);
    }
    return e;
}

int trn_context_signature(struct trn_compare *c)
{
    weigh_lost(c);
    int e = weigh_changed(c);
    if (e == 0)
        e = tell_unsigned(c, TRN_SIGNATURE_AUTHENTICODE);
    return e < 0 ? e : tell_unsigned(c, TRN_SIGNATURE_APPLE);
}
