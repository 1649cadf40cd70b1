/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: volume descriptors and directory records of ISO 9660 images, as far as they say which bytes are a file.
 * Must not: read Rock Ridge's names (libarchive does), compare the trees.
 */
#include "formats/iso.h"

#define SECTOR TRN_ISO_SECTOR
#define FIRST_VOLUME 16u
#define VOLUMES_MAX 32u
#define ROOT_AT 156u
#define RECORD_MIN 34u
#define FLAG_FOLDER 2u
#define FOLDERS_MAX 20000u
#define FOLDER_BYTES_MAX (4u << 20)
#define CONTINUATIONS_MAX 32u
#define DESCRIPTOR_SIZE 1395u /* what follows is reserved, and zeroes */
#define CATALOG_ENTRY 32u
#define MAKER_MAX 1024u
#define ATTRIBUTES_SIZE 250u /* of a record of attributes, without what an application may add */
#define PATH_ENTRY 8u        /* of a table of folders, in front of the name */

struct walk {
    const struct trn_source *s;
    struct trn_arena *arena;
    struct trn_map *folders; /* place -> size, in the order found: a queue that cannot loop */
    struct trn_iso_tree *tree;
    uint32_t room;            /* for files */
    uint64_t read;            /* bytes of folders */
    struct trn_ranges *owned; /* NULL: not asked for */
    bool folders_only;        /* own: files are not, for nobody gives this tree's */
    uint8_t more[SECTOR];
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

static void own(struct walk *w, uint64_t at, uint64_t size)
{
    if (w->owned)
        trn_ranges_add(w->owned, at, size);
}

/* Behind the name stand Rock Ridge's fields; one of them says where more of them are. */
static void own_continuation(struct walk *w, struct trn_cursor r)
{
    for (unsigned i = 0; i < CONTINUATIONS_MAX; i++) {
        uint32_t block = 0, offset = 0, size = 0;
        while (trn_cur_left(&r) >= 4) {
            struct trn_str sig = trn_cur_bytes(&r, 2);
            uint8_t n = trn_cur_u8(&r);
            struct trn_cursor field = trn_cur_sub(&r, r.at + 1, n > 4 ? n - 4u : 0);
            trn_cur_skip(&r, n > 3 ? n - 3u : SIZE_MAX);
            if (memcmp(sig.p, "CE", 2) != 0)
                continue;
            block = trn_cur_u32le(&field);
            trn_cur_skip(&field, 4);
            offset = trn_cur_u32le(&field);
            trn_cur_skip(&field, 4);
            size = field.bad ? 0 : trn_cur_u32le(&field);
        }
        if (size == 0 || size > SECTOR)
            return;
        uint64_t at = (uint64_t)block * SECTOR + offset;
        int64_t n = trn_source_read(w->s, at, w->more, size);
        if (n < (int64_t)size)
            return;
        own(w, at, size);
        r = trn_cur(w->more, size);
    }
}

static int on_record(struct walk *w, struct trn_cursor r)
{
    trn_cur_skip(&r, 1);
    uint64_t attributes = trn_cur_u8(&r); /* sectors in front of the file's own */
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
    if (w->owned) {
        trn_cur_skip(&r, name_n % 2 ? 0 : 1);
        own_continuation(w, r);
        if (!(flags & FLAG_FOLDER) && !w->folders_only) {
            own(w, (uint64_t)block * SECTOR, attributes ? ATTRIBUTES_SIZE : 0);
            own(w, (block + attributes) * SECTOR, size);
        }
    }
    if (flags & FLAG_FOLDER) {
        if (name_n == 1 && (uint8_t)name.p[0] <= 1) /* itself, the one above */
            return 0;
        t->path_table += PATH_ENTRY + name_n + name_n % 2;
        return queue(w, block, size);
    }
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

/* Folders do not overlap: all together they are no larger than the image. */
static int read_folder(struct walk *w, uint32_t block, uint32_t size)
{
    w->read += size;
    if (w->read > w->s->size) {
        w->tree->cut = true;
        return 0;
    }
    TRN_AUTO(trn_freep) uint8_t *bytes = malloc(TRN_MIN(size, FOLDER_BYTES_MAX));
    if (!bytes)
        return -ENOMEM;
    int64_t n = trn_source_read(w->s, (uint64_t)block * SECTOR, bytes, TRN_MIN(size, FOLDER_BYTES_MAX));
    if (n < 0)
        return (int)n;
    w->tree->cut |= (uint64_t)n < size;
    for (size_t at = 0; at < (size_t)n;) {
        size_t len = bytes[at];
        own(w, (uint64_t)block * SECTOR + at, len ? len : 1);
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

static int read_tree(struct walk *w, const uint8_t *volume)
{
    TRN_AUTO(trn_map_freep) struct trn_map *folders = trn_map_new(FOLDERS_MAX);
    struct trn_cursor root = trn_cur(volume + ROOT_AT, RECORD_MIN);
    uint64_t block, size;
    if (!folders)
        return -ENOMEM;
    w->folders = folders;
    w->tree->present = true;
    w->tree->path_table = PATH_ENTRY + 2;
    trn_cur_skip(&root, 2);
    uint32_t first = trn_cur_u32le(&root);
    trn_cur_skip(&root, 4);
    int e = queue(w, first, trn_cur_u32le(&root));
    for (size_t it = 0; e == 0 && trn_map_next(folders, &it, &block, &size);)
        e = read_folder(w, (uint32_t)block, (uint32_t)size);
    w->folders = NULL;
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
        struct walk w = {.s = s, .arena = arena, .tree = t};
        int e = t && !t->present ? read_tree(&w, volume) : 0;
        if (e < 0)
            return e;
    }
    return 0;
}

/* ---- what belongs to something ---- */

/* No larger than the tree's folders make them: what stands behind those nobody reads. Twice as much, for folders that were moved
 * up are in there as well. */
static void own_path_tables(struct trn_ranges *owned, const uint8_t *volume, const struct trn_iso_tree *t)
{
    struct trn_cursor c = trn_cur(volume, SECTOR);
    trn_cur_seek(&c, 132);
    uint64_t told = trn_cur_u32le(&c), size = TRN_MIN(told, 2 * t->path_table);
    trn_cur_skip(&c, 4);
    uint32_t at[4] = {trn_cur_u32le(&c), trn_cur_u32le(&c), trn_cur_u32be(&c), trn_cur_u32be(&c)};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(at); i++)
        if (at[i])
            trn_ranges_add(owned, (uint64_t)at[i] * SECTOR, size);
}

/* El Torito: entries of 32 bytes; sizes are in the sectors of a disk. */
static int read_catalog(const struct trn_source *s, const uint8_t *volume, struct trn_iso_map *m)
{
    uint8_t bytes[SECTOR];
    struct trn_cursor c = trn_cur(volume, SECTOR);
    trn_cur_seek(&c, 71);
    uint64_t at = (uint64_t)trn_cur_u32le(&c) * SECTOR;
    int64_t n = trn_source_read(s, at, bytes, sizeof(bytes));
    if (n < (int64_t)sizeof(bytes))
        return n < 0 ? (int)n : 0;
    size_t i = CATALOG_ENTRY;
    for (; i < SECTOR && bytes[i]; i += CATALOG_ENTRY) {
        if (bytes[i] != 0x88 || m->n_boots == TRN_ISO_BOOTS_MAX)
            continue;
        c = trn_cur(bytes + i, CATALOG_ENTRY);
        trn_cur_skip(&c, 6);
        uint64_t size = trn_cur_u16le(&c) * 512ull;
        m->boot[m->n_boots].at = (uint64_t)trn_cur_u32le(&c) * SECTOR;
        m->boot[m->n_boots++].size = size;
    }
    trn_ranges_add(&m->owned, at, i);
    return 0;
}

/* Files count of the two trees that are read (trn_iso_trees); of any other nobody gives them. */
static int own_tree(const struct trn_source *s, struct trn_arena *arena, const uint8_t *volume, struct trn_iso_map *m)
{
    struct trn_iso_tree t = {0};
    bool *seen = volume[0] == 1 ? &m->primary : &m->joliet, read = (volume[0] == 1 || is_joliet(volume)) && !*seen;
    struct walk w = {.s = s, .arena = arena, .tree = &t, .owned = &m->owned, .folders_only = !read};
    *seen |= read;
    struct trn_cursor c = trn_cur(volume, SECTOR);
    trn_cur_seek(&c, 80);
    uint64_t end = (uint64_t)trn_cur_u32le(&c) * SECTOR;
    m->volume_end = TRN_MAX(m->volume_end, end);
    int e = read_tree(&w, volume);
    own_path_tables(&m->owned, volume, &t);
    m->cut |= t.cut;
    m->n_files = TRN_MAX(m->n_files, t.n);
    return e;
}

/* mkisofs and libarchive say with a date who they are. */
static bool is_maker(const uint8_t *v)
{
    return memcmp(v, "MKI ", 4) == 0 || memcmp(v, "INFO ", 5) == 0;
}

/* Behind the last descriptor of ISO 9660 stand UDF's, if there are any, and the name of the program that made the image. */
static int own_descriptor(const struct trn_source *s, struct trn_arena *arena, const uint8_t *v, bool ended,
                          uint64_t at, struct trn_iso_map *m)
{
    if (ended) {
        m->udf |= memcmp(v + 1, "NSR0", 4) == 0;
        trn_ranges_add(&m->owned, at, is_maker(v) ? strnlen((const char *)v, MAKER_MAX) : 7);
        return 0;
    }
    trn_ranges_add(&m->owned, at, v[0] == 255 ? 7 : DESCRIPTOR_SIZE);
    if (v[0] == 0 && memcmp(v + 7, "EL TORITO SPECIFICATION", 23) == 0)
        return read_catalog(s, v, m);
    return v[0] == 1 || v[0] == 2 ? own_tree(s, arena, v, m) : 0;
}

int trn_iso_owned(const struct trn_source *s, struct trn_arena *arena, struct trn_iso_map *ret)
{
    static const char *const others[] = {"BEA01", "NSR02", "NSR03", "TEA01", "BOOT2"};
    uint8_t volume[SECTOR];
    bool ended = false;
    struct trn_iso_map m = {.owned.arena = arena};
    for (uint32_t i = 0; i < VOLUMES_MAX; i++) {
        uint64_t at = (uint64_t)(FIRST_VOLUME + i) * SECTOR;
        int64_t n = trn_source_read(s, at, volume, SECTOR);
        bool known = n == SECTOR && memcmp(volume + 1, "CD001", 5) == 0 && !ended;
        for (size_t k = 0; ended && n == SECTOR && k < TRN_ARRAY_SIZE(others); k++)
            known |= memcmp(volume + 1, others[k], 5) == 0;
        known |= ended && n == SECTOR && is_maker(volume);
        if (n < 0 || !known) {
            if (n < 0)
                return (int)n;
            break;
        }
        int e = own_descriptor(s, arena, volume, ended, at, &m);
        if (e < 0)
            return e;
        ended |= volume[0] == 255;
    }
    m.cut |= m.owned.bad;
    trn_ranges_close(&m.owned);
    *ret = m;
    return 0;
}
