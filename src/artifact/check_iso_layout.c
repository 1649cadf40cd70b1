/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the account of every byte of an ISO image: the system area, what no file and no structure owns, what lies behind the
 * volume. What computers start from (boot sectors, partitions, boot images) is looked at and not told.
 * Must not: read the trees (formats/iso.c does), unpack files.
 */
#include "artifact/iso_trees.h"

#include "artifact/unowned.h"
#include "formats/formats.h"

#define DISK_SECTOR 512u
#define MBR_PARTITIONS 446u
#define MBR_ENTRY 16u
#define HFS_AT 1024u
#define MD5 16u
#define GPT_ENTRY 128u
#define GPT_BEHIND 8192u /* sectors: images are cut off or padded */
#define APPLE_DRIVER_MAP 26u
#define LOOKED_MAX 1000u
#define REMAINS_MAX 64u

struct disc {
    struct trn_look *l;
    struct trn_iso_map map;
    bool hfs;                 /* a file system of macOS (HFS, HFS+) over the same bytes */
    struct trn_ranges system; /* of the system area: what is a boot sector or a map of partitions */
};

static int part(struct disc *d, const char *name, uint64_t at, uint64_t size)
{
    struct trn_member m = {.name = trn_str_of(name)};
    if (!trn_unowned_trim(d->l, &at, &size))
        return 0;
    m.size = size;
    return trn_look_part(d->l, &m, at, size);
}

static bool is_free(const struct disc *d, uint64_t at, uint64_t size)
{
    struct trn_span gap;
    return size && trn_ranges_gap(&d->map.owned, at, at + size, &gap) && gap.from == at && gap.to == at + size;
}

/* What lies where nothing else is belongs to whoever points to it. */
static int claim(struct disc *d, const char *name, uint64_t at, uint64_t size)
{
    uint64_t end;
    if (!trn_add_ok(at, size, &end) || end > d->l->bytes->size || at < TRN_ISO_SYSTEM_AREA || !is_free(d, at, size))
        return 0;
    trn_ranges_add(&d->map.owned, at, size);
    trn_ranges_close(&d->map.owned);
    return part(d, name, at, size);
}

/* ---- what computers start from ---- */

/* A FAT volume says how large it is; a catalog has room for less. */
static uint64_t fat_size(struct disc *d, uint64_t at)
{
    uint8_t b[DISK_SECTOR];
    if (trn_source_read(d->l->bytes, at, b, sizeof(b)) != (int64_t)sizeof(b) || b[510] != 0x55 || b[511] != 0xaa)
        return 0;
    struct trn_cursor c = trn_cur(b, sizeof(b));
    trn_cur_seek(&c, 11);
    uint64_t sector = trn_cur_u16le(&c);
    trn_cur_seek(&c, 19);
    uint64_t small = trn_cur_u16le(&c);
    trn_cur_seek(&c, 32);
    uint64_t large = trn_cur_u32le(&c);
    return sector == DISK_SECTOR ? sector * (small ? small : large) : 0;
}

static int boot_images(struct disc *d)
{
    int e = 0;
    for (uint32_t i = 0; i < d->map.n_boots && e == 0; i++) {
        uint64_t at = d->map.boot[i].at, fat = fat_size(d, at);
        e = claim(d, "[boot image]", at, fat > d->map.boot[i].size ? fat : d->map.boot[i].size);
    }
    return e;
}

static int mbr_partitions(struct disc *d, const uint8_t *mbr)
{
    int e = 0;
    for (unsigned i = 0; i < 4 && e == 0; i++) {
        struct trn_cursor c = trn_cur(mbr + MBR_PARTITIONS + i * MBR_ENTRY, MBR_ENTRY);
        trn_cur_skip(&c, 8);
        uint64_t at = trn_cur_u32le(&c) * (uint64_t)DISK_SECTOR;
        e = claim(d, "[partition]", at, trn_cur_u32le(&c) * (uint64_t)DISK_SECTOR);
    }
    return e;
}

/* HFS or HFS+; older discs have one over the whole image, without a map. */
static bool is_hfs(struct disc *d, uint64_t at)
{
    char b[2];
    return trn_source_read(d->l->bytes, at + HFS_AT, b, 2) == 2 &&
           (memcmp(b, "H+", 2) == 0 || memcmp(b, "HX", 2) == 0 || memcmp(b, "BD", 2) == 0);
}

static int mapped_partitions(struct disc *d)
{
    struct trn_partitions p;
    int e = trn_partitions_read(d->l->bytes, d->l->arena, &p);
    if (e < 0)
        return e == -ENOMEM ? e : 0;
    for (uint32_t i = 0; i < p.n && e == 0; i++) {
        e = claim(d, "[partition]", p.list[i].at, p.list[i].size);
        d->hfs |= p.list[i].at && is_hfs(d, p.list[i].at);
    }
    return e;
}

