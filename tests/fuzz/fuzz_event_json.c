/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any JSON crash the reader, and is what it accepts the same after writing and reading again? */
#include "event/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *arena = trn_arena_new(8 << 20);
    struct trn_event ev;
    struct trn_err err;
    struct trn_buf a;

    if (arena == NULL || trn_event_from_json((struct trn_str){(const char *)data, size}, arena, &ev, &err) < 0)
        return 0;
    trn_buf_init(&a, 8 << 20);
    trn_event_to_json(&ev, &a);
    if (!a.bad && trn_event_from_json(trn_buf_str(&a), arena, &ev, &err) < 0)
        abort();
    trn_buf_done(&a);
    return 0;
}
