/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the header of a 7z archive as far as its decoders are named in it; a packed header is unpacked (liblzma, into memory
 * of known size). Must not: read files' names or contents (libarchive does).
 */
#include "formats/sevenzip.h"

#include <lzma.h>

#define START 32u
#define HEADER_MAX (16u << 20)
#define FOLDERS_MAX 100000u
#define CODERS_MAX 32u
#define PACKED_AGAIN 4u

enum id {
    ID_END = 0,
    ID_HEADER = 1,
    ID_PROPERTIES = 2,
    ID_MORE_STREAMS = 3,
    ID_STREAMS = 4,
    ID_FILES = 5,
    ID_PACK = 6,
    ID_UNPACK = 7,
    ID_SIZE = 9,
    ID_CRC = 10,
    ID_FOLDER = 11,
    ID_UNPACK_SIZE = 12,
    ID_PACKED_HEADER = 23
};

struct coder {
    uint64_t id;
    struct trn_str properties;
    uint64_t in, out;
};
struct streams {
    uint64_t pack_at, pack_size; /* of the first */
    uint64_t pack_used;          /* of those that a folder unpacks: they lie one behind the other */
    struct trn_cursor sizes;     /* of all */
    uint64_t n_sizes, n_used;
    uint64_t unpack_size; /* of the first folder's first stream */
    struct coder first;
    uint64_t coders; /* in the first folder */
    uint64_t memory;
    bool encrypted;
};

/* 7z's number: the ones at the top of the first byte say how many bytes follow. */
static uint64_t number(struct trn_cursor *c)
{
    uint8_t first = trn_cur_u8(c);
    uint64_t v = 0;
    unsigned i = 0;
    for (uint8_t mask = 0x80; i < 8 && (first & mask); i++, mask >>= 1)
        v |= (uint64_t)trn_cur_u8(c) << (8 * i);
    if (i < 7)
        v |= (uint64_t)(first & (0xffu >> (i + 1))) << (8 * i);
    return v;
}

static uint32_t le32(struct trn_str s, size_t at)
{
    struct trn_cursor c = trn_cur_of(s);
    trn_cur_seek(&c, at);
    return trn_cur_u32le(&c);
}

static uint64_t memory_of(const struct coder *c)
{
    uint8_t bits = c->properties.n ? (uint8_t)c->properties.p[0] : 0;
    if ((c->id == 0x030101 || c->id == 0x030401) && c->properties.n >= 5) /* LZMA, PPMd */
        return le32(c->properties, 1);
    if (c->id == 0x21 && c->properties.n) /* LZMA2 */
        return bits >= 40 ? UINT32_MAX : (uint64_t)(2 | (bits & 1)) << (bits / 2 + 11);
    return 0;
}

static bool read_coder(struct trn_cursor *c, struct coder *ret)
{
    struct coder k = {.in = 1, .out = 1};
    uint8_t flags = trn_cur_u8(c);
    for (unsigned i = 0; i < (flags & 15u); i++)
        k.id = k.id << 8 | trn_cur_u8(c);
    if (flags & 0x10) {
        k.in = number(c);
        k.out = number(c);
    }
    if (flags & 0x20) {
        uint64_t n = number(c);
        k.properties = n <= trn_cur_left(c) ? trn_cur_bytes(c, (size_t)n) : TRN_STR_NONE;
        c->bad = c->bad || trn_str_is_none(k.properties);
    }
    *ret = k;
    return !c->bad && !(flags & 0x80) && k.in <= CODERS_MAX && k.out <= CODERS_MAX;
}

