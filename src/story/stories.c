/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the open stories: opening, joining, merging, dropping past the limit, and telling them at most a few times
 * a second while only their traffic changes. Must not: read a clock; time is that of the events.
 */
#include "story/internal.h"

#define MAX_OPEN 1024
#define MAX_BYTES (8u << 20)
#define TELL_NS TRN_NS_PER_SEC
#define TELL_MAX 4
#define TEXT_ARENA (4u << 20)

int trn_stories_new(const struct trn_stories_options *o, struct trn_stories **ret)
{
    if (!o || o->sz < sizeof(*o) || !o->processes)
        return -EINVAL;
    struct trn_stories *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->o = *o;
    if (!s->o.max_open)
        s->o.max_open = MAX_OPEN;
    if (!s->o.max_bytes)
        s->o.max_bytes = MAX_BYTES;
    s->next_id = 1;
    s->cases = calloc(s->o.max_open, sizeof(*s->cases));
    s->actors = trn_map_new((size_t)s->o.max_open * TRN_CASE_ACTORS);
    s->hosts = trn_hosts_new();
    s->changes = trn_changes_new();
    s->losses = trn_losses_new();
    s->reaches = trn_reaches_new();
    s->scratch = calloc(1, sizeof(*s->scratch));
    s->arena = trn_arena_new(TEXT_ARENA);
    if (!s->cases || !s->actors || !s->hosts || !s->changes || !s->losses || !s->reaches || !s->scratch || !s->arena) {
        trn_stories_free(s);
        return -ENOMEM;
    }
    *ret = s;
    return 0;
}

struct trn_stories *trn_stories_free(struct trn_stories *s)
{
    if (s) {
        for (uint32_t i = 0; i < s->n_cases; i++)
            trn_case_free(s->cases[i]);
        free(s->cases);
        trn_map_free(s->actors);
        trn_hosts_free(s->hosts);
        trn_changes_free(s->changes);
        trn_losses_free(s->losses);
        trn_reaches_free(s->reaches);
        free(s->scratch);
        trn_arena_free(s->arena);
        free(s);
    }
    return NULL;
}

void trn_case_remove(struct trn_stories *s, struct trn_case *c)
{
    for (uint32_t i = 0; i < s->n_cases; i++) {
        if (s->cases[i] != c)
            continue;
        memmove(&s->cases[i], &s->cases[i + 1], (s->n_cases - i - 1) * sizeof(s->cases[0]));
        s->n_cases--;
        break;
    }
    for (uint32_t i = 0; i < c->n_actors; i++) {
        uint64_t id;
        if (trn_map_get(s->actors, c->actors[i], &id) && id == c->id)
            trn_map_remove(s->actors, c->actors[i], NULL);
    }
    if (c->dirty)
        s->n_dirty--;
    s->blobs -= c->n_blob;
    trn_case_free(c);
}

static bool is_less(const struct trn_case *a, const struct trn_case *b)
{
    if (a->closed != b->closed)
        return a->closed;
    return a->score != b->score ? a->score < b->score : a->last_wall_ns < b->last_wall_ns;
}

/* What somebody closed goes first, then the lowest score; among equals the one that has been quiet for longest. */
static int drop_least(struct trn_stories *s, const struct trn_event *now)
{
    struct trn_case *least = s->cases[0];
    for (uint32_t i = 1; i < s->n_cases; i++)
        if (is_less(s->cases[i], least))
            least = s->cases[i];
    uint64_t id = least->id;
    trn_case_remove(s, least);
    s->dropped++;
    return trn_case_forget(s, id, now);
}

static int make_room(struct trn_stories *s, const struct trn_event *now)
{
    return s->n_cases < s->o.max_open ? 0 : drop_least(s, now);
}

/* After a change, when nobody holds a case any more. */
static int trim(struct trn_stories *s, const struct trn_event *now)
{
    int r = 0;
    while (!r && s->blobs > s->o.max_bytes && s->n_cases > 1)
        r = drop_least(s, now);
    return r;
}

int trn_case_insert(struct trn_stories *s, struct trn_case *c)
{
    uint32_t at;
    if (make_room(s, NULL)) {
        trn_case_free(c);
        return -ENOMEM;
    }
    for (at = s->n_cases; at > 0 && s->cases[at - 1]->id > c->id; at--)
        ;
    memmove(&s->cases[at + 1], &s->cases[at], (s->n_cases - at) * sizeof(s->cases[0]));
    s->cases[at] = c;
    s->n_cases++;
    s->next_id = TRN_MAX(s->next_id, c->id + 1);
    for (uint32_t i = 0; i < c->n_actors; i++) {
        int r = trn_map_put(s->actors, c->actors[i], c->id);
        if (r && r != -ENOSPC)
            return r;
    }
    return 0;
}

