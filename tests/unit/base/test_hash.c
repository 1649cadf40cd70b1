/* SPDX-License-Identifier: Apache-2.0 */
/* Are hashes the published ones (they stand in logs and stores), and hex exact? */
#include "base/base.h"

#include <criterion/criterion.h>

Test(hash, fast_hash_is_xxh3_with_seed_zero)
{
    cr_assert_eq(trn_hash64("", 0), 0x2d06800538d394c2ull);
    cr_assert_eq(trn_hash64(NULL, 0), trn_hash64("", 0));
    cr_assert_eq(trn_hash64_str(TRN_STR("abc")), trn_hash64("abc", 3));
    cr_assert_neq(trn_hash64("abc", 3), trn_hash64("abd", 3));
}

Test(hash, mixing_depends_on_order)
{
    uint64_t ab = trn_hash64_mix(trn_hash64_mix(0, 1), 2), ba = trn_hash64_mix(trn_hash64_mix(0, 2), 1);
    cr_assert_neq(ab, ba);
    cr_assert_eq(ab, trn_hash64_mix(trn_hash64_mix(0, 1), 2));
}

Test(hash, digests_of_known_texts)
{
    uint8_t sha[TRN_SHA256_SIZE], md5[TRN_MD5_SIZE];
    char hex[2 * TRN_SHA256_SIZE + 1];
    TRN_AUTO(trn_digest_freep) struct trn_digest *d = trn_digest_new(true);
    cr_assert_not_null(d);
    cr_assert_eq(trn_digest_update(d, "a", 1), 0);
    cr_assert_eq(trn_digest_update(d, NULL, 0), 0);
    cr_assert_eq(trn_digest_update(d, "bc", 2), 0);
    cr_assert_eq(trn_digest_end(d, sha, md5), 0);
    trn_hex(sha, sizeof(sha), hex);
    cr_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    trn_hex(md5, sizeof(md5), hex);
    cr_assert_str_eq(hex, "900150983cd24fb0d6963f7d28e17f72");
    cr_assert_eq(trn_sha256("", 0, sha), 0);
    trn_hex(sha, sizeof(sha), hex);
    cr_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

Test(hash, md5_only_when_asked)
{
    uint8_t sha[TRN_SHA256_SIZE], md5[TRN_MD5_SIZE];
    TRN_AUTO(trn_digest_freep) struct trn_digest *d = trn_digest_new(false);
    cr_assert_eq(trn_digest_end(d, sha, md5), -EINVAL);
    cr_assert_null(trn_digest_free(NULL));
}

Test(hash, hex_is_exact_or_refused)
{
    uint8_t out[3] = {9, 9, 9};
    cr_assert_eq(trn_unhex(TRN_STR("00fFaB"), out, 3), 0);
    cr_assert_arr_eq(out, "\x00\xff\xab", 3);
    struct trn_str bad[] = {TRN_STR("00ff"), TRN_STR("00ffab0"), TRN_STR("00ffag"), TRN_STR("00 fab"), TRN_STR_NONE};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(bad); i++)
        cr_assert_eq(trn_unhex(bad[i], out, 3), -EINVAL, "case %zu", i);
    cr_assert_arr_eq(out, "\x00\xff\xab", 3, "untouched on failure");
}
