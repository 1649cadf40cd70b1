/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a PE image exports, with forwards. Must not own: judgement.
 * Hand-offs: names are views of the source or copies in the caller's arena.
 */
#include "formats/pe_tables.h"

#define TABLE 40u
#define NAME_MAX_PE 4096u

struct table {
    uint32_t base, n_functions, n_names;
    struct trn_cursor functions, names, ordinals;
};

/* n entries of a list, or as many as the file has. */
static int open_list(const struct trn_pe *pe, uint32_t rva, size_t bytes, struct trn_arena *a, struct trn_cursor *ret,
                     bool *cut)
{
    *ret = trn_cur("", 0);
    int e = bytes ? trn_pe_cursor(pe, rva, bytes, a, ret) : 0;
    *cut |= ret->n < bytes;
    return e == -EBADMSG ? 0 : e;
}

static int open_table(const struct trn_pe *pe, struct trn_arena *a, struct table *t, struct trn_pe_exports *out)
{
    struct trn_cursor c;
    int e = trn_pe_cursor(pe, pe->directories[TRN_PE_EXPORTS].rva, TABLE, a, &c);
    if (e < 0)
        return e;
    trn_cur_skip(&c, 12);
    uint32_t name = trn_cur_u32le(&c);
    t->base = trn_cur_u32le(&c);
    uint32_t functions = trn_cur_u32le(&c), names = trn_cur_u32le(&c);
    uint32_t functions_at = trn_cur_u32le(&c), names_at = trn_cur_u32le(&c), ordinals_at = trn_cur_u32le(&c);
    if (c.bad)
        return -EBADMSG;
    out->cut = functions > TRN_PE_EXPORTS_MAX || names > TRN_PE_EXPORTS_MAX;
    functions = TRN_MIN(functions, TRN_PE_EXPORTS_MAX);
    names = TRN_MIN(names, TRN_PE_EXPORTS_MAX);
    e = trn_pe_text(pe, name, NAME_MAX_PE, a, &out->module);
    if (e < 0 && e != -EBADMSG)
        return e;
    e = open_list(pe, functions_at, (size_t)functions * 4, a, &t->functions, &out->cut);
    if (e == 0)
        e = open_list(pe, names_at, (size_t)names * 4, a, &t->names, &out->cut);
    if (e == 0)
        e = open_list(pe, ordinals_at, (size_t)names * 2, a, &t->ordinals, &out->cut);
    t->n_functions = (uint32_t)(t->functions.n / 4);
    t->n_names = (uint32_t)TRN_MIN(t->names.n / 4, t->ordinals.n / 2);
    return e;
}

static int read_functions(const struct trn_pe *pe, struct trn_arena *a, struct table *t, struct trn_pe_export *list,
                          bool *cut)
{
    const struct trn_pe_range *d = &pe->directories[TRN_PE_EXPORTS];
    for (uint32_t i = 0; i < t->n_functions; i++) {
        uint32_t rva = trn_cur_u32le(&t->functions);
        list[i].ordinal = t->base + i;
        list[i].rva = rva;
        if (rva < d->rva || rva - d->rva >= d->size)
            continue;
        list[i].rva = 0; /* inside of the table itself stands the name of who does it */
        int e = trn_pe_text(pe, rva, NAME_MAX_PE, a, &list[i].forward);
        if (e == -EBADMSG)
            *cut = true;
        else if (e < 0)
            return e;
    }
    return 0;
}

static int read_names(const struct trn_pe *pe, struct trn_arena *a, struct table *t, struct trn_pe_export *list,
                      bool *cut)
{
    for (uint32_t i = 0; i < t->n_names; i++) {
        uint32_t rva = trn_cur_u32le(&t->names), index = trn_cur_u16le(&t->ordinals);
        if (index >= t->n_functions) {
            *cut = true;
            continue;
        }
        struct trn_str name;
        int e = trn_pe_text(pe, rva, NAME_MAX_PE, a, &name);
        if (e == 0 && trn_str_is_none(list[index].name))
            list[index].name = name; /* of two names for one function the first */
        *cut |= e == -EBADMSG;
        if (e < 0 && e != -EBADMSG)
            return e;
    }
    return 0;
}

int trn_pe_exports(const struct trn_pe *pe, struct trn_arena *a, struct trn_pe_exports *ret)
{
    struct trn_pe_exports out = {0};
    struct table t = {0};
    *ret = out;
    if (!pe->directories[TRN_PE_EXPORTS].rva)
        return 0;
    int e = open_table(pe, a, &t, &out);
    if (e == -EBADMSG) {
        ret->cut = true;
        return 0;
    }
    struct trn_pe_export *all = e == 0 ? trn_arena_array(a, t.n_functions, sizeof(*all)) : NULL;
    if (!all)
        return e < 0 ? e : -ENOMEM;
    e = read_functions(pe, a, &t, all, &out.cut);
    if (e == 0)
        e = read_names(pe, a, &t, all, &out.cut);
    if (e < 0)
        return e;
    for (uint32_t i = 0; i < t.n_functions; i++) /* numbers that nothing stands behind are holes, no exports */
        if (all[i].rva || !trn_str_is_none(all[i].forward) || !trn_str_is_none(all[i].name))
            all[out.n++] = all[i];
    out.list = all;
    *ret = out;
    return 0;
}
