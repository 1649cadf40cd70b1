/* SPDX-License-Identifier: Apache-2.0 */
/* One story and what lies behind it, out of the store, as a signed bundle (src/evidence). */
#ifndef TRN_ENGINE_EVIDENCE_H
#define TRN_ENGINE_EVIDENCE_H

#include "evidence/evidence.h"
#include "store/store.h"

#define TRN_EVIDENCE_NAMES 256u /* users and homes that a client may name */

struct trn_evidence_request {
    uint64_t story, now_wall_ns;
    const struct trn_evidence_key *key;
    uint8_t host_id[16];
    bool redact;
    /* beside what the events give away; only with redact */
    struct trn_str users[TRN_EVIDENCE_NAMES], homes[TRN_EVIDENCE_NAMES];
    size_t n_users, n_homes;
};
/* out is initialised here; the caller done()s it on success. */
int trn_evidence_bundle(struct trn_store *store, const struct trn_evidence_request *q, struct trn_buf *out,
                        struct trn_err *err) TRN_MUST_CHECK;
/* The bundle as lines of the local socket: {"data": base64} each, then its size and hash. */
int trn_evidence_lines(struct trn_str bundle, struct trn_buf *out) TRN_MUST_CHECK;

#endif
