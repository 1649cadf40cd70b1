/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the load commands of a Mach-O file, each read inside its own bytes. Must not own: what they point at.
 * A command that is unknown is skipped by its size; one of a wrong size makes the whole damaged, as for the system's loader.
 */
#include "formats/macho_internal.h"

#define REQ_DYLD 0x80000000u
#define INIT_POINTERS 9u /* S_MOD_INIT_FUNC_POINTERS */
#define INIT_OFFSETS 22u /* S_INIT_FUNC_OFFSETS */
#define ZEROFILL 1u
#define GB_ZEROFILL 12u
#define THREAD_ZEROFILL 18u

enum command {
    SEGMENT = 0x1,
    SYMTAB = 0x2,
    DYSYMTAB = 0xb,
    LOAD_DYLIB = 0xc,
    ID_DYLIB = 0xd,
    TWOLEVEL_HINTS = 0x16,
    LOAD_WEAK_DYLIB = 0x18 | REQ_DYLD,
    SEGMENT_64 = 0x19,
    UUID = 0x1b,
    RPATH = 0x1c | REQ_DYLD,
    CODE_SIGNATURE = 0x1d,
    SPLIT_INFO = 0x1e,
    REEXPORT_DYLIB = 0x1f | REQ_DYLD,
    LAZY_DYLIB = 0x20,
    ENCRYPTION = 0x21,
    DYLD_INFO = 0x22,
    DYLD_INFO_ONLY = 0x22 | REQ_DYLD,
    UPWARD_DYLIB = 0x23 | REQ_DYLD,
    MIN_MACOS = 0x24,
    MIN_IOS = 0x25,
    FUNCTION_STARTS = 0x26,
    MAIN = 0x28 | REQ_DYLD,
    DATA_IN_CODE = 0x29,
    SOURCE_VERSION = 0x2a,
    CODE_SIGN_DRS = 0x2b,
    ENCRYPTION_64 = 0x2c,
    LINKER_OPTIMIZATION = 0x2e,
    MIN_TVOS = 0x2f,
    MIN_WATCHOS = 0x30,
    NOTE = 0x31,
    BUILD_VERSION = 0x32,
    EXPORTS_TRIE = 0x33 | REQ_DYLD,
    CHAINED_FIXUPS = 0x34 | REQ_DYLD,
    ATOM_INFO = 0x36,
};

struct reader {
    struct trn_macho *m;
    struct trn_arena *a;
    struct trn_cursor c; /* of one command, at its third word */
    uint32_t sections_left;
};

static uint32_t u32(struct reader *r)
{
    return trn_macho_u32(&r->c, r->m->big_endian);
}

static void accounts(struct trn_macho *m, uint64_t at, uint64_t size)
{
    uint64_t end;
    if (size && trn_add_ok(at, size, &end))
        m->end = TRN_MAX(m->end, end);
}

/* Up to 16 bytes, NUL-padded. */
static struct trn_str name16(struct reader *r)
{
    struct trn_str s = trn_cur_bytes(&r->c, 16);
    ptrdiff_t nul = trn_str_is_none(s) ? -1 : trn_str_find(s, '\0');
    return nul >= 0 ? trn_str_slice(s, 0, (size_t)nul) : s;
}

/* Text at an offset that stands in the command and counts from its start. */
static struct trn_str text_at(struct reader *r, uint32_t at)
{
    struct trn_cursor c = r->c;
    trn_cur_seek(&c, at);
    struct trn_str s = trn_cur_bytes(&c, trn_cur_left(&c));
    ptrdiff_t nul = trn_str_is_none(s) ? -1 : trn_str_find(s, '\0');
    return at < 8 ? TRN_STR_NONE : nul >= 0 ? trn_str_slice(s, 0, (size_t)nul) : s;
}

static int section(struct reader *r)
{
    struct trn_macho *m = r->m;
    struct trn_macho_section s = {.name = name16(r)};
    s.segment = name16(r);
    s.address = trn_macho_word(&r->c, m);
    s.size = trn_macho_word(&r->c, m);
    s.at = u32(r);
    trn_cur_skip(&r->c, 4); /* align */
    uint64_t relocations = u32(r);
    uint32_t n_relocations = u32(r);
    s.flags = u32(r);
    trn_cur_skip(&r->c, m->bits == 64 ? 12 : 8);
    if (r->c.bad)
        return -EBADMSG;
    uint32_t kind = s.flags & 0xff;
    if (kind != ZEROFILL && kind != GB_ZEROFILL && kind != THREAD_ZEROFILL)
        accounts(m, s.at, s.size);
    accounts(m, relocations, n_relocations * 8ull);
    if (kind == INIT_POINTERS || kind == INIT_OFFSETS) {
        uint64_t n = s.size / (kind == INIT_OFFSETS ? 4u : m->bits / 8u);
        m->init_entries += (uint32_t)TRN_MIN(n, (uint64_t)UINT16_MAX);
    }
    if (r->sections_left) {
        r->sections_left--;
        m->sections[m->n_sections++] = s;
    }
    return 0;
}

