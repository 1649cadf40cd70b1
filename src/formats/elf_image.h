/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ELF files in depth, both classes and byte orders: segments, sections (may be absent), the dynamic table, symbols, notes, and
 * where the file ends by its own account. elf.h stays for who needs identity only.
 * Views borrow from the arena or, in memory, from the source. What is damaged in a part is left out and `cut` says so.
 */
#ifndef TRN_FORMATS_ELF_IMAGE_H
#define TRN_FORMATS_ELF_IMAGE_H

#include "base/base.h"

#define TRN_ELF_SEGMENTS_MAX 256u
#define TRN_ELF_SECTIONS_MAX 65536u
#define TRN_ELF_NEEDED_MAX 256u
#define TRN_ELF_SYMBOLS_MAX (1u << 20)
#define TRN_ELF_COMMENTS_MAX 8u

#define TRN_ELF_PT_LOAD 1u
#define TRN_ELF_PT_DYNAMIC 2u
#define TRN_ELF_PT_INTERP 3u
#define TRN_ELF_PT_NOTE 4u
#define TRN_ELF_PT_TLS 7u
#define TRN_ELF_PT_GNU_STACK 0x6474e551u
#define TRN_ELF_EXECUTE 1u /* flags of a segment */
#define TRN_ELF_WRITE 2u
#define TRN_ELF_READ 4u

struct trn_elf_segment {
    uint32_t type, flags;
    uint64_t offset, address, file_size, size, align;
};
struct trn_elf_section {
    struct trn_str name; /* absent when the names cannot be read */
    uint32_t type, link;
    uint64_t flags, address, offset, size, entry_size;
};

struct trn_elf_image {
    struct trn_source bytes;
    bool wide, big_endian; /* 64 bit */
    bool cut;              /* tables go beyond the file, or a limit was hit */
    uint8_t osabi;
    uint16_t type, machine; /* enum trn_elf_type */
    uint64_t entry;
    uint32_t n_segments, n_sections;
    const struct trn_elf_segment *segments;
    const struct trn_elf_section *sections;
    struct trn_str interp; /* absent: none */
    uint64_t end;          /* behind the last thing that header, segments and sections account for; within the file */
};
/* -ENOEXEC: not an ELF file; -EBADMSG: its header is damaged; -ENOMEM; or what the source gave. */
int trn_elf_image_read(const struct trn_source *s, struct trn_arena *a, struct trn_elf_image *ret) TRN_MUST_CHECK;
/* Place in the file of an address, and how many bytes of its segment follow there. */
bool trn_elf_offset(const struct trn_elf_image *f, uint64_t address, uint64_t *ret_at, uint64_t *ret_left);
const struct trn_elf_section *trn_elf_section_named(const struct trn_elf_image *f, const char *name); /* NULL: none */
const struct trn_elf_segment *trn_elf_segment_of(const struct trn_elf_image *f, uint32_t type);       /* first; NULL */
const char *trn_elf_machine_name(uint16_t machine); /* "x86_64"; "unknown" */

/* ---- elf_dynamic.c ---- */
#define TRN_ELF_FLAGS_1_PIE 0x08000000u
struct trn_elf_dynamic {
    bool present, cut;
    uint32_t n_needed;
    struct trn_str needed[TRN_ELF_NEEDED_MAX];
    struct trn_str soname, rpath, runpath, audit, depaudit; /* absent: none */
    uint64_t flags, flags_1;
    uint64_t init, fini;                                           /* addresses; 0: none */
    uint64_t init_array_size, fini_array_size, preinit_array_size; /* bytes */
    uint64_t symbols_at, symbols; /* dynamic symbols: place in the file, how many (the first, empty one counted) */
    struct trn_str strings;       /* their names */
    uint64_t strings_at;          /* place of strings in the file */
    uint64_t relocations;
    uint64_t irelative; /* relocations whose value an IFUNC resolver gives */
    uint64_t tls_relocations;
    uint32_t n_versions; /* needed, of all libraries */
};
int trn_elf_dynamic(const struct trn_elf_image *f, struct trn_arena *a, struct trn_elf_dynamic *ret) TRN_MUST_CHECK;

struct trn_elf_symbol {
    struct trn_str name;
    uint8_t type, bind, visibility; /* 10: IFUNC, 6: TLS */
    bool defined;
    uint64_t value, size;
};
#define TRN_ELF_STT_TLS 6u
#define TRN_ELF_STT_IFUNC 10u
/* Each dynamic symbol that has a name; fn says 0 to go on, else that is the result. */
int trn_elf_symbols(const struct trn_elf_image *f, const struct trn_elf_dynamic *d, struct trn_arena *a,
                    int (*fn)(void *ctx, const struct trn_elf_symbol *s), void *ctx) TRN_MUST_CHECK;

/* ---- elf_notes.c ---- */
struct trn_elf_notes {
    struct trn_str build_id;    /* raw */
    struct trn_str go_build_id; /* text */
    struct trn_str package;     /* JSON that a distribution puts there */
    bool has_abi;
    uint32_t abi_os, abi[3]; /* oldest kernel: 3.2.0 */
    bool has_property;
    uint32_t x86_features; /* 1: indirect branch tracking, 2: shadow stack */
    uint32_t n_comments;
    struct trn_str comments[TRN_ELF_COMMENTS_MAX]; /* distinct strings of .comment: compilers, linkers */
    bool stripped;                                 /* no symbol table beside the dynamic one */
    bool debug;                                    /* debug information inside */
};
int trn_elf_notes(const struct trn_elf_image *f, struct trn_arena *a, struct trn_elf_notes *ret) TRN_MUST_CHECK;

/* ---- inside of the readers ---- */
static inline uint16_t trn_elf_u16(const struct trn_elf_image *f, struct trn_cursor *c)
{
    return f->big_endian ? trn_cur_u16be(c) : trn_cur_u16le(c);
}
static inline uint32_t trn_elf_u32(const struct trn_elf_image *f, struct trn_cursor *c)
{
    return f->big_endian ? trn_cur_u32be(c) : trn_cur_u32le(c);
}
static inline uint64_t trn_elf_u64(const struct trn_elf_image *f, struct trn_cursor *c)
{
    return f->big_endian ? trn_cur_u64be(c) : trn_cur_u64le(c);
}
static inline uint64_t trn_elf_word(const struct trn_elf_image *f, struct trn_cursor *c) /* 4 or 8 bytes */
{
    return f->wide ? trn_elf_u64(f, c) : trn_elf_u32(f, c);
}

#endif
