/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: features of ELF files, out of what the look has read of them.
 * Must not own: reading of tables (formats), judgement.
 * Hand-offs: texts are views of the file's tables, or live in the look's arena.
 */
#include "artifact/check_elf.h"
#include "artifact/feature_code.h"

#define SHT_PROGBITS 1u
#define SHF_WRITE 1u
#define SHF_ALLOC 2u
#define SHF_EXECINSTR 4u
#define SHF_COMPRESSED 0x800u
#define HIDDEN 2u /* visibilities 1 and 2: nobody else sees it */

struct symbols {
    struct trn_look *l;
    uint32_t imports, exports, told;
    bool dlopen, asks, opens, reads, executes;
    bool count_only;
};

static bool is_export(const struct trn_elf_symbol *s)
{
    return s->defined && s->bind && s->visibility != 1 && s->visibility != HIDDEN;
}

static void note_import(struct symbols *x, struct trn_str name)
{
    x->dlopen |= TRN_ONE_OF(name, "dlopen", "dlmopen", "__libc_dlopen_mode");
    x->asks |= TRN_ONE_OF(name, "dlsym", "dlvsym");
    x->opens |= TRN_ONE_OF(name, "open", "open64", "openat", "openat64", "fopen", "fopen64");
    x->reads |= TRN_ONE_OF(name, "read", "pread", "pread64", "fread", "mmap", "mmap64");
    x->executes |= TRN_ONE_OF(name, "mprotect", "mmap", "mmap64", "memfd_create");
}

/* Of many, those that a system offers: what the rest is called says nothing of what it can do. */
static bool tells_import(struct symbols *x, struct trn_str name)
{
    if (x->imports > TRN_FEATURE_IMPORTS_MAX && trn_feature_left_out(name))
        return false;
    return x->told++ < TRN_FEATURE_IMPORTS_MAX;
}

/* Counted first, then told: of a library that offers too much nothing is told, so that no part of it looks like a change. */
static int symbol(void *ctx, const struct trn_elf_symbol *s)
{
    struct symbols *x = ctx;
    if (x->count_only) {
        x->imports += !s->defined;
        x->exports += is_export(s);
        if (!s->defined)
            note_import(x, s->name);
        return 0;
    }
    int e = 0;
    if (!s->defined && tells_import(x, s->name))
        e = trn_look_fact(x->l, TRN_FEATURE_IMPORT, "", s->name, 0, TRN_FEATURE_NOWHERE);
    else if (is_export(s) && x->exports <= TRN_FEATURE_EXPORTS_MAX)
        e = trn_look_fact(x->l, TRN_FEATURE_EXPORT, "", s->name, s->size, TRN_FEATURE_NOWHERE);
    if (e == 0 && s->defined && s->type == TRN_ELF_STT_IFUNC)
        e = trn_look_fact(x->l, TRN_FEATURE_IFUNC, "", s->name, 1, TRN_FEATURE_NOWHERE);
    return e;
}

static int tell_symbols(struct trn_look *l, const struct trn_elf_facts *f, struct symbols *x)
{
    *x = (struct symbols){.l = l, .count_only = true};
    int e = trn_elf_symbols(&f->image, &f->dynamic, l->arena, symbol, x);
    if (e == 0)
        e = trn_feature_count(l, "code.imports", x->imports);
    if (e == 0)
        e = trn_feature_count(l, "code.exports", x->exports);
    if (e == 0 && x->dlopen)
        e = trn_look_fact(l, TRN_FEATURE_ABILITY, "", TRN_STR("dlopen"), 1, TRN_FEATURE_NOWHERE);
    x->count_only = false;
    if (e == 0)
        e = trn_elf_symbols(&f->image, &f->dynamic, l->arena, symbol, x);
    return e < 0 ? e : trn_feature_imports_end(l, x->told);
}

static int tell_paths(struct trn_look *l, const struct trn_elf_dynamic *d, struct trn_str path, const char *key)
{
    struct trn_str rest = path, one;
    int e = 0;
    while (e == 0 && path.n && trn_str_split(&rest, ':', &one))
        e = trn_look_fact(l, TRN_FEATURE_RPATH, key, one, 0,
                          one.n ? d->strings_at + (uint64_t)(one.p - d->strings.p) : TRN_FEATURE_NOWHERE);
    return e;
}

static int tell_dynamic(struct trn_look *l, const struct trn_elf_facts *f)
{
    const struct trn_elf_dynamic *d = &f->dynamic;
    uint64_t word = f->image.wide ? 8 : 4;
    int e = 0;
    for (uint32_t i = 0; e == 0 && i < d->n_needed; i++)
        e = trn_look_fact(l, TRN_FEATURE_LIBRARY, "", d->needed[i], 0,
                          d->strings_at + (uint64_t)(d->needed[i].p - d->strings.p));
    if (e == 0 && d->audit.n)
        e = trn_look_fact(l, TRN_FEATURE_LIBRARY, "audit", d->audit, 0, TRN_FEATURE_NOWHERE);
    if (e == 0 && d->depaudit.n)
        e = trn_look_fact(l, TRN_FEATURE_LIBRARY, "audit", d->depaudit, 0, TRN_FEATURE_NOWHERE);
    if (e == 0)
        e = tell_paths(l, d, d->rpath, "");
    if (e == 0)
        e = tell_paths(l, d, d->runpath, "");
    if (e == 0 && d->init_array_size)
        e = trn_look_fact(l, TRN_FEATURE_EARLY, "init_array", TRN_STR(""), d->init_array_size / word,
                          TRN_FEATURE_NOWHERE);
    if (e == 0 && d->preinit_array_size)
        e = trn_look_fact(l, TRN_FEATURE_EARLY, "preinit_array", TRN_STR(""), d->preinit_array_size / word,
                          TRN_FEATURE_NOWHERE);
    if (e == 0 && d->irelative)
        e = trn_look_fact(l, TRN_FEATURE_IFUNC, "", TRN_STR(""), d->irelative, TRN_FEATURE_NOWHERE);
    return e;
}

