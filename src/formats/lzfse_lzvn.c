/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: LZVN, one instruction after another; writing of literals and matches, which LZFSE shares.
 * Must not own: LZFSE's blocks.
 */
#include "formats/lzfse.h"

bool trn_lz_literals(struct trn_lz_out *o, const uint8_t *from, size_t n)
{
    if (n > o->size - o->n)
        return false;
    if (n)
        memcpy(o->p + o->n, from, n);
    o->n += n;
    return true;
}

bool trn_lz_match(struct trn_lz_out *o, size_t back, size_t n)
{
    if (back == 0 || back > o->n || n > o->size - o->n)
        return false;
    uint8_t *to = o->p + o->n;
    if (back >= n)
        memcpy(to, to - back, n);
    else
        for (size_t i = 0; i < n; i++) /* it repeats itself */
            to[i] = to[i - back];
    o->n += n;
    return true;
}

struct instruction {
    size_t literals, match, back;
    bool end, bad;
};

/* LLMMMDDD DDDDDDDD, LLMMM111 and 16 bits, LLMMM110 (the distance before); some of the last are something else. */
static void with_distance(uint8_t op, struct trn_cursor *c, struct instruction *x)
{
    x->literals = op >> 6;
    x->match = (op >> 3 & 7u) + 3u;
    switch (op & 7u) {
    case 7:
        x->back = trn_cur_u16le(c);
        break;
    case 6:
        if (op >= 0x40)
            break;
        x->literals = x->match = 0;
        x->end = op == 0x06;
        x->bad = op != 0x06 && op != 0x0e && op != 0x16; /* two of them do nothing */
        break;
    default:
        x->back = (size_t)(op & 7u) << 8 | trn_cur_u8(c);
        break;
    }
}

static void decode(struct trn_cursor *c, struct instruction *x)
{
    uint8_t op = trn_cur_u8(c);
    x->literals = x->match = 0;
    switch (op >> 4) {
    case 0x7: /* not used */
    case 0xd:
        x->bad = true;
        break;
    case 0xa: /* 101LLMMM DDDDDDMM DDDDDDDD */
    case 0xb: {
        uint16_t more = trn_cur_u16le(c);
        x->literals = op >> 3 & 3u;
        x->match = ((op & 7u) << 2 | (more & 3u)) + 3u;
        x->back = more >> 2;
        break;
    }
    case 0xe: /* literals alone */
        x->literals = op & 0xfu ? op & 0xfu : trn_cur_u8(c) + 16u;
        break;
    case 0xf: /* a match at the distance before */
        x->match = op & 0xfu ? op & 0xfu : trn_cur_u8(c) + 16u;
        break;
    default:
        with_distance(op, c, x);
        break;
    }
}

int trn_lzvn_run(struct trn_str in, struct trn_lz_out *o)
{
    struct trn_cursor c = trn_cur_of(in);
    struct instruction x = {0};
    for (;;) {
        decode(&c, &x);
        struct trn_str literals = trn_cur_bytes(&c, x.literals);
        if (c.bad || x.bad)
            return -EBADMSG;
        if (x.end)
            return 0;
        if (!trn_lz_literals(o, (const uint8_t *)literals.p, literals.n) ||
            (x.match && !trn_lz_match(o, x.back, x.match)))
            return -EBADMSG;
    }
}

int64_t trn_lzvn(struct trn_str in, uint8_t *out, size_t size)
{
    struct trn_lz_out o = {.size = size};
    o.p = out;
    int e = trn_lzvn_run(in, &o);
    return e < 0 ? e : (int64_t)o.n;
}
