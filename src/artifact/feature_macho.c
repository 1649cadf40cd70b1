/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: features of thin Mach-O files, out of what the look has read of them. A slice of a universal file is an artifact of
 * its own, so it has its own. Entitlements are told where they are read (check_macho_entitlements.c).
 * Must not own: reading of load commands and symbols (formats), judgement.
 * Hand-offs: texts are views of the file, or live in the look's arena.
 */
#include "artifact/check_macho.h"
#include "artifact/feature_code.h"

#define SYMBOLS_MAX 200000u
#define READ 1u
#define WRITE 2u
#define EXECUTE 4u
#define KIND_ZEROFILL 1u
#define KIND_GB_ZEROFILL 12u
#define KIND_THREAD_ZEROFILL 18u
#define INSTRUCTIONS 0x80000400u

struct symbols {
    struct trn_look *l;
    const struct trn_macho *m;
    uint32_t imports, exports, told;
    bool dlopen, asks, opens, reads, executes;
    bool count_only;
};

static struct trn_str plain(struct trn_str name) /* C names have "_" before them */
{
    return name.n > 1 && name.p[0] == '_' ? trn_str_slice(name, 1, name.n) : name;
}

static void note_import(struct symbols *x, struct trn_str name)
{
    x->dlopen |= TRN_ONE_OF(name, "dlopen", "NSLinkModule", "CFBundleLoadExecutable");
    x->asks |= TRN_ONE_OF(name, "dlsym", "NSLookupSymbolInImage");
    x->opens |= TRN_ONE_OF(name, "open", "openat", "fopen", "OBJC_CLASS_$_NSData", "OBJC_CLASS_$_NSFileHandle");
    x->reads |= TRN_ONE_OF(name, "read", "pread", "fread", "mmap", "OBJC_CLASS_$_NSData");
    x->executes |= TRN_ONE_OF(name, "mprotect", "mmap", "vm_protect", "mach_vm_protect");
}

static int symbol(void *ctx, const struct trn_macho_symbol *s)
{
    struct symbols *x = ctx;
    struct trn_str name = plain(s->name);
    if (x->count_only) {
        x->imports += s->imported;
        x->exports += !s->imported;
        if (s->imported)
            note_import(x, name);
        return 0;
    }
    bool left_out = x->imports > TRN_FEATURE_IMPORTS_MAX && trn_feature_left_out(name);
    if (s->imported && !left_out && x->told++ < TRN_FEATURE_IMPORTS_MAX) {
        uint32_t i = s->library ? s->library - 1u : UINT32_MAX;
        struct trn_str library = i < x->m->n_dylibs ? x->m->dylibs[i].name : TRN_STR("");
        return trn_look_feature(x->l,
                                &(struct trn_feature){TRN_FEATURE_IMPORT,
                                                      trn_str_is_none(library) ? TRN_STR("") : trn_path_base(library),
                                                      name, s->weak, TRN_FEATURE_NOWHERE});
    }
    if (!s->imported && x->exports <= TRN_FEATURE_EXPORTS_MAX)
        return trn_look_fact(x->l, TRN_FEATURE_EXPORT, "", name, 0, TRN_FEATURE_NOWHERE);
    return 0;
}

static int tell_symbols(struct trn_look *l, const struct trn_macho *m, struct symbols *x)
{
    *x = (struct symbols){.l = l, .m = m, .count_only = true};
    int e = trn_macho_symbols(l->bytes, m, SYMBOLS_MAX, symbol, x);
    if (e < 0) /* what is damaged was said when it was looked at */
        return e == -EBADMSG ? 0 : e;
    e = trn_feature_count(l, "code.imports", x->imports);
    if (e == 0)
        e = trn_feature_count(l, "code.exports", x->exports);
    if (e == 0 && x->dlopen)
        e = trn_look_fact(l, TRN_FEATURE_ABILITY, "", TRN_STR("dlopen"), 1, TRN_FEATURE_NOWHERE);
    x->count_only = false;
    if (e == 0)
        e = trn_macho_symbols(l->bytes, m, SYMBOLS_MAX, symbol, x);
    return e < 0 ? e : trn_feature_imports_end(l, x->told);
}

static int tell_loading(struct trn_look *l, const struct trn_macho *m)
{
    int e = 0;
    for (uint32_t i = 0; e == 0 && i < m->n_dylibs; i++) {
        const struct trn_macho_dylib *d = &m->dylibs[i];
        const char *how = d->weak ? "weak" : d->reexported ? "reexport" : d->lazy ? "delay" : "";
        if (!trn_str_is_empty(d->name))
            e = trn_look_fact(l, TRN_FEATURE_LIBRARY, how, d->name, d->version, TRN_FEATURE_NOWHERE);
    }
    for (uint32_t i = 0; e == 0 && i < m->n_rpaths; i++)
        e = trn_look_fact(l, TRN_FEATURE_RPATH, "", m->rpaths[i], 0, TRN_FEATURE_NOWHERE);
    if (e == 0 && m->init_entries)
        e = trn_look_fact(l, TRN_FEATURE_EARLY, "mod_init", TRN_STR(""), m->init_entries, TRN_FEATURE_NOWHERE);
    return e;
}

