/* SPDX-License-Identifier: Apache-2.0 */
/* Is what hides in a signed file named by the right check, at the right place, and is the honest one left alone? */
#include "artifact/internal.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct told {
    char check[64], offset[32], size[32], summary[512];
    uint16_t score;
};
struct seen {
    struct told told[16];
    uint32_t n, signatures;
    char why[128], gap[160];
};

static int on_artifact(void *ctx, const struct trn_artifact *a)
{
    return 0;
}
static int on_signature(void *ctx, uint32_t a, const struct trn_signature *s)
{
    ((struct seen *)ctx)->signatures++;
    return 0;
}
static int on_property(void *ctx, uint32_t a, struct trn_str k, struct trn_str v)
{
    struct seen *s = ctx;
    if (trn_str_eq_c(k, "signature_why"))
        snprintf(s->why, sizeof(s->why), "%.*s", TRN_STR_ARG(v));
    return 0;
}
static int on_finding(void *ctx, uint32_t a, const struct trn_finding *f)
{
    struct seen *s = ctx;
    if (f->check->category != TRN_CATEGORY_SIGNATURE || s->n == TRN_ARRAY_SIZE(s->told))
        return 0;
    struct told *t = &s->told[s->n];
    snprintf(t->check, sizeof(t->check), "%s", f->check->id);
    snprintf(t->summary, sizeof(t->summary), "%.*s", TRN_STR_ARG(f->summary));
    if (s->n && strcmp(t->summary, t[-1].summary) == 0)
        return 0; /* of the same content, opened as a part of itself */
    s->n++;
    t->score = f->score;
    for (uint32_t i = 0; i < f->n_evidence; i++) {
        if (trn_str_eq_c(f->evidence[i].key, "offset"))
            snprintf(t->offset, sizeof(t->offset), "%.*s", TRN_STR_ARG(f->evidence[i].value));
        if (trn_str_eq_c(f->evidence[i].key, "size"))
            snprintf(t->size, sizeof(t->size), "%.*s", TRN_STR_ARG(f->evidence[i].value));
    }
    return 0;
}
static int on_gap(void *ctx, uint32_t a, const struct trn_gap *g)
{
    struct seen *s = ctx;
    snprintf(s->gap, sizeof(s->gap), "%.*s", TRN_STR_ARG(g->what));
    return 0;
}

/* The first `keep` bytes of it, as a file that was cut off; 0: all. */
static struct seen scan_cut(const char *folder, const char *name, uint64_t keep)
{
    char path[512];
    struct seen seen = {0};
    struct trn_scan_options o = {.sz = sizeof(o), .scratch = -1};
    struct trn_scan_sink sink = {on_artifact, on_signature, on_property, on_finding, on_gap, &seen};
    struct trn_source s;
    snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s/%s", getenv("TRN_TEST_SOURCE"), folder, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0, "%s", path);
    cr_assert_eq(trn_source_fd(&fd, 0, &s), 0);
    s.size = keep ? keep : s.size;
    cr_assert_eq(trn_scan_run(&s, trn_str_of(name), 0, &o, &sink, NULL), 0);
    close(fd);
    return seen;
}

static struct seen scan(const char *folder, const char *name)
{
    return scan_cut(folder, name, 0);
}

static void expect_in(const char *folder, const char *name, const char *check, uint16_t from, uint16_t to,
                      const char *words)
{
    struct seen s = scan(folder, name);
    cr_assert_eq(s.n, 1, "%s: %u findings", name, s.n);
    cr_expect_str_eq(s.told[0].check, check, "%s: %s", name, s.told[0].check);
    cr_expect(s.told[0].score >= from && s.told[0].score <= to, "%s: score %u", name, s.told[0].score);
    cr_expect(strstr(s.told[0].summary, words), "%s: %s", name, s.told[0].summary);
}

static void expect(const char *name, const char *check, uint16_t from, uint16_t to, const char *words)
{
    expect_in("authenticode", name, check, from, to, words);
}

Test(signature_check, hidden_bytes_weigh_what_they_are_worth)
{
    expect("stuffed", "pe.certificate-slack", 90, 90, "4800 bytes stand in the certificate table");
    expect("stuffed", "pe.certificate-slack", 90, 90, "is right about the content nevertheless");
    expect("stuffed-second", "pe.certificate-slack", 90, 90, "in the certificate table");
    expect("behind", "pe.certificate-slack", 60, 60, "behind the certificate table");
    expect("other-entry", "pe.certificate-slack", 75, 75, "an entry of the certificate table that is no signature");
    expect("attribute", "pe.unauthenticated-attribute", 70, 70, "1.3.6.1.4.1.99999.1");
    expect("attribute-known", "pe.unauthenticated-attribute", 70, 70, "1.3.6.1.4.1.311.3.3.1");
    expect("certificates", "pe.unauthenticated-attribute", 70, 70, "many certificates that no signer needs");
    expect("hash-name", "pe.unauthenticated-attribute", 70, 70, "an element where the signature has none");
    expect("no-signature", "pe.certificate-slack", 75, 75, "where a signature should be");
    expect("endless", "pe.certificate-slack", 75, 75, "where a signature should be");
    expect("stamp-of-another", "pe.unauthenticated-attribute", 20, 20, "a time stamp that is not about this signature");
    expect("certificate", "pe.unauthenticated-attribute", 70, 70, "a certificate that no signer needs");
    expect("padding", "pe.certificate-slack", 40, 40, "1 byte stands");
}

