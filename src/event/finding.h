/* SPDX-License-Identifier: Apache-2.0 */
/* One check that fired. Views are borrowed; trn_finding_copy makes them independent. */
#ifndef TRN_EVENT_FINDING_H
#define TRN_EVENT_FINDING_H

#include "event/check.h"

#define TRN_FINDING_EVENTS 16
#define TRN_FINDING_EVIDENCE 16

struct trn_pair {
    struct trn_str key, value; /* key: [a-z_]+ */
};

/* kinds of telemetry a finding rests on (a story needs two for malicious) */
#define TRN_TEL_PROCESS 1u
#define TRN_TEL_FILE 2u
#define TRN_TEL_NETWORK 4u
#define TRN_TEL_MEMORY 8u
#define TRN_TEL_ARTIFACT 16u

struct trn_finding {
    const struct trn_check *check;
    uint64_t id; /* hash(check, entity, first event): stable over replays */
    uint16_t score;
    struct trn_str summary;       /* one sentence, foreign text escaped */
    struct trn_software software; /* the acting software */
    uint64_t acting;              /* its entity; 0: none (static finding) */
    uint64_t entity;              /* the process that did it */
    uint64_t boot_ns, wall_ns;
    uint64_t events[TRN_FINDING_EVENTS]; /* seq of the events behind it, ascending */
    uint32_t n_events;
    uint32_t telemetry;                    /* TRN_TEL_* */
    uint8_t image_sha256[TRN_SHA256_SIZE]; /* of the file that acts; all zero: not known */
    uint64_t exception;                    /* number of the exception that lowers it; 0: none */
    uint16_t full_score;                   /* what it weighs without that */
    struct trn_pair evidence[TRN_FINDING_EVIDENCE];
    uint32_t n_evidence;
};

/* No software of its kind does this at all: its evidence says so ("impossible"), or it is a behaviour that weighs more than
 * a stage of an attack. */
bool trn_finding_is_impossible(const struct trn_finding *f);
void trn_finding_init(struct trn_finding *f, const struct trn_check *check);
/* The check's id as people see it; of a family the member's name, which stands in the evidence under "rule":
 * "yara.SUSP_Name". Into dst (always terminated, escaped); returns dst. */
const char *trn_finding_name(const struct trn_finding *f, char *dst, size_t size);
/* Silently full after TRN_FINDING_EVIDENCE; absent values are not added. */
void trn_finding_add(struct trn_finding *f, const char *key, struct trn_str value);
void trn_finding_event(struct trn_finding *f, uint64_t seq); /* keeps order, no doubles */
int trn_finding_copy(const struct trn_finding *f, struct trn_arena *arena, struct trn_finding *ret) TRN_MUST_CHECK;
void trn_software_encode(const struct trn_software *s, struct trn_buf *out);
int trn_software_decode(struct trn_cursor *in, struct trn_software *ret) TRN_MUST_CHECK; /* views into the cursor */
void trn_finding_encode(const struct trn_finding *f, struct trn_buf *out);               /* for store and state rows */
int trn_finding_decode(struct trn_cursor *in, struct trn_finding *ret) TRN_MUST_CHECK;   /* views into the cursor */

#endif
