/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mach-O: programs and libraries of macOS, thin (32 and 64 bit, both byte orders) and universal. What is read here is what
 * the load commands say; nothing of it is true because it stands there.
 */
#ifndef TRN_FORMATS_MACHO_H
#define TRN_FORMATS_MACHO_H

#include "base/base.h"

#define TRN_MACHO_COMMANDS_MAX 16384u
#define TRN_MACHO_COMMANDS_BYTES (2u << 20)
#define TRN_MACHO_SECTIONS_MAX 4096u
#define TRN_MACHO_DYLIBS_MAX 2048u
#define TRN_MACHO_SLICES_MAX 44u /* from 45 on the same magic is a Java class */

struct trn_macho_slice { /* of a universal file */
    uint32_t cpu, subtype;
    uint64_t at, size;
    uint32_t align; /* power of two */
};
struct trn_macho_fat {
    bool wide; /* fat_arch_64 */
    uint32_t n;
    uint64_t header_end;
    struct trn_macho_slice *slices; /* in the order of the header */
};

struct trn_macho_segment {
    struct trn_str name;
    uint64_t address, memory, at, size;
    uint32_t max_prot, prot; /* 1 read, 2 write, 4 execute */
};
struct trn_macho_section {
    struct trn_str segment, name;
    uint64_t address, at, size;
    uint32_t flags;
};
struct trn_macho_dylib {
    struct trn_str name;
    uint32_t version, compatible; /* x.y.z as 16.8.8 bits */
    bool weak, reexported, lazy, upward;
};

struct trn_macho {
    uint8_t bits; /* 32 or 64 */
    bool big_endian;
    uint32_t cpu, subtype, type, flags;
    uint32_t n_commands, commands_size;
    uint64_t commands_end;
    uint32_t n_segments, n_sections, n_dylibs, n_rpaths;
    struct trn_macho_segment *segments;
    struct trn_macho_section *sections;
    struct trn_macho_dylib *dylibs;
    struct trn_str *rpaths;
    struct trn_str id; /* what a library calls itself; absent */
    uint32_t id_version;
    bool has_uuid;
    uint8_t uuid[16];
    uint32_t platform;     /* LC_BUILD_VERSION's number; of the older commands: the same numbers */
    uint32_t min_os, sdk;  /* x.y.z as 16.8.8 bits; 0: not said */
    uint64_t source;       /* version of the sources: 24.10.10.10.10 bits */
    uint64_t entry;        /* offset in __TEXT; 0: none */
    uint32_t crypt_id;     /* not 0: a part is encrypted */
    uint32_t init_entries; /* pointers or offsets of functions that run before main */
    bool chained_fixups, dyld_info, function_starts;
    uint64_t symbols_at, strings_at, strings_size;
    uint32_t n_symbols;
    uint64_t signature_at, signature_size; /* size 0: not signed */
    uint32_t n_signatures;                 /* commands that name one; the first counts */
    uint64_t end;                          /* first byte that nothing in the load commands accounts for */
};

/* -ENOEXEC: not one; -EBADMSG: one, but damaged; -ENOMEM; or what the source gave. Arrays and views live in the arena or,
 * when the source is memory, in it. */
int trn_macho_read(const struct trn_source *s, struct trn_arena *a, struct trn_macho *ret) TRN_MUST_CHECK;
int trn_macho_fat_read(const struct trn_source *s, struct trn_arena *a, struct trn_macho_fat *ret) TRN_MUST_CHECK;

/* Calls fn for each external symbol: imported (undefined) or exported. fn says not 0 to end it, which is then returned.
 * At most max of them are read. The name is borrowed during the call. */
struct trn_macho_symbol {
    struct trn_str name;
    bool imported, weak;
    uint64_t value;
    uint8_t library; /* ordinal of an import's library, from 1; 0 and from 253: none of the list */
};
int trn_macho_symbols(const struct trn_source *s, const struct trn_macho *m, uint32_t max,
                      int (*fn)(void *ctx, const struct trn_macho_symbol *sym), void *ctx) TRN_MUST_CHECK;

const char *trn_macho_arch_name(uint32_t cpu, uint32_t subtype);   /* "arm64"; "unknown"; static */
const char *trn_macho_type_name(uint32_t type);                    /* "dylib"; static */
const char *trn_macho_platform_name(uint32_t platform);            /* "macos"; "" when not known; static */
struct trn_str trn_macho_version(struct trn_arena *a, uint32_t v); /* 16.8.8 bits to text; absent without memory */

#endif
