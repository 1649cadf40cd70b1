/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the look at one Windows image: its facts, the checks on sections and on what it says about itself.
 * Must not own: reading of tables (formats), signatures, the checks that need the whole release.
 * Hand-offs: facts live in the look's arena.
 */
#include "artifact/check_pe.h"
#include "artifact/kinds.h"

#include <ctype.h>
#include <stdio.h>

#define NATIVE 1u
#define DISCARDABLE 0x02000000u

static int read_facts(struct trn_look *l, struct trn_pe_facts *f)
{
    int e = trn_pe_imports(&f->pe, l->arena, &f->imports);
    if (e == 0)
        e = trn_pe_resources(&f->pe, l->arena, &f->resources);
    if (e == 0)
        e = trn_pe_version(&f->pe, &f->resources, l->arena, &f->version);
    if (e == 0)
        e = trn_pe_rich(&f->pe, l->arena, &f->rich);
    if (e == 0)
        e = trn_pe_debug(&f->pe, l->arena, &f->debug);
    return e < 0 ? e : trn_pe_clr(&f->pe, l->arena, &f->clr);
}

bool trn_pe_is_library(const struct trn_pe *pe)
{
    return (pe->characteristics & TRN_PE_FILE_DLL) || pe->subsystem == NATIVE;
}

/* ---- sections ---- */

static int check_sections(struct trn_look *l, const struct trn_pe *pe)
{
    for (uint32_t i = 0; i < pe->n_sections; i++) {
        const struct trn_pe_section *s = &pe->sections[i];
        bool both = (s->flags & TRN_PE_SECTION_WRITE) && (s->flags & TRN_PE_SECTION_EXEC);
        if (!both || (pe->subsystem == NATIVE && (s->flags & DISCARDABLE)))
            continue; /* drivers of old kits have their code for the start so; it is thrown away */
        struct trn_finding f;
        char name[64];
        trn_finding_init(&f, trn_check_find(TRN_STR("pe.writable-code")));
        trn_look_say(l, &f,
                     "section '%s' may be written and executed at once, so its code can be changed while it runs",
                     trn_escape_into(name, sizeof(name), s->name));
        trn_finding_add(&f, "section", s->name);
        trn_look_evidence(l, &f, TRN_MIN(s->raw_at, pe->bytes.size), s->raw_size);
        return trn_look_found(l, &f); /* once a file */
    }
    return 0;
}

/* ---- what it says about itself ---- */

static bool is_alnum(char c)
{
    return isalnum((unsigned char)c);
}

/* Name of a file without folders, extensions and what languages and versions add: for comparing what a file says it is. */
static struct trn_str pe_stem(struct trn_str name)
{
    static const char *const endings[] = {".mui", ".exe", ".dll", ".sys", ".node", ".ocx", ".efi",
                                          ".cpl", ".drv", ".pyd", ".scr", ".ax",   ".com", ".tmp"};
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < TRN_ARRAY_SIZE(endings); i++) {
            struct trn_str tail = trn_str_slice(name, name.n - TRN_MIN(name.n, strlen(endings[i])), name.n);
            if (name.n > tail.n && trn_glob(trn_str_of(endings[i]), tail, true)) {
                name.n -= tail.n;
                again = true;
            }
        }
    }
    return name;
}

/* Letters and digits only, in lower case. */
static size_t simplify(struct trn_str s, char *dst, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n && n < size; i++)
        if (is_alnum(s.p[i]))
            dst[n++] = (char)tolower((unsigned char)s.p[i]);
    return n;
}

/* One name begins with the other, or holds all of it: "foo" for "foo-x64", "libfoo", "setup_foo". */
static bool names_agree(struct trn_str said, struct trn_str is)
{
    char a[128], b[128];
    struct trn_str x = {a, simplify(pe_stem(said), a, sizeof(a))}, y = {b, simplify(pe_stem(is), b, sizeof(b))};
    if (x.n == 0 || y.n == 0)
        return true;
    if (trn_str_contains(x, y) || trn_str_contains(y, x))
        return true;
    size_t same = 0;
    while (same < x.n && same < y.n && a[same] == b[same])
        same++;
    return same >= 4 && 2 * same >= TRN_MIN(x.n, y.n); /* "msvcp140_1" and "msvcp140_2", versions in names */
}

