/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the rows of what was done about a story, made from RESPONSE events. Must not own: which story an action belongs to
 * (src/story). Hand-offs: views into the event and the arena.
 */
#include "event/act.h"
#include "event/story.h"

bool trn_story_action_holds(const struct trn_story_action *a)
{
    return trn_str_eq_c(a->state, trn_action_state_name(TRN_ACTION_DONE)) ||
           trn_str_eq_c(a->state, trn_action_state_name(TRN_ACTION_SEEN));
}

static bool is_over(const struct trn_story_action *a)
{
    for (unsigned i = TRN_ACTION_REQUESTED; i < TRN_ACTION_MAX; i++)
        if (trn_str_eq_c(a->state, trn_action_state_name((enum trn_action_state)i)))
            return trn_action_state_is_over((enum trn_action_state)i);
    return false;
}

#define TARGET_MAX 1024
#define WORDS_MAX 400

/* At most so many bytes of it, no character cut in two. */
static struct trn_str upto(struct trn_str s, size_t max)
{
    if (s.n <= max)
        return s;
    while (max > 0 && ((unsigned char)s.p[max] & 0xc0) == 0x80)
        max--;
    return trn_str_slice(s, 0, max);
}

/* The name that the live machine knew for the user; else the number. */
static struct trn_str who(const struct trn_event *ev, struct trn_arena *arena)
{
    struct trn_buf b;
    trn_buf_init(&b, 512);
    if (!trn_str_is_empty(ev->response.check)) {
        trn_put_c(&b, "policy ");
        trn_put_str(&b, ev->response.check);
    } else if (ev->uid == TRN_NO_U32) {
        trn_put_c(&b, "policy");
    } else if (ev->uid && !trn_str_is_empty(ev->response.by)) {
        trn_put_c(&b, "user ");
        trn_put_str(&b, ev->response.by);
    } else {
        trn_story_put_who(&b, ev->uid);
    }
    struct trn_str made = trn_arena_str(arena, trn_buf_str(&b));
    trn_buf_done(&b);
    return made;
}

static struct trn_story_action *row_of(struct trn_story *s, uint64_t id)
{
    uint32_t at = 0, gone = 0;
    for (uint32_t i = 0; i < s->n_actions; i++)
        if (s->actions[i].id == id)
            return &s->actions[i];
    if (s->n_actions == TRN_STORY_ACTIONS) {
        while (gone < s->n_actions && !is_over(&s->actions[gone]))
            gone++;
        gone = gone < s->n_actions ? gone : 0;
        memmove(&s->actions[gone], &s->actions[gone + 1], (s->n_actions - gone - 1) * sizeof s->actions[0]);
        s->n_actions--;
    }
    while (at < s->n_actions && s->actions[at].id < id)
        at++;
    memmove(&s->actions[at + 1], &s->actions[at], (s->n_actions - at) * sizeof s->actions[0]);
    s->n_actions++;
    s->actions[at] = (struct trn_story_action){.id = id};
    return &s->actions[at];
}

bool trn_story_respond(struct trn_story *s, const struct trn_event *ev, struct trn_arena *arena)
{
    const struct trn_ev_response *e = &ev->response;
    if (ev->type != TRN_EV_RESPONSE || !e->id || trn_str_is_empty(e->act) || trn_str_is_empty(e->state))
        return false;
    struct trn_story_action *a = row_of(s, e->id);
    struct trn_str text = upto(e->text, WORDS_MAX);
    bool told_again =
        trn_str_eq(a->state, e->state) && trn_str_eq(a->text, text) && a->until_wall_ns == e->until_wall_ns;
    if (a->since_wall_ns && told_again)
        return false;
    if (a->since_wall_ns && (ev->flags & TRN_EVF_EXISTING) && trn_str_eq(a->state, e->state))
        return false; /* a new engine is told all that holds; what was seen of it says more */
    a->act = e->act;
    a->state = e->state;
    a->target_kind = e->target_kind;
    a->target = upto(e->target, TARGET_MAX);
    a->text = text;
    if (trn_str_is_empty(a->by)) /* who takes it back is told by the journal */
        a->by = who(ev, arena);
    a->wall_ns = ev->wall_ns;
    a->since_wall_ns = a->since_wall_ns ? a->since_wall_ns : ev->wall_ns;
    a->until_wall_ns = e->until_wall_ns;
    return true;
}

uint64_t trn_story_actions_hash(const struct trn_story *s)
{
    uint64_t h = 0;
    for (uint32_t i = 0; i < s->n_actions; i++) {
        h = trn_hash64_mix(h, s->actions[i].id);
        h = trn_hash64_mix(h, trn_hash64_str(s->actions[i].state));
        h = trn_hash64_mix(h, s->actions[i].until_wall_ns);
    }
    return h;
}
