/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: telling what a file is from a few small reads. Must not own: parsing; deciding what follows from it.
 * Hand-offs: none; nothing is kept.
 */
#include "formats/dmg.h"
#include "formats/kind.h"
#include "formats/msi.h"
#include "formats/zip.h"

#include <lzma.h>

#define HEAD 1024u
#define TEXT_SAMPLE 512u
#define ISO_AT 0x8001u
#define HFS_AT 1024u
#define EXT_AT 1024u
#define APFS_AT 32u
#define KOLY 512u
#define TRAILER_NEAR (1ull << 20)
#define TAR_BLOCK 512u
#define SKIPPED_MAX 64u
#define LZMA_TRIED 4096u
#define LZMA_MEMORY (1u << 20)

struct magic {
    uint16_t at;
    uint16_t n;
    const char *bytes;
    enum trn_format format;
};

#define M(at, text, format)                                 \
    {                                                       \
        (at), sizeof(text) - 1, (text), TRN_FORMAT_##format \
    }

/* the more exact ones first */
static const struct magic magics[] = {
    M(0, "!<arch>\ndebian-binary", DEB),
    M(0, "!<arch>\n", AR),
    M(0, "PK\3\4", ZIP),
    M(0, "PK\5\6", ZIP),
    M(0, "\37\213\10", GZIP),
    M(0, "BZh", BZIP2),
    M(0, "\3757zXZ\0", XZ),
    M(0, "\x28\xb5\x2f\xfd", ZSTD),
    M(0, "\4\"M\30", LZ4),
    M(0, "7z\xbc\xaf\x27\x1c", SEVENZIP),
    M(0, "Rar!\x1a\7", RAR),
    M(0, "MSCF\0\0\0\0", CAB),
    M(0, "\xed\xab\xee\xdb", RPM),
    M(0, "070701", CPIO),
    M(0, "070702", CPIO),
    M(0, "070707", CPIO),
    M(0, "xar!", XAR),
    M(0, "hsqs", SQUASHFS),
    M(0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE2),
    M(4, "\xef\xbe\xad\xdeNullsoftInst", NSIS),
    M(0, ";!@Install@!", SFX7Z),
    M(0, "\0\0\1\0", ICO),
    M(0, "\211PNG\r\n\32\n", PNG),
    M(0, "\xff\xd8\xff", JPEG),
    M(0, "GIF87a", GIF),
    M(0, "GIF89a", GIF),
    M(0, "%PDF-", PDF),
    M(0, "\0asm", WASM),
    M(0, "\xfe\xed\xfa\xce", MACHO),
    M(0, "\xfe\xed\xfa\xcf", MACHO),
    M(0, "\xce\xfa\xed\xfe", MACHO),
    M(0, "\xcf\xfa\xed\xfe", MACHO),
    M(0, "MSWIM\0\0\0", WIM),
    M(0, "\x45\x3d\xcd\x28", CRAMFS),
    M(0, "MZ", PE),
    M(0, "koly", DMG),
    M(0, "encrcdsa", DMG),
    M(0, "sprs\0\0\0\3", DMG),
    M(APFS_AT, "NXSB", APFS),
    M(512, "EFI PART", DISK),
    M(512, "PM\0\0", DISK),
};

static bool fits(struct trn_str head, const struct magic *m)
{
    return head.n >= (size_t)m->at + m->n && memcmp(head.p + m->at, m->bytes, m->n) == 0;
}

static uint32_t be32(struct trn_str s, size_t at)
{
    struct trn_cursor c = trn_cur_of(s);
    trn_cur_seek(&c, at);
    return trn_cur_u32be(&c);
}

static uint32_t le32(struct trn_str s, size_t at)
{
    struct trn_cursor c = trn_cur_of(s);
    trn_cur_seek(&c, at);
    return trn_cur_u32le(&c);
}

