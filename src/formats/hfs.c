/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the volume header, forks and their extents. Must not own: trees (hfs_tree.c), records (hfs_catalog.c).
 * Hand-offs: extents live in the volume's arena.
 */
#include "formats/hfs_internal.h"

#define HEADER_AT 1024u

void trn_hfs_fork_read(struct trn_cursor *c, struct trn_hfs_fork *ret)
{
    struct trn_hfs_fork f = {.size = trn_cur_u64be(c)};
    trn_cur_skip(c, 4);
    f.blocks = trn_cur_u32be(c);
    for (size_t i = 0; i < 8; i++) {
        f.first[i].start = trn_cur_u32be(c);
        f.first[i].count = trn_cur_u32be(c);
        f.n += f.first[i].count && f.n == i;
    }
    *ret = f;
}

/* The extent that a place of the fork lies in, and how far inside of it; false: behind all of them. */
static bool locate(const struct trn_hfs *v, const struct trn_hfs_fork *f, uint64_t at, uint32_t *ret_i,
                   uint64_t *ret_in)
{
    const struct trn_hfs_extent *x = f->extents ? f->extents : f->first;
    uint64_t before = 0;
    for (uint32_t i = 0; i < f->n; i++) {
        uint64_t bytes = (uint64_t)x[i].count * v->block;
        if (at < before + bytes) {
            *ret_i = i;
            *ret_in = at - before;
            return true;
        }
        before += bytes;
    }
    return false;
}

int64_t trn_hfs_read(const struct trn_hfs *v, const struct trn_hfs_fork *f, uint64_t at, void *dst, size_t n)
{
    const struct trn_hfs_extent *x = f->extents ? f->extents : f->first;
    uint64_t in = 0;
    uint32_t i = 0;
    size_t done = 0;
    if (at >= f->size)
        return 0;
    n = (size_t)TRN_MIN((uint64_t)n, f->size - at);
    if (!locate(v, f, at, &i, &in))
        return -EBADMSG;
    for (; done < n && i < f->n; i++, in = 0) {
        size_t want = (size_t)TRN_MIN((uint64_t)(n - done), (uint64_t)x[i].count * v->block - in);
        int64_t got = trn_source_read(v->s, (uint64_t)x[i].start * v->block + in, (char *)dst + done, want);
        if (got < 0)
            return got;
        done += (size_t)got;
        if ((size_t)got < want)
            break; /* the volume is cut off */
    }
    return done ? (int64_t)done : -EBADMSG;
}