static int check_names(struct trn_look *l, const struct trn_pe_facts *f)
{
    static const char *const keys[] = {"OriginalFilename", "InternalName", "ProductName", "FileDescription"};
    struct trn_str original = trn_path_base(trn_pe_version_get(&f->version, "OriginalFilename"));
    if (original.n < 5 || trn_str_find(original, '.') < 0 || l->name.n == 0 || trn_str_find(l->name, '.') < 0)
        return 0;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(keys); i++) {
        struct trn_str said = trn_pe_version_get(&f->version, keys[i]);
        if (said.n && names_agree(said, l->name))
            return 0;
    }
    struct trn_finding out;
    char name[128], other[128];
    trn_finding_init(&out, trn_check_find(TRN_STR("pe.version-mismatch")));
    trn_look_say(l, &out, "the file is called '%s', but its description says that it was made as '%s'",
                 trn_escape_into(name, sizeof(name), l->name), trn_escape_into(other, sizeof(other), original));
    trn_finding_add(&out, "original_name", original);
    trn_finding_add(&out, "company", trn_pe_version_get(&f->version, "CompanyName"));
    const struct trn_pe_resource *r = trn_pe_resource_find(&f->resources, TRN_PE_RT_VERSION);
    if (r)
        trn_look_evidence(l, &out, r->at, r->size);
    return trn_look_found(l, &out);
}

/* ---- for the whole release ---- */

static int remember(struct trn_look *l, const struct trn_pe_facts *f)
{
    char text[16];
    uint32_t t = f->debug.reproducible ? 0 : f->pe.timestamp;
    snprintf(text, sizeof(text), "%u", t);
    struct trn_str company = trn_str_trim(trn_pe_version_get(&f->version, "CompanyName"));
    int e = trn_look_trait(l, TRN_TRAIT_PE_TIME, trn_str_of(text));
    return e < 0 || company.n == 0 ? e : trn_look_trait(l, TRN_TRAIT_PE_COMPANY, company);
}

/* Cut off while it was copied, or never whole: then nothing is proven by what is not found. */
static int check_whole(struct trn_look *l, const struct trn_pe *pe)
{
    char name[40];
    for (uint32_t i = 0; i < pe->n_sections; i++) {
        const struct trn_pe_section *s = &pe->sections[i];
        uint64_t end = (uint64_t)s->raw_at + s->raw_size;
        if (s->raw_size && end > l->bytes->size)
            return trn_look_gap(l, TRN_GAP_DAMAGED, TRN_STR_NONE,
                                "the program is cut off: its section '%s' ends %llu bytes behind the end of the file",
                                trn_escape_into(name, sizeof(name), s->name),
                                (unsigned long long)(end - l->bytes->size));
    }
    if (pe->certificates_size && pe->certificates_cut)
        return trn_look_gap(
            l, TRN_GAP_DAMAGED, TRN_STR_NONE,
            "the program is cut off: of its certificate table (its signature) the file has %llu of %u bytes",
            (unsigned long long)pe->certificates_size, pe->directories[TRN_PE_CERTIFICATES].size);
    return 0;
}

int trn_look_pe(struct trn_look *l, struct trn_err *err)
{
    struct trn_pe_facts f = {0};
    int e = trn_pe_read(l->bytes, l->arena, &f.pe);
    if (e == -ENOEXEC)
        return 0; /* a program for DOS or 16-bit Windows */
    if (e < 0)
        return trn_fail(err, e, "the headers of the program are damaged or cut off");
    e = read_facts(l, &f);
    if (e == 0)
        e = trn_pe_properties(l, &f);
    if (e == 0)
        e = remember(l, &f);
    if (e == 0)
        e = check_whole(l, &f.pe);
    if (e == 0)
        e = check_sections(l, &f.pe);
    if (e == 0)
        e = trn_pe_check_overlay(l, &f.pe);
    if (e == 0)
        e = check_names(l, &f);
    if (e == 0)
        e = trn_pe_check_reads(l, &f);
    return e < 0 ? e : trn_feature_pe(l, &f);
}
