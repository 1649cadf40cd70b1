/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the room: bytes of a container that belong to no member and to no part of its format: told, and looked at as a
 * member of their own, so that every check sees them.
 */
#ifndef TRN_ARTIFACT_UNOWNED_H
#define TRN_ARTIFACT_UNOWNED_H

#include "artifact/irregular.h"

struct trn_unowned {
    const char *kind;  /* of the finding: "behind-end" */
    const char *name;  /* as a member: "[behind the end of the archive]" */
    const char *words; /* "lie behind the end of the archive, where ..." */
    uint16_t score; /* 0: the format lets everybody put something there (a comment, an extra field, a boot sector): it
                        * weighs by what it is, and what is neither a program nor random is a note */
};
/* Zeroes at both ends are cut off; all zeroes: nothing is told. */
int trn_unowned_tell(struct trn_look *l, const struct trn_unowned *u, uint64_t at, uint64_t size) TRN_MUST_CHECK;
/* Everything in [at, end) that no range covers, TRN_UNOWNED_TOLD of them as findings, and each that is twice as large as the
 * largest before; more are looked at only. Ranges that did not fit are told as a limit instead. */
#define TRN_UNOWNED_TOLD 8u
int trn_unowned_gaps(struct trn_look *l, const struct trn_unowned *u, const struct trn_ranges *owned, uint64_t at,
                     uint64_t end) TRN_MUST_CHECK;
/* Cuts zeroes off at both ends; false: all zeroes. */
bool trn_unowned_trim(struct trn_look *l, uint64_t *at, uint64_t *size);

/* The same for bytes that lie in small pieces, one after the other, or not in this artifact at all (in a stream). */
struct trn_pieces {
    struct trn_buf bytes; /* the first megabyte of them; release with trn_pieces_done */
    uint64_t first;       /* place of the first; TRN_NOWHERE: not in this artifact */
    uint64_t total;
};
void trn_pieces_init(struct trn_pieces *p);
void trn_pieces_done(struct trn_pieces *p);
void trn_pieces_add(struct trn_pieces *p, uint64_t at, const void *bytes, size_t n);
int trn_pieces_tell(struct trn_look *l, const struct trn_unowned *u, const struct trn_pieces *p) TRN_MUST_CHECK;
/* A short text as people write it: a comment that nobody needs to look at. */
bool trn_is_short_text(struct trn_str s, size_t most);

#endif
