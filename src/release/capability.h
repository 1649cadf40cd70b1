/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: what imports let a program do, and which of it belongs to the task of a library. */
#ifndef TRN_RELEASE_CAPABILITY_H
#define TRN_RELEASE_CAPABILITY_H

#include "release/release.h"

enum trn_can {
    TRN_CAN_FILE = 0,
    TRN_CAN_NETWORK,
    TRN_CAN_PROCESS,
    TRN_CAN_MEMORY, /* that is executed, or is another's */
    TRN_CAN_CRYPTO,
    TRN_CAN_PERSISTENCE,
    TRN_CAN_BROWSER_DATA, /* and other stores of secrets */
    TRN_CAN_SYSTEM_INFORMATION,
    TRN_CAN_MAX,
};
const char *trn_can_name(enum trn_can can); /* "browser-data" */

struct trn_ability {
    enum trn_can can;
    uint8_t weight; /* 1 to 3: how telling (capability.c) */
};
bool trn_ability_of(struct trn_str symbol, struct trn_ability *ret); /* false: of no group */
const char *trn_capability_function(size_t i);                       /* of the table, in its order; NULL past its end */

/* All that a program's imports let it do. */
struct trn_abilities {
    uint32_t mask;               /* 1 << enum trn_can */
    uint8_t weight[TRN_CAN_MAX]; /* the highest */
    uint16_t n[TRN_CAN_MAX];     /* how many symbols */
};
struct trn_abilities trn_abilities_of(const struct trn_release_member *m); /* NULL: none */
/* "file, network"; "none". Into text. */
const char *trn_abilities_say(uint32_t mask, char *text, size_t size);

/* ---- capability_family.c ---- */
struct trn_family {
    const char *name;         /* "codec" */
    const char *is;           /* "a codec" */
    uint32_t task;            /* mask of what its task needs */
    const char *const *stems; /* of file names */
    const char *const *exports;
};
/* Of what kind a library is, by what it offers and what it is called; NULL: not known. */
const struct trn_family *trn_family_of(const struct trn_release_member *m);
bool trn_member_is_library(const struct trn_release_member *m); /* nothing that people start */

#endif
