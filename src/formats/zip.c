/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: reading the records of a zip: ends, directory, local headers, descriptors. Must not: decide which of two is right,
 * unpack.
 */
#include "formats/zip.h"

#include <sys/stat.h>

#define END_SIZE 22u
#define END_WINDOW (65535u + END_SIZE)
#define LOCATOR 20u
#define END64 56u
#define CENTRAL 46u
#define LOCAL 30u
#define U32_SAYS_MORE 0xffffffffu
#define EXTRA_ZIP64 1u
#define HOST_DOS 0u
#define HOST_UNIX 3u
#define HOST_MAC 19u

/* ---- the end ---- */

static void read_end64(const struct trn_source *s, struct trn_zip_end *e)
{
    uint8_t b[END64];
    if (e->at < LOCATOR || trn_source_read(s, e->at - LOCATOR, b, LOCATOR) != (int64_t)LOCATOR)
        return;
    struct trn_cursor c = trn_cur(b, LOCATOR);
    if (trn_cur_u32le(&c) != 0x07064b50u)
        return;
    trn_cur_skip(&c, 4);
    uint64_t at = trn_cur_u64le(&c);
    /* with data in front of the archive the place is wrong, but the record stands right before its locator */
    uint64_t places[] = {at, e->at >= LOCATOR + END64 ? e->at - LOCATOR - END64 : 0};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(places); i++) {
        if (places[i] > s->size || trn_source_read(s, places[i], b, END64) != (int64_t)END64)
            continue;
        c = trn_cur(b, END64);
        if (trn_cur_u32le(&c) != 0x06064b50u)
            continue;
        trn_cur_skip(&c, 28);
        uint64_t entries = trn_cur_u64le(&c), size = trn_cur_u64le(&c), dir_at = trn_cur_u64le(&c);
        e->disagrees = (e->entries != UINT16_MAX && e->entries != entries) ||
                       (e->dir_size != U32_SAYS_MORE && e->dir_size != size) ||
                       (e->dir_at != U32_SAYS_MORE && e->dir_at != dir_at);
        e->zip64 = true;
        e->tail_at = places[i];
        e->entries = entries;
        e->dir_size = size;
        e->dir_at = dir_at;
        return;
    }
}

/* The directory ends where the records behind it begin; what that differs from what is said is the shift. */
static void place(const struct trn_source *s, struct trn_zip_end *e)
{
    uint8_t b[4];
    uint64_t said = e->dir_at;
    if (e->dir_size > e->tail_at || said > INT64_MAX)
        return;
    e->dir_at = e->tail_at - e->dir_size;
    e->fits = e->entries == 0 || (trn_source_read(s, e->dir_at, b, 4) == 4 && memcmp(b, "PK\1\2", 4) == 0);
    if (!e->fits && said < e->tail_at && trn_source_read(s, said, b, 4) == 4 && memcmp(b, "PK\1\2", 4) == 0) {
        e->dir_at = said; /* something stands between the directory and its end */
        e->fits = true;
    }
    e->shift = (int64_t)e->dir_at - (int64_t)said;
    if (e->entries == 0)
        e->shift = 0;
}

static bool read_end(const struct trn_source *s, const uint8_t *p, size_t n, uint64_t at, struct trn_zip_end *ret)
{
    struct trn_cursor c = trn_cur(p, n);
    struct trn_zip_end e = {.at = at, .comment_at = at + END_SIZE, .tail_at = at};
    trn_cur_skip(&c, 4);
    uint16_t disk = trn_cur_u16le(&c), dir_disk = trn_cur_u16le(&c), here = trn_cur_u16le(&c), all = trn_cur_u16le(&c);
    uint32_t size = trn_cur_u32le(&c), dir_at = trn_cur_u32le(&c);
    e.comment_n = trn_cur_u16le(&c);
    if (c.bad)
        return false;
    e.entries = all;
    e.dir_size = size;
    e.dir_at = dir_at;
    read_end64(s, &e); /* some writers always put one */
    e.split = !e.zip64 && (disk != dir_disk || here != all);
    place(s, &e);
    *ret = e;
    return e.comment_n <= s->size - e.comment_at;
}

