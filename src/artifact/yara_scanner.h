/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the YARA part of the room: one worker's scanners. */
#ifndef TRN_ARTIFACT_YARA_SCANNER_H
#define TRN_ARTIFACT_YARA_SCANNER_H

#include "artifact/yara_internal.h"

#define TRN_YARA_SLOW_MAX 16u

struct trn_yara_content { /* what is being scanned */
    enum trn_yara_set set;
    const uint8_t *mem; /* whole; NULL: blocks */
    uint8_t *owned;
    uint64_t size, deadline_ns;
    struct trn_yara_blocks blocks;
};

struct trn_yara_scanner {
    struct trn_yara_rules *rules; /* borrowed */
    YR_SCANNER *scanner[TRN_YARA_SETS];
    uint8_t *wanted; /* of the run that goes on: a byte a rule (yara_quiet.c); owned */
    bool skipping;
    struct trn_yara_place place;
    uint64_t limit_ns;
    struct trn_yara_content content;
    struct trn_yara_told *told; /* of the run that goes on; NULL: nothing is told */
    char slow_name[256];
    YR_RULE *slow[TRN_YARA_SETS][TRN_YARA_SLOW_MAX]; /* rules that took too long before, of each set */
    uint32_t n_slow[TRN_YARA_SETS];
};

/* The content once more through the rules that are enabled. told NULL: matches are not told. -ETIME. */
int trn_yara_run(struct trn_yara_scanner *s, uint64_t limit_ns, struct trn_yara_told *told) TRN_MUST_CHECK;
/* yara_slow.c: after a time-out: everything is run but the rule that takes too long. -ETIME, or what ended it. */
int trn_yara_find_slow(struct trn_yara_scanner *s, uint64_t limit_ns, struct trn_yara_told *told) TRN_MUST_CHECK;

#endif
