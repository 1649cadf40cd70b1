/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any wire record crash its reader, or become an event that breaks a promise? */
#include "sensor/sensor.h"

static bool ends_with_nul(struct trn_str list)
{
    return list.n == 0 || list.p[list.n - 1] == '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(1 << 16);
    struct trn_event ev;
    struct trn_buf text;

    if (!a || trn_decode_record(trn_cur(data, size), 1, a, &ev) != 0)
        return 0;
    if (ev.type == TRN_EV_INVALID || ev.type >= TRN_EV_MAX || ev.action >= TRN_ACT_MAX)
        abort();
    if (ev.type == TRN_EV_EXEC && !(ends_with_nul(ev.exec.argv) && ends_with_nul(ev.exec.env)))
        abort();
    if (ev.type == TRN_EV_DNS && !ends_with_nul(ev.dns.answers))
        abort();
    if (ev.type == TRN_EV_LOSS && ev.meta.klass >= TRN_CLASS_MAX)
        abort();
    /* Whoever reads the event next must be able to. */
    trn_buf_init(&text, 1 << 20);
    trn_event_to_json(&ev, &text);
    trn_buf_done(&text);
    return 0;
}
