/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: reads what the kernel writes: fanotify(7), events with information records. Owns the descriptors of
 * processes that an event brings, and closes them: all they tell is whether the process was still there.
 */
#include "sensor/fanotify.h"

#include <sys/fanotify.h>

/* From newer headers than Debian 12 has to. */
#ifndef FAN_EVENT_INFO_TYPE_PIDFD
#define FAN_EVENT_INFO_TYPE_PIDFD 4
#endif
#ifndef FAN_NOPIDFD
#define FAN_NOPIDFD (-1)
#endif

/* handle_bytes, handle_type and the handle, as struct file_handle has them. */
static struct trn_str read_handle(struct trn_cursor *c)
{
    struct trn_cursor peek = *c;
    uint32_t bytes = trn_cur_u32le(&peek);

    if (bytes > TRN_HANDLE_MAX) {
        c->bad = true;
        return TRN_STR_NONE;
    }
    return trn_cur_bytes(c, 8 + (size_t)bytes);
}

/* The new name of a rename, or the only one, is dir and name. */
static void read_place(struct trn_fanotify *f, uint8_t type, struct trn_cursor *c, struct trn_file_event *e)
{
    struct trn_str fsid = trn_cur_bytes(c, 8), handle = read_handle(c), name = TRN_STR_NONE;

    if (c->bad)
        return;
    if (type == FAN_EVENT_INFO_TYPE_FID) {
        e->fsid = fsid;
        e->child = handle;
        return;
    }
    name = trn_cur_until(c, '\0', NAME_MAX + 1);
    if (c->bad || f->counting)
        return;
    if (type == FAN_EVENT_INFO_TYPE_OLD_DFID_NAME) {
        e->old_dir = trn_fanotify_dir(f, fsid, handle);
        e->old_name = name;
    } else {
        e->dir = trn_fanotify_dir(f, fsid, handle);
        e->name = name;
    }
}

static void read_info(struct trn_fanotify *f, struct trn_cursor *c, struct trn_file_event *e)
{
    uint8_t type = trn_cur_u8(c);
    int32_t pidfd;

    trn_cur_skip(c, 3);
    switch (type) {
    case FAN_EVENT_INFO_TYPE_FID:
    case FAN_EVENT_INFO_TYPE_DFID_NAME:
    case FAN_EVENT_INFO_TYPE_OLD_DFID_NAME:
    case FAN_EVENT_INFO_TYPE_NEW_DFID_NAME:
        read_place(f, type, c, e);
        break;
    case FAN_EVENT_INFO_TYPE_PIDFD:
        pidfd = (int32_t)trn_cur_u32le(c);
        if (c->bad)
            return;
        e->gone = pidfd == FAN_NOPIDFD;
        if (f->pidfds && pidfd >= 0)
            trn_fd_close(pidfd);
        break;
    default:
        break;
    }
}

int trn_fanotify_event(struct trn_fanotify *f, struct trn_cursor *c, struct trn_file_event *ret)
{
    struct trn_file_event e = {.name = TRN_STR_NONE, .old_name = TRN_STR_NONE, .child = TRN_STR_NONE};
    uint16_t metadata_len;
    uint8_t version;

    (void)trn_cur_u32le(c);
    version = trn_cur_u8(c);
    (void)trn_cur_u8(c);
    metadata_len = trn_cur_u16le(c);
    e.mask = trn_cur_u64le(c);
    (void)trn_cur_u32le(c); /* no descriptor in this mode */
    e.pid = trn_cur_u32le(c);
    if (c->bad || version != FANOTIFY_METADATA_VERSION)
        return -EBADMSG;
    trn_cur_seek(c, metadata_len);
    while (trn_cur_left(c) >= 4) {
        size_t at = c->at;
        struct trn_cursor info;
        uint16_t n;

        trn_cur_skip(c, 2);
        n = trn_cur_u16le(c);
        info = trn_cur_sub(c, at, n);
        if (n < 4 || info.bad)
            return -EBADMSG;
        read_info(f, &info, &e);
        trn_cur_seek(c, at + n);
    }
    *ret = e;
    return 0;
}
