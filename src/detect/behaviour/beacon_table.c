/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the beacons' memory: two fixed arenas and an index of 4 bytes a slot. Each place has a short row with its last
 * five gaps, which is all there is to know of most places; one that called more often gets a long part beside it, of
 * which there are a quarter as many. When the rows are full a hand goes round (second chance): a row that was seen once
 * goes first; one that was called again, is new in its version or scores high is passed over, more often the more it is
 * worth. So a flood of new destinations drives out itself. When the long parts are all taken, one that nobody looked at
 * for long gives its own up and falls back to its last five gaps; if there is none near, the newcomer stays short.
 * Hand-offs: what is borrowed is one working copy, put back before anything else is looked at.
 * Must not: know what a key is made of.
 */
#include "detect/behaviour/beacon_table.h"

#include <string.h>

#define SEARCH 64u /* rows the hand looks at for one place, at most */
#define SEARCH_MORE 8u
#define SHORT_GAPS 5u
#define LONG_SHARE 4u /* one long part for so many rows */
#define LONG_LEAST 16u
#define NOBODY UINT32_MAX

/* A slot: row number + 1 below, the rest of the key's hash above; 0: free. */
#define ROW_BITS 18u
#define ROW_MASK ((1u << ROW_BITS) - 1)

struct row {
    uint64_t key, event; /* the number of the first check-in's event */
    uint32_t first, last, last_connection, n_connections, n_checkins;
    uint32_t later[3]; /* of the latest ones, counted from the first; 0: none */
    uint32_t more;     /* number of its long part + 1; 0: none */
    uint16_t out_mean, out_deviation;
    uint16_t gaps[SHORT_GAPS]; /* oldest first; without a long part */
    uint8_t n_gaps, score, flags, lives;
};
_Static_assert(sizeof(struct row) <= 72, "most places cost no more");

struct more {
    uint32_t owner; /* row; of a free one: number of the next free one + 1 */
    uint8_t lives, modal, ring_at, ring_n;
    uint8_t histogram[TRN_BEACON_BINS];
    uint16_t ring[TRN_BEACON_RING];
};
_Static_assert(sizeof(struct row) + sizeof(struct more) <= 256, "a key may cost 256 bytes");

struct trn_beacon_table {
    struct row *rows;
    struct more *more;
    uint32_t *slots;
    uint32_t max, n, n_slots, hand;
    uint32_t n_more, free_more, more_hand; /* free_more: number + 1 */
    uint64_t evicted;
    struct trn_beacon work; /* what is lent */
    uint32_t lent;          /* its row, or NOBODY */
};

static uint64_t mixed(uint64_t key)
{
    key ^= key >> 32;
    key *= 0xd6e8feb86659fd93ull;
    return key ^ (key >> 32);
}

static uint32_t tag(uint64_t hash)
{
    return (uint32_t)(hash >> 32) & ~ROW_MASK;
}

struct trn_beacon_table *trn_beacon_table_new(uint32_t max)
{
    struct trn_beacon_table *t = calloc(1, sizeof(*t));
    if (!t || max == 0 || max >= ROW_MASK)
        return trn_beacon_table_free(t);
    t->max = max;
    t->lent = NOBODY;
    t->n_more = TRN_MAX(max / LONG_SHARE, LONG_LEAST);
    for (t->n_slots = 16; t->n_slots < max + max / 4; t->n_slots *= 2) {
    }
    t->rows = calloc(max, sizeof(*t->rows));
    t->more = calloc(t->n_more, sizeof(*t->more));
    t->slots = calloc(t->n_slots, sizeof(*t->slots));
    if (!t->rows || !t->more || !t->slots)
        return trn_beacon_table_free(t);
    for (uint32_t i = t->n_more; i-- > 0; t->free_more = i + 1)
        t->more[i].owner = t->free_more;
    return t;
}

struct trn_beacon_table *trn_beacon_table_free(struct trn_beacon_table *t)
{
    if (t) {
        free(t->rows);
        free(t->more);
        free(t->slots);
        free(t);
    }
    return NULL;
}

