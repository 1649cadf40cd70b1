/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a source as the blocks that libyara walks over, in bounded memory.
 * Must not: hold more than two blocks, hide that a read failed (libyara would just go on).
 *
 * libyara walks once for strings, then again whenever a condition asks for an integer at a place, mostly near the start: so
 * the first block stays. Blocks overlap: a string across a border is whole in one of them (libyara drops the second sight of a
 * match at the same place).
 */
#include "artifact/yara_internal.h"

#define BLOCK (4u << 20)
#define OVERLAP (64u << 10)

static YR_MEMORY_BLOCK *at(struct trn_yara_blocks *b, uint64_t base)
{
    if (base >= b->src->size)
        return NULL;
    b->block.base = base;
    b->block.size = (size_t)TRN_MIN(b->src->size - base, (uint64_t)(BLOCK + OVERLAP));
    return &b->block;
}

static YR_MEMORY_BLOCK *first(YR_MEMORY_BLOCK_ITERATOR *it)
{
    it->last_error = ERROR_SUCCESS;
    return at(it->context, 0);
}

static YR_MEMORY_BLOCK *next(YR_MEMORY_BLOCK_ITERATOR *it)
{
    struct trn_yara_blocks *b = it->context;
    it->last_error = ERROR_SUCCESS;
    if (b->block.base + b->block.size >= b->src->size)
        return NULL;
    return at(b, b->block.base + BLOCK);
}

static uint64_t file_size(YR_MEMORY_BLOCK_ITERATOR *it)
{
    return ((struct trn_yara_blocks *)it->context)->src->size;
}

static const uint8_t *fetch(YR_MEMORY_BLOCK *block)
{
    struct trn_yara_blocks *b = block->context;
    bool head = block->base == 0;
    uint8_t *into = head ? b->head : b->body;
    if (head ? b->head_read : b->held == block->base)
        return into;
    b->held = head ? b->held : 0;
    int64_t n = trn_source_read(b->src, block->base, into, block->size);
    if (n != (int64_t)block->size) {
        b->code = n < 0 ? (int)n : -EIO;
        return NULL;
    }
    b->head_read = b->head_read || head;
    b->held = head ? b->held : block->base;
    return into;
}

int trn_yara_blocks_init(struct trn_yara_blocks *b, const struct trn_source *src)
{
    *b = (struct trn_yara_blocks){.src = src, .head = malloc(BLOCK + OVERLAP), .body = malloc(BLOCK + OVERLAP)};
    b->it = (YR_MEMORY_BLOCK_ITERATOR){.context = b, .first = first, .next = next, .file_size = file_size};
    b->block = (YR_MEMORY_BLOCK){.context = b, .fetch_data = fetch};
    return b->head && b->body ? 0 : -ENOMEM;
}

void trn_yara_blocks_done(struct trn_yara_blocks *b)
{
    free(b->head);
    free(b->body);
}
