/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the header and the tables of a compound file: which sectors there are and which follows which.
 * Must not own: the directory (ole2_tree.c), reading along a chain (ole2_stream.c), what is in no stream (ole2_slack.c).
 * Hand-offs: everything is in the caller's arena and dies with it.
 */
#include "formats/ole2_internal.h"

#define DIFAT_IN_HEADER 109u

static const char magic[8] = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

struct header {
    uint16_t major, byte_order, shift, mini_shift;
    uint32_t n_fat, first_directory, cutoff, first_minifat, n_minifat, first_difat, n_difat;
    uint32_t difat[DIFAT_IN_HEADER];
};

static int read_header(const struct trn_source *s, struct header *h, struct trn_err *err)
{
    uint8_t raw[OLE2_HEADER];
    int64_t n = trn_source_read(s, 0, raw, sizeof(raw));
    if (n < 0)
        return trn_fail(err, (int)n, "cannot read the header: %s", trn_errno_name((int)n));
    if ((size_t)n < sizeof(magic) || memcmp(raw, magic, sizeof(magic)) != 0)
        return trn_fail(err, -ENOEXEC, "no compound file");
    struct trn_cursor c = trn_cur(raw, (size_t)n);
    trn_cur_seek(&c, 26);
    h->major = trn_cur_u16le(&c);
    h->byte_order = trn_cur_u16le(&c);
    h->shift = trn_cur_u16le(&c);
    h->mini_shift = trn_cur_u16le(&c);
    trn_cur_skip(&c, 10);
    h->n_fat = trn_cur_u32le(&c);
    h->first_directory = trn_cur_u32le(&c);
    trn_cur_skip(&c, 4);
    h->cutoff = trn_cur_u32le(&c);
    h->first_minifat = trn_cur_u32le(&c);
    h->n_minifat = trn_cur_u32le(&c);
    h->first_difat = trn_cur_u32le(&c);
    h->n_difat = trn_cur_u32le(&c);
    for (size_t i = 0; i < DIFAT_IN_HEADER; i++)
        h->difat[i] = trn_cur_u32le(&c);
    if (c.bad)
        return trn_fail(err, -EBADMSG, "the header of the compound file is cut off");
    if (h->byte_order != 0xfffe || h->mini_shift != OLE2_MINI_SHIFT || h->cutoff != 4096 ||
        !((h->major == 3 && h->shift == 9) || (h->major == 4 && h->shift == 12)))
        return trn_fail(err, -EBADMSG, "the header of the compound file makes no sense");
    return 0;
}

/* One sector as numbers; what the file does not have reads as free. */
static int read_numbers(const struct trn_ole2 *o, uint32_t sector, uint32_t *dst, uint32_t want)
{
    uint8_t raw[4096];
    size_t size = (size_t)1 << o->shift;
    int64_t n = trn_source_read(o->bytes, ole2_sector_at(o, sector), raw, size);
    if (n < 0)
        return (int)n;
    if ((size_t)n < size)
        memset(raw + n, 0xff, size - (size_t)n);
    struct trn_cursor c = trn_cur(raw, size);
    for (uint32_t i = 0; i < want && i < size / 4; i++)
        dst[i] = trn_cur_u32le(&c);
    return 0;
}

/* Takes one sector of the FAT into the table: false when it is none of its own. */
static bool is_taken(struct trn_ole2 *o, uint32_t sector, uint16_t owner)
{
    if (sector >= o->n_sectors || o->owner[sector] != OWNER_NONE) {
        o->trouble = "its allocation table names sectors that it does not have, or one twice";
        return false;
    }
    o->owner[sector] = owner;
    return true;
}

static int add_fat(struct trn_ole2 *o, uint32_t sector)
{
    uint32_t per = (1u << o->shift) / 4;
    uint32_t room = o->n_sectors - o->n_fat;
    if (!room)
        return 0; /* more of the table than there are sectors: nothing to say about them */
    uint32_t n = TRN_MIN(per, room);
    int e = 0;
    if (is_taken(o, sector, OWNER_FAT))
        e = read_numbers(o, sector, o->fat + o->n_fat, n);
    else
        memset(o->fat + o->n_fat, 0xff, n * sizeof(*o->fat));
    o->n_fat += n;
    o->last_fat = sector;
    o->last_fill = n;
    return e;
}

static int read_fat(struct trn_ole2 *o, const struct header *h)
{
    uint32_t left = h->n_fat, per = (1u << o->shift) / 4, next = h->first_difat;
    uint32_t part[1024];
    int e = 0;
    for (size_t i = 0; i < DIFAT_IN_HEADER && left && e == 0; i++, left--)
        e = add_fat(o, h->difat[i]);
    /* each sector counts once, so a circle ends; the last number of each is the next one's */
    while (e == 0 && left && o->n_fat < o->n_sectors && is_taken(o, next, OWNER_DIFAT)) {
        e = read_numbers(o, next, part, per);
        for (uint32_t i = 0; i < per - 1 && left && e == 0; i++, left--)
            e = add_fat(o, part[i]);
        next = part[per - 1];
    }
    return e;
}

