/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which software a file belongs to. Impure (knows package databases), so never part of the pure
 * engine: its answers travel as IDENTITY and SOFTWARE events.
 * Parsing (trn_dpkg_parse and friends) runs in an inspect worker; the index is used by the engine.
 */
#ifndef TRN_SOFTWARE_SOFTWARE_H
#define TRN_SOFTWARE_SOFTWARE_H

#include "event/event.h"

/* ---- a bundle: several small files in one descriptor, written by turncoatd without parsing ----
 * "TRNB" then per file: u32 name length, u64 data length, name, data; little endian; at most 256 MiB. */
int trn_bundle_put_header(int fd) TRN_MUST_CHECK;
/* Appends the content of a regular file from its offset 0; as long as fstat said (-ENODATA when it shrank). */
int trn_bundle_put_file(int fd, struct trn_str name, int from) TRN_MUST_CHECK;

#define TRN_BUNDLE_MAX (256ull << 20)
#define TRN_BUNDLE_NAME_MAX 512
struct trn_bundle_reader {
    int fd; /* borrowed */
    uint64_t at, size;
};
struct trn_bundle_entry {
    char name[TRN_BUNDLE_NAME_MAX];
    size_t name_length;
    uint64_t offset, size; /* of the data, for pread */
};
int trn_bundle_open(int fd, struct trn_bundle_reader *ret, struct trn_err *err) TRN_MUST_CHECK;
/* Next file of a bundle read through pread: 1, 0 at the end, negative errno. */
int trn_bundle_next(struct trn_bundle_reader *r, struct trn_bundle_entry *ret, struct trn_err *err) TRN_MUST_CHECK;

/* ---- dpkg ---- */
struct trn_package {
    struct trn_str name, version, arch, maintainer;
    uint32_t flags; /* TRN_SW_BASE, TRN_SW_UNPACKED */
    uint64_t files; /* how many */
};
struct trn_dpkg_sink { /* results of the parse, in a worker: sent on as messages */
    int (*package)(void *ctx, uint32_t index, const struct trn_package *p);
    /* path with aliases of merged /usr resolved by the index, diversions applied; md5 NULL when not listed */
    int (*file)(void *ctx, uint32_t package, struct trn_str path, const uint8_t *md5);
    void *ctx;
};
/* fd: a bundle holding "status", "diversions", "info/NAME.list", "info/NAME.md5sums", in any order; also
 * "updates/NNNN", dpkg's journal over "status" while it runs. Directories are not reported. */
int trn_dpkg_parse(int fd, const struct trn_dpkg_sink *sink, struct trn_err *err) TRN_MUST_CHECK;

/* ---- the index of one root ---- */
struct trn_package_index; /* compact: hashes of paths, 8 bytes of each MD5 */
int trn_package_index_new(struct trn_package_index **ret) TRN_MUST_CHECK;
struct trn_package_index *trn_package_index_free(struct trn_package_index *x);
int trn_package_index_package(struct trn_package_index *x, uint32_t index, const struct trn_package *p) TRN_MUST_CHECK;
int trn_package_index_file(struct trn_package_index *x, uint32_t package, struct trn_str path, const uint8_t *md5)
    TRN_MUST_CHECK;
int trn_package_index_seal(struct trn_package_index *x) TRN_MUST_CHECK; /* sorts; lookups only after it */
/* Owner of a path (merged /usr aliases tried both ways). False: nobody's. has_md5 false: not listed. */
struct trn_owner {
    const struct trn_package *package; /* borrowed from the index */
    bool has_md5;
    uint8_t md5_head[8];
};
bool trn_package_index_find(const struct trn_package_index *x, struct trn_str path, struct trn_owner *ret);
/* The paths of a package that may be programs or libraries (of the base system none), as its list has them; version absent:
 * whatever is installed. Negative: what file said. */
int trn_package_index_code(const struct trn_package_index *x, struct trn_str name, struct trn_str version,
                           int (*file)(void *ctx, struct trn_str path), void *ctx) TRN_MUST_CHECK;
size_t trn_package_index_packages(const struct trn_package_index *x);
const struct trn_package *trn_package_index_at(const struct trn_package_index *x, size_t i);
const struct trn_package *trn_package_index_named(const struct trn_package_index *x, struct trn_str name);
size_t trn_package_index_bytes(const struct trn_package_index *x);
/* Packages whose version differs between two sealed indexes, by name and architecture: calls back with old or new NULL for added/removed. */
int trn_package_index_diff(const struct trn_package_index *before, const struct trn_package_index *after,
                           int (*change)(void *ctx, const struct trn_package *before, const struct trn_package *after),
                           void *ctx) TRN_MUST_CHECK;

/* ---- one file ---- */
struct trn_file_facts { /* what a worker read from one file; sent as a message */
    uint64_t size;
    uint8_t sha256[TRN_SHA256_SIZE], md5[TRN_MD5_SIZE];
    struct trn_str kind;        /* "elf", "script", "appimage", "jar", "data" */
    struct trn_str build_id;    /* raw */
    struct trn_str interpreter; /* of a script's first line; absent */
};
/* Reads fd whole (bounded by max_bytes: -EFBIG then only size and kind are set). */
int trn_file_facts_read(int fd, uint64_t max_bytes, struct trn_arena *arena, struct trn_file_facts *ret,
                        struct trn_err *err) TRN_MUST_CHECK;

/* Path of the manifest that would name the software of a file outside packages (node_modules/X/package.json,
 * a venv's pyvenv.cfg, dist-info METADATA ...), nearest first, at most max; returns how many. */
size_t trn_manifest_candidates(struct trn_str path, struct trn_arena *arena, struct trn_str *ret, size_t max);
/* Parses such a manifest (in a worker). */
int trn_manifest_parse(struct trn_str file_name, struct trn_str content, struct trn_arena *arena,
                       struct trn_software *ret, struct trn_err *err) TRN_MUST_CHECK;

/* Puts it together: facts and/or manifest may be NULL. Views of the result borrow from the arguments and the arena. */
void trn_identify(const struct trn_package_index *index, struct trn_str path, const struct trn_file_facts *facts,
                  const struct trn_software *manifest, struct trn_arena *arena, struct trn_identity *ret);

/* Dotted versions as dpkg orders them: <0, 0, >0. */
int trn_version_compare(struct trn_str a, struct trn_str b);

#endif
