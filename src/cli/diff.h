/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of 'turncoat diff' share, and 'turncoat gate' uses.
 *
 *   two paths --cmd_diff_collect.c: strict workers--> two releases --src/release/--> trn_diff --> terminal, JSON, SARIF, HTML
 */
#ifndef TRN_CLI_DIFF_H
#define TRN_CLI_DIFF_H

#include "cli/scan.h"
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

/* ---- cmd_diff_text.c, cmd_diff_json.c: outputs ---- */
void trn_diff_print_text(const struct trn_diff *d, FILE *out, bool colour, bool all);
void trn_diff_print_json(const struct trn_diff *d, FILE *out);

#endif
