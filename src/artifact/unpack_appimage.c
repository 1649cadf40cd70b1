/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: AppImages: of type 2 the file system that stands behind the ELF runtime (at the end of its section headers), of type
 * 1 the ISO image that the whole file is. Must not: look into the runtime (the looks of ELF do).
 */
#include "artifact/kinds.h"
#include "artifact/unpack.h"

#define EI_DATA_BE 2
#define HEAD 64u

static uint64_t at_size(struct trn_cursor *c, bool be, unsigned bytes)
{
    return bytes == 8   ? (be ? trn_cur_u64be(c) : trn_cur_u64le(c))
           : bytes == 4 ? (be ? trn_cur_u32be(c) : trn_cur_u32le(c))
                        : (be ? trn_cur_u16be(c) : trn_cur_u16le(c));
}

/* Where the ELF file ends by its own word: e_shoff + e_shnum * e_shentsize. */
static int end_of_elf(const struct trn_source *s, uint64_t *ret)
{
    uint8_t head[HEAD];
    int64_t n = trn_source_read(s, 0, head, sizeof(head));
    if (n < (int64_t)HEAD)
        return n < 0 ? (int)n : -EBADMSG;
    bool wide = head[4] == 2, be = head[5] == EI_DATA_BE;
    struct trn_cursor c = trn_cur(head, HEAD);
    trn_cur_seek(&c, wide ? 0x28 : 0x20);
    uint64_t at = at_size(&c, be, wide ? 8 : 4);
    trn_cur_seek(&c, wide ? 0x3a : 0x2e);
    uint64_t each = at_size(&c, be, 2), count = at_size(&c, be, 2), end;
    if (!trn_add_ok(at, each * count, &end) || end >= s->size)
        return -EBADMSG;
    *ret = end;
    return 0;
}

int trn_open_appimage(struct trn_look *l, struct trn_err *err)
{
    char head[TRN_FORMAT_HEAD], magic[4];
    uint64_t at = 0;
    int64_t n = trn_source_read(l->bytes, 0, head, sizeof(head));
    if (n < 0)
        return (int)n;
    if (trn_appimage_type((struct trn_str){head, (size_t)n}) == 1)
        return trn_open_iso(l, err);
    int e = end_of_elf(l->bytes, &at);
    if (e < 0)
        return e == -EBADMSG ? trn_fail(err, e, "no file system behind the runtime: cut off?") : e;
    if (trn_source_read(l->bytes, at, magic, 4) != 4 || memcmp(magic, "hsqs", 4) != 0)
        return trn_look_gap(l, TRN_GAP_UNSUPPORTED, TRN_STR_NONE, "no squashfs behind the runtime at 0x%llx",
                            (unsigned long long)at);
    struct trn_member m = {.name = TRN_STR("filesystem.squashfs"), .size = l->bytes->size - at};
    return trn_look_part(l, &m, at, m.size);
}
