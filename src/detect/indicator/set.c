/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the set of indicators: one blob of values and notes, one sorted list of entries, one hash index a kind. A
 * lookup costs the same for ten and for a million: one probe of the index for a hash or URL, one a label for a
 * domain, one a prefix length in use for an address. Must not: parse foreign lists; values come normalised.
 */
#include "detect/indicator/set.h"

#define ENTRIES_MAX (8u << 20)
#define BLOB_MAX (512u << 20)

int trn_indicators_new(struct trn_indicators **ret)
{
    struct trn_indicators *x = calloc(1, sizeof(*x));
    if (!x)
        return -ENOMEM;
    trn_buf_init(&x->blob, BLOB_MAX);
    *ret = x;
    return 0;
}

struct trn_indicators *trn_indicators_free(struct trn_indicators *x)
{
    if (x) {
        trn_buf_done(&x->blob);
        free(x->entries);
        for (int k = 0; k < TRN_IND_KIND_MAX; k++)
            free(x->index[k].slots);
        free(x);
    }
    return NULL;
}

struct trn_str trn_entry_value(const struct trn_indicators *x, const struct trn_ind_entry *e)
{
    return (struct trn_str){x->blob.p + e->value, e->value_n};
}

static struct trn_str entry_note(const struct trn_indicators *x, const struct trn_ind_entry *e)
{
    return e->note_n ? (struct trn_str){x->blob.p + e->note, e->note_n} : TRN_STR_NONE;
}

/* A hash and an address are kept as bytes: the text would be twice as long. */
static int key_of(const struct trn_indicator *i, char raw[TRN_SHA256_SIZE], struct trn_str *ret)
{
    struct trn_ip_key ip;
    switch (i->kind) {
    case TRN_IND_SHA256:
        *ret = (struct trn_str){raw, TRN_SHA256_SIZE};
        return trn_unhex(i->value, raw, TRN_SHA256_SIZE);
    case TRN_IND_IP:
        if (trn_ip_parse(i->value, &ip))
            return -EINVAL;
        memcpy(raw, &ip, sizeof(ip));
        *ret = (struct trn_str){raw, sizeof(ip)};
        return 0;
    case TRN_IND_DOMAIN:
    case TRN_IND_URL:
        *ret = i->value;
        return i->value.n && i->value.n <= TRN_INDICATOR_VALUE_MAX ? 0 : -EINVAL;
    default:
        return -EINVAL;
    }
}

int trn_indicators_put(struct trn_indicators *x, enum trn_indicator_kind kind, struct trn_str key, struct trn_str note)
{
    if (x->n == x->cap) {
        size_t cap = x->cap ? x->cap * 2 : 64;
        struct trn_ind_entry *more = cap > ENTRIES_MAX ? NULL : reallocarray(x->entries, cap, sizeof(*more));
        if (!more)
            return cap > ENTRIES_MAX ? -ENOSPC : -ENOMEM;
        x->entries = more;
        x->cap = cap;
    }
    note = trn_str_slice(note, 0, TRN_INDICATOR_NOTE_MAX);
    struct trn_ind_entry e = {.kind = (uint8_t)kind, .value_n = (uint16_t)key.n, .note_n = (uint16_t)note.n};
    e.value = (uint32_t)x->blob.n;
    trn_put_str(&x->blob, key);
    /* Lists give one campaign's name to line after line: the same note is kept once. */
    if (note.n && x->last_note_n == note.n && !memcmp(x->blob.p + x->last_note, note.p, note.n)) {
        e.note = x->last_note;
    } else if (note.n) {
        e.note = x->last_note = (uint32_t)x->blob.n;
        x->last_note_n = (uint32_t)note.n;
        trn_put_str(&x->blob, note);
    }
    if (x->blob.bad)
        return -ENOSPC;
    x->entries[x->n++] = e;
    return 0;
}

int trn_indicators_add(struct trn_indicators *x, const struct trn_indicator *i)
{
    char raw[TRN_SHA256_SIZE];
    struct trn_str key;
    if (x->sealed)
        return -EBUSY;
    int r = key_of(i, raw, &key);
    return r ? r : trn_indicators_put(x, i->kind, key, i->note);
}

