/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the account of a compound file's bytes: what lies where no stream is, and is not zero.
 * Must not: judge it.
 * Hand-offs: ranges to the caller's function, one after another; nothing is kept.
 */
#include "formats/ole2_internal.h"

#define WINDOW 16384u

struct account {
    const struct trn_ole2 *o;
    uint32_t *mini_sectors; /* of the mini stream, in order */
    uint32_t n_mini_sectors;
    int (*tell)(void *ctx, const struct trn_ole2_slack *s);
    void *ctx;
};

/* A byte that says nothing: zero, and in tables 0xff, which means free. */
static bool is_idle(uint8_t b, bool table)
{
    return b == 0 || (table && b == 0xff);
}

static void count(struct trn_ole2_slack *s, const uint8_t *p, size_t n, uint64_t at, bool table)
{
    uint64_t word;
    for (size_t i = 0; i < n;) {
        while (i + 8 <= n && (memcpy(&word, p + i, 8), word == 0))
            i += 8;
        for (size_t end = TRN_MIN(i + 8, n); i < end; i++) {
            if (is_idle(p[i], table))
                continue;
            if (!s->nonzero++)
                s->first = at + i;
            s->end = at + i + 1;
        }
    }
}

/* Looks at [at, at + size) and tells it if something is there. */
static int range(struct account *a, enum trn_ole2_slack_kind kind, uint64_t at, uint64_t size, uint32_t entry)
{
    struct trn_source part = trn_source_part(a->o->bytes, at, size);
    struct trn_ole2_slack s = {.kind = kind, .at = at, .size = part.size, .entry = entry};
    bool table = kind == TRN_OLE2_SLACK_TABLE || kind == TRN_OLE2_SLACK_DIRECTORY;
    uint8_t window[WINDOW];
    if (part.mem) {
        count(&s, part.mem, (size_t)part.size, at, table);
    } else {
        for (uint64_t done = 0; done < part.size;) {
            int64_t n = trn_source_read(&part, done, window, sizeof(window));
            if (n < 0)
                return (int)n;
            if (n == 0)
                break;
            count(&s, window, (size_t)n, at + done, table);
            done += (uint64_t)n;
        }
    }
    return s.nonzero ? a->tell(a->ctx, &s) : 0;
}

static int header(struct account *a)
{
    const struct trn_ole2 *o = a->o;
    int e = range(a, TRN_OLE2_SLACK_HEADER, 8, 16, TRN_OLE2_NONE);
    if (e == 0)
        e = range(a, TRN_OLE2_SLACK_HEADER, 34, 6, TRN_OLE2_NONE);
    if (e == 0 && o->told_fat < 109)
        e = range(a, TRN_OLE2_SLACK_TABLE, 76 + 4 * (uint64_t)o->told_fat, 4 * (109 - (uint64_t)o->told_fat),
                  TRN_OLE2_NONE);
    if (e == 0)
        e = range(a, TRN_OLE2_SLACK_HEADER, OLE2_HEADER, (1ull << o->shift) - OLE2_HEADER, TRN_OLE2_NONE);
    uint64_t fill = 4 * (uint64_t)o->last_fill;
    if (e == 0 && o->n_fat && o->last_fat < o->n_sectors)
        e = range(a, TRN_OLE2_SLACK_TABLE, ole2_sector_at(o, o->last_fat) + fill, (1ull << o->shift) - fill,
                  TRN_OLE2_NONE);
    return e;
}

/* What nobody owns, as runs of one kind. */
static int sectors(struct account *a)
{
    const struct trn_ole2 *o = a->o;
    int e = 0;
    for (uint32_t i = 0, from = 0; i < o->n_sectors && e == 0; i = from) {
        enum trn_ole2_slack_kind kind = TRN_OLE2_SLACK_KIND_MAX;
        for (from = i; from < o->n_sectors && o->owner[from] == OWNER_NONE; from++) {
            enum trn_ole2_slack_kind k = from >= o->n_fat            ? TRN_OLE2_SLACK_BEHIND
                                         : o->fat[from] == OLE2_FREE ? TRN_OLE2_SLACK_FREE
                                                                     : TRN_OLE2_SLACK_ORPHAN;
            if (from > i && k != kind)
                break;
            kind = k;
        }
        if (from > i)
            e = range(a, kind, ole2_sector_at(o, i), (uint64_t)(from - i) << o->shift, TRN_OLE2_NONE);
        else
            from++;
    }
    return e;
}

