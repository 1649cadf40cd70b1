/* SPDX-License-Identifier: Apache-2.0 */
/* Partition maps of a whole disk: GPT, and Apple's own. */
#ifndef TRN_FORMATS_PARTITION_H
#define TRN_FORMATS_PARTITION_H

#include "base/base.h"

#define TRN_PARTITIONS_MAX 128u

struct trn_partition {
    struct trn_str name; /* UTF-8 or raw bytes; may be empty */
    uint64_t at, size;   /* bytes; inside of the disk */
};
struct trn_partitions {
    uint32_t n;
    struct trn_partition *list; /* in the arena */
};

/* -ENOEXEC: no map that is known; -EBADMSG: damaged; -ENOMEM; or what the source gave. Entries that do not lie inside of the
 * disk are left out. */
int trn_partitions_read(const struct trn_source *disk, struct trn_arena *a, struct trn_partitions *ret) TRN_MUST_CHECK;

#endif