static int compare(const void *a, const void *b, void *ctx)
{
    const struct trn_indicators *x = ctx;
    const struct trn_ind_entry *l = a, *r = b;
    if (l->kind != r->kind)
        return l->kind < r->kind ? -1 : 1;
    int c = trn_str_cmp(trn_entry_value(x, l), trn_entry_value(x, r));
    return c ? c : trn_str_cmp(entry_note(x, l), entry_note(x, r));
}

/* Equal values: the first note that says something stays, whatever the order of adds was. */
static void drop_doubles(struct trn_indicators *x)
{
    size_t kept = 0;
    for (size_t i = 0; i < x->n; i++) {
        struct trn_ind_entry *last = kept ? &x->entries[kept - 1] : NULL;
        if (last && last->kind == x->entries[i].kind &&
            trn_str_eq(trn_entry_value(x, last), trn_entry_value(x, &x->entries[i]))) {
            if (!last->note_n)
                *last = x->entries[i];
            continue;
        }
        x->entries[kept++] = x->entries[i];
    }
    x->n = kept;
}

static int index_kind(struct trn_indicators *x, enum trn_indicator_kind kind, size_t count)
{
    struct trn_ind_index *index = &x->index[kind];
    size_t size = 8;
    while (size < count * 2) /* at most half full: a probe ends after a slot or two */
        size *= 2;
    index->slots = calloc(size, sizeof(*index->slots));
    if (!index->slots)
        return -ENOMEM;
    index->mask = (uint32_t)(size - 1);
    index->count = count;
    for (size_t i = 0; i < x->n; i++) {
        if (x->entries[i].kind != kind)
            continue;
        uint32_t at = (uint32_t)trn_hash64_str(trn_entry_value(x, &x->entries[i])) & index->mask;
        while (index->slots[at])
            at = (at + 1) & index->mask;
        index->slots[at] = (uint32_t)i + 1;
    }
    return 0;
}

int trn_indicators_seal(struct trn_indicators *x)
{
    size_t counts[TRN_IND_KIND_MAX] = {0};
    if (x->sealed)
        return 0;
    if (x->n)
        qsort_r(x->entries, x->n, sizeof(x->entries[0]), compare, x);
    drop_doubles(x);
    for (size_t i = 0; i < x->n; i++) {
        const struct trn_ind_entry *e = &x->entries[i];
        counts[e->kind]++;
        if (e->kind == TRN_IND_IP) {
            struct trn_ip_key ip;
            memcpy(&ip, trn_entry_value(x, e).p, sizeof(ip));
            x->prefixes[ip.family == 6][ip.prefix] = true;
        }
    }
    for (int k = 0; k < TRN_IND_KIND_MAX; k++) {
        int r = index_kind(x, (enum trn_indicator_kind)k, counts[k]);
        if (r)
            return r;
    }
    x->sealed = true;
    return 0;
}

size_t trn_indicators_count(const struct trn_indicators *x)
{
    return x->n;
}

size_t trn_indicators_bytes(const struct trn_indicators *x)
{
    size_t n = sizeof(*x) + x->blob.cap + x->cap * sizeof(x->entries[0]);
    for (int k = 0; k < TRN_IND_KIND_MAX; k++)
        n += x->index[k].slots ? ((size_t)x->index[k].mask + 1) * sizeof(uint32_t) : 0;
    return n;
}

const struct trn_ind_entry *trn_indicators_probe(const struct trn_indicators *x, enum trn_indicator_kind kind,
                                                 struct trn_str key, uint64_t *probes)
{
    const struct trn_ind_index *index = &x->index[kind];
    if (!x->sealed || index->count == 0)
        return NULL;
    uint32_t at = (uint32_t)trn_hash64_str(key) & index->mask;
    for (; index->slots[at]; at = (at + 1) & index->mask) {
        const struct trn_ind_entry *e = &x->entries[index->slots[at] - 1];
        *probes += 1;
        if (trn_str_eq(trn_entry_value(x, e), key))
            return e;
    }
    *probes += 1;
    return NULL;
}
