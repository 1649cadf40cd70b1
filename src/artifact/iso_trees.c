/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the two trees of an ISO image against each other: what only one of them names, one operating system sees and another
 * does not. Must not: unpack what libarchive has (it follows one tree only, so the files of the other are looked at here).
 */
#include "artifact/iso_trees.h"

#include "artifact/irregular.h"
#include "formats/formats.h"

#define TOLD_MAX 8u
#define LOOKED_MAX 1000u

static int add_all(struct trn_map *map, const struct trn_iso_tree *t)
{
    int e = 0;
    for (uint32_t i = 0; i < t->n && e == 0; i++)
        e = trn_map_put(map, t->file[i].at, 1);
    return e == -ENOSPC ? 0 : e;
}

/* Joliet's names for people: what is not ASCII becomes '?'. */
static struct trn_str plain(struct trn_look *l, const struct trn_iso_file *f, bool wide)
{
    char *text = wide ? trn_arena_alloc(l->arena, f->name.n / 2 + 1) : NULL;
    size_t n = 0;
    if (!text)
        return f->name;
    for (size_t i = 0; i + 1 < f->name.n; i += 2)
        text[n++] = f->name.p[i] == 0 ? f->name.p[i + 1] : '?';
    return (struct trn_str){text, n};
}

static int only_in(struct trn_look *l, const struct trn_iso_tree *t, const struct trn_map *other, bool wide)
{
    uint32_t found = 0;
    int e = 0;
    for (uint32_t i = 0; i < t->n && e == 0 && found < LOOKED_MAX; i++) {
        const struct trn_iso_file *f = &t->file[i];
        uint64_t unused;
        char text[160];
        if (trn_map_get(other, f->at, &unused))
            continue;
        struct trn_member m = {.name = plain(l, f, wide), .size = f->size};
        struct trn_irregular irregular = {
            .kind = "one-tree-only", .score = 30, .at = f->at, .size = f->size, .member = m.name};
        if (found++ < TOLD_MAX)
            e = trn_irregular(l, &irregular, "The file '%s' is only in the %s tree of the image: %s.",
                              trn_escape_into(text, sizeof(text), m.name), wide ? "Joliet" : "plain",
                              wide ? "Windows shows it, other systems do not"
                                   : "Windows does not show it, other systems do");
        if (e == 0)
            e = trn_look_part(l, &m, f->at, f->size);
    }
    return e;
}

int trn_iso_compare(struct trn_look *l)
{
    TRN_AUTO(trn_map_freep) struct trn_map *plain_files = trn_map_new(TRN_ISO_FILES_MAX);
    TRN_AUTO(trn_map_freep) struct trn_map *joliet_files = trn_map_new(TRN_ISO_FILES_MAX);
    struct trn_iso_tree primary, joliet;
    int e = plain_files && joliet_files ? trn_iso_trees(l->bytes, l->arena, &primary, &joliet) : -ENOMEM;
    if (e < 0 || !primary.present || !joliet.present || primary.cut || joliet.cut)
        return e; /* one tree, or none that can be compared: libarchive tells what is damaged */
    e = add_all(plain_files, &primary);
    if (e == 0)
        e = add_all(joliet_files, &joliet);
    if (e == 0)
        e = only_in(l, &primary, joliet_files, false);
    return e < 0 ? e : only_in(l, &joliet, plain_files, true);
}
