/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: every bounds check on foreign bytes.
 * Must not: allocate or copy more than it is asked to; look outside [0, n) of its region.
 * Ownership: views borrow from the region the cursor was made on.
 */
#include "base/cursor.h"

#define VARINT_MAX_BYTES 10

struct trn_cursor trn_cur(const void *p, size_t n)
{
    return (struct trn_cursor){.p = p, .n = p ? n : 0};
}

struct trn_cursor trn_cur_of(struct trn_str s)
{
    return trn_cur(s.p, s.n);
}

/* The next n bytes, consumed; NULL and bad when there are fewer. */
static const uint8_t *take(struct trn_cursor *c, size_t n)
{
    if (c->bad || n > c->n - c->at) {
        c->bad = true;
        return NULL;
    }
    const uint8_t *p = c->p ? c->p + c->at : NULL; /* NULL + 0 would be undefined */
    c->at += n;
    return p;
}

static uint64_t read_le(struct trn_cursor *c, size_t n)
{
    const uint8_t *p = take(c, n);
    uint64_t v = 0;
    for (size_t i = 0; p && i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static uint64_t read_be(struct trn_cursor *c, size_t n)
{
    const uint8_t *p = take(c, n);
    uint64_t v = 0;
    for (size_t i = 0; p && i < n; i++)
        v = v << 8 | p[i];
    return v;
}

uint8_t trn_cur_u8(struct trn_cursor *c)
{
    return (uint8_t)read_le(c, 1);
}

uint16_t trn_cur_u16le(struct trn_cursor *c)
{
    return (uint16_t)read_le(c, 2);
}

uint16_t trn_cur_u16be(struct trn_cursor *c)
{
    return (uint16_t)read_be(c, 2);
}

uint32_t trn_cur_u32le(struct trn_cursor *c)
{
    return (uint32_t)read_le(c, 4);
}

uint32_t trn_cur_u32be(struct trn_cursor *c)
{
    return (uint32_t)read_be(c, 4);
}

uint64_t trn_cur_u64le(struct trn_cursor *c)
{
    return read_le(c, 8);
}

uint64_t trn_cur_u64be(struct trn_cursor *c)
{
    return read_be(c, 8);
}

uint64_t trn_cur_varint(struct trn_cursor *c)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < VARINT_MAX_BYTES; i++) {
        const uint8_t *p = take(c, 1);
        if (!p)
            return 0;
        /* The tenth byte holds the last single bit; more would not fit. */
        if (i == VARINT_MAX_BYTES - 1 && *p > 1)
            break;
        v |= (uint64_t)(*p & 0x7f) << (7 * i);
        if (!(*p & 0x80))
            return v;
    }
    c->bad = true;
    return 0;
}

struct trn_str trn_cur_bytes(struct trn_cursor *c, size_t n)
{
    const uint8_t *p = take(c, n);
    if (!p)
        return c->bad ? TRN_STR_NONE : TRN_STR("");
    return (struct trn_str){(const char *)p, n};
}

struct trn_str trn_cur_lstr(struct trn_cursor *c)
{
    uint32_t n = trn_cur_u32le(c);
    if (c->bad || n == UINT32_MAX)
        return TRN_STR_NONE;
    return trn_cur_bytes(c, n);
}

struct trn_str trn_cur_until(struct trn_cursor *c, char terminator, size_t max)
{
    /* The terminator itself does not count, so one byte more than max is looked at. */
    size_t left = trn_cur_left(c);
    size_t look = left > max ? max + 1 : left;
    const uint8_t *start = look ? c->p + c->at : NULL;
    const uint8_t *end = start ? memchr(start, (unsigned char)terminator, look) : NULL;
    if (!end) {
        c->bad = true;
        return TRN_STR_NONE;
    }
    size_t n = (size_t)(end - start);
    c->at += n + 1;
    return (struct trn_str){(const char *)start, n};
}

struct trn_str trn_cur_line(struct trn_cursor *c)
{
    size_t left = trn_cur_left(c);
    if (left == 0)
        return TRN_STR_NONE;
    const char *start = (const char *)c->p + c->at;
    const char *end = memchr(start, '\n', left);
    size_t n = end ? (size_t)(end - start) : left;
    c->at += end ? n + 1 : n;
    if (n > 0 && start[n - 1] == '\r')
        n--;
    return (struct trn_str){start, n};
}

bool trn_cur_copy(struct trn_cursor *c, void *dst, size_t n)
{
    const uint8_t *p = take(c, n);
    if (n == 0)
        return !c->bad;
    if (p)
        memcpy(dst, p, n);
    else
        memset(dst, 0, n);
    return p != NULL;
}

void trn_cur_skip(struct trn_cursor *c, size_t n)
{
    take(c, n);
}

void trn_cur_seek(struct trn_cursor *c, size_t at)
{
    if (c->bad || at > c->n)
        c->bad = true;
    else
        c->at = at;
}

struct trn_cursor trn_cur_sub(const struct trn_cursor *c, size_t from, size_t n)
{
    if (c->bad || from > c->n || n > c->n - from)
        return (struct trn_cursor){.bad = true};
    return trn_cur(c->n ? c->p + from : NULL, n);
}

bool trn_cur_end(const struct trn_cursor *c)
{
    return !c->bad && c->at == c->n;
}
