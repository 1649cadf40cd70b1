/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a PE image imports, at load time and delayed, and the hash over it. Must not own: judgement.
 * Hand-offs: names are views of the source or copies in the caller's arena.
 */
#include "formats/pe_tables.h"

#include <ctype.h>
#include <stdio.h>

#define DESCRIPTOR 20u
#define DELAYED 32u
#define NAME_MAX_PE 4096u
#define BATCH 512u /* thunks read at once */

struct work {
    const struct trn_pe *pe;
    struct trn_arena *a;
    struct trn_pe_imports out;
    struct trn_pe_library *libraries; /* of out */
};

/* Damage ends a list, what is behind it is not believed; no memory ends the job. */
static int soften(struct work *w, int e)
{
    if (e == -EBADMSG) {
        w->out.cut = true;
        return 0;
    }
    return e;
}

/* Counts the thunks of one list up to its zero. */
static int count_thunks(struct work *w, uint32_t rva, uint32_t *ret)
{
    uint32_t each = w->pe->wide ? 8 : 4, n = 0, room = TRN_PE_IMPORTS_MAX - w->out.n_imports;
    while (n <= room) {
        struct trn_cursor c;
        uint64_t at, left;
        if (!trn_pe_offset(w->pe, rva + n * each, &at, &left)) {
            w->out.cut = true;
            break;
        }
        size_t size = (size_t)TRN_MIN(left, (uint64_t)BATCH * each);
        int e = trn_source_cursor(&w->pe->bytes, at, size, w->a, &c);
        if (e < 0)
            return e;
        bool ended = size < each;
        while (!ended && trn_cur_left(&c) >= each && n <= room) {
            ended = (w->pe->wide ? trn_cur_u64le(&c) : trn_cur_u32le(&c)) == 0;
            n += ended ? 0 : 1;
        }
        if (ended)
            break;
    }
    w->out.cut |= n > room;
    *ret = TRN_MIN(n, room);
    return 0;
}

static int read_thunk(struct work *w, uint64_t thunk, struct trn_pe_import *ret)
{
    uint64_t by_ordinal = w->pe->wide ? 1ull << 63 : 1ull << 31;
    ret->name = TRN_STR_NONE;
    ret->ordinal = (uint16_t)thunk;
    if (thunk & by_ordinal)
        return 0;
    ret->ordinal = 0;
    int e = thunk > UINT32_MAX - 2 ? -EBADMSG : trn_pe_text(w->pe, (uint32_t)thunk + 2, NAME_MAX_PE, w->a, &ret->name);
    return soften(w, e);
}

static int read_thunks(struct work *w, uint32_t rva, struct trn_pe_library *lib)
{
    uint32_t n = 0, each = w->pe->wide ? 8 : 4;
    int e = rva ? count_thunks(w, rva, &n) : 0;
    if (e < 0 || n == 0)
        return e;
    struct trn_pe_import *list = trn_arena_array(w->a, n, sizeof(*list));
    if (!list)
        return -ENOMEM;
    for (uint32_t i = 0; i < n;) {
        struct trn_cursor c;
        e = trn_pe_cursor(w->pe, rva + i * each, (size_t)TRN_MIN(n - i, BATCH) * each, w->a, &c);
        if (e < 0)
            return e;
        if (trn_cur_left(&c) < each)
            break;
        for (; i < n && trn_cur_left(&c) >= each; i++) {
            e = read_thunk(w, w->pe->wide ? trn_cur_u64le(&c) : trn_cur_u32le(&c), &list[i]);
            if (e < 0)
                return e;
        }
    }
    lib->imports = list;
    lib->n_imports = n;
    w->out.n_imports += n;
    return 0;
}

static int add_library(struct work *w, uint32_t name, uint32_t thunks, uint32_t slots, bool delayed)
{
    struct trn_pe_library *lib = &w->libraries[w->out.n_libraries];
    *lib = (struct trn_pe_library){.delayed = delayed, .slots = slots};
    int e = trn_pe_text(w->pe, name, NAME_MAX_PE, w->a, &lib->name);
    if (e < 0)
        return e;
    w->out.n_libraries++;
    return read_thunks(w, thunks, lib);
}

/* Lists that a linker made stand where the first address list still holds names; a bound or old one has only the second. */
static bool has_thunks(const struct work *w, uint32_t rva)
{
    uint64_t at, left;
    return rva && trn_pe_offset(w->pe, rva, &at, &left);
}

static int read_normal(struct work *w)
{
    uint32_t rva = w->pe->directories[TRN_PE_IMPORTS].rva;
    for (uint32_t i = 0; rva && w->out.n_libraries < TRN_PE_LIBRARIES_MAX; i++) {
        struct trn_cursor c;
        int e = trn_pe_cursor(w->pe, rva + i * DESCRIPTOR, DESCRIPTOR, w->a, &c);
        if (e < 0)
            return soften(w, e);
        uint32_t first = trn_cur_u32le(&c);
        trn_cur_skip(&c, 8);
        uint32_t name = trn_cur_u32le(&c), second = trn_cur_u32le(&c);
        if (c.bad || !name || !(first || second))
            return 0;
        e = add_library(w, name, has_thunks(w, first) ? first : second, second, false);
        if (e < 0)
            return soften(w, e);
    }
    w->out.cut |= rva != 0;
    return 0;
}

