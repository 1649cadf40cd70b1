/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: magic numbers. Must not own: parsing what follows them.
 * Hand-offs: none; nothing is kept.
 */
#include "formats/kind.h"

int trn_appimage_type(struct trn_str head)
{
    /* An ELF file whose padding bytes carry "AI" and the type (AppImage specification). */
    if (!trn_str_starts(head, TRN_STR("\177ELF")) || head.n < 11 || head.p[8] != 'A' || head.p[9] != 'I')
        return 0;
    return head.p[10] == 1 || head.p[10] == 2 ? head.p[10] : 0;
}

enum trn_format trn_format_of(struct trn_str head)
{
    if (head.n == 0)
        return TRN_FORMAT_EMPTY;
    if (trn_appimage_type(head))
        return TRN_FORMAT_APPIMAGE;
    if (trn_str_starts(head, TRN_STR("\177ELF")))
        return TRN_FORMAT_ELF;
    if (trn_str_starts(head, TRN_STR("#!")))
        return TRN_FORMAT_SCRIPT;
    return TRN_FORMAT_DATA;
}

const char *trn_format_name(enum trn_format f)
{
    static const char *const names[TRN_FORMAT_MAX] = {
        "empty", "data",     "elf",    "appimage", "script", "pe",         "macho", "macho-fat", "ole2",
        "msi",   "zip",      "tar",    "gzip",     "bzip2",  "xz",         "lzma",  "zstd",      "lz4",
        "7z",    "rar",      "cab",    "deb",      "ar",     "rpm",        "cpio",  "iso",       "xar",
        "asar",  "squashfs", "dmg",    "hfs+",     "apfs",   "ico",        "png",   "jpeg",      "gif",
        "bmp",   "pdf",      "class",  "wasm",     "json",   "javascript", "shell", "python",    "text",
        "der",   "nsis",     "7z-sfx", "disk",     "wim",    "ext",        "cramfs"};
    return (unsigned)f < TRN_FORMAT_MAX ? names[f] : "data";
}
