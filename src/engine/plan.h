/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a finding to what is done about it without a person: the policy says which acts, the plan says on what, turncoatd does
 * it (or refuses). And the answers for new programs that wait before their first instruction.
 *
 *   finding, story --policy--> request --> turncoatd;  HELD --wait for the exec--> JUDGED
 *
 * Live half of the engine only: a replay reads from the log what was done.
 */
#ifndef TRN_ENGINE_PLAN_H
#define TRN_ENGINE_PLAN_H

#include "channel/channel.h"
#include "engine/names.h"
#include "event/event.h"
#include "policy/policy.h"
#include "process/process.h"

struct trn_plan;

struct trn_plan_options {
    size_t sz;
    const struct trn_process_table *processes; /* borrowed */
    const struct trn_names *names;             /* borrowed */
    uint32_t mntns;                            /* turncoatd's own: only its paths are given */
    /* One message to turncoatd: 0, -EAGAIN (tried again at the next tick), or another error: dropped. */
    int (*send)(void *ctx, uint16_t type, struct trn_str body);
    void (*say)(void *ctx, const char *text); /* what a person should know */
    void *ctx;
};

int trn_plan_new(const struct trn_plan_options *o, struct trn_plan **ret) TRN_MUST_CHECK;
struct trn_plan *trn_plan_free(struct trn_plan *p);
/* A copy is kept; until the first one nothing is done. */
void trn_plan_policy(struct trn_plan *p, const struct trn_policy *policy);
const struct trn_policy *trn_plan_policy_of(const struct trn_plan *p); /* NULL: none came yet */

/* The three that hear of everything take NULL: an engine that did not come up has no plan.
 * A finding was made now; the story that it belongs to is told next (s NULL: it belongs to none). */
void trn_plan_finding(struct trn_plan *p, const struct trn_finding *f, uint64_t now_boot_ns);
void trn_plan_story(struct trn_plan *p, const struct trn_story *s);

/* A program waits; its exec will be numbered, or has been. */
void trn_plan_held(struct trn_plan *p, const struct trn_held_question *q, uint64_t now_boot_ns);
/* After each numbered event, and what follows from it. */
void trn_plan_numbered(struct trn_plan *p, const struct trn_event *ev);
/* turncoatd did not take the request with this number. */
void trn_plan_refused(struct trn_plan *p, uint64_t job);
void trn_plan_tick(struct trn_plan *p, uint64_t now_boot_ns);
bool trn_plan_waits(const struct trn_plan *p); /* somebody waits for an answer */

struct trn_plan_stats {
    bool protect;
    uint32_t rules;
    uint64_t requests, dropped; /* dropped: the queue to turncoatd was full */
    uint64_t judged, refused, late;
};
void trn_plan_stats(const struct trn_plan *p, struct trn_plan_stats *ret);

#endif
