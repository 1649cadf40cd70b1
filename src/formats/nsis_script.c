/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the names in an NSIS script: its entries are walked once for those that set the folder, write a file, or write the
 * uninstaller; strings with variables, shell folders and language strings in them.
 * Must not: run anything of it, follow a jump. What is set behind a condition is taken in the order it stands there.
 */
#include "formats/nsis.h"

#define ENTRY_SIZE 28u
#define ENTRIES_MAX 1000000u
#define NAME_CHARS 1024u
#define BLOCKS 8u
enum { BLOCK_ENTRIES = 2, BLOCK_STRINGS = 3, BLOCK_LANGUAGES = 4 };
enum { OP_CREATE_DIR = 11, OP_EXTRACT_FILE = 20, OP_WRITE_UNINSTALLER = 62 };
enum code { CODE_NONE = 0, CODE_LANGUAGE, CODE_SHELL, CODE_VARIABLE, CODE_SKIP };

struct script {
    struct trn_str bytes;   /* all of it */
    struct trn_str strings; /* the table */
    struct trn_arena *arena;
    bool unicode, old_codes;
};

struct block {
    uint64_t at;
    uint32_t n;
};

static bool is_wide(struct trn_str s)
{
    /* 64 bit installers have places of 64 bits, with nothing in their upper halves; in the others a count or place is there */
    struct trn_cursor c = trn_cur_of(s);
    for (uint32_t i = 0; i < BLOCKS; i++) {
        trn_cur_seek(&c, 4 + 12 * (size_t)i + 4);
        if (trn_cur_u32le(&c) != 0)
            return false;
    }
    return !c.bad;
}

static int read_blocks(struct trn_str s, bool wide, struct block blocks[BLOCKS])
{
    struct trn_cursor c = trn_cur_of(s);
    trn_cur_skip(&c, 4);
    for (uint32_t i = 0; i < BLOCKS; i++) {
        blocks[i].at = wide ? trn_cur_u64le(&c) : trn_cur_u32le(&c);
        blocks[i].n = trn_cur_u32le(&c);
    }
    const struct block *e = &blocks[BLOCK_ENTRIES], *t = &blocks[BLOCK_STRINGS], *l = &blocks[BLOCK_LANGUAGES];
    if (c.bad || e->at > s.n || e->n > ENTRIES_MAX || (s.n - e->at) / ENTRY_SIZE < e->n || t->at > s.n ||
        l->at < t->at || l->at > s.n)
        return -EBADMSG;
    return 0;
}

/* One character of the table, or 0 behind its end. */
static uint32_t char_at(const struct script *s, uint64_t i)
{
    struct trn_cursor c = trn_cur_of(s->strings);
    if (i > s->strings.n)
        return 0;
    trn_cur_seek(&c, (size_t)(s->unicode ? 2 * i : i));
    return s->unicode ? trn_cur_u16le(&c) : trn_cur_u8(&c);
}

static enum code code_of(const struct script *s, uint32_t c)
{
    if (!s->old_codes)
        return c <= CODE_SKIP ? (enum code)c : CODE_NONE;
    static const enum code old[] = {CODE_SKIP, CODE_VARIABLE, CODE_SHELL, CODE_LANGUAGE};
    uint32_t first = s->unicode ? 0xe000 : 252;
    return c >= first && c < first + 4 ? old[c - first] : CODE_NONE;
}

/* The older version marks variables by other characters. Which is it? */
static bool has_old_codes(const struct script *s)
{
    struct script old = *s, now = *s;
    uint32_t n_old = 0, n_now = 0;
    uint64_t n = s->unicode ? s->strings.n / 2 : s->strings.n;
    old.old_codes = true;
    for (uint64_t i = 0; i < TRN_MIN(n, (uint64_t)65536); i++) {
        uint32_t c = char_at(s, i);
        n_old += code_of(&old, c) == CODE_VARIABLE;
        n_now += code_of(&now, c) == CODE_VARIABLE;
    }
    return n_old > n_now;
}

static void put_variable(struct trn_buf *b, uint32_t n)
{
    static const char *const names[] = {"CMDLINE",    "INSTDIR", "OUTDIR",  "EXEDIR",     "LANGUAGE", "TEMP",
                                        "PLUGINSDIR", "EXEPATH", "EXEFILE", "HWNDPARENT", "_CLICK",   "_OUTDIR"};
    if (n < 10)
        trn_put_fmt(b, "$%u", n);
    else if (n < 20)
        trn_put_fmt(b, "$R%u", n - 10);
    else if (n - 20 < TRN_ARRAY_SIZE(names))
        trn_put_fmt(b, "$%s", names[n - 20]);
    else
        trn_put_fmt(b, "$_%u_", n - 20 - (uint32_t)TRN_ARRAY_SIZE(names));
}

static void put_shell(struct trn_buf *b, uint32_t n)
{
    static const struct {
        uint8_t id;
        const char *name;
    } folders[] = {{0x02, "SMPROGRAMS"},   {0x05, "DOCUMENTS"},  {0x07, "SMSTARTUP"}, {0x0b, "STARTMENU"},
                   {0x10, "DESKTOP"},      {0x14, "FONTS"},      {0x15, "TEMPLATES"}, {0x1a, "APPDATA"},
                   {0x1c, "LOCALAPPDATA"}, {0x24, "WINDIR"},     {0x25, "SYSDIR"},    {0x26, "PROGRAMFILES"},
                   {0x28, "PROFILE"},      {0x2b, "COMMONFILES"}};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(folders); i++) {
        if (folders[i].id == (n & 0xff) || folders[i].id == n >> 8) {
            trn_put_fmt(b, "$%s", folders[i].name);
            return;
        }
    }
    trn_put_fmt(b, n & 0x80 ? "$PROGRAMFILES" : "$SHELL_%u", n);
}