/* An entry of a GPT: a type, and a place on the disk. */
static void own_gpt_entry(struct disc *d, struct trn_ranges *owned, uint64_t at)
{
    static const uint8_t none[16];
    uint8_t b[GPT_ENTRY];
    if (trn_source_read(d->l->bytes, at, b, sizeof(b)) != (int64_t)sizeof(b) || memcmp(b, none, sizeof(none)) == 0)
        return;
    struct trn_cursor c = trn_cur(b, sizeof(b));
    trn_cur_seek(&c, 32);
    uint64_t first = trn_cur_u64le(&c), last = trn_cur_u64le(&c);
    if (first <= last && last <= d->l->bytes->size / DISK_SECTOR + GPT_BEHIND)
        trn_ranges_add(owned, at, sizeof(b));
}

/* The header of a GPT and its table; the first has the place of the second. */
static uint64_t own_gpt(struct disc *d, struct trn_ranges *owned, uint64_t at)
{
    uint8_t b[92];
    if (at > d->l->bytes->size || trn_source_read(d->l->bytes, at, b, sizeof(b)) != (int64_t)sizeof(b) ||
        memcmp(b, "EFI PART", 8) != 0)
        return 0;
    struct trn_cursor c = trn_cur(b, sizeof(b));
    trn_cur_seek(&c, 32);
    uint64_t other = trn_cur_u64le(&c), table;
    trn_cur_seek(&c, 72);
    bool fits = trn_mul_ok(trn_cur_u64le(&c), (uint64_t)DISK_SECTOR, &table);
    uint64_t n = trn_cur_u32le(&c), each = trn_cur_u32le(&c);
    trn_ranges_add(owned, at, sizeof(b));
    for (uint64_t i = 0; fits && i < n && n <= 1024 && each == GPT_ENTRY && table <= d->l->bytes->size; i++)
        own_gpt_entry(d, owned, table + i * each);
    return trn_mul_ok(other, (uint64_t)DISK_SECTOR, &table) ? table : 0;
}

static void own_apple_map(struct disc *d)
{
    uint8_t b[DISK_SECTOR];
    uint64_t n = trn_source_read(d->l->bytes, 0, b, 2) == 2 && memcmp(b, "ER", 2) == 0 ? TRN_ISO_SYSTEM_AREA : 0;
    trn_ranges_add(&d->system, 0, n ? APPLE_DRIVER_MAP : 0);
    for (uint64_t at = DISK_SECTOR; at < n; at += DISK_SECTOR)
        if (trn_source_read(d->l->bytes, at, b, sizeof(b)) == (int64_t)sizeof(b) && memcmp(b, "PM\0\0", 4) == 0)
            trn_ranges_add(&d->system, at, 136);
}

/* Boot sector and maps of partitions are ordinary; anything else in there may be, too (old game discs): by what it is. */
static int system_area(struct disc *d)
{
    static const struct trn_unowned unknown = {
        "system-area", "[system area]",
        "lie in front of the image's first descriptor, where no file is and no known boot "
        "sector or map of partitions",
        0};
    uint8_t mbr[DISK_SECTOR];
    int e = 0;
    if (trn_source_read(d->l->bytes, 0, mbr, sizeof(mbr)) != (int64_t)sizeof(mbr))
        return 0;
    d->system.arena = d->l->arena;
    d->hfs = is_hfs(d, 0);
    if (mbr[510] == 0x55 && mbr[511] == 0xaa) {
        trn_ranges_add(&d->system, 0, DISK_SECTOR);
        e = part(d, "[boot sector]", 0, DISK_SECTOR);
        if (e == 0)
            e = mbr_partitions(d, mbr);
    }
    if (e == 0)
        e = mapped_partitions(d);
    uint64_t other = own_gpt(d, &d->system, DISK_SECTOR);
    if (other)
        (void)own_gpt(d, &d->map.owned, other);
    own_apple_map(d);
    trn_ranges_close(&d->map.owned);
    trn_ranges_close(&d->system);
    return e < 0 ? e : trn_unowned_gaps(d->l, &unknown, &d->system, 0, TRN_ISO_SYSTEM_AREA);
}

/* ---- what nobody owns ---- */

static bool is_tag(struct disc *d, uint64_t at)
{
    char b[64];
    struct trn_str s = {b, sizeof(b)};
    return trn_source_read(d->l->bytes, at, b, sizeof(b)) == (int64_t)sizeof(b) &&
           trn_str_starts(s, TRN_STR("libisofs_")) && trn_str_contains(s, TRN_STR("_tag_v1 pos="));
}

/* libisofs can leave lines with checksums, each in a sector, and a table of MD5 in front of the last. True: it was, and is
 * owned now. */
static bool is_checksum(struct disc *d, uint64_t at)
{
    char line[TRN_ISO_SECTOR];
    uint64_t table = (d->map.n_files + 2ull) * MD5;
    if (at % TRN_ISO_SECTOR)
        return false;
    for (uint64_t i = 0; i <= table / TRN_ISO_SECTOR + 1; i++) {
        uint64_t place = at + i * TRN_ISO_SECTOR;
        if (!is_tag(d, place))
            continue;
        struct trn_str s = {line, sizeof(line)};
        if (trn_source_read(d->l->bytes, place, line, sizeof(line)) != (int64_t)sizeof(line))
            return false;
        ptrdiff_t end = trn_str_find(s, '\n');
        if (end < 0 || end > 512)
            return false;
        trn_ranges_add(&d->map.owned, at, i * TRN_ISO_SECTOR + (uint64_t)end + 1);
        trn_ranges_close(&d->map.owned);
        return true;
    }
    return false;
}

