/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the struct trn_entity that outsiders see, made when asked for and dropped by the next apply,
 * so that the table keeps a fraction of its size per process. Must not own: any state; a view is a
 * function of a slot and an image. Asking changes the pool, so the table is not for two threads.
 */
#include "process/internal.h"

#define CHUNK_VIEWS 64u

struct trn_view_chunk {
    struct trn_view_chunk *next;
    struct trn_entity e[CHUNK_VIEWS];
};

/* Chunks are a stack: the first is being filled. */
static struct trn_entity *view_new(const struct trn_process_table *t)
{
    struct trn_process_table *pool = (struct trn_process_table *)(uintptr_t)t; /* the pool is no state */
    size_t in_chunk = pool->views_used % CHUNK_VIEWS;
    if (!pool->views || (in_chunk == 0 && pool->views_used)) {
        if (pool->view_chunks > 2 * (pool->max / CHUNK_VIEWS + 1))
            return NULL;
        struct trn_view_chunk *c = malloc(sizeof(*c));
        if (!c)
            return NULL;
        c->next = pool->views;
        pool->views = c;
        pool->view_chunks++;
    }
    pool->views_used++;
    return &pool->views->e[in_chunk];
}

void trn_views_reset(struct trn_process_table *t)
{
    t->gen++;
    while (t->view_chunks > 1) {
        struct trn_view_chunk *c = t->views;
        t->views = c->next;
        free(c);
        t->view_chunks--;
    }
    t->views_used = 0;
}

void trn_views_done(struct trn_process_table *t)
{
    trn_views_reset(t);
    free(t->views);
    t->views = NULL;
    t->view_chunks = 0;
}

size_t trn_views_bytes(const struct trn_process_table *t)
{
    return t->view_chunks * sizeof(struct trn_view_chunk) + t->n_order * sizeof(*t->order);
}

static void fill_image(const struct trn_node *n, struct trn_image *ret)
{
    *ret = (struct trn_image){
        .path = trn_word_str(n->path),
        .invoked = trn_word_str(n->invoked),
        .script = trn_word_str(n->script),
        .argv = trn_word_str(n->argv),
        .cwd = trn_word_str(n->cwd),
        .file = n->file,
        .exec_boot_ns = n->exec_boot_ns,
        .exec_seq = n->exec_seq,
        .flags = n->flags,
        .role = (enum trn_role)n->role,
        .identity = n->known ? &n->known->id : NULL,
        .script_identity = n->script_known ? &n->script_known->id : NULL,
    };
    if (n->script_known)
        ret->script_file = n->script_known->key;
}

static void fill(const struct trn_slot *s, struct trn_entity *e)
{
    struct trn_actor a = trn_lineage_actor(s);
    *e = (struct trn_entity){
        .id = s->id,
        .parent = s->parent,
        .pid = s->pid,
        .session = s->session,
        .uid = s->uid,
        .euid = s->euid,
        .mntns = s->mntns,
        .cgroup = s->cgroup,
        .start_boot_ns = s->start_boot_ns,
        .kernel_start_ns = s->kernel_start_ns ? s->kernel_start_ns : s->start_boot_ns,
        .start_wall_ns = s->start_wall_ns,
        .exit_boot_ns = s->exit_boot_ns,
        .tty = trn_word_str(s->tty),
        .acting = a.entity,
        .session_only = a.session,
    };
    if (s->node)
        fill_image(s->node, &e->image);
    e->image.exec_count = s->exec_count;
}

static const struct trn_entity *view_of(const struct trn_process_table *t, struct trn_slot *s)
{
    if (!s)
        return NULL;
    if (s->view_gen == t->gen)
        return s->view;
    struct trn_entity *e = view_new(t);
    if (!e)
        return NULL;
    fill(s, e);
    s->view = e;
    s->view_gen = t->gen;
    return e;
}

const struct trn_entity *trn_view_as(const struct trn_process_table *t, uint64_t id, const struct trn_node *n)
{
    struct trn_slot *s = trn_slot_by_id(t, id);
    if (s && s->node == n)
        return view_of(t, s);
    struct trn_entity *e = view_new(t);
    if (!e)
        return NULL;
    if (s)
        fill(s, e);
    else
        *e = (struct trn_entity){.id = id, .pid = TRN_NO_U32, .uid = TRN_NO_U32, .euid = TRN_NO_U32};
    fill_image(n, &e->image);
    e->acting = id;
    e->session_only = false;
    return e;
}

const struct trn_entity *trn_process_get(const struct trn_process_table *t, uint64_t id)
{
    return view_of(t, trn_slot_by_id(t, id));
}

const struct trn_entity *trn_process_of(const struct trn_process_table *t, const struct trn_event *ev)
{
    if (ev->entity)
        return trn_process_get(t, ev->entity);
    if (ev->pid == TRN_NO_U32)
        return NULL;
    /* Known to have ended: whoever has the pid now is somebody else. Its end may not be told yet, though. */
    struct trn_slot *s = ev->flags & TRN_EVF_GONE ? trn_slot_gone(t, ev->pid, ev->boot_ns) : NULL;
    return view_of(t, s ? s : trn_slot_by_pid(t, ev->pid, ev->boot_ns));
}

static int by_start(const void *a, const void *b, void *ctx)
{
    const struct trn_process_table *t = ctx;
    const struct trn_slot *x = &t->slots[*(const uint32_t *)a], *y = &t->slots[*(const uint32_t *)b];
    if (!x->exit_boot_ns != !y->exit_boot_ns)
        return x->exit_boot_ns ? 1 : -1;
    if (x->start_boot_ns != y->start_boot_ns)
        return x->start_boot_ns < y->start_boot_ns ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static bool sort(struct trn_process_table *t)
{
    if (t->order_gen == t->gen)
        return true;
    uint32_t *order = realloc(t->order, TRN_MAX(t->used, 1u) * sizeof(*order));
    if (!order)
        return false;
    t->order = order;
    t->n_order = 0;
    for (uint32_t i = 0; i < t->fresh; i++)
        if (t->slots[i].used)
            order[t->n_order++] = i;
    qsort_r(order, t->n_order, sizeof(*order), by_start, t);
    t->order_gen = t->gen;
    return true;
}

bool trn_process_next(const struct trn_process_table *t, size_t *it, const struct trn_entity **ret)
{
    if (!sort((struct trn_process_table *)(uintptr_t)t) || *it >= t->n_order)
        return false;
    const struct trn_entity *e = view_of(t, &t->slots[t->order[*it]]);
    if (!e)
        return false;
    (*it)++;
    *ret = e;
    return true;
}
