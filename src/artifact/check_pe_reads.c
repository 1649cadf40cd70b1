/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which other program files a Windows image names as data, and how: remembered for the check over the release, which
 * alone knows who the siblings are. Must not own: that check's verdict on the release (check_pe_release.c).
 * Hand-offs: a feature for each sibling; a trait "pe.reads" for each name: name, offset, code offset, score, why; a line each.
 *
 * Told only of images that can open and read files and that can decrypt or make memory executable; never of a name that the
 * code gives to the loader (LoadLibrary, directly or by one function in between) or that is imported anyway.
 */
#include "artifact/check_pe.h"
#include "artifact/feature_code.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#define WINDOW (1u << 20)
#define OVERLAP 1024u
#define NAMES_MAX 48u
#define NAME_SIZE 64u
#define TOLD_MAX 8u
#define USES_MAX 64u /* of a name, whose calls are followed */
#define AFTER 96u    /* bytes of code behind the use of a name where a call counts as its use */
#define CALLEE 192u  /* bytes of a function that is looked into */

struct name {
    char text[NAME_SIZE];
    uint64_t at;
    uint32_t rva;
    uint64_t used_at; /* code */
    uint32_t uses;
    bool loaded;
};

struct work {
    struct trn_look *l;
    const struct trn_pe_facts *f;
    bool wide, x86, memory, can_load;
    const char *decrypts;
    uint64_t decrypts_at;
    struct name names[NAMES_MAX];
    uint32_t n_names;
};

typedef int (*window_fn)(struct work *w, const struct trn_pe_section *s, struct trn_str bytes, uint64_t at);

/* Each section of interest by windows that overlap. */
static int each_window(struct work *w, uint32_t flags, window_fn fn)
{
    const struct trn_pe *pe = &w->f->pe;
    TRN_AUTO(trn_freep) char *buffer = pe->bytes.mem ? NULL : malloc(WINDOW);
    uint64_t budget = 2 * pe->bytes.size; /* sections may lie over each other, but not without end */
    if (!pe->bytes.mem && !buffer)
        return -ENOMEM;
    for (uint32_t i = 0; i < pe->n_sections; i++) {
        const struct trn_pe_section *s = &pe->sections[i];
        uint64_t end = TRN_MIN((uint64_t)s->raw_at + s->raw_size, pe->bytes.size);
        bool resources = s->rva == pe->directories[TRN_PE_RESOURCES].rva && s->rva;
        for (uint64_t at = s->raw_at; !resources && at < end && (!flags || s->flags & flags); at += WINDOW - OVERLAP) {
            size_t n = (size_t)TRN_MIN(end - at, (uint64_t)WINDOW);
            if (budget < n)
                return 0;
            budget -= n;
            const char *p = pe->bytes.mem ? (const char *)pe->bytes.mem + at : buffer;
            int64_t got = pe->bytes.mem ? (int64_t)n : trn_source_read(&pe->bytes, at, buffer, n);
            if (got < 0 || trn_look_over(w->l))
                return got < 0 ? (int)got : 0;
            int e = fn(w, s, (struct trn_str){p, (size_t)got}, at);
            if (e < 0 || end - at <= WINDOW)
                break;
        }
    }
    return 0;
}

static bool imports_any(const struct trn_pe_imports *i, const char *const *names)
{
    for (; *names; names++)
        if (trn_pe_imports_has(i, *names))
            return true;
    return false;
}

static bool is_loader(struct trn_str function)
{
    return trn_str_starts(function, TRN_STR("LoadLibrary")) || trn_str_starts(function, TRN_STR("GetModuleHandle")) ||
           trn_str_eq_c(function, "LdrLoadDll");
}

/* ---- names ---- */

static bool same_name(struct trn_str a, struct trn_str b)
{
    return a.n == b.n && a.n && strncasecmp(a.p, b.p, a.n) == 0;
}

static bool is_own(const struct work *w, struct trn_str name)
{
    const struct trn_pe_version *v = &w->f->version;
    return same_name(name, w->l->name) || same_name(name, trn_pe_version_get(v, "OriginalFilename")) ||
           same_name(name, trn_pe_version_get(v, "InternalName")) || trn_pe_imports_library(&w->f->imports, name);
}

static void add_name(struct work *w, const struct trn_pe_section *s, struct trn_str text, uint64_t at)
{
    if (w->n_names == NAMES_MAX || text.n < 5 || text.n >= NAME_SIZE || is_own(w, text))
        return;
    for (uint32_t i = 0; i < w->n_names; i++)
        if (same_name(trn_str_of(w->names[i].text), text))
            return;
    struct name *n = &w->names[w->n_names++];
    *n = (struct name){.at = at, .rva = s->rva + (uint32_t)(at - s->raw_at)};
    for (size_t i = 0; i < text.n; i++)
        n->text[i] = text.p[i];
}

