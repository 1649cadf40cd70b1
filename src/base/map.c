/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the u64 map: entries in order of insertion, and an index of slots into them.
 * Must not: own what the values point to; let its order depend on hash values.
 * A removed entry leaves a hole in the entries (so iteration can go on) and none in the index; holes
 * go when the entries are full.
 */
#include "base/map.h"

#include "base/checked.h"

#include <string.h>

#define NO_ENTRY UINT32_MAX
#define FIRST_CAP 16u
#define MOST_ENTRIES ((size_t)1 << 30)

struct entry {
    uint64_t key, value;
};

struct trn_map {
    struct entry *entries;
    uint8_t *live;   /* one byte an entry: 0 for a hole */
    uint32_t *index; /* open addressing: entry number or NO_ENTRY */
    uint32_t n;      /* entries in use, holes included */
    uint32_t first;  /* no live entry before this one, so that queues drain in constant time */
    uint32_t cap;
    uint32_t mask; /* size of the index - 1 */
    uint32_t count, max;
};

static uint32_t slot_of(const struct trn_map *m, uint64_t key)
{
    key ^= key >> 32;
    key *= 0xd6e8feb86659fd93ull;
    key ^= key >> 32;
    key *= 0xd6e8feb86659fd93ull;
    return (uint32_t)(key >> 32) & m->mask;
}

struct trn_map *trn_map_new(size_t max_entries)
{
    struct trn_map *m = calloc(1, sizeof(*m));
    if (m)
        m->max = (uint32_t)TRN_MIN(max_entries, MOST_ENTRIES);
    return m;
}

struct trn_map *trn_map_free(struct trn_map *m)
{
    if (m) {
        free(m->entries);
        free(m->live);
        free(m->index);
        free(m);
    }
    return NULL;
}

size_t trn_map_count(const struct trn_map *m)
{
    return m->count;
}

size_t trn_map_bytes(const struct trn_map *m)
{
    size_t index = m->index ? ((size_t)m->mask + 1) * sizeof(*m->index) : 0;
    return sizeof(*m) + (size_t)m->cap * (sizeof(*m->entries) + sizeof(*m->live)) + index;
}

/* The slot that holds key, or the empty one where its probing ends. */
static uint32_t find_slot(const struct trn_map *m, uint64_t key)
{
    uint32_t slot = slot_of(m, key);
    while (m->index[slot] != NO_ENTRY && m->entries[m->index[slot]].key != key)
        slot = (slot + 1) & m->mask;
    return slot;
}

static void rebuild_index(struct trn_map *m)
{
    memset(m->index, 0xff, ((size_t)m->mask + 1) * sizeof(*m->index));
    for (uint32_t i = 0; i < m->n; i++)
        m->index[find_slot(m, m->entries[i].key)] = i;
}

/* Closes the holes; order stays. */
static void compact(struct trn_map *m)
{
    uint32_t to = 0;
    for (uint32_t from = 0; from < m->n; from++) {
        if (m->live[from])
            m->entries[to++] = m->entries[from];
    }
    m->n = to;
    m->first = 0;
    memset(m->live, 1, to);
}

/* More room. A quarter more than max entries, so that a full map that is used as a queue does not
 * compact at every insertion. */
static int grow(struct trn_map *m)
{
    uint64_t most = (uint64_t)m->max + m->max / 3 + FIRST_CAP;
    uint32_t cap = (uint32_t)TRN_MIN(TRN_MAX((uint64_t)m->cap * 2, FIRST_CAP), most);
    uint64_t slots = FIRST_CAP;
    while (slots < (uint64_t)cap + cap / 3)
        slots *= 2;
    uint32_t *index = malloc(slots * sizeof(*index));
    if (!index)
        return -ENOMEM;
    struct entry *entries = realloc(m->entries, cap * sizeof(*entries));
    if (entries)
        m->entries = entries;
    uint8_t *live = realloc(m->live, cap);
    if (live)
        m->live = live;
    if (!entries || !live) {
        free(index);
        return -ENOMEM;
    }
    free(m->index);
    m->index = index;
    m->mask = (uint32_t)(slots - 1);
    m->cap = cap;
    return 0;
}

static int make_room(struct trn_map *m)
{
    if (m->index && m->n < m->cap)
        return 0;
    if (!m->index || m->count > m->cap - m->cap / 4) {
        int r = grow(m);
        if (r < 0)
            return r;
    }
    compact(m);
    rebuild_index(m);
    return 0;
}

int trn_map_put(struct trn_map *m, uint64_t key, uint64_t value)
{
    if (m->index) {
        uint32_t at = m->index[find_slot(m, key)];
        if (at != NO_ENTRY) {
            m->entries[at].value = value;
            return 0;
        }
    }
    if (m->count >= m->max)
        return -ENOSPC;
    int r = make_room(m);
    if (r < 0)
        return r;
    m->index[find_slot(m, key)] = m->n;
    m->entries[m->n] = (struct entry){key, value};
    m->live[m->n++] = 1;
    m->count++;
    return 0;
}

bool trn_map_get(const struct trn_map *m, uint64_t key, uint64_t *ret)
{
    uint32_t at = m->index ? m->index[find_slot(m, key)] : NO_ENTRY;
    if (at == NO_ENTRY)
        return false;
    if (ret)
        *ret = m->entries[at].value;
    return true;
}

/* Empties a slot and moves later ones of the same run back, so that no probing breaks off early. */
static void clear_slot(struct trn_map *m, uint32_t hole)
{
    uint32_t slot = hole;
    for (;;) {
        slot = (slot + 1) & m->mask;
        if (m->index[slot] == NO_ENTRY)
            break;
        uint32_t home = slot_of(m, m->entries[m->index[slot]].key);
        if (((slot - home) & m->mask) >= ((slot - hole) & m->mask)) {
            m->index[hole] = m->index[slot];
            hole = slot;
        }
    }
    m->index[hole] = NO_ENTRY;
}

bool trn_map_remove(struct trn_map *m, uint64_t key, uint64_t *ret)
{
    if (!m->index)
        return false;
    uint32_t slot = find_slot(m, key);
    uint32_t at = m->index[slot];
    if (at == NO_ENTRY)
        return false;
    if (ret)
        *ret = m->entries[at].value;
    clear_slot(m, slot);
    m->live[at] = 0;
    m->count--;
    while (m->first < m->n && !m->live[m->first])
        m->first++;
    return true;
}

int trn_map_put_ptr(struct trn_map *m, uint64_t key, void *value)
{
    return trn_map_put(m, key, (uintptr_t)value);
}

void *trn_map_get_ptr(const struct trn_map *m, uint64_t key)
{
    uint64_t value = 0;
    if (!trn_map_get(m, key, &value))
        return NULL;
    return (void *)(uintptr_t)value; /* NOLINT(performance-no-int-to-ptr): what put_ptr stored */
}

bool trn_map_next(const struct trn_map *m, size_t *it, uint64_t *ret_key, uint64_t *ret_value)
{
    size_t at = TRN_MAX(*it, (size_t)m->first);
    while (at < m->n && !m->live[at])
        at++;
    if (at >= m->n) {
        *it = at;
        return false;
    }
    *it = at + 1;
    if (ret_key)
        *ret_key = m->entries[at].key;
    if (ret_value)
        *ret_value = m->entries[at].value;
    return true;
}
