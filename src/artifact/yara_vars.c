/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what the variables that rules may ask for hold. Must not: look anything up outside of what is scanned.
 * Names, meaning and upper case kinds are those of THOR and LOKI, for which most public rules that use them were written.
 */
#include "artifact/yara_internal.h"

#include <ctype.h>
#include <stdio.h>

const char *const trn_yara_variables[] = {
    "filename", "filepath", "extension", "filetype",      "filemode",      "md5",
    "id",       "owner",    "group",     "unpack_parent", "unpack_source", NULL,
};

#define NAME_MAX_HERE 4096

static const char *type_of(enum trn_format f)
{
    static const char *const names[TRN_FORMAT_MAX] = {
        [TRN_FORMAT_ELF] = "ELF",       [TRN_FORMAT_APPIMAGE] = "ELF",  [TRN_FORMAT_SCRIPT] = "Script",
        [TRN_FORMAT_PE] = "EXE",        [TRN_FORMAT_MACHO] = "MACH-O",  [TRN_FORMAT_MACHO_FAT] = "MACH-O",
        [TRN_FORMAT_OLE2] = "OLE",      [TRN_FORMAT_MSI] = "MSI",       [TRN_FORMAT_ZIP] = "ZIP",
        [TRN_FORMAT_TAR] = "TAR",       [TRN_FORMAT_GZIP] = "GZIP",     [TRN_FORMAT_BZIP2] = "BZIP2",
        [TRN_FORMAT_XZ] = "XZ",         [TRN_FORMAT_LZMA] = "LZMA",     [TRN_FORMAT_ZSTD] = "ZSTD",
        [TRN_FORMAT_LZ4] = "LZ4",       [TRN_FORMAT_SEVENZIP] = "7ZIP", [TRN_FORMAT_RAR] = "RAR",
        [TRN_FORMAT_CAB] = "CAB",       [TRN_FORMAT_DEB] = "DEB",       [TRN_FORMAT_AR] = "AR",
        [TRN_FORMAT_RPM] = "RPM",       [TRN_FORMAT_CPIO] = "CPIO",     [TRN_FORMAT_ISO] = "ISO",
        [TRN_FORMAT_XAR] = "XAR",       [TRN_FORMAT_ASAR] = "ASAR",     [TRN_FORMAT_SQUASHFS] = "SQUASHFS",
        [TRN_FORMAT_DMG] = "DMG",       [TRN_FORMAT_HFSPLUS] = "HFS",   [TRN_FORMAT_APFS] = "APFS",
        [TRN_FORMAT_ICO] = "ICO",       [TRN_FORMAT_PNG] = "PNG",       [TRN_FORMAT_JPEG] = "JPG",
        [TRN_FORMAT_GIF] = "GIF",       [TRN_FORMAT_BMP] = "BMP",       [TRN_FORMAT_PDF] = "PDF",
        [TRN_FORMAT_CLASS] = "CLASS",   [TRN_FORMAT_WASM] = "WASM",     [TRN_FORMAT_JSON] = "JSON",
        [TRN_FORMAT_JAVASCRIPT] = "JS", [TRN_FORMAT_SHELL] = "Script",  [TRN_FORMAT_PYTHON] = "Python",
        [TRN_FORMAT_TEXT] = "TEXT",     [TRN_FORMAT_DER] = "DER",
    };
    return f < TRN_FORMAT_MAX && names[f] ? names[f] : "UNKNOWN";
}

/* libyara takes C strings: what stands behind a NUL is not seen. */
static int define(YR_SCANNER *scan, const char *variable, struct trn_str value)
{
    char text[NAME_MAX_HERE];
    size_t n = TRN_MIN(value.n, sizeof(text) - 1);
    if (n)
        memcpy(text, value.p, n);
    text[n] = '\0';
    return yr_scanner_define_string_variable(scan, variable, text) == ERROR_SUCCESS ? 0 : -ENOMEM;
}

static struct trn_str extension_of(struct trn_str name, char lower[64])
{
    ptrdiff_t dot = trn_str_rfind(name, '.');
    struct trn_str e = dot >= 0 ? trn_str_slice(name, (size_t)dot, name.n) : TRN_STR("");
    if (e.n > 63)
        return TRN_STR("");
    for (size_t i = 0; i < e.n; i++)
        lower[i] = (char)tolower((unsigned char)e.p[i]);
    return (struct trn_str){lower, e.n};
}

/* "ZIP>CAB": the kinds of the containers it came out of, outermost first. */
static struct trn_str source_of(const struct trn_yara_place *place, uint32_t depth, char *text, size_t size)
{
    size_t n = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < depth && i < TRN_ARRAY_SIZE(place->formats); i++) {
        int put = snprintf(text + n, size - n, "%s%s", i ? ">" : "", type_of(place->formats[i]));
        if (put < 0 || (size_t)put >= size - n)
            break;
        n += (size_t)put;
    }
    return trn_str_of(text);
}

int trn_yara_set_variables(YR_SCANNER *scan, const struct trn_yara_place *place, const struct trn_artifact *a,
                           struct trn_str name)
{
    static const uint8_t unknown[TRN_MD5_SIZE] = {0};
    char lower[64], source[512], md5[2 * TRN_MD5_SIZE + 1], mode[16];
    uint32_t above = TRN_MIN(a->depth, (uint32_t)TRN_ARRAY_SIZE(place->formats));
    struct trn_str path = a->name.n > name.n ? trn_path_dir(a->name) : TRN_STR("");
    bool has_md5 = memcmp(a->md5, unknown, sizeof(unknown)) != 0;
    trn_hex(a->md5, sizeof(a->md5), md5);
    (void)snprintf(mode, sizeof(mode), "%o", a->mode & 07777);
    const struct {
        const char *variable;
        struct trn_str value;
    } values[] = {
        {"filename", name},
        {"filepath", path},
        {"extension", extension_of(name, lower)},
        {"filetype", trn_str_of(type_of(a->format))},
        {"filemode", a->mode ? trn_str_of(mode) : TRN_STR("")},
        {"md5", has_md5 ? trn_str_of(md5) : TRN_STR("")},
        {"unpack_parent", trn_str_of(above ? type_of(place->formats[above - 1]) : "")},
        {"unpack_source", source_of(place, above, source, sizeof(source))},
    };
    int e = 0;
    for (size_t i = 0; e == 0 && i < TRN_ARRAY_SIZE(values); i++)
        e = define(scan, values[i].variable, values[i].value);
    return e;
}
