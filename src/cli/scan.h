/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of 'turncoat scan' share.
 *
 *   walk: files in order of path --> collect: cache, or a worker --> result of one file, whole --> tree, JSON, SARIF, SBOM
 *
 * A result is the sequence of what the worker told, encoded: in memory while small, else in an unlinked file. It is the
 * same thing live and from the cache, so that both print alike.
 */
#ifndef TRN_CLI_SCAN_H
#define TRN_CLI_SCAN_H

#include "cli/render.h"
#include "inspect/inspect.h"

#include <sys/stat.h>

/* ---- cmd_scan_result.c: what was told about one file ---- */
enum trn_item_kind {
    TRN_ITEM_ARTIFACT = 1,
    TRN_ITEM_SIGNATURE,
    TRN_ITEM_PROPERTY,
    TRN_ITEM_FINDING,
    TRN_ITEM_GAP,
    TRN_ITEM_MAX
};

struct trn_item { /* one thing told; views borrow from the result or its reader until the next read */
    enum trn_item_kind kind;
    uint32_t artifact;
    union {
        struct trn_artifact a;
        struct trn_signature s;
        struct {
            struct trn_str key, value;
        } p;
        struct trn_finding f;
        struct trn_gap g;
    };
};

struct trn_result {
    struct trn_buf mem; /* all of it, or what is not in the file yet */
    int fd;             /* an unlinked file; -1: all is in memory */
    uint64_t size;      /* bytes in all */
    bool bad;           /* no room: it is not whole */
    bool passing;       /* the clock or the machine cut it short: the next time it may be longer */
};
void trn_result_init(struct trn_result *r);
void trn_result_done(struct trn_result *r);
void trn_result_artifact(struct trn_result *r, const struct trn_artifact *a);
void trn_result_signature(struct trn_result *r, uint32_t artifact, const struct trn_signature *s);
void trn_result_property(struct trn_result *r, uint32_t artifact, struct trn_str key, struct trn_str value);
void trn_result_finding(struct trn_result *r, uint32_t artifact, const struct trn_finding *f);
void trn_result_gap(struct trn_result *r, uint32_t artifact, const struct trn_gap *g);
/* From bytes that trn_result_bytes gave: copied. */
void trn_result_load(struct trn_result *r, struct trn_str bytes);
/* All of it in one piece, appended. false: too long for out, or it cannot be read. */
bool trn_result_bytes(struct trn_result *r, struct trn_buf *out);

/* ---- cmd_scan_index.c: a result in order of artifacts ---- */
struct trn_scan_node { /* one artifact; numbers of others from 1, 0: none */
    uint64_t at;
    uint32_t parent, child, last_child, next;
    uint32_t first, last; /* of its links */
    uint32_t below;       /* artifacts in it, itself included */
    bool told, told_below;
};
struct trn_link { /* one thing told about it */
    uint64_t at;
    uint32_t next;
};
struct trn_results {
    struct trn_result *result;   /* borrowed */
    struct trn_scan_node *nodes; /* owned; nodes[id - 1] */
    struct trn_link *links;      /* owned; links[n - 1] */
    uint32_t n, cap, n_links, cap_links;
    struct trn_buf window; /* of a result in a file */
    uint64_t window_at;
};
void trn_results_init(struct trn_results *x);
void trn_results_done(struct trn_results *x);
/* Reads the thing told at a place. 0 or -EBADMSG, -EIO. */
int trn_results_read(struct trn_results *x, uint64_t at, struct trn_item *ret, uint64_t *ret_next) TRN_MUST_CHECK;
int trn_results_artifact(struct trn_results *x, uint32_t id, struct trn_item *ret) TRN_MUST_CHECK;
/* Where an artifact lies in its file: "data.tar.xz!/data.tar!/usr/bin/x", raw. Empty for the file itself. */
int trn_results_member(struct trn_results *x, uint32_t id, struct trn_buf *out) TRN_MUST_CHECK;

