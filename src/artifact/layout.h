/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: lists in a release that say what its files must be, compared with what they are. */
#ifndef TRN_ARTIFACT_LAYOUT_H
#define TRN_ARTIFACT_LAYOUT_H

#include "artifact/look.h"

/* A list of SHA-256 by name: a wheel's RECORD, a jar's MANIFEST.MF. */
struct trn_listed {
    struct trn_map *digests; /* hash of a name -> 32 bytes of the arena */
    const char *list;        /* its name, for people; NULL: there is none */
    bool complete;           /* what it does not name does not belong (a wheel's) */
    uint32_t told;
};
void trn_listed_done(struct trn_listed *t);
int trn_listed_wheel(struct trn_arena *arena, struct trn_str record, struct trn_listed *ret) TRN_MUST_CHECK;
int trn_listed_jar(struct trn_arena *arena, struct trn_str manifest, struct trn_listed *ret) TRN_MUST_CHECK;
/* The member that was looked at last. at: its place, for the finding. */
int trn_listed_check(struct trn_look *l, struct trn_listed *t, struct trn_str name, uint64_t at) TRN_MUST_CHECK;

#endif
