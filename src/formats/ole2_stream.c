/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: following chains of sectors: whose they are, and the bytes of a stream by place.
 * Must not: hold a stream's bytes. A chain that is scattered keeps at most MARKS places of it, so that going to any place is
 * a bounded walk.
 * Hand-offs: a source's state is in the arena that the caller gave.
 */
#include "formats/ole2_internal.h"

#define MARKS 4096u

struct chain {
    const struct trn_ole2 *o;
    const uint32_t *next;
    uint32_t n_next, shift, units, step;
    uint32_t *marks;   /* the unit at each step-th place */
    uint32_t at, unit; /* where the last read ended */
    bool mini;
};

uint32_t ole2_claim(struct trn_ole2 *o, uint32_t start, uint64_t need, uint16_t owner, bool mini, bool *ret_broken)
{
    const uint32_t *next = mini ? o->minifat : o->fat;
    uint16_t *owners = mini ? o->mini_owner : o->owner;
    uint32_t n = mini ? o->n_mini : o->n_fat, count = 0, unit = start;
    while (unit < n && owners[unit] == OWNER_NONE) {
        owners[unit] = owner;
        count++;
        unit = next[unit];
    }
    *ret_broken = unit != OLE2_END || count < need;
    return count;
}

/* The unit at place `at` of the chain; at < units, which was walked before. */
static uint32_t unit_at(struct chain *c, uint32_t at)
{
    if (at < c->at || at - c->at > c->step) {
        c->at = at / c->step * c->step;
        c->unit = c->marks[at / c->step];
    }
    for (; c->at < at && c->unit < c->n_next; c->at++)
        c->unit = c->next[c->unit];
    return c->unit;
}

static int64_t read_chain(void *ctx, uint64_t at, void *dst, size_t n)
{
    struct chain *c = ctx;
    uint64_t in = at & ((1ull << c->shift) - 1);
    if (at >> c->shift >= c->units)
        return 0;
    uint32_t unit = unit_at(c, (uint32_t)(at >> c->shift)), last = unit;
    uint64_t have = (1ull << c->shift) - in;
    /* what lies one after another is read at once */
    while (have < n && last < c->n_next && c->next[last] == last + 1) {
        last++;
        have += 1ull << c->shift;
    }
    n = (size_t)TRN_MIN((uint64_t)n, have);
    if (c->mini)
        return trn_source_read(&c->o->mini, ((uint64_t)unit << c->shift) + in, dst, n);
    return trn_source_read(c->o->bytes, ole2_sector_at(c->o, unit) + in, dst, n);
}

static struct trn_source straight(const struct trn_ole2 *o, uint32_t start, uint64_t size, bool mini)
{
    return mini ? trn_source_part(&o->mini, (uint64_t)start << OLE2_MINI_SHIFT, size)
                : trn_source_part(o->bytes, ole2_sector_at(o, start), size);
}

static bool is_straight(const struct trn_ole2 *o, uint32_t start, uint32_t units, bool mini)
{
    const uint32_t *next = mini ? o->minifat : o->fat;
    for (uint32_t i = 1; i < units; i++)
        if (next[start + i - 1] != start + i)
            return false;
    return true;
}

int ole2_chain_source(const struct trn_ole2 *o, uint32_t start, uint32_t units, uint64_t size, bool mini,
                      struct trn_arena *a, struct trn_source *ret)
{
    uint32_t shift = mini ? OLE2_MINI_SHIFT : o->shift;
    size = TRN_MIN(size, (uint64_t)units << shift);
    if (units == 0 || size == 0) {
        *ret = trn_source_mem(TRN_STR_NONE);
        return 0;
    }
    units = (uint32_t)((size + (1ull << shift) - 1) >> shift);
    if (is_straight(o, start, units, mini)) {
        *ret = straight(o, start, size, mini);
        return 0;
    }
    struct chain *c = trn_arena_alloc(a, sizeof(*c));
    if (!c)
        return -ENOMEM;
    *c = (struct chain){.o = o,
                        .next = mini ? o->minifat : o->fat,
                        .n_next = mini ? o->n_mini : o->n_fat,
                        .shift = shift,
                        .units = units,
                        .step = units / MARKS + 1,
                        .unit = start,
                        .mini = mini};
    c->marks = trn_arena_array(a, units / c->step + 1, sizeof(*c->marks));
    if (!c->marks)
        return -ENOMEM;
    for (uint32_t i = 0, unit = start; i < units && unit < c->n_next; i++, unit = c->next[unit])
        if (i % c->step == 0)
            c->marks[i / c->step] = unit;
    *ret = (struct trn_source){.size = size, .read = read_chain, .ctx = c};
    return 0;
}

int trn_ole2_stream(const struct trn_ole2 *o, const struct trn_ole2_entry *e, struct trn_arena *a,
                    struct trn_source *ret)
{
    return ole2_chain_source(o, e->start, e->units, e->size, e->mini, a, ret);
}

bool trn_ole2_contiguous(const struct trn_ole2 *o, const struct trn_ole2_entry *e, uint64_t *ret_at)
{
    uint32_t shift = e->mini ? OLE2_MINI_SHIFT : o->shift;
    uint64_t need = (e->size >> shift) + ((e->size & ((1ull << shift) - 1)) != 0);
    if (need == 0 || need > e->units || !is_straight(o, e->start, (uint32_t)need, e->mini))
        return false;
    uint64_t at = ole2_sector_at(o, e->start);
    if (e->mini) {
        /* the mini stream itself may be scattered; it is not followed that far */
        const struct trn_ole2_entry *root = trn_ole2_root(o);
        if (!root || !is_straight(o, root->start, root->units, false))
            return false;
        at = ole2_sector_at(o, root->start) + ((uint64_t)e->start << shift);
    }
    if (at > o->bytes->size || e->size > o->bytes->size - at)
        return false;
    *ret_at = at;
    return true;
}
