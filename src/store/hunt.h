/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hunt expression.
 *
 *   EXPR  = GROUP { "or" GROUP }          GROUP = TERM { ["and"] TERM }
 *   TERM  = FIELD ("=" | "!=") VALUE      VALUE = word | "quoted text" (\" and \\ inside)
 *
 * FIELD is an ECS name of the field table or a short one: process path sha256 domain ip port software
 * type pid user entity seq args action answer. since=2h and until=2026-11-23T07:00:00Z bound the whole
 * search wherever they stand. '*' is any run of bytes, '?' one byte, '\*' a star. A process or path
 * without '/' means the last part of a path. ip takes an address or a network (10.9.0.0/16). != also
 * matches events that have no such field.
 */
#ifndef TRN_STORE_HUNT_H
#define TRN_STORE_HUNT_H

#include "event/event.h"

#define TRN_HUNT_TERMS 32
#define TRN_HUNT_TEXT 4096

enum trn_hunt_column {
    TRN_HUNT_MATCH, /* by looking into the record */
    TRN_HUNT_PROCESS,
    TRN_HUNT_PATH,
    TRN_HUNT_SHA256,
    TRN_HUNT_DOMAIN,
    TRN_HUNT_IP,
    TRN_HUNT_PORT,
    TRN_HUNT_SOFTWARE,
    TRN_HUNT_TYPE,
    TRN_HUNT_PID,
    TRN_HUNT_USER,
    TRN_HUNT_ENTITY,
    TRN_HUNT_SEQ,
};

struct trn_hunt_term {
    struct trn_str name;  /* as the field table has it, when column is MATCH */
    struct trn_str value; /* pattern: '\' still escapes */
    enum trn_hunt_column column;
    bool negate, wildcard;
    bool begins_group; /* an "or" stood before it (or it is the first) */
    bool exact;        /* the record must match too: the column holds more than this field */
};

struct trn_hunt {
    struct trn_hunt_term terms[TRN_HUNT_TERMS];
    uint32_t n;
    uint64_t since, until; /* wall ns; 0 and UINT64_MAX: open */
};

/* Texts live in the arena. -EINVAL with what is wrong and a hint. */
int trn_hunt_parse(struct trn_str expr, uint64_t now_wall_ns, struct trn_arena *arena, struct trn_hunt *ret,
                   struct trn_err *err) TRN_MUST_CHECK;
/* Does the event's field match (before negation)? */
bool trn_hunt_match(const struct trn_hunt_term *t, const struct trn_event *ev, struct trn_buf *scratch);
/* The value as plain text, without escapes; for terms without wildcards. */
struct trn_str trn_hunt_literal(const struct trn_hunt_term *t, struct trn_arena *arena);

#endif
