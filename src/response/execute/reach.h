/* SPDX-License-Identifier: Apache-2.0 */
/* reach.c: from a path to a file, by no link that somebody else could have turned. Inside the room only. */
#ifndef TRN_RESPONSE_EXECUTE_REACH_H
#define TRN_RESPONSE_EXECUTE_REACH_H

#include "base/base.h"

/* O_PATH. path: absolute. Links are followed that are root's or belong to the owner of what is reached, those of /proc
 * never: otherwise -ELOOP. */
int trn_reach(const char *path) TRN_MUST_CHECK;

#endif
