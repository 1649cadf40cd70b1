/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What 'turncoat scan' and 'turncoat diff' tell the engine: findings about files of software that is installed here, so that
 * they stand in the story of that version (docs/scan.md). Without --tell it is done when it can be done: by root, with an
 * engine that runs. With it, what could not be told is said.
 */
#ifndef TRN_CLI_TELL_H
#define TRN_CLI_TELL_H

#include "cli/client.h"
#include "cli/diff.h"

#define TRN_TELL_FINDINGS 10u /* of one file: as many as the engine takes */

struct trn_tell {
    struct trn_cli *cli;
    const char *by; /* "scan", "diff" */
    bool on, asked;
    struct trn_client *client; /* NULL: not asked yet */
    struct trn_err err;        /* why it does not go on */
    uint64_t told, nobodys, lost;
    char last[120]; /* of whom was told: "acme 1.1" */
    bool several;   /* and of others */
};
/* The two options of it, for a table of options. */
#define TRN_TELL_OPTIONS                                                                                            \
    {"tell", NULL, "say so when findings about installed software cannot be put into its story"},                   \
    {                                                                                                               \
        "no-tell", NULL, "tell the engine nothing; else, by root, findings about installed software join its story" \
    }

/* -EINVAL: both. */
int trn_tell_begin(struct trn_tell *t, struct trn_cli *cli, const char *by, struct trn_err *err) TRN_MUST_CHECK;
void trn_tell_end(struct trn_tell *t); /* says what was told, and what was not */

/* One thing that findings are about. */
struct trn_tell_about {
    const char *path; /* real, of an installed file; NULL: the package name=version, if that is what is installed */
    struct trn_str name, to; /* with no path */
    struct trn_str from;     /* what it was compared with; absent: nothing */
    uint8_t sha256[TRN_SHA256_SIZE];
    enum trn_verdict verdict;
    json_t *findings; /* of trn_tell_add; borrowed */
};
/* Appends a finding to an array, the strongest first, at most TRN_TELL_FINDINGS. path, summary: any bytes. */
void trn_tell_add(json_t *findings, const struct trn_finding *f, struct trn_str path, struct trn_str summary);
void trn_tell(struct trn_tell *t, const struct trn_tell_about *about);

/* cmd_scan_tell.c, cmd_diff_tell.c: of a result, when it is suspicious or worse. */
void trn_scan_tell(struct trn_tell *t, struct trn_scanned *f);
void trn_diff_tell(struct trn_tell *t, const struct trn_diff *d);

#endif