/* Records of one fork stand together, in order of start: the first at or behind (file, fork, start). */
static uint32_t find_overflow(const struct trn_hfs *v, uint32_t file, uint8_t kind, uint32_t start)
{
    uint32_t low = 0, high = v->n_overflow;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        const struct trn_hfs_overflow *o = &v->overflow[mid];
        bool less = o->file != file ? o->file < file : o->fork != kind ? o->fork < kind : o->start < start;
        if (less)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool in_volume(const struct trn_hfs *v, const struct trn_hfs_extent *x)
{
    return x->start < v->blocks && x->count <= v->blocks - x->start;
}

static int add_overflow(const struct trn_hfs *v, uint32_t file, uint8_t kind, struct trn_hfs_fork *f, uint64_t have)
{
    uint32_t i = find_overflow(v, file, kind, (uint32_t)have), records = 0;
    while (i + records < v->n_overflow && v->overflow[i + records].file == file &&
           v->overflow[i + records].fork == kind)
        records++;
    struct trn_hfs_extent *all = trn_arena_array(v->a, f->n + 8ull * records + 1, sizeof(*all));
    if (!all)
        return -ENOMEM;
    memcpy(all, f->first, f->n * sizeof(*all));
    for (uint32_t k = 0; k < records && have < f->blocks; k++) {
        const struct trn_hfs_overflow *o = &v->overflow[i + k];
        if (o->start != have)
            return -EBADMSG;
        for (size_t x = 0; x < 8 && o->extents[x].count; x++) {
            if (!in_volume(v, &o->extents[x]))
                return -EBADMSG;
            all[f->n++] = o->extents[x];
            have += o->extents[x].count;
        }
    }
    f->extents = all;
    return have < f->blocks ? -EBADMSG : 0;
}

int trn_hfs_fork_complete(const struct trn_hfs *v, uint32_t file, uint8_t kind, struct trn_hfs_fork *f)
{
    uint64_t have = 0;
    if (f->size > (uint64_t)f->blocks * v->block)
        return -EBADMSG;
    for (uint32_t i = 0; i < f->n; i++) {
        if (!in_volume(v, &f->first[i]))
            return -EBADMSG;
        have += f->first[i].count;
    }
    return have >= f->blocks ? 0 : add_overflow(v, file, kind, f, have);
}

/* ---- opening ---- */

struct loader {
    struct trn_hfs *v;
    uint32_t cap;
};

static int overflow_record(void *ctx, struct trn_cursor c, uint64_t at)
{
    struct loader *l = ctx;
    struct trn_hfs *v = l->v;
    struct trn_hfs_overflow o = {0};
    (void)at;
    trn_cur_skip(&c, 2);
    o.fork = trn_cur_u8(&c);
    trn_cur_skip(&c, 1);
    o.file = trn_cur_u32be(&c);
    o.start = trn_cur_u32be(&c);
    for (size_t i = 0; i < 8; i++) {
        o.extents[i].start = trn_cur_u32be(&c);
        o.extents[i].count = trn_cur_u32be(&c);
    }
    if (c.bad)
        return -EBADMSG;
    if (v->n_overflow == TRN_HFS_OVERFLOW_MAX)
        return -E2BIG;
    if (v->n_overflow == l->cap) {
        uint32_t cap = l->cap ? 2 * l->cap : 64;
        struct trn_hfs_overflow *more = trn_arena_array(v->a, cap, sizeof(*more));
        if (!more)
            return -ENOMEM;
        if (v->n_overflow)
            memcpy(more, v->overflow, v->n_overflow * sizeof(*more));
        v->overflow = more;
        l->cap = cap;
    }
    v->overflow[v->n_overflow++] = o;
    return 0;
}

static int by_key(const void *a, const void *b)
{
    const struct trn_hfs_overflow *x = a, *y = b;
    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    if (x->fork != y->fork)
        return x->fork < y->fork ? -1 : 1;
    return (x->start > y->start) - (x->start < y->start);
}

static int header(const struct trn_source *s, struct trn_hfs *v, struct trn_hfs_fork *ret_overflow)
{
    uint8_t raw[512];
    int64_t n = trn_source_read(s, HEADER_AT, raw, sizeof(raw));
    if (n < 0)
        return (int)n;
    struct trn_cursor c = trn_cur(raw, (size_t)n);
    uint16_t magic = trn_cur_u16be(&c), version = trn_cur_u16be(&c);
    if (magic == 0x4244u)
        return -ENOTSUP;
    if (c.bad || (magic != 0x482bu && magic != 0x4858u) || version < 4 || version > 5)
        return -ENOEXEC;
    v->journaled = (trn_cur_u32be(&c) >> 13 & 1) != 0;
    trn_cur_seek(&c, 32);
    v->n_files = trn_cur_u32be(&c);
    v->n_folders = trn_cur_u32be(&c);
    v->block = trn_cur_u32be(&c);
    v->blocks = trn_cur_u32be(&c);
    trn_cur_seek(&c, 192);
    trn_hfs_fork_read(&c, ret_overflow);
    trn_hfs_fork_read(&c, &v->catalog);
    trn_hfs_fork_read(&c, &v->attributes);
    if (c.bad || v->block < 512 || v->block > (1u << 26) || (v->block & (v->block - 1)))
        return -EBADMSG;
    return 0;
}

int trn_hfs_open(const struct trn_source *s, struct trn_arena *a, struct trn_hfs *ret)
{
    struct trn_hfs v = {.s = s, .a = a};
    struct trn_hfs_fork overflow;
    struct loader l = {.v = &v};
    int e = header(s, &v, &overflow);
    if (e == 0)
        e = trn_hfs_fork_complete(&v, 3, 0, &overflow);
    if (e == 0 && overflow.size)
        e = trn_hfs_leaves(&v, &overflow, overflow_record, &l);
    if (e == 0 && v.n_overflow)
        qsort(v.overflow, v.n_overflow, sizeof(*v.overflow), by_key);
    if (e == 0)
        e = trn_hfs_fork_complete(&v, 4, 0, &v.catalog);
    if (e == 0 && trn_hfs_fork_complete(&v, 8, 0, &v.attributes) < 0)
        v.attributes.size = 0; /* they are not needed to read files */
    if (e == 0)
        *ret = v;
    return e;
}