int trn_zip_ends(const struct trn_source *s, struct trn_zip_end ends[TRN_ZIP_ENDS_MAX], size_t *ret_n)
{
    TRN_AUTO(trn_freep) uint8_t *window = NULL;
    uint64_t from = s->size > END_WINDOW ? s->size - END_WINDOW : 0;
    size_t n = (size_t)(s->size - from), found = 0;
    const uint8_t *p = s->mem ? s->mem + from : NULL;
    if (!p) {
        window = malloc(n ? n : 1);
        int64_t got = window ? trn_source_read(s, from, window, n) : -ENOMEM;
        if (got < 0)
            return (int)got;
        n = (size_t)got;
        p = window;
    }
    for (size_t i = n >= END_SIZE ? n - END_SIZE + 1 : 0; i-- > 0 && found < TRN_ZIP_ENDS_MAX;)
        if (p[i] == 'P' && p[i + 1] == 'K' && p[i + 2] == 5 && p[i + 3] == 6 &&
            read_end(s, p + i, n - i, from + i, &ends[found]))
            found++;
    *ret_n = found;
    return 0;
}

/* ---- the directory ---- */

/* Values that do not fit 32 bits stand in an extra field, in this order, each only when its place says so. */
static void zip64_values(struct trn_str extra, uint64_t *size, uint64_t *packed, uint64_t *at)
{
    struct trn_cursor c = trn_cur_of(extra);
    while (trn_cur_left(&c) >= 4) {
        uint16_t id = trn_cur_u16le(&c), n = trn_cur_u16le(&c);
        struct trn_cursor field = trn_cur_sub(&c, c.at, n);
        trn_cur_skip(&c, n);
        if (id != EXTRA_ZIP64 || c.bad)
            continue;
        uint64_t *values[] = {size, packed, at};
        for (size_t i = 0; i < TRN_ARRAY_SIZE(values); i++)
            if (values[i] && *values[i] == U32_SAYS_MORE && trn_cur_left(&field) >= 8)
                *values[i] = trn_cur_u64le(&field);
        return;
    }
}

static bool read_entry(struct trn_cursor *c, uint64_t dir_at, int64_t shift, struct trn_zip_entry *ret)
{
    struct trn_zip_entry e = {0};
    if (trn_cur_left(c) < CENTRAL || trn_cur_u32le(c) != 0x02014b50u)
        return false;
    e.made_by = trn_cur_u16le(c);
    trn_cur_skip(c, 2);
    e.flags = trn_cur_u16le(c);
    e.method = trn_cur_u16le(c);
    trn_cur_skip(c, 4);
    e.crc = trn_cur_u32le(c);
    e.packed = trn_cur_u32le(c);
    e.size = trn_cur_u32le(c);
    e.name_n = trn_cur_u16le(c);
    e.extra_n = trn_cur_u16le(c);
    e.comment_n = trn_cur_u16le(c);
    trn_cur_skip(c, 4);
    e.external = trn_cur_u32le(c);
    e.local_at = trn_cur_u32le(c);
    e.name = trn_cur_bytes(c, e.name_n).p;
    e.extra = trn_cur_bytes(c, e.extra_n).p;
    e.extra_at = dir_at + c->at - e.extra_n;
    e.comment = trn_cur_bytes(c, e.comment_n).p;
    if (c->bad)
        return false;
    zip64_values((struct trn_str){e.extra, e.extra_n}, &e.size, &e.packed, &e.local_at);
    e.local_at += (uint64_t)shift; /* wraps to somewhere outside when it is nonsense */
    *ret = e;
    return true;
}

int trn_zip_directory(const struct trn_source *s, const struct trn_zip_end *end, struct trn_arena *arena,
                      struct trn_zip *ret)
{
    struct trn_zip z = {.dir_end = end->dir_at};
    struct trn_cursor c;
    uint64_t room = end->tail_at - TRN_MIN(end->dir_at, end->tail_at);
    if (room > TRN_ZIP_DIRECTORY_MAX)
        return -EMSGSIZE;
    int e = trn_source_cursor(s, end->dir_at, (size_t)room, arena, &c);
    if (e < 0)
        return e;
    uint64_t count = TRN_MIN(end->entries, room / CENTRAL);
    z.more = count > TRN_ZIP_ENTRIES_MAX;
    count = TRN_MIN(count, (uint64_t)TRN_ZIP_ENTRIES_MAX);
    z.entry = trn_arena_array(arena, count ? (size_t)count : 1, sizeof(*z.entry));
    if (!z.entry)
        return -ENOMEM;
    while (z.n < count && read_entry(&c, end->dir_at, end->shift, &z.entry[z.n])) {
        z.n++;
        z.dir_end = end->dir_at + c.at;
    }
    z.damaged = z.n < count || (!z.more && count < end->entries);
    *ret = z;
    return 0;
}

