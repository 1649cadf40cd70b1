/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: trailer, property list and chunk tables of a disk image. Must not own: decompression (but ADC, which is Apple's own),
 * partitions, file systems.
 * Hand-offs: names and tables are the arena's.
 */
#include "formats/dmg.h"

#include "formats/plist.h"

#define CHUNK_END 0xffffffffu
#define CHUNK_COMMENT 0x7ffffffeu
#define MISH_HEAD 204u
#define MISH_CHUNK 40u
#define KOLY "koly\0\0\0\4\0\0\2\0" /* version 4, 512 bytes */
#define KOLY_SIZE 12u
#define WINDOW 65536u
#define SECTORS_MAX (1ull << 46)

/* Is a trailer at that place, and its list in front of it? */
static bool is_trailer(const struct trn_source *s, uint64_t at)
{
    uint8_t raw[TRN_DMG_TRAILER];
    if (at > s->size || trn_source_read(s, at, raw, sizeof(raw)) != (int64_t)sizeof(raw) ||
        memcmp(raw, KOLY, KOLY_SIZE) != 0)
        return false;
    struct trn_cursor c = trn_cur(raw, sizeof(raw));
    trn_cur_seek(&c, 216);
    uint64_t list = trn_cur_u64be(&c), size = trn_cur_u64be(&c);
    return list <= at && size && size <= at - list;
}

int64_t trn_dmg_end(const struct trn_source *s, uint64_t within)
{
    uint8_t window[WINDOW];
    if (s->size < TRN_DMG_TRAILER)
        return 0;
    uint64_t last = s->size - TRN_DMG_TRAILER, at = last + KOLY_SIZE, from = last - TRN_MIN(within, last);
    int64_t n = trn_source_read(s, last, window, KOLY_SIZE);
    if (n < 0 || (n == (int64_t)KOLY_SIZE && memcmp(window, KOLY, KOLY_SIZE) == 0))
        return n < 0 ? n : (int64_t)s->size;
    while (at > from + KOLY_SIZE) { /* from the end; windows overlap by a magic */
        uint64_t begin = at - TRN_MIN(at - from, (uint64_t)WINDOW);
        const uint8_t *p = s->mem ? s->mem + begin : window;
        n = s->mem ? (int64_t)(at - begin) : trn_source_read(s, begin, window, (size_t)(at - begin));
        if (n < (int64_t)KOLY_SIZE)
            return n < 0 ? n : 0;
        for (const uint8_t *k = p; (k = memmem(k, (size_t)(p + n - k), KOLY, KOLY_SIZE)) != NULL; k++)
            if (is_trailer(s, begin + (uint64_t)(k - p)))
                return (int64_t)(begin + (uint64_t)(k - p) + TRN_DMG_TRAILER);
        at = begin + KOLY_SIZE - 1;
    }
    return 0;
}

static int trailer(const struct trn_source *s, struct trn_dmg *d)
{
    uint8_t raw[TRN_DMG_TRAILER];
    int64_t end = trn_dmg_end(s, TRN_DMG_SEARCHED);
    if (end <= 0)
        return end < 0 ? (int)end : -ENOEXEC;
    d->end = (uint64_t)end;
    int64_t n = trn_source_read(s, d->end - sizeof(raw), raw, sizeof(raw));
    if (n < 0)
        return (int)n;
    struct trn_cursor c = trn_cur(raw, (size_t)n);
    uint32_t magic = trn_cur_u32be(&c), version = trn_cur_u32be(&c), size = trn_cur_u32be(&c);
    if (magic != 0x6b6f6c79u || version != 4 || size != TRN_DMG_TRAILER)
        return -ENOEXEC;
    trn_cur_seek(&c, 24);
    d->data_at = trn_cur_u64be(&c);
    d->data_size = trn_cur_u64be(&c);
    d->resources_at = trn_cur_u64be(&c);
    d->resources_size = trn_cur_u64be(&c);
    trn_cur_seek(&c, 60);
    d->n_segments = trn_cur_u32be(&c);
    trn_cur_seek(&c, 216);
    d->plist_at = trn_cur_u64be(&c);
    d->plist_size = trn_cur_u64be(&c);
    trn_cur_seek(&c, 296);
    d->signature_at = trn_cur_u64be(&c);
    d->signature_size = trn_cur_u64be(&c);
    trn_cur_seek(&c, 492);
    d->sectors = trn_cur_u64be(&c);
    return c.bad ? -ENOEXEC : 0;
}

struct reader {
    struct trn_dmg *d;
    struct trn_arena *a;
    uint64_t file_size;
    uint32_t cap; /* of chunks */
};

static int more_room(struct reader *r, uint32_t n)
{
    struct trn_dmg *d = r->d;
    if (n > TRN_DMG_CHUNKS_MAX - d->n_chunks)
        return -E2BIG;
    if (d->n_chunks + n <= r->cap)
        return 0;
    uint32_t cap = TRN_MIN(TRN_MAX(d->n_chunks + n, 2 * r->cap), TRN_DMG_CHUNKS_MAX);
    struct trn_dmg_chunk *more = trn_arena_array(r->a, cap, sizeof(*more));
    if (!more)
        return -ENOMEM;
    if (d->n_chunks)
        memcpy(more, d->chunks, d->n_chunks * sizeof(*more));
    d->chunks = more;
    r->cap = cap;
    return 0;
}

static int chunk(struct reader *r, struct trn_cursor *c, uint64_t first_sector, uint64_t base, bool *ret_end)
{
    struct trn_dmg *d = r->d;
    struct trn_dmg_chunk k = {.type = trn_cur_u32be(c)};
    trn_cur_skip(c, 4);
    k.sector = trn_cur_u64be(c);
    k.sectors = trn_cur_u64be(c);
    k.at = trn_cur_u64be(c);
    k.size = trn_cur_u64be(c);
    if (c->bad)
        return -EBADMSG;
    *ret_end = k.type == CHUNK_END;
    if (k.type == CHUNK_END || k.type == CHUNK_COMMENT || k.sectors == 0)
        return 0;
    if (!trn_add_ok(k.sector, first_sector, &k.sector) || k.sector > SECTORS_MAX || k.sectors > SECTORS_MAX ||
        !trn_add_ok(k.at, base, &k.at))
        return -EBADMSG;
    bool empty = k.type == TRN_DMG_ZERO || k.type == TRN_DMG_IGNORED;
    if (!empty && (k.at > r->file_size || k.size > r->file_size - k.at))
        return -EBADMSG;
    d->chunks[d->n_chunks++] = k;
    d->disk_size = TRN_MAX(d->disk_size, (k.sector + k.sectors) * TRN_DMG_SECTOR);
    return 0;
}

static int table(struct reader *r, struct trn_str mish, struct trn_str name)
{
    struct trn_dmg *d = r->d;
    struct trn_cursor c = trn_cur_of(mish);
    struct trn_dmg_table t = {.name = name, .first_chunk = d->n_chunks};
    if (trn_cur_u32be(&c) != 0x6d697368u)
        return -EBADMSG;
    trn_cur_skip(&c, 4);
    t.sector = trn_cur_u64be(&c);
    t.sectors = trn_cur_u64be(&c);
    uint64_t base = trn_cur_u64be(&c);
    trn_cur_seek(&c, MISH_HEAD - 4);
    uint32_t n = trn_cur_u32be(&c);
    if (c.bad || n > trn_cur_left(&c) / MISH_CHUNK || !trn_add_ok(base, d->data_at, &base) || t.sector > SECTORS_MAX ||
        t.sectors > SECTORS_MAX)
        return -EBADMSG;
    if (d->n_tables == TRN_DMG_TABLES_MAX)
        return -E2BIG;
    int e = more_room(r, n);
    bool end = false;
    while (e == 0 && !end && n--)
        e = chunk(r, &c, t.sector, base, &end);
    t.n_chunks = d->n_chunks - t.first_chunk;
    d->tables[d->n_tables++] = t;
    return e;
}

/* One dict of the list "blkx": its name and its table. */
static int entry(struct reader *r, struct trn_plist *p)
{
    struct trn_plist_item item;
    struct trn_str key = TRN_STR_NONE, name = TRN_STR_NONE, data = TRN_STR_NONE;
    int e;
    while ((e = trn_plist_next(p, &item)) == 0 && item.kind != TRN_PLIST_DICT_END) {
        if (item.kind == TRN_PLIST_KEY)
            key = item.text;
        else if (item.kind == TRN_PLIST_DICT || item.kind == TRN_PLIST_ARRAY)
            e = trn_plist_skip(p);
        else if (item.kind == TRN_PLIST_DATA && trn_str_eq_c(key, "Data"))
            data = item.text;
        else if (item.kind == TRN_PLIST_STRING && (trn_str_is_none(name) || trn_str_eq_c(key, "CFName")) &&
                 (trn_str_eq_c(key, "Name") || trn_str_eq_c(key, "CFName")))
            name = item.text;
        else if (item.kind == TRN_PLIST_END)
            e = -EBADMSG;
        if (e < 0)
            return e;
    }
    if (e < 0 || trn_str_is_none(data))
        return e;
    struct trn_str mish = trn_plist_data(r->a, data);
    return trn_str_is_none(mish) ? -EBADMSG : table(r, mish, trn_plist_text(r->a, trn_str_slice(name, 0, 256)));
}

static int tables(struct reader *r, struct trn_str xml)
{
    struct trn_plist p;
    struct trn_plist_item item;
    bool in_list = false, named = false;
    uint32_t list_depth = 0;
    int e;
    trn_plist_init(&p, xml);
    while ((e = trn_plist_next(&p, &item)) == 0 && item.kind != TRN_PLIST_END) {
        if (item.kind == TRN_PLIST_KEY)
            named = trn_str_eq_c(item.text, "blkx");
        else if (item.kind == TRN_PLIST_ARRAY && named && !in_list) {
            in_list = true;
            list_depth = p.depth;
        } else if (item.kind == TRN_PLIST_ARRAY_END && in_list && p.depth < list_depth)
            in_list = false;
        else if (item.kind == TRN_PLIST_DICT && in_list && p.depth == list_depth + 1)
            e = entry(r, &p);
        if (e < 0)
            return e;
    }
    return e;
}

static int by_sector(const void *a, const void *b)
{
    const struct trn_dmg_chunk *x = a, *y = b;
    return (x->sector > y->sector) - (x->sector < y->sector);
}

static int in_order(struct trn_dmg *d)
{
    qsort(d->chunks, d->n_chunks, sizeof(*d->chunks), by_sector);
    for (uint32_t i = 1; i < d->n_chunks; i++)
        if (d->chunks[i - 1].sector + d->chunks[i - 1].sectors > d->chunks[i].sector)
            return -EBADMSG;
    return 0;
}

int trn_dmg_read(const struct trn_source *s, struct trn_arena *a, struct trn_dmg *ret, struct trn_err *err)
{
    struct trn_dmg d = {0};
    struct trn_str xml;
    int e = trailer(s, &d);
    if (e < 0)
        return trn_fail(err, e, "it has no trailer of a disk image");
    if (d.plist_size == 0 || d.plist_size > TRN_DMG_PLIST_MAX)
        return trn_fail(err, d.plist_size ? -E2BIG : -EBADMSG,
                        d.plist_size ? "its list of partitions is larger than is read here"
                                     : "the disk image has no list of partitions");
    e = trn_source_take(s, d.plist_at, (size_t)d.plist_size, a, &xml);
    if (e < 0)
        return trn_fail(err, e, "its list of partitions is not there");
    struct reader r = {.d = &d, .a = a, .file_size = s->size};
    d.tables = trn_arena_array(a, TRN_DMG_TABLES_MAX, sizeof(*d.tables));
    if (!d.tables)
        return -ENOMEM;
    e = tables(&r, xml);
    if (e < 0)
        return trn_fail(err, e, "its list of partitions is damaged");
    e = d.n_chunks ? in_order(&d) : 0;
    if (e < 0)
        return trn_fail(err, e, "parts of the disk image overlap each other");
    *ret = d;
    return 0;
}

const struct trn_dmg_chunk *trn_dmg_chunk_of(const struct trn_dmg *d, uint64_t sector, uint64_t *ret_hole)
{
    uint32_t low = 0, high = d->n_chunks; /* the first that ends behind the sector */
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (d->chunks[mid].sector + d->chunks[mid].sectors > sector)
            high = mid;
        else
            low = mid + 1;
    }
    if (low < d->n_chunks && d->chunks[low].sector <= sector)
        return &d->chunks[low];
    *ret_hole = low < d->n_chunks ? d->chunks[low].sector : UINT64_MAX;
    return NULL;
}

int64_t trn_dmg_adc(struct trn_str in, uint8_t *out, size_t size)
{
    struct trn_cursor c = trn_cur_of(in);
    size_t n = 0;
    while (trn_cur_left(&c) && n < size) {
        uint8_t b = trn_cur_u8(&c);
        size_t length, back;
        if (b & 0x80) {
            length = (b & 0x7fu) + 1u;
            if (length > size - n || !trn_cur_copy(&c, out + n, length))
                return -EBADMSG;
            n += length;
            continue;
        }
        if (b & 0x40) {
            length = (b & 0x3fu) + 4u;
            back = trn_cur_u16be(&c);
        } else {
            length = (b >> 2 & 0xfu) + 3u;
            back = (size_t)(b & 3u) << 8 | trn_cur_u8(&c);
        }
        if (c.bad || back + 1 > n || length > size - n)
            return -EBADMSG;
        for (size_t i = 0; i < length; i++, n++)
            out[n] = out[n - back - 1];
    }
    return (int64_t)n;
}
