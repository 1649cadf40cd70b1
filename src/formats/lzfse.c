/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: LZFSE's blocks: raw, LZVN, and those of entropy-coded literals and matches (finite states, read backwards).
 * Must not own: LZVN (lzfse_lzvn.c). Bounds: a block has at most 40,000 literals and 10,000 matches; every state is below
 * the size of its table, because the tables are made from frequencies that add up to it.
 */
#include "formats/lzfse.h"

#define BLOCK_END 0x24787662u  /* bvx$ */
#define BLOCK_RAW 0x2d787662u  /* bvx- */
#define BLOCK_V1 0x31787662u   /* bvx1 */
#define BLOCK_V2 0x32787662u   /* bvx2 */
#define BLOCK_LZVN 0x6e787662u /* bvxn */

#define LITERALS_MAX 40000u
#define MATCHES_MAX 10000u
#define L_SYMBOLS 20u
#define D_SYMBOLS 64u
#define L_STATES 64u
#define D_STATES 256u
#define LITERAL_STATES 1024u
#define SYMBOLS (2u * L_SYMBOLS + D_SYMBOLS + 256u)

struct entry { /* of a table: what a state means, and how the next one is found */
    uint32_t base;
    int16_t delta;
    uint8_t bits, extra; /* bits: of the next state; extra: of the value */
};
struct tables {
    struct entry l[L_STATES], m[L_STATES], d[D_STATES], literal[LITERAL_STATES];
    uint8_t literals[LITERALS_MAX + 4];
};
struct header {
    uint32_t raw, n_literals, literal_bytes, n_matches, lmd_bytes;
    int32_t literal_bits, lmd_bits;
    uint16_t literal_state[4], l_state, m_state, d_state;
    uint16_t frequency[SYMBOLS];
};

static uint32_t bits_of(uint64_t v, unsigned from, unsigned n)
{
    return (uint32_t)(v >> from & ((1ull << n) - 1));
}

/* ---- frequencies: a prefix code of 2 to 14 bits each ---- */

static uint32_t frequency(uint32_t bits, unsigned *ret_n)
{
    static const uint8_t lengths[32] = {2, 3, 2, 5, 2, 3, 2, 8, 2, 3, 2, 5, 2, 3, 2, 14,
                                        2, 3, 2, 5, 2, 3, 2, 8, 2, 3, 2, 5, 2, 3, 2, 14};
    static const uint8_t values[32] = {0, 2, 1, 4, 0, 3, 1, 0, 0, 2, 1, 5, 0, 3, 1, 0,
                                       0, 2, 1, 6, 0, 3, 1, 0, 0, 2, 1, 7, 0, 3, 1, 0};
    *ret_n = lengths[bits & 31u];
    if (*ret_n == 8)
        return 8 + bits_of(bits, 4, 4);
    return *ret_n == 14 ? 24 + bits_of(bits, 4, 10) : values[bits & 31u];
}

static int frequencies(struct trn_cursor *c, uint16_t *ret)
{
    uint32_t have = 0;
    unsigned n_have = 0, n = 0;
    if (trn_cur_left(c) == 0)
        return 0; /* no tables: nothing in the block uses them */
    for (size_t i = 0; i < SYMBOLS; i++) {
        while (n_have + 8 <= 32 && trn_cur_left(c)) {
            have |= (uint32_t)trn_cur_u8(c) << n_have;
            n_have += 8;
        }
        ret[i] = (uint16_t)frequency(have, &n);
        if (n > n_have)
            return -EBADMSG;
        have >>= n;
        n_have -= n;
    }
    return n_have < 8 && trn_cur_end(c) ? 0 : -EBADMSG;
}

