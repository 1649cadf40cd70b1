/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: small tables of a PE image: debug entries, callbacks of thread-local storage, load configuration, .NET header.
 * Must not own: symbols, IL code, judgement.
 * Hand-offs: texts are views of the source or copies in the caller's arena.
 */
#include "formats/pe_tables.h"

#define ENTRY 28u
#define ENTRIES_MAX 64u
#define CODEVIEW 2u
#define REPRODUCIBLE 16u
#define RSDS 0x53445352u
#define NB10 0x3031424eu
#define PDB_MAX 1024u
#define METADATA 0x424a5342u

static int read_codeview(const struct trn_pe *pe, uint64_t at, uint32_t size, struct trn_arena *a,
                         struct trn_pe_debug *out)
{
    struct trn_cursor c;
    int e = trn_source_cursor(&pe->bytes, at, TRN_MIN(size, PDB_MAX + 24), a, &c);
    if (e < 0)
        return e;
    uint32_t kind = trn_cur_u32le(&c);
    if (kind == RSDS) {
        out->has_guid = trn_cur_copy(&c, out->guid, sizeof(out->guid));
        out->age = trn_cur_u32le(&c);
    } else if (kind == NB10) {
        trn_cur_skip(&c, 8);
        out->age = trn_cur_u32le(&c);
    } else {
        return 0;
    }
    struct trn_str path = trn_cur_until(&c, 0, PDB_MAX);
    if (!c.bad)
        out->pdb = path;
    return 0;
}

int trn_pe_debug(const struct trn_pe *pe, struct trn_arena *a, struct trn_pe_debug *ret)
{
    const struct trn_pe_range *d = &pe->directories[TRN_PE_DEBUG];
    struct trn_pe_debug out = {0};
    struct trn_cursor c;
    *ret = out;
    int e = d->rva ? trn_pe_cursor(pe, d->rva, TRN_MIN(d->size, ENTRIES_MAX * ENTRY), a, &c) : -EBADMSG;
    if (e < 0)
        return e == -EBADMSG ? 0 : e;
    while (trn_cur_left(&c) >= ENTRY) {
        trn_cur_skip(&c, 12);
        uint32_t type = trn_cur_u32le(&c), size = trn_cur_u32le(&c);
        trn_cur_skip(&c, 4);
        uint64_t at = trn_cur_u32le(&c), end = at + size;
        out.reproducible |= type == REPRODUCIBLE;
        if (at && size && end <= pe->bytes.size)
            out.end = TRN_MAX(out.end, end);
        if (type == CODEVIEW && at && trn_str_is_none(out.pdb))
            e = read_codeview(pe, at, size, a, &out);
        if (e < 0)
            return e;
    }
    *ret = out;
    return 0;
}

static uint64_t address(const struct trn_pe *pe, struct trn_cursor *c)
{
    return pe->wide ? trn_cur_u64le(c) : trn_cur_u32le(c);
}

int trn_pe_tls(const struct trn_pe *pe, struct trn_arena *a, struct trn_pe_tls *ret)
{
    uint32_t each = pe->wide ? 8 : 4, rva = pe->directories[TRN_PE_TLS].rva;
    struct trn_cursor c;
    *ret = (struct trn_pe_tls){0};
    int e = rva ? trn_pe_cursor(pe, rva, 4 * (size_t)each, a, &c) : -EBADMSG;
    if (e < 0)
        return e == -EBADMSG ? 0 : e;
    trn_cur_skip(&c, 3 * (size_t)each);
    uint64_t list = address(pe, &c);
    if (c.bad)
        return 0;
    ret->present = true;
    if (!list)
        return 0;
    ret->cut = list < pe->image_base || list - pe->image_base > UINT32_MAX;
    e = ret->cut ? -EBADMSG
                 : trn_pe_cursor(pe, (uint32_t)(list - pe->image_base), each * (TRN_PE_TLS_CALLBACKS_MAX + 1u), a, &c);
    if (e < 0) {
        ret->cut = true;
        return e == -EBADMSG ? 0 : e;
    }
    while (true) {
        uint64_t callback = address(pe, &c);
        if (c.bad || (callback && ret->n_callbacks == TRN_PE_TLS_CALLBACKS_MAX))
            ret->cut = true;
        if (ret->cut || !callback)
            return 0;
        ret->callbacks[ret->n_callbacks++] = (uint32_t)(callback - pe->image_base);
    }
}

int trn_pe_load_config(const struct trn_pe *pe, struct trn_arena *a, struct trn_pe_load_config *ret)
{
    uint32_t rva = pe->directories[TRN_PE_LOAD_CONFIG].rva;
    struct trn_cursor c;
    *ret = (struct trn_pe_load_config){0};
    int e = rva ? trn_pe_cursor(pe, rva, 160, a, &c) : -EBADMSG;
    if (e < 0)
        return e == -EBADMSG ? 0 : e;
    ret->size = trn_cur_u32le(&c);
    ret->present = !c.bad;
    if (c.bad)
        return 0;
    c = trn_cur_sub(&c, 0, TRN_MIN(c.n, TRN_MAX(ret->size, 64u)));
    trn_cur_seek(&c, pe->wide ? 88 : 60);
    ret->cookie = address(pe, &c) != 0;
    (void)address(pe, &c);
    ret->handlers = address(pe, &c);
    trn_cur_skip(&c, pe->wide ? 32 : 16);
    ret->guard_flags = trn_cur_u32le(&c);
    return 0;
}

static int read_metadata(const struct trn_pe *pe, uint32_t rva, struct trn_arena *a, struct trn_pe_clr *out)
{
    struct trn_cursor c;
    int e = trn_pe_cursor(pe, rva, 16 + 255, a, &c);
    if (e < 0)
        return e == -EBADMSG ? 0 : e;
    if (trn_cur_u32le(&c) != METADATA)
        return 0;
    trn_cur_skip(&c, 8);
    uint32_t n = trn_cur_u32le(&c);
    struct trn_str version = trn_cur_bytes(&c, TRN_MIN(n, 255u));
    if (c.bad)
        return 0;
    ptrdiff_t nul = trn_str_find(version, 0);
    out->version = nul < 0 ? version : trn_str_slice(version, 0, (size_t)nul);
    return 0;
}

int trn_pe_clr(const struct trn_pe *pe, struct trn_arena *a, struct trn_pe_clr *ret)
{
    uint32_t rva = pe->directories[TRN_PE_CLR].rva;
    struct trn_cursor c;
    *ret = (struct trn_pe_clr){0};
    int e = rva ? trn_pe_cursor(pe, rva, 72, a, &c) : -EBADMSG;
    if (e < 0)
        return e == -EBADMSG ? 0 : e;
    trn_cur_skip(&c, 4);
    uint16_t major = trn_cur_u16le(&c), minor = trn_cur_u16le(&c);
    uint32_t metadata = trn_cur_u32le(&c);
    trn_cur_skip(&c, 4);
    uint32_t flags = trn_cur_u32le(&c);
    trn_cur_skip(&c, 12); /* entry, resources */
    uint32_t name_rva = trn_cur_u32le(&c), name_size = trn_cur_u32le(&c);
    if (c.bad)
        return 0;
    struct trn_pe_clr out = {.present = true,
                             .major = major,
                             .minor = minor,
                             .flags = flags,
                             .il_only = flags & 1,
                             .strong_name = name_rva && name_size && flags & 8};
    e = read_metadata(pe, metadata, a, &out);
    if (e == 0)
        *ret = out;
    return e;
}
