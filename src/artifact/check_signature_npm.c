/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: provenance statements, told, and held against the packages that lie beside them. Must not own: reading one
 * (src/signature/provenance.c).
 * A package from the registry and its statement are two files; they meet here only inside of one release.
 */
#include "artifact/check_signature.h"

#include <openssl/evp.h>

#define TARBALL_MAX (64u << 20)
#define SHA512_SIZE 64

int trn_look_provenance(struct trn_look *l, struct trn_err *err)
{
    struct trn_npm_provenance p = {0};
    int e = trn_provenance_read(l->bytes, l->arena, &p);
    if (e < 0)
        return e == -ENOMEM ? e : 0; /* most JSON is none; what is damaged is still JSON, and no more */
    e = trn_look_signed(l, &p.signature);
    if (e == 0)
        e = trn_look_property(l, "provenance_subject", p.subject);
    if (e == 0)
        e = trn_look_property(l, "provenance_of", p.digest);
    if (e == 0 && p.signature.digest == TRN_DIGEST_BAD)
        e = trn_look_mismatch(l, &p.signature, "the statement is not what was signed", 0);
    if (e == 0)
        e = trn_look_trait(l, "npm.statement",
                           trn_arena_printf(l->arena, "%.*s %.*s", TRN_STR_ARG(p.digest), TRN_STR_ARG(p.subject)));
    return e;
}

/* A package inside of something: its hash, as statements give it. A package by itself has nothing beside it. */
int trn_look_tarball(struct trn_look *l)
{
    uint8_t hash[SHA512_SIZE], window[16384];
    char hex[2 * SHA512_SIZE + 1];
    unsigned n = 0;
    if (l->self->parent == 0 || l->bytes->size > TARBALL_MAX || !trn_str_ends(l->name, TRN_STR(".tgz")))
        return 0;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx && EVP_DigestInit_ex(ctx, EVP_sha512(), NULL) == 1;
    for (uint64_t at = 0; good && at < l->bytes->size;) {
        int64_t got = trn_source_read(l->bytes, at, window, sizeof(window));
        good = got > 0 && EVP_DigestUpdate(ctx, window, (size_t)got) == 1;
        at += (uint64_t)TRN_MAX(got, 0);
    }
    good = good && EVP_DigestFinal_ex(ctx, hash, &n) == 1;
    EVP_MD_CTX_free(ctx);
    if (!good)
        return 0;
    trn_hex(hash, sizeof(hash), hex);
    return trn_look_trait(l, "npm.tarball", trn_str_of(hex));
}

/* "pkg:npm/%40scope/name@1.2.3" is about "scope-name-1.2.3.tgz" and "name-1.2.3.tgz". */
static bool is_about(struct trn_look *l, struct trn_str subject, struct trn_str file)
{
    struct trn_str last = trn_path_base(subject);
    ptrdiff_t at = trn_str_rfind(last, '@');
    if (at <= 0 || !trn_str_starts(subject, TRN_STR("pkg:npm/")))
        return false;
    struct trn_str want =
        trn_arena_printf(l->arena, "%.*s-%.*s.tgz", (int)at, last.p, (int)(last.n - (size_t)at - 1), last.p + at + 1);
    return !trn_str_is_none(want) && trn_str_ends(trn_path_base(file), want);
}

int trn_look_statements(struct trn_look *l, struct trn_err *err)
{
    size_t n = 0;
    const struct trn_trait *t = trn_look_traits(l, &n);
    int e = 0;
    for (size_t i = 0; e == 0 && i < n; i++) {
        struct trn_str subject = t[i].value, digest;
        if (strcmp(t[i].trait, "npm.statement") != 0 || !trn_str_split(&subject, ' ', &digest) ||
            digest.n != 2 * SHA512_SIZE)
            continue;
        for (size_t k = 0; e == 0 && k < n; k++) {
            if (strcmp(t[k].trait, "npm.tarball") != 0 || trn_str_eq(t[k].value, digest) ||
                !is_about(l, subject, t[k].name))
                continue;
            struct trn_finding f;
            char about[160];
            trn_finding_init(&f, trn_check_find(TRN_STR("signature.digest-mismatch")));
            trn_look_say(l, &f,
                         "the provenance statement about '%s' beside it names another content than this package has",
                         trn_escape_into(about, sizeof(about), subject));
            trn_finding_add(&f, "stated", digest);
            trn_finding_add(&f, "found", t[k].value);
            e = trn_look_found_in(l, t[k].artifact, &f);
        }
    }
    return e;
}
