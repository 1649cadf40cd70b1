/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: how bad it is what stands in a signed file without being signed. Must not own: finding it (src/signature/).
 *
 * What real files showed: 0 to 7 zero bytes behind a signature, nothing else, in 28 entries of vendors. Installers that are
 * tagged for each customer have a short readable text there, or in a certificate or attribute of its own.
 */
#include "artifact/check_signature.h"

#define TAG_SMALL 1024u       /* of text */
#define ATTRIBUTE_LARGE 4096u /* no known attribute but time stamps and nested signatures comes near */
#define RANDOM_MIN 512u       /* below that, entropy says little */
#define RANDOM_MILLI 7000u
#define SEAL_MAX 16384u
#define STAMP_USUAL 16384u
#define FURTHER_USUAL 32768u

static uint16_t slack_score(const struct trn_unsigned_place *p, const struct trn_run *r, bool is_right)
{
    if (r->zero)
        return 10; /* odd, and holds nothing */
    if (r->readable)
        return r->text <= TAG_SMALL ? 15 : 35;
    if (p->size <= 7)
        return 40;
    if (p->kind == TRN_PLACE_SLACK)
        return 90;
    if (p->kind == TRN_PLACE_ENTRY) /* without another signature that is right, there is nothing to hide behind */
        return is_right ? 75 : 45;
    return 60;
}

static bool is_seal(const struct trn_unsigned_place *p)
{
    return p->size <= SEAL_MAX &&
           (strcmp(p->oid, "1.3.6.1.4.1.311.2.4.3") == 0 || strcmp(p->oid, "1.3.6.1.4.1.311.2.4.4") == 0);
}

static uint16_t inner_score(const struct trn_unsigned_place *p, const struct trn_run *r)
{
    if (is_seal(p) || (p->kind == TRN_PLACE_CERTIFICATE && p->size <= ATTRIBUTE_LARGE))
        return 0;
    if (p->kind == TRN_PLACE_STAMP || p->kind == TRN_PLACE_FURTHER) /* large ones hold something else */
        return p->size > (p->kind == TRN_PLACE_STAMP ? STAMP_USUAL : FURTHER_USUAL) ? 70 : 20;
    if (r->readable || r->entropy_milli < 3000) /* a tag, mostly in a reserve of zeros */
        return r->text <= TAG_SMALL ? 12 : 30;
    if (p->size > ATTRIBUTE_LARGE || (p->size >= RANDOM_MIN && r->entropy_milli > RANDOM_MILLI))
        return 70;
    return p->size <= 256 ? 8 : 30;
}

static int tell_place(struct trn_look *l, const struct trn_signed *x, const struct trn_unsigned_place *p,
                      const char *check)
{
    struct trn_finding f;
    struct trn_run r = trn_run_look(l, p->at, p->size);
    bool inner = p->kind >= TRN_PLACE_ATTRIBUTE;
    uint16_t score = inner ? inner_score(p, &r) : slack_score(p, &r, x->signature.digest == TRN_DIGEST_OK);
    if (!score)
        return 0;
    trn_finding_init(&f, trn_check_find(inner ? TRN_STR("pe.unauthenticated-attribute") : trn_str_of(check)));
    f.score = inner ? score : TRN_MIN(score, f.score);
    struct trn_str words = trn_look_signed_words(l, &x->signature);
    const char *plural = p->size == 1 ? "" : "s", *stand = p->size == 1 ? "stands" : "stand";
    if (inner)
        trn_look_say(l, &f, "%llu byte%s%s %s inside of the signature, in %s%s%s, where nobody signed them; %.*s",
                     (unsigned long long)p->size, plural, r.readable ? " of text" : "", stand, p->what,
                     p->oid[0] ? " " : "", p->oid, TRN_STR_ARG(words));
    else
        trn_look_say(l, &f, "%llu byte%s%s %s %s, where no signature covers %s; %.*s", (unsigned long long)p->size,
                     plural,
                     r.zero       ? " of zeros"
                     : r.readable ? " with text"
                                  : "",
                     stand, p->what, p->size == 1 ? "it" : "them", TRN_STR_ARG(words));
    trn_look_evidence(l, &f, p->at, p->size);
    trn_finding_add(&f, "place", trn_str_of(p->what));
    if (p->oid[0])
        trn_finding_add(&f, "oid", trn_arena_str(l->arena, trn_str_of(p->oid)));
    trn_finding_add(&f, "digest", trn_str_of(trn_digest_state_name(x->signature.digest)));
    trn_finding_add(&f, "chain", trn_str_of(trn_chain_state_name(x->signature.chain)));
    trn_finding_add(&f, "signer", x->signature.signer);
    return trn_look_found(l, &f);
}

static int look_places(struct trn_look *l, const struct trn_signed *x, const char *check)
{
    int e = 0;
    for (uint32_t i = 0; e == 0 && i < x->n_places; i++)
        e = tell_place(l, x, &x->places[i], check);
    if (e == 0 && x->places_left_out)
        e = trn_look_gap(l, TRN_GAP_LIMIT, TRN_STR_NONE, "%u more places in its signature that are not signed",
                         x->places_left_out);
    return e;
}

/* What is the same for every file that carries a signature of this kind. */
int trn_look_signed_file(struct trn_look *l, const struct trn_signed *x, const char *check)
{
    int e = trn_look_signed(l, &x->signature);
    if (e == 0)
        e = trn_look_property(l, "signed_as", trn_str_of(x->program));
    if (e == 0 && x->signature.digest == TRN_DIGEST_UNKNOWN)
        e = trn_look_property(l, "signature_why", trn_str_of(x->why));
    if (e == 0 && x->stamped)
        e = trn_look_property(l, "time_stamp", x->stamp_bad ? TRN_STR("bad") : TRN_STR("ok"));
    if (e == 0 && x->signature.digest == TRN_DIGEST_BAD)
        e = trn_look_mismatch(l, &x->signature, x->why, 0);
    else if (e == 0 && x->pages == TRN_DIGEST_BAD)
        e = trn_look_mismatch(l, &x->signature, "the hashes of its pages are not those of its content", 40);
    return e == 0 ? look_places(l, x, check) : e;
}
