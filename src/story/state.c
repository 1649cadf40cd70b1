/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: open stories as STATE rows of kind "story": key = id, value = what joins, then the story; key 0 holds the next
 * id. An empty value closes a story for good. Must not: trust what comes back.
 */
#include "story/internal.h"

#define STATE_VERSION 1
#define STATE_BYTES_MAX (1u << 20)

static int tell(struct trn_stories *s, const struct trn_event *now, uint64_t key, struct trn_str value)
{
    struct trn_event ev;
    if (!s->o.state.event)
        return 0;
    trn_event_init(&ev, TRN_EV_STATE);
    ev.boot_ns = now ? now->boot_ns : 0;
    ev.wall_ns = now ? now->wall_ns : 0;
    ev.state.kind = TRN_STR("story");
    ev.state.key = key;
    ev.state.value = value;
    return trn_sink_event(&s->o.state, &ev);
}

int trn_case_remember(struct trn_stories *s, const struct trn_case *c, const struct trn_event *now)
{
    struct trn_buf b;
    trn_buf_init(&b, STATE_BYTES_MAX);
    trn_put_u8(&b, STATE_VERSION);
    trn_put_u64(&b, c->software);
    trn_put_u64(&b, c->session);
    trn_put_u64(&b, c->first_wall_ns);
    trn_put_u64(&b, c->last_wall_ns);
    trn_put_u8(&b, c->loss);
    trn_put_u8(&b, (uint8_t)c->n_actors);
    for (uint32_t i = 0; i < c->n_actors; i++)
        trn_put_u64(&b, c->actors[i]);
    trn_put_u8(&b, (uint8_t)c->n_files);
    for (uint32_t i = 0; i < c->n_files; i++)
        trn_put_u64(&b, c->files[i]);
    trn_put(&b, c->blob, c->n_blob);
    int r = b.bad ? -ENOMEM : tell(s, now, c->id, trn_buf_str(&b));
    trn_buf_done(&b);
    return r;
}

int trn_case_forget(struct trn_stories *s, uint64_t id, const struct trn_event *now)
{
    return tell(s, now, id, TRN_STR(""));
}

int trn_next_id_remember(struct trn_stories *s, const struct trn_event *now)
{
    struct trn_buf b;
    trn_buf_init(&b, 16);
    trn_put_u64(&b, s->next_id);
    int r = b.bad ? -ENOMEM : tell(s, now, 0, trn_buf_str(&b));
    trn_buf_done(&b);
    return r;
}

static void restore_next_id(struct trn_stories *s, struct trn_str value)
{
    struct trn_cursor in = trn_cur_of(value);
    uint64_t next = trn_cur_u64le(&in);
    if (trn_cur_end(&in) && next > s->next_id)
        s->next_id = next;
}

static bool read_lists(struct trn_cursor *in, struct trn_case *c)
{
    if (trn_cur_u8(in) != STATE_VERSION)
        return false;
    c->software = trn_cur_u64le(in);
    c->session = trn_cur_u64le(in);
    c->first_wall_ns = trn_cur_u64le(in);
    c->last_wall_ns = trn_cur_u64le(in);
    c->loss = trn_cur_u8(in) != 0;
    c->n_actors = trn_cur_u8(in);
    if (in->bad || c->n_actors > TRN_CASE_ACTORS)
        return false;
    for (uint32_t i = 0; i < c->n_actors; i++)
        c->actors[i] = trn_cur_u64le(in);
    c->n_files = trn_cur_u8(in);
    if (in->bad || c->n_files > TRN_CASE_FILES)
        return false;
    for (uint32_t i = 0; i < c->n_files; i++)
        c->files[i] = trn_cur_u64le(in);
    return !in->bad;
}

static void freep(struct trn_case **c)
{
    *c = trn_case_free(*c);
}

int trn_case_restore(struct trn_stories *s, const struct trn_event *ev)
{
    struct trn_case *known = trn_case_by_id(s, ev->state.key);
    if (!trn_str_eq_c(ev->state.kind, "story"))
        return 0;
    if (ev->state.key == 0) {
        restore_next_id(s, ev->state.value);
        return 0;
    }
    if (trn_str_is_empty(ev->state.value)) {
        if (known)
            trn_case_remove(s, known);
        return 0;
    }
    if (known)
        return 0; /* what is in memory is at least as new */
    TRN_AUTO(freep) struct trn_case *c = calloc(1, sizeof(*c));
    struct trn_cursor in = trn_cur_of(ev->state.value);
    if (!c)
        return -ENOMEM;
    c->id = ev->state.key;
    if (!read_lists(&in, c) || trn_cur_left(&in) == 0)
        return 0; /* a damaged row is a forgotten story; the store still has its findings */
    c->n_blob = trn_cur_left(&in);
    c->blob = malloc(c->n_blob);
    if (!c->blob)
        return -ENOMEM;
    trn_cur_copy(&in, c->blob, c->n_blob);
    int r = trn_case_open(s, c);
    if (r)
        return r == -ENOMEM ? r : 0;
    if (s->scratch->id != c->id || s->scratch->n_findings == 0)
        return 0;
    c->score = s->scratch->score;
    c->closed = s->scratch->closed;
    c->n_findings = s->scratch->n_findings;
    c->n_processes = s->scratch->n_processes;
    s->blobs += c->n_blob;
    return trn_case_insert(s, TRN_STEAL(c));
}
