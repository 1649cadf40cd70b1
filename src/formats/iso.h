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
    bool present, cut; /* cut: damaged, or more than fit */
};
/* 0, -ENOMEM or what the source gave; a tree that is not there is not present. */
int trn_iso_trees(const struct trn_source *s, struct trn_arena *arena, struct trn_iso_tree *ret_primary,
                  struct trn_iso_tree *ret_joliet) TRN_MUST_CHECK;

#endif
