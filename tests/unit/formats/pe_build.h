/* SPDX-License-Identifier: Apache-2.0 */
/* Makes small PE images for tests, field by field: headers at 0, the first section at 0x400 / rva 0x1000. */
#ifndef TRN_TEST_PE_BUILD_H
#define TRN_TEST_PE_BUILD_H

#include "formats/formats.h"

#include <criterion/criterion.h>

#define PE_AT 0x80u
#define PE_OPTIONAL (PE_AT + 24u)
#define PE_FIRST_RAW 0x400u
#define PE_FIRST_RVA 0x1000u

struct pe_build {
    uint8_t b[1 << 17];
    size_t n; /* end of what was written */
    bool wide;
    uint32_t sections;
};

static inline void pe_put(struct pe_build *p, size_t at, uint64_t v, size_t bytes)
{
    cr_assert(at + bytes <= sizeof(p->b));
    for (size_t i = 0; i < bytes; i++)
        p->b[at + i] = (uint8_t)(v >> (8 * i));
    p->n = TRN_MAX(p->n, at + bytes);
}

static inline void pe_bytes(struct pe_build *p, size_t at, const void *from, size_t n)
{
    cr_assert(at + n <= sizeof(p->b));
    memcpy(p->b + at, from, n);
    p->n = TRN_MAX(p->n, at + n);
}

static inline size_t pe_directories_at(const struct pe_build *p)
{
    return PE_OPTIONAL + (p->wide ? 112u : 96u);
}

static inline void pe_directory(struct pe_build *p, uint32_t which, uint32_t rva, uint32_t size)
{
    pe_put(p, pe_directories_at(p) + 8 * which, rva, 4);
    pe_put(p, pe_directories_at(p) + 8 * which + 4, size, 4);
}

/* An image without sections; add them with pe_section. */
static inline void pe_begin(struct pe_build *p, bool wide, uint16_t characteristics)
{
    memset(p, 0, sizeof(*p));
    p->wide = wide;
    pe_put(p, 0, 0x5a4d, 2);
    pe_put(p, 60, PE_AT, 4);
    pe_put(p, PE_AT, 0x4550, 4);
    pe_put(p, PE_AT + 4, wide ? 0x8664 : 0x14c, 2);
    pe_put(p, PE_AT + 8, 0x63700000, 4);
    pe_put(p, PE_AT + 20, wide ? 240 : 224, 2);
    pe_put(p, PE_AT + 22, characteristics, 2);
    pe_put(p, PE_OPTIONAL, wide ? 0x20b : 0x10b, 2);
    pe_put(p, PE_OPTIONAL + 16, PE_FIRST_RVA, 4);
    pe_put(p, PE_OPTIONAL + (wide ? 24 : 28), 0x10000000, wide ? 8 : 4);
    pe_put(p, PE_OPTIONAL + 32, 0x1000, 4);
    pe_put(p, PE_OPTIONAL + 36, 0x200, 4);
    pe_put(p, PE_OPTIONAL + 60, PE_FIRST_RAW, 4);
    pe_put(p, PE_OPTIONAL + 68, 3, 2);
    pe_put(p, PE_OPTIONAL + (wide ? 108 : 92), 16, 4);
    pe_directory(p, 15, 0, 0);
    p->n = PE_FIRST_RAW;
}

/* Takes raw bytes at raw_at into memory at rva. */
static inline void pe_section(struct pe_build *p, const char *name, uint32_t rva, uint32_t raw_at, uint32_t size,
                              uint32_t flags)
{
    size_t at = PE_OPTIONAL + (p->wide ? 240u : 224u) + 40 * p->sections++;
    pe_bytes(p, at, name, strnlen(name, 8));
    pe_put(p, at + 8, size, 4);
    pe_put(p, at + 12, rva, 4);
    pe_put(p, at + 16, size, 4);
    pe_put(p, at + 20, raw_at, 4);
    pe_put(p, at + 36, flags, 4);
    pe_put(p, PE_AT + 6, p->sections, 2);
    pe_put(p, PE_OPTIONAL + 56, rva + (size + 0xfffu) / 0x1000u * 0x1000u, 4);
    p->n = TRN_MAX(p->n, raw_at + size);
}

static inline struct trn_source pe_source(const struct pe_build *p)
{
    return trn_source_mem((struct trn_str){(const char *)p->b, p->n});
}

#endif
