/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: telling what was appended to a program: archives (also with something before them), data of known installers and
 * packers. Must not own: opening any of it; judgement.
 * Hand-offs: none.
 */
#include "artifact/appended.h"

#define HEAD 65536u
#define TAIL 66000u /* the end record of a zip with its longest comment */

/* Data of installers and packers that have no format of their own here: a text near the start or near the end. */
static const struct {
    const char *bytes;
    uint8_t n, within; /* within so many KiB of the start; 0: of the end */
    const char *what;
} marks[] = {
    {"\xef\xbe\xad\xdeNullsoftInst", 16, 64, "nsis"},
    {"Inno Setup Setup Data", 21, 64, "inno setup"},
    {"zlb\x1a", 4, 1, "inno setup"},
    {"idska32\x1a", 8, 1, "inno setup"},
    {"InstallShield", 13, 4, "installshield"},
    {"ISSetupStream", 13, 4, "installshield"},
    {";!@Install@!UTF-8!", 18, 64, "7z installer"},
    {"ASAR", 4, 0, "asar"},
    {"MEI\014\013\012\013\016", 8, 0, "pyinstaller"},
    {"NODE_SEA_BLOB", 13, 64, "node"},
    {"---- Bun! ----", 14, 0, "bun"},
    {"d3n0l4nd", 8, 0, "deno"},
    {"\x8b\x12\x02\xb9\x6a\x61\x20\x38", 8, 0, ".net bundle"},
    {"<nodejs@pkg>", 12, 0, "pkg"},
    {"AppImage", 8, 1, "appimage"},
};

static const struct {
    const char *bytes;
    uint8_t n;
    enum trn_format format;
} starts[] = {
    /* archives that may stand behind a short text of their own */
    {"7z\xbc\xaf\x27\x1c", 6, TRN_FORMAT_SEVENZIP},
    {"MSCF\0\0\0\0", 8, TRN_FORMAT_CAB},
    {"Rar!\x1a\7", 6, TRN_FORMAT_RAR},
    {"PK\3\4", 4, TRN_FORMAT_ZIP},
};

bool trn_format_holds(enum trn_format f)
{
    switch (f) {
    case TRN_FORMAT_EMPTY:
    case TRN_FORMAT_DATA:
    case TRN_FORMAT_SCRIPT:
    case TRN_FORMAT_ICO:
    case TRN_FORMAT_PNG:
    case TRN_FORMAT_JPEG:
    case TRN_FORMAT_GIF:
    case TRN_FORMAT_BMP:
    case TRN_FORMAT_JSON:
    case TRN_FORMAT_JAVASCRIPT:
    case TRN_FORMAT_SHELL:
    case TRN_FORMAT_PYTHON:
    case TRN_FORMAT_TEXT:
    case TRN_FORMAT_DER:
        return false;
    default:
        return true;
    }
}

static const char *find(struct trn_str in, const char *bytes, size_t n)
{
    return in.n ? memmem(in.p, in.n, bytes, n) : NULL;
}

static int take(struct trn_look *l, uint64_t at, uint64_t size, uint64_t max, struct trn_str *ret)
{
    return trn_source_take(l->bytes, at, (size_t)TRN_MIN(size, max), l->arena, ret);
}

/* A zip is read from its end: the directory's place tells where the first byte of it must be. */
static bool zip_start(struct trn_str tail, uint64_t tail_at, uint64_t begin, uint64_t *ret_at)
{
    for (size_t i = tail.n < 22 ? 0 : tail.n - 22; i > 0; i--) {
        struct trn_cursor c = trn_cur_of(trn_str_slice(tail, i, tail.n));
        if (trn_cur_u32le(&c) != 0x06054b50)
            continue;
        trn_cur_skip(&c, 8);
        uint64_t size = trn_cur_u32le(&c), offset = trn_cur_u32le(&c), end = tail_at + i;
        if (c.bad || size + offset > end)
            return false;
        *ret_at = TRN_MAX(begin, end - size - offset); /* offsets may count from the program's own start */
        return true;
    }
    return false;
}

int trn_appended_of(struct trn_look *l, uint64_t at, uint64_t size, struct trn_appended *ret)
{
    struct trn_source part = trn_source_part(l->bytes, at, size);
    enum trn_format format;
    struct trn_str head = TRN_STR_NONE, tail = TRN_STR_NONE;
    *ret = (struct trn_appended){.at = at, .size = part.size};
    size = part.size;
    uint64_t tail_size = TRN_MIN(size, (uint64_t)TAIL);
    int e = trn_format_probe(&part, TRN_STR_NONE, &format);
    if (e == 0)
        e = take(l, at, size, HEAD, &head);
    if (e == 0)
        e = take(l, at + size - tail_size, tail_size, TAIL, &tail);
    if (e < 0)
        return e;
    if (format != TRN_FORMAT_DATA && format != TRN_FORMAT_EMPTY) {
        ret->what = trn_format_name(format);
        ret->opened = trn_format_holds(format);
        return 0;
    }
    for (size_t i = 0; i < TRN_ARRAY_SIZE(marks); i++) {
        struct trn_str in = marks[i].within ? trn_str_slice(head, 0, marks[i].within * 1024u) : tail;
        if (find(in, marks[i].bytes, marks[i].n)) {
            ret->what = marks[i].what;
            break;
        }
    }
    for (size_t i = 0; i < TRN_ARRAY_SIZE(starts); i++) {
        const char *p = find(trn_str_slice(head, 0, 4096), starts[i].bytes, starts[i].n);
        if (!p)
            continue;
        ret->what = trn_format_name(starts[i].format);
        ret->opened = true;
        ret->at = at + (uint64_t)(p - head.p);
        ret->size = at + size - ret->at;
        return 0;
    }
    if (zip_start(tail, at + size - tail_size, at, &ret->at)) {
        ret->what = "zip";
        ret->opened = true;
        ret->size = at + size - ret->at;
    }
    return 0;
}
