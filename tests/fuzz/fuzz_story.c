/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any stored story or finding crash its decoder, and is its JSON always valid text? */
#include "event/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_story TRN_AUTO(trn_freep) *s = calloc(1, sizeof(*s));
    struct trn_cursor c = trn_cur(data, size);
    struct trn_finding f;
    struct trn_buf b;

    trn_buf_init(&b, 8 << 20);
    if (s && trn_story_decode(&c, s) == 0)
        trn_story_to_json(s, &b);
    c = trn_cur(data, size);
    if (trn_finding_decode(&c, &f) == 0)
        trn_finding_to_json(&f, &b);
    if (!b.bad && !trn_utf8_valid(trn_buf_str(&b)))
        abort();
    trn_buf_done(&b);
    return 0;
}
