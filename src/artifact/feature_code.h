/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the room: features of programs. Each format's are told by its look, from what that has read for its checks, so
 * that no program is parsed twice: feature_pe.c, feature_elf.c, feature_macho.c.
 */
#ifndef TRN_ARTIFACT_FEATURE_CODE_H
#define TRN_ARTIFACT_FEATURE_CODE_H

#include "artifact/look.h"

#define TRN_FEATURE_IMPORTS_MAX 8000u
#define TRN_FEATURE_EXPORTS_MAX 6000u /* of a library that offers more none is told, only how many */
/* Of a program with more imports than are told: those of C++, Rust, Swift and Objective-C, and numbers, are left out. What a system
 * offers is called otherwise, and is told first. */
bool trn_feature_left_out(struct trn_str import);
/* wanted: how many were to be told; says so when not all were. */
int trn_feature_imports_end(struct trn_look *l, uint32_t wanted) TRN_MUST_CHECK;

/* ---- feature_code.c: what bytes tell, whatever the format ---- */
struct trn_code_region {
    struct trn_str name;
    uint64_t at, size;
    bool code, x86; /* its bytes are instructions; of an x86 processor */
    bool packed;    /* its format says that it is compressed */
};
/* Random-looking runs, tables of ciphers, and of code what it can do without importing it. */
int trn_feature_regions(struct trn_look *l, const struct trn_code_region *r, size_t n) TRN_MUST_CHECK;

/* The bytes of regions that may hold texts (without sections they stand among the code), a window at a time: each begins `overlap`
 * bytes before the last one ended. first: of its region. Ends with the first that is not 0, or when the look is over. */
typedef int trn_text_window(void *ctx, struct trn_str bytes, uint64_t at, bool first);
int trn_feature_windows(struct trn_look *l, const struct trn_code_region *r, size_t n, uint32_t overlap,
                        trn_text_window *window, void *ctx) TRN_MUST_CHECK;

/* ---- feature_sibling.c ---- */
/* Names of libraries and programs that stand whole as texts in these bytes, for who reads files; skip: those that the
 * loader gets anyway. */
struct trn_sibling_names {
    const struct trn_str *skip;
    size_t n_skip;
    uint64_t weight; /* the features' number: 1 when the code can make memory executable or decrypts */
};
int trn_feature_siblings(struct trn_look *l, const struct trn_code_region *r, size_t n,
                         const struct trn_sibling_names *how) TRN_MUST_CHECK;

/* ---- feature_name.c ---- */
/* Functions that are asked for by name, as imports with the key "by name". imported: those are none of them; NULL: nothing is. */
int trn_feature_asked(struct trn_look *l, const struct trn_code_region *r, size_t n,
                      bool (*imported)(const void *ctx, const char *name), const void *ctx) TRN_MUST_CHECK;

/* ---- what is shared ---- */
/* "rwx", "-" for what is not */
struct trn_str trn_feature_access(struct trn_look *l, bool r, bool w, bool x);
struct trn_str trn_feature_lower(struct trn_look *l, struct trn_str s); /* ASCII */
/* How many there are, for what is not told one by one. */
int trn_feature_count(struct trn_look *l, const char *key, uint64_t n) TRN_MUST_CHECK;
/* A build-id and the like, as hex digits. */
int trn_feature_hex(struct trn_look *l, const char *key, const void *p, size_t n) TRN_MUST_CHECK;

#endif
