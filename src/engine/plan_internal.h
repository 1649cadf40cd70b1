/* SPDX-License-Identifier: Apache-2.0 */
/* What plan.c (findings to wishes), plan_request.c (wishes to requests) and plan_held.c (who waits) share. */
#ifndef TRN_ENGINE_PLAN_INTERNAL_H
#define TRN_ENGINE_PLAN_INTERNAL_H

#include "engine/plan.h"
#include "engine/resolve.h"

#define TRN_PLAN_QUEUE 64u  /* messages that turncoatd did not take yet */
#define TRN_PLAN_HELD 256u  /* programs that wait */
#define TRN_PLAN_DONE 4096u /* (story, act, target) that were asked for */
#define TRN_PLAN_ASKED 64u
#define TRN_PLAN_WANTED 1024u /* files and processes that must not start */

struct trn_plan_message {
    uint16_t type;
    struct trn_buf body;
};

struct trn_plan {
    struct trn_plan_options o;
    struct trn_policy *policy; /* NULL: none came yet */
    struct trn_arena *arena;   /* of the pending finding and of one request */
    struct trn_finding pending;
    bool has_pending;
    uint64_t found_boot_ns;
    uint64_t job;
    struct trn_map *done;   /* hash(story, act, target) -> 1 */
    struct trn_map *wanted; /* hash of a file or of an entity that is to be blocked or killed -> of the target */
    struct {
        uint64_t job, target;
    } asked[TRN_PLAN_ASKED]; /* the last ones, a ring */
    uint32_t n_asked;
    struct trn_plan_message queue[TRN_PLAN_QUEUE];
    uint32_t n_queue;
    struct trn_held_question held[TRN_PLAN_HELD];
    uint32_t n_held;
    struct trn_plan_stats stats;
};

/* plan.c */
void trn_plan_send(struct trn_plan *p, uint16_t type, struct trn_buf *body);
void trn_plan_remember(struct trn_map *m, uint64_t key, uint64_t value); /* the oldest goes when there is no room */
void trn_plan_say(struct trn_plan *p, const char *fmt, ...) TRN_PRINTF(2, 3);

/* plan_request.c: s NULL: no story */
uint64_t trn_plan_target(enum trn_respond act, struct trn_str text);
void trn_plan_request(struct trn_plan *p, const struct trn_finding *f, const struct trn_story *s, enum trn_respond act,
                      const struct trn_policy_rule *rule);

/* plan_held.c */
void trn_plan_overdue(struct trn_plan *p, uint64_t now_boot_ns);
uint64_t trn_plan_file_key(const struct trn_file_key *k);
uint64_t trn_plan_entity_key(uint64_t entity);

#endif
