/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two releases compared: what a scan told of each, paired member by member, what a change means, judged in context.
 * Pure: no file is read here, no clock asked (store.c alone has a database). What comes in was told by workers, so it is
 * foreign: bounded, counted, escaped when it is shown.
 *
 *   pool's sink -> trn_release (one for OLD, one for NEW) -> pair.c -> compare_*.c -> context_*.c -> trn_diff -> reports
 *
 * Ownership: a release owns all it was told (its arena). A diff borrows both releases and owns its own arena.
 */
#ifndef TRN_RELEASE_RELEASE_H
#define TRN_RELEASE_RELEASE_H

#include "artifact/artifact.h"

/* ---- release.c: one release as it was told ---- */
struct trn_release;

struct trn_property {
    struct trn_str key, value;
};
struct
    trn_release_member { /* one content of it; views live as long as its release (or, when it is known, as the other) */
    struct trn_str path; /* "data.tar!usr/lib/libx.so": containers end with "!"; of a file given by itself "" */
    struct trn_str name; /* base name, raw */
    uint32_t parent;     /* index of the container it is in; TRN_NO_MEMBER: none */
    uint32_t depth;
    uint32_t children; /* members directly in it */
    enum trn_format format;
    uint64_t size;
    uint32_t mode, entropy_milli;
    uint8_t sha256[TRN_SHA256_SIZE];
    const struct trn_signature *signature; /* NULL: none */
    const struct trn_property *properties; /* in the order told */
    size_t n_properties;
    const struct trn_feature *features; /* in order of kind, key, value; no two are the same */
    size_t n_features;
    const struct trn_finding *const *findings; /* of the scan, in the order told */
    size_t n_findings;
    uint32_t gaps;         /* things in it that could not be looked at */
    enum trn_gap_kind gap; /* the last of them that is more than "unsupported" */
    bool
        known; /* it was not looked at again: features and findings are those of the same content in the other release */
};
#define TRN_NO_MEMBER UINT32_MAX

struct trn_release_options {
    size_t sz;
    struct trn_str label;            /* "1.0", a path: for people */
    const struct trn_release *other; /* for contents that were known: borrowed, outlives this one; NULL: none */
    uint64_t memory;                 /* at most; 0: 512 MiB */
    uint32_t copies;                 /* members that known contents bring with them, at most; 0: 500,000 */
};
int trn_release_new(const struct trn_release_options *o, struct trn_release **ret) TRN_MUST_CHECK;
struct trn_release *trn_release_free(struct trn_release *r); /* takes NULL */
static inline void trn_release_freep(struct trn_release **r)
{
    *r = trn_release_free(*r);
}
/* One more file of it: path as members are to be called ("" for the only one). *ret_file is what the functions below take. */
int trn_release_file(struct trn_release *r, struct trn_str path, uint32_t *ret_file) TRN_MUST_CHECK;
int trn_release_artifact(struct trn_release *r, uint32_t file, const struct trn_artifact *a) TRN_MUST_CHECK;
int trn_release_signature(struct trn_release *r, uint32_t file, uint32_t artifact, const struct trn_signature *s)
    TRN_MUST_CHECK;
int trn_release_property(struct trn_release *r, uint32_t file, uint32_t artifact, struct trn_str key,
                         struct trn_str value) TRN_MUST_CHECK;
int trn_release_feature(struct trn_release *r, uint32_t file, uint32_t artifact, const struct trn_feature *f)
    TRN_MUST_CHECK;
int trn_release_finding(struct trn_release *r, uint32_t file, uint32_t artifact, const struct trn_finding *f)
    TRN_MUST_CHECK;
int trn_release_gap(struct trn_release *r, uint32_t file, uint32_t artifact, const struct trn_gap *g) TRN_MUST_CHECK;
/* code, why: as the pool's end says. */
int trn_release_end(struct trn_release *r, uint32_t file, int code, struct trn_str why) TRN_MUST_CHECK;
/* All was told: members get their paths, features their order, known contents (and what was in them) what the other knew. */
int trn_release_finish(struct trn_release *r) TRN_MUST_CHECK;

