/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes small ELF libraries for tests, both classes and byte orders. One loaded segment takes [0, 0x1000) to address 0, so
 * places are addresses: program headers 0x40, dynamic table 0x400, strings 0x600, symbols 0x800, notes 0xc00.
 */
#ifndef TRN_TEST_ELF_BUILD_H
#define TRN_TEST_ELF_BUILD_H

#include "formats/formats.h"

#include <criterion/criterion.h>

#define ELF_PHDRS 0x40u
#define ELF_DYNAMIC 0x400u
#define ELF_STRINGS 0x600u
#define ELF_SYMBOLS 0x800u
#define ELF_NOTES 0xc00u
#define ELF_END 0x1000u

struct elf_build {
    uint8_t b[1 << 16];
    size_t n;
    bool wide, big;
    uint16_t segments;
    size_t dynamic, strings, symbols, notes; /* where the next one goes */
};

static inline void elf_put(struct elf_build *e, size_t at, uint64_t v, size_t bytes)
{
    cr_assert(at + bytes <= sizeof(e->b));
    for (size_t i = 0; i < bytes; i++)
        e->b[at + i] = (uint8_t)(v >> (8 * (e->big ? bytes - 1 - i : i)));
    e->n = TRN_MAX(e->n, at + bytes);
}

static inline void elf_word(struct elf_build *e, size_t at, uint64_t v)
{
    elf_put(e, at, v, e->wide ? 8 : 4);
}

static inline void elf_segment(struct elf_build *e, uint32_t type, uint32_t flags, uint64_t at, uint64_t size)
{
    size_t w = e->wide ? 8 : 4, h = ELF_PHDRS + e->segments++ * (e->wide ? 56u : 32u);
    elf_put(e, h, type, 4);
    elf_put(e, h + (e->wide ? 4 : 24), flags, 4);
    size_t o = h + (e->wide ? 8 : 4);
    elf_word(e, o, at);
    elf_word(e, o + w, at);
    elf_word(e, o + 3 * w, size);
    elf_word(e, o + 4 * w, size);
    elf_put(e, e->wide ? 56 : 44, e->segments, 2);
}

static inline uint32_t elf_string(struct elf_build *e, const char *text)
{
    size_t at = e->strings, n = strlen(text) + 1;
    memcpy(e->b + at, text, n);
    e->strings += n;
    cr_assert(e->strings <= ELF_SYMBOLS);
    return (uint32_t)(at - ELF_STRINGS);
}

static inline void elf_tag(struct elf_build *e, uint64_t tag, uint64_t value)
{
    size_t w = e->wide ? 8 : 4;
    elf_word(e, e->dynamic, tag);
    elf_word(e, e->dynamic + w, value);
    e->dynamic += 2 * w;
}

static inline void elf_symbol(struct elf_build *e, const char *name, uint8_t type, bool defined)
{
    size_t at = e->symbols;
    elf_put(e, at, elf_string(e, name), 4);
    elf_put(e, at + (e->wide ? 4 : 12), 0x10 | type, 1);
    elf_put(e, at + (e->wide ? 6 : 14), defined ? 1 : 0, 2);
    e->symbols += e->wide ? 24 : 16;
    elf_put(e, 0xa04, (e->symbols - ELF_SYMBOLS) / (e->wide ? 24 : 16), 4); /* chains of the hash table */
}

static inline void elf_note(struct elf_build *e, const char *owner, uint32_t type, const void *data, size_t n)
{
    size_t at = e->notes, name = strlen(owner) + 1;
    elf_put(e, at, name, 4);
    elf_put(e, at + 4, n, 4);
    elf_put(e, at + 8, type, 4);
    memcpy(e->b + at + 12, owner, name);
    at += 12 + (name + 3) / 4 * 4;
    memcpy(e->b + at, data, n);
    e->notes = at + (n + 3) / 4 * 4;
    cr_assert(e->notes <= ELF_END);
}

/* A library without anything; what is added after this stands in its tables. */
static inline void elf_begin(struct elf_build *e, bool wide, bool big)
{
    memset(e, 0, sizeof(*e));
    *e = (struct elf_build){.wide = wide,
                            .big = big,
                            .dynamic = ELF_DYNAMIC,
                            .strings = ELF_STRINGS + 1,
                            .symbols = ELF_SYMBOLS + (wide ? 24 : 16),
                            .notes = ELF_NOTES};
    memcpy(e->b, "\177ELF", 4);
    elf_put(e, 4, wide ? 2 : 1, 1);
    elf_put(e, 5, big ? 2 : 1, 1);
    elf_put(e, 6, 1, 1);
    elf_put(e, 16, 3, 2);
    elf_put(e, 18, wide ? 62 : 3, 2);
    elf_put(e, 20, 1, 4);
    elf_word(e, wide ? 32 : 28, ELF_PHDRS);
    elf_put(e, wide ? 52 : 40, wide ? 64 : 52, 2);
    elf_put(e, wide ? 54 : 42, wide ? 56 : 32, 2);
    elf_segment(e, 1, 5, 0, ELF_END);
    elf_segment(e, 2, 6, ELF_DYNAMIC, 0x200);
    elf_segment(e, 4, 4, ELF_NOTES, 0x100);
    elf_tag(e, 5, ELF_STRINGS);
    elf_tag(e, 10, ELF_SYMBOLS - ELF_STRINGS);
    elf_tag(e, 6, ELF_SYMBOLS);
    elf_tag(e, 4, 0xa00);
    elf_put(e, 0xa04, 1, 4);
    e->n = ELF_END;
}

static inline struct trn_source elf_source(const struct elf_build *e)
{
    return trn_source_mem((struct trn_str){(const char *)e->b, e->n});
}

#endif
