/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the dynamic table of an ELF file and what it leads to: libraries, search paths, symbols, relocations.
 * Must not own: judgement.
 * Hand-offs: texts are views of the string table, which is a view of the source or a copy in the caller's arena.
 *
 * It is read as the loader does it, by addresses in segments; sections only help to count symbols.
 */
#include "formats/elf_image.h"

#include "formats/elf.h"

#define ENTRIES_MAX 4096u
#define STRINGS_MAX (32u << 20)
#define TEXT_MAX 8192u /* with its NUL; a longer name is left out */
#define WINDOW (1u << 20)
#define RELOCATIONS_MAX (64u << 20) /* bytes of one table */
#define SHT_DYNSYM 11u
#define SHT_DYNAMIC 6u

enum { /* tags */
       NEEDED = 1,
       PLTRELSZ = 2,
       HASH = 4,
       STRTAB = 5,
       SYMTAB = 6,
       RELA = 7,
       RELASZ = 8,
       STRSZ = 10,
       INIT = 12,
       FINI = 13,
       SONAME = 14,
       RPATH = 15,
       REL = 17,
       RELSZ = 18,
       PLTREL = 20,
       JMPREL = 23,
       INIT_ARRAYSZ = 27,
       FINI_ARRAYSZ = 28,
       RUNPATH = 29,
       FLAGS = 30,
       PREINIT_ARRAYSZ = 33,
       SMALL_TAGS = 36, /* values below are kept by tag */
};
#define GNU_HASH 0x6ffffef5u
#define DEPAUDIT 0x6ffffefbu
#define AUDIT 0x6ffffefcu
#define FLAGS_1 0x6ffffffbu
#define VERNEEDNUM 0x6fffffffu

struct table {
    uint64_t small[SMALL_TAGS];
    bool has[SMALL_TAGS];
    uint64_t gnu_hash, audit, depaudit;
    bool has_audit, has_depaudit;
    uint32_t needed[TRN_ELF_NEEDED_MAX];
};

/* Where the table stands: the segment, or in a file without one (debug files, odd ones) the section. */
static struct trn_source table_place(const struct trn_elf_image *f)
{
    const struct trn_elf_segment *s = trn_elf_segment_of(f, TRN_ELF_PT_DYNAMIC);
    if (s)
        return trn_source_part(&f->bytes, s->offset, s->file_size);
    for (uint32_t i = 0; i < f->n_sections && f->n_segments == 0; i++)
        if (f->sections[i].type == SHT_DYNAMIC)
            return trn_source_part(&f->bytes, f->sections[i].offset, f->sections[i].size);
    return trn_source_part(&f->bytes, 0, 0);
}

static void take_entry(struct table *t, struct trn_elf_dynamic *d, uint64_t tag, uint64_t value)
{
    if (tag == NEEDED) {
        if (d->n_needed < TRN_ELF_NEEDED_MAX)
            t->needed[d->n_needed++] = (uint32_t)TRN_MIN(value, (uint64_t)UINT32_MAX);
        else
            d->cut = true;
    } else if (tag < SMALL_TAGS) {
        t->small[tag] = value;
        t->has[tag] = true;
    } else if (tag == GNU_HASH) {
        t->gnu_hash = value;
    } else if (tag == AUDIT) {
        t->audit = value;
        t->has_audit = true;
    } else if (tag == DEPAUDIT) {
        t->depaudit = value;
        t->has_depaudit = true;
    } else if (tag == FLAGS_1) {
        d->flags_1 = value;
    } else if (tag == VERNEEDNUM) {
        d->n_versions = (uint32_t)TRN_MIN(value, (uint64_t)UINT32_MAX);
    }
}

static int read_entries(const struct trn_elf_image *f, struct trn_arena *a, struct table *t, struct trn_elf_dynamic *d)
{
    struct trn_source place = table_place(f);
    uint32_t each = f->wide ? 16 : 8;
    struct trn_cursor c;
    int e = trn_source_cursor(&place, 0, ENTRIES_MAX * each, a, &c);
    if (e < 0)
        return e;
    while (trn_cur_left(&c) >= each) {
        uint64_t tag = trn_elf_word(f, &c), value = trn_elf_word(f, &c);
        if (tag == 0)
            return 0;
        d->present = true;
        take_entry(t, d, tag, value);
    }
    d->cut |= d->present;
    return 0;
}

static int read_strings(const struct trn_elf_image *f, struct trn_arena *a, const struct table *t,
                        struct trn_elf_dynamic *d)
{
    uint64_t at, left, size = TRN_MIN(t->small[STRSZ], (uint64_t)STRINGS_MAX);
    if (!t->has[STRTAB] || !trn_elf_offset(f, t->small[STRTAB], &at, &left)) {
        d->cut |= t->has[STRTAB];
        return 0;
    }
    d->cut |= size > left || size < t->small[STRSZ];
    d->strings_at = at;
    return trn_source_take(&f->bytes, at, (size_t)TRN_MIN(size, left), a, &d->strings);
}