static int read_minifat(struct trn_ole2 *o, const struct header *h)
{
    struct trn_source s;
    bool broken = false;
    if (h->n_minifat == 0 || h->first_minifat > OLE2_LAST)
        return 0;
    uint32_t units = ole2_claim(o, h->first_minifat, h->n_minifat, OWNER_MINIFAT, false, &broken);
    if (broken)
        o->trouble = "the allocation table of its small streams is damaged";
    int e = ole2_chain_source(o, h->first_minifat, units, (uint64_t)units << o->shift, false, o->arena, &s);
    if (e < 0)
        return e;
    struct trn_str raw;
    struct trn_cursor c;
    e = trn_source_take(&s, 0, (size_t)s.size, o->arena, &raw);
    if (e < 0)
        return e;
    o->n_mini = (uint32_t)(raw.n / 4);
    o->minifat = trn_arena_array(o->arena, o->n_mini, sizeof(*o->minifat));
    o->mini_owner = trn_arena_array(o->arena, o->n_mini, sizeof(*o->mini_owner));
    if (!o->minifat || !o->mini_owner)
        return -ENOMEM;
    c = trn_cur_of(raw);
    for (uint32_t i = 0; i < o->n_mini; i++)
        o->minifat[i] = trn_cur_u32le(&c);
    return 0;
}

static int read_directory(struct trn_ole2 *o, const struct header *h, struct trn_err *err)
{
    bool broken = false;
    if (h->first_directory > OLE2_LAST)
        return trn_fail(err, -EBADMSG, "the compound file has no directory");
    uint32_t units = ole2_claim(o, h->first_directory, 1, OWNER_DIRECTORY, false, &broken);
    if (units == 0)
        return trn_fail(err, -EBADMSG, "the directory of the compound file cannot be read");
    if (broken)
        o->trouble = "its directory does not end well";
    o->directory = trn_arena_array(o->arena, units, sizeof(*o->directory));
    if (!o->directory)
        return -ENOMEM;
    for (uint32_t i = 0, sector = h->first_directory; i < units; i++, sector = o->fat[sector])
        o->directory[i] = sector;
    o->n_directory = units;
    return 0;
}

static int read_tables(struct trn_ole2 *o, const struct header *h, struct trn_err *err)
{
    uint64_t size = o->bytes->size, first = 1ull << o->shift;
    uint64_t sectors = size > first ? (size - first + first - 1) >> o->shift : 0;
    if (sectors == 0)
        return trn_fail(err, -EBADMSG, "the compound file ends behind its header");
    if (sectors > TRN_OLE2_SECTORS_MAX)
        return trn_fail(err, -ENOMEM, "the compound file has too many sectors");
    o->n_sectors = (uint32_t)sectors;
    o->told_fat = h->n_fat;
    o->fat = trn_arena_array(o->arena, o->n_sectors, sizeof(*o->fat));
    o->owner = trn_arena_array(o->arena, o->n_sectors, sizeof(*o->owner));
    if (!o->fat || !o->owner)
        return -ENOMEM;
    int e = read_fat(o, h);
    if (e == 0)
        e = read_directory(o, h, err);
    if (e == 0)
        e = read_minifat(o, h);
    return e;
}

int trn_ole2_open(const struct trn_source *s, struct trn_arena *a, struct trn_ole2 **ret, struct trn_err *err)
{
    struct header h = {0};
    int e = read_header(s, &h, err);
    if (e < 0)
        return e;
    struct trn_ole2 *o = trn_arena_alloc(a, sizeof(*o));
    if (!o)
        return trn_fail(err, -ENOMEM, "no memory for the compound file");
    *o = (struct trn_ole2){
        .bytes = s, .arena = a, .version = h.major, .shift = h.shift, .cutoff = h.cutoff, .trouble = ""};
    struct trn_err why = {0};
    e = read_tables(o, &h, &why);
    if (e == 0)
        e = ole2_read_tree(o, &why);
    if (e < 0)
        return trn_fail(err, e, "%s", why.message[0] ? why.message : trn_errno_name(e));
    *ret = o;
    return 0;
}

size_t trn_ole2_count(const struct trn_ole2 *o)
{
    return o->n_entries;
}

const struct trn_ole2_entry *trn_ole2_entry(const struct trn_ole2 *o, size_t i)
{
    return i < o->n_entries ? &o->entries[i] : NULL;
}

const struct trn_ole2_entry *trn_ole2_by_id(const struct trn_ole2 *o, uint32_t id)
{
    return id < o->n_ids && o->place[id] ? &o->entries[o->place[id] - 1] : NULL;
}

const char *trn_ole2_trouble(const struct trn_ole2 *o)
{
    return o->trouble;
}

uint16_t trn_ole2_version(const struct trn_ole2 *o)
{
    return o->version;
}