static int tell_parts(struct trn_look *l, const struct trn_elf_image *m)
{
    int e = 0;
    for (uint32_t i = 0; e == 0 && i < m->n_segments; i++) {
        const struct trn_elf_segment *s = &m->segments[i];
        bool stack = s->type == TRN_ELF_PT_GNU_STACK;
        if (stack || s->type == TRN_ELF_PT_LOAD)
            e = trn_look_fact(l, TRN_FEATURE_SEGMENT, stack ? "stack" : "load",
                              trn_feature_access(l, s->flags & TRN_ELF_READ, s->flags & TRN_ELF_WRITE,
                                                 s->flags & TRN_ELF_EXECUTE),
                              s->file_size, s->offset);
    }
    for (uint32_t i = 0; e == 0 && i < TRN_MIN(m->n_sections, 512u); i++) {
        const struct trn_elf_section *s = &m->sections[i];
        if (s->flags & SHF_ALLOC && !trn_str_is_empty(s->name))
            e = trn_look_feature(l, &(struct trn_feature){TRN_FEATURE_SECTION, s->name,
                                                          trn_feature_access(l, true, s->flags & SHF_WRITE,
                                                                             s->flags & SHF_EXECINSTR),
                                                          s->size, s->offset});
    }
    return e;
}

static int tell_toolchain(struct trn_look *l, const struct trn_elf_facts *f)
{
    const struct trn_elf_notes *n = &f->notes;
    struct trn_str by = trn_str_of(trn_elf_compiler(n));
    int e = trn_feature_hex(l, "build_id", n->build_id.p, n->build_id.n);
    if (e == 0 && by.n)
        e = trn_look_fact(l, TRN_FEATURE_TOOLCHAIN, "compiler", by, 0, TRN_FEATURE_NOWHERE);
    if (e == 0 && n->go_build_id.n)
        e = trn_look_fact(l, TRN_FEATURE_TOOLCHAIN, "go", n->go_build_id, 0, TRN_FEATURE_NOWHERE);
    for (uint32_t i = 0; e == 0 && i < n->n_comments; i++)
        e = trn_look_fact(l, TRN_FEATURE_TOOLCHAIN, "comment", n->comments[i], 0, TRN_FEATURE_NOWHERE);
    return e;
}

static int regions_of(struct trn_look *l, const struct trn_elf_image *m, struct trn_code_region **ret, size_t *ret_n)
{
    struct trn_code_region *r = trn_arena_array(l->arena, (size_t)m->n_sections + m->n_segments + 1, sizeof(*r));
    bool x86 = m->machine == 62 || m->machine == 3;
    size_t n = 0;
    if (!r)
        return -ENOMEM;
    for (uint32_t i = 0; i < m->n_sections; i++) {
        const struct trn_elf_section *s = &m->sections[i];
        bool debug = !(s->flags & SHF_ALLOC) && trn_str_starts(s->name, TRN_STR(".debug"));
        if (s->type == SHT_PROGBITS && s->size && !debug)
            r[n++] = (struct trn_code_region){trn_str_is_none(s->name) ? TRN_STR("") : s->name,
                                              s->offset,
                                              s->size,
                                              s->flags & SHF_EXECINSTR,
                                              x86,
                                              s->flags & SHF_COMPRESSED};
    }
    for (uint32_t i = 0; i < m->n_segments && m->n_sections == 0; i++)
        if (m->segments[i].type == TRN_ELF_PT_LOAD)
            r[n++] = (struct trn_code_region){.name = TRN_STR(""),
                                              .at = m->segments[i].offset,
                                              .size = m->segments[i].file_size,
                                              .code = m->segments[i].flags & TRN_ELF_EXECUTE,
                                              .x86 = x86};
    *ret = r;
    *ret_n = n;
    return 0;
}

static int tell_siblings(struct trn_look *l, const struct trn_elf_dynamic *d, const struct symbols *x,
                         const struct trn_code_region *r, size_t n)
{
    if (!x->opens || !x->reads)
        return 0;
    struct trn_str *skip = trn_arena_array(l->arena, d->n_needed + 1u, sizeof(*skip));
    if (!skip)
        return -ENOMEM;
    for (uint32_t i = 0; i < d->n_needed; i++)
        skip[i] = d->needed[i];
    skip[d->n_needed] = d->soname;
    /* who loads libraries by name names them for that */
    struct trn_sibling_names how = {skip, d->n_needed + (d->soname.n ? 1u : 0u), x->executes && !x->dlopen};
    return trn_feature_siblings(l, r, n, &how);
}

int trn_feature_elf(struct trn_look *l, const struct trn_elf_facts *f)
{
    struct trn_code_region *r = NULL;
    struct symbols x = {0};
    size_t n = 0;
    if (!trn_look_wants_features(l) || f->image.type == TRN_ELF_CORE)
        return 0;
    int e = tell_parts(l, &f->image);
    if (e == 0)
        e = tell_dynamic(l, f);
    if (e == 0)
        e = tell_toolchain(l, f);
    if (e == 0)
        e = regions_of(l, &f->image, &r, &n);
    if (e == 0)
        e = trn_feature_regions(l, r, n);
    if (e == 0)
        e = tell_symbols(l, f, &x);
    if (e == 0 && x.asks)
        e = trn_feature_asked(l, r, n, NULL, NULL);
    return e < 0 ? e : tell_siblings(l, &f->dynamic, &x, r, n);
}