static int open_case(struct trn_stories *s, const struct trn_event *now, struct trn_case **ret)
{
    int r = make_room(s, now);
    struct trn_case *c = r ? NULL : calloc(1, sizeof(*c));
    if (!c)
        return r ? r : -ENOMEM;
    c->id = s->next_id;
    r = trn_case_insert(s, c);
    if (!r)
        r = trn_next_id_remember(s, now);
    if (!r)
        *ret = c;
    return r;
}

/* Two stories that turned out to be one: the younger's findings go to the older, and the younger is told as closed. */
static int absorb(struct trn_stories *s, struct trn_case *into, struct trn_case *from, const struct trn_event *now)
{
    TRN_AUTO(trn_freep) struct trn_story *moved = calloc(1, sizeof(*moved));
    if (!moved)
        return -ENOMEM;
    int r = trn_case_open(s, from);
    if (r)
        return r;
    s->scratch->closed = true;
    s->scratch->close_why = trn_arena_printf(s->arena, "part of story %llu", (unsigned long long)into->id);
    s->scratch->revision++;
    r = s->o.story ? s->o.story(s->o.ctx, s->scratch) : 0;
    *moved = *s->scratch; /* its views point into from->blob, which lives until the end */
    if (!r)
        r = trn_case_open(s, into);
    for (uint32_t i = 0; !r && i < moved->n_findings; i++)
        r = trn_case_add_finding(s, into, &moved->findings[i]);
    for (uint32_t i = 0; !r && i < moved->n_hosts && s->scratch->n_hosts < TRN_STORY_HOSTS; i++)
        s->scratch->hosts[s->scratch->n_hosts++] = moved->hosts[i];
    if (!r && !s->scratch->assign_wall_ns) {
        s->scratch->assigned = moved->assigned;
        s->scratch->assign_uid = moved->assign_uid;
        s->scratch->assign_wall_ns = moved->assign_wall_ns;
    }
    if (!r) {
        trn_actions_move(s->scratch, moved);
        r = trn_case_close(s, into, now);
    }
    uint64_t id = from->id;
    uint64_t actors[TRN_CASE_ACTORS];
    uint32_t n = from->n_actors;
    memcpy(actors, from->actors, sizeof(actors));
    trn_case_remove(s, from);
    for (uint32_t i = 0; !r && i < n; i++) {
        r = trn_case_add_actor(s, into, actors[i], false);
        if (!r)
            r = trn_map_put(s->actors, actors[i], into->id);
    }
    return r ? r : trn_case_forget(s, id, now);
}

static int merge(struct trn_stories *s, struct trn_case **c, const struct trn_finding *f, const struct trn_event *now)
{
    struct trn_case *other;
    int r = 0;
    for (int i = 0; !r && i < 8 && (other = trn_join_second(s, f, *c)) != NULL; i++) {
        struct trn_case *older = other->id < (*c)->id ? other : *c, *younger = older == other ? *c : other;
        r = absorb(s, older, younger, now);
        *c = older;
    }
    return r;
}

int trn_stories_finding(struct trn_stories *s, const struct trn_finding *f)
{
    struct trn_event now;
    struct trn_case *c = trn_join(s, f);
    int r = 0;
    trn_event_init(&now, TRN_EV_TICK);
    now.boot_ns = f->boot_ns;
    now.wall_ns = f->wall_ns;
    if (!c)
        r = open_case(s, &now, &c);
    else
        r = merge(s, &c, f, &now);
    if (!r)
        r = trn_case_open(s, c);
    if (!r)
        r = trn_case_add_finding(s, c, f);
    if (!r)
        r = trn_case_close(s, c, &now);
    return r ? r : trim(s, &now);
}

/* A program started by one of a story's actors belongs to it, and acts in it when it acts for itself. */
static int executed(struct trn_stories *s, const struct trn_event *ev)
{
    if (s->n_cases == 0 || (ev->flags & TRN_EVF_EXISTING))
        return 0;
    const struct trn_entity *e = trn_process_of(s->o.processes, ev);
    struct trn_case *c = e ? trn_case_above(s, e) : NULL;
    if (!c)
        return 0;
    int r = e->acting && e->acting == e->id ? trn_case_add_actor(s, c, e->acting, false) : 0;
    if (r || c->n_processes >= TRN_STORY_PROCESSES)
        return r;
    r = trn_case_open(s, c);
    if (!r)
        r = trn_tree_add(s, c, e);
    return r ? r : trn_case_close(s, c, ev);
}

static void mark(struct trn_stories *s, uint64_t actor)
{
    uint64_t id;
    struct trn_case *c = actor && trn_map_get(s->actors, actor, &id) ? trn_case_by_id(s, id) : NULL;
    if (c && !c->dirty) {
        c->dirty = true;
        s->n_dirty++;
    }
}

