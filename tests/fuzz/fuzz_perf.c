/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any perf record crash its reader, or become an event that breaks a promise? */
#include "sensor/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(1 << 16);
    struct trn_event ev;
    struct trn_buf text;
    uint64_t value;

    struct trn_bpf_names names = {0};

    if (trn_perf_peek(trn_cur(data, size), &value) == TRN_PERF_SYMBOL &&
        trn_bpf_names_see(&names, trn_cur(data, size)) == 0 &&
        (names.next > 1 || names.v[0].n > sizeof(names.v[0].name)))
        abort();
    if (!a || trn_decode_perf(trn_cur(data, size), a, &ev) != 0)
        return 0;
    if (ev.type != TRN_EV_LIB_LOAD && ev.type != TRN_EV_MEM_EXEC && ev.type != TRN_EV_BPF)
        abort();
    if (ev.type != TRN_EV_BPF && (ev.pid == TRN_NO_U32 || ev.map.build_id.n > 20))
        abort();
    trn_buf_init(&text, 1 << 20);
    trn_event_to_json(&ev, &text);
    trn_buf_done(&text);
    return 0;
}
