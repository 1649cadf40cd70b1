/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the growing buffer with its maximum and its sticky bad bit.
 * Must not: interpret what is written (that is the writer's), or ever exceed max.
 * Ownership: the memory is the buffer's; a view of it dies with the next append.
 */
#include "base/buf.h"

#include "base/checked.h"

#include <stdarg.h>
#include <stdio.h>

void trn_buf_init(struct trn_buf *b, size_t max)
{
    *b = (struct trn_buf){.max = TRN_MIN(max, (size_t)SIZE_MAX / 4)};
}

void trn_buf_done(struct trn_buf *b)
{
    free(b->p);
    trn_buf_init(b, b->max);
}

void trn_buf_clear(struct trn_buf *b)
{
    b->n = 0;
    b->bad = false;
    if (b->p)
        b->p[0] = '\0';
}

/* Makes room for n more bytes and the NUL; false (and bad) when that cannot be. */
static bool reserve(struct trn_buf *b, size_t n)
{
    if (b->bad)
        return false;
    if (n > b->max - b->n) {
        b->bad = true;
        return false;
    }
    size_t need = b->n + n + 1;
    if (need <= b->cap)
        return true;
    size_t cap = TRN_MIN(TRN_MAX(need, TRN_MAX(b->cap * 2, (size_t)64)), b->max + 1);
    char *p = realloc(b->p, cap);
    if (!p) {
        b->bad = true;
        return false;
    }
    b->p = p;
    b->cap = cap;
    return true;
}

void trn_put(struct trn_buf *b, const void *p, size_t n)
{
    if (n == 0 || !reserve(b, n))
        return;
    memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void trn_put_str(struct trn_buf *b, struct trn_str s)
{
    trn_put(b, s.p, s.n);
}

void trn_put_c(struct trn_buf *b, const char *c)
{
    trn_put(b, c, strlen(c));
}

static void put_le(struct trn_buf *b, uint64_t v, size_t n)
{
    uint8_t raw[8];
    for (size_t i = 0; i < n; i++)
        raw[i] = (uint8_t)(v >> (8 * i));
    trn_put(b, raw, n);
}

void trn_put_u8(struct trn_buf *b, uint8_t v)
{
    put_le(b, v, 1);
}

void trn_put_u16(struct trn_buf *b, uint16_t v)
{
    put_le(b, v, 2);
}

void trn_put_u32(struct trn_buf *b, uint32_t v)
{
    put_le(b, v, 4);
}

void trn_put_u64(struct trn_buf *b, uint64_t v)
{
    put_le(b, v, 8);
}

void trn_put_varint(struct trn_buf *b, uint64_t v)
{
    uint8_t raw[10];
    size_t n = 0;
    while (v >= 0x80) {
        raw[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    raw[n++] = (uint8_t)v;
    trn_put(b, raw, n);
}

void trn_put_lstr(struct trn_buf *b, struct trn_str s)
{
    if (!s.p) {
        trn_put_u32(b, UINT32_MAX);
        return;
    }
    if (s.n >= UINT32_MAX) {
        b->bad = true;
        return;
    }
    trn_put_u32(b, (uint32_t)s.n);
    trn_put(b, s.p, s.n);
}

void trn_put_fmt(struct trn_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        b->bad = true;
    if (n <= 0 || !reserve(b, (size_t)n))
        return;
    va_start(ap, fmt);
    vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->n += (size_t)n;
}

void trn_put_hex(struct trn_buf *b, const void *p, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = p;
    size_t twice;
    if (!trn_mul_ok(n, (size_t)2, &twice))
        b->bad = true;
    if (n == 0 || !reserve(b, b->bad ? 0 : twice))
        return;
    for (size_t i = 0; i < n; i++) {
        b->p[b->n++] = digits[bytes[i] >> 4];
        b->p[b->n++] = digits[bytes[i] & 15];
    }
    b->p[b->n] = '\0';
}