struct trn_scanned {     /* one file and all that is known of it */
    struct trn_str path; /* raw, as it was walked */
    struct trn_results index;
    int code; /* 0; negative: it could not be looked at, or only in part */
    struct trn_str why;
    bool note;    /* no file: something in the way of the walk */
    bool changed; /* while it was read */
    uint64_t size;
    uint16_t score;
    enum trn_verdict verdict;
    uint32_t findings, gaps[TRN_GAP_KIND_MAX];
    char strongest_text[400]; /* the summary that weighs most */
};
/* Builds the index, counts and judges. A result that makes no sense becomes code -EBADMSG. */
int trn_scanned_judge(struct trn_scanned *t, struct trn_result *r) TRN_MUST_CHECK;
/* Could somebody be misled by taking this for all? */
bool trn_scanned_undecided(const struct trn_scanned *t);

struct trn_scan_sum { /* of all files */
    uint64_t files, artifacts, bytes, findings, verdicts[TRN_VERDICT_MAX], gaps[TRN_GAP_KIND_MAX];
    uint64_t failed, notes, changed, links, skipped, cached;
    uint16_t score;
    enum trn_verdict verdict;
    bool undecided, interrupted;
    uint64_t ns;
};
void trn_scan_sum_add(struct trn_scan_sum *s, const struct trn_scanned *t);

/* ---- cmd_scan_out.c: hand-written JSON that goes out as it comes ---- */
struct trn_out {
    FILE *f; /* borrowed */
    struct trn_buf b;
};
void trn_out_init(struct trn_out *o, FILE *f);
void trn_out_done(struct trn_out *o);
void trn_out_flush(struct trn_out *o, size_t from); /* when it holds that many bytes */
void trn_out_comma(struct trn_buf *b);
void trn_out_key(struct trn_buf *b, const char *key);
void trn_out_str(struct trn_buf *b, const char *key, struct trn_str s); /* absent: null */
void trn_out_c(struct trn_buf *b, const char *key, const char *s);
void trn_out_u64(struct trn_buf *b, const char *key, uint64_t v);
void trn_out_bool(struct trn_buf *b, const char *key, bool v);
void trn_out_hex(struct trn_buf *b, const char *key, struct trn_str raw); /* absent: null */
/* A name, and its bytes as hex under KEY_hex when it is no UTF-8. */
void trn_out_name(struct trn_buf *b, const char *key, struct trn_str raw);
/* "12,345" */
void trn_put_count(struct trn_buf *b, uint64_t n);

/* ---- cmd_scan_file.c: an output in a file of its own ---- */
struct trn_output {
    const char *path; /* borrowed; NULL: not asked for */
    FILE *f;
    char *temporary; /* owned: renamed to path when it is whole; NULL: path itself is written, a device or a pipe */
    bool standard;
};
bool trn_output_is_standard(const char *path); /* "-" and what else means it; NULL: no */
/* path NULL: nothing is opened; "-": out. */
int trn_output_open(struct trn_output *o, const char *path, FILE *out, struct trn_err *err) TRN_MUST_CHECK;
/* whole false: nothing of it stays. */
int trn_output_close(struct trn_output *o, bool whole, struct trn_err *err) TRN_MUST_CHECK;

/* ---- cmd_scan_page.c: what pages for people share ---- */
size_t trn_page_width(FILE *out);                 /* of the terminal, $COLUMNS, else 110 */
size_t trn_page_columns(const char *s, size_t n); /* that UTF-8 text takes */
/* Escaped text, broken at blanks, where the cursor stands in column `used`; later lines begin with the drawing and blanks up
 * to `column`. Ends the line. */
void trn_page_wrapped(struct trn_buf *b, size_t width, struct trn_str draw, size_t used, size_t column,
                      struct trn_str text);
/* A sentence of a worker: it should be escaped already, and is not trusted to be. Backslashes stay single. */
void trn_page_sentence(struct trn_buf *b, struct trn_str s);

/* ---- the outputs: each is given every file in order, then the sum ---- */
struct trn_scan_tree {
    FILE *out;
    struct trn_buf b;
    bool colour, all;
    size_t width;
};
void trn_scan_tree_init(struct trn_scan_tree *t, FILE *out, bool colour, bool all);
int trn_scan_tree_file(struct trn_scan_tree *t, struct trn_scanned *f) TRN_MUST_CHECK;
void trn_scan_tree_end(struct trn_scan_tree *t, const struct trn_scan_sum *sum);

