/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: pairs while they are being made. */
#ifndef TRN_RELEASE_PAIR_H
#define TRN_RELEASE_PAIR_H

#include "release/compare.h"
#include "release/release_internal.h"

struct trn_pairing {
    struct trn_diff *d;
    const struct trn_release *before, *after;
    uint32_t *to_new, *to_old; /* index of the partner; TRN_NO_MEMBER */
    enum trn_pair_reason *why; /* of a new member */
    uint32_t *similarity;      /* of a new member, thousandths */
};

static inline void trn_pair_join(struct trn_pairing *p, uint32_t old_index, uint32_t new_index,
                                 enum trn_pair_reason why)
{
    p->to_new[old_index] = new_index;
    p->to_old[new_index] = old_index;
    p->why[new_index] = why;
}

/* A stream around one content: which method packs it says nothing. */
static inline bool trn_pair_is_stream(const struct trn_release_member *m)
{
    return m->format == TRN_FORMAT_GZIP || m->format == TRN_FORMAT_XZ || m->format == TRN_FORMAT_ZSTD ||
           m->format == TRN_FORMAT_BZIP2 || m->format == TRN_FORMAT_LZMA || m->format == TRN_FORMAT_LZ4;
}

/* May one have become the other? Not a program of another processor. */
static inline bool trn_pair_same_kind(const struct trn_release_member *a, const struct trn_release_member *b)
{
    if (a->format != b->format)
        return trn_pair_is_stream(a) && trn_pair_is_stream(b);
    struct trn_str x = trn_member_property(a, "arch"), y = trn_member_property(b, "arch");
    return x.n == 0 || y.n == 0 || trn_str_eq(x, y);
}

/* pair_similar.c: members that no name and no content joined, by what they are made of. */
int trn_pair_similar(struct trn_pairing *p) TRN_MUST_CHECK;
/* Thousandths; 0: nothing speaks for it. */
uint32_t trn_pair_likeness(const struct trn_release_member *a, const struct trn_release_member *b);

#endif
