/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the slots of entities, their lookup by id and by pid at a time, and who goes when the table is
 * full. Must not own: what events mean (apply.c), images (image.c).
 * Out goes the one that exited first, then the one known longest; one whose children are still in the
 * table is passed over a few times, because it explains them.
 */
#include "process/internal.h"

#define CHANCES_EXITED 8
#define CHANCES_LIVING 32
#define FEWEST_ENTITIES 64u /* the byte budget does not go below */

/* ---- lists of slots ---- */
static void list_append(struct trn_process_table *t, struct trn_slot_list *l, struct trn_slot *s)
{
    uint32_t i = (uint32_t)(s - t->slots);
    s->prev = l->last;
    s->next = TRN_NO_SLOT;
    *(l->last == TRN_NO_SLOT ? &l->first : &t->slots[l->last].next) = i;
    l->last = i;
}

static void list_remove(struct trn_process_table *t, struct trn_slot_list *l, struct trn_slot *s)
{
    *(s->prev == TRN_NO_SLOT ? &l->first : &t->slots[s->prev].next) = s->next;
    *(s->next == TRN_NO_SLOT ? &l->last : &t->slots[s->next].prev) = s->prev;
}

static struct trn_slot_list *list_of(struct trn_process_table *t, const struct trn_slot *s)
{
    return s->exit_boot_ns ? &t->exited : &t->living;
}

/* ---- lookup ---- */
struct trn_slot *trn_slot_by_id(const struct trn_process_table *t, uint64_t id)
{
    uint32_t i = id ? trn_index_get(&t->by_id, t->slots, id) : TRN_NO_SLOT;
    return i != TRN_NO_SLOT ? &t->slots[i] : NULL;
}

static struct trn_slot *newest_of_pid(const struct trn_process_table *t, uint32_t pid)
{
    uint32_t i = trn_index_get(&t->by_pid, t->slots, pid);
    return i != TRN_NO_SLOT ? &t->slots[i] : NULL;
}

static struct trn_slot *slot_at(const struct trn_process_table *t, uint32_t i)
{
    return i == TRN_NO_SLOT ? NULL : &t->slots[i];
}

struct trn_slot *trn_slot_by_pid(const struct trn_process_table *t, uint32_t pid, uint64_t boot_ns)
{
    struct trn_slot *just_gone = NULL;
    for (struct trn_slot *s = newest_of_pid(t, pid); s; s = slot_at(t, s->same_pid)) {
        bool started = s->start_unknown || s->start_boot_ns <= boot_ns;
        if (started && (!s->exit_boot_ns || s->exit_boot_ns >= boot_ns))
            return s;
        if (!just_gone && s->exit_boot_ns && s->exit_boot_ns < boot_ns && boot_ns - s->exit_boot_ns <= TRN_LATE_NS)
            just_gone = s;
    }
    return just_gone;
}

struct trn_slot *trn_slot_gone(const struct trn_process_table *t, uint32_t pid, uint64_t boot_ns)
{
    for (struct trn_slot *s = newest_of_pid(t, pid); s; s = slot_at(t, s->same_pid))
        if (s->exit_boot_ns && s->exit_boot_ns <= boot_ns && boot_ns - s->exit_boot_ns <= TRN_LATE_NS)
            return s;
    return NULL;
}

/* ---- eviction ---- */
static void forget_pid(struct trn_process_table *t, struct trn_slot *s)
{
    uint32_t i = (uint32_t)(s - t->slots);
    struct trn_slot *newest = newest_of_pid(t, s->pid);
    if (newest == s) {
        if (s->same_pid == TRN_NO_SLOT)
            trn_index_remove(&t->by_pid, t->slots, s->pid);
        else
            trn_index_put(&t->by_pid, t->slots, s->pid, s->same_pid);
        return;
    }
    for (struct trn_slot *n = newest; n; n = slot_at(t, n->same_pid))
        if (n->same_pid == i) {
            n->same_pid = s->same_pid;
            return;
        }
}

static void forget_parent(struct trn_process_table *t, struct trn_slot *s)
{
    struct trn_slot *parent = trn_slot_by_id(t, s->parent);
    if (s->unlinked)
        t->n_unlinked--;
    else if (parent && parent->kids)
        parent->kids--;
    s->unlinked = false;
}

static void evict(struct trn_process_table *t, struct trn_slot *s)
{
    forget_parent(t, s);
    forget_pid(t, s);
    trn_index_remove(&t->by_id, t->slots, s->id);
    list_remove(t, list_of(t, s), s);
    trn_node_drop(t, s->node);
    trn_words_drop(&t->words, s->tty);
    *s = (struct trn_slot){.next = t->free_first};
    t->free_first = (uint32_t)(s - t->slots);
    t->used--;
    t->evicted++;
}

static void evict_one(struct trn_process_table *t)
{
    struct trn_slot_list *l = t->exited.first != TRN_NO_SLOT ? &t->exited : &t->living;
    int chances = l == &t->exited ? CHANCES_EXITED : CHANCES_LIVING;
    for (; chances && t->slots[l->first].kids; chances--) {
        struct trn_slot *s = &t->slots[l->first];
        list_remove(t, l, s);
        list_append(t, l, s);
    }
    evict(t, &t->slots[l->first]);
}

