/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what an inventory wants to know of a Windows image. Must not own: judgement.
 * Hand-offs: texts live in the look's arena.
 */
#include "artifact/check_pe.h"

#include <stdio.h>

#define DEPENDENCIES_MAX 64u
#define MANIFEST_MAX 65536u

static int say_version(struct trn_look *l, const struct trn_pe_version *v)
{
    static const struct {
        const char *key, *from;
    } texts[] = {
        {"product", "ProductName"},         {"product_version", "ProductVersion"},
        {"company", "CompanyName"},         {"original_name", "OriginalFilename"},
        {"description", "FileDescription"},
    };
    struct trn_str version = trn_str_trim(trn_pe_version_get(v, "FileVersion"));
    if (version.n == 0 && v->has_fixed)
        version = trn_arena_printf(l->arena, "%u.%u.%u.%u", v->file[0], v->file[1], v->file[2], v->file[3]);
    int e = trn_look_property(l, "version", version);
    for (size_t i = 0; e == 0 && i < TRN_ARRAY_SIZE(texts); i++)
        e = trn_look_property(l, texts[i].key, trn_str_trim(trn_pe_version_get(v, texts[i].from)));
    return e;
}

static struct trn_str toolchain(struct trn_look *l, const struct trn_pe_facts *f)
{
    if (f->clr.present)
        return trn_arena_printf(l->arena, ".net %.*s", TRN_STR_ARG(trn_str_slice(f->clr.version, 0, 32)));
    if (f->rich.n)
        return trn_pe_rich_toolchain(&f->rich, l->arena);
    if (f->pe.linker_major == 2 && f->pe.linker_minor >= 15 && f->pe.linker_minor != 25 && f->pe.linker_minor != 50)
        return trn_arena_printf(l->arena, "gnu ld 2.%u", f->pe.linker_minor);
    return trn_arena_printf(l->arena, "linker %u.%u", f->pe.linker_major, f->pe.linker_minor);
}

/* As symbol servers name it: the GUID, then the age. */
static struct trn_str build_id(struct trn_look *l, const struct trn_pe_debug *d)
{
    static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    uint8_t guid[16];
    char hex[33];
    if (!d->has_guid)
        return TRN_STR_NONE;
    for (size_t i = 0; i < 16; i++)
        guid[i] = d->guid[order[i]];
    trn_hex(guid, sizeof(guid), hex);
    return trn_arena_printf(l->arena, "%s%x", hex, d->age);
}

static int say_time(struct trn_look *l, const struct trn_pe_facts *f)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 64);
    if (f->debug.reproducible)
        return trn_look_property(l, "timestamp", TRN_STR("reproducible build"));
    if (!f->pe.timestamp)
        return 0;
    trn_put_time_iso(&b, f->pe.timestamp * TRN_NS_PER_SEC);
    struct trn_str text = trn_buf_str(&b);
    ptrdiff_t dot = trn_str_find(text, '.'); /* it has no fraction */
    return trn_look_property(l, "timestamp",
                             trn_arena_printf(l->arena, "%.*sZ",
                                              TRN_STR_ARG(trn_str_slice(text, 0, (size_t)TRN_MAX(dot, 0)))));
}

/* "requireAdministrator" out of the manifest's level="..." */
static int say_level(struct trn_look *l, const struct trn_pe_facts *f)
{
    const struct trn_pe_resource *r = trn_pe_resource_find(&f->resources, TRN_PE_RT_MANIFEST);
    struct trn_str text, key = TRN_STR("level=\"");
    if (!r || r->size == 0)
        return 0;
    int e = trn_source_take(&f->pe.bytes, r->at, (size_t)TRN_MIN(r->size, (uint64_t)MANIFEST_MAX), l->arena, &text);
    const char *at = e == 0 ? memmem(text.p, text.n, key.p, key.n) : NULL;
    if (!at)
        return e;
    struct trn_str rest = trn_str_slice(text, (size_t)(at - text.p) + key.n, 40);
    ptrdiff_t end = trn_str_find(rest, '"');
    return end > 0 ? trn_look_property(l, "execution_level", trn_str_slice(rest, 0, (size_t)end)) : 0;
}

static int say_imports(struct trn_look *l, const struct trn_pe_imports *i)
{
    char hash[2 * TRN_MD5_SIZE + 1];
    int e = trn_pe_imphash(i, hash);
    if (e == 0)
        e = trn_look_property(l, "imphash", trn_str_of(hash));
    for (uint32_t k = 0; e == 0 && k < TRN_MIN(i->n_libraries, DEPENDENCIES_MAX); k++)
        e = trn_look_property(l, "dependency", i->libraries[k].name);
    return e;
}

int trn_pe_properties(struct trn_look *l, const struct trn_pe_facts *f)
{
    const struct trn_pe *pe = &f->pe;
    struct trn_pe_tls tls;
    int e = trn_look_property(l, "arch", trn_str_of(trn_pe_machine_name(pe->machine)));
    if (e == 0)
        e = trn_look_property(l, "dll", pe->characteristics & TRN_PE_FILE_DLL ? TRN_STR("yes") : TRN_STR("no"));
    if (e == 0)
        e = trn_look_property(l, "subsystem", trn_str_of(trn_pe_subsystem_name(pe->subsystem)));
    if (e == 0)
        e = say_version(l, &f->version);
    if (e == 0)
        e = say_time(l, f);
    if (e == 0)
        e = trn_look_property(l, "toolchain", toolchain(l, f));
    if (e == 0 && f->rich.n && !f->rich.checksum_ok)
        e = trn_look_property(l, "rich_header", TRN_STR("checksum is wrong"));
    if (e == 0)
        e = trn_look_property(l, "build_id", build_id(l, &f->debug));
    if (e == 0)
        e = trn_look_property(l, "pdb", f->debug.pdb);
    if (e == 0)
        e = say_imports(l, &f->imports);
    if (e == 0)
        e = say_level(l, f);
    if (e == 0)
        e = trn_pe_tls(pe, l->arena, &tls);
    if (e == 0 && tls.n_callbacks)
        e = trn_look_property(l, "tls_callbacks", trn_arena_printf(l->arena, "%u", tls.n_callbacks));
    return e;
}
