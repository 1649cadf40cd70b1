/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: what readers of containers have in common: the names of members, and saying archive.irregular. */
#ifndef TRN_ARTIFACT_IRREGULAR_H
#define TRN_ARTIFACT_IRREGULAR_H

#include "artifact/look.h"

#define TRN_NOWHERE UINT64_MAX /* no place in the bytes of this artifact */

/* What is wrong, of one kind ("duplicate-name"): weight, place and size in this artifact (TRN_NOWHERE: none), the member
 * (raw, may be absent) and one sentence, foreign text in it escaped by the caller. */
struct trn_irregular {
    const char *kind;
    uint16_t score;
    uint64_t at, size;
    struct trn_str member;
    struct trn_str bytes; /* when they do not lie in one piece at that place: entropy and excerpt are theirs */
};
int trn_irregular(struct trn_look *l, const struct trn_irregular *i, const char *fmt, ...) TRN_PRINTF(3, 4)
    TRN_MUST_CHECK;

/* Members whose names, types and permissions are looked at one after the other. */
struct trn_member_names {
    struct trn_look *l;
    struct trn_map *seen, *folded, *links; /* hashes of names */
    bool windows;                          /* unpacked where case does not matter and '\' separates */
    bool case_matters;                     /* although windows: Java's archives */
    bool packages;                         /* of a system package: devices, setuid, absolute links are its business */
    uint16_t duplicate;                    /* what a name twice weighs; 0: the caller compares those itself */
    uint32_t told[8];
};
struct trn_named {
    struct trn_str name;
    struct trn_str link; /* target of a symbolic or hard link; absent: none */
    uint32_t mode;       /* as in struct trn_member */
    uint64_t at;         /* of the member, TRN_NOWHERE */
};
int trn_member_names_new(struct trn_look *l, struct trn_member_names *ret) TRN_MUST_CHECK;
void trn_member_names_done(struct trn_member_names *n);
/* 0, or what has to be handed on. */
int trn_member_names_add(struct trn_member_names *n, const struct trn_named *m) TRN_MUST_CHECK;

#endif
