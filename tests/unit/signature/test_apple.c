/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does the reader of Apple signatures see every change of what was signed, and every byte that nobody signed? */
#include "signature/apple.h"

#include <criterion/criterion.h>
#include <stdio.h>

static char content[1 << 16];
static struct trn_arena *arena;
static struct trn_macho macho;

static struct trn_apple verify(struct trn_str file)
{
    struct trn_source s = trn_source_mem(file);
    struct trn_apple x;
    arena = arena ? arena : trn_arena_new(0);
    cr_assert_eq(trn_macho_read(&s, arena, &macho), 0);
    struct trn_apple_where w = {.bytes = &s, .at = macho.signature_at, .size = macho.signature_size};
    cr_assert_eq(trn_apple_verify(&w, arena, &x), 0);
    return x;
}

static struct trn_str corpus(const char *name)
{
    char path[512];
    const char *source = getenv("TRN_TEST_SOURCE");
    snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/apple_signature/%s", source ? source : ".", name);
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s", path);
    size_t n = fread(content, 1, sizeof(content), f);
    fclose(f);
    return (struct trn_str){content, n};
}

static uint32_t unexpected(const struct trn_apple *x, const char *what)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < x->s.n_uncovered; i++)
        n += !x->s.uncovered[i].expected && (!what || strcmp(x->s.uncovered[i].what, what) == 0);
    return n;
}

static void end(void)
{
    arena = trn_arena_free(arena);
}

Test(apple, a_signed_program_holds, .fini = end)
{
    struct trn_apple x = verify(corpus("signed"));
    cr_expect_eq(x.s.kind, TRN_SIGNATURE_APPLE);
    cr_expect_eq(x.s.digest, TRN_DIGEST_OK);
    cr_expect_eq(x.s.chain, TRN_CHAIN_UNKNOWN, "a throw-away root is not Apple's");
    cr_expect(trn_str_eq_c(x.s.signer, "Fixture Works"));
    cr_expect(trn_str_eq_c(x.s.team, "FIXTURE123"));
    cr_expect(trn_str_eq_c(x.directories[0].identifier, "com.example.softphone"));
    cr_expect(trn_str_eq_c(x.s.digest_name, "sha256"));
    cr_expect_gt(x.s.signed_at, 0);
    cr_expect_eq(unexpected(&x, NULL), 0, "zeros behind the signature are normal");
    cr_expect_null(x.why);
}

Test(apple, adhoc_names_nobody, .fini = end)
{
    struct trn_apple x = verify(corpus("adhoc"));
    cr_expect_eq(x.s.kind, TRN_SIGNATURE_APPLE_ADHOC);
    cr_expect_eq(x.s.digest, TRN_DIGEST_OK);
    cr_expect_eq(x.s.chain, TRN_CHAIN_NONE);
    cr_expect(trn_str_is_none(x.s.signer));
    cr_expect(trn_str_eq_c(trn_apple_flags(arena, x.directories[0].flags), "adhoc"));
}

Test(apple, stuffed_bytes_are_named_by_their_place, .fini = end)
{
    struct trn_apple x = verify(corpus("stuffed"));
    cr_expect_eq(x.s.digest, TRN_DIGEST_OK, "the signature covers none of them");
    cr_assert_eq(unexpected(&x, "room behind the signature"), 1);
    const struct trn_uncovered *u = &x.s.uncovered[x.s.n_uncovered - 1];
    cr_expect_eq(u->at, macho.signature_at + x.superblob);
    cr_expect_eq(u->size, 300);
}

Test(apple, one_byte_alone_is_found, .fini = end)
{
    struct trn_str f = corpus("signed");
    content[f.n - 9] = 1;
    struct trn_apple x = verify(f);
    cr_assert_eq(unexpected(&x, NULL), 1);
    cr_expect_eq(x.s.uncovered[x.s.n_uncovered - 1].at, f.n - 9);
    cr_expect_eq(x.s.uncovered[x.s.n_uncovered - 1].size, 1);
}

Test(apple, a_changed_page_is_told_with_its_place, .fini = end)
{
    struct trn_apple x = verify(corpus("tampered"));
    cr_expect_eq(x.s.digest, TRN_DIGEST_BAD);
    cr_expect_eq(x.wrong_at, 4096);
    cr_expect_str_eq(x.why, "a page was changed");
}

