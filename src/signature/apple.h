/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Apple code signatures: of a thin Mach-O file, or of a disk image. Every page is hashed; the special slots are compared
 * with what is at hand; the CMS signature is verified over the code directory. No certificate is fetched and none is
 * read from this machine: a chain counts as known when it ends in one of Apple's roots, told by its hash.
 */
#ifndef TRN_SIGNATURE_APPLE_H
#define TRN_SIGNATURE_APPLE_H

#include "signature/signature.h"

#define TRN_APPLE_DIRECTORIES_MAX 6
#define TRN_APPLE_SUPERBLOB_MAX (24u << 20)

#define TRN_APPLE_ADHOC 0x2u
#define TRN_APPLE_LIBRARY_VALIDATION 0x2000u
#define TRN_APPLE_RUNTIME 0x10000u
#define TRN_APPLE_LINKER_SIGNED 0x20000u

struct trn_apple_where {
    const struct trn_source *bytes; /* all of the signed thing: one slice, one image */
    uint64_t at, size;              /* the room of its signature */
    struct trn_str info_plist;      /* what slot 1 is about; absent: not at hand, not compared */
    struct trn_str rep_specific[2]; /* what slot 6 is about: one of them must fit; absent: not compared */
};

struct trn_apple_directory {
    uint32_t slot, version, flags;
    uint32_t n_special, n_code;
    uint64_t code_limit;
    uint64_t page; /* bytes a hash; 0: all in one */
    uint8_t hash_type, hash_size;
    uint8_t platform;
    uint32_t runtime; /* version of the hardened runtime, 16.8.8 bits; 0: none */
    struct trn_str identifier, team;
    struct trn_str bytes;     /* the whole blob */
    size_t hashes_at;         /* place of code slot 0 in it */
    struct trn_str hash_name; /* "sha256" */
    uint8_t digest[64];       /* of the whole blob, with its own hash */
    uint32_t digest_size;
};

struct trn_apple {
    struct trn_signature s;
    struct trn_apple_directory directories[TRN_APPLE_DIRECTORIES_MAX];
    uint32_t n_directories;
    uint64_t superblob;              /* bytes it says it has */
    struct trn_str entitlements;     /* XML; absent */
    struct trn_str entitlements_der; /* absent */
    const char *why;                 /* static: the first thing that is not right; NULL */
    uint64_t wrong_at;               /* where, in the signed thing; UINT64_MAX: no one place */
    bool has_ticket;                 /* notarization is stapled to it */
    uint64_t unsigned_bytes;         /* of attributes beside the time stamp, and other parts, that nobody signed */
};

/* 0 also for a signature that is wrong: the result says so. kind NONE when the room holds nothing but zeros. -ENOMEM, or what
 * the source gave. */
int trn_apple_verify(const struct trn_apple_where *w, struct trn_arena *a, struct trn_apple *ret) TRN_MUST_CHECK;
/* "adhoc,runtime"; in the arena. */
struct trn_str trn_apple_flags(struct trn_arena *a, uint32_t flags);
/* The part of [at, at + size) from its first to its last byte that is not zero: true, and which; false: only zeros.
 * Negative: what the source gave. */
int trn_apple_nonzero(const struct trn_source *s, uint64_t at, uint64_t size, uint64_t *ret_at, uint64_t *ret_size)
    TRN_MUST_CHECK;

#endif
