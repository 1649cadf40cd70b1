/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that look around a machine: who am I, where am I, who else is here, what is worth taking. Pure, a table. */
#ifndef TRN_DETECT_RECON_H
#define TRN_DETECT_RECON_H

#include "base/base.h"

struct trn_recon {
    const char *command; /* "id", "cat"; static */
    const char *what;    /* what it was told to look at, when that is what counts: "/etc/passwd"; NULL */
};

/* False: it does not look around. path: of the program; argv: its arguments, each ended by NUL. */
bool trn_recon_of(struct trn_str path, struct trn_str argv, struct trn_recon *ret);
bool trn_recon_tables_sorted(void); /* for a test */

#endif
