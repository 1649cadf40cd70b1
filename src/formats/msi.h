/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows Installer databases (MSI, MSP, MST): tables in streams of a compound file. Texts are bytes in the database's own
 * code page, borrowed from the arena.
 */
#ifndef TRN_FORMATS_MSI_H
#define TRN_FORMATS_MSI_H

#include "formats/ole2.h"

#define TRN_MSI_COLUMNS 64u
#define TRN_MSI_TABLE_MAX (16u << 20) /* bytes of one table */

/* By the class of its root, from a few small reads: an installer, a patch or a transform. */
bool trn_msi_probe(const struct trn_source *s);

struct trn_msi;
/* Reads the pool of strings and the list of columns. -ENOENT: it has none; -EBADMSG: damaged; -ENOMEM: too large. */
int trn_msi_open(const struct trn_ole2 *o, struct trn_arena *a, struct trn_msi **ret, struct trn_err *err)
    TRN_MUST_CHECK;

struct trn_msi_column {
    struct trn_str name;
    uint16_t type;
    uint8_t width;
    uint64_t at; /* in the table's bytes: values stand column by column */
};
struct trn_msi_table {
    const struct trn_msi *msi;
    struct trn_str bytes;
    struct trn_msi_column columns[TRN_MSI_COLUMNS];
    uint32_t n_columns, rows;
    bool uneven; /* its stream holds more than whole rows */
};
/* -ENOENT: no such table, or an empty one. */
int trn_msi_table(const struct trn_msi *m, const char *name, struct trn_msi_table *ret) TRN_MUST_CHECK;
/* Absent: no such column or row, null, or a number. */
struct trn_str trn_msi_text(const struct trn_msi_table *t, uint32_t row, const char *column);
/* false: null, no number, or no such place. */
bool trn_msi_number(const struct trn_msi_table *t, uint32_t row, const char *column, int32_t *ret);
struct trn_str trn_msi_long_name(struct trn_str name); /* "SHORT|long name" -> "long name" */

/* ---- the summary that every compound file may have ---- */
struct trn_ole2_summary {
    struct trn_str title, subject, author, keywords, comments, platform, revision, application; /* absent: not said */
    uint64_t created, saved; /* FILETIME, 0: not said */
    uint32_t codepage, words;
};
/* -ENOENT: it has none. */
int trn_ole2_read_summary(const struct trn_ole2 *o, struct trn_arena *a, struct trn_ole2_summary *ret) TRN_MUST_CHECK;

#endif
