/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is a lost hook told in a record that the reader takes, however long its story? */
#include "sensor/hook_check.h"

#include <criterion/criterion.h>

static int decode(void *ctx, struct trn_str record)
{
    static char kept[512];
    struct trn_arena *a = trn_arena_new(4096);
    struct trn_event *ev = ctx;

    cr_assert_eq(trn_decode_record(trn_cur_of(record), 1, a, ev), 0);
    memcpy(kept, ev->meta.text.p, ev->meta.text.n);
    ev->meta.text.p = kept;
    trn_arena_free(a);
    return 0;
}

Test(sensor_hook_check, a_lost_hook_is_told)
{
    const struct trn_sensor_hook h = {.name = "network.connect4"};
    struct trn_event ev;
    const struct trn_record_sink sink = {decode, &ev};
    char text[600];

    cr_assert_eq(trn_hook_tell(&h, false, "detached", &sink), 0);
    cr_expect(ev.type == TRN_EV_HOOK && ev.action == TRN_ACT_LOST);
    cr_expect(trn_str_eq_c(ev.meta.text, "network.connect4: detached"));
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    cr_assert_eq(trn_hook_tell(&h, true, text, &sink), 0);
    cr_expect(ev.action == TRN_ACT_RETURNED && ev.meta.text.n < 300);
}