/* [at, at + size) of the mini stream, which may be scattered over the file: piece by piece, what is adjacent together. */
static int mini_range(struct account *a, enum trn_ole2_slack_kind kind, uint64_t at, uint64_t size, uint32_t entry)
{
    const struct trn_ole2 *o = a->o;
    int e = 0;
    while (size && e == 0 && at >> o->shift < a->n_mini_sectors) {
        uint64_t in = at & ((1ull << o->shift) - 1), n = TRN_MIN(size, (1ull << o->shift) - in);
        e = range(a, kind, ole2_sector_at(o, a->mini_sectors[at >> o->shift]) + in, n, entry);
        at += n;
        size -= n;
    }
    return e;
}

static int mini_free(struct account *a)
{
    const struct trn_ole2 *o = a->o;
    int e = 0;
    for (uint32_t i = 0, to; i < o->n_mini && e == 0; i = to) {
        for (to = i; to < o->n_mini && o->mini_owner[to] == OWNER_NONE;)
            to++;
        if (to > i)
            e = mini_range(a, TRN_OLE2_SLACK_MINI_FREE, (uint64_t)i << OLE2_MINI_SHIFT,
                           (uint64_t)(to - i) << OLE2_MINI_SHIFT, TRN_OLE2_NONE);
        else
            to++;
    }
    return e;
}

/* Behind the end of one stream: the rest of its last unit, and units that it has too many. */
static int stream_end(struct account *a, const struct trn_ole2_entry *s)
{
    const struct trn_ole2 *o = a->o;
    const uint32_t *next = s->mini ? o->minifat : o->fat;
    uint32_t shift = s->mini ? OLE2_MINI_SHIFT : o->shift, unit = s->start;
    int e = 0;
    for (uint32_t i = 0; i < s->units && e == 0; i++, unit = next[unit]) {
        uint64_t at = (uint64_t)i << shift, used = s->size > at ? s->size - at : 0;
        if (used >= 1ull << shift)
            continue;
        uint64_t left = (1ull << shift) - used;
        e = s->mini ? mini_range(a, TRN_OLE2_SLACK_MINI_END, ((uint64_t)unit << shift) + used, left, s->id)
                    : range(a, TRN_OLE2_SLACK_END, ole2_sector_at(o, unit) + used, left, s->id);
    }
    return e;
}

static int directory(struct account *a)
{
    const struct trn_ole2 *o = a->o;
    uint32_t per = (1u << o->shift) / OLE2_ENTRY_SIZE;
    int e = 0;
    for (uint32_t id = 0; id < o->n_ids && e == 0; id++)
        if (!o->place[id] && id / per < o->n_directory)
            e = range(a, TRN_OLE2_SLACK_DIRECTORY,
                      ole2_sector_at(o, o->directory[id / per]) + (uint64_t)(id % per) * OLE2_ENTRY_SIZE,
                      OLE2_ENTRY_SIZE, id);
    return e;
}

static int list_mini_sectors(struct account *a)
{
    const struct trn_ole2_entry *root = trn_ole2_root(a->o);
    a->mini_sectors = trn_arena_array(a->o->arena, root->units, sizeof(*a->mini_sectors));
    if (!a->mini_sectors)
        return -ENOMEM;
    for (uint32_t unit = root->start; a->n_mini_sectors < root->units; unit = a->o->fat[unit])
        a->mini_sectors[a->n_mini_sectors++] = unit;
    return 0;
}

int trn_ole2_slack(const struct trn_ole2 *o, int (*tell)(void *ctx, const struct trn_ole2_slack *s), void *ctx)
{
    struct account a = {.o = o, .tell = tell, .ctx = ctx};
    int e = list_mini_sectors(&a);
    if (e == 0)
        e = header(&a);
    if (e == 0)
        e = sectors(&a);
    for (size_t i = 0; i < o->n_entries && e == 0; i++)
        e = stream_end(&a, &o->entries[i]);
    if (e == 0)
        e = mini_free(&a);
    return e == 0 ? directory(&a) : e;
}

const char *trn_ole2_slack_name(enum trn_ole2_slack_kind k)
{
    static const char *const names[TRN_OLE2_SLACK_KIND_MAX] = {
        "free sectors",
        "sectors in use that nothing reaches",
        "behind the end of a stream",
        "free small sectors",
        "behind the end of a small stream",
        "reserved places of the header",
        "unused part of the allocation table",
        "unused entries of the directory",
        "behind the last sector",
    };
    return (unsigned)k < TRN_OLE2_SLACK_KIND_MAX ? names[k] : "unknown";
}
