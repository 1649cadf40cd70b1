/* SPDX-License-Identifier: Apache-2.0 */
/* behaviour.first-contact. Inside src/detect only. */
#ifndef TRN_DETECT_FIRST_CONTACT_H
#define TRN_DETECT_FIRST_CONTACT_H

#include "detect/behaviour/profile.h"

struct trn_first_contact;
struct trn_first_contact *trn_first_contact_new(void) TRN_MUST_CHECK;
struct trn_first_contact *trn_first_contact_free(struct trn_first_contact *c);
/* CONNECT; also records the features DESTINATION and HOST_KIND. */
int trn_first_contact_push(struct trn_first_contact *c, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                           const struct trn_event *ev) TRN_MUST_CHECK;
size_t trn_first_contact_bytes(const struct trn_first_contact *c);

/* The name of the other end, as asked for before; absent. */
struct trn_str trn_contact_name(const struct trn_event *ev);
/* The profile's word for the other end: its registrable domain, else the block of its address; absent when it is nobody. */
struct trn_str trn_contact_feature(struct trn_str name, const uint8_t *address, uint8_t family, char *out);

#endif
