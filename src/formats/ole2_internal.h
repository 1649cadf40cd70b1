/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of ole2*.c: the tables of an open compound file. */
#ifndef TRN_FORMATS_OLE2_INTERNAL_H
#define TRN_FORMATS_OLE2_INTERNAL_H

#include "formats/ole2.h"

#define OLE2_FREE 0xffffffffu
#define OLE2_END 0xfffffffeu
#define OLE2_LAST 0xfffffff9u /* the highest number of a sector */
#define OLE2_ENTRY_SIZE 128u
#define OLE2_MINI_SHIFT 6u
#define OLE2_HEADER 512u

/* owner[] of a sector: an entry's id + OWNER_FIRST, or one of these */
enum { OWNER_NONE = 0, OWNER_FAT, OWNER_DIFAT, OWNER_MINIFAT, OWNER_DIRECTORY, OWNER_FIRST = 16 };

struct trn_ole2 {
    const struct trn_source *bytes;
    struct trn_arena *arena;
    uint16_t version;
    uint32_t shift;     /* of the sector size */
    uint32_t cutoff;    /* streams below it are in the mini stream */
    uint32_t n_sectors; /* in the file, also a last one that is cut */
    uint32_t *fat;      /* n_fat of them */
    uint32_t n_fat;     /* at most n_sectors */
    uint16_t *owner;    /* n_sectors of them */
    uint32_t *minifat;
    uint32_t n_mini;
    uint16_t *mini_owner;
    struct trn_source mini; /* the mini stream */
    uint32_t *directory;    /* its sectors, in order */
    uint32_t n_directory;
    uint32_t told_fat;              /* sectors of the table, as the header says */
    uint32_t last_fat, last_fill;   /* the last sector of the table, and how many of its numbers mean anything */
    struct trn_ole2_entry *entries; /* in the order of the walk */
    size_t n_entries;
    uint32_t *place; /* directory id -> index in entries + 1, 0: not reached */
    uint32_t n_ids;
    const char *trouble;
};

static inline uint64_t ole2_sector_at(const struct trn_ole2 *o, uint32_t sector)
{
    return ((uint64_t)sector + 1) << o->shift;
}

/* ole2_stream.c: the chain that begins at start, as a source of `size` bytes at most. */
int ole2_chain_source(const struct trn_ole2 *o, uint32_t start, uint32_t units, uint64_t size, bool mini,
                      struct trn_arena *a, struct trn_source *ret) TRN_MUST_CHECK;
/* ole2_stream.c: walks a chain and makes its units the owner's; how many it has of its own. broken: it does not end well, or
 * before `need` units. */
uint32_t ole2_claim(struct trn_ole2 *o, uint32_t start, uint64_t need, uint16_t owner, bool mini, bool *ret_broken);
/* ole2_tree.c */
int ole2_read_tree(struct trn_ole2 *o, struct trn_err *err) TRN_MUST_CHECK;

#endif