/* Below: only of a finished one. Members: each container before what is in it. */
size_t trn_release_count(const struct trn_release *r);
const struct trn_release_member *trn_release_at(const struct trn_release *r, size_t i);
struct trn_str trn_release_label(const struct trn_release *r);
/* What is to be said of what could not be looked at, in the order told; what is shown: escaped. NULL past the end. */
struct trn_release_gap {
    uint32_t member; /* TRN_NO_MEMBER: a whole file, that is not there */
    struct trn_gap gap;
};
const struct trn_release_gap *trn_release_gap_at(const struct trn_release *r, size_t i);
bool trn_release_undecided(const struct trn_release *r); /* some gap is more than an unsupported format */
/* Keys of all its contents (trn_known_key), sorted, without doubles: for trn_scan_pool_submit_but. */
int trn_release_keys(const struct trn_release *r, struct trn_buf *out) TRN_MUST_CHECK;
/* The release by its own words: product and version from the outermost member that says them (deb control, package.json,
 * MSI, version resource, ...); "" when nothing does. */
struct trn_str trn_release_product(const struct trn_release *r);
struct trn_str trn_release_version(const struct trn_release *r);

struct trn_str trn_member_property(const struct trn_release_member *m, const char *key); /* absent: none */
/* Features of one kind, as a slice. */
const struct trn_feature *trn_member_features(const struct trn_release_member *m, enum trn_feature_kind kind,
                                              size_t *ret_n);
/* Has it one of this kind, key and value? key or value absent (TRN_STR_NONE): any. NULL: no. */
const struct trn_feature *trn_member_feature(const struct trn_release_member *m, enum trn_feature_kind kind,
                                             struct trn_str key, struct trn_str value);
/* Programs of it; one of a base name (any case) that is not `but`: NULL, none. */
size_t trn_release_programs(const struct trn_release *r);
const struct trn_release_member *trn_release_program_named(const struct trn_release *r, struct trn_str name,
                                                           const struct trn_release_member *but);
bool trn_member_is_program(const struct trn_release_member *m); /* PE, ELF, Mach-O */
bool trn_member_is_script(
    const struct trn_release_member *m); /* JavaScript, shell, Python, PHP, Perl, PowerShell, package.json */

/* ---- diff.c: two of them ---- */
enum trn_change_kind {
    TRN_CHANGE_SAME = 0, /* the same content at the same place */
    TRN_CHANGE_ADDED,
    TRN_CHANGE_REMOVED,
    TRN_CHANGE_CHANGED,
    TRN_CHANGE_RENAMED, /* the same or a like content at another place */
    TRN_CHANGE_UNSEEN, /* it has no counterpart, and stands in a file that could not be read to its end on the other side */
    TRN_CHANGE_KIND_MAX,
};
const char *trn_change_kind_name(enum trn_change_kind k); /* same added removed changed renamed unseen */
enum trn_pair_reason { TRN_PAIR_NONE = 0, TRN_PAIR_PATH, TRN_PAIR_VERSION_IN_PATH, TRN_PAIR_CONTENT, TRN_PAIR_SIMILAR };
const char *trn_pair_reason_name(enum trn_pair_reason r); /* "" path version-in-path content similar */

struct trn_change { /* one pair */
    enum trn_change_kind kind;
    enum trn_pair_reason by;
    uint32_t similarity;                                      /* thousandths, when by is similar */
    const struct trn_release_member *old_member, *new_member; /* NULL: none */
    struct trn_finding *findings;                             /* of this pair, strongest first; owned by the diff */
    size_t n_findings;
    uint32_t scanned_before; /* findings of the scan that the old one had as well: not told again */
};

struct trn_reason { /* one finding of some change, for the report */
    const struct trn_change *change;
    const struct trn_finding *finding;
};

struct trn_diff {
    const struct trn_release *old_release, *new_release; /* borrowed */
    enum trn_verdict verdict;
    uint16_t score;
    bool equal;                 /* nothing differs at all */
    bool undecided;             /* something that changed could not be looked at, in either */
    struct trn_change *changes; /* in order of path of the new (else the old) one */
    size_t n_changes;
    size_t counts[TRN_CHANGE_KIND_MAX];
    struct trn_reason *reasons; /* all findings, those that weigh most first */
    size_t n_reasons;
    struct trn_arena *arena;
};

#define TRN_HISTORY_MAX 256u /* releases before OLD that are asked */

