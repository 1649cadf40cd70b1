/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which software reached into which other one, by ptrace or by writing its memory (STATE rows of kind "reach"):
 * what the other does from then on may be the first one's doing. Reading changes nobody and joins nothing; neither does
 * what a person at a prompt, a service manager or a login does, nor a program that reaches into many (a debugger of
 * the machine, an agent): it would glue what has nothing in common. Must not: join (join.c).
 */
#include "story/internal.h"

#define ROWS 1024
#define HUBS 64

struct trn_reaches {
    struct trn_map *rows; /* who was reached into -> who did; both as they act */
    struct trn_map *hubs; /* who reached into too many */
};

struct trn_reaches *trn_reaches_new(void)
{
    struct trn_reaches *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->rows = trn_map_new(ROWS);
    r->hubs = trn_map_new(HUBS);
    return r->rows && r->hubs ? r : trn_reaches_free(r);
}

struct trn_reaches *trn_reaches_free(struct trn_reaches *r)
{
    if (r) {
        trn_map_free(r->rows);
        trn_map_free(r->hubs);
        free(r);
    }
    return NULL;
}

uint64_t trn_reached_by(const struct trn_reaches *r, uint64_t target)
{
    uint64_t source;
    return target && trn_map_get(r->rows, target, &source) ? source : 0;
}

static int tell(const struct trn_event_sink *state, const struct trn_event *because, uint64_t target, uint64_t source)
{
    struct trn_event ev;
    struct trn_buf b;
    trn_buf_init(&b, 16);
    if (source)
        trn_put_u64(&b, source);
    trn_event_init(&ev, TRN_EV_STATE);
    ev.boot_ns = because->boot_ns;
    ev.wall_ns = because->wall_ns;
    ev.state.kind = TRN_STR("reach");
    ev.state.key = target;
    ev.state.value = source ? trn_buf_str(&b) : TRN_STR("");
    int r = b.bad ? -ENOMEM : trn_sink_event(state, &ev);
    trn_buf_done(&b);
    return r;
}

static int drop(struct trn_reaches *r, const struct trn_event_sink *state, const struct trn_event *ev, uint64_t target)
{
    return trn_map_remove(r->rows, target, NULL) ? tell(state, ev, target, 0) : 0;
}

uint32_t trn_reached_into(const struct trn_reaches *r, uint64_t source, uint64_t ret[TRN_REACH_MAX])
{
    size_t it = 0;
    uint64_t target, by;
    uint32_t n = 0;
    while (n < TRN_REACH_MAX && trn_map_next(r->rows, &it, &target, &by))
        if (by == source)
            ret[n++] = target;
    return n;
}

/* From now on what it reaches into is no cause. */
static int make_hub(struct trn_reaches *r, const struct trn_event_sink *state, const struct trn_event *ev,
                    uint64_t source, const uint64_t targets[TRN_REACH_MAX])
{
    size_t it = 0;
    uint64_t oldest;
    int err = 0;
    if (trn_map_count(r->hubs) == HUBS && trn_map_next(r->hubs, &it, &oldest, NULL))
        trn_map_remove(r->hubs, oldest, NULL);
    if (trn_map_put(r->hubs, source, 1) < 0)
        return 0; /* asked again at the next one */
    for (uint32_t i = 0; !err && i < TRN_REACH_MAX; i++)
        err = drop(r, state, ev, targets[i]);
    return err;
}

static int put(struct trn_reaches *r, const struct trn_event_sink *state, const struct trn_event *ev, uint64_t target,
               uint64_t source)
{
    uint64_t targets[TRN_REACH_MAX], oldest;
    size_t it = 0;
    if (trn_reached_by(r, target) == source || trn_map_get(r->hubs, source, NULL))
        return 0;
    if (trn_reached_into(r, source, targets) == TRN_REACH_MAX)
        return make_hub(r, state, ev, source, targets);
    int err = 0;
    if (trn_map_count(r->rows) == ROWS && trn_map_next(r->rows, &it, &oldest, NULL))
        err = drop(r, state, ev, oldest);
    if (!err && trn_map_put(r->rows, target, source) == 0)
        err = tell(state, ev, target, source);
    return err;
}

static int restore(struct trn_reaches *r, const struct trn_event *ev)
{
    struct trn_cursor in = trn_cur_of(ev->state.value);
    uint64_t source = trn_cur_u64le(&in);
    if (!trn_cur_end(&in) || !source || !ev->state.key || trn_map_count(r->rows) == ROWS)
        return 0;
    int err = trn_map_put(r->rows, ev->state.key, source);
    return err == -ENOMEM ? err : 0;
}

int trn_reaches_push(struct trn_reaches *r, const struct trn_process_table *t, const struct trn_event_sink *state,
                     const struct trn_event *ev)
{
    if (ev->type == TRN_EV_STATE)
        return trn_str_eq_c(ev->state.kind, "reach") ? restore(r, ev) : 0;
    if (ev->type != TRN_EV_ACCESS || (ev->action != TRN_ACT_PTRACE && ev->action != TRN_ACT_WRITE))
        return 0;
    struct trn_event of_target = *ev;
    of_target.entity = ev->access.target;
    of_target.pid = ev->access.target_pid;
    of_target.flags = 0;
    const struct trn_entity *from = trn_process_of(t, ev), *to = trn_process_of(t, &of_target);
    const struct trn_entity *source = from && from->acting ? trn_process_get(t, from->acting) : NULL;
    if (!source || !to || source->image.role == TRN_ROLE_BORDER)
        return 0;
    uint64_t target = to->acting ? to->acting : to->id;
    if (target == source->id || trn_process_is_above(t, source->id, to->id))
        return 0; /* its own */
    return put(r, state, ev, target, source->id);
}

size_t trn_reaches_bytes(const struct trn_reaches *r)
{
    return sizeof(*r) + trn_map_bytes(r->rows) + trn_map_bytes(r->hubs);
}
