/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: volume descriptors and directory records of ISO 9660 images, as far as they say which bytes are a file.
 * Must not: read Rock Ridge's names (libarchive does), compare the trees.
 */
#include "formats/iso.h"

#define SECTOR 2048u
#define FIRST_VOLUME 16u
#define VOLUMES_MAX 32u
#define ROOT_AT 156u
#define RECORD_MIN 34u
#define FLAG_FOLDER 2u
#define FOLDERS_MAX 20000u
#define FOLDER_BYTES_MAX (4u << 20)

struct walk {
    const struct trn_source *s;
    struct trn_arena *arena;
    struct trn_map *folders; /* place -> size, in the order found: a queue that cannot loop */
    struct trn_iso_tree *tree;
    uint32_t room; /* for files */
};

static int queue(struct walk *w, uint32_t block, uint32_t size)
{
    uint64_t unused;
    if (size == 0 || trn_map_get(w->folders, block, &unused))
        return 0;
    int e = trn_map_put(w->folders, block, size);
    w->tree->cut |= e == -ENOSPC || size > FOLDER_BYTES_MAX;
    return e == -ENOSPC ? 0 : e;
}

/* The arena keeps the old ones: all together no more than the new one. */
static bool grow(struct walk *w)
{
    uint32_t room = w->room ? 2 * w->room : 64;
    struct trn_iso_file *file = trn_arena_array(w->arena, room, sizeof(*file));
    if (!file)
        return false;
    if (w->tree->n)
        memcpy(file, w->tree->file, w->tree->n * sizeof(*file));
    w->tree->file = file;
    w->room = room;
    return true;
}

static int on_record(struct walk *w, struct trn_cursor r)
{
    trn_cur_skip(&r, 2);
    uint32_t block = trn_cur_u32le(&r);
    trn_cur_skip(&r, 4);
    uint32_t size = trn_cur_u32le(&r);
    trn_cur_skip(&r, 11);
    uint8_t flags = trn_cur_u8(&r);
    trn_cur_skip(&r, 6);
    uint8_t name_n = trn_cur_u8(&r);
    struct trn_str name = trn_cur_bytes(&r, name_n);
    struct trn_iso_tree *t = w->tree;
    if (r.bad) {
        t->cut = true;
        return 0;
    }
    if (flags & FLAG_FOLDER)
        return name_n == 1 && (uint8_t)name.p[0] <= 1 ? 0 : queue(w, block, size); /* itself, the one above */
    if (size == 0)
        return 0;
    if (t->n == TRN_ISO_FILES_MAX) {
        t->cut = true;
        return 0;
    }
    if (t->n == w->room && !grow(w))
        return -ENOMEM;
    t->file[t->n] = (struct trn_iso_file){(uint64_t)block * SECTOR, size, trn_arena_str(w->arena, name)};
    return trn_str_is_none(t->file[t->n++].name) ? -ENOMEM : 0;
}

static int read_folder(struct walk *w, uint32_t block, uint32_t size)
{
    TRN_AUTO(trn_freep) uint8_t *bytes = malloc(TRN_MIN(size, FOLDER_BYTES_MAX));
    if (!bytes)
        return -ENOMEM;
    int64_t n = trn_source_read(w->s, (uint64_t)block * SECTOR, bytes, TRN_MIN(size, FOLDER_BYTES_MAX));
    if (n < 0)
        return (int)n;
    w->tree->cut |= (uint64_t)n < size;
    for (size_t at = 0; at < (size_t)n;) {
        size_t len = bytes[at];
        if (len == 0) { /* no record crosses a sector */
            at = (at / SECTOR + 1) * SECTOR;
            continue;
        }
        if (len < RECORD_MIN || len > (size_t)n - at) {
            w->tree->cut = true;
            return 0;
        }
        int e = on_record(w, trn_cur(bytes + at, len));
        if (e < 0)
            return e;
        at += len;
    }
    return 0;
}

static int read_tree(const struct trn_source *s, struct trn_arena *arena, const uint8_t *volume,
                     struct trn_iso_tree *ret)
{
    TRN_AUTO(trn_map_freep) struct trn_map *folders = trn_map_new(FOLDERS_MAX);
    struct walk w = {.s = s, .arena = arena, .folders = folders, .tree = ret};
    struct trn_cursor root = trn_cur(volume + ROOT_AT, RECORD_MIN);
    uint64_t block, size;
    if (!folders)
        return -ENOMEM;
    ret->present = true;
    trn_cur_skip(&root, 2);
    uint32_t first = trn_cur_u32le(&root);
    trn_cur_skip(&root, 4);
    int e = queue(&w, first, trn_cur_u32le(&root));
    for (size_t it = 0; e == 0 && trn_map_next(folders, &it, &block, &size);)
        e = read_folder(&w, (uint32_t)block, (uint32_t)size);
    return e;
}

/* "%/@", "%/C", "%/E": UCS-2 at three levels */
static bool is_joliet(const uint8_t *volume)
{
    return volume[0] == 2 && volume[88] == '%' && volume[89] == '/' &&
           (volume[90] == '@' || volume[90] == 'C' || volume[90] == 'E');
}

int trn_iso_trees(const struct trn_source *s, struct trn_arena *arena, struct trn_iso_tree *ret_primary,
                  struct trn_iso_tree *ret_joliet)
{
    uint8_t volume[SECTOR];
    *ret_primary = *ret_joliet = (struct trn_iso_tree){0};
    for (uint32_t i = 0; i < VOLUMES_MAX; i++) {
        int64_t n = trn_source_read(s, (uint64_t)(FIRST_VOLUME + i) * SECTOR, volume, SECTOR);
        if (n < (int64_t)SECTOR || memcmp(volume + 1, "CD001", 5) != 0 || volume[0] == 255)
            return n < 0 ? (int)n : 0;
        struct trn_iso_tree *t = volume[0] == 1 ? ret_primary : is_joliet(volume) ? ret_joliet : NULL;
        int e = t && !t->present ? read_tree(s, arena, volume, t) : 0;
        if (e < 0)
            return e;
    }
    return 0;
}
