/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the headers of a PE image, its sections, the way from an address in memory to a place in the file, its end.
 * Must not own: the tables behind the directories, signatures, judgement of what is odd.
 * Hand-offs: names of sections are views of the caller's arena or source; the source is copied by value.
 *
 * What the Windows loader takes is legal here too: headers that overlap, sections without bytes, fewer directories than 16.
 */
#include "formats/pe.h"

#define DOS_SIZE 64u
#define FILE_HEADER 24u   /* with "PE\0\0" */
#define OPTIONAL_MAX 240u /* PE32+ with 16 directories */
#define SECTION_SIZE 40u
#define SYMBOL_SIZE 18u
#define STRINGS_MAX (64u << 20)
#define SECTOR 512u /* places of raw data are rounded down to this by the loader */
#define PAGE 4096u
#define MAGIC_32 0x10bu
#define MAGIC_64 0x20bu

static int read_file_header(struct trn_pe *pe, struct trn_arena *a, uint16_t *ret_optional)
{
    struct trn_cursor c;
    int e = trn_source_cursor(&pe->bytes, 0, DOS_SIZE, a, &c);
    if (e < 0)
        return e;
    if (trn_cur_u16le(&c) != 0x5a4d || c.n < DOS_SIZE)
        return -ENOEXEC;
    trn_cur_seek(&c, 60);
    pe->pe_at = trn_cur_u32le(&c);
    e = trn_source_cursor(&pe->bytes, pe->pe_at, FILE_HEADER, a, &c);
    if (e < 0)
        return e;
    if (trn_cur_u32le(&c) != 0x4550 || c.bad)
        return -ENOEXEC;
    pe->machine = trn_cur_u16le(&c);
    pe->sections_stated = trn_cur_u16le(&c);
    pe->timestamp = trn_cur_u32le(&c);
    pe->symbols_at = trn_cur_u32le(&c);
    pe->n_symbols = trn_cur_u32le(&c);
    *ret_optional = trn_cur_u16le(&c);
    pe->characteristics = trn_cur_u16le(&c);
    return c.bad ? -EBADMSG : 0;
}

static void read_directories(struct trn_pe *pe, struct trn_cursor *c, uint64_t optional_at)
{
    uint32_t stated = trn_cur_u32le(c);
    pe->n_directories = TRN_MIN(stated, TRN_PE_DIRECTORIES);
    for (uint32_t i = 0; i < pe->n_directories; i++) {
        uint64_t at = optional_at + c->at;
        struct trn_pe_range d = {trn_cur_u32le(c), 0};
        d.size = trn_cur_u32le(c);
        if (c->bad) {
            pe->n_directories = i; /* the file ends here: a tiny one */
            return;
        }
        pe->directories[i] = d;
        if (i == TRN_PE_CERTIFICATES)
            pe->certificate_entry_at = at;
    }
}

static int read_optional_header(struct trn_pe *pe, struct trn_arena *a)
{
    uint64_t at = (uint64_t)pe->pe_at + FILE_HEADER;
    struct trn_cursor c;
    int e = trn_source_cursor(&pe->bytes, at, OPTIONAL_MAX, a, &c);
    if (e < 0)
        return e;
    uint16_t magic = trn_cur_u16le(&c);
    if (magic != MAGIC_32 && magic != MAGIC_64)
        return -EBADMSG;
    pe->wide = magic == MAGIC_64;
    pe->linker_major = trn_cur_u8(&c);
    pe->linker_minor = trn_cur_u8(&c);
    trn_cur_skip(&c, 12); /* sizes of code and data */
    pe->entry = trn_cur_u32le(&c);
    trn_cur_skip(&c, pe->wide ? 4 : 8);
    pe->image_base = pe->wide ? trn_cur_u64le(&c) : trn_cur_u32le(&c);
    pe->section_alignment = trn_cur_u32le(&c);
    pe->file_alignment = trn_cur_u32le(&c);
    trn_cur_skip(&c, 16); /* versions */
    pe->image_size = trn_cur_u32le(&c);
    pe->headers_size = trn_cur_u32le(&c);
    pe->checksum_at = at + c.at;
    pe->checksum = trn_cur_u32le(&c);
    pe->subsystem = trn_cur_u16le(&c);
    pe->dll_characteristics = trn_cur_u16le(&c);
    if (c.bad)
        return -EBADMSG;
    trn_cur_skip(&c, pe->wide ? 36 : 20); /* stack and heap, loader flags */
    if (!c.bad)
        read_directories(pe, &c, at);
    return 0;
}