Test(apple, every_bit_of_the_signed_part_counts, .fini = end)
{
    struct trn_str f = corpus("signed");
    struct trn_apple good = verify(f);
    uint64_t from = macho.signature_at, cms = 0;
    for (uint32_t i = 0; i < good.s.n_uncovered; i++)
        if (strcmp(good.s.uncovered[i].what, "the signature itself") == 0)
            cms = good.s.uncovered[i].at;
    cr_assert_gt(cms, from);
    for (uint64_t at = from; at < cms; at++) { /* index, directory, requirements */
        if (at >= from + 4 && at < from + 8)
            continue; /* the SuperBlob's length: a larger one only takes zeros in */
        content[at] ^= 0x10;
        struct trn_apple x = verify(f);
        cr_expect(x.s.digest != TRN_DIGEST_OK, "byte 0x%llx", (unsigned long long)at);
        content[at] ^= 0x10;
        trn_arena_reset(arena);
    }
    for (uint64_t at = 2048; at < from; at += 97) { /* the program */
        content[at] ^= 1;
        struct trn_apple x = verify(f);
        cr_expect_eq(x.s.digest, TRN_DIGEST_BAD, "byte 0x%llx", (unsigned long long)at);
        content[at] ^= 1;
        trn_arena_reset(arena);
    }
}

Test(apple, the_signature_of_another_directory_does_not_hold, .fini = end)
{
    struct trn_str f = corpus("signed");
    struct trn_apple good = verify(f);
    const struct trn_uncovered *cms = NULL;
    for (uint32_t i = 0; i < good.s.n_uncovered; i++)
        if (strcmp(good.s.uncovered[i].what, "the signature itself") == 0)
            cms = &good.s.uncovered[i];
    cr_assert_not_null(cms);
    content[cms->at + cms->size - 5] ^= 1; /* inside of the RSA signature, which stands last */
    struct trn_apple x = verify(f);
    cr_expect_eq(x.s.digest, TRN_DIGEST_BAD);
    cr_expect_str_eq(x.why, "the signature is not of this code directory");
}

Test(apple, a_second_directory_must_be_named_by_the_signer, .fini = end)
{
    struct trn_apple x = verify(corpus("alternate"));
    cr_expect_eq(x.n_directories, 2);
    cr_expect_eq(x.s.digest, TRN_DIGEST_BAD);
    cr_expect_str_eq(x.why, "it has a second code directory that its signer does not name");
}

Test(apple, blobs_without_a_hash_and_gaps_are_uncovered, .fini = end)
{
    struct trn_apple x = verify(corpus("stray"));
    cr_expect_eq(x.s.digest, TRN_DIGEST_OK);
    cr_expect_eq(unexpected(&x, "gap between the parts of the signature"), 1);
    cr_expect_eq(unexpected(&x, "part of the signature that no hash covers"), 1);
}

Test(apple, entitlements_are_there, .fini = end)
{
    struct trn_apple x = verify(corpus("entitlements"));
    cr_expect_eq(x.s.digest, TRN_DIGEST_OK);
    cr_expect(trn_str_contains(x.entitlements, TRN_STR("com.apple.security.cs.disable-library-validation")));
}

Test(apple, a_room_of_zeros_is_no_signature, .fini = end)
{
    struct trn_str f = corpus("adhoc");
    (void)verify(f);
    memset(content + macho.signature_at, 0, macho.signature_size);
    struct trn_apple x = verify(f);
    cr_expect_eq(x.s.kind, TRN_SIGNATURE_NONE);
    memset(content + macho.signature_at, 0x41, 100);
    x = verify(f);
    cr_expect_eq(x.s.digest, TRN_DIGEST_BAD);
    cr_expect_str_eq(x.why, "its signature is damaged");
}

Test(apple, hashes_that_an_earlier_signature_left_are_known_and_nothing_else, .fini = end)
{
    struct trn_str f = corpus("remains");
    struct trn_apple x = verify(f);
    cr_expect_eq(x.s.digest, TRN_DIGEST_OK);
    cr_expect_eq(unexpected(&x, NULL), 0);
    uint64_t at = macho.signature_at + x.superblob;
    for (uint64_t i = at; i < at + 110; i += 3) {
        content[i] ^= 1;
        x = verify(f);
        cr_expect_eq(unexpected(&x, "room behind the signature"), 1, "byte %llu", (unsigned long long)(i - at));
        content[i] ^= 1;
    }
    content[at + 110] ^= 1; /* one more behind them */
    x = verify(f);
    cr_expect_eq(unexpected(&x, "room behind the signature"), 1);
}
