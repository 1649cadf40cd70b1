/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the last update of each software (STATE rows of kind "change"). It does not fade: an implant may sleep for
 * weeks, over restarts. Past the limit the oldest goes; 4,096 are more packages than a machine updates in 35 days.
 * Must not: decide what an update means.
 */
#include "story/internal.h"

#define CHANGES 4096
#define TEXT_MAX 200
#define CHANGE_VERSION 1

struct trn_changes {
    struct trn_map *rows; /* hash(software name) -> struct change * */
    size_t bytes;
};

struct change {
    uint64_t wall_ns;
    struct trn_str name, from, to, by; /* behind this struct */
    size_t size;
};

struct trn_changes *trn_changes_new(void)
{
    struct trn_changes *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->rows = trn_map_new(CHANGES);
    return c->rows ? c : trn_changes_free(c);
}

struct trn_changes *trn_changes_free(struct trn_changes *c)
{
    size_t it = 0;
    uint64_t key, value;
    if (!c)
        return NULL;
    while (c->rows && trn_map_next(c->rows, &it, &key, &value))
        free((void *)(uintptr_t)value);
    trn_map_free(c->rows);
    free(c);
    return NULL;
}

static size_t kept(struct trn_str s)
{
    return TRN_MIN(s.n, (size_t)TEXT_MAX);
}

static struct trn_str copy(char **at, struct trn_str s)
{
    struct trn_str own = s.p ? (struct trn_str){*at, kept(s)} : TRN_STR_NONE;
    if (own.n)
        memcpy(*at, s.p, own.n);
    *at += own.n;
    return own;
}

static bool drop(struct trn_changes *c, uint64_t key)
{
    uint64_t old;
    if (!trn_map_remove(c->rows, key, &old))
        return false;
    c->bytes -= ((struct change *)(uintptr_t)old)->size;
    free((void *)(uintptr_t)old);
    return true;
}

/* By time, not by place: after a restart the rows come in the order of their keys. */
static uint64_t oldest(const struct trn_changes *c)
{
    size_t it = 0;
    uint64_t key, value, found = 0, wall_ns = UINT64_MAX;
    while (trn_map_next(c->rows, &it, &key, &value)) {
        const struct change *row = (const struct change *)(uintptr_t)value;
        if (row->wall_ns >= wall_ns)
            continue;
        wall_ns = row->wall_ns;
        found = key;
    }
    return found;
}

/* *ret_gone: the key of a row that had to make room; 0 when none had. */
static int put(struct trn_changes *c, const struct change *what, uint64_t *ret_gone)
{
    uint64_t key = trn_hash64_str(what->name);
    size_t size = sizeof(*what) + kept(what->name) + kept(what->from) + kept(what->to) + kept(what->by);
    struct change *row = malloc(size);
    *ret_gone = 0;
    if (!row)
        return -ENOMEM;
    char *at = (char *)(row + 1);
    row->wall_ns = what->wall_ns;
    row->size = size;
    row->name = copy(&at, what->name);
    row->from = copy(&at, what->from);
    row->to = copy(&at, what->to);
    row->by = copy(&at, what->by);
    drop(c, key);
    if (trn_map_count(c->rows) >= CHANGES) {
        *ret_gone = oldest(c);
        drop(c, *ret_gone);
    }
    int r = trn_map_put_ptr(c->rows, key, row);
    if (r)
        free(row);
    else
        c->bytes += size;
    return r;
}

static int tell(const struct trn_event_sink *state, const struct trn_event *because, uint64_t key,
                const struct change *row)
{
    struct trn_buf b;
    struct trn_event ev;
    trn_buf_init(&b, 4096);
    if (row) {
        trn_put_u8(&b, CHANGE_VERSION);
        trn_put_u64(&b, row->wall_ns);
        trn_put_lstr(&b, row->name);
        trn_put_lstr(&b, row->from);
        trn_put_lstr(&b, row->to);
        trn_put_lstr(&b, row->by);
    }
    trn_event_init(&ev, TRN_EV_STATE);
    ev.boot_ns = because->boot_ns;
    ev.wall_ns = because->wall_ns;
    ev.state.kind = TRN_STR("change");
    ev.state.key = key;
    ev.state.value = trn_buf_str(&b);
    int r = b.bad ? -ENOMEM : trn_sink_event(state, &ev);
    trn_buf_done(&b);
    return r;
}

static int restore(struct trn_changes *c, const struct trn_event *ev)
{
    struct trn_cursor in = trn_cur_of(ev->state.value);
    struct change row = {0};
    if (trn_cur_u8(&in) != CHANGE_VERSION)
        return 0;
    row.wall_ns = trn_cur_u64le(&in);
    row.name = trn_cur_lstr(&in);
    row.from = trn_cur_lstr(&in);
    row.to = trn_cur_lstr(&in);
    row.by = trn_cur_lstr(&in);
    const struct change *old = trn_map_get_ptr(c->rows, ev->state.key);
    if (!trn_cur_end(&in) || trn_hash64_str(row.name) != ev->state.key || (old && old->wall_ns >= row.wall_ns))
        return 0;
    uint64_t gone;
    return put(c, &row, &gone); /* the rows of one snapshot fit */
}

int trn_changes_push(struct trn_changes *c, const struct trn_event_sink *state, const struct trn_event *ev)
{
    if (ev->type == TRN_EV_STATE)
        return trn_str_eq_c(ev->state.kind, "change") ? restore(c, ev) : 0;
    if (ev->type != TRN_EV_SOFTWARE || trn_str_is_empty(ev->software.software.name))
        return 0;
    const struct trn_ev_software *s = &ev->software;
    uint64_t key = trn_hash64_str(s->software.name);
    if (ev->action == TRN_ACT_REMOVED)
        return drop(c, key) ? tell(state, ev, key, NULL) : 0;
    struct change row = {ev->wall_ns, s->software.name, s->from, s->software.version, s->by};
    uint64_t gone;
    int r = put(c, &row, &gone);
    if (!r && gone)
        r = tell(state, ev, gone, NULL);
    return r ? r : tell(state, ev, key, &row);
}

void trn_changes_into(const struct trn_changes *c, struct trn_story *st)
{
    const struct change *row =
        trn_str_is_empty(st->software.name) ? NULL : trn_map_get_ptr(c->rows, trn_hash64_str(st->software.name));
    if (!row || !trn_str_eq(row->to, st->software.version))
        return; /* an update of what runs now, not of what was there before or came after */
    st->change_from = row->from;
    st->change_to = row->to;
    st->change_by = row->by;
    st->change_wall_ns = row->wall_ns;
}

struct trn_str trn_changes_before(const struct trn_changes *c, struct trn_str name)
{
    const struct change *row = trn_str_is_empty(name) ? NULL : trn_map_get_ptr(c->rows, trn_hash64_str(name));
    return row && trn_str_eq(row->name, name) ? row->from : TRN_STR_NONE;
}

size_t trn_changes_bytes(const struct trn_changes *c)
{
    return sizeof(*c) + trn_map_bytes(c->rows) + c->bytes;
}