/* One chain of decoders. */
static bool read_folder(struct trn_cursor *c, struct streams *s, bool is_first, uint64_t *ret_out)
{
    uint64_t n = number(c), in = 0, out = 0;
    if (n == 0 || n > CODERS_MAX)
        return false;
    for (uint64_t i = 0; i < n; i++) {
        struct coder k;
        if (!read_coder(c, &k))
            return false;
        s->memory = TRN_MAX(s->memory, memory_of(&k));
        s->encrypted = s->encrypted || k.id == 0x06f10701;
        if (is_first && i == 0)
            s->first = k;
        in += k.in;
        out += k.out;
    }
    if (is_first)
        s->coders = n;
    if (out == 0 || in < out - 1)
        return false;
    for (uint64_t i = 0; i < 2 * (out - 1); i++)
        (void)number(c);
    for (uint64_t i = 0; in - (out - 1) > 1 && i < in - (out - 1); i++)
        (void)number(c);
    *ret_out = out;
    s->n_used += in - (out - 1);
    return !c->bad;
}

static bool skip_digests(struct trn_cursor *c, uint64_t n)
{
    uint64_t defined = n;
    if (trn_cur_u8(c) == 0) {
        defined = 0;
        for (uint64_t i = 0; i < (n + 7) / 8 && !c->bad; i++)
            defined += (uint64_t)__builtin_popcount(trn_cur_u8(c));
    }
    trn_cur_skip(c, defined <= trn_cur_left(c) / 4 ? (size_t)defined * 4 : SIZE_MAX);
    return !c->bad;
}

static bool read_pack(struct trn_cursor *c, struct streams *s)
{
    s->pack_at = number(c);
    uint64_t n = number(c), id;
    while ((id = number(c)) != ID_END && !c->bad) {
        if (n > trn_cur_left(c) || (id == ID_CRC && !skip_digests(c, n)))
            return false;
        if (id == ID_CRC)
            continue;
        if (id != ID_SIZE)
            return false;
        s->sizes = *c;
        s->n_sizes = n;
        for (uint64_t i = 0; i < n && !c->bad; i++) {
            uint64_t size = number(c);
            s->pack_size = i ? s->pack_size : size;
        }
    }
    return !c->bad;
}

static bool read_unpack(struct trn_cursor *c, struct streams *s)
{
    if (number(c) != ID_FOLDER)
        return false;
    uint64_t n = number(c), out = 0;
    if (n > FOLDERS_MAX || trn_cur_u8(c) != 0) /* elsewhere: no writer does that */
        return false;
    for (uint64_t i = 0; i < n; i++)
        if (!read_folder(c, s, i == 0, &out))
            return false;
    if (number(c) == ID_UNPACK_SIZE)
        s->unpack_size = number(c);
    return !c->bad;
}

/* Packed streams behind those that folders take belong to nothing. */
static bool add_used(struct streams *s)
{
    bool good = true;
    for (uint64_t i = 0; good && i < TRN_MIN(s->n_sizes, s->n_used); i++)
        good = trn_add_ok(s->pack_used, number(&s->sizes), &s->pack_used);
    return good;
}

static bool read_streams(struct trn_cursor *c, struct streams *s)
{
    uint64_t id = number(c);
    if (id == ID_PACK) {
        if (!read_pack(c, s))
            return false;
        id = number(c);
    }
    return id == ID_END || (id == ID_UNPACK && read_unpack(c, s) && add_used(s));
}

/* Skips what may stand before the streams; false: there are none to be found. */
static bool to_streams(struct trn_cursor *c)
{
    uint64_t id = number(c);
    while (id == ID_PROPERTIES && !c->bad) {
        while (number(c) != ID_END && !c->bad) {
            uint64_t n = number(c);
            trn_cur_skip(c, n <= trn_cur_left(c) ? (size_t)n : SIZE_MAX);
        }
        id = number(c);
    }
    return id == ID_STREAMS && !c->bad;
}

