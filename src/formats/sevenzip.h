/* SPDX-License-Identifier: Apache-2.0 */
/* 7z: only what must be known before it is unpacked: how much memory its decoders want, and where it ends. */
#ifndef TRN_FORMATS_SEVENZIP_H
#define TRN_FORMATS_SEVENZIP_H

#include "base/base.h"

struct trn_sevenzip {
    uint64_t end;            /* behind its header, which is its last part */
    uint64_t memory;         /* the largest dictionary of any decoder in it */
    bool encrypted;          /* a decoder of it is AES */
    struct trn_ranges owned; /* start, packed streams, headers; closed. Not all of them: incomplete */
    bool incomplete;
};
/* -EBADMSG: damaged or cut off; -ENOTSUP: the header is packed in a way that is not read here; -EMSGSIZE: a header larger than
 * 16 MiB or one that wants more than `most` to be read. */
int trn_sevenzip_parse(const struct trn_source *s, uint64_t most, struct trn_arena *arena, struct trn_sevenzip *ret)
    TRN_MUST_CHECK;

#endif