static int read_header(struct trn_cursor *c, struct header *h)
{
    size_t from = c->at - 4;
    h->raw = trn_cur_u32le(c);
    uint64_t a = trn_cur_u64le(c), b = trn_cur_u64le(c), d = trn_cur_u64le(c);
    uint32_t size = (uint32_t)d;
    h->n_literals = bits_of(a, 0, 20);
    h->literal_bytes = bits_of(a, 20, 20);
    h->n_matches = bits_of(a, 40, 20);
    h->literal_bits = (int32_t)bits_of(a, 60, 3) - 7;
    for (unsigned i = 0; i < 4; i++)
        h->literal_state[i] = (uint16_t)bits_of(b, 10 * i, 10);
    h->lmd_bytes = bits_of(b, 40, 20);
    h->lmd_bits = (int32_t)bits_of(b, 60, 3) - 7;
    h->l_state = (uint16_t)bits_of(d, 32, 10);
    h->m_state = (uint16_t)bits_of(d, 42, 10);
    h->d_state = (uint16_t)bits_of(d, 52, 10);
    if (c->bad || size < 32 || size > 32 + 2 * SYMBOLS || h->n_literals > LITERALS_MAX || h->n_literals % 4 ||
        h->n_matches > MATCHES_MAX || h->l_state >= L_STATES || h->m_state >= L_STATES || h->d_state >= D_STATES)
        return -EBADMSG;
    struct trn_cursor tables = trn_cur_sub(c, c->at, size - 32);
    trn_cur_seek(c, from + size);
    return c->bad || tables.bad ? -EBADMSG : frequencies(&tables, h->frequency);
}

/* ---- tables of states ---- */

/* From frequencies that add up to at most n states; states that no symbol has lead nowhere but stay inside. */
static int make_table(const uint16_t *f, uint32_t symbols, uint32_t n, const uint8_t *extra, struct entry *t)
{
    uint32_t at = 0, base = 0;
    memset(t, 0, n * sizeof(*t));
    for (uint32_t i = 0; i < symbols; i++) {
        uint32_t value = extra ? base : i;
        base += extra ? 1u << extra[i] : 0;
        if (f[i] == 0)
            continue;
        if (f[i] > n - at)
            return -EBADMSG;
        unsigned k = (unsigned)(__builtin_clz(f[i]) - __builtin_clz(n));
        uint32_t few = (2 * n >> k) - f[i];
        for (uint32_t j = 0; j < f[i]; j++, at++) {
            t[at].base = value;
            t[at].extra = extra ? extra[i] : 0;
            t[at].bits = (uint8_t)(j < few ? k : k - 1);
            t[at].delta = (int16_t)(j < few ? ((f[i] + j) << k) - n : (j - few) << (k - 1));
        }
    }
    return 0;
}

static int make_tables(const struct header *h, struct tables *t)
{
    static const uint8_t l[L_SYMBOLS] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 5, 8};
    static const uint8_t m[L_SYMBOLS] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 5, 8, 11};
    uint8_t d[D_SYMBOLS];
    for (size_t i = 0; i < D_SYMBOLS; i++)
        d[i] = (uint8_t)(i / 4);
    const uint16_t *f = h->frequency;
    int e = make_table(f, L_SYMBOLS, L_STATES, l, t->l);
    if (e == 0)
        e = make_table(f + L_SYMBOLS, L_SYMBOLS, L_STATES, m, t->m);
    if (e == 0)
        e = make_table(f + 2 * L_SYMBOLS, D_SYMBOLS, D_STATES, d, t->d);
    return e < 0 ? e : make_table(f + 2 * L_SYMBOLS + D_SYMBOLS, 256, LITERAL_STATES, NULL, t->literal);
}

/* ---- bits, read from the end of a range to its beginning ---- */

struct bits {
    const uint8_t *p;
    size_t left; /* bytes before what is in `have` */
    uint64_t have;
    unsigned n;
    bool bad;
};

/* unused: how many bits of the last byte are none, as 0 to -7 */
static struct bits bits_begin(struct trn_str range, int32_t unused)
{
    struct bits b = {.p = (const uint8_t *)range.p, .left = range.n};
    if (range.n == 0) {
        b.bad = unused != 0;
        return b;
    }
    b.have = b.p[--b.left];
    b.n = (unsigned)(8 + unused);
    b.bad = b.have >> b.n != 0;
    return b;
}

static uint32_t pull(struct bits *b, unsigned n)
{
    while (b->n < n && b->left) {
        b->have = b->have << 8 | b->p[--b->left];
        b->n += 8;
    }
    if (b->n < n) {
        b->bad = true;
        return 0;
    }
    b->n -= n;
    uint32_t v = (uint32_t)(b->have >> b->n);
    b->have &= (1ull << b->n) - 1;
    return v;
}

