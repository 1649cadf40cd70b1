/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source: bytes of known size that are read by place. A file (never mapped: others can cut it), a part of another
 * source, or memory. Whoever parses a format takes what it needs of it as views and reads those through a cursor.
 * Passed by pointer, copied by value; what ctx points to must outlive every copy.
 */
#ifndef TRN_BASE_SOURCE_H
#define TRN_BASE_SOURCE_H

#include "base/arena.h"
#include "base/cursor.h"

struct trn_source {
    uint64_t size;
    const uint8_t *mem; /* all of it, when it is in memory; else NULL */
    /* mem NULL: puts up to n bytes from place `at` into dst and returns how many (0 only at the end), or negative errno */
    int64_t (*read)(void *ctx, uint64_t at, void *dst, size_t n);
    void *ctx;
    uint64_t from; /* set by trn_source_part: added to every place */
};

struct trn_source trn_source_mem(struct trn_str bytes); /* borrowed */
/* A descriptor by pread; fd is borrowed and stands in *fd, which must outlive the source. size 0: as fstat says. */
int trn_source_fd(const int *fd, uint64_t size, struct trn_source *ret) TRN_MUST_CHECK;
/* [at, at + n) of s, cut to what s has. */
struct trn_source trn_source_part(const struct trn_source *s, uint64_t at, uint64_t n);
/* Up to n bytes into dst; how many (less than n only at the end), or negative errno. */
int64_t trn_source_read(const struct trn_source *s, uint64_t at, void *dst, size_t n);
/* Exactly n bytes as a view: of memory borrowed, else a copy in the arena. -EBADMSG when s has not that many there,
 * -ENOMEM, or what read gave. */
int trn_source_take(const struct trn_source *s, uint64_t at, size_t n, struct trn_arena *a, struct trn_str *ret)
    TRN_MUST_CHECK;
/* The same as a cursor, and up to n bytes only: shorter at the end, never -EBADMSG. */
int trn_source_cursor(const struct trn_source *s, uint64_t at, size_t n, struct trn_arena *a, struct trn_cursor *ret)
    TRN_MUST_CHECK;

#endif