static int read_sections(struct trn_pe *pe, struct trn_arena *a, uint16_t optional)
{
    uint32_t n = TRN_MIN(pe->sections_stated, TRN_PE_SECTIONS_MAX);
    struct trn_cursor c;
    pe->sections_at = (uint64_t)pe->pe_at + FILE_HEADER + optional;
    int e = trn_source_cursor(&pe->bytes, pe->sections_at, n * SECTION_SIZE, a, &c);
    struct trn_pe_section *list = e == 0 ? trn_arena_array(a, TRN_MAX(n, 1u), sizeof(*list)) : NULL;
    if (!list)
        return e < 0 ? e : -ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        struct trn_pe_section *s = &list[i];
        s->name = trn_cur_bytes(&c, 8);
        s->size = trn_cur_u32le(&c);
        s->rva = trn_cur_u32le(&c);
        s->raw_size = trn_cur_u32le(&c);
        s->raw_at = trn_cur_u32le(&c);
        trn_cur_skip(&c, 12);
        s->flags = trn_cur_u32le(&c);
        if (c.bad)
            return -EBADMSG;
        while (s->name.n && s->name.p[s->name.n - 1] == 0)
            s->name.n--;
    }
    pe->sections = list;
    pe->n_sections = n;
    return 0;
}

/* Symbols and the strings behind them are no part of any section, but known to the format. */
static uint64_t symbols_size(const struct trn_pe *pe, struct trn_arena *a)
{
    struct trn_cursor c;
    uint64_t size = (uint64_t)pe->n_symbols * SYMBOL_SIZE, at = pe->symbols_at + size;
    if (!pe->symbols_at || !pe->n_symbols || at > pe->bytes.size)
        return 0;
    if (trn_source_cursor(&pe->bytes, at, 4, a, &c) < 0)
        return size;
    uint32_t strings = trn_cur_u32le(&c);
    return strings >= 4 && strings <= STRINGS_MAX && strings <= pe->bytes.size - at ? size + strings : size;
}

static void find_end(struct trn_pe *pe, struct trn_arena *a)
{
    uint64_t size = pe->bytes.size, end = pe->sections_at + (uint64_t)pe->n_sections * SECTION_SIZE;
    end = TRN_MAX(end, pe->headers_size);
    for (uint32_t i = 0; i < pe->n_sections; i++)
        if (pe->sections[i].raw_size)
            end = TRN_MAX(end, (uint64_t)pe->sections[i].raw_at + pe->sections[i].raw_size);
    pe->symbols_size = symbols_size(pe, a);
    if (pe->symbols_size)
        end = TRN_MAX(end, pe->symbols_at + pe->symbols_size);
    pe->image_end = TRN_MIN(end, size);
    const struct trn_pe_range *d = &pe->directories[TRN_PE_CERTIFICATES];
    uint64_t cert = d->rva, cert_end = cert + d->size;
    if (d->rva && d->size) {
        pe->certificates_at = cert;
        pe->certificates_cut = cert_end > size;
        pe->certificates_size = cert < size ? TRN_MIN(cert_end, size) - cert : 0;
    }
    cert_end = cert + pe->certificates_size;
    pe->overlay_at = pe->image_end;
    if (!pe->certificates_size || cert_end <= pe->image_end) {
        pe->overlay_size = size - pe->image_end;
        pe->tail_at = size;
        return;
    }
    pe->overlay_size = cert > pe->image_end ? cert - pe->image_end : 0;
    pe->tail_at = cert_end;
    pe->tail_size = size - cert_end;
}