static struct trn_str text_at(const struct trn_elf_dynamic *d, uint64_t at)
{
    struct trn_str rest = at < d->strings.n ? trn_str_slice(d->strings, (size_t)at, TEXT_MAX) : TRN_STR_NONE;
    ptrdiff_t end = trn_str_find(rest, 0);
    return end < 0 ? TRN_STR_NONE : trn_str_slice(rest, 0, (size_t)end);
}

static void take_texts(const struct table *t, struct trn_elf_dynamic *d)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < d->n_needed; i++) {
        struct trn_str name = text_at(d, t->needed[i]);
        if (name.n)
            d->needed[n++] = name;
        else
            d->cut = true;
    }
    d->n_needed = n;
    if (t->has[SONAME])
        d->soname = text_at(d, t->small[SONAME]);
    if (t->has[RPATH])
        d->rpath = text_at(d, t->small[RPATH]);
    if (t->has[RUNPATH])
        d->runpath = text_at(d, t->small[RUNPATH]);
    if (t->has_audit)
        d->audit = text_at(d, t->audit);
    if (t->has_depaudit)
        d->depaudit = text_at(d, t->depaudit);
    d->flags = t->small[FLAGS];
    d->init = t->small[INIT];
    d->fini = t->small[FINI];
    d->init_array_size = t->small[INIT_ARRAYSZ];
    d->fini_array_size = t->small[FINI_ARRAYSZ];
    d->preinit_array_size = t->small[PREINIT_ARRAYSZ];
}

/* ---- how many symbols ---- */

/* The GNU table has no count: the highest first symbol of a bucket, and its chain up to the end bit. */
static int count_by_gnu_hash(const struct trn_elf_image *f, struct trn_arena *a, uint64_t address, uint64_t *ret)
{
    uint64_t at, left;
    struct trn_cursor c;
    if (!trn_elf_offset(f, address, &at, &left))
        return 0;
    struct trn_source place = trn_source_part(&f->bytes, at, left);
    int e = trn_source_cursor(&place, 0, 16, a, &c);
    if (e < 0)
        return e;
    uint64_t n_buckets = trn_elf_u32(f, &c), first = trn_elf_u32(f, &c), bloom = trn_elf_u32(f, &c), last = 0;
    uint64_t buckets_at = 16 + bloom * (f->wide ? 8 : 4), chains_at = buckets_at + n_buckets * 4;
    if (n_buckets > TRN_ELF_SYMBOLS_MAX)
        return 0;
    e = trn_source_cursor(&place, buckets_at, (size_t)n_buckets * 4, a, &c);
    if (e < 0)
        return e;
    while (trn_cur_left(&c) >= 4) {
        uint64_t bucket = trn_elf_u32(f, &c);
        last = TRN_MAX(last, bucket);
    }
    if (last < first) {
        *ret = first; /* nothing is exported; what is imported stands before */
        return 0;
    }
    e = trn_source_cursor(&place, chains_at + (last - first) * 4, WINDOW, a, &c);
    if (e < 0)
        return e;
    while (trn_cur_left(&c) >= 4) {
        last++;
        if (trn_elf_u32(f, &c) & 1)
            break;
    }
    *ret = last;
    return 0;
}

static int count_symbols(const struct trn_elf_image *f, struct trn_arena *a, const struct table *t,
                         struct trn_elf_dynamic *d)
{
    uint64_t at, left, n = 0, each = f->wide ? 24 : 16;
    struct trn_cursor c;
    if (!t->has[SYMTAB] || !trn_elf_offset(f, t->small[SYMTAB], &at, &left))
        return 0;
    int e = 0;
    d->symbols_at = at;
    for (uint32_t i = 0; i < f->n_sections; i++)
        if (f->sections[i].type == SHT_DYNSYM && f->sections[i].offset == at)
            n = f->sections[i].size / each;
    uint64_t hash_at, hash_left;
    if (!n && t->has[HASH] && trn_elf_offset(f, t->small[HASH], &hash_at, &hash_left)) {
        e = trn_source_cursor(&f->bytes, hash_at + 4, 4, a, &c);
        n = e == 0 ? trn_elf_u32(f, &c) : 0;
    }
    if (e == 0 && !n && t->gnu_hash)
        e = count_by_gnu_hash(f, a, t->gnu_hash, &n);
    d->cut |= n > TRN_ELF_SYMBOLS_MAX || n > left / each;
    d->symbols = TRN_MIN(n, TRN_MIN((uint64_t)TRN_ELF_SYMBOLS_MAX, left / each));
    return e;
}

/* ---- relocations ---- */

struct reloc_kinds {
    uint16_t machine;
    uint32_t irelative, tls[3];
};

static const struct reloc_kinds reloc_kinds[] = {
    {62, 37, {16, 17, 18}},  {3, 42, {14, 35, 36}},   {183, 1032, {1028, 1029, 1030}}, {40, 160, {17, 18, 19}},
    {21, 248, {68, 78, 73}}, {20, 248, {68, 78, 73}}, {22, 61, {54, 55, 56}},          {243, 58, {7, 9, 11}},
    {258, 12, {7, 9, 11}},   {43, 249, {75, 77, 79}},
};

