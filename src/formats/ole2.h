/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compound files (OLE2, "structured storage", [MS-CFB]): a file system in a file. MSI, MSP, MST and old Office documents.
 * Everything that is held stands in the arena that was given at open; the source must outlive it.
 */
#ifndef TRN_FORMATS_OLE2_H
#define TRN_FORMATS_OLE2_H

#include "base/base.h"

#define TRN_OLE2_ENTRIES_MAX 32000u     /* of the directory; the rest is told as `cut` */
#define TRN_OLE2_SECTORS_MAX (6u << 20) /* 3 GiB of 512 byte sectors */
#define TRN_OLE2_NONE UINT32_MAX        /* no entry */
#define TRN_OLE2_CLSID 16
#define TRN_OLE2_NAME_MAX 31u /* UTF-16 units */

enum trn_ole2_type { TRN_OLE2_UNUSED = 0, TRN_OLE2_STORAGE = 1, TRN_OLE2_STREAM = 2, TRN_OLE2_ROOT = 5 };

struct trn_ole2_entry {
    uint32_t id;         /* its place in the directory */
    uint32_t parent;     /* the storage it stands in; TRN_OLE2_NONE: the root itself */
    struct trn_str name; /* UTF-16LE as it stands there, without the end */
    uint8_t type;        /* enum trn_ole2_type */
    uint8_t clsid[TRN_OLE2_CLSID];
    uint32_t state;
    uint64_t created, modified; /* FILETIME, 0: not said */
    uint32_t start;             /* first sector, or mini sector */
    uint64_t size;              /* as stated; of the root: of the mini stream */
    uint32_t units;             /* sectors (mini: mini sectors) that its chain really has and that are its own */
    bool mini;                  /* its bytes are in the mini stream */
    bool broken;                /* the chain is too short, runs in a circle, or into another's sectors */
};

struct trn_ole2;

/* -ENOEXEC: no compound file; -EBADMSG: damaged so far that nothing can be read; -ENOMEM: larger than the limits. */
int trn_ole2_open(const struct trn_source *s, struct trn_arena *a, struct trn_ole2 **ret, struct trn_err *err)
    TRN_MUST_CHECK;
/* Entries that the tree reaches, the root first, each storage before what is in it; siblings in the order of the tree. */
size_t trn_ole2_count(const struct trn_ole2 *o);
const struct trn_ole2_entry *trn_ole2_entry(const struct trn_ole2 *o, size_t i);
static inline const struct trn_ole2_entry *trn_ole2_root(const struct trn_ole2 *o)
{
    return trn_ole2_entry(o, 0);
}
/* By its id (parent); NULL when the tree does not reach that. */
const struct trn_ole2_entry *trn_ole2_by_id(const struct trn_ole2 *o, uint32_t id);
/* A stream of the root by its decoded name ("!Property", "\5SummaryInformation"); NULL: none. */
const struct trn_ole2_entry *trn_ole2_find(const struct trn_ole2 *o, const char *name);
/* What the walk could not reach or believe: circles in the tree, names too long, too many entries. Never NULL; "" when whole. */
const char *trn_ole2_trouble(const struct trn_ole2 *o);
uint16_t trn_ole2_version(const struct trn_ole2 *o); /* 3 or 4 */

/* The bytes of a stream by place. Shorter than entry->size when the chain is. Lives as long as the arena. */
int trn_ole2_stream(const struct trn_ole2 *o, const struct trn_ole2_entry *e, struct trn_arena *a,
                    struct trn_source *ret) TRN_MUST_CHECK;
/* Do all of its bytes lie one after another in the file? Then where. */
bool trn_ole2_contiguous(const struct trn_ole2 *o, const struct trn_ole2_entry *e, uint64_t *ret_at);
/* Name as UTF-8; MSI's packed names (0x3800..0x4840) unpacked, a table's with "!" before it. In the arena. */
struct trn_str trn_ole2_name(const struct trn_ole2_entry *e, struct trn_arena *a);

/* ---- ole2_slack.c: every byte that belongs to no stream ---- */
enum trn_ole2_slack_kind {
    TRN_OLE2_SLACK_FREE = 0,  /* sectors that the table says are free */
    TRN_OLE2_SLACK_ORPHAN,    /* sectors that are in use by the table, and that nothing reaches */
    TRN_OLE2_SLACK_END,       /* behind the end of a stream, up to the end of its sectors */
    TRN_OLE2_SLACK_MINI_FREE, /* in the mini stream, belonging to no stream */
    TRN_OLE2_SLACK_MINI_END,  /* behind the end of a small stream in its last mini sector */
    TRN_OLE2_SLACK_HEADER,    /* reserved places of the header, and in version 4 the rest of its sector */
    TRN_OLE2_SLACK_TABLE,     /* in the allocation table, for sectors that the file does not have */
    TRN_OLE2_SLACK_DIRECTORY, /* in entries of the directory that the tree does not reach */
    TRN_OLE2_SLACK_BEHIND,    /* behind the last sector that the table knows */
    TRN_OLE2_SLACK_KIND_MAX,
};
struct trn_ole2_slack {
    enum trn_ole2_slack_kind kind;
    uint64_t at, size;   /* the range, in the file */
    uint64_t nonzero;    /* bytes in it that are not zero: never 0 */
    uint64_t first, end; /* from the first of them to behind the last, in the file */
    uint32_t entry;      /* whose end it is (an id), or TRN_OLE2_NONE */
};
/* Tells each range that holds something, in no promised order; what tell gives but 0 ends it and is given back. Writers leave
 * stale data of streams that were changed or deleted in free sectors, and their own memory behind ends: look at size and
 * content before calling it hidden. Mini sectors are told where they lie in the file. */
int trn_ole2_slack(const struct trn_ole2 *o, int (*tell)(void *ctx, const struct trn_ole2_slack *s), void *ctx)
    TRN_MUST_CHECK;
const char *trn_ole2_slack_name(enum trn_ole2_slack_kind k);

#endif
