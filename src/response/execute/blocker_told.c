/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: owns what the gate's table was told, and why: the table knows contents, not rules. When a rule ends, what no
 * other rule means is forgotten there; when one comes, what was allowed is.
 */
#include "response/execute/blocker_internal.h"

static bool same_key(const struct trn_gate_key *a, const struct trn_gate_key *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->ctime_ns == b->ctime_ns && a->size == b->size;
}

/* The place to write to; NULL: no room, and nothing is told (the marks hold, and what was asked is asked again). */
static struct block_told *place_for(struct trn_blocker *b, const struct trn_gate_key *key)
{
    const uint64_t hash = trn_hash64_mix(trn_hash64_mix(trn_hash64_mix(key->dev, key->ino), key->ctime_ns), key->size);
    struct block_told *t = trn_map_get_ptr(b->told, hash);

    if (t)
        return same_key(&t->key, key) ? t : NULL;
    t = malloc(sizeof(*t));
    if (t && trn_map_put_ptr(b->told, hash, t) == 0)
        return t;
    free(t);
    return NULL;
}

void block_tell(struct trn_blocker *b, const struct block_told *what)
{
    if (!b->o.gate)
        return;
    block_lock(b);
    struct block_told *t = place_for(b, &what->key);
    if (t)
        *t = *what;
    block_unlock(b);
    if (t)
        (void)!trn_gate_decide(b->o.gate, &what->key, what->why != BLOCK_ALLOWED);
}

static bool still_meant(const struct trn_blocker *b, const struct block_told *t)
{
    switch (t->why) {
    case BLOCK_BY_FILE:
        return block_index_file(b->index, &t->file) == BLOCK_REFUSED;
    case BLOCK_BY_CONTENT:
        return block_index_content(b->index, t->sha256, t->key.size);
    case BLOCK_BY_BUILD_ID:
        return block_index_build_id(b->index, (struct trn_str){(const char *)t->sha256, t->build_id_n});
    default:
        return false;
    }
}

void block_untell(struct trn_blocker *b)
{
    uint64_t hash, value;
    size_t it = 0;

    if (!b->o.gate)
        return;
    for (bool found = true; found;) {
        struct trn_gate_key key = {0};

        found = false;
        block_lock(b);
        while (!found && trn_map_next(b->told, &it, &hash, &value)) {
            struct block_told *t = (void *)(uintptr_t)value;
            if (still_meant(b, t))
                continue;
            key = t->key;
            free(t);
            (void)trn_map_remove(b->told, hash, NULL);
            found = true;
        }
        block_unlock(b);
        if (found)
            trn_gate_forget(b->o.gate, &key);
    }
}

void block_told_free(struct trn_blocker *b)
{
    uint64_t hash, value;
    size_t it = 0;

    while (b->told && trn_map_next(b->told, &it, &hash, &value))
        free((void *)(uintptr_t)value);
    b->told = trn_map_free(b->told);
}
