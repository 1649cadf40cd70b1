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
    TRN_FORMAT_SCRIPT,
    TRN_FORMAT_MAX,
};

#define TRN_FORMAT_HEAD 16 /* bytes that suffice to tell */

enum trn_format trn_format_of(struct trn_str head);
const char *trn_format_name(enum trn_format f); /* "elf"; never NULL */
/* 1 or 2 for an AppImage of that type, else 0. */
int trn_appimage_type(struct trn_str head);

#endif