struct trn_scan_json {
    struct trn_out out;
    struct trn_buf limits; /* told at the end */
    uint64_t limits_left_out;
};
void trn_scan_json_init(struct trn_scan_json *j, FILE *out);
int trn_scan_json_file(struct trn_scan_json *j, struct trn_scanned *f) TRN_MUST_CHECK;
void trn_scan_json_end(struct trn_scan_json *j, const struct trn_scan_sum *sum);
void trn_out_signature(struct trn_buf *b, const struct trn_signature *s); /* one object */

struct trn_scan_sarif {
    struct trn_out out;
    struct trn_buf notes; /* told at the end */
    uint64_t notes_left_out;
};
void trn_scan_sarif_init(struct trn_scan_sarif *s, FILE *out);
int trn_scan_sarif_file(struct trn_scan_sarif *s, struct trn_scanned *f) TRN_MUST_CHECK;
void trn_scan_sarif_end(struct trn_scan_sarif *s, const struct trn_scan_sum *sum);
/* Its parts, for 'turncoat diff': one result; "locations" of one (finding NULL: no region); something that was not seen. */
void trn_sarif_result(struct trn_buf *b, struct trn_str path, struct trn_str member, const struct trn_finding *finding);
void trn_sarif_location(struct trn_buf *b, struct trn_str path, struct trn_str member,
                        const struct trn_finding *finding);
void trn_sarif_note(struct trn_scan_sarif *s, struct trn_str path, struct trn_str member, const char *kind,
                    const char *level, struct trn_str text);

struct trn_scan_sbom {
    struct trn_out out;
    struct trn_digest *digest; /* over all names and hashes: the serial number */
    uint64_t files;
};
void trn_scan_sbom_init(struct trn_scan_sbom *s, FILE *out);
int trn_scan_sbom_file(struct trn_scan_sbom *s, struct trn_scanned *f) TRN_MUST_CHECK;
void trn_scan_sbom_end(struct trn_scan_sbom *s, const struct trn_scan_sum *sum);
/* Its parts, for 'turncoat diff'. */
const char *trn_sbom_type(enum trn_format f, bool has_version);
void trn_sbom_pair(struct trn_buf *b, const char *name, struct trn_str value); /* of "properties" */
void trn_sbom_signer(struct trn_buf *b, const struct trn_signature *s);
/* The serial number out of a hash of all that is in it, and the metadata, up to its "properties", which stay open. */
void trn_sbom_about(struct trn_buf *b, const uint8_t hash[TRN_SHA256_SIZE], enum trn_verdict verdict, bool complete);
int trn_sbom_digest(struct trn_digest *d, struct trn_str s) TRN_MUST_CHECK; /* of a text with its length */

/* ---- cmd_scan_walk.c ---- */
struct trn_walk;
struct trn_walked {
    struct trn_str path; /* raw; lives until the next call */
    const char *name;    /* in dir; for openat */
    int dir;             /* descriptor, borrowed until the next call; AT_FDCWD for what was named */
    bool named;          /* by the caller: a link is followed */
    struct stat st;
    int error;       /* negative: no file, but something that could not be read */
    const char *why; /* with error: in words */
};
int trn_walk_new(char *const *paths, int n, struct trn_walk **ret) TRN_MUST_CHECK;
struct trn_walk *trn_walk_free(struct trn_walk *w);
/* 1: a file or something to be told; 0: no more; negative: it cannot go on. In order of path below each path named. */
int trn_walk_next(struct trn_walk *w, struct trn_walked *ret) TRN_MUST_CHECK;
/* Opens what was walked to, if it is still that: a regular file of the same number. fd or negative errno. */
int trn_walk_open(const struct trn_walked *f) TRN_MUST_CHECK;
/* How many names were left out: other names of one file; what is no regular file. */
void trn_walk_counts(const struct trn_walk *w, uint64_t *ret_links, uint64_t *ret_skipped);

