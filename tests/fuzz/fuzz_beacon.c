/* SPDX-License-Identifier: Apache-2.0 */
/* Question: can a damaged row of a beacon or of the record of being awake harm what reads it, or what judges it then? */
#include "detect/behaviour/beacon_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_beacon b;
    struct trn_awake a = {0};
    struct trn_beacon_verdict v;
    if (size < 2 || size > 4096)
        return 0;
    /* The first byte: how long the beacon's row is; the rest is the record. */
    size_t n = TRN_MIN((size_t)data[0], size - 1);
    if (!trn_awake_decode((struct trn_str){(const char *)data + 1 + n, size - 1 - n}, &a))
        a.n = 0;
    if (!trn_beacon_decode((struct trn_str){(const char *)data + 1, n}, &b))
        return 0;
    for (uint32_t i = 0; i < 3; i++) {
        if (trn_beacon_judge(&b, &a, &v) && !(v.score >= 0 && v.score <= 1 && v.period >= 0))
            abort();
        trn_beacon_connection(&b, b.last + 1000 * (i + 1));
        trn_awake_seen(&a, b.last);
    }
    struct trn_buf out;
    struct trn_beacon again;
    trn_buf_init(&out, 4096);
    trn_beacon_encode(&b, &out);
    if (out.bad || (b.ring_n < b.n_checkins && !trn_beacon_decode(trn_buf_str(&out), &again)))
        abort();
    trn_buf_done(&out);
    return 0;
}