/* The state's meaning; moves on to the next one. */
static uint32_t step(struct bits *b, const struct entry *t, uint32_t states, uint16_t *state)
{
    const struct entry *e = &t[*state & (states - 1)];
    uint32_t v = pull(b, e->bits + (unsigned)e->extra);
    *state = (uint16_t)((e->delta + (int32_t)(v >> e->extra)) & (int32_t)(states - 1));
    return e->base + (v & ((1u << e->extra) - 1));
}

static int literals(const struct header *h, struct trn_str range, struct tables *t)
{
    struct bits b = bits_begin(range, h->literal_bits);
    uint16_t state[4];
    memcpy(state, h->literal_state, sizeof(state));
    for (uint32_t i = 0; i < h->n_literals && !b.bad; i++)
        t->literals[i] = (uint8_t)step(&b, t->literal, LITERAL_STATES, &state[i % 4]);
    return b.bad ? -EBADMSG : 0;
}

static int matches(const struct header *h, struct trn_str range, const struct tables *t, struct trn_lz_out *o)
{
    struct bits b = bits_begin(range, h->lmd_bits);
    uint16_t l_state = h->l_state, m_state = h->m_state, d_state = h->d_state;
    size_t used = 0, back = 0;
    for (uint32_t i = 0; i < h->n_matches; i++) {
        uint32_t l = step(&b, t->l, L_STATES, &l_state), m = step(&b, t->m, L_STATES, &m_state);
        uint32_t d = step(&b, t->d, D_STATES, &d_state);
        back = d ? d : back;
        if (b.bad || l > h->n_literals - used || !trn_lz_literals(o, t->literals + used, l) ||
            (m && !trn_lz_match(o, back, m)))
            return -EBADMSG;
        used += l;
    }
    return 0;
}

static int block(struct trn_cursor *c, struct tables *t, struct trn_lz_out *o)
{
    struct header h = {0};
    size_t before = o->n;
    int e = read_header(c, &h);
    if (e < 0)
        return e;
    struct trn_str literal = trn_cur_bytes(c, h.literal_bytes), lmd = trn_cur_bytes(c, h.lmd_bytes);
    if (c->bad)
        return -EBADMSG;
    e = make_tables(&h, t);
    if (e == 0)
        e = literals(&h, literal, t);
    if (e == 0)
        e = matches(&h, lmd, t, o);
    return e == 0 && o->n - before != h.raw ? -EBADMSG : e;
}

static int other(struct trn_cursor *c, uint32_t magic, struct trn_lz_out *o)
{
    uint32_t raw = trn_cur_u32le(c), packed = magic == BLOCK_LZVN ? trn_cur_u32le(c) : raw;
    size_t before = o->n;
    struct trn_str bytes = trn_cur_bytes(c, packed);
    if (c->bad || raw > o->size - o->n)
        return -EBADMSG;
    int e = 0;
    if (magic == BLOCK_LZVN)
        e = trn_lzvn_run(bytes, o);
    else
        (void)trn_lz_literals(o, (const uint8_t *)bytes.p, bytes.n);
    return e == 0 && o->n - before != raw ? -EBADMSG : e;
}

int64_t trn_lzfse(struct trn_str in, uint8_t *out, size_t size)
{
    struct trn_cursor c = trn_cur_of(in);
    struct trn_lz_out o = {.size = size};
    o.p = out;
    TRN_AUTO(trn_freep) struct tables *t = NULL;
    for (;;) {
        int e = 0;
        uint32_t magic = trn_cur_u32le(&c);
        if (c.bad)
            return -EBADMSG;
        if (magic == BLOCK_END)
            return (int64_t)o.n;
        if (magic == BLOCK_V2 && !t && !(t = malloc(sizeof(*t))))
            return -ENOMEM;
        if (magic == BLOCK_V2)
            e = block(&c, t, &o);
        else if (magic == BLOCK_RAW || magic == BLOCK_LZVN)
            e = other(&c, magic, &o);
        else
            e = magic == BLOCK_V1 ? -ENOTSUP : -EBADMSG;
        if (e < 0)
            return e;
    }
}
