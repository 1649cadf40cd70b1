/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: finding a slot by the id or by the pid that stands in it: four bytes a place, for the key is in the slot.
 * Must not own: slots; which of several processes of one pid is meant.
 * Open addressing with linear probing; who is removed leaves no mark, those behind move up.
 */
#include "process/internal.h"

int trn_index_init(struct trn_slot_index *x, uint32_t max)
{
    uint32_t n = 16;
    while (n < max + max / 4)
        n *= 2;
    x->at = malloc((size_t)n * sizeof(*x->at));
    if (!x->at)
        return -ENOMEM;
    memset(x->at, 0xff, (size_t)n * sizeof(*x->at)); /* TRN_NO_SLOT */
    x->mask = n - 1;
    return 0;
}

void trn_index_done(struct trn_slot_index *x)
{
    free(x->at);
    x->at = NULL;
}

size_t trn_index_bytes(const struct trn_slot_index *x)
{
    return ((size_t)x->mask + 1) * sizeof(*x->at);
}

static uint64_t key_of(const struct trn_slot_index *x, const struct trn_slot *slots, uint32_t i)
{
    return x->of_pid ? slots[i].pid : slots[i].id;
}

static uint32_t home_of(const struct trn_slot_index *x, uint64_t key)
{
    key ^= key >> 32;
    key *= 0xd6e8feb86659fd93ull;
    return (uint32_t)(key >> 32) & x->mask;
}

/* Where the key stands, or the free place where it would. */
static uint32_t find(const struct trn_slot_index *x, const struct trn_slot *slots, uint64_t key)
{
    uint32_t i = home_of(x, key);
    while (x->at[i] != TRN_NO_SLOT && key_of(x, slots, x->at[i]) != key)
        i = (i + 1) & x->mask;
    return i;
}

uint32_t trn_index_get(const struct trn_slot_index *x, const struct trn_slot *slots, uint64_t key)
{
    return x->at[find(x, slots, key)];
}

void trn_index_put(struct trn_slot_index *x, const struct trn_slot *slots, uint64_t key, uint32_t slot)
{
    x->at[find(x, slots, key)] = slot;
}

void trn_index_remove(struct trn_slot_index *x, const struct trn_slot *slots, uint64_t key)
{
    uint32_t hole = find(x, slots, key);
    if (x->at[hole] == TRN_NO_SLOT)
        return;
    for (uint32_t i = (hole + 1) & x->mask; x->at[i] != TRN_NO_SLOT; i = (i + 1) & x->mask) {
        uint32_t home = home_of(x, key_of(x, slots, x->at[i]));
        if (((i - home) & x->mask) >= ((i - hole) & x->mask)) {
            x->at[hole] = x->at[i];
            hole = i;
        }
    }
    x->at[hole] = TRN_NO_SLOT;
}
