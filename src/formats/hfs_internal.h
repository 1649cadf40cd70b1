/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the HFS+ reader: B-trees. */
#ifndef TRN_FORMATS_HFS_INTERNAL_H
#define TRN_FORMATS_HFS_INTERNAL_H

#include "formats/hfs.h"

#define TRN_HFS_NODE_MAX 32768u

/* Each record of each leaf, in order: the cursor stands at its key and ends with it; at: its place in the fork. */
int trn_hfs_leaves(const struct trn_hfs *v, const struct trn_hfs_fork *tree,
                   int (*fn)(void *ctx, struct trn_cursor record, uint64_t at), void *ctx) TRN_MUST_CHECK;
/* A fork as it stands in headers and records: 80 bytes. */
void trn_hfs_fork_read(struct trn_cursor *c, struct trn_hfs_fork *ret);

#endif