static int count_relocations(const struct trn_elf_image *f, struct trn_elf_dynamic *d, uint64_t address, uint64_t size,
                             bool with_addend)
{
    const struct reloc_kinds *kinds = NULL;
    TRN_AUTO(trn_freep) char *window = NULL;
    uint64_t at, left, word = f->wide ? 8 : 4, each = word * (with_addend ? 3 : 2);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(reloc_kinds); i++)
        if (reloc_kinds[i].machine == f->machine)
            kinds = &reloc_kinds[i];
    if (!size || !kinds || !trn_elf_offset(f, address, &at, &left))
        return 0;
    d->cut |= size > left || size > RELOCATIONS_MAX;
    uint64_t end = at + TRN_MIN(TRN_MIN(size, left), (uint64_t)RELOCATIONS_MAX), step = WINDOW / each * each;
    if (!f->bytes.mem && !(window = malloc(TRN_MIN(end - at, step))))
        return -ENOMEM;
    for (; end - at >= each; at += TRN_MIN(step, end - at)) {
        size_t n = (size_t)TRN_MIN(step, end - at);
        int64_t got = f->bytes.mem ? (int64_t)n : trn_source_read(&f->bytes, at, window, n);
        if (got < 0)
            return (int)got;
        struct trn_cursor c = trn_cur(f->bytes.mem ? (const char *)f->bytes.mem + at : window, (size_t)got);
        while (trn_cur_left(&c) >= each) {
            trn_cur_skip(&c, (size_t)word);
            uint64_t info = trn_elf_word(f, &c);
            uint32_t type = f->wide ? (uint32_t)info : (uint32_t)(info & 0xff);
            trn_cur_skip(&c, with_addend ? (size_t)word : 0);
            d->relocations++;
            d->irelative += type == kinds->irelative;
            d->tls_relocations += type == kinds->tls[0] || type == kinds->tls[1] || type == kinds->tls[2];
        }
        if ((size_t)got < n)
            break;
    }
    return 0;
}

int trn_elf_dynamic(const struct trn_elf_image *f, struct trn_arena *a, struct trn_elf_dynamic *ret)
{
    struct table *t = trn_arena_alloc(a, sizeof(*t));
    *ret = (struct trn_elf_dynamic){0};
    int e = t ? read_entries(f, a, t, ret) : -ENOMEM;
    if (e < 0 || !ret->present)
        return e;
    e = read_strings(f, a, t, ret);
    if (e < 0)
        return e;
    take_texts(t, ret);
    e = count_symbols(f, a, t, ret);
    if (e == 0)
        e = count_relocations(f, ret, t->small[RELA], t->small[RELASZ], true);
    if (e == 0)
        e = count_relocations(f, ret, t->small[REL], t->small[RELSZ], false);
    if (e == 0)
        e = count_relocations(f, ret, t->small[JMPREL], t->small[PLTRELSZ], t->small[PLTREL] == RELA);
    return e;
}

static struct trn_elf_symbol read_symbol(const struct trn_elf_image *f, const struct trn_elf_dynamic *d,
                                         struct trn_cursor *c)
{
    struct trn_elf_symbol s = {0};
    uint32_t name = trn_elf_u32(f, c);
    uint8_t info = 0, other = 0;
    uint16_t section = 0;
    for (int i = 0; i < 2; i++) { /* the class decides what stands first */
        if ((i == 0) == f->wide) {
            info = trn_cur_u8(c);
            other = trn_cur_u8(c);
            section = trn_elf_u16(f, c);
        } else {
            s.value = trn_elf_word(f, c);
            s.size = trn_elf_word(f, c);
        }
    }
    s.type = info & 15;
    s.bind = info >> 4;
    s.visibility = other & 3;
    s.defined = section != 0;
    s.name = name ? text_at(d, name) : TRN_STR_NONE;
    return s;
}

int trn_elf_symbols(const struct trn_elf_image *f, const struct trn_elf_dynamic *d, struct trn_arena *a,
                    int (*fn)(void *ctx, const struct trn_elf_symbol *s), void *ctx)
{
    size_t each = f->wide ? 24 : 16, batch = WINDOW / 16 / each;
    for (uint64_t i = 1; i < d->symbols; i += batch) {
        struct trn_cursor c;
        size_t n = (size_t)TRN_MIN(d->symbols - i, (uint64_t)batch);
        int e = trn_source_cursor(&f->bytes, d->symbols_at + i * each, n * each, a, &c);
        if (e < 0)
            return e;
        while (trn_cur_left(&c) >= each) {
            struct trn_elf_symbol s = read_symbol(f, d, &c);
            e = s.name.n ? fn(ctx, &s) : 0;
            if (e)
                return e;
        }
    }
    return 0;
}
