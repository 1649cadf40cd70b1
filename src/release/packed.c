/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a finished release as packed bytes (store_codec.c, then zstd with a checksum), and back.
 * Must not: believe the bytes: lengths are bounded before anything is unpacked, and what comes out is read like a worker's words.
 */
#include "release/release_internal.h"

#include <stdlib.h>
#include <zstd.h>

#define RAW_MAX (128u << 20) /* one release, encoded */
#define LEVEL 3

static int compress(struct trn_str raw, void *dst, size_t room, size_t *ret_n)
{
    ZSTD_CCtx *c = ZSTD_createCCtx();
    if (!c)
        return -ENOMEM;
    size_t n = ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, LEVEL);
    if (!ZSTD_isError(n))
        n = ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
    if (!ZSTD_isError(n))
        n = ZSTD_compress2(c, dst, room, raw.p, raw.n);
    ZSTD_freeCCtx(c);
    if (ZSTD_isError(n))
        return -ENOMEM;
    *ret_n = n;
    return 0;
}

int trn_release_pack(const struct trn_release *r, struct trn_buf *out)
{
    TRN_AUTO(trn_buf_done) struct trn_buf raw;
    size_t n = 0;
    trn_buf_init(&raw, RAW_MAX);
    int e = trn_release_encode(r, &raw);
    if (e < 0)
        return e;
    size_t room = ZSTD_compressBound(raw.n);
    TRN_AUTO(trn_freep) void *p = malloc(room);
    e = p ? compress(trn_buf_str(&raw), p, room, &n) : -ENOMEM;
    if (e < 0)
        return e;
    trn_put(out, p, n);
    return out->bad ? -EFBIG : 0;
}

uint64_t trn_release_packed_raw(struct trn_str packed)
{
    unsigned long long n = ZSTD_getFrameContentSize(packed.p, packed.n);
    return n == ZSTD_CONTENTSIZE_UNKNOWN || n == ZSTD_CONTENTSIZE_ERROR || n > RAW_MAX ? 0 : n;
}

int trn_release_unpack(struct trn_str packed, struct trn_release **ret)
{
    uint64_t raw = trn_release_packed_raw(packed);
    if (raw == 0)
        return -EBADMSG;
    TRN_AUTO(trn_freep) char *p = malloc((size_t)raw);
    if (!p)
        return -ENOMEM;
    size_t n = ZSTD_decompress(p, (size_t)raw, packed.p, packed.n);
    return n == raw ? trn_release_decode((struct trn_str){p, n}, ret) : -EBADMSG;
}
