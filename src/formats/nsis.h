/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an NSIS installer carries behind its program: a first header, then its script and files, in one compressed stream
 * ("solid") or each by itself. Read from the NSIS sources' description; the data is unpacked elsewhere.
 */
#ifndef TRN_FORMATS_NSIS_H
#define TRN_FORMATS_NSIS_H

#include "base/base.h"

#define TRN_NSIS_FIRST_HEADER 28u
#define TRN_NSIS_SCRIPT_MAX (32u << 20)

enum trn_nsis_method { TRN_NSIS_DEFLATE = 0, TRN_NSIS_BZIP2, TRN_NSIS_LZMA, TRN_NSIS_METHOD_MAX };

struct trn_nsis {
    uint32_t flags;
    uint32_t script_size; /* unpacked */
    uint64_t size;        /* of all: first header, data, checksum */
    uint64_t data_end;    /* behind the data, before the checksum */
    bool has_crc;
    bool uninstaller;
    bool solid;
    enum trn_nsis_method method;
};
/* -ENOEXEC: none; -EBADMSG: cut off in its first header. */
int trn_nsis_read(const struct trn_source *s, struct trn_nsis *ret, struct trn_err *err) TRN_MUST_CHECK;
/* What the first bytes of one compressed block say. */
enum trn_nsis_method trn_nsis_method_of(const uint8_t *p, size_t n);
const char *trn_nsis_method_name(enum trn_nsis_method m);

/* ---- the script: which file stands at which place of the data ---- */
struct trn_nsis_file {
    uint32_t at; /* in the data, behind the script */
    struct trn_str
        name;         /* with the folder that the script set, '/' between; "$PLUGINSDIR/x" where a variable is left */
    bool uninstaller; /* written by the installer from these bytes and its own program */
    uint32_t order;   /* in the script */
};
struct trn_nsis_script {
    struct trn_nsis_file *files; /* by place, then by order; a place may come twice */
    uint32_t n_files;
    bool unicode;
    bool wide; /* of a 64 bit installer */
};
/* The unpacked script. -EBADMSG: its tables do not fit into it. */
int trn_nsis_script_read(struct trn_str script, struct trn_arena *a, struct trn_nsis_script *ret) TRN_MUST_CHECK;
/* The first of the script that is there; NULL: none. */
const struct trn_nsis_file *trn_nsis_file_at(const struct trn_nsis_script *s, uint64_t at);

#endif
