/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: a range of an artifact without the zeros at both of its ends. */
#ifndef TRN_ARTIFACT_TRIM_H
#define TRN_ARTIFACT_TRIM_H

#include "base/base.h"

struct trn_range {
    uint64_t at, size;
};
/* *r becomes what is left; size 0: it is all zeros. 0, -EBADMSG when the range is not there, or what the source gave. */
int trn_trim_zeros(const struct trn_source *s, struct trn_range *r) TRN_MUST_CHECK;

#endif
