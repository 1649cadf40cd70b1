/* SPDX-License-Identifier: Apache-2.0 */
/* Unix ar archives, of which a Debian package is one: fixed headers of text, members as they are. */
#ifndef TRN_FORMATS_AR_H
#define TRN_FORMATS_AR_H

#include "base/base.h"

#define TRN_AR_HEADER 60u
#define TRN_AR_FIRST 8u /* behind "!<arch>\n" */

struct trn_ar_member {
    struct trn_str name; /* without padding and the '/' that ends it; of the arena */
    uint64_t header_at, at, size;
    uint32_t mode;
    bool table; /* the symbol table or the table of long names: no member of its own */
};
struct trn_ar {
    struct trn_str long_names; /* set by trn_ar_next when it passes that table */
};

/* The member whose header is at *at, which is advanced to the next. 1: one was read; 0: nothing is left, or only line ends;
 * -EBADMSG: no header there. A member may say more bytes than there are: its size is not cut. */
int trn_ar_next(const struct trn_source *s, uint64_t *at, struct trn_ar *ar, struct trn_arena *arena,
                struct trn_ar_member *ret) TRN_MUST_CHECK;

#endif