Test(signature_check, tags_of_vendors_weigh_little)
{
    expect("tagged", "pe.certificate-slack", 1, 20, "with text");
    expect("attribute-small", "pe.unauthenticated-attribute", 1, 20, "of text");
    expect("zeros", "pe.certificate-slack", 1, 20, "of zeros");
}

Test(signature_check, a_changed_file_is_told)
{
    expect("tampered", "signature.digest-mismatch", 60, 60, "the content is not what was signed");
    expect("signature-tampered", "signature.digest-mismatch", 60, 60, "not by the signer's key");
}

Test(signature_check, honest_ones_are_left_alone)
{
    static const char *const names[] = {"plain", "sha1", "pages", "stamped", "nested",
                                        "dual",  "old",  "web",   "cut",     "unsigned"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++)
        cr_expect_eq(scan("authenticode", names[i]).n, 0, "%s", names[i]);
    cr_expect_eq(scan("authenticode", "dual").signatures, 1);
    cr_expect_eq(scan("authenticode", "unsigned").signatures, 0);
}

Test(signature_check, one_that_is_cut_off_in_its_table_or_before_it_says_so)
{
    struct seen inside = scan("authenticode", "cut"), before = scan_cut("authenticode", "plain", 0x600);
    struct seen whole = scan("authenticode", "plain");
    cr_expect_str_eq(inside.why, "the certificate table is cut off: the file ends before it does");
    cr_expect(strstr(inside.gap, "of its certificate table (its signature) the file has"), "%s", inside.gap);
    cr_expect(strstr(before.gap, "is not inside of the file: it was cut off"), "%s", before.gap);
    cr_expect_str_empty(whole.why);
    cr_expect_str_empty(whole.gap);
}

Test(signature_check, the_offset_is_in_the_file)
{
    struct seen s = scan("authenticode", "behind");
    char all[32];
    snprintf(all, sizeof(all), "0x%x", 3560);
    cr_expect_str_eq(s.told[0].offset, all);
    cr_expect_str_eq(s.told[0].size, "4800");
}

Test(signature_check, installers)
{
    expect_in("msi_signature", "stuffed", "msi.uncovered-bytes", 60, 60,
              "5120 bytes stand where its signature does not look");
    expect_in("msi_signature", "text", "msi.uncovered-bytes", 1, 20, "bytes stand where its signature does not look");
    expect_in("msi_signature", "tampered", "signature.digest-mismatch", 60, 60, "the content is not what was signed");
    expect_in("msi_signature", "ex-tampered", "signature.digest-mismatch", 60, 60, "names, sizes or times");
    static const char *const honest[] = {"plain", "ex", "old", "unsigned"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(honest); i++)
        cr_expect_eq(scan("msi_signature", honest[i]).n, 0, "%s", honest[i]);
    cr_expect_eq(scan("msi_signature", "ex").signatures, 1);
}

Test(signature_check, cabinets)
{
    expect_in("cab_signature", "stuffed", "signature.trailer", 45, 45, "behind the signature, in the room for it");
    expect_in("cab_signature", "behind", "signature.trailer", 45, 45, "behind the signature of the cabinet");
    expect_in("cab_signature", "tampered", "signature.digest-mismatch", 60, 60, "the content is not what was signed");
    cr_expect_eq(scan("cab_signature", "plain").n, 0);
}

Test(signature_check, trailers_of_modules)
{
    static const char *const honest[] = {"kernel", "key", "attributes"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(honest); i++) {
        cr_expect_eq(scan("module_trailer", honest[i]).n, 0, "%s", honest[i]);
        cr_expect_eq(scan("module_trailer", honest[i]).signatures, 1, "%s", honest[i]);
    }
    expect_in("module_trailer", "slack", "signature.trailer", 45, 45, "behind the signature, before its trailer");
    expect_in("module_trailer", "late", "signature.trailer", 45, 45, "behind the trailer of its signature");
    expect_in("module_trailer", "numbers", "signature.trailer", 45, 45, "in a trailer whose numbers cannot be");
    expect_in("module_trailer", "long", "signature.trailer", 45, 45, "in a trailer whose numbers cannot be");
    expect_in("module_trailer", "noise", "signature.trailer", 45, 45, "where the trailer says");
    expect_in("module_trailer", "tampered", "signature.digest-mismatch", 60, 60, "the content is not what was signed");
    expect_in("module_trailer", "tampered-attributes", "signature.digest-mismatch", 60, 60, "the content is not what");
}

Test(signature_check, packages)
{
    expect_in("package_signature", "tampered.rpm", "signature.digest-mismatch", 60, 60, "do not have the hashes");
    cr_expect_eq(scan("package_signature", "signed.rpm").n, 0);
    cr_expect_eq(scan("package_signature", "signed.rpm").signatures, 1);
    cr_expect_eq(scan("package_signature", "hashed.rpm").signatures, 0);
    cr_expect_eq(scan("package_signature", "signed.deb").signatures, 1);
}

Test(signature_check, provenance_statements)
{
    cr_expect_eq(scan("provenance", "good.json").n, 0);
    cr_expect_eq(scan("provenance", "good.json").signatures, 1);
    expect_in("provenance", "swapped.json", "signature.digest-mismatch", 60, 60,
              "the statement is not what was signed");
    cr_expect_eq(scan("provenance", "release.tar").n, 0);
    expect_in("provenance", "release-other.tar", "signature.digest-mismatch", 60, 60, "names another content");
}
