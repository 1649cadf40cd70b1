/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the streams of a compound file as members; of an MSI the cabinets with the names that its tables give their files.
 * Must not: open a stream that is a plain table of the database (it was read already); hold a stream's bytes.
 */
#include "artifact/kinds.h"
#include "artifact/msi.h"

#define WINDOW 65536u
#define TABLES_MAX 1000u
#define FOLDERS_MAX 32u

static struct trn_str path_of(struct trn_look *l, const struct trn_ole2 *o, const struct trn_ole2_entry *e)
{
    struct trn_str path = trn_ole2_name(e, l->arena);
    const struct trn_ole2_entry *up = trn_ole2_by_id(o, e->parent);
    for (uint32_t i = 0; up && up->parent != TRN_OLE2_NONE && i < FOLDERS_MAX; i++) {
        path = trn_arena_printf(l->arena, "%.*s/%.*s", TRN_STR_ARG(trn_ole2_name(up, l->arena)), TRN_STR_ARG(path));
        up = trn_ole2_by_id(o, up->parent);
    }
    return path;
}

static int copy_stream(struct trn_look *l, const struct trn_source *s)
{
    TRN_AUTO(trn_freep) uint8_t *window = malloc(WINDOW);
    int e = window ? 0 : -ENOMEM;
    for (uint64_t at = 0; at < s->size && e == 0;) {
        int64_t n = trn_source_read(s, at, window, WINDOW);
        if (n <= 0)
            return n < 0 ? (int)n : -EBADMSG;
        e = trn_look_data(l, window, (size_t)n);
        at += (uint64_t)n;
    }
    return e;
}

static int open_stream(struct trn_look *l, const struct trn_ole2 *o, const struct trn_ole2_entry *entry)
{
    struct trn_member m = {.name = path_of(l, o, entry), .size = entry->size, .packed = entry->size};
    struct trn_source s;
    uint64_t at;
    if (!entry->broken && trn_ole2_contiguous(o, entry, &at))
        return trn_look_part(l, &m, at, entry->size);
    int e = trn_look_member(l, &m);
    if (e < 0)
        return e == -ECANCELED ? 0 : e;
    e = trn_ole2_stream(o, entry, l->arena, &s);
    if (e == 0)
        e = copy_stream(l, &s);
    if (e == 0 && (entry->broken || s.size < entry->size))
        return trn_look_end(l, -EBADMSG, "its chain of sectors is broken");
    if (e < 0 && e != -ECANCELED && e != -EBADMSG)
        return e;
    return trn_look_end(l, e == -EBADMSG ? e : 0, "it ends before its directory says");
}

/* A table that the database's own list of columns names, and that is whole rows of it. */
static bool is_plain_table(const struct trn_msi *m, struct trn_str name)
{
    char text[64];
    struct trn_msi_table t;
    if (name.n < 2 || name.n > sizeof(text) || name.p[0] != '!')
        return false;
    memcpy(text, name.p + 1, name.n - 1);
    text[name.n - 1] = '\0';
    if (strcmp(text, "_StringPool") == 0 || strcmp(text, "_Tables") == 0 || strcmp(text, "_Columns") == 0)
        return true;
    return trn_msi_table(m, text, &t) == 0 && !t.uneven;
}

static int open_streams(struct trn_look *l, const struct trn_ole2 *o, const struct trn_msi *m)
{
    uint32_t tables = 0;
    int e = 0;
    for (size_t i = 1; i < trn_ole2_count(o) && e == 0; i++) {
        const struct trn_ole2_entry *entry = trn_ole2_entry(o, i);
        if (entry->type != TRN_OLE2_STREAM || entry->size == 0)
            continue;
        struct trn_str name = m && entry->parent == 0 ? trn_ole2_name(entry, l->arena) : TRN_STR_NONE;
        if (trn_str_starts(name, TRN_STR("!")) && tables++ < TABLES_MAX && is_plain_table(m, name))
            continue;
        e = open_stream(l, o, entry);
    }
    return e;
}

static int open_msi(struct trn_look *l, const struct trn_ole2 *o)
{
    TRN_AUTO(trn_msi_files_freep) struct trn_msi_files *files = NULL;
    struct trn_msi *m = NULL;
    if (trn_msi_open(o, l->arena, &m, NULL) < 0)
        return open_streams(l, o, NULL); /* told by the look; the streams are there all the same */
    files = trn_msi_files_new(m, l->arena);
    if (!files)
        return -ENOMEM;
    l->names_within = trn_msi_files_names(files);
    int e = open_streams(l, o, m);
    l->names_within = NULL;
    return e == 0 ? trn_msi_open_scripts(l, m) : e;
}

int trn_open_ole2(struct trn_look *l, struct trn_err *err)
{
    struct trn_ole2 *o;
    int e = trn_ole2_open(l->bytes, l->arena, &o, err);
    if (e < 0)
        return e;
    return l->self->format == TRN_FORMAT_MSI ? open_msi(l, o) : open_streams(l, o, NULL);
}
