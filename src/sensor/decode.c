/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: wire records to struct trn_event: the head, and the small ones. Records come from the
 * kernel or from turncoatd, and are read as if they came from an enemy: field by field through the
 * cursor, every length checked, nothing left over. Views point into the record or the arena.
 */
#include "sensor/reader.h"

#include <signal.h>

#include "sensor/bpf/wire.h"

/* What every event has: type, time, process. */
static void decode_begin(struct trn_event *ev, enum trn_event_type type, const struct trn_wire_head *h, uint64_t salt)
{
    trn_event_init(ev, type);
    ev->boot_ns = h->time;
    if (h->tgid == 0)
        return;
    ev->pid = h->tgid;
    if (h->tid != 0)
        ev->tid = h->tid;
    if (h->start != 0)
        ev->entity = trn_entity_id(salt, h->tgid, h->start);
    if (type == TRN_EV_FORK || type == TRN_EV_EXEC)
        ev->start_ns = h->start;
}

static int read_head(struct trn_cursor *c, struct trn_wire_head *ret)
{
    uint8_t version;

    ret->size = trn_cur_u32le(c);
    ret->type = trn_cur_u16le(c);
    version = trn_cur_u8(c);
    (void)trn_cur_u8(c);
    ret->time = trn_cur_u64le(c);
    ret->start = trn_cur_u64le(c);
    ret->tgid = trn_cur_u32le(c);
    ret->tid = trn_cur_u32le(c);
    if (c->bad || version != TRN_WIRE_VERSION || ret->size != c->n)
        return -EBADMSG;
    return 0;
}

static int decode_fork(struct trn_cursor *c, uint64_t salt, struct trn_event *ev)
{
    uint64_t parent_start = trn_cur_u64le(c);

    ev->cgroup = trn_cur_u64le(c);
    ev->fork.parent_pid = trn_cur_u32le(c);
    ev->uid = trn_cur_u32le(c);
    if (!trn_cur_end(c))
        return -EBADMSG;
    if (ev->fork.parent_pid != 0 && parent_start != 0)
        ev->fork.parent = trn_entity_id(salt, ev->fork.parent_pid, parent_start);
    return 0;
}

/* As perf says it, so that the two can be compared: "/memfd:x (deleted)". */
static int mapped_path(struct trn_str parts, bool cut, bool deleted, struct trn_arena *arena, struct trn_str *ret)
{
    int r = 0;

    *ret = TRN_STR("//anon");
    if (parts.n > 0)
        r = trn_join_path(parts, cut, arena, ret);
    if (r == 0 && parts.n > 0 && deleted) {
        *ret = trn_arena_printf(arena, "%.*s (deleted)", TRN_STR_ARG(*ret));
        r = trn_str_is_none(*ret) ? -ENOMEM : 0;
    }
    return r;
}

static int decode_mapped(struct trn_cursor *c, struct trn_arena *arena, struct trn_event *ev)
{
    uint32_t major, nlink, flags;
    struct trn_str parts, path;
    uint16_t path_len;
    int r;

    ev->map.file.ino = trn_cur_u64le(c);
    ev->map.file.ctime_ns = trn_cur_u64le(c);
    ev->map.address = trn_cur_u64le(c);
    ev->map.length = trn_cur_u64le(c);
    major = trn_cur_u32le(c);
    ev->map.file.dev = (uint64_t)major << 20 | trn_cur_u32le(c);
    nlink = trn_cur_u32le(c);
    ev->map.prot = trn_cur_u32le(c);
    flags = trn_cur_u32le(c);
    path_len = trn_cur_u16le(c);
    (void)trn_cur_u16le(c);
    parts = trn_cur_bytes(c, path_len);
    if (!trn_cur_end(c))
        return -EBADMSG;
    r = mapped_path(parts, (flags & TRN_WIRE_PATH_TRUNCATED) != 0, nlink == 0, arena, &path);
    if (r == 0)
        r = trn_classify_mapping(path, ev->map.prot, ev);
    if (r != 0)
        return r;
    ev->flags = TRN_EVF_EXISTING;
    if (flags & TRN_WIRE_PATH_TRUNCATED)
        ev->flags |= TRN_EVF_PATH_CUT;
    if (ev->map.file.ino == 0)
        ev->map.file = (struct trn_file_key){0};
    if (parts.n > 0)
        ev->map.path = path;
    return 0;
}

static int decode_exit(struct trn_cursor *c, struct trn_event *ev)
{
    uint32_t status = trn_cur_u32le(c), sig = status & 0x7f;

    ev->uid = trn_cur_u32le(c);
    if (!trn_cur_end(c))
        return -EBADMSG;
    if (sig != 0)
        ev->exit.signal = sig;
    else
        ev->exit.code = (status >> 8) & 0xff;
    return 0;
}

