/* SPDX-License-Identifier: Apache-2.0 */
/* behaviour.drift: how much of what a version does is new. */
#ifndef TRN_DETECT_DRIFT_H
#define TRN_DETECT_DRIFT_H

#include "detect/behaviour/profile.h"

struct trn_lineage;
struct trn_profile_version;

/* After the detectors have asked about the event. */
int trn_drift_push(struct trn_profiles *p, const struct trn_detect_ctx *ctx, const struct trn_event *ev) TRN_MUST_CHECK;

/* Jensen-Shannon divergence of two histograms, in bits (0..1). */
double trn_divergence(const uint32_t *before, const uint32_t *after, size_t n);
/* What the versions before v brought as a rule; 0: nothing is known. */
double trn_drift_usual(const struct trn_lineage *l, const struct trn_profile_version *v);

#endif
