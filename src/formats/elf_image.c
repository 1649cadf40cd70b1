/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: header, segments, sections, interpreter and end of an ELF file. Must not own: what stands in them.
 * Hand-offs: tables live in the caller's arena; the source is copied by value.
 */
#include "formats/elf_image.h"

#include "formats/elf.h"

#define IDENT 16u
#define HEADER_MAX 64u
#define INTERP_MAX 4096u
#define NAMES_MAX (4u << 20)
#define SHT_NOBITS 8u
#define PN_XNUM 0xffffu

struct head {
    uint64_t phoff, shoff;
    uint32_t phnum, shnum, shstrndx;
    uint16_t phentsize, shentsize, ehsize;
};

static int read_header(struct trn_elf_image *f, struct trn_arena *a, struct head *h)
{
    struct trn_cursor c;
    int e = trn_source_cursor(&f->bytes, 0, HEADER_MAX, a, &c);
    if (e < 0)
        return e;
    struct trn_str magic = trn_cur_bytes(&c, 4);
    if (!trn_str_eq(magic, TRN_STR("\177ELF")))
        return -ENOEXEC;
    uint8_t class = trn_cur_u8(&c), order = trn_cur_u8(&c);
    trn_cur_skip(&c, 1);
    f->osabi = trn_cur_u8(&c);
    if (c.bad || class < 1 || class > 2 || order < 1 || order > 2)
        return -EBADMSG;
    f->wide = class == 2;
    f->big_endian = order == 2;
    trn_cur_seek(&c, IDENT);
    f->type = trn_elf_u16(f, &c);
    f->machine = trn_elf_u16(f, &c);
    trn_cur_skip(&c, 4);
    f->entry = trn_elf_word(f, &c);
    h->phoff = trn_elf_word(f, &c);
    h->shoff = trn_elf_word(f, &c);
    trn_cur_skip(&c, 4);
    h->ehsize = trn_elf_u16(f, &c);
    h->phentsize = trn_elf_u16(f, &c);
    h->phnum = trn_elf_u16(f, &c);
    h->shentsize = trn_elf_u16(f, &c);
    h->shnum = trn_elf_u16(f, &c);
    h->shstrndx = trn_elf_u16(f, &c);
    return c.bad ? -EBADMSG : 0;
}

static struct trn_elf_section read_section(const struct trn_elf_image *f, struct trn_cursor *c, uint32_t *ret_name,
                                           uint32_t *ret_info)
{
    struct trn_elf_section s = {0};
    *ret_name = trn_elf_u32(f, c);
    s.type = trn_elf_u32(f, c);
    s.flags = trn_elf_word(f, c);
    s.address = trn_elf_word(f, c);
    s.offset = trn_elf_word(f, c);
    s.size = trn_elf_word(f, c);
    s.link = trn_elf_u32(f, c);
    *ret_info = trn_elf_u32(f, c);
    (void)trn_elf_word(f, c); /* alignment */
    s.entry_size = trn_elf_word(f, c);
    return s;
}

/* Numbers that do not fit the header stand in the first, otherwise unused section. */
static int read_large_numbers(struct trn_elf_image *f, struct trn_arena *a, struct head *h)
{
    struct trn_cursor c;
    uint32_t name, info;
    bool extended = h->shoff && (h->shnum == 0 || h->phnum == PN_XNUM || h->shstrndx == PN_XNUM);
    int e = extended ? trn_source_cursor(&f->bytes, h->shoff, HEADER_MAX, a, &c) : 0;
    if (e < 0 || !extended)
        return e;
    struct trn_elf_section first = read_section(f, &c, &name, &info);
    if (c.bad)
        return 0;
    if (h->shnum == 0)
        h->shnum = (uint32_t)TRN_MIN(first.size, (uint64_t)UINT32_MAX);
    if (h->phnum == PN_XNUM)
        h->phnum = info;
    if (h->shstrndx == PN_XNUM)
        h->shstrndx = first.link;
    return 0;
}

