/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: file records, which turncoatd makes from fanotify, to events. The class of a sensitive
 * place travels as its number in the table of sensitive.c and becomes words here.
 */
#include "sensor/reader.h"

#include "sensor/bpf/wire.h"

struct wire_file {
    uint16_t op, place, path_len, old_len;
    uint32_t flags, uid, gid;
};

static enum trn_action action_of(uint16_t op)
{
    switch (op) {
    case TRN_WIRE_FILE_CREATE:
        return TRN_ACT_CREATED;
    case TRN_WIRE_FILE_CLOSE_WRITE:
        return TRN_ACT_WRITTEN;
    case TRN_WIRE_FILE_RENAME:
        return TRN_ACT_RENAMED;
    case TRN_WIRE_FILE_DELETE:
        return TRN_ACT_DELETED;
    case TRN_WIRE_FILE_ATTRIBUTES:
        return TRN_ACT_ATTRIBUTES;
    default:
        return TRN_ACT_NONE;
    }
}

static int put_place(const struct wire_file *w, struct trn_event *ev)
{
    size_t count;
    const struct trn_sensitive_place *places = trn_sensitive_places(&count);

    if (w->place > count)
        return -EBADMSG;
    if (w->place > 0) {
        ev->file.sensitive = trn_str_of(places[w->place - 1].klass);
        ev->file.owner_hint = trn_str_of(places[w->place - 1].owner);
    }
    return 0;
}

int trn_decode_file(struct trn_cursor *c, struct trn_event *ev)
{
    struct trn_file_key key = {0};
    struct wire_file w = {0};
    uint64_t size, ctime_sec;
    uint32_t ctime_nsec, major, minor, mode;

    key.ino = trn_cur_u64le(c);
    size = trn_cur_u64le(c);
    ctime_sec = trn_cur_u64le(c);
    ctime_nsec = trn_cur_u32le(c);
    (void)trn_cur_u32le(c); /* number of links: no field has it */
    major = trn_cur_u32le(c);
    minor = trn_cur_u32le(c);
    mode = trn_cur_u32le(c);
    w.flags = trn_cur_u32le(c);
    w.uid = trn_cur_u32le(c);
    w.gid = trn_cur_u32le(c);
    w.op = trn_cur_u16le(c);
    w.place = trn_cur_u16le(c);
    w.path_len = trn_cur_u16le(c);
    w.old_len = trn_cur_u16le(c);
    if (c->bad || w.op < TRN_WIRE_FILE_CREATE || w.op > TRN_WIRE_FILE_ATTRIBUTES || ctime_nsec >= TRN_NS_PER_SEC)
        return -EBADMSG;
    ev->type = w.op == TRN_WIRE_FILE_OPEN ? TRN_EV_OPEN : TRN_EV_FILE;
    ev->action = (uint16_t)action_of(w.op);
    ev->file.path = trn_cur_bytes(c, w.path_len);
    if (w.old_len > 0)
        ev->file.old_path = trn_cur_bytes(c, w.old_len);
    if (!trn_cur_end(c))
        return -EBADMSG;
    if (w.flags & TRN_WIRE_FILE_GONE)
        ev->flags |= TRN_EVF_GONE;
    key.dev = (uint64_t)major << 20 | minor;
    ev->file.file = key; /* of a file that is gone the number may be known, or not even that (0) */
    if (!(w.flags & TRN_WIRE_FILE_NO_STAT)) {
        key.ctime_ns = ctime_sec * TRN_NS_PER_SEC + ctime_nsec;
        ev->file.file = key;
        ev->file.size = size;
        ev->file.mode = mode;
        ev->file.uid = w.uid;
        ev->file.gid = w.gid;
    }
    return put_place(&w, ev);
}
