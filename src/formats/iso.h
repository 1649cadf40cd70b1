/* SPDX-License-Identifier: Apache-2.0 */
/* ISO 9660: the files of each of its trees. An image can hold two (plain or Rock Ridge, and Joliet), and they need not agree. */
#ifndef TRN_FORMATS_ISO_H
#define TRN_FORMATS_ISO_H

#include "base/base.h"

#define TRN_ISO_FILES_MAX 100000u

struct trn_iso_file {
    uint64_t at, size;   /* size > 0 */
    struct trn_str name; /* raw, of the arena: of a Joliet tree UTF-16 big endian */
};
struct trn_iso_tree {
    struct trn_iso_file *file;
    uint32_t n;
    bool present, cut;   /* cut: damaged, or more than fit */
    uint64_t path_table; /* bytes that a table of its folders takes */
};
/* 0, -ENOMEM or what the source gave; a tree that is not there is not present. */
int trn_iso_trees(const struct trn_source *s, struct trn_arena *arena, struct trn_iso_tree *ret_primary,
                  struct trn_iso_tree *ret_joliet) TRN_MUST_CHECK;

#define TRN_ISO_SECTOR 2048u
#define TRN_ISO_SYSTEM_AREA 32768u /* in front of the first descriptor: whatever a computer wants there to start */
#define TRN_ISO_BOOTS_MAX 64u
struct trn_iso_map {
    struct trn_ranges owned; /* descriptors, path tables, folders' records, files, boot catalog; closed */
    uint64_t volume_end;     /* as the image says; 0: it has no volume */
    uint32_t n_files;        /* of the first tree */
    uint32_t n_boots;
    struct {
        uint64_t at, size; /* as the catalog says: often less than it is */
    } boot[TRN_ISO_BOOTS_MAX];
    bool primary, joliet; /* a tree of that kind was seen */
    bool udf;             /* there is another file system over the same bytes */
    bool cut;             /* a tree is damaged or has more than fits: what is not owned may belong to it */
};
/* Which bytes of the image belong to something. 0, -ENOMEM or what the source gave. */
int trn_iso_owned(const struct trn_source *s, struct trn_arena *arena, struct trn_iso_map *ret) TRN_MUST_CHECK;

#endif
