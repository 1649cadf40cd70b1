/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tables of a PE image hold. Each reader takes what is sound and says with `cut` that a limit was hit or the rest is
 * damaged; only -ENOMEM and errors of the source are failures. An absent table is an empty result.
 * Views borrow from the arena or, in memory, from the source.
 */
#ifndef TRN_FORMATS_PE_TABLES_H
#define TRN_FORMATS_PE_TABLES_H

#include "formats/pe.h"

#define TRN_PE_LIBRARIES_MAX 1024u
#define TRN_PE_IMPORTS_MAX 65536u /* of all libraries together */
#define TRN_PE_EXPORTS_MAX 131072u
#define TRN_PE_RESOURCES_MAX 16384u
#define TRN_PE_VERSION_STRINGS_MAX 128u
#define TRN_PE_TLS_CALLBACKS_MAX 64u
#define TRN_PE_RICH_MAX 128u

/* ---- pe_imports.c ---- */
struct trn_pe_import {
    struct trn_str name; /* absent: by ordinal */
    uint16_t ordinal;
};
struct trn_pe_library {
    struct trn_str name;
    bool delayed;
    uint32_t slots; /* rva of the addresses that the loader fills in, in the order of imports; 0: not known */
    uint32_t n_imports;
    const struct trn_pe_import *imports;
};
struct trn_pe_imports {
    uint32_t n_libraries, n_imports;
    const struct trn_pe_library *libraries; /* in the order of the file; delayed ones last */
    bool cut;
};
int trn_pe_imports(const struct trn_pe *pe, struct trn_arena *a, struct trn_pe_imports *ret) TRN_MUST_CHECK;
/* Is a function of this name imported from anywhere? Exact. */
bool trn_pe_imports_has(const struct trn_pe_imports *i, const char *function);
bool trn_pe_imports_library(const struct trn_pe_imports *i, struct trn_str name); /* any case */
/*
 * Import hash: MD5 over "library.function" of all imports that are not delayed, in the order of the file, in lower case,
 * joined by commas; the library without .dll, .ocx or .sys; an import by ordinal as "ordN". As others define it, but for
 * ws2_32, wsock32 and oleaut32, where they put names for ordinals. Empty text when nothing is imported.
 */
int trn_pe_imphash(const struct trn_pe_imports *i, char ret[2 * TRN_MD5_SIZE + 1]) TRN_MUST_CHECK;

/* ---- pe_exports.c ---- */
struct trn_pe_export {
    struct trn_str name; /* absent: by ordinal only */
    uint32_t ordinal;
    uint32_t rva;           /* 0 when forwarded */
    struct trn_str forward; /* "NTDLL.RtlAllocateHeap"; absent: its own code */
};
struct trn_pe_exports {
    struct trn_str module; /* the name that the library gives itself */
    uint32_t n;
    const struct trn_pe_export *list;
    bool cut;
};
int trn_pe_exports(const struct trn_pe *pe, struct trn_arena *a, struct trn_pe_exports *ret) TRN_MUST_CHECK;

/* ---- pe_resources.c ---- */
#define TRN_PE_RT_RCDATA 10u
#define TRN_PE_RT_VERSION 16u
#define TRN_PE_RT_MANIFEST 24u
struct trn_pe_resource {
    uint32_t type, id, language;    /* 0 where a name stands instead */
    struct trn_str type_name, name; /* UTF-8; absent: a number */
    uint64_t at, size;              /* in the file, cut to it */
    bool outside;                   /* it is said to lie where the file has nothing (all of it or its end) */
};
struct trn_pe_resources {
    uint32_t n;
    const struct trn_pe_resource *list;
    bool cut;
};
int trn_pe_resources(const struct trn_pe *pe, struct trn_arena *a, struct trn_pe_resources *ret) TRN_MUST_CHECK;
const struct trn_pe_resource *trn_pe_resource_find(const struct trn_pe_resources *r, uint32_t type); /* first; NULL */

/* ---- pe_version.c ---- */
struct trn_pe_version_string {
    struct trn_str table, key, value; /* UTF-8; table: language and code page, "040904b0" */
};
struct trn_pe_version {
    bool has_fixed;
    uint16_t file[4], product[4]; /* 1.2.3.4 */
    uint32_t n;
    struct trn_pe_version_string *strings;
    bool cut;
};
/* The content of a version resource (of trn_pe_resource_find). */
int trn_pe_version_parse(struct trn_str bytes, struct trn_arena *a, struct trn_pe_version *ret) TRN_MUST_CHECK;
/* Of the first version resource; nothing when there is none. */
int trn_pe_version(const struct trn_pe *pe, const struct trn_pe_resources *r, struct trn_arena *a,
                   struct trn_pe_version *ret) TRN_MUST_CHECK;
struct trn_str trn_pe_version_get(const struct trn_pe_version *v, const char *key); /* first; absent */
/* UTF-16LE to UTF-8 in the arena; lone surrogates become U+FFFD. Absent when there is no room. */
struct trn_str trn_pe_utf8(struct trn_str utf16, struct trn_arena *a);

/* ---- pe_rich.c ---- */
struct trn_pe_rich_entry {
    uint16_t product, build;
    uint32_t count;
};
struct trn_pe_rich {
    uint32_t n; /* 0: no such header */
    uint64_t at, size;
    uint32_t key;
    bool checksum_ok; /* the key is the checksum of the stub and the entries */
    struct trn_pe_rich_entry entries[TRN_PE_RICH_MAX];
};
int trn_pe_rich(const struct trn_pe *pe, struct trn_arena *a, struct trn_pe_rich *ret) TRN_MUST_CHECK;
/* "visual studio 2019 (16), build 30139": what linked it, by its newest entry; absent when not known. */
struct trn_str trn_pe_rich_toolchain(const struct trn_pe_rich *r, struct trn_arena *a);

/* ---- pe_debug.c ---- */
struct trn_pe_debug {
    struct trn_str pdb; /* path as it stands there; absent: none */
    uint8_t guid[16];   /* as it stands there */
    uint32_t age;
    bool has_guid, reproducible;
    uint64_t end; /* behind the last of what it points to in the file; 0: nothing */
};
int trn_pe_debug(const struct trn_pe *pe, struct trn_arena *a, struct trn_pe_debug *ret) TRN_MUST_CHECK;

struct trn_pe_tls {
    bool present, cut;
    uint32_t n_callbacks;
    uint32_t callbacks[TRN_PE_TLS_CALLBACKS_MAX]; /* rva */
};
int trn_pe_tls(const struct trn_pe *pe, struct trn_arena *a, struct trn_pe_tls *ret) TRN_MUST_CHECK;

struct trn_pe_load_config {
    bool present;
    uint32_t size, guard_flags;
    bool cookie;       /* a stack cookie is there */
    uint64_t handlers; /* safe exception handlers (32 bit) */
};
int trn_pe_load_config(const struct trn_pe *pe, struct trn_arena *a, struct trn_pe_load_config *ret) TRN_MUST_CHECK;

struct trn_pe_clr {
    bool present;
    uint16_t major, minor; /* of the runtime's header */
    uint32_t flags;
    bool il_only, strong_name; /* strong_name: the place of one is there and holds bytes */
    struct trn_str version;    /* "v4.0.30319"; absent when the metadata cannot be read */
};
int trn_pe_clr(const struct trn_pe *pe, struct trn_arena *a, struct trn_pe_clr *ret) TRN_MUST_CHECK;

#endif
