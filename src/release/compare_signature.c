/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a change means to the signature of one member.
 * Must not: take a valid signature as a reason to believe anything else; say what only the rest of the release can say
 * (context_signature.c: everything lost it, the new signer was known).
 */
#include "release/context.h"

#include <ctype.h>

#define INNER_USUAL 4096u /* an attribute or certificate that a later signature or time stamp brings */
#define SIGNED_ANEW 8u
#define SERIAL_MAX 20u /* bytes; RFC 5280 */
#define SAME_ORGANISATION 10u

bool trn_member_is_signed(const struct trn_release_member *m)
{
    const struct trn_signature *s = m->signature;
    return s && s->kind != TRN_SIGNATURE_NONE && s->kind != TRN_SIGNATURE_APPLE_ADHOC &&
           s->kind != TRN_SIGNATURE_ASAR && s->digest != TRN_DIGEST_NONE && s->digest != TRN_DIGEST_BAD;
}

/* ---- who signed ---- */

/* "Acme, Inc." and "ACME Incorporated" are one: letters and digits, without the words for a company's form. */
uint64_t trn_organisation(struct trn_str name)
{
    uint64_t h = 0;
    char word[64];
    for (size_t i = 0; i < name.n;) {
        size_t n = 0;
        for (; i < name.n && (isalnum((unsigned char)name.p[i]) || (unsigned char)name.p[i] >= 0x80); i++)
            if (n < sizeof(word))
                word[n++] = (char)tolower((unsigned char)name.p[i]);
        while (i < name.n && !isalnum((unsigned char)name.p[i]) && (unsigned char)name.p[i] < 0x80)
            i++;
        if (n && !TRN_ONE_OF(((struct trn_str){word, n}), "inc", "incorporated", "ltd", "limited", "llc", "gmbh",
                             "corp", "corporation", "co", "company", "ag", "sa", "sas", "srl", "bv", "b", "v", "e",
                             "ev", "pty", "plc", "kg", "oy", "ab", "the"))
            h = trn_hash64_mix(h, trn_hash64(word, n));
    }
    return h ? h : trn_hash64_str(name);
}

/* ---- bytes that nobody signed ---- */

/* Inside of the signature's own structure: attributes, certificates, time stamps. */
static bool is_inner(const struct trn_signature *s, const struct trn_uncovered *u)
{
    for (uint32_t i = 0; i < s->n_uncovered; i++) {
        const struct trn_uncovered *o = &s->uncovered[i];
        if (o->expected && o != u && u->at >= o->at && u->at - o->at < o->size)
            return true;
    }
    return false;
}

/* The old one had a place of this sort and size. */
static bool had(const struct trn_signature *s, const struct trn_uncovered *u)
{
    for (uint32_t i = 0; i < s->n_uncovered; i++)
        if (!s->uncovered[i].expected && s->uncovered[i].size == u->size && strcmp(s->uncovered[i].what, u->what) == 0)
            return true;
    return false;
}

struct unsigned_bytes {
    const struct trn_uncovered *first; /* new place, of the worse sort; NULL: none */
    uint64_t total;
    bool inner;
};

static struct unsigned_bytes new_bytes(const struct trn_signature *a, const struct trn_signature *b)
{
    struct unsigned_bytes n = {.inner = true};
    for (uint32_t i = 0; i < b->n_uncovered; i++) {
        const struct trn_uncovered *u = &b->uncovered[i];
        if (u->expected || had(a, u))
            continue;
        bool inner = is_inner(b, u);
        if (!n.first || (n.inner && !inner))
            n.first = u;
        n.inner = n.inner && inner;
        n.total += u->size;
    }
    return n;
}

static void say_new_bytes(struct trn_compare *c, struct trn_finding *f, const struct unsigned_bytes *n)
{
    char what[140];
    trn_escape_into(what, sizeof(what), trn_str_of(n->first->what));
    f->score = !n->inner ? f->score : n->total <= INNER_USUAL ? 20 : 70;
    trn_compare_say(
        c, f,
        "what its signature covers is exactly as before, but %llu bytes more stand where it does not look: %s, "
        "at 0x%llx; whoever builds a new version signs it anew",
        (unsigned long long)n->total, what, (unsigned long long)n->first->at);
    trn_finding_add(f, "size", trn_arena_printf(c->arena, "%llu", (unsigned long long)n->total));
    trn_compare_values(c, f, trn_arena_printf(c->arena, "%llu bytes", (unsigned long long)c->old_member->size),
                       trn_arena_printf(c->arena, "%llu bytes, %llu of them unsigned and new: %s",
                                        (unsigned long long)c->new_member->size, (unsigned long long)n->total, what),
                       n->first->at);
}

