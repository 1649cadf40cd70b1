/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the ELF header, program headers, build-id note and interpreter. Must not own: sections,
 * symbols, hashing, opening files.
 * Hand-offs: results are copies in the caller's arena; the source is only called, never kept.
 *
 * Only program headers are read: the section table can be stripped or forged without the program
 * noticing. An object file (ET_REL) has none and so no build-id here.
 */
#include "formats/elf.h"

#define IDENT_SIZE 16u
#define EHDR_MAX 64u
#define PHDRS_MAX 256u
#define NOTE_SEGMENT_MAX 65536u
#define NOTE_SEGMENTS_MAX 16u
#define INTERP_MAX 4096u
#define PT_INTERP 3u
#define PT_NOTE 4u
#define NT_GNU_BUILD_ID 3u

struct head {
    bool wide, big;
    uint64_t phoff;
    uint16_t phentsize, phnum;
};

struct segment {
    uint32_t type;
    uint64_t offset, size, align;
};

static uint16_t get16(struct trn_cursor *c, const struct head *h)
{
    return h->big ? trn_cur_u16be(c) : trn_cur_u16le(c);
}

static uint32_t get32(struct trn_cursor *c, const struct head *h)
{
    return h->big ? trn_cur_u32be(c) : trn_cur_u32le(c);
}

static uint64_t get_word(struct trn_cursor *c, const struct head *h)
{
    if (!h->wide)
        return get32(c, h);
    return h->big ? trn_cur_u64be(c) : trn_cur_u64le(c);
}

/* All n bytes or -EBADMSG. */
static int read_all(const struct trn_elf_source *s, uint64_t at, void *dst, size_t n)
{
    uint64_t end;

    if (!trn_add_ok(at, n, &end) || end > INT64_MAX)
        return -EBADMSG;
    for (size_t done = 0; done < n;) {
        int64_t got = s->read(s->ctx, at + done, (char *)dst + done, n - done);
        if (got < 0)
            return got >= -4095 ? (int)got : -EIO;
        if (got == 0 || (uint64_t)got > n - done)
            return -EBADMSG;
        done += (size_t)got;
    }
    return 0;
}

static int read_head(const struct trn_elf_source *s, struct head *h, struct trn_elf *elf)
{
    uint8_t raw[EHDR_MAX];

    int r = read_all(s, 0, raw, IDENT_SIZE);
    if (r == -EBADMSG || (r == 0 && memcmp(raw, "\177ELF", 4) != 0))
        return -ENOEXEC;
    if (r < 0)
        return r;
    if ((raw[4] != 1 && raw[4] != 2) || (raw[5] != 1 && raw[5] != 2))
        return -EBADMSG;
    h->wide = raw[4] == 2;
    h->big = raw[5] == 2;

    size_t size = h->wide ? 64 : 52;
    r = read_all(s, 0, raw, size);
    if (r < 0)
        return r;
    struct trn_cursor c = trn_cur(raw, size);
    trn_cur_skip(&c, IDENT_SIZE);
    elf->bits = h->wide ? 64 : 32;
    elf->big_endian = h->big;
    elf->type = get16(&c, h);
    elf->machine = get16(&c, h);
    trn_cur_skip(&c, 4); /* version */
    get_word(&c, h);     /* entry */
    h->phoff = get_word(&c, h);
    get_word(&c, h);     /* shoff */
    trn_cur_skip(&c, 6); /* flags, ehsize */
    h->phentsize = get16(&c, h);
    h->phnum = get16(&c, h);
    return c.bad ? -EBADMSG : 0;
}

static int read_segment(const struct trn_elf_source *s, const struct head *h, unsigned index, struct segment *ret)
{
    uint8_t raw[56];
    size_t size = h->wide ? 56 : 32;
    uint64_t at;

    if (!trn_add_ok(h->phoff, (uint64_t)index * h->phentsize, &at))
        return -EBADMSG;
    int r = read_all(s, at, raw, size);
    if (r < 0)
        return r;
    struct trn_cursor c = trn_cur(raw, size);
    ret->type = get32(&c, h);
    if (h->wide)
        trn_cur_skip(&c, 4); /* flags stand here in 64 bit, near the end in 32 bit */
    ret->offset = get_word(&c, h);
    trn_cur_skip(&c, h->wide ? 16 : 8); /* addresses */
    ret->size = get_word(&c, h);
    trn_cur_skip(&c, 8); /* 64 bit: size in memory; 32 bit: that and flags */
    ret->align = get_word(&c, h);
    return c.bad ? -EBADMSG : 0;
}

