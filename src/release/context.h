/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: what contexts share. A context sees all findings: it may tell more, and lower some, never raise one. */
#ifndef TRN_RELEASE_CONTEXT_H
#define TRN_RELEASE_CONTEXT_H

#include "release/compare.h"
#include "release/release_internal.h"

/* compare_signature.c */
bool trn_member_is_signed(const struct trn_release_member *m); /* by somebody, and the signature fits */
uint64_t trn_organisation(struct trn_str name);                /* the same for two spellings of one organisation */

/* context_history.c: everything that the comparers say of before -> after, as told of a change that nobody sees. */
int trn_compare_other(struct trn_compare *c, const struct trn_release_member *before,
                      const struct trn_release_member *after, struct trn_told **ret) TRN_MUST_CHECK;

/* context_mass.c */
struct trn_str trn_finding_evidence(const struct trn_finding *f, const char *key); /* absent: none */
/* Is it about a change (not a scan's own finding), and may the rest of the release explain it? */
bool trn_told_may_be_lowered(const struct trn_told *t);
/* What it says, in one number: two findings with the same are alike. */
uint64_t trn_told_alike(const struct trn_told *t);
static inline const struct trn_release_member *trn_told_member(const struct trn_told *t)
{
    return t->change->new_member ? t->change->new_member : t->change->old_member;
}

/* context_version.c */
enum trn_bump { TRN_BUMP_UNKNOWN = 0, TRN_BUMP_NONE, TRN_BUMP_PATCH, TRN_BUMP_MINOR, TRN_BUMP_MAJOR };
/* How much the version says that changed. NONE: it is the same text. */
enum trn_bump trn_version_bump(struct trn_str before, struct trn_str after);
/* Of the two releases, by what they say of themselves; UNKNOWN of two products. */
enum trn_bump trn_diff_bump(const struct trn_diff *d);

#endif