static bool is_name_char(uint8_t c)
{
    return isalnum(c) || c == '_' || c == '-' || c == '+' || c == '.' || c == '@';
}

/* The text around a dot at i, its characters `step` bytes apart; only with a whole extension and a NUL behind it. */
static void name_around(struct work *w, const struct trn_pe_section *s, struct trn_str b, size_t i, size_t step,
                        uint64_t at)
{
    const uint8_t *p = (const uint8_t *)b.p;
    char text[NAME_SIZE];
    size_t n = 0, from = i, end = i + 4 * step;
    if (end + step > b.n || p[end] != 0 || (step == 2 && p[end + 1] != 0))
        return;
    char ext[4] = {(char)p[i + step], (char)p[i + 2 * step], (char)p[i + 3 * step], 0};
    if (strcasecmp(ext, "dll") != 0 && strcasecmp(ext, "exe") != 0)
        return;
    while (from >= step && is_name_char(p[from - step]) && (step == 1 || p[from - 1] == 0) &&
           (i - from) / step < NAME_SIZE - 8)
        from -= step;
    for (size_t k = from; k < end; k += step)
        text[n++] = (char)p[k];
    add_name(w, s, (struct trn_str){text, n}, at + from);
}

static int collect_names(struct work *w, const struct trn_pe_section *s, struct trn_str b, uint64_t at)
{
    for (const char *p = b.p; (p = memchr(p, '.', b.n - (size_t)(p - b.p))); p++) {
        size_t i = (size_t)(p - b.p);
        if (i + 1 < b.n)
            name_around(w, s, b, i, b.p[i + 1] ? 1 : 2, at);
    }
    return 0;
}

/* ---- ciphers ---- */

static int find_decrypts(struct work *w, const struct trn_pe_section *s, struct trn_str b, uint64_t at)
{
    size_t i = 0;
    if (w->decrypts && strcmp(w->decrypts, TRN_SHAPE_RC4) == 0)
        return 0;
    const char *what = trn_decrypts(b, w->x86 && s->flags & TRN_PE_SECTION_EXEC, &i);
    if (what && (!w->decrypts || strcmp(what, TRN_SHAPE_RC4) == 0)) {
        w->decrypts = what;
        w->decrypts_at = at + i;
    }
    return 0;
}

/* ---- uses of a name in code (x86, x86_64) ---- */

static uint32_t le32(const char *p)
{
    struct trn_cursor c = trn_cur(p, 4);
    return trn_cur_u32le(&c);
}

static bool slot_loads(const struct work *w, uint32_t slot)
{
    const struct trn_pe_imports *i = &w->f->imports;
    uint32_t each = w->wide ? 8 : 4;
    for (uint32_t k = 0; k < i->n_libraries; k++) {
        const struct trn_pe_library *lib = &i->libraries[k];
        uint32_t in = (slot - lib->slots) / each;
        if (lib->slots && slot >= lib->slots && in < lib->n_imports)
            return is_loader(lib->imports[in].name);
    }
    return false;
}

/* The address that an instruction at rva with its four-byte operand at p means, the operand being its last part. */
static uint32_t operand(const struct work *w, const char *p, uint32_t rva_of_next, bool relative)
{
    return relative || w->wide ? rva_of_next + le32(p) : le32(p) - (uint32_t)w->f->pe.image_base;
}

/* Does this code call or jump to the loader? follow: also through one function. */
static bool code_loads(struct work *w, struct trn_str code, uint32_t rva, bool follow)
{
    struct trn_str callee;
    for (size_t i = 0; i + 6 <= code.n; i++) {
        uint8_t op = (uint8_t)code.p[i], modrm = (uint8_t)code.p[i + 1];
        if (op == 0xff && (modrm == 0x15 || modrm == 0x25) &&
            slot_loads(w, operand(w, code.p + i + 2, rva + (uint32_t)i + 6, false)))
            return true;
        if (!follow || op != 0xe8)
            continue;
        uint32_t to = operand(w, code.p + i + 1, rva + (uint32_t)i + 5, true);
        if (trn_pe_take(&w->f->pe, to, CALLEE, w->l->arena, &callee) == 0 && code_loads(w, callee, to, false))
            return true;
    }
    return false;
}

static int find_uses(struct work *w, const struct trn_pe_section *s, struct trn_str b, uint64_t at)
{
    uint32_t low = UINT32_MAX, high = 0, base = s->rva + (uint32_t)(at - s->raw_at);
    for (uint32_t i = 0; i < w->n_names; i++) {
        low = TRN_MIN(low, w->names[i].rva);
        high = TRN_MAX(high, w->names[i].rva);
    }
    for (size_t i = 1; i + 4 <= b.n; i++) {
        uint32_t to = operand(w, b.p + i, base + (uint32_t)i + 4, false);
        if (to - low > high - low || (w->wide && ((uint8_t)b.p[i - 1] & 0xc7) != 0x05))
            continue;
        for (uint32_t k = 0; k < w->n_names; k++) {
            struct name *n = &w->names[k];
            if (n->rva != to)
                continue;
            n->used_at = n->uses++ ? n->used_at : at + i;
            n->loaded = n->loaded || (n->uses <= USES_MAX &&
                                      code_loads(w, trn_str_slice(b, i + 4, AFTER), base + (uint32_t)i + 4, true));
        }
    }
    return 0;
}