/* ---- short and long ---- */

static void load(const struct trn_beacon_table *t, const struct row *r, struct trn_beacon *b)
{
    *b = (struct trn_beacon){.key = r->key,
                             .first = r->first,
                             .last = r->last,
                             .last_connection = r->last_connection,
                             .n_connections = r->n_connections,
                             .n_checkins = r->n_checkins,
                             .out_mean = r->out_mean,
                             .out_deviation = r->out_deviation,
                             .score = r->score,
                             .flags = r->flags,
                             .lives = r->lives,
                             .events = {r->event}};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(r->later); i++)
        b->events[i + 1] = r->later[i] ? r->event + r->later[i] : 0;
    if (!r->more) {
        for (uint32_t i = 0; i < r->n_gaps; i++)
            trn_beacon_gap(b, r->gaps[i]);
        return;
    }
    const struct more *m = &t->more[r->more - 1];
    b->modal = m->modal;
    b->ring_at = m->ring_at;
    b->ring_n = m->ring_n;
    memcpy(b->histogram, m->histogram, sizeof(b->histogram));
    memcpy(b->ring, m->ring, sizeof(b->ring));
}

static void keep_last_gaps(struct row *r, const uint16_t *ring, uint32_t ring_at, uint32_t ring_n)
{
    uint32_t n = TRN_MIN(ring_n, SHORT_GAPS);
    r->n_gaps = (uint8_t)n;
    for (uint32_t i = 0; i < n; i++)
        r->gaps[i] = ring[(ring_at + TRN_BEACON_RING - n + i) % TRN_BEACON_RING];
}

static void give_back(struct trn_beacon_table *t, struct row *r)
{
    struct more *m = &t->more[r->more - 1];
    keep_last_gaps(r, m->ring, m->ring_at, m->ring_n);
    m->owner = t->free_more;
    t->free_more = r->more;
    r->more = 0;
}

/* A long part for a row, when one is free or somebody near can do without. */
static void take_more(struct trn_beacon_table *t, struct row *r)
{
    for (uint32_t i = 0; !t->free_more && i < SEARCH_MORE; i++) {
        struct more *m = &t->more[t->more_hand];
        t->more_hand = (t->more_hand + 1) % t->n_more;
        if (m->lives == 0)
            give_back(t, &t->rows[m->owner]);
        else
            m->lives--;
    }
    if (!t->free_more)
        return;
    r->more = t->free_more;
    t->free_more = t->more[r->more - 1].owner;
    t->more[r->more - 1].owner = (uint32_t)(r - t->rows);
}

/* Puts the working copy back. */
static void settle(struct trn_beacon_table *t)
{
    const struct trn_beacon *b = &t->work;
    if (t->lent == NOBODY)
        return;
    struct row *r = &t->rows[t->lent];
    t->lent = NOBODY;
    r->first = b->first;
    r->last = b->last;
    r->last_connection = b->last_connection;
    r->n_connections = b->n_connections;
    r->n_checkins = b->n_checkins;
    r->out_mean = b->out_mean;
    r->out_deviation = b->out_deviation;
    r->score = b->score;
    r->flags = b->flags;
    r->lives = b->lives;
    r->event = b->events[0];
    for (size_t i = 0; i < TRN_ARRAY_SIZE(r->later); i++) {
        uint64_t since = b->events[i + 1] - b->events[0];
        r->later[i] = b->events[i + 1] && since <= UINT32_MAX ? (uint32_t)since : 0;
    }
    if (!r->more && b->ring_n > SHORT_GAPS)
        take_more(t, r);
    if (!r->more) {
        keep_last_gaps(r, b->ring, b->ring_at, b->ring_n);
        return;
    }
    struct more *m = &t->more[r->more - 1];
    m->lives = b->lives;
    m->modal = b->modal;
    m->ring_at = b->ring_at;
    m->ring_n = b->ring_n;
    memcpy(m->histogram, b->histogram, sizeof(m->histogram));
    memcpy(m->ring, b->ring, sizeof(m->ring));
}

