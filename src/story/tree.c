/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which processes a story shows: who did something, and everybody between it and the one who acts.
 * Must not: draw them (print_tree.c).
 */
#include "story/internal.h"

#define STEPS_MAX 12
#define ARGS_MAX 160

static struct trn_story_process *find(struct trn_story *st, uint64_t entity)
{
    for (uint32_t i = 0; i < st->n_processes; i++)
        if (st->processes[i].entity == entity)
            return &st->processes[i];
    return NULL;
}

static struct trn_str args_of(const struct trn_entity *e, struct trn_arena *a)
{
    struct trn_buf b;
    struct trn_str rest = e->image.argv, piece, kept = TRN_STR_NONE;
    if (trn_str_is_none(rest))
        return kept;
    trn_buf_init(&b, ARGS_MAX + 8);
    while (trn_str_split(&rest, '\0', &piece) && b.n < ARGS_MAX) {
        if (!rest.p && piece.n == 0)
            break; /* behind the last NUL */
        if (b.n)
            trn_put_c(&b, " ");
        trn_put_str(&b, trn_str_slice(piece, 0, ARGS_MAX - TRN_MIN(b.n, (size_t)ARGS_MAX)));
    }
    kept = trn_arena_str(a, trn_buf_str(&b));
    trn_buf_done(&b);
    return kept;
}

/* Keeps the list in order of start; what started at the same time stays in order of addition (parents first). */
static struct trn_story_process *insert(struct trn_story *st, const struct trn_entity *e)
{
    uint32_t at = st->n_processes;
    if (at == TRN_STORY_PROCESSES)
        return NULL;
    while (at > 0 && st->processes[at - 1].start_wall_ns > e->start_wall_ns)
        at--;
    memmove(&st->processes[at + 1], &st->processes[at], (st->n_processes - at) * sizeof(st->processes[0]));
    st->n_processes++;
    st->processes[at] = (struct trn_story_process){.entity = e->id, .pid = e->pid, .start_wall_ns = e->start_wall_ns};
    return &st->processes[at];
}

static int put(struct trn_stories *s, const struct trn_entity *e)
{
    struct trn_story_process *p = find(s->scratch, e->id);
    if (!p)
        p = insert(s->scratch, e);
    if (!p || trn_str_is_none(e->image.path))
        return 0;
    struct trn_str path = trn_str_is_empty(e->image.script) ? e->image.path : e->image.script;
    p->path = trn_arena_str(s->arena, path);
    p->args = args_of(e, s->arena);
    return p->path.p ? 0 : -ENOMEM;
}

/* Who started whom, as far as both are shown. */
static void relate(struct trn_stories *s)
{
    struct trn_story *st = s->scratch;
    for (uint32_t i = 0; i < st->n_processes; i++) {
        const struct trn_entity *e = trn_process_get(s->o.processes, st->processes[i].entity);
        if (e)
            st->processes[i].parent = e->parent && find(st, e->parent) ? e->parent : 0;
        else if (!find(st, st->processes[i].parent))
            st->processes[i].parent = 0;
    }
}

int trn_tree_add(struct trn_stories *s, const struct trn_case *c, const struct trn_entity *e)
{
    uint64_t chain[STEPS_MAX];
    uint32_t n = 0, keep = 1;
    const struct trn_entity *at = e;
    while (at && n < STEPS_MAX) {
        chain[n++] = at->id;
        if (trn_case_has_actor(c, at->id) && trn_process_is_above(s->o.processes, at->id, e->id))
            keep = n;
        at = at->parent ? trn_process_get(s->o.processes, at->parent) : NULL;
    }
    for (uint32_t i = keep; i > 0 && n; i--) {
        at = trn_process_get(s->o.processes, chain[i - 1]);
        int r = at ? put(s, at) : 0;
        if (r)
            return r;
    }
    relate(s);
    return 0;
}