/* The signature says it is the same program, the file is not: what differs lies where the signature does not look. */
static int same_authentihash(struct trn_compare *c)
{
    const struct trn_signature *a = c->old_member->signature, *b = c->new_member->signature;
    struct trn_finding f;
    if (!a || !b || a->kind != b->kind || a->content_digest.n == 0 || b->digest == TRN_DIGEST_BAD ||
        a->digest == TRN_DIGEST_BAD || !trn_str_eq(a->content_digest, b->content_digest) ||
        memcmp(c->old_member->sha256, c->new_member->sha256, TRN_SHA256_SIZE) == 0)
        return 0;
    int e = trn_compare_begin(c, "diff.same-authentihash", &f);
    if (e < 0)
        return e;
    const struct unsigned_bytes n = new_bytes(a, b);
    if (n.first) {
        say_new_bytes(c, &f, &n);
        return trn_compare_found(c, c->change, &f);
    }
    f.score = SIGNED_ANEW;
    trn_compare_say(
        c, &f,
        "what its signature covers is exactly as before, and the file is another: the signature itself or its "
        "time stamp was made anew");
    trn_compare_values(c, &f, trn_arena_printf(c->arena, "%llu bytes", (unsigned long long)c->old_member->size),
                       trn_arena_printf(c->arena, "%llu bytes", (unsigned long long)c->new_member->size),
                       TRN_FEATURE_NOWHERE);
    return trn_compare_found(c, c->change, &f);
}

/* ---- lost, changed ---- */

static int lost(struct trn_compare *c)
{
    struct trn_finding f;
    char who[200];
    const struct trn_signature *s = c->new_member->signature;
    bool broken = s && s->digest == TRN_DIGEST_BAD;
    int e = trn_compare_begin(c, "diff.signature-lost", &f);
    if (e < 0)
        return e;
    trn_escape_into(who, sizeof(who), c->old_member->signature->signer);
    trn_compare_say(c, &f,
                    broken ? "it was signed%s%s%s, and its signature does not fit it any more"
                           : "it was signed%s%s%s and is not signed any more",
                    who[0] ? " by '" : "", who, who[0] ? "'" : "");
    trn_compare_values(c, &f, c->old_member->signature->signer,
                       broken ? TRN_STR("a signature that does not fit") : TRN_STR("not signed"), TRN_FEATURE_NOWHERE);
    return trn_compare_found(c, c->change, &f);
}

static struct trn_str certificate(struct trn_compare *c, const struct trn_signature *s)
{
    char hex[2 * SERIAL_MAX + 1];
    trn_hex(s->serial.p, TRN_MIN(s->serial.n, (size_t)SERIAL_MAX), hex);
    return trn_arena_printf(c->arena, "certificate number %s", hex);
}

static int changed(struct trn_compare *c)
{
    const struct trn_signature *a = c->old_member->signature, *b = c->new_member->signature;
    struct trn_finding f;
    char was[160], is[160];
    if (a->signer.n == 0 || b->signer.n == 0)
        return 0;
    bool team = a->team.n && b->team.n;
    bool same = team ? trn_str_eq(a->team, b->team) : trn_organisation(a->signer) == trn_organisation(b->signer);
    if (same && (team || a->serial.n == 0 || b->serial.n == 0 || trn_str_eq(a->serial, b->serial)))
        return 0;
    int e = trn_compare_begin(c, "diff.signer-changed", &f);
    if (e < 0)
        return e;
    trn_escape_into(was, sizeof(was), a->signer);
    trn_escape_into(is, sizeof(is), b->signer);
    f.score = same ? SAME_ORGANISATION : f.score;
    if (same)
        trn_compare_say(c, &f, "it is signed by '%s' as before, with another certificate", is);
    else
        trn_compare_say(c, &f, "it was signed by '%s' and is signed by '%s' now", was, is);
    bool serials = same && a->serial.n && b->serial.n;
    trn_compare_values(c, &f, serials ? certificate(c, a) : a->signer, serials ? certificate(c, b) : b->signer,
                       TRN_FEATURE_NOWHERE);
    return trn_compare_found(c, c->change, &f);
}

int trn_compare_signature(struct trn_compare *c)
{
    if (!c->old_member || !c->new_member || c->change->kind == TRN_CHANGE_SAME)
        return 0;
    int e = same_authentihash(c);
    if (e < 0 || !trn_member_is_signed(c->old_member))
        return e;
    return trn_member_is_signed(c->new_member) ? changed(c) : lost(c);
}
