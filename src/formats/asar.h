/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Electron's archive: two pickles (a number, then a JSON text with the tree of files), then the files' bytes. Nothing of the
 * files is read here.
 */
#ifndef TRN_FORMATS_ASAR_H
#define TRN_FORMATS_ASAR_H

#include "formats/json.h"

#define TRN_ASAR_HEADER_MAX (24u << 20)
#define TRN_ASAR_FILES_MAX 150000u
#define TRN_ASAR_DEPTH 64u

struct trn_asar_file {
    struct trn_asar_file *next;
    struct trn_str path; /* "lib/main.js", as the header says */
    uint64_t at, size;   /* place in the archive, of what is packed */
    bool unpacked;       /* stands beside the archive, not in it */
    bool executable, link, has_hash;
    bool bad_name;         /* a part of its path is empty, "." or "..", or holds a separator or NUL */
    bool twice;            /* its folder has the name twice */
    bool bad_place;        /* no number, or behind the end of the archive */
    bool beyond;           /* and that is because the archive ends before the file does: it was cut off */
    bool other_algorithm;  /* its integrity is not SHA-256 */
    struct trn_str target; /* of a link */
    uint8_t sha256[TRN_SHA256_SIZE];
    uint64_t block;        /* size of a block of its integrity; 0: none told */
    struct trn_str blocks; /* the JSON text of the list of blocks' hashes; absent: none */
    uint32_t n_blocks;
};

struct trn_asar {
    struct trn_asar_file *files; /* in the order of the header; without folders */
    uint32_t n_files, n_folders;
    uint64_t data_at; /* where the first file may begin */
    uint64_t json_at, json_size;
    const char *irregular; /* what does not fit in the pickles around the JSON; NULL: nothing */
    bool cut;              /* more files or folders than allowed: the rest is missing here */
};

/* 0, -ENOMSG when it is none, -EBADMSG when its header is damaged (err says how), -EFBIG, -ENOMEM. Views into s when it is in
 * memory, else into the arena. */
int trn_asar_parse(const struct trn_source *s, struct trn_arena *a, struct trn_asar *ret, struct trn_err *err)
    TRN_MUST_CHECK;
/* Hash number i of the file's list, of n_blocks; the list is walked from *j on: begin with j->text absent. */
int trn_asar_block(const struct trn_asar_file *f, struct trn_json *j, uint8_t ret[TRN_SHA256_SIZE]) TRN_MUST_CHECK;

#endif