static struct trn_str access_of(struct trn_look *l, uint32_t prot)
{
    return trn_feature_access(l, prot & READ, prot & WRITE, prot & EXECUTE);
}

static int tell_parts(struct trn_look *l, const struct trn_macho *m)
{
    int e = 0;
    for (uint32_t i = 0; e == 0 && i < m->n_segments; i++) {
        const struct trn_macho_segment *s = &m->segments[i];
        e = trn_look_feature(l, &(struct trn_feature){TRN_FEATURE_SEGMENT, s->name, access_of(l, s->prot), s->size,
                                                      s->at});
    }
    for (uint32_t i = 0; e == 0 && i < TRN_MIN(m->n_sections, 512u); i++) {
        const struct trn_macho_section *s = &m->sections[i];
        bool code = s->flags & INSTRUCTIONS;
        struct trn_str name = trn_arena_printf(l->arena, "%.*s,%.*s", TRN_STR_ARG(s->segment), TRN_STR_ARG(s->name));
        e = trn_look_feature(l, &(struct trn_feature){TRN_FEATURE_SECTION, name,
                                                      trn_feature_access(l, true, false, code), s->size, s->at});
    }
    return e;
}

static int tell_toolchain(struct trn_look *l, const struct trn_macho *m)
{
    int e = m->has_uuid ? trn_feature_hex(l, "build_id", m->uuid, sizeof(m->uuid)) : 0;
    if (e == 0 && m->sdk)
        e = trn_look_fact(l, TRN_FEATURE_TOOLCHAIN, "sdk", trn_macho_version(l->arena, m->sdk), 0, TRN_FEATURE_NOWHERE);
    if (e == 0 && m->min_os)
        e = trn_look_fact(l, TRN_FEATURE_TOOLCHAIN, "min_os", trn_macho_version(l->arena, m->min_os), 0,
                          TRN_FEATURE_NOWHERE);
    return e;
}

static int regions_of(struct trn_look *l, const struct trn_macho *m, struct trn_code_region **ret, size_t *ret_n)
{
    struct trn_code_region *r = trn_arena_array(l->arena, m->n_sections + 1u, sizeof(*r));
    bool x86 = (m->cpu & 0xffffff) == 7;
    size_t n = 0;
    if (!r)
        return -ENOMEM;
    for (uint32_t i = 0; i < m->n_sections; i++) {
        const struct trn_macho_section *s = &m->sections[i];
        uint32_t kind = s->flags & 0xff;
        if (s->size && kind != KIND_ZEROFILL && kind != KIND_GB_ZEROFILL && kind != KIND_THREAD_ZEROFILL)
            r[n++] = (struct trn_code_region){
                .name = s->name, .at = s->at, .size = s->size, .code = s->flags & INSTRUCTIONS, .x86 = x86};
    }
    *ret = r;
    *ret_n = n;
    return 0;
}

static int tell_siblings(struct trn_look *l, const struct trn_macho *m, const struct symbols *x,
                         const struct trn_code_region *r, size_t n)
{
    if (!x->opens || !x->reads)
        return 0;
    struct trn_str *skip = trn_arena_array(l->arena, m->n_dylibs + 1u, sizeof(*skip));
    if (!skip)
        return -ENOMEM;
    for (uint32_t i = 0; i < m->n_dylibs; i++)
        skip[i] = m->dylibs[i].name;
    skip[m->n_dylibs] = m->id;
    struct trn_sibling_names how = {skip, m->n_dylibs + (m->id.n ? 1u : 0u), x->executes && !x->dlopen};
    return trn_feature_siblings(l, r, n, &how);
}

int trn_feature_macho(struct trn_look *l, const struct trn_macho *m)
{
    struct trn_code_region *r = NULL;
    struct symbols x = {0};
    size_t n = 0;
    if (!trn_look_wants_features(l))
        return 0;
    int e = tell_parts(l, m);
    if (e == 0)
        e = tell_loading(l, m);
    if (e == 0)
        e = tell_toolchain(l, m);
    if (e == 0)
        e = regions_of(l, m, &r, &n);
    if (e == 0)
        e = trn_feature_regions(l, r, n);
    if (e == 0)
        e = tell_symbols(l, m, &x);
    if (e == 0 && x.asks)
        e = trn_feature_asked(l, r, n, NULL, NULL);
    return e < 0 ? e : tell_siblings(l, m, &x, r, n);
}
