/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: where the bytes of a member are while they are looked at. Members of members lie above each other in the scratch
 * file, like a stack: what was begun last is done first.
 * Must not: open a file (it is given one), decide what is too much.
 */
#include "artifact/internal.h"

#include <unistd.h>

#define FIRST 4096u

void trn_spool_begin(struct trn_spool *s, struct trn_scan *scan)
{
    *s = (struct trn_spool){.scan = scan, .open = true};
}

static int to_scratch(const struct trn_spool *s, uint64_t at, const uint8_t *p, size_t n)
{
    while (n) {
        ssize_t done = pwrite(s->scan->o->scratch, p, n, (off_t)at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return -ENOSPC;
        p += done;
        at += (uint64_t)done;
        n -= (size_t)done;
    }
    return 0;
}

static void free_mem(struct trn_spool *s)
{
    s->scan->memory -= s->cap;
    s->cap = 0;
    free(s->mem);
    s->mem = NULL;
}

static int move_to_scratch(struct trn_spool *s)
{
    if (s->scan->o->scratch < 0)
        return -ENOSPC;
    s->scratch_at = s->scan->scratch_top;
    int e = to_scratch(s, s->scratch_at, s->mem, (size_t)s->size);
    if (e < 0)
        return e;
    free_mem(s);
    s->in_scratch = true;
    s->scan->scratch_top = s->scratch_at + s->size;
    return 0;
}

/* Room for `need` bytes in memory; -ENOBUFS: it belongs into the scratch file. */
static int grow(struct trn_spool *s, size_t need)
{
    size_t cap = s->cap ? s->cap : FIRST;
    while (cap < need)
        cap *= 2;
    if (cap > TRN_WHOLE_MAX || s->scan->memory - s->cap + cap > s->scan->limits.memory)
        return -ENOBUFS;
    uint8_t *mem = realloc(s->mem, cap);
    if (!mem)
        return -ENOMEM;
    s->scan->memory += cap - s->cap;
    s->mem = mem;
    s->cap = cap;
    return 0;
}

int trn_spool_put(struct trn_spool *s, const void *p, size_t n)
{
    int e = 0;
    if (n == 0)
        return 0;
    if (!s->in_scratch && s->size + n > s->cap)
        e = grow(s, (size_t)s->size + n);
    if (e == -ENOBUFS)
        e = move_to_scratch(s);
    if (e < 0)
        return e;
    if (!s->in_scratch) {
        memcpy(s->mem + s->size, p, n);
    } else {
        e = to_scratch(s, s->scratch_at + s->size, p, n);
        if (e < 0)
            return e;
        s->scan->scratch_top += n;
    }
    s->size += n;
    return 0;
}

static int64_t read_scratch(void *ctx, uint64_t at, void *dst, size_t n)
{
    const struct trn_scan *scan = ctx;
    ssize_t got;
    do
        got = pread(scan->o->scratch, dst, n, (off_t)at);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

struct trn_source trn_spool_source(const struct trn_spool *s)
{
    if (!s->in_scratch)
        return trn_source_mem((struct trn_str){(const char *)s->mem, (size_t)s->size});
    return (struct trn_source){.size = s->size, .read = read_scratch, .ctx = s->scan, .from = s->scratch_at};
}

void trn_spool_done(struct trn_spool *s)
{
    if (!s->open)
        return;
    free_mem(s);
    if (s->in_scratch)
        s->scan->scratch_top = s->scratch_at;
    *s = (struct trn_spool){0};
}
