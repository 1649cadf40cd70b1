/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any record of the vault crash its reader, and is what it takes written again as it was? */
#include "response/execute/vault.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_arena *arena = trn_arena_new(0);
    uint8_t digest[TRN_SHA256_SIZE];
    struct trn_vault_record r;
    struct trn_buf b, again;

    trn_buf_init(&b, TRN_VAULT_RECORD_MAX);
    trn_buf_init(&again, TRN_VAULT_RECORD_MAX);
    trn_put(&b, data, size);
    if (trn_sha256(data, size, digest) != 0) /* what is behind the hash is looked at, too */
        abort();
    trn_put(&b, digest, sizeof(digest));
    if (arena && !b.bad && trn_vault_record_decode(trn_buf_str(&b), arena, &r) == 0) {
        trn_vault_record_encode(&r, &again);
        if (!trn_str_eq(trn_buf_str(&b), trn_buf_str(&again)))
            abort();
    }
    trn_buf_done(&b);
    trn_buf_done(&again);
    trn_arena_free(arena);
    return 0;
}
