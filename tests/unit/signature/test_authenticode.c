/* SPDX-License-Identifier: Apache-2.0 */
/* The files were made by tests/fixtures/signed.py; their keys are thrown away. Is each of them read as what it is? */
#include "signature/signature.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define NOW 1750000000

static struct trn_str load(const char *name)
{
    static char bytes[1 << 16];
    char path[512];
    snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/authenticode/%s", getenv("TRN_TEST_SOURCE"), name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, bytes, sizeof(bytes)) : -1;
    cr_assert_gt(n, 0, "cannot read %s", path);
    close(fd);
    return (struct trn_str){bytes, (size_t)n};
}

static struct trn_arena *arena;
static struct trn_trust_roots *roots;

static int read_bytes(struct trn_str bytes, struct trn_signed *x)
{
    struct trn_signature_options o = {sizeof(o), roots, NOW};
    struct trn_source s = trn_source_mem(bytes);
    struct trn_pe pe;
    int e = trn_pe_read(&s, arena, &pe);
    return e < 0 ? e : trn_authenticode_pe(&pe, &o, arena, x, NULL);
}

static struct trn_signed of(const char *name)
{
    struct trn_signed x = {0};
    if (!arena) {
        arena = trn_arena_new(0);
        cr_assert_eq(trn_trust_roots_load(load("root.pem"), &roots), 0);
        cr_assert_eq(trn_trust_roots_count(roots), 1);
    }
    cr_assert_eq(read_bytes(load(name), &x), 0, "%s", name);
    return x;
}

static void expect(const char *name, enum trn_digest_state digest, enum trn_chain_state chain, uint32_t signatures,
                   uint32_t places)
{
    struct trn_signed x = of(name);
    cr_expect_eq(x.signature.digest, digest, "%s: digest %s", name, trn_digest_state_name(x.signature.digest));
    cr_expect_eq(x.signature.chain, chain, "%s: chain %s", name, trn_chain_state_name(x.signature.chain));
    cr_expect_eq(x.signature.signatures, signatures, "%s: %u signatures", name, x.signature.signatures);
    cr_expect_eq(x.n_places, places, "%s: %u places", name, x.n_places);
}

static void expect_place(const char *name, enum trn_unsigned_place_kind kind, uint64_t size)
{
    struct trn_signed x = of(name);
    cr_assert_eq(x.n_places, 1, "%s: %u places", name, x.n_places);
    cr_expect_eq(x.places[0].kind, kind, "%s: kind %d", name, (int)x.places[0].kind);
    cr_expect(x.places[0].size >= size && x.places[0].size < size + 1000, "%s: %llu bytes", name,
              (unsigned long long)x.places[0].size);
    cr_expect_eq(x.signature.digest, TRN_DIGEST_OK, "%s still counts as signed", name);
}

Test(authenticode, what_is_right_is_said_to_be_right)
{
    static const char *const names[] = {"plain", "sha1", "sha384", "md5", "pe32", "pages", "pages-sha1", "stamped"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++)
        expect(names[i], TRN_DIGEST_OK, TRN_CHAIN_OK, 1, 0);
    struct trn_signed x = of("plain");
    cr_expect(trn_str_eq_c(x.signature.signer, "Fixture code"));
    cr_expect(trn_str_eq_c(x.signature.digest_name, "sha256"));
    cr_expect_eq(x.signature.content_digest.n, 32);
    cr_expect_str_eq(x.program, "fixture");
}

Test(authenticode, two_signatures_beside_and_in_one_another)
{
    expect("dual", TRN_DIGEST_OK, TRN_CHAIN_OK, 2, 0);
    expect("nested", TRN_DIGEST_OK, TRN_CHAIN_OK, 2, 0);
}

Test(authenticode, a_changed_byte_of_the_content_or_of_the_signature)
{
    expect("tampered", TRN_DIGEST_BAD, TRN_CHAIN_OK, 1, 0);
    expect("signature-tampered", TRN_DIGEST_BAD, TRN_CHAIN_OK, 1, 0);
}