static void put_char(struct trn_buf *b, const struct script *s, uint32_t c)
{
    if (c == '\\')
        c = '/';
    if (c < 0x80 || !s->unicode) { /* of an ANSI installer the bytes as they are */
        trn_put_u8(b, (uint8_t)c);
    } else {
        char utf8[4];
        trn_put(b, utf8, trn_utf8_of(c, utf8));
    }
}

/* What stands at a place of the table, up to its end; negative places are language strings. */
static struct trn_str text(const struct script *s, uint32_t at)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    uint64_t i = at;
    trn_buf_init(&b, 8 * NAME_CHARS);
    if ((int32_t)at < 0)
        trn_put_fmt(&b, "$(LSTR_%u)", (uint32_t) - (int32_t)at - 1);
    for (uint32_t n = 0; (int32_t)at >= 0 && n < NAME_CHARS; n++) {
        uint32_t c = char_at(s, i++);
        if (c == 0)
            break;
        enum code code = code_of(s, c);
        if (code == CODE_NONE) {
            put_char(&b, s, c);
            continue;
        }
        uint32_t value = char_at(s, i++);
        if (code == CODE_SKIP) {
            put_char(&b, s, value);
            continue;
        }
        uint32_t high = s->unicode ? value >> 8 : char_at(s, i++); /* seven bits of each */
        uint32_t number = (value & 0x7f) | (high & 0x7f) << 7;
        if (code == CODE_VARIABLE)
            put_variable(&b, number);
        else if (code == CODE_SHELL)
            put_shell(&b, (value & 0xff) | high << 8);
        else
            trn_put_fmt(&b, "$(LSTR_%u)", number);
    }
    return trn_arena_str(s->arena, trn_buf_str(&b));
}

static struct trn_str in_folder(const struct script *s, struct trn_str folder, struct trn_str name)
{
    static const struct trn_str install = {"$INSTDIR", 8};
    if (name.n && (name.p[0] == '$' || name.p[0] == '/' || (name.n > 1 && name.p[1] == ':')))
        folder = TRN_STR(""); /* a whole path already */
    struct trn_str path =
        folder.n ? trn_arena_printf(s->arena, "%.*s/%.*s", TRN_STR_ARG(folder), TRN_STR_ARG(name)) : name;
    if (trn_str_starts(path, install) && path.n > install.n && path.p[install.n] == '/')
        return trn_str_slice(path, install.n + 1, path.n);
    return path;
}

static void add(struct trn_nsis_script *r, uint32_t max, struct trn_nsis_file f)
{
    f.order = r->n_files;
    if (r->n_files < max && (f.name.n || trn_str_is_none(f.name)))
        r->files[r->n_files++] = f;
}

static int by_place(const void *a, const void *b)
{
    const struct trn_nsis_file *x = a, *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static int walk(const struct script *s, const struct block *entries, struct trn_nsis_script *r)
{
    struct trn_cursor c = trn_cur_of(s->bytes);
    struct trn_str folder = TRN_STR("");
    r->files = trn_arena_array(s->arena, entries->n, sizeof(*r->files));
    if (!r->files)
        return -ENOMEM;
    trn_cur_seek(&c, (size_t)entries->at);
    for (uint32_t i = 0; i < entries->n; i++) {
        uint32_t op = trn_cur_u32le(&c), p[6];
        for (size_t k = 0; k < TRN_ARRAY_SIZE(p); k++)
            p[k] = trn_cur_u32le(&c);
        if (r->n_files && trn_str_is_none(r->files[r->n_files - 1].name))
            break; /* no more room for names */
        if (op == OP_CREATE_DIR && p[1])
            folder = text(s, p[0]);
        else if (op == OP_EXTRACT_FILE)
            add(r, entries->n, (struct trn_nsis_file){.at = p[2], .name = in_folder(s, folder, text(s, p[1]))});
        else if (op == OP_WRITE_UNINSTALLER)
            add(r, entries->n,
                (struct trn_nsis_file){.at = p[1], .name = in_folder(s, folder, text(s, p[0])), .uninstaller = true});
    }
    if (r->n_files && trn_str_is_none(r->files[r->n_files - 1].name))
        r->n_files--;
    qsort(r->files, r->n_files, sizeof(*r->files), by_place);
    return c.bad ? -EBADMSG : 0;
}

int trn_nsis_script_read(struct trn_str script, struct trn_arena *a, struct trn_nsis_script *ret)
{
    struct trn_nsis_script r = {.wide = is_wide(script)};
    struct script s = {.bytes = script, .arena = a};
    struct block blocks[BLOCKS];
    int e = read_blocks(script, r.wide, blocks);
    if (e < 0)
        return e;
    s.strings = trn_str_slice(script, (size_t)blocks[BLOCK_STRINGS].at,
                              (size_t)(blocks[BLOCK_LANGUAGES].at - blocks[BLOCK_STRINGS].at));
    /* the first string is empty: one zero, or two */
    r.unicode = s.unicode = s.strings.n >= 2 && s.strings.p[0] == '\0' && s.strings.p[1] == '\0';
    s.old_codes = has_old_codes(&s);
    e = walk(&s, &blocks[BLOCK_ENTRIES], &r);
    if (e == 0)
        *ret = r;
    return e;
}

const struct trn_nsis_file *trn_nsis_file_at(const struct trn_nsis_script *s, uint64_t at)
{
    uint32_t low = 0, high = s->n_files;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (s->files[mid].at < at)
            low = mid + 1;
        else
            high = mid;
    }
    return low < s->n_files && s->files[low].at == at ? &s->files[low] : NULL;
}
