/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: the looks and opens that kinds.c knows, one line each: int trn_look_pe(struct trn_look *, struct trn_err *) */
#ifndef TRN_ARTIFACT_KINDS_H
#define TRN_ARTIFACT_KINDS_H

#include "artifact/look.h"

/* features, for who compares releases */
int trn_feature_about(struct trn_look *l, struct trn_err *err);
bool trn_feature_is_of_place(const struct trn_look *l); /* its mode, attributes or path tell something */
bool trn_feature_has_place(struct trn_str path);        /* a place that things are started from, or that gives rights */
int trn_feature_code(struct trn_look *l, struct trn_err *err); /* of unknown formats; of programs their looks tell it */
int trn_feature_text(struct trn_look *l, struct trn_err *err);
int trn_feature_script(struct trn_look *l, struct trn_err *err);
int trn_feature_package(struct trn_look *l, struct trn_err *err);
int trn_feature_rpm(struct trn_look *l, struct trn_err *err);
int trn_feature_msi(struct trn_look *l, struct trn_err *err);
int trn_feature_service(struct trn_look *l, struct trn_err *err);
int trn_feature_embedded(struct trn_look *l, struct trn_err *err);

/* ELF files */
int trn_look_elf(struct trn_look *l, struct trn_err *err);
int trn_open_elf(struct trn_look *l, struct trn_err *err);
int trn_look_elf_release(struct trn_look *l, struct trn_err *err);

/* Windows programs */
int trn_look_pe(struct trn_look *l, struct trn_err *err);
int trn_open_pe(struct trn_look *l, struct trn_err *err);
int trn_look_pe_release(struct trn_look *l, struct trn_err *err);

/* containers */
int trn_open_tar(struct trn_look *l, struct trn_err *err);
int trn_open_cpio(struct trn_look *l, struct trn_err *err);
int trn_open_sevenzip(struct trn_look *l, struct trn_err *err);
int trn_open_iso(struct trn_look *l, struct trn_err *err);
int trn_open_xar(struct trn_look *l, struct trn_err *err);
/* of formats that are known and not opened: says so */
int trn_open_not(struct trn_look *l, struct trn_err *err);
int trn_open_rar(struct trn_look *l, struct trn_err *err);
int trn_open_stream(struct trn_look *l, struct trn_err *err); /* gz, bz2, xz, lzma, zst, lz4 */
int trn_open_ar(struct trn_look *l, struct trn_err *err);     /* deb as well */
int trn_open_zip(struct trn_look *l, struct trn_err *err);    /* nupkg, jar, wheel, vsix, xpi, apk as well */
int trn_open_squashfs(struct trn_look *l, struct trn_err *err);
int trn_open_appimage(struct trn_look *l, struct trn_err *err);
int trn_open_rpm(struct trn_look *l, struct trn_err *err);
/* Windows installers */
int trn_look_ole2(struct trn_look *l, struct trn_err *err); /* and MSI */
int trn_look_nsis(struct trn_look *l, struct trn_err *err);
int trn_open_nsis(struct trn_look *l, struct trn_err *err);
int trn_open_sfx7z(struct trn_look *l, struct trn_err *err);
int trn_look_inno(struct trn_look *l, struct trn_err *err); /* for all: data behind a program */
int trn_open_ole2(struct trn_look *l, struct trn_err *err);
int trn_look_cab(struct trn_look *l, struct trn_err *err);
int trn_open_cab(struct trn_look *l, struct trn_err *err);

/* text: images, asar, scripts, strings */
int trn_look_javascript(struct trn_look *l, struct trn_err *err);
int trn_look_package_json(struct trn_look *l, struct trn_err *err);
int trn_look_python(struct trn_look *l, struct trn_err *err);
int trn_look_shell(struct trn_look *l, struct trn_err *err);
int trn_release_lifecycle(struct trn_look *l, struct trn_err *err);
int trn_look_disguise(struct trn_look *l, struct trn_err *err);
int trn_look_behind_document(struct trn_look *l, struct trn_err *err); /* texts and PDF */
int trn_look_strings(struct trn_look *l, struct trn_err *err);
int trn_look_asar(struct trn_look *l, struct trn_err *err);
int trn_look_image(struct trn_look *l, struct trn_err *err);
int trn_open_asar(struct trn_look *l, struct trn_err *err);
/* check_macho.c, check_macho_entitlements.c */
int trn_look_macho(struct trn_look *l, struct trn_err *err);
int trn_look_macho_fat(struct trn_look *l, struct trn_err *err);
int trn_open_macho_fat(struct trn_look *l, struct trn_err *err);
int trn_release_macho(struct trn_look *l, struct trn_err *err);
int trn_look_signatures(struct trn_look *l, struct trn_err *err); /* of every format that carries one */
int trn_look_unsigned_siblings(struct trn_look *l, struct trn_err *err);
/* unpack_dmg.c, unpack_hfs.c */
int trn_look_dmg(struct trn_look *l, struct trn_err *err);
int trn_open_dmg(struct trn_look *l, struct trn_err *err);
int trn_look_apfs(struct trn_look *l, struct trn_err *err);
int trn_open_hfs(struct trn_look *l, struct trn_err *err);
int trn_open_disk(struct trn_look *l, struct trn_err *err);
int trn_look_statements(struct trn_look *l, struct trn_err *err); /* of npm, against the packages beside them */

/* layouts of releases */
int trn_look_about(struct trn_look *l, struct trn_err *err);
int trn_look_feed(struct trn_look *l, struct trn_err *err);
int trn_release_feed(struct trn_look *l, struct trn_err *err);

/* layouts of releases */

#endif
