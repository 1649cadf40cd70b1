/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the "Rich" header that Microsoft's linker leaves between the DOS stub and the PE header: which tools made how many
 * objects. Must not own: judgement.
 * Hand-offs: nothing is kept.
 *
 * Everything from "DanS" to "Rich" is XORed with the key that follows; the key is also a checksum over the DOS stub (without
 * the place of the PE header) and the entries.
 */
#include "formats/pe_tables.h"

#include <stdio.h>

#define STUB_MAX 4096u
#define DANS 0x536e6144u
#define RICH 0x68636952u

static uint32_t rol(uint32_t v, uint32_t by)
{
    by %= 32;
    return by ? v << by | v >> (32 - by) : v;
}

static uint32_t word_at(const struct trn_cursor *stub, size_t at)
{
    struct trn_cursor c = trn_cur_sub(stub, at, 4);
    return trn_cur_u32le(&c);
}

static uint32_t checksum(const struct trn_cursor *stub, size_t at, const struct trn_pe_rich *r)
{
    uint32_t sum = (uint32_t)at;
    for (size_t i = 0; i < at; i++)
        if (i < 0x3c || i >= 0x40)
            sum += rol(stub->p[i], (uint32_t)i);
    for (uint32_t i = 0; i < r->n; i++)
        sum += rol((uint32_t)r->entries[i].product << 16 | r->entries[i].build, r->entries[i].count);
    return sum;
}

static void decode(const struct trn_cursor *stub, size_t from, size_t to, struct trn_pe_rich *r)
{
    r->at = from;
    r->size = to + 8 - from;
    for (size_t at = from + 16; at + 8 <= to && r->n < TRN_PE_RICH_MAX; at += 8) {
        uint32_t id = word_at(stub, at) ^ r->key;
        r->entries[r->n++] = (struct trn_pe_rich_entry){.product = (uint16_t)(id >> 16),
                                                        .build = (uint16_t)id,
                                                        .count = word_at(stub, at + 4) ^ r->key};
    }
    r->checksum_ok = checksum(stub, from, r) == r->key;
}

int trn_pe_rich(const struct trn_pe *pe, struct trn_arena *a, struct trn_pe_rich *ret)
{
    struct trn_cursor stub;
    *ret = (struct trn_pe_rich){0};
    int e = trn_source_cursor(&pe->bytes, 0, TRN_MIN(pe->pe_at, STUB_MAX), a, &stub);
    if (e < 0)
        return e;
    for (size_t end = 0x44; end + 8 <= stub.n; end += 4) {
        if (word_at(&stub, end) != RICH)
            continue;
        ret->key = word_at(&stub, end + 4);
        for (size_t at = end; at >= 0x44; at -= 4)
            if ((word_at(&stub, at - 4) ^ ret->key) == DANS) {
                decode(&stub, at - 4, end, ret);
                return 0;
            }
    }
    ret->key = 0;
    return 0;
}

struct trn_str trn_pe_rich_toolchain(const struct trn_pe_rich *r, struct trn_arena *a)
{
    static const struct {
        uint16_t product, build; /* from these on */
        const char *name;
    } tools[] = {
        {0x100, 30401, "visual studio 2022"}, {0x100, 27500, "visual studio 2019"},
        {0x100, 25000, "visual studio 2017"}, {0xfd, 0, "visual studio 2015"},
        {0xd9, 0, "visual studio 2013"},      {0xc7, 0, "visual studio 2012"},
        {0x9a, 0, "visual studio 2010"},      {0x83, 0, "visual studio 2008"},
        {0x6d, 0, "visual studio 2005"},      {0x5a, 0, "visual studio 2003"},
        {0x19, 0, "visual studio 2002"},      {0x02, 0, "visual studio 6"},
    };
    const struct trn_pe_rich_entry *newest = NULL;
    for (uint32_t i = 0; i < r->n; i++) {
        const struct trn_pe_rich_entry *t = &r->entries[i];
        bool both = newest && t->product >= 0x100 && newest->product >= 0x100; /* ids stand still since 2015 */
        if (!newest || (both ? t->build > newest->build : t->product > newest->product))
            newest = t;
    }
    for (size_t i = 0; newest && i < TRN_ARRAY_SIZE(tools); i++)
        if (newest->product >= tools[i].product && newest->build >= tools[i].build)
            return trn_arena_printf(a, "%s, build %u", tools[i].name, newest->build);
    return TRN_STR_NONE;
}