/* The sum of a header's bytes, its own eight counted as blanks, stands in it in octal. */
/* Of the oldest writers the sum is one of signed bytes. */
static bool is_tar(struct trn_str head)
{
    uint64_t sum = 0, high = 0, told = 0;
    if (head.n < TAR_BLOCK || head.p[0] == '\0')
        return false;
    for (size_t i = 0; i < TAR_BLOCK; i++) {
        uint8_t c = i >= 148 && i < 156 ? ' ' : (uint8_t)head.p[i];
        sum += c;
        high += c >> 7;
    }
    for (size_t i = 148; i < 156 && (head.p[i] == ' ' || (head.p[i] >= '0' && head.p[i] <= '7')); i++)
        if (head.p[i] != ' ')
            told = told * 8 + (uint64_t)(head.p[i] - '0');
    return told == sum || told == sum - 256 * high;
}

/* Pickled sizes: 4, header size + 8, header size + 4, JSON length; then JSON (Electron's archive). */
static bool is_asar(struct trn_str head)
{
    return head.n > 24 && le32(head, 0) == 4 && le32(head, 4) == le32(head, 8) + 4 && le32(head, 12) <= le32(head, 8) &&
           memcmp(head.p + 16, "{\"", 2) == 0;
}

static bool is_bmp(struct trn_str head)
{
    uint32_t info = le32(head, 14);
    return head.n >= 26 && head.p[0] == 'B' && head.p[1] == 'M' && (info == 12 || (info >= 40 && info <= 124));
}

/* The oldest cpio: numbers of 16 bits in either order; its magic is short, so type, length and end of the name count, too. */
static bool is_old_cpio(struct trn_str head)
{
    bool big = head.n >= 26 && be32(head, 0) >> 16 == 070707;
    struct trn_cursor c = trn_cur_of(head);
    if (head.n < 26 || (!big && (le32(head, 0) & 0xffff) != 070707))
        return false;
    trn_cur_seek(&c, 6);
    uint16_t type = (uint16_t)((big ? trn_cur_u16be(&c) : trn_cur_u16le(&c)) >> 12);
    trn_cur_seek(&c, 20);
    uint16_t name = big ? trn_cur_u16be(&c) : trn_cur_u16le(&c);
    bool known = type == 1 || type == 2 || type == 4 || type == 6 || type == 8 || type == 10 || type == 12;
    if (name == 11 && head.n >= 37 && memcmp(head.p + 26, "TRAILER!!!", 11) == 0)
        return true;
    return known && name >= 2 && name <= 4096 && (head.n < 26u + name || head.p[26 + name - 1] == '\0') &&
           !memchr(head.p + 26, '\0', TRN_MIN(head.n - 26, name - 1u));
}

/* Any other dictionary: does it unpack? With a small dictionary; what is not lzma refers to bytes that did not come yet. */
static bool lzma_begins(struct trn_str head)
{
    uint8_t in[HEAD], out[LZMA_TRIED];
    size_t n = TRN_MIN(head.n, sizeof(in));
    lzma_stream x = LZMA_STREAM_INIT;
    memcpy(in, head.p, n);
    memcpy(in + 1, "\0\0\1\0", 4); /* 64 KiB */
    x.next_in = in;
    x.avail_in = n;
    x.next_out = out;
    x.avail_out = sizeof(out);
    lzma_ret r = lzma_alone_decoder(&x, LZMA_MEMORY);
    if (r == LZMA_OK)
        r = lzma_code(&x, LZMA_RUN);
    size_t made = sizeof(out) - x.avail_out;
    lzma_end(&x);
    return made > 0 && (r == LZMA_OK || r == LZMA_STREAM_END);
}

/* The old lzma format has no magic: properties 0x5d, a dictionary of a power of two or half more, a size that is not known or
 * below 256 GiB. */
static bool is_lzma(struct trn_str head)
{
    uint32_t dict = le32(head, 1), size_high = le32(head, 9);
    bool dict_ok = dict >= 4096 && ((dict & (dict - 1)) == 0 || (dict % 3 == 0 && ((dict / 3) & (dict / 3 - 1)) == 0));
    return head.n > 18 && (uint8_t)head.p[0] == 0x5d && dict >= 4096 && head.p[13] == 0 &&
           (size_high < 64 || (size_high == UINT32_MAX && le32(head, 5) == UINT32_MAX)) &&
           (dict_ok || lzma_begins(head));
}