/* A table of n entries, or of as many as the file has and the limit allows. */
static int open_table(struct trn_elf_image *f, uint64_t at, uint32_t *n, uint32_t each, struct trn_arena *a,
                      struct trn_cursor *ret)
{
    uint64_t room = at < f->bytes.size ? (f->bytes.size - at) / each : 0;
    f->cut |= *n > room;
    *n = (uint32_t)TRN_MIN((uint64_t)*n, room);
    return trn_source_cursor(&f->bytes, at, (size_t)*n * each, a, ret);
}

static int read_segments(struct trn_elf_image *f, struct trn_arena *a, const struct head *h)
{
    uint32_t n = TRN_MIN(h->phnum, TRN_ELF_SEGMENTS_MAX), each = f->wide ? 56 : 32;
    struct trn_cursor table;
    f->cut |= h->phnum > n || (n && h->phentsize < each);
    if (!h->phoff || !n || h->phentsize < each)
        return 0;
    int e = open_table(f, h->phoff, &n, h->phentsize, a, &table);
    struct trn_elf_segment *list = e == 0 ? trn_arena_array(a, n, sizeof(*list)) : NULL;
    if (!list)
        return e < 0 ? e : -ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        struct trn_cursor c = trn_cur_sub(&table, (size_t)i * h->phentsize, each);
        struct trn_elf_segment *s = &list[i];
        s->type = trn_elf_u32(f, &c);
        if (f->wide)
            s->flags = trn_elf_u32(f, &c);
        s->offset = trn_elf_word(f, &c);
        s->address = trn_elf_word(f, &c);
        (void)trn_elf_word(f, &c);
        s->file_size = trn_elf_word(f, &c);
        s->size = trn_elf_word(f, &c);
        if (!f->wide)
            s->flags = trn_elf_u32(f, &c);
        s->align = trn_elf_word(f, &c);
    }
    f->segments = list;
    f->n_segments = n;
    return 0;
}

static int read_names(struct trn_elf_image *f, struct trn_arena *a, struct trn_elf_section *list, uint32_t strings,
                      const uint32_t *names)
{
    struct trn_cursor c;
    if (strings >= f->n_sections || list[strings].type == SHT_NOBITS)
        return 0;
    size_t size = (size_t)TRN_MIN(list[strings].size, (uint64_t)NAMES_MAX);
    int e = trn_source_cursor(&f->bytes, list[strings].offset, size, a, &c);
    for (uint32_t i = 0; e == 0 && i < f->n_sections; i++) {
        struct trn_cursor one = c;
        trn_cur_seek(&one, names[i]);
        struct trn_str name = trn_cur_until(&one, 0, 256);
        if (!one.bad)
            list[i].name = name;
    }
    return e;
}

static int read_sections(struct trn_elf_image *f, struct trn_arena *a, const struct head *h)
{
    uint32_t n = TRN_MIN(h->shnum, TRN_ELF_SECTIONS_MAX), each = f->wide ? 64 : 40, info;
    struct trn_cursor table;
    f->cut |= h->shnum > n || (n && h->shentsize < each);
    if (!h->shoff || !n || h->shentsize < each)
        return 0;
    int e = open_table(f, h->shoff, &n, h->shentsize, a, &table);
    struct trn_elf_section *list = e == 0 ? trn_arena_array(a, n, sizeof(*list)) : NULL;
    uint32_t *names = list ? trn_arena_array(a, n, sizeof(*names)) : NULL;
    if (!names)
        return e < 0 ? e : -ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        struct trn_cursor c = trn_cur_sub(&table, (size_t)i * h->shentsize, each);
        list[i] = read_section(f, &c, &names[i], &info);
    }
    f->sections = list;
    f->n_sections = n;
    return read_names(f, a, list, h->shstrndx, names);
}

