/* SPDX-License-Identifier: Apache-2.0 */
/* Zips made byte by byte, so that a test can make them wrong. Members are stored. */
#ifndef TRN_TEST_ZIP_BUILD_H
#define TRN_TEST_ZIP_BUILD_H

#include "base/base.h"

#include <zlib.h>

struct zip_build {
    struct trn_buf out, directory;
    uint16_t entries;
};
struct zip_header {
    const char *name;
    struct trn_str data;
    uint16_t flags, method;
    uint32_t crc, packed, size; /* what is said of the data */
    uint32_t external;
};

static TRN_UNUSED void zip_begin(struct zip_build *z)
{
    *z = (struct zip_build){0};
    trn_buf_init(&z->out, 4 << 20);
    trn_buf_init(&z->directory, 1 << 20);
}
static TRN_UNUSED void zip_done(struct zip_build *z)
{
    trn_buf_done(&z->out);
    trn_buf_done(&z->directory);
}
static TRN_UNUSED struct zip_header zip_header(const char *name, const char *data)
{
    struct trn_str d = trn_str_of(data);
    return (struct zip_header){.name = name,
                               .data = d,
                               .crc = (uint32_t)crc32(0, (const Bytef *)d.p, (uInt)d.n),
                               .packed = (uint32_t)d.n,
                               .size = (uint32_t)d.n};
}
static TRN_UNUSED uint32_t zip_local(struct zip_build *z, const struct zip_header *h)
{
    uint32_t at = (uint32_t)z->out.n;
    trn_put(&z->out, "PK\3\4\24\0", 6);
    trn_put_u16(&z->out, h->flags);
    trn_put_u16(&z->out, h->method);
    trn_put_u32(&z->out, 0);
    trn_put_u32(&z->out, h->crc);
    trn_put_u32(&z->out, h->packed);
    trn_put_u32(&z->out, h->size);
    trn_put_u16(&z->out, (uint16_t)strlen(h->name));
    trn_put_u16(&z->out, 0);
    trn_put_c(&z->out, h->name);
    trn_put_str(&z->out, h->data);
    return at;
}
static TRN_UNUSED void zip_list(struct zip_build *z, const struct zip_header *h, uint32_t at)
{
    struct trn_buf *d = &z->directory;
    trn_put(d, "PK\1\2\24\3\24\0", 8);
    trn_put_u16(d, h->flags);
    trn_put_u16(d, h->method);
    trn_put_u32(d, 0);
    trn_put_u32(d, h->crc);
    trn_put_u32(d, h->packed);
    trn_put_u32(d, h->size);
    trn_put_u16(d, (uint16_t)strlen(h->name));
    trn_put(d, "\0\0\0\0\0\0\0\0", 8);
    trn_put_u32(d, h->external);
    trn_put_u32(d, at);
    trn_put_c(d, h->name);
    z->entries++;
}
static TRN_UNUSED uint32_t zip_add(struct zip_build *z, const char *name, const char *data)
{
    struct zip_header h = zip_header(name, data);
    uint32_t at = zip_local(z, &h);
    zip_list(z, &h, at);
    return at;
}
/* Directory and end. */
static TRN_UNUSED struct trn_str zip_end(struct zip_build *z, const char *comment)
{
    uint32_t at = (uint32_t)z->out.n;
    trn_put_str(&z->out, trn_buf_str(&z->directory));
    trn_put(&z->out, "PK\5\6\0\0\0\0", 8);
    trn_put_u16(&z->out, z->entries);
    trn_put_u16(&z->out, z->entries);
    trn_put_u32(&z->out, (uint32_t)z->directory.n);
    trn_put_u32(&z->out, at);
    trn_put_u16(&z->out, (uint16_t)strlen(comment));
    trn_put_c(&z->out, comment);
    return trn_buf_str(&z->out);
}

#endif