static bool is_text(struct trn_str head)
{
    for (size_t i = 0; i < TRN_MIN(head.n, TEXT_SAMPLE); i++) {
        uint8_t c = (uint8_t)head.p[i];
        if (c < ' ' && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != 0x1b)
            return false;
    }
    return head.n > 0;
}

static enum trn_format script_kind(struct trn_str head)
{
    ptrdiff_t end = trn_str_find(head, '\n');
    struct trn_str line = trn_str_slice(head, 0, end < 0 ? head.n : (size_t)end);
    if (trn_str_contains(line, TRN_STR("python")))
        return TRN_FORMAT_PYTHON;
    if (trn_str_contains(line, TRN_STR("node")))
        return TRN_FORMAT_JAVASCRIPT;
    if (trn_str_contains(line, TRN_STR("sh")))
        return TRN_FORMAT_SHELL;
    return TRN_FORMAT_SCRIPT;
}

static enum trn_format text_kind(struct trn_str head, struct trn_str name)
{
    static const struct {
        const char *end;
        enum trn_format format;
    } table[] = {
        {".js", TRN_FORMAT_JAVASCRIPT}, {".mjs", TRN_FORMAT_JAVASCRIPT}, {".cjs", TRN_FORMAT_JAVASCRIPT},
        {".json", TRN_FORMAT_JSON},     {".py", TRN_FORMAT_PYTHON},      {".sh", TRN_FORMAT_SHELL},
        {".bash", TRN_FORMAT_SHELL},
    };
    if (trn_str_starts(head, TRN_STR("#!")))
        return script_kind(head);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(table); i++)
        if (trn_str_ends(name, trn_str_of(table[i].end)))
            return table[i].format;
    return TRN_FORMAT_TEXT;
}

static enum trn_format by_head(struct trn_str head, struct trn_str name)
{
    if (trn_appimage_type(head))
        return TRN_FORMAT_APPIMAGE;
    if (trn_str_starts(head, TRN_STR("\177ELF")))
        return TRN_FORMAT_ELF;
    /* Java's classes have the magic of universal Mac programs; a class file's version is never below 45 */
    if (head.n >= 8 && (be32(head, 0) == 0xcafebabeu || be32(head, 0) == 0xcafebabfu))
        return be32(head, 4) < 45 ? TRN_FORMAT_MACHO_FAT : TRN_FORMAT_CLASS;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(magics); i++)
        if (fits(head, &magics[i]))
            return magics[i].format;
    if (is_bmp(head))
        return TRN_FORMAT_BMP;
    if (is_tar(head))
        return TRN_FORMAT_TAR;
    if (is_lzma(head))
        return TRN_FORMAT_LZMA;
    if (is_old_cpio(head))
        return TRN_FORMAT_CPIO;
    if (is_asar(head))
        return TRN_FORMAT_ASAR;
    if (is_text(head))
        return text_kind(head, name);
    if (head.n >= 4 && head.p[0] == 0x30 && (uint8_t)head.p[1] == 0x82)
        return TRN_FORMAT_DER;
    return TRN_FORMAT_DATA;
}