static struct trn_beacon *lend(struct trn_beacon_table *t, uint32_t row)
{
    load(t, &t->rows[row], &t->work);
    t->lent = row;
    return &t->work;
}

/* ---- rows by key ---- */

/* Slot of the key, or the free one where it would go. */
static uint32_t slot_of(const struct trn_beacon_table *t, uint64_t key)
{
    uint64_t hash = mixed(key);
    uint32_t mask = t->n_slots - 1, i = (uint32_t)hash & mask;
    for (;; i = (i + 1) & mask) {
        uint32_t slot = t->slots[i];
        if (!slot || ((slot & ~ROW_MASK) == tag(hash) && t->rows[(slot & ROW_MASK) - 1].key == key))
            return i;
    }
}

/* Closes the gap that a removed slot leaves: those behind it that may stand nearer to their place move up. */
static void unlink_slot(struct trn_beacon_table *t, uint32_t free)
{
    uint32_t mask = t->n_slots - 1;
    for (uint32_t i = (free + 1) & mask; t->slots[i]; i = (i + 1) & mask) {
        uint32_t home = (uint32_t)mixed(t->rows[(t->slots[i] & ROW_MASK) - 1].key) & mask;
        if (((i - home) & mask) >= ((i - free) & mask)) {
            t->slots[free] = t->slots[i];
            free = i;
        }
    }
    t->slots[free] = 0;
}

/* Lives are spent only where none is without: a flood of rows that came once costs the others nothing. */
static uint32_t row_to_give_up(struct trn_beacon_table *t)
{
    uint32_t from = t->hand, best = from, steps = TRN_MIN(SEARCH, t->max);
    for (uint32_t i = 0; i < steps; i++) {
        uint32_t at = t->hand;
        t->hand = (t->hand + 1) % t->max;
        if (t->rows[at].lives == 0)
            return at;
        if (t->rows[at].lives < t->rows[best].lives)
            best = at;
    }
    for (uint32_t i = 0; i < steps; i++)
        t->rows[(from + i) % t->max].lives--;
    return best;
}

struct trn_beacon *trn_beacon_table_find(struct trn_beacon_table *t, uint64_t key)
{
    if (t->lent != NOBODY && t->work.key == key)
        return &t->work;
    settle(t);
    uint32_t slot = t->slots[slot_of(t, key)];
    return slot ? lend(t, (slot & ROW_MASK) - 1) : NULL;
}

struct trn_beacon *trn_beacon_table_get(struct trn_beacon_table *t, uint64_t key, struct trn_beacon *ret_evicted)
{
    *ret_evicted = (struct trn_beacon){0};
    struct trn_beacon *known = trn_beacon_table_find(t, key);
    if (known)
        return known;
    uint32_t row = t->n;
    if (t->n == t->max) {
        row = row_to_give_up(t);
        load(t, &t->rows[row], ret_evicted);
        t->evicted++;
        unlink_slot(t, slot_of(t, ret_evicted->key));
        if (t->rows[row].more)
            give_back(t, &t->rows[row]);
    } else {
        t->n++;
    }
    t->rows[row] = (struct row){.key = key};
    t->slots[slot_of(t, key)] = tag(mixed(key)) | (row + 1);
    return lend(t, row);
}

void trn_beacon_table_keep(struct trn_beacon *b, uint8_t lives)
{
    b->lives = TRN_MAX(b->lives, lives);
}

bool trn_beacon_table_next(struct trn_beacon_table *t, uint32_t *it, const struct trn_beacon **ret)
{
    settle(t);
    if (*it >= t->n)
        return false;
    *ret = lend(t, (*it)++);
    return true;
}

uint32_t trn_beacon_table_count(const struct trn_beacon_table *t)
{
    return t->n;
}

uint64_t trn_beacon_table_evicted(const struct trn_beacon_table *t)
{
    return t->evicted;
}

size_t trn_beacon_table_bytes(const struct trn_beacon_table *t)
{
    return sizeof(*t) + t->max * sizeof(*t->rows) + t->n_more * sizeof(*t->more) + t->n_slots * sizeof(*t->slots);
}