/* A few reports a second at once, so that a story is up to date when its last connection closes; a storm waits for
 * the next second or for the tick of a quiet moment. */
static bool is_due(struct trn_case *c, const struct trn_event *ev)
{
    if (ev->boot_ns >= c->second_boot_ns + TELL_NS || ev->boot_ns < c->second_boot_ns) {
        c->second_boot_ns = ev->boot_ns;
        c->told = 0;
    }
    return c->told < TELL_MAX || ev->type == TRN_EV_TICK || ev->type == TRN_EV_STOP;
}

static int tell_dirty(struct trn_stories *s, const struct trn_event *ev)
{
    for (uint32_t i = 0; s->n_dirty && i < s->n_cases; i++) {
        struct trn_case *c = s->cases[i];
        if (!c->dirty || !is_due(c, ev))
            continue;
        int r = trn_case_open(s, c);
        if (!r)
            r = trn_case_close(s, c, ev);
        if (r)
            return r;
    }
    return 0;
}

/* A loss after the last finding may still lie close enough to matter. */
static int lost(struct trn_stories *s, const struct trn_event *ev)
{
    for (uint32_t i = 0; i < s->n_cases; i++) {
        struct trn_case *c = s->cases[i];
        if (c->loss || !trn_losses_touch(s, c))
            continue;
        int r = trn_case_open(s, c);
        if (!r)
            r = trn_case_close(s, c, ev);
        if (r)
            return r;
    }
    return 0;
}

/* News of an update may come after the first finding about the new version. */
static int changed(struct trn_stories *s, const struct trn_event *ev)
{
    for (uint32_t i = 0; ev->type == TRN_EV_SOFTWARE && i < s->n_cases; i++) {
        struct trn_case *c = s->cases[i];
        if (!c->software || c->software != trn_software_key(&ev->software.software))
            continue;
        int r = trn_case_open(s, c);
        if (!r)
            r = trn_case_close(s, c, ev);
        if (r)
            return r;
    }
    return 0;
}

static int decided(struct trn_stories *s, const struct trn_event *ev)
{
    struct trn_case *c = trn_case_by_id(s, ev->decision.story);
    int r = c ? trn_case_open(s, c) : 0;
    if (!c || r || !trn_story_decide(s->scratch, ev))
        return r;
    return trn_case_close(s, c, ev);
}

int trn_stories_event(struct trn_stories *s, const struct trn_event *ev)
{
    uint64_t actor;
    int r = trn_hosts_push(s->hosts, s->o.processes, ev, &actor);
    if (!r)
        r = trn_changes_push(s->changes, &s->o.state, ev);
    if (!r)
        r = trn_reaches_push(s->reaches, s->o.processes, &s->o.state, ev);
    if (r)
        return r;
    mark(s, actor);
    if (ev->type == TRN_EV_STATE)
        return trn_case_restore(s, ev);
    if (ev->type == TRN_EV_EXCEPTION)
        return trn_exception_ended(s, ev);
    if (ev->type == TRN_EV_EXEC)
        r = executed(s, ev);
    else if (ev->type == TRN_EV_SOFTWARE)
        r = changed(s, ev);
    else if (ev->type == TRN_EV_DECISION)
        r = decided(s, ev);
    else if (ev->type == TRN_EV_RESPONSE)
        r = trn_responded(s, ev);
    else if (trn_losses_push(s->losses, s->o.processes, ev))
        r = lost(s, ev);
    if (!r && s->n_dirty)
        r = tell_dirty(s, ev);
    return r ? r : trim(s, ev);
}

const struct trn_story *trn_stories_get(const struct trn_stories *s, uint64_t id)
{
    /* The scratch struct is no state: it is filled anew for each use. */
    struct trn_stories *own = (struct trn_stories *)(uintptr_t)s;
    const struct trn_case *c = trn_case_by_id(s, id);
    return c && !trn_case_open(own, c) ? s->scratch : NULL;
}

uint64_t trn_stories_dropped(const struct trn_stories *s)
{
    return s->dropped;
}

size_t trn_stories_bytes(const struct trn_stories *s)
{
    size_t n = sizeof(*s) + s->o.max_open * sizeof(*s->cases) + trn_map_bytes(s->actors) + trn_hosts_bytes(s->hosts) +
               trn_changes_bytes(s->changes) + trn_reaches_bytes(s->reaches) + sizeof(*s->scratch) +
               trn_arena_used(s->arena);
    for (uint32_t i = 0; i < s->n_cases; i++)
        n += sizeof(*s->cases[i]) + s->cases[i]->n_blob;
    return n;
}
