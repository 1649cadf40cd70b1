/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a bounded set of 64-bit keys with a count each; the oldest goes when it is full.
 * Must not: know what the keys mean.
 */
#include "detect/internal.h"

struct trn_seen {
    struct trn_map *keys;
    uint32_t max;
};

struct trn_seen *trn_seen_new(uint32_t max)
{
    struct trn_seen *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->max = max;
    s->keys = trn_map_new(max);
    return s->keys ? s : trn_seen_free(s);
}

struct trn_seen *trn_seen_free(struct trn_seen *s)
{
    if (s) {
        trn_map_free(s->keys);
        free(s);
    }
    return NULL;
}

uint64_t trn_seen_count(struct trn_seen *s, uint64_t key)
{
    uint64_t before = 0;
    if (!trn_map_get(s->keys, key, &before) && trn_map_count(s->keys) >= s->max) {
        size_t it = 0;
        uint64_t oldest, value;
        if (trn_map_next(s->keys, &it, &oldest, &value))
            trn_map_remove(s->keys, oldest, NULL);
    }
    /* Out of memory costs a repeated finding later, nothing else. */
    (void)!trn_map_put(s->keys, key, before + 1);
    return before;
}

bool trn_seen_has(const struct trn_seen *s, uint64_t key)
{
    return trn_map_get(s->keys, key, NULL);
}

size_t trn_seen_bytes(const struct trn_seen *s)
{
    return sizeof(*s) + trn_map_bytes(s->keys);
}
