/* SPDX-License-Identifier: Apache-2.0 */
/* One call of 'turncoat gate apt', from what apt says to its exit code. */
#ifndef TRN_CLI_GATE_APT_H
#define TRN_CLI_GATE_APT_H

#include "cli/gate.h"

struct trn_gate_run {
    struct trn_cli *cli;
    struct trn_gate_config config;
    int folder;                    /* -1: none */
    char cache[TRN_GATE_PATH_MAX]; /* where compiled rules are kept */
    uint64_t transaction;          /* its number: the time it began */
    uint64_t began_mono_ns, until_mono_ns;
    uint32_t refused, unjudged, judged, warned, first, remembered;
};

/* ---- cmd_gate_transaction.c ---- */
/* Judges what is about to be unpacked, tells and records it. 0 also when some could not be judged. */
int trn_gate_transaction(struct trn_gate_run *r, const struct trn_gate_list *list, struct trn_err *err) TRN_MUST_CHECK;

#endif
