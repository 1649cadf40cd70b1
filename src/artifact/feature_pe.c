/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: features of Windows images, out of what the look has read of them.
 * Must not own: reading of tables (formats), judgement. Names of siblings are told by check_pe_reads.c.
 * Hand-offs: texts live in the look's arena.
 */
#include "artifact/check_pe.h"
#include "artifact/feature_code.h"

#define CODE (TRN_PE_SECTION_EXEC | TRN_PE_SECTION_CODE)

static struct trn_str access_of(struct trn_look *l, const struct trn_pe_section *s)
{
    return trn_feature_access(l, s->flags & TRN_PE_SECTION_READ, s->flags & TRN_PE_SECTION_WRITE,
                              s->flags & TRN_PE_SECTION_EXEC);
}

static int tell_imports(struct trn_look *l, const struct trn_pe_imports *all)
{
    bool many = all->n_imports > TRN_FEATURE_IMPORTS_MAX;
    uint32_t told = 0;
    int e = trn_feature_count(l, "code.imports", all->n_imports);
    for (uint32_t i = 0; e == 0 && i < all->n_libraries; i++) {
        const struct trn_pe_library *lib = &all->libraries[i];
        struct trn_str name = trn_feature_lower(l, lib->name);
        e = trn_look_fact(l, TRN_FEATURE_LIBRARY, lib->delayed ? "delay" : "", name, 0, TRN_FEATURE_NOWHERE);
        for (uint32_t k = 0; e == 0 && k < lib->n_imports; k++) {
            const struct trn_pe_import *im = &lib->imports[k];
            struct trn_str symbol =
                trn_str_is_none(im->name) ? trn_arena_printf(l->arena, "#%u", im->ordinal) : im->name;
            if (!(many && trn_feature_left_out(symbol)) && told++ < TRN_FEATURE_IMPORTS_MAX)
                e = trn_look_feature(l,
                                     &(struct trn_feature){TRN_FEATURE_IMPORT, name, symbol, 0, TRN_FEATURE_NOWHERE});
        }
    }
    return e < 0 ? e : trn_feature_imports_end(l, told);
}

static int tell_exports(struct trn_look *l, const struct trn_pe *pe)
{
    struct trn_pe_exports x;
    int e = trn_pe_exports(pe, l->arena, &x);
    if (e == 0)
        e = trn_feature_count(l, "code.exports", x.n);
    for (uint32_t i = 0; e == 0 && i < x.n && x.n <= TRN_FEATURE_EXPORTS_MAX; i++) {
        const struct trn_pe_export *one = &x.list[i];
        struct trn_str symbol =
            trn_str_is_none(one->name) ? trn_arena_printf(l->arena, "#%u", one->ordinal) : one->name;
        e = trn_look_fact(l, TRN_FEATURE_EXPORT, "", symbol, 0, TRN_FEATURE_NOWHERE);
    }
    return e;
}

static int tell_sections(struct trn_look *l, const struct trn_pe *pe)
{
    int e = 0;
    for (uint32_t i = 0; e == 0 && i < pe->n_sections; i++) {
        const struct trn_pe_section *s = &pe->sections[i];
        e = trn_look_feature(l, &(struct trn_feature){TRN_FEATURE_SECTION, s->name, access_of(l, s), s->raw_size,
                                                      s->raw_at});
    }
    return e;
}

static int tell_early(struct trn_look *l, const struct trn_pe *pe)
{
    struct trn_pe_tls tls;
    uint64_t at, left;
    int e = trn_pe_tls(pe, l->arena, &tls);
    const struct trn_pe_section *s = pe->entry ? trn_pe_section_of(pe, pe->entry) : NULL;
    if (e == 0 && tls.n_callbacks) {
        if (!trn_pe_offset(pe, tls.callbacks[0], &at, &left))
            at = TRN_FEATURE_NOWHERE;
        e = trn_look_fact(l, TRN_FEATURE_EARLY, "tls", TRN_STR(""), tls.n_callbacks, at);
    }
    if (e < 0 || !s)
        return e;
    if (!trn_pe_offset(pe, pe->entry, &at, &left))
        at = TRN_FEATURE_NOWHERE;
    return trn_look_fact(l, TRN_FEATURE_EARLY, "entry", s->name, at, at);
}

static int tell_toolchain(struct trn_look *l, const struct trn_pe_facts *f)
{
    const struct trn_pe *pe = &f->pe;
    int e =
        trn_look_fact(l, TRN_FEATURE_TOOLCHAIN, "linker",
                      trn_arena_printf(l->arena, "%u.%u", pe->linker_major, pe->linker_minor), 0, TRN_FEATURE_NOWHERE);
    if (e == 0 && f->rich.n)
        e = trn_look_fact(l, TRN_FEATURE_TOOLCHAIN, "rich", trn_pe_rich_toolchain(&f->rich, l->arena), f->rich.n,
                          f->rich.at);
    if (e == 0 && f->clr.present)
        e = trn_look_fact(l, TRN_FEATURE_TOOLCHAIN, "clr", f->clr.version, 0, TRN_FEATURE_NOWHERE);
    if (e == 0 && f->debug.has_guid)
        e = trn_feature_hex(l, "build_id", f->debug.guid, sizeof(f->debug.guid));
    if (e == 0 && pe->timestamp && !f->debug.reproducible)
        e = trn_look_fact(l, TRN_FEATURE_TIME, "link", TRN_STR(""), pe->timestamp, pe->pe_at + 8u);
    return e;
}

static bool is_imported(const void *ctx, const char *name)
{
    return trn_pe_imports_has(ctx, name);
}

static int tell_regions(struct trn_look *l, const struct trn_pe *pe, const struct trn_pe_imports *imports)
{
    struct trn_code_region *r = trn_arena_array(l->arena, pe->n_sections + 1u, sizeof(*r));
    bool x86 = pe->machine == 0x14c || pe->machine == 0x8664;
    size_t n = 0;
    if (!r)
        return -ENOMEM;
    for (uint32_t i = 0; i < pe->n_sections; i++) {
        const struct trn_pe_section *s = &pe->sections[i];
        if (s->raw_size)
            r[n++] = (struct trn_code_region){
                .name = s->name, .at = s->raw_at, .size = s->raw_size, .code = s->flags & CODE, .x86 = x86};
    }
    int e = trn_feature_regions(l, r, n);
    bool asks = trn_pe_imports_has(imports, "GetProcAddress") || trn_pe_imports_has(imports, "LdrGetProcedureAddress");
    return e < 0 || !asks ? e : trn_feature_asked(l, r, n, is_imported, imports);
}

int trn_feature_pe(struct trn_look *l, const struct trn_pe_facts *f)
{
    if (!trn_look_wants_features(l))
        return 0;
    int e = tell_sections(l, &f->pe);
    if (e == 0)
        e = tell_early(l, &f->pe);
    if (e == 0)
        e = tell_toolchain(l, f);
    if (e == 0)
        e = tell_regions(l, &f->pe, &f->imports);
    if (e == 0)
        e = tell_imports(l, &f->imports);
    return e < 0 ? e : tell_exports(l, &f->pe);
}