static int read_interp(struct trn_elf_image *f, struct trn_arena *a)
{
    const struct trn_elf_segment *s = trn_elf_segment_of(f, TRN_ELF_PT_INTERP);
    struct trn_cursor c;
    if (!s)
        return 0;
    int e = trn_source_cursor(&f->bytes, s->offset, (size_t)TRN_MIN(s->file_size, (uint64_t)INTERP_MAX), a, &c);
    if (e < 0)
        return e;
    struct trn_str path = trn_cur_until(&c, 0, INTERP_MAX);
    f->cut |= c.bad;
    f->interp = c.bad ? TRN_STR_NONE : path;
    return 0;
}

static void extend(uint64_t *end, uint64_t at, uint64_t size)
{
    uint64_t to;
    if (size && trn_add_ok(at, size, &to))
        *end = TRN_MAX(*end, to);
}

static void find_end(struct trn_elf_image *f, const struct head *h)
{
    uint64_t end = h->ehsize;
    extend(&end, h->phoff, (uint64_t)f->n_segments * h->phentsize);
    extend(&end, h->shoff, (uint64_t)f->n_sections * h->shentsize);
    for (uint32_t i = 0; i < f->n_segments; i++)
        extend(&end, f->segments[i].offset, f->segments[i].file_size);
    for (uint32_t i = 0; i < f->n_sections; i++)
        if (f->sections[i].type != SHT_NOBITS && f->sections[i].type != 0)
            extend(&end, f->sections[i].offset, f->sections[i].size);
    f->cut |= end > f->bytes.size;
    f->end = TRN_MIN(end, f->bytes.size);
}

int trn_elf_image_read(const struct trn_source *s, struct trn_arena *a, struct trn_elf_image *ret)
{
    struct trn_elf_image f = {.bytes = *s};
    struct head h = {0};
    int e = read_header(&f, a, &h);
    if (e == 0)
        e = read_large_numbers(&f, a, &h);
    if (e == 0)
        e = read_segments(&f, a, &h);
    if (e == 0)
        e = read_sections(&f, a, &h);
    if (e == 0)
        e = read_interp(&f, a);
    if (e < 0)
        return e;
    find_end(&f, &h);
    *ret = f;
    return 0;
}

bool trn_elf_offset(const struct trn_elf_image *f, uint64_t address, uint64_t *ret_at, uint64_t *ret_left)
{
    for (uint32_t i = 0; i < f->n_segments; i++) {
        const struct trn_elf_segment *s = &f->segments[i];
        uint64_t at;
        if (s->type != TRN_ELF_PT_LOAD || address < s->address || address - s->address >= s->file_size)
            continue;
        if (!trn_add_ok(s->offset, address - s->address, &at) || at >= f->bytes.size)
            continue;
        *ret_at = at;
        *ret_left = TRN_MIN(s->file_size - (address - s->address), f->bytes.size - at);
        return true;
    }
    return false;
}

const struct trn_elf_section *trn_elf_section_named(const struct trn_elf_image *f, const char *name)
{
    for (uint32_t i = 0; i < f->n_sections; i++)
        if (trn_str_eq_c(f->sections[i].name, name))
            return &f->sections[i];
    return NULL;
}

const struct trn_elf_segment *trn_elf_segment_of(const struct trn_elf_image *f, uint32_t type)
{
    for (uint32_t i = 0; i < f->n_segments; i++)
        if (f->segments[i].type == type)
            return &f->segments[i];
    return NULL;
}

const char *trn_elf_machine_name(uint16_t machine)
{
    static const struct {
        uint16_t machine;
        const char *name;
    } names[] = {
        {3, "x86"},    {62, "x86_64"},  {183, "aarch64"}, {40, "arm"},     {8, "mips"},    {20, "ppc"},
        {21, "ppc64"}, {22, "s390"},    {2, "sparc"},     {43, "sparc64"}, {243, "riscv"}, {258, "loongarch"},
        {247, "bpf"},  {50, "ia64"},    {4, "m68k"},      {42, "sh"},      {15, "parisc"}, {180, "mcore"},
        {190, "cuda"}, {224, "amdgpu"}, {83, "avr"},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++)
        if (names[i].machine == machine)
            return names[i].name;
    return "unknown";
}
