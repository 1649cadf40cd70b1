/* SPDX-License-Identifier: Apache-2.0 */
/* What can be said of packages without a key. The files were made with rpmbuild, rpmsign, gpg and ar, by a key that is gone. */
#include "signature/signature.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static struct trn_str load(const char *name)
{
    static char bytes[1 << 16];
    char path[512];
    snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/package_signature/%s", getenv("TRN_TEST_SOURCE"), name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, bytes, sizeof(bytes)) : -1;
    cr_assert_gt(n, 0, "cannot read %s", path);
    close(fd);
    return (struct trn_str){bytes, (size_t)n};
}

static int read_bytes(struct trn_str bytes, bool rpm, struct trn_arena *a, struct trn_signature *s)
{
    struct trn_source source = trn_source_mem(bytes);
    return rpm ? trn_rpm_signature(&source, a, s) : trn_deb_signature(&source, a, s);
}

Test(packages, an_rpm_is_hashed_and_signed)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(0);
    struct trn_signature s;
    cr_assert_eq(read_bytes(load("signed.rpm"), true, a, &s), 0);
    cr_expect_eq(s.kind, TRN_SIGNATURE_RPM);
    cr_expect_eq(s.digest, TRN_DIGEST_OK);
    cr_expect_eq(s.chain, TRN_CHAIN_UNKNOWN);
    cr_expect(trn_str_eq_c(s.signer, "OpenPGP key b28322b2f0c2ab43"), "%.*s", TRN_STR_ARG(s.signer));
    cr_expect_gt(s.signed_at, 1700000000);
}

Test(packages, an_rpm_that_nobody_signed_still_has_hashes)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(0);
    struct trn_signature s;
    cr_assert_eq(read_bytes(load("hashed.rpm"), true, a, &s), 0);
    cr_expect_eq(s.kind, TRN_SIGNATURE_NONE);
    cr_expect_eq(s.digest, TRN_DIGEST_OK);
}

Test(packages, a_changed_payload)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(0);
    struct trn_signature s;
    cr_assert_eq(read_bytes(load("tampered.rpm"), true, a, &s), 0);
    cr_expect_eq(s.digest, TRN_DIGEST_BAD);
}

Test(packages, a_changed_header)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(0);
    struct trn_signature s;
    struct trn_str bytes = load("signed.rpm");
    char *at = memmem(bytes.p, bytes.n, "/opt/", 5);
    cr_assert_not_null(at);
    *at = 'X';
    cr_assert_eq(read_bytes(bytes, true, a, &s), 0);
    cr_expect_eq(s.digest, TRN_DIGEST_BAD);
}

Test(packages, a_deb_says_who_signed_it)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(0);
    struct trn_signature s;
    cr_assert_eq(read_bytes(load("signed.deb"), false, a, &s), 0);
    cr_expect_eq(s.kind, TRN_SIGNATURE_DEB);
    cr_expect_eq(s.digest, TRN_DIGEST_UNKNOWN);
    cr_expect(trn_str_eq_c(s.signer, "OpenPGP key b28322b2f0c2ab43"));
    cr_expect_eq(s.n_uncovered, 1);
}

Test(packages, cut_anywhere_is_an_error_or_bad)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(0);
    struct trn_signature s;
    struct trn_str whole = load("signed.rpm");
    for (size_t n = 0; n < whole.n; n += 53) {
        trn_arena_reset(a);
        int e = read_bytes(trn_str_slice(whole, 0, n), true, a, &s);
        cr_expect(e < 0 || s.digest != TRN_DIGEST_OK, "cut at %zu", n);
    }
}