static int decode_loss(struct trn_cursor *c, struct trn_event *ev)
{
    uint32_t reason;

    ev->meta.klass = trn_cur_u32le(c);
    reason = trn_cur_u32le(c);
    ev->meta.count = trn_cur_u64le(c);
    ev->meta.from_boot_ns = trn_cur_u64le(c);
    ev->meta.delta_ns = reason; /* for the reader, which counts them and tells one event a class */
    return trn_cur_end(c) && ev->meta.klass < TRN_CLASS_MAX && reason < TRN_WIRE_LOSS_REASONS ? 0 : -EBADMSG;
}

static int decode_throttle(struct trn_cursor *c, struct trn_event *ev)
{
    ev->action = TRN_ACT_THROTTLED;
    ev->meta.klass = trn_cur_u32le(c);
    (void)trn_cur_u32le(c);
    ev->meta.count = trn_cur_u64le(c);
    ev->meta.from_boot_ns = trn_cur_u64le(c);
    return trn_cur_end(c) && ev->meta.klass < TRN_CLASS_MAX ? 0 : -EBADMSG;
}

int trn_decode_piece(struct trn_cursor record, uint64_t salt, struct trn_piece *ret, struct trn_event *ret_ev)
{
    struct trn_wire_head h = {0};
    int r = read_head(&record, &h);

    if (r != 0)
        return r;
    if (h.type != TRN_WIRE_DNS_STREAM && h.type != TRN_WIRE_TLS)
        return -ENOMSG;
    decode_begin(ret_ev, h.type == TRN_WIRE_TLS ? TRN_EV_TLS : TRN_EV_DNS, &h, salt);
    return trn_decode_piece_body(&record, ret, ret_ev);
}

static enum trn_event_type event_type_of(uint16_t wire)
{
    switch (wire) {
    case TRN_WIRE_FORK:
        return TRN_EV_FORK;
    case TRN_WIRE_EXEC:
        return TRN_EV_EXEC;
    case TRN_WIRE_EXIT:
        return TRN_EV_EXIT;
    case TRN_WIRE_MAPPED:
        return TRN_EV_LIB_LOAD;
    case TRN_WIRE_CONNECT:
    case TRN_WIRE_ESTABLISHED:
    case TRN_WIRE_FAILED:
    case TRN_WIRE_SEND:
        return TRN_EV_CONNECT;
    case TRN_WIRE_ACCEPT:
        return TRN_EV_ACCEPT;
    case TRN_WIRE_CLOSE:
        return TRN_EV_NET_CLOSE;
    case TRN_WIRE_LISTEN:
        return TRN_EV_LISTEN;
    case TRN_WIRE_DNS:
        return TRN_EV_DNS;
    case TRN_WIRE_FILE:
        return TRN_EV_FILE;
    case TRN_WIRE_LOSS:
    case TRN_WIRE_THROTTLE:
        return TRN_EV_LOSS;
    case TRN_WIRE_FILTER:
        return TRN_EV_FILTER;
    case TRN_WIRE_ACCESS:
        return TRN_EV_ACCESS;
    case TRN_WIRE_CRED:
        return TRN_EV_CRED;
    case TRN_WIRE_HOOK:
        return TRN_EV_HOOK;
    default:
        return TRN_EV_INVALID;
    }
}

int trn_decode_record(struct trn_cursor record, uint64_t salt, struct trn_arena *arena, struct trn_event *ret)
{
    struct trn_wire_head h = {0};
    enum trn_event_type type;
    int r = read_head(&record, &h);

    if (r != 0)
        return r;
    type = event_type_of(h.type == TRN_WIRE_REPEATED ? trn_repeated_what(record) : h.type);
    if (type == TRN_EV_INVALID)
        return -EBADMSG;
    decode_begin(ret, type, &h, salt);
    switch (type) {
    case TRN_EV_FORK:
        return decode_fork(&record, salt, ret);
    case TRN_EV_EXEC:
        return trn_decode_exec(&record, salt, arena, ret);
    case TRN_EV_EXIT:
        return decode_exit(&record, ret);
    case TRN_EV_FILTER:
        return trn_decode_filter(&record, &h, ret);
    case TRN_EV_LIB_LOAD:
        return decode_mapped(&record, arena, ret);
    case TRN_EV_DNS:
        return trn_decode_dns(&record, arena, ret);
    case TRN_EV_FILE:
        return trn_decode_file(&record, ret);
    case TRN_EV_LOSS:
        return h.type == TRN_WIRE_THROTTLE ? decode_throttle(&record, ret) : decode_loss(&record, ret);
    case TRN_EV_ACCESS:
        return trn_decode_access(&record, salt, ret);
    case TRN_EV_CRED:
        return trn_decode_cred(&record, ret);
    case TRN_EV_HOOK:
        return trn_decode_hook(&record, arena, ret);
    default:
        return trn_decode_net(&record, &h, ret);
    }
}
