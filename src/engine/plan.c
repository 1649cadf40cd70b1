/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: when the policy is asked (once a finding, when its story is known), the way to turncoatd and the queue before it. Must
 * not own: which rules fit (src/policy), on what (plan_request.c), who waits (plan_held.c), whether it is done (turncoatd).
 */
#include "engine/plan_internal.h"

#include <stdarg.h>
#include <stdio.h>

#define COUNTS_FROM 25 /* as for a story: what weighs less is no stage of an attack */

int trn_plan_new(const struct trn_plan_options *o, struct trn_plan **ret)
{
    struct trn_plan *p = calloc(1, sizeof *p);
    if (!p)
        return -ENOMEM;
    p->o = *o;
    p->arena = trn_arena_new(1u << 20);
    p->done = trn_map_new(TRN_PLAN_DONE);
    p->wanted = trn_map_new(TRN_PLAN_WANTED);
    if (!p->arena || !p->done || !p->wanted) {
        trn_plan_free(p);
        return -ENOMEM;
    }
    *ret = p;
    return 0;
}

struct trn_plan *trn_plan_free(struct trn_plan *p)
{
    if (!p)
        return NULL;
    for (uint32_t i = 0; i < p->n_queue; i++)
        trn_buf_done(&p->queue[i].body);
    trn_map_free(p->done);
    trn_map_free(p->wanted);
    trn_arena_free(p->arena);
    free(p->policy);
    free(p);
    return NULL;
}

const struct trn_policy *trn_plan_policy_of(const struct trn_plan *p)
{
    return p->policy;
}

void trn_plan_policy(struct trn_plan *p, const struct trn_policy *policy)
{
    if (!p->policy)
        p->policy = malloc(sizeof *p->policy);
    if (p->policy)
        *p->policy = *policy;
    else
        trn_plan_say(p, "the policy cannot be kept: out of memory; nothing is done by itself");
}

void trn_plan_say(struct trn_plan *p, const char *fmt, ...)
{
    char text[500];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (p->o.say)
        p->o.say(p->o.ctx, text);
}

void trn_plan_remember(struct trn_map *m, uint64_t key, uint64_t value)
{
    size_t it = 0;
    uint64_t oldest;
    int r = trn_map_put(m, key, value);
    if (r == -ENOSPC && trn_map_next(m, &it, &oldest, NULL) && trn_map_remove(m, oldest, NULL))
        r = trn_map_put(m, key, value);
    (void)r; /* out of memory: it may be asked for twice, which turncoatd sees */
}

/* ---- to turncoatd ---- */

/* In order: what is behind something that waits waits too. */
static void flush(struct trn_plan *p)
{
    uint32_t sent = 0;
    while (sent < p->n_queue) {
        struct trn_plan_message *m = &p->queue[sent];
        int r = p->o.send(p->o.ctx, m->type, trn_buf_str(&m->body));
        if (r == -EAGAIN)
            break;
        p->stats.dropped += r < 0;
        trn_buf_done(&m->body);
        sent++;
    }
    memmove(p->queue, p->queue + sent, (p->n_queue - sent) * sizeof p->queue[0]);
    p->n_queue -= sent;
}

void trn_plan_send(struct trn_plan *p, uint16_t type, struct trn_buf *body)
{
    if (!body->bad && p->n_queue < TRN_PLAN_QUEUE) {
        p->queue[p->n_queue++] = (struct trn_plan_message){type, *body};
        *body = (struct trn_buf){0};
        flush(p);
        return;
    }
    p->stats.dropped++;
    trn_buf_done(body);
}

void trn_plan_tick(struct trn_plan *p, uint64_t now_boot_ns)
{
    flush(p);
    trn_plan_overdue(p, now_boot_ns);
}

/* ---- findings ---- */

static void decide(struct trn_plan *p, const struct trn_story *s)
{
    const struct trn_finding *f = &p->pending;
    struct trn_policy_case c = {.check = trn_str_of(f->check->id),
                                .name = f->software.name,
                                .version = f->software.version,
                                .score = f->score,
                                .stages = 1u << f->check->stage,
                                .verdict = s ? s->verdict : TRN_VERDICT_CLEAN};
    struct trn_policy_wish w;
    for (uint32_t i = 0; s && i < s->n_findings; i++)
        if (s->findings[i].score >= COUNTS_FROM)
            c.stages |= 1u << s->findings[i].check->stage;
    trn_policy_match(p->policy, &c, &w);
    /* First what is done in a moment; the shield looks for sensitive files in every home before it holds. */
    static const enum trn_respond order[] = {TRN_RESPOND_HOLD,  TRN_RESPOND_ISOLATE, TRN_RESPOND_KILL,
                                             TRN_RESPOND_BLOCK, TRN_RESPOND_SHIELD,  TRN_RESPOND_QUARANTINE};
    for (size_t i = 0; w.any && i < TRN_ARRAY_SIZE(order); i++)
        if (w.rules[order[i]])
            trn_plan_request(p, f, s, order[i], w.rules[order[i]]);
}

void trn_plan_finding(struct trn_plan *p, const struct trn_finding *f, uint64_t now_boot_ns)
{
    if (!p)
        return;
    p->has_pending = false;
    /* What somebody made an exception for, with a reason, is not acted upon behind their back. */
    if (!p->policy || !p->policy->protect || f->exception)
        return;
    trn_arena_reset(p->arena);
    p->has_pending = trn_finding_copy(f, p->arena, &p->pending) == 0;
    p->found_boot_ns = now_boot_ns;
}

void trn_plan_story(struct trn_plan *p, const struct trn_story *s)
{
    if (!p || !p->has_pending ||
        (s && s->closed)) /* closed: one that became part of another, or that a person is done with */
        return;
    p->has_pending = false;
    decide(p, s);
}

void trn_plan_stats(const struct trn_plan *p, struct trn_plan_stats *ret)
{
    *ret = p->stats;
    ret->protect = p->policy && p->policy->protect;
    ret->rules = p->policy ? p->policy->n_rules : 0;
}
