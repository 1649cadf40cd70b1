/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a provenance row as one heap block, and as bytes for STATE rows.
 * Must not: decide which rows are kept.
 */
#include "detect/behaviour/behaviour.h"

#define WRITTEN_VERSION 1
#define PATH_MAX_KEPT 1024
#define NAME_MAX_KEPT 200

static struct trn_str put_string(char **at, struct trn_str s, size_t max)
{
    struct trn_str kept = s.p ? (struct trn_str){*at, TRN_MIN(s.n, max)} : TRN_STR_NONE;
    if (kept.n)
        memcpy(*at, s.p, kept.n);
    *at += kept.n;
    return kept;
}

struct trn_written *trn_written_copy(const struct trn_written *w)
{
    size_t n = TRN_MIN(w->path.n, (size_t)PATH_MAX_KEPT) + TRN_MIN(w->remote.n, (size_t)NAME_MAX_KEPT) +
               TRN_MIN(w->software.name.n, (size_t)NAME_MAX_KEPT) +
               TRN_MIN(w->software.version.n, (size_t)NAME_MAX_KEPT);
    struct trn_written *copy = malloc(sizeof(*copy) + n);
    if (!copy)
        return NULL;
    char *at = (char *)(copy + 1);
    *copy = *w;
    copy->path = put_string(&at, w->path, PATH_MAX_KEPT);
    copy->remote = put_string(&at, w->remote, NAME_MAX_KEPT);
    copy->software.name = put_string(&at, w->software.name, NAME_MAX_KEPT);
    copy->software.version = put_string(&at, w->software.version, NAME_MAX_KEPT);
    copy->software.signer = TRN_STR_NONE;
    return copy;
}

void trn_written_encode(const struct trn_written *w, struct trn_buf *out)
{
    trn_put_u8(out, WRITTEN_VERSION);
    trn_put_u64(out, w->file.dev);
    trn_put_u64(out, w->file.ino);
    trn_put_u64(out, w->file.ctime_ns);
    trn_put_u64(out, w->boot_ns);
    trn_put_u64(out, w->wall_ns);
    trn_put_u64(out, w->seq);
    trn_put_u64(out, w->writer);
    trn_put_u64(out, w->acting);
    trn_put_u32(out, w->flags);
    trn_put_u32(out, (uint32_t)w->software.origin);
    trn_put_u32(out, w->software.flags);
    trn_put_lstr(out, w->software.name);
    trn_put_lstr(out, w->software.version);
    trn_put_lstr(out, w->path);
    trn_put_lstr(out, w->remote);
}

int trn_written_decode(struct trn_str bytes, struct trn_written *ret)
{
    struct trn_cursor in = trn_cur_of(bytes);
    struct trn_written w = {0};
    if (trn_cur_u8(&in) != WRITTEN_VERSION)
        return -EBADMSG;
    w.file.dev = trn_cur_u64le(&in);
    w.file.ino = trn_cur_u64le(&in);
    w.file.ctime_ns = trn_cur_u64le(&in);
    w.boot_ns = trn_cur_u64le(&in);
    w.wall_ns = trn_cur_u64le(&in);
    w.seq = trn_cur_u64le(&in);
    w.writer = trn_cur_u64le(&in);
    w.acting = trn_cur_u64le(&in);
    w.flags = trn_cur_u32le(&in);
    uint32_t origin = trn_cur_u32le(&in);
    w.software.flags = trn_cur_u32le(&in);
    w.software.name = trn_cur_lstr(&in);
    w.software.version = trn_cur_lstr(&in);
    w.path = trn_cur_lstr(&in);
    w.remote = trn_cur_lstr(&in);
    if (!trn_cur_end(&in) || origin >= TRN_ORIGIN_MAX || !w.file.ino)
        return -EBADMSG;
    w.software.origin = (enum trn_origin)origin;
    *ret = w;
    return 0;
}
