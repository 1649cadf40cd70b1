/* SPDX-License-Identifier: Apache-2.0 */
/* behaviour.exfiltration. Inside src/detect only. */
#ifndef TRN_DETECT_EXFILTRATION_H
#define TRN_DETECT_EXFILTRATION_H

#include "detect/behaviour/reads.h"

struct trn_exfiltration;
struct trn_exfiltration *trn_exfiltration_new(void) TRN_MUST_CHECK;
struct trn_exfiltration *trn_exfiltration_free(struct trn_exfiltration *x);
/* weight: what the other detectors made of the read; 0: an ordinary one. */
int trn_exfiltration_read(struct trn_exfiltration *x, const struct trn_detect_ctx *ctx, const struct trn_provenance *p,
                          const struct trn_read *r, uint16_t weight) TRN_MUST_CHECK;
/* ACCEPT, NET_CLOSE, EXIT, STATE; after first contact, which records the destination. */
int trn_exfiltration_push(struct trn_exfiltration *x, const struct trn_detect_ctx *ctx, const struct trn_profiles *p,
                          const struct trn_event *ev) TRN_MUST_CHECK;
size_t trn_exfiltration_bytes(const struct trn_exfiltration *x);

#endif
