/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of 'turncoat diff' share, and 'turncoat gate' uses.
 *
 *   two paths --cmd_diff_collect.c: strict workers--> two releases --src/release/--> trn_diff
 *     --cmd_diff_report.c--> terminal, JSON, SARIF, HTML, CycloneDX
 */
#ifndef TRN_CLI_DIFF_H
#define TRN_CLI_DIFF_H

#include "cli/scan.h"
#include "policy/policy.h"
#include "release/release.h"

/* ---- cmd_diff_collect.c ---- */
struct trn_release_collect {
    const struct trn_scan_settings *settings;
    const struct trn_release *other; /* what is known from there is not looked at again; NULL: none */
    void (*bad_rule)(void *ctx, struct trn_str file, uint32_t line, struct trn_str why); /* may be NULL */
    void (*idle)(void *ctx, uint64_t files, uint64_t bytes, struct trn_str path);        /* now and then; may be NULL */
    bool (*stopped)(void *ctx);                                                          /* may be NULL */
    void *ctx;
};
/* A file or a folder as one release, finished. -ECANCELED: stopped. */
int trn_release_of_path(const char *path, const struct trn_release_collect *o, struct trn_release **ret,
                        struct trn_err *err) TRN_MUST_CHECK;

/* ---- cmd_diff_fit.c: can they be two releases of one product; each says what to give instead ---- */
int trn_diff_other_kinds(const struct trn_release *before, const struct trn_release *after, struct trn_err *err)
    TRN_MUST_CHECK; /* says so: -EINVAL */
int trn_diff_fit(const struct trn_release *before, const struct trn_release *after, struct trn_err *err) TRN_MUST_CHECK;
/* A verdict about two that have nothing in common would be no answer, and look like one. */
int trn_diff_paired(const struct trn_diff *d, struct trn_err *err) TRN_MUST_CHECK;

/* ---- cmd_diff_policy.c: changes that are accepted ---- */
struct trn_accepts {                 /* a policy file (policy/accept.h) while a release is judged by it */
    struct trn_accept_list *list;    /* owned; NULL: none */
    const char *path;                /* borrowed */
    const struct trn_release *after; /* what it is about */
    uint32_t today;                  /* days since 1970 */
    uint32_t used[TRN_ACCEPT_MAX];   /* findings that each entry accepted */
    bool other[TRN_ACCEPT_MAX];      /* it names this check and path, but another content or version */
};
int trn_accepts_read(struct trn_accepts *a, const char *path, struct trn_err *err) TRN_MUST_CHECK;
void trn_accepts_done(struct trn_accepts *a);
/* As trn_diff_options.accepted; ctx: struct trn_accepts. */
bool trn_accepts_ask(void *ctx, const struct trn_change *c, const struct trn_finding *f, struct trn_str *ret_reason);
/* What is to be said of entry i: NULL: it was used. "expired", "another content", "unmatched". */
const char *trn_accepts_state(const struct trn_accepts *a, uint32_t i);
/* "YYYY-MM-DD" */
void trn_put_day(struct trn_buf *b, uint32_t days);

/* ---- cmd_diff_package.c: two versions of a package ---- */
struct trn_diff_package {
    char *before, *after; /* paths, owned */
};
/* dir NULL: the cache of apt. versions: OLD and NEW; n 1: NEW and the one before it; 0: the two newest. */
int trn_diff_package_find(const char *name, const char *dir, char *const *versions, int n, struct trn_diff_package *ret,
                          struct trn_err *err) TRN_MUST_CHECK;
void trn_diff_package_done(struct trn_diff_package *p);

/* ---- cmd_diff_seen.c: releases that were seen before ---- */
#define TRN_SEEN_PATH 3200
struct trn_diff_seen {
    struct trn_release_store *store;  /* owned; NULL: not opened */
    struct trn_release *last, *older; /* owned; older: the one that was read last */
    int64_t ids[TRN_HISTORY_MAX];     /* of all that were seen before, newest first; the first is that of last */
    size_t n;
    struct trn_err *err; /* where older says what is wrong */
    char path[TRN_SEEN_PATH], basis[400];
};
/* path NULL: $XDG_DATA_HOME/turncoat/releases.db, else below ~/.local/share. After the last worker was started. */
int trn_diff_seen_open(struct trn_diff_seen *s, const char *path, struct trn_err *err) TRN_MUST_CHECK;
/* Fills last and basis; n 0: none of its product was seen. */
int trn_diff_seen_before(struct trn_diff_seen *s, const struct trn_release *after, struct trn_err *err) TRN_MUST_CHECK;
/* For struct trn_diff_options.older; ctx: the struct trn_diff_seen. Number 0 is the one before last. */
int trn_diff_seen_older(void *ctx, size_t i, const struct trn_release **ret);
int trn_diff_seen_remember(struct trn_diff_seen *s, const struct trn_release *r, struct trn_err *err) TRN_MUST_CHECK;
void trn_diff_seen_done(struct trn_diff_seen *s);

