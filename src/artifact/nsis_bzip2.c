/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: NSIS's bzip2: the blocks of bzip2 without its headers, check sums and random bits; each begins with one byte 0x31,
 * 0x17 ends the stream. No library reads that.
 * Must not: hold more than one block (900,000 bytes, 4 bytes of memory for each).
 */
#include "artifact/nsis_stream.h"

#define BLOCK_MAX 900000u
#define GROUPS_MAX 6u
#define SYMBOLS_MAX 258u
#define SELECTORS_MAX 18002u
#define CODE_MAX 20u
#define GROUP_RUN 50u
#define WINDOW 4096u

struct codes { /* canonical: for each length the highest code, and where its symbols begin */
    uint32_t limit[CODE_MAX + 2], base[CODE_MAX + 2];
    uint16_t symbols[SYMBOLS_MAX];
    uint32_t shortest;
};

struct trn_nsis_bzip2 {
    struct trn_source in;
    uint64_t at, bits;
    uint8_t window[WINDOW];
    size_t have, next;
    uint32_t n_bits, missing; /* missing: bits asked for behind the end */
    int error;
    bool ended;
    struct codes codes[GROUPS_MAX];
    uint8_t selectors[SELECTORS_MAX];
    uint32_t n_selectors;
    uint32_t *block; /* low byte: a byte; above: where the one before it is */
    uint32_t n_block, given, place;
    uint32_t run, repeat; /* equal bytes in a row; how often the last one is still to be given */
    uint8_t last;
};

struct trn_nsis_bzip2 *trn_nsis_bzip2_new(const struct trn_source *in)
{
    struct trn_nsis_bzip2 *b = calloc(1, sizeof(*b));
    if (b && !(b->block = malloc(BLOCK_MAX * sizeof(*b->block)))) {
        free(b);
        return NULL;
    }
    if (b)
        b->in = *in;
    return b;
}

void trn_nsis_bzip2_free(struct trn_nsis_bzip2 *b)
{
    if (b)
        free(b->block);
    free(b);
}

/* ---- bits, the highest first ---- */

static void fill(struct trn_nsis_bzip2 *b)
{
    while (b->n_bits <= 48) {
        if (b->next == b->have) {
            int64_t n = trn_source_read(&b->in, b->at, b->window, WINDOW);
            if (n < 0)
                b->error = (int)n;
            b->have = n > 0 ? (size_t)n : 0;
            b->next = 0;
            b->at += b->have;
        }
        uint8_t byte = 0;
        if (b->next < b->have)
            byte = b->window[b->next++];
        else
            b->missing += 8;
        b->bits = b->bits << 8 | byte;
        b->n_bits += 8;
    }
}

static uint32_t peek(struct trn_nsis_bzip2 *b, uint32_t n)
{
    if (b->n_bits < n)
        fill(b);
    return (uint32_t)(b->bits >> (b->n_bits - n)) & ((1u << n) - 1);
}

static uint32_t get(struct trn_nsis_bzip2 *b, uint32_t n)
{
    uint32_t v = peek(b, n);
    b->n_bits -= n;
    return v;
}

/* More was used than there is. */
static bool is_short(const struct trn_nsis_bzip2 *b)
{
    return b->missing > b->n_bits;
}

/* ---- one block ---- */

static uint32_t read_used(struct trn_nsis_bzip2 *b, uint8_t used[256])
{
    uint32_t rows = get(b, 16), n = 0;
    for (uint32_t i = 0; i < 16; i++) {
        uint32_t row = rows & (0x8000u >> i) ? get(b, 16) : 0;
        for (uint32_t k = 0; k < 16; k++)
            if (row & (0x8000u >> k))
                used[n++] = (uint8_t)(16 * i + k);
    }
    return n;
}

static int read_selectors(struct trn_nsis_bzip2 *b, uint32_t groups)
{
    uint8_t order[GROUPS_MAX];
    uint32_t n = get(b, 15);
    for (uint32_t i = 0; i < GROUPS_MAX; i++)
        order[i] = (uint8_t)i;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = 0;
        while (get(b, 1))
            if (++k >= groups)
                return -EBADMSG;
        uint8_t group = order[k];
        memmove(order + 1, order, k);
        order[0] = group;
        if (i < SELECTORS_MAX)
            b->selectors[i] = group;
    }
    b->n_selectors = TRN_MIN(n, SELECTORS_MAX);
    return n == 0 || is_short(b) ? -EBADMSG : 0;
}

static void make_codes(struct codes *c, const uint8_t *lengths, uint32_t n)
{
    uint32_t code = 0, at = 0;
    memset(c, 0, sizeof(*c));
    c->shortest = CODE_MAX;
    for (uint32_t length = 1; length <= CODE_MAX; length++) {
        c->base[length] = at - code; /* wraps; so does the sum with a code */
        for (uint32_t i = 0; i < n; i++) {
            if (lengths[i] != length)
                continue;
            c->symbols[at++] = (uint16_t)i;
            code++;
            c->shortest = TRN_MIN(c->shortest, length);
        }
        c->limit[length] = code; /* the first code that is longer */
        code <<= 1;
    }
}

