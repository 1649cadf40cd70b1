/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zip: what stands in the directory at the end, and what stands in front of each member. A zip says everything twice; both
 * are given, and who looks compares.
 */
#ifndef TRN_FORMATS_ZIP_H
#define TRN_FORMATS_ZIP_H

#include "base/base.h"

#define TRN_ZIP_ENDS_MAX 16u
#define TRN_ZIP_ENTRIES_MAX 200000u
#define TRN_ZIP_DIRECTORY_MAX (40u << 20)
#define TRN_ZIP_LOCAL_MAX (30u + 2u * 65535u)

#define TRN_ZIP_FLAG_ENCRYPTED 0x0001u
#define TRN_ZIP_FLAG_DESCRIPTOR 0x0008u /* sizes and checksum stand behind the data */
#define TRN_ZIP_FLAG_MASKED 0x2000u

struct trn_zip_end { /* an end of central directory */
    uint64_t at, comment_at;
    uint16_t comment_n;
    uint64_t dir_at, dir_size; /* place in the source: with the shift */
    uint64_t entries;
    uint64_t tail_at; /* where the records behind the directory begin: zip64 end, its locator, or this one */
    int64_t shift;    /* to be added to each place that the directory says: data stands in front of the archive */
    bool disagrees;   /* the 32-bit and the 64-bit record do not say the same where both say something */
    bool zip64, split, fits; /* fits: a directory of this size stands right before it */
};
/* Every record in the last 64 KiB that can be an end, the last one first. 0 or what the source gave. */
int trn_zip_ends(const struct trn_source *s, struct trn_zip_end ends[TRN_ZIP_ENDS_MAX], size_t *ret_n) TRN_MUST_CHECK;

struct trn_zip_entry {
    const char *name, *extra, *comment; /* each as long as it says below; not NUL-ended */
    uint16_t name_n, extra_n, comment_n, made_by, flags, method;
    uint32_t crc, external;
    uint64_t packed, size, local_at; /* local_at: in the source, may be anywhere */
    uint64_t extra_at;               /* in the source */
};
struct trn_zip {
    struct trn_zip_entry *entry;
    uint32_t n;
    uint64_t dir_end; /* behind the last entry that could be read */
    bool more;        /* there are more than TRN_ZIP_ENTRIES_MAX */
    bool damaged;     /* the directory ends before its count says, or an entry is none */
};
/* -EMSGSIZE: a directory larger than TRN_ZIP_DIRECTORY_MAX; -ENOMEM; damage is told in *ret. */
int trn_zip_directory(const struct trn_source *s, const struct trn_zip_end *end, struct trn_arena *arena,
                      struct trn_zip *ret) TRN_MUST_CHECK;
static inline struct trn_str trn_zip_name(const struct trn_zip_entry *e)
{
    return (struct trn_str){e->name, e->name_n};
}
/* As stat(2) has it; 0: nothing said. */
uint32_t trn_zip_mode(const struct trn_zip_entry *e);

struct trn_zip_local { /* views into the buffer that was given */
    struct trn_str name, extra;
    uint16_t flags, method;
    uint32_t crc;
    uint64_t packed, size;
    uint64_t data_at;
};
/* -EBADMSG: no local header there, or not whole. */
int trn_zip_local(const struct trn_source *s, uint64_t at, uint8_t buffer[TRN_ZIP_LOCAL_MAX], struct trn_zip_local *ret)
    TRN_MUST_CHECK;
/* Bytes of the data descriptor behind the data, by what it says: 12, 16, 20 or 24; 0: none that fits. */
uint32_t trn_zip_descriptor(const struct trn_source *s, uint64_t at, uint32_t crc, uint64_t packed, uint64_t size);

#endif
