/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is a signature that changed, was lost or covers less told, and told apart from what vendors do? */
#include "made.h"

#include "release/context.h"

#include <stdio.h>

#define PE TRN_FORMAT_PE

static struct trn_release *one(const struct trn_signature *s, const char *content, uint64_t size)
{
    struct made m = made_new(content, NULL);
    made_plain(&m, "d3d.dll", PE, content);
    if (s)
        made_signature_put(&m, s);
    made_size(&m, size);
    return made_done(&m);
}

/* A signature as Authenticode has it: its own bytes are expected not to be covered. */
static struct trn_signature plain(void)
{
    struct trn_signature s = made_signature("Acme, Inc.", "\x01", "digest");
    trn_signature_uncovered(&s, 216, 4, "checksum of the header", true);
    trn_signature_uncovered(&s, 5000, 8, "head of a certificate entry", true);
    trn_signature_uncovered(&s, 5008, 9000, "the signature itself", true);
    return s;
}

static uint16_t score_of(const struct trn_signature *a, const struct trn_signature *b, const char *check,
                         struct trn_finding *ret)
{
    MADE_AUTO(before) = one(a, "old", 14008);
    MADE_AUTO(after) = one(b, "new", 291264);
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff(before, after);
    const struct trn_finding *f = found(d, check);
    if (f && ret) {
        *ret = *f;
        ret->summary = TRN_STR_NONE;
    }
    return f ? f->score : 0;
}

Test(signature, bytes_where_it_does_not_look_are_the_founding_case)
{
    struct trn_signature a = plain(), b = plain();
    trn_signature_uncovered(&b, 14008, 277256, "in the certificate table, behind a signature", false);
    MADE_AUTO(before) = one(&a, "old", 14008);
    MADE_AUTO(after) = one(&b, "new", 291264);
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff(before, after);
    const struct trn_finding *f = found(d, "diff.same-authentihash");
    cr_assert_not_null(f);
    cr_expect_eq(f->score, 85);
    cr_expect_eq(d->verdict, TRN_VERDICT_MALICIOUS);
    cr_expect(trn_str_eq_c(trn_finding_evidence(f, "offset"), "0x36b8"));
    cr_expect(trn_str_eq_c(trn_finding_evidence(f, "size"), "277256"));
    cr_expect(trn_str_contains(f->summary, TRN_STR("277256 bytes")));
}

Test(signature, a_time_stamp_made_anew_weighs_little)
{
    struct trn_signature a = plain(), b = plain();
    b.uncovered[2].size = 12000;
    cr_expect_eq(score_of(&a, &b, "diff.same-authentihash", NULL), 8);
}

Test(signature, what_stands_inside_of_the_signature_weighs_by_its_size)
{
    struct trn_signature a = plain(), b = plain(), large = plain();
    trn_signature_uncovered(&b, 6000, 1500, "an attribute that nobody signed", false);
    trn_signature_uncovered(&large, 6000, 6000, "an attribute that nobody signed", false);
    cr_expect_eq(score_of(&a, &b, "diff.same-authentihash", NULL), 20);
    cr_expect_eq(score_of(&a, &large, "diff.same-authentihash", NULL), 70);
}

Test(signature, bytes_that_were_there_before_are_not_new)
{
    struct trn_signature a = plain(), b = plain();
    trn_signature_uncovered(&a, 14008, 64, "behind the certificate table", false);
    trn_signature_uncovered(&b, 14016, 64, "behind the certificate table", false);
    cr_expect_eq(score_of(&a, &b, "diff.same-authentihash", NULL), 8);
}

Test(signature, another_content_is_not_the_same_program)
{
    struct trn_signature a = plain(), b = plain(), none = plain();
    b.content_digest = TRN_STR("other digest");
    trn_signature_uncovered(&b, 14008, 277256, "in the certificate table, behind a signature", false);
    cr_expect_eq(score_of(&a, &b, "diff.same-authentihash", NULL), 0);
    none.content_digest = TRN_STR_NONE;
    cr_expect_eq(score_of(&none, &none, "diff.same-authentihash", NULL), 0);
}

/* It still says the old digest, but does not fit: then it is broken, not extended. */
Test(signature, a_signature_that_does_not_fit_any_more_is_lost)
{
    struct trn_signature a = plain(), b = plain();
    b.digest = TRN_DIGEST_BAD;
    cr_expect_eq(score_of(&a, &b, "diff.same-authentihash", NULL), 0);
    cr_expect_eq(score_of(&a, &b, "diff.signature-lost", NULL), 70);
    cr_expect_eq(score_of(&a, NULL, "diff.signature-lost", NULL), 70);
    cr_expect_eq(score_of(NULL, &a, "diff.signature-lost", NULL), 0);
    struct trn_signature adhoc = plain();
    adhoc.kind = TRN_SIGNATURE_APPLE_ADHOC;
    cr_expect_eq(score_of(&a, &adhoc, "diff.signature-lost", NULL), 70, "hashes without a name are no signature");
}