struct trn_diff_options {
    size_t sz;
    /* Reference builds that bundled libraries are compared with (--upstream); borrowed, finished. */
    const struct trn_release *const *upstream;
    size_t n_upstream;
    /* Releases before OLD, newest first: what they had is not new. Borrowed, finished. */
    const struct trn_release *const *history;
    size_t n_history;
    /* Those before them, as many as there are, read one by one and only when there is something to be asked of them: *ret is
     * borrowed until the next call, NULL: there is none number i. Ends the comparison with what it fails with. */
    int (*older)(void *ctx, size_t i, const struct trn_release **ret);
    void *older_ctx;
    /* Is this finding accepted (policy)? Then it weighs nothing, and its evidence says why. NULL: nothing is. */
    bool (*accepted)(void *ctx, const struct trn_change *c, const struct trn_finding *f, struct trn_str *ret_reason);
    void *accepted_ctx;
};
/* -EINVAL: the two are of different kinds (a program and a package), so there is nothing to compare. */
int trn_diff_new(const struct trn_release *before, const struct trn_release *after, const struct trn_diff_options *o,
                 struct trn_diff **ret, struct trn_err *err) TRN_MUST_CHECK;
struct trn_diff *trn_diff_free(struct trn_diff *d); /* takes NULL */
static inline void trn_diff_freep(struct trn_diff **d)
{
    *d = trn_diff_free(*d);
}

/* ---- packed.c: a release as bytes ---- */
/* Appends a finished one. -EFBIG: more than one may be made of, or than there is room for. */
int trn_release_pack(const struct trn_release *r, struct trn_buf *out) TRN_MUST_CHECK;
/* Finished, the caller's to free. -EBADMSG: these are no such bytes, or they were damaged. */
int trn_release_unpack(struct trn_str packed, struct trn_release **ret) TRN_MUST_CHECK;
uint64_t trn_release_packed_raw(struct trn_str packed); /* bytes it has unpacked; 0: these are no such bytes */

/* ---- store.c: releases that were seen before ---- */
/* The local reference store: one SQLite file that keeps, per product, what every release seen was made of, so that NEW alone
 * can be compared with the last one and with all before. Bounded: the oldest go first (of a product, then of all). */
struct trn_release_store;
struct trn_release_seen {                   /* one that is kept; views live during the call */
    struct trn_str product, version, label; /* raw. No product told: the label's base name without version numbers */
    uint64_t wall_ns;                       /* when it was seen */
    uint8_t content[TRN_SHA256_SIZE];       /* of a file given by itself its hash, else over all paths and hashes */
    uint64_t members, bytes;
};
/* Makes the file (0600) when it is not there; its folder must be. -EUCLEAN: no store or damaged; -ENOTSUP: a newer schema. */
int trn_release_store_open(const char *path, struct trn_release_store **ret, struct trn_err *err) TRN_MUST_CHECK;
struct trn_release_store *trn_release_store_close(struct trn_release_store *s); /* takes NULL */
static inline void trn_release_store_closep(struct trn_release_store **s)
{
    *s = trn_release_store_close(*s);
}
/* Keeps a finished release; the same version of the product again replaces it. -EFBIG: too much to be kept. */
int trn_release_store_put(struct trn_release_store *s, const struct trn_release *r, uint64_t wall_ns,
                          struct trn_err *err) TRN_MUST_CHECK;
/* Up to max releases of the product of `after` that were seen before it, newest first, finished, each its caller's to free;
 * never one with the very content of `after`. What was kept and cannot be read any more is passed over. */
int trn_release_store_history(struct trn_release_store *s, const struct trn_release *after, size_t max,
                              struct trn_release **ret, size_t *ret_n, struct trn_err *err) TRN_MUST_CHECK;
/* The same by number, to be read one by one. */
int trn_release_store_older(struct trn_release_store *s, const struct trn_release *after, int64_t *ret, size_t max,
                            size_t *ret_n, struct trn_err *err) TRN_MUST_CHECK;
/* -EBADMSG, -ENOENT (both without words): it cannot be read any more. */
int trn_release_store_read(struct trn_release_store *s, int64_t id, struct trn_release **ret, struct trn_err *err)
    TRN_MUST_CHECK;
/* The newest of them. -ENOENT: none was seen. */
int trn_release_store_last(struct trn_release_store *s, const struct trn_release *after, struct trn_release **ret,
                           struct trn_err *err) TRN_MUST_CHECK;
/* All that is kept, by product, newest first; only: of this product (absent: of all). What each returns ends the walk. */
int trn_release_store_list(struct trn_release_store *s, struct trn_str only,
                           int (*each)(void *ctx, const struct trn_release_seen *seen), void *ctx, struct trn_err *err)
    TRN_MUST_CHECK;

#endif
