/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: what the comparers of programs share. */
#ifndef TRN_RELEASE_COMPARE_CODE_H
#define TRN_RELEASE_COMPARE_CODE_H

#include "release/capability.h"
#include "release/compare.h"

/* A program of both releases whose features were told: only then is something new in it. */
bool trn_code_pair(const struct trn_compare *c);
/* A small change: the program's size and its imports stayed within a tenth (of imports: or a dozen). */
bool trn_code_small_change(const struct trn_release_member *before, const struct trn_release_member *after);
uint64_t trn_code_number(const struct trn_release_member *m, enum trn_feature_kind kind, const char *key); /* summed */
/* Groups of the new one that the old one had nothing telling of. */
uint32_t trn_code_gained(const struct trn_release_member *before, const struct trn_release_member *after);
struct trn_str trn_code_says(struct trn_compare *c, uint64_t n); /* a number as text */

#endif