static size_t table_used_bytes(const struct trn_process_table *t)
{
    return t->used * sizeof(struct trn_slot) + t->n_nodes * sizeof(struct trn_node) + t->words.bytes;
}

void trn_table_fit(struct trn_process_table *t)
{
    size_t budget = (size_t)t->max * TRN_ENTITY_BUDGET;
    while (t->used > FEWEST_ENTITIES && table_used_bytes(t) > budget)
        evict_one(t);
}

/* ---- change ---- */
struct trn_slot *trn_slot_add(struct trn_process_table *t, uint64_t id, uint32_t pid, uint64_t boot_ns)
{
    if (t->used == t->max)
        evict_one(t);
    uint32_t i = t->free_first != TRN_NO_SLOT ? t->free_first : t->fresh;
    uint32_t same = trn_index_get(&t->by_pid, t->slots, pid);
    trn_index_put(&t->by_id, t->slots, id, i);
    trn_index_put(&t->by_pid, t->slots, pid, i);
    struct trn_slot *s = &t->slots[i];
    if (i == t->free_first)
        t->free_first = s->next;
    else
        t->fresh++;
    *s = (struct trn_slot){
        .id = id,
        .pid = pid,
        .start_boot_ns = boot_ns,
        .used = true,
        .uid = TRN_NO_U32,
        .euid = TRN_NO_U32,
        .gid = TRN_NO_U32,
        .capabilities = TRN_NO_U64,
        .same_pid = same,
    };
    list_append(t, &t->living, s);
    t->used++;
    if (same != TRN_NO_SLOT && !t->slots[same].exit_boot_ns)
        trn_slot_exit(t, &t->slots[same], boot_ns); /* its pid lives again, so its exit was lost */
    return s;
}

void trn_slot_exit(struct trn_process_table *t, struct trn_slot *s, uint64_t boot_ns)
{
    if (s->exit_boot_ns)
        return;
    list_remove(t, &t->living, s);
    s->exit_boot_ns = TRN_MAX(boot_ns, 1ull);
    list_append(t, &t->exited, s);
}

void trn_slot_set_parent(struct trn_process_table *t, struct trn_slot *s, uint64_t parent)
{
    struct trn_slot *up = trn_slot_by_id(t, parent);
    if (s->parent || !parent || up == s)
        return;
    s->parent = parent;
    if (up)
        up->kids++;
    s->unlinked = !up;
    t->n_unlinked += s->unlinked;
}

/* ---- life of a table ---- */
int trn_process_table_new(const struct trn_process_options *o, struct trn_process_table **ret)
{
    struct trn_process_table *t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    t->max = o && o->max_entities ? o->max_entities : 16384;
    uint32_t identities = o && o->max_identities ? o->max_identities : 8192;
    t->living = t->exited = (struct trn_slot_list){TRN_NO_SLOT, TRN_NO_SLOT};
    t->free_first = TRN_NO_SLOT;
    t->gen = 1;
    t->slots = calloc(t->max, sizeof(*t->slots)); /* the kernel gives the pages as they are used */
    t->by_pid.of_pid = true;
    t->wait_file = calloc(TRN_WAIT_BUCKETS, sizeof(struct trn_node *));
    t->wait_script = calloc(TRN_WAIT_BUCKETS, sizeof(struct trn_node *));
    bool whole = t->slots && t->wait_file && t->wait_script && trn_index_init(&t->by_id, t->max) == 0 &&
                 trn_index_init(&t->by_pid, t->max) == 0;
    if (!whole || trn_words_init(&t->words) < 0 || trn_known_init(&t->known, identities) < 0) {
        trn_process_table_free(t);
        return -ENOMEM;
    }
    *ret = t;
    return 0;
}

struct trn_process_table *trn_process_table_free(struct trn_process_table *t)
{
    if (!t)
        return NULL;
    while (t->used)
        evict_one(t);
    trn_told_done(t);
    trn_known_done(&t->known, &t->words);
    trn_words_done(&t->words);
    trn_views_done(t);
    trn_index_done(&t->by_id);
    trn_index_done(&t->by_pid);
    free(t->order);
    free(t->wait_file);
    free(t->wait_script);
    free(t->slots);
    free(t);
    return NULL;
}

/* ---- numbers ---- */
size_t trn_process_count(const struct trn_process_table *t)
{
    return t->used;
}

uint64_t trn_process_evicted(const struct trn_process_table *t)
{
    return t->evicted;
}

size_t trn_process_bytes(const struct trn_process_table *t)
{
    return sizeof(*t) + t->fresh * sizeof(struct trn_slot) + t->n_nodes * sizeof(struct trn_node) + t->words.bytes +
           t->words.n_buckets * sizeof(void *) + (t->known.count + t->known.detached) * sizeof(struct trn_known) +
           t->known.n_buckets * sizeof(void *) + 2 * TRN_WAIT_BUCKETS * sizeof(void *) + trn_index_bytes(&t->by_id) +
           trn_index_bytes(&t->by_pid) + trn_views_bytes(t);
}