Test(authenticode, every_byte_is_covered_or_told)
{
    struct trn_str good = load("plain");
    TRN_AUTO(trn_freep) char *copy = malloc(good.n);
    struct trn_signed x = of("plain"), y;
    good = load("plain");
    for (size_t i = 0; i < good.n; i += 7) {
        bool told = false;
        for (uint32_t u = 0; u < x.signature.n_uncovered; u++)
            told |= i >= x.signature.uncovered[u].at && i < x.signature.uncovered[u].at + x.signature.uncovered[u].size;
        memcpy(copy, good.p, good.n);
        copy[i] ^= 0x10;
        memset(&y, 0, sizeof(y));
        int e = read_bytes((struct trn_str){copy, good.n}, &y);
        cr_expect(told || e < 0 || y.signature.digest != TRN_DIGEST_OK, "byte 0x%zx is neither covered nor told", i);
    }
}

Test(authenticode, hashes_of_pages)
{
    cr_expect_eq(of("pages").pages, TRN_DIGEST_OK);
    cr_expect_eq(of("pages-sha1").pages, TRN_DIGEST_OK);
    cr_expect_eq(of("plain").pages, TRN_DIGEST_NONE);
}

Test(authenticode, time_stamps_make_an_old_certificate_good)
{
    expect("old", TRN_DIGEST_OK, TRN_CHAIN_EXPIRED, 1, 0);
    expect("old-stamped", TRN_DIGEST_OK, TRN_CHAIN_OK, 1, 0);
    cr_expect_eq(of("old-stamped").signature.signed_at, 1700000000);
    cr_expect_eq(of("plain").signature.signed_at, 0);
}

Test(authenticode, a_certificate_for_web_servers_is_not_for_code)
{
    expect("web", TRN_DIGEST_OK, TRN_CHAIN_BAD, 1, 0);
}

Test(authenticode, without_roots_every_chain_is_unknown)
{
    of("plain");
    roots = trn_trust_roots_free(roots);
    expect("plain", TRN_DIGEST_OK, TRN_CHAIN_UNKNOWN, 1, 0);
}

Test(authenticode, what_stands_where_no_signature_looks)
{
    expect_place("stuffed", TRN_PLACE_SLACK, 4800);
    expect_place("stuffed-second", TRN_PLACE_SLACK, 4800);
    expect_place("tagged", TRN_PLACE_SLACK, 517);
    expect_place("zeros", TRN_PLACE_SLACK, 64);
    expect_place("padding", TRN_PLACE_SLACK, 1);
    expect_place("behind", TRN_PLACE_BEHIND, 4800);
    expect_place("other-entry", TRN_PLACE_ENTRY, 4800);
    expect_place("attribute", TRN_PLACE_ATTRIBUTE, 4800);
    expect_place("attribute-known", TRN_PLACE_ATTRIBUTE, 4800);
    expect_place("attribute-small", TRN_PLACE_ATTRIBUTE, 17);
    expect_place("certificate", TRN_PLACE_CERTIFICATE, 6000);
}

Test(authenticode, the_place_of_hidden_bytes_is_exact)
{
    struct trn_signed x = of("stuffed");
    struct trn_str bytes = load("stuffed"), plain;
    uint8_t hash[TRN_SHA256_SIZE], other[TRN_SHA256_SIZE];
    cr_assert_eq(trn_sha256(bytes.p + x.places[0].at, 4800, hash), 0);
    x = of("behind");
    plain = load("behind");
    cr_assert_eq(trn_sha256(plain.p + x.places[0].at, 4800, other), 0);
    cr_expect_arr_eq(hash, other, TRN_SHA256_SIZE);
}

Test(authenticode, cut_at_every_place_is_an_error_or_told)
{
    struct trn_str good = load("stamped");
    struct trn_signed x = of("stamped");
    good = load("stamped");
    size_t whole = (size_t)(x.table_at + x.table_size);
    for (size_t n = 0; n < whole; n += 97) {
        memset(&x, 0, sizeof(x));
        int e = read_bytes(trn_str_slice(good, 0, n), &x);
        cr_expect(e < 0 || x.signature.digest == TRN_DIGEST_UNKNOWN, "cut at %zu: %d", n, e);
    }
    of("cut");
    cr_expect_eq(of("cut").n_places, 0, "what is cut off hides nothing");
}

Test(authenticode, unsigned_is_not_an_error_of_the_file)
{
    struct trn_signed x;
    of("plain");
    cr_expect_eq(read_bytes(load("unsigned"), &x), -ENOENT);
}

Test(roots, what_is_no_certificate_is_passed_over)
{
    struct trn_trust_roots *r = NULL;
    cr_assert_eq(trn_trust_roots_load(TRN_STR("x\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"), &r),
                 0);
    cr_expect_eq(trn_trust_roots_count(r), 0);
    trn_trust_roots_free(r);
}
