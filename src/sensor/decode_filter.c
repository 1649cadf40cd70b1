/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: a filter record to the event that says what is not watched. Read like what comes from the
 * kernel: turncoatd made it of somebody's words.
 */
#include "sensor/reader.h"

#include "sensor/bpf/wire.h"

static struct trn_str or_none(struct trn_str s)
{
    return s.n == 0 ? TRN_STR_NONE : s;
}

int trn_decode_filter(struct trn_cursor *c, const struct trn_wire_head *h, struct trn_event *ev)
{
    uint32_t flags, reserved;
    uint16_t path_len, why_len;
    uint64_t until;

    ev->filter.file.ino = trn_cur_u64le(c);
    ev->filter.file.ctime_ns = trn_cur_u64le(c);
    until = trn_cur_u64le(c);
    ev->filter.target_pid = trn_cur_u32le(c);
    ev->uid = trn_cur_u32le(c);
    ev->filter.classes = trn_cur_u32le(c);
    flags = trn_cur_u32le(c);
    path_len = trn_cur_u16le(c);
    why_len = trn_cur_u16le(c);
    reserved = trn_cur_u32le(c);
    ev->filter.path = or_none(trn_cur_bytes(c, path_len));
    ev->filter.why = or_none(trn_cur_bytes(c, why_len));
    if (!trn_cur_end(c) || reserved != 0 || why_len > TRN_WIRE_FILTER_WHY_MAX || ev->filter.classes >> TRN_CLASS_MAX)
        return -EBADMSG;
    if (ev->filter.target_pid == 0)
        ev->filter.target_pid = TRN_NO_U32;
    ev->action = flags & TRN_WIRE_FILTER_ENDED ? TRN_ACT_EXPIRED : TRN_ACT_SET;
    ev->flags = flags & TRN_WIRE_FILTER_EXISTING ? TRN_EVF_EXISTING : 0;
    ev->filter.holds_ns = until > h->time ? until - h->time : 0;
    return 0;
}
