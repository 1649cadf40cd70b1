/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the table of formats: who looks at one, who opens it. Must not own: any of their code.
 * One line a format; keep the order of enum trn_format.
 */
#include "artifact/kinds.h"

static const struct trn_kind_ops kinds[] = {
    {TRN_FORMAT_EMPTY, NULL, NULL, NULL},
    {TRN_FORMAT_MACHO, trn_look_macho, NULL, NULL},
    {TRN_FORMAT_MACHO_FAT, trn_look_macho_fat, trn_open_macho_fat, NULL},
    {TRN_FORMAT_DMG, trn_look_dmg, trn_open_dmg, NULL},
    {TRN_FORMAT_HFSPLUS, NULL, trn_open_hfs, NULL},
    {TRN_FORMAT_APFS, trn_look_apfs, NULL, NULL},
    {TRN_FORMAT_DISK, NULL, trn_open_disk, NULL},
    {TRN_FORMAT_ELF, trn_look_elf, trn_open_elf, NULL},
    {TRN_FORMAT_PE, trn_look_pe, trn_open_pe, NULL},
    {TRN_FORMAT_ZIP, NULL, trn_open_zip, NULL},
    {TRN_FORMAT_SQUASHFS, NULL, trn_open_squashfs, NULL},
    {TRN_FORMAT_APPIMAGE, trn_look_elf, trn_open_appimage, NULL},
    {TRN_FORMAT_TAR, NULL, trn_open_tar, NULL},
    {TRN_FORMAT_GZIP, NULL, trn_open_stream, NULL},
    {TRN_FORMAT_BZIP2, NULL, trn_open_stream, NULL},
    {TRN_FORMAT_XZ, NULL, trn_open_stream, NULL},
    {TRN_FORMAT_LZMA, NULL, trn_open_stream, NULL},
    {TRN_FORMAT_ZSTD, NULL, trn_open_stream, NULL},
    {TRN_FORMAT_LZ4, NULL, trn_open_stream, NULL},
    {TRN_FORMAT_SEVENZIP, NULL, trn_open_sevenzip, NULL},
    {TRN_FORMAT_RAR, NULL, trn_open_rar, NULL},
    {TRN_FORMAT_CAB, trn_look_cab, trn_open_cab, NULL},
    {TRN_FORMAT_DEB, NULL, trn_open_ar, NULL},
    {TRN_FORMAT_AR, NULL, trn_open_ar, NULL},
    {TRN_FORMAT_RPM, NULL, trn_open_rpm, NULL},
    {TRN_FORMAT_CPIO, NULL, trn_open_cpio, NULL},
    {TRN_FORMAT_ISO, NULL, trn_open_iso, NULL},
    {TRN_FORMAT_XAR, NULL, trn_open_xar, NULL},
    {TRN_FORMAT_ASAR, trn_look_asar, trn_open_asar, NULL},
    {TRN_FORMAT_ICO, trn_look_image, NULL, NULL},
    {TRN_FORMAT_PNG, trn_look_image, NULL, NULL},
    {TRN_FORMAT_JPEG, trn_look_image, NULL, NULL},
    {TRN_FORMAT_GIF, trn_look_image, NULL, NULL},
    {TRN_FORMAT_BMP, trn_look_image, NULL, NULL},
    {TRN_FORMAT_OLE2, trn_look_ole2, trn_open_ole2, NULL},
    {TRN_FORMAT_MSI, trn_look_ole2, trn_open_ole2, NULL},
    {TRN_FORMAT_NSIS, trn_look_nsis, trn_open_nsis, NULL},
    {TRN_FORMAT_SFX7Z, NULL, trn_open_sfx7z, NULL},
    {TRN_FORMAT_WIM, NULL, trn_open_not, NULL},
    {TRN_FORMAT_EXT, NULL, trn_open_not, NULL},
    {TRN_FORMAT_CRAMFS, NULL, trn_open_not, NULL},
    {TRN_FORMAT_JSON, trn_look_package_json, NULL, NULL},
    {TRN_FORMAT_JAVASCRIPT, trn_look_javascript, NULL, NULL},
    {TRN_FORMAT_SHELL, trn_look_shell, NULL, NULL},
    {TRN_FORMAT_PYTHON, trn_look_python, NULL, NULL},
};

int (*const trn_look_always[])(struct trn_look *l, struct trn_err *err) = {
    trn_look_about,    trn_look_feed, trn_look_signatures,      trn_look_strings,
    trn_look_disguise, trn_look_inno, trn_look_behind_document, NULL,
};

int (*const trn_look_features[])(struct trn_look *l, struct trn_err *err) = {
    trn_feature_about, trn_feature_code, trn_feature_text,    trn_feature_script,   trn_feature_package,
    trn_feature_rpm,   trn_feature_msi,  trn_feature_service, trn_feature_embedded, NULL,
};

int (*const trn_look_release[])(struct trn_look *l, struct trn_err *err) = {
    trn_release_feed,     trn_release_macho,     trn_look_pe_release, trn_look_unsigned_siblings,
    trn_look_elf_release, trn_release_lifecycle, trn_look_statements, NULL,
};

const struct trn_kind_ops *trn_kind_of(enum trn_format f)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(kinds); i++)
        if (kinds[i].format == f)
            return &kinds[i];
    return NULL;
}
