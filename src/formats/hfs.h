/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HFS+ and HFSX volumes: header, B-trees of the catalog, of overflowing extents and of attributes, forks. Every chain and
 * every count is bounded by the size of the volume; a tree that leads back to itself ends as damaged.
 */
#ifndef TRN_FORMATS_HFS_H
#define TRN_FORMATS_HFS_H

#include "base/base.h"

#define TRN_HFS_NAME_MAX 768u /* 255 UTF-16 units as UTF-8, and its end */
#define TRN_HFS_OVERFLOW_MAX 65536u
#define TRN_HFS_ROOT 2u

struct trn_hfs_extent {
    uint32_t start, count; /* in blocks */
};
struct trn_hfs_fork {
    uint64_t size;
    uint32_t blocks, n;
    struct trn_hfs_extent first[8];
    const struct trn_hfs_extent *extents; /* NULL: first */
};
struct trn_hfs_overflow {
    uint32_t file, start; /* start: how many blocks of the fork stand before these */
    uint8_t fork;         /* 0 data, 0xff resources */
    struct trn_hfs_extent extents[8];
};

struct trn_hfs {
    const struct trn_source *s; /* borrowed */
    struct trn_arena *a;
    uint32_t block, blocks; /* bytes of one; how many */
    uint32_t n_files, n_folders;
    bool journaled;
    struct trn_hfs_fork catalog, attributes;
    struct trn_hfs_overflow *overflow;
    uint32_t n_overflow;
};

/* -ENOEXEC: not one; -ENOTSUP: the old HFS; -EBADMSG: damaged; -ENOMEM; or what the source gave. */
int trn_hfs_open(const struct trn_source *s, struct trn_arena *a, struct trn_hfs *ret) TRN_MUST_CHECK;

/* Completes a fork's extents from the overflow tree. -EBADMSG: its blocks are not all there, or not in the volume. */
int trn_hfs_fork_complete(const struct trn_hfs *v, uint32_t file, uint8_t kind, struct trn_hfs_fork *f) TRN_MUST_CHECK;
/* Up to n bytes from a place of a fork; how many (0 at its end), or negative errno. */
int64_t trn_hfs_read(const struct trn_hfs *v, const struct trn_hfs_fork *f, uint64_t at, void *dst, size_t n)
    TRN_MUST_CHECK;

enum { TRN_HFS_FOLDER = 1, TRN_HFS_FILE = 2 };
struct trn_hfs_record {
    int kind;
    uint32_t id, parent;
    struct trn_str name; /* UTF-8, borrowed during the call; '/' in it became ':' as macOS does */
    uint16_t mode;
    uint8_t owner_flags; /* 0x20: compressed */
    uint32_t type, creator;
    struct trn_hfs_fork data, resources; /* not completed */
};
/* Each folder and file in the order of the catalog; fn says not 0 to end it, which is then returned. */
int trn_hfs_catalog(const struct trn_hfs *v, int (*fn)(void *ctx, const struct trn_hfs_record *r), void *ctx)
    TRN_MUST_CHECK;
/* Each inline attribute: of which file, its name, where its bytes stand in the attributes' fork. */
struct trn_hfs_attribute {
    uint32_t file;
    struct trn_str name; /* UTF-8, borrowed */
    uint64_t at;
    uint32_t size;
};
int trn_hfs_attributes(const struct trn_hfs *v, int (*fn)(void *ctx, const struct trn_hfs_attribute *x), void *ctx)
    TRN_MUST_CHECK;

#endif
