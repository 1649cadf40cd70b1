/* SPDX-License-Identifier: Apache-2.0 */
/* ELF files, 32 and 64 bit, both byte orders: what identity needs, no more. */
#ifndef TRN_FORMATS_ELF_H
#define TRN_FORMATS_ELF_H

#include "base/base.h"

#define TRN_ELF_BUILD_ID_MAX 64

enum trn_elf_type { TRN_ELF_NONE = 0, TRN_ELF_REL = 1, TRN_ELF_EXEC = 2, TRN_ELF_DYN = 3, TRN_ELF_CORE = 4 };

/* A window onto the file: puts up to n bytes from place `at` into dst and returns how many (0 at the
 * end) or negative errno. A file is never mapped: others can cut it. */
struct trn_elf_source {
    int64_t (*read)(void *ctx, uint64_t at, void *dst, size_t n);
    void *ctx;
};

struct trn_elf {
    uint8_t bits; /* 32 or 64 */
    bool big_endian;
    uint16_t type, machine;
    struct trn_str build_id; /* raw GNU build-id; absent when there is none */
    struct trn_str interp;   /* dynamic loader; absent when there is none */
};

/* -ENOEXEC: not an ELF file; -EBADMSG: one, but its tables are damaged; -ENOMEM; or what read gave. */
int trn_elf_read(const struct trn_elf_source *s, struct trn_arena *a, struct trn_elf *ret) TRN_MUST_CHECK;
/* The same over bytes in memory. */
int trn_elf_parse(struct trn_str bytes, struct trn_arena *a, struct trn_elf *ret) TRN_MUST_CHECK;
/* The build-id alone, out of the bytes of a note section or segment (as perf and /sys give it). Borrowed. */
int trn_elf_build_id(struct trn_str notes, bool big_endian, size_t align, struct trn_str *ret) TRN_MUST_CHECK;

#endif
