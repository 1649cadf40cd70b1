/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the Mach-O reader: what its files share. */
#ifndef TRN_FORMATS_MACHO_INTERNAL_H
#define TRN_FORMATS_MACHO_INTERNAL_H

#include "formats/macho.h"

static inline uint32_t trn_macho_u32(struct trn_cursor *c, bool big)
{
    return big ? trn_cur_u32be(c) : trn_cur_u32le(c);
}
static inline uint64_t trn_macho_u64(struct trn_cursor *c, bool big)
{
    return big ? trn_cur_u64be(c) : trn_cur_u64le(c);
}
/* An address-sized number. */
static inline uint64_t trn_macho_word(struct trn_cursor *c, const struct trn_macho *m)
{
    return m->bits == 64 ? trn_macho_u64(c, m->big_endian) : trn_macho_u32(c, m->big_endian);
}

/* macho_commands.c: fills m from all load commands. -EBADMSG, -ENOMEM. */
int trn_macho_commands(struct trn_str bytes, struct trn_arena *a, struct trn_macho *m) TRN_MUST_CHECK;

#endif
