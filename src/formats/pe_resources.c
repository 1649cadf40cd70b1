/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the tree of resources of a PE image, flattened to its leaves. Must not own: what a resource means.
 * Hand-offs: names are copies in the caller's arena; places are in the file.
 *
 * The tree has three levels (type, name, language). A deeper one, or one that leads back, is cut off: the depth and the
 * number of entries looked at are bounded, so loops end by themselves.
 */
#include "formats/pe_tables.h"

#define DEPTH 3u
#define ENTRIES_MAX 65536u
#define DIRECTORY 16u
#define ENTRY 8u
#define LEAF 16u
#define HIGH 0x80000000u
#define NAME_MAX_RESOURCE 512u

struct work {
    const struct trn_pe *pe;
    struct trn_arena *a;
    struct trn_source tree; /* the section's bytes from the root on */
    uint32_t entries;
    struct trn_pe_resource path; /* what the levels above say */
    struct trn_pe_resource *list;
    uint32_t cap;
    struct trn_pe_resources out;
};

struct trn_str trn_pe_utf8(struct trn_str utf16, struct trn_arena *a)
{
    struct trn_cursor c = trn_cur_of(utf16);
    uint8_t *out = trn_arena_alloc(a, utf16.n / 2 * 3 + 1);
    size_t n = 0;
    if (!out)
        return TRN_STR_NONE;
    while (trn_cur_left(&c) >= 2) {
        uint32_t u = trn_cur_u16le(&c);
        if (u >= 0xd800 && u < 0xe000) {
            struct trn_cursor ahead = c;
            uint32_t low = trn_cur_u16le(&ahead);
            bool pair = u < 0xdc00 && !ahead.bad && low >= 0xdc00 && low < 0xe000;
            u = pair ? 0x10000 + ((u - 0xd800) << 10) + (low - 0xdc00) : 0xfffd;
            if (pair)
                c = ahead;
        }
        char utf8[4];
        size_t bytes = trn_utf8_of(u, utf8); /* at most three for two, four for four */
        memcpy(out + n, utf8, bytes);
        n += bytes;
    }
    return (struct trn_str){(const char *)out, n};
}

static int read_name(struct work *w, uint32_t at, struct trn_str *ret)
{
    struct trn_cursor c;
    struct trn_str utf16;
    int e = trn_source_cursor(&w->tree, at, 2, w->a, &c);
    if (e < 0)
        return e;
    size_t n = trn_cur_u16le(&c);
    n = 2 * TRN_MIN(n, NAME_MAX_RESOURCE);
    e = trn_source_take(&w->tree, (uint64_t)at + 2, n, w->a, &utf16);
    if (e < 0)
        return e;
    *ret = trn_pe_utf8(utf16, w->a);
    return trn_str_is_none(*ret) ? -ENOMEM : 0;
}

static int add_leaf(struct work *w, uint32_t at)
{
    struct trn_cursor c;
    int e = trn_source_cursor(&w->tree, at, LEAF, w->a, &c);
    if (e < 0)
        return e;
    uint32_t rva = trn_cur_u32le(&c), size = trn_cur_u32le(&c);
    if (c.n < LEAF)
        return -EBADMSG;
    if (w->out.n == TRN_PE_RESOURCES_MAX) {
        w->out.cut = true;
        return 0;
    }
    if (w->out.n == w->cap) {
        uint32_t cap = w->cap ? 4 * w->cap : 64;
        struct trn_pe_resource *more = trn_arena_array(w->a, cap, sizeof(*more));
        if (!more)
            return -ENOMEM;
        for (uint32_t i = 0; i < w->out.n; i++)
            more[i] = w->list[i];
        w->list = more;
        w->cap = cap;
    }
    struct trn_pe_resource r = w->path;
    uint64_t place = 0, left = 0;
    if (trn_pe_offset(w->pe, rva, &place, &left)) {
        r.at = place;
        r.size = TRN_MIN((uint64_t)size, left);
    }
    r.outside = r.size < size;
    w->list[w->out.n++] = r;
    return 0;
}

static int read_directory(struct work *w, uint32_t at, uint32_t depth);

static int read_entry(struct work *w, uint32_t id, uint32_t to, uint32_t depth)
{
    struct trn_str name = TRN_STR_NONE;
    int e = id & HIGH ? read_name(w, id & ~HIGH, &name) : 0;
    if (e < 0)
        return e;
    uint32_t number = id & HIGH ? 0 : id;
    if (depth == 0) {
        w->path.type = number;
        w->path.type_name = name;
    } else if (depth == 1) {
        w->path.id = number;
        w->path.name = name;
    } else {
        w->path.language = number;
    }
    if (!(to & HIGH))
        return add_leaf(w, to);
    return depth + 1 < DEPTH ? read_directory(w, to & ~HIGH, depth + 1) : -EBADMSG;
}

static int read_directory(struct work *w, uint32_t at, uint32_t depth)
{
    struct trn_cursor c;
    int e = trn_source_cursor(&w->tree, at, DIRECTORY, w->a, &c);
    if (e < 0)
        return e;
    trn_cur_skip(&c, 12);
    uint32_t n = trn_cur_u16le(&c);
    n += trn_cur_u16le(&c);
    if (c.bad)
        return -EBADMSG;
    n = TRN_MIN(n, ENTRIES_MAX - w->entries);
    e = trn_source_cursor(&w->tree, (uint64_t)at + DIRECTORY, (size_t)n * ENTRY, w->a, &c);
    for (uint32_t i = 0; e == 0 && i < n; i++) {
        if (w->entries == ENTRIES_MAX || trn_cur_left(&c) < ENTRY) {
            w->out.cut = true;
            break;
        }
        w->entries++;
        uint32_t id = trn_cur_u32le(&c);
        e = read_entry(w, id, trn_cur_u32le(&c), depth);
        if (e == -EBADMSG) { /* one that is damaged leaves the others */
            w->out.cut = true;
            e = 0;
        }
    }
    return e;
}

int trn_pe_resources(const struct trn_pe *pe, struct trn_arena *a, struct trn_pe_resources *ret)
{
    struct work w = {.pe = pe, .a = a};
    uint64_t at, left;
    uint32_t rva = pe->directories[TRN_PE_RESOURCES].rva;
    *ret = (struct trn_pe_resources){0};
    if (!rva)
        return 0;
    if (!trn_pe_offset(pe, rva, &at, &left)) {
        ret->cut = true;
        return 0;
    }
    w.tree = trn_source_part(&pe->bytes, at, left);
    int e = read_directory(&w, 0, 0);
    if (e < 0 && e != -EBADMSG)
        return e;
    w.out.cut |= e < 0;
    w.out.list = w.list;
    *ret = w.out;
    return 0;
}

const struct trn_pe_resource *trn_pe_resource_find(const struct trn_pe_resources *r, uint32_t type)
{
    for (uint32_t i = 0; i < r->n; i++)
        if (r->list[i].type == type)
            return &r->list[i];
    return NULL;
}