int trn_elf_build_id(struct trn_str notes, bool big_endian, size_t align, struct trn_str *ret)
{
    struct head h = {.big = big_endian};
    struct trn_cursor c = trn_cur_of(notes);
    size_t step = align == 8 ? 8 : 4;

    while (trn_cur_left(&c) >= 12) {
        uint32_t namesz = get32(&c, &h), descsz = get32(&c, &h), type = get32(&c, &h);
        struct trn_str name = trn_cur_bytes(&c, namesz);
        if (c.bad)
            return -EBADMSG;
        trn_cur_skip(&c, TRN_MIN((step - c.at % step) % step, trn_cur_left(&c)));
        struct trn_str desc = trn_cur_bytes(&c, descsz);
        if (c.bad)
            return -EBADMSG;
        if (type == NT_GNU_BUILD_ID && namesz == 4 && memcmp(name.p, "GNU", 4) == 0) {
            if (descsz == 0 || descsz > TRN_ELF_BUILD_ID_MAX)
                return -EBADMSG;
            *ret = desc;
            return 0;
        }
        trn_cur_skip(&c, TRN_MIN((step - c.at % step) % step, trn_cur_left(&c)));
    }
    return -ENOENT;
}

static int note_segment(const struct trn_elf_source *s, const struct segment *g, struct trn_arena *a,
                        struct trn_elf *elf)
{
    struct trn_str id;

    if (g->size == 0 || g->size > NOTE_SEGMENT_MAX)
        return 0; /* no build-id note comes near this size */
    char TRN_AUTO(trn_freep) *raw = malloc(g->size);
    if (raw == NULL)
        return -ENOMEM;
    int r = read_all(s, g->offset, raw, g->size);
    if (r < 0)
        return r;
    r = trn_elf_build_id((struct trn_str){raw, g->size}, elf->big_endian, g->align == 8 ? 8 : 4, &id);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    elf->build_id = trn_arena_str(a, id);
    return elf->build_id.p ? 0 : -ENOMEM;
}

static int interp_segment(const struct trn_elf_source *s, const struct segment *g, struct trn_arena *a,
                          struct trn_elf *elf)
{
    if (g->size < 2 || g->size > INTERP_MAX)
        return -EBADMSG;
    char *path = trn_arena_alloc(a, g->size + 1);
    if (path == NULL)
        return -ENOMEM;
    int r = read_all(s, g->offset, path, g->size);
    if (r < 0)
        return r;
    elf->interp = (struct trn_str){path, strnlen(path, g->size)};
    return 0;
}

int trn_elf_read(const struct trn_elf_source *s, struct trn_arena *a, struct trn_elf *ret)
{
    struct trn_elf elf = {0};
    struct head h = {0};
    unsigned notes = 0;

    int r = read_head(s, &h, &elf);
    if (r < 0)
        return r;
    if (h.phnum > PHDRS_MAX || (h.phnum && h.phentsize < (h.wide ? 56 : 32)))
        return -EBADMSG;
    for (unsigned i = 0; i < h.phnum; i++) {
        struct segment g = {0};
        r = read_segment(s, &h, i, &g);
        if (r < 0)
            return r;
        if (g.type == PT_INTERP && elf.interp.p == NULL)
            r = interp_segment(s, &g, a, &elf);
        else if (g.type == PT_NOTE && elf.build_id.p == NULL && notes++ < NOTE_SEGMENTS_MAX)
            r = note_segment(s, &g, a, &elf);
        if (r < 0)
            return r;
    }
    *ret = elf;
    return 0;
}

static int64_t read_memory(void *ctx, uint64_t at, void *dst, size_t n)
{
    const struct trn_str *bytes = ctx;

    if (at >= bytes->n)
        return 0;
    n = TRN_MIN(n, bytes->n - (size_t)at);
    struct trn_cursor c = trn_cur_of(*bytes);
    trn_cur_seek(&c, (size_t)at);
    return trn_cur_copy(&c, dst, n) ? (int64_t)n : -EBADMSG;
}

int trn_elf_parse(struct trn_str bytes, struct trn_arena *a, struct trn_elf *ret)
{
    struct trn_elf_source s = {.read = read_memory, .ctx = &bytes};
    return trn_elf_read(&s, a, ret);
}
