/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: records about reaching into other processes, about credentials, and about the sensor's own hooks. Read as
 * hostile, like all of them. Must not resolve pids: what has no start time is the engine's to find.
 */
#include "sensor/reader.h"

#include "sensor/bpf/wire.h"

static struct trn_str way_name(uint16_t way)
{
    switch (way) {
    case TRN_WIRE_WAY_PTRACE:
        return TRN_STR("ptrace");
    case TRN_WIRE_WAY_PROC_MEM:
        return TRN_STR("/proc/PID/mem");
    case TRN_WIRE_WAY_PROC_MEM_RING:
        return TRN_STR("/proc/PID/mem by io_uring");
    case TRN_WIRE_WAY_PIDFD_GETFD:
        return TRN_STR("pidfd_getfd");
    default:
        return TRN_STR_NONE;
    }
}

static uint16_t action_of(uint16_t act)
{
    switch (act) {
    case TRN_WIRE_ACCESS_ATTACH:
        return TRN_ACT_PTRACE;
    case TRN_WIRE_ACCESS_READ:
        return TRN_ACT_READ;
    case TRN_WIRE_ACCESS_WRITE:
        return TRN_ACT_WRITE;
    default:
        return TRN_ACT_NONE;
    }
}

int trn_decode_access(struct trn_cursor *c, uint64_t salt, struct trn_event *ev)
{
    uint64_t target_start = trn_cur_u64le(c);
    uint32_t target = trn_cur_u32le(c);
    uint16_t act, way;

    ev->uid = trn_cur_u32le(c);
    ev->euid = trn_cur_u32le(c);
    ev->gid = trn_cur_u32le(c);
    act = trn_cur_u16le(c);
    way = trn_cur_u16le(c);
    (void)trn_cur_u32le(c);
    ev->action = action_of(act);
    if (!trn_cur_end(c) || ev->action == TRN_ACT_NONE || way == 0 || way >= TRN_WIRE_WAY_MAX)
        return -EBADMSG;
    ev->access.way = way_name(way);
    if (way == TRN_WIRE_WAY_PROCESS_VM)
        ev->access.way = ev->action == TRN_ACT_WRITE ? TRN_STR("process_vm_writev") : TRN_STR("process_vm_readv");
    if (target != 0) {
        ev->access.target_pid = target;
        if (target_start != 0)
            ev->access.target = trn_entity_id(salt, target, target_start);
    }
    return 0;
}

int trn_decode_cred(struct trn_cursor *c, struct trn_event *ev)
{
    ev->action = TRN_ACT_USER;
    ev->uid = trn_cur_u32le(c);
    ev->euid = trn_cur_u32le(c);
    ev->gid = trn_cur_u32le(c);
    (void)trn_cur_u32le(c);
    return trn_cur_end(c) && ev->pid != TRN_NO_U32 ? 0 : -EBADMSG;
}

int trn_decode_hook(struct trn_cursor *c, struct trn_arena *arena, struct trn_event *ev)
{
    uint32_t returned = trn_cur_u32le(c);
    uint16_t name_len = trn_cur_u16le(c), text_len = trn_cur_u16le(c);
    struct trn_str name = trn_cur_bytes(c, name_len), text = trn_cur_bytes(c, text_len);

    if (!trn_cur_end(c) || returned > 1 || name.n == 0)
        return -EBADMSG;
    ev->action = returned ? TRN_ACT_RETURNED : TRN_ACT_LOST;
    ev->meta.text = text.n ? trn_arena_printf(arena, "%.*s: %.*s", TRN_STR_ARG(name), TRN_STR_ARG(text))
                           : trn_arena_str(arena, name);
    return trn_str_is_none(ev->meta.text) ? -ENOMEM : 0;
}