Test(signature, a_new_certificate_of_the_same_organisation_weighs_ten)
{
    static const struct {
        const char *was, *is;
        uint16_t score;
    } cases[] = {
        {"Acme, Inc.", "Acme, Inc.", 10},
        {"Acme, Inc.", "ACME Incorporated", 10},
        {"Acme GmbH", "acme", 10},
        {"Acme, Inc.", "Acme Labs, Inc.", 60},
        {"Acme, Inc.", "Evil Ltd", 60},
        {"Acme, Inc.", "", 0},
        {"K\xc3\xb6nig AG", "K\xc3\xb6nig", 10},
        {"Inc.", "Ltd.", 60},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        struct trn_signature a = plain(), b = plain();
        a.signer = trn_str_of(cases[i].was);
        b.signer = trn_str_of(cases[i].is);
        b.serial = TRN_STR("\x02");
        b.content_digest = TRN_STR("other");
        cr_expect_eq(score_of(&a, &b, "diff.signer-changed", NULL), cases[i].score, "%s, %s", cases[i].was,
                     cases[i].is);
    }
    struct trn_signature a = plain(), b = plain();
    b.content_digest = TRN_STR("other");
    cr_expect_eq(score_of(&a, &b, "diff.signer-changed", NULL), 0, "the same certificate");
    a.team = b.team = TRN_STR("TEAM");
    b.signer = TRN_STR("Renamed Ltd");
    cr_expect_eq(score_of(&a, &b, "diff.signer-changed", NULL), 0, "the same team");
    b.team = TRN_STR("OTHER");
    cr_expect_eq(score_of(&a, &b, "diff.signer-changed", NULL), 60);
}

/* ---- beside the rest of the release ---- */

/* n signed libraries, of which the first `lost` lose their signature in the new release. */
static struct trn_diff *libraries(unsigned n, unsigned lost, struct trn_release **ret_a, struct trn_release **ret_b)
{
    struct made a = made_new("1", NULL), b = made_new("2", NULL);
    char path[32], content[32];
    for (unsigned i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "lib%c.dll", (int)('a' + i));
        snprintf(content, sizeof(content), "old %u", i);
        made_plain(&a, path, PE, content);
        made_signed(&a, "Acme", "\x01", content);
        snprintf(content, sizeof(content), "new %u", i);
        made_plain(&b, path, PE, content);
        if (i >= lost)
            made_signed(&b, "Acme", "\x01", content);
    }
    *ret_a = made_done(&a);
    *ret_b = made_done(&b);
    return made_diff(*ret_a, *ret_b);
}

Test(signature_context, a_vendor_who_stops_signing_does_so_for_all)
{
    static const struct {
        unsigned n, lost;
        uint16_t score;
    } cases[] = {{5, 1, 70}, {5, 4, 70}, {5, 5, 25}, {2, 2, 70}};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        MADE_AUTO(a) = NULL;
        MADE_AUTO(b) = NULL;
        TRN_AUTO(trn_diff_freep) struct trn_diff *d = libraries(cases[i].n, cases[i].lost, &a, &b);
        cr_assert_not_null(found(d, "diff.signature-lost"));
        cr_expect_eq(found(d, "diff.signature-lost")->score, cases[i].score, "%u of %u", cases[i].lost, cases[i].n);
    }
}

Test(signature_context, a_signer_known_from_the_old_release_weighs_little)
{
    struct made m = made_new("1", NULL);
    made_plain(&m, "a.dll", PE, "a1");
    made_signed(&m, "Upstream Project", "\x01", "a1");
    made_plain(&m, "b.dll", PE, "b");
    made_signed(&m, "Acme", "\x02", "b");
    MADE_AUTO(before) = made_done(&m);
    m = made_new("2", NULL);
    made_plain(&m, "a.dll", PE, "a2");
    made_signed(&m, "Acme Ltd", "\x02", "a2");
    made_plain(&m, "b.dll", PE, "b");
    made_signed(&m, "Acme", "\x02", "b");
    MADE_AUTO(after) = made_done(&m);
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff(before, after);
    const struct trn_finding *f = found(d, "diff.signer-changed");
    cr_assert_not_null(f);
    cr_expect_eq(f->score, 15);
    cr_expect_eq(f->full_score, 60);
}

Test(signature_context, a_new_unsigned_program_among_signed_ones)
{
    for (unsigned is_signed = 2; is_signed <= 4; is_signed++) {
        struct made a = made_new("1", NULL), b = made_new("2", NULL);
        for (unsigned i = 0; i < is_signed; i++) {
            char path[32];
            snprintf(path, sizeof(path), "lib%c.dll", (int)('a' + i));
            made_plain(&a, path, PE, path);
            made_signed(&a, "Acme", "\x01", path);
            made_plain(&b, path, PE, path);
            made_signed(&b, "Acme", "\x01", path);
        }
        made_plain(&b, "new.dll", PE, "new");
        MADE_AUTO(before) = made_done(&a);
        MADE_AUTO(after) = made_done(&b);
        TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff(before, after);
        const struct trn_finding *f = found_in(change_at(d, "new.dll"), "diff.unsigned-among-signed");
        cr_expect_eq(f ? f->score : 0, is_signed >= 3 ? 30 : 0, "%u signed", is_signed);
    }
}

Test(signature_context, where_some_always_were_unsigned_nothing_is_said)
{
    struct made a = made_new("1", NULL), b = made_new("2", NULL);
    for (unsigned i = 0; i < 6; i++) {
        char path[32];
        snprintf(path, sizeof(path), "lib%c.dll", (int)('a' + i));
        made_plain(&a, path, PE, path);
        made_plain(&b, path, PE, path);
        if (i < 4) {
            made_signed(&a, "Acme", "\x01", path);
            made_signed(&b, "Acme", "\x01", path);
        }
    }
    made_plain(&b, "new.dll", PE, "new");
    MADE_AUTO(before) = made_done(&a);
    MADE_AUTO(after) = made_done(&b);
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff(before, after);
    cr_expect_null(found(d, "diff.unsigned-among-signed"));
}