static int segment(struct reader *r)
{
    struct trn_macho *m = r->m;
    struct trn_macho_segment s = {.name = name16(r)};
    s.address = trn_macho_word(&r->c, m);
    s.memory = trn_macho_word(&r->c, m);
    s.at = trn_macho_word(&r->c, m);
    s.size = trn_macho_word(&r->c, m);
    s.max_prot = u32(r);
    s.prot = u32(r);
    uint32_t n = u32(r);
    trn_cur_skip(&r->c, 4);
    if (r->c.bad)
        return -EBADMSG;
    accounts(m, s.at, s.size);
    m->segments[m->n_segments++] = s;
    int e = 0;
    while (e == 0 && n--) /* each takes its bytes from the command, so n cannot go far */
        e = section(r);
    return e;
}

static void dylib(struct reader *r, uint32_t cmd)
{
    struct trn_macho *m = r->m;
    struct trn_macho_dylib d = {.weak = cmd == LOAD_WEAK_DYLIB,
                                .reexported = cmd == REEXPORT_DYLIB,
                                .lazy = cmd == LAZY_DYLIB,
                                .upward = cmd == UPWARD_DYLIB};
    uint32_t at = u32(r);
    trn_cur_skip(&r->c, 4);
    d.version = u32(r);
    d.compatible = u32(r);
    d.name = text_at(r, at);
    if (cmd == ID_DYLIB) {
        m->id = d.name;
        m->id_version = d.version;
    } else if (m->n_dylibs < TRN_MACHO_DYLIBS_MAX) {
        m->dylibs[m->n_dylibs++] = d;
    }
}

static void symtab(struct reader *r)
{
    struct trn_macho *m = r->m;
    m->symbols_at = u32(r);
    m->n_symbols = u32(r);
    m->strings_at = u32(r);
    m->strings_size = u32(r);
    accounts(m, m->symbols_at, (uint64_t)m->n_symbols * (m->bits == 64 ? 16u : 12u));
    accounts(m, m->strings_at, m->strings_size);
}

static void dysymtab(struct reader *r)
{
    trn_cur_skip(&r->c, 24); /* three ranges of symbols */
    static const uint8_t each[] = {8, 0, 4, 4, 8, 8};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(each); i++) {
        uint64_t at = u32(r);
        uint32_t n = u32(r);
        uint32_t size = each[i] ? each[i] : r->m->bits == 64 ? 56 : 52;
        if (!r->c.bad)
            accounts(r->m, at, (uint64_t)n * size);
    }
}

static void dyld_info(struct reader *r)
{
    r->m->dyld_info = true;
    for (int i = 0; i < 5; i++) {
        uint64_t at = u32(r);
        uint32_t size = u32(r);
        accounts(r->m, at, size);
    }
}

static void linkedit(struct reader *r, uint32_t cmd)
{
    uint64_t at = u32(r);
    uint64_t size = u32(r);
    accounts(r->m, at, size);
    r->m->chained_fixups = r->m->chained_fixups || cmd == CHAINED_FIXUPS;
    r->m->function_starts = r->m->function_starts || cmd == FUNCTION_STARTS;
    if (cmd == CODE_SIGNATURE && r->m->n_signatures++ == 0) {
        r->m->signature_at = at;
        r->m->signature_size = size;
    }
}

static void min_version(struct reader *r, uint32_t platform)
{
    r->m->platform = platform;
    r->m->min_os = u32(r);
    r->m->sdk = u32(r);
}

static void build_version(struct reader *r)
{
    uint32_t platform = u32(r);
    if (r->m->platform && platform != 1)
        return; /* for two platforms (zippered): the first, or macOS */
    min_version(r, platform);
}

static void uuid(struct reader *r)
{
    r->m->has_uuid = trn_cur_copy(&r->c, r->m->uuid, sizeof(r->m->uuid));
}

static void note(struct reader *r)
{
    trn_cur_skip(&r->c, 16);
    uint64_t at = trn_macho_u64(&r->c, r->m->big_endian);
    accounts(r->m, at, trn_macho_u64(&r->c, r->m->big_endian));
}

static void encryption(struct reader *r)
{
    uint64_t at = u32(r);
    accounts(r->m, at, u32(r));
    r->m->crypt_id = u32(r);
}

