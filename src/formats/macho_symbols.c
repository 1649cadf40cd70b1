/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: external symbols of a Mach-O file, read in windows. Must not own: what a name means; local symbols.
 * Hand-offs: each name is borrowed during the call.
 */
#include "formats/macho_internal.h"

#define WINDOW 32768u
#define NAME_MAX_BYTES 512u

#define N_STAB 0xe0u
#define N_TYPE 0x0eu
#define N_EXT 0x01u
#define N_WEAK_REF 0x40u

struct symbols {
    const struct trn_source *s;
    const struct trn_macho *m;
    uint8_t strings[WINDOW];
    uint64_t strings_from; /* of the window, in the string table */
    size_t strings_n;
};

/* The name at a place of the string table; names stand mostly in order, so that a window serves many. */
static int64_t name_at(struct symbols *x, uint64_t at, struct trn_str *ret)
{
    if (at >= x->m->strings_size)
        return -EBADMSG;
    uint64_t left = x->m->strings_size - at;
    size_t want = (size_t)TRN_MIN(left, (uint64_t)NAME_MAX_BYTES);
    if (at < x->strings_from || at + want > x->strings_from + x->strings_n) {
        int64_t n = trn_source_read(x->s, x->m->strings_at + at, x->strings, (size_t)TRN_MIN(left, (uint64_t)WINDOW));
        if (n < 0)
            return n;
        x->strings_from = at;
        x->strings_n = (size_t)n;
    }
    size_t from = (size_t)(at - x->strings_from);
    struct trn_str all = {(const char *)x->strings + from, TRN_MIN(want, x->strings_n - TRN_MIN(from, x->strings_n))};
    ptrdiff_t nul = trn_str_find(all, '\0');
    *ret = nul >= 0 ? trn_str_slice(all, 0, (size_t)nul) : all;
    return 0;
}

static int symbol(struct symbols *x, struct trn_cursor *c, int (*fn)(void *ctx, const struct trn_macho_symbol *sym),
                  void *ctx)
{
    const struct trn_macho *m = x->m;
    struct trn_macho_symbol s = {0};
    uint32_t name = trn_macho_u32(c, m->big_endian);
    uint8_t type = trn_cur_u8(c);
    trn_cur_skip(c, 1);
    uint16_t desc = m->big_endian ? trn_cur_u16be(c) : trn_cur_u16le(c);
    s.value = trn_macho_word(c, m);
    if (c->bad)
        return -EBADMSG;
    if ((type & N_STAB) || !(type & N_EXT) || name == 0)
        return 0;
    s.imported = (type & N_TYPE) == 0 && s.value == 0;
    s.weak = (desc & N_WEAK_REF) != 0;
    s.library = s.imported ? (uint8_t)(desc >> 8) : 0;
    int64_t e = name_at(x, name, &s.name);
    if (e == -EBADMSG)
        return 0; /* one name outside of the table costs that name */
    return e < 0 ? (int)e : fn(ctx, &s);
}

int trn_macho_symbols(const struct trn_source *s, const struct trn_macho *m, uint32_t max,
                      int (*fn)(void *ctx, const struct trn_macho_symbol *sym), void *ctx)
{
    uint8_t raw[4096 * 3];
    size_t each = m->bits == 64 ? 16 : 12;
    uint32_t n = TRN_MIN(m->n_symbols, max);
    TRN_AUTO(trn_freep) struct symbols *x = calloc(1, sizeof(*x));
    if (!x)
        return -ENOMEM;
    x->s = s;
    x->m = m;
    for (uint32_t i = 0; i < n;) {
        uint32_t batch = TRN_MIN(n - i, (uint32_t)(sizeof(raw) / each));
        int64_t got = trn_source_read(s, m->symbols_at + i * (uint64_t)each, raw, batch * each);
        if (got < 0)
            return (int)got;
        struct trn_cursor c = trn_cur(raw, (size_t)got);
        for (uint32_t k = 0; k < batch; k++) {
            int e = symbol(x, &c, fn, ctx);
            if (e)
                return e;
        }
        i += batch;
    }
    return 0;
}
