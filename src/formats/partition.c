/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: entries of partition maps. Must not own: what is in a partition. Hand-offs: names are the arena's. */
#include "formats/partition.h"

#define SECTOR 512u
#define GPT_ENTRY_MAX 1024u

static void add(struct trn_partitions *p, const struct trn_source *disk, uint64_t first, uint64_t count, uint64_t unit,
                struct trn_str name)
{
    uint64_t at, size;
    if (p->n == TRN_PARTITIONS_MAX || !trn_mul_ok(first, unit, &at) || !trn_mul_ok(count, unit, &size) || size == 0 ||
        at >= disk->size || size > disk->size - at)
        return;
    p->list[p->n++] = (struct trn_partition){name, at, size};
}

/* Names are mostly ASCII; what is not becomes '?'. */
static struct trn_str gpt_name(struct trn_cursor *c, struct trn_arena *a)
{
    char *out = trn_arena_alloc(a, 37);
    size_t n = 0;
    for (int i = 0; out && i < 36; i++) {
        uint16_t u = trn_cur_u16le(c);
        if (u == 0)
            break;
        out[n++] = u >= ' ' && u < 0x7f ? (char)u : '?';
    }
    return out ? (struct trn_str){out, n} : TRN_STR_NONE;
}

static int gpt(const struct trn_source *disk, struct trn_cursor c, struct trn_arena *a, struct trn_partitions *p)
{
    static const char zeros[16];
    struct trn_str all;
    trn_cur_seek(&c, SECTOR + 72);
    uint64_t table = trn_cur_u64le(&c);
    uint32_t n = trn_cur_u32le(&c), each = trn_cur_u32le(&c);
    if (c.bad || each < 128 || each > GPT_ENTRY_MAX || n > 1024 || !trn_mul_ok(table, (uint64_t)SECTOR, &table))
        return -EBADMSG;
    int e = trn_source_take(disk, table, (size_t)n * each, a, &all);
    for (uint32_t i = 0; e == 0 && i < n; i++) {
        struct trn_cursor x = trn_cur_of(trn_str_slice(all, (size_t)i * each, each));
        struct trn_str type = trn_cur_bytes(&x, 16);
        trn_cur_skip(&x, 16);
        uint64_t first = trn_cur_u64le(&x), last = trn_cur_u64le(&x);
        trn_cur_skip(&x, 8);
        if (!x.bad && memcmp(type.p, zeros, 16) != 0 && last >= first && last != UINT64_MAX)
            add(p, disk, first, last - first + 1, SECTOR, gpt_name(&x, a));
    }
    return e;
}

static int apple(const struct trn_source *disk, struct trn_arena *a, struct trn_partitions *p)
{
    uint32_t n = 1;
    for (uint32_t i = 1; i <= n && i <= TRN_PARTITIONS_MAX; i++) {
        struct trn_cursor c;
        int e = trn_source_cursor(disk, (uint64_t)i * SECTOR, SECTOR, a, &c);
        if (e < 0)
            return e;
        if (trn_cur_u16be(&c) != 0x504du)
            return -EBADMSG;
        trn_cur_skip(&c, 2);
        n = trn_cur_u32be(&c);
        uint32_t first = trn_cur_u32be(&c), count = trn_cur_u32be(&c);
        struct trn_str name = trn_cur_bytes(&c, 32);
        if (c.bad)
            return -EBADMSG;
        ptrdiff_t nul = trn_str_find(name, '\0');
        name = trn_arena_str(a, trn_str_slice(name, 0, nul < 0 ? name.n : (size_t)nul));
        add(p, disk, first, count, SECTOR, name);
    }
    return 0;
}

int trn_partitions_read(const struct trn_source *disk, struct trn_arena *a, struct trn_partitions *ret)
{
    struct trn_cursor c;
    struct trn_partitions p = {0};
    int e = trn_source_cursor(disk, 0, 2 * SECTOR, a, &c);
    if (e < 0)
        return e;
    if (c.n < 2 * SECTOR)
        return -ENOEXEC;
    p.list = trn_arena_array(a, TRN_PARTITIONS_MAX, sizeof(*p.list));
    if (!p.list)
        return -ENOMEM;
    if (memcmp(c.p + SECTOR, "EFI PART", 8) == 0)
        e = gpt(disk, c, a, &p);
    else if (memcmp(c.p + SECTOR, "PM", 2) == 0)
        e = apple(disk, a, &p);
    else
        return -ENOEXEC;
    if (e == 0)
        *ret = p;
    return e;
}
