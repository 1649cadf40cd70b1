/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: reading what a worker of inspect says about one file, as far as turncoatd needs it: its build-id. Must not own: what
 * follows from it. The worker is believed no more than any other peer: bounds and ranges are checked, no byte is left over.
 */
#include "channel/channel.h"

#define TEXT_MAX 65536u

static struct trn_str text_of(struct trn_cursor *c)
{
    struct trn_str s = trn_cur_lstr(c);

    if (s.n > TEXT_MAX)
        c->bad = true;
    return c->bad ? TRN_STR_NONE : s;
}

int trn_channel_facts_decode(struct trn_cursor *in, struct trn_channel_facts *ret)
{
    struct trn_channel_facts f = {.job = trn_cur_u64le(in), .size = trn_cur_u64le(in)};

    (void)trn_cur_copy(in, f.sha256, sizeof(f.sha256));
    trn_cur_skip(in, TRN_MD5_SIZE);
    (void)text_of(in); /* kind */
    f.build_id = text_of(in);
    (void)text_of(in); /* interpreter */
    if (!trn_cur_end(in) || f.build_id.n > TRN_CH_BUILD_ID_MAX)
        return -EPROTO;
    *ret = f;
    return 0;
}

int trn_channel_end_decode(struct trn_cursor *in, uint64_t *ret_job)
{
    uint64_t job = trn_cur_u64le(in);

    trn_cur_skip(in, 4); /* how it ended: who waits for facts has them, or not */
    (void)text_of(in);
    if (!trn_cur_end(in))
        return -EPROTO;
    *ret_job = job;
    return 0;
}
