/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the bump allocator and its blocks.
 * Must not: be shared between threads, or give memory back one piece at a time.
 * Ownership: everything handed out lives until reset or free of the arena.
 */
#include "base/arena.h"

#include "base/checked.h"

#include <stdarg.h>
#include <stdio.h>

#define DEFAULT_LIMIT ((size_t)64 << 20)
#define FIRST_BLOCK ((size_t)2048)
#define LARGEST_STEP ((size_t)256 << 10)
#define ALIGNMENT _Alignof(max_align_t)

struct block {
    struct block *next;
    size_t n, cap;
    _Alignas(max_align_t) char data[];
};

struct trn_arena {
    struct block *first, *last;
    size_t limit;
    size_t held; /* capacity of all blocks */
    size_t used; /* handed out, with alignment */
};

struct trn_arena *trn_arena_new(size_t limit)
{
    struct trn_arena *a = calloc(1, sizeof(*a));
    if (a)
        a->limit = limit ? limit : DEFAULT_LIMIT;
    return a;
}

static void free_blocks(struct block *b)
{
    while (b) {
        struct block *next = b->next;
        free(b);
        b = next;
    }
}

struct trn_arena *trn_arena_free(struct trn_arena *a)
{
    if (a) {
        free_blocks(a->first);
        free(a);
    }
    return NULL;
}

void trn_arena_reset(struct trn_arena *a)
{
    struct block *first = a->first;
    a->used = 0;
    if (!first)
        return;
    free_blocks(first->next);
    first->next = NULL;
    first->n = 0;
    a->last = first;
    a->held = first->cap;
}

size_t trn_arena_used(const struct trn_arena *a)
{
    return a->used;
}

/* A new last block with room for n bytes. Steps double, so the number of blocks stays small. */
static bool grow(struct trn_arena *a, size_t n)
{
    size_t left = a->limit - a->held;
    size_t step = a->last ? TRN_MIN(a->last->cap * 2, LARGEST_STEP) : FIRST_BLOCK;
    size_t cap = TRN_MAX(n, TRN_MIN(step, left));
    if (n > left)
        return false;
    struct block *b = malloc(sizeof(*b) + cap);
    if (!b)
        return false;
    b->next = NULL;
    b->n = 0;
    b->cap = cap;
    if (a->last)
        a->last->next = b;
    else
        a->first = b;
    a->last = b;
    a->held += cap;
    return true;
}

/* Room for n bytes at an aligned place. Only the start is aligned, so that small limits hold exactly. */
static char *take(struct trn_arena *a, size_t n)
{
    struct block *b = a->last;
    if (b) {
        size_t start = (b->n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        if (start <= b->cap && n <= b->cap - start) {
            a->used += start - b->n + n;
            b->n = start + n;
            return b->data + start;
        }
    }
    if (!grow(a, n))
        return NULL;
    a->last->n = n;
    a->used += n;
    return a->last->data;
}

void *trn_arena_alloc(struct trn_arena *a, size_t n)
{
    char *p = take(a, n ? n : 1);
    if (p)
        memset(p, 0, n ? n : 1);
    return p;
}

void *trn_arena_array(struct trn_arena *a, size_t count, size_t each)
{
    size_t n;
    return trn_mul_ok(count, each, &n) ? trn_arena_alloc(a, n) : NULL;
}

struct trn_str trn_arena_str(struct trn_arena *a, struct trn_str s)
{
    size_t n;
    if (!s.p || !trn_add_ok(s.n, (size_t)1, &n))
        return TRN_STR_NONE;
    char *p = take(a, n);
    if (!p)
        return TRN_STR_NONE;
    memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return (struct trn_str){p, s.n};
}

struct trn_str trn_arena_printf(struct trn_arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return TRN_STR_NONE;
    char *p = take(a, (size_t)n + 1);
    if (!p)
        return TRN_STR_NONE;
    va_start(ap, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return (struct trn_str){p, (size_t)n};
}
