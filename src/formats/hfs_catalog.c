/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: records of the catalog and of the attributes, names to UTF-8. Must not own: paths, file contents.
 * Hand-offs: a record is borrowed during the call.
 */
#include "formats/hfs_internal.h"

#define RECORD_FOLDER 1
#define RECORD_FILE 2
#define ATTRIBUTE_INLINE 0x10u
#define NAME_UNITS 255u

/* UTF-16BE units of a name to UTF-8; buf of TRN_HFS_NAME_MAX. */
static struct trn_str hfs_name(struct trn_cursor *c, uint16_t units, char *buf)
{
    size_t n = 0;
    if (units > NAME_UNITS) {
        c->bad = true;
        return TRN_STR_NONE;
    }
    for (uint16_t i = 0; i < units && !c->bad; i++) {
        uint32_t u = trn_cur_u16be(c);
        if (u >= 0xd800 && u < 0xdc00 && i + 1 < units) {
            struct trn_cursor ahead = *c;
            uint32_t low = trn_cur_u16be(&ahead);
            if (low >= 0xdc00 && low < 0xe000) {
                u = 0x10000 + ((u - 0xd800) << 10) + (low - 0xdc00);
                *c = ahead;
                i++;
            }
        }
        if (u >= 0xd800 && u < 0xe000)
            u = 0xfffd;
        n += trn_utf8_of(u == '/' ? ':' : u, buf + n);
    }
    return c->bad ? TRN_STR_NONE : (struct trn_str){buf, n};
}

struct walk {
    int (*record)(void *ctx, const struct trn_hfs_record *r);
    int (*attribute)(void *ctx, const struct trn_hfs_attribute *x);
    void *ctx;
    char name[TRN_HFS_NAME_MAX + 8];
};

static int catalog_record(void *ctx, struct trn_cursor c, uint64_t at)
{
    struct walk *w = ctx;
    struct trn_hfs_record r = {0};
    (void)at;
    size_t key = trn_cur_u16be(&c);
    r.parent = trn_cur_u32be(&c);
    r.name = hfs_name(&c, trn_cur_u16be(&c), w->name);
    trn_cur_seek(&c, key + 2);
    size_t from = c.at;
    uint16_t kind = trn_cur_u16be(&c);
    if (c.bad || (kind != RECORD_FOLDER && kind != RECORD_FILE))
        return c.bad ? -EBADMSG : 0; /* threads lead from a number to a name; the records themselves are enough */
    r.kind = kind == RECORD_FOLDER ? TRN_HFS_FOLDER : TRN_HFS_FILE;
    trn_cur_seek(&c, from + 8);
    r.id = trn_cur_u32be(&c);
    trn_cur_seek(&c, from + 41);
    r.owner_flags = trn_cur_u8(&c);
    r.mode = trn_cur_u16be(&c);
    trn_cur_seek(&c, from + 48);
    r.type = trn_cur_u32be(&c);
    r.creator = trn_cur_u32be(&c);
    if (kind == RECORD_FILE) {
        trn_cur_seek(&c, from + 88);
        trn_hfs_fork_read(&c, &r.data);
        trn_hfs_fork_read(&c, &r.resources);
    }
    return c.bad ? -EBADMSG : w->record(w->ctx, &r);
}

int trn_hfs_catalog(const struct trn_hfs *v, int (*fn)(void *ctx, const struct trn_hfs_record *r), void *ctx)
{
    struct walk w = {.record = fn, .ctx = ctx};
    return trn_hfs_leaves(v, &v->catalog, catalog_record, &w);
}

static int attribute_record(void *ctx, struct trn_cursor c, uint64_t at)
{
    struct walk *w = ctx;
    struct trn_hfs_attribute x = {0};
    size_t from = c.at;
    size_t key = trn_cur_u16be(&c);
    trn_cur_skip(&c, 2);
    x.file = trn_cur_u32be(&c);
    trn_cur_skip(&c, 4);
    x.name = hfs_name(&c, trn_cur_u16be(&c), w->name);
    trn_cur_seek(&c, from + key + 2);
    uint32_t kind = trn_cur_u32be(&c);
    if (c.bad)
        return -EBADMSG;
    if (kind != ATTRIBUTE_INLINE)
        return 0;
    trn_cur_skip(&c, 8);
    x.size = trn_cur_u32be(&c);
    x.at = at + c.at;
    if (c.bad || x.size > trn_cur_left(&c))
        return -EBADMSG;
    return w->attribute(w->ctx, &x);
}

int trn_hfs_attributes(const struct trn_hfs *v, int (*fn)(void *ctx, const struct trn_hfs_attribute *x), void *ctx)
{
    struct walk w = {.attribute = fn, .ctx = ctx};
    return v->attributes.size ? trn_hfs_leaves(v, &v->attributes, attribute_record, &w) : 0;
}