/* ---- cmd_scan_cache.c: results of files that did not change ---- */
struct trn_cache;
struct trn_cache_key { /* which file */
    uint64_t dev, ino, ctime_ns, size, name, mode;
};
struct trn_cache_key trn_cache_key_of(const struct stat *st, struct trn_str name);
/* Makes the folder (0700) unless it is there; negative when it is not ours alone. */
int trn_cache_folder(const char *dir) TRN_MUST_CHECK;
/* question: hash of all that an answer depends on beside the file. *ret NULL with 0: none, err says why
 * (the caller tells it, and goes on). */
int trn_cache_open(const char *dir, const uint8_t question[TRN_SHA256_SIZE], uint64_t max_bytes, struct trn_cache **ret,
                   struct trn_err *err) TRN_MUST_CHECK;
struct trn_cache *trn_cache_close(struct trn_cache *c, struct trn_err *err); /* err: what went wrong on the way */
/* true: *r holds what was told of this file. */
bool trn_cache_find(struct trn_cache *c, const struct trn_cache_key *k, struct trn_result *r);
/* May a file of this name, mode and size be known by its content? Then hashing fd may be worth it. */
bool trn_cache_find_content(struct trn_cache *c, const struct trn_cache_key *k, int fd, struct trn_result *r);
void trn_cache_put(struct trn_cache *c, const struct trn_cache_key *k, const uint8_t sha256[TRN_SHA256_SIZE],
                   struct trn_result *r);
/* Was it changed so shortly before `now` that a later change could carry the same time? */
bool trn_cache_too_fresh(const struct trn_cache_key *k, uint64_t now_wall_ns);
/* Hash of the registry of checks and of this program: a part of every question. */
int trn_cache_program(struct trn_digest *d) TRN_MUST_CHECK;
/* Hash of the list of root certificates, whom signatures may end at: another part. */
int trn_cache_roots(struct trn_digest *d, const char *path) TRN_MUST_CHECK;

/* ---- cmd_scan_options.c ---- */
struct trn_scan_settings {
    struct trn_scan_pool_options pool;
    int rules, compiled, save, indicators; /* owned; -1: none */
    char dir[3072];                        /* of the cache; "": none */
    char compiled_at[3200];                /* the file of the rules, compiled; "": none */
    char quiet_at[3200];                   /* the mark that nothing was to be said of them; "": none */
    uint8_t question[TRN_SHA256_SIZE];
    bool cache, all;
    bool quiet; /* nothing is to be said of rules and indicators: they need not be read before they are needed */
    uint64_t rule_files;
};
/* A word that is wrong: -EINVAL. */
int trn_scan_settings_read(struct trn_cli *cli, struct trn_scan_settings *ret, struct trn_err *err) TRN_MUST_CHECK;
/* good: the workers could begin with these rules; faults: how many of rules and indicators were told. */
void trn_scan_settings_done(struct trn_scan_settings *s, bool good, unsigned faults);
/* "bytes=1G,depth=4" into l. */
int trn_scan_limits_parse(const char *text, struct trn_limits *l, struct trn_err *err) TRN_MUST_CHECK;

/* ---- cmd_scan_progress.c ---- */
struct trn_progress {
    FILE *to; /* NULL: nobody looks */
    uint64_t start_ns, next_ns;
    bool shown;
};
void trn_progress_init(struct trn_progress *p, FILE *to);
void trn_progress_tell(struct trn_progress *p, uint64_t files, uint64_t bytes, struct trn_str path);
void trn_progress_clear(struct trn_progress *p); /* before anything else is written */

/* ---- cmd_scan_collect.c: from files to results ---- */
struct trn_collect_options {
    const struct trn_scan_settings *settings;
    char *const *paths;
    int n_paths;
    int (*file)(void *ctx, struct trn_scanned *t); /* in order; negative: stop */
    void (*bad_rule)(void *ctx, struct trn_str file, uint32_t line, struct trn_str why);
    void (*idle)(void *ctx, uint64_t files, uint64_t bytes, struct trn_str path); /* now and then */
    bool (*stopped)(void *ctx);                                                   /* somebody wants an end */
    void (*warn)(void *ctx, const struct trn_err *err);                           /* it goes on */
    void *ctx;
};
int trn_collect(const struct trn_collect_options *o, struct trn_scan_sum *sum, struct trn_err *err) TRN_MUST_CHECK;

#endif
