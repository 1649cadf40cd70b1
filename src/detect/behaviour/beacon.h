/* SPDX-License-Identifier: Apache-2.0 */
/* behaviour.beacon. Inside src/detect only. */
#ifndef TRN_DETECT_BEACON_H
#define TRN_DETECT_BEACON_H

#include "detect/behaviour/beacon_state.h"
#include "detect/behaviour/behaviour.h"
#include "detect/behaviour/profile.h"

struct trn_beacons;
struct trn_beacons *trn_beacons_new(uint32_t max) TRN_MUST_CHECK;
struct trn_beacons *trn_beacons_free(struct trn_beacons *b);
/* Every event (it tells when the host is awake); CONNECT and NET_CLOSE; STATE rows "beacon". */
int trn_beacons_push(struct trn_beacons *b, const struct trn_detect_ctx *ctx, const struct trn_profiles *profiles,
                     const struct trn_provenance *provenance, const struct trn_event *ev) TRN_MUST_CHECK;
/* Another detector told something of weight about this software: its calls to bare addresses weigh without history
 * too. Forgotten at a restart. */
void trn_beacons_finding(struct trn_beacons *b, const struct trn_finding *f);
size_t trn_beacons_count(const struct trn_beacons *b);
uint64_t trn_beacons_evicted(const struct trn_beacons *b);
size_t trn_beacons_bytes(const struct trn_beacons *b);

/* beacon_tell.c: one judgement that passed, in words */
#define TRN_BEACON_TOLD_AT 0.70 /* bench/behaviour.py says what passes it by chance */
struct trn_beacon_case {
    const struct trn_beacon *beacon;
    const struct trn_beacon_verdict *verdict;
    const struct trn_entity *entity;
    const struct trn_event *ev;
    struct trn_str place;              /* the name that was asked for; absent: the address stands for it */
    const struct trn_novelty *novelty; /* NULL: no profile */
    bool accused;                      /* something else was told about this software */
    const struct trn_written *written; /* how the program's file got here, when from the network; NULL */
};
int trn_beacon_tell(const struct trn_detect_ctx *ctx, const struct trn_beacon_case *c) TRN_MUST_CHECK;

#endif
