/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what an ELF file says about who built it: notes, compiler strings, stripped or not. Must not own: judgement.
 * Hand-offs: texts are views of the source or copies in the caller's arena.
 */
#include "formats/elf_image.h"

#include "formats/elf.h"

#define NOTES_MAX (1u << 20)
#define ENTRIES_MAX 256u
#define COMMENT_MAX 65536u
#define SHT_SYMTAB 2u
#define SHT_NOTE 7u
#define NOTE_ABI 1u
#define NOTE_BUILD_ID 3u
#define NOTE_PROPERTY 5u
#define NOTE_GO_BUILD_ID 4u
#define NOTE_PACKAGE 0xcafe1a7eu
#define PROPERTY_X86_FEATURES 0xc0000002u

static void take_property(const struct trn_elf_image *f, struct trn_str bytes, struct trn_elf_notes *n)
{
    struct trn_cursor c = trn_cur_of(bytes);
    n->has_property = true;
    while (trn_cur_left(&c) >= 8) {
        uint32_t type = trn_elf_u32(f, &c), size = trn_elf_u32(f, &c);
        struct trn_str data = trn_cur_bytes(&c, size);
        struct trn_cursor value = trn_cur_of(data);
        if (type == PROPERTY_X86_FEATURES && data.n >= 4)
            n->x86_features = trn_elf_u32(f, &value);
        size_t pad = (f->wide ? 8 - data.n % 8 : 4 - data.n % 4) % (f->wide ? 8 : 4);
        trn_cur_skip(&c, TRN_MIN(pad, trn_cur_left(&c)));
    }
}

static void take_note(const struct trn_elf_image *f, struct trn_str owner, uint32_t type, struct trn_str data,
                      struct trn_elf_notes *n)
{
    struct trn_cursor c = trn_cur_of(data);
    bool gnu = trn_str_eq_c(owner, "GNU");
    if (gnu && type == NOTE_BUILD_ID && data.n && data.n <= TRN_ELF_BUILD_ID_MAX && trn_str_is_none(n->build_id)) {
        n->build_id = data;
    } else if (gnu && type == NOTE_ABI && data.n >= 16) {
        n->has_abi = true;
        n->abi_os = trn_elf_u32(f, &c);
        for (size_t i = 0; i < 3; i++)
            n->abi[i] = trn_elf_u32(f, &c);
    } else if (gnu && type == NOTE_PROPERTY) {
        take_property(f, data, n);
    } else if (type == NOTE_GO_BUILD_ID && trn_str_eq_c(owner, "Go")) {
        n->go_build_id = data;
    } else if (type == NOTE_PACKAGE && trn_str_eq_c(owner, "FDO")) {
        ptrdiff_t end = trn_str_find(data, 0);
        n->package = end < 0 ? data : trn_str_slice(data, 0, (size_t)end);
    }
}

static int read_notes(const struct trn_elf_image *f, uint64_t at, uint64_t size, uint64_t align, struct trn_arena *a,
                      struct trn_elf_notes *n)
{
    struct trn_cursor c;
    int e = trn_source_cursor(&f->bytes, at, (size_t)TRN_MIN(size, (uint64_t)NOTES_MAX), a, &c);
    size_t step = align == 8 ? 8 : 4;
    if (e < 0)
        return e;
    for (uint32_t i = 0; i < ENTRIES_MAX && trn_cur_left(&c) >= 12; i++) {
        uint32_t owner_size = trn_elf_u32(f, &c), size_data = trn_elf_u32(f, &c), type = trn_elf_u32(f, &c);
        struct trn_str owner = trn_cur_bytes(&c, owner_size);
        size_t pad = (step - c.at % step) % step;
        trn_cur_skip(&c, TRN_MIN(pad, trn_cur_left(&c)));
        struct trn_str data = trn_cur_bytes(&c, size_data);
        if (c.bad)
            return 0;
        pad = (step - c.at % step) % step;
        trn_cur_skip(&c, TRN_MIN(pad, trn_cur_left(&c)));
        while (owner.n && owner.p[owner.n - 1] == 0)
            owner.n--;
        take_note(f, owner, type, data, n);
    }
    return 0;
}

static int read_comments(const struct trn_elf_image *f, struct trn_arena *a, struct trn_elf_notes *n)
{
    const struct trn_elf_section *s = trn_elf_section_named(f, ".comment");
    struct trn_cursor c;
    if (!s)
        return 0;
    int e = trn_source_cursor(&f->bytes, s->offset, (size_t)TRN_MIN(s->size, (uint64_t)COMMENT_MAX), a, &c);
    while (e == 0 && trn_cur_left(&c) && n->n_comments < TRN_ELF_COMMENTS_MAX) {
        struct trn_str text = trn_cur_until(&c, 0, 1024);
        bool known = c.bad || text.n == 0;
        for (uint32_t i = 0; i < n->n_comments; i++)
            known |= trn_str_eq(n->comments[i], text);
        if (!known)
            n->comments[n->n_comments++] = text;
    }
    return e;
}

int trn_elf_notes(const struct trn_elf_image *f, struct trn_arena *a, struct trn_elf_notes *ret)
{
    struct trn_elf_notes n = {.stripped = true};
    int e = 0;
    uint32_t seen = 0;
    for (uint32_t i = 0; e == 0 && i < f->n_segments && seen < 32; i++)
        if (f->segments[i].type == TRN_ELF_PT_NOTE && ++seen)
            e = read_notes(f, f->segments[i].offset, f->segments[i].file_size, f->segments[i].align, a, &n);
    /* an object file has no segments, and those of Go name only one of the notes */
    bool by_sections = trn_str_is_none(n.build_id);
    seen = 0;
    for (uint32_t i = 0; e == 0 && i < f->n_sections; i++) {
        const struct trn_elf_section *s = &f->sections[i];
        n.stripped = n.stripped && s->type != SHT_SYMTAB;
        n.debug = n.debug || trn_str_eq_c(s->name, ".debug_info") || trn_str_eq_c(s->name, ".zdebug_info");
        if (by_sections && s->type == SHT_NOTE && ++seen <= 32)
            e = read_notes(f, s->offset, s->size, 4, a, &n);
    }
    if (e == 0)
        e = read_comments(f, a, &n);
    if (e == 0)
        *ret = n;
    return e;
}