static int read_delayed(struct work *w)
{
    uint32_t rva = w->pe->directories[TRN_PE_DELAY_IMPORTS].rva;
    for (uint32_t i = 0; rva && w->out.n_libraries < TRN_PE_LIBRARIES_MAX; i++) {
        struct trn_cursor c;
        int e = trn_pe_cursor(w->pe, rva + i * DELAYED, DELAYED, w->a, &c);
        if (e < 0)
            return soften(w, e);
        uint32_t attributes = trn_cur_u32le(&c), name = trn_cur_u32le(&c);
        trn_cur_skip(&c, 4);
        uint32_t slots = trn_cur_u32le(&c), thunks = trn_cur_u32le(&c);
        if (c.bad || !name)
            return 0;
        if (!(attributes & 1)) { /* of old linkers: addresses instead of offsets */
            name -= (uint32_t)w->pe->image_base;
            slots -= slots ? (uint32_t)w->pe->image_base : 0;
            thunks -= thunks ? (uint32_t)w->pe->image_base : 0;
        }
        e = add_library(w, name, thunks, slots, true);
        if (e < 0)
            return soften(w, e);
    }
    w->out.cut |= rva != 0;
    return 0;
}

int trn_pe_imports(const struct trn_pe *pe, struct trn_arena *a, struct trn_pe_imports *ret)
{
    struct work w = {.pe = pe, .a = a};
    *ret = (struct trn_pe_imports){0};
    if (!pe->directories[TRN_PE_IMPORTS].rva && !pe->directories[TRN_PE_DELAY_IMPORTS].rva)
        return 0;
    w.libraries = trn_arena_array(a, TRN_PE_LIBRARIES_MAX, sizeof(*w.libraries));
    if (!w.libraries)
        return -ENOMEM;
    w.out.libraries = w.libraries;
    int e = read_normal(&w);
    if (e == 0)
        e = read_delayed(&w);
    if (e == 0)
        *ret = w.out;
    return e;
}

bool trn_pe_imports_has(const struct trn_pe_imports *i, const char *function)
{
    for (uint32_t l = 0; l < i->n_libraries; l++)
        for (uint32_t k = 0; k < i->libraries[l].n_imports; k++)
            if (trn_str_eq_c(i->libraries[l].imports[k].name, function))
                return true;
    return false;
}

static bool same_folded(struct trn_str a, struct trn_str b)
{
    bool same = a.n == b.n;
    for (size_t k = 0; same && k < a.n; k++)
        same = tolower((unsigned char)a.p[k]) == tolower((unsigned char)b.p[k]);
    return same;
}

bool trn_pe_imports_library(const struct trn_pe_imports *i, struct trn_str name)
{
    for (uint32_t l = 0; l < i->n_libraries; l++)
        if (same_folded(i->libraries[l].name, name))
            return true;
    return false;
}

/* ---- import hash ---- */

static int put_lower(struct trn_digest *d, struct trn_str s)
{
    char lower[256];
    int e = 0;
    for (size_t at = 0; e == 0 && at < s.n; at += sizeof(lower)) {
        size_t n = TRN_MIN(s.n - at, sizeof(lower));
        for (size_t k = 0; k < n; k++)
            lower[k] = (char)tolower((unsigned char)s.p[at + k]);
        e = trn_digest_update(d, lower, n);
    }
    return e;
}

static struct trn_str without_extension(struct trn_str name)
{
    ptrdiff_t dot = trn_str_rfind(name, '.');
    if (dot < 0)
        return name;
    struct trn_str ext = trn_str_slice(name, (size_t)dot, name.n);
    bool known =
        same_folded(ext, TRN_STR(".dll")) || same_folded(ext, TRN_STR(".ocx")) || same_folded(ext, TRN_STR(".sys"));
    return known ? trn_str_slice(name, 0, (size_t)dot) : name;
}

static int put_import(struct trn_digest *d, struct trn_str library, const struct trn_pe_import *im, bool first)
{
    char ordinal[16];
    struct trn_str function = im->name;
    if (trn_str_is_none(function)) {
        snprintf(ordinal, sizeof(ordinal), "ord%u", im->ordinal);
        function = trn_str_of(ordinal);
    }
    int e = first ? 0 : trn_digest_update(d, ",", 1);
    if (e == 0)
        e = put_lower(d, library);
    if (e == 0)
        e = trn_digest_update(d, ".", 1);
    return e < 0 ? e : put_lower(d, function);
}

int trn_pe_imphash(const struct trn_pe_imports *i, char ret[2 * TRN_MD5_SIZE + 1])
{
    TRN_AUTO(trn_digest_freep) struct trn_digest *d = trn_digest_new(true);
    uint8_t sha256[TRN_SHA256_SIZE], md5[TRN_MD5_SIZE];
    bool first = true;
    int e = d ? 0 : -ENOMEM;
    for (uint32_t l = 0; e == 0 && l < i->n_libraries; l++) {
        const struct trn_pe_library *lib = &i->libraries[l];
        for (uint32_t k = 0; e == 0 && !lib->delayed && k < lib->n_imports; k++) {
            e = put_import(d, without_extension(lib->name), &lib->imports[k], first);
            first = false;
        }
    }
    if (e == 0)
        e = trn_digest_end(d, sha256, md5);
    if (e < 0)
        return e;
    ret[0] = 0;
    if (!first)
        trn_hex(md5, sizeof(md5), ret);
    return 0;
}
