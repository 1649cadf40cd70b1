/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the real names of the files in an MSI's cabinets: File (key, name, component) -> Component -> Directory, upwards.
 * Must not: believe that the tables fit together; what is missing shortens the path. Nothing else is decided here.
 * Hand-offs: the names live in the MSI's arena, as long as its members are looked at.
 */
#include "artifact/msi.h"

#define FILES_MAX 200000u
#define FOLDERS_MAX 32u /* above a file */

struct trn_msi_files {
    struct trn_map *rows[3]; /* hash of the key -> row + 1, in the order of tables[] */
    struct trn_msi_table tables[3];
    struct trn_arena *arena;
    struct trn_look_names names;
};
enum { FILE_TABLE, COMPONENT_TABLE, DIRECTORY_TABLE };

static bool find(struct trn_msi_files *f, int table, struct trn_str key, uint32_t *ret_row)
{
    static const char *const keys[] = {"File", "Component", "Directory"};
    uint64_t row;
    if (trn_str_is_empty(key) || !trn_map_get(f->rows[table], trn_hash64_str(key), &row) ||
        !trn_str_eq(trn_msi_text(&f->tables[table], (uint32_t)row, keys[table]), key))
        return false;
    *ret_row = (uint32_t)row;
    return true;
}

/* "target:source", each "SHORT|long"; "." is the folder above. */
static struct trn_str folder_name(struct trn_str id, struct trn_str stated)
{
    ptrdiff_t colon = trn_str_find(stated, ':');
    struct trn_str name = trn_msi_long_name(colon < 0 ? stated : trn_str_slice(stated, 0, (size_t)colon));
    if (!trn_str_eq_c(name, "."))
        return name;
    return trn_str_ends(id, TRN_STR("Folder")) ? id : TRN_STR_NONE; /* ProgramFilesFolder and the like */
}

static struct trn_str folder_of(struct trn_msi_files *f, struct trn_str id)
{
    struct trn_str parts[FOLDERS_MAX], path = TRN_STR("");
    uint32_t n = 0, row;
    while (n < FOLDERS_MAX && find(f, DIRECTORY_TABLE, id, &row)) {
        struct trn_str up = trn_msi_text(&f->tables[DIRECTORY_TABLE], row, "Directory_Parent");
        if (trn_str_is_empty(up) || trn_str_eq(up, id))
            break; /* the root: TARGETDIR, wherever that will be */
        struct trn_str name = folder_name(id, trn_msi_text(&f->tables[DIRECTORY_TABLE], row, "DefaultDir"));
        if (!trn_str_is_empty(name))
            parts[n++] = name;
        id = up;
    }
    while (n--)
        path = trn_arena_printf(f->arena, "%.*s%.*s/", TRN_STR_ARG(path), TRN_STR_ARG(parts[n]));
    return path;
}

static struct trn_str name_of(void *ctx, struct trn_str key)
{
    struct trn_msi_files *f = ctx;
    uint32_t row, component;
    struct trn_str folder = TRN_STR("");
    if (!find(f, FILE_TABLE, key, &row))
        return TRN_STR_NONE;
    struct trn_str name = trn_msi_long_name(trn_msi_text(&f->tables[FILE_TABLE], row, "FileName"));
    if (trn_str_is_empty(name))
        return TRN_STR_NONE;
    if (find(f, COMPONENT_TABLE, trn_msi_text(&f->tables[FILE_TABLE], row, "Component_"), &component))
        folder = folder_of(f, trn_msi_text(&f->tables[COMPONENT_TABLE], component, "Directory_"));
    return trn_arena_printf(f->arena, "%.*s%.*s", TRN_STR_ARG(folder), TRN_STR_ARG(name));
}

static int index_table(struct trn_msi_files *f, int table, const struct trn_msi *m, const char *name)
{
    struct trn_msi_table *t = &f->tables[table];
    int e = trn_msi_table(m, name, t);
    if (e < 0)
        return e == -ENOMEM ? e : 0; /* none, or damaged: the keys stay as they are */
    for (uint32_t i = 0; i < TRN_MIN(t->rows, FILES_MAX) && e == 0; i++) {
        struct trn_str key = trn_msi_text(t, i, name); /* each of the three has a key of its own name */
        if (!trn_str_is_empty(key))
            e = trn_map_put(f->rows[table], trn_hash64_str(key), i);
    }
    return e == -ENOSPC ? 0 : e;
}

struct trn_msi_files *trn_msi_files_new(const struct trn_msi *m, struct trn_arena *a)
{
    static const char *const names[] = {"File", "Component", "Directory"};
    struct trn_msi_files *f = calloc(1, sizeof(*f));
    int e = f ? 0 : -ENOMEM;
    for (int i = 0; i < 3 && e == 0; i++) {
        f->rows[i] = trn_map_new(FILES_MAX);
        e = f->rows[i] ? index_table(f, i, m, names[i]) : -ENOMEM;
    }
    if (e < 0)
        return trn_msi_files_free(f);
    f->arena = a;
    f->names = (struct trn_look_names){name_of, f};
    return f;
}

struct trn_msi_files *trn_msi_files_free(struct trn_msi_files *f)
{
    for (int i = 0; f && i < 3; i++)
        trn_map_free(f->rows[i]);
    free(f);
    return NULL;
}

const struct trn_look_names *trn_msi_files_names(const struct trn_msi_files *f)
{
    return &f->names;
}