static int unpack_header(const struct trn_source *s, const struct streams *p, struct trn_arena *arena,
                         struct trn_str *ret)
{
    struct trn_str packed;
    lzma_filter filters[2] = {{.id = p->first.id == 0x21 ? LZMA_FILTER_LZMA2 : LZMA_FILTER_LZMA1},
                              {.id = LZMA_VLI_UNKNOWN}};
    if (p->coders != 1 || (p->first.id != 0x21 && p->first.id != 0x030101))
        return p->encrypted ? 0 : -ENOTSUP;
    if (p->unpack_size > HEADER_MAX || p->pack_size > HEADER_MAX)
        return -EMSGSIZE;
    int e = trn_source_take(s, START + p->pack_at, (size_t)p->pack_size, arena, &packed);
    uint8_t *out = trn_arena_alloc(arena, (size_t)p->unpack_size + 1);
    if (e < 0 || !out)
        return e < 0 ? e : -ENOMEM;
    if (lzma_properties_decode(&filters[0], NULL, (const uint8_t *)p->first.properties.p, p->first.properties.n) !=
        LZMA_OK)
        return -EBADMSG;
    lzma_stream x = LZMA_STREAM_INIT;
    lzma_ret r = lzma_raw_decoder(&x, filters);
    free(filters[0].options);
    x.next_in = (const uint8_t *)packed.p;
    x.avail_in = packed.n;
    x.next_out = out;
    x.avail_out = (size_t)p->unpack_size;
    if (r == LZMA_OK)
        r = lzma_code(&x, LZMA_RUN);
    size_t left = x.avail_out;
    lzma_end(&x);
    if (r == LZMA_MEM_ERROR)
        return -ENOMEM;
    if (left) /* the old format has no end mark: a full buffer is the end */
        return -EBADMSG;
    *ret = (struct trn_str){(const char *)out, (size_t)p->unpack_size};
    return 0;
}

static int take_header(const struct trn_source *s, struct trn_arena *arena, struct trn_str *ret, uint64_t *ret_end,
                       struct trn_ranges *owned)
{
    struct trn_str start;
    int e = trn_source_take(s, 0, START, arena, &start);
    if (e < 0)
        return e;
    struct trn_cursor c = trn_cur_of(start);
    trn_cur_seek(&c, 12);
    uint64_t at = trn_cur_u64le(&c), n = trn_cur_u64le(&c);
    if (at > s->size || n > s->size || START + at + n > s->size)
        return -EBADMSG;
    if (n > HEADER_MAX)
        return -EMSGSIZE;
    *ret_end = START + at + n;
    trn_ranges_add(owned, 0, START);
    trn_ranges_add(owned, START + at, n);
    return trn_source_take(s, START + at, (size_t)n, arena, ret);
}

int trn_sevenzip_parse(const struct trn_source *s, uint64_t most, struct trn_arena *arena, struct trn_sevenzip *ret)
{
    struct trn_sevenzip z = {.owned.arena = arena};
    struct trn_str header;
    int e = take_header(s, arena, &header, &z.end, &z.owned);
    for (unsigned i = 0; e == 0 && header.n && i < PACKED_AGAIN; i++) {
        struct trn_cursor c = trn_cur_of(header);
        struct streams p = {0};
        uint64_t id = number(&c);
        bool packed = id == ID_PACKED_HEADER;
        if (!packed && (id != ID_HEADER || !to_streams(&c))) {
            z.incomplete = id != ID_HEADER || header.n < 2 || (header.p[1] != ID_END && header.p[1] != ID_FILES);
            break; /* an archive of empty files has none */
        }
        if (!read_streams(&c, &p))
            return -EBADMSG;
        if (p.pack_at < UINT64_MAX / 2)
            trn_ranges_add(&z.owned, START + p.pack_at, p.pack_used);
        z.memory = TRN_MAX(z.memory, p.memory);
        z.encrypted = z.encrypted || p.encrypted;
        z.incomplete = packed && p.encrypted; /* what it says of the rest cannot be read */
        if (!packed || p.encrypted)
            break;
        e = p.memory > most ? -EMSGSIZE : unpack_header(s, &p, arena, &header);
    }
    z.incomplete |= z.owned.bad;
    trn_ranges_close(&z.owned);
    if (e == 0)
        *ret = z;
    return e;
}
