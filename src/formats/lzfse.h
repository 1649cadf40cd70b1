/* SPDX-License-Identifier: Apache-2.0 */
/* LZFSE, Apple's compression, and the LZVN in it: what newer disk images and compressed files of macOS are packed with. */
#ifndef TRN_FORMATS_LZFSE_H
#define TRN_FORMATS_LZFSE_H

#include "base/base.h"

/* The whole stream into out. How many bytes came; -EBADMSG: damaged, cut off, or more than there is room; -ENOTSUP: blocks with
 * tables that are not compressed, which no known packer makes; -ENOMEM. */
int64_t trn_lzfse(struct trn_str in, uint8_t *out, size_t size) TRN_MUST_CHECK;
/* One run of LZVN up to its end mark. */
int64_t trn_lzvn(struct trn_str in, uint8_t *out, size_t size) TRN_MUST_CHECK;

/* inside: bytes that are written one after another, and copied from what was written before */
struct trn_lz_out {
    uint8_t *p;
    size_t n, size;
};
bool trn_lz_literals(struct trn_lz_out *o, const uint8_t *from, size_t n);
bool trn_lz_match(struct trn_lz_out *o, size_t back, size_t n);
int trn_lzvn_run(struct trn_str in, struct trn_lz_out *o) TRN_MUST_CHECK;

#endif