int trn_pe_read(const struct trn_source *s, struct trn_arena *a, struct trn_pe *ret)
{
    struct trn_pe pe = {.bytes = *s};
    uint16_t optional = 0;
    int e = read_file_header(&pe, a, &optional);
    if (e == 0)
        e = read_optional_header(&pe, a);
    if (e == 0)
        e = read_sections(&pe, a, optional);
    if (e < 0)
        return e;
    find_end(&pe, a);
    *ret = pe;
    return 0;
}

/* ---- places ---- */

static bool in_section(const struct trn_pe *pe, const struct trn_pe_section *s, uint32_t rva, uint64_t *ret_at,
                       uint64_t *ret_left)
{
    uint64_t start = pe->file_alignment >= SECTOR ? s->raw_at - s->raw_at % SECTOR : s->raw_at;
    uint64_t room = TRN_MAX(s->size, s->raw_size), in = (uint64_t)rva - s->rva;
    uint64_t have = s->raw_size;
    if (s->size) /* the loader maps whole pages of it and no more */
        have = TRN_MIN(have, ((uint64_t)s->size + PAGE - 1) / PAGE * PAGE);
    if (rva < s->rva || in >= room || in >= have)
        return false;
    uint64_t at = start + in;
    if (at >= pe->bytes.size)
        return false;
    *ret_at = at;
    *ret_left = TRN_MIN(have - in, pe->bytes.size - at);
    return true;
}

bool trn_pe_offset(const struct trn_pe *pe, uint32_t rva, uint64_t *ret_at, uint64_t *ret_left)
{
    bool flat = pe->section_alignment < PAGE && pe->section_alignment == pe->file_alignment; /* mapped as it is */
    for (uint32_t i = 0; !flat && i < pe->n_sections; i++)
        if (in_section(pe, &pe->sections[i], rva, ret_at, ret_left))
            return true;
    uint64_t end = TRN_MIN(flat ? pe->bytes.size : pe->headers_size, pe->bytes.size);
    if (rva >= end)
        return false;
    *ret_at = rva;
    *ret_left = end - rva;
    return true;
}

int trn_pe_take(const struct trn_pe *pe, uint32_t rva, size_t n, struct trn_arena *a, struct trn_str *ret)
{
    uint64_t at, left;
    if (!trn_pe_offset(pe, rva, &at, &left) || n > left)
        return -EBADMSG;
    return trn_source_take(&pe->bytes, at, n, a, ret);
}

int trn_pe_cursor(const struct trn_pe *pe, uint32_t rva, size_t n, struct trn_arena *a, struct trn_cursor *ret)
{
    uint64_t at, left;
    if (!trn_pe_offset(pe, rva, &at, &left))
        return -EBADMSG;
    return trn_source_cursor(&pe->bytes, at, (size_t)TRN_MIN((uint64_t)n, left), a, ret);
}

int trn_pe_text(const struct trn_pe *pe, uint32_t rva, size_t max, struct trn_arena *a, struct trn_str *ret)
{
    struct trn_cursor c;
    size_t step = TRN_MIN(max, (size_t)64);
    while (true) { /* most names are short, and a copy is the arena's for good */
        int e = trn_pe_cursor(pe, rva, step + 1, a, &c);
        if (e < 0)
            return e;
        struct trn_str text = trn_cur_until(&c, 0, step);
        if (!c.bad) {
            *ret = text;
            return 0;
        }
        if (c.n < step + 1 || step == max)
            return -EBADMSG;
        step = TRN_MIN(max, step * 8);
    }
}

const struct trn_pe_section *trn_pe_section_of(const struct trn_pe *pe, uint32_t rva)
{
    for (uint32_t i = 0; i < pe->n_sections; i++) {
        const struct trn_pe_section *s = &pe->sections[i];
        if (rva >= s->rva && (uint64_t)rva - s->rva < TRN_MAX(s->size, s->raw_size))
            return s;
    }
    return NULL;
}
