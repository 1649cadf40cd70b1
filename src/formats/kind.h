/* SPDX-License-Identifier: Apache-2.0 */
/* What a file is, from its first bytes. */
#ifndef TRN_FORMATS_KIND_H
#define TRN_FORMATS_KIND_H

#include "base/base.h"

enum trn_format {
    TRN_FORMAT_EMPTY = 0,
    TRN_FORMAT_DATA,
    TRN_FORMAT_ELF,
    TRN_FORMAT_APPIMAGE,
    TRN_FORMAT_SCRIPT, /* begins with "#!"; from trn_format_probe a shell or python script has its own */
    TRN_FORMAT_PE,
    TRN_FORMAT_MACHO,
    TRN_FORMAT_MACHO_FAT,
    TRN_FORMAT_OLE2,
    TRN_FORMAT_MSI,
    TRN_FORMAT_ZIP,
    TRN_FORMAT_TAR,
    TRN_FORMAT_GZIP,
    TRN_FORMAT_BZIP2,
    TRN_FORMAT_XZ,
    TRN_FORMAT_LZMA,
    TRN_FORMAT_ZSTD,
    TRN_FORMAT_LZ4,
    TRN_FORMAT_SEVENZIP,
    TRN_FORMAT_RAR,
    TRN_FORMAT_CAB,
    TRN_FORMAT_DEB,
    TRN_FORMAT_AR,
    TRN_FORMAT_RPM,
    TRN_FORMAT_CPIO,
    TRN_FORMAT_ISO,
    TRN_FORMAT_XAR,
    TRN_FORMAT_ASAR,
    TRN_FORMAT_SQUASHFS,
    TRN_FORMAT_DMG,
    TRN_FORMAT_HFSPLUS,
    TRN_FORMAT_APFS,
    TRN_FORMAT_ICO,
    TRN_FORMAT_PNG,
    TRN_FORMAT_JPEG,
    TRN_FORMAT_GIF,
    TRN_FORMAT_BMP,
    TRN_FORMAT_PDF,
    TRN_FORMAT_CLASS,
    TRN_FORMAT_WASM,
    TRN_FORMAT_JSON,
    TRN_FORMAT_JAVASCRIPT,
    TRN_FORMAT_SHELL,
    TRN_FORMAT_PYTHON,
    TRN_FORMAT_TEXT,
    TRN_FORMAT_DER,
    TRN_FORMAT_NSIS,  /* what an NSIS installer carries behind its program */
    TRN_FORMAT_SFX7Z, /* the settings of a 7-Zip installer, then its archive */
    TRN_FORMAT_DISK,  /* a whole disk with a map of partitions (GPT, Apple) */
    TRN_FORMAT_WIM,   /* this and the two after it are told, and not opened */
    TRN_FORMAT_EXT,
    TRN_FORMAT_CRAMFS,
    TRN_FORMAT_MAX,
};

#define TRN_FORMAT_HEAD 16 /* bytes that suffice to tell */

/* Only EMPTY, DATA, ELF, APPIMAGE or SCRIPT: what matters for who owns a program. */
enum trn_format trn_format_of(struct trn_str head);
const char *trn_format_name(enum trn_format f); /* "elf"; never NULL */
/* What the whole is, by content: head, the places where formats stand that have no magic at the start (tar, iso, dmg), and
 * for text its name as well. The head of a damaged file still says what it should be. 0 or what the source gave. */
int trn_format_probe(const struct trn_source *s, struct trn_str name, enum trn_format *ret) TRN_MUST_CHECK;
/* 1 or 2 for an AppImage of that type, else 0. */
int trn_appimage_type(struct trn_str head);

#endif
