/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what the directory says of a member against what its own header says, and names that stand there twice.
 * What real writers do (sizes behind the data, zeroes in front) is known and not told.
 */
#include "artifact/zip_job.h"

#define TOLD_MAX 8u

enum told { TOLD_DIFFERS = 0, TOLD_TWICE };

static void add_field(struct trn_buf *b, const char *name)
{
    trn_put_fmt(b, "%s%s", b->n ? ", " : "", name);
}

/* The same but for the separator: old .NET wrote '\' in one of the two. */
static bool same_but_slashes(struct trn_str a, struct trn_str b)
{
    for (size_t i = 0; i < a.n && a.n == b.n; i++)
        if (a.p[i] != b.p[i] && !((a.p[i] == '/' || a.p[i] == '\\') && (b.p[i] == '/' || b.p[i] == '\\')))
            return false;
    return a.n == b.n;
}

/* Left open in front, to be written behind; or written there all the same. */
static bool agrees(uint64_t local, uint64_t listed, bool later)
{
    return local == listed || (later && (local == 0 || local == UINT32_MAX));
}

int trn_zip_compare(struct trn_zip_job *j, const struct trn_zip_entry *e, const struct trn_zip_local *local)
{
    TRN_AUTO(trn_buf_done) struct trn_buf fields;
    char name[160], other[160];
    bool later = local->flags & TRN_ZIP_FLAG_DESCRIPTOR,
         open = local->crc == 0 && local->packed == 0 && local->size == 0;
    uint16_t score = 50;
    trn_buf_init(&fields, 256);
    if (!trn_str_eq(local->name, trn_zip_name(e))) {
        add_field(&fields, "name");
        score = same_but_slashes(local->name, trn_zip_name(e)) ? 10 : 60;
    }
    if (local->method != e->method)
        add_field(&fields, "method");
    if ((local->flags ^ e->flags) & TRN_ZIP_FLAG_ENCRYPTED)
        add_field(&fields, "encryption");
    if (!agrees(local->crc, e->crc, later) && !open)
        add_field(&fields, "checksum");
    if (!agrees(local->size, e->size, later) && !open)
        add_field(&fields, "size");
    if (!agrees(local->packed, e->packed, later) && !open)
        add_field(&fields, "packed size");
    if (fields.n == 0 || j->told[TOLD_DIFFERS]++ >= TOLD_MAX)
        return 0;
    struct trn_irregular i = {.kind = "header-mismatch",
                              .score = score,
                              .at = e->local_at,
                              .size = local->data_at - e->local_at,
                              .member = trn_zip_name(e)};
    return trn_irregular(j->l, &i,
                         "The directory and the member's own header do not agree on '%s' (%s; the header says '%s'): "
                         "two programs can unpack different files.",
                         trn_escape_into(name, sizeof(name), trn_zip_name(e)), fields.p,
                         trn_escape_into(other, sizeof(other), local->name));
}

int trn_zip_twice(struct trn_zip_job *j, uint32_t index)
{
    const struct trn_zip_entry *e = &j->zip.entry[index], *first;
    char name[160];
    uint64_t key = trn_hash64_str(trn_zip_name(e)), before;
    if (!trn_map_get(j->first, key, &before)) {
        int r = trn_map_put(j->first, key, index);
        return r == -ENOSPC ? 0 : r;
    }
    first = &j->zip.entry[before];
    bool same = first->crc == e->crc && first->size == e->size;
    if (j->told[TOLD_TWICE]++ >= TOLD_MAX || (e->name_n && e->name[e->name_n - 1] == '/'))
        return 0;
    struct trn_irregular i = {.kind = "duplicate-name",
                              .score = same ? 12 : 50,
                              .at = e->local_at,
                              .member = trn_zip_name(e)};
    return trn_irregular(j->l, &i,
                         "The name '%s' stands in the directory twice, with %s: which one is unpacked depends on the "
                         "program.",
                         trn_escape_into(name, sizeof(name), trn_zip_name(e)),
                         same ? "the same content" : "different contents");
}
