/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the leaves of a B-tree of HFS+, in order, each node once. Must not own: what the records say.
 * The index nodes are not needed: leaves are chained. A chain that comes back to a node is damage.
 */
#include "formats/hfs_internal.h"

#define KIND_LEAF (-1)
#define KIND_HEADER 1
#define RECORDS_MAX 4096u
#define NODES_MAX (1u << 18)
#define BYTES_MAX (2ull << 30) /* of one tree */

struct node {
    uint8_t bytes[TRN_HFS_NODE_MAX];
    size_t size;
    uint32_t next;
    int8_t kind;
    uint16_t records;
};

static int take(const struct trn_hfs *v, const struct trn_hfs_fork *tree, uint64_t number, struct node *n)
{
    int64_t got = trn_hfs_read(v, tree, number * n->size, n->bytes, n->size);
    if (got != (int64_t)n->size)
        return got < 0 ? (int)got : -EBADMSG;
    struct trn_cursor c = trn_cur(n->bytes, n->size);
    n->next = trn_cur_u32be(&c);
    trn_cur_skip(&c, 4);
    n->kind = (int8_t)trn_cur_u8(&c);
    trn_cur_skip(&c, 1);
    n->records = trn_cur_u16be(&c);
    return n->records > RECORDS_MAX || 2u * (n->records + 1u) + 14u > n->size ? -EBADMSG : 0;
}

/* The table of places stands at the node's end, backwards. */
static int record(const struct node *n, uint16_t i, struct trn_cursor *ret, uint16_t *ret_at)
{
    struct trn_cursor all = trn_cur(n->bytes, n->size), c = all;
    trn_cur_seek(&c, n->size - 2u * (i + 2u));
    uint16_t to = trn_cur_u16be(&c), from = trn_cur_u16be(&c);
    if (c.bad || from < 14 || to < from || to > n->size - 2u * (n->records + 1u))
        return -EBADMSG;
    *ret = trn_cur_sub(&all, from, (size_t)to - from);
    *ret_at = from;
    return 0;
}

static int leaf(const struct node *n, uint64_t node_at, int (*fn)(void *ctx, struct trn_cursor record, uint64_t at),
                void *ctx)
{
    int e = 0;
    for (uint16_t i = 0; e == 0 && i < n->records; i++) {
        struct trn_cursor c = {0};
        uint16_t at = 0;
        e = record(n, i, &c, &at);
        if (e == 0)
            e = fn(ctx, c, node_at + at);
    }
    return e;
}

int trn_hfs_leaves(const struct trn_hfs *v, const struct trn_hfs_fork *tree,
                   int (*fn)(void *ctx, struct trn_cursor record, uint64_t at), void *ctx)
{
    TRN_AUTO(trn_freep) struct node *n = calloc(1, sizeof(*n));
    uint8_t head[14 + 106];
    if (!n)
        return -ENOMEM;
    int64_t got = trn_hfs_read(v, tree, 0, head, sizeof(head));
    if (got < 0)
        return (int)got;
    struct trn_cursor c = trn_cur(head, (size_t)got);
    trn_cur_skip(&c, 8);
    int8_t kind = (int8_t)trn_cur_u8(&c);
    trn_cur_seek(&c, 14 + 10);
    uint32_t first = trn_cur_u32be(&c);
    trn_cur_skip(&c, 4);
    n->size = trn_cur_u16be(&c);
    trn_cur_skip(&c, 2);
    uint64_t nodes = trn_cur_u32be(&c);
    if (c.bad || kind != KIND_HEADER || n->size < 512 || n->size > TRN_HFS_NODE_MAX || (n->size & (n->size - 1)))
        return -EBADMSG;
    nodes = TRN_MIN(nodes, TRN_MIN(tree->size, BYTES_MAX) / n->size);
    nodes = TRN_MIN(nodes, (uint64_t)NODES_MAX);
    TRN_AUTO(trn_freep) uint8_t *seen = calloc(1, (size_t)nodes / 8 + 1);
    if (!seen)
        return -ENOMEM;
    int e = 0;
    for (uint32_t at = first; e == 0 && at; at = n->next) {
        if (at >= nodes || (seen[at / 8] >> at % 8 & 1))
            return -EBADMSG;
        seen[at / 8] |= (uint8_t)(1u << at % 8);
        e = take(v, tree, at, n);
        if (e == 0 && n->kind != KIND_LEAF)
            e = -EBADMSG;
        if (e == 0)
            e = leaf(n, (uint64_t)at * n->size, fn, ctx);
    }
    return e;
}
