/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the YARA part of the room: a rule's condition, read as a tree of `or`, `and` and parentheses. */
#ifndef TRN_ARTIFACT_YARA_CONDITION_H
#define TRN_ARTIFACT_YARA_CONDITION_H

#include "artifact/yara_lex.h"

bool trn_yara_is(const struct trn_yara_parsed *p, size_t i, const char *what);
bool trn_yara_is_op(const struct trn_yara_parsed *p, size_t i, uint16_t op);
/* Tokens [lo, hi) begin with these words; "#" stands for any number. NULL-ended. */
bool trn_yara_begins(const struct trn_yara_parsed *p, size_t lo, size_t hi, const char *const *words);
/* Index behind the bracket that closes the one at i; hi when it does not close. */
size_t trn_yara_behind(const struct trn_yara_parsed *p, size_t i, size_t hi);

/* Who says of a part without `or`, `and` and brackets round it that it is false whatever the content; not to be sure is to
 * say false (it may be true). */
struct trn_yara_judge {
    const struct trn_yara_parsed *p;
    bool (*is_false)(const struct trn_yara_judge *j, size_t lo, size_t hi, unsigned depth);
    void *ctx;
};
/* Is the part [lo, hi) false? Every leaf is asked, also when the answer is known before. */
bool trn_yara_false(const struct trn_yara_judge *j, size_t lo, size_t hi, unsigned depth);

/* A leaf that is false when none of the rule's strings was found; j judges the bodies of loops. */
bool trn_yara_false_without_strings(const struct trn_yara_judge *j, size_t lo, size_t hi, unsigned depth);

#endif