static int read_codes(struct trn_nsis_bzip2 *b, uint32_t group, uint32_t n)
{
    uint8_t lengths[SYMBOLS_MAX];
    uint32_t length = get(b, 5);
    for (uint32_t i = 0; i < n; i++) {
        while (length >= 1 && length <= CODE_MAX && get(b, 1))
            length += get(b, 1) ? UINT32_MAX : 1;
        if (length < 1 || length > CODE_MAX)
            return -EBADMSG;
        lengths[i] = (uint8_t)length;
    }
    make_codes(&b->codes[group], lengths, n);
    return is_short(b) ? -EBADMSG : 0;
}

static uint32_t symbol(struct trn_nsis_bzip2 *b, const struct codes *c)
{
    uint32_t bits = peek(b, CODE_MAX);
    for (uint32_t length = c->shortest; length <= CODE_MAX; length++) {
        uint32_t code = bits >> (CODE_MAX - length);
        if (code >= c->limit[length])
            continue;
        uint32_t at = code + c->base[length];
        b->n_bits -= length;
        return at < SYMBOLS_MAX ? c->symbols[at] : UINT32_MAX;
    }
    return UINT32_MAX;
}

static int put_run(struct trn_nsis_bzip2 *b, uint8_t byte, uint64_t n)
{
    if (n > BLOCK_MAX - b->n_block)
        return -EBADMSG;
    while (n--)
        b->block[b->n_block++] = byte;
    return 0;
}

/* Symbols to bytes: runs of the first byte in an order that moves each byte that was used to its front. */
static int read_bytes(struct trn_nsis_bzip2 *b, uint8_t order[256], uint32_t n_used)
{
    uint64_t run = 0, weight = 1;
    int e = 0;
    b->n_block = 0;
    for (uint32_t i = 0; e == 0; i++) {
        if (i / GROUP_RUN >= b->n_selectors || is_short(b))
            return -EBADMSG;
        uint32_t s = symbol(b, &b->codes[b->selectors[i / GROUP_RUN]]);
        if (s > n_used + 1)
            return -EBADMSG;
        if (s <= 1) { /* digits of a number in base 2, written with 1 and 2 */
            run += weight << s;
            weight <<= 1;
            if (run > BLOCK_MAX)
                return -EBADMSG;
            continue;
        }
        e = run ? put_run(b, order[0], run) : 0;
        run = 0;
        weight = 1;
        if (s == n_used + 1)
            return e;
        uint8_t byte = order[s - 1];
        memmove(order + 1, order, s - 1);
        order[0] = byte;
        if (e == 0)
            e = put_run(b, byte, 1);
    }
    return e;
}

/* The Burrows-Wheeler transform backwards: each byte gets the place of the one that follows it. */
static int untransform(struct trn_nsis_bzip2 *b, uint32_t first)
{
    uint32_t starts[256] = {0}, sum = 0;
    if (first >= b->n_block)
        return -EBADMSG;
    for (uint32_t i = 0; i < b->n_block; i++)
        starts[b->block[i] & 0xff]++;
    for (uint32_t v = 0; v < 256; v++) {
        uint32_t n = starts[v];
        starts[v] = sum;
        sum += n;
    }
    for (uint32_t i = 0; i < b->n_block; i++)
        b->block[starts[b->block[i] & 0xff]++] |= i << 8;
    b->place = b->block[first] >> 8;
    b->given = b->run = b->repeat = 0;
    return 0;
}

static int read_block(struct trn_nsis_bzip2 *b)
{
    uint8_t used[256] = {0};
    uint32_t mark = get(b, 8);
    if (is_short(b))
        return -EBADMSG;
    b->ended = mark == 0x17;
    if (b->ended)
        return 0;
    uint32_t first = get(b, 24);
    uint32_t n_used = mark == 0x31 ? read_used(b, used) : 0, groups = get(b, 3);
    if (n_used == 0 || groups < 2 || groups > GROUPS_MAX)
        return -EBADMSG;
    int e = read_selectors(b, groups);
    for (uint32_t i = 0; i < groups && e == 0; i++)
        e = read_codes(b, i, n_used + 2);
    for (uint32_t i = 0; i < b->n_selectors && e == 0; i++)
        e = b->selectors[i] < groups ? 0 : -EBADMSG;
    if (e == 0)
        e = read_bytes(b, used, n_used);
    return e == 0 ? untransform(b, first) : e;
}

/* Four equal bytes are followed by how many more there are. */
static size_t give(struct trn_nsis_bzip2 *b, uint8_t *dst, size_t n)
{
    size_t done = 0;
    while (done < n) {
        if (b->repeat) {
            dst[done++] = b->last;
            b->repeat--;
            continue;
        }
        if (b->given == b->n_block)
            break;
        uint32_t v = b->block[b->place];
        uint8_t byte = (uint8_t)v;
        b->place = v >> 8;
        b->given++;
        if (b->run == 4) {
            b->repeat = byte;
            b->run = 0;
            continue;
        }
        b->run = b->run && byte == b->last ? b->run + 1 : 1;
        b->last = byte;
        dst[done++] = byte;
    }
    return done;
}

int64_t trn_nsis_bzip2_read(struct trn_nsis_bzip2 *b, void *dst, size_t n)
{
    size_t done = 0;
    while (done < n) {
        done += give(b, (uint8_t *)dst + done, n - done);
        if (done == n || b->ended || b->error)
            break;
        int e = read_block(b);
        if (e < 0)
            b->error = b->error ? b->error : e;
        if (e < 0)
            b->n_block = b->given = b->repeat = 0;
    }
    return done ? (int64_t)done : b->error;
}
