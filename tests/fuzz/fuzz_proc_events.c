/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any datagram make the reader of process events crash, or give a record that nobody can decode? */
#include "sensor/proc_events.h"

static int decode(void *ctx, struct trn_str record)
{
    struct trn_event ev;

    if (trn_decode_record(trn_cur_of(record), 1, ctx, &ev) == 0)
        return 0;
    if (trn_record_pid(record) != 0) /* nobody's debugger: no event, and no promise */
        abort();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(1 << 16);
    struct trn_proc_seen seen = {0};
    const struct trn_record_sink sink = {decode, a};

    for (int i = 0; a && i < 3; i++) {
        if (trn_proc_event(&seen, (struct trn_str){(const char *)data, size}, 5, &sink) > 0)
            abort();
    }
    return 0;
}
