/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: bytes inside of an ELF file that no segment and no section holds. Linkers leave padding there, which does not look
 * random; so do the tables of segments and sections.
 * Must not own: what stands behind the end (check_elf.c).
 */
#include "artifact/check_elf.h"

#define GAP_MIN 4096u
#define RANDOM_LOOKING 7200u
#define FOR_PROGRAMS 10u
#define SHT_NOBITS 8u

struct range {
    uint64_t from, to;
};

static int by_place(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    return x->from < y->from ? -1 : x->from > y->from;
}

static void hold(struct range *r, uint32_t *n, uint64_t at, uint64_t size)
{
    uint64_t end;
    if (size)
        r[(*n)++] = (struct range){at, trn_add_ok(at, size, &end) ? end : UINT64_MAX};
}

static int tell(struct trn_look *l, const struct trn_elf_facts *f, uint64_t at, uint64_t size)
{
    struct trn_finding out;
    const char *kind = f->is_library ? "library" : "program";
    if (size <= GAP_MIN || trn_look_entropy(l, at, size) <= RANDOM_LOOKING)
        return 0;
    trn_finding_init(&out, trn_check_find(TRN_STR("elf.overlay")));
    if (!f->is_library)
        out.score = FOR_PROGRAMS;
    trn_look_say(l, &out, "%llu bytes that look random lie between the parts of the %s at 0x%llx, in none of them",
                 (unsigned long long)size, kind, (unsigned long long)at);
    trn_finding_add(&out, "where", TRN_STR("between the parts"));
    trn_look_evidence(l, &out, at, size);
    return trn_look_found(l, &out);
}

int trn_elf_check_gaps(struct trn_look *l, const struct trn_elf_facts *f)
{
    const struct trn_elf_image *m = &f->image;
    struct range *r = trn_arena_array(l->arena, (size_t)m->n_segments + m->n_sections + 1, sizeof(*r));
    uint64_t at = 0;
    uint32_t n = 0;
    if (!r)
        return -ENOMEM;
    if (m->n_segments + m->n_sections == 0)
        return 0;
    for (uint32_t i = 0; i < m->n_segments; i++)
        hold(r, &n, m->segments[i].offset, m->segments[i].file_size);
    for (uint32_t i = 0; i < m->n_sections; i++)
        if (m->sections[i].type && m->sections[i].type != SHT_NOBITS)
            hold(r, &n, m->sections[i].offset, m->sections[i].size);
    qsort(r, n, sizeof(*r), by_place);
    for (uint32_t i = 0; i <= n && at < m->end; i++) {
        uint64_t from = i < n ? TRN_MIN(r[i].from, m->end) : m->end;
        int e = from > at ? tell(l, f, at, from - at) : 0;
        if (e < 0)
            return e;
        at = i < n ? TRN_MAX(at, r[i].to) : at;
    }
    return 0;
}
