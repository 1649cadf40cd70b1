/* SPDX-License-Identifier: Apache-2.0 */
/* Question: are the checks of Mac programs told where they should be, with the right place, and nowhere else? */
#include "noted.h"

static char content[1 << 17];

static int on_artifact(void *ctx, const struct trn_artifact *a)
{
    note(ctx, "artifact %u %s %.*s\n", a->id, trn_format_name(a->format), TRN_STR_ARG(a->name));
    return 0;
}
static int on_property(void *ctx, uint32_t a, struct trn_str k, struct trn_str v)
{
    note(ctx, "property %u %.*s=%.*s\n", a, TRN_STR_ARG(k), TRN_STR_ARG(v));
    return 0;
}

static size_t load(const char *name, size_t at)
{
    char path[64];
    snprintf(path, sizeof(path), "apple_signature/%s", name);
    return load_into(content + at, sizeof(content) - at, path);
}

static enum trn_verdict scan(struct seen *s, size_t n)
{
    struct trn_scan_options o = {.sz = sizeof(o), .scratch = -1};
    struct trn_scan_sink sink = {on_artifact, on_signature, on_property, on_finding, on_gap, s};
    struct trn_source src = trn_source_mem((struct trn_str){content, n});
    enum trn_verdict v;
    memset(s, 0, sizeof(*s));
    cr_assert_eq(trn_scan_run(&src, TRN_STR("x.dylib"), 0, &o, &sink, NULL), 0);
    trn_score_of(&s->score, &v);
    return v;
}

Test(check_macho, a_signed_program_is_clean_and_described)
{
    struct seen s;
    cr_expect_eq(scan(&s, load("signed", 0)), TRN_VERDICT_CLEAN);
    HAS(&s, "signature 1 apple ok\n");
    HAS(&s, "property 1 arch=arm64\n");
    HAS(&s, "property 1 team=FIXTURE123\n");
    HAS(&s, "property 1 identifier=com.example.softphone\n");
    HAS(&s, "property 1 dependency=/usr/lib/libSystem.B.dylib 1281.0\n");
    HAS(&s, "property 1 min_os=macos 11.0\n");
    HAS(&s, "property 1 uuid=000102030405060708090a0b0c0d0e0f\n");
    HAS_NOT(&s, "finding");
    HAS_NOT(&s, "gap");
}

Test(check_macho, slack_is_a_proof_by_itself)
{
    struct seen s;
    cr_expect_eq(scan(&s, load("stuffed", 0)), TRN_VERDICT_MALICIOUS);
    HAS(&s, "finding 1 macho.signature-slack 85 0x");
    HAS(&s, " 300\n");
}

Test(check_macho, bytes_behind_the_end_are_told_once)
{
    struct seen s;
    size_t n = load("signed", 0);
    memset(content + n, 'A', 64);
    cr_expect_eq(scan(&s, n + 64), TRN_VERDICT_MALICIOUS);
    char *first = strstr(s.log, "macho.signature-slack");
    cr_assert_not_null(first);
    cr_expect_null(strstr(first + 1, "macho.signature-slack"));
    n = load("adhoc", 0);
    memset(content + n, 'A', 64);
    cr_expect_eq(scan(&s, n + 64), TRN_VERDICT_NOTE);
    HAS(&s, "finding 1 macho.overlay 30 0x2890 64\n");
}

Test(check_macho, a_changed_page_of_a_named_signer_weighs_more)
{
    struct seen s;
    cr_expect_eq(scan(&s, load("tampered", 0)), TRN_VERDICT_SUSPICIOUS);
    HAS(&s, "finding 1 signature.digest-mismatch 60 0x1000\n");
    size_t n = load("adhoc", 0);
    content[5000] ^= 1;
    cr_expect_eq(scan(&s, n), TRN_VERDICT_NOTE);
    HAS(&s, "finding 1 signature.digest-mismatch 30 0x1000\n");
}

Test(check_macho, entitlements_are_listed_and_two_of_them_together_weigh)
{
    struct seen s;
    cr_expect_eq(scan(&s, load("entitlements", 0)), TRN_VERDICT_NOTE);
    HAS(&s, "property 1 entitlement=com.apple.security.cs.disable-library-validation=true\n");
    HAS(&s, "finding 1 macho.entitlement 20\n");
}

static void be32(size_t at, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        content[at + (size_t)i] = (char)(v >> (24 - 8 * i));
}

/* A universal file of two slices at 4096 and 32768. */
static size_t universal(const char *first, const char *second)
{
    const uint32_t head[] = {0xcafebabe, 2, 0x01000007, 3, 4096, 0, 12, 0x0100000c, 0, 32768, 0, 12};
    memset(content, 0, sizeof(content));
    for (size_t i = 0; i < TRN_ARRAY_SIZE(head); i++)
        be32(4 * i, head[i]);
    be32(20, (uint32_t)load(first, 4096));
    size_t n = load(second, 32768);
    be32(40, (uint32_t)n);
    return 32768 + n;
}

Test(check_macho, slices_are_children_with_their_own_signature)
{
    struct seen s;
    cr_expect_eq(scan(&s, universal("adhoc", "signed")), TRN_VERDICT_NOTE);
    HAS(&s, "artifact 2 macho x86_64\n");
    HAS(&s, "artifact 3 macho arm64\n");
    HAS(&s, "signature 2 apple-adhoc ok\n");
    HAS(&s, "signature 3 apple ok\n");
    HAS(&s, "finding 2 macho.unsigned-among-signed 15\n");
    HAS_NOT(&s, "finding 3");
    cr_expect_eq(scan(&s, universal("signed", "signed")), TRN_VERDICT_CLEAN);
}

Test(check_macho, bytes_between_slices_are_told)
{
    struct seen s;
    size_t n = universal("signed", "signed");
    memset(content + 1000, 'x', 100);
    cr_expect_eq(scan(&s, n), TRN_VERDICT_MALICIOUS);
    HAS(&s, "finding 1 macho.signature-slack 85 0x3e8 100\n");
}

Test(check_macho, a_damaged_header_is_a_gap)
{
    struct seen s;
    load("signed", 0);
    cr_expect_eq(scan(&s, 100), TRN_VERDICT_CLEAN);
    HAS(&s, "gap 1 damaged : its Mach-O header or load commands are damaged\n");
}

Test(check_macho, two_signatures_are_one_too_many)
{
    struct seen s;
    size_t n = load("adhoc", 0);
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_source src = trn_source_mem((struct trn_str){content, n});
    struct trn_macho m;
    cr_assert_eq(trn_macho_read(&src, a, &m), 0);
    for (uint64_t at = 32, i = 0; i < m.n_commands; i++) { /* the build version (24 bytes) becomes a second one */
        if ((uint8_t)content[at] == 0x32)
            content[at] = 0x1d;
        at += (uint8_t)content[at + 4] | (uint64_t)(uint8_t)content[at + 5] << 8;
    }
    scan(&s, n);
    HAS(&s, "finding 1 signature.digest-mismatch ");
}
