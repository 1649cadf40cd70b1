/* SPDX-License-Identifier: Apache-2.0 */
/* Question: can a compiled set of indicators, given back as other bytes, harm the one who loads it? */
#include "detect/detect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_indicators *x;
    const uint8_t zero[TRN_SHA256_SIZE] = {10};
    if (trn_indicators_load((struct trn_str){(const char *)data, size}, &x, NULL))
        return 0;
    (void)trn_indicators_sha256(x, zero, NULL);
    (void)trn_indicators_ip(x, zero, 4, NULL);
    (void)trn_indicators_ip(x, zero, 6, NULL);
    (void)trn_indicators_domain(x, TRN_STR("a.b.example"), NULL);
    trn_indicators_free(x);
    return 0;
}