/* ---- what is remembered ---- */

/* 0: not worth a word. */
static uint16_t score_of(const struct work *w, const struct name *n)
{
    bool rc4 = w->decrypts && strcmp(w->decrypts, TRN_SHAPE_RC4) == 0, used = n->uses || !w->x86;
    if (n->loaded)
        return 0;
    if (w->decrypts && w->memory && (rc4 || !w->can_load))
        return used ? 55 : 35;
    if (w->decrypts && w->memory && used)
        return 35;
    return w->can_load ? 0 : used ? 30 : 20;
}

/* For who compares releases: that code names it and does not load it, whatever else it can do. */
static int tell_sibling(struct work *w, const struct name *n)
{
    return trn_look_fact(w->l, TRN_FEATURE_SIBLING, "", trn_feature_lower(w->l, trn_str_of(n->text)),
                         w->memory || w->decrypts, n->uses ? n->used_at : n->at);
}

static int remember(struct work *w)
{
    uint32_t told = 0;
    for (uint32_t i = 0; i < w->n_names && told < TOLD_MAX; i++) {
        const struct name *n = &w->names[i];
        uint16_t score = score_of(w, n);
        int f = n->loaded || (w->x86 && !n->uses) ? 0 : tell_sibling(w, n);
        if (f < 0)
            return f;
        if (!score)
            continue;
        struct trn_str line =
            trn_arena_printf(w->l->arena, "%s\n%llu\n%llu\n%u\n%s\n%llu\n%s", n->text, (unsigned long long)n->at,
                             (unsigned long long)n->used_at, score, w->decrypts ? w->decrypts : "",
                             (unsigned long long)w->decrypts_at, w->memory ? "memory" : "");
        int e = line.p ? trn_look_trait(w->l, TRN_TRAIT_PE_READS, line) : -ENOMEM;
        if (e < 0)
            return e;
        told++;
    }
    return 0;
}

/* Programs that start others by name need no further reason to name them. */
static void drop_started(struct work *w)
{
    static const char *const starts[] = {"CreateProcessA",  "CreateProcessW",  "ShellExecuteA", "ShellExecuteW",
                                         "ShellExecuteExA", "ShellExecuteExW", "WinExec",       NULL};
    uint32_t n = 0;
    bool started = imports_any(&w->f->imports, starts);
    for (uint32_t i = 0; i < w->n_names; i++) {
        struct trn_str name = trn_str_of(w->names[i].text);
        if (!started || !same_name(trn_str_slice(name, name.n - 4, 4), TRN_STR(".exe")))
            w->names[n++] = w->names[i];
    }
    w->n_names = n;
}

int trn_pe_check_reads(struct trn_look *l, const struct trn_pe_facts *f)
{
    static const char *const opens[] = {"CreateFileA", "CreateFileW", "NtCreateFile", "_wfopen", "fopen", NULL};
    static const char *const reads[] = {"ReadFile", "MapViewOfFile", "NtReadFile", "fread", NULL};
    static const char *const memory[] = {"VirtualProtect", "VirtualProtectEx",       "VirtualAlloc",
                                         "VirtualAllocEx", "NtProtectVirtualMemory", NULL};
    static const char *const loads[] = {"LoadLibraryA",   "LoadLibraryW", "LoadLibraryExA",
                                        "LoadLibraryExW", "LdrLoadDll",   NULL};
    static const char *const crypt[] = {"BCryptDecrypt", "CryptDecrypt", NULL};
    if (f->clr.present || !imports_any(&f->imports, opens) || !imports_any(&f->imports, reads))
        return 0;
    struct work *w = trn_arena_alloc(l->arena, sizeof(*w));
    if (!w)
        return -ENOMEM;
    w->l = l;
    w->f = f;
    w->wide = f->pe.wide;
    w->x86 = f->pe.machine == 0x14c || f->pe.machine == 0x8664;
    w->memory = imports_any(&f->imports, memory);
    w->can_load = imports_any(&f->imports, loads);
    int e = each_window(w, 0, collect_names);
    drop_started(w);
    if (e < 0 || w->n_names == 0)
        return e;
    e = each_window(w, 0, find_decrypts);
    if (e == 0 && !w->decrypts && imports_any(&f->imports, crypt))
        w->decrypts = "decrypt function of the system";
    if (e < 0 || !(w->decrypts || w->memory))
        return e;
    if (w->x86)
        e = each_window(w, TRN_PE_SECTION_EXEC, find_uses);
    return e < 0 ? e : remember(w);
}