/* A directory right before an end that says so: programs read a zip from there, whatever stands before it. */
static bool is_zip_behind(const struct trn_source *s)
{
    struct trn_zip_end ends[TRN_ZIP_ENDS_MAX];
    size_t n = 0;
    if (trn_zip_ends(s, ends, &n) < 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (ends[i].entries && ends[i].fits)
            return true;
    return false;
}

/* Frames that say they are to be skipped may stand before the first that says something. */
static bool is_zstd_behind(const struct trn_source *s)
{
    uint64_t at = 0;
    char b[8];
    for (unsigned i = 0; i < SKIPPED_MAX && trn_source_read(s, at, b, 8) == 8; i++) {
        struct trn_str head = {b, 8};
        if (le32(head, 0) == 0xfd2fb528u)
            return true;
        if ((le32(head, 0) & 0xfffffff0u) != 0x184d2a50u)
            return false;
        at += 8 + (uint64_t)le32(head, 4);
    }
    return false;
}

/* Formats that have nothing at their start, or hide behind something else. */
/* Linux's own file systems: the superblock at 1024 has a magic of two bytes only, so some of its fields must make sense too. */
static bool is_ext(const struct trn_source *s)
{
    uint8_t b[80];
    if (s->size < 8192 || trn_source_read(s, EXT_AT, b, sizeof(b)) != sizeof(b))
        return false;
    struct trn_cursor c = trn_cur(b, sizeof(b));
    uint32_t inodes = trn_cur_u32le(&c), blocks = trn_cur_u32le(&c);
    trn_cur_seek(&c, 24);
    uint32_t block_shift = trn_cur_u32le(&c);
    trn_cur_seek(&c, 56);
    uint16_t magic = trn_cur_u16le(&c), state = trn_cur_u16le(&c);
    trn_cur_seek(&c, 72);
    uint32_t system = trn_cur_u32le(&c), revision = trn_cur_u32le(&c);
    return magic == 0xef53 && inodes && blocks && block_shift <= 6 && state <= 7 && system <= 4 && revision <= 1;
}

/* How far from the end a disk image's trailer is looked for, with something behind it: all of the last part when it begins as
 * images do, with a packed block or a disk; else less, for it takes time. */
static uint64_t trailer_within(struct trn_str head, enum trn_format f)
{
    bool packed =
        head.n > 8 && ((head.p[0] == 0x78 && (be32(head, 0) >> 16) % 31 == 0) || memcmp(head.p, "bvx", 3) == 0);
    if (f == TRN_FORMAT_PE || f == TRN_FORMAT_TEXT)
        return 0;
    bool disk = f == TRN_FORMAT_DISK || f == TRN_FORMAT_HFSPLUS || f == TRN_FORMAT_APFS;
    return packed || disk ? TRN_DMG_SEARCHED : TRAILER_NEAR;
}

static enum trn_format by_place(const struct trn_source *s, uint64_t searched)
{
    char b[8];
    if (s->size > ISO_AT + 5 && trn_source_read(s, ISO_AT, b, 5) == 5 && memcmp(b, "CD001", 5) == 0)
        return TRN_FORMAT_ISO;
    if (s->size > KOLY && trn_source_read(s, s->size - KOLY, b, 8) == 8 && memcmp(b, "koly\0\0\0\4", 8) == 0)
        return TRN_FORMAT_DMG;
    if (trn_dmg_end(s, searched) > 0)
        return TRN_FORMAT_DMG;
    if (s->size > HFS_AT + 512 && trn_source_read(s, HFS_AT, b, 4) == 4 && memcmp(b, "H+\0\4", 4) == 0)
        return TRN_FORMAT_HFSPLUS;
    return is_ext(s) ? TRN_FORMAT_EXT : TRN_FORMAT_DATA;
}

int trn_format_probe(const struct trn_source *s, struct trn_str name, enum trn_format *ret)
{
    char head[HEAD + 8];
    int64_t n = trn_source_read(s, 0, head, sizeof(head));
    if (n < 0)
        return (int)n;
    enum trn_format f = n ? by_head((struct trn_str){head, (size_t)n}, name) : TRN_FORMAT_EMPTY;
    /* an ISO image that starts as a disk (hybrid) and a DMG that starts with a compressed block say so elsewhere */
    if (f == TRN_FORMAT_DATA || f == TRN_FORMAT_PE || f == TRN_FORMAT_BZIP2 || f == TRN_FORMAT_XZ ||
        f == TRN_FORMAT_TEXT || f == TRN_FORMAT_HFSPLUS || f == TRN_FORMAT_APFS || f == TRN_FORMAT_DISK) {
        enum trn_format other = by_place(s, trailer_within((struct trn_str){head, (size_t)n}, f));
        f = other != TRN_FORMAT_DATA ? other : f;
    }
    if (f == TRN_FORMAT_DATA && is_zstd_behind(s))
        f = TRN_FORMAT_ZSTD;
    if ((f == TRN_FORMAT_DATA || f == TRN_FORMAT_TEXT || f == TRN_FORMAT_PDF) && is_zip_behind(s))
        f = TRN_FORMAT_ZIP;
    if (f == TRN_FORMAT_OLE2 && trn_msi_probe(s))
        f = TRN_FORMAT_MSI;
    *ret = f;
    return 0;
}
