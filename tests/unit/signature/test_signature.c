/* SPDX-License-Identifier: Apache-2.0 */
#include "signature/signature.h"

#include <criterion/criterion.h>

Test(signature, states_have_names)
{
    struct trn_signature s = {0};
    cr_expect_str_eq(trn_signature_state_name(&s), "unsigned");
    s.kind = TRN_SIGNATURE_MSI;
    cr_expect_str_eq(trn_signature_state_name(&s), "unverified");
    s.digest = TRN_DIGEST_OK;
    s.chain = TRN_CHAIN_OK;
    cr_expect_str_eq(trn_signature_state_name(&s), "valid");
    s.digest = TRN_DIGEST_BAD;
    cr_expect_str_eq(trn_signature_state_name(&s), "invalid");
    for (int i = 0; i < TRN_SIGNATURE_KIND_MAX; i++)
        cr_expect_not_null(trn_signature_kind_name((enum trn_signature_kind)i));
    cr_expect_str_eq(trn_chain_state_name(TRN_CHAIN_EXPIRED), "expired");
    cr_expect_str_eq(trn_chain_state_name(99), "none");
}

Test(signature, uncovered_bytes_are_counted_past_the_list)
{
    struct trn_signature s = {0};
    for (uint64_t i = 0; i < 2 * TRN_UNCOVERED_MAX; i++)
        trn_signature_uncovered(&s, 10 * i, 3, "gap", false);
    trn_signature_uncovered(&s, 5, 0, "nothing", false);
    cr_expect_eq(s.n_uncovered, TRN_UNCOVERED_MAX);
    cr_expect_eq(s.uncovered_total, 2u * TRN_UNCOVERED_MAX * 3u);
    trn_signature_uncovered(&s, 0, UINT64_MAX, "all", false);
    cr_expect_eq(s.uncovered_total, UINT64_MAX);
}
