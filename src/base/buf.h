/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing byte buffer with a mandatory maximum and a sticky bad bit: write a whole message, check
 * once. Owned by the caller; init/done. After bad every append is a no-op.
 */
#ifndef TRN_BASE_BUF_H
#define TRN_BASE_BUF_H

#include "base/str.h"

struct trn_buf {
    char *p; /* owned; NUL-terminated behind n when p != NULL */
    size_t n, cap, max;
    bool bad; /* past max or out of memory */
};

void trn_buf_init(struct trn_buf *b, size_t max);
void trn_buf_done(struct trn_buf *b);
void trn_buf_clear(struct trn_buf *b); /* keeps the memory; clears bad */
static inline struct trn_str trn_buf_str(const struct trn_buf *b)
{
    return (struct trn_str){b->p ? b->p : "", b->n};
}

void trn_put(struct trn_buf *b, const void *p, size_t n);
void trn_put_str(struct trn_buf *b, struct trn_str s); /* the bytes alone */
void trn_put_c(struct trn_buf *b, const char *c);
void trn_put_u8(struct trn_buf *b, uint8_t v);
void trn_put_u16(struct trn_buf *b, uint16_t v); /* little endian, like all of ours */
void trn_put_u32(struct trn_buf *b, uint32_t v);
void trn_put_u64(struct trn_buf *b, uint64_t v);
void trn_put_varint(struct trn_buf *b, uint64_t v);     /* LEB128 */
void trn_put_lstr(struct trn_buf *b, struct trn_str s); /* u32 length + bytes; absent: 0xffffffff */
void trn_put_fmt(struct trn_buf *b, const char *fmt, ...) TRN_PRINTF(2, 3);
void trn_put_hex(struct trn_buf *b, const void *p, size_t n);

#endif
