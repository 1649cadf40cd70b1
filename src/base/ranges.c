/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: sorted ranges and the gaps between them. Must not: read a source. */
#include "base/base.h"

void trn_ranges_add(struct trn_ranges *r, uint64_t at, uint64_t size)
{
    uint64_t to = size > UINT64_MAX - at ? UINT64_MAX : at + size;
    if (size == 0 || r->bad)
        return;
    if (r->n && r->list[r->n - 1].from <= at && r->list[r->n - 1].to >= at) { /* most come in order */
        r->list[r->n - 1].to = TRN_MAX(r->list[r->n - 1].to, to);
        return;
    }
    if (r->n == r->cap) {
        uint32_t cap = TRN_MIN(r->cap ? 2 * r->cap : 64u, TRN_RANGES_MAX);
        struct trn_span *more = r->n == cap ? NULL : trn_arena_array(r->arena, cap, sizeof(*more));
        if (!more) {
            r->bad = true;
            return;
        }
        if (r->n)
            memcpy(more, r->list, r->n * sizeof(*more));
        r->list = more;
        r->cap = cap;
    }
    r->list[r->n++] = (struct trn_span){at, to};
}

static int by_place(const void *a, const void *b)
{
    const struct trn_span *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

void trn_ranges_close(struct trn_ranges *r)
{
    uint32_t n = 0;
    if (r->n == 0)
        return;
    qsort(r->list, r->n, sizeof(*r->list), by_place);
    for (uint32_t i = 1; i < r->n; i++) {
        if (r->list[i].from <= r->list[n].to)
            r->list[n].to = TRN_MAX(r->list[n].to, r->list[i].to);
        else
            r->list[++n] = r->list[i];
    }
    r->n = n + 1;
}

bool trn_ranges_gap(const struct trn_ranges *r, uint64_t at, uint64_t end, struct trn_span *ret)
{
    uint32_t low = 0, high = r->n; /* the first that ends behind `at` */
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (r->list[mid].to > at)
            high = mid;
        else
            low = mid + 1;
    }
    if (low < r->n && r->list[low].from <= at)
        at = r->list[low++].to;
    if (at >= end)
        return false;
    *ret = (struct trn_span){at, low < r->n ? TRN_MIN(end, r->list[low].from) : end};
    return true;
}
