/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the new programs that wait before their first instruction, and the answer for each: refused when a finding wants its
 * file blocked or its process ended, else let go; in any case before its time is over. Must not own: stopping and letting go
 * (turncoatd), how long events wait for their turn (recorder.c).
 */
#include "engine/plan_internal.h"

#define MARGIN_NS (30 * TRN_NS_PER_MS) /* for the way back */

uint64_t trn_plan_file_key(const struct trn_file_key *k)
{
    return trn_hash64_mix(trn_file_key_hash(k), 1);
}

uint64_t trn_plan_entity_key(uint64_t entity)
{
    return trn_hash64_mix(entity, 2);
}

static void answer(struct trn_plan *p, const struct trn_held_question *q, bool refuse)
{
    const struct trn_judged j = {.question = q->question, .refuse = refuse};
    struct trn_buf b;
    trn_buf_init(&b, 64);
    trn_judged_encode(&j, &b);
    p->stats.judged++;
    p->stats.refused += refuse;
    trn_plan_send(p, TRN_CH_JUDGED, &b);
}

static void forget(struct trn_plan *p, uint32_t i)
{
    memmove(&p->held[i], &p->held[i + 1], (p->n_held - i - 1) * sizeof p->held[0]);
    p->n_held--;
}

static void unwant(struct trn_plan *p, uint64_t target)
{
    uint64_t key, value;
    size_t it = 0;
    while (trn_map_next(p->wanted, &it, &key, &value))
        if (value == target)
            trn_map_remove(p->wanted, key, NULL);
}

void trn_plan_refused(struct trn_plan *p, uint64_t job)
{
    for (uint32_t i = 0; i < TRN_PLAN_ASKED; i++)
        if (p->asked[i].job == job && job)
            unwant(p, p->asked[i].target);
}

/* Taken back, over, or not carried out: what was to be blocked may start again. */
static void step(struct trn_plan *p, const struct trn_ev_response *r)
{
    enum trn_respond act;
    for (int s = TRN_ACTION_REQUESTED; s < TRN_ACTION_MAX; s++)
        if (trn_action_state_is_over((enum trn_action_state)s) &&
            trn_str_eq_c(r->state, trn_action_state_name((enum trn_action_state)s)) &&
            trn_respond_parse(r->act, &act) == 0)
            unwant(p, trn_plan_target(act, r->target));
}

static bool is_its_exec(const struct trn_held_question *q, const struct trn_entity *e)
{
    const struct trn_file_key *k = &e->image.file;
    return e->pid == q->pid && e->kernel_start_ns == q->start_boot_ns &&
           (trn_file_key_is_none(&q->key) || (k->ino == q->key.ino && k->dev == q->key.dev));
}

static bool is_wanted(const struct trn_plan *p, const struct trn_held_question *q, const struct trn_entity *e)
{
    return trn_map_get(p->wanted, trn_plan_entity_key(e->id), NULL) ||
           (!trn_file_key_is_none(&q->key) && trn_map_get(p->wanted, trn_plan_file_key(&q->key), NULL)) ||
           (!trn_file_key_is_none(&e->image.file) && trn_map_get(p->wanted, trn_plan_file_key(&e->image.file), NULL));
}

void trn_plan_held(struct trn_plan *p, const struct trn_held_question *q, uint64_t now_boot_ns)
{
    if (!p->policy || !trn_policy_may_refuse(p->policy)) {
        answer(p, q, false);
        return;
    }
    const struct trn_entity *e = trn_resolve_process(p->o.processes, q->pid, q->start_boot_ns);
    if (e && is_its_exec(q, e)) { /* numbered already, and judged */
        answer(p, q, is_wanted(p, q, e));
        return;
    }
    if (p->n_held == TRN_PLAN_HELD) { /* the one that waits longest is nearest to its end anyway */
        p->stats.late++;
        answer(p, &p->held[0], p->policy->hold_refuse);
        forget(p, 0);
    }
    p->held[p->n_held++] = *q;
    trn_plan_overdue(p, now_boot_ns);
}

void trn_plan_numbered(struct trn_plan *p, const struct trn_event *ev)
{
    if (!p) /* the engine did not come up, and says its last words */
        return;
    if (p->has_pending) /* told to no story */
        trn_plan_story(p, NULL);
    if (ev->type == TRN_EV_RESPONSE)
        step(p, &ev->response);
    if (p->n_held == 0 || (ev->type != TRN_EV_EXEC && ev->type != TRN_EV_EXIT))
        return;
    const struct trn_entity *e = trn_process_of(p->o.processes, ev);
    for (uint32_t i = p->n_held; e && i-- > 0;) {
        struct trn_held_question q = p->held[i];
        bool gone = ev->type == TRN_EV_EXIT && e->pid == q.pid && e->kernel_start_ns == q.start_boot_ns;
        if (!gone && !(ev->type == TRN_EV_EXEC && is_its_exec(&q, e)))
            continue;
        forget(p, i);
        answer(p, &q, !gone && is_wanted(p, &q, e));
    }
}

void trn_plan_overdue(struct trn_plan *p, uint64_t now_boot_ns)
{
    for (uint32_t i = p->n_held; i-- > 0;) {
        struct trn_held_question q = p->held[i];
        if (now_boot_ns + MARGIN_NS < q.deadline_boot_ns)
            continue;
        forget(p, i);
        p->stats.late++;
        answer(p, &q, p->policy && p->policy->hold_refuse);
    }
}

bool trn_plan_waits(const struct trn_plan *p)
{
    return p->n_held > 0;
}
