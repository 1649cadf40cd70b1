/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any record crash the decoder, and does what it accepts survive all outputs and come back? */
#include "event/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_cursor c = trn_cur(data, size);
    struct trn_event ev, back;
    struct trn_buf a, b;

    if (trn_event_decode(&c, &ev) < 0)
        return 0;
    trn_buf_init(&a, 8 << 20);
    trn_buf_init(&b, 8 << 20);
    trn_event_encode(&ev, &a);
    struct trn_cursor again = trn_cur_of(trn_buf_str(&a));
    if (trn_event_decode(&again, &back) < 0)
        abort();
    trn_event_encode(&back, &b);
    if (!trn_str_eq(trn_buf_str(&a), trn_buf_str(&b)))
        abort();
    trn_buf_clear(&b);
    trn_event_to_json(&ev, &b);
    trn_event_describe(&ev, &b);
    if (!b.bad && !trn_utf8_valid(trn_buf_str(&b)))
        abort();
    trn_buf_done(&a);
    trn_buf_done(&b);
    return 0;
}
