/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which signature a format can carry, how findings about signatures are worded, unsigned among signed. Must not own:
 * what a signature is (src/signature/). Apple's has its own check.
 */
#include "artifact/check_signature.h"

#include "artifact/internal.h"

#include <ctype.h>

#define SIBLINGS_TOLD 32u
#define TEXT_MIN 8u

struct trn_signature_options trn_look_trust(const struct trn_look *l)
{
    return (struct trn_signature_options){sizeof(struct trn_signature_options), l->scan->o->roots,
                                          (int64_t)(trn_wall_ns() / TRN_NS_PER_SEC)};
}

struct trn_run trn_run_look(struct trn_look *l, uint64_t at, uint64_t size)
{
    uint8_t peek[TRN_PEEK_MAX];
    struct trn_run r = {.size = size, .entropy_milli = trn_look_entropy(l, at, size)};
    int64_t n = trn_source_read(l->bytes, at, peek, (size_t)TRN_MIN(size, (uint64_t)sizeof(peek)));
    uint64_t printable = 0;
    for (int64_t i = 0; i < n; i++) {
        r.text += peek[i] != 0;
        printable += isprint(peek[i]) || peek[i] == '\n' || peek[i] == '\r' || peek[i] == '\t';
    }
    r.zero = r.entropy_milli == 0 && r.text == 0;
    r.readable = size <= TRN_PEEK_MAX && r.text >= TEXT_MIN && printable * 5 >= r.text * 4;
    return r;
}

struct trn_str trn_look_signed_words(struct trn_look *l, const struct trn_signature *s)
{
    char who[160];
    trn_escape_into(who, sizeof(who), trn_str_is_empty(s->signer) ? TRN_STR("somebody") : s->signer);
    if (s->digest == TRN_DIGEST_OK && s->chain == TRN_CHAIN_OK)
        return trn_arena_printf(l->arena, "the signature by '%s' counts as valid nevertheless", who);
    if (s->digest == TRN_DIGEST_OK)
        return trn_arena_printf(l->arena, "the signature by '%s' is right about the content nevertheless", who);
    if (s->digest == TRN_DIGEST_BAD)
        return trn_arena_printf(l->arena, "the signature by '%s' is not right about the content either", who);
    return trn_arena_printf(l->arena, "whether the signature by '%s' is right cannot be told here", who);
}

int trn_look_mismatch(struct trn_look *l, const struct trn_signature *s, const char *why, uint16_t score)
{
    struct trn_finding f;
    char who[160];
    trn_finding_init(&f, trn_check_find(TRN_STR("signature.digest-mismatch")));
    f.score = score ? score : f.score;
    trn_escape_into(who, sizeof(who), trn_str_is_empty(s->signer) ? TRN_STR("somebody") : s->signer);
    if (s->kind)
        trn_look_say(l, &f, "it is signed by '%s', but %s", who, why);
    else
        trn_look_say(l, &f, "%s", why);
    trn_finding_add(&f, "signature", trn_str_of(trn_signature_kind_name(s->kind)));
    trn_finding_add(&f, "signer", s->signer);
    trn_finding_add(&f, "hash", s->digest_name);
    return trn_look_found(l, &f);
}

int trn_look_signed(struct trn_look *l, const struct trn_signature *s)
{
    int e = trn_look_signature(l, s);
    if (e == 0 && s->digest != TRN_DIGEST_BAD)
        e = trn_look_trait(l, "signature.signer", s->signer);
    return e;
}

int trn_look_signatures(struct trn_look *l, struct trn_err *err)
{
    switch (l->self->format) {
    case TRN_FORMAT_PE:
        return trn_look_authenticode(l, err);
    case TRN_FORMAT_MSI:
    case TRN_FORMAT_OLE2:
        return trn_look_signed_msi(l, err);
    case TRN_FORMAT_CAB:
        return trn_look_signed_cab(l, err);
    case TRN_FORMAT_RPM:
    case TRN_FORMAT_DEB:
        return trn_look_signed_package(l, err);
    case TRN_FORMAT_JSON:
        return trn_look_provenance(l, err);
    case TRN_FORMAT_GZIP:
        return trn_look_tarball(l);
    default:
        return trn_look_module_trailer(l, err);
    }
}

/* ---- over a release ---- */

int trn_look_unsigned_siblings(struct trn_look *l, struct trn_err *err)
{
    size_t n = 0, signed_ = 0, unsigned_ = 0;
    const struct trn_trait *t = trn_look_traits(l, &n);
    char name[160];
    for (size_t i = 0; i < n; i++) {
        bool pe = strcmp(t[i].trait, "pe.signed") == 0;
        signed_ += pe && !trn_str_eq_c(t[i].value, "no");
        unsigned_ += pe && trn_str_eq_c(t[i].value, "no");
    }
    if (signed_ < 2 || unsigned_ == 0 || unsigned_ > signed_)
        return 0; /* where most are not signed, that one is not says nothing */
    for (size_t i = 0, told = 0; i < n && told < SIBLINGS_TOLD; i++) {
        if (strcmp(t[i].trait, "pe.signed") != 0 || !trn_str_eq_c(t[i].value, "no"))
            continue;
        struct trn_finding f;
        trn_finding_init(&f, trn_check_find(TRN_STR("pe.unsigned-among-signed")));
        trn_look_say(l, &f, "'%s' is not signed, while %zu of the %zu Windows programs and libraries beside it are",
                     trn_escape_into(name, sizeof(name), t[i].name), signed_, signed_ + unsigned_);
        trn_finding_add(&f, "signed", trn_arena_printf(l->arena, "%zu", signed_));
        trn_finding_add(&f, "unsigned", trn_arena_printf(l->arena, "%zu", unsigned_));
        int e = trn_look_found_in(l, t[i].artifact, &f);
        if (e < 0)
            return e;
        told++;
    }
    return 0;
}
