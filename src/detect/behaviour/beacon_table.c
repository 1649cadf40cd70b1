/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the beacons' memory: one fixed arena of rows and an index of 4 bytes a slot. When it is full a hand goes round
 * (second chance): a row that was seen once goes first; one that was called again, is new in its version or scores high
 * is passed over, more often the more it is worth. So a flood of new destinations drives out itself.
 * Must not: know what a key is made of.
 */
#include "detect/behaviour/beacon_table.h"

#include <string.h>

#define SEARCH 64u /* rows the hand looks at for one place, at most */

/* A slot: row number + 1 below, the rest of the key's hash above; 0: free. */
#define ROW_BITS 18u
#define ROW_MASK ((1u << ROW_BITS) - 1)

struct trn_beacon_table {
    struct trn_beacon *rows;
    uint32_t *slots;
    uint32_t max, n, n_slots, hand;
    uint64_t evicted;
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
    for (t->n_slots = 16; t->n_slots < max + max / 4; t->n_slots *= 2) {
    }
    t->rows = calloc(max, sizeof(*t->rows));
    t->slots = calloc(t->n_slots, sizeof(*t->slots));
    return t->rows && t->slots ? t : trn_beacon_table_free(t);
}

struct trn_beacon_table *trn_beacon_table_free(struct trn_beacon_table *t)
{
    if (t) {
        free(t->rows);
        free(t->slots);
        free(t);
    }
    return NULL;
}

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
    uint32_t slot = t->slots[slot_of(t, key)];
    return slot ? &t->rows[(slot & ROW_MASK) - 1] : NULL;
}

struct trn_beacon *trn_beacon_table_get(struct trn_beacon_table *t, uint64_t key, struct trn_beacon *ret_evicted)
{
    uint32_t at = slot_of(t, key), row = t->n;
    *ret_evicted = (struct trn_beacon){0};
    if (t->slots[at])
        return &t->rows[(t->slots[at] & ROW_MASK) - 1];
    if (t->n == t->max) {
        row = row_to_give_up(t);
        *ret_evicted = t->rows[row];
        t->evicted++;
        unlink_slot(t, slot_of(t, ret_evicted->key));
        at = slot_of(t, key);
    } else {
        t->n++;
    }
    trn_beacon_init(&t->rows[row], key);
    t->slots[at] = tag(mixed(key)) | (row + 1);
    return &t->rows[row];
}

void trn_beacon_table_keep(struct trn_beacon *b, uint8_t lives)
{
    b->lives = TRN_MAX(b->lives, lives);
}

bool trn_beacon_table_next(const struct trn_beacon_table *t, uint32_t *it, const struct trn_beacon **ret)
{
    if (*it >= t->n)
        return false;
    *ret = &t->rows[(*it)++];
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
    return sizeof(*t) + t->max * sizeof(*t->rows) + t->n_slots * sizeof(*t->slots);
}
