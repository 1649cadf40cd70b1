/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: what programs carry behind their end, and whether it is of a kind that is known. */
#ifndef TRN_ARTIFACT_APPENDED_H
#define TRN_ARTIFACT_APPENDED_H

#include "artifact/look.h"

struct trn_appended {
    const char *what; /* "zip", "nsis": of a known kind; NULL: of none */
    bool opened;      /* the driver can look into it at `at` */
    uint64_t at, size;
};

/* What stands in [at, at + size) of the look's bytes. Reads a few windows. 0 or what the source gave. */
int trn_appended_of(struct trn_look *l, uint64_t at, uint64_t size, struct trn_appended *ret) TRN_MUST_CHECK;
/* Is this a format that holds others, or a program? */
bool trn_format_holds(enum trn_format f);

#endif