/* The rarer ones, and those of one number. */
static void other(struct reader *r, uint32_t cmd)
{
    switch (cmd) {
    case RPATH:
        if (r->m->n_rpaths < TRN_MACHO_DYLIBS_MAX)
            r->m->rpaths[r->m->n_rpaths++] = text_at(r, u32(r));
        break;
    case UUID:
        uuid(r);
        break;
    case BUILD_VERSION:
        build_version(r);
        break;
    case MIN_MACOS:
        min_version(r, 1);
        break;
    case MIN_IOS:
        min_version(r, 2);
        break;
    case MIN_TVOS:
        min_version(r, 3);
        break;
    case MIN_WATCHOS:
        min_version(r, 4);
        break;
    case SOURCE_VERSION:
        r->m->source = trn_macho_u64(&r->c, r->m->big_endian);
        break;
    case MAIN:
        r->m->entry = trn_macho_u64(&r->c, r->m->big_endian);
        break;
    case ENCRYPTION:
    case ENCRYPTION_64:
        encryption(r);
        break;
    case NOTE:
        note(r);
        break;
    default:
        break;
    }
}

static int command(struct reader *r, uint32_t cmd)
{
    switch (cmd) {
    case SEGMENT:
    case SEGMENT_64:
        return (cmd == SEGMENT_64) == (r->m->bits == 64) ? segment(r) : -EBADMSG;
    case SYMTAB:
        symtab(r);
        break;
    case DYSYMTAB:
        dysymtab(r);
        break;
    case LOAD_DYLIB:
    case ID_DYLIB:
    case LOAD_WEAK_DYLIB:
    case REEXPORT_DYLIB:
    case LAZY_DYLIB:
    case UPWARD_DYLIB:
        dylib(r, cmd);
        break;
    case DYLD_INFO:
    case DYLD_INFO_ONLY:
        dyld_info(r);
        break;
    case CODE_SIGNATURE:
    case SPLIT_INFO:
    case FUNCTION_STARTS:
    case DATA_IN_CODE:
    case CODE_SIGN_DRS:
    case LINKER_OPTIMIZATION:
    case EXPORTS_TRIE:
    case CHAINED_FIXUPS:
    case ATOM_INFO:
        linkedit(r, cmd);
        break;
    default:
        other(r, cmd);
        break;
    }
    return r->c.bad ? -EBADMSG : 0;
}

/* How much room the arrays need; also that each command lies inside. */
static int count(struct trn_str bytes, struct trn_arena *a, struct trn_macho *m)
{
    struct trn_cursor c = trn_cur_of(bytes);
    size_t segments = 0, dylibs = 0, rpaths = 0;
    for (uint32_t i = 0; i < m->n_commands; i++) {
        uint32_t cmd = trn_macho_u32(&c, m->big_endian), size = trn_macho_u32(&c, m->big_endian);
        if (c.bad || size < 8)
            return -EBADMSG;
        trn_cur_skip(&c, size - 8);
        segments += cmd == SEGMENT || cmd == SEGMENT_64;
        dylibs += cmd == LOAD_DYLIB || cmd == LOAD_WEAK_DYLIB || cmd == REEXPORT_DYLIB || cmd == LAZY_DYLIB ||
                  cmd == UPWARD_DYLIB;
        rpaths += cmd == RPATH;
    }
    if (c.bad)
        return -EBADMSG;
    size_t sections = TRN_MIN(bytes.n / 68, (size_t)TRN_MACHO_SECTIONS_MAX);
    m->segments = trn_arena_array(a, segments + 1, sizeof(*m->segments));
    m->sections = trn_arena_array(a, sections + 1, sizeof(*m->sections));
    m->dylibs = trn_arena_array(a, TRN_MIN(dylibs, (size_t)TRN_MACHO_DYLIBS_MAX) + 1, sizeof(*m->dylibs));
    m->rpaths = trn_arena_array(a, TRN_MIN(rpaths, (size_t)TRN_MACHO_DYLIBS_MAX) + 1, sizeof(*m->rpaths));
    return m->segments && m->sections && m->dylibs && m->rpaths ? 0 : -ENOMEM;
}

int trn_macho_commands(struct trn_str bytes, struct trn_arena *a, struct trn_macho *m)
{
    struct reader r = {.m = m,
                       .a = a,
                       .sections_left = (uint32_t)TRN_MIN(bytes.n / 68, (size_t)TRN_MACHO_SECTIONS_MAX)};
    struct trn_cursor all = trn_cur_of(bytes);
    int e = count(bytes, a, m);
    for (uint32_t i = 0; e == 0 && i < m->n_commands; i++) {
        size_t from = all.at;
        uint32_t cmd = trn_macho_u32(&all, m->big_endian), size = trn_macho_u32(&all, m->big_endian);
        r.c = trn_cur_sub(&all, from, size);
        trn_cur_skip(&r.c, 8);
        trn_cur_skip(&all, size - 8); /* count() saw that it is there */
        e = command(&r, cmd);
    }
    return e;
}
