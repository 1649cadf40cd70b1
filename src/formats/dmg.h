/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disk images of macOS (UDIF): the trailer ("koly"), the property list with a table of chunks for each partition ("mish").
 * Only places are read here; who wants the disk itself unpacks chunk after chunk.
 */
#ifndef TRN_FORMATS_DMG_H
#define TRN_FORMATS_DMG_H

#include "base/base.h"

#define TRN_DMG_TRAILER 512u
#define TRN_DMG_SECTOR 512u
#define TRN_DMG_TABLES_MAX 256u
#define TRN_DMG_CHUNKS_MAX (1u << 18)
#define TRN_DMG_PLIST_MAX (24u << 20)
/* a chunk that has to be unpacked as one piece; hdiutil makes 256 KiB to 1 MiB */
#define TRN_DMG_CHUNK_BYTES_MAX (16u << 20)

/* what a chunk is packed with */
#define TRN_DMG_ZERO 0u
#define TRN_DMG_RAW 1u
#define TRN_DMG_IGNORED 2u /* free room: zeros */
#define TRN_DMG_ADC 0x80000004u
#define TRN_DMG_ZLIB 0x80000005u
#define TRN_DMG_BZIP2 0x80000006u
#define TRN_DMG_LZFSE 0x80000007u
#define TRN_DMG_XZ 0x80000008u

struct trn_dmg_chunk {
    uint64_t sector, sectors; /* of the disk */
    uint64_t at, size;        /* of the file */
    uint32_t type;
};
struct trn_dmg_table { /* a partition */
    struct trn_str name;
    uint64_t sector, sectors;
    uint32_t first_chunk, n_chunks;
};
struct trn_dmg {
    uint64_t end;     /* behind the trailer: where the image ends, whatever stands behind it */
    uint64_t sectors; /* of the disk, as the trailer says */
    uint64_t data_at, data_size;
    uint64_t resources_at, resources_size; /* older images have a fork of resources */
    uint64_t plist_at, plist_size;
    uint64_t signature_at, signature_size; /* size 0: none */
    uint32_t n_segments;                   /* above 1: the image lies in several files */
    uint32_t n_tables, n_chunks;
    struct trn_dmg_table *tables;
    struct trn_dmg_chunk *chunks; /* of all tables, in the order of their sectors; none overlaps another */
    uint64_t disk_size;           /* bytes: as far as the chunks go */
};

/* Where the image ends: behind its trailer, which is the last thing of a file; else the last one in the `within` bytes at the
 * end, with its list of partitions in front of it. 0: there is none. Or what the source gave. */
int64_t trn_dmg_end(const struct trn_source *s, uint64_t within) TRN_MUST_CHECK;
#define TRN_DMG_SEARCHED (64ull << 20)
/* -ENOEXEC: no trailer; -EBADMSG: damaged; -E2BIG: more than is read; -ENOMEM; or what the source gave. err: in words. */
int trn_dmg_read(const struct trn_source *s, struct trn_arena *a, struct trn_dmg *ret, struct trn_err *err)
    TRN_MUST_CHECK;
/* The chunk a sector lies in; NULL: none (a hole: zeros). *ret_hole: where the next one begins. */
const struct trn_dmg_chunk *trn_dmg_chunk_of(const struct trn_dmg *d, uint64_t sector, uint64_t *ret_hole);
/* Apple's old compression. How many bytes came, or -EBADMSG. */
int64_t trn_dmg_adc(struct trn_str in, uint8_t *out, size_t size) TRN_MUST_CHECK;

#endif
