/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: when telemetry was lost, left out or switched off, and whom that can have touched: everybody, one process and
 * those that act through it, or whoever runs one program. Must not: decide what it means for a story.
 *
 *   LOSS of a class that is evidence, GAP, filter of a folder   everybody at that time
 *   LOSS of one process (throttled), filter of a process        the story in which it, or who acts for it, stands
 *   filter of a program                                         stories with a process that runs it
 */
#include "story/internal.h"

#define LOSSES 32
#define FILTERS 128
#define NEAR_NS (10 * TRN_NS_PER_SEC)

struct scope {
    uint64_t entity, acting; /* 0 and no file: everybody */
    uint64_t ino, ctime_ns;
};

struct loss {
    uint64_t from_wall_ns, to_wall_ns;
    uint32_t klass; /* of a LOSS; TRN_NO_U32 otherwise */
    struct scope scope;
};

struct filter {
    uint64_t from_wall_ns, to_wall_ns;
    uint64_t path; /* hash, for its end */
    uint32_t target_pid;
    struct scope scope;
};

struct trn_losses {
    struct loss rows[LOSSES];
    uint32_t next;
    struct filter filters[FILTERS];
    uint32_t next_filter;
};

struct trn_losses *trn_losses_new(void)
{
    return calloc(1, sizeof(struct trn_losses));
}

struct trn_losses *trn_losses_free(struct trn_losses *l)
{
    free(l);
    return NULL;
}

static bool same_scope(const struct scope *a, const struct scope *b)
{
    return a->entity == b->entity && a->ino == b->ino && a->ctime_ns == b->ctime_ns;
}

/* Nobody known by that pid: everybody may have been it. */
static struct scope scope_of(const struct trn_process_table *t, const struct trn_event *ev)
{
    const struct trn_entity *e = trn_process_of(t, ev);
    return (struct scope){.entity = e ? e->id : ev->entity, .acting = e ? e->acting : 0};
}

/* A storm of losses is one row, so that it does not push out what was lost before. */
static void put(struct trn_losses *l, const struct loss *fresh)
{
    uint32_t n = TRN_MIN(l->next, LOSSES);
    for (uint32_t i = 0; i < n; i++) {
        struct loss *row = &l->rows[i];
        if (row->klass != fresh->klass || !same_scope(&row->scope, &fresh->scope) ||
            fresh->from_wall_ns > row->to_wall_ns + NEAR_NS || row->from_wall_ns > fresh->to_wall_ns + NEAR_NS)
            continue;
        row->from_wall_ns = TRN_MIN(row->from_wall_ns, fresh->from_wall_ns);
        row->to_wall_ns = TRN_MAX(row->to_wall_ns, fresh->to_wall_ns);
        return;
    }
    l->rows[l->next++ % LOSSES] = *fresh;
}

static bool push_loss(struct trn_losses *l, const struct trn_process_table *t, const struct trn_event *ev)
{
    /* What only the store or a watcher missed was still judged. */
    if (ev->type == TRN_EV_LOSS && (ev->meta.klass == TRN_CLASS_STORE || ev->meta.klass == TRN_CLASS_CLIENT))
        return false;
    uint64_t span = ev->meta.from_boot_ns <= ev->boot_ns ? ev->boot_ns - ev->meta.from_boot_ns : 0;
    struct loss row = {.from_wall_ns = ev->wall_ns - TRN_MIN(span, ev->wall_ns),
                       .to_wall_ns = ev->wall_ns,
                       .klass = ev->type == TRN_EV_LOSS ? ev->meta.klass : TRN_NO_U32};
    if (ev->type == TRN_EV_LOSS && ev->action == TRN_ACT_THROTTLED)
        row.scope = scope_of(t, ev);
    put(l, &row);
    return true;
}

/* Ends the filter of the same thing: by its time, or because it is set anew. */
static void end_filter(struct trn_losses *l, const struct trn_event *ev, uint64_t path)
{
    for (uint32_t i = 0; i < TRN_MIN(l->next_filter, FILTERS); i++) {
        struct filter *f = &l->filters[i];
        if (f->path == path && f->target_pid == ev->filter.target_pid && f->to_wall_ns > ev->wall_ns)
            f->to_wall_ns = TRN_MAX(ev->wall_ns, f->from_wall_ns);
    }
}

static bool push_filter(struct trn_losses *l, const struct trn_process_table *t, const struct trn_event *ev)
{
    uint64_t path = trn_hash64_str(ev->filter.path);
    struct filter f = {.from_wall_ns = ev->wall_ns,
                       .to_wall_ns = ev->wall_ns + TRN_MIN(ev->filter.holds_ns, UINT64_MAX - NEAR_NS - ev->wall_ns),
                       .path = path,
                       .target_pid = ev->filter.target_pid};
    end_filter(l, ev, path);
    if (ev->action != TRN_ACT_SET)
        return false;
    if (f.target_pid != TRN_NO_U32 || ev->filter.target) {
        struct trn_event who = *ev;
        who.entity = ev->filter.target;
        who.pid = f.target_pid;
        f.scope = scope_of(t, &who);
    } else if (ev->filter.file.ctime_ns) { /* of a program: a folder has no time */
        f.scope = (struct scope){.ino = ev->filter.file.ino, .ctime_ns = ev->filter.file.ctime_ns};
    }
    l->filters[l->next_filter++ % FILTERS] = f;
    return true;
}

bool trn_losses_push(struct trn_losses *l, const struct trn_process_table *t, const struct trn_event *ev)
{
    if (ev->type == TRN_EV_FILTER)
        return push_filter(l, t, ev);
    return (ev->type == TRN_EV_GAP || ev->type == TRN_EV_LOSS) && push_loss(l, t, ev);
}

/* ---- whom it touches ---- */

static bool runs_it(const struct scope *s, const struct trn_entity *e)
{
    return e && e->image.file.ino == s->ino && e->image.file.ctime_ns == s->ctime_ns;
}

static bool touches(const struct trn_stories *s, const struct trn_case *c, const struct scope *scope)
{
    const struct trn_process_table *t = s->o.processes;
    const struct trn_entity *e;
    if (!scope->ino && !scope->entity)
        return true;
    if (scope->entity) {
        e = trn_process_get(t, scope->entity);
        return trn_case_has_actor(c, scope->entity) || (scope->acting && trn_case_has_actor(c, scope->acting)) ||
               (e && trn_case_above(s, e) == c);
    }
    for (uint32_t i = 0; i < c->n_actors; i++)
        if (runs_it(scope, trn_process_get(t, c->actors[i])))
            return true;
    for (size_t it = 0; trn_process_next(t, &it, &e);)
        if (runs_it(scope, e) && trn_case_above(s, e) == c)
            return true;
    return false;
}

static bool near(uint64_t from, uint64_t to, const struct trn_case *c)
{
    return from <= c->last_wall_ns + NEAR_NS && to + NEAR_NS >= c->first_wall_ns;
}

bool trn_losses_touch(const struct trn_stories *s, const struct trn_case *c)
{
    const struct trn_losses *l = s->losses;
    for (uint32_t i = 0; i < TRN_MIN(l->next, LOSSES); i++)
        if (near(l->rows[i].from_wall_ns, l->rows[i].to_wall_ns, c) && touches(s, c, &l->rows[i].scope))
            return true;
    for (uint32_t i = 0; i < TRN_MIN(l->next_filter, FILTERS); i++)
        if (near(l->filters[i].from_wall_ns, l->filters[i].to_wall_ns, c) && touches(s, c, &l->filters[i].scope))
            return true;
    return false;
}
