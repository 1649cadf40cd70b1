/* SPDX-License-Identifier: Apache-2.0 */
/* One call of 'turncoat gate apt', from what apt says to its exit code; and of 'turncoat gate ahead', which nobody waits for. */
#ifndef TRN_CLI_GATE_APT_H
#define TRN_CLI_GATE_APT_H

#include "cli/gate.h"

struct trn_gate_run {
    struct trn_cli *cli;
    bool ahead; /* nothing is about to be unpacked: verdicts are for later */
    struct trn_gate_config config;
    int folder;                    /* -1: none */
    char cache[TRN_GATE_PATH_MAX]; /* where compiled rules are kept */
    uint64_t transaction;          /* its number: the time it began */
    uint64_t began_mono_ns, until_mono_ns;
    uint32_t refused, unjudged, judged, warned, first;
    uint32_t remembered, sides; /* verdicts, old sides that were known */
};

/* ---- cmd_gate_known.c: one package: what it is compared with, and what is known of both sides ---- */
struct trn_gate_entry { /* about to be unpacked */
    const struct trn_gate_item *item;
    enum trn_gate_old old;
    struct trn_gate_installed installed; /* when it is compared with its installed files */
    /* Content of each side. old_sha: of installed files their identity, of nothing zeroes. */
    uint8_t old_sha[TRN_SHA256_SIZE], new_sha[TRN_SHA256_SIZE];
    struct trn_gate_told told;
    bool done;
    char why[200];
};
int trn_gate_open_new(const struct trn_gate_entry *x) TRN_MUST_CHECK; /* fd */
int trn_gate_open_old(int folder, const struct trn_gate_entry *x) TRN_MUST_CHECK;
/* Both sides. -ENOENT: nothing of the installed version is there; else the new package cannot be read. folder -1: none. */
int trn_gate_sides(int folder, struct trn_gate_entry *x) TRN_MUST_CHECK;
/* The verdict that was given before for these two under this question, into x->told. */
bool trn_gate_known_verdict(int folder, const uint8_t question[TRN_SHA256_SIZE], struct trn_gate_entry *x);
/* The old side as it was told when it was the new one. -ENOENT: it must be looked at. */
int trn_gate_known_side(int folder, const uint8_t question[TRN_SHA256_SIZE], const struct trn_gate_entry *x,
                        struct trn_release **ret) TRN_MUST_CHECK;
/* What was judged now, for the next time. */
void trn_gate_know(int folder, const uint8_t question[TRN_SHA256_SIZE], const struct trn_gate_entry *x,
                   const struct trn_release *after);

/* ---- cmd_gate_transaction.c ---- */
/* Judges what is about to be unpacked, tells and records it. 0 also when some could not be judged. */
int trn_gate_transaction(struct trn_gate_run *r, const struct trn_gate_list *list, struct trn_err *err) TRN_MUST_CHECK;

#endif
