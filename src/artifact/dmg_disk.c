/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: unpacking the chunks of a disk image, one at a time, when somebody reads there. Must not own: the image's tables,
 * what is on the disk. Memory: one chunk packed and one unpacked, each below TRN_DMG_CHUNK_BYTES_MAX.
 */
#include "artifact/dmg_disk.h"

#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>

#define LZMA_MEMORY (80u << 20)

static int grow(uint8_t **p, size_t *cap, size_t want)
{
    if (want <= *cap)
        return 0;
    uint8_t *more = realloc(*p, want);
    if (!more)
        return -ENOMEM;
    *p = more;
    *cap = want;
    return 0;
}

static int64_t by_zlib(struct trn_str in, uint8_t *out, size_t size)
{
    uLongf n = size;
    int e = uncompress(out, &n, (const Bytef *)in.p, (uLong)in.n);
    return e == Z_MEM_ERROR ? -ENOMEM : e == Z_OK ? (int64_t)n : -EBADMSG;
}

static int64_t by_bzip2(struct trn_str in, uint8_t *out, size_t size)
{
    unsigned n = (unsigned)size;
    int e = BZ2_bzBuffToBuffDecompress((char *)out, &n, (char *)(uintptr_t)in.p, (unsigned)in.n, 0, 0);
    return e == BZ_MEM_ERROR ? -ENOMEM : e == BZ_OK ? (int64_t)n : -EBADMSG;
}

static int64_t by_xz(struct trn_str in, uint8_t *out, size_t size)
{
    uint64_t memory = LZMA_MEMORY;
    size_t in_at = 0, out_at = 0;
    lzma_ret e = lzma_stream_buffer_decode(&memory, 0, NULL, (const uint8_t *)in.p, &in_at, in.n, out, &out_at, size);
    return e == LZMA_MEM_ERROR ? -ENOMEM : e == LZMA_OK ? (int64_t)out_at : -EBADMSG;
}

static int64_t unpack(uint32_t type, struct trn_str in, uint8_t *out, size_t size)
{
    switch (type) {
    case TRN_DMG_ADC:
        return trn_dmg_adc(in, out, size);
    case TRN_DMG_ZLIB:
        return by_zlib(in, out, size);
    case TRN_DMG_BZIP2:
        return by_bzip2(in, out, size);
    case TRN_DMG_XZ:
        return by_xz(in, out, size);
    case TRN_DMG_LZFSE:
        return trn_lzfse(in, out, size);
    default:
        return -ENOTSUP;
    }
}

static int packed_bytes(struct trn_dmg_disk *d, const struct trn_dmg_chunk *c, struct trn_str *ret)
{
    if (d->file->mem) {
        *ret = (struct trn_str){(const char *)d->file->mem + c->at, (size_t)c->size};
        return 0;
    }
    int e = grow(&d->packed, &d->packed_cap, (size_t)c->size);
    int64_t n = e == 0 ? trn_source_read(d->file, c->at, d->packed, (size_t)c->size) : e;
    if (n < 0)
        return (int)n;
    *ret = (struct trn_str){(const char *)d->packed, (size_t)n};
    return (uint64_t)n == c->size ? 0 : -EBADMSG;
}

static int fill(struct trn_dmg_disk *d, const struct trn_dmg_chunk *c)
{
    struct trn_str in = TRN_STR_NONE;
    if (d->cached == c)
        return 0;
    d->cached = NULL;
    if (c->sectors > TRN_DMG_CHUNK_BYTES_MAX / TRN_DMG_SECTOR || c->size > TRN_DMG_CHUNK_BYTES_MAX) {
        d->why = "a part of the disk image is larger than is unpacked here";
        return -ENOTSUP;
    }
    size_t size = (size_t)c->sectors * TRN_DMG_SECTOR;
    int e = packed_bytes(d, c, &in);
    if (e == 0)
        e = grow(&d->cache, &d->cache_cap, size);
    int64_t n = e == 0 ? unpack(c->type, in, d->cache, size) : e;
    if (n == -ENOTSUP)
        d->why = "the disk image is packed in a way that is not known here";
    else if (n != (int64_t)size)
        d->why = "a part of the disk image is damaged";
    if (n != (int64_t)size)
        return n < 0 ? (int)n : -EBADMSG;
    d->cached = c;
    d->cache_size = size;
    return 0;
}

static int64_t read_disk(void *ctx, uint64_t at, void *dst, size_t n)
{
    struct trn_dmg_disk *d = ctx;
    uint64_t hole = 0;
    const struct trn_dmg_chunk *c = trn_dmg_chunk_of(d->dmg, at / TRN_DMG_SECTOR, &hole);
    if (!c) {
        uint64_t left = hole == UINT64_MAX ? n : hole * TRN_DMG_SECTOR - at;
        n = (size_t)TRN_MIN((uint64_t)n, left);
        memset(dst, 0, n);
        return (int64_t)n;
    }
    uint64_t in = at - c->sector * TRN_DMG_SECTOR;
    n = (size_t)TRN_MIN((uint64_t)n, c->sectors * TRN_DMG_SECTOR - in);
    if (c->type == TRN_DMG_RAW) {
        if (in >= c->size) { /* told longer than it is: the rest is zeros */
            memset(dst, 0, n);
            return (int64_t)n;
        }
        return trn_source_read(d->file, c->at + in, dst, (size_t)TRN_MIN((uint64_t)n, c->size - in));
    }
    if (c->type == TRN_DMG_ZERO || c->type == TRN_DMG_IGNORED) {
        memset(dst, 0, n);
        return (int64_t)n;
    }
    int e = fill(d, c);
    if (e < 0)
        return e;
    memcpy(dst, d->cache + in, n);
    return (int64_t)n;
}

struct trn_source trn_dmg_disk(struct trn_dmg_disk *d, const struct trn_source *file, const struct trn_dmg *dmg)
{
    *d = (struct trn_dmg_disk){.file = file, .dmg = dmg};
    return (struct trn_source){.size = dmg->disk_size, .read = read_disk, .ctx = d};
}

void trn_dmg_disk_done(struct trn_dmg_disk *d)
{
    free(d->cache);
    free(d->packed);
    *d = (struct trn_dmg_disk){0};
}