/* A folder begins with a record of itself. One that no tree has is of an earlier session. */
static bool is_folder(struct disc *d, uint64_t at)
{
    uint8_t b[34];
    if (at % TRN_ISO_SECTOR || trn_source_read(d->l->bytes, at, b, sizeof(b)) != (int64_t)sizeof(b))
        return false;
    struct trn_cursor c = trn_cur(b, sizeof(b));
    trn_cur_skip(&c, 2);
    uint32_t little = trn_cur_u32le(&c), big = trn_cur_u32be(&c);
    return b[0] >= sizeof(b) && little == big && little == at / TRN_ISO_SECTOR && b[32] == 1 && b[33] == 0;
}

/* What programs that make images leave in them. Images that were written to several times keep the folders of before, and
 * files that were deleted: a note, for people do that. */
static int known_remains(struct disc *d, uint64_t end)
{
    static const struct trn_unowned older = {"unowned-sectors", "[of an earlier session of the image]",
                                             "look like folders of an earlier session: who mounts the image does not "
                                             "see them, nor files that were deleted since",
                                             20};
    struct trn_span gap;
    uint64_t at = TRN_ISO_SYSTEM_AREA;
    int e = 0;
    for (uint32_t n = 0; e == 0 && n < REMAINS_MAX && trn_ranges_gap(&d->map.owned, at, end, &gap);) {
        uint64_t size = gap.to - gap.from;
        at = gap.from;
        if (!trn_unowned_trim(d->l, &at, &size)) {
            at = gap.to;
            continue;
        }
        at -= at % TRN_ISO_SECTOR; /* an MD5 may begin with a zero */
        if (at >= gap.from && is_folder(d, at)) {
            e = trn_unowned_tell(d->l, &older, at, gap.to - at);
            trn_ranges_add(&d->map.owned, at, gap.to - at);
            trn_ranges_close(&d->map.owned);
            n++;
        } else if (at >= gap.from && is_checksum(d, at))
            n++;
        else
            at = gap.to;
    }
    return e;
}

/* Another file system over the same bytes, which we do not open: all that is its alone is looked at, nothing is told of it. */
static int behind_udf(struct disc *d, uint64_t end)
{
    struct trn_span gap;
    uint64_t at = TRN_ISO_SYSTEM_AREA;
    int e = trn_look_gap(
        d->l, TRN_GAP_UNSUPPORTED, TRN_STR_NONE,
        "it has a UDF file system too, which is not opened: what only that has is looked at without names");
    for (uint32_t n = 0; e == 0 && n < LOOKED_MAX && trn_ranges_gap(&d->map.owned, at, end, &gap);) {
        uint64_t from = gap.from, size = gap.to - gap.from;
        at = gap.to;
        if (!trn_unowned_trim(d->l, &from, &size))
            continue;
        n++;
        e = part(d, "[of no file of the image]", from, size);
    }
    return e;
}

int trn_iso_layout(struct trn_look *l)
{
    static const struct trn_unowned inside = {
        "unowned-sectors", "[of no file of the image]",
        "belong to no file and no structure of the image: who mounts it never sees them", 45};
    static const struct trn_unowned other = {"unowned-sectors", "[of no file of the image]",
                                             "belong to no file of the image; they may belong to its HFS volume, "
                                             "which macOS mounts instead",
                                             20};
    static const struct trn_unowned behind = {"behind-end", "[behind the volume]",
                                              "lie behind the end of the volume: who mounts it never sees them", 45};
    struct disc d = {.l = l};
    int e = trn_iso_owned(l->bytes, l->arena, &d.map);
    if (e < 0)
        return e;
    uint64_t end = TRN_MIN(d.map.volume_end, l->bytes->size);
    if (d.map.cut || end <= TRN_ISO_SYSTEM_AREA)
        return trn_look_gap(l, TRN_GAP_DAMAGED, TRN_STR_NONE,
                            "its tree is damaged or too large: bytes that belong to no file are not looked for");
    e = boot_images(&d);
    if (e == 0)
        e = system_area(&d);
    if (e == 0 && d.map.udf)
        return behind_udf(&d, l->bytes->size);
    if (e == 0)
        e = known_remains(&d, end);
    if (e == 0 && d.map.owned.bad)
        return trn_look_gap(l, TRN_GAP_LIMIT, TRN_STR_NONE, "places that belong to something");
    if (e == 0)
        e = trn_unowned_gaps(l, d.hfs ? &other : &inside, &d.map.owned, TRN_ISO_SYSTEM_AREA, end);
    return e < 0 ? e : trn_unowned_gaps(l, &behind, &d.map.owned, end, l->bytes->size);
}
