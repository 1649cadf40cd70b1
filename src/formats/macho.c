/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: headers of Mach-O files, thin and universal; names of their numbers. Must not own: load commands
 * (macho_commands.c), symbols (macho_symbols.c), signatures.
 * Hand-offs: views into the source or the arena.
 */
#include "formats/macho_internal.h"

#define FAT_MAGIC 0xcafebabeu
#define FAT_MAGIC_64 0xcafebabfu

int trn_macho_fat_read(const struct trn_source *s, struct trn_arena *a, struct trn_macho_fat *ret)
{
    struct trn_cursor c;
    struct trn_macho_fat f = {0};
    int e = trn_source_cursor(s, 0, 8 + TRN_MACHO_SLICES_MAX * 32u, a, &c);
    if (e < 0)
        return e;
    uint32_t magic = trn_cur_u32be(&c);
    f.wide = magic == FAT_MAGIC_64;
    f.n = trn_cur_u32be(&c);
    if (c.bad || (magic != FAT_MAGIC && !f.wide) || f.n > TRN_MACHO_SLICES_MAX)
        return -ENOEXEC;
    f.slices = trn_arena_array(a, TRN_MAX(f.n, 1u), sizeof(*f.slices));
    if (!f.slices)
        return -ENOMEM;
    for (uint32_t i = 0; i < f.n; i++) {
        struct trn_macho_slice *x = &f.slices[i];
        x->cpu = trn_cur_u32be(&c);
        x->subtype = trn_cur_u32be(&c);
        x->at = f.wide ? trn_cur_u64be(&c) : trn_cur_u32be(&c);
        x->size = f.wide ? trn_cur_u64be(&c) : trn_cur_u32be(&c);
        x->align = trn_cur_u32be(&c);
        if (f.wide)
            trn_cur_skip(&c, 4);
    }
    if (c.bad)
        return -EBADMSG;
    f.header_end = c.at;
    *ret = f;
    return 0;
}

static int header(const struct trn_source *s, struct trn_macho *m)
{
    uint8_t raw[32];
    int64_t n = trn_source_read(s, 0, raw, sizeof(raw));
    if (n < 0)
        return (int)n;
    struct trn_cursor c = trn_cur(raw, (size_t)n);
    uint32_t magic = trn_cur_u32le(&c);
    bool wide = magic == 0xfeedfacfu || magic == 0xcffaedfeu;
    if (c.bad || (!wide && magic != 0xfeedfaceu && magic != 0xcefaedfeu))
        return -ENOEXEC;
    m->big_endian = magic == 0xcffaedfeu || magic == 0xcefaedfeu;
    m->bits = wide ? 64 : 32;
    m->cpu = trn_macho_u32(&c, m->big_endian);
    m->subtype = trn_macho_u32(&c, m->big_endian);
    m->type = trn_macho_u32(&c, m->big_endian);
    m->n_commands = trn_macho_u32(&c, m->big_endian);
    m->commands_size = trn_macho_u32(&c, m->big_endian);
    m->flags = trn_macho_u32(&c, m->big_endian);
    trn_cur_skip(&c, wide ? 4 : 0);
    m->commands_end = c.at + (uint64_t)m->commands_size;
    return c.bad ? -EBADMSG : 0;
}

int trn_macho_read(const struct trn_source *s, struct trn_arena *a, struct trn_macho *ret)
{
    struct trn_macho m = {0};
    struct trn_str commands;
    int e = header(s, &m);
    if (e < 0)
        return e;
    if (m.n_commands > TRN_MACHO_COMMANDS_MAX || m.commands_size > TRN_MACHO_COMMANDS_BYTES)
        return -EBADMSG;
    e = trn_source_take(s, m.bits == 64 ? 32 : 28, m.commands_size, a, &commands);
    if (e < 0)
        return e;
    m.end = m.commands_end;
    e = trn_macho_commands(commands, a, &m);
    if (e == 0)
        *ret = m;
    return e;
}

const char *trn_macho_arch_name(uint32_t cpu, uint32_t subtype)
{
    static const struct {
        uint32_t cpu, subtype;
        const char *name;
    } table[] = {
        {7, ~0u, "i386"},           {0x01000007u, 8, "x86_64h"}, {0x01000007u, ~0u, "x86_64"},
        {12, 9, "armv7"},           {12, 11, "armv7s"},          {12, ~0u, "arm"},
        {0x0100000cu, 2, "arm64e"}, {0x0100000cu, ~0u, "arm64"}, {0x0200000cu, ~0u, "arm64_32"},
        {18, ~0u, "ppc"},           {0x01000012u, ~0u, "ppc64"},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(table); i++)
        if (table[i].cpu == cpu && (table[i].subtype == ~0u || table[i].subtype == (subtype & 0xffffffu)))
            return table[i].name;
    return "unknown";
}

const char *trn_macho_type_name(uint32_t type)
{
    static const char *const names[] = {"unknown",  "object", "executable", "fvmlib", "core",        "preload", "dylib",
                                        "dylinker", "bundle", "dylib-stub", "dsym",   "kext-bundle", "fileset"};
    return type < TRN_ARRAY_SIZE(names) ? names[type] : names[0];
}

const char *trn_macho_platform_name(uint32_t platform)
{
    static const char *const names[] = {
        "",          "macos",       "ios",           "tvos",           "watchos",
        "bridgeos",  "maccatalyst", "ios-simulator", "tvos-simulator", "watchos-simulator",
        "driverkit", "visionos"};
    return platform < TRN_ARRAY_SIZE(names) ? names[platform] : "";
}

struct trn_str trn_macho_version(struct trn_arena *a, uint32_t v)
{
    if (v & 0xff)
        return trn_arena_printf(a, "%u.%u.%u", v >> 16, v >> 8 & 0xff, v & 0xff);
    return trn_arena_printf(a, "%u.%u", v >> 16, v >> 8 & 0xff);
}
