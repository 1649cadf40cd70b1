/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled rules from a file: nothing that was not hashed may reach libyara. First byte 1: the hash and the key are put right
 * first, so that the body is parsed as well. */
#include "artifact/yara_internal.h"

#define HEAD (8 + TRN_YARA_KEY + 8 + TRN_SHA256_SIZE)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[TRN_YARA_KEY] = {'k'};
    struct trn_yara_body b;
    bool fix = size > 1 + HEAD && data[0] == 1;
    if (size < 1)
        return 0;
    uint8_t *copy = malloc(size);
    if (!copy)
        return 0;
    memcpy(copy, data + 1, size - 1);
    if (fix) {
        uint64_t n = size - 1 - HEAD;
        memcpy(copy, "TRNYARC1", 8);
        memcpy(copy + 8, key, sizeof(key));
        for (size_t i = 0; i < 8; i++)
            copy[8 + TRN_YARA_KEY + i] = (uint8_t)(n >> (8 * i));
        if (trn_sha256(copy + HEAD, (size_t)n, copy + 8 + TRN_YARA_KEY + 8) < 0)
            fix = false;
    }
    int e = trn_yara_cache_parse((struct trn_str){(const char *)copy, size - 1}, key, &b);
    if (e == 0 && !fix && memcmp(copy, "TRNYARC1", 8) != 0)
        abort();
    for (uint32_t i = 0; e == 0 && i < b.n_bad; i++) {
        (void)trn_cur_lstr(&b.bad);
        (void)trn_cur_u32le(&b.bad);
        (void)trn_cur_lstr(&b.bad);
        if (b.bad.bad)
            abort(); /* it was said to be whole */
    }
    uint64_t sum = 0;
    for (size_t i = 0; e == 0 && i < TRN_YARA_SETS; i++)
        for (size_t k = 0; k < b.set[i].n; k++)
            sum += (uint8_t)b.set[i].p[k];
    free(copy);
    return sum == UINT64_MAX;
}