/* ---- cmd_diff_report.c: what all outputs share ---- */
#define TRN_DIFF_ALIKE 3u    /* of one check, of those: the others are counted, so that they hide nothing */
#define TRN_DIFF_REASONS 10u /* that are shown one by one */
#define TRN_DIFF_DEPTH 96u   /* containers in containers: more than a release has */
struct trn_diff_report {
    const struct trn_diff *diff;
    const struct trn_accepts *policy; /* NULL: none was given */
    const char *basis;                /* how OLD was chosen, in words; NULL: it was named */
    bool all, same_file;
};
struct trn_diff_counts {
    size_t shown[TRN_DIFF_REASONS], n_shown; /* which reasons are shown, in order */
    size_t reasons;                          /* findings that weigh something: the first ones of diff->reasons */
    size_t accepted;                         /* by policy */
    size_t nothing;                          /* findings that weigh nothing for another reason */
    size_t before;                           /* findings of the scan that OLD had too */
    size_t gaps[2][TRN_GAP_KIND_MAX], all_gaps[2];
    size_t paired[TRN_PAIR_SIMILAR + 1];
};
struct trn_diff_counts trn_diff_count(const struct trn_diff *d);
const struct trn_release_member *trn_diff_shown(const struct trn_change *c); /* the new one, else the old one */
const struct trn_release *trn_diff_side(const struct trn_diff *d, const struct trn_change *c); /* that it is in */
/* Product, and version of each; what a release does not say is the base name of what was given. Raw. */
struct trn_diff_title {
    struct trn_str product, was, before, after; /* was: the product of OLD when it is another, else absent */
};
struct trn_diff_title trn_diff_title_of(const struct trn_diff *d);
/* Path for people: of a file that was given by itself its base name. Raw. */
struct trn_str trn_diff_path(const struct trn_release *r, const struct trn_release_member *m);
/* Where a member lies: the file that was given, and "data.tar!/usr/bin/x" in it (empty: the file itself). Raw, appended. */
void trn_diff_place(const struct trn_release *r, const struct trn_release_member *m, struct trn_buf *file,
                    struct trn_buf *member);
/* "diff.new-capability 8, diff.rpath 1": the checks of reasons that are not shown, most first. */
void trn_diff_checks(const struct trn_diff *d, const struct trn_diff_counts *c, struct trn_buf *out);
struct trn_str trn_finding_value(const struct trn_finding *f, const char *key); /* of its evidence; absent: none */
/* What stood there before and what stands there now, for people. What a scan found in the new one alone was not there before. */
struct trn_diff_values {
    struct trn_str before, after, offset; /* absent: not said. Sentences (trn_page_sentence) */
};
struct trn_diff_values trn_diff_values_of(const struct trn_reason *r);
/* Evidence for people: bytes that are all text as text. */
void trn_diff_put_evidence(struct trn_str key, struct trn_str value, struct trn_buf *out);
/* "12 changed, 3 added, ..." */
void trn_diff_put_counts(const struct trn_diff *d, struct trn_buf *out);
/* "damaged 2, encrypted 1"; side 0 old, 1 new, 2 both. */
void trn_diff_put_gaps(const struct trn_diff_counts *c, int side, struct trn_buf *out);
/* "new: data.tar!a.zip: encrypted": one line each, at most `most` of all. */
void trn_diff_put_unseen(const struct trn_diff *d, size_t most, struct trn_buf *out);
/* "path 140, version-in-path 2, similar 1" */
void trn_diff_put_paired(const struct trn_diff_counts *c, struct trn_buf *out);
uint32_t trn_member_index(const struct trn_release *r, const struct trn_release_member *m); /* TRN_NO_MEMBER: NULL */

/* ---- outputs ---- */
void trn_diff_report_text(const struct trn_diff_report *r, FILE *out, bool colour);   /* cmd_diff_text.c */
void trn_diff_put_tree(const struct trn_diff *d, struct trn_buf *b, FILE *out);       /* cmd_diff_tree.c */
void trn_diff_report_json(const struct trn_diff_report *r, FILE *out);                /* cmd_diff_json.c */
int trn_diff_report_sarif(const struct trn_diff_report *r, FILE *out) TRN_MUST_CHECK; /* cmd_diff_sarif.c */
int trn_diff_report_sbom(const struct trn_diff_report *r, FILE *out) TRN_MUST_CHECK;  /* cmd_diff_sbom.c */
int trn_diff_report_html(const struct trn_diff_report *r, FILE *out) TRN_MUST_CHECK;  /* cmd_diff_html.c */
/* Of a release that nothing is known to compare with: first seen. remembered: it is known from now on. */
void trn_diff_report_first(const struct trn_release *r, bool json, bool remembered, FILE *out);
/* The same without anything around it: for who has a diff only. */
void trn_diff_print_text(const struct trn_diff *d, FILE *out, bool colour, bool all);
void trn_diff_print_json(const struct trn_diff *d, FILE *out);

#endif
