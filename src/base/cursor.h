/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounded reader over foreign bytes with a sticky bad bit: read a whole header, check once. A read
 * past the end sets bad and gives 0; afterwards every read gives 0. Offsets never leave the region.
 * A sub-cursor cannot see outside its own part.
 */
#ifndef TRN_BASE_CURSOR_H
#define TRN_BASE_CURSOR_H

#include "base/str.h"

struct trn_cursor {
    const uint8_t *p;
    size_t n, at;
    bool bad;
};

struct trn_cursor trn_cur(const void *p, size_t n);
struct trn_cursor trn_cur_of(struct trn_str s);
static inline size_t trn_cur_left(const struct trn_cursor *c)
{
    return c->bad ? 0 : c->n - c->at;
}
uint8_t trn_cur_u8(struct trn_cursor *c);
uint16_t trn_cur_u16le(struct trn_cursor *c);
uint16_t trn_cur_u16be(struct trn_cursor *c);
uint32_t trn_cur_u32le(struct trn_cursor *c);
uint32_t trn_cur_u32be(struct trn_cursor *c);
uint64_t trn_cur_u64le(struct trn_cursor *c);
uint64_t trn_cur_u64be(struct trn_cursor *c);
uint64_t trn_cur_varint(struct trn_cursor *c); /* LEB128, at most 10 bytes */
/* View of the next n bytes, absent and bad when there are fewer. Borrowed from the region. */
struct trn_str trn_cur_bytes(struct trn_cursor *c, size_t n);
struct trn_str trn_cur_lstr(struct trn_cursor *c); /* u32 length + bytes; 0xffffffff: absent */
/* Bytes up to (not with) the terminator, which is consumed; bad when it does not come within max. */
struct trn_str trn_cur_until(struct trn_cursor *c, char terminator, size_t max);
/* One text line without its end ("\n" or "\r\n"); absent when nothing is left. Never bad. */
struct trn_str trn_cur_line(struct trn_cursor *c);
bool trn_cur_copy(struct trn_cursor *c, void *dst, size_t n); /* false and zeroed dst when bad */
void trn_cur_skip(struct trn_cursor *c, size_t n);
void trn_cur_seek(struct trn_cursor *c, size_t at); /* absolute, inside the region */
/* Region [from, from + n) of c as a cursor of its own; a bad one when it does not fit. */
struct trn_cursor trn_cur_sub(const struct trn_cursor *c, size_t from, size_t n);
/* True when nothing went wrong and no byte is left over: the end check of every message. */
bool trn_cur_end(const struct trn_cursor *c);

#endif