uint32_t trn_zip_mode(const struct trn_zip_entry *e)
{
    uint8_t host = (uint8_t)(e->made_by >> 8);
    uint32_t mode = host == HOST_UNIX || host == HOST_MAC ? e->external >> 16 : 0;
    bool folder = (e->name_n && e->name[e->name_n - 1] == '/') || (host == HOST_DOS && (e->external & 0x10));
    if (folder && !S_ISDIR(mode))
        return S_IFDIR | (mode & 07777);
    return mode;
}

/* ---- in front of and behind a member ---- */

int trn_zip_local(const struct trn_source *s, uint64_t at, uint8_t buffer[TRN_ZIP_LOCAL_MAX], struct trn_zip_local *ret)
{
    struct trn_zip_local l = {0};
    if (at > s->size || s->size - at < LOCAL)
        return -EBADMSG;
    int64_t n = trn_source_read(s, at, buffer, 512);
    if (n < (int64_t)LOCAL)
        return n < 0 ? (int)n : -EBADMSG;
    struct trn_cursor c = trn_cur(buffer, LOCAL);
    if (trn_cur_u32le(&c) != 0x04034b50u)
        return -EBADMSG;
    trn_cur_skip(&c, 2);
    l.flags = trn_cur_u16le(&c);
    l.method = trn_cur_u16le(&c);
    trn_cur_skip(&c, 4);
    l.crc = trn_cur_u32le(&c);
    l.packed = trn_cur_u32le(&c);
    l.size = trn_cur_u32le(&c);
    uint16_t name_n = trn_cur_u16le(&c), extra_n = trn_cur_u16le(&c);
    size_t all = LOCAL + (size_t)name_n + extra_n;
    if (all > (size_t)n && (n = trn_source_read(s, at, buffer, all)) < (int64_t)all)
        return n < 0 ? (int)n : -EBADMSG;
    l.name = (struct trn_str){(const char *)buffer + LOCAL, name_n};
    l.extra = (struct trn_str){(const char *)buffer + LOCAL + name_n, extra_n};
    l.data_at = at + all;
    zip64_values(l.extra, &l.size, &l.packed, NULL);
    *ret = l;
    return 0;
}

static bool descriptor_is(const uint8_t *p, size_t n, bool wide, uint32_t crc, uint64_t packed, uint64_t size)
{
    struct trn_cursor c = trn_cur(p, n);
    uint32_t sum = trn_cur_u32le(&c);
    uint64_t a = wide ? trn_cur_u64le(&c) : trn_cur_u32le(&c), b = wide ? trn_cur_u64le(&c) : trn_cur_u32le(&c);
    return !c.bad && sum == crc && a == (wide ? packed : (uint32_t)packed) && b == (wide ? size : (uint32_t)size);
}

uint32_t trn_zip_descriptor(const struct trn_source *s, uint64_t at, uint32_t crc, uint64_t packed, uint64_t size)
{
    uint8_t b[24];
    int64_t got = at <= s->size ? trn_source_read(s, at, b, sizeof(b)) : 0;
    size_t n = got > 0 ? (size_t)got : 0;
    bool marked = n >= 4 && memcmp(b, "PK\7\10", 4) == 0;
    if (marked && descriptor_is(b + 4, n - 4, false, crc, packed, size))
        return 16;
    if (marked && descriptor_is(b + 4, n - 4, true, crc, packed, size))
        return 24;
    if (descriptor_is(b, n, false, crc, packed, size))
        return 12;
    return descriptor_is(b, n, true, crc, packed, size) ? 20 : 0;
}
